//! Turns decoded pieces into segments of the transcript, and mends the seams before them.

use super::piece::PieceText;
use super::seams::DecodedPiece;
use super::{Effect, GAP, Piece, Stream, between, seam, segment};
use v2m_ipc::engine::Segment;

impl Stream {
    /// Commits the pieces whose text is decoded.
    pub(super) fn promote(&mut self, effects: &mut Vec<Effect>) {
        let Some(piece) = self.waiting.front().copied() else { return };
        let Some((_, text)) = self.draft.take_if(|(drafted, _)| *drafted == piece) else {
            return;
        };
        self.waiting.pop_front();
        let audio = between(&self.audio, self.kept_from, piece.start, piece.end);
        let Some(text) = text else {
            self.transcript.stats.failed += 1;
            let gap = PieceText { text: GAP.into(), ..PieceText::default() };
            return self.commit(&piece, gap, audio, effects);
        };
        if text.language_sure {
            self.language = Some(text.language.clone());
        }
        self.spoken(&text.language, piece.voice_end - piece.voice_start);
        self.commit(&piece, text, audio, effects);
    }

    fn commit(
        &mut self,
        piece: &Piece,
        text: PieceText,
        audio: Vec<i16>,
        effects: &mut Vec<Effect>,
    ) {
        let Some(mut segment) = segment(piece, &text.text) else { return };
        let index = self.transcript.segments.len();
        if index > 0
            && let Some(after) = self.mend(index - 1, &segment, &text.language, effects)
        {
            segment.text = after;
        }
        self.seams.said(DecodedPiece {
            index,
            piece: *piece,
            audio,
            tokens: text.tokens,
            mean_log_probability: text.mean_log_probability,
            language: text.language,
            ended: None,
        });
        self.transcript.segments.push(segment);
    }

    /// Counts voice in a language. The language of the transcript is the one with the most voice,
    /// because the text rules take one language for a text.
    fn spoken(&mut self, language: &str, voice: u64) {
        match self.voice.iter_mut().find(|(known, _)| known == language) {
            Some((_, sum)) => *sum += voice,
            None => self.voice.push((language.to_owned(), voice)),
        }
        // Take the first of equals.
        let most = self.voice.iter().rev().max_by_key(|(_, sum)| *sum);
        if let Some((language, _)) = most {
            self.transcript.language.clone_from(language);
        }
    }

    /// Mends the seam after the segment `before`, if the segment after it is committed.
    pub(super) fn mend_both(&mut self, before: usize, effects: &mut Vec<Effect>) {
        let Some(next) = self.transcript.segments.get(before + 1).cloned() else { return };
        let language = self.seams.language(before + 1).to_owned();
        if let Some(after) = self.mend(before, &next, &language, effects) {
            self.change(before + 1, after, effects);
        }
    }

    /// Mends the seam between the segment `before` and the one after it, `next`, in this language.
    /// Returns the new text of `next`.
    pub(super) fn mend(
        &mut self,
        before: usize,
        next: &Segment,
        language: &str,
        effects: &mut Vec<Effect>,
    ) -> Option<String> {
        // The model was asked for continuations in the language before the seam.
        if self.seams.language(before) != language {
            return None;
        }
        let leads = self.seams.answer(before, Some(next))?;
        let verdict = seam::verdict(leads, Some(&next.text), language)?;
        let (text, after) =
            seam::mend(&self.transcript.segments[before].text, &next.text, &verdict);
        self.change(before, text, effects);
        Some(after)
    }
}
