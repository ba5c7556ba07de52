//! A v2m that the test plays, as far as the tray knows it.

use std::collections::HashMap;
use std::sync::mpsc::Sender;
use zbus::{Connection, OwnedVariant, Variant, fdo};

const PATH: &str = "/org/v2m/Dictation1";

/// What it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    Toggle,
    Cancel,
    Deliver(String, String),
    Change(Vec<(String, String)>),
}

/// Its one object.
pub(crate) struct Dictation {
    state: String,
    since: f64,
    reason: String,
    asks: Sender<Told>,
}

impl Dictation {
    pub(crate) fn new(asks: Sender<Told>) -> Self {
        Self { state: "idle".to_owned(), since: 0.0, reason: String::new(), asks }
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
        let all = [
            entry("3", "and so my fellow_Americans"),
            entry("2", ""),
            entry("1", "Grüße\nan alle"),
        ];
        (all.into_iter().take(limit as usize).collect(), false)
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

/// It changes its state, and says so.
pub(crate) async fn is(bus: &Connection, state: &str, since: f64, reason: &str) {
    let object = bus.object_server().interface::<_, Dictation>(PATH).await.unwrap();
    let emitter = object.signal_emitter();
    let mut inside = object.get_mut().await;
    (inside.state, inside.since, inside.reason) = (state.to_owned(), since, reason.to_owned());
    inside.recording_since_changed(emitter).await.unwrap();
    inside.reason_changed(emitter).await.unwrap();
    inside.state_changed(emitter).await.unwrap();
}
