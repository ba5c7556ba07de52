//! Decodes the pieces of an unfinished sentence as one.

use super::guard::Hypothesis;
use super::join::{self, Part};
use super::seam::{self, Case};
use super::seams::{Joined, LONGEST, Seams};
use super::{Piece, Token, marks};
use std::ops::Range;
use v2m_ipc::engine::Segment;
use v2m_ipc::pcm::{SAMPLE_RATE, to_float};

/// The smallest number of letters in a second of speech. People say some 12 to 15, and fewer when
/// they hesitate.
const FEWEST_LETTERS: u64 = 5;

impl Seams {
    /// Returns the index of the first segment whose words may still change, if there is one.
    pub fn unsettled(&self) -> Option<usize> {
        let joining = self.joining.as_ref().map(|range| range.start);
        let open = self.said.back().filter(|last| !last.tokens.is_empty()).and_then(|last| {
            let first = self.sentence()?;
            // A sentence that has ended may still be decoded as one.
            let is_due = last.index >= self.joined && first + 1 < self.said.len();
            (last.ended != Some(true) || is_due).then_some(first)
        });
        joining.into_iter().chain(open.map(|first| self.said[first].index)).min()
    }

    /// Stops waiting for the pieces that are being decoded as one.
    pub fn give_up(&mut self) {
        self.joining = None;
    }

    /// Whether pieces should be decoded as one now.
    pub(super) fn is_join_due(&self) -> bool {
        self.due().is_some()
    }

    /// Returns the first of the pieces that should be decoded as one now.
    fn due(&self) -> Option<usize> {
        let first = self.sentence()?;
        let last = self.said.back()?;
        // The seam before the last piece is decided first.
        let is_open = last.index >= self.joined && self.next >= last.index;
        (first + 1 < self.said.len() && is_open).then_some(first)
    }

    /// Returns the first of the pieces that may be decoded together with the last one: those of its
    /// sentence, up to the largest length.
    fn sentence(&self) -> Option<usize> {
        let mut first = self.said.len().checked_sub(1)?;
        let mut length = self.said[first].length();
        while let Some(at) = first.checked_sub(1) {
            let (before, after) = (&self.said[at], &self.said[first]);
            length += before.length();
            let apart = after.piece.voice_start.saturating_sub(before.piece.voice_end) > LONGEST;
            // Without spaces there are no words to compare.
            let other = before.language != after.language
                || before.index + 1 != after.index
                || marks::is_unspaced(&after.language);
            if apart || other || before.ended == Some(true) || length > self.window() {
                break;
            }
            if before.tokens.is_empty() || after.tokens.is_empty() {
                break;
            }
            first = at;
        }
        Some(first)
    }

    /// Returns the last piece and those before it in its sentence, to be decoded as one. `None` if
    /// that was done, or if it is not known yet whether there is a sentence.
    pub fn join(&mut self) -> Option<Joined> {
        let first = self.due()?;
        let last = self.said.back()?;
        let pieces = self.said.range(first..).map(|said| (said.piece, &said.audio[..]));
        let (audio, voice) = join::splice(pieces);
        self.joining = Some(self.said[first].index..last.index + 1);
        let audio = audio.into_iter().map(to_float).collect();
        Some(Joined { audio, voice, language: last.language.clone() })
    }

    /// Returns the last piece of the recording and those before it in its sentence, as many as fit
    /// in `most` samples.
    pub fn last(&mut self, piece: Piece, audio: &[i16], most: u64) -> Option<Joined> {
        let before = self.said.back()?;
        let apart = piece.voice_start.saturating_sub(before.piece.voice_end) > LONGEST;
        let unspaced = marks::is_unspaced(&before.language);
        if apart || unspaced || before.ended == Some(true) || before.tokens.is_empty() {
            return None;
        }
        let (count, language) = (self.said.len(), before.language.clone());
        let joined = (self.sentence()?..count).find_map(|first| {
            let pieces = self.said.range(first..).map(|said| (said.piece, &said.audio[..]));
            let (audio, voice) = join::splice(pieces.chain([(piece, audio)]));
            (audio.len() as u64 <= most).then_some((first, audio, voice))
        });
        let (first, audio, voice) = joined?;
        self.joining = Some(self.said[first].index..self.said[count - 1].index + 1);
        let audio = audio.into_iter().map(to_float).collect();
        Some(Joined { audio, voice, language })
    }

    /// Takes the text of the pieces decoded as one. If it is better than the old texts, returns the
    /// index of the first of their segments and the new texts from there on.
    pub fn heard_together(
        &mut self,
        heard: Option<&Hypothesis>,
        segments: &[Segment],
    ) -> Option<(usize, Vec<String>)> {
        let range = self.joining.take()?;
        self.joined = range.end;
        let heard = heard?;
        let parts = self.parts(&range, segments)?;
        let split = join::accept(&parts, heard)?;
        let (first, last) = (range.start, self.said.iter().position(|s| s.index + 1 == range.end)?);
        let ended = self.said[last].ended;
        let texts = self.retell(range, split, segments)?;
        // The audio after the last piece was not decoded with it.
        self.said[last].ended = ended;
        Some((first, texts))
    }

    /// Like [`Self::heard_together`], with the last piece of the recording, which has no segment
    /// yet and `voice` samples of speech. Its text is the last one.
    pub fn heard_with_last(
        &mut self,
        heard: &Hypothesis,
        voice: u64,
        segments: &[Segment],
    ) -> Option<(usize, Vec<String>)> {
        let range = self.joining.take()?;
        let parts = self.parts(&range, segments)?;
        let mut split = join::accept_with_last(&parts, heard)?;
        let last = split.pop()?;
        // Its words cannot be checked. If there are too few, it is decoded alone.
        let letters = join::text(&last).chars().filter(|c| c.is_alphanumeric()).count() as u64;
        if letters * u64::from(SAMPLE_RATE) < FEWEST_LETTERS * voice {
            return None;
        }
        let first = range.start;
        let mut texts = self.retell(range, split, segments)?;
        texts.push(join::text(&last));
        Some((first, texts))
    }

    fn parts<'s>(&'s self, range: &Range<usize>, segments: &'s [Segment]) -> Option<Vec<Part<'s>>> {
        let first = self.said.iter().position(|said| said.index == range.start)?;
        let said = self.said.range(first..first + range.len());
        let parts = said.map(|said| Part {
            text: segments.get(said.index).map_or("", |segment| &segment.text),
            tokens: &said.tokens,
            mean_log_probability: said.mean_log_probability,
        });
        Some(parts.collect())
    }

    /// Replaces the pieces' tokens with these. Returns their texts.
    fn retell(
        &mut self,
        range: Range<usize>,
        split: Vec<Vec<Token>>,
        segments: &[Segment],
    ) -> Option<Vec<String>> {
        let first = self.said.iter().position(|said| said.index == range.start)?;
        let mut texts: Vec<String> = split.iter().map(|tokens| join::text(tokens)).collect();
        // The text before the first piece does not fit in the window, and the sentence goes on
        // after it.
        let goes_on = first.checked_sub(1).is_some_and(|before| {
            let before = &self.said[before];
            before.index + 1 == range.start && before.ended == Some(false)
        });
        let old = segments.get(range)?;
        let pieces = self.said.range(first..).zip(old).zip(&split);
        for (at, (((said, old), tokens), text)) in pieces.zip(&mut texts).enumerate() {
            // Keep the mended case where the context was missing: the first piece was decoded
            // without the text before it, and words that were kept were decoded without the piece
            // before them.
            if at > 0 && tokens.first() != said.tokens.first() {
                continue;
            }
            let word = text.split_whitespace().next().unwrap_or_default();
            let keeps = marks::keeps_capital(&said.language, word);
            let case = match at {
                0 if goes_on => seam::case(&old.text),
                _ => said.mended_to(&old.text),
            };
            if let Some(case) = case.filter(|case| *case == Case::Upper || !keeps) {
                *text = seam::recase(text, case);
            }
        }
        for ((said, tokens), text) in self.said.range_mut(first..).zip(split).zip(&texts) {
            let sum: f32 = tokens.iter().map(|token| token.log_probability).sum();
            said.mean_log_probability = sum / tokens.len().max(1) as f32;
            said.tokens = tokens;
            said.ended = Some(join::ends_sentence(text));
        }
        Some(texts)
    }
}
