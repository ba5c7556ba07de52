//! A session bus with a tray and a v2m that the test plays, and the program.

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

/// Far longer than anything takes.
const PATIENCE: Duration = Duration::from_secs(60);
const ITEM: &str = "org.kde.StatusNotifierItem";
const ITEM_PATH: &str = "/StatusNotifierItem";
const MENU: &str = "com.canonical.dbusmenu";
const WATCHER: &str = "org.kde.StatusNotifierWatcher";
const WATCHER_PATH: &str = "/StatusNotifierWatcher";
const V2M: &str = "org.v2m.Dictation1";

/// What a host is told of an entry, by its properties' names.
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
        // Plasma takes what is left out for unchanged. Only lines between entries have none.
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

    /// The entry with this label, at any depth.
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

/// The tray: whoever has registered can be looked at and clicked.
pub(crate) struct Tray {
    runtime: Handle,
    bus: Connection,
    /// Where the item is.
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

    /// A property of the item that is a string.
    pub(crate) fn told(&self, name: &str) -> String {
        self.property(ITEM_PATH, ITEM, name).try_into().unwrap()
    }

    pub(crate) fn icon(&self) -> String {
        self.told("IconName")
    }

    /// The icon as pixels: width, height and ARGB.
    pub(crate) fn pixels(&self) -> Vec<(i32, i32, Vec<u8>)> {
        self.property(ITEM_PATH, ITEM, "IconPixmap").try_into().unwrap()
    }

    /// The tooltip's title and text.
    pub(crate) fn tooltip(&self) -> (String, String) {
        type Tip = (String, Vec<(i32, i32, Vec<u8>)>, String, String);
        let tip = self.property(ITEM_PATH, ITEM, "ToolTip");
        let tip = zbus::Structure::try_from(tip).unwrap();
        let (_, _, title, text) = Tip::try_from(tip).unwrap();
        (title, text)
    }

    /// All properties, as KDE asks for them.
    pub(crate) fn all(&self) -> Properties {
        self.call(ITEM_PATH, "org.freedesktop.DBus.Properties", "GetAll", &ITEM)
    }

    /// Waits until the item has told its hosts that something has changed.
    pub(crate) fn hears(&self, signal: &str) {
        while self.signals.recv_timeout(PATIENCE).expect(signal) != signal {}
    }

    /// A click with the left button, or another one.
    pub(crate) fn click(&self, method: &str) {
        self.call::<()>(ITEM_PATH, ITEM, method, &(10_i32, 20_i32));
    }

    fn menu_path(&self) -> String {
        let path = self.property(ITEM_PATH, ITEM, "Menu");
        zbus::ObjectPath::try_from(&*path).unwrap().to_string()
    }

    /// The menu as it is.
    pub(crate) fn menu(&self) -> Entry {
        let all = (0_i32, -1_i32, Vec::<String>::new());
        let (_revision, layout): (u32, Layout) =
            self.call(&self.menu_path(), MENU, "GetLayout", &all);
        Entry::of(layout)
    }

    /// Opens the menu, as hosts do: whether it has changed, and what it has now.
    pub(crate) fn opens(&self) -> (bool, Entry) {
        let changed = self.call(&self.menu_path(), MENU, "AboutToShow", &0_i32);
        self.event(0, "opened");
        (changed, self.menu())
    }

    pub(crate) fn event(&self, id: i32, what: &str) {
        let data = Variant::from(0_i32);
        self.call::<()>(&self.menu_path(), MENU, "Event", &(id, what, data, 0_u32));
    }

    /// An event after which the program may end before it answers.
    pub(crate) fn last_event(&self, id: i32, what: &str) {
        let body = (id, what, Variant::from(0_i32), 0_u32);
        let (item, path) = (self.item.as_str(), self.menu_path());
        let asked = self.bus.call_method(Some(item), path, Some(MENU), "Event", &body);
        let _ = self.runtime.block_on(asked);
    }

    /// Chooses an entry, and closes the menu.
    pub(crate) fn chooses(&self, entry: &Entry) {
        // Some hosts close first.
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
    /// What stays on the bus as long as this.
    kept: Vec<(String, Connection)>,
    pub(crate) notices: Receiver<(String, String)>,
    registered: Receiver<String>,
    registers: Sender<String>,
    /// What v2m was asked.
    pub(crate) asked: Receiver<Told>,
    asks: Sender<Told>,
}

impl Stage {
    /// The program on a bus on which nobody else is.
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

    /// The program with a tray and a v2m that is idle.
    pub(crate) fn start() -> (Self, Tray) {
        let mut stage = Self::empty(&[], &[]);
        stage.v2m_starts();
        let tray = stage.tray();
        (stage, tray)
    }

    /// Keeps a name on the bus, with what `serve` gives it.
    pub(crate) fn keep(
        &mut self,
        name: &str,
        serve: impl FnOnce(Builder<'static>) -> Builder<'static>,
    ) {
        let builder = serve(Builder::address(self.bus.address.as_str())).name(name.to_owned());
        let bus = self.wait(builder.build()).unwrap();
        self.kept.push((name.to_owned(), bus));
    }

    /// Whoever kept a name leaves the bus.
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

    /// A tray comes; the item once it has registered there.
    pub(crate) fn tray(&mut self) -> Tray {
        let registers = self.registers.clone();
        self.keep(WATCHER, |builder| builder.serve_at(WATCHER_PATH, Watcher(registers)));
        self.looks()
    }

    /// A tray comes that has its name before it has anything else.
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
                // The test may be over.
                let _ = tell.send(member.unwrap_or_default());
            }
        });
        Tray { runtime: self.runtime.clone(), bus, item, signals }
    }

    /// The tray ends, as a panel does that crashes.
    pub(crate) fn tray_ends(&mut self) {
        self.leaves(WATCHER);
    }

    pub(crate) fn v2m_starts(&mut self) {
        let object = Dictation::new(self.asks.clone());
        self.keep(V2M, |builder| builder.serve_at("/org/v2m/Dictation1", object));
    }

    /// A v2m starts that tells of a recording and then answers what was before.
    pub(crate) fn late_v2m_starts(&mut self, since: f64) {
        let bus = self.wait(Builder::address(self.bus.address.as_str()).build()).unwrap();
        self.runtime.spawn(crate::v2m::answers_late(bus, V2M, since));
    }

    /// v2m has one more text.
    pub(crate) fn writes(&self, words: &'static str) {
        self.wait(crate::v2m::writes(self.connection(V2M), words));
    }

    /// A tray comes that takes no icon: it answers that it has no such object.
    pub(crate) fn useless_tray(&mut self) {
        self.keep(WATCHER, |builder| builder.serve_at("/nothing", Saver(false)));
    }

    pub(crate) fn v2m_ends(&mut self) {
        self.leaves(V2M);
    }

    /// v2m changes its state, and says so.
    pub(crate) fn is(&self, state: &str, since: f64, reason: &str) {
        let bus = self.connection(V2M);
        self.wait(crate::v2m::is(bus, state, since, reason));
    }

    /// The screen is locked, or not.
    pub(crate) fn locks(&mut self, is_locked: bool) {
        let (name, path) = ("org.freedesktop.ScreenSaver", "/org/freedesktop/ScreenSaver");
        self.keep(name, |builder| builder.serve_at(path, Saver(is_locked)));
    }

    /// What v2m was asked next.
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

    /// How often the program has gone to sleep of its own accord.
    pub(crate) fn switches(&self) -> u64 {
        let status = format!("/proc/{}/status", self.program.id());
        let status = std::fs::read_to_string(status).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
        line.unwrap().trim().parse().unwrap()
    }

    /// Waits for the program's end; its status, and what it said.
    pub(crate) fn ended(&mut self) -> (ExitStatus, String) {
        let status = wait_for("its end", || self.program.try_wait().unwrap());
        (status, self.said())
    }

    /// What it has written to standard error.
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
