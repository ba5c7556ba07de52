//! Starts `v2m-osd`, the program that shows the state at the bottom of the screen, when the user
//! dictates. It ends by itself.
//!
//! systemctl starts its unit, and reports a failure at once. The session bus could also start it by
//! its name. But if a program ends before it owns its name, systemd 252 does not report this to the
//! bus, which then waits for 25 s. Not here: what the program shows (the daemon's `screen`), and
//! whether a sign is there (`crate::dbus`).

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

/// How long the start may take before notifications show the state instead. It takes tens of
/// milliseconds.
const WITHIN: Duration = Duration::from_secs(2);

/// The reason why `v2m-osd` does not show the state, for the journal.
#[derive(Debug, thiserror::Error)]
pub enum OverlayError {
    /// It is not installed, or found no display that can show it. Another start would fail in the
    /// same way.
    #[error(
        "{}",
        verbatim!(format_args!(
            "v2m-osd cannot show the state ({0}); notifications show it. More in: journalctl --user \
             -u {UNIT}",
            .0
        ))
    )]
    Hopeless(String),
    /// It failed for another reason, perhaps because the desktop session had just begun.
    #[error(
        "{}",
        verbatim!(format_args!(
            "v2m-osd could not be started ({0}); notifications show the state meanwhile. More in: \
             journalctl --user -u {UNIT}",
            .0
        ))
    )]
    Failed(String),
    /// It did not start in time.
    #[error(
        "{}",
        verbatim!("v2m-osd has not started in time; notifications show the state meanwhile")
    )]
    Late,
}

/// Whether `v2m-osd` may work on this desktop, and nothing better is available. The program itself
/// finds out the rest.
pub fn may_show(variable: impl Fn(&str) -> Option<OsString>) -> bool {
    let is_set = |name| variable(name).is_some_and(|value| !value.is_empty());
    let desktop = variable("XDG_CURRENT_DESKTOP").unwrap_or_default();
    let names = desktop.as_encoded_bytes().split(|byte| *byte == b':');
    // GNOME Shell does not support layers. v2m's extension shows the state there.
    let is_gnome = { names }.any(|name| OsStr::new("GNOME").as_encoded_bytes() == name);
    !is_gnome && (is_set("WAYLAND_DISPLAY") || is_set("DISPLAY"))
}

/// Starts `v2m-osd`, and waits until it is the sign on the screen. Takes two seconds at most.
///
/// # Errors
/// The reason why notifications must show the state.
pub async fn start(mut sign: watch::Receiver<Option<String>>) -> Result<(), OverlayError> {
    let started = async {
        if let Err(why) = systemctl(&["start", UNIT]).await {
            let asked = ["show", "--property=LoadState", "--property=ExecMainStatus", UNIT];
            let is_hopeless = match systemctl(&asked).await {
                Ok(unit) => is_hopeless(&unit),
                // There is no user manager, or it does not answer.
                Err(_) => true,
            };
            return Err(match is_hopeless {
                true => OverlayError::Hopeless(why),
                false => OverlayError::Failed(why),
            });
        }
        // The session bus reports the new sign.
        let _ = sign.wait_for(Option::is_some).await;
        Ok(())
    };
    timeout(WITHIN, started).await.map_err(|_| OverlayError::Late)?
}

/// Whether the unit can never start, judging by the output of `systemctl show`: it does not exist,
/// or its program has found no usable display.
fn is_hopeless(unit: &str) -> bool {
    unit.lines().filter_map(|line| line.split_once('=')).any(|(property, value)| match property {
        "LoadState" => value != "loaded",
        "ExecMainStatus" => value == NO_DISPLAY,
        _ => false,
    })
}

/// Stops `v2m-osd`, because the settings turn it off.
pub async fn stop() {
    match timeout(WITHIN, systemctl(&["stop", UNIT])).await {
        Ok(Ok(_)) => {}
        outcome => debug!(?outcome, "{UNIT} was not stopped"),
    }
}

/// Runs systemctl and returns its output.
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
