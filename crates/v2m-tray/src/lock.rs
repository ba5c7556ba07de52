//! Finds out whether the screen is locked, just before dictated texts would be shown.
//!
//! One yes is enough. A service that does not answer in time counts as a yes: the menu is usable
//! without texts. If there is no such service, the screen counts as unlocked; most small desktops
//! have no screen locker that reports its state.

use std::time::Duration;
use tokio::time::timeout;
use zbus::fdo::DBusProxy;
use zbus::{Connection, OwnedVariant};

/// Services that may know: the name on the session bus and the object's path.
const SAVERS: [(&str, &str); 5] = [
    ("org.gnome.ScreenSaver", "/org/gnome/ScreenSaver"),
    // KDE and others.
    ("org.freedesktop.ScreenSaver", "/org/freedesktop/ScreenSaver"),
    ("org.cinnamon.ScreenSaver", "/org/cinnamon/ScreenSaver"),
    ("org.mate.ScreenSaver", "/org/mate/ScreenSaver"),
    ("org.xfce.ScreenSaver", "/org/xfce/ScreenSaver"),
];

/// Timeout for each service. Hosts wait for the menu meanwhile.
const PATIENCE: Duration = Duration::from_millis(500);

/// Whether the screen is locked. Takes half a second at most.
pub async fn is_locked(session: &Connection) -> bool {
    let desktop = timeout(PATIENCE, by_desktop(session));
    let logind = timeout(PATIENCE, by_logind());
    let (desktop, logind) = tokio::join!(desktop, logind);
    // A late answer is a yes; an error means that there is no such service.
    desktop.map_or(true, |told| told.unwrap_or(false))
        || logind.map_or(true, |told| told.unwrap_or(false))
}

async fn by_desktop(session: &Connection) -> zbus::Result<bool> {
    // Ask only running services, because a call may start the others.
    let names = DBusProxy::new(session).await?.list_names().await.map_err(zbus::Error::from)?;
    let runs = |name: &str| names.iter().any(|known| known.as_str() == name);
    for (name, path) in SAVERS.into_iter().filter(|(name, _)| runs(name)) {
        // Some services with the name can only inhibit the screen saver.
        let told = session.call_method(Some(name), path, Some(name), "GetActive", &()).await;
        if told.is_ok_and(|reply| reply.body().deserialize().unwrap_or(false)) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Returns logind's hint for the user's graphical session. For a service, "auto" means that
/// session.
async fn by_logind() -> zbus::Result<bool> {
    let system = Connection::system().await?;
    let (logind, path) = ("org.freedesktop.login1", "/org/freedesktop/login1/session/auto");
    let properties = Some("org.freedesktop.DBus.Properties");
    let which = ("org.freedesktop.login1.Session", "LockedHint");
    let reply = system.call_method(Some(logind), path, properties, "Get", &which).await?;
    reply.body().deserialize::<OwnedVariant>()?.try_into()
}
