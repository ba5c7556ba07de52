//! Tests what an attacker can reach who has taken over a program that reads untrusted data.
//!
//! The attacker's code is a library that is loaded into the real program
//! (`testkit/programs/takeover.rs`). Needs `V2M_TEST_MODELS`, as `make test` sets it.
//! `V2M_TEST_ENGINE` and `V2M_TEST_ENGINE_MODEL` select another recogniser and a model in that
//! folder, as `make test-engines` sets them.
#![allow(clippy::unwrap_used, reason = "a test's helpers may")]

use std::io::Read;
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use v2m::media::DECODE_COMMAND;

/// The attempts of a taken-over program beyond its own files.
const ATTEMPTS: [&str; 13] = [
    "a file of the user's",
    "a new file",
    "another process's environment",
    "a socket of the session",
    "the network",
    "io_uring",
    "another process's memory",
    "tracing another process",
    "another process's processors",
    "a signal to another process",
    "a signal by a pipe",
    "a process of its own",
    "another program",
];

/// Targets that must not be reached: a user's file, a socket of the session, another process.
struct Home {
    folder: tempfile::TempDir,
    _socket: UnixListener,
    victim: Child,
}

impl Home {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("secret"), "a key").unwrap();
        let _socket = UnixListener::bind(folder.path().join("socket")).unwrap();
        let victim = Command::new("sleep").arg("600").spawn().unwrap();
        Self { folder, _socket, victim }
    }

    /// Loads the attacker's code into the program that `command` starts. `own` is a file that the
    /// program must read.
    fn take_over(&self, command: &mut Command, own: &Path) {
        command
            .env("LD_PRELOAD", library())
            .env("TAKEOVER_OWN", own)
            .env("TAKEOVER_FILE", self.folder.path().join("secret"))
            .env("TAKEOVER_SOCKET", self.folder.path().join("socket"))
            .env("TAKEOVER_PID", self.victim.id().to_string())
            .stderr(Stdio::piped());
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = self.victim.kill();
        let _ = self.victim.wait();
    }
}

/// Returns the library's path. cargo builds examples beside the tests.
fn library() -> PathBuf {
    let program = PathBuf::from(env!("CARGO_BIN_EXE_v2m"));
    let library = program.parent().unwrap().join("examples/libtakeover.so");
    assert!(library.is_file(), "{} is missing: `cargo test` builds it", library.display());
    library
}

/// Returns the result of each attempt, from the program's standard error.
fn outcomes(child: &mut Child) -> Vec<(String, String)> {
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    let attempt = |line: &str| {
        let (attempt, outcome) = line.strip_prefix("taken over: ")?.split_once(": ")?;
        Some((attempt.to_owned(), outcome.to_owned()))
    };
    said.lines().filter_map(attempt).collect()
}

fn reaches_nothing(outcomes: &[(String, String)]) {
    let named = |name: &str| outcomes.iter().find(|(attempt, _)| attempt == name);
    let (_, own) = named("its own file").unwrap_or_else(|| panic!("{outcomes:?}"));
    assert_eq!(own, "reached", "it must work all the same");
    for attempt in ATTEMPTS {
        let (_, outcome) = named(attempt).unwrap_or_else(|| panic!("{attempt}: {outcomes:?}"));
        assert!(outcome.starts_with("refused"), "{attempt}: {outcome}");
    }
}

#[test]
fn a_program_that_does_not_confine_itself_reaches_everything() {
    let home = Home::new();
    let mut command = Command::new(env!("CARGO_BIN_EXE_v2m-send"));
    home.take_over(&mut command, &home.folder.path().join("secret"));
    command.arg("--version").env("TAKEOVER_STAYS", "yes").stdout(Stdio::null());
    let mut child = command.spawn().unwrap();
    let outcomes = outcomes(&mut child);
    child.wait().unwrap();
    // A container may forbid some of them to every program.
    let others = ["io_uring", "tracing another process", "another process's memory"];
    for attempt in ATTEMPTS.iter().filter(|attempt| !others.contains(attempt)) {
        let reached = (attempt.to_string(), "reached".to_owned());
        assert!(outcomes.contains(&reached), "{attempt}: {outcomes:?}");
    }
}

#[test]
fn a_recogniser_that_is_taken_over_reaches_nothing() {
    let home = Home::new();
    let models = PathBuf::from(std::env::var_os("V2M_TEST_MODELS").expect("`make test` sets it"));
    let named = std::env::var("V2M_TEST_ENGINE_MODEL");
    let model = models.join(named.unwrap_or_else(|_| "ggml-tiny.en-q8_0.bin".into()));
    let program = std::env::var_os("V2M_TEST_ENGINE");
    let program = program.unwrap_or_else(|| env!("CARGO_BIN_EXE_v2m-engine").into());
    let mut command = Command::new(program);
    home.take_over(&mut command, &model);
    let (ours, theirs) = UnixStream::pair().unwrap();
    command.arg("--model").arg(&model).args(["--threads", "1"]);
    command.stdin(OwnedFd::from(theirs)).stdout(Stdio::null());
    let mut child = command.spawn().unwrap();
    drop(command);
    // Without work the program loads its model and ends when it finds the connection closed.
    ours.shutdown(std::net::Shutdown::Write).unwrap();
    let outcomes = outcomes(&mut child);
    child.wait().unwrap();
    reaches_nothing(&outcomes);
}

/// The engine without a model uses the connection to `v2m-remote` that the daemon has opened, and
/// must reach nothing else.
#[test]
fn a_recogniser_that_has_a_server_asked_reaches_nothing_either() {
    let home = Home::new();
    let voice = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/ggml-silero-v6.2.0.bin");
    let mut command = Command::new(env!("CARGO_BIN_EXE_v2m-engine"));
    home.take_over(&mut command, &voice);
    let (ours, theirs) = UnixStream::pair().unwrap();
    let (_server, asked) = UnixStream::pair().unwrap();
    command.args(["--remote=http://127.0.0.1:9/v1", "--vad"]).arg(&voice);
    command.stdin(OwnedFd::from(theirs)).stdout(OwnedFd::from(asked));
    let mut child = command.spawn().unwrap();
    drop(command);
    ours.shutdown(std::net::Shutdown::Write).unwrap();
    let outcomes = outcomes(&mut child);
    child.wait().unwrap();
    reaches_nothing(&outcomes);
}

#[test]
fn what_decodes_sound_files_reaches_nothing_when_it_is_taken_over() {
    let home = Home::new();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/sample.wav");
    let mut command = Command::new(env!("CARGO_BIN_EXE_v2m"));
    home.take_over(&mut command, &file);
    command.arg(DECODE_COMMAND).arg(&file).stdin(Stdio::null()).stdout(Stdio::null());
    let mut child = command.spawn().unwrap();
    let outcomes = outcomes(&mut child);
    assert!(child.wait().unwrap().success());
    reaches_nothing(&outcomes);
}
