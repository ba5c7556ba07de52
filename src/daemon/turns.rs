//! Fairness of the event loop: a source that always has something to report must not starve the
//! others.

use super::LoopInput;
use std::mem::{Discriminant, discriminant};

/// How many turns one source may have in a row before the next turn is random. Only floods exceed
/// this; the repeats of a held key that queued while the machine was suspended do not.
const IN_A_ROW: u32 = 32;

#[derive(Debug, Default)]
pub(super) struct Turns {
    last: Option<Discriminant<LoopInput>>,
    in_a_row: u32,
}

impl Turns {
    /// Counts the turn of this source. Audio and the watchdog's pings come at fixed rates, so they
    /// do not count.
    pub(super) fn note(&mut self, input: &LoopInput) {
        if matches!(input, LoopInput::Capture(_) | LoopInput::Watchdog) {
            return;
        }
        let source = discriminant(input);
        self.in_a_row = if self.last == Some(source) { self.in_a_row.saturating_add(1) } else { 1 };
        self.last = Some(source);
    }

    /// Whether the next turn must go to a random source.
    pub(super) fn must_be_fair(&self) -> bool {
        self.in_a_row >= IN_A_ROW
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_that_never_stops_has_no_preference_any_more() {
        let mut turns = Turns::default();
        for _ in 0..IN_A_ROW {
            assert!(!turns.must_be_fair());
            turns.note(&LoopInput::ConfigChanged);
            turns.note(&LoopInput::Watchdog);
        }
        assert!(turns.must_be_fair());
        turns.note(&LoopInput::Heartbeat);
        assert!(!turns.must_be_fair());
    }
}
