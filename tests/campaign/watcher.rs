//! Watches whether v2m reports that it is recording during a fault.
//!
//! The watcher is a client that subscribes to events. If its connection ends, it asks again on a
//! new one: the service may have ended, or may only have closed this connection and still be
//! recording.

use crate::witness::Heard;
use serde_json::{Value, json};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// A running watcher.
pub(crate) struct Watcher {
    done: Arc<AtomicBool>,
    thread: JoinHandle<Option<Stopped>>,
}

/// The moment when v2m stopped recording.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stopped {
    /// The number of samples that the witness had by then.
    pub(crate) heard: usize,
    /// Whether v2m reported it. Otherwise its connection ended.
    pub(crate) is_said: bool,
}

impl Watcher {
    /// Watches the service behind this socket, which is recording now.
    pub(crate) fn start(socket: &Path, heard: Heard) -> Self {
        let done = Arc::new(AtomicBool::new(false));
        let (socket, is_done) = (socket.to_owned(), Arc::clone(&done));
        let thread = thread::spawn(move || watch(&socket, &heard, &is_done));
        Self { done, thread }
    }

    /// Ends the watcher. Returns when v2m stopped recording by itself, if it did.
    pub(crate) fn finish(self) -> Option<Stopped> {
        self.done.store(true, Ordering::Relaxed);
        self.thread.join().expect("the watcher does not panic")
    }
}

fn watch(socket: &Path, heard: &Heard, done: &AtomicBool) -> Option<Stopped> {
    while !done.load(Ordering::Relaxed) {
        // The fault may also hit this connection, so a missing answer proves nothing.
        let Ok(mut lines) = Lines::ask(socket, &["GET_STATUS", "SUBSCRIBE"]) else {
            thread::sleep(Duration::from_millis(20));
            continue;
        };
        let mut gone = heard.samples();
        let mut first = true;
        while !done.load(Ordering::Relaxed) {
            match lines.next() {
                Ok(Some(line)) => {
                    let data = &line["data"];
                    let is_recording = match first {
                        true => data["is_recording"] == true,
                        false => data["type"] != "state" || data["state"] == "recording",
                    };
                    if !is_recording && line["status"] != "error" {
                        // After a lost connection, the first answer shows that the recording ended
                        // with that connection.
                        let heard = if first { gone } else { heard.samples() };
                        return Some(Stopped { heard, is_said: !first });
                    }
                    first = false;
                }
                Ok(None) => {}
                Err(_) => break,
            }
            gone = heard.samples();
        }
        if done.load(Ordering::Relaxed) {
            break;
        }
        // Asks until there is an answer, which tells whether the recording continues.
        return asked(socket, gone, done).or_else(|| watch(socket, heard, done));
    }
    None
}

/// Checks after a lost connection whether the recording continues.
fn asked(socket: &Path, gone: usize, done: &AtomicBool) -> Option<Stopped> {
    while !done.load(Ordering::Relaxed) {
        let Ok(mut lines) = Lines::ask(socket, &["GET_STATUS"]) else {
            thread::sleep(Duration::from_millis(20));
            continue;
        };
        while !done.load(Ordering::Relaxed) {
            match lines.next() {
                Ok(Some(line)) if line["status"] == "success" => {
                    let goes_on = line["data"]["is_recording"] == true;
                    return (!goes_on).then_some(Stopped { heard: gone, is_said: false });
                }
                Ok(None) => {}
                Ok(Some(_)) | Err(_) => break,
            }
        }
    }
    None
}

/// Reads the answers and events of a connection with a short timeout.
struct Lines {
    stream: UnixStream,
    bytes: Vec<u8>,
}

impl Lines {
    fn ask(socket: &Path, commands: &[&str]) -> std::io::Result<Self> {
        let mut stream = UnixStream::connect(socket)?;
        stream.set_read_timeout(Some(Duration::from_millis(20)))?;
        stream.set_write_timeout(Some(Duration::from_secs(5)))?;
        for cmd in commands {
            stream.write_all(format!("{}\n", json!({ "cmd": cmd })).as_bytes())?;
        }
        Ok(Self { stream, bytes: Vec::new() })
    }

    /// Returns the next line; `Ok(None)` if there is none yet.
    fn next(&mut self) -> std::io::Result<Option<Value>> {
        loop {
            if let Some(end) = self.bytes.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.bytes.drain(..=end).collect();
                return Ok(Some(serde_json::from_slice(&line)?));
            }
            let mut chunk = [0; 4096];
            match self.stream.read(&mut chunk) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(got) => self.bytes.extend_from_slice(&chunk[..got]),
                Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    return Ok(None);
                }
                Err(e) => return Err(e),
            }
        }
    }
}
