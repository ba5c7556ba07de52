//! Tests undo of the last text by keys, on a compositor that at most reports user activity.

use crate::desktop::{Desktop, wait_for};
use crate::pasted;
use std::time::Duration;
use v2m::deliver::{DeliveryOptions, UndoOptions, Undone};
use v2m::session::DeliverMode;

fn paste(desktop: &mut Desktop, text: &str) {
    let wanted = DeliveryOptions {
        mode: DeliverMode::Paste,
        is_watched: true,
        ..DeliveryOptions::default()
    };
    pasted(&desktop.hand_over(text, &wanted));
    desktop.settle();
}

/// Regression: within 30 s after a text, Ctrl+Z undid what the user had typed.
#[test]
fn what_may_have_been_typed_since_is_not_taken_back() {
    let mut desktop = Desktop::start();
    desktop.plug_in_keyboard();
    let window = desktop.window(true);
    paste(&mut desktop, "as taken.");
    window.wait_for("as taken.");
    desktop.type_text("x");
    window.wait_for("as taken.x");
    let by_keys = || UndoOptions { by_keys: true, ..UndoOptions::default() };
    let why = desktop.undo(&by_keys()).unwrap_err();
    assert!(why.contains("does not report whether you have typed since"), "{why}");
    assert_eq!(window.read().unwrap()["text"], "as taken.x");

    if !desktop.tells_idle() {
        return;
    }
    paste(&mut desktop, " And more.");
    window.wait_for("as taken.x And more.");
    // Until the compositor reports that the user is idle.
    let undone = wait_for("the user to be idle", || {
        std::thread::sleep(Duration::from_millis(100));
        desktop.undo(&by_keys()).ok()
    });
    assert_eq!(undone, Undone::Pressed);
    window.wait_for("as taken.x");
}
