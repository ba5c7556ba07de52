//! Tests how texts are joined to the text at the cursor: on a real X server, with keys that a user
//! presses in between.

use crate::desktop::Desktop;
use crate::typing::{Editor, lay_out, typed};
use crate::{B, pasted, waits};
use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};
use v2m::deliver::{DeliveryOptions, Join, ShortcutPresses};
use v2m::session::{DeliverMode, Delivery};
use v2m::text::{Choices, Letters, Rules};
use v2m_testkit::accessible::{Technologies, Thing, role};
use v2m_testkit::wait_for;
use v2m_testkit::x11_window::{PastesOn, Seen, Window};
use x11rb::protocol::xtest::ConnectionExt as _;
use x11rb::rust_connection::RustConnection;

// XTEST's event types (X11's core protocol).
pub(crate) const KEY: [u8; 2] = [2, 3];
const BUTTON: [u8; 2] = [4, 5];
const MOTION: u8 = 6;

/// Returns the options of a dictation with a recording that begins now.
pub(crate) fn join() -> Join {
    Join {
        rules: Arc::new(Rules::new(Choices::default())),
        language: "en".to_owned(),
        letters: Letters::Fit,
        asks_field: true,
        presses: ShortcutPresses::default(),
        begun: Instant::now(),
    }
}

/// Like `join`, an hour later: what v2m only guesses has expired by then.
fn much_later() -> Join {
    Join { begun: Instant::now() + Duration::from_secs(3_600), ..join() }
}

pub(crate) fn put(
    desktop: &mut Desktop,
    mode: DeliverMode,
    text: &str,
    join: Join,
) -> Vec<Delivery> {
    desktop
        .hand_over(text, DeliveryOptions { mode, join: Some(join), ..DeliveryOptions::default() })
}

pub(crate) fn paste(desktop: &mut Desktop, text: &str, join: Join) {
    pasted(&put(desktop, DeliverMode::Paste, text, join));
}

/// Returns the status of the threads that watch user activity.
fn watches() -> Vec<String> {
    let threads = fs::read_dir("/proc/self/task").unwrap().flatten().map(|entry| entry.path());
    let status = threads.filter_map(|thread| fs::read_to_string(thread.join("status")).ok());
    status.filter(|status| status.contains("Name:\tv2m-hands\n")).collect()
}

/// Performs a user action, and waits until the watch has received it and sleeps again.
pub(crate) fn user_does(act: impl FnOnce()) {
    let sleeping = || {
        let all = watches();
        let [watch] = &all[..] else { return None };
        watch.contains("State:\tS").then(|| watch.clone())
    };
    let turns = |status: &str| -> u64 {
        let line = status.lines().find(|line| line.starts_with("voluntary_ctxt_switches"));
        line.unwrap().split_whitespace().last().unwrap().parse().unwrap()
    };
    let before = turns(&wait_for("one watch", sleeping));
    act();
    wait_for("the watch to hear of it", || (turns(&sleeping()?) > before).then_some(()));
}

/// Sends events of the user's keyboard or mouse.
pub(crate) fn hand(desktop: &Desktop, kinds: &[u8], detail: u8) {
    let (conn, screen) = RustConnection::connect(Some(desktop.display())).unwrap();
    let root = x11rb::connection::Connection::setup(&conn).roots[screen].root;
    for kind in kinds {
        conn.xtest_fake_input(*kind, detail, 0, root, 20, 20, 0).unwrap().check().unwrap();
    }
}

#[test]
fn two_texts_in_a_row_read_as_one() {
    let mut desktop = Desktop::start();
    let window = Window::open(desktop.display(), "Editor", PastesOn::Ctrl);
    for (text, expected) in [
        ("the book as taken.", "the book as taken."),
        ("Add apples,", " Add apples,"),
        ("The green ones", " the green ones"),
        (", and so on.\n", ", and so on.\n"),
        ("pears (", "Pears ("),
        ("Ripe)", "Ripe)"),
    ] {
        paste(&mut desktop, text, much_later());
        assert_eq!(window.text(), expected);
    }
}

#[test]
fn what_the_user_has_typed_in_between_parts_two_texts() {
    let mut desktop = Desktop::start();
    let window = Window::open(desktop.display(), "Editor", PastesOn::Ctrl);
    paste(&mut desktop, "as taken.", join());
    assert_eq!(window.text(), "as taken.");
    let b = desktop.keyboard.code(B);
    user_does(|| hand(&desktop, &KEY, b));
    assert_eq!(window.next(), Seen::Key('b', 0));
    paste(&mut desktop, "add apples.", join());
    assert_eq!(window.text(), "add apples.");
    // From here on, v2m knows the text at the cursor again.
    paste(&mut desktop, "Add pears", much_later());
    assert_eq!(window.text(), " Add pears");
}

#[test]
fn the_shortcut_itself_is_nothing_typed() {
    const ALT: u32 = 0xffe9;
    let mut desktop = Desktop::start();
    let window = Window::open(desktop.display(), "Editor", PastesOn::Ctrl);
    paste(&mut desktop, "as taken.", join());
    assert_eq!(window.text(), "as taken.");
    let (alt, b) = (desktop.keyboard.code(ALT), desktop.keyboard.code(B));
    let mut presses = ShortcutPresses::default();
    for number in 0..2 {
        user_does(|| {
            hand(&desktop, &KEY[..1], alt);
            hand(&desktop, &KEY, b);
            hand(&desktop, &KEY[1..], alt);
        });
        assert!(matches!(window.next(), Seen::Key('b', _)));
        // A longer interval than that of a held key's repeats.
        presses.add(Instant::now() + number * Duration::from_millis(300));
    }
    paste(&mut desktop, "Add apples", Join { presses, ..much_later() });
    assert_eq!(window.text(), " Add apples");
}

#[test]
fn the_mouse_may_move_and_turn_its_wheel_but_a_click_parts_two_texts() {
    let mut desktop = Desktop::start();
    let window = Window::open(desktop.display(), "Editor", PastesOn::Ctrl);
    paste(&mut desktop, "as taken.", join());
    hand(&desktop, &[MOTION], 0);
    user_does(|| hand(&desktop, &BUTTON, 4));
    paste(&mut desktop, "Add apples.", much_later());
    user_does(|| hand(&desktop, &BUTTON, 1));
    paste(&mut desktop, "Add pears.", join());
    let texts = ["as taken.", " Add apples.", "Add pears."];
    assert_eq!(texts.map(|_| window.text()), texts);
}

#[test]
fn who_goes_on_typing_is_not_watched_any_more() {
    let mut desktop = Desktop::start();
    let window = Window::open(desktop.display(), "Editor", PastesOn::Ctrl);
    paste(&mut desktop, "as taken.", join());
    assert_eq!(window.text(), "as taken.");
    wait_for("one watch", || (watches().len() == 1).then_some(()));
    let b = desktop.keyboard.code(B);
    (0..20).for_each(|_| hand(&desktop, &KEY, b));
    wait_for("the end of the watch", || watches().is_empty().then_some(()));
    (0..20).for_each(|_| assert!(matches!(window.next(), Seen::Key('b', 0))));
    paste(&mut desktop, "add apples", join());
    assert_eq!(window.text(), "add apples");
}

#[test]
fn who_turns_the_wheel_all_day_is_not_watched_any_more() {
    let mut desktop = Desktop::start();
    let window = Window::open(desktop.display(), "Editor", PastesOn::Ctrl);
    paste(&mut desktop, "as taken.", join());
    assert_eq!(window.text(), "as taken.");
    wait_for("one watch", || (watches().len() == 1).then_some(()));
    hand(&desktop, &BUTTON.repeat(300), 4);
    wait_for("the end of the watch", || watches().is_empty().then_some(()));
    // v2m no longer knows what the user has done.
    paste(&mut desktop, "add apples", join());
    assert_eq!(window.text(), " add apples");
}

#[test]
fn in_a_terminal_a_space_is_all() {
    let mut desktop = Desktop::start();
    let window = Window::open(desktop.display(), "Some-Terminal", PastesOn::CtrlShift);
    for (text, expected) in [("I think that", "I think that"), ("The end", " The end")] {
        paste(&mut desktop, text, much_later());
        assert_eq!(window.text(), expected);
    }
}

#[test]
fn another_window_has_nothing_to_do_with_it() {
    let mut desktop = Desktop::start();
    let first = Window::open(desktop.display(), "Editor", PastesOn::Ctrl);
    paste(&mut desktop, "as taken", join());
    assert_eq!(first.text(), "as taken");
    let second = Window::open(desktop.display(), "Editor", PastesOn::Ctrl);
    paste(&mut desktop, "The other one", join());
    assert_eq!(second.text(), "The other one");
    // v2m does not know what happened in this window meanwhile.
    first.focus();
    paste(&mut desktop, "The first one", join());
    assert_eq!(first.text(), "The first one");
}

#[test]
fn what_was_not_delivered_does_not_stand_there_and_is_copied_as_it_was() {
    let mut desktop = Desktop::start();
    let first = Window::open(desktop.display(), "Editor", PastesOn::Ctrl);
    let meant = desktop.focus();
    paste(&mut desktop, "I think that", join());
    assert_eq!(first.text(), "I think that");
    let second = Window::open(desktop.display(), "Editor", PastesOn::Ctrl);
    let wanted = DeliveryOptions {
        mode: DeliverMode::Paste,
        window: meant,
        join: Some(join()),
        ..DeliveryOptions::default()
    };
    let deliveries = desktop.hand_over("The last.", wanted);
    waits(&desktop, &deliveries, "another window has the focus", "The last.");
    drop(second);
    first.focus();
    paste(&mut desktop, "The end", much_later());
    assert_eq!(first.text(), " the end");
}

#[test]
fn on_the_clipboard_a_text_stands_alone() {
    let mut desktop = Desktop::start();
    let window = Window::open(desktop.display(), "Editor", PastesOn::Ctrl);
    paste(&mut desktop, "I think that", join());
    assert_eq!(window.text(), "I think that");
    let copied = put(&mut desktop, DeliverMode::Clipboard, "The end", join());
    assert!(copied[0].ok, "{copied:?}");
    assert_eq!(desktop.server.paste(), "The end");
}

#[test]
fn a_text_that_nothing_is_said_of_goes_there_as_it_is() {
    let mut desktop = Desktop::start();
    let window = Window::open(desktop.display(), "Editor", PastesOn::Ctrl);
    for text in ["I think that", "The end"] {
        pasted(&desktop.paste(text));
        assert_eq!(window.text(), text);
    }
    // v2m still knows the text that it has put there. Without a watch, it only knows that a space
    // is needed.
    paste(&mut desktop, "The other end", join());
    assert_eq!(window.text(), " The other end");
    pasted(&desktop.paste("I think that"));
    assert_eq!(window.text(), "I think that");
    paste(&mut desktop, "The end", much_later());
    assert_eq!(window.text(), "The end");
}

#[test]
fn typed_texts_are_joined_too() {
    let mut desktop = Desktop::start();
    lay_out(&desktop, &["-layout", "us"]);
    let editor = Editor::open(&desktop);
    for (text, expected) in [
        ("As taken.", "As taken."),
        ("add apples that", "As taken. Add apples that"),
        ("We like", "As taken. Add apples that we like"),
    ] {
        typed(&put(&mut desktop, DeliverMode::Type, text, much_later()));
        editor.wait_for(expected);
    }
}

#[test]
fn what_the_field_tells_counts_for_more() {
    let mut desktop = Desktop::start();
    let address = desktop.bus.address.clone();
    let mut technologies = Technologies::start(&desktop.runtime, &address);
    let field = Thing::new(role::TEXT, vec![]).with_text("I think that|of it").focused();
    let frame = Thing::new(role::FRAME, vec![field]).active();
    technologies.program(&desktop.runtime, "editor", vec![frame]);
    let window = Window::open(desktop.display(), "Editor", PastesOn::Ctrl);
    // On a busy machine, the field's answer may miss its time limit.
    wait_for("a text that fits the field", || {
        paste(&mut desktop, "The end.", join());
        let fits = window.text() == " the end ";
        // The click makes v2m forget the text at the cursor.
        user_does(|| hand(&desktop, &BUTTON, 1));
        fits.then_some(())
    });
    // The options forbid asking the program.
    paste(&mut desktop, "The end.", Join { asks_field: false, ..join() });
    assert_eq!(window.text(), "The end.");
    // The program does not report the text that v2m has just put there, so its answer is not used.
    paste(&mut desktop, "It is", join());
    assert_eq!(window.text(), " It is");
}
