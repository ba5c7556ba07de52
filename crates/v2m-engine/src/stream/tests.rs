//! The stream with a scripted voice activity model and scripted decoders.
//!
//! Scripted audio: loud samples are voice. Each sample's value tells its place, so that what is
//! given to the decoder can be compared with what was recorded.

mod joins;
mod seams;

use super::cut::Cutting;
use super::piece::{Outcome, Settings, fitted, transcribe};
use super::seams::{Joined, Question};
use super::*;
use proptest::prelude::*;
use std::collections::VecDeque;

const LOUD: i16 = 10_000;

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

/// A recording with the calls that it comes in, and how long the decoder takes.
#[derive(Clone, Debug)]
struct Script {
    samples: Vec<i16>,
    /// Lengths of the chunks, taken in turn.
    chunks: Vec<usize>,
    /// Chunks that pass before an answer, taken in turn.
    delays: Vec<usize>,
    /// Starts of pieces, modulo this, that fail when the remainder is 0.
    failing: Option<u64>,
    /// What the model goes on with after each seam; `None`: it cannot be asked.
    leads: Option<Vec<Lead>>,
    /// Whether the model goes on with a new sentence after some of them.
    ends: bool,
    /// Whether nobody waits for the text.
    patient: bool,
    /// Which seams are asked about after the stop.
    asking: Asking,
    /// What the model makes of pieces that are joined, from what they say; `None`: they are not joined.
    joins: Option<fn(&str) -> String>,
    /// The sample from which Spanish is spoken; before, and with `None`, it is English.
    spanish_from: Option<u64>,
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
            asking: Asking::No,
            joins: None,
            spanish_from: None,
        }
    }
}

#[derive(Debug, Default, PartialEq)]
struct Heard {
    /// The last word on each, in order.
    finals: Vec<Segment>,
    drafts: Vec<Segment>,
    transcript: Option<Transcript>,
    decodes: Vec<Piece>,
    questions: Vec<Question>,
    joins: Vec<Joined>,
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

/// Case and marks aside.
fn words(text: &str) -> Vec<String> {
    text.split_whitespace()
        .map(|w| w.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect())
        .collect()
}

/// Plays the script, deciding like `run.rs`: one decode at a time, aborted ones still take a while.
fn play(script: &Script) -> Heard {
    let stream = Stream::new(Cutting::default(), Some("en".into()));
    let mut stream = if script.patient { stream.patient() } else { stream };
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
                    // The answer says what was told.
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
                return stream.read(id, Some(lead(".", " Piece")));
            }
            Asked::Seam => return stream.read(id, script.leads.clone()),
            Asked::Join => {
                // Of one that was aborted nothing need be there any more.
                let range = stream.seams.joining.clone().unwrap_or_default();
                let segments = stream.transcript.segments.get(range).unwrap_or_default();
                let texts: Vec<_> = segments.iter().map(|s| s.text.as_str()).collect();
                let whole = texts.join(" ");
                let heard = script.joins.map(|join| together(&join(&whole)));
                return stream.heard_together(id, heard.as_ref(), 0);
            }
        };
        let fails = script.failing.is_some_and(|n| (piece.start / 512).is_multiple_of(n));
        let token = |text: &str| Token { id: 7, bytes: text.into(), log_probability: 0.0 };
        let outcome = (!fails).then(|| Outcome {
            text: format!("Piece {}-{}.", piece.start, piece.end),
            language: if script.spanish_from.is_some_and(|from| piece.start >= from) {
                "es".into()
            } else {
                "en".into()
            },
            language_sure: true,
            decoded: piece.end - piece.start,
            redone: 0,
            mean_log_probability: -0.5,
            tokens: vec![token(" Pi"), token("ece"), token(" 1"), token("."), token("..")],
        });
        stream.answered(id, outcome)
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

/// What the decoder was asked.
#[derive(Clone, Copy, Debug)]
enum Asked {
    Piece(Piece),
    Seam,
    Join,
}

/// What the model makes of joined pieces, with more confidence than it had in each.
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

/// The pieces that were committed, from the words of the scripted decoder.
fn committed(heard: &Heard) -> Vec<(u64, u64)> {
    let pair = |word: &str| {
        let (start, end) = word.split_once('-')?;
        let end = end.trim_end_matches(|c: char| !c.is_numeric());
        Some((start.parse().unwrap(), end.parse().unwrap()))
    };
    heard.transcript.as_ref().unwrap().text.split_whitespace().filter_map(pair).collect()
}

#[test]
fn a_pause_ends_a_piece_and_silence_is_in_none() {
    let heard = play(&Script::plain(&recording(&[1000, 2000, 1500, 1000, 3000])));
    assert_eq!(heard.finals.len(), 2);
    let pieces = committed(&heard);
    let kept: u64 = pieces.iter().map(|(start, end)| end - start).sum();
    assert!(kept < 16 * 5_800, "{pieces:?}");
}

#[test]
fn silence_is_never_decoded() {
    let heard = play(&Script::plain(&recording(&[20_000])));
    assert_eq!(heard.decodes, []);
    assert_eq!(heard.transcript.unwrap().text, "");
    let nothing = play(&Script::plain(&[]));
    assert_eq!(
        nothing.transcript.unwrap(),
        Transcript { language: "en".into(), ..Default::default() }
    );
}

#[test]
fn the_shortest_word_is_decoded() {
    let heard = play(&Script::plain(&recording(&[500, 64, 500])));
    assert_eq!(heard.finals.len(), 1);
}

#[test]
fn a_draft_is_shown_and_kept_when_the_pause_goes_on() {
    let heard = play(&Script::plain(&recording(&[500, 1000, 600])));
    assert_eq!(heard.decodes.len(), 1, "decoded once, on the pause");
    assert_eq!(heard.drafts, heard.finals);
}

#[test]
fn a_draft_is_dropped_when_speech_goes_on() {
    let heard = play(&Script::plain(&recording(&[500, 1000, 500, 1000, 100])));
    assert_eq!(heard.finals.len(), 1);
    assert_eq!(heard.drafts.len(), 1);
    assert_ne!(heard.drafts, heard.finals);
    assert_eq!(heard.decodes.len(), 2);
}

#[test]
fn speech_without_a_pause_is_cut_at_its_quietest_frame() {
    let mut samples = recording(&[0, 40_000]);
    // A little quieter, but voice all the same, around 20 s.
    for sample in &mut samples[20 * 16_000..][..2048] {
        *sample -= 2000;
    }
    let pieces = committed(&play(&Script::plain(&samples)));
    assert_eq!(pieces.len(), 2);
    let cut = pieces[0].1;
    assert!((20 * 16_000..20 * 16_000 + 2048).contains(&cut), "{cut}");
    assert_eq!(pieces[1].0, cut);
}

#[test]
fn a_failed_piece_leaves_a_gap_and_the_others_their_text() {
    let mut script = Script::plain(&recording(&[0, 1000, 1000, 1000, 1000, 1000]));
    script.failing = Some(u64::MAX);
    let heard = play(&script);
    let transcript = heard.transcript.unwrap();
    assert_eq!(transcript.stats.failed, 1);
    assert_eq!(transcript.segments.len(), 3);
    assert_eq!(transcript.segments[0].text, GAP);
    assert!(transcript.segments[1..].iter().all(|segment| segment.text != GAP));
}

#[test]
fn a_late_answer_to_an_aborted_decode_is_ignored() {
    let mut stream = Stream::new(Cutting::default(), None);
    let effects = stream.hear(&recording(&[0, 1000, 500, 200]), &mut Loudness);
    let [Effect::Decode { id, .. }, Effect::Abort(aborted)] = &effects[..] else {
        panic!("{effects:?}")
    };
    assert_eq!(id, aborted);
    let late = Outcome { text: "late".into(), ..Outcome::default() };
    assert_eq!(stream.answered(*id, Some(late)), []);
    assert_eq!(stream.decoding(), None);
}

#[test]
fn memory_does_not_grow_in_silence_nor_behind_committed_pieces() {
    let mut stream = Stream::new(Cutting::default(), Some("en".into()));
    let minute = recording(&[5000, 2000, 3000, 5000, 5000, 2000, 38_000]);
    for _ in 0..20 {
        for chunk in minute.chunks(1600) {
            for effect in stream.hear(chunk, &mut Loudness) {
                if let Effect::Decode { id, .. } = effect {
                    stream.answered(id, Some(Outcome::default()));
                }
                if let Effect::Ask { id, .. } = effect {
                    stream.read(id, None);
                }
                if let Effect::Join { id, .. } = effect {
                    stream.heard_together(id, None, 0);
                }
            }
            assert!(stream.audio.len() < 16_000 * 8, "{}", stream.audio.len());
        }
    }
}

fn runs() -> impl Strategy<Value = Vec<u64>> {
    let run = prop_oneof![1..100u64, 100..1200u64, 1000..6000u64];
    prop_oneof![
        8 => proptest::collection::vec(run.clone(), 0..8),
        1 => (proptest::collection::vec(run, 0..3), 20_000..60_000u64)
            .prop_map(|(mut runs, long)| { runs.extend([50, long]); runs }),
    ]
}

fn lead(mark: &str, next: &str) -> Vec<Lead> {
    vec![Lead { mark: mark.into(), log_probability: -0.5, next: vec![(next.into(), -0.5)] }]
}

fn leads() -> impl Strategy<Value = Option<Vec<Lead>>> {
    proptest::option::of(proptest::sample::select(vec![
        lead("", " piece"),
        lead(",", " piece"),
        lead("?", " Piece"),
        lead("", " other"),
        Vec::new(),
    ]))
}

fn joins() -> impl Strategy<Value = Option<fn(&str) -> String>> {
    let joins: [fn(&str) -> String; 4] = [
        str::to_lowercase,
        |whole| whole.replace("iece ", "ieces ").replace('.', ""),
        |whole| whole.replace(". Piece", ", indeed Piece"),
        |whole| whole.split(' ').skip(1).collect::<Vec<_>>().join(" "),
    ];
    proptest::option::of(proptest::sample::select(joins.to_vec()))
}

prop_compose! {
    fn script()(
        runs in runs(),
        chunks in proptest::collection::vec(1..8000usize, 1..5),
        delays in proptest::collection::vec(0..30usize, 1..5),
        failing in proptest::option::of(2..5u64),
        leads in leads(),
        ends: bool,
        joins in joins(),
        asking in proptest::sample::select(vec![Asking::All, Asking::ButTheLast, Asking::No]),
    ) -> Script {
        Script { samples: recording(&runs), chunks, delays, failing, leads, ends, patient: false, asking, joins, spanish_from: None }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn chunks_and_the_decoders_speed_change_nothing(script in script()) {
        let script = Script { leads: None, joins: None, ..script };
        let plain = Script { failing: script.failing, ..Script::plain(&script.samples) };
        let (one, other) = (play(&plain), play(&script));
        prop_assert_eq!(&one.finals, &other.finals);
        let [one, other] = [one, other].map(|heard| heard.transcript.unwrap());
        prop_assert_eq!(one.text, other.text);
        prop_assert_eq!(one.segments, other.segments);
    }

    #[test]
    fn no_voice_is_lost_or_committed_twice(script in script()) {
        let script = Script { failing: None, ..script };
        let pieces = committed(&play(&script));
        prop_assert!(pieces.windows(2).all(|w| w[0].1 <= w[1].0), "{:?}", pieces);
        prop_assert!(pieces.iter().all(|(start, end)| start < end));
        prop_assert!(pieces.iter().all(|(start, end)| end - start <= 25 * 16_000 + 512));
        let mut covered = pieces.iter().peekable();
        for (frame, samples) in script.samples.chunks_exact(FRAME).enumerate() {
            let floats: Vec<f32> = samples.iter().map(|s| to_float(*s)).collect();
            if Loudness.probability(&floats.try_into().unwrap()) < 0.5 {
                continue;
            }
            let middle = (frame * FRAME + FRAME / 2) as u64;
            while covered.next_if(|(_, end)| *end <= middle).is_some() {}
            prop_assert!(covered.peek().is_some_and(|(start, _)| *start <= middle), "{}", frame);
        }
    }

    #[test]
    fn a_recording_cancelled_anywhere_leaves_nothing_behind(script in script(), at in 0..1000usize) {
        let whole = play(&script);
        let part = script.samples.len() * at / 1000;
        play(&Script { samples: script.samples[..part].to_vec(), ..script.clone() });
        prop_assert_eq!(play(&script), whole);
    }
}

/// Answers from a list, and remembers what it was asked.
#[derive(Default)]
struct Scripted {
    answers: VecDeque<Hypothesis>,
    asked: Vec<(usize, usize, bool)>,
    bounds: Vec<Option<u16>>,
    detected: usize,
}

impl Scripted {
    fn new(answers: &[(&str, f32)]) -> Self {
        let hypothesis = |(text, mean): &(&str, f32)| Hypothesis {
            text: (*text).to_owned(),
            mean_log_probability: *mean,
            ..Hypothesis::default()
        };
        Self { answers: answers.iter().map(hypothesis).collect(), ..Self::default() }
    }
}

impl Decoder for Scripted {
    type Error = ();

    fn decode(&mut self, request: &Request) -> Result<Hypothesis, ()> {
        self.asked.push((request.context, request.vocabulary.len(), request.fallback));
        self.bounds.push(request.most_tokens);
        self.answers.pop_front().ok_or(())
    }

    fn detect(
        &mut self,
        audio: &[f32],
        _: usize,
        languages: &[String],
        before: Option<&str>,
    ) -> Result<String, ()> {
        self.detected += 1;
        assert!(before.is_none() || audio.len() <= 80_000, "{}", audio.len());
        // Another than the one before, if there are several.
        let other = languages.iter().find(|code| Some(code.as_str()) != before);
        Ok(other.map_or("de", |code| code).into())
    }

    fn leads(&mut self, _: &Question) -> Result<Vec<Lead>, ()> {
        Err(())
    }
}

fn piece_of(seconds: u64) -> (Piece, Vec<f32>) {
    let end = seconds * 16_000;
    (Piece { start: 0, end, voice_start: 0, voice_end: end }, vec![0.0; end as usize])
}

#[test]
fn a_believed_piece_is_decoded_once_with_a_fitted_context() {
    let (piece, audio) = piece_of(20);
    let mut decoder = Scripted::new(&[("a plausible sentence of some length", -0.2)]);
    let outcome =
        transcribe(&mut decoder, &piece, &audio, &Settings::default(), Some("en")).unwrap();
    // Five seconds of margin, and up to the next multiple of 32.
    assert_eq!(decoder.asked, [(1280, 0, false)]);
    assert_eq!((outcome.redone, outcome.decoded), (0, 320_000));
    assert_eq!(fitted(16_000), 640);
}

#[test]
fn a_doubtful_piece_is_decoded_again_with_the_full_context() {
    let (piece, audio) = piece_of(5);
    let mut decoder = Scripted::new(&[("no no no no no no", -0.2), ("no, it is not so", -0.4)]);
    let outcome =
        transcribe(&mut decoder, &piece, &audio, &Settings::default(), Some("en")).unwrap();
    assert_eq!(decoder.asked, [(640, 0, false), (0, 0, true)]);
    assert_eq!((outcome.text.as_str(), outcome.redone), ("no, it is not so", 1));
    // Only the first attempt is cut off where nobody could have said more.
    assert!(matches!(decoder.bounds[..], [Some(_), None]), "{:?}", decoder.bounds);
}

#[test]
fn of_two_doubtful_ones_the_likelier_is_kept() {
    let (piece, audio) = piece_of(5);
    let mut decoder = Scripted::new(&[("no no no no no", -0.2), ("no no no no", -0.4)]);
    let outcome =
        transcribe(&mut decoder, &piece, &audio, &Settings::default(), Some("en")).unwrap();
    assert_eq!(outcome.text, "no no no no no");
}

#[test]
fn an_echo_is_decoded_again_without_the_vocabulary() {
    let (piece, audio) = piece_of(3);
    let settings =
        Settings { vocabulary: vec!["Zarvent".into(), "Kubernetes".into()], ..Settings::default() };
    let mut decoder = Scripted::new(&[("Zarvent, Kubernetes.", -0.1), ("thank you all", -0.3)]);
    let outcome = transcribe(&mut decoder, &piece, &audio, &settings, Some("en")).unwrap();
    assert_eq!(decoder.asked, [(640, 2, false), (640, 0, false)]);
    assert_eq!(outcome.text, "thank you all");
}

#[test]
fn the_language_is_detected_until_enough_was_heard() {
    let settings = Settings { languages: vec!["es".into()], ..Settings::default() };
    let mut sure = Vec::new();
    for seconds in [1, 5] {
        let (piece, audio) = piece_of(seconds);
        let mut decoder = Scripted::new(&[("hola a todos", -0.1)]);
        let outcome = transcribe(&mut decoder, &piece, &audio, &settings, None).unwrap();
        assert_eq!((decoder.detected, outcome.language.as_str()), (1, "es"));
        sure.push(outcome.language_sure);
    }
    assert_eq!(sure, [false, true]);
}

#[test]
fn who_allows_several_languages_may_change_from_one_to_another() {
    let allowed = |codes: &[&str]| Settings {
        languages: codes.iter().map(|&code| code.to_owned()).collect(),
        ..Settings::default()
    };
    for (codes, seconds, detected, language) in [
        (&["en", "es"][..], 10, 1, "es"),
        // Too short to tell.
        (&["en", "es"], 2, 0, "en"),
        (&["en"], 10, 0, "en"),
        (&[], 10, 0, "en"),
    ] {
        let (piece, audio) = piece_of(seconds);
        let mut decoder = Scripted::new(&[("a plausible sentence of some length", -0.1)]);
        let outcome =
            transcribe(&mut decoder, &piece, &audio, &allowed(codes), Some("en")).unwrap();
        assert_eq!(
            (decoder.detected, outcome.language.as_str()),
            (detected, language),
            "{codes:?}"
        );
    }
}
