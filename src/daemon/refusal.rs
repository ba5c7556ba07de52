//! Reports an invalid configuration: the failure for clients, and the notification, which is shown
//! even if the service does not start.

use crate::config::ConfigError;
use crate::deliver::{Notice, Notifier};
use crate::session::{Code, Delivery, Failure};
use std::io;
use std::path::PathBuf;
use tracing::{info, warn};
use v2m_messages::tr;

/// Returns the failure that clients get for an invalid configuration.
pub fn config_failure(error: &ConfigError) -> Failure {
    let error_ended = v2m_messages::ended(&error.to_string());
    let text = tr!("{error} Check it with `v2m check-config`.", error = error_ended);
    let (cause, remedy) = error.in_brief();
    Failure::new(Code::BadConfig, text).in_brief(cause, remedy).lasting()
}

/// Notifies the user that the service cannot start. Bounded in time.
pub fn show_refusal(failure: &Failure) {
    match show(Notice::Problem(failure.clone()), note_file("notification")) {
        Ok(Delivery { ok, detail, .. }) => info!(ok, detail, "notification {detail}"),
        Err(error) => warn!(%error, "no notification could be shown: {error}"),
    }
}

/// Closes the notification of [`show_refusal`] when the configuration is valid. Bounded in time.
pub fn withdraw_refusal() {
    match show(Notice::Mended(Code::BadConfig), note_file("notification")) {
        Ok(Delivery { ok, .. }) => info!(ok, "the configuration is valid again"),
        Err(error) => warn!(%error, "the earlier notification could not be removed: {error}"),
    }
}

/// Notifies the user of a problem in a command that the desktop started, possibly beside a running
/// service. Bounded in time.
pub fn show_problem(failure: &Failure) {
    if let Err(error) = show(Notice::Problem(failure.clone()), None) {
        warn!(%error, "no notification could be shown: {error}");
    }
}

/// Shows a notice without a running service. `note`: the file with the notification's number.
fn show(notice: Notice, note: Option<PathBuf>) -> io::Result<Delivery> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let shown = runtime.block_on(async { Notifier::spawn(note, None).show(notice).await });
    runtime.shutdown_background();
    Ok(shown)
}

/// Returns the file, beside the socket, that records v2m's notifications in case v2m is killed.
pub(super) fn note_file(of: &str) -> Option<PathBuf> {
    let socket = v2m_ipc::client::socket_path().ok()?;
    Some(socket.with_file_name(format!("{of}.json")))
}

/// Turns an error's text into a sentence.
pub(super) fn sentence(text: &str) -> String {
    v2m_messages::capitalised(&v2m_messages::ended(text))
}
