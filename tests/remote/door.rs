//! Tests the socket: invalid questions, too many at once, the program's end, and its files.

use crate::harness::{Connect, SOUND, endpoint, english, failed, house_of, text};
use landlock::{AccessFs, Ruleset, RulesetAttr, RulesetStatus};
use std::io::{Read, Write};
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};
use v2m_ipc::engine;
use v2m_ipc::remote::{Endpoint, FailureKind, MAX_SAMPLES, Question};
use v2m_testkit::speech_server::Behaviour::Says;
use v2m_testkit::speech_server::SpeechServer;

#[test]
fn what_makes_no_sense_is_told_and_nobody_is_asked() {
    let server = SpeechServer::new(Says("x".into()));
    let program = house_of(&server.url).start();
    let ask = |sound: &[i16], endpoint: Endpoint, language: Option<&str>, prompt: &str| {
        let language = language.map(str::to_owned);
        let question =
            Question::Transcribe { endpoint, language, translate: false, prompt: prompt.into() };
        failed(program.connect().ask(sound, &question))
    };
    let own = || endpoint(&server.url);
    for (kind, message) in [
        ask(&[], own(), None, ""),
        ask(&vec![0; MAX_SAMPLES + 1], own(), None, ""),
        ask(&SOUND, own(), Some("klingon"), ""),
        ask(&SOUND, own(), None, "two\r\nlines"),
        ask(&SOUND, own(), None, &"x".repeat(10_000)),
        ask(&SOUND, Endpoint { model: "a\nb".into(), ..own() }, None, ""),
    ] {
        assert_eq!(kind, FailureKind::BadQuestion, "{message}");
        assert!(message.contains("is not valid"), "{message}");
    }
    for garbage in
        [&[0xff; 9][..], &[0, 0, 0, 3, b'J', b'{', b'}'], &[0, 0, 0, 2, b'P', 1], b"\0\0"]
    {
        let mut client = program.connect();
        client.stream.write_all(garbage).unwrap();
        client.stream.shutdown(std::net::Shutdown::Write).unwrap();
        let (kind, _) = failed(client.next().unwrap());
        assert_eq!(kind, FailureKind::BadQuestion, "{garbage:?}");
        assert_eq!(client.next(), None);
    }
    assert_eq!(server.requests().len(), 0);
    // Each question needs its own sound.
    let mut client = program.connect();
    assert_eq!(client.ask(&SOUND, &english(&server.url)), text("x"));
    client.stream.write_all(&engine::encode_message(&english(&server.url))).unwrap();
    assert_eq!(failed(client.next().unwrap()).0, FailureKind::BadQuestion);
}

#[test]
fn it_ends_when_nobody_is_connected_and_not_before() {
    let server = SpeechServer::new(Says("x".into()));
    let house = house_of(&server.url).args(&["--idle-seconds", "0"]);
    let mut client = house.connect();
    let mut program = house.start();
    assert_eq!(client.ask(&SOUND, &english(&server.url)), text("x"));
    assert_eq!(program.process.try_wait().unwrap(), None);
    assert_eq!(client.ask(&SOUND, &english(&server.url)), text("x"));
    drop(client);
    assert!(program.end().success());
}

#[test]
fn beyond_eight_connections_it_says_so() {
    let server = SpeechServer::new(Says("x".into()));
    let program = house_of(&server.url).start();
    let mut clients: Vec<_> = (0..8).map(|_| program.connect()).collect();
    for client in &mut clients {
        assert_eq!(client.ask(&SOUND, &english(&server.url)), text("x"));
    }
    let mut one_more = program.house.stream();
    let mut said = Vec::new();
    one_more.read_to_end(&mut said).unwrap();
    assert!(String::from_utf8_lossy(&said).contains("8 connections"));
}

#[test]
fn without_a_socket_it_says_how_it_is_started() {
    let output = Command::new(env!("CARGO_BIN_EXE_v2m-remote"))
        .env_remove("LISTEN_FDS")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(69), "{said}");
    assert!(said.contains("systemctl --user start v2m-remote.socket"), "{said}");
}

/// Returns whether this kernel has Landlock. A thread tests it by restricting itself, and ends.
fn kernel_can() -> bool {
    let asking = std::thread::spawn(|| {
        let rules = Ruleset::default().handle_access(AccessFs::MakeSock).unwrap().create().unwrap();
        rules.restrict_self().unwrap().ruleset
    });
    asking.join().unwrap() != RulesetStatus::NotEnforced
}

#[test]
fn files_outside_its_few_folders_are_closed() {
    let server = SpeechServer::new(Says("x".into()));
    let house = house_of(&server.url);
    house.give_key(&server.url, "from-a-file", 0o600);
    let (keys, store) = (house.path("config/v2m/keys"), house.path("home/store"));
    std::fs::create_dir(&store).unwrap();
    for entry in std::fs::read_dir(&keys).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), store.join(entry.file_name())).unwrap();
    }
    let program = house.start();
    assert_eq!(program.ask(&english(&server.url)), text("x"));
    assert!(server.requests()[0].head.contains("from-a-file"));
    // The folder's name now leads to other files, which belong to the same user.
    std::fs::remove_dir_all(&keys).unwrap();
    symlink(&store, &keys).unwrap();
    if kernel_can() {
        let (_, message) = failed(program.ask(&english(&server.url)));
        assert!(message.contains("Permission denied"), "{message}");
        assert!(program.log().contains("files are closed"), "{}", program.log());
        assert_eq!(server.requests().len(), 1);
    } else {
        assert!(program.log().contains("no Landlock"), "{}", program.log());
    }
}
