//! Deliveries while a hand holds v2m's shortcut: the shortcut only counts how often it is pressed.

use super::desktop::{Desktop, Hand, key};
use crate::lab::{self, Lab, run};
use std::path::PathBuf;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};
use v2m::deliver::{DeliveryOptions, Sinks};
use v2m::session::{DeliverMode, Delivery};

/// How long shortcuts are held, in milliseconds.
pub(crate) const HOLDS: [u64; 5] = [30, 80, 150, 300, 600];

/// A key that is held longer repeats the shortcut by itself.
const NO_REPEAT: Duration = Duration::from_millis(450);

const ENTRY: &str = "org.gnome.settings-daemon.plugins.media-keys.custom-keybinding:\
    /org/gnome/settings-daemon/plugins/media-keys/custom-keybindings/v2m/";

/// The desktop with that shortcut.
pub(crate) struct Counting {
    pub(crate) desktop: Desktop,
    file: PathBuf,
    // The machine is in order as long as this lives.
    _lab: Lab,
}

/// What came of a delivery.
pub(crate) struct Delivered {
    pub(crate) deliveries: Vec<Delivery>,
    /// When the last key was let go of that is in the way of what v2m presses.
    #[allow(dead_code, reason = "measured by the bench")]
    pub(crate) released: Instant,
    /// When the delivery had ended.
    #[allow(dead_code, reason = "measured by the bench")]
    pub(crate) ended: Instant,
    /// Whether the shortcut was pressed by anybody but the hand.
    pub(crate) is_pressed_again: bool,
}

impl Drop for Counting {
    fn drop(&mut self) {
        run("v2m", &["shortcut", "remove"]);
    }
}

impl Counting {
    /// Installs the shortcut, of these keys.
    pub(crate) fn new(binding: &str, keys: &[u32]) -> Self {
        let (lab, desktop) = (Lab::new(), Desktop::new());
        let file = lab.runtime.join("pressed");
        let _ = std::fs::remove_file(&file);
        run("v2m", &["shortcut", "install", "--binding", binding]);
        let command = format!("sh -c 'echo >> {}' v2m-send", file.display());
        run("gsettings", &["set", ENTRY, "command", &command]);
        let counting = Self { desktop, file, _lab: lab };
        // The desktop takes it over in its own time, and tells nobody when.
        lab::wait_for("the shortcut to work", || {
            counting.desktop.press(keys);
            thread::sleep(Duration::from_millis(200));
            (counting.pressed() > 0).then_some(())
        });
        counting
    }

    /// How often the shortcut's command has run.
    fn pressed(&self) -> usize {
        std::fs::read_to_string(&self.file).map_or(0, |text| text.lines().count())
    }

    /// Delivers `text` as soon as the shortcut is pressed, while a hand holds it for `hold` and
    /// lets go of its keys in the order `release`, so far `apart`.
    pub(crate) fn deliver(
        &self,
        sinks: &mut Sinks,
        (mode, text): (DeliverMode, &str),
        hold: Duration,
        release: &[u32],
        apart: Duration,
    ) -> Delivered {
        let before = self.pressed();
        let keys = release.to_vec();
        let (tell, told) = mpsc::channel();
        let hand = thread::spawn(move || {
            let hand = Hand::new();
            let pressed = Instant::now();
            for code in [key::CTRL, key::SUPER, key::ALT, key::V, key::F9] {
                if keys.contains(&code) {
                    hand.key(code, true);
                }
            }
            tell.send(()).expect("the test waits for it");
            thread::sleep(hold);
            let mut released = Instant::now();
            for (number, code) in keys.into_iter().enumerate() {
                if number > 0 {
                    thread::sleep(apart);
                }
                let at = hand.key(code, false);
                // F9 without Super is in nobody's way: what v2m presses has no such key.
                if code != key::F9 {
                    released = at;
                }
            }
            (released, pressed.elapsed())
        });
        told.recv().expect("the hand has its keys");
        lab::wait_for("the shortcut", || (self.pressed() > before).then_some(()));
        let wanted = DeliveryOptions { mode, ..DeliveryOptions::default() };
        let deliveries = self.desktop.runtime.block_on(sinks.hand_over(text, &wanted));
        let ended = Instant::now();
        let (released, held) = hand.join().expect("the hand lets go");
        // On a busy machine the hand is slow.
        let is_pressed_again = held < NO_REPEAT && self.pressed() != before + 1;
        Delivered { deliveries, released, ended, is_pressed_again }
    }
}
