//! Tests the requests to the server, and what becomes of its answers.

use crate::harness::{Connect, SOUND, endpoint, english, failed, house_of, text};
use v2m_ipc::remote::{Answer, FailureKind, Question};
use v2m_testkit::speech_server::Behaviour::{Drops, Raw, Says};
use v2m_testkit::speech_server::SpeechServer;

#[test]
fn the_sound_gets_there_whole_with_what_is_known_of_it() {
    let server = SpeechServer::new(Says(" Six apples.\n".into()));
    let program = house_of(&server.url).start();
    let mut client = program.connect();
    let sound: Vec<i16> = (0..50_000).map(|at| (at % 1000) as i16).collect();
    assert_eq!(client.ask(&sound, &english(&server.url)), text("Six apples."));
    let free = Question::Transcribe {
        endpoint: endpoint(&server.url),
        language: None,
        translate: false,
        prompt: "PipeWire, Ngozi".into(),
    };
    let told = Answer::Text { text: "Six apples.".into(), language: Some("en".into()) };
    assert_eq!(client.ask(&SOUND, &free), told);
    let into_english = Question::Transcribe {
        endpoint: endpoint(&server.url),
        language: Some("es".into()),
        translate: true,
        prompt: String::new(),
    };
    assert_eq!(client.ask(&SOUND, &into_english), text("Six apples."));

    let requests = server.requests();
    let [first, second, third] = &requests[..] else { panic!("{requests:?}") };
    assert!(first.head.starts_with("POST /v1/audio/transcriptions HTTP/1.1\r\n"));
    assert!(!first.head.to_lowercase().contains("authorization"), "{}", first.head);
    assert!(first.sound() == sound);
    let fields = |request: &v2m_testkit::speech_server::Request| {
        ["model", "response_format", "language", "prompt"].map(|name| request.field(name))
    };
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(fields(first), [some("m"), some("json"), some("en"), None]);
    assert_eq!(fields(second), [some("m"), some("verbose_json"), None, some("PipeWire, Ngozi")]);
    assert!(third.head.starts_with("POST /v1/audio/translations HTTP/1.1\r\n"));
    assert_eq!(fields(third), [some("m"), some("json"), None, None]);
    // The log has the address, the length of the sound and the result, but neither sound nor text.
    let log = program.log();
    assert!(log.contains("3.1 s of sound") && log.contains(": text"), "{log}");
    assert!(!log.contains("apples") && !log.contains("Ngozi"), "{log}");
}

#[test]
fn a_connection_that_the_server_closed_meanwhile_is_made_anew() {
    let server = SpeechServer::new(Says("one".into()));
    let program = house_of(&server.url).start();
    let mut client = program.connect();
    assert_eq!(client.ask(&SOUND, &english(&server.url)), text("one"));
    // The server closes the kept connection after the request, without an answer; then the new one
    // too.
    server.now(Drops);
    let (kind, message) = failed(client.ask(&SOUND, &english(&server.url)));
    assert_eq!(kind, FailureKind::Unavailable);
    assert!(message.contains("cannot be reached"), "{message}");
    assert_eq!(server.requests().len(), 3, "{}", program.log());
    server.now(Says("two".into()));
    assert_eq!(client.ask(&SOUND, &english(&server.url)), text("two"));
}

#[test]
fn a_key_goes_to_its_host_and_nowhere_else_and_is_not_told() {
    let server = SpeechServer::new(Says("one".into()));
    let house = house_of(&server.url);
    house.give_key(&server.url, "secret-1\n", 0o600);
    house.give_key("http://gpu.lan:80/v1", "secret-2\n", 0o600);
    let program = house.start();
    assert_eq!(program.ask(&english(&server.url)), text("one"));
    assert!(server.requests()[0].head.contains("authorization: Bearer secret-1\r\n"));
    server.now(Raw("401 Unauthorized", r#"{"error":{"message":"bad key secret-1"}}"#.into()));
    let (_, message) = failed(program.ask(&english(&server.url)));
    assert!(message.contains("refuses the key (401: bad key ********)"), "{message}");
    assert!(message.contains("config/v2m/keys/127.0.0.1:"), "{message}");
    program.house.give_key(&server.url, "secret-1\n", 0o644);
    let (_, message) = failed(program.ask(&english(&server.url)));
    assert!(message.contains("chmod 600"), "{message}");
    let known = server.requests().len();
    assert_eq!(known, 2, "a key that others can read is not sent");
    assert!(!program.log().contains("secret"), "{}", program.log());
    // Over http to another machine, others could read the key on the way.
    program.house.configure(
        "[engine]\nbackend = \"remote\"\n[remote]\nbase_url = \"http://gpu.lan:80/v1\"\n",
    );
    program.house.give_key("http://gpu.lan/v1", "secret-2\n", 0o600);
    let (_, message) = failed(program.ask(&english("http://gpu.lan:80/v1")));
    assert!(message.contains("unencrypted"), "{message}");
}

#[test]
fn over_http_only_this_machine_and_private_networks_are_asked() {
    let url = "http://192.0.2.1:9/v1";
    let program = house_of(url).start();
    let (kind, message) = failed(program.ask(&english(url)));
    assert_eq!(kind, FailureKind::Unavailable);
    assert!(message.contains("private networks"), "{message}");
}
