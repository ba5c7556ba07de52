//! Tests texts that are ready while the user still holds the shortcut.

use crate::desktop::Desktop;
use crate::typing::{Editor, lay_out, typed};
use crate::{ALT, V, WORDS, no_key_is_down, pasted, waits};
use std::sync::mpsc;
use std::thread::{JoinHandle, sleep, spawn};
use std::time::{Duration, Instant};
use v2m::session::DeliverMode;
use v2m_testkit::x11_programs::Keyboard;
use v2m_testkit::x11_window::{PastesOn, Window};

const CTRL: u32 = 0xffe3;

/// How long the shortcut is held, in milliseconds.
const HOLDS: [u64; 5] = [30, 80, 150, 300, 600];

/// Presses the shortcut, and releases its keys in this order after some time, on another thread.
/// The keys are down when this returns. The thread returns when the last key was released.
fn hold(desktop: &Desktop, keys: [u32; 3], time: Duration) -> JoinHandle<Instant> {
    let hand = Keyboard::new(desktop.display());
    let (tell, told) = mpsc::channel();
    let holding = spawn(move || {
        let codes = keys.map(|keysym| hand.code(keysym));
        codes.iter().for_each(|code| hand.press(*code, true));
        tell.send(()).unwrap();
        sleep(time);
        for code in codes {
            hand.press(code, false);
            sleep(Duration::from_millis(10));
        }
        Instant::now()
    });
    told.recv().unwrap();
    holding
}

#[test]
fn a_text_is_pasted_once_the_keys_are_up() {
    let mut desktop = Desktop::start();
    let window = Window::open(desktop.display(), "Editor", PastesOn::Ctrl);
    for time in HOLDS {
        for keys in [[V, ALT, CTRL], [CTRL, ALT, V], [CTRL, V, ALT]] {
            let hand = hold(&desktop, keys, Duration::from_millis(time));
            pasted(&desktop.paste(WORDS));
            assert_eq!(window.text(), WORDS);
            hand.join().unwrap();
            no_key_is_down(&desktop);
        }
    }
}

#[test]
fn a_text_is_typed_once_the_keys_are_up() {
    let mut desktop = Desktop::start();
    lay_out(&desktop, &["-layout", "us"]);
    let editor = Editor::open(&desktop);
    let mut expected = String::new();
    for time in HOLDS {
        let hand = hold(&desktop, [CTRL, ALT, V], Duration::from_millis(time));
        typed(&desktop.put(DeliverMode::Type, "vivid", None));
        expected += "vivid";
        editor.wait_for(&expected);
        hand.join().unwrap();
    }
    no_key_is_down(&desktop);
}

#[test]
fn keys_that_are_never_let_go_of_are_told_and_the_text_waits() {
    let mut desktop = Desktop::start();
    let window = Window::open(desktop.display(), "Editor", PastesOn::Ctrl);
    let alt = desktop.keyboard.code(ALT);
    desktop.keyboard.press(alt, true);
    let deliveries = desktop.paste(WORDS);
    waits(&desktop, &deliveries, "still held", WORDS);
    let deliveries = desktop.put(DeliverMode::Type, "typed", None);
    assert!(!deliveries[0].ok && deliveries[0].detail.contains("still held"), "{deliveries:?}");
    assert!(deliveries[1].by == "clipboard" && deliveries[1].ok, "{deliveries:?}");
    assert_eq!(desktop.keyboard.down(), [alt], "the key was taken out of the hand");
    desktop.keyboard.press(alt, false);
    window.had_no_key(&desktop.keyboard);
    pasted(&desktop.paste(WORDS));
    assert_eq!(window.text(), WORDS);
}
