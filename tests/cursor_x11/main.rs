//! Tests pasting at the cursor on a real X server, with windows that paste as toolkits do.
#![allow(clippy::unwrap_used, reason = "a test's helpers may")]

mod auto;
mod desktop;
mod held;
mod joining;
mod locked;
mod typing;
mod undo;

use desktop::Desktop;
use rustix::process::Signal;
use std::time::Duration;
use v2m::session::Delivery;
use v2m_testkit::wait_for;
use v2m_testkit::x11_programs::{self as programs, HANGS, Manager, copy, manager, mark, marked};
use v2m_testkit::x11_window::{PastesOn, Seen, Window};

const WORDS: &str = "Grüße — “€5” ñ 日 😀";
const UTF8: &str = "UTF8_STRING";
const PNG: &str = "image/png";

// Keysyms (X11's keysymdef.h).
const ALT: u32 = 0xffe9;
const V: u32 = b'v' as u32;
const B: u32 = b'b' as u32;
const CYRILLIC_EM: [u32; 2] = [0x6cd, 0x6ed];

/// Larger than the part of a content that any program sends at once.
fn picture() -> Vec<u8> {
    let noise = (0..3_000_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8);
    b"\x89PNG\r\n\x1a\n".iter().copied().chain(noise).collect()
}

fn pasted(deliveries: &[Delivery]) {
    let pasted =
        Delivery { by: "paste", backend: Some("x11"), ok: true, detail: "pasted".to_owned() };
    assert_eq!(deliveries, [pasted]);
}

fn no_key_is_down(desktop: &Desktop) {
    assert_eq!(desktop.keyboard.down(), Vec::<u8>::new(), "a key is left down");
}

/// Asserts that a text was not pasted, for a reason that contains `why`, and is on the clipboard
/// instead.
fn waits(desktop: &Desktop, deliveries: &[Delivery], why: &str, text: &str) {
    let [paste, clipboard] = deliveries else { panic!("{deliveries:?}") };
    assert!(paste.by == "paste" && !paste.ok && paste.detail.contains(why), "{}", paste.detail);
    assert!(clipboard.by == "clipboard" && clipboard.ok, "{}", clipboard.detail);
    assert_eq!(desktop.server.paste(), text);
}

#[test]
fn every_character_arrives_and_the_clipboard_gets_back_all_its_formats() {
    let mut desktop = Desktop::start();
    copy(desktop.display(), &[(UTF8, b"before".to_vec()), (PNG, picture())]);
    let window = Window::open(desktop.display(), "Editor", PastesOn::Ctrl);
    for number in 0..10 {
        let text = format!("{number}: {WORDS}\n");
        pasted(&desktop.paste(&text));
        assert_eq!(window.text(), text);
        no_key_is_down(&desktop);
    }
    desktop.settle();
    assert_eq!(desktop.server.clipboard(UTF8).unwrap(), b"before");
    assert!(desktop.server.clipboard(PNG).unwrap() == picture(), "the picture has changed");
}

#[test]
fn a_text_as_long_as_a_book_arrives_piece_by_piece() {
    let mut desktop = Desktop::start();
    let window = Window::open(desktop.display(), "Editor", PastesOn::Ctrl);
    let book = WORDS.repeat(40_000);
    pasted(&desktop.paste(&book));
    assert!(window.text() == book, "the text has changed");
    desktop.settle();
    assert_eq!(desktop.server.clipboard(UTF8), None, "nothing was on the clipboard before");
}

#[test]
fn a_picture_that_comes_piece_by_piece_goes_back_so() {
    let mut desktop = Desktop::start();
    desktop.server.copy(PNG, &picture());
    let window = Window::open(desktop.display(), "Editor", PastesOn::Ctrl);
    pasted(&desktop.paste(WORDS));
    assert_eq!(window.text(), WORDS);
    desktop.settle();
    assert!(desktop.server.clipboard(PNG).unwrap() == picture(), "the picture has changed");
    assert_eq!(desktop.server.clipboard(UTF8), None, "the text is still there");
}

#[test]
fn what_could_be_read_of_the_clipboard_comes_back() {
    let mut desktop = Desktop::start();
    copy(desktop.display(), &[(UTF8, b"before".to_vec()), (HANGS, Vec::new())]);
    let window = Window::open(desktop.display(), "Editor", PastesOn::Ctrl);
    pasted(&desktop.paste(WORDS));
    assert_eq!(window.text(), WORDS);
    desktop.settle();
    assert_eq!(desktop.server.paste(), "before");
}

#[test]
fn a_password_is_not_given_back() {
    let mut desktop = Desktop::start();
    let hint = ("x-kde-passwordManagerHint", b"secret".to_vec());
    copy(desktop.display(), &[(UTF8, b"password".to_vec()), hint]);
    let window = Window::open(desktop.display(), "Editor", PastesOn::Ctrl);
    pasted(&desktop.paste(WORDS));
    assert_eq!(window.text(), WORDS);
    desktop.settle();
    assert_eq!(desktop.server.paste(), WORDS);
}

#[test]
fn what_no_window_takes_waits_on_the_clipboard() {
    let mut desktop = Desktop::start();
    desktop.server.copy(UTF8, b"before");
    let window = Window::open(desktop.display(), "Editor", PastesOn::Nothing);
    let deliveries = desktop.paste(WORDS);
    waits(&desktop, &deliveries, "no window took it; press ctrl+v", WORDS);
    assert_eq!(window.next(), Seen::Key('v', PastesOn::Ctrl.modifiers().unwrap()));
    no_key_is_down(&desktop);
}

#[test]
fn a_sensitive_text_is_marked_for_clipboard_managers_while_it_is_pasted() {
    let mut desktop = Desktop::start();
    let read = manager(desktop.display(), Manager::ReadsMark);
    let window = Window::open(desktop.display(), "Editor", PastesOn::Ctrl);
    let wanted = v2m::deliver::DeliveryOptions {
        mode: v2m::session::DeliverMode::Paste,
        is_sensitive: true,
        ..Default::default()
    };
    pasted(&desktop.hand_over(WORDS, wanted));
    assert_eq!(read.recv_timeout(Duration::from_secs(20)).unwrap(), b"secret");
    assert_eq!(window.text(), WORDS);
}

#[test]
fn what_a_clipboard_manager_reads_is_no_receipt() {
    let mut desktop = Desktop::start();
    let read = manager(desktop.display(), Manager::Reads);
    let _window = Window::open(desktop.display(), "Editor", PastesOn::Nothing);
    let deliveries = desktop.paste(WORDS);
    waits(&desktop, &deliveries, "no window took it", WORDS);
    assert_eq!(read.recv_timeout(Duration::from_secs(20)).unwrap(), WORDS.as_bytes());
}

#[test]
fn what_a_clipboard_manager_reads_after_the_keys_is_no_receipt_either() {
    let mut desktop = Desktop::start();
    let read = manager(desktop.display(), Manager::ReadsOn);
    let window = Window::open(desktop.display(), "Editor", PastesOn::Nothing);
    let deliveries = desktop.paste(WORDS);
    waits(&desktop, &deliveries, "no window took it", WORDS);
    assert_eq!(read.recv_timeout(Duration::from_secs(20)).unwrap(), WORDS.as_bytes());
    assert!(matches!(window.next(), Seen::Key('v', _)));
}

#[test]
fn a_window_that_also_watches_the_clipboard_gives_a_receipt() {
    let mut desktop = Desktop::start();
    // v2m waits for this manager, so the window's first read comes before the keys.
    let _manager = manager(desktop.display(), Manager::Saves);
    let window = Window::that_watches(desktop.display());
    for text in ["first", "second"] {
        pasted(&desktop.paste(text));
        assert_eq!(window.text(), text);
        desktop.settle();
    }
}

#[test]
fn with_a_clipboard_manager_the_old_content_is_what_it_keeps() {
    let mut desktop = Desktop::start();
    let said = manager(desktop.display(), Manager::Reads);
    desktop.server.copy(UTF8, b"before");
    let window = Window::open(desktop.display(), "Editor", PastesOn::Ctrl);
    pasted(&desktop.paste(WORDS));
    assert_eq!(window.text(), WORDS);
    desktop.settle();
    let mut read = Vec::new();
    wait_for("the manager to read what comes back", || {
        read.extend(said.try_iter().filter(|said| said != b"asked to save"));
        let text = read.iter().position(|read| read == WORDS.as_bytes())?;
        (read[text..].last()? == b"before").then_some(())
    });
}

#[test]
fn a_clipboard_manager_that_reads_nothing_is_asked_to_save_at_the_end() {
    let mut desktop = Desktop::start();
    let said = manager(desktop.display(), Manager::Saves);
    desktop.server.copy(UTF8, b"before");
    let window = Window::open(desktop.display(), "Editor", PastesOn::Ctrl);
    pasted(&desktop.paste(WORDS));
    assert_eq!(window.text(), WORDS);
    desktop.settle();
    assert_eq!(said.recv_timeout(Duration::from_secs(20)).unwrap(), b"asked to save");
}

#[test]
fn a_copy_made_before_the_window_takes_the_text_stays() {
    let mut desktop = Desktop::start();
    desktop.server.copy(UTF8, b"before");
    let window = Window::open(desktop.display(), "Editor", PastesOn::Nothing);
    let display = desktop.display().to_owned();
    let user = std::thread::spawn(move || {
        window.next();
        copy(&display, &[(UTF8, b"the user's".to_vec())]);
        window
    });
    let deliveries = desktop.paste(WORDS);
    user.join().unwrap();
    let [paste] = deliveries.as_slice() else { panic!("{deliveries:?}") };
    assert!(!paste.ok && paste.detail.contains("you copied something else"), "{}", paste.detail);
    assert_eq!(desktop.server.paste(), "the user's");
}

#[test]
fn a_copy_made_after_the_paste_stays() {
    let mut desktop = Desktop::start();
    desktop.server.copy(UTF8, b"before");
    let window = Window::open(desktop.display(), "Editor", PastesOn::Ctrl);
    pasted(&desktop.paste(WORDS));
    assert_eq!(window.text(), WORDS);
    copy(desktop.display(), &[(UTF8, b"the user's".to_vec())]);
    desktop.settle();
    assert_eq!(desktop.server.paste(), "the user's");
}

#[test]
fn the_keys_wait_for_the_hand_that_leaves_the_shortcut() {
    let mut desktop = Desktop::start();
    let window = Window::open(desktop.display(), "Editor", PastesOn::Ctrl);
    let (alt, v) = (desktop.keyboard.code(ALT), desktop.keyboard.code(V));
    desktop.keyboard.press(alt, true);
    desktop.keyboard.press(v, true);
    assert!(matches!(window.next(), Seen::Key('v', _)), "the shortcut itself");
    let hand = programs::Keyboard::new(desktop.display());
    let hand = std::thread::spawn(move || {
        wait_for("the text on the clipboard", || hand.clipboard_is_owned().then_some(()));
        // Users release keys slowly.
        std::thread::sleep(Duration::from_millis(50));
        let mut down = [alt, v];
        down.sort_unstable();
        assert_eq!(hand.down(), down, "the keys were taken out of the hand");
        hand.press(v, false);
        hand.press(alt, false);
    });
    pasted(&desktop.paste(WORDS));
    hand.join().unwrap();
    assert_eq!(window.text(), WORDS);
    no_key_is_down(&desktop);
}

#[test]
fn the_letter_is_pressed_where_the_layout_has_it() {
    let mut desktop = Desktop::start();
    let window = Window::open(desktop.display(), "Editor", PastesOn::Ctrl);
    let (v, b) = (desktop.keyboard.code(V), desktop.keyboard.code(B));
    let upper = |keysym: u32| keysym - 0x20;
    desktop.keyboard.set(v, [B, upper(B), 0, 0]);
    desktop.keyboard.set(b, [V, upper(V), 0, 0]);
    let layout = desktop.keyboard.keysyms();
    pasted(&desktop.paste("elsewhere"));
    assert_eq!(window.text(), "elsewhere");

    let [em, upper_em] = CYRILLIC_EM;
    desktop.keyboard.set(b, [em, upper_em, V, upper(V)]);
    pasted(&desktop.paste("in the second layout"));
    assert_eq!(window.text(), "in the second layout");

    desktop.keyboard.set(v, [V, upper(V), B, upper(B)]);
    desktop.keyboard.set(b, [B, upper(B), V, upper(V)]);
    desktop.keyboard.switch_to(1);
    pasted(&desktop.paste("in the second layout, which is in force"));
    assert_eq!(window.text(), "in the second layout, which is in force");
    desktop.keyboard.switch_to(0);

    desktop.keyboard.set(v, [B, upper(B), 0, 0]);
    desktop.keyboard.set(b, [em, upper_em, 0, 0]);
    let deliveries = desktop.paste(WORDS);
    waits(&desktop, &deliveries, "the keyboard has no key for ctrl+v", WORDS);
    window.had_no_key(&desktop.keyboard);
    desktop.keyboard.set(b, [V, upper(V), 0, 0]);
    assert_eq!(desktop.keyboard.keysyms(), layout, "the layout was changed");
}

#[test]
fn a_terminal_gets_its_own_keys() {
    let mut desktop = Desktop::start();
    let window = Window::open(desktop.display(), "Some-Terminal", PastesOn::CtrlShift);
    pasted(&desktop.paste(WORDS));
    assert_eq!(window.text(), WORDS);
    no_key_is_down(&desktop);
}

#[test]
fn an_old_terminal_pastes_what_is_marked_which_is_as_before_afterwards() {
    let mut desktop = Desktop::start();
    copy(desktop.display(), &[(UTF8, b"before".to_vec())]);
    mark(desktop.display(), "marked before");
    let window = Window::open(desktop.display(), "XTerm", PastesOn::ShiftInsert);
    for number in 0..3 {
        let text = format!("{number}: {WORDS}");
        pasted(&desktop.paste(&text));
        assert_eq!(window.text(), text);
        no_key_is_down(&desktop);
        let as_before = || (marked(desktop.display())? == "marked before").then_some(());
        wait_for("what was marked", as_before);
    }
    desktop.settle();
    assert_eq!(desktop.server.clipboard(UTF8).unwrap(), b"before");
}

#[test]
fn what_was_not_marked_is_not_marked_after_an_old_terminal_has_pasted() {
    let mut desktop = Desktop::start();
    let window = Window::open(desktop.display(), "URxvt", PastesOn::ShiftInsert);
    let book = WORDS.repeat(40_000);
    pasted(&desktop.paste(&book));
    assert!(window.text() == book, "the text has changed");
    wait_for("nothing to be marked", || marked(desktop.display()).is_none().then_some(()));
}

#[test]
fn what_an_old_terminal_does_not_take_waits_on_the_clipboard() {
    let mut desktop = Desktop::start();
    let _window = Window::open(desktop.display(), "XTerm", PastesOn::Nothing);
    let deliveries = desktop.paste(WORDS);
    waits(
        &desktop,
        &deliveries,
        "no window took it; press ctrl+v, or ctrl+shift+v in a terminal",
        WORDS,
    );
    no_key_is_down(&desktop);
}

#[test]
fn a_text_waits_when_the_user_has_gone_to_another_window() {
    let mut desktop = Desktop::start();
    let first = Window::open(desktop.display(), "Editor", PastesOn::Ctrl);
    let meant = desktop.focus();
    assert!(format!("{meant:?}").contains("Editor"), "{meant:?}");
    let second = Window::open(desktop.display(), "Editor", PastesOn::Ctrl);
    let deliveries = desktop.paste_into(WORDS, meant.clone());
    waits(&desktop, &deliveries, "another window has the focus", WORDS);
    second.had_no_key(&desktop.keyboard);
    first.focus();
    pasted(&desktop.paste_into("back again", meant));
    assert_eq!(first.text(), "back again");
}

#[test]
fn a_text_waits_when_another_window_comes_up_while_the_shortcut_is_held() {
    let mut desktop = Desktop::start();
    let second = Window::open(desktop.display(), "Editor", PastesOn::Ctrl);
    let _first = Window::open(desktop.display(), "Editor", PastesOn::Ctrl);
    let meant = desktop.focus();
    let alt = desktop.keyboard.code(ALT);
    desktop.keyboard.press(alt, true);
    let hand = programs::Keyboard::new(desktop.display());
    let user = std::thread::spawn(move || {
        wait_for("the text on the clipboard", || hand.clipboard_is_owned().then_some(()));
        second.focus();
        hand.press(alt, false);
        second
    });
    let deliveries = desktop.paste_into(WORDS, meant);
    let second = user.join().unwrap();
    waits(&desktop, &deliveries, "another window has the focus", WORDS);
    second.had_no_key(&desktop.keyboard);
}

#[test]
fn a_window_manager_is_believed() {
    let desktop = Desktop::start();
    assert_eq!(desktop.focus(), None, "no window has the focus");
    let first = Window::open(desktop.display(), "First", PastesOn::Ctrl);
    let _second = Window::open(desktop.display(), "Second", PastesOn::Ctrl);
    assert!(format!("{:?}", desktop.focus()).contains("Second"));
    desktop.keyboard.set_active(first.id());
    assert!(format!("{:?}", desktop.focus()).contains("First"));
}

#[test]
fn a_server_that_hangs_is_told_and_nothing_is_pasted_when_it_awakes() {
    let mut desktop = Desktop::start();
    desktop.server.copy(UTF8, b"before");
    let window = Window::open(desktop.display(), "Editor", PastesOn::Ctrl);
    pasted(&desktop.paste("first"));
    assert_eq!(window.text(), "first");
    desktop.settle();
    desktop.server.signal(Signal::STOP);
    let deliveries = desktop.paste("nobody takes this");
    assert!(deliveries.iter().all(|delivery| !delivery.ok), "{deliveries:?}");
    assert!(deliveries[0].detail.contains("has not answered"), "{deliveries:?}");
    desktop.server.signal(Signal::CONT);
    window.had_no_key(&desktop.keyboard);
    // A server that has just continued may be late once more. Each delivery tries again.
    wait_for("a server that is awake", || desktop.paste("awake")[0].ok.then_some(()));
    assert_eq!(window.text(), "awake");
    no_key_is_down(&desktop);
}

#[test]
fn a_server_that_has_gone_is_told_and_the_next_one_found() {
    let mut desktop = Desktop::start();
    let window = Window::open(desktop.display(), "Editor", PastesOn::Ctrl);
    pasted(&desktop.paste("first"));
    assert_eq!(window.text(), "first");
    let display = desktop.display().to_owned();
    drop(window);
    desktop.server.restart();
    assert_eq!(desktop.display(), display);
    let window = Window::open(desktop.display(), "Editor", PastesOn::Ctrl);
    pasted(&desktop.paste("second"));
    assert_eq!(window.text(), "second");
}
