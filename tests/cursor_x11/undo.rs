//! Tests undo of the last text on a real X server, with a field that reports its text to assistive
//! technologies, and with one that does not.

use crate::desktop::Desktop;
use crate::joining::{KEY, hand, join, paste, put, user_does};
use crate::typing::{Editor, lay_out, typed};
use crate::{B, pasted};
use v2m::deliver::{UndoOptions, Undone};
use v2m::session::DeliverMode;
use v2m_testkit::accessible::{Technologies, Thing, Written, role};
use v2m_testkit::x11_window::{PastesOn, Seen, Window};

const CONTROL: u16 = 4;

fn by_keys() -> UndoOptions {
    UndoOptions { by_keys: true, ..UndoOptions::default() }
}

/// Starts a desktop with a window, and a program whose field reports the text that the test writes
/// there.
fn telling(written: &Written, editable: bool) -> (Desktop, Technologies, Window) {
    let desktop = Desktop::start();
    let address = desktop.bus.address.clone();
    let mut technologies = Technologies::start(&desktop.runtime, &address);
    let field = Thing::new(role::TEXT, vec![]).with_written(written).focused();
    let field = if editable { field.editable() } else { field };
    let frame = Thing::new(role::FRAME, vec![field]).active();
    technologies.program(&desktop.runtime, "editor", vec![frame]);
    let window = Window::open(desktop.display(), "Editor", PastesOn::Ctrl);
    (desktop, technologies, window)
}

fn refused(desktop: &mut Desktop, wanted: UndoOptions, why: &str) {
    let told = desktop.undo(wanted).unwrap_err();
    assert!(told.contains(why), "{told}");
}

#[test]
fn a_field_that_lets_itself_be_changed_loses_exactly_the_text() {
    let written = Written::new("well, |");
    let (mut desktop, _technologies, window) = telling(&written, true);
    refused(&mut desktop, UndoOptions::default(), "no text at the cursor");
    pasted(&desktop.paste("Grüße — “€5” 日."));
    assert_eq!(window.text(), "Grüße — “€5” 日.");
    written.replace("well, Grüße — “€5” 日.|and more");
    assert_eq!(desktop.undo(UndoOptions::default()), Ok(Undone::Gone));
    assert_eq!(written.text(), "well, and more");
    refused(&mut desktop, UndoOptions::default(), "no text at the cursor");
}

#[test]
fn what_is_not_there_as_it_was_delivered_stays() {
    let written = Written::new("|");
    let (mut desktop, _technologies, window) = telling(&written, true);
    pasted(&desktop.paste("So it is."));
    assert_eq!(window.text(), "So it is.");
    for now in ["So it was.|", "So it is. |", "|So it is.", "So it is.|", "So [it is.]|"] {
        written.replace(now);
        let text = written.text();
        let same = now == "So it is.|";
        match desktop.undo(UndoOptions::default()) {
            Ok(Undone::Gone) if same => break,
            Err(why) if !same => assert!(why.contains("not before the cursor any more"), "{why}"),
            other => panic!("{now}: {other:?}"),
        }
        assert_eq!(written.text(), text);
    }
    assert_eq!(written.text(), "");
}

/// GTK 4 before 4.10: the field reports its text, but does not let others change it.
#[test]
fn a_field_that_only_tells_gets_ctrl_z_once_and_is_asked_again() {
    let written = Written::new("|");
    let (mut desktop, _technologies, window) = telling(&written, false);
    pasted(&desktop.paste("So it is."));
    assert_eq!(window.text(), "So it is.");
    written.replace("So it is.|");
    refused(&mut desktop, UndoOptions::default(), "still shows the text");
    assert_eq!(window.next(), Seen::Key('z', CONTROL));
    // v2m does not try again if it is unsure of the result.
    refused(&mut desktop, UndoOptions::default(), "no text at the cursor");

    pasted(&desktop.paste("Once more."));
    assert_eq!(window.text(), "Once more.");
    written.replace("So it is. Once more.|");
    let editor = {
        let written = written.clone();
        std::thread::spawn(move || {
            assert_eq!(window.next(), Seen::Key('z', CONTROL));
            written.replace("So it is. |");
            window
        })
    };
    assert_eq!(desktop.undo(UndoOptions::default()), Ok(Undone::Gone));
    drop(editor.join().unwrap());
}

#[test]
fn a_window_that_tells_nothing_gets_ctrl_z_once_if_the_user_chose_that() {
    let mut desktop = Desktop::start();
    let window = Window::open(desktop.display(), "Editor", PastesOn::Ctrl);
    paste(&mut desktop, "So it is.", join());
    assert_eq!(window.text(), "So it is.");
    refused(&mut desktop, UndoOptions::default(), "deliver.undo");
    assert_eq!(desktop.undo(by_keys()), Ok(Undone::Pressed));
    assert_eq!(window.next(), Seen::Key('z', CONTROL));
    refused(&mut desktop, by_keys(), "no text at the cursor");
}

#[test]
fn no_key_is_pressed_after_the_user_typed_went_elsewhere_or_in_a_terminal() {
    let mut desktop = Desktop::start();
    let first = Window::open(desktop.display(), "Editor", PastesOn::Ctrl);
    paste(&mut desktop, "So it is.", join());
    assert_eq!(first.text(), "So it is.");
    let b = desktop.keyboard.code(B);
    user_does(|| hand(&desktop, &KEY, b));
    assert_eq!(first.next(), Seen::Key('b', 0));
    refused(&mut desktop, by_keys(), "you have pressed keys or clicked");

    paste(&mut desktop, "So it was.", join());
    assert!(first.text().contains("So it was."));
    let second = Window::open(desktop.display(), "Editor", PastesOn::Ctrl);
    refused(&mut desktop, by_keys(), "the focus has moved");
    drop(second);

    let terminal = Window::open(desktop.display(), "Some-Terminal", PastesOn::CtrlShift);
    paste(&mut desktop, "ls", join());
    assert_eq!(terminal.text(), "ls");
    refused(&mut desktop, by_keys(), "a terminal has the focus");
    // The terminal receives the keys of the next paste, and none before.
    paste(&mut desktop, "ls", join());
    assert!(matches!(terminal.next(), Seen::Key('v', _)));
}

#[test]
fn a_typed_text_is_more_than_one_step() {
    let mut desktop = Desktop::start();
    lay_out(&desktop, &["-layout", "us"]);
    let editor = Editor::open(&desktop);
    typed(&put(&mut desktop, DeliverMode::Type, "So it is.", join()));
    editor.wait_for("So it is.");
    refused(&mut desktop, by_keys(), "the text was typed");
    editor.wait_for("So it is.");
}
