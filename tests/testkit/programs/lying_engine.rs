//! An engine that lies on request: a proxy between the daemon and the real `v2m-engine`.
//!
//! When a file `lie` appears beside this program, it sends the lie that the file names before the
//! next frame to the daemon, and deletes the file. (The daemon passes its recogniser no environment
//! variable that could name the lie.)
//!
//! | lie | what the daemon gets |
//! |---|---|
//! | `garbage` | a frame that is not a message |
//! | `huge` | the length of a frame of 4 GiB |
//! | `other-job` | a final text for a job that does not exist |
//! | `sound` | samples, which only the daemon may send |
//! | `cut` | half a frame, then the end |

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio, exit};
use std::thread;
use v2m_ipc::engine::{DecodeStats, FromEngine, encode_message, encode_pcm, frame_length};

const ENGINE: &str = "/usr/local/bin/v2m-engine";

fn main() -> io::Result<()> {
    let lie = std::env::current_exe()?.with_file_name("lie");
    let daemon = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    // If another descriptor of the socket were open, closing this one would have no effect.
    rustix::stdio::dup2_stdin(File::open("/dev/null")?)?;
    let (ours, theirs) = UnixStream::pair()?;
    let mut engine = Command::new(ENGINE)
        .args(std::env::args_os().skip(1))
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .spawn()?;
    let (mut from, mut to) = (daemon.try_clone()?, ours.try_clone()?);
    thread::spawn(move || {
        let _ = io::copy(&mut from, &mut to);
        // The daemon has closed its end, so this program closes the other one.
        let _ = to.shutdown(std::net::Shutdown::Write);
    });
    let told = tell(ours, daemon, &lie);
    let _ = engine.kill();
    let status = engine.wait()?;
    exit(if told.is_ok() { status.code().unwrap_or(1) } else { 1 })
}

/// Forwards the engine's frames one by one, and inserts the lies.
fn tell(mut engine: UnixStream, mut daemon: UnixStream, lie: &Path) -> io::Result<()> {
    loop {
        let mut header = [0; 4];
        if engine.read(&mut header[..1])? == 0 {
            return Ok(());
        }
        engine.read_exact(&mut header[1..])?;
        let mut body = vec![0; frame_length(header)?];
        engine.read_exact(&mut body)?;
        if let Ok(what) = fs::read_to_string(lie) {
            let _ = fs::remove_file(lie);
            say(what.trim(), &mut daemon)?;
        }
        daemon.write_all(&header)?;
        daemon.write_all(&body)?;
    }
}

fn say(lie: &str, daemon: &mut UnixStream) -> io::Result<()> {
    match lie {
        "garbage" => daemon.write_all(b"\0\0\0\x08J{\"type\""),
        "huge" => daemon.write_all(&[0xff; 64]),
        "sound" => daemon.write_all(&encode_pcm(1, &[1, 2, 3])),
        "other-job" => {
            let text = "This was never said".to_owned();
            let stats = DecodeStats::default();
            let language = "en".into();
            let segments = Vec::new();
            let job = 4_000_000;
            daemon.write_all(&encode_message(&FromEngine::Final {
                job,
                text,
                language,
                segments,
                stats,
            }))
        }
        "cut" => {
            daemon.write_all(&[0, 0, 1, 0, b'J', b'{'])?;
            Err(io::ErrorKind::UnexpectedEof.into())
        }
        lie => panic!("`{lie}` is no lie that this engine knows"),
    }
}
