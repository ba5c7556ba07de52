//! Tests where a sentence ends, and the effect of pauses.

use crate::harness::{Engine, assert_is_sample, model, sample, vad};
use v2m::text::{self, Choices, Context, RawText, Rules};
use v2m_ipc::engine::{DecodeOptions, FromEngine, Segment, ToEngine};
use v2m_recogniser::stream::join::{self, Part};
use v2m_recogniser::stream::seam::{self, Case, SeamEdit};
use v2m_recogniser::stream::{Hypothesis, Token};

/// The pauses within the recording, after “Americans” and “you”, do not end a sentence. The silence
/// between two readings does.
#[test]
fn a_sentence_is_over_at_its_end_and_not_at_the_pauses_within_it() {
    let mut engine = Engine::start(&model("ggml-base-q8_0.bin"), &vad());
    engine.until(|m| matches!(m, FromEngine::Loaded { .. }).then_some(()));
    let recording = sample();
    let length = recording.len() as u64;
    let quiet_after = 30 * 16_000;
    let options =
        DecodeOptions { beam_size: 1, sentences: true, quiet_after, ..Default::default() };
    engine.send(&ToEngine::Begin { job: 1, options });
    let pause = 24_000;
    for round in 0..3 {
        engine.pcm(1, &recording);
        engine.pcm(1, &vec![0; pause]);
        if round == 0 {
            continue;
        }
        // The previous sentence ends while this one is spoken, or soon after it.
        let until = engine.until(|message| match message {
            FromEngine::Sentence { job: 1, until, language } => {
                assert_eq!(language, "en");
                Some(*until)
            }
            FromEngine::Quiet { .. } => panic!("its own pauses end the dictation"),
            _ => None,
        });
        let spoken = round * (length + pause as u64);
        assert!((spoken - pause as u64..=spoken).contains(&until), "{until} of {spoken}");
    }
    // More than four seconds of silence end a sentence, even if no word follows.
    engine.pcm(1, &[0; 5 * 16_000]);
    let until = engine.until(|message| match message {
        FromEngine::Sentence { job: 1, until, .. } => Some(*until),
        FromEngine::Quiet { .. } => panic!("five seconds are no long silence"),
        _ => None,
    });
    assert!(until > 2 * (length + pause as u64) + length / 2, "{until}");
    engine.send(&ToEngine::Finish { job: 1 });
    let (text, _) = engine.outcome(1);
    assert_eq!(text.matches("fellow").count(), 3, "{text}");
    assert!(engine.end().status.success());
}

#[test]
fn text_grows_while_one_speaks() {
    // Not the smallest model: the second time, rounding errors decide which of two words it writes.
    let mut engine = Engine::start(&model("ggml-base-q8_0.bin"), &vad());
    engine.until(|m| matches!(m, FromEngine::Loaded { .. }).then_some(()));
    let recording = sample();
    engine.begin(1);
    engine.pcm(1, &recording);
    engine.pcm(1, &[0; 16_000]);
    // The whole sentence is a draft as long as a later piece may be joined to it.
    let said = engine.until(|message| match message {
        FromEngine::Segment { job: 1, segment, is_final: false } => Some(segment.clone()),
        _ => None,
    });
    assert!(!said.text.is_empty() && said.end <= recording.len() as u64, "{said:?}");
    engine.pcm(1, &recording);
    engine.send(&ToEngine::Finish { job: 1 });
    let mut told: Vec<Segment> = Vec::new();
    let (text, segments) = engine.until(|message| match message {
        FromEngine::Segment { job: 1, segment, is_final: true } => {
            match told.iter_mut().find(|known| known.start == segment.start) {
                Some(known) => *known = segment.clone(),
                None => told.push(segment.clone()),
            }
            None
        }
        FromEngine::Final { job: 1, text, segments, .. } => Some((text.clone(), segments.clone())),
        _ => None,
    });
    assert_eq!(told, segments);
    let middle = segments.iter().position(|s| s.start > recording.len() as u64).unwrap();
    let joined = |segments: &[Segment]| {
        segments.iter().map(|s| s.text.as_str()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(segments[0].start, said.start);
    assert_is_sample(&joined(&segments[..middle]));
    assert_is_sample(&joined(&segments[middle..]));
    assert_eq!(text, joined(&segments));
}

/// Regression: the text was "And so my fellow Americans. Ask not. What your country can do for you,
/// ask what you can do for your country."
#[test]
fn pauses_within_a_sentence_do_not_end_it() {
    let mut engine = Engine::start(&model("ggml-base-q8_0.bin"), &vad());
    engine.until(|m| matches!(m, FromEngine::Loaded { .. }).then_some(()));
    let options = DecodeOptions {
        language: Some("en".into()),
        beam_size: 1,
        patient: true,
        ..Default::default()
    };
    engine.send(&ToEngine::Begin { job: 1, options });
    engine.pcm(1, &sample());
    engine.send(&ToEngine::Finish { job: 1 });
    let (text, segments) = engine.outcome(1);
    assert_is_sample(&text);
    assert!(segments.len() > 2, "it was said with two pauses: {segments:?}");
    let ends: Vec<_> = text.match_indices(['.', '?', '!']).map(|(at, _)| at).collect();
    assert_eq!(ends, [text.len() - 1], "{text:?}");
    let capitals: Vec<_> =
        text.split_whitespace().filter(|word| word.starts_with(char::is_uppercase)).collect();
    assert!(capitals.len() == 2 && capitals[1].starts_with("Americans"), "{text:?}");
}

/// The rules use the pauses between pieces. These pauses remain when the seams lose their marks and
/// capitals.
#[test]
fn commands_between_pauses_are_obeyed_after_seams_are_mended() {
    let rules = Rules::new(Choices { layout: true, take_back: true, ..Choices::default() });
    let obeyed = |pieces: &[String]| {
        let text = pieces.join(" ");
        let pauses = text::pauses(&text, pieces.iter().map(String::as_str));
        let heard = RawText { text: &text, pauses: &pauses, language: "en" };
        rules.apply(heard, Context::default()).text
    };
    for (pieces, expected) in [
        (["I want.", "The red one.", "Scratch that.", "The blue one."], "I want the blue one."),
        (
            ["Milk and eggs.", "New line.", "Bread.", "And butter."],
            "Milk and eggs\nBread and butter.",
        ),
    ] {
        // The model has decided that this is one sentence.
        let mut mended = pieces.map(str::to_owned);
        let verdict = SeamEdit { mark: String::new(), case: Some(Case::Lower) };
        for at in 1..mended.len() {
            let (before, after) = seam::mend(&mended[at - 1], &mended[at], &verdict);
            (mended[at - 1], mended[at]) = (before, after);
        }
        assert_eq!(obeyed(&mended), expected, "{mended:?}");
        // The model has transcribed all of it at once.
        let tokens = |text: &str, log_probability: f32| -> Vec<Token> {
            let token =
                |word| Token { id: 1, bytes: format!(" {word}").into_bytes(), log_probability };
            text.split(' ').map(token).collect()
        };
        let joined = mended.join(" ");
        let heard = Hypothesis {
            tokens: tokens(&joined, -0.1),
            text: joined.clone(),
            mean_log_probability: -0.1,
            cut_off: false,
        };
        let said = pieces.map(|text| tokens(text, -0.5));
        let part = |(text, tokens)| Part { text, tokens, mean_log_probability: -0.5 };
        let parts: Vec<Part> =
            pieces.into_iter().zip(said.iter().map(Vec::as_slice)).map(part).collect();
        let split = join::accept(&parts, &heard).unwrap();
        let split: Vec<String> = split.iter().map(|tokens| join::text(tokens)).collect();
        assert_eq!(obeyed(&split), expected, "{split:?}");
    }
}
