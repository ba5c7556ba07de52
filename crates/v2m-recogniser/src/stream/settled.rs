//! Decides when a sentence is settled, so that it can be delivered while the speaker goes on.

use super::seams::LONGEST;
use super::{Effect, Stream, join};
use v2m_ipc::pcm::milliseconds;

/// The largest part of the silence after a sentence that belongs to it, in samples.
const MARGIN: u64 = milliseconds(500);

/// A place up to which the text does not change any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentenceEnd {
    /// A sample in the silence after the sentence, or the sentence's end if there is no silence.
    pub until: u64,
    /// The sentence's ISO 639-1 code.
    pub language: String,
}

impl Stream {
    /// Returns the end of the last settled sentence, once for each.
    ///
    /// A segment is the last one of a settled sentence if its text ends like a sentence, its words
    /// are final, no later piece can be joined to it, and the seam after it is decided. A silence of
    /// more than [`LONGEST`] ends a sentence whatever its text looks like.
    pub fn sentence(&mut self) -> Option<SentenceEnd> {
        let count = match self.is_silent_for_long() {
            true => self.transcript.segments.len(),
            false => (self.settled..self.told).rev().find(|&at| self.is_settled(at))? + 1,
        };
        if count <= self.settled || count > self.told {
            return None;
        }
        self.settled = count;
        let last = &self.transcript.segments[count - 1];
        let next = self.transcript.segments.get(count).map(|segment| segment.start);
        let open = || self.cutter.open().map(|piece| piece.voice_start);
        let waiting = || self.waiting.front().map(|piece| piece.voice_start);
        let next = next.or_else(waiting).or_else(open).unwrap_or(self.heard);
        let until = last.end + (next.saturating_sub(last.end) / 2).min(MARGIN);
        let own = self.seams.language(count - 1);
        let language = if own.is_empty() { &self.transcript.language } else { own };
        Some(SentenceEnd { until, language: language.to_owned() })
    }

    /// Shows all segments as final if the speaker has been silent for so long that the sentence is
    /// over.
    pub(super) fn tell_before_silence(&mut self, effects: &mut Vec<Effect>) {
        if self.is_silent_for_long() {
            self.tell(self.transcript.segments.len(), effects);
        }
    }

    /// Whether the speaker has been silent for so long that the sentence is over, and all of it is
    /// decoded.
    fn is_silent_for_long(&self) -> bool {
        let is_quiet = self.quiet().is_some_and(|quiet| quiet > LONGEST);
        let is_done = self.waiting.is_empty() && self.busy.is_none() && self.draft.is_none();
        let may_join = self.mending && self.seams.is_join_due();
        is_quiet && is_done && !may_join && self.cutter.open().is_none()
    }

    fn is_settled(&self, at: usize) -> bool {
        let segments = &self.transcript.segments;
        let next = segments.get(at + 1).map_or(0, |next| next.start);
        // If decoding lags behind, the next words are there before the silence is noticed.
        if next > segments[at].end + LONGEST {
            return true;
        }
        let is_followed = at + 1 < self.told;
        let ends = join::ends_sentence(&segments[at].text);
        ends && match self.seams.ended(at) {
            _ if !self.mending => true,
            Some(ended) => ended,
            // The model was not asked, or its answer was not usable.
            None => is_followed && self.seams.is_decided(at),
        }
    }
}
