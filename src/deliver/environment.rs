//! The desktop's environment variables: which display, which session bus.
//!
//! systemd starts a service with the user manager's environment at that moment. If v2m was started
//! by hand, from a remote shell or before the desktop, it lacks some variables, and asks the
//! manager for them. Only `main` sets variables, because it knows that no other thread runs.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::net::UnixStream;
use tracing::debug;

const DISPLAYS: [&str; 3] = ["WAYLAND_DISPLAY", "DISPLAY", "XAUTHORITY"];
const BUS: &str = "DBUS_SESSION_BUS_ADDRESS";

/// How long a start may wait for the user manager: it answers in a few milliseconds or not at all.
const DEADLINE: Duration = Duration::from_millis(300);

/// The displays that this process's environment names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Displays {
    /// `WAYLAND_DISPLAY`.
    pub wayland: Option<String>,
    /// `DISPLAY`.
    pub x11: Option<String>,
}

impl Displays {
    /// Reads the environment.
    pub fn from_env() -> Self {
        Self { wayland: var("WAYLAND_DISPLAY"), x11: var("DISPLAY") }
    }

    /// Whether the environment names any display.
    pub fn any(&self) -> bool {
        self.wayland.is_some() || self.x11.is_some()
    }
}

impl fmt::Display for Displays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = [("WAYLAND_DISPLAY", &self.wayland), ("DISPLAY", &self.x11)];
        let set =
            named.iter().filter_map(|(name, value)| Some(format!("{name}={}", value.as_ref()?)));
        f.write_str(&set.collect::<Vec<_>>().join(", "))
    }
}

/// Whether the desktop runs on X11. GNOME on X11 counts too, although it also offers Mutter's
/// interface.
pub(crate) fn is_x11() -> bool {
    let displays = Displays::from_env();
    displays.x11.is_some() && displays.wayland.is_none()
}

/// Watches the display server that the environment names, to notice its end.
///
/// It keeps a connection without requests, which closes when the server ends. The next server has
/// another XAUTHORITY and often another name, which this process cannot adopt.
#[derive(Debug)]
pub struct DisplayServer(Option<(PathBuf, UnixStream)>);

impl DisplayServer {
    /// Connects to the Wayland compositor, or else to the local X server. Requires a tokio runtime.
    pub async fn watch() -> Self {
        let Some(socket) = server_socket(var) else { return Self(None) };
        let connected = UnixStream::connect(&socket).await;
        let connected = connected.inspect_err(
            |error| debug!(%error, socket = %socket.display(), "the display server is not watched"),
        );
        Self(connected.ok().map(|stream| (socket, stream)))
    }

    /// Waits until the display server has ended. Cancel-safe.
    pub async fn ended(&mut self) {
        while let Some((socket, stream)) = &mut self.0 {
            until_closed(stream).await;
            // Much shorter than a desktop's restart, and long enough to avoid a busy loop if the
            // server accepts no more clients.
            tokio::time::sleep(Duration::from_millis(500)).await;
            // An X server closes all connections when its last client leaves, and goes on running.
            match UnixStream::connect(&socket).await {
                Ok(again) => *stream = again,
                Err(_) => {
                    self.0 = None;
                    return;
                }
            }
        }
        std::future::pending().await
    }
}

async fn until_closed(stream: &UnixStream) {
    loop {
        let readable = stream.readable().await;
        let mut byte = [0];
        match readable.and_then(|()| stream.try_read(&mut byte)) {
            // Data would be unexpected, because nothing was asked, but it is not the end.
            Ok(1..) => {}
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Ok(0) | Err(_) => return,
        }
    }
}

/// Returns the socket of the display server: `WAYLAND_DISPLAY`, else a `DISPLAY` on this machine.
fn server_socket(var: impl Fn(&str) -> Option<String>) -> Option<PathBuf> {
    if let Some(name) = var("WAYLAND_DISPLAY") {
        // An absolute name replaces the folder.
        return Some(Path::new(&var("XDG_RUNTIME_DIR")?).join(name));
    }
    let display = var("DISPLAY")?;
    let number = display.strip_prefix(':')?.split('.').next()?;
    let number: u32 = number.parse().ok()?;
    Some(PathBuf::from(format!("/tmp/.X11-unix/X{number}")))
}

/// Returns the variables that this process lacks and the user manager knows, as pairs for `main` to
/// set. Blocks for at most 300 ms, and not at all if nothing is missing. Leaves no thread running.
pub fn adopt() -> Vec<(String, String)> {
    if missing(var).is_empty() {
        return Vec::new();
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let Ok(runtime) = runtime else { return Vec::new() };
    runtime.block_on(ask())
}

async fn ask() -> Vec<(String, String)> {
    let missing = missing(var);
    if missing.is_empty() {
        return Vec::new();
    }
    take(&missing, &told().await)
}

/// Whether the user manager knows a display that this process's environment lacks, so that a
/// restart would find it. Takes at most 300 ms. Called when the daemon cannot reach the clipboard:
/// the desktop may have started after the daemon, or restarted, which on GNOME means a new
/// XAUTHORITY for the same DISPLAY.
pub async fn has_moved() -> bool {
    is_news(var, &told().await)
}

/// Asks the user manager for its environment. Returns nothing if it does not answer in time.
async fn told() -> Vec<String> {
    match tokio::time::timeout(DEADLINE, managers_environment()).await {
        Ok(Ok(block)) => block,
        Ok(Err(error)) => {
            debug!(%error, "the user manager was not asked for the desktop's environment");
            Vec::new()
        }
        Err(_late) => {
            debug!("the user manager did not tell the desktop's environment in time");
            Vec::new()
        }
    }
}

async fn managers_environment() -> zbus::Result<Vec<String>> {
    let bus = zbus::Connection::session().await?;
    let reply = bus
        .call_method(
            Some("org.freedesktop.systemd1"),
            "/org/freedesktop/systemd1",
            Some("org.freedesktop.DBus.Properties"),
            "Get",
            &("org.freedesktop.systemd1.Manager", "Environment"),
        )
        .await?;
    let value: zbus::OwnedVariant = reply.body().deserialize()?;
    value.try_into()
}

/// Returns the names of missing variables. The display variables are adopted together or not at
/// all: this process's DISPLAY and the manager's XAUTHORITY may belong to different sessions.
fn missing(var: impl Fn(&str) -> Option<String>) -> Vec<&'static str> {
    let no_display = var("WAYLAND_DISPLAY").is_none() && var("DISPLAY").is_none();
    let mut names = if no_display { DISPLAYS.to_vec() } else { Vec::new() };
    if var(BUS).is_none() {
        names.push(BUS);
    }
    names
}

fn take(names: &[&str], block: &[String]) -> Vec<(String, String)> {
    let known: BTreeMap<&str, &str> =
        block.iter().filter_map(|line| line.split_once('=')).collect();
    let found = |name: &&str| Some(((*name).to_owned(), (*known.get(name)?).to_owned()));
    names.iter().filter_map(found).filter(|(_, value)| !value.is_empty()).collect()
}

fn is_news(var: impl Fn(&str) -> Option<String>, block: &[String]) -> bool {
    take(&DISPLAYS, block).into_iter().any(|(name, value)| var(&name) != Some(value))
}

fn var(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env<'a>(pairs: &'a [(&str, &str)]) -> impl Fn(&str) -> Option<String> + 'a {
        |name| pairs.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned())
    }

    #[test]
    fn a_process_with_a_display_and_a_bus_asks_nobody() {
        assert!(missing(env(&[("DISPLAY", ":0"), (BUS, "unix:path=/run/bus")])).is_empty());
        assert!(missing(env(&[("WAYLAND_DISPLAY", "wayland-0"), (BUS, "x")])).is_empty());
    }

    #[test]
    fn a_display_of_its_own_is_never_mixed_with_the_managers() {
        assert_eq!(missing(env(&[("DISPLAY", ":5")])), [BUS]);
        assert_eq!(missing(env(&[])), ["WAYLAND_DISPLAY", "DISPLAY", "XAUTHORITY", BUS]);
    }

    #[test]
    fn only_what_was_asked_for_is_taken() {
        let block =
            ["LANG=C", "DISPLAY=:0", "XAUTHORITY=/run/a=b", "WAYLAND_DISPLAY="].map(String::from);
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            take(&DISPLAYS, &block),
            [pair("DISPLAY", ":0"), pair("XAUTHORITY", "/run/a=b")]
        );
    }

    #[test]
    fn a_desktop_that_came_or_came_again_is_news() {
        let block = ["WAYLAND_DISPLAY=wayland-0", "DISPLAY=:0", "XAUTHORITY=/run/new"];
        let block = block.map(String::from);
        let given =
            |key| [("WAYLAND_DISPLAY", "wayland-0"), ("DISPLAY", ":0"), ("XAUTHORITY", key)];
        assert!(is_news(env(&[]), &block));
        assert!(is_news(env(&given("/run/old")), &block));
        assert!(!is_news(env(&given("/run/new")), &block));
        assert!(!is_news(env(&given("/run/old")), &["LANG=C".to_owned()]));
    }

    #[test]
    fn a_display_on_this_machine_has_a_socket() {
        let socket = |pairs: &[(&str, &str)]| server_socket(env(pairs));
        let runtime = ("XDG_RUNTIME_DIR", "/run/user/7");
        let wayland = socket(&[runtime, ("WAYLAND_DISPLAY", "wayland-0"), ("DISPLAY", ":0")]);
        assert_eq!(wayland, Some("/run/user/7/wayland-0".into()));
        assert_eq!(socket(&[runtime, ("WAYLAND_DISPLAY", "/a/b")]), Some("/a/b".into()));
        assert_eq!(socket(&[("DISPLAY", ":12.0")]), Some("/tmp/.X11-unix/X12".into()));
        assert_eq!(socket(&[("DISPLAY", "far:10.0")]), None);
        assert_eq!(socket(&[]), None);
    }

    #[tokio::test]
    async fn the_end_of_a_display_server_is_heard() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("wayland-0");
        let listener = tokio::net::UnixListener::bind(&path).unwrap();
        let stream = UnixStream::connect(&path).await.unwrap();
        let mut server = DisplayServer(Some((path, stream)));
        let (accepted, _) = listener.accept().await.unwrap();
        drop((accepted, listener));
        server.ended().await;
        assert!(server.0.is_none());
    }

    #[test]
    fn displays_are_named_as_the_user_would() {
        let both = Displays { wayland: Some("wayland-0".into()), x11: Some(":0".into()) };
        assert_eq!(both.to_string(), "WAYLAND_DISPLAY=wayland-0, DISPLAY=:0");
        assert!(!Displays { wayland: None, x11: None }.any());
    }
}
