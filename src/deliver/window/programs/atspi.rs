//! Finds the program that has the keyboard, as programs report it on the bus of assistive
//! technologies (AT-SPI).
//!
//! This uses plain calls of the interfaces in at-spi2-core's `xml/`: three round trips, to all
//! programs at the same time. The crates for AT-SPI would add a second zbus of the previous major
//! version.

use super::Widget;
use super::running::name_of;
use super::tree;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};
use zbus::{Connection, OwnedObjectPath, OwnedVariant};

pub(crate) const ACCESSIBLE: &str = "org.a11y.atspi.Accessible";
const REGISTRY: (&str, &str) = ("org.a11y.atspi.Registry", "/org/a11y/atspi/accessible/root");
const DAEMON: (&str, &str) = ("org.freedesktop.DBus", "/org/freedesktop/DBus");
pub(crate) const PROPERTIES: &str = "org.freedesktop.DBus.Properties";

/// The most windows of one program that are asked. No program has more.
const WINDOWS: usize = 64;
/// The time kept for the step after the programs' answers. A program that hangs must leave time to
/// examine the one that has the keyboard.
const RESERVE: Duration = Duration::from_millis(5);

/// An object of a program: the program's name on the bus, and the object's path.
pub(crate) type Object = (String, OwnedObjectPath);

/// The programs' answers.
#[derive(Debug, Default)]
pub(crate) struct AccessibilityReport {
    /// The program that has the keyboard. `None`: no program reports it.
    pub(crate) active: Option<Active>,
    /// The processes that have answered for all their windows.
    pub(crate) answered: Vec<u32>,
    /// Whether some programs have not answered in time.
    pub(crate) late: bool,
}

/// The program with the keyboard.
#[derive(Debug)]
pub(crate) struct Active {
    pub(crate) widget: Widget,
    /// The text field that has the keyboard, if there is one.
    pub(crate) field: Option<Object>,
    pub(crate) programs: Vec<String>,
}

/// One program's answer.
#[derive(Debug)]
struct Program {
    process: Option<u32>,
    /// The program's name, if it has the keyboard.
    name: Option<String>,
    /// The program's window that has the keyboard.
    window: Option<Object>,
}

/// Connects to the bus of assistive technologies. The session bus has its address. `None`: no
/// assistive technology and no program uses it, and this does not start it. `session` is a session
/// bus's address. `None`: the user's.
pub(crate) async fn connect(session: Option<&str>) -> zbus::Result<Option<Connection>> {
    let session = match session {
        Some(address) => zbus::connection::Builder::address(address),
        None => zbus::connection::Builder::session(),
    };
    let session = session.build().await?;
    let daemon = Some(DAEMON.0);
    let (path, launcher) = (DAEMON.1, "org.a11y.Bus");
    let there = session.call_method(daemon, path, daemon, "NameHasOwner", &launcher).await?;
    // Calling it would start it.
    if !there.body().deserialize::<bool>()? {
        return Ok(None);
    }
    let to = Some(launcher);
    let asked = session.call_method(to, "/org/a11y/bus", to, "GetAddress", &()).await;
    let address: String = asked?.body().deserialize()?;
    if address.is_empty() {
        return Ok(None);
    }
    Ok(Some(zbus::connection::Builder::address(address.as_str()).build().await?))
}

/// Finds the program and widget that have the keyboard. Returns by `until`, with the answers that
/// have arrived by then.
///
/// # Errors
/// The bus, or its registry of programs, is gone.
pub(crate) async fn look(
    bus: &Connection,
    until: Instant,
    is_terminal: impl Fn(&str) -> bool,
) -> zbus::Result<AccessibilityReport> {
    let mut told = AccessibilityReport::default();
    let (name, path) = REGISTRY;
    let Ok(applications) = timeout_at(until, children(bus, name, path)).await else {
        return Ok(AccessibilityReport { late: true, ..told });
    };
    let mut asked = JoinSet::new();
    for (name, path) in applications? {
        asked.spawn(program(bus.clone(), name, path));
    }
    loop {
        let answer = match timeout_at(until - RESERVE, asked.join_next()).await {
            Ok(Some(answer)) => answer,
            Ok(None) => break,
            Err(_late) => {
                told.late = true;
                break;
            }
        };
        let Ok(Ok(Program { process, name, window })) = answer else { continue };
        let Some(window) = window else {
            told.answered.extend(process);
            continue;
        };
        let mut programs = vec![name.unwrap_or_default()];
        programs.extend(process.and_then(name_of));
        programs.retain(|name| !name.is_empty());
        let (widget, field) = if programs.iter().any(|name| is_terminal(name)) {
            (Widget::Terminal, None)
        } else {
            // A slow program is still known by its name.
            let found = timeout_at(until, tree::focused(bus, window)).await;
            found.unwrap_or((Widget::Unfinished, None))
        };
        told.active = Some(Active { widget, field, programs });
        break;
    }
    Ok(told)
}

/// Asks a program for its window that has the keyboard, and the bus for the program's process.
async fn program(bus: Connection, name: String, path: OwnedObjectPath) -> zbus::Result<Program> {
    let daemon = Some(DAEMON.0);
    let (process, windows) = tokio::join!(
        bus.call_method(daemon, DAEMON.1, daemon, "GetConnectionUnixProcessID", &name),
        children(&bus, &name, path.as_str()),
    );
    let process = process.and_then(|reply| reply.body().deserialize()).ok();
    for object in windows?.into_iter().take(WINDOWS) {
        if states(&bus, &object).await.is_ok_and(|states| states.has(States::ACTIVE)) {
            let name = name_on_bus(&bus, &name, path.as_str()).await.ok();
            return Ok(Program { process, name, window: Some(object) });
        }
    }
    Ok(Program { process, name: None, window: None })
}

/// Asks a program for its own name.
async fn name_on_bus(bus: &Connection, name: &str, path: &str) -> zbus::Result<String> {
    let wanted = (ACCESSIBLE, "Name");
    let asked = bus.call_method(Some(name), path, Some(PROPERTIES), "Get", &wanted).await;
    asked?.body().deserialize::<OwnedVariant>()?.try_into()
}

/// Asks for the objects inside an object.
pub(crate) async fn children(
    bus: &Connection,
    name: &str,
    path: &str,
) -> zbus::Result<Vec<Object>> {
    let asked = bus.call_method(Some(name), path, Some(ACCESSIBLE), "GetChildren", &()).await;
    asked?.body().deserialize()
}

/// Asks for an object's role.
pub(crate) async fn role(bus: &Connection, (name, path): &Object) -> zbus::Result<u32> {
    let name = Some(name.as_str());
    let asked = bus.call_method(name, path.as_str(), Some(ACCESSIBLE), "GetRole", &()).await;
    asked?.body().deserialize()
}

/// The states of an object, one bit each, numbered as in at-spi2-core's `atspi-constants.h`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct States(u64);

impl States {
    /// The window has the keyboard.
    pub(crate) const ACTIVE: u32 = 1;
    /// The object inside the window has the keyboard.
    pub(crate) const FOCUSED: u32 = 12;
    /// The object is on the screen, or would be if nothing covered it.
    pub(crate) const SHOWING: u32 = 25;
    /// The object contains too many objects to list.
    pub(crate) const MANAGES_DESCENDANTS: u32 = 31;

    pub(crate) fn has(self, state: u32) -> bool {
        self.0 & (1 << state) != 0
    }
}

pub(crate) async fn states(bus: &Connection, (name, path): &Object) -> zbus::Result<States> {
    let name = Some(name.as_str());
    let asked = bus.call_method(name, path.as_str(), Some(ACCESSIBLE), "GetState", &()).await;
    let words: Vec<u32> = asked?.body().deserialize()?;
    let bits = words.iter().take(2).rev().fold(0, |bits, word| bits << 32 | u64::from(*word));
    Ok(States(bits))
}
