//! The questions about the seams of one recording.

use super::join;
use super::seam::{self, Case, Lead};
use super::{Piece, Token};
use crate::model::PieceLimits;
use std::collections::VecDeque;
use std::ops::Range;
use v2m_ipc::engine::Segment;
use v2m_ipc::pcm::{seconds, to_float};

/// The largest length in samples of several pieces before the seam that the model decodes again,
/// and of pieces that are decoded as one. Measured.
pub(super) const CONTEXT: u64 = seconds(12);

/// The samples of voice after the seam that suffice to decide it. Measured.
pub const TELLING: u64 = seconds(1);

/// A silence longer than this, in samples, ends a sentence, whatever comes after it.
pub(super) const LONGEST: u64 = seconds(4);

/// The number of tokens that the model gets as already written: half its text context, minus the
/// tokens that introduce them.
const TOKENS: usize = 200;

/// A text that the model takes as already written.
#[derive(Clone, Debug, PartialEq)]
pub enum PromptText {
    /// The tokens as the model wrote them.
    Tokens(Vec<i32>),
    /// The text as it is now.
    Text(String),
}

/// One question about a seam.
#[derive(Clone, Debug, PartialEq)]
pub struct SeamQuestion {
    /// The pieces before and the beginning of the next one, 16 kHz mono.
    pub audio: Vec<f32>,
    /// ISO 639-1 code.
    pub language: String,
    /// The text before the seam, without the marks at its end.
    pub written: Vec<PromptText>,
}

/// Several pieces to decode as one.
#[derive(Clone, Debug, PartialEq)]
pub struct Joined {
    /// The samples, 16 kHz mono, with short pauses between the pieces.
    pub audio: Vec<f32>,
    /// The number of samples between the first voice and the last.
    pub voice: u64,
    /// ISO 639-1 code.
    pub language: String,
}

/// A decoded piece.
#[derive(Clone, Debug)]
pub struct DecodedPiece {
    /// The index of its segment.
    pub index: usize,
    /// The position of the piece.
    pub piece: Piece,
    /// The piece's samples.
    pub audio: Vec<i16>,
    /// The tokens as decoded. Empty if the text differs from them.
    pub tokens: Vec<Token>,
    /// Mean natural logarithm of their probabilities.
    pub mean_log_probability: f32,
    /// ISO 639-1 code.
    pub language: String,
    /// Whether a sentence ends with it. `None` until the model was asked with both sides of the
    /// seam.
    pub ended: Option<bool>,
}

/// The position of a seam.
#[derive(Clone, Copy, Debug)]
struct SeamPosition {
    /// The index of the segment before it.
    before: usize,
    /// The first sample with voice after it.
    voice_start: u64,
}

/// The beginning of a piece that is not decoded yet.
#[derive(Clone, Debug)]
pub struct Beginning {
    /// The first sample with voice.
    pub voice_start: u64,
    /// The samples from the piece's start to the end of the needed part.
    pub audio: Vec<i16>,
}

/// The seams of one recording.
#[derive(Clone, Debug, Default)]
pub struct Seams {
    pub(super) said: VecDeque<DecodedPiece>,
    /// The index of the segment before the next seam to ask about.
    pub(super) next: usize,
    /// The seam that the model is being asked about.
    asked: Option<SeamPosition>,
    /// The last answer.
    answer: Option<(SeamPosition, Vec<Lead>)>,
    /// The segments that are being decoded as one.
    pub(super) joining: Option<Range<usize>>,
    /// The end (exclusive) of the segments that were decoded together with those before them.
    pub(super) joined: usize,
    /// The largest length in samples of pieces that may be decoded as one. `None`: [`CONTEXT`].
    window: Option<u64>,
}

impl Seams {
    /// Makes the seams for a model with these limits. If the time of a decode grows with the
    /// length, a long window costs only as much as it contains. Long sentences have pieces of 8 s
    /// and more.
    pub fn within(limits: PieceLimits) -> Self {
        let window = if limits.flat == 0 { limits.longest } else { CONTEXT.min(limits.longest) };
        Self { window: Some(window), ..Self::default() }
    }

    /// The largest length in samples of pieces that may be decoded as one.
    pub(super) fn window(&self) -> u64 {
        self.window.unwrap_or(CONTEXT)
    }

    /// Takes a piece that has become a segment.
    pub fn said(&mut self, said: DecodedPiece) {
        // If the questions are two pieces behind, they cannot catch up.
        self.next = self.next.max(said.index.saturating_sub(1));
        self.said.push_back(said);
        let most = self.window().max(CONTEXT);
        let (mut kept, mut count) = (0, 0);
        for said in self.said.iter().rev() {
            kept += said.piece.end - said.piece.start;
            count += 1;
            // Keep one more, which shows whether its sentence goes on.
            if said.index < self.next && kept > most {
                break;
            }
        }
        self.said.drain(..self.said.len() - count);
    }

    /// Returns the next question. `beginning`: the start of the piece that is not decoded yet.
    pub fn ask(
        &mut self,
        segments: &[Segment],
        beginning: impl FnOnce() -> Option<Beginning>,
    ) -> Option<SeamQuestion> {
        let left = self.said.iter().position(|said| said.index == self.next)?;
        let (voice_start, audio) = match self.said.get(left + 1) {
            Some(right) => {
                let needed = right.piece.voice_start + TELLING - right.piece.start;
                let needed =
                    usize::try_from(needed).map_or(right.audio.len(), |n| n.min(right.audio.len()));
                (right.piece.voice_start, right.audio[..needed].to_vec())
            }
            None => {
                let beginning = beginning()?;
                (beginning.voice_start, beginning.audio)
            }
        };
        self.next += 1;
        let context = self.context(left, voice_start)?;
        let written = self.written(context..left + 1, segments)?;
        let audio = self.said.range(context..=left).flat_map(|said| &said.audio).chain(&audio);
        let audio = audio.map(|sample| to_float(*sample)).collect();
        self.asked = Some(SeamPosition { before: self.said[left].index, voice_start });
        Some(SeamQuestion { audio, language: self.said[left].language.clone(), written })
    }

    /// Returns the first piece that the model decodes again. `None` if there is nothing to ask.
    fn context(&self, left: usize, voice_start: u64) -> Option<usize> {
        let mut after = voice_start;
        let mut length = 0;
        let mut first = None;
        for at in (0..=left).rev() {
            let said = &self.said[at];
            length += said.piece.end - said.piece.start;
            let apart = after.saturating_sub(said.piece.voice_end) > LONGEST
                || said.language != self.said[left].language;
            if apart
                || !said.tokens.iter().any(|token| !token.is_whole_word())
                || (at < left && length > CONTEXT)
            {
                break;
            }
            first = Some(at);
            after = said.piece.voice_start;
        }
        first
    }

    fn written(&self, range: Range<usize>, segments: &[Segment]) -> Option<Vec<PromptText>> {
        let mut written = Vec::new();
        let last = range.end - 1;
        for at in range {
            let said = &self.said[at];
            let text = &segments.get(said.index)?.text;
            let (first, rest) = said.words();
            let as_decoded = String::from_utf8_lossy(&bytes(first)).trim().to_owned();
            let ids = |tokens: &[Token]| PromptText::Tokens(tokens.iter().map(|t| t.id).collect());
            if text.starts_with(&as_decoded) {
                written.push(ids(&said.tokens[..first.len() + rest.len()]));
            } else {
                let now = text.get(..as_decoded.len()).unwrap_or(&as_decoded);
                written.push(PromptText::Text(format!(" {now}")));
                written.push(ids(rest));
            }
            if at < last {
                let marks = seam::marks_at_end(text);
                written.extend((!marks.is_empty()).then(|| PromptText::Text(marks.to_owned())));
            }
        }
        let count: usize = written
            .iter()
            .map(|part| match part {
                PromptText::Tokens(ids) => ids.len(),
                PromptText::Text(text) => text.len(),
            })
            .sum();
        (1..=TOKENS).contains(&count).then_some(written)
    }

    /// Takes the answer; `None` if there is none. Returns the index of the segment before the seam.
    pub fn answered(&mut self, leads: Option<Vec<Lead>>) -> Option<usize> {
        let place = self.asked.take()?;
        let leads = leads?;
        let said = self.said.iter_mut().find(|said| said.index == place.before);
        if let Some(said) = said {
            said.ended = seam::ends(&leads);
        }
        self.answer = Some((place, leads));
        Some(place.before)
    }

    /// Returns the answer about the seam after the segment `before`. `next`: the segment after it,
    /// if known.
    pub fn answer(&self, before: usize, next: Option<&Segment>) -> Option<&[Lead]> {
        let (place, leads) = self.answer.as_ref()?;
        let same =
            place.before == before && next.is_none_or(|next| next.start == place.voice_start);
        same.then_some(leads)
    }

    /// Whether a sentence surely ends with the segment `index`. `None` if unknown.
    pub(super) fn ended(&self, index: usize) -> Option<bool> {
        self.said.iter().find(|said| said.index == index)?.ended
    }

    /// Whether the seam after the segment `index` will not be asked about any more.
    pub(super) fn is_decided(&self, index: usize) -> bool {
        let is_asked = self.asked.is_some_and(|asked| asked.before == index);
        self.next > index && !is_asked
    }

    /// The language of the segment `index`.
    pub fn language(&self, index: usize) -> &str {
        self.said.iter().find(|said| said.index == index).map_or("", |said| &said.language)
    }
}

impl DecodedPiece {
    pub(super) fn length(&self) -> u64 {
        self.piece.end - self.piece.start
    }

    /// Returns the case that the seam before it gave its first letter. `text`: its current text.
    /// `None` if the case did not change.
    pub(super) fn mended_to(&self, text: &str) -> Option<Case> {
        let (was, is) = (seam::case(&join::text(&self.tokens)), seam::case(text));
        is.filter(|_| was != is)
    }

    /// Returns the tokens of the first word, and the other tokens without the marks at the end.
    fn words(&self) -> (&[Token], &[Token]) {
        let end =
            self.tokens.iter().rposition(|token| !token.is_only_marks()).map_or(0, |last| last + 1);
        let tokens = &self.tokens[..end];
        let begins = |token: &Token| token.bytes.starts_with(b" ") || token.is_only_marks();
        let first = tokens.iter().skip(1).position(begins).map_or(tokens.len(), |at| at + 1);
        tokens.split_at(first)
    }
}

fn bytes(tokens: &[Token]) -> Vec<u8> {
    tokens.iter().flat_map(|token| token.bytes.iter().copied()).collect()
}
