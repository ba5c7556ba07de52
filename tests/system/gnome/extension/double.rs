//! A double of v2m, with the parts of its interface that the extension uses.

use crate::lab::{PATIENCE, wait_for};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::timeout;
use zbus::{Connection, Variant};

const NAME: &str = "org.v2m.Dictation1";
const PATH: &str = "/org/v2m/Dictation1";
const SIGN: &str = "org.v2m.Sign";

struct Object {
    state: String,
    listeners: Arc<AtomicUsize>,
}

#[zbus::interface(name = "org.v2m.Dictation1")]
impl Object {
    #[zbus(property)]
    fn state(&self) -> String {
        self.state.clone()
    }

    #[zbus(property)]
    fn recording_since(&self) -> f64 {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
        if self.state == "recording" { now } else { 0.0 }
    }

    fn subscribe_level(&self) {
        self.listeners.fetch_add(1, Ordering::SeqCst);
    }

    fn unsubscribe_level(&self) {
        self.listeners.fetch_sub(1, Ordering::SeqCst);
    }
}

/// The double, which is on the bus until this is dropped.
pub(crate) struct Double {
    bus: Connection,
    listeners: Arc<AtomicUsize>,
    runtime: Handle,
    _stop: oneshot::Sender<()>,
}

impl Double {
    pub(crate) fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (handle, (stop, stopped)) = (runtime.handle().clone(), oneshot::channel());
        // In a separate thread, because the shell calls it while the test waits for the shell.
        std::thread::spawn(move || runtime.block_on(stopped));
        let listeners = Arc::new(AtomicUsize::new(0));
        let object = Object { state: "idle".into(), listeners: Arc::clone(&listeners) };
        let builder = zbus::connection::Builder::session().serve_at(PATH, object).name(NAME);
        let bus = handle.block_on(builder.build()).unwrap();
        Self { bus, listeners, runtime: handle, _stop: stop }
    }

    /// Changes the property State.
    pub(crate) fn is(&self, state: &str) {
        self.wait(async {
            let object = self.bus.object_server().interface::<_, Object>(PATH).await.unwrap();
            let emitter = object.signal_emitter();
            let mut inside = object.get_mut().await;
            inside.state = state.to_owned();
            inside.recording_since_changed(emitter).await.unwrap();
            inside.state_changed(emitter).await.unwrap();
        });
    }

    /// Sends the signal Sign to the program that shows v2m's states.
    pub(crate) fn sign(&self, kind: &str, details: HashMap<&str, Variant<'_>>) {
        let owner = wait_for("somebody who shows states", || self.owner(SIGN));
        let body = (kind, details);
        let sent = self.bus.emit_signal(Some(owner.as_str()), PATH, NAME, "Sign", &body);
        self.wait(sent).unwrap();
    }

    /// Returns how many programs have subscribed to levels.
    pub(super) fn listeners(&self) -> usize {
        self.listeners.load(Ordering::SeqCst)
    }

    /// Asks the extension which program has the focus.
    pub(super) fn focused_app(&self) -> zbus::Result<(String, String)> {
        self.wait(focused_app(&self.bus))
    }

    /// Acquires this name for another program, until the connection is dropped.
    pub(super) fn take_name(&self, name: &'static str) -> Connection {
        self.wait(zbus::connection::Builder::session().name(name).build()).unwrap()
    }

    fn owner(&self, name: &str) -> Option<String> {
        let daemon = "org.freedesktop.DBus";
        let path = "/org/freedesktop/DBus";
        let asked = self.bus.call_method(Some(daemon), path, Some(daemon), "GetNameOwner", &name);
        self.wait(asked).ok()?.body().deserialize().ok()
    }

    fn wait<T>(&self, answer: impl Future<Output = T>) -> T {
        self.runtime.block_on(async { timeout(PATIENCE, answer).await }).expect("the bus answers")
    }
}

/// Asks the extension which program has the focus. Returns the application and the window's class.
pub(super) async fn focused_app(bus: &Connection) -> zbus::Result<(String, String)> {
    let asked = bus.call_method(Some(SIGN), "/org/v2m/Sign", Some(SIGN), "FocusedApp", &());
    asked.await?.body().deserialize()
}
