//! The stream policy decides what to decode when while the user speaks, so that the text is ready
//! when they stop. Pure: no clock, no thread, no model. Time is counted in samples.
//!
//! | file | what it is for |
//! |---|---|
//! | [`cut`] | cuts the recording into pieces |
//! | [`piece`] | decodes one piece, and decides when to decode it again |
//! | [`guard`] | decides whether to believe a result |
//! | [`seam`] | decides the mark and the case between two pieces; [`marks`] has the data of
//! languages |
//! | [`seams`] | chooses the questions about seams |
//! | [`join`], `sentence` | decode the pieces of one sentence again as one |
//! | [`Stream`] | takes samples; `answers` takes the decoder's answers; [`effect`] has the actions for the caller |
//! | `schedule` | chooses the next action |
//! | `commit` | turns decoded pieces into segments |
//! | `show` | shows drafts and final text during the recording |
//! | [`settled`] | finds the sentences that are over |
//!
//! Each piece is decoded once it is closed, in order, one at a time. If nothing waits, the open
//! piece is decoded speculatively as soon as the speaker pauses: if the pause goes on, that becomes
//! the piece, and its text is already there; if speech goes on, the result is dropped.
//!
//! As soon as a piece has a second of voice, the model is asked about the seam before it, while the
//! speaker goes on. At the stop, a question under way is abandoned as soon as the decoder can be
//! interrupted (Whisper encodes without a break).
//!
//! If nothing else is to do, the pieces of an unfinished sentence are decoded again, joined. Their
//! words become final when no later piece can be joined to them; until then they are shown as a
//! draft.
//!
//! A decoder that reports no tokens is asked about no seam. Its pieces are joined only if it makes
//! tokens of its words ([`Token::words`]).

mod answers;
mod commit;
pub mod cut;
pub mod effect;
pub mod guard;
pub mod join;
pub mod marks;
pub mod piece;
mod schedule;
pub mod seam;
pub mod seams;
mod sentence;
pub mod settled;
mod show;
#[cfg(test)]
mod tests;

use crate::model::PieceLimits;
pub use cut::Piece;
use cut::{Cutter, Cutting};
pub use effect::{AfterStop, DecodeId, Effect, SeamQuestions, Transcript};
pub use guard::{Hypothesis, Token};
pub use piece::PieceText;
use seams::Seams;
use std::collections::VecDeque;
pub use v2m_ipc::engine::GAP;
use v2m_ipc::engine::Segment;
use v2m_ipc::pcm::to_float;

const FRAME: usize = crate::vad::FRAME;

/// A voice activity detector.
pub trait VoiceActivity {
    /// Returns the probability of speech in the frame that follows the frames before it.
    fn probability(&mut self, frame: &[f32; FRAME]) -> f32;
}

/// The transcription of one recording.
#[derive(Clone, Debug)]
pub struct Stream {
    cutter: Cutter,
    /// The largest length in samples of the last piece and those before it, to be decoded as one:
    /// [`PieceLimits::flat`], at which they cost no more than one piece, or
    /// [`Self::join_last_within`].
    flat: u64,
    /// The samples from `kept_from` on.
    audio: VecDeque<i16>,
    kept_from: u64,
    /// The number of samples that the voice activity model has processed.
    heard: u64,
    /// Closed pieces that wait to be decoded.
    waiting: VecDeque<Piece>,
    busy: Option<(DecodeId, Busy)>,
    /// The result of the last decode, until its piece is closed. `None` inside: the decode failed.
    draft: Option<(Piece, Option<PieceText>)>,
    language: Option<String>,
    /// Samples of voice in each detected language.
    voice: Vec<(String, u64)>,
    transcript: Transcript,
    seams: Seams,
    /// Whether seams are mended and pieces joined.
    mending: bool,
    asking: SeamQuestions,
    /// Whether the last piece may be decoded together with those before it.
    joining: bool,
    /// The last piece, if it was decoded together with those before it without a usable result.
    alone: Option<Piece>,
    /// Whether no client waits for the text. Then all improvements are made.
    patient: bool,
    /// The number of segments that were shown as final.
    told: usize,
    /// The number of segments that were reported as finished sentences. They do not change any
    /// more.
    settled: usize,
    /// Whether finished sentences are reported.
    sentences: bool,
    /// The last draft that was shown.
    shown: Option<Segment>,
    ids: u64,
    finished: bool,
}

/// The decoder's current work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Busy {
    Piece(Piece),
    Seam,
    Join,
    /// The last piece, together with those before it.
    Last(Piece),
}

impl Stream {
    /// Makes a stream for the start of a recording, for a model with these limits, in that language
    /// if it is known.
    pub fn new(limits: PieceLimits, language: Option<String>) -> Self {
        Self {
            cutter: Cutter::new(Cutting::within(limits)),
            flat: limits.flat,
            audio: VecDeque::new(),
            kept_from: 0,
            heard: 0,
            waiting: VecDeque::new(),
            busy: None,
            draft: None,
            transcript: Transcript {
                language: language.clone().unwrap_or_default(),
                ..Transcript::default()
            },
            language,
            voice: Vec::new(),
            seams: Seams::within(limits),
            mending: true,
            asking: SeamQuestions::All,
            joining: false,
            alone: None,
            patient: false,
            told: 0,
            settled: 0,
            sentences: false,
            shown: None,
            ids: 0,
            finished: false,
        }
    }

    /// Makes a stream that asks about no seams and joins no pieces.
    pub fn without_seams(self) -> Self {
        Self { mending: false, ..self }
    }

    /// Makes a stream for a text that no client waits for.
    pub fn patient(self) -> Self {
        Self { patient: true, ..self }
    }

    /// Makes a stream that reports finished sentences: see [`Self::sentence`].
    pub fn by_sentences(self) -> Self {
        Self { sentences: true, ..self }
    }

    /// Allows the last piece to be decoded together with those before it, up to this many samples
    /// and up to the model's limit.
    pub fn join_last_within(&mut self, samples: u64) {
        self.flat = samples.min(self.seams.window());
    }

    /// Takes the next samples.
    pub fn hear(&mut self, samples: &[i16], vad: &mut impl VoiceActivity) -> Vec<Effect> {
        self.audio.extend(samples);
        self.transcript.stats.samples += samples.len() as u64;
        let mut effects = Vec::new();
        while self.transcript.stats.samples - self.heard >= FRAME as u64 {
            self.frame(vad);
            // Schedule after every frame, so that chunks of any size lead to the same decodes.
            self.schedule(&mut effects);
        }
        self.forget();
        effects
    }

    /// Ends the recording. If a client waits for the text, only the `allowed` improvements are
    /// made.
    pub fn finish(&mut self, vad: &mut impl VoiceActivity, allowed: AfterStop) -> Vec<Effect> {
        if self.transcript.stats.samples > self.heard {
            self.frame(vad);
        }
        self.finished = true;
        if let Some(piece) = self.cutter.finish(self.transcript.stats.samples) {
            self.waiting.push_back(piece);
        }
        let mut effects = Vec::new();
        self.asking = if self.patient { SeamQuestions::All } else { allowed.asking };
        self.joining = allowed.joining && !self.patient;
        let useless = |busy: &Busy| match busy {
            Busy::Piece(_) | Busy::Last(_) => false,
            Busy::Seam => self.asking == SeamQuestions::No,
            Busy::Join => !self.patient,
        };
        if let Some((id, _)) = self.busy.take_if(|(_, busy)| useless(busy)) {
            self.seams.give_up();
            effects.push(Effect::Abort(id));
        }
        self.schedule(&mut effects);
        effects
    }

    /// Returns the number of samples since the last voice; `None` if there was none.
    pub fn quiet(&self) -> Option<u64> {
        self.cutter.quiet()
    }

    /// Returns the number of samples received.
    pub fn heard(&self) -> u64 {
        self.transcript.stats.samples
    }

    /// Returns the first sample that is not finished yet.
    pub fn settled(&self) -> u64 {
        self.kept_from
    }

    /// Whether no client waits for the text.
    pub fn is_patient(&self) -> bool {
        self.patient
    }

    /// The current decode, for a caller that drops the stream.
    pub fn decoding(&self) -> Option<DecodeId> {
        self.busy.map(|(id, _)| id)
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

    /// Drops samples that no piece can need any more.
    fn forget(&mut self) {
        let from = self.waiting.front().map_or(self.cutter.needed_from(), |piece| piece.start);
        let from = from.min(self.heard).max(self.kept_from);
        let count = usize::try_from(from - self.kept_from).expect("it is in memory");
        self.audio.drain(..count.min(self.audio.len()));
        self.kept_from = from;
    }
}

fn segment(piece: &Piece, text: &str) -> Option<Segment> {
    let text = text.trim().to_owned();
    (!text.is_empty()).then_some(Segment { start: piece.voice_start, end: piece.voice_end, text })
}

/// Returns the samples `start..end` of a recording. `audio` contains the samples from `kept_from`
/// on.
fn between(audio: &VecDeque<i16>, kept_from: u64, start: u64, end: u64) -> Vec<i16> {
    let [start, end] = [start, end]
        .map(|at| usize::try_from(at.saturating_sub(kept_from)).expect("it is in memory"));
    let end = end.min(audio.len());
    audio.range(start.min(end)..end).copied().collect()
}
