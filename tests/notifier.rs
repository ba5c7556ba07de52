//! The notification of a dictation, at a real bus and a notification service that records its
//! calls.
#![allow(clippy::unwrap_used, reason = "a test's helpers may")]

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;
use tokio::sync::{Mutex, MutexGuard, mpsc, watch};
use v2m::deliver::{Notice, Notifier};
use v2m::session::{Code, Delivery, Failure};
use v2m_testkit::private_bus::{Gate, PrivateBus};
use zbus::{Connection, OwnedVariant};

#[derive(Debug)]
enum Seen {
    Shown {
        replaces: u32,
        icon: String,
        summary: String,
        body: String,
        urgency: u8,
        transient: bool,
    },
    Closed(u32),
}

/// What a desktop's notification service does, as far as v2m can tell.
struct Service {
    last_id: u32,
    name: &'static str,
    hangs: watch::Receiver<bool>,
    seen: mpsc::Sender<Seen>,
}

#[zbus::interface(name = "org.freedesktop.Notifications")]
impl Service {
    fn get_capabilities(&self) -> Vec<String> {
        vec!["body".into(), "body-markup".into()]
    }

    fn get_server_information(&self) -> (&str, &str, &str, &str) {
        (self.name, "test", "1", "1.2")
    }

    #[expect(clippy::too_many_arguments, reason = "the specification's")]
    async fn notify(
        &mut self,
        app_name: String,
        replaces: u32,
        icon: String,
        summary: String,
        body: String,
        _actions: Vec<String>,
        hints: HashMap<String, OwnedVariant>,
        _expires: i32,
    ) -> u32 {
        assert_eq!(app_name, "v2m");
        let urgency = u8::try_from(&*hints["urgency"]).unwrap();
        let transient = bool::try_from(&*hints["transient"]).unwrap();
        let shown = Seen::Shown { replaces, icon, summary, body, urgency, transient };
        self.seen.send(shown).await.unwrap();
        self.hangs.wait_for(|hangs| !hangs).await.unwrap();
        if replaces != 0 {
            return replaces;
        }
        self.last_id += 1;
        self.last_id
    }

    async fn close_notification(&self, id: u32) {
        self.seen.send(Seen::Closed(id)).await.unwrap();
    }
}

/// Held while a test has its address in the environment, the one place where notify-rust looks for
/// a bus.
static SESSION: Mutex<()> = Mutex::const_new(());

fn make_session_bus(address: &str) {
    // SAFETY: the caller holds SESSION, so no other test reads or writes the environment now.
    unsafe { std::env::set_var("DBUS_SESSION_BUS_ADDRESS", address) };
}

struct Desktop {
    bus: PrivateBus,
    service: Option<Connection>,
    name: &'static str,
    hangs: watch::Sender<bool>,
    seen: mpsc::Receiver<Seen>,
    seen_by: mpsc::Sender<Seen>,
    _session: MutexGuard<'static, ()>,
}

impl Desktop {
    async fn start() -> Self {
        Self::named("some desktop").await
    }

    async fn named(name: &'static str) -> Self {
        let (seen_by, seen) = mpsc::channel(32);
        let session = SESSION.lock().await;
        let bus = PrivateBus::start();
        make_session_bus(&bus.address);
        let mut desktop = Self {
            bus,
            service: None,
            name,
            hangs: watch::Sender::new(false),
            seen,
            seen_by,
            _session: session,
        };
        desktop.start_service(0).await;
        desktop
    }

    async fn start_service(&mut self, last_id: u32) {
        let (name, hangs) = (self.name, self.hangs.subscribe());
        let service = Service { last_id, name, hangs, seen: self.seen_by.clone() };
        let connection = self
            .bus
            .builder()
            .serve_at("/org/freedesktop/Notifications", service)
            .name("org.freedesktop.Notifications")
            .build();
        self.service = Some(connection.await.unwrap());
    }

    async fn stop_service(&mut self) {
        self.service.take().unwrap().close().await.unwrap();
    }

    fn notifier(&self) -> Notifier {
        Notifier::spawn(None, None)
    }

    /// One that leaves word for the next run, in this folder.
    fn run(&self, folder: &Path) -> Notifier {
        let note = folder.join("v2m/note.json");
        Notifier::spawn(Some(note), None)
    }

    /// The user takes the notification away.
    async fn dismiss(&self, id: u32) {
        let service = self.service.as_ref().unwrap();
        let path = "/org/freedesktop/Notifications";
        let interface = "org.freedesktop.Notifications";
        let body = (id, 2_u32);
        let told = service.emit_signal(NOBODY, path, interface, "NotificationClosed", &body);
        told.await.unwrap();
    }

    async fn sees(&mut self) -> Seen {
        tokio::time::timeout(Duration::from_secs(10), self.seen.recv())
            .await
            .expect("the notification service was called")
            .unwrap()
    }
}

/// A signal to all.
const NOBODY: Option<&str> = None;

fn text(text: &str) -> Notice {
    let detail = "on the clipboard".into();
    let delivery = Delivery { by: "clipboard", backend: None, ok: true, detail };
    Notice::Text { text: text.into(), deliveries: vec![delivery], problems: Vec::new() }
}

fn undelivered() -> Notice {
    let detail = "not pasted: no window took it; press Ctrl+V where you want it".into();
    let failed = Delivery { by: "paste", backend: None, ok: false, detail };
    Notice::Text { text: "one".into(), deliveries: vec![failed], problems: Vec::new() }
}

fn refusal() -> Notice {
    Notice::Problem(Failure::new(Code::BadConfig, "line 1").lasting())
}

#[tokio::test]
async fn one_notification_is_replaced_in_place_through_a_dictation() {
    let mut desktop = Desktop::start().await;
    let notifier = desktop.notifier();

    notifier.progress(Notice::Recording { so_far: None, stops_after: None });
    let Seen::Shown { replaces: 0, icon, transient: true, .. } = desktop.sees().await else {
        panic!("the recording was not shown anew and in passing");
    };
    assert_eq!(icon, "audio-input-microphone");

    let transcribing = Notice::Transcribing { so_far: Some("Grüße".into()) };
    assert!(notifier.show(transcribing).await.ok);
    assert!(matches!(desktop.sees().await, Seen::Shown { replaces: 1, .. }));

    let delivery = notifier.show(text("Grüße — “€5” ñ 日 <b>&</b>")).await;
    assert!(delivery.ok, "{}", delivery.detail);
    assert_eq!(delivery.by, "notification");
    let Seen::Shown { replaces: 1, summary, body, urgency: 1, transient: false, .. } =
        desktop.sees().await
    else {
        panic!("the text did not take the place of the progress");
    };
    assert_eq!(summary, "On the clipboard");
    assert_eq!(body, "Grüße — “€5” ñ 日 &lt;b&gt;&amp;&lt;/b&gt;");

    // Nothing is going on: the text stays.
    assert!(notifier.show(Notice::Closed).await.ok);
    assert!(notifier.show(Notice::Recording { so_far: None, stops_after: None }).await.ok);
    assert!(matches!(desktop.sees().await, Seen::Shown { replaces: 1, .. }));
    assert!(notifier.show(Notice::Closed).await.ok);
    assert!(matches!(desktop.sees().await, Seen::Closed(1)));
}

#[tokio::test]
async fn gnome_is_shown_again_what_it_would_hide_while_it_is_true() {
    let mut desktop = Desktop::named("gnome-shell").await;
    let notifier = desktop.notifier();
    assert!(
        notifier
            .show(Notice::Recording { so_far: Some("Grüße".into()), stops_after: None })
            .await
            .ok
    );
    for number in [0, 1, 1] {
        let Seen::Shown { replaces, body, .. } = desktop.sees().await else { panic!("closed") };
        assert_eq!((replaces, body.as_str()), (number, "Grüße"));
    }
    assert!(notifier.show(Notice::Closed).await.ok);
    assert!(matches!(desktop.sees().await, Seen::Closed(1)));
}

#[tokio::test]
async fn on_gnome_what_is_shown_again_and_again_steps_back_for_a_problem_beside_it() {
    let mut desktop = Desktop::named("gnome-shell").await;
    let sign = desktop.notifier();
    let aside = Notifier::spawn(None, Some(sign.clone()));
    assert!(sign.show(Notice::Recording { so_far: None, stops_after: None }).await.ok);
    assert!(matches!(desktop.sees().await, Seen::Shown { replaces: 0, urgency: 1, .. }));
    let failure = Failure::new(Code::NoMicrophone, "No microphone. Plug one in.");
    assert!(aside.show(Notice::Problem(failure)).await.ok);
    assert!(matches!(desktop.sees().await, Seen::Shown { replaces: 0, urgency: 2, .. }));
    // GNOME shows the problem from here on.
    assert!(matches!(desktop.sees().await, Seen::Closed(1)));
    // That something else is mended meanwhile does not keep it away.
    sign.progress(Notice::Mended(Code::EngineFailed));
    let Seen::Shown { replaces: 0, summary, .. } = desktop.sees().await else { panic!("closed") };
    assert_eq!(summary, "Recording");
    assert!(sign.show(Notice::Closed).await.ok);
    assert!(matches!(desktop.sees().await, Seen::Closed(3)));
}

#[tokio::test]
async fn elsewhere_nothing_steps_back() {
    let mut desktop = Desktop::start().await;
    let sign = desktop.notifier();
    let aside = Notifier::spawn(None, Some(sign.clone()));
    assert!(sign.show(Notice::Recording { so_far: None, stops_after: None }).await.ok);
    assert!(matches!(desktop.sees().await, Seen::Shown { replaces: 0, urgency: 1, .. }));
    let failure = Failure::new(Code::NoMicrophone, "No microphone. Plug one in.");
    assert!(aside.show(Notice::Problem(failure)).await.ok);
    assert!(matches!(desktop.sees().await, Seen::Shown { replaces: 0, urgency: 2, .. }));
    assert!(sign.show(Notice::Transcribing { so_far: None }).await.ok);
    assert!(matches!(desktop.sees().await, Seen::Shown { replaces: 1, .. }));
}

#[tokio::test]
async fn on_gnome_a_problem_is_taken_away_before_the_next_recording_is_shown() {
    let mut desktop = Desktop::named("gnome-shell").await;
    let notifier = desktop.notifier();
    let failure = Failure::new(Code::NoMicrophone, "No microphone. Plug one in.");
    assert!(notifier.show(Notice::Problem(failure)).await.ok);
    assert!(matches!(desktop.sees().await, Seen::Shown { replaces: 0, urgency: 2, .. }));
    assert!(notifier.show(Notice::Recording { so_far: None, stops_after: None }).await.ok);
    assert!(matches!(desktop.sees().await, Seen::Closed(1)));
    assert!(matches!(desktop.sees().await, Seen::Shown { replaces: 0, urgency: 1, .. }));

    let failure = Failure::new(Code::NoMicrophone, "No microphone. Plug one in.");
    notifier.progress(Notice::Problem(failure));
    // As at the service's end: what is on its way is shown first, and nothing critical is left.
    assert!(notifier.show(Notice::Closed).await.ok);
    assert!(matches!(desktop.sees().await, Seen::Shown { replaces: 2, urgency: 2, .. }));
    assert!(matches!(desktop.sees().await, Seen::Closed(2)));
}

#[tokio::test]
async fn a_problem_is_urgent_and_says_what_to_do() {
    let mut desktop = Desktop::start().await;
    let failure = Failure::new(Code::NoMicrophone, "No microphone. Plug one in.");
    assert!(desktop.notifier().show(Notice::Problem(failure)).await.ok);
    let Seen::Shown { body, urgency, .. } = desktop.sees().await else { panic!("not shown") };
    assert_eq!((body.as_str(), urgency), ("No microphone. Plug one in.", 2));
}

#[tokio::test]
async fn a_restarted_service_is_not_told_to_replace_a_strangers_notification() {
    let mut desktop = Desktop::start().await;
    let notifier = desktop.notifier();
    assert!(notifier.show(text("one")).await.ok);
    assert!(matches!(desktop.sees().await, Seen::Shown { replaces: 0, .. }));
    desktop.stop_service().await;

    let delivery = notifier.show(text("two")).await;
    assert!(!delivery.ok);
    assert!(delivery.detail.contains("no notification service runs"), "{}", delivery.detail);

    desktop.start_service(6).await;
    assert!(notifier.show(text("three")).await.ok);
    assert!(matches!(desktop.sees().await, Seen::Shown { replaces: 0, .. }));
    assert!(notifier.show(text("four")).await.ok);
    assert!(matches!(desktop.sees().await, Seen::Shown { replaces: 7, .. }));
}

#[tokio::test]
async fn a_service_that_hangs_is_not_waited_for_and_gets_the_newest_notice_once_it_wakes() {
    let mut desktop = Desktop::start().await;
    let notifier = desktop.notifier();
    desktop.hangs.send_replace(true);
    notifier.progress(Notice::Recording { so_far: None, stops_after: None });
    assert!(matches!(desktop.sees().await, Seen::Shown { replaces: 0, .. }));

    notifier.progress(Notice::Transcribing { so_far: None });
    let delivery = notifier.show(text("hello")).await;
    assert!(!delivery.ok);
    assert!(delivery.detail.contains("has not answered in time"), "{}", delivery.detail);
    assert!(!notifier.show(text("hello again")).await.ok);

    desktop.hangs.send_replace(false);
    let Seen::Shown { replaces: 1, body, .. } = desktop.sees().await else {
        panic!("the notice that waited did not take the first one's place");
    };
    assert_eq!(body, "hello again");
    assert!(notifier.show(text("awake")).await.ok);
}

#[tokio::test]
async fn without_a_bus_the_reason_and_the_remedy_are_told() {
    let _session = SESSION.lock().await;
    make_session_bus("unix:path=/nonexistent/bus");
    let notifier = Notifier::spawn(None, None);
    let delivery = notifier.show(text("hello")).await;
    assert!(!delivery.ok);
    assert!(delivery.detail.contains("no session bus"), "{}", delivery.detail);
}

#[tokio::test]
async fn a_bus_that_was_lost_is_connected_to_anew() {
    let mut desktop = Desktop::start().await;
    let notifier = desktop.notifier();
    assert!(notifier.show(text("one")).await.ok);
    desktop.sees().await;
    desktop.bus.restart();
    desktop.start_service(4).await;
    let delivery = notifier.show(text("two")).await;
    assert!(delivery.ok, "{}", delivery.detail);
    assert!(matches!(desktop.sees().await, Seen::Shown { replaces: 0, .. }));
}

/// A held key on a broken configuration: once 32 processes left 32 notifications, and the one that
/// said "Recording" found no room among them.
#[tokio::test]
async fn runs_that_refuse_to_start_share_one_notification_and_one_that_starts_takes_it_away() {
    let mut desktop = Desktop::start().await;
    let folder = tempfile::tempdir().unwrap();
    for number in [0, 1, 1] {
        assert!(desktop.run(folder.path()).show(refusal()).await.ok);
        let Seen::Shown { replaces, urgency: 2, .. } = desktop.sees().await else {
            panic!("the refusal was not shown as critical")
        };
        assert_eq!(replaces, number);
    }
    let started = desktop.run(folder.path());
    started.progress(Notice::Tidy);
    assert!(matches!(desktop.sees().await, Seen::Closed(1)));
    assert!(started.show(Notice::Recording { so_far: None, stops_after: None }).await.ok);
    assert!(matches!(desktop.sees().await, Seen::Shown { replaces: 0, .. }));
}

#[tokio::test]
async fn what_a_killed_run_said_is_taken_away_by_the_next_one() {
    let mut desktop = Desktop::start().await;
    let folder = tempfile::tempdir().unwrap();
    assert!(
        desktop
            .run(folder.path())
            .show(Notice::Recording { so_far: None, stops_after: None })
            .await
            .ok
    );
    assert!(matches!(desktop.sees().await, Seen::Shown { replaces: 0, .. }));
    let next = desktop.run(folder.path());
    next.progress(Notice::Tidy);
    assert!(matches!(desktop.sees().await, Seen::Closed(1)));
    // And a text that arrived stays, until the next notice comes.
    assert!(next.show(text("one")).await.ok);
    assert!(matches!(desktop.sees().await, Seen::Shown { replaces: 0, .. }));
    drop(next);
    let third = desktop.run(folder.path());
    assert!(third.show(Notice::Tidy).await.ok);
    assert!(third.show(text("two")).await.ok);
    assert!(matches!(desktop.sees().await, Seen::Shown { replaces: 2, .. }));
}

#[tokio::test]
async fn a_restarted_service_is_not_asked_to_take_away_a_strangers_notification() {
    let mut desktop = Desktop::start().await;
    let folder = tempfile::tempdir().unwrap();
    assert!(
        desktop
            .run(folder.path())
            .show(Notice::Recording { so_far: None, stops_after: None })
            .await
            .ok
    );
    assert!(matches!(desktop.sees().await, Seen::Shown { replaces: 0, .. }));
    desktop.stop_service().await;
    desktop.start_service(0).await;
    let next = desktop.run(folder.path());
    assert!(next.show(Notice::Tidy).await.ok);
    assert!(next.show(text("one")).await.ok);
    assert!(matches!(desktop.sees().await, Seen::Shown { replaces: 0, .. }));
}

#[tokio::test]
async fn a_problem_is_taken_away_once_it_is_mended_and_no_other_is() {
    let mut desktop = Desktop::start().await;
    let notifier = desktop.notifier();
    assert!(notifier.show(refusal()).await.ok);
    assert!(matches!(desktop.sees().await, Seen::Shown { .. }));
    assert!(notifier.show(Notice::Mended(Code::EngineFailed)).await.ok);
    assert!(notifier.show(Notice::Mended(Code::BadConfig)).await.ok);
    assert!(matches!(desktop.sees().await, Seen::Closed(1)));
    assert!(notifier.show(text("one")).await.ok);
    assert!(matches!(desktop.sees().await, Seen::Shown { replaces: 0, .. }));
    assert!(notifier.show(Notice::Mended(Code::BadConfig)).await.ok);
    assert!(notifier.show(text("two")).await.ok);
    assert!(matches!(desktop.sees().await, Seen::Shown { replaces: 2, .. }), "the text stayed");
}

#[tokio::test]
async fn a_notification_that_the_user_took_away_is_not_shown_again() {
    let mut desktop = Desktop::named("gnome-shell").await;
    let folder = tempfile::tempdir().unwrap();
    let notifier = desktop.run(folder.path());
    let note = folder.path().join("v2m/note.json");
    assert!(notifier.show(Notice::Recording { so_far: None, stops_after: None }).await.ok);
    assert!(matches!(desktop.sees().await, Seen::Shown { replaces: 0, .. }));
    assert!(note.exists());
    desktop.dismiss(7).await;
    desktop.dismiss(1).await;
    while note.exists() {
        tokio::task::yield_now().await;
    }
    // Nothing came in between, though GNOME is shown again what is true.
    assert!(notifier.show(text("one")).await.ok);
    assert!(matches!(desktop.sees().await, Seen::Shown { replaces: 0, urgency: 1, .. }));
}

#[tokio::test]
async fn a_text_that_did_not_arrive_is_urgent_and_ends_in_the_list_of_past_notifications() {
    let mut desktop = Desktop::named("gnome-shell").await;
    let notifier = desktop.notifier();
    assert!(notifier.show(undelivered()).await.ok);
    let Seen::Shown { summary, urgency: 2, .. } = desktop.sees().await else {
        panic!("not urgent")
    };
    assert_eq!(summary, "Not pasted: no window took it");
    assert!(notifier.show(Notice::Closed).await.ok);
    assert!(matches!(desktop.sees().await, Seen::Closed(1)));
    let Seen::Shown { replaces: 0, urgency: 0, transient: false, .. } = desktop.sees().await else {
        panic!("not listed")
    };
}

#[tokio::test]
async fn what_dunst_may_have_closed_is_not_shown_again() {
    let mut desktop = Desktop::named("dunst").await;
    let notifier = desktop.notifier();
    assert!(notifier.show(undelivered()).await.ok);
    assert!(matches!(desktop.sees().await, Seen::Shown { replaces: 0, urgency: 2, .. }));
    assert!(notifier.show(Notice::Closed).await.ok);
    assert!(matches!(desktop.sees().await, Seen::Closed(1)));
    assert!(notifier.show(text("next")).await.ok);
    let Seen::Shown { replaces: 0, body, .. } = desktop.sees().await else { panic!("closed") };
    assert_eq!(body, "next");
}

/// The bus throws v2m off, and everybody else stays: the notification is there still, or is gone on
/// GNOME.
#[tokio::test]
async fn what_goes_on_is_shown_anew_after_the_bus_has_thrown_v2m_off() {
    let mut desktop = Desktop::start().await;
    let gate = Gate::to(&desktop.bus.address);
    let folder = tempfile::tempdir().unwrap();
    let note = folder.path().join("v2m/note.json");
    make_session_bus(&gate.address);
    let notifier = Notifier::spawn(Some(note), None);
    assert!(notifier.show(Notice::Recording { so_far: None, stops_after: None }).await.ok);
    assert!(matches!(desktop.sees().await, Seen::Shown { replaces: 0, .. }));
    gate.throw_off();
    let Seen::Shown { replaces: 1, summary, .. } = desktop.sees().await else {
        panic!("it did not take the place of what is left of it")
    };
    assert_eq!(summary, "Recording");
    notifier.progress(text("one"));
    assert!(matches!(desktop.sees().await, Seen::Shown { replaces: 1, .. }));
    // A text is not shown a second time; the next notice takes its place.
    gate.throw_off();
    notifier.progress(Notice::Recording { so_far: None, stops_after: None });
    assert!(matches!(desktop.sees().await, Seen::Shown { replaces: 1, urgency: 1, .. }));
}

#[tokio::test]
async fn what_goes_on_is_shown_anew_on_a_bus_that_was_started_again() {
    let mut desktop = Desktop::start().await;
    let notifier = desktop.notifier();
    assert!(notifier.show(Notice::Recording { so_far: None, stops_after: None }).await.ok);
    assert!(matches!(desktop.sees().await, Seen::Shown { replaces: 0, .. }));
    desktop.bus.restart();
    desktop.start_service(4).await;
    let Seen::Shown { replaces: 0, summary, .. } = desktop.sees().await else { panic!("closed") };
    assert_eq!(summary, "Recording");
    assert!(notifier.show(Notice::Closed).await.ok);
    assert!(matches!(desktop.sees().await, Seen::Closed(5)));
}

#[tokio::test]
async fn what_is_shown_is_plain() {
    let mut desktop = Desktop::start().await;
    let notifier = desktop.notifier();
    assert!(notifier.show(text("a\0b\u{1b}[201~\u{202e}c\nd")).await.ok);
    let Seen::Shown { body, .. } = desktop.sees().await else { panic!("not shown") };
    assert!(body.starts_with("ab[201~c"), "{body:?}");
    assert!(notifier.show(text("still there")).await.ok);
}
