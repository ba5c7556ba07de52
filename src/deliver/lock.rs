//! Whether the screen is locked, as the desktop and logind say.
//!
//! One yes is enough. Where nobody says anything the screen counts as open: most small desktops have no locker that
//! tells, and pasting must work there. Lockers that only take the keyboard (i3lock by itself, xlock) are not seen.

use std::time::Duration;
use tokio::time::timeout;
use tracing::debug;
use zbus::Connection;

/// Who may tell: the name on the session bus and its object.
const SAVERS: [(&str, &str); 5] = [
    ("org.gnome.ScreenSaver", "/org/gnome/ScreenSaver"),
    // KDE and others.
    ("org.freedesktop.ScreenSaver", "/org/freedesktop/ScreenSaver"),
    ("org.cinnamon.ScreenSaver", "/org/cinnamon/ScreenSaver"),
    ("org.mate.ScreenSaver", "/org/mate/ScreenSaver"),
    ("org.xfce.ScreenSaver", "/org/xfce/ScreenSaver"),
];

/// How long each bus may take: two round trips, a few milliseconds where all is well.
const PATIENCE: Duration = Duration::from_millis(500);

/// The connections over which it is asked.
#[derive(Debug, Default)]
pub(crate) struct Lock {
    session: Option<Connection>,
    system: Option<Connection>,
}

impl Lock {
    /// Whether the screen is locked. Bounded: one second.
    pub(crate) async fn is_locked(&mut self) -> bool {
        let (by_desktop, by_logind) = tokio::join!(
            timeout(PATIENCE, by_desktop(&mut self.session)),
            timeout(PATIENCE, by_logind(&mut self.system)),
        );
        let desktop = answer("the desktop", by_desktop.unwrap_or(Err(late())));
        let logind = answer("logind", by_logind.unwrap_or(Err(late())));
        // What has failed is connected to anew.
        if desktop.is_none() {
            self.session = None;
        }
        if logind.is_none() {
            self.system = None;
        }
        desktop.unwrap_or(false) || logind.unwrap_or(false)
    }
}

fn late() -> zbus::Error {
    std::io::Error::from(std::io::ErrorKind::TimedOut).into()
}

fn answer(who: &str, asked: zbus::Result<bool>) -> Option<bool> {
    asked
        .inspect_err(|error| debug!(%error, "{who} does not tell whether the screen is locked"))
        .ok()
}

async fn by_desktop(bus: &mut Option<Connection>) -> zbus::Result<bool> {
    let bus = match bus {
        Some(bus) => bus,
        None => bus.insert(Connection::session().await?),
    };
    // Only those that are there: to call one that is not may start it.
    let to = "org.freedesktop.DBus";
    let reply =
        bus.call_method(Some(to), "/org/freedesktop/DBus", Some(to), "ListNames", &()).await?;
    let names: Vec<String> = reply.body().deserialize()?;
    for (name, path) in
        SAVERS.into_iter().filter(|(name, _)| names.iter().any(|known| known == name))
    {
        match bus.call_method(Some(name), path, Some(name), "GetActive", &()).await {
            Ok(reply) if reply.body().deserialize()? => return Ok(true),
            Ok(_open) => {}
            Err(error @ zbus::Error::InputOutput(_)) => return Err(error),
            // Some have the name, and only inhibit.
            Err(error) => debug!(%error, name, "a screen saver does not tell whether it is active"),
        }
    }
    Ok(false)
}

/// logind's hint of the user's graphical session. A service is in no session itself; "auto" then is that one.
async fn by_logind(bus: &mut Option<Connection>) -> zbus::Result<bool> {
    let bus = match bus {
        Some(bus) => bus,
        None => bus.insert(Connection::system().await?),
    };
    let reply = bus
        .call_method(
            Some("org.freedesktop.login1"),
            "/org/freedesktop/login1/session/auto",
            Some("org.freedesktop.DBus.Properties"),
            "Get",
            &("org.freedesktop.login1.Session", "LockedHint"),
        )
        .await;
    match reply {
        Ok(reply) => reply.body().deserialize::<zbus::OwnedVariant>()?.try_into(),
        Err(error @ zbus::Error::InputOutput(_)) => Err(error),
        Err(error) => {
            debug!(%error, "logind knows no graphical session");
            Ok(false)
        }
    }
}
