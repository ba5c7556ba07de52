//! The stream policy: while somebody speaks, what to decode when, so that the text is there when
//! they stop. Pure: no clock, no thread, no model. Time is counted in samples.
//!
//! - [`cut`]: where the recording is cut into pieces.
//! - [`piece`]: how one piece is decoded, and when again.
//! - [`guard`]: whether to believe what came out.
//! - [`seam`]: which mark and which letter stand between two pieces; [`marks`] is what it knows of languages.
//! - [`seams`]: what to ask the model for that, and when.
//! - [`join`], `sentence`: pieces of one sentence, decoded once more as one.
//! - [`Stream`]: samples and answers in, [`Effect`]s out; `schedule`: what is done next; `show`: what is told meanwhile.
//!
//! Each piece is decoded once it is closed, in order, one at a time. When nothing waits, the open
//! piece is decoded speculatively as soon as the speaker pauses: if the pause goes on, that is the
//! piece and its text is already there; if speech goes on, it is dropped.
//!
//! As soon as a piece has a second of voice, the model is asked about the seam before it. That happens while the speaker
//! goes on. A question under way at the stop is given up, as soon as whisper.cpp lets go of it (it encodes without a break).
//!
//! When nothing else is to be done, the pieces of an unfinished sentence are decoded once more, joined. Their words are final
//! when no later piece can be joined to them; until then they are told as a draft.

pub mod cut;
pub mod guard;
pub mod join;
pub mod marks;
pub mod piece;
mod schedule;
pub mod seam;
pub mod seams;
mod sentence;
mod show;
#[cfg(test)]
mod tests;

use crate::text;
pub use cut::Piece;
use cut::{Cutter, Cutting};
pub use guard::{Hypothesis, Token};
pub use piece::Outcome;
use seam::Lead;
use seams::{Joined, Question, Said, Seams};
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

    /// The language spoken, among `languages` (empty: among all). `before`, which was spoken before, unless another is far likelier.
    ///
    /// # Errors
    /// The decoder's own.
    fn detect(
        &mut self,
        audio: &[f32],
        context: usize,
        languages: &[String],
        before: Option<&str>,
    ) -> Result<String, Self::Error>;

    /// How the text may go on after what is written, as far as the seam is concerned.
    ///
    /// # Errors
    /// The decoder's own.
    fn leads(&mut self, question: &Question) -> Result<Vec<Lead>, Self::Error>;
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
    /// Tokens after which a beam is cut off; `None`: as many as the model takes.
    pub most_tokens: Option<u16>,
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
    /// Ask the model about a seam and tell [`Stream::read`]. The one before is answered or aborted.
    Ask {
        /// Its number.
        id: DecodeId,
        /// What to ask.
        question: Question,
    },
    /// Decode several pieces as one and tell [`Stream::heard_together`]. The one before is answered or aborted.
    Join {
        /// Its number.
        id: DecodeId,
        /// The pieces.
        joined: Joined,
    },
    /// The decode before is of no use any more; its answer need not come.
    Abort(DecodeId),
    /// Text to show. One that starts where one before did takes its place, and so does one that is not final after another.
    Segment {
        /// The text and where it lies; what is not final may be several pieces.
        segment: Segment,
        /// Whether its words will not change any more. Its last mark and its first letter's case still may.
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

/// Which seams the model may be asked about once the recording is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asking {
    /// All.
    All,
    /// All but the one before the last piece: the text would wait for that.
    ButTheLast,
    /// None.
    No,
}

/// What may make the text better after the stop, while somebody waits for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AfterStop {
    /// Seams.
    pub asking: Asking,
    /// Whether the last piece may be decoded together with those before it in its sentence. That takes up to twice as long.
    pub joining: bool,
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
    busy: Option<(DecodeId, Busy)>,
    /// What the last decode gave, until its piece is closed; `None` inside: it failed.
    draft: Option<(Piece, Option<Outcome>)>,
    language: Option<String>,
    /// Samples of voice in each language that was heard.
    voice: Vec<(String, u64)>,
    transcript: Transcript,
    seams: Seams,
    /// Whether seams are mended and pieces joined.
    mending: bool,
    asking: Asking,
    /// Whether the last piece may be decoded together with those before it.
    joining: bool,
    /// The last piece, once it was decoded together with those before it in vain.
    alone: Option<Piece>,
    /// Whether nobody waits for the text: then all that makes it better is done.
    patient: bool,
    /// How many segments were told as final.
    told: usize,
    /// What was told last that is not final.
    shown: Option<Segment>,
    ids: u64,
    finished: bool,
}

/// What the decoder is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Busy {
    Piece(Piece),
    Seam,
    Join,
    /// The last piece, together with those before it.
    Last(Piece),
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
            busy: None,
            draft: None,
            transcript: Transcript {
                language: language.clone().unwrap_or_default(),
                ..Transcript::default()
            },
            language,
            voice: Vec::new(),
            seams: Seams::default(),
            mending: true,
            asking: Asking::All,
            joining: false,
            alone: None,
            patient: false,
            told: 0,
            shown: None,
            ids: 0,
            finished: false,
        }
    }

    /// The same, without asking about seams or joining pieces.
    pub fn without_seams(self) -> Self {
        Self { mending: false, ..self }
    }

    /// The same, if nobody waits for the text.
    pub fn patient(self) -> Self {
        Self { patient: true, ..self }
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

    /// No more samples come. If somebody waits for the text, only `allowed` is done to make it better.
    pub fn finish(&mut self, vad: &mut impl VoiceActivity, allowed: AfterStop) -> Vec<Effect> {
        if self.transcript.stats.samples > self.heard {
            self.frame(vad);
        }
        self.finished = true;
        if let Some(piece) = self.cutter.finish(self.transcript.stats.samples) {
            self.waiting.push_back(piece);
        }
        let mut effects = Vec::new();
        self.asking = if self.patient { Asking::All } else { allowed.asking };
        self.joining = allowed.joining && !self.patient;
        let useless = |busy: &Busy| match busy {
            Busy::Piece(_) | Busy::Last(_) => false,
            Busy::Seam => self.asking == Asking::No,
            Busy::Join => !self.patient,
        };
        if let Some((id, _)) = self.busy.take_if(|(_, busy)| useless(busy)) {
            self.seams.give_up();
            effects.push(Effect::Abort(id));
        }
        self.schedule(&mut effects);
        effects
    }

    /// Takes the answer to a decode; `None` when it failed. Answers to an aborted one are ignored.
    pub fn answered(&mut self, id: DecodeId, outcome: Option<Outcome>) -> Vec<Effect> {
        let mut effects = Vec::new();
        let Some((_, Busy::Piece(piece))) = self.busy.take_if(|(current, _)| *current == id) else {
            return effects;
        };
        if let Some(outcome) = &outcome {
            self.transcript.stats.decoded_samples += outcome.decoded;
            self.transcript.stats.redone += outcome.redone;
        }
        self.draft = Some((piece, outcome));
        self.schedule(&mut effects);
        self.forget();
        effects
    }

    /// Takes the answer about a seam; `None` when there is none. Answers to an aborted question are ignored.
    pub fn read(&mut self, id: DecodeId, leads: Option<Vec<Lead>>) -> Vec<Effect> {
        let mut effects = Vec::new();
        if self.busy.take_if(|(current, _)| *current == id).is_none() {
            return effects;
        }
        if let Some(before) = self.seams.answered(leads) {
            self.transcript.stats.seams += 1;
            // Without a piece after it there is no seam yet: what comes may turn out to be a cough. It is mended once that
            // piece is committed.
            self.mend_both(before, &mut effects);
        }
        self.schedule(&mut effects);
        effects
    }

    /// Takes what several pieces say as one, decoded from so many samples; `None` when that is not to be believed. Answers to an
    /// aborted decode are ignored.
    pub fn heard_together(
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
            // The next piece may have been committed meanwhile, and its seam mended with the text before.
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

    /// Samples received.
    pub fn heard(&self) -> u64 {
        self.transcript.stats.samples
    }

    /// All samples before this one are done with.
    pub fn settled(&self) -> u64 {
        self.kept_from
    }

    /// Whether nobody waits for the text.
    pub fn is_patient(&self) -> bool {
        self.patient
    }

    /// The decode under way, for a caller who drops the stream.
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

    /// Commits what is already decoded.
    fn promote(&mut self, effects: &mut Vec<Effect>) {
        let Some(piece) = self.waiting.front().copied() else { return };
        let Some((_, outcome)) = self.draft.take_if(|(drafted, _)| *drafted == piece) else {
            return;
        };
        self.waiting.pop_front();
        let audio = between(&self.audio, self.kept_from, piece.start, piece.end);
        let Some(outcome) = outcome else {
            self.transcript.stats.failed += 1;
            let gap = Outcome { text: GAP.into(), ..Outcome::default() };
            return self.commit(&piece, gap, audio, effects);
        };
        if outcome.language_sure {
            self.language = Some(outcome.language.clone());
        }
        self.spoken(&outcome.language, piece.voice_end - piece.voice_start);
        self.commit(&piece, outcome, audio, effects);
    }

    fn commit(
        &mut self,
        piece: &Piece,
        outcome: Outcome,
        audio: Vec<i16>,
        effects: &mut Vec<Effect>,
    ) {
        let Some(mut segment) = segment(piece, &outcome.text) else { return };
        let index = self.transcript.segments.len();
        if index > 0
            && let Some(after) = self.mend(index - 1, &segment, &outcome.language, effects)
        {
            segment.text = after;
        }
        self.seams.said(Said {
            index,
            piece: *piece,
            audio,
            tokens: outcome.tokens,
            mean_log_probability: outcome.mean_log_probability,
            language: outcome.language,
            ended: None,
        });
        self.transcript.segments.push(segment);
    }

    /// The language of the whole is the one with the most voice: the text rules know one for a text.
    fn spoken(&mut self, language: &str, voice: u64) {
        match self.voice.iter_mut().find(|(known, _)| known == language) {
            Some((_, sum)) => *sum += voice,
            None => self.voice.push((language.to_owned(), voice)),
        }
        // Of equals the first one.
        let most = self.voice.iter().rev().max_by_key(|(_, sum)| *sum);
        if let Some((language, _)) = most {
            self.transcript.language.clone_from(language);
        }
    }

    /// Mends the seam after the segment `before` where the one after it is committed.
    fn mend_both(&mut self, before: usize, effects: &mut Vec<Effect>) {
        let Some(next) = self.transcript.segments.get(before + 1).cloned() else { return };
        let language = self.seams.language(before + 1).to_owned();
        if let Some(after) = self.mend(before, &next, &language, effects) {
            self.change(before + 1, after, effects);
        }
    }

    /// Mends the seam after the segment `before`, `next` being the one after it, in this language; what becomes of its text.
    fn mend(
        &mut self,
        before: usize,
        next: &Segment,
        language: &str,
        effects: &mut Vec<Effect>,
    ) -> Option<String> {
        // The model was asked how the text goes on in the language before.
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

    /// Lets go of samples that no piece can need any more.
    fn forget(&mut self) {
        let from = self.waiting.front().map_or(self.cutter.needed_from(), |piece| piece.start);
        let from = from.min(self.heard).max(self.kept_from);
        let count = usize::try_from(from - self.kept_from).expect("it is in memory");
        self.audio.drain(..count.min(self.audio.len()));
        self.kept_from = from;
    }
}

impl Transcript {
    fn whole(mut self) -> Self {
        for segment in &self.segments {
            text::append(&mut self.text, &segment.text);
        }
        self
    }
}

fn segment(piece: &Piece, text: &str) -> Option<Segment> {
    let text = text.trim().to_owned();
    (!text.is_empty()).then_some(Segment { start: piece.voice_start, end: piece.voice_end, text })
}

/// The samples `start..end` of a recording, of which `audio` is what lies from `kept_from` on.
fn between(audio: &VecDeque<i16>, kept_from: u64, start: u64, end: u64) -> Vec<i16> {
    let [start, end] = [start, end]
        .map(|at| usize::try_from(at.saturating_sub(kept_from)).expect("it is in memory"));
    let end = end.min(audio.len());
    audio.range(start.min(end)..end).copied().collect()
}

fn to_float(sample: i16) -> f32 {
    f32::from(sample) / 32_768.0
}
