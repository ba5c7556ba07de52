//! The first press without a model on GNOME: the notification's button opens the set-up in a terminal.
//!
//! All of it is real: the shell's notification, its button, the hand that presses it, the unit, the
//! terminal, and the set-up that takes keys there.

use super::desktop::{Desktop, Hand, key};
use super::extension::shell::Shell;
use super::terminals::Notifications;
use crate::lab::{Lab, try_run, wait_for};
use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

const UNIT: &str = "v2m-setup.service";

/// The process of `v2m setup` that has a terminal.
fn in_terminal() -> Option<u32> {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let mut pids = processes.filter_map(|it| it.file_name().to_str()?.parse::<u32>().ok());
    pids.find(|pid| {
        let about = PathBuf::from(format!("/proc/{pid}"));
        let words = fs::read_to_string(about.join("cmdline")).unwrap_or_default();
        let words: Vec<&str> = words.split_terminator('\0').collect();
        let input = fs::read_link(about.join("fd/0")).unwrap_or_default();
        matches!(words[..], [program, "setup", "--hold"] if program.ends_with("/v2m"))
            && input.starts_with("/dev/pts")
    })
}

/// Does this until something is so. The shell tells nobody when it is ready for it.
fn until<T>(what: &str, act: impl Fn(), mut is: impl FnMut() -> Option<T>) -> T {
    wait_for(what, || {
        act();
        let until = Instant::now() + Duration::from_secs(5);
        while Instant::now() < until {
            if let Some(it) = is() {
                return Some(it);
            }
            thread::sleep(Duration::from_millis(50));
        }
        None
    })
}

/// What the test leaves behind goes with this.
struct SetUp;

impl Drop for SetUp {
    fn drop(&mut self) {
        if let Some(pid) = in_terminal() {
            let _ = try_run("kill", &[&pid.to_string()]);
        }
        // Some terminals keep their window.
        let _ = try_run("systemctl", &["--user", "stop", UNIT]);
    }
}

#[test]
fn without_a_model_the_button_of_the_notification_opens_the_set_up_in_a_terminal() {
    let (lab, desktop, _set_up) = (Lab::new(), Desktop::new(), SetUp);
    let shell = Shell::with_banners(&desktop);
    lab.override_service("Environment=V2M_MODEL_DIR=%h/models");
    let shown = Notifications::listen();
    let (code, _) = lab.client().refused("START_RECORDING");
    assert_eq!(code, "model_missing");
    wait_for("the notification", || {
        let told = shown.told();
        (told.contains("set-up") && told.contains("Set v2m up")).then_some(())
    });
    assert_eq!(in_terminal(), None);
    // Since GNOME Shell 45 no key gets to the button, but the mouse does. Before, Super+N goes to the
    // notification, and Enter presses its button.
    let press = || match &shell {
        Some(shell) => {
            let button = wait_for("the button", || shell.button_of_banner("Set v2m up"));
            shell.shoot("set-up");
            Hand::new().click_at(button);
        }
        None => {
            desktop.press(&[key::SUPER, key::N]);
            desktop.press(&[key::ENTER]);
        }
    };
    let pid = until("the set-up in a terminal", press, in_terminal);
    // The user's keys get there: q leaves the set-up, and Enter ends it.
    let leave = || [key::Q, key::ENTER, key::ENTER].iter().for_each(|key| desktop.press(&[*key]));
    let is_over = || (in_terminal() != Some(pid)).then_some(());
    until("the end of the set-up", leave, is_over);
}
