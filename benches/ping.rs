//! PING's round trip on a kept connection to a running service, against a bare echo over a socketpair.
//!
//! `cargo bench --bench ping -- [SOCKET]` (default: where `v2m-send` looks). It prints figures and
//! judges nothing. The echo is two threads of this process that pass the same bytes to and fro: what
//! the kernel alone takes.

use std::error::Error;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

const PING: &[u8] = b"\0\0\0\x0e{\"cmd\":\"PING\"}";
const PONG: &[u8] = b"\0\0\0\x2f{\"status\":\"success\",\"data\":\"PONG\",\"error\":null}";
const WARM_UP: usize = 1_000;
const ROUNDS: usize = 20_000;

fn main() -> Result<(), Box<dyn Error>> {
    // cargo adds options of its own.
    let socket = match std::env::args().skip(1).find(|arg| !arg.starts_with('-')) {
        Some(path) => PathBuf::from(path),
        None => v2m_ipc::client::socket_path()?,
    };
    let (near, far) = UnixStream::pair()?;
    let echo = thread::spawn(move || echo(far));
    let bare = measure(near)?;
    // An echo that ends because its peer is gone has done its work.
    let _ = echo.join();
    let service = UnixStream::connect(&socket)
        .map_err(|e| format!("cannot connect to {}: {e}", socket.display()))?;
    let ping = measure(service)?;
    println!("{ROUNDS} round trips, microseconds:   p50      p99");
    print("bare socketpair echo", bare);
    print("PING, kept connection", ping);
    println!(
        "ratio                        {:8.2} {:8.2}",
        ratio(ping.0, bare.0),
        ratio(ping.1, bare.1)
    );
    Ok(())
}

fn echo(mut stream: UnixStream) -> std::io::Result<()> {
    let mut request = [0; PING.len()];
    loop {
        stream.read_exact(&mut request)?;
        stream.write_all(PONG)?;
    }
}

/// The median and the 99th percentile of [`ROUNDS`] round trips.
fn measure(mut stream: UnixStream) -> Result<(Duration, Duration), Box<dyn Error>> {
    let mut answer = [0; PONG.len()];
    let mut took = Vec::with_capacity(ROUNDS);
    for round in 0..WARM_UP + ROUNDS {
        let start = Instant::now();
        stream.write_all(PING)?;
        stream.read_exact(&mut answer)?;
        if round >= WARM_UP {
            took.push(start.elapsed());
        }
    }
    if answer != *PONG {
        return Err(format!("not a PONG: {}", String::from_utf8_lossy(&answer)).into());
    }
    took.sort_unstable();
    Ok((took[ROUNDS / 2], took[ROUNDS * 99 / 100]))
}

fn print(what: &str, (p50, p99): (Duration, Duration)) {
    let micros = |time: Duration| time.as_secs_f64() * 1e6;
    println!("{what:28} {:8.1} {:8.1}", micros(p50), micros(p99));
}

fn ratio(a: Duration, b: Duration) -> f64 {
    a.as_secs_f64() / b.as_secs_f64()
}
