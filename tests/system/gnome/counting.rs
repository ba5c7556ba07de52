//! Deliveries while a hand holds v2m's shortcut. Here the shortcut only counts its presses.

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

/// A shortcut held longer than this repeats by itself.
const NO_REPEAT: Duration = Duration::from_millis(450);

const ENTRY: &str = "org.gnome.settings-daemon.plugins.media-keys.custom-keybinding:\
    /org/gnome/settings-daemon/plugins/media-keys/custom-keybindings/v2m/";

/// The desktop with the counting shortcut.
pub(crate) struct Counting {
    pub(crate) desktop: Desktop,
    file: PathBuf,
    // Restores the machine when dropped.
    _lab: Lab,
}

/// The result of a delivery.
pub(crate) struct Delivered {
    pub(crate) deliveries: Vec<Delivery>,
    /// When the last key was released that could disturb v2m's own key presses.
    #[allow(dead_code, reason = "measured by the bench")]
    pub(crate) released: Instant,
    /// When the delivery ended.
    #[allow(dead_code, reason = "measured by the bench")]
    pub(crate) ended: Instant,
    /// Whether the shortcut was triggered by anything other than the hand.
    pub(crate) is_pressed_again: bool,
}

impl Drop for Counting {
    fn drop(&mut self) {
        run("v2m", &["shortcut", "remove"]);
    }
}

impl Counting {
    /// Installs the shortcut with these keys.
    pub(crate) fn new(binding: &str, keys: &[u32]) -> Self {
        let (lab, desktop) = (Lab::new(), Desktop::new());
        let file = lab.runtime.join("pressed");
        let _ = std::fs::remove_file(&file);
        run("v2m", &["shortcut", "install", "--binding", binding]);
        let command = format!("sh -c 'echo >> {}' v2m-send", file.display());
        run("gsettings", &["set", ENTRY, "command", &command]);
        let counting = Self { desktop, file, _lab: lab };
        // The desktop adopts the shortcut with a delay and does not report it.
        lab::wait_for("the shortcut to work", || {
            counting.desktop.press(keys);
            thread::sleep(Duration::from_millis(200));
            (counting.pressed() > 0).then_some(())
        });
        counting
    }

    /// Returns how often the shortcut's command has run.
    fn pressed(&self) -> usize {
        std::fs::read_to_string(&self.file).map_or(0, |text| text.lines().count())
    }

    /// Delivers `text` as soon as the shortcut is pressed, while a hand holds it for `hold` and
    /// then releases its keys in the order `release`, with a pause of `apart` between them.
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
                // F9 without Super disturbs nothing: v2m does not press it.
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
        // On a busy machine, the hand may hold the keys too long.
        let is_pressed_again = held < NO_REPEAT && self.pressed() != before + 1;
        Delivered { deliveries, released, ended, is_pressed_again }
    }
}
