//! `v2m-osd`, the program that shows the state at the bottom of the screen: started when somebody
//! dictates. It ends by itself.
//!
//! systemctl starts its unit, and says at once if it fails. The session bus could start it by its
//! name too, but of a program that ends before it has its name the bus hears nothing from systemd
//! 252, and waits for 25 s. Not here: what it shows (the daemon's `screen`), and whether a sign is
//! there (`crate::dbus`).

use std::ffi::{OsStr, OsString};
use std::process::Stdio;
use std::time::Duration;
use tokio::process::Command;
use tokio::sync::watch;
use tokio::time::timeout;
use tracing::debug;
use v2m_messages::verbatim;

const UNIT: &str = "v2m-osd.service";

/// The exit status of a `v2m-osd` that found no display that can show it (its `NO_DISPLAY`).
const NO_DISPLAY: &str = "69";

/// How long the start may take until notifications show the state in its place. It takes some tens
/// of milliseconds.
const WITHIN: Duration = Duration::from_secs(2);

/// Why it does not show the state. For the journal.
#[derive(Debug, thiserror::Error)]
pub enum OverlayError {
    /// It is not installed, or found no display that can show it. Another start ends the same way.
    #[error(
        "{}",
        verbatim!(format_args!(
            "v2m-osd cannot show the state ({0}); notifications show it. More in: journalctl --user \
             -u {UNIT}",
            .0
        ))
    )]
    Hopeless(String),
    /// It ended in another way, perhaps because the session was only just beginning.
    #[error(
        "{}",
        verbatim!(format_args!(
            "v2m-osd could not be started ({0}); notifications show the state meanwhile. More in: \
             journalctl --user -u {UNIT}",
            .0
        ))
    )]
    Failed(String),
    /// It takes long.
    #[error(
        "{}",
        verbatim!("v2m-osd has not started in time; notifications show the state meanwhile")
    )]
    Late,
}

/// Whether this desktop may be one where `v2m-osd` can show something and nothing better does. The
/// program itself finds out the rest.
pub fn may_show(variable: impl Fn(&str) -> Option<OsString>) -> bool {
    let is_set = |name| variable(name).is_some_and(|value| !value.is_empty());
    let desktop = variable("XDG_CURRENT_DESKTOP").unwrap_or_default();
    let names = desktop.as_encoded_bytes().split(|byte| *byte == b':');
    // Its shell shows no layers; v2m's extension is for it.
    let is_gnome = { names }.any(|name| OsStr::new("GNOME").as_encoded_bytes() == name);
    !is_gnome && (is_set("WAYLAND_DISPLAY") || is_set("DISPLAY"))
}

/// Starts it, and waits until it is the sign on the screen. Takes two seconds at most.
///
/// # Errors
/// Why notifications are needed.
pub async fn start(mut sign: watch::Receiver<Option<String>>) -> Result<(), OverlayError> {
    let started = async {
        if let Err(why) = systemctl(&["start", UNIT]).await {
            let asked = ["show", "--property=LoadState", "--property=ExecMainStatus", UNIT];
            let is_hopeless = match systemctl(&asked).await {
                Ok(unit) => is_hopeless(&unit),
                // There is no user manager, or none that answers.
                Err(_) => true,
            };
            return Err(match is_hopeless {
                true => OverlayError::Hopeless(why),
                false => OverlayError::Failed(why),
            });
        }
        // The news of it comes over the bus.
        let _ = sign.wait_for(Option::is_some).await;
        Ok(())
    };
    timeout(WITHIN, started).await.map_err(|_| OverlayError::Late)?
}

/// Whether the unit cannot be started at all, by what systemctl shows of it: it is not there, or
/// its program has found no display for it.
fn is_hopeless(unit: &str) -> bool {
    unit.lines().filter_map(|line| line.split_once('=')).any(|(property, value)| match property {
        "LoadState" => value != "loaded",
        "ExecMainStatus" => value == NO_DISPLAY,
        _ => false,
    })
}

/// Ends it, because the settings turn it off.
pub async fn stop() {
    match timeout(WITHIN, systemctl(&["stop", UNIT])).await {
        Ok(Ok(_)) => {}
        outcome => debug!(?outcome, "{UNIT} was not stopped"),
    }
}

/// Returns what it prints.
async fn systemctl(arguments: &[&str]) -> Result<String, String> {
    let mut command = Command::new("systemctl");
    command.args(["--user", "--no-ask-password"]).args(arguments);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let output = command.output().await;
    let output = output.map_err(|error| verbatim!(format!("systemctl cannot be run: {error}")))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let first = said.lines().map(str::trim).find(|line| !line.is_empty());
    Err(first.unwrap_or(verbatim!("systemctl failed")).to_owned())
}

#[cfg(test)]
mod tests {
    use super::{is_hopeless, may_show};
    use std::ffi::OsString;

    fn on(variables: &[(&str, &str)]) -> bool {
        may_show(|name| {
            let given = variables.iter().find(|(given, _)| *given == name);
            given.map(|(_, value)| OsString::from(value))
        })
    }

    #[test]
    fn it_is_for_desktops_with_a_display_other_than_gnome() {
        assert!(on(&[("WAYLAND_DISPLAY", "wayland-1"), ("XDG_CURRENT_DESKTOP", "KDE")]));
        assert!(on(&[("DISPLAY", ":0")]));
        assert!(!on(&[("DISPLAY", ":0"), ("XDG_CURRENT_DESKTOP", "ubuntu:GNOME")]));
        assert!(!on(&[("DISPLAY", ""), ("XDG_CURRENT_DESKTOP", "sway")]));
        assert!(!on(&[]));
    }

    #[test]
    fn only_a_missing_unit_or_display_is_hopeless() {
        assert!(is_hopeless("ExecMainStatus=69\nLoadState=loaded\n"));
        assert!(is_hopeless("ExecMainStatus=0\nLoadState=not-found\n"));
        assert!(is_hopeless("ExecMainStatus=0\nLoadState=masked\n"));
        assert!(!is_hopeless("ExecMainStatus=1\nLoadState=loaded\n"));
    }
}
