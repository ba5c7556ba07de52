//! Shows drafts and final segments while the recording goes on.

use super::{Effect, Stream, segment};
use crate::text;
use v2m_ipc::engine::Segment;

impl Stream {
    pub(super) fn change(&mut self, index: usize, text: String, effects: &mut Vec<Effect>) {
        // A reported sentence may have been delivered.
        if index < self.settled {
            return;
        }
        let segment = &mut self.transcript.segments[index];
        if segment.text != text {
            segment.text = text;
            if index < self.told {
                effects.push(Effect::Segment { segment: segment.clone(), is_final: true });
            }
        }
    }

    /// Shows the changes: the segments whose words are final, and after them, as a draft, the other
    /// segments and the open piece.
    pub(super) fn show(&mut self, effects: &mut Vec<Effect>) {
        let open = self.open_draft(effects);
        let count = self.transcript.segments.len();
        let over = self.finished && self.waiting.is_empty() && !self.patient;
        let unsettled = self.seams.unsettled().filter(|_| self.mending && !over);
        self.tell(unsettled.unwrap_or(count), effects);
        if self.sentences && !self.finished {
            self.tell_before_silence(effects);
        }
        let others = self.transcript.segments[self.told..].iter().chain(&open);
        let draft = others.cloned().reduce(|mut whole, segment| {
            text::append(&mut whole.text, &segment.text);
            whole.end = segment.end;
            whole
        });
        if draft.is_some() && draft != self.shown {
            effects
                .extend(draft.clone().map(|segment| Effect::Segment { segment, is_final: false }));
        }
        self.shown = draft;
    }

    /// Shows the segments before `until` as final.
    pub(super) fn tell(&mut self, until: usize, effects: &mut Vec<Effect>) {
        for segment in self.transcript.segments.iter().take(until).skip(self.told) {
            effects.push(Effect::Segment { segment: segment.clone(), is_final: true });
            // The segment replaces the draft.
            self.shown = None;
        }
        self.told = self.told.max(until);
    }

    /// Returns the open piece's text so far, as it would follow the piece before.
    fn open_draft(&mut self, effects: &mut Vec<Effect>) -> Option<Segment> {
        let (piece, text) = self.draft.as_ref()?;
        if self.waiting.front() == Some(piece) {
            return None;
        }
        let text = text.as_ref()?;
        let mut segment = segment(piece, &text.text)?;
        let language = text.language.clone();
        let before = self.transcript.segments.len().checked_sub(1);
        if let Some(after) = before.and_then(|at| self.mend(at, &segment, &language, effects)) {
            segment.text = after;
        }
        Some(segment)
    }
}
