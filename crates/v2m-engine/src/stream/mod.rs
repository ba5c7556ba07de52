//! The stream policy: while somebody speaks, what to decode when, so that the text is there when
//! they stop. Pure: no clock, no thread, no model. Time is counted in samples.
//!
//! - [`cut`]: where the recording is cut into pieces.
//! - [`piece`]: how one piece is decoded, and when again.
//! - [`guard`]: whether to believe what came out.
//! - [`Stream`]: samples and answers in, [`Effect`]s out.
//!
//! Each piece is decoded once it is closed, in order, one at a time. When nothing waits, the open
//! piece is decoded speculatively as soon as the speaker pauses: if the pause goes on, that is the
//! piece and its text is already there; if speech goes on, it is dropped.

pub mod cut;
pub mod guard;
pub mod piece;
#[cfg(test)]
mod tests;

use crate::text;
pub use cut::Piece;
use cut::{Cutter, Cutting};
pub use guard::Hypothesis;
pub use piece::Outcome;
use std::collections::VecDeque;
use v2m_ipc::engine::{DecodeStats, Segment};

const FRAME: usize = crate::vad::FRAME;

/// Stands for a piece that could not be decoded: whoever reads the text sees that something is
/// missing there.
pub const GAP: &str = "[…]";

/// Tells voice from everything else.
pub trait VoiceActivity {
    /// Probability of speech in the frame that follows those given so far.
    fn probability(&mut self, frame: &[f32; FRAME]) -> f32;
}

/// Turns one piece of audio into text.
pub trait Decoder {
    /// Why it could not.
    type Error;

    /// Decodes.
    ///
    /// # Errors
    /// The decoder's own.
    fn decode(&mut self, request: &Request) -> Result<Hypothesis, Self::Error>;

    /// The language spoken, among `languages` (empty: among all).
    ///
    /// # Errors
    /// The decoder's own.
    fn detect(
        &mut self,
        audio: &[f32],
        context: usize,
        languages: &[String],
    ) -> Result<String, Self::Error>;
}

/// What a [`Decoder`] is asked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Request<'a> {
    /// 16 kHz mono.
    pub audio: &'a [f32],
    /// ISO 639-1 code.
    pub language: &'a str,
    /// To English.
    pub translate: bool,
    /// For the prompt, as far as it fits.
    pub vocabulary: &'a [String],
    /// Beams; 1 is greedy.
    pub beams: u8,
    /// The encoder's context in units of 20 ms; 0, or more than the model has: its full one.
    pub context: usize,
    /// Whether to try higher temperatures when the decode fails.
    pub fallback: bool,
}

/// Number of a decode, rising within a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DecodeId(pub u64);

/// What the caller is to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Decode this and tell [`Stream::answered`]. The one before is answered or aborted.
    Decode {
        /// Its number.
        id: DecodeId,
        /// Which piece.
        piece: Piece,
        /// The piece's samples, 16 kHz mono.
        audio: Vec<f32>,
        /// The language, if it is known by now.
        language: Option<String>,
    },
    /// The decode before is of no use any more; its answer need not come.
    Abort(DecodeId),
    /// Text to show.
    Segment {
        /// The text and where it lies.
        segment: Segment,
        /// Whether it will not change any more.
        is_final: bool,
    },
    /// Everything is decoded.
    Done(Transcript),
}

/// What a recording became.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Transcript {
    /// The whole text.
    pub text: String,
    /// ISO 639-1 code; empty when nobody spoke and none was given.
    pub language: String,
    /// All segments.
    pub segments: Vec<Segment>,
    /// The counts; the times are the caller's to fill in.
    pub stats: DecodeStats,
}

/// One recording on its way to text.
#[derive(Clone, Debug)]
pub struct Stream {
    cutter: Cutter,
    /// Samples from `kept_from` on.
    audio: VecDeque<i16>,
    kept_from: u64,
    /// Samples that have gone through the voice activity model.
    heard: u64,
    /// Closed pieces that wait to be decoded.
    waiting: VecDeque<Piece>,
    decoding: Option<(DecodeId, Piece)>,
    /// What the last decode gave, until its piece is closed; `None` inside: it failed.
    draft: Option<(Piece, Option<Outcome>)>,
    language: Option<String>,
    transcript: Transcript,
    ids: u64,
    finished: bool,
}

impl Stream {
    /// A stream at the start of a recording, in that language if it is known.
    pub fn new(cutting: Cutting, language: Option<String>) -> Self {
        Self {
            cutter: Cutter::new(cutting),
            audio: VecDeque::new(),
            kept_from: 0,
            heard: 0,
            waiting: VecDeque::new(),
            decoding: None,
            draft: None,
            transcript: Transcript {
                language: language.clone().unwrap_or_default(),
                ..Transcript::default()
            },
            language,
            ids: 0,
            finished: false,
        }
    }

    /// Takes the next samples.
    pub fn hear(&mut self, samples: &[i16], vad: &mut impl VoiceActivity) -> Vec<Effect> {
        self.audio.extend(samples);
        self.transcript.stats.samples += samples.len() as u64;
        let mut effects = Vec::new();
        while self.transcript.stats.samples - self.heard >= FRAME as u64 {
            self.frame(vad);
            // Asked after every frame, so that chunks of any size lead to the same decodes.
            self.schedule(&mut effects);
        }
        self.forget();
        effects
    }

    /// No more samples come.
    pub fn finish(&mut self, vad: &mut impl VoiceActivity) -> Vec<Effect> {
        if self.transcript.stats.samples > self.heard {
            self.frame(vad);
        }
        self.finished = true;
        if let Some(piece) = self.cutter.finish(self.transcript.stats.samples) {
            self.waiting.push_back(piece);
        }
        let mut effects = Vec::new();
        self.schedule(&mut effects);
        effects
    }

    /// Takes the answer to a decode; `None` when it failed. Answers to an aborted one are ignored.
    pub fn answered(&mut self, id: DecodeId, outcome: Option<Outcome>) -> Vec<Effect> {
        let mut effects = Vec::new();
        let Some((_, piece)) = self.decoding.take_if(|(current, _)| *current == id) else {
            return effects;
        };
        if let Some(outcome) = &outcome {
            self.transcript.stats.decoded_samples += outcome.decoded;
            self.transcript.stats.redone += outcome.redone;
            if self.waiting.front() != Some(&piece) {
                effects.extend(segment(&piece, &outcome.text, false));
            }
        }
        self.draft = Some((piece, outcome));
        self.schedule(&mut effects);
        self.forget();
        effects
    }

    /// All samples before this one are done with.
    pub fn settled(&self) -> u64 {
        self.kept_from
    }

    /// The decode under way, for a caller who drops the stream.
    pub fn decoding(&self) -> Option<DecodeId> {
        self.decoding.map(|(id, _)| id)
    }

    fn frame(&mut self, vad: &mut impl VoiceActivity) {
        let offset = usize::try_from(self.heard - self.kept_from).expect("it is in memory");
        let mut frame = [0.0; FRAME];
        for (slot, sample) in frame.iter_mut().zip(self.audio.range(offset..)) {
            *slot = to_float(*sample);
        }
        self.heard += FRAME as u64;
        let level = frame.iter().map(|s| s * s).sum::<f32>() / FRAME as f32;
        if let Some(piece) = self.cutter.push(vad.probability(&frame), level) {
            self.waiting.push_back(piece);
        }
    }

    fn schedule(&mut self, effects: &mut Vec<Effect>) {
        self.promote(effects);
        let next = self.waiting.front().copied();
        // Speculation is for when nothing else is to be done.
        let wanted = next.or_else(|| self.cutter.candidate());
        if let Some((id, _)) = self.decoding.take_if(|(_, piece)| Some(*piece) != wanted) {
            effects.push(Effect::Abort(id));
        }
        match wanted {
            Some(piece) if self.decoding.is_none() && !self.drafted(&piece) => {
                self.decode(piece, effects);
            }
            None if self.finished => {
                effects.push(Effect::Done(std::mem::take(&mut self.transcript)))
            }
            _ => {}
        }
    }

    fn drafted(&self, piece: &Piece) -> bool {
        self.draft.as_ref().is_some_and(|(drafted, _)| drafted == piece)
    }

    /// Commits what is already decoded.
    fn promote(&mut self, effects: &mut Vec<Effect>) {
        let Some(piece) = self.waiting.front().copied() else { return };
        let Some((_, outcome)) = self.draft.take_if(|(drafted, _)| *drafted == piece) else {
            return;
        };
        self.waiting.pop_front();
        let Some(outcome) = outcome else {
            self.transcript.stats.failed += 1;
            return self.commit(&piece, GAP, effects);
        };
        if outcome.language_sure {
            self.language = Some(outcome.language.clone());
        }
        self.transcript.language = outcome.language;
        self.commit(&piece, &outcome.text, effects);
    }

    fn commit(&mut self, piece: &Piece, said: &str, effects: &mut Vec<Effect>) {
        let Some(effect) = segment(piece, said, true) else { return };
        if let Effect::Segment { segment, .. } = &effect {
            text::append(&mut self.transcript.text, &segment.text);
            self.transcript.segments.push(segment.clone());
        }
        effects.push(effect);
    }

    fn decode(&mut self, piece: Piece, effects: &mut Vec<Effect>) {
        self.ids += 1;
        let id = DecodeId(self.ids);
        self.decoding = Some((id, piece));
        let [start, end] = [piece.start, piece.end]
            .map(|at| usize::try_from(at.saturating_sub(self.kept_from)).expect("it is in memory"));
        let audio = self.audio.range(start..end.min(self.audio.len())).copied();
        effects.push(Effect::Decode {
            id,
            piece,
            audio: audio.map(to_float).collect(),
            language: self.language.clone(),
        });
    }

    /// Lets go of samples that no piece can need any more.
    fn forget(&mut self) {
        let from = self.waiting.front().map_or(self.cutter.needed_from(), |piece| piece.start);
        let from = from.min(self.heard).max(self.kept_from);
        let count = usize::try_from(from - self.kept_from).expect("it is in memory");
        self.audio.drain(..count.min(self.audio.len()));
        self.kept_from = from;
    }
}

fn segment(piece: &Piece, text: &str, is_final: bool) -> Option<Effect> {
    let segment =
        Segment { start: piece.voice_start, end: piece.voice_end, text: text.trim().to_owned() };
    (!segment.text.is_empty()).then_some(Effect::Segment { segment, is_final })
}

fn to_float(sample: i16) -> f32 {
    f32::from(sample) / 32_768.0
}
