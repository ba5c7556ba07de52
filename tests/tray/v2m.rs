//! A double of v2m, as far as the tray uses it.

use futures_core::Stream;
use std::collections::HashMap;
use std::pin::Pin;
use std::sync::mpsc::Sender;
use zbus::{Connection, Message, MessageStream, OwnedVariant, Variant, fdo};

const PATH: &str = "/org/v2m/Dictation1";

/// A request to v2m.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    Toggle,
    Start,
    Stop,
    Cancel,
    Deliver(String, String),
    Change(Vec<(String, String)>),
}

/// Its one object.
pub(crate) struct Dictation {
    state: String,
    since: f64,
    reason: String,
    /// The newest text, if one was added.
    newest: Option<&'static str>,
    asks: Sender<Told>,
}

impl Dictation {
    pub(crate) fn new(asks: Sender<Told>) -> Self {
        Self { state: "idle".to_owned(), since: 0.0, reason: String::new(), newest: None, asks }
    }
}

fn entry(id: &str, words: &str) -> HashMap<String, OwnedVariant> {
    let pairs = [("id", id), ("first_words", words), ("state", "done")];
    pairs.map(|(key, value)| (key.to_owned(), Variant::from(value).try_into().unwrap())).into()
}

#[zbus::interface(name = "org.v2m.Dictation1")]
impl Dictation {
    fn toggle(&self) -> (String, String) {
        self.asks.send(Told::Toggle).unwrap();
        ("recording".to_owned(), String::new())
    }

    fn start(&self) -> String {
        self.asks.send(Told::Start).unwrap();
        "recording".to_owned()
    }

    fn stop(&self) -> (String, String) {
        self.asks.send(Told::Stop).unwrap();
        ("transcribing".to_owned(), String::new())
    }

    fn cancel(&self) -> fdo::Result<String> {
        self.asks.send(Told::Cancel).unwrap();
        Ok("idle".to_owned())
    }

    fn history(
        &self,
        _search: String,
        _since: String,
        _before: String,
        limit: u32,
    ) -> (Vec<HashMap<String, OwnedVariant>>, bool) {
        let others = [
            entry("3", "and so my fellow_Americans"),
            entry("2", ""),
            entry("1", "Grüße\nan alle"),
        ];
        let all = self.newest.map(|words| entry("4", words)).into_iter().chain(others);
        (all.take(limit as usize).collect(), false)
    }

    fn deliver_dictation(&self, which: String, deliver: String) -> (bool, String) {
        let arrives = which != "1";
        self.asks.send(Told::Deliver(which, deliver)).unwrap();
        (arrives, "The <text> did not arrive.".to_owned())
    }

    fn settings(&self) -> HashMap<String, String> {
        let settings = [("language", "es"), ("microphone", "")];
        settings.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
    }

    fn microphones(&self) -> Vec<(String, String)> {
        let all = [("alsa_input.pci", "Built-in Audio"), ("alsa_input.usb", "Head_set")];
        all.map(|(name, description)| (name.to_owned(), description.to_owned())).into()
    }

    fn change_settings(&self, changes: HashMap<String, String>) {
        self.asks.send(Told::Change(changes.into_iter().collect())).unwrap();
    }

    #[zbus(property)]
    fn state(&self) -> String {
        self.state.clone()
    }

    #[zbus(property)]
    fn recording_since(&self) -> f64 {
        self.since
    }

    #[zbus(property)]
    fn reason(&self) -> String {
        self.reason.clone()
    }
}

/// Changes the state, and signals it.
pub(crate) async fn is(bus: &Connection, state: &str, since: f64, reason: &str) {
    let object = bus.object_server().interface::<_, Dictation>(PATH).await.unwrap();
    let emitter = object.signal_emitter();
    let mut inside = object.get_mut().await;
    (inside.state, inside.since, inside.reason) = (state.to_owned(), since, reason.to_owned());
    inside.recording_since_changed(emitter).await.unwrap();
    inside.reason_changed(emitter).await.unwrap();
    inside.state_changed(emitter).await.unwrap();
}

/// Adds a text.
pub(crate) async fn writes(bus: &Connection, words: &'static str) {
    let object = bus.object_server().interface::<_, Dictation>(PATH).await.unwrap();
    object.get_mut().await.newest = Some(words);
}

/// Plays a v2m that begins to record while the tray asks for its state: the answer arrives after
/// the signal and is older. Only the answer has `since`. Takes the name once it listens.
pub(crate) async fn answers_late(bus: Connection, name: &'static str, since: f64) {
    let mut messages = MessageStream::from(&bus);
    bus.request_name(name).await.unwrap();
    let properties = "org.freedesktop.DBus.Properties";
    loop {
        let next = std::future::poll_fn(|context| Pin::new(&mut messages).poll_next(context)).await;
        let Some(Ok(asked)) = next else { return };
        let header = asked.header();
        if header.member().is_none_or(|member| member.as_str() != "GetAll") {
            continue;
        }
        let news = HashMap::from([("State", Variant::from("recording"))]);
        let signal = Message::signal(PATH, properties, "PropertiesChanged");
        let signal = signal.build(&(name, news, Vec::<String>::new())).unwrap();
        bus.send(&signal).await.unwrap();
        let all = [("State", Variant::from("idle")), ("RecordingSince", Variant::from(since))];
        let reply = Message::method_return(&header).build(&HashMap::from(all)).unwrap();
        bus.send(&reply).await.unwrap();
    }
}
