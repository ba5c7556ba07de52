//! Runs `v2m-send` with a scripted service on a private socket.

use serde_json::{Value, json};
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::thread::{self, JoinHandle};
use tempfile::TempDir;
use v2m_ipc::frame::Framing;

/// The result of a program, in a printable form.
#[derive(Debug, PartialEq)]
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// Returns `v2m-send` with these arguments and no service.
pub(crate) fn program(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_v2m-send"));
    command
        .args(args)
        .env_remove("XDG_RUNTIME_DIR")
        .env("V2M_SOCKET_PATH", "/nonexistent/v2m.sock")
        .env("LC_ALL", "C");
    command.stdin(Stdio::null());
    command
}

/// A service with a script that handles its first connection.
pub(crate) struct Service<T> {
    directory: TempDir,
    thread: JoinHandle<T>,
}

impl<T: Send + 'static> Service<T> {
    pub(crate) fn run(script: impl FnOnce(UnixListener) -> T + Send + 'static) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(directory.path().join("v2m.sock")).unwrap();
        Self { directory, thread: thread::spawn(move || script(listener)) }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.directory.path().join("v2m.sock")
    }

    pub(crate) fn program(&self, args: &[&str]) -> Command {
        let mut command = program(args);
        command.env("V2M_SOCKET_PATH", self.path());
        command
    }

    /// Runs the program to its end. Returns its result, and the value that the script returned.
    pub(crate) fn end(self, args: &[&str]) -> (Ended, T) {
        let output = self.program(args).output().unwrap();
        (output.into(), self.thread.join().unwrap())
    }

    pub(crate) fn join(self) -> T {
        self.thread.join().unwrap()
    }
}

/// Creates a service that answers one request with `answer` and returns the request.
pub(crate) fn answering(answer: Value) -> Service<Value> {
    Service::run(move |listener| {
        let (mut stream, _) = listener.accept().unwrap();
        let request = read_request(&mut stream);
        stream.write_all(&Framing::Length.encode(&answer)).unwrap();
        request
    })
}

/// Runs the program with a service that answers success with `data`. Returns the request and the
/// result.
pub(crate) fn ask(args: &[&str], data: Value) -> (Value, Ended) {
    let (ended, request) =
        answering(json!({"status": "success", "data": data, "error": null})).end(args);
    (request, ended)
}

pub(crate) fn read_request(stream: &mut UnixStream) -> Value {
    let mut header = [0; 4];
    stream.read_exact(&mut header).unwrap();
    let mut frame = vec![0; u32::from_be_bytes(header) as usize];
    stream.read_exact(&mut frame).unwrap();
    serde_json::from_slice(&frame).unwrap()
}

/// Returns the result of a program that succeeds with this output.
pub(crate) fn fine(out: &str) -> Ended {
    Ended { code: 0, out: out.to_owned(), err: String::new() }
}
