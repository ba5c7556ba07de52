//! A recogniser on a server: the real `v2m-remote` and the real engine without a model, against a
//! server that works or fails. If it fails, the double of the engine takes over, and its texts show
//! that it got exactly the same sound.

use crate::house::{CONFIG, House, Service, example, text_of, wait_for};
use crate::languages::put_synthetic;
use crate::recording::Studio;
use serde_json::{Value, json};
use std::fs::{self, File};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use v2m_testkit::speech_server::Behaviour::{Drops, Endless, Hangs, Raw, Says};
use v2m_testkit::speech_server::{Behaviour, SpeechServer};

/// The server's text for each piece. It is short enough even for the shortest piece.
const SPOKEN: &str = "My fellow Americans";

/// `v2m-remote`, started as systemd does.
struct Remote(Child);

impl Remote {
    fn start(house: &House) -> Self {
        let socket = house.path("run/v2m/remote.sock");
        fs::create_dir_all(socket.parent().unwrap()).unwrap();
        Self(Self::spawn(house, UnixListener::bind(socket).unwrap()))
    }

    fn spawn(house: &House, listener: UnixListener) -> Child {
        let log = File::options().append(true).create(true).open(house.path("remote.log")).unwrap();
        Command::new("sh")
            .args(["-c", "LISTEN_PID=$$ LISTEN_FDS=1 exec \"$0\" 3<&0 0</dev/null"])
            .arg(env!("CARGO_BIN_EXE_v2m-remote"))
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", house.path("home"))
            .env("XDG_CONFIG_HOME", house.path("config"))
            .stdin(OwnedFd::from(listener))
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap()
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Returns a house with a server at this address; the engine on this machine is the double.
fn house(url: &str) -> House {
    let house = House::new("");
    configure(&house, url, "");
    let engine = house.path("engines/v2m-engine");
    fs::remove_file(&engine).unwrap();
    let script = format!(
        "#!/bin/sh\nfor word; do case $word in --remote=*) exec {} \"$@\";; esac; done\nexec {} \"$@\"\n",
        env!("CARGO_BIN_EXE_v2m-engine"),
        example("fake-engine", "fake-engine").display()
    );
    fs::write(&engine, script).unwrap();
    fs::set_permissions(&engine, PermissionsExt::from_mode(0o755)).unwrap();
    let vad = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/ggml-silero-v6.2.0.bin");
    fs::copy(vad, house.path("data/v2m/ggml-silero-v6.2.0.bin")).unwrap();
    house
}

fn configure(house: &House, url: &str, more: &str) {
    let engine = "[engine]\nbackend = \"remote\"\nlanguage = \"en\"\n";
    let config = CONFIG.replace("[engine]\n", engine);
    let remote = "connect_seconds = 1\ntimeout_seconds = 2\nmodel = \"big\"\n";
    house.configure(&format!("{config}[remote]\nbase_url = {url:?}\n{remote}{more}"));
}

fn sample() -> String {
    format!("{}/assets/sample.wav", env!("CARGO_MANIFEST_DIR"))
}

/// Returns the double's text for the sample.
fn digest() -> String {
    let mut sound = hound::WavReader::open(sample()).unwrap();
    text_of(&sound.samples().map(Result::unwrap).collect::<Vec<i16>>())
}

fn transcribed(service: &Service) -> String {
    let answer = service.connect().ask_with("TRANSCRIBE_FILE", json!({"file_path": sample()}));
    answer["text"].as_str().unwrap().to_owned()
}

fn engine(service: &Service) -> Value {
    service.connect().ask("GET_STATUS")["engine"].clone()
}

#[test]
fn a_server_transcribes_and_status_says_where_the_sound_goes() {
    let server = SpeechServer::new(Says(SPOKEN.into()));
    let house = house(&server.url);
    configure(&house, &server.url, "");
    let _remote = Remote::start(&house);
    let service = house.start();
    let told = service.ready();
    assert!(told.contains("big on remote"), "{told}");
    let status = engine(&service);
    assert_eq!((&status["backend"], &status["model"]), (&json!("remote"), &json!("big")));
    assert_eq!(status["server"], server.url);
    assert!(status["device"].as_str().unwrap().contains(&server.url), "{status}");
    assert!(status.get("passed_over").is_none(), "{status}");
    // The first request was a second of silence, which makes the server load its model while the
    // user speaks.
    assert_eq!(server.requests()[0].sound(), vec![0; 16_000]);

    let text = transcribed(&service);
    assert!(text.starts_with(SPOKEN), "{text}");
    let sent: usize = server.requests()[1..].iter().map(|request| request.sound().len()).sum();
    assert!(sent > 16_000 * 5, "{sent} samples were sent");
    for request in &server.requests() {
        assert_eq!(request.field("language").as_deref(), Some("en"));
        assert_eq!(request.field("model").as_deref(), Some("big"));
    }
    assert_eq!(service.lives("double").len(), 0, "the engine here was not needed");
    let house = service.end();
    assert!(!house.log().contains("fellow"), "what was said is in no log");
}

/// Returns a house with a server at this address. If the server fails, Canary takes over, and a
/// Whisper model detects Spanish.
fn house_with_canary(url: &str) -> House {
    let house = house(url);
    put_synthetic(&house, "canary", &["en", "es"]);
    house.install("-gguf");
    house.model("listener", "lmgg\u{7f}\u{7f}\u{7f}\0; begin speaks es");
    let engine = "[engine]\nbackend = \"remote\"\nlanguages = [\"en\", \"es\"]\n";
    let config = CONFIG.replace("[engine]\n", engine).replace("double", "canary");
    let remote = "connect_seconds = 1\ntimeout_seconds = 2\nmodel = \"big\"\n";
    house.configure(&format!("{config}[remote]\nbase_url = {url:?}\n{remote}"));
    house
}

#[test]
fn what_a_server_hears_has_no_language_detected_here() {
    let server = SpeechServer::new(Says(SPOKEN.into()));
    let house = house_with_canary(&server.url);
    let _remote = Remote::start(&house);
    let service = house.start();
    service.ready();
    assert!(transcribed(&service).starts_with(SPOKEN));
    for request in &server.requests() {
        assert_ne!(request.field("language").as_deref(), Some("es"), "none was assumed");
    }
    assert_eq!(service.lives("listener").len(), 0);
    service.end();
}

/// Starts a recording, and waits until the server has received a piece of it.
fn record_until_heard(studio: &Studio, server: &SpeechServer) {
    let before = server.requests().len();
    let mut levels = studio.service.connect().subscribe(&["level"]);
    studio.service.connect().ask("START_RECORDING");
    wait_for("the server to hear a piece", || {
        levels.receive().unwrap();
        (server.requests().len() > before).then_some(())
    });
}

/// Asserts that the answer is the text of the whole recording, in Spanish, as the listener
/// detected.
fn is_spanish(service: &Service, answer: &Value) {
    assert_eq!(answer["language"], "es", "{answer}");
    let wav = service.kept("wav").pop().unwrap();
    assert_eq!(answer["text"], text_of(&v2m::store::read_pcm(&wav).unwrap()), "{answer}");
    wait_for("the record", || (service.records().last()?["state"] == "delivered").then_some(()));
    assert_eq!(service.records().last().unwrap()["language"], "es");
}

/// The server detects the language itself, but Canary, which takes over, cannot.
#[test]
fn a_server_that_fails_in_the_middle_of_a_dictation_leaves_its_language_to_be_detected() {
    let server = SpeechServer::new(Says(SPOKEN.into()));
    let house = house_with_canary(&server.url);
    let _remote = Remote::start(&house);
    let studio = Studio::saying(house, Path::new(&sample()));
    let service = &studio.service;
    // The server fails while the user speaks.
    record_until_heard(&studio, &server);
    server.now(Drops);
    let mut levels = service.connect().subscribe(&["level"]);
    let log = service.path("data/v2m/models/canary.log");
    wait_for("Canary's turn", || {
        levels.receive().unwrap();
        fs::read_to_string(&log).unwrap_or_default().contains("begin").then_some(())
    });
    assert_eq!(service.connect().ask("GET_STATUS")["state"], "recording");
    is_spanish(service, &service.connect().ask("STOP_RECORDING"));
    assert_eq!(service.lives("listener").len(), 1);
    // The next press does not ask the server.
    studio.record(3);
    is_spanish(service, &service.connect().ask("STOP_RECORDING"));
    studio.service.end();
}

#[test]
fn a_server_that_fails_after_the_stop_leaves_the_language_to_be_detected() {
    let server = SpeechServer::new(Says(SPOKEN.into()));
    let house = house_with_canary(&server.url);
    let _remote = Remote::start(&house);
    let studio = Studio::saying(house, Path::new(&sample()));
    // The server does not answer a request from the recording until v2m's timeout.
    server.now(Hangs(""));
    record_until_heard(&studio, &server);
    is_spanish(&studio.service, &studio.service.connect().ask("STOP_RECORDING"));
    // The same with a file, which is complete from the start.
    let house = studio.service.end();
    server.now(Says(SPOKEN.into()));
    let service = house.start();
    service.ready();
    server.now(Drops);
    let file = service.connect().ask_with("TRANSCRIBE_FILE", json!({"file_path": sample()}));
    assert_eq!((&file["language"], &file["text"]), (&json!("es"), &json!(digest())), "{file}");
    service.end();
}

#[test]
fn a_server_that_is_away_before_the_start_leaves_the_language_to_be_detected() {
    let house = house_with_canary(&SpeechServer::nowhere());
    let _remote = Remote::start(&house);
    let studio = Studio::with(house);
    studio.record(3);
    is_spanish(&studio.service, &studio.service.connect().ask("STOP_RECORDING"));
    studio.service.end();
}

/// The press comes before v2m knows whether the server answers.
#[test]
fn a_dictation_that_waits_for_the_server_has_its_language_detected_when_there_is_none() {
    let server = SpeechServer::new(Hangs(""));
    let house = house_with_canary(&server.url);
    let _remote = Remote::start(&house);
    let studio = Studio::with(house);
    // The service is ready with Canary now. Restart it and press at once, before that.
    studio.service.connect().ask("SHUTDOWN");
    let studio = studio.ended().start();
    studio.record(3);
    let service = &studio.service;
    is_spanish(service, &service.connect().ask("STOP_RECORDING"));
    studio.service.end();
}

/// The settings change in the middle of a dictation: the old model detected the language itself,
/// but the new one cannot.
#[test]
fn a_model_that_is_changed_in_the_middle_of_a_dictation_is_told_its_language() {
    let house = house_with_canary(&SpeechServer::nowhere());
    house.model("double", "");
    house.configure(&CONFIG.replace("[engine]\n", "[engine]\nlanguages = [\"en\", \"es\"]\n"));
    let studio = Studio::with(house);
    let service = &studio.service;
    studio.record(3);
    let set = json!({"updates": {"engine": {"model": "canary"}}});
    service.connect().ask_with("UPDATE_CONFIG", set);
    is_spanish(service, &service.connect().ask("STOP_RECORDING"));
    studio.service.end();
}

/// The preview's words are shown, whichever engine transcribes.
#[test]
fn a_preview_goes_on_when_the_server_fails() {
    let server = SpeechServer::new(Says(SPOKEN.into()));
    let house = house(&server.url);
    house.install("-gguf");
    fs::write(house.path("data/v2m/models/words.gguf"), "").unwrap();
    configure(&house, &server.url, "");
    let config = fs::read_to_string(house.config_file()).unwrap();
    house.configure(&config.replace("[engine]\n", "[engine]\npreview = \"words\"\n"));
    let _remote = Remote::start(&house);
    let studio = Studio::saying(house, Path::new(&sample()));
    let service = &studio.service;
    wait_for("the preview", || (engine(service)["preview"]["state"] == "warm").then_some(()));
    record_until_heard(&studio, &server);
    server.now(Drops);
    let mut levels = service.connect().subscribe(&["level"]);
    wait_for("the engine here", || {
        levels.receive().unwrap();
        (engine(service)["backend"] == "cpu").then_some(())
    });
    let mut watcher = service.connect().subscribe(&["transcription_update"]);
    wait_for("words that the preview writes now", || {
        let event = watcher.receive().unwrap();
        event["data"]["text"].as_str()?.starts_with("preview of ").then_some(())
    });
    let answer = service.connect().ask("STOP_RECORDING");
    let wav = service.kept("wav").pop().unwrap();
    assert_eq!(answer["text"], text_of(&v2m::store::read_pcm(&wav).unwrap()), "{answer}");
    studio.service.end();
}

#[test]
fn whatever_is_wrong_with_a_server_the_engine_here_gets_the_same_sound() {
    let json = "200 OK\r\ncontent-type: application/json";
    let raw = |head: &'static str, body: &str| Raw(head, body.to_owned());
    let cases: [(&str, Behaviour, &str); 13] = [
        ("refused", Drops, "cannot be reached"),
        ("timeout", Hangs("HTTP/1.1 200 OK\r\n"), "within 2s"),
        ("401", raw("401 Unauthorized", "{}"), "asks for a key"),
        ("404", raw("404 Not Found", "Not Found"), "often ends in /v1"),
        ("429", raw("429 Too Many", "busy"), "answered 429"),
        ("500", raw("500 Oh", "oops"), "answered 500: oops"),
        ("HTML", raw("200 OK", "<html>"), "web page"),
        ("truncated", raw(json, "{\"text\":\"And so"), "no whole JSON"),
        ("types", raw(json, "{\"text\":[1]}"), "has no text"),
        ("endless", Endless, "too long"),
        ("empty", Says(String::new()), "wrote nothing"),
        ("loop", Says("so so so so so so so so".into()), "repeats itself"),
        ("much", Says(much()), "more than can be said"),
    ];
    for (name, behaviour, part) in cases {
        let server = SpeechServer::new(Says(SPOKEN.into()));
        let house = house(&server.url);
        let _remote = Remote::start(&house);
        let service = house.start();
        service.ready();
        server.now(behaviour);
        assert_eq!(transcribed(&service), digest(), "{name}");
        let status = engine(&service);
        assert_eq!(status["backend"], "cpu", "{name}");
        assert_eq!(status["passed_over"][0]["backend"], "remote", "{name}: {status}");
        let reason = status["passed_over"][0]["reason"].as_str().unwrap().to_owned();
        assert!(reason.contains(part), "{name}: {reason}");
        assert!(!reason.contains(char::is_control), "{name}: {reason}");
        // The failed server is not asked again for each dictation, so this text comes at once.
        let before = server.requests().len();
        assert_eq!(transcribed(&service), digest(), "{name}");
        assert_eq!(server.requests().len(), before, "{name}");
        let log = service.end().log();
        let told = log.lines().filter(|line| line.contains("is not used")).count();
        assert_eq!(told, 1, "{name}: {log}");
    }
}

/// Returns words without repetition, more than anybody can say in eleven seconds.
fn much() -> String {
    let word = |n: u64| format!("{:x} ", n.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29));
    (1..100).map(word).collect()
}

#[test]
fn control_characters_of_a_server_reach_nobody() {
    let said = "My \u{1b}[3fellow\u{0} Americans\u{202e}";
    let server = SpeechServer::new(Says(said.into()));
    let house = house(&server.url);
    let _remote = Remote::start(&house);
    let service = house.start();
    service.ready();
    let text = transcribed(&service);
    assert!(text.contains("fellow Americans"), "{text}");
    assert!(!text.chars().any(|c| c.is_control() || c == '\u{202e}'), "{text:?}");
    service.end();
}

#[test]
fn a_server_that_is_away_from_the_beginning_is_no_problem_and_nobody_waits_for_it() {
    let url = SpeechServer::nowhere();
    let house = house(&url);
    let _remote = Remote::start(&house);
    let service = house.start();
    let told = service.ready();
    assert!(told.contains("double on cpu"), "{told}");
    assert_eq!(transcribed(&service), digest());
    let status = engine(&service);
    assert!(status["passed_over"][0]["reason"].as_str().unwrap().contains(&url), "{status}");
    service.end();
}

/// Regression: the server was never asked, and each dictation was refused.
#[test]
fn without_the_engine_of_the_model_the_server_works_alone() {
    let server = SpeechServer::new(Says(SPOKEN.into()));
    let house = house(&server.url);
    put_synthetic(&house, "canary", &["en", "es"]);
    let engine_settings = "[engine]\nbackend = \"remote\"\nlanguage = \"en\"\n";
    let config = CONFIG.replace("[engine]\n", engine_settings).replace("double", "canary");
    let remote = "connect_seconds = 1\ntimeout_seconds = 2\nmodel = \"big\"\n";
    house.configure(&format!("{config}[remote]\nbase_url = {:?}\n{remote}", server.url));
    let _remote = Remote::start(&house);
    let service = house.start();
    let told = service.ready();
    assert!(told.contains("big on remote"), "{told}");
    assert!(transcribed(&service).starts_with(SPOKEN));

    server.now(Drops);
    let file = json!({"file_path": sample()});
    let (_, text) = service.connect().refused_with("TRANSCRIBE_FILE", file);
    for part in [server.url.as_str(), "cannot be reached", "v2m-engine-gguf"] {
        assert!(text.contains(part), "{text}");
    }
    assert_eq!(engine(&service)["state"], "failed");

    // The next file asks it at once.
    server.now(Says(SPOKEN.into()));
    assert!(transcribed(&service).starts_with(SPOKEN));
    assert_eq!(engine(&service)["backend"], "remote");
    service.end();
}

#[test]
fn without_an_address_or_without_v2m_remote_the_engine_here_works_and_says_why() {
    let house = house("");
    let service = house.start();
    service.ready();
    assert_eq!(transcribed(&service), digest());
    let status = engine(&service);
    let reason = status["passed_over"][0]["reason"].as_str().unwrap();
    assert!(reason.contains("remote.base_url is not set"), "{reason}");
    assert!(status.get("server").is_none(), "{status}");
    // There is a server's address but no `v2m-remote`, because there is no systemd here.
    let house = service.end();
    let server = SpeechServer::new(Says(SPOKEN.into()));
    configure(&house, &server.url, "");
    let service = house.start();
    service.ready();
    assert_eq!(transcribed(&service), digest());
    let status = engine(&service);
    let reason = status["passed_over"][0]["reason"].as_str().unwrap();
    assert!(reason.contains("systemctl --user start v2m-remote.socket"), "{reason}");
    assert_eq!(server.requests().len(), 0);
    service.end();
}

#[test]
fn nothing_is_sent_where_the_backend_is_another_one() {
    let server = SpeechServer::new(Says(SPOKEN.into()));
    let house = house(&server.url);
    let _remote = Remote::start(&house);
    house.configure(&format!("{CONFIG}[remote]\nbase_url = {:?}\n", server.url));
    let service = house.start();
    service.ready();
    assert_eq!(transcribed(&service), digest());
    assert!(engine(&service).get("server").is_none());
    assert_eq!(server.requests().len(), 0);
    // The setting takes effect at once, both when it is set and when it is removed.
    let set = |backend: &str| {
        let change = json!({"engine": {"backend": backend}});
        service.connect().ask_with("UPDATE_CONFIG", change);
    };
    set("remote");
    wait_for("the server", || (engine(&service)["backend"] == "remote").then_some(()));
    assert!(transcribed(&service).contains("fellow"));
    set("auto");
    wait_for("the double", || (engine(&service)["backend"] == "cpu").then_some(()));
    let before = server.requests().len();
    assert_eq!(transcribed(&service), digest());
    assert_eq!(server.requests().len(), before);
    service.end();
}

#[test]
fn v2m_remote_that_dies_costs_nothing() {
    let server = SpeechServer::new(Says(SPOKEN.into()));
    let house = house(&server.url);
    let socket = house.path("run/v2m/remote.sock");
    fs::create_dir_all(socket.parent().unwrap()).unwrap();
    let listener = UnixListener::bind(&socket).unwrap();
    let mut remote = Remote(Remote::spawn(&house, listener.try_clone().unwrap()));
    let service = house.start();
    service.ready();
    assert!(transcribed(&service).contains("fellow"));
    remote.0.kill().unwrap();
    remote.0.wait().unwrap();
    // Start it again, as systemd does at the next connection.
    remote.0 = Remote::spawn(&service, listener);
    assert!(transcribed(&service).contains("fellow"));
    assert_eq!(engine(&service)["backend"], "remote");
    service.end();
}
