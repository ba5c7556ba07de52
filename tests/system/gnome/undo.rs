//! The last text is taken back on GNOME: a GTK field tells what it holds, one that tells nothing gets
//! Ctrl+Z if the user chose that, and what was changed since stays.

use super::desktop::{Desktop, key};
use super::lab as machine;
use v2m::deliver::{DeliveryOptions, Sinks, UndoOptions, Undone};
use v2m::session::DeliverMode;

fn paste(desktop: &Desktop, sinks: &mut Sinks, text: &str) {
    let wanted = DeliveryOptions {
        mode: DeliverMode::Paste,
        is_watched: true,
        ..DeliveryOptions::default()
    };
    let deliveries = desktop.runtime.block_on(sinks.hand_over(text, &wanted));
    assert!(deliveries[0].ok, "{deliveries:?}");
    desktop.runtime.block_on(sinks.settle());
}

fn undo(desktop: &Desktop, sinks: &mut Sinks, by_keys: bool) -> Result<Undone, String> {
    let wanted = UndoOptions { by_keys, ..UndoOptions::default() };
    desktop.runtime.block_on(sinks.undo(&wanted)).map_err(|why| why.to_string())
}

#[test]
fn a_field_that_tells_loses_the_last_text_and_nothing_else() {
    let (_lab, desktop) = machine();
    let window = desktop.window(true);
    let mut sinks = Sinks::new();
    paste(&desktop, &mut sinks, "As taken. ");
    window.wait_for_all_of("As taken. ");
    paste(&desktop, &mut sinks, "Add apples — “5 €”.");
    window.wait_for_all_of("As taken. Add apples — “5 €”.");
    assert_eq!(undo(&desktop, &mut sinks, false), Ok(Undone::Gone));
    window.wait_for_all_of("As taken. ");
    assert!(undo(&desktop, &mut sinks, false).unwrap_err().contains("no text at the cursor"));

    paste(&desktop, &mut sinks, "Add pears");
    window.wait_for_all_of("As taken. Add pears");
    desktop.press(&[key::I]);
    window.wait_for_all_of("As taken. Add pearsi");
    let why = undo(&desktop, &mut sinks, true).unwrap_err();
    assert!(why.contains("not before the cursor any more"), "{why}");
    assert_eq!(window.text(), "As taken. Add pearsi");
}

#[test]
fn a_window_that_tells_nothing_gets_ctrl_z_if_the_user_chose_that() {
    let (_lab, desktop) = machine();
    let window = desktop.window_that(false, "field");
    let mut sinks = Sinks::new();
    paste(&desktop, &mut sinks, "As taken.");
    window.wait_for_all_of("As taken.");
    assert!(undo(&desktop, &mut sinks, false).unwrap_err().contains("deliver.undo"));
    assert_eq!(window.text(), "As taken.");
    // GNOME tells that nobody does anything a second later.
    desktop.wait_until_idle();
    assert_eq!(undo(&desktop, &mut sinks, true), Ok(Undone::Pressed));
    window.wait_for_all_of("");

    // It does not tell whether that was a key or the mouse.
    paste(&desktop, &mut sinks, "As taken.");
    window.wait_for_all_of("As taken.");
    desktop.wait_until_idle();
    desktop.press(&[key::I]);
    window.wait_for_all_of("As taken.i");
    let why = undo(&desktop, &mut sinks, true).unwrap_err();
    assert!(why.contains("does not report whether you have typed"), "{why}");
    assert_eq!(window.text(), "As taken.i");
}
