//! Banners on GNOME Shell 45 and later: a problem is never invisible, and what the user has closed does
//! not come back.

use super::desktop::Desktop;
use super::extension::shell::Shell;
use crate::lab::{Lab, run, systemctl, wait_for};

/// GNOME's own setting of Do Not Disturb, until dropped.
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

/// No model is where v2m looks for one.
fn without_a_model(lab: &Lab) {
    systemctl(&["stop", "v2m.service"]);
    lab.override_service("Environment=V2M_MODEL_DIR=%h/models");
}

fn wait_for_banner(shell: &Shell, title: &str) {
    wait_for(&format!("the banner {title:?}"), || {
        shell.banner().filter(|shown| shown.contains(title))
    });
}

/// Regression: from GNOME Shell 46 on there was no banner. The shell chooses by the urgency of the
/// notification that is replaced, and the list's had a low one.
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
    // The service's end puts it into the list.
    without_a_model(&lab);
    wait_for("the banner to be put away", || shell.banner().is_none().then_some(()));
    let _quiet = DoNotDisturb::new();
    assert_eq!(lab.client().refused("START_RECORDING").0, "model_missing");
    wait_for_banner(&shell, "model");
}

/// Regression: the shell tells it only the connection that has shown the notification, and that was
/// another one. The banner came back every three seconds.
#[test]
fn a_recording_whose_banner_was_closed_stays_closed() {
    let (lab, desktop) = (Lab::new(), Desktop::new());
    let Some(shell) = Shell::with_banners(&desktop) else { return };
    lab.client().ask("START_RECORDING");
    wait_for_banner(&shell, "Recording");
    let note = lab.runtime.join("v2m/notification.json");
    wait_for("v2m to note its notification", || note.exists().then_some(()));
    // As its button with the cross does.
    shell.ask("Main.messageTray._banner.close()");
    // What v2m shows again it notes.
    wait_for("v2m to notice", || (!note.exists()).then_some(()));
    lab.client().ask("CANCEL_RECORDING");
}
