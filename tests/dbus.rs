//! The session-bus interface as another program meets it, at a real bus.
#![allow(clippy::unwrap_used, reason = "a test's helpers may")]

use std::time::Duration;
use tokio::sync::{broadcast, mpsc};
use v2m::call::{
    Answer, Call, CaptureStatus, EngineStatus, Event, Ram, Request, Status, Task, TextSource,
    TextWork,
};
use v2m::dbus::{self, Door, DoorError};
use v2m::session::{Code, Command, EngineState, Failure, JobId, State, Transcript};
use v2m_testkit::private_bus::{Gate, PrivateBus};
use zbus::OwnedVariant;

const WORDS: &str = "Grüße — “€5” ñ 日";

/// Apart, because the macro names a type after each signal.
mod client {
    use super::OwnedVariant;
    use std::collections::HashMap;

    #[zbus::proxy(
        interface = "org.v2m.Dictation1",
        default_service = "org.v2m.Dictation1",
        default_path = "/org/v2m/Dictation1"
    )]
    pub(crate) trait Dictation {
        fn toggle(&self) -> zbus::Result<(String, String)>;
        fn start(&self) -> zbus::Result<String>;
        fn stop(&self) -> zbus::Result<(String, String)>;
        fn transcribe_file(&self, path: &str) -> zbus::Result<(String, String)>;
        fn process_text(
            &self,
            text: &str,
            preset: &str,
            instruction: &str,
        ) -> zbus::Result<(String, String)>;
        fn translate_text(&self, text: &str, language: &str) -> zbus::Result<(String, String)>;
        fn subscribe(&self) -> zbus::Result<()>;
        fn unsubscribe(&self) -> zbus::Result<()>;
        fn status(&self) -> zbus::Result<HashMap<String, OwnedVariant>>;
        #[zbus(property)]
        fn state(&self) -> zbus::Result<String>;
        #[zbus(property)]
        fn engine_state(&self) -> zbus::Result<String>;
        #[zbus(property)]
        fn version(&self) -> zbus::Result<String>;
        #[zbus(signal)]
        fn transcription_update(&self, text: String, r#final: bool, job: u32) -> zbus::Result<()>;
        #[zbus(signal)]
        fn delivery(&self, by: String, ok: bool, detail: String) -> zbus::Result<()>;
    }
}
use client::DictationProxy;

struct Daemon {
    bus: PrivateBus,
    /// v2m's way to the bus; the client has its own.
    gate: Gate,
    _door: Door,
    calls: mpsc::Receiver<Call>,
    events: broadcast::Sender<Event>,
    client: DictationProxy<'static>,
}

impl Daemon {
    async fn start(events_kept: usize) -> Self {
        let bus = PrivateBus::start();
        let (calls_in, calls) = mpsc::channel(8);
        let (events, heard) = broadcast::channel(events_kept);
        let gate = Gate::to(&bus.address);
        let address = Some(gate.address.as_str());
        let door = dbus::serve(address, calls_in, heard, State::Idle, EngineState::Loading).await;
        let client = DictationProxy::new(&bus.builder().build().await.unwrap()).await.unwrap();
        Self { bus, gate, _door: door.unwrap(), calls, events, client }
    }

    /// Another program on the bus.
    async fn another(&self) -> DictationProxy<'static> {
        DictationProxy::new(&self.bus.builder().build().await.unwrap()).await.unwrap()
    }

    async fn call(&mut self) -> Call {
        soon(self.calls.recv()).await.unwrap()
    }
}

async fn soon<T>(awaited: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(10), awaited).await.expect("it came at all")
}

/// The next item of one of zbus's streams.
async fn next<S: futures_core::Stream + Unpin>(stream: &mut S) -> S::Item {
    soon(std::future::poll_fn(|context| std::pin::Pin::new(&mut *stream).poll_next(context)))
        .await
        .unwrap()
}

fn transcript(text: &str) -> Answer {
    let transcript = Transcript {
        text: text.into(),
        unrefined: None,
        language: "de".into(),
        samples: 16_000,
        segments: Vec::new(),
        gaps: Vec::new(),
        audio_path: None,
        deliveries: Vec::new(),
        problems: Vec::new(),
    };
    Answer::Transcript { state: State::Idle, transcript }
}

fn error_of(error: zbus::Error) -> (String, String) {
    match error {
        zbus::Error::MethodError(name, text, _) => (name.to_string(), text.unwrap_or_default()),
        other => panic!("not a D-Bus error of v2m's: {other}"),
    }
}

#[tokio::test]
async fn commands_are_the_daemons_calls_and_a_stop_that_waits_holds_up_nothing() {
    let mut daemon = Daemon::start(8).await;
    let client = daemon.client.clone();
    let stop = tokio::spawn(async move { client.stop().await });
    let stopping = daemon.call().await;
    assert_eq!(stopping.request, Request::Session(Command::Stop));

    let client = daemon.client.clone();
    let toggle = tokio::spawn(async move { client.toggle().await });
    let toggling = daemon.call().await;
    assert_eq!(toggling.request, Request::Session(Command::Toggle));
    let busy = Failure::new(Code::Busy, "A transcription is under way. Wait for it.");
    toggling.reply.send(Err(busy)).unwrap();
    let (name, text) = error_of(soon(toggle).await.unwrap().unwrap_err());
    assert_eq!(name, "org.v2m.Error.Busy");
    assert_eq!(text, "A transcription is under way. Wait for it.");

    stopping.reply.send(Ok(transcript(WORDS))).unwrap();
    assert_eq!(soon(stop).await.unwrap().unwrap(), ("idle".to_owned(), WORDS.to_owned()));
}

#[tokio::test]
async fn a_call_that_is_dropped_unanswered_is_an_error_not_silence() {
    let mut daemon = Daemon::start(8).await;
    let client = daemon.client.clone();
    let start = tokio::spawn(async move { client.start().await });
    drop(daemon.call().await);
    let (name, _) = error_of(soon(start).await.unwrap().unwrap_err());
    assert_eq!(name, "org.v2m.Error.Internal");
    daemon.calls.close();
    let (name, _) = error_of(daemon.client.start().await.unwrap_err());
    assert_eq!(name, "org.v2m.Error.ShuttingDown");
}

#[tokio::test]
async fn a_relative_path_is_refused_before_it_reaches_the_daemon() {
    let mut daemon = Daemon::start(8).await;
    let (name, text) = error_of(daemon.client.transcribe_file("x.wav").await.unwrap_err());
    assert_eq!(name, "org.v2m.Error.BadRequest");
    assert!(text.contains("absolute"), "{text}");
    assert!(daemon.calls.try_recv().is_err());

    let client = daemon.client.clone();
    let transcribe = tokio::spawn(async move { client.transcribe_file("/tmp/x.wav").await });
    let call = daemon.call().await;
    assert_eq!(call.request, Request::TranscribeFile { path: "/tmp/x.wav".into(), track: None });
    call.reply.send(Ok(transcript(WORDS))).unwrap();
    assert_eq!(soon(transcribe).await.unwrap().unwrap().1, WORDS);
}

#[tokio::test]
async fn texts_are_the_daemons_work_and_come_back_with_its_errors() {
    let mut daemon = Daemon::start(8).await;
    let given = |task| {
        let source = TextSource::Given("so um".into());
        Request::Text(TextWork { source, task, deliver: None })
    };
    let client = daemon.client.clone();
    let asked = tokio::spawn(async move { client.process_text("so um", "email", "").await });
    let call = daemon.call().await;
    let task = Task::Rewrite { instruction: None, preset: Some("email".into()) };
    assert_eq!(call.request, given(task));
    let text = Answer::Text {
        state: State::Idle,
        text: "So.".into(),
        original: None,
        deliveries: Vec::new(),
    };
    call.reply.send(Ok(text)).unwrap();
    assert_eq!(soon(asked).await.unwrap().unwrap(), ("idle".to_owned(), "So.".to_owned()));

    let client = daemon.client.clone();
    let asked = tokio::spawn(async move { client.translate_text("so um", "").await });
    let call = daemon.call().await;
    assert_eq!(call.request, given(Task::Translate { into: None }));
    let nobody = Failure::new(Code::LlmUnavailable, "Nobody is there.");
    call.reply.send(Err(nobody)).unwrap();
    let (name, text) = error_of(soon(asked).await.unwrap().unwrap_err());
    assert_eq!(
        (name.as_str(), text.as_str()),
        ("org.v2m.Error.LlmUnavailable", "Nobody is there.\nso um")
    );
    let (name, _) = error_of(daemon.client.translate_text(" ", "de").await.unwrap_err());
    assert_eq!(name, "org.v2m.Error.NoText");
}

#[tokio::test]
async fn events_become_properties_and_signals() {
    let daemon = Daemon::start(8).await;
    let client = &daemon.client;
    assert_eq!(client.state().await.unwrap(), "idle");
    assert_eq!(client.engine_state().await.unwrap(), "loading");
    assert_eq!(client.version().await.unwrap(), env!("CARGO_PKG_VERSION"));
    let mut states = client.receive_state_changed().await;
    let mut engines = client.receive_engine_state_changed().await;
    let mut texts = client.receive_transcription_update().await.unwrap();
    let mut deliveries = client.receive_delivery().await.unwrap();
    client.subscribe().await.unwrap();
    assert_eq!(next(&mut states).await.get().await.unwrap(), "idle");
    assert_eq!(next(&mut engines).await.get().await.unwrap(), "loading");

    let recording = Event::State { state: State::Recording, job: Some(JobId(8)) };
    daemon.events.send(recording).unwrap();
    let warm = Event::Engine { state: EngineState::Warm, backend: Some("cpu".into()) };
    daemon.events.send(warm).unwrap();
    daemon.events.send(Event::Level { dbfs: -20.0 }).unwrap();
    let update = Event::TranscriptionUpdate { job: JobId(7), text: WORDS.into(), is_final: true };
    daemon.events.send(update).unwrap();
    let delivery = v2m::session::Delivery {
        by: "clipboard",
        backend: None,
        ok: false,
        detail: "no display".into(),
    };
    daemon.events.send(Event::Delivery { job: None, delivery }).unwrap();

    assert_eq!(next(&mut states).await.get().await.unwrap(), "recording");
    assert_eq!(next(&mut engines).await.get().await.unwrap(), "warm");
    let text = next(&mut texts).await;
    let text = text.args().unwrap();
    assert_eq!((text.text.as_str(), *text.r#final(), text.job), (WORDS, true, 7));
    let delivery = next(&mut deliveries).await;
    let delivery = delivery.args().unwrap();
    assert_eq!((delivery.by.as_str(), delivery.ok), ("clipboard", false));
}

fn said(text: &str) -> Event {
    Event::TranscriptionUpdate { job: JobId(1), text: text.into(), is_final: false }
}

fn delivered() -> Event {
    let detail = "on the clipboard".into();
    let delivery = v2m::session::Delivery { by: "clipboard", backend: None, ok: true, detail };
    Event::Delivery { job: Some(JobId(1)), delivery }
}

/// Every program on the bus could read what was said, sandboxed ones too, by listening.
#[tokio::test]
async fn the_text_as_it_grows_is_told_to_those_alone_who_asked() {
    let daemon = Daemon::start(8).await;
    let (asks, listens) = (daemon.another().await, daemon.another().await);
    let mut texts = asks.receive_transcription_update().await.unwrap();
    let mut overheard = listens.inner().receive_all_signals().await.unwrap();
    asks.subscribe().await.unwrap();
    asks.subscribe().await.unwrap();
    daemon.events.send(said("one")).unwrap();
    daemon.events.send(said("two")).unwrap();
    daemon.events.send(delivered()).unwrap();
    for expected in ["one", "two"] {
        assert_eq!(next(&mut texts).await.args().unwrap().text, expected);
    }
    // The bus keeps the order: had the texts been for all, they would be here before it.
    assert_eq!(next(&mut overheard).await.header().member().unwrap().as_str(), "Delivery");

    asks.unsubscribe().await.unwrap();
    let mut deliveries = asks.receive_delivery().await.unwrap();
    daemon.events.send(said("three")).unwrap();
    daemon.events.send(delivered()).unwrap();
    next(&mut deliveries).await;
    let waiting = std::future::poll_fn(|context| {
        let polled = futures_core::Stream::poll_next(std::pin::Pin::new(&mut texts), context);
        std::task::Poll::Ready(polled.is_pending())
    });
    assert!(waiting.await);
}

#[tokio::test]
async fn sixteen_may_be_told_and_who_leaves_makes_room() {
    let daemon = Daemon::start(8).await;
    let mut told = Vec::new();
    for _ in 0..16 {
        told.push(daemon.another().await);
        told.last().unwrap().subscribe().await.unwrap();
    }
    let one_more = daemon.another().await;
    let (name, _) = error_of(one_more.subscribe().await.unwrap_err());
    assert_eq!(name, "org.v2m.Error.Busy");
    told.pop().unwrap().inner().connection().clone().close().await.unwrap();
    // The bus tells v2m of it beside this.
    let subscribed = async {
        while one_more.subscribe().await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    soon(subscribed).await;
}

/// Hours of work went on for a program that had ended.
#[tokio::test]
async fn work_for_a_caller_that_leaves_the_bus_ends() {
    let mut daemon = Daemon::start(8).await;
    let asked: [fn(DictationProxy<'static>) -> tokio::task::JoinHandle<()>; 3] = [
        |client| tokio::spawn(async move { drop(client.transcribe_file("/tmp/x.wav").await) }),
        |client| tokio::spawn(async move { drop(client.process_text("so um", "", "").await) }),
        |client| tokio::spawn(async move { drop(client.translate_text("so um", "de").await) }),
    ];
    for ask in asked {
        let client = daemon.another().await;
        let waiting = ask(client.clone());
        let mut call = daemon.call().await;
        assert!(!call.reply.is_closed());
        client.inner().connection().clone().close().await.unwrap();
        soon(call.reply.closed()).await;
        waiting.abort();
    }
    // What was said is worth its text, whoever asked for it.
    let client = daemon.another().await;
    let stop = {
        let client = client.clone();
        tokio::spawn(async move { drop(client.stop().await) })
    };
    let stopping = daemon.call().await;
    let mut others = daemon.client.inner().receive_all_signals().await.unwrap();
    client.inner().connection().clone().close().await.unwrap();
    stop.abort();
    daemon.events.send(delivered()).unwrap();
    next(&mut others).await;
    assert!(!stopping.reply.is_closed());
}

#[tokio::test]
async fn more_calls_than_the_socket_has_connections_are_refused() {
    let mut daemon = Daemon::start(8).await;
    let mut waiting = Vec::new();
    for _ in 0..64 {
        let client = daemon.client.clone();
        let asked = tokio::spawn(async move { client.stop().await });
        waiting.push((asked, daemon.call().await));
    }
    let (name, _) = error_of(daemon.client.start().await.unwrap_err());
    assert_eq!(name, "org.v2m.Error.Busy");
    for (asked, call) in waiting {
        call.reply.send(Ok(transcript(WORDS))).unwrap();
        soon(asked).await.unwrap().unwrap();
    }
}

fn status(state: State) -> Status {
    Status {
        state,
        pending: 2,
        cpu_percent: 12.5,
        ram: Ram { total: 8 << 30, used: 1 << 30 },
        gpu: None,
        engine: EngineStatus {
            state: EngineState::Warm,
            backend: Some("cpu".into()),
            device: None,
            model: Some("base-q8_0".into()),
            loaded_in_ms: Some(310),
            memory_bytes: None,
            passed_over: vec![("cuda", "there is no driver".into())],
        },
        capture: CaptureStatus { realtime: Some(false), gaps: 2, missing: 24_000 },
        uptime_s: 5,
        problem: None,
    }
}

#[tokio::test]
async fn status_is_a_dictionary_without_what_has_no_value() {
    let mut daemon = Daemon::start(8).await;
    let client = daemon.client.clone();
    let asked = tokio::spawn(async move { client.status().await });
    let call = daemon.call().await;
    call.reply.send(Ok(Answer::Status(Box::new(status(State::Recording))))).unwrap();
    let told = soon(asked).await.unwrap().unwrap();
    assert_eq!(<&str>::try_from(&*told["state"]).unwrap(), "recording");
    assert_eq!(u32::try_from(&*told["pending"]).unwrap(), 2);
    assert_eq!(<&str>::try_from(&*told["backend"]).unwrap(), "cpu");
    assert_eq!(u64::try_from(&*told["loaded_in_ms"]).unwrap(), 310);
    assert_eq!(<&str>::try_from(&*told["passed_over"]).unwrap(), "cuda: there is no driver");
    assert_eq!(u32::try_from(&*told["gaps"]).unwrap(), 2);
    assert_eq!(f64::try_from(&*told["missing_s"]).unwrap().to_bits(), 1.5_f64.to_bits());
    assert!(!bool::try_from(&*told["realtime"]).unwrap());
    assert!(!told.contains_key("gpu") && !told.contains_key("problem"));
}

#[tokio::test]
async fn events_that_were_missed_are_made_up_for_by_asking() {
    let mut daemon = Daemon::start(1).await;
    let mut states = daemon.client.receive_state_changed().await;
    assert_eq!(next(&mut states).await.get().await.unwrap(), "idle");
    // Nothing is awaited between these: the relay finds the first two gone.
    for state in [State::Recording, State::Transcribing, State::Idle] {
        daemon.events.send(Event::State { state, job: None }).unwrap();
    }
    let call = daemon.call().await;
    assert_eq!(call.request, Request::Status);
    call.reply.send(Ok(Answer::Status(Box::new(status(State::Paused))))).unwrap();
    assert_eq!(next(&mut states).await.get().await.unwrap(), "paused");
}

#[tokio::test]
async fn introspection_tells_what_there_is_and_what_it_does() {
    let daemon = Daemon::start(8).await;
    let connection = daemon.bus.builder().build().await.unwrap();
    let reply = connection
        .call_method(
            Some(dbus::NAME),
            dbus::PATH,
            Some("org.freedesktop.DBus.Introspectable"),
            "Introspect",
            &(),
        )
        .await
        .unwrap();
    let xml: String = reply.body().deserialize().unwrap();
    for expected in [
        r#"<method name="Toggle">"#,
        r#"<arg name="text" type="s" direction="out"/>"#,
        r#"<signal name="TranscriptionUpdate">"#,
        r#"<arg name="final" type="b"/>"#,
        r#"<property name="EngineState" type="s" access="read"/>"#,
        "Drops the recording, audio and text;",
    ] {
        assert!(xml.contains(expected), "{expected} is not in\n{xml}");
    }
}

#[tokio::test]
async fn a_second_v2m_and_a_missing_bus_are_told_apart() {
    let daemon = Daemon::start(8).await;
    let serve = async |bus: &str| {
        let (calls, _) = mpsc::channel(1);
        let events = daemon.events.subscribe();
        dbus::serve(Some(bus), calls, events, State::Idle, EngineState::Absent).await.unwrap_err()
    };
    assert!(matches!(serve(&daemon.bus.address).await, DoorError::NameTaken));
    let missing = serve("unix:path=/nonexistent/bus").await;
    assert!(matches!(missing, DoorError::Unreachable(_)));
    assert!(missing.to_string().contains("the socket works all the same"));
}

impl Daemon {
    /// What a client of the bus sees next of the name's owner.
    async fn owners(&self) -> zbus::fdo::NameOwnerChangedStream {
        let connection = self.bus.builder().build().await.unwrap();
        let bus = zbus::fdo::DBusProxy::new(&connection).await.unwrap();
        bus.receive_name_owner_changed_with_args(&[(0, dbus::NAME)]).await.unwrap()
    }

    /// Answers the one call by which v2m makes up for what it missed.
    async fn catches_up_with(&mut self, state: State) {
        let call = self.call().await;
        assert_eq!(call.request, Request::Status);
        call.reply.send(Ok(Answer::Status(Box::new(status(state))))).unwrap();
    }
}

/// A NUL in a text once made the bus throw v2m off, until the service was restarted.
#[tokio::test]
async fn thrown_off_the_bus_v2m_comes_back_with_its_name_and_its_state() {
    let mut daemon = Daemon::start(8).await;
    let mut owners = daemon.owners().await;
    for state in [State::Recording, State::Transcribing] {
        daemon.gate.throw_off();
        assert!(next(&mut owners).await.args().unwrap().new_owner().is_none(), "thrown off");
        assert!(next(&mut owners).await.args().unwrap().new_owner().is_some(), "back");
        daemon.catches_up_with(state).await;
        // Properties may be cached by clients; this asks.
        let told = async || daemon.client.state().await;
        let mut now = told().await;
        while now.as_deref().is_ok_and(|now| now != state.name()) {
            tokio::task::yield_now().await;
            now = told().await;
        }
        assert_eq!(now.unwrap(), state.name());
    }
    let mut texts = daemon.client.receive_transcription_update().await.unwrap();
    daemon.client.subscribe().await.unwrap();
    let update = Event::TranscriptionUpdate { job: JobId(7), text: WORDS.into(), is_final: true };
    daemon.events.send(update).unwrap();
    assert_eq!(next(&mut texts).await.args().unwrap().text, WORDS);
    let client = daemon.client.clone();
    let start = tokio::spawn(async move { client.start().await });
    let call = daemon.call().await;
    let answer = Answer::State { state: State::Recording, message: None };
    call.reply.send(Ok(answer)).unwrap();
    assert_eq!(soon(start).await.unwrap().unwrap(), "recording");
}

#[tokio::test]
async fn a_bus_that_is_started_again_has_v2m_on_it_and_a_press_does_not_wait_for_it() {
    let mut daemon = Daemon::start(8).await;
    daemon.bus.restart();
    let events = daemon.events.clone();
    // While it is away: what is told meanwhile is not waited for.
    let press = Event::State { state: State::Recording, job: Some(JobId(1)) };
    events.send(press).unwrap();
    daemon.catches_up_with(State::Recording).await;
    let connection = daemon.bus.builder().build().await.unwrap();
    let client = DictationProxy::new(&connection).await.unwrap();
    assert_eq!(client.version().await.unwrap(), env!("CARGO_PKG_VERSION"));
    let mut states = client.receive_state_changed().await;
    assert_eq!(next(&mut states).await.get().await.unwrap(), "recording");
    events.send(Event::State { state: State::Idle, job: None }).unwrap();
    assert_eq!(next(&mut states).await.get().await.unwrap(), "idle");
}

/// What is no plain text does not reach the bus: it would close the connection for a NUL.
#[tokio::test]
async fn texts_are_plain_on_the_bus() {
    let mut daemon = Daemon::start(8).await;
    let mut texts = daemon.client.receive_transcription_update().await.unwrap();
    daemon.client.subscribe().await.unwrap();
    let wild = "a\0b\u{1b}]52;c;aGk=\u{7}\u{202e}c";
    let update = Event::TranscriptionUpdate { job: JobId(7), text: wild.into(), is_final: true };
    daemon.events.send(update).unwrap();
    assert_eq!(next(&mut texts).await.args().unwrap().text, "ab]52;c;aGk=c");

    let client = daemon.client.clone();
    let stop = tokio::spawn(async move { client.stop().await });
    daemon.call().await.reply.send(Ok(transcript(wild))).unwrap();
    assert_eq!(soon(stop).await.unwrap().unwrap().1, "ab]52;c;aGk=c");

    let client = daemon.client.clone();
    let start = tokio::spawn(async move { client.start().await });
    let failure = Failure { text: Some(wild.into()), ..Failure::new(Code::Busy, wild) };
    daemon.call().await.reply.send(Err(failure)).unwrap();
    let (_, text) = error_of(soon(start).await.unwrap().unwrap_err());
    assert_eq!(text, "ab]52;c;aGk=c\nab]52;c;aGk=c");

    let client = daemon.client.clone();
    let asked =
        tokio::spawn(async move { client.process_text("so\u{1b}um", "", "a\u{9b}b").await });
    let call = daemon.call().await;
    let task = Task::Rewrite { instruction: Some("ab".into()), preset: None };
    let source = TextSource::Given("soum".into());
    assert_eq!(call.request, Request::Text(TextWork { source, task, deliver: None }));
    drop(call);
    assert!(soon(asked).await.unwrap().is_err());
}
