//! Measures PING's round trip on a kept connection to a warm service, compared with a bare echo
//! over a socketpair: two threads of this process send the same bytes back and forth, which shows
//! the kernel's share.

use crate::figures::{Figures, ratio};
use crate::lab::{BenchResult, Lab};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::Instant;

const PING: &[u8] = b"\0\0\0\x0e{\"cmd\":\"PING\"}";
const PONG: &[u8] = b"\0\0\0\x2f{\"status\":\"success\",\"data\":\"PONG\",\"error\":null}";
const WARM_UP: usize = 1_000;
const ROUNDS: usize = 20_000;

pub(crate) fn measure(lab: &Lab) -> BenchResult<()> {
    let service = lab.service(&[])?;
    service.warm_up()?;
    let (near, far) = UnixStream::pair()?;
    let echo = thread::spawn(move || echo(far));
    let bare = round_trips(near)?;
    // The echo ends when its peer closes the socket, so an error is no problem.
    let _ = echo.join();
    let ping = round_trips(UnixStream::connect(&service.socket)?)?;
    println!("PING on a kept connection, {ROUNDS} round trips");
    println!("  {:44} {:>9} {:>9}", "microseconds", "p50", "p99");
    print("bare socketpair echo", &bare);
    print("PING", &ping);
    let [p50, p99] = [0.5, 0.99].map(|part| ratio(ping.quantile(part), bare.quantile(part)));
    println!("  {:44} {p50:9.2} {p99:9.2}", "ratio");
    service.shut_down()
}

fn echo(mut stream: UnixStream) -> std::io::Result<()> {
    let mut request = [0; PING.len()];
    loop {
        stream.read_exact(&mut request)?;
        stream.write_all(PONG)?;
    }
}

fn round_trips(mut stream: UnixStream) -> BenchResult<Figures> {
    let mut answer = [0; PONG.len()];
    let mut took = Figures::default();
    for round in 0..WARM_UP + ROUNDS {
        let start = Instant::now();
        stream.write_all(PING)?;
        stream.read_exact(&mut answer)?;
        if round >= WARM_UP {
            took.add(start.elapsed());
        }
    }
    if answer != *PONG {
        return Err(format!("not a PONG: {}", String::from_utf8_lossy(&answer)).into());
    }
    Ok(took)
}

fn print(what: &str, took: &Figures) {
    let [p50, p99] = [0.5, 0.99].map(|part| took.quantile(part).as_secs_f64() * 1e6);
    println!("  {what:44} {p50:9.1} {p99:9.1}");
}
