//! Tests of the stream with a scripted voice activity model and scripted decoders.
//!
//! Scripted audio: loud samples are voice. Each sample's value shows its position, so that the
//! decoder's input can be compared with the recording.

mod joins;
mod pieces;
mod properties;
mod seams;
mod settled;
mod transcribe;

use super::seam::Lead;
use super::seams::{Joined, SeamQuestion};
use super::*;
use std::collections::VecDeque;

const LOUD: i16 = 10_000;

/// Whisper's limits.
const LIMITS: PieceLimits = PieceLimits { longest: 25 * 16_000, flat: 122_880 };

struct Loudness;

impl VoiceActivity for Loudness {
    fn probability(&mut self, frame: &[f32; FRAME]) -> f32 {
        let loud = frame.iter().filter(|s| **s > 0.2).count();
        if loud > FRAME / 2 { 0.9 } else { 0.05 }
    }
}

/// Alternating silence and voice, in milliseconds, silence first.
fn recording(runs: &[u64]) -> Vec<i16> {
    let mut samples = Vec::new();
    for (run, milliseconds) in runs.iter().enumerate() {
        for _ in 0..milliseconds * 16 {
            let place = i16::try_from(samples.len() % 1009).unwrap();
            samples.push(if run % 2 == 1 { LOUD + place } else { place });
        }
    }
    samples
}

/// A recording, the chunks that it arrives in, and the decoder's delays.
#[derive(Clone, Debug)]
struct Script {
    samples: Vec<i16>,
    /// Lengths of the chunks, taken in turn.
    chunks: Vec<usize>,
    /// Numbers of chunks that pass before an answer, taken in turn.
    delays: Vec<usize>,
    /// A piece fails if the number of its first frame is a multiple of this.
    failing: Option<u64>,
    /// The model's continuations after each seam. `None`: it cannot be asked.
    leads: Option<Vec<Lead>>,
    /// Whether the model begins a new sentence after some of them.
    ends: bool,
    /// Whether no client waits for the text.
    patient: bool,
    /// The seams that the model may be asked about after the stop.
    asking: SeamQuestions,
    /// The model's text for joined pieces, from the pieces' texts. `None`: they are not joined.
    joins: Option<fn(&str) -> String>,
    /// The sample from which Spanish is spoken. Before it, and with `None`, it is English.
    spanish_from: Option<u64>,
    /// The model's limits.
    limits: PieceLimits,
    /// Whether the model reports the tokens of a text.
    tells_tokens: bool,
    /// Whether the model makes tokens of its words otherwise.
    has_words: bool,
    /// Whether finished sentences are reported.
    by_sentences: bool,
}

impl Script {
    fn plain(samples: &[i16]) -> Self {
        Self {
            samples: samples.to_vec(),
            chunks: vec![1600],
            delays: vec![0],
            failing: None,
            leads: None,
            ends: false,
            patient: false,
            asking: SeamQuestions::No,
            joins: None,
            spanish_from: None,
            limits: LIMITS,
            tells_tokens: true,
            has_words: false,
            by_sentences: false,
        }
    }
}

#[derive(Debug, Default, PartialEq)]
struct Heard {
    /// The final segments in their last form, in order.
    finals: Vec<Segment>,
    drafts: Vec<Segment>,
    transcript: Option<Transcript>,
    decodes: Vec<Piece>,
    questions: Vec<SeamQuestion>,
    joins: Vec<Joined>,
    /// For each finished sentence: its end, the number of samples received by then, and all
    /// segments before.
    sentences: Vec<(u64, u64, Vec<Segment>)>,
}

impl Heard {
    fn told(&mut self, segment: Segment) {
        match self.finals.iter_mut().find(|known| known.start == segment.start) {
            Some(known) => {
                assert_eq!(words(&known.text), words(&segment.text));
                *known = segment;
            }
            None => self.finals.push(segment),
        }
    }
}

/// Returns the words without case and marks.
fn words(text: &str) -> Vec<String> {
    text.split_whitespace()
        .map(|w| w.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect())
        .collect()
}

/// Plays the script, deciding like `run.rs`: one decode at a time; aborted ones still take a while.
fn play(script: &Script) -> Heard {
    let stream = Stream::new(script.limits, Some("en".into()));
    let stream = if script.patient { stream.patient() } else { stream };
    let mut stream = if script.by_sentences { stream.by_sentences() } else { stream };
    let mut heard = Heard::default();
    let mut pending: VecDeque<(usize, DecodeId, Asked)> = VecDeque::new();
    let (mut chunks, mut delays) = (script.chunks.iter().cycle(), script.delays.iter().cycle());
    let mut take = |effects: Vec<Effect>, heard: &mut Heard, pending: &mut VecDeque<_>| {
        for effect in effects {
            match effect {
                Effect::Decode { id, piece, audio, .. } => {
                    let span = &script.samples[piece.start as usize..piece.end as usize];
                    assert_eq!(audio, span.iter().map(|s| to_float(*s)).collect::<Vec<_>>());
                    heard.decodes.push(piece);
                    pending.push_back((*delays.next().unwrap(), id, Asked::Piece(piece)));
                }
                Effect::Ask { id, question } => {
                    heard.questions.push(question);
                    pending.push_back((*delays.next().unwrap(), id, Asked::Seam));
                }
                Effect::Join { id, joined } => {
                    heard.joins.push(joined);
                    pending.push_back((*delays.next().unwrap(), id, Asked::Join));
                }
                Effect::Abort(id) => {
                    assert!(pending.iter().any(|(_, pending, _)| *pending == id));
                }
                Effect::Segment { segment, is_final: true } => heard.told(segment),
                Effect::Segment { segment, is_final: false } => heard.drafts.push(segment),
                Effect::Done(transcript) => {
                    // The answer contains the text that was shown.
                    for told in &heard.finals {
                        let same = |segment: &&Segment| segment.start == told.start;
                        let answer = transcript.segments.iter().find(same);
                        assert_eq!(answer.map(|s| words(&s.text)), Some(words(&told.text)));
                    }
                    assert!(heard.transcript.replace(transcript).is_none());
                }
            }
        }
    };
    let answer = |stream: &mut Stream, id: DecodeId, asked: Asked| {
        let piece = match asked {
            Asked::Piece(piece) => piece,
            Asked::Seam if script.ends && id.0.is_multiple_of(2) => {
                return stream.seam_answered(id, Some(lead(".", " Piece")));
            }
            Asked::Seam => return stream.seam_answered(id, script.leads.clone()),
            Asked::Join => {
                // The segments of an aborted join need not exist any more.
                let range = stream.seams.joining.clone().unwrap_or_default();
                let segments = stream.transcript.segments.get(range).unwrap_or_default();
                let texts: Vec<_> = segments.iter().map(|s| s.text.as_str()).collect();
                let whole = texts.join(" ");
                let heard = script.joins.map(|join| together(&join(&whole)));
                let words = |heard: Hypothesis| Hypothesis {
                    tokens: Token::words(&heard.text),
                    mean_log_probability: 0.0,
                    ..heard
                };
                let heard = if script.has_words { heard.map(words) } else { heard };
                return stream.join_decoded(id, heard.as_ref(), 0);
            }
        };
        let fails = script.failing.is_some_and(|n| (piece.start / 512).is_multiple_of(n));
        let token = |text: &str| Token { id: 7, bytes: text.into(), log_probability: 0.0 };
        let tokens = || vec![token(" Pi"), token("ece"), token(" 1"), token("."), token("..")];
        let said = format!("Piece {}-{}.", piece.start, piece.end);
        let words = || if script.has_words { Token::words(&said) } else { Vec::new() };
        let text = (!fails).then(|| PieceText {
            tokens: if script.tells_tokens { tokens() } else { words() },
            text: said.clone(),
            language: if script.spanish_from.is_some_and(|from| piece.start >= from) {
                "es".into()
            } else {
                "en".into()
            },
            language_sure: true,
            decoded: piece.end - piece.start,
            redone: 0,
            mean_log_probability: -0.5,
        });
        stream.decoded(id, text)
    };
    let mut rest = &script.samples[..];
    while !rest.is_empty() {
        let chunk;
        (chunk, rest) = rest.split_at((*chunks.next().unwrap()).clamp(1, rest.len()));
        take(stream.hear(chunk, &mut Loudness), &mut heard, &mut pending);
        if let Some((wait, id, asked)) = pending.front_mut() {
            if *wait == 0 {
                let effects = answer(&mut stream, *id, *asked);
                pending.pop_front();
                take(effects, &mut heard, &mut pending);
            } else {
                *wait -= 1;
            }
        }
        if script.by_sentences
            && let Some(over) = stream.sentence()
        {
            let until = over.until;
            let before = heard.finals.iter().filter(|segment| segment.end <= until);
            let before = before.cloned().collect();
            heard.sentences.push((until, stream.heard(), before));
        }
    }
    take(
        stream.finish(&mut Loudness, AfterStop { asking: script.asking, joining: true }),
        &mut heard,
        &mut pending,
    );
    while let Some((_, id, asked)) = pending.pop_front() {
        take(answer(&mut stream, id, asked), &mut heard, &mut pending);
    }
    heard
}

/// The decoder's current request.
#[derive(Clone, Copy, Debug)]
enum Asked {
    Piece(Piece),
    Seam,
    Join,
}

/// The model continues with this mark, and then with this word.
fn lead(mark: &str, next: &str) -> Vec<Lead> {
    vec![Lead { mark: mark.into(), log_probability: -0.5, next: vec![(next.into(), -0.5)] }]
}

/// The model's result for joined pieces, with more confidence than in each piece.
fn together(text: &str) -> Hypothesis {
    let token =
        |word: &str| Token { id: 7, bytes: format!(" {word}").into_bytes(), log_probability: 0.0 };
    Hypothesis {
        text: text.into(),
        mean_log_probability: -0.01,
        tokens: text.split_whitespace().map(token).collect(),
        ..Hypothesis::default()
    }
}

/// Returns the pieces that were committed, from the words of the scripted decoder.
fn committed(heard: &Heard) -> Vec<(u64, u64)> {
    let pair = |word: &str| {
        let (start, end) = word.split_once('-')?;
        let end = end.trim_end_matches(|c: char| !c.is_numeric());
        Some((start.parse().unwrap(), end.parse().unwrap()))
    };
    heard.transcript.as_ref().unwrap().text.split_whitespace().filter_map(pair).collect()
}
