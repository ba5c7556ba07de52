//! Finds out where `deliver.mode` sends texts on this desktop, and why, for `v2m doctor` and the
//! status.

use super::desktop::{self, Desktop, mutter::Mutter};
use super::error::DeliverError;
use super::hint::how_to_allow;
use super::paste::DEADLINE;
use crate::session::DeliverMode;
use tokio::time::timeout;
use tracing::info;
use v2m_messages::tr;

/// The current way of texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    /// Where texts go. Never [`DeliverMode::Auto`].
    pub mode: DeliverMode,
    /// The name of the desktop's means, if texts go to the cursor.
    pub backend: Option<&'static str>,
    /// The reason for this way, as a part of a sentence.
    pub reason: String,
}

/// Returns the way that texts take with `mode` here. Asks the user nothing, and presses no key.
/// Takes 3.5 s at most.
pub async fn way(mode: DeliverMode) -> Way {
    let set = || tr!("deliver.mode is \"{mode}\"", mode = mode.name());
    if !mode.is_at_cursor() {
        return Way { mode, backend: None, reason: set() };
    }
    let copied = |reason| Way { mode: DeliverMode::Clipboard, backend: None, reason };
    let desktop = match find().await {
        Ok((desktop, _)) => desktop,
        Err(problem) => return copied(problem.to_string()),
    };
    let backend = Some(desktop.name());
    match (mode, desktop.would_ask().await) {
        (DeliverMode::Auto, true) => {
            copied(format!("{}. {}", DeliverError::WouldAsk, how_to_allow()))
        }
        (DeliverMode::Auto, false) => {
            let reason = tr!("the desktop lets v2m press keys without asking").to_owned();
            Way { mode: DeliverMode::Paste, backend, reason }
        }
        (mode, true) => {
            let reason = tr!(
                "deliver.mode is \"{mode}\"; the desktop asks you when the next text comes",
                mode = mode.name()
            );
            Way { mode, backend, reason }
        }
        (mode, false) => Way { mode, backend, reason: set() },
    }
}

/// Returns the name of the means that this desktop offers, for `v2m doctor`. Bounded in time.
///
/// # Errors
/// The reason why the desktop offers no means, in words.
pub async fn way_to_the_cursor() -> Result<&'static str, String> {
    match find().await {
        Ok((_, name)) => {
            info!(backend = name, "texts are put at the cursor by {name}");
            Ok(name)
        }
        Err(problem) => Err(problem.to_string()),
    }
}

/// Finds the desktop's means, and its name with a remark for the user. Takes 3 s at most.
async fn find() -> Result<(Desktop, &'static str), DeliverError> {
    timeout(DEADLINE, probe()).await.unwrap_or(Err(DeliverError::Hanging))
}

async fn probe() -> Result<(Desktop, &'static str), DeliverError> {
    let desktop = Desktop::find().await?;
    let name = match &desktop {
        Desktop::Mutter(_) => Mutter::NAME,
        Desktop::Portal(portal) => portal.name().await,
        Desktop::Wayland(_) => desktop::wayland::NAME,
        Desktop::X11(_) => {
            let asked = tokio::task::spawn_blocking(desktop::x11::is_there).await;
            asked.map_err(|_| DeliverError::Hanging)?.map(|()| desktop::x11::NAME)?
        }
    };
    Ok((desktop, name))
}
