//! The socket unit of `v2m-llm`: opened for the first question, closed when no language model is
//! set any more.
//!
//! The program has a network, so without a language model nothing should be able to start it. It is
//! therefore not enabled at installation, as `v2m.socket` is. systemctl does the work: it waits for
//! the outcome, says what went wrong, and needs no session bus.

use std::process::Stdio;
use std::time::Duration;
use tokio::process::Command;
use tokio::time::timeout;
use tracing::{debug, info};
use v2m_ipc::llm::socket_path;
use v2m_messages::tr;

const UNIT: &str = "v2m-llm.socket";
/// What a user runs if v2m cannot.
pub(super) const START: &str = "systemctl --user start v2m-llm.socket";
/// systemd takes some milliseconds.
const BOUND: Duration = Duration::from_secs(5);

/// Opens the socket.
///
/// # Errors
/// Why systemd does not, in words.
pub(super) async fn open() -> Result<(), String> {
    systemctl("start").await?;
    info!("{UNIT} is open: a language model is to be asked");
    Ok(())
}

/// Closes the socket, if there is one, and ends the program behind it. For settings without a
/// language model.
pub async fn close() {
    if !socket_path().is_some_and(|path| path.exists()) {
        return;
    }
    match systemctl("stop").await {
        Ok(()) => info!("{UNIT} is closed: no language model is set"),
        Err(error) => debug!(error, "{UNIT} stays as it is: {error}"),
    }
}

async fn systemctl(verb: &str) -> Result<(), String> {
    // Somebody else looks after a socket at another place.
    if std::env::var_os("V2M_LLM_SOCKET").is_some_and(|path| !path.is_empty()) {
        return Err(tr!("V2M_LLM_SOCKET names a socket that is not systemd's").to_owned());
    }
    let mut command = Command::new("systemctl");
    command.args(["--user", "--no-ask-password", verb, UNIT]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
    let run = timeout(BOUND, command.output()).await;
    let seconds = BOUND.as_secs();
    let output = run.map_err(|_| tr!("systemctl has not answered for {seconds} s", seconds))?;
    let output = output.map_err(|error| tr!("systemctl cannot be run: {error}", error))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    Err(if said.is_empty() { format!("systemctl: {}", output.status) } else { said })
}
