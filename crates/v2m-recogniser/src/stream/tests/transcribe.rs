//! Tests of decoding one piece, with a scripted decoder.

use super::*;
use crate::decoder::{DecodeError, DecodeMonitor, DecodeRequest, Decoder, Effort};
use crate::stream::piece::{DecodeSettings, transcribe};

/// Returns answers from a list, and records its requests.
#[derive(Default)]
struct Scripted {
    answers: VecDeque<Hypothesis>,
    /// The effort of each decode, and the number of expected words.
    asked: Vec<(Effort, usize)>,
    detected: usize,
    /// Whether it refuses to answer once the list has ended.
    refuses: bool,
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
    fn multilingual(&self) -> bool {
        true
    }

    fn memory(&self) -> u64 {
        0
    }

    fn warm_up(&mut self) -> Result<(), DecodeError> {
        Ok(())
    }

    fn decode(
        &mut self,
        request: &DecodeRequest,
        _: &dyn DecodeMonitor,
    ) -> Result<Hypothesis, DecodeError> {
        self.asked.push((request.effort, request.vocabulary.len()));
        let refused = || DecodeError::Refused("nothing heard".into());
        let ended = if self.refuses { refused() } else { DecodeError::Aborted };
        self.answers.pop_front().ok_or(ended)
    }

    fn detect(
        &mut self,
        audio: &[f32],
        languages: &[String],
        before: Option<&str>,
        _vocabulary: &[String],
        _: &dyn DecodeMonitor,
    ) -> Result<String, DecodeError> {
        self.detected += 1;
        assert!(before.is_none() || audio.len() <= 80_000, "{}", audio.len());
        // Returns another language than the one before, if there are several.
        let other = languages.iter().find(|code| Some(code.as_str()) != before);
        Ok(other.map_or("de", |code| code).into())
    }
}

struct Undisturbed;

impl DecodeMonitor for Undisturbed {
    fn tick(&self) -> bool {
        false
    }
}

fn transcribed(
    decoder: &mut impl Decoder,
    (piece, audio): &(Piece, Vec<f32>),
    settings: &DecodeSettings,
    known: Option<&str>,
) -> PieceText {
    transcribe(decoder, &Undisturbed, piece, audio, settings, known).unwrap()
}

fn piece_of(seconds: u64) -> (Piece, Vec<f32>) {
    let end = seconds * 16_000;
    (Piece { start: 0, end, voice_start: 0, voice_end: end }, vec![0.0; end as usize])
}

#[test]
fn a_believed_piece_is_decoded_once_and_quickly() {
    let mut decoder = Scripted::new(&[("a plausible sentence of some length", -0.2)]);
    let text = transcribed(&mut decoder, &piece_of(20), &DecodeSettings::default(), Some("en"));
    assert_eq!(decoder.asked, [(Effort::Quick, 0)]);
    assert_eq!((text.redone, text.decoded), (0, 320_000));
}

#[test]
fn a_doubtful_piece_is_decoded_again_with_all_that_the_model_has() {
    let mut decoder = Scripted::new(&[("no no no no no no", -0.2), ("no, it is not so", -0.4)]);
    let text = transcribed(&mut decoder, &piece_of(5), &DecodeSettings::default(), Some("en"));
    assert_eq!(decoder.asked, [(Effort::Quick, 0), (Effort::Thorough, 0)]);
    assert_eq!((text.text.as_str(), text.redone), ("no, it is not so", 1));
}

/// Regression: a model repeated itself once and wrote nothing the second time, and the first text
/// was lost.
#[test]
fn a_doubtful_text_stays_if_the_second_attempt_gives_none() {
    let decode = |text: &str| {
        let mut decoder = Scripted { refuses: true, ..Scripted::new(&[(text, 0.0)]) };
        decoder.answers[0].cut_off = true;
        let (piece, audio) = piece_of(5);
        let settings = DecodeSettings::default();
        transcribe(&mut decoder, &Undisturbed, &piece, &audio, &settings, Some("en"))
    };
    assert_eq!(decode("no no no no").unwrap().text, "no no no no");
    assert!(matches!(decode(""), Err(DecodeError::Refused(_))));
}

#[test]
fn of_two_doubtful_ones_the_likelier_is_kept() {
    let mut decoder = Scripted::new(&[("no no no no no", -0.2), ("no no no no", -0.4)]);
    let text = transcribed(&mut decoder, &piece_of(5), &DecodeSettings::default(), Some("en"));
    assert_eq!(text.text, "no no no no no");
}

#[test]
fn an_echo_is_decoded_again_without_the_vocabulary() {
    let settings = DecodeSettings {
        vocabulary: vec!["Zarvent".into(), "Kubernetes".into()],
        ..DecodeSettings::default()
    };
    let mut decoder = Scripted::new(&[("Zarvent, Kubernetes.", -0.1), ("thank you all", -0.3)]);
    let text = transcribed(&mut decoder, &piece_of(3), &settings, Some("en"));
    assert_eq!(decoder.asked, [(Effort::Quick, 2), (Effort::Quick, 0)]);
    assert_eq!(text.text, "thank you all");
}

#[test]
fn the_language_is_detected_until_enough_was_heard() {
    let settings = DecodeSettings { languages: vec!["es".into()], ..DecodeSettings::default() };
    let mut sure = Vec::new();
    for seconds in [1, 5] {
        let mut decoder = Scripted::new(&[("hola a todos", -0.1)]);
        let text = transcribed(&mut decoder, &piece_of(seconds), &settings, None);
        assert_eq!((decoder.detected, text.language.as_str()), (1, "es"));
        sure.push(text.language_sure);
    }
    assert_eq!(sure, [false, true]);
}

#[test]
fn who_allows_several_languages_may_change_from_one_to_another() {
    let allowed = |codes: &[&str]| DecodeSettings {
        languages: codes.iter().map(|&code| code.to_owned()).collect(),
        ..DecodeSettings::default()
    };
    for (codes, seconds, detected, language) in [
        (&["en", "es"][..], 10, 1, "es"),
        // Too short to detect.
        (&["en", "es"], 2, 0, "en"),
        (&["en"], 10, 0, "en"),
        (&[], 10, 0, "en"),
    ] {
        let mut decoder = Scripted::new(&[("a plausible sentence of some length", -0.1)]);
        let text = transcribed(&mut decoder, &piece_of(seconds), &allowed(codes), Some("en"));
        assert_eq!((decoder.detected, text.language.as_str()), (detected, language), "{codes:?}");
    }
}

/// A decoder that implements only the required methods.
struct Plain;

impl Decoder for Plain {
    fn multilingual(&self) -> bool {
        true
    }

    fn memory(&self) -> u64 {
        0
    }

    fn warm_up(&mut self) -> Result<(), DecodeError> {
        Ok(())
    }

    fn decode(
        &mut self,
        _: &DecodeRequest,
        _: &dyn DecodeMonitor,
    ) -> Result<Hypothesis, DecodeError> {
        Ok(Hypothesis { text: "a plausible sentence".into(), ..Hypothesis::default() })
    }
}

#[test]
fn a_decoder_without_probabilities_is_believed_and_one_without_detection_says_so() {
    let (settings, piece) = (DecodeSettings::default(), piece_of(5));
    let text = transcribed(&mut Plain, &piece, &settings, Some("es"));
    assert_eq!((text.text.as_str(), text.redone), ("a plausible sentence", 0));
    let refused = transcribe(&mut Plain, &Undisturbed, &piece.0, &piece.1, &settings, None);
    let reason = refused.unwrap_err().to_string();
    assert!(reason.contains("engine.language"), "{reason}");
}
