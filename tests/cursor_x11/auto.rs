//! Tests `deliver.mode = "auto"`: texts go to the cursor if X11 allows it, otherwise to the
//! clipboard without an error.

use super::{PastesOn, WORDS, Window, pasted, waits};
use crate::desktop::Desktop;
use std::time::Duration;
use v2m::deliver::{Way, way};
use v2m::session::DeliverMode;
use v2m_testkit::accessible::{Technologies, Thing, role};
use v2m_testkit::x11_programs::{Manager, manager};

#[test]
fn the_text_is_pasted_with_a_receipt() {
    let mut desktop = Desktop::start();
    desktop.server.copy(super::UTF8, b"before");
    let window = Window::open(desktop.display(), "Editor", PastesOn::Ctrl);
    let found = desktop.run(way(DeliverMode::Auto));
    assert_eq!((found.mode, found.backend), (DeliverMode::Paste, Some("x11")), "{found:?}");
    pasted(&desktop.put(DeliverMode::Auto, WORDS, None));
    assert_eq!(window.text(), WORDS);
    desktop.settle();
    assert_eq!(desktop.server.paste(), "before");
}

#[test]
fn what_no_window_takes_and_what_has_moved_waits_as_with_paste() {
    let mut desktop = Desktop::start();
    let _deaf = Window::open(desktop.display(), "Deaf", PastesOn::Nothing);
    let meant = desktop.focus();
    let deliveries = desktop.put(DeliverMode::Auto, WORDS, None);
    waits(&desktop, &deliveries, "no window took it", WORDS);
    let other = Window::open(desktop.display(), "Other", PastesOn::Ctrl);
    let deliveries = desktop.put(DeliverMode::Auto, "moved", meant);
    waits(&desktop, &deliveries, "another window", "moved");
    other.had_no_key(&desktop.keyboard);
}

#[test]
fn without_a_display_the_way_is_the_clipboard_and_says_why() {
    let mut desktop = Desktop::start();
    // SAFETY: as in `Desktop::start`; this test holds its guard.
    unsafe { std::env::set_var("DISPLAY", ":4711") };
    let deliveries = desktop.put(DeliverMode::Auto, WORDS, None);
    let [clipboard] = deliveries.as_slice() else { panic!("{deliveries:?}") };
    assert!(clipboard.by == "clipboard" && !clipboard.ok, "{deliveries:?}");
    let Way { mode, backend, reason } = desktop.run(way(DeliverMode::Auto));
    assert_eq!((mode, backend), (DeliverMode::Clipboard, None));
    assert!(reason.contains("DISPLAY cannot be reached"), "{reason}");
}

#[test]
fn a_text_for_a_password_field_is_marked_as_a_secret() {
    let mut desktop = Desktop::start();
    let mut technologies = Technologies::start(&desktop.runtime, &desktop.bus.address);
    let field = Thing::new(role::PASSWORD_TEXT, Vec::new()).focused();
    let window = Thing::new(role::FRAME, vec![field]).active();
    technologies.program(&desktop.runtime, "editor", vec![window]);
    let read = manager(desktop.display(), Manager::ReadsMark);
    let window = Window::open(desktop.display(), "Editor", PastesOn::Ctrl);
    pasted(&desktop.put(DeliverMode::Auto, WORDS, None));
    assert_eq!(read.recv_timeout(Duration::from_secs(20)).unwrap(), b"secret");
    assert_eq!(window.text(), WORDS);
}
