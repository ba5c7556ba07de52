//! A double of xdg-desktop-portal, as far as pasting needs it: RemoteDesktop, Clipboard, their
//! sessions and requests. With a user who answers its dialog and copies things, and a window that
//! accepts what is pasted with Ctrl+V.
//!
//! It follows the interfaces' documentation, and is as strict as the real portal about sessions,
//! states and tokens.

mod clipboard;
mod devices;

use clipboard::Clipboard;
use devices::Devices;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use tokio::sync::oneshot;
use zbus::{Connection, ObjectPath, OwnedObjectPath, OwnedVariant, Variant, fdo};

const NAME: &str = "org.freedesktop.portal.Desktop";
const PATH: &str = "/org/freedesktop/portal/desktop";
const CLIPBOARD: &str = "org.freedesktop.portal.Clipboard";
const TEXT: &str = "text/plain;charset=utf-8";

/// A format that is offered but whose content is never sent.
pub const HANGS: &str = "application/x-hangs";

type Options = HashMap<String, OwnedVariant>;

/// The user's answer to the dialog.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum User {
    #[default]
    Yes,
    No,
    /// Yes, but without the keyboard.
    Half,
    /// No answer yet.
    Away,
}

/// The portal's state.
#[derive(Debug, Default)]
pub struct State {
    pub user: User,
    /// Whether there is a window that accepts text.
    pub window: bool,
    /// Whether a clipboard manager reads everything that is offered.
    pub manager: bool,
    /// The keysym of a key that is refused.
    pub refuses: Option<i32>,
    /// How often content was written that nobody waited for any more. The real portal crashes then.
    pub stale: usize,
    /// How often the user was asked.
    pub asked: usize,
    /// Content that the user copies while the clipboard is being read.
    pub copied_next: Option<Vec<u8>>,
    /// The restore token that came with each session.
    pub restored: Vec<Option<String>>,
    /// Each key event, as `+29` or `-118`.
    pub strokes: Vec<String>,
    /// The texts pasted into the window.
    pub pasted: Vec<String>,
    /// The only valid restore token.
    token: Option<String>,
    tokens: usize,
    session: Option<Session>,
    /// The clipboard's content, unless it is the session's.
    copied: Vec<(String, Vec<u8>)>,
    /// The formats that the session offers on the clipboard.
    offered: Option<Vec<String>>,
    transfers: HashMap<u32, Reader>,
    serial: u32,
}

#[derive(Debug)]
struct Session {
    path: OwnedObjectPath,
    client: String,
    with_clipboard: bool,
    selected: bool,
    /// Whether the session comes with a stored permission.
    restored: bool,
    started: bool,
    /// The request that waits for the user's answer.
    waiting: Option<OwnedObjectPath>,
}

#[derive(Debug)]
enum Reader {
    Window,
    Manager,
    Program(oneshot::Sender<Vec<u8>>),
}

type Shared = Arc<Mutex<State>>;

fn lock(state: &Shared) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A running portal.
pub struct Portal {
    state: Shared,
    bus: Connection,
    runtime: tokio::runtime::Handle,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Portal {
    pub fn start(address: &str) -> Self {
        Self::with(address, Shared::default())
    }

    fn with(address: &str, state: Shared) -> Self {
        let (address, shared) = (address.to_owned(), Arc::clone(&state));
        let (tell, told) = std::sync::mpsc::channel();
        let (stop, stopped) = oneshot::channel();
        let thread = thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let builder = zbus::connection::Builder::address(address.as_str());
                let devices = Devices { state: Arc::clone(&shared) };
                let clipboard = Clipboard { state: shared };
                let builder = builder.serve_at(PATH, devices).serve_at(PATH, clipboard).name(NAME);
                let bus = builder.build().await.unwrap();
                tell.send((bus.clone(), tokio::runtime::Handle::current())).unwrap();
                let _ = stopped.await;
                bus.close().await.unwrap();
            });
        });
        let (bus, runtime) = told.recv().unwrap();
        Self { state, bus, runtime, stop: Some(stop), thread: Some(thread) }
    }

    /// Ends the portal, and starts another one that knows its token.
    pub fn restart(mut self, address: &str) -> Self {
        self.end();
        {
            let mut state = self.state();
            state.session = None;
            state.offered = None;
        }
        Self::with(address, Arc::clone(&self.state))
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Gives the user's answer to the waiting request.
    pub fn answer(&self, user: User) {
        let waiting = {
            let mut state = self.state();
            state.user = user;
            state.session.as_mut().and_then(|session| session.waiting.take()).unwrap()
        };
        self.runtime.block_on(decide(&self.bus, &self.state, waiting));
    }

    /// Ends the session, as the user does.
    pub fn end_session(&self) {
        let session = self.state().session.take().unwrap();
        let (to, interface) = (Some(session.client.as_str()), "org.freedesktop.portal.Session");
        let told = self.bus.emit_signal(to, &session.path, interface, "Closed", &());
        self.runtime.block_on(told).unwrap();
    }

    /// Copies something, as the user does.
    pub fn copy(&self, formats: &[(&str, &[u8])]) {
        let owned = |(name, bytes): &(&str, &[u8])| ((*name).to_owned(), bytes.to_vec());
        {
            let mut state = self.state();
            state.copied = formats.iter().map(owned).collect();
            state.offered = None;
        }
        self.runtime.block_on(tell_owner(&self.bus, &self.state));
    }

    /// Returns the names of the clipboard's formats.
    pub fn formats(&self) -> Vec<String> {
        let state = self.state();
        let copied = state.copied.iter().map(|(name, _)| name.clone()).collect();
        state.offered.clone().unwrap_or(copied)
    }

    /// Reads the clipboard, as a program does.
    pub fn read(&self, format: &str) -> oneshot::Receiver<Vec<u8>> {
        let (tell, told) = oneshot::channel();
        let is_offered = self.state().offered.is_some();
        if is_offered {
            self.runtime.block_on(ask(&self.bus, &self.state, format, Reader::Program(tell)));
        } else {
            let state = self.state();
            let copied = state.copied.iter().find(|(name, _)| name == format);
            tell.send(copied.map(|(_, bytes)| bytes.clone()).unwrap_or_default()).unwrap();
        }
        told
    }

    /// Ends the portal. It is off the bus when this returns.
    pub fn end(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

impl Drop for Portal {
    fn drop(&mut self) {
        self.end();
    }
}

fn text(options: &Options, name: &str) -> Option<String> {
    match options.get(name).map(|value| &**value) {
        Some(Variant::Str(text)) => Some(text.as_str().to_owned()),
        _ => None,
    }
}

fn number(options: &Options, name: &str) -> Option<u32> {
    match options.get(name).map(|value| &**value) {
        Some(Variant::U32(number)) => Some(*number),
        _ => None,
    }
}

/// Returns the path of a request or session, built as the documentation says.
fn path(kind: &str, client: &str, options: &Options, token: &str) -> OwnedObjectPath {
    let client = client.trim_start_matches(':').replace('.', "_");
    let token = text(options, token).unwrap();
    OwnedObjectPath::try_from(format!("{PATH}/{kind}/{client}/{token}")).unwrap()
}

async fn respond(
    bus: &Connection,
    client: &str,
    request: &ObjectPath<'_>,
    code: u32,
    results: HashMap<&str, Variant<'_>>,
) {
    let interface = "org.freedesktop.portal.Request";
    let body = (code, results);
    bus.emit_signal(Some(client), request, interface, "Response", &body).await.unwrap();
}

/// Starts the session or refuses it, as the user decides.
async fn decide(bus: &Connection, state: &Shared, request: OwnedObjectPath) {
    let (client, code, results) = {
        let mut state = lock(state);
        let (user, token) = (state.user, state.tokens);
        let session = state.session.as_mut().unwrap();
        let user = if session.restored { User::Yes } else { user };
        let client = session.client.clone();
        let mut results = HashMap::new();
        if user != User::No {
            session.started = true;
            // The real portal's tokens are UUIDs.
            let given = format!("00000000-0000-4000-8000-{token:012}");
            let devices: u32 = if user == User::Half { 2 } else { 1 };
            results.insert("devices", Variant::from(devices));
            results.insert("clipboard_enabled", Variant::from(session.with_clipboard));
            results.insert("restore_token", Variant::from(given.clone()));
            state.token = Some(given);
            state.tokens += 1;
        }
        (client, u32::from(user == User::No), results)
    };
    respond(bus, &client, &request, code, results).await;
    if code == 0 {
        tell_owner(bus, state).await;
    }
}

/// Tells a started session who owns the clipboard. Does nothing if nobody does.
async fn tell_owner(bus: &Connection, state: &Shared) {
    let (session, client, formats, ours) = {
        let state = lock(state);
        let Some(session) = state.session.as_ref().filter(|s| s.started && s.with_clipboard) else {
            return;
        };
        let copied: Vec<String> = state.copied.iter().map(|(name, _)| name.clone()).collect();
        let ours = state.offered.is_some();
        let formats = state.offered.clone().unwrap_or(copied);
        (session.path.clone(), session.client.clone(), formats, ours)
    };
    if formats.is_empty() {
        return;
    }
    let options = HashMap::from([
        ("mime_types", Variant::from(formats)),
        ("session_is_owner", Variant::from(ours)),
    ]);
    let (to, name) = (Some(client.as_str()), "SelectionOwnerChanged");
    bus.emit_signal(to, PATH, CLIPBOARD, name, &(session, options)).await.unwrap();
}

/// Asks the session for its clipboard content, on behalf of `reader`.
async fn ask(bus: &Connection, state: &Shared, format: &str, reader: Reader) {
    let (session, client, serial) = {
        let mut state = lock(state);
        state.serial += 1;
        let serial = state.serial;
        state.transfers.insert(serial, reader);
        let session = state.session.as_ref().unwrap();
        (session.path.clone(), session.client.clone(), serial)
    };
    let (to, name) = (Some(client.as_str()), "SelectionTransfer");
    bus.emit_signal(to, PATH, CLIPBOARD, name, &(session, format, serial)).await.unwrap();
}

/// Returns the session of that path, if it belongs to the caller.
fn session<'s>(state: &'s mut State, path: &ObjectPath<'_>) -> fdo::Result<&'s mut Session> {
    let known = state.session.as_mut().filter(|session| session.path.as_str() == path.as_str());
    known.ok_or_else(|| fdo::Error::AccessDenied("Invalid session".into()))
}

fn started<'s>(state: &'s mut State, path: &ObjectPath<'_>) -> fdo::Result<&'s mut Session> {
    let known = session(state, path)?;
    if known.started { Ok(known) } else { Err(fdo::Error::Failed("Invalid state".into())) }
}
