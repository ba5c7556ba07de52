//! A configuration that is not valid: the failure it is to clients, and its notification, which a
//! service that does not start has to show by itself.

use crate::config::ConfigError;
use crate::deliver::{Notice, Notifier};
use crate::session::{Code, Delivery, Failure};
use std::io;
use std::path::PathBuf;
use tracing::{info, warn};

/// The failure that a broken configuration is to clients.
pub fn config_failure(error: &ConfigError) -> Failure {
    let text = format!("{error}. Check it with `v2m check-config`.");
    let (cause, remedy) = error.in_brief();
    Failure::new(Code::BadConfig, text).in_brief(cause, remedy).lasting()
}

/// Says on the desktop that the service cannot start. Bounded.
pub fn show_refusal(failure: &Failure) {
    match show(Notice::Problem(failure.clone())) {
        Ok(Delivery { ok, detail, .. }) => info!(ok, detail, "notification {detail}"),
        Err(error) => warn!(%error, "no notification could be shown: {error}"),
    }
}

/// Takes away what [`show_refusal`] has shown: the configuration is valid now. Bounded.
pub fn withdraw_refusal() {
    match show(Notice::Mended(Code::BadConfig)) {
        Ok(Delivery { ok, .. }) => info!(ok, "the configuration is valid again"),
        Err(error) => warn!(%error, "the earlier notification could not be removed: {error}"),
    }
}

/// Without a running service.
fn show(notice: Notice) -> io::Result<Delivery> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let shown = runtime
        .block_on(async { Notifier::spawn(note_file("notification"), None).show(notice).await });
    runtime.shutdown_background();
    Ok(shown)
}

/// Where it is noted what v2m leaves on the desktop if it is killed: beside the socket.
pub(super) fn note_file(of: &str) -> Option<PathBuf> {
    let socket = v2m_ipc::client::socket_path().ok()?;
    Some(socket.with_file_name(format!("{of}.json")))
}

/// An error's text as a sentence of its own.
pub(super) fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    let rest = chars.as_str().trim_end_matches('.');
    let end = if rest.ends_with(['?', '!']) { "" } else { "." };
    format!("{first}{rest}{end}")
}
