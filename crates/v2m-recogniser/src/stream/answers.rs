//! Takes the decoder's results.

use super::guard::Hypothesis;
use super::piece::PieceText;
use super::seam::Lead;
use super::{Busy, DecodeId, Effect, Piece, Stream, segment};

impl Stream {
    /// Takes the answer to a decode; `None` if it failed. Answers to an aborted decode are ignored.
    pub fn decoded(&mut self, id: DecodeId, text: Option<PieceText>) -> Vec<Effect> {
        let mut effects = Vec::new();
        let Some((_, Busy::Piece(piece))) = self.busy.take_if(|(current, _)| *current == id) else {
            return effects;
        };
        if let Some(text) = &text {
            self.transcript.stats.decoded_samples += text.decoded;
            self.transcript.stats.redone += text.redone;
        }
        self.draft = Some((piece, text));
        self.schedule(&mut effects);
        self.forget();
        effects
    }

    /// Takes the answer about a seam; `None` if there is none. Answers to an aborted question are
    /// ignored.
    pub fn seam_answered(&mut self, id: DecodeId, leads: Option<Vec<Lead>>) -> Vec<Effect> {
        let mut effects = Vec::new();
        if self.busy.take_if(|(current, _)| *current == id).is_none() {
            return effects;
        }
        if let Some(before) = self.seams.answered(leads) {
            self.transcript.stats.seams += 1;
            // Without a piece after it there is no seam yet (the next sound may be a cough). The
            // seam is mended when that piece is committed.
            self.mend_both(before, &mut effects);
        }
        self.schedule(&mut effects);
        effects
    }

    /// Takes the text of several pieces decoded as one; `None` if it is not believed. `decoded`:
    /// the number of samples. Answers to an aborted decode are ignored.
    pub fn join_decoded(
        &mut self,
        id: DecodeId,
        heard: Option<&Hypothesis>,
        decoded: u64,
    ) -> Vec<Effect> {
        let mut effects = Vec::new();
        let joined = |busy: &Busy| matches!(busy, Busy::Join | Busy::Last(_));
        let Some((_, busy)) = self.busy.take_if(|(now, busy)| *now == id && joined(busy)) else {
            return effects;
        };
        self.transcript.stats.joins += 1;
        self.transcript.stats.decoded_samples += decoded;
        let segments = &self.transcript.segments;
        if let Busy::Last(piece) = busy {
            let voice = piece.voice_end - piece.voice_start;
            match heard.and_then(|heard| self.seams.heard_with_last(heard, voice, segments)) {
                Some((first, texts)) => self.end_with(piece, first, texts),
                None => self.alone = Some(piece),
            }
        } else if let Some((first, texts)) = self.seams.heard_together(heard, segments) {
            let last = first + texts.len() - 1;
            self.retell(first, texts);
            // The next piece may have been committed in the meantime, with its seam mended for the
            // old text.
            self.mend_both(last, &mut effects);
        }
        self.schedule(&mut effects);
        effects
    }

    fn retell(&mut self, first: usize, texts: Vec<String>) {
        self.transcript.stats.joined += 1;
        for (segment, text) in self.transcript.segments[first..].iter_mut().zip(texts) {
            segment.text = text;
        }
    }

    /// Commits the last piece, which was decoded together with the segments from `first` on.
    fn end_with(&mut self, piece: Piece, first: usize, mut texts: Vec<String>) {
        let text = texts.pop().unwrap_or_default();
        self.retell(first, texts);
        self.transcript.segments.extend(segment(&piece, &text));
        self.waiting.pop_front();
    }
}
