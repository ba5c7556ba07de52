//! Starts the set-up from a notification. A systemd unit shows it in a terminal.
//!
//! It is not a child of the service, which would give it no network to download a model, and would
//! end it together with the service. systemctl starts the unit, as for `v2m-llm`.

use crate::terminal::Terminal;
use std::process::Stdio;
use std::time::Duration;
use tokio::process::Command;
use tokio::time::timeout;
use tracing::{info, warn};

const UNIT: &str = "v2m-setup.service";
/// How long systemctl may take. It takes some milliseconds.
const BOUND: Duration = Duration::from_secs(5);

/// Whether there is a terminal to show the set-up in.
pub(super) fn is_possible() -> bool {
    Terminal::find().is_some()
}

/// Starts the set-up. Takes 5 s at most.
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
