//! Faults of clients: disconnected, many, slow.

use super::{Kind, PLAIN, Strike, strike};
use crate::lab::Lab;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

pub(super) const KINDS: [Kind; 4] = [
    Kind { name: "client-gone", leaves: true, prepare: |_, _| strike(leave), ..PLAIN },
    Kind { name: "clients-flooding", lasts: (0.5, 3.0), prepare: |_, _| flood(), ..PLAIN },
    Kind { name: "clients-half-open", lasts: (0.5, 3.0), prepare: |_, _| half_open(), ..PLAIN },
    Kind { name: "clients-slow", lasts: (0.5, 3.0), prepare: |_, _| slow(), ..PLAIN },
];

/// Twenty clients that send a request and do not wait for the answer.
fn leave(lab: &Lab) {
    for number in 0..20 {
        let Ok(mut stream) = UnixStream::connect(lab.socket()) else { continue };
        let cmd = if number % 2 == 0 { "GET_STATUS" } else { "LAST_TEXT" };
        let _ = stream.write_all(format!("{{\"cmd\":\"{cmd}\"}}\n").as_bytes());
    }
}

/// Client threads that run until `disperse`.
struct Crowd(Arc<AtomicBool>, Vec<JoinHandle<()>>);

impl Crowd {
    fn new(
        count: usize,
        each: impl Fn(PathBuf, &AtomicBool) + Send + Copy + 'static,
        lab: &Lab,
    ) -> Self {
        let done = Arc::new(AtomicBool::new(false));
        let start = |_| {
            let (socket, done) = (lab.socket(), Arc::clone(&done));
            thread::spawn(move || each(socket, &done))
        };
        let threads = (0..count).map(start).collect();
        Self(done, threads)
    }

    fn disperse(self) {
        self.0.store(true, Ordering::Relaxed);
        for thread in self.1 {
            thread.join().expect("a client does not panic");
        }
    }
}

/// Three clients that send requests as fast as they are answered, and reconnect when they are
/// disconnected.
fn flood() -> Strike {
    Box::new(|lab| {
        let crowd = Crowd::new(
            3,
            |socket, done| {
                while !done.load(Ordering::Relaxed) {
                    let Ok(mut stream) = UnixStream::connect(&socket) else { continue };
                    let _ = stream.set_read_timeout(Some(Duration::from_millis(200)));
                    let mut chunk = [0; 4096];
                    while !done.load(Ordering::Relaxed)
                        && stream.write_all(b"{\"cmd\":\"GET_STATUS\"}\n").is_ok()
                        && stream.read(&mut chunk).is_ok_and(|got| got > 0)
                    {}
                }
            },
            lab,
        );
        Box::new(move |_| crowd.disperse())
    })
}

/// Three hundred clients that start a request and never complete it.
fn half_open() -> Strike {
    Box::new(|lab| {
        let open = || {
            let mut stream = UnixStream::connect(lab.socket()).ok()?;
            // A full queue must not block the harness.
            stream.write_all(&[0, 0]).ok()?;
            Some(stream)
        };
        let streams: Vec<UnixStream> = (0..300).filter_map(|_| open()).collect();
        Box::new(move |_| drop(streams))
    })
}

/// Twenty clients that send a byte now and then, and twenty that subscribe and do not read.
fn slow() -> Strike {
    let subscribe = |lab: &Lab| {
        let mut stream = UnixStream::connect(lab.socket()).ok()?;
        stream.write_all(b"{\"cmd\":\"SUBSCRIBE\"}\n").ok()?;
        Some(stream)
    };
    Box::new(move |lab| {
        let deaf: Vec<UnixStream> = (0..20).filter_map(|_| subscribe(lab)).collect();
        let crowd = Crowd::new(
            20,
            |socket, done| {
                let Ok(mut stream) = UnixStream::connect(&socket) else { return };
                for byte in b"{\"cmd\":\"GET_STATUS\"}\n".iter().cycle() {
                    if done.load(Ordering::Relaxed) || stream.write_all(&[*byte]).is_err() {
                        break;
                    }
                    thread::sleep(Duration::from_millis(50));
                }
            },
            lab,
        );
        Box::new(move |_| {
            crowd.disperse();
            drop(deaf);
        })
    })
}
