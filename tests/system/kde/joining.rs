//! Texts in a row on KDE, where KWin reports input (`ext-idle-notify`), but nothing reports which
//! window has the keyboard focus.

use super::desktop::{Desktop, key};
use crate::lab::wait_for;
use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};
use v2m::deliver::{DeliveryOptions, Join, ShortcutPresses, Sinks};
use v2m::session::DeliverMode;
use v2m::text::{Choices, Letters, Rules};

const AT_ONCE: Duration = Duration::ZERO;
/// So much later that v2m adds no space by guess.
const LATER: Duration = Duration::from_secs(3_600);

/// Pastes a dictation that begins `later` from now.
fn paste(desktop: &Desktop, sinks: &mut Sinks, text: &str, later: Duration) {
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
    let deliveries = desktop.runtime.block_on(sinks.hand_over(text, &wanted));
    assert!(deliveries[0].ok, "{deliveries:?}");
    desktop.runtime.block_on(sinks.settle());
}

/// Waits until v2m's watch thread has received something and sleeps again. Returns how often it has
/// waited so far.
fn hears(what: &str, before: u64) -> u64 {
    wait_for(what, || {
        let threads = fs::read_dir("/proc/self/task").unwrap().flatten().map(|entry| entry.path());
        let status = threads.filter_map(|thread| fs::read_to_string(thread.join("status")).ok());
        let all: Vec<String> = status.filter(|s| s.contains("Name:\tv2m-hands\n")).collect();
        let [watch] = &all[..] else { return None };
        let line = watch.lines().find(|line| line.starts_with("voluntary_ctxt_switches"))?;
        let turns: u64 = line.split_whitespace().last()?.parse().ok()?;
        (watch.contains("State:\tS") && turns > before).then_some(turns)
    })
}

#[test]
fn a_text_goes_on_where_the_last_one_ended_until_somebody_does_something() {
    let _lab = crate::lab::Lab::new();
    let desktop = Desktop::start();
    let window = desktop.window(true);
    let mut sinks = Sinks::new();
    paste(&desktop, &mut sinks, "I think that", AT_ONCE);
    window.wait_for("the text", |text| *text == "I think that");
    let turns = hears("the watch", 0);
    hears("that the user is idle", turns);
    paste(&desktop, &mut sinks, "The end", LATER);
    window.wait_for("the second text", |text| *text == "I think that the end");
    let turns = hears("the watch", 0);
    let turns = hears("that the user is idle", turns);
    desktop.type_key(key::V);
    window.wait_for("the key", |text| *text == "I think that the endv");
    hears("that somebody has typed", turns);
    paste(&desktop, &mut sinks, "The end", LATER);
    window.wait_for("the third text", |text| *text == "I think that the endvThe end");
}
