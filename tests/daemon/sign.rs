//! Tests the visible feedback of a dictation: notifications, and the sign on the screen, which
//! shows the states in their place. The test plays the receivers of both, on a private bus.

use crate::house::{CONFIG, House};
use crate::preview;
use crate::recording::Studio;
use serde_json::json;
use std::collections::HashMap;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;
use tokio::sync::mpsc;
use v2m_testkit::private_bus::PrivateBus;
use zbus::{Connection, OwnedVariant};

/// A message to the notification service or to the sign.
#[derive(Debug, PartialEq)]
enum Seen {
    /// Its title and urgency.
    Notification(String, u8),
    Closed,
    /// Its kind, its title, the state that follows, and the words.
    Sign(String, String, String, String),
}

struct Notifications(Sender<Seen>);

#[zbus::interface(name = "org.freedesktop.Notifications")]
impl Notifications {
    fn get_capabilities(&self) -> Vec<String> {
        vec!["body".into()]
    }

    fn get_server_information(&self) -> (&str, &str, &str, &str) {
        ("some desktop", "test", "1", "1.2")
    }

    #[expect(clippy::too_many_arguments, reason = "the specification's")]
    fn notify(
        &self,
        _app_name: String,
        _replaces: u32,
        _icon: String,
        summary: String,
        _body: String,
        _actions: Vec<String>,
        hints: HashMap<String, OwnedVariant>,
        _expires: i32,
    ) -> u32 {
        let urgency = u8::try_from(&*hints["urgency"]).unwrap();
        self.0.send(Seen::Notification(summary, urgency)).unwrap();
        7
    }

    fn close_notification(&self, _id: u32) {
        self.0.send(Seen::Closed).unwrap();
    }
}

#[zbus::proxy(
    interface = "org.v2m.Dictation1",
    default_service = "org.v2m.Dictation1",
    default_path = "/org/v2m/Dictation1"
)]
trait Dictation {
    #[zbus(signal)]
    fn sign(&self, kind: String, details: HashMap<String, OwnedVariant>) -> zbus::Result<()>;
}

/// A desktop on its own thread, because the test's thread waits for the service.
struct Desk {
    studio: Studio,
    seen: Receiver<Seen>,
    /// Whether the sign is on the bus.
    signs: mpsc::Sender<bool>,
    _bus: PrivateBus,
}

impl Desk {
    fn new(settings: &str) -> Self {
        let config = CONFIG.replace("notify = false\n", "");
        Self::with(House::new(""), &format!("{config}{settings}"))
    }

    fn with(mut house: House, config: &str) -> Self {
        let bus = PrivateBus::start();
        let (seen_by, seen) = channel();
        let (signs, wanted) = mpsc::channel(1);
        let (up, is_up) = channel();
        let address = bus.address.clone();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(play(address, seen_by, wanted, up));
        });
        is_up.recv().unwrap();
        house.bus = Some(bus.address.clone());
        house.configure(config);
        Self { studio: Studio::with(house), seen, signs, _bus: bus }
    }

    fn sees(&self) -> Seen {
        self.seen.recv_timeout(Duration::from_secs(10)).expect("something is shown")
    }

    fn sees_sign(&self, kind: &str, then: &str) {
        match self.sees() {
            Seen::Sign(seen, title, on, _) => {
                assert_eq!((seen.as_str(), on.as_str()), (kind, then), "{title}");
                assert_eq!(title.is_empty(), kind == "idle");
            }
            other => panic!("{other:?} in place of the sign {kind}"),
        }
    }

    /// Waits until the sign gets this outcome. Before it, a state may be sent again.
    fn sees_outcome(&self, kind: &str) {
        loop {
            match self.sees() {
                Seen::Sign(seen, _, then, _) if seen == kind => return assert_eq!(then, "idle"),
                Seen::Sign(state, _, then, _) if then.is_empty() => assert_ne!(state, "idle"),
                other => panic!("{other:?} in place of the sign {kind}"),
            }
        }
    }

    /// Waits until the sign has words in this state.
    fn sees_words(&self, kind: &str) -> String {
        loop {
            match self.sees() {
                Seen::Sign(seen, .., words) if seen == kind && !words.is_empty() => return words,
                _ => {}
            }
        }
    }

    fn sees_notification(&self, title: &str, urgency: u8) {
        assert_eq!(self.sees(), Seen::Notification(title.into(), urgency));
    }

    fn ask(&self, command: &str) {
        self.studio.service.connect().ask(command);
    }

    /// Presses the key while v2m refuses presses.
    fn presses_in_vain(&self) {
        let (code, _) = self.studio.service.connect().refused("START_RECORDING");
        assert_eq!(code, "paused");
    }
}

async fn play(
    address: String,
    seen: Sender<Seen>,
    mut wanted: mpsc::Receiver<bool>,
    up: Sender<()>,
) {
    let builder = || zbus::connection::Builder::address(address.as_str());
    let service = builder()
        .serve_at("/org/freedesktop/Notifications", Notifications(seen.clone()))
        .name("org.freedesktop.Notifications");
    let _service = service.build().await.unwrap();
    up.send(()).unwrap();
    let mut sign: Option<Connection> = None;
    while let Some(wanted) = wanted.recv().await {
        if !wanted {
            // As if it crashed.
            sign.take().unwrap().close().await.unwrap();
            continue;
        }
        let connection = builder().build().await.unwrap();
        let dictation = DictationProxy::new(&connection).await.unwrap();
        let mut signals = dictation.receive_sign().await.unwrap();
        connection.request_name(v2m::dbus::SIGN).await.unwrap();
        let seen = seen.clone();
        tokio::spawn(async move {
            loop {
                let next = std::future::poll_fn(|context| {
                    let signals = std::pin::Pin::new(&mut signals);
                    futures_core::Stream::poll_next(signals, context)
                });
                let Some(signal) = next.await else { return };
                let told = signal.args().unwrap();
                let text = |key| {
                    let value = told.details.get(key).map(|value| <&str>::try_from(&**value));
                    value.map_or_else(String::new, |text| text.unwrap().to_owned())
                };
                let shown =
                    Seen::Sign(told.kind.clone(), text("title"), text("then"), text("text"));
                // The test may have ended.
                let _ = seen.send(shown);
            }
        });
        sign = Some(connection);
    }
}

#[test]
fn a_sign_on_the_screen_takes_the_place_of_banners_and_gives_it_back_when_it_goes() {
    let desk = Desk::new("");
    desk.signs.blocking_send(true).unwrap();
    desk.sees_sign("idle", "");
    desk.studio.record(2);
    desk.sees_sign("recording", "");
    desk.ask("STOP_RECORDING");
    desk.sees_outcome("delivered");
    // A cancelled dictation is confirmed, and its state ends.
    desk.studio.record(2);
    desk.sees_sign("recording", "");
    desk.ask("CANCEL_RECORDING");
    desk.sees_outcome("cancelled");
    desk.sees_sign("idle", "");
    // A problem is a notification even with a sign.
    desk.ask("PAUSE_DAEMON");
    desk.presses_in_vain();
    let both = [desk.sees(), desk.sees()];
    assert!(both.contains(&Seen::Notification("Dictation is paused".into(), 2)), "{both:?}");
    assert!(both.iter().any(|it| matches!(it, Seen::Sign(kind, ..) if kind == "problem")));
    desk.ask("RESUME_DAEMON");

    // The sign crashes during a recording: the banner appears immediately. The problem's
    // notification has been closed before.
    desk.studio.record(2);
    let mut seen = [desk.sees(), desk.sees()];
    seen.sort_by_key(|seen| matches!(seen, Seen::Closed | Seen::Notification(..)));
    assert!(matches!(&seen[0], Seen::Sign(kind, ..) if kind == "recording"), "{seen:?}");
    desk.signs.blocking_send(false).unwrap();
    loop {
        match desk.sees() {
            Seen::Notification(title, urgency) if title == "Recording" => {
                assert_eq!(urgency, 1);
                break;
            }
            Seen::Sign(..) | Seen::Closed | Seen::Notification(..) => {}
        }
    }
    // Another sign starts, and gets the current state.
    desk.signs.blocking_send(true).unwrap();
    let both = [desk.sees(), desk.sees()];
    assert!(both.contains(&Seen::Closed), "{both:?}");
    assert!(both.iter().any(|it| matches!(it, Seen::Sign(kind, ..) if kind == "recording")));
    desk.ask("STOP_RECORDING");
    desk.sees_outcome("delivered");
    desk.studio.service.end();
}

/// Regression: at the stop, the sign showed no words, or those of a draft that ended earlier.
#[test]
fn the_words_of_a_preview_stay_on_the_sign_until_the_text_is_there() {
    let house = House::new("finish wait");
    preview::add(&house, "");
    let desk = Desk::with(house, &preview::wanted().replace("notify = false\n", ""));
    let service = &desk.studio.service;
    preview::loaded(service);
    desk.signs.blocking_send(true).unwrap();
    desk.studio.record(8);
    let said = desk.sees_words("recording");
    assert!(said.starts_with("preview of "), "{said}");
    let mut client = service.connect();
    client.send("STOP_RECORDING", json!({}));
    let stays = desk.sees_words("transcribing");
    assert!(stays.starts_with("preview of "), "{stays}");
    service.go();
    client.receive().unwrap();
    desk.sees_outcome("delivered");
    desk.studio.service.end();
}

#[test]
fn without_notifications_what_costs_words_is_shown_all_the_same() {
    let desk = Desk::new("");
    let quiet = json!({"feedback": {"notify": "none"}});
    desk.studio.service.connect().ask_with("UPDATE_CONFIG", quiet);
    desk.studio.record(2);
    desk.ask("STOP_RECORDING");
    desk.ask("PAUSE_DAEMON");
    desk.presses_in_vain();
    // There were no notifications of the recording or its text before this one.
    desk.sees_notification("Dictation is paused", 2);
    // This also holds with a sign, because the user may not look at it.
    desk.signs.blocking_send(true).unwrap();
    desk.sees_sign("idle", "");
    desk.presses_in_vain();
    let both = [desk.sees(), desk.sees()];
    assert!(both.contains(&Seen::Notification("Dictation is paused".into(), 2)), "{both:?}");
    assert!(both.iter().any(|it| matches!(it, Seen::Sign(kind, ..) if kind == "problem")));
    let service = desk.studio.service;
    service.end();
    // The notification was still there, and is closed at the end.
    assert_eq!(desk.seen.recv_timeout(Duration::from_secs(10)), Ok(Seen::Closed));
}

#[test]
fn the_older_setting_still_turns_notifications_off() {
    let desk = Desk::new("notify = false\n");
    desk.studio.record(2);
    desk.ask("STOP_RECORDING");
    desk.ask("PAUSE_DAEMON");
    desk.presses_in_vain();
    desk.sees_notification("Dictation is paused", 2);
    desk.studio.service.end();
}
