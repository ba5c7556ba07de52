//! Tests how texts are joined on a compositor that reports which program has the keyboard focus
//! and, with `ext-idle-notify`, also user activity.

use crate::desktop::{Desktop, wait_for};
use crate::pasted;
use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};
use v2m::deliver::{DeliveryOptions, Join, ShortcutPresses};
use v2m::session::DeliverMode;
use v2m::text::{Choices, Letters, Rules};

const AT_ONCE: Duration = Duration::ZERO;
/// Longer than the time for which a guess allows a space.
const LATER: Duration = Duration::from_secs(3_600);

/// Pastes a dictation with a recording that began this long from now.
fn paste(desktop: &mut Desktop, text: &str, later: Duration) {
    let join = Join {
        rules: Arc::new(Rules::new(Choices::default())),
        language: "en".to_owned(),
        letters: Letters::Fit,
        asks_field: true,
        presses: ShortcutPresses::default(),
        begun: Instant::now() + later,
    };
    let wanted = DeliveryOptions {
        mode: DeliverMode::Paste,
        join: Some(join),
        ..DeliveryOptions::default()
    };
    pasted(&desktop.hand_over(text, &wanted));
}

/// Returns how often the thread that watches user activity has waited. `None`: the thread does not
/// exist, or is not waiting now.
fn watch() -> Option<u64> {
    let threads = fs::read_dir("/proc/self/task").unwrap().flatten().map(|entry| entry.path());
    let status = threads.filter_map(|thread| fs::read_to_string(thread.join("status")).ok());
    let all: Vec<String> = status.filter(|s| s.contains("Name:\tv2m-hands\n")).collect();
    let [watch] = &all[..] else { return None };
    let line = watch.lines().find(|line| line.starts_with("voluntary_ctxt_switches"))?;
    line.split_whitespace().last()?.parse().ok().filter(|_| watch.contains("State:\tS"))
}

/// Waits until the watch has received an event and waits again.
fn hears(what: &str, before: u64) {
    wait_for(what, || watch().filter(|turns| *turns > before));
}

#[test]
fn a_space_parts_two_texts_though_nobody_tells_exactly_what_was_done() {
    let mut desktop = Desktop::start();
    desktop.plug_in_keyboard();
    let window = desktop.window(true);
    paste(&mut desktop, "as taken.", AT_ONCE);
    window.wait_for("as taken.");
    desktop.type_text("x");
    window.wait_for("as taken.x");
    paste(&mut desktop, "Add apples", AT_ONCE);
    window.wait_for("as taken.x Add apples");
}

#[test]
fn with_ext_idle_notify_a_text_goes_on_where_the_last_one_ended() {
    let mut desktop = Desktop::start();
    desktop.plug_in_keyboard();
    let window = desktop.window(true);
    paste(&mut desktop, "I think that", AT_ONCE);
    window.wait_for("I think that");
    if !desktop.tells_idle() {
        // An older compositor: only a space is added, and only for a short time.
        paste(&mut desktop, "The end", LATER);
        window.wait_for("I think thatThe end");
        return;
    }
    hears("that the user is idle", wait_for("the watch", watch));
    paste(&mut desktop, "The end", LATER);
    window.wait_for("I think that the end");
    let turns = wait_for("the watch", watch);
    hears("that the user is idle", turns);
    let turns = wait_for("the watch", watch);
    desktop.type_text("x");
    hears("that the user has typed", turns);
    paste(&mut desktop, "The end", LATER);
    window.wait_for("I think that the endxThe end");
}
