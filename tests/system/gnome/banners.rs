//! Banners on GNOME Shell 45 and later: a problem is always visible, and a closed banner does not
//! come back.

use super::desktop::Desktop;
use super::extension::shell::Shell;
use crate::lab::{Lab, run, systemctl, wait_for};

/// Turns on GNOME's Do Not Disturb until dropped.
struct DoNotDisturb;

impl DoNotDisturb {
    fn set(on: bool) {
        let shown = if on { "false" } else { "true" };
        run("gsettings", &["set", "org.gnome.desktop.notifications", "show-banners", shown]);
    }

    fn new() -> Self {
        Self::set(true);
        Self
    }
}

impl Drop for DoNotDisturb {
    fn drop(&mut self) {
        Self::set(false);
    }
}

/// Stops v2m, and gives it a folder without models.
fn without_a_model(lab: &Lab) {
    systemctl(&["stop", "v2m.service"]);
    lab.override_service("Environment=V2M_MODEL_DIR=%h/models");
}

fn wait_for_banner(shell: &Shell, title: &str) {
    wait_for(&format!("the banner {title:?}"), || {
        shell.banner().filter(|shown| shown.contains(title))
    });
}

/// Regression: on GNOME Shell 46 and later there was no banner. The shell decides by the urgency of
/// the replaced notification, and the one in the list had a low urgency.
#[test]
fn a_problem_after_one_that_is_only_listed_has_its_banner() {
    let (lab, desktop) = (Lab::new(), Desktop::new());
    let Some(shell) = Shell::with_banners(&desktop) else { return };
    run("v2m-send", &["config", "set", "deliver.mode=paste"]);
    let window = desktop.window(false);
    lab.dictate();
    wait_for_banner(&shell, "Not pasted");
    shell.shoot("not-pasted");
    drop(window);
    // When the service ends, it moves the notification to the list.
    without_a_model(&lab);
    wait_for("the banner to be put away", || shell.banner().is_none().then_some(()));
    let _quiet = DoNotDisturb::new();
    assert_eq!(lab.client().refused("START_RECORDING").0, "model_missing");
    wait_for_banner(&shell, "model");
}

/// Regression: the shell reports the closing only to the connection that has shown the
/// notification, and v2m used another one. The banner came back every three seconds.
#[test]
fn a_recording_whose_banner_was_closed_stays_closed() {
    let (lab, desktop) = (Lab::new(), Desktop::new());
    let Some(shell) = Shell::with_banners(&desktop) else { return };
    lab.client().ask("START_RECORDING");
    wait_for_banner(&shell, "Recording");
    let note = lab.runtime.join("v2m/notification.json");
    wait_for("v2m to note its notification", || note.exists().then_some(()));
    // Closes it as its close button does.
    shell.ask("Main.messageTray._banner.close()");
    // If v2m showed the banner again, it would note that.
    wait_for("v2m to notice", || (!note.exists()).then_some(()));
    lab.client().ask("CANCEL_RECORDING");
}
