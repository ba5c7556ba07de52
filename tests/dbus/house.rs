//! The door on a private bus. The test plays a client and the daemon.

use std::time::Duration;
use tokio::sync::{broadcast, mpsc, watch};
use v2m::call::{
    Answer, Call, CaptureStatus, DeliverStatus, EngineStatus, Event, Progress, Ram, Request, Status,
};
use v2m::dbus::{self, Door};
use v2m::session::{DeliverMode, EngineState, JobId, State, Transcript};
use v2m_testkit::private_bus::{Gate, PrivateBus};
use zbus::OwnedVariant;

pub(crate) const WORDS: &str = "Grüße — “€5” ñ 日";

/// A separate module, because the macro names a type after each signal.
pub(crate) mod client {
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
        fn start_with(&self, options: HashMap<&str, zbus::Variant<'_>>) -> zbus::Result<String>;
        fn toggle_with(
            &self,
            options: HashMap<&str, zbus::Variant<'_>>,
        ) -> zbus::Result<(String, String)>;
        fn transcribe_file(&self, path: &str) -> zbus::Result<(String, String)>;
        fn retry(&self, number: u32, model: &str, language: &str)
        -> zbus::Result<(String, String)>;
        fn process_text(
            &self,
            text: &str,
            preset: &str,
            instruction: &str,
        ) -> zbus::Result<(String, String)>;
        fn translate_text(&self, text: &str, language: &str) -> zbus::Result<(String, String)>;
        fn history(
            &self,
            search: &str,
            since: &str,
            before: &str,
            limit: u32,
        ) -> zbus::Result<(Vec<HashMap<String, OwnedVariant>>, bool)>;
        fn get_dictation(&self, which: &str) -> zbus::Result<HashMap<String, OwnedVariant>>;
        fn deliver_dictation(&self, which: &str, deliver: &str) -> zbus::Result<(bool, String)>;
        fn delete_dictations(&self, which: &str) -> zbus::Result<(u32, Vec<(String, String)>)>;
        fn settings(&self) -> zbus::Result<HashMap<String, String>>;
        fn microphones(&self) -> zbus::Result<Vec<(String, String)>>;
        fn change_settings(&self, changes: HashMap<&str, &str>) -> zbus::Result<()>;
        fn subscribe_level(&self) -> zbus::Result<()>;
        fn unsubscribe_level(&self) -> zbus::Result<()>;
        fn subscribe(&self) -> zbus::Result<()>;
        fn unsubscribe(&self) -> zbus::Result<()>;
        fn status(&self) -> zbus::Result<HashMap<String, OwnedVariant>>;
        #[zbus(property)]
        fn state(&self) -> zbus::Result<String>;
        #[zbus(property)]
        fn engine_state(&self) -> zbus::Result<String>;
        #[zbus(property)]
        fn recording_since(&self) -> zbus::Result<f64>;
        #[zbus(property)]
        fn reason(&self) -> zbus::Result<String>;
        #[zbus(property)]
        fn version(&self) -> zbus::Result<String>;
        #[zbus(signal)]
        fn transcription_update(&self, text: String, r#final: bool, job: u32) -> zbus::Result<()>;
        #[zbus(signal)]
        fn level(&self, rms: f64, peak: f64) -> zbus::Result<()>;
        #[zbus(signal)]
        fn delivery(&self, by: String, ok: bool, detail: String) -> zbus::Result<()>;
        #[zbus(signal)]
        fn sign(&self, kind: String, details: HashMap<String, OwnedVariant>) -> zbus::Result<()>;
    }
}
use client::DictationProxy;

pub(crate) struct Daemon {
    pub(crate) bus: PrivateBus,
    /// v2m's connection to the bus; the client has its own.
    pub(crate) gate: Gate,
    pub(crate) _door: Door,
    pub(crate) calls: mpsc::Receiver<Call>,
    pub(crate) events: broadcast::Sender<Event>,
    /// The owner of the sign's name, as the door reports it.
    pub(crate) sign: watch::Receiver<Option<String>>,
    pub(crate) client: DictationProxy<'static>,
}

impl Daemon {
    pub(crate) async fn start(events_kept: usize) -> Self {
        let bus = PrivateBus::start();
        let (calls_in, calls) = mpsc::channel(8);
        let (events, heard) = broadcast::channel(events_kept);
        let gate = Gate::to(&bus.address);
        let address = Some(gate.address.as_str());
        let sign = watch::Sender::new(None);
        let (state, engine) = (State::Idle, EngineState::Loading);
        let door = dbus::serve(address, calls_in, heard, state, engine, sign.clone()).await;
        let client = DictationProxy::new(&bus.builder().build().await.unwrap()).await.unwrap();
        Self { bus, gate, _door: door.unwrap(), calls, events, sign: sign.subscribe(), client }
    }

    /// Connects another program to the bus.
    pub(crate) async fn another(&self) -> DictationProxy<'static> {
        DictationProxy::new(&self.bus.builder().build().await.unwrap()).await.unwrap()
    }

    pub(crate) async fn call(&mut self) -> Call {
        soon(self.calls.recv()).await.unwrap()
    }
}

pub(crate) async fn soon<T>(awaited: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(10), awaited).await.expect("it came at all")
}

/// Returns the next item of a zbus stream.
pub(crate) async fn next<S: futures_core::Stream + Unpin>(stream: &mut S) -> S::Item {
    soon(std::future::poll_fn(|context| std::pin::Pin::new(&mut *stream).poll_next(context)))
        .await
        .unwrap()
}

pub(crate) fn transcript(text: &str) -> Answer {
    let transcript = Transcript {
        text: text.into(),
        unrefined: None,
        language: "de".into(),
        samples: 16_000,
        segments: Vec::new(),
        gaps: Vec::new(),
        audio_path: None,
        preset: None,
        deliveries: Vec::new(),
        problems: Vec::new(),
    };
    Answer::Transcript { state: State::Idle, transcript }
}

pub(crate) fn error_of(error: zbus::Error) -> (String, String) {
    match error {
        zbus::Error::MethodError(name, text, _) => (name.to_string(), text.unwrap_or_default()),
        other => panic!("not a D-Bus error of v2m's: {other}"),
    }
}

pub(crate) fn status(state: State) -> Status {
    Status {
        preset: None,
        state,
        language: "auto".into(),
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
            server: None,
            unfollowed: Vec::new(),
            preview: None,
        },
        capture: CaptureStatus { realtime: Some(false), gaps: 2, missing: 24_000 },
        deliver: Some(DeliverStatus {
            mode: DeliverMode::Auto,
            way: DeliverMode::Clipboard,
            backend: None,
            reason: "the desktop would ask".into(),
        }),
        uptime_s: 5,
        progress: Progress::default(),
        problem: None,
    }
}

impl Daemon {
    /// Subscribes a client to changes of the name's owner.
    pub(crate) async fn owners(&self) -> zbus::fdo::NameOwnerChangedStream {
        let connection = self.bus.builder().build().await.unwrap();
        let bus = zbus::fdo::DBusProxy::new(&connection).await.unwrap();
        bus.receive_name_owner_changed_with_args(&[(0, dbus::NAME)]).await.unwrap()
    }

    /// Answers the one call with which v2m updates its state after missed events.
    pub(crate) async fn catches_up_with(&mut self, state: State) {
        let call = self.call().await;
        assert_eq!(call.request, Request::Status);
        call.reply.send(Ok(Answer::Status(Box::new(status(state))))).unwrap();
    }
}

pub(crate) fn said(text: &str) -> Event {
    Event::TranscriptionUpdate { job: JobId(1), text: text.into(), is_final: false }
}

pub(crate) fn delivered() -> Event {
    let detail = "on the clipboard".into();
    let delivery = v2m::session::Delivery { by: "clipboard", backend: None, ok: true, detail };
    Event::Delivery { job: Some(JobId(1)), delivery }
}
