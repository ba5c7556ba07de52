//! Fairness of the event loop: a source that always has something to report must not starve the
//! others.

use super::LoopInput;
use std::mem::{Discriminant, discriminant};

/// How many turns one source may have in a row before the others get one, by chance. Only floods
/// need more; even the repeats of a held key that waited while the machine stood still need fewer.
const IN_A_ROW: u32 = 32;

#[derive(Debug, Default)]
pub(super) struct Turns {
    last: Option<Discriminant<LoopInput>>,
    in_a_row: u32,
}

impl Turns {
    /// Notes whose turn this is. Audio and the watchdog's pings come at fixed rates, so they do not
    /// count.
    pub(super) fn note(&mut self, input: &LoopInput) {
        if matches!(input, LoopInput::Capture(_) | LoopInput::Watchdog) {
            return;
        }
        let source = discriminant(input);
        self.in_a_row = if self.last == Some(source) { self.in_a_row.saturating_add(1) } else { 1 };
        self.last = Some(source);
    }

    /// Whether the next turn goes to any source, by chance.
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
