//! Opens other programs from the menu, and shows notifications of failures.
//!
//! `v2m settings` and `v2m doctor` run in a terminal, in units of their own: this program's unit
//! lacks the rights that a terminal needs, and ends with the session.

use std::collections::HashMap;
use std::process::Stdio;
use std::time::Duration;
use tokio::process::Command;
use tokio::time::timeout;
use v2m_ipc::plain;
use v2m_messages::{tr, verbatim};
use zbus::{Connection, Variant};

/// Timeout for systemd and the notification service. systemd takes a few milliseconds.
const PATIENCE: Duration = Duration::from_secs(10);

/// Runs `v2m COMMAND` in a terminal; v2m selects the terminal.
///
/// # Errors
/// The reason and advice, for people.
pub async fn in_terminal(command: &str) -> Result<(), String> {
    let advice =
        |why: &str| tr!("Open a terminal, and run in it: v2m {command} ({why})", command, why);
    let v2m =
        std::env::current_exe().map_or_else(|_| "v2m".into(), |own| own.with_file_name("v2m"));
    let mut run = Command::new("systemd-run");
    run.args(["--user", "--quiet", "--collect", "--no-ask-password"]);
    // Some terminals are windows of a program that already runs. The end of this unit must not kill
    // what was started there.
    run.args(["--property=KillMode=process", "--"]);
    run.arg(v2m).args([command, "--in-terminal"]);
    run.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
    let output = match timeout(PATIENCE, run.output()).await {
        Ok(Ok(output)) => output,
        Ok(Err(error)) => return Err(advice(&format!("systemd-run: {error}"))),
        Err(_late) => return Err(advice(tr!("systemd does not answer"))),
    };
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let first = said.lines().map(str::trim).find(|line| !line.is_empty());
    Err(advice(first.unwrap_or(verbatim!("systemd-run failed"))))
}

/// Shows a failure as a notification, because the menu has already closed.
pub async fn complain(bus: &Connection, text: &str) {
    plain::complain(format_args!("v2m-tray: {text}"));
    let (to, path) = ("org.freedesktop.Notifications", "/org/freedesktop/Notifications");
    // Some notification services read bodies as markup.
    let body = plain::text(text).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let icon = "org.v2m.Dictation1";
    let (actions, hints) = (Vec::<&str>::new(), HashMap::<&str, Variant<'_>>::new());
    let notice = ("v2m", 0_u32, icon, tr!("v2m cannot do that"), body, actions, hints, -1_i32);
    // If no program shows notifications, the message is still in the journal.
    let _ = timeout(PATIENCE, bus.call_method(Some(to), path, Some(to), "Notify", &notice)).await;
}
