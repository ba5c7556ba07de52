//! Asks GNOME Shell which program has the keyboard. The Shell itself does not report it, but v2m's
//! extension does.
//!
//! The extension has the name `org.v2m.Sign` and answers only v2m. It names the program, and
//! reports nothing about the content of its windows.

use std::time::Duration;
use tokio::time::timeout;
use tracing::debug;
use zbus::Connection;

const NAME: &str = "org.v2m.Sign";
const PATH: &str = "/org/v2m/Sign";
const DAEMON: (&str, &str) = ("org.freedesktop.DBus", "/org/freedesktop/DBus");

/// How long the shell may take. It answers in a few milliseconds, unless it is busy drawing.
const PATIENCE: Duration = Duration::from_millis(100);

/// Returns the names of the program that has the keyboard: its application id, and the class of its
/// window. Empty: the extension is not there or does not answer, or no window has the keyboard.
/// `session` is the address of a session bus. `None`: the user's. Takes 100 ms at most.
pub(crate) async fn focused(session: Option<&str>) -> Vec<String> {
    focused_within(PATIENCE, session).await
}

/// Like [`focused`], for callers with more time.
pub(crate) async fn focused_within(patience: Duration, session: Option<&str>) -> Vec<String> {
    match timeout(patience, ask(session)).await {
        Ok(Ok((application, class))) => {
            [application, class].into_iter().filter(|name| !name.is_empty()).collect()
        }
        Ok(Err(error)) => {
            debug!(%error, "GNOME Shell does not tell which program has the keyboard");
            Vec::new()
        }
        Err(_late) => Vec::new(),
    }
}

async fn ask(session: Option<&str>) -> zbus::Result<(String, String)> {
    let bus = match session {
        Some(address) => zbus::connection::Builder::address(address).build().await?,
        None => Connection::session().await?,
    };
    let (daemon, path) = DAEMON;
    // The owner's unique name is used, so that a program that takes the name afterwards is not
    // asked.
    let owner = bus.call_method(Some(daemon), path, Some(daemon), "GetNameOwner", &NAME).await?;
    let owner: String = owner.body().deserialize()?;
    let told = bus.call_method(Some(owner.as_str()), PATH, Some(NAME), "FocusedApp", &()).await?;
    told.body().deserialize()
}
