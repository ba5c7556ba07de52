//! One notification on the desktop, through notify-rust: shown, replaced in place, closed.
//!
//! notify-rust opens a connection for each `show`, and its handle keeps that connection. So the
//! handle is kept, and each later notice is an `update` of it, over the same connection. `update`
//! blocks its thread until the service answers. It therefore runs in a thread of its own: a service
//! that hangs holds up neither the event loop nor the end of the process. Not here: what a
//! notification says (`card`), and how long anyone waits (`notifier`).

use super::card::{Card, Urgency};
use notify_rust::{Hint, Notification, NotificationHandle, Timeout};
use tokio::sync::oneshot;
use tracing::debug;
use v2m_messages::tr;

/// v2m's notification as notify-rust knows it.
#[derive(Debug, Default)]
pub(super) struct Popup {
    /// Holds the connection. `None` before the first notice, after a close, and during an update.
    handle: Option<NotificationHandle>,
}

impl Popup {
    /// Shows `notification` and returns its number. It replaces what this popup shows. If that is
    /// nothing, it replaces the notification with the number `left`, which an earlier connection
    /// has shown (0: none).
    ///
    /// # Errors
    /// The error of the bus or the service, in words. The next call then opens another connection.
    ///
    /// Dropping the future gives up the connection as soon as the service answers.
    pub(super) async fn show(
        &mut self,
        notification: Notification,
        left: u32,
    ) -> Result<u32, String> {
        let handle = match self.handle.take() {
            None => sent(notification, left).await?,
            Some(mut handle) => {
                let shown = handle.id();
                *handle = notification.clone();
                match updated(handle).await {
                    Ok(handle) => handle,
                    // The connection may have been lost.
                    Err(reason) => {
                        debug!(reason, "updating the notification over a new connection");
                        sent(notification, shown).await?
                    }
                }
            }
        };
        let id = handle.id();
        self.handle = Some(handle);
        Ok(id)
    }

    /// Closes what this popup shows and its connection. Returns whether it showed anything. An
    /// error of the service means that the user closed it before, or that it expired.
    pub(super) async fn close(&mut self) -> bool {
        let Some(handle) = self.handle.take() else { return false };
        handle.close_async().await;
        true
    }
}

/// Sends `notification` over a new connection, in place of the notification `replaces` (0: none).
async fn sent(mut notification: Notification, replaces: u32) -> Result<NotificationHandle, String> {
    notification.id(replaces).show_async().await.map_err(|error| error.to_string())
}

/// Sends the content of `handle` in place of what it shows.
async fn updated(mut handle: NotificationHandle) -> Result<NotificationHandle, String> {
    let (reply, outcome) = oneshot::channel();
    let update = move || {
        let sent = handle.update().map_err(|error| error.to_string());
        // Nobody receives it if the caller has given up; the connection closes with it.
        drop(reply.send(sent.map(|()| handle)));
    };
    let thread = std::thread::Builder::new().name("notification".to_owned());
    thread.spawn(update).map_err(|error| tr!("starting a thread: {error}", error))?;
    outcome.await.unwrap_or_else(|_| Err(tr!("the thread that sends it has ended").to_owned()))
}

/// Builds the notification for `card`. `body` is as the service reads it, with markup escaped.
// Deliberately, no v2m.desktop is installed (v2m-keys.desktop is for KWin). GNOME Shell (43)
// removes all notifications of a known application once their sender leaves the bus. This would
// remove the text of a service that ends, and the reason of one that does not start. A later file
// must not be called v2m.desktop either, because the application's name alone would match it.
pub(super) fn notification(card: &Card, summary: &str, body: &str) -> Notification {
    let urgency = match card.urgency {
        Urgency::Low => notify_rust::Urgency::Low,
        Urgency::Normal => notify_rust::Urgency::Normal,
        Urgency::Critical => notify_rust::Urgency::Critical,
    };
    let milliseconds = |time: std::time::Duration| u32::try_from(time.as_millis());
    let timeout = card.expires.and_then(|time| milliseconds(time).ok());
    Notification::new()
        .appname("v2m")
        .icon(card.icon)
        .summary(summary)
        .body(body)
        .urgency(urgency)
        .hint(Hint::Transient(card.transient))
        .hint(Hint::Category(card.category.to_owned()))
        .hint(Hint::DesktopEntry("v2m".to_owned()))
        .timeout(timeout.map_or(Timeout::Never, Timeout::Milliseconds))
        .finalize()
}
