//! Chooses where texts go: the clipboard, the cursor, or what this desktop allows.

use super::configuration::{self, Configuration};
use super::dialogue::{Choice, Dialogue, Stop};
use super::outcome::Outcome;
use crate::deliver;
use crate::doctor;
use crate::session::DeliverMode;
use serde_json::json;
use v2m_messages::tr;

/// The offered modes, the default first.
const OFFERED: [DeliverMode; 3] = [DeliverMode::Auto, DeliverMode::Clipboard, DeliverMode::Paste];

/// Explains each mode on this desktop, and lets the user choose.
pub(super) fn choose(
    dialogue: &mut Dialogue,
    configuration: &mut Configuration,
) -> Result<Outcome, Stop> {
    let current = configuration.settings().deliver.mode;
    if !dialogue.asks() {
        let told = here(current);
        dialogue.say(&told);
        return Ok(Outcome::unchanged(told));
    }
    let label = |mode| match mode {
        DeliverMode::Clipboard => tr!("On the clipboard; you paste them"),
        DeliverMode::Paste => tr!("At the cursor"),
        _ => tr!("What suits the desktop"),
    };
    let mut modes = OFFERED.to_vec();
    if !modes.contains(&current) {
        modes.push(current);
    }
    let lines: Vec<String> = modes
        .iter()
        .map(|mode| {
            let (what, why) = (label(*mode), here(*mode));
            let name = mode.name();
            if OFFERED.contains(mode) {
                tr!("{what}. Here {why}", what, why)
            } else {
                tr!("As it is: {name}", name)
            }
        })
        .collect();
    let default = modes.iter().position(|mode| *mode == current).unwrap_or(0);
    let mode = loop {
        match dialogue.choose(tr!("Where should texts go?"), &lines, default)? {
            Choice::Number(number) => break modes[number],
            Choice::Other(_) => {
                let count = modes.len();
                dialogue.say(tr!("Type a number from 1 to {count}.", count));
            }
        }
    };
    match configuration.set(&[("deliver", "mode", json!(mode.name()))]) {
        Ok(undo) => Ok(Outcome::Done { state: here(mode), undo }),
        Err(error) => {
            dialogue.say(error.to_string());
            Ok(configuration::failed(&error))
        }
    }
}

/// Describes where texts go with that mode on this desktop, and why, as `v2m doctor` does.
fn here(mode: DeliverMode) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime {
        Ok(runtime) => {
            let way = runtime.block_on(deliver::way(mode));
            runtime.shutdown_background();
            doctor::told_way(mode, &way)
        }
        Err(error) => tr!("starting a runtime: {error}", error),
    }
}
