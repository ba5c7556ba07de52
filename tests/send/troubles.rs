//! Tests how `v2m-send` fails: every exit code that `--help` promises, and the libraries that it
//! may link.

use crate::harness::{Ended, Service, answering, program, read_request};
use serde_json::json;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::process::{Command, Stdio};
use std::thread;
use v2m_ipc::frame::Framing;

fn end(args: &[&str]) -> Ended {
    program(args).output().unwrap().into()
}

#[test]
fn help_and_version_need_no_service() {
    let help = end(&["--help"]);
    assert_eq!((help.code, help.err.as_str()), (0, ""));
    for word in ["V2M_SOCKET_PATH", "systemctl --user enable --now v2m.socket", "Examples"] {
        assert!(help.out.contains(word), "{word}");
    }
    for command in [
        "toggle",
        "start",
        "stop",
        "cancel",
        "status",
        "ping",
        "transcribe",
        "process",
        "translate",
        "config get",
        "config set",
        "pause",
        "resume",
        "watch",
        "shutdown",
    ] {
        assert!(help.out.contains(command), "{command}");
    }
    for code in 0..=6 {
        assert!(help.out.contains(&format!("\n  {code}  ")), "{code}");
    }
    assert_eq!(end(&["-V"]).out, concat!("v2m-send ", env!("CARGO_PKG_VERSION"), "\n"));
}

#[test]
fn an_error_answer_is_1() {
    let answer = json!({"status": "error", "code": "no_microphone", "data": null,
                        "error": "there is no microphone; plug one in"});
    let (ended, _) = answering(answer).end(&["start"]);
    let err = "v2m-send: there is no microphone; plug one in\n".to_owned();
    assert_eq!(ended, Ended { code: 1, out: String::new(), err });
}

/// This is the last check before the terminal, whatever the service is and sends.
#[test]
fn nothing_that_is_printed_commands_a_terminal() {
    let wild = "a\u{1b}]52;c;aGk=\u{7}b\u{9b}201~c\u{202e}d\0\n\te";
    let plain = "a]52;c;aGk=b201~cd\n\te";
    let (ended, _) = answering(json!({"status": "success", "data": {"text": wild}})).end(&["last"]);
    assert_eq!(ended, Ended { code: 0, out: format!("{plain}\n"), err: String::new() });
    let refused = json!({"status": "error", "code": "busy", "error": wild, "data": {"text": wild}});
    let (ended, _) = answering(refused.clone()).end(&["stop"]);
    let err = format!("v2m-send: {plain}\n");
    assert_eq!(ended, Ended { code: 1, out: format!("{plain}\n"), err });
    let (ended, _) = answering(refused).end(&["--json", "stop"]);
    let harmless = |c: char| !c.is_control() && c != '\u{202e}' || c == '\n';
    assert!(ended.out.chars().all(harmless), "{:?}", ended.out);
    assert!(serde_json::from_str::<serde_json::Value>(&ended.out).is_ok(), "it is JSON still");
    let named = end(&["transcribe", "\u{1b}[31mred\u{202e}.wav"]);
    assert!(named.err.chars().all(harmless), "{:?}", named.err);
}

#[test]
fn a_wrong_command_line_is_2() {
    for args in [&[][..], &["dance"], &["--loud"], &["process", " "], &["config", "set", "x"]] {
        let ended = end(args);
        assert_eq!((ended.code, ended.out.as_str()), (2, ""), "{args:?}");
        assert!(ended.err.contains("v2m-send --help"), "{}", ended.err);
    }
}

#[test]
fn a_text_too_long_is_2() {
    let mut text = tempfile::tempfile().unwrap();
    text.write_all(&vec![b'x'; (1 << 20) + 1]).unwrap();
    std::io::Seek::rewind(&mut text).unwrap();
    let ended = Ended::from(program(&["process"]).stdin(text).output().unwrap());
    assert_eq!(ended.code, 2, "{}", ended.err);
    assert!(ended.err.contains("1048576 bytes"), "{}", ended.err);
}

#[test]
fn nobody_there_is_3_and_says_how_to_mend_it() {
    let ended = end(&["toggle"]);
    assert_eq!((ended.code, ended.out.as_str()), (3, ""));
    assert!(ended.err.contains("systemctl --user enable --now v2m.socket"), "{}", ended.err);
}

#[test]
fn a_connection_lost_before_the_answer_is_4() {
    let service = Service::run(|listener| {
        let (mut stream, _) = listener.accept().unwrap();
        read_request(&mut stream);
    });
    let (ended, ()) = service.end(&["toggle"]);
    assert_eq!(ended.code, 4);
    assert!(ended.err.contains("journalctl --user -u v2m"), "{}", ended.err);
}

/// Regression: a key press while the service ended was lost, because systemd reset the queue.
#[test]
fn a_request_that_nobody_read_is_sent_again() {
    let service = Service::run(|listener| {
        let (mut flushed, _) = listener.accept().unwrap();
        std::io::Read::read_exact(&mut flushed, &mut [0]).unwrap();
        drop(flushed);
        let (mut stream, _) = listener.accept().unwrap();
        let request = read_request(&mut stream);
        let frame = b"\0\0\0\x2f{\"status\":\"success\",\"data\":\"PONG\",\"error\":null}";
        stream.write_all(frame).unwrap();
        request
    });
    let (ended, request) = service.end(&["ping"]);
    assert_eq!((ended.code, request), (0, json!({"cmd": "PING"})));
}

#[test]
fn an_answer_that_is_none_is_5() {
    let (ended, _) = answering(json!([1, 2])).end(&["ping"]);
    assert_eq!(ended.code, 5, "{}", ended.err);
}

#[test]
fn an_output_that_fails_is_6_and_one_that_is_left_is_fine() {
    let pong = || answering(json!({"status": "success", "data": "PONG", "error": null}));
    let service = pong();
    let full = File::options().write(true).open("/dev/full").unwrap();
    let output = service.program(&["ping"]).stdout(full).output().unwrap();
    assert_eq!(Ended::from(output).code, 6);

    let service = pong();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = service.program(&["ping"]).stdout(writer).stderr(Stdio::piped()).output();
    let ended = Ended::from(output.unwrap());
    assert_eq!((ended.code, ended.err.as_str()), (0, ""));
}

/// Every library makes a key press slower. Only the C library and the unwinder are allowed.
#[test]
fn nothing_is_linked_that_a_key_press_would_wait_for() {
    let listing =
        Command::new("readelf").args(["-d", env!("CARGO_BIN_EXE_v2m-send")]).output().unwrap();
    let listing = String::from_utf8(listing.stdout).unwrap();
    let mut needed: Vec<_> = listing
        .lines()
        .filter(|line| line.contains("(NEEDED)"))
        .filter_map(|line| line.split(['[', ']']).nth(1))
        .filter(|library| !library.starts_with("ld-linux"))
        .collect();
    needed.sort_unstable();
    assert_eq!(needed, ["libc.so.6", "libgcc_s.so.1"]);
}

/// As after an installation during the session: the socket is enabled, but nobody has opened it.
#[test]
fn a_socket_that_is_not_there_yet_is_opened_by_the_press() {
    let home = tempfile::tempdir().unwrap();
    let path = |below: &str| home.path().join(below);
    for folder in ["bin", "run/v2m"] {
        fs::create_dir_all(path(folder)).unwrap();
    }
    // A double of systemctl: it moves the socket, on which the test already listens, to its place.
    let systemctl = "#!/bin/sh\necho \"$*\" >>\"$XDG_RUNTIME_DIR/asked\"\nmv \"$XDG_RUNTIME_DIR/closed.sock\" \"$XDG_RUNTIME_DIR/v2m/v2m.sock\"\n";
    fs::write(path("bin/systemctl"), systemctl).unwrap();
    fs::set_permissions(path("bin/systemctl"), fs::Permissions::from_mode(0o755)).unwrap();
    let send = |args: &[&str]| -> Ended {
        let mut command = program(args);
        let search = format!("{}:{}", path("bin").display(), std::env::var("PATH").unwrap());
        command.env_remove("V2M_SOCKET_PATH").env("XDG_RUNTIME_DIR", path("run"));
        command.env("PATH", search).output().unwrap().into()
    };
    // As if the user has disabled the socket: systemctl fails, and the usual error says what to do.
    let ended = send(&["ping"]);
    assert_eq!((ended.code, ended.out.as_str()), (3, ""));
    assert!(ended.err.contains("systemctl --user enable --now v2m.socket"), "{}", ended.err);

    let listener = UnixListener::bind(path("run/closed.sock")).unwrap();
    let service = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let request = read_request(&mut stream);
        let answer = json!({"status": "success", "data": "PONG", "error": null});
        stream.write_all(&Framing::Length.encode(&answer)).unwrap();
        request
    });
    let ended = send(&["ping"]);
    assert_eq!((ended.code, ended.err.as_str()), (0, ""));
    assert_eq!(service.join().unwrap()["cmd"], "PING");
    let asked = fs::read_to_string(path("run/asked")).unwrap();
    assert_eq!(asked, "--user --quiet start v2m.socket\n".repeat(2));
}
