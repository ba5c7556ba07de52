//! The set-up, started from a notification: its unit shows it in a terminal.
//!
//! Not as a child of the service: that would have no network to download a model with, and would end
//! with the service. systemctl does the work, as for `v2m-llm`.

use crate::terminal::Terminal;
use std::process::Stdio;
use std::time::Duration;
use tokio::process::Command;
use tokio::time::timeout;
use tracing::{info, warn};

const UNIT: &str = "v2m-setup.service";
/// systemd takes some milliseconds.
const BOUND: Duration = Duration::from_secs(5);

/// Whether it can be shown.
pub(super) fn is_possible() -> bool {
    Terminal::find().is_some()
}

/// Starts it. Bounded: 5 s.
pub(super) async fn open() {
    let mut command = Command::new("systemctl");
    command.args(["--user", "--no-ask-password", "--no-block", "start", UNIT]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
    match timeout(BOUND, command.output()).await {
        Ok(Ok(output)) if output.status.success() => info!("{UNIT} is started"),
        Ok(Ok(output)) => {
            let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            warn!(said, "{UNIT} is not started: {said}");
        }
        Ok(Err(error)) => warn!(%error, "{UNIT} is not started: {error}"),
        Err(_late) => warn!("{UNIT} is not started: systemctl does not answer"),
    }
}
