//! A private session bus with a tray and v2m, which the test plays, and the program.

use crate::v2m::{Dictation, Told};
use futures_core::Stream;
use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use v2m_testkit::private_bus::PrivateBus;
use v2m_testkit::wait_for;
use zbus::connection::Builder;
use zbus::message::Type;
use zbus::{Connection, MatchRule, MessageStream, OwnedVariant, Variant};

/// Far longer than any step here takes.
const PATIENCE: Duration = Duration::from_secs(60);
const ITEM: &str = "org.kde.StatusNotifierItem";
const ITEM_PATH: &str = "/StatusNotifierItem";
const MENU: &str = "com.canonical.dbusmenu";
const WATCHER: &str = "org.kde.StatusNotifierWatcher";
const WATCHER_PATH: &str = "/StatusNotifierWatcher";
const V2M: &str = "org.v2m.Dictation1";

/// The properties of a menu entry that a host receives, by name.
type Properties = HashMap<String, OwnedVariant>;
/// `(ia{sv}av)`.
type Layout = (i32, Properties, Vec<OwnedVariant>);

struct Watcher(Sender<String>);

#[zbus::interface(name = "org.kde.StatusNotifierWatcher")]
impl Watcher {
    fn register_status_notifier_item(&self, service: String) {
        self.0.send(service).unwrap();
    }
}

struct Notifications(Sender<(String, String)>);

#[zbus::interface(name = "org.freedesktop.Notifications")]
impl Notifications {
    #[allow(clippy::too_many_arguments, reason = "the specification has them")]
    fn notify(
        &self,
        _app: String,
        _replaces: u32,
        _icon: String,
        summary: String,
        body: String,
        _actions: Vec<String>,
        _hints: HashMap<String, OwnedVariant>,
        _timeout: i32,
    ) -> u32 {
        self.0.send((summary, body)).unwrap();
        1
    }
}

struct Saver(bool);

#[zbus::interface(name = "org.freedesktop.ScreenSaver")]
impl Saver {
    fn get_active(&self) -> bool {
        self.0
    }
}

/// An entry of the menu, as a host sees it.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) id: i32,
    pub(crate) label: String,
    pub(crate) is_enabled: bool,
    pub(crate) is_chosen: bool,
    pub(crate) children: Vec<Entry>,
}

impl Entry {
    fn of((id, properties, children): Layout) -> Self {
        let text =
            |name: &str| properties.get(name).map(|it| String::try_from(it.clone()).unwrap());
        // Plasma assumes that a missing property is unchanged, so all entries except separators
        // must have it.
        let is_line = properties.contains_key("type");
        let is_enabled = is_line || bool::try_from(&*properties["enabled"]).unwrap();
        let chosen = properties.get("toggle-state");
        let is_chosen = chosen.is_some_and(|it| i32::try_from(&**it).unwrap() == 1);
        let children = children.into_iter().map(|child| {
            let structure = zbus::Structure::try_from(child).unwrap();
            Self::of(Layout::try_from(structure).unwrap())
        });
        let label = text("label").unwrap_or_default();
        Self { id, label, is_enabled, is_chosen, children: children.collect() }
    }

    /// Finds the entry with this label, at any depth.
    pub(crate) fn find(&self, label: &str) -> Option<&Self> {
        if self.label == label {
            return Some(self);
        }
        self.children.iter().find_map(|child| child.find(label))
    }

    pub(crate) fn labels(&self) -> Vec<&str> {
        self.children.iter().map(|child| child.label.as_str()).collect()
    }
}

/// The tray, through which a test sees and clicks the registered item.
pub(crate) struct Tray {
    runtime: Handle,
    bus: Connection,
    /// The item's bus name.
    pub(crate) item: String,
    signals: Receiver<String>,
}

impl Tray {
    fn call<R>(
        &self,
        path: &str,
        interface: &str,
        method: &str,
        body: &(impl serde::Serialize + zbus::Type + Sync),
    ) -> R
    where
        R: serde::de::DeserializeOwned + zbus::Type,
    {
        let item = Some(self.item.as_str());
        let reply =
            self.runtime.block_on(self.bus.call_method(item, path, Some(interface), method, body));
        reply.unwrap().body().deserialize().unwrap()
    }

    fn property(&self, path: &str, interface: &str, name: &str) -> OwnedVariant {
        self.call(path, "org.freedesktop.DBus.Properties", "Get", &(interface, name))
    }

    /// Returns a string property of the item.
    pub(crate) fn told(&self, name: &str) -> String {
        self.property(ITEM_PATH, ITEM, name).try_into().unwrap()
    }

    pub(crate) fn icon(&self) -> String {
        self.told("IconName")
    }

    /// Returns the icon as pixels: width, height and ARGB.
    pub(crate) fn pixels(&self) -> Vec<(i32, i32, Vec<u8>)> {
        self.property(ITEM_PATH, ITEM, "IconPixmap").try_into().unwrap()
    }

    /// Returns the tooltip's title and text.
    pub(crate) fn tooltip(&self) -> (String, String) {
        type Tip = (String, Vec<(i32, i32, Vec<u8>)>, String, String);
        let tip = self.property(ITEM_PATH, ITEM, "ToolTip");
        let tip = zbus::Structure::try_from(tip).unwrap();
        let (_, _, title, text) = Tip::try_from(tip).unwrap();
        (title, text)
    }

    /// Returns all properties, as KDE requests them.
    pub(crate) fn all(&self) -> Properties {
        self.call(ITEM_PATH, "org.freedesktop.DBus.Properties", "GetAll", &ITEM)
    }

    /// Waits until the item has sent this signal.
    pub(crate) fn hears(&self, signal: &str) {
        while self.signals.recv_timeout(PATIENCE).expect(signal) != signal {}
    }

    /// Clicks with the left button or another one.
    pub(crate) fn click(&self, method: &str) {
        self.call::<()>(ITEM_PATH, ITEM, method, &(10_i32, 20_i32));
    }

    fn menu_path(&self) -> String {
        let path = self.property(ITEM_PATH, ITEM, "Menu");
        zbus::ObjectPath::try_from(&*path).unwrap().to_string()
    }

    /// Returns the current menu.
    pub(crate) fn menu(&self) -> Entry {
        let all = (0_i32, -1_i32, Vec::<String>::new());
        let (_revision, layout): (u32, Layout) =
            self.call(&self.menu_path(), MENU, "GetLayout", &all);
        Entry::of(layout)
    }

    /// Opens the menu, as hosts do. Returns whether it has changed, and its content.
    pub(crate) fn opens(&self) -> (bool, Entry) {
        let changed = self.call(&self.menu_path(), MENU, "AboutToShow", &0_i32);
        self.event(0, "opened");
        (changed, self.menu())
    }

    pub(crate) fn event(&self, id: i32, what: &str) {
        let data = Variant::from(0_i32);
        self.call::<()>(&self.menu_path(), MENU, "Event", &(id, what, data, 0_u32));
    }

    /// Sends an event after which the program may end before it answers.
    pub(crate) fn last_event(&self, id: i32, what: &str) {
        let body = (id, what, Variant::from(0_i32), 0_u32);
        let (item, path) = (self.item.as_str(), self.menu_path());
        let asked = self.bus.call_method(Some(item), path, Some(MENU), "Event", &body);
        let _ = self.runtime.block_on(asked);
    }

    /// Selects an entry, and closes the menu.
    pub(crate) fn chooses(&self, entry: &Entry) {
        // Some hosts close the menu first.
        self.event(0, "closed");
        self.event(entry.id, "clicked");
    }
}

/// The bus and the program.
pub(crate) struct Stage {
    pub(crate) bus: PrivateBus,
    runtime: Handle,
    program: Child,
    said: tempfile::NamedTempFile,
    _stop: oneshot::Sender<()>,
    /// The connections that own a name on the bus.
    kept: Vec<(String, Connection)>,
    pub(crate) notices: Receiver<(String, String)>,
    registered: Receiver<String>,
    registers: Sender<String>,
    /// The requests to v2m.
    pub(crate) asked: Receiver<Told>,
    asks: Sender<Told>,
}

impl Stage {
    /// Starts the program on a bus without a tray and without v2m.
    pub(crate) fn empty(arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let bus = PrivateBus::start();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (handle, (stop, stopped)) = (runtime.handle().clone(), oneshot::channel());
        std::thread::spawn(move || runtime.block_on(stopped));
        let (registers, registered) = channel();
        let (asks, asked) = channel();
        let (notify, notices) = channel();
        let mut command = Command::new(env!("CARGO_BIN_EXE_v2m-tray"));
        command.args(arguments).env("DBUS_SESSION_BUS_ADDRESS", &bus.address);
        command.env("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nowhere").envs(environment.to_vec());
        let said = tempfile::NamedTempFile::new().unwrap();
        command.stdin(Stdio::null()).stderr(said.reopen().unwrap());
        let mut stage = Self {
            program: command.spawn().unwrap(),
            said,
            bus,
            runtime: handle,
            _stop: stop,
            kept: Vec::new(),
            notices,
            registered,
            registers,
            asked,
            asks,
        };
        let path = "/org/freedesktop/Notifications";
        let name = "org.freedesktop.Notifications";
        stage.keep(name, |builder| builder.serve_at(path, Notifications(notify)));
        stage
    }

    /// Starts the program with a tray and an idle v2m.
    pub(crate) fn start() -> (Self, Tray) {
        let mut stage = Self::empty(&[], &[]);
        stage.v2m_starts();
        let tray = stage.tray();
        (stage, tray)
    }

    /// Owns a name on the bus, with the objects that `serve` adds.
    pub(crate) fn keep(
        &mut self,
        name: &str,
        serve: impl FnOnce(Builder<'static>) -> Builder<'static>,
    ) {
        let builder = serve(Builder::address(self.bus.address.as_str())).name(name.to_owned());
        let bus = self.wait(builder.build()).unwrap();
        self.kept.push((name.to_owned(), bus));
    }

    /// Disconnects the owner of a name from the bus.
    pub(crate) fn leaves(&mut self, name: &str) {
        let at = self.kept.iter().position(|(kept, _)| kept == name).unwrap();
        let (_, bus) = self.kept.remove(at);
        self.wait(bus.close()).unwrap();
    }

    pub(crate) fn connection(&self, name: &str) -> &Connection {
        &self.kept.iter().find(|(kept, _)| kept == name).unwrap().1
    }

    fn wait<T>(&self, what: impl Future<Output = T>) -> T {
        self.runtime.block_on(what)
    }

    /// Starts a tray. Returns the item once it has registered.
    pub(crate) fn tray(&mut self) -> Tray {
        let registers = self.registers.clone();
        self.keep(WATCHER, |builder| builder.serve_at(WATCHER_PATH, Watcher(registers)));
        self.looks()
    }

    /// Starts a tray that owns its name before it serves anything.
    pub(crate) fn slow_tray(&mut self) -> Tray {
        self.useless_tray();
        let watcher = Watcher(self.registers.clone());
        wait_for("a first try", || self.said().contains("v2m-tray:").then_some(()));
        let server = self.connection(WATCHER).object_server();
        self.wait(server.at(WATCHER_PATH, watcher)).unwrap();
        self.looks()
    }

    fn looks(&mut self) -> Tray {
        let item = self.registered.recv_timeout(PATIENCE).expect("an item registers");
        let bus = self.wait(Builder::address(self.bus.address.as_str()).build()).unwrap();
        let rule = MatchRule::builder().msg_type(Type::Signal).sender(item.clone());
        let rule = rule.build().unwrap();
        let mut messages = self.wait(MessageStream::for_match_rule(rule, &bus, None)).unwrap();
        let (tell, signals) = channel();
        self.runtime.spawn(async move {
            let mut next = async || {
                std::future::poll_fn(|context| Stream::poll_next(Pin::new(&mut messages), context))
                    .await
            };
            while let Some(Ok(message)) = next().await {
                let member = message.header().member().map(ToString::to_string);
                // The test may have ended.
                let _ = tell.send(member.unwrap_or_default());
            }
        });
        Tray { runtime: self.runtime.clone(), bus, item, signals }
    }

    /// Ends the tray, like a panel that crashes.
    pub(crate) fn tray_ends(&mut self) {
        self.leaves(WATCHER);
    }

    pub(crate) fn v2m_starts(&mut self) {
        let object = Dictation::new(self.asks.clone());
        self.keep(V2M, |builder| builder.serve_at("/org/v2m/Dictation1", object));
    }

    /// Starts a v2m that reports a recording, and then sends an answer from before it.
    pub(crate) fn late_v2m_starts(&mut self, since: f64) {
        let bus = self.wait(Builder::address(self.bus.address.as_str()).build()).unwrap();
        self.runtime.spawn(crate::v2m::answers_late(bus, V2M, since));
    }

    /// Adds a text to v2m's dictations.
    pub(crate) fn writes(&self, words: &'static str) {
        self.wait(crate::v2m::writes(self.connection(V2M), words));
    }

    /// Starts a tray that accepts no icon: it answers that it has no such object.
    pub(crate) fn useless_tray(&mut self) {
        self.keep(WATCHER, |builder| builder.serve_at("/nothing", Saver(false)));
    }

    pub(crate) fn v2m_ends(&mut self) {
        self.leaves(V2M);
    }

    /// Changes v2m's state, and signals it.
    pub(crate) fn is(&self, state: &str, since: f64, reason: &str) {
        let bus = self.connection(V2M);
        self.wait(crate::v2m::is(bus, state, since, reason));
    }

    /// Locks or unlocks the screen.
    pub(crate) fn locks(&mut self, is_locked: bool) {
        let (name, path) = ("org.freedesktop.ScreenSaver", "/org/freedesktop/ScreenSaver");
        self.keep(name, |builder| builder.serve_at(path, Saver(is_locked)));
    }

    /// Waits for the next request to v2m.
    pub(crate) fn next_asked(&self) -> Told {
        self.asked.recv_timeout(PATIENCE).expect("v2m is asked something")
    }

    /// What v2m was asked already, if it was asked something.
    pub(crate) fn was_asked(&self) -> Option<Told> {
        self.asked.try_recv().ok()
    }

    pub(crate) fn next_notice(&self) -> (String, String) {
        self.notices.recv_timeout(PATIENCE).expect("something is told")
    }

    /// Returns how often the program has gone to sleep voluntarily.
    pub(crate) fn switches(&self) -> u64 {
        let status = format!("/proc/{}/status", self.program.id());
        let status = std::fs::read_to_string(status).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
        line.unwrap().trim().parse().unwrap()
    }

    /// Waits for the program's end. Returns its status and its output.
    pub(crate) fn ended(&mut self) -> (ExitStatus, String) {
        let status = wait_for("its end", || self.program.try_wait().unwrap());
        (status, self.said())
    }

    /// Returns its output on standard error.
    fn said(&self) -> String {
        std::fs::read_to_string(self.said.path()).unwrap()
    }

    /// Ends the bus.
    pub(crate) fn end_bus(&mut self) {
        self.bus.stop();
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}
