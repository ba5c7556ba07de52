//! A private session bus with a notification service, which the test plays.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::{Mutex, MutexGuard, mpsc, watch};
use v2m::deliver::{Notice, Notifier};
use v2m::session::{Code, Delivery, Failure};
use v2m_testkit::private_bus::PrivateBus;
use zbus::{Connection, OwnedVariant};

#[derive(Debug)]
pub(crate) enum Seen {
    Shown {
        replaces: u32,
        icon: String,
        summary: String,
        body: String,
        urgency: u8,
        transient: bool,
        /// Names and labels of the buttons, in turn.
        actions: Vec<String>,
        /// The connection that has sent it.
        sender: String,
    },
    Closed(u32),
}

/// A desktop's notification service, as far as v2m can tell.
pub(crate) struct Service {
    pub(crate) last_id: u32,
    pub(crate) name: &'static str,
    pub(crate) hangs: watch::Receiver<bool>,
    /// Whether it fails to say what it can show.
    pub(crate) is_silent: Arc<AtomicBool>,
    pub(crate) seen: mpsc::Sender<Seen>,
}

#[zbus::interface(name = "org.freedesktop.Notifications")]
impl Service {
    pub(crate) fn get_capabilities(&self) -> zbus::fdo::Result<Vec<String>> {
        if self.is_silent.load(Ordering::Relaxed) {
            return Err(zbus::fdo::Error::NoReply("not now".into()));
        }
        Ok(vec!["actions".into(), "body".into(), "body-markup".into()])
    }

    pub(crate) fn get_server_information(&self) -> (&str, &str, &str, &str) {
        (self.name, "test", "1", "1.2")
    }

    #[expect(clippy::too_many_arguments, reason = "the specification's")]
    pub(crate) async fn notify(
        &mut self,
        app_name: String,
        replaces: u32,
        icon: String,
        summary: String,
        body: String,
        actions: Vec<String>,
        hints: HashMap<String, OwnedVariant>,
        _expires: i32,
        #[zbus(header)] header: zbus::message::Header<'_>,
    ) -> u32 {
        assert_eq!(app_name, "v2m");
        let urgency = u8::try_from(&*hints["urgency"]).unwrap();
        let transient = bool::try_from(&*hints["transient"]).unwrap();
        let sender = header.sender().unwrap().to_string();
        let shown =
            Seen::Shown { replaces, icon, summary, body, urgency, transient, actions, sender };
        self.seen.send(shown).await.unwrap();
        self.hangs.wait_for(|hangs| !hangs).await.unwrap();
        if replaces != 0 {
            return replaces;
        }
        self.last_id += 1;
        self.last_id
    }

    pub(crate) async fn close_notification(&self, id: u32) {
        self.seen.send(Seen::Closed(id)).await.unwrap();
    }
}

/// Held while a test has its address in the environment. notify-rust finds a bus only there.
pub(crate) static SESSION: Mutex<()> = Mutex::const_new(());

pub(crate) fn make_session_bus(address: &str) {
    // SAFETY: the caller holds SESSION, so no other test reads or writes the environment now.
    unsafe { std::env::set_var("DBUS_SESSION_BUS_ADDRESS", address) };
}

pub(crate) struct Desktop {
    pub(crate) bus: PrivateBus,
    pub(crate) service: Option<Connection>,
    pub(crate) name: &'static str,
    pub(crate) hangs: watch::Sender<bool>,
    pub(crate) is_silent: Arc<AtomicBool>,
    pub(crate) seen: mpsc::Receiver<Seen>,
    pub(crate) seen_by: mpsc::Sender<Seen>,
    pub(crate) _session: MutexGuard<'static, ()>,
}

impl Desktop {
    pub(crate) async fn start() -> Self {
        Self::named("some desktop").await
    }

    pub(crate) async fn named(name: &'static str) -> Self {
        let (seen_by, seen) = mpsc::channel(32);
        let session = SESSION.lock().await;
        let bus = PrivateBus::start();
        make_session_bus(&bus.address);
        let mut desktop = Self {
            bus,
            service: None,
            name,
            hangs: watch::Sender::new(false),
            is_silent: Arc::default(),
            seen,
            seen_by,
            _session: session,
        };
        desktop.start_service(0).await;
        desktop
    }

    pub(crate) async fn start_service(&mut self, last_id: u32) {
        let (name, hangs) = (self.name, self.hangs.subscribe());
        let (is_silent, seen) = (self.is_silent.clone(), self.seen_by.clone());
        let service = Service { last_id, name, hangs, is_silent, seen };
        let connection = self
            .bus
            .builder()
            .serve_at("/org/freedesktop/Notifications", service)
            .name("org.freedesktop.Notifications")
            .build();
        self.service = Some(connection.await.unwrap());
    }

    pub(crate) async fn stop_service(&mut self) {
        self.service.take().unwrap().close().await.unwrap();
    }

    pub(crate) fn notifier(&self) -> Notifier {
        Notifier::spawn(None, None)
    }

    /// Starts a notifier that leaves a note for the next run, in this folder.
    pub(crate) fn run(&self, folder: &Path) -> Notifier {
        let note = folder.join("v2m/note.json");
        Notifier::spawn(Some(note), None)
    }

    /// Dismisses the notification, as the user does. Only the program that has shown it is told.
    pub(crate) async fn dismiss(&self, sender: &str, id: u32) {
        let service = self.service.as_ref().unwrap();
        let path = "/org/freedesktop/Notifications";
        let interface = "org.freedesktop.Notifications";
        let body = (id, 2_u32);
        let told = service.emit_signal(Some(sender), path, interface, "NotificationClosed", &body);
        told.await.unwrap();
    }

    /// Presses a button, as the user does. The signal goes to `sender`, or to everybody.
    pub(crate) async fn press(&self, sender: Option<&str>, id: u32, action: &str) {
        let service = self.service.as_ref().unwrap();
        let path = "/org/freedesktop/Notifications";
        let interface = "org.freedesktop.Notifications";
        let body = (id, action);
        let told = service.emit_signal(sender, path, interface, "ActionInvoked", &body);
        told.await.unwrap();
    }

    pub(crate) async fn sees(&mut self) -> Seen {
        tokio::time::timeout(Duration::from_secs(10), self.seen.recv())
            .await
            .expect("the notification service was called")
            .unwrap()
    }
}

/// The destination of a broadcast signal.
pub(crate) const NOBODY: Option<&str> = None;

pub(crate) fn text(text: &str) -> Notice {
    let detail = "on the clipboard".into();
    let delivery = Delivery { by: "clipboard", backend: None, ok: true, detail };
    Notice::Text { text: text.into(), deliveries: vec![delivery], problems: Vec::new(), hint: None }
}

pub(crate) fn undelivered() -> Notice {
    let detail = "not pasted: no window took it; press Ctrl+V where you want it".into();
    let failed = Delivery { by: "paste", backend: None, ok: false, detail };
    Notice::Text { text: "one".into(), deliveries: vec![failed], problems: Vec::new(), hint: None }
}

pub(crate) fn refusal() -> Notice {
    Notice::Problem(Failure::new(Code::BadConfig, "line 1").lasting())
}
