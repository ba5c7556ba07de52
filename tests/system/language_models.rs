//! Tests `v2m-llm` behind its own units: it answers with network access only, and ends when it is
//! idle.
//!
//! `tests/llm` tests which server it asks what; `network` tests what the service asks it.

use crate::lab::{self, Lab, PATIENCE, property, wait_for};
use landlock::{AccessFs, Ruleset, RulesetAttr, RulesetStatus};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::thread::{self, JoinHandle};
use v2m_ipc::frame::{FrameDecoder, Framing};
use v2m_ipc::llm::{Answer, Endpoint, FailureKind, Provider, Question};

const SERVICE: &str = "v2m-llm.service";
const SAID: &str = "Guten Tag, wie geht es Ihnen?";

/// The program's socket, open, with the program not started. Its unit has these extra lines.
struct Door(Lab);

impl Door {
    fn new(lines: &str) -> Self {
        let lab = Lab::new();
        lab.override_unit(SERVICE, lines);
        // v2m starts the socket for its first question.
        lab::systemctl(&["start", "v2m-llm.socket"]);
        Self(lab)
    }

    /// Writes the endpoint into the configuration.
    fn configure(&self, url: &str) {
        self.0.configure(&format!("[llm]\nprovider = \"openai\"\nbase_url = \"{url}\"\n"));
    }

    fn socket(&self) -> PathBuf {
        self.0.runtime.join("v2m/llm.sock")
    }

    /// Asks one question. Returns `None` if the connection ends without an answer.
    fn ask(&self, question: &Question) -> Option<Answer> {
        let mut stream = UnixStream::connect(self.socket()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        // If the program cannot start, systemd may close the connection before this.
        let _ = stream.write_all(&Framing::Length.encode(question));
        let mut answers = FrameDecoder::for_answers(Framing::Length);
        loop {
            if let Some(frame) = answers.next_frame().unwrap() {
                return Some(serde_json::from_slice(frame).unwrap());
            }
            let mut chunk = [0; 4096];
            match stream.read(&mut chunk) {
                Ok(0) | Err(_) => return None,
                Ok(got) => answers.push(&chunk[..got]),
            }
        }
    }
}

/// Starts a server that answers one request with [`SAID`]. Returns its address by name, and the
/// request's head.
fn model() -> (String, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://localhost:{}/v1", listener.local_addr().unwrap().port());
    let serving = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut head = String::new();
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        while !head.ends_with("\r\n\r\n") {
            assert!(reader.read_line(&mut head).unwrap() > 0, "{head}");
        }
        let lines = head.lines().map(str::to_lowercase);
        let length =
            lines.filter_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
        let length: usize = length.sum();
        reader.read_exact(&mut vec![0; length]).unwrap();
        let body = format!(
            "{{\"choices\":[{{\"message\":{{\"content\":{SAID:?}}},\"finish_reason\":\"stop\"}}]}}"
        );
        write!(
            stream,
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        head
    });
    (url, serving)
}

/// Returns whether this machine has Landlock. A thread tests it by restricting itself, and ends.
fn kernel_can() -> bool {
    let asking = thread::spawn(|| {
        let rules = Ruleset::default().handle_access(AccessFs::MakeSock).unwrap().create().unwrap();
        rules.restrict_self().unwrap().ruleset
    });
    asking.join().unwrap() != RulesetStatus::NotEnforced
}

fn question(url: &str) -> Question {
    let endpoint = Endpoint {
        provider: Provider::OpenAi,
        base_url: Some(url.to_owned()),
        model: "m".into(),
        temperature: 0.0,
        connect_ms: 20_000,
        total_ms: 60_000,
    };
    Question::Translate { endpoint, into: "German".into(), text: "Good day, how do you do?".into() }
}

#[test]
fn a_question_starts_it_and_is_answered_with_the_network_alone() {
    let door = Door::new("Environment=V2M_LOG=debug");
    assert_eq!(fs::metadata(door.socket()).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(property(SERVICE, "ActiveState"), "inactive");
    let (url, serving) = model();
    // Any program may use the socket, but only the configured endpoint is asked.
    door.0.configure("");
    let Some(Answer::Failed { message, .. }) = door.ask(&question(&url)) else { panic!("asked") };
    assert!(message.contains("names no language model"), "{message}");
    door.configure("http://127.0.0.1:1");
    let Some(Answer::Failed { message, .. }) = door.ask(&question(&url)) else { panic!("asked") };
    assert!(message.contains("allows only openai at http://127.0.0.1:1."), "{message}");
    door.configure(&url);
    assert_eq!(door.ask(&question(&url)), Some(Answer::Text { text: SAID.into() }));
    let head = serving.join().unwrap();
    assert!(!head.to_lowercase().contains("authorization"), "{head}");

    assert_eq!(property(SERVICE, "ActiveState"), "active");
    let mut families: Vec<_> = property(SERVICE, "RestrictAddressFamilies")
        .split_whitespace()
        .map(str::to_owned)
        .collect();
    families.sort_unstable();
    assert_eq!(families, ["AF_INET", "AF_INET6", "AF_NETLINK"]);
    let pid = property(SERVICE, "MainPID");
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    for line in ["NoNewPrivs:\t1", "Seccomp:\t2"] {
        assert!(status.lines().any(|have| have == line), "{status}");
    }
    let logged = || lab::run("journalctl", &["--user", "--no-pager", "-o", "cat", "-u", SERVICE]);
    let asked = wait_for("its line in the journal", || {
        Some(logged()).filter(|log| log.contains("openai \"m\" at \"localhost:"))
    });
    // The unit's filter of system calls does not block those of Landlock.
    assert_eq!(asked.contains("files are closed"), kernel_can(), "{asked}");
    assert!(!asked.contains("Guten") && !asked.contains("Good day"), "{asked}");
}

#[test]
fn it_ends_when_nobody_asks_and_the_next_question_starts_it_again() {
    let door = Door::new("ExecStart=\nExecStart=/usr/local/bin/v2m-llm --idle-seconds 1");
    door.configure("http://127.0.0.1:1");
    let nowhere = question("http://127.0.0.1:1");
    let Some(Answer::Failed { trouble, message }) = door.ask(&nowhere) else { panic!("answered") };
    assert_eq!(trouble, FailureKind::Unavailable, "{message}");
    let first = property(SERVICE, "ExecMainPID");
    wait_for("its end", || (property(SERVICE, "ActiveState") == "inactive").then_some(()));
    assert_eq!(property(SERVICE, "Result"), "success");
    assert!(door.ask(&nowhere).is_some());
    assert_ne!(property(SERVICE, "ExecMainPID"), first);
}

#[test]
fn a_program_that_is_missing_or_crashes_leaves_the_socket_open() {
    for program in ["/nonexistent/v2m-llm", "/bin/sh -c 'kill -SEGV $$$$'"] {
        let door = Door::new(&format!("ExecStart=\nExecStart={program}"));
        for _ in 0..40 {
            assert_eq!(door.ask(&question("http://127.0.0.1:1")), None);
        }
        assert_eq!(property("v2m-llm.socket", "ActiveState"), "active");
    }
}
