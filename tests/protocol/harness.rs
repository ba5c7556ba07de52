//! A server on a private socket, a scripted daemon behind it, and a client that sends bytes.

use serde_json::Value;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::thread::{self, JoinHandle};
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::UnixListener;
use tokio::sync::{broadcast, mpsc, watch};
use v2m::call::{Answer, Call, Event, Request};
use v2m::server::{Limits, Server};
use v2m::session::Failure;

/// The time after which a test counts as hanging.
const PATIENCE: Duration = Duration::from_secs(30);

/// The number of events kept for a slow subscriber.
pub(crate) const EVENTS: usize = 16;

/// A server that runs until it is dropped.
pub(crate) struct Service {
    directory: TempDir,
    pub(crate) events: broadcast::Sender<Event>,
    shutdown: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

impl Service {
    /// Starts a server. The test answers the calls.
    pub(crate) fn start(
        change: impl FnOnce(&mut Server) + Send + 'static,
    ) -> (Self, mpsc::Receiver<Call>) {
        let directory = tempfile::tempdir().unwrap();
        let listener = std::os::unix::net::UnixListener::bind(socket(&directory)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let (calls, answers) = mpsc::channel(8);
        let (events, _) = broadcast::channel(EVENTS);
        let (shutdown, stop) = watch::channel(false);
        let mut server = Server::new(calls, events.clone());
        change(&mut server);
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(async {
                server.serve(UnixListener::from_std(listener).unwrap(), stop).await;
            });
        });
        (Self { directory, events, shutdown, thread: Some(thread) }, answers)
    }

    /// Starts a server with the protocol's limits, and answers each call by `script`.
    pub(crate) fn scripted(
        script: impl Fn(Request) -> Result<Answer, Failure> + Send + 'static,
    ) -> Self {
        let (service, mut calls) = Self::start(|_| {});
        thread::spawn(move || {
            while let Some(call) = calls.blocking_recv() {
                let _ = call.reply.send(script(call.request));
            }
        });
        service
    }

    /// Starts a server that gets only requests that it answers itself.
    pub(crate) fn bare() -> Self {
        Self::limited(|_| {})
    }

    /// Like [`Self::bare`], with other limits.
    pub(crate) fn limited(change: impl FnOnce(&mut Limits) + Send + 'static) -> Self {
        Self::start(|server| change(&mut server.limits)).0
    }

    pub(crate) fn path(&self) -> PathBuf {
        socket(&self.directory)
    }

    pub(crate) fn connect(&self) -> Peer {
        Peer::new(UnixStream::connect(self.path()).unwrap())
    }

    /// Tells the server to stop, without waiting for it.
    pub(crate) fn stop(&self) {
        self.shutdown.send_replace(true);
    }

    /// Waits until the server has stopped.
    pub(crate) fn join(&mut self) {
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.stop();
        if !thread::panicking() {
            self.join();
        }
    }
}

fn socket(directory: &TempDir) -> PathBuf {
    directory.path().join("v2m.sock")
}

/// The client's end of a connection.
pub(crate) struct Peer(pub(crate) UnixStream);

impl Peer {
    pub(crate) fn new(stream: UnixStream) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self(stream)
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.write_all(bytes).unwrap();
        self
    }

    /// Sends a frame with a length.
    pub(crate) fn send(&mut self, json: &str) -> &mut Self {
        let mut frame = u32::try_from(json.len()).unwrap().to_be_bytes().to_vec();
        frame.extend_from_slice(json.as_bytes());
        self.write(&frame)
    }

    /// Sends a request and reads its answer.
    pub(crate) fn ask(&mut self, json: &str) -> Value {
        self.send(json).read()
    }

    /// Reads a frame with a length.
    pub(crate) fn read(&mut self) -> Value {
        let mut header = [0; 4];
        self.0.read_exact(&mut header).unwrap();
        let mut frame = vec![0; u32::from_be_bytes(header) as usize];
        self.0.read_exact(&mut frame).unwrap();
        serde_json::from_slice(&frame).unwrap()
    }

    pub(crate) fn read_line(&mut self) -> Value {
        let mut line = Vec::new();
        let mut byte = [0];
        while byte != *b"\n" {
            self.0.read_exact(&mut byte).unwrap();
            line.push(byte[0]);
        }
        serde_json::from_slice(&line).unwrap()
    }

    pub(crate) fn half_close(&mut self) -> &mut Self {
        self.0.shutdown(Shutdown::Write).unwrap();
        self
    }

    /// Waits for the connection's end, and returns the bytes before it.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        match self.0.read_to_end(&mut rest) {
            Ok(_) => rest,
            Err(e) if e.kind() == std::io::ErrorKind::ConnectionReset => rest,
            Err(e) => panic!("the connection did not end: {e}"),
        }
    }

    pub(crate) fn assert_ended(&mut self) {
        assert_eq!(self.rest(), b"");
    }
}

/// Checks the form of an error answer, and returns its code.
#[track_caller]
pub(crate) fn code(answer: &Value) -> &str {
    assert_eq!(answer["status"], "error", "{answer}");
    assert!(answer.as_object().unwrap().contains_key("data"), "{answer}");
    assert!(answer["error"].as_str().is_some_and(|text| text.len() > 10), "{answer}");
    answer["code"].as_str().unwrap()
}

/// Checks the form of a successful answer, and returns its data.
#[track_caller]
pub(crate) fn data(answer: &Value) -> &Value {
    assert_eq!(answer["status"], "success", "{answer}");
    assert_eq!(answer["error"], Value::Null, "{answer}");
    assert_eq!(answer.as_object().unwrap().len(), 3, "{answer}");
    &answer["data"]
}
