//! Tests of seams within a recording: when the model is asked, and the resulting text.

use super::properties::script;
use super::*;
use crate::stream::seams::PromptText;
use proptest::prelude::*;

fn lead(mark: &str, next: &str) -> Option<Vec<Lead>> {
    Some(vec![Lead { mark: mark.into(), log_probability: -0.5, next: vec![(next.into(), -0.5)] }])
}

fn texts(heard: &Heard) -> Vec<&str> {
    heard.finals.iter().map(|segment| segment.text.split(' ').next().unwrap()).collect()
}

/// Two pieces with a thinking pause between.
fn two() -> Script {
    Script::plain(&recording(&[500, 2000, 1000, 2000, 1500]))
}

#[test]
fn a_seam_is_mended_while_the_speaker_goes_on() {
    let heard = play(&Script { leads: lead("", " piece"), ..two() });
    assert_eq!(texts(&heard), ["Piece", "piece"]);
    let transcript = heard.transcript.unwrap();
    assert!(!transcript.segments[0].text.ends_with('.'), "{transcript:?}");
    assert!(transcript.segments[1].text.ends_with('.'), "{transcript:?}");
    assert_eq!(
        transcript.text,
        format!("{} {}", transcript.segments[0].text, transcript.segments[1].text)
    );
    assert_eq!(transcript.stats.seams, 1);
}

#[test]
fn the_model_hears_the_piece_before_and_the_beginning_of_the_next() {
    let heard = play(&Script { leads: lead("", " piece"), ..two() });
    let [question] = &heard.questions[..] else { panic!("{:?}", heard.questions) };
    // The text before the seam, without the marks at its end.
    assert_eq!(question.written, [PromptText::Tokens(vec![7, 7, 7])]);
    let seconds = question.audio.len() as f32 / 16_000.0;
    assert!((4.0..5.5).contains(&seconds), "{seconds}");
    // It was asked before the second piece was decoded.
    assert_eq!(heard.decodes.len(), 2);
}

#[test]
fn an_unanswered_seam_leaves_the_text_as_it_was() {
    let heard = play(&Script { leads: None, ..two() });
    assert_eq!(heard.questions.len(), 1);
    assert_eq!(texts(&heard), ["Piece", "Piece"]);
    assert!(heard.finals[0].text.ends_with('.'));
}

#[test]
fn after_the_stop_nobody_is_asked() {
    let samples = recording(&[500, 2000, 1000, 300]);
    let script = Script { leads: lead("", " piece"), ..Script::plain(&samples) };
    let heard = play(&script);
    assert_eq!(heard.questions, []);
    assert_eq!(texts(&heard), ["Piece", "Piece"]);
    let patient = play(&Script { patient: true, ..script });
    assert_eq!(texts(&patient), ["Piece", "piece"]);
}

/// Regression: the recording counted as a file, and its text waited for the last seam.
#[test]
fn a_dictation_that_came_in_a_burst_waits_for_no_seam_before_its_last_piece() {
    let samples = recording(&[500, 2000, 1000, 2000, 1000, 2000, 100]);
    let (chunks, delays) = (vec![samples.len()], vec![5]);
    let script = Script { leads: lead("", " piece"), chunks, delays, ..Script::plain(&samples) };
    let asked = |asking| play(&Script { asking, ..script.clone() }).questions.len();
    assert_eq!(
        [SeamQuestions::No, SeamQuestions::ButTheLast, SeamQuestions::All].map(asked),
        [0, 1, 2]
    );
}

#[test]
fn a_question_under_way_at_the_stop_is_given_up() {
    let mut stream = Stream::new(LIMITS, Some("en".into()));
    let mut effects = stream.hear(&recording(&[0, 1000, 800]), &mut Loudness);
    let Some(Effect::Decode { id, .. }) = effects.first() else { panic!("{effects:?}") };
    let token = Token { id: 1, bytes: b" So".into(), log_probability: 0.0 };
    let text = PieceText { text: "So.".into(), tokens: vec![token], ..PieceText::default() };
    stream.decoded(*id, Some(text));
    effects = stream.hear(&recording(&[0, 1500]), &mut Loudness);
    let [Effect::Ask { id, .. }] = &effects[..] else { panic!("{effects:?}") };
    let id = *id;
    effects = stream.finish(&mut Loudness, AfterStop { asking: SeamQuestions::No, joining: false });
    assert_eq!(effects[0], Effect::Abort(id));
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Decode { .. })));
    assert_eq!(stream.seam_answered(id, lead("", " go")), []);
    assert_eq!(stream.transcript.segments[0].text, "So.");
}

#[test]
fn a_long_silence_ends_what_was_said_before_it() {
    let samples = recording(&[500, 2000, 6000, 2000, 1500]);
    let heard = play(&Script { leads: lead("", " piece"), ..Script::plain(&samples) });
    assert_eq!(heard.questions, []);
}

#[test]
fn a_text_that_the_model_did_not_write_is_not_put_into_its_mouth() {
    let mut script = two();
    script.failing = Some(u64::MAX);
    let heard = play(&Script { leads: lead("", " piece"), patient: true, ..script });
    // Without a failure there would be one question.
    assert!(heard.questions.len() <= 1, "{:?}", heard.questions);
}

#[test]
fn short_pieces_are_heard_together() {
    let samples = recording(&[500, 1200, 1000, 1200, 1000, 1200, 1000, 1200, 1000]);
    let heard = play(&Script { leads: lead(",", " piece"), ..Script::plain(&samples) });
    assert_eq!(heard.questions.len(), 3);
    let third = &heard.questions[2].written;
    // The first piece ends as it was mended; the second begins as it was mended.
    let comma = PromptText::Text(",".into());
    assert_eq!(third[..2], [PromptText::Tokens(vec![7, 7, 7]), comma.clone()]);
    assert_eq!(
        third[2..5],
        [PromptText::Text(" piece".into()), PromptText::Tokens(vec![7]), comma]
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn seams_never_change_words(script in script(), patient: bool) {
        let script = Script { patient, joins: None, ..script };
        let without = play(&Script { leads: None, ..script.clone() }).transcript.unwrap();
        let with = play(&script).transcript.unwrap();
        prop_assert_eq!(words(&with.text), words(&without.text));
        prop_assert_eq!(with.segments.len(), without.segments.len());
    }

    #[test]
    fn with_patience_the_decoders_speed_changes_nothing(script in script()) {
        // Which seams end a sentence depends on the decodes' numbers, which differ at another
        // speed.
        let script = Script { patient: true, ends: false, ..script };
        let plain = Script { chunks: vec![1600], delays: vec![0], ..script.clone() };
        let (one, other) = (play(&plain), play(&script));
        prop_assert_eq!(one.transcript.unwrap().text, other.transcript.unwrap().text);
    }

    #[test]
    fn what_was_told_is_what_is_answered(script in script(), patient: bool) {
        let heard = play(&Script { patient, ..script });
        prop_assert_eq!(heard.finals, heard.transcript.unwrap().segments);
    }
}
