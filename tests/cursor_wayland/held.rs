//! Tests texts that are ready while the user still holds the shortcut.
//!
//! On sway, each keyboard has its own modifiers. The keys that the user holds do not affect those
//! that v2m presses on its own keyboard, and trigger nothing. So v2m does not wait for their
//! release.

use crate::desktop::{Desktop, wait_for};
use std::sync::mpsc;
use std::thread::{sleep, spawn};
use std::time::Duration;
use v2m::session::{DeliverMode, Delivery};
use v2m_testkit::wayland_keyboard::Keyboard;

/// How long the shortcut is held, in milliseconds.
const HOLDS: [u64; 5] = [30, 80, 150, 300, 600];

// Key codes (input-event-codes.h), each with its modifier bit (X11's).
const CTRL: (u32, u32) = (29, 4);
const ALT: (u32, u32) = (56, 8);
const V: (u32, u32) = (47, 0);

#[test]
fn the_shortcut_that_is_still_held_spoils_no_text_and_is_not_pressed_again() {
    let mut desktop = Desktop::start();
    let _keyboard = Keyboard::plug_in(&["us"]);
    let window = desktop.window(true);
    let fired = desktop.compositor.runtime.path().join("fired");
    desktop
        .compositor
        .tell(&format!("bindsym --no-repeat Ctrl+Mod1+v exec echo >> {}", fired.display()));
    let presses = || std::fs::read_to_string(&fired).map_or(0, |text| text.lines().count());
    let (mut expected, mut number) = (String::new(), 0);
    for mode in [DeliverMode::Paste, DeliverMode::Type] {
        for time in HOLDS {
            for release in [[V, ALT, CTRL], [CTRL, ALT, V], [CTRL, V, ALT]] {
                let (tell, told) = mpsc::channel();
                let hand = spawn(move || {
                    let mut hand = Keyboard::plug_in(&["us"]);
                    let mut modifiers = 0;
                    for (code, bit) in [CTRL, ALT, V] {
                        modifiers |= bit;
                        hand.key(code, true, modifiers);
                    }
                    tell.send(()).unwrap();
                    sleep(Duration::from_millis(time));
                    for (code, bit) in release {
                        modifiers &= !bit;
                        hand.key(code, false, modifiers);
                        sleep(Duration::from_millis(10));
                    }
                });
                told.recv().unwrap();
                number += 1;
                wait_for("the shortcut", || (presses() == number).then_some(()));
                let deliveries = desktop.put(mode, "vivid ");
                assert!(matches!(&deliveries[..], [Delivery { ok: true, .. }]), "{deliveries:?}");
                expected += "vivid ";
                window.wait_for(&expected);
                hand.join().unwrap();
                assert_eq!(presses(), number, "the shortcut was pressed again");
            }
        }
    }
    window.wait_for(&expected);
    assert!(window.is_active(), "the focus was moved");
    desktop.type_text("vx");
    window.wait_for(&(expected + "vx"));
}
