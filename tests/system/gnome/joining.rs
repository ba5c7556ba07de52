//! Dictations in a row on GNOME. They are joined to the text that the field reports. If it reports
//! nothing, they are joined to v2m's last text, provided that Mutter's idle time shows no input
//! since.

use super::desktop::{Desktop, key};
use super::{SHORTCUT, lab as machine, outcome};
use crate::lab::{self, run, wait_for};
use std::sync::Arc;
use std::time::{Duration, Instant};
use v2m::deliver::{DeliveryOptions, Join, ShortcutPresses, Sinks};
use v2m::session::DeliverMode;
use v2m::text::{Choices, Letters, Rules};

/// Returns the join for a dictation that begins `later` from now.
fn join(later: Duration) -> Join {
    Join {
        rules: Arc::new(Rules::new(Choices::default())),
        language: "en".to_owned(),
        letters: Letters::Fit,
        asks_field: true,
        presses: ShortcutPresses::default(),
        begun: Instant::now() + later,
    }
}

const AT_ONCE: Duration = Duration::ZERO;
/// So much later that v2m adds no space by guess.
const LATER: Duration = Duration::from_secs(3_600);

fn paste(desktop: &Desktop, sinks: &mut Sinks, text: &str, later: Duration) {
    let wanted = DeliveryOptions {
        mode: DeliverMode::Paste,
        join: Some(join(later)),
        ..DeliveryOptions::default()
    };
    let deliveries = desktop.runtime.block_on(sinks.hand_over(text, &wanted));
    assert!(deliveries[0].ok, "{deliveries:?}");
    desktop.runtime.block_on(sinks.settle());
}

#[test]
fn two_dictations_in_a_row_read_as_one_text_and_stay_apart_in_the_store() {
    let (lab, desktop) = machine();
    let window = desktop.window(true);
    for _ in 0..2 {
        desktop.press(&SHORTCUT);
        wait_for("the recording", || super::is_recording(&lab).then_some(()));
        lab::speak();
        desktop.press(&SHORTCUT);
        wait_for("the end of the recording", || (!super::is_recording(&lab)).then_some(()));
        assert_eq!(outcome(&lab, "paste"), (true, "pasted".to_owned()));
    }
    let texts: Vec<String> =
        lab.records().iter().map(|record| record["text"].as_str().unwrap().to_owned()).collect();
    assert!(texts.iter().all(|text| text.trim() == text), "{texts:?}");
    let [first, second] = &texts[..] else { panic!("{texts:?}") };
    // The second text begins with a capital after a full stop, otherwise with a small letter.
    let shown = window.wait_for("both texts", |text| text.matches("country").count() == 2);
    assert_eq!(shown.to_lowercase(), format!("{first} {second}").to_lowercase());
    assert_eq!(run("v2m-send", &["last"]).trim_end_matches('\n'), second);
}

#[test]
fn a_field_that_tells_is_believed_wherever_its_cursor_is() {
    let (_lab, desktop) = machine();
    let window = desktop.window(true);
    let mut sinks = Sinks::new();
    paste(&desktop, &mut sinks, "I think that", AT_ONCE);
    window.wait_for_all_of("I think that");
    // An input at once would not refer to the text, because the field may not show it yet.
    desktop.wait_until_idle();
    desktop.press(&[key::I]);
    window.wait_for_all_of("I think thati");
    paste(&desktop, &mut sinks, "The end.", LATER);
    window.wait_for_all_of("I think thati the end.");
    desktop.wait_until_idle();
    desktop.press(&[key::CTRL, key::HOME]);
    paste(&desktop, &mut sinks, "well,", LATER);
    window.wait_for_all_of("Well, I think thati the end.");
}

#[test]
fn a_window_that_tells_nothing_goes_on_where_the_last_text_ended() {
    let (_lab, desktop) = machine();
    let window = desktop.window_that(false, "field");
    let mut sinks = Sinks::new();
    paste(&desktop, &mut sinks, "I think that", AT_ONCE);
    window.wait_for_all_of("I think that");
    desktop.wait_until_idle();
    paste(&desktop, &mut sinks, "The end", LATER);
    window.wait_for_all_of("I think that the end");
    // After a key, v2m knows neither the text at the cursor nor which key was pressed.
    desktop.wait_until_idle();
    desktop.press(&[key::I]);
    window.wait_for_all_of("I think that the endi");
    desktop.wait_until_idle();
    paste(&desktop, &mut sinks, "The end", LATER);
    window.wait_for_all_of("I think that the endiThe end");
    desktop.wait_until_idle();
    desktop.press(&[key::I]);
    window.wait_for_all_of("I think that the endiThe endi");
    paste(&desktop, &mut sinks, "The end", AT_ONCE);
    window.wait_for_all_of("I think that the endiThe endi The end");
}
