//! Tests the button that starts the set-up.

use crate::desktop::{Desktop, NOBODY, Seen, refusal};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use v2m::deliver::Notice;
use v2m::session::{Code, Failure};

fn missing() -> Notice {
    Notice::Problem(Failure::new(Code::ModelMissing, "There is no model.").lasting())
}

fn install(folder: &Path, name: &str, script: &str) {
    let program = folder.join(name);
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
}

/// A changed `PATH`, as long as the test holds the session.
struct Programs(std::ffi::OsString);

impl Programs {
    fn only(folder: &Path) -> Self {
        let before = std::env::var_os("PATH").unwrap();
        // SAFETY: the caller holds SESSION, so no other test reads or writes the environment now.
        unsafe { std::env::set_var("PATH", folder) };
        Self(before)
    }
}

impl Drop for Programs {
    fn drop(&mut self) {
        // SAFETY: as above.
        unsafe { std::env::set_var("PATH", &self.0) };
    }
}

/// Waits until systemctl was called, and returns its arguments.
async fn called(calls: &Path) -> String {
    while !fs::read_to_string(calls).unwrap_or_default().ends_with('\n') {
        tokio::task::yield_now().await;
    }
    fs::read_to_string(calls).unwrap()
}

/// What a click on the notification does, and its button.
const BUTTON: [&str; 4] = ["default", "Set v2m up", "set-up", "Set v2m up"];

const CALL: &str = "--user --no-ask-password --no-block start v2m-setup.service\n";

#[tokio::test]
async fn without_a_model_a_button_starts_the_set_up_in_its_unit() {
    let mut desktop = Desktop::start().await;
    let folder = tempfile::tempdir().unwrap();
    let calls = folder.path().join("calls");
    let script = format!("#!/bin/sh\necho \"$*\" >>'{}'\n", calls.display());
    install(folder.path(), "systemctl", &script);
    let programs = Programs::only(folder.path());
    let notifier = desktop.notifier();
    assert!(notifier.show(missing()).await.ok);
    let Seen::Shown { actions, .. } = desktop.sees().await else { panic!("not shown") };
    assert!(actions.is_empty(), "there is no terminal to show it in: {actions:?}");

    install(folder.path(), "xterm", "#!/bin/sh\n");
    assert!(notifier.show(missing()).await.ok);
    let Seen::Shown { replaces: 1, actions, urgency: 2, .. } = desktop.sees().await else {
        panic!("not in the place of the first one")
    };
    assert_eq!(actions, BUTTON);
    // The button of another notification, and another button.
    desktop.press(NOBODY, 7, "set-up").await;
    desktop.press(NOBODY, 1, "other").await;
    desktop.press(NOBODY, 1, "set-up").await;
    assert_eq!(called(&calls).await, CALL);
    drop(programs);
    // The notification still disappears when the problem is solved.
    assert!(notifier.show(Notice::Mended(Code::ModelMissing)).await.ok);
    assert!(matches!(desktop.sees().await, Seen::Closed(1)));
    assert!(notifier.show(refusal()).await.ok);
    let Seen::Shown { actions, .. } = desktop.sees().await else { panic!("not shown") };
    assert!(actions.is_empty(), "{actions:?}");
}

/// dunst and GNOME Shell do this.
#[tokio::test]
async fn a_press_is_noticed_where_only_the_sender_is_told() {
    let mut desktop = Desktop::named("dunst").await;
    let folder = tempfile::tempdir().unwrap();
    let calls = folder.path().join("calls");
    let script = format!("#!/bin/sh\necho \"$*\" >>'{}'\n", calls.display());
    install(folder.path(), "systemctl", &script);
    install(folder.path(), "xterm", "#!/bin/sh\n");
    let programs = Programs::only(folder.path());
    let notifier = desktop.notifier();
    assert!(notifier.show(missing()).await.ok);
    let Seen::Shown { sender, .. } = desktop.sees().await else { panic!("not shown") };
    desktop.press(Some(&sender), 1, "set-up").await;
    assert_eq!(called(&calls).await, CALL);
    fs::remove_file(&calls).unwrap();
    // A click on the notification itself.
    desktop.press(Some(&sender), 1, "default").await;
    assert_eq!(called(&calls).await, CALL);
    drop(programs);
}

/// Regression: GNOME Shell before 46 shows no buttons if a notification replaces the one on the
/// screen. The first press without a model was already the second notice of this problem.
#[tokio::test]
async fn on_gnome_a_notification_with_a_button_is_a_new_one() {
    let mut desktop = Desktop::named("gnome-shell").await;
    let folder = tempfile::tempdir().unwrap();
    install(folder.path(), "systemctl", "#!/bin/sh\n");
    install(folder.path(), "xterm", "#!/bin/sh\n");
    let programs = Programs::only(folder.path());
    let notifier = desktop.notifier();
    assert!(notifier.show(missing()).await.ok);
    assert!(matches!(desktop.sees().await, Seen::Shown { replaces: 0, .. }));
    assert!(notifier.show(missing()).await.ok);
    assert!(matches!(desktop.sees().await, Seen::Closed(1)));
    let Seen::Shown { replaces: 0, actions, .. } = desktop.sees().await else {
        panic!("not a new one")
    };
    assert_eq!(actions, BUTTON);
    drop(programs);
}
