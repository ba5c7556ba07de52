//! Asks the desktop and logind whether the screen is locked.
//!
//! One yes is enough. If there is no answer, the screen counts as unlocked: most small desktops
//! have no locker that reports it, and pasting must work there. Lockers that only grab the keyboard
//! (i3lock by itself, xlock) are not detected.

use std::time::Duration;
use tokio::time::timeout;
use tracing::debug;
use v2m_messages::verbatim;
use zbus::Connection;

/// The screen savers that may answer: the name on the session bus and the object's path.
const SAVERS: [(&str, &str); 5] = [
    ("org.gnome.ScreenSaver", "/org/gnome/ScreenSaver"),
    // Used by KDE and others.
    ("org.freedesktop.ScreenSaver", "/org/freedesktop/ScreenSaver"),
    ("org.cinnamon.ScreenSaver", "/org/cinnamon/ScreenSaver"),
    ("org.mate.ScreenSaver", "/org/mate/ScreenSaver"),
    ("org.xfce.ScreenSaver", "/org/xfce/ScreenSaver"),
];

/// How long each bus may take. Usually, two round trips take a few milliseconds.
const PATIENCE: Duration = Duration::from_millis(500);

/// Asks whether the screen is locked, over connections that it keeps.
#[derive(Debug, Default)]
pub(crate) struct ScreenLock {
    session: Option<Connection>,
    system: Option<Connection>,
}

impl ScreenLock {
    /// Whether the screen is locked. Takes one second at most.
    pub(crate) async fn is_locked(&mut self) -> bool {
        let (desktop, logind) = tokio::join!(
            told(verbatim!("the desktop"), &mut self.session, by_desktop),
            told("logind", &mut self.system, by_logind),
        );
        desktop.unwrap_or(false) || logind.unwrap_or(false)
    }
}

/// Asks over the kept connection, or over a new one if that fails. The bus may have closed the old
/// connection, which must not make a locked screen count as unlocked.
async fn told<B>(
    who: &str,
    bus: &mut Option<B>,
    ask: impl AsyncFn(&mut Option<B>) -> zbus::Result<bool>,
) -> Option<bool> {
    let tries = if bus.is_some() { 2 } else { 1 };
    for _ in 0..tries {
        let asked = timeout(PATIENCE, ask(bus)).await.unwrap_or(Err(late()));
        let answer = answer(who, asked);
        if answer.is_some() {
            return answer;
        }
        *bus = None;
    }
    None
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
    // Only running screen savers are asked, because a call may start the others.
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
            // Some programs own the name but only offer to inhibit the screen saver.
            Err(error) => debug!(%error, name, "a screen saver does not tell whether it is active"),
        }
    }
    Ok(false)
}

/// Reads logind's hint for the user's graphical session. A service belongs to no session, and
/// "auto" then means the graphical one.
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Simulates connections by number. The first one is dead. Without a connection, `next` is
    /// opened if there is a bus.
    async fn ask(bus: &mut Option<u32>, next: Option<u32>) -> zbus::Result<bool> {
        if bus.is_none() {
            *bus = next;
        }
        match bus {
            Some(1) | None => Err(late()),
            Some(_) => Ok(true),
        }
    }

    #[tokio::test]
    async fn a_dead_connection_does_not_make_a_locked_screen_an_open_one() {
        for (mut kept, next, answer) in [
            (Some(2), None, Some(true)),
            (Some(1), Some(2), Some(true)),
            (Some(1), Some(1), None),
            (Some(1), None, None),
            (None, Some(2), Some(true)),
            (None, None, None),
        ] {
            let said = told("it", &mut kept, async |bus: &mut Option<u32>| ask(bus, next).await);
            assert_eq!(said.await, answer, "{next:?}");
            assert_eq!(kept, answer.map(|_| 2), "what has failed is not kept");
        }
    }
}
