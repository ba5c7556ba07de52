//! Whether the screen is locked: asked just before dictated texts would be shown.
//!
//! One yes is enough. Whoever is asked and does not answer in time counts as a yes: the menu can do
//! without texts. Where nobody knows, the screen counts as unlocked; most small desktops have no
//! locker that tells.

use std::time::Duration;
use tokio::time::timeout;
use zbus::fdo::DBusProxy;
use zbus::{Connection, OwnedVariant};

/// Those who may know: the name on the session bus and the object's path.
const SAVERS: [(&str, &str); 5] = [
    ("org.gnome.ScreenSaver", "/org/gnome/ScreenSaver"),
    // KDE and others.
    ("org.freedesktop.ScreenSaver", "/org/freedesktop/ScreenSaver"),
    ("org.cinnamon.ScreenSaver", "/org/cinnamon/ScreenSaver"),
    ("org.mate.ScreenSaver", "/org/mate/ScreenSaver"),
    ("org.xfce.ScreenSaver", "/org/xfce/ScreenSaver"),
];

/// How long each may take. Hosts wait for the menu meanwhile.
const PATIENCE: Duration = Duration::from_millis(500);

/// Whether the screen is locked. Takes half a second at most.
pub async fn is_locked(session: &Connection) -> bool {
    let desktop = timeout(PATIENCE, by_desktop(session));
    let logind = timeout(PATIENCE, by_logind());
    let (desktop, logind) = tokio::join!(desktop, logind);
    // Late is a yes; an error means that there is nobody to ask.
    desktop.map_or(true, |told| told.unwrap_or(false))
        || logind.map_or(true, |told| told.unwrap_or(false))
}

async fn by_desktop(session: &Connection) -> zbus::Result<bool> {
    // Only those that run, because a call may start the others.
    let names = DBusProxy::new(session).await?.list_names().await.map_err(zbus::Error::from)?;
    let runs = |name: &str| names.iter().any(|known| known.as_str() == name);
    for (name, path) in SAVERS.into_iter().filter(|(name, _)| runs(name)) {
        // Some have the name and only offer to inhibit the screen saver.
        let told = session.call_method(Some(name), path, Some(name), "GetActive", &()).await;
        if told.is_ok_and(|reply| reply.body().deserialize().unwrap_or(false)) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// logind's hint for the user's graphical session, which "auto" means for a service.
async fn by_logind() -> zbus::Result<bool> {
    let system = Connection::system().await?;
    let (logind, path) = ("org.freedesktop.login1", "/org/freedesktop/login1/session/auto");
    let properties = Some("org.freedesktop.DBus.Properties");
    let which = ("org.freedesktop.login1.Session", "LockedHint");
    let reply = system.call_method(Some(logind), path, properties, "Get", &which).await?;
    reply.body().deserialize::<OwnedVariant>()?.try_into()
}
