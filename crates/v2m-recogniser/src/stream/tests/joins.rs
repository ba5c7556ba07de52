//! Tests of pieces of one sentence that are decoded again as one.

use super::properties::script;
use super::*;
use crate::stream::seams::{Beginning, DecodedPiece};
use proptest::prelude::*;

/// Three pieces of one sentence, with pauses of a second between them and silence after them.
fn three() -> Script {
    let leads = Some(vec![Lead {
        mark: String::new(),
        log_probability: 0.0,
        next: vec![(" piece".into(), -0.5)],
    }]);
    let samples = recording(&[500, 2000, 1000, 2000, 1000, 2000, 3000]);
    Script {
        leads,
        joins: Some(|whole| whole.replace("iece ", "ieces ")),
        ..Script::plain(&samples)
    }
}

fn ended(samples: &[u64]) -> Script {
    Script { samples: recording(samples), ..three() }
}

fn text(heard: &Heard) -> &str {
    &heard.transcript.as_ref().unwrap().text
}

#[test]
fn the_pieces_of_a_sentence_are_decoded_as_one_while_the_speaker_goes_on() {
    let heard = play(&three());
    assert_eq!(text(&heard).matches("ieces").count(), 3, "{heard:?}");
    let stats = heard.transcript.as_ref().unwrap().stats;
    assert_eq!((stats.joins, stats.joined), (2, 2));
    // Each pause has been shortened.
    let seconds: Vec<f32> =
        heard.joins.iter().map(|joined| joined.audio.len() as f32 / 16_000.0).collect();
    assert!((4.5..6.0).contains(&seconds[0]) && (7.0..8.5).contains(&seconds[1]), "{seconds:?}");
}

#[test]
fn a_decoder_without_tokens_joins_pieces_by_their_words() {
    let script = Script { tells_tokens: false, has_words: true, leads: None, ..three() };
    for patient in [false, true] {
        let heard = play(&Script { patient, ..script.clone() });
        assert_eq!(heard.questions, []);
        assert_eq!(text(&heard).matches("ieces").count(), 3, "{heard:?}");
        assert_eq!(heard.finals.len(), 3);
    }
    // A text without all words is not accepted.
    let joins: Option<fn(&str) -> String> = Some(|whole| whole.split_at(whole.len() / 4).0.into());
    let heard = play(&Script { joins, ..script });
    assert_eq!(text(&heard).matches("Piece ").count(), 3, "{heard:?}");
    assert_eq!(heard.transcript.unwrap().stats.joined, 0);
}

#[test]
fn a_joined_sentence_that_ended_is_not_joined_to_the_next() {
    // Each piece ends like a sentence, and so does the joined text.
    let joins: Option<fn(&str) -> String> = Some(str::to_owned);
    let script = Script { tells_tokens: false, has_words: true, leads: None, joins, ..three() };
    let heard = play(&Script { by_sentences: true, ..script });
    let pieces: Vec<u64> = heard.joins.iter().map(|joined| joined.audio.len() as u64).collect();
    assert!(pieces.iter().all(|length| *length < 6 * 16_000), "two at a time: {pieces:?}");
    // The first sentence is over as soon as it was decoded with the second piece.
    assert_eq!(heard.sentences.len(), 2, "{:?}", heard.sentences);
}

/// "… in the exhibition in being modern. For although": once the first piece was out of the window,
/// the second began with a capital, as every text does.
#[test]
fn the_case_in_midst_of_a_sentence_stays_when_its_beginning_is_out_of_the_window() {
    // Two pieces of 5 s fit, three do not.
    let limits = PieceLimits { longest: 12 * 16_000, flat: 0 };
    let mut seams = Seams::within(limits);
    let mut segments = Vec::new();
    let mut say = |seams: &mut Seams, text: &str| {
        let index = segments.len();
        let start = index as u64 * 88_000;
        let piece =
            Piece { start, end: start + 80_000, voice_start: start, voice_end: start + 76_000 };
        seams.said(DecodedPiece {
            index,
            piece,
            audio: vec![0; 80_000],
            tokens: Token::words(text),
            mean_log_probability: 0.0,
            language: "en".into(),
            ended: None,
        });
        segments.push(segment(&piece, text).unwrap());
        let joined = seams.ask(&segments, || None).is_none().then(|| seams.join()).flatten();
        let whole = ["", "A man in being modern.", "In being modern, for once."][index];
        if joined.is_some() {
            let heard = Hypothesis { tokens: Token::words(whole), ..together(whole) };
            let (first, texts) = seams.heard_together(Some(&heard), &segments).unwrap();
            for (segment, text) in segments[first..].iter_mut().zip(texts) {
                segment.text = text;
            }
        }
        segments.iter().map(|segment| segment.text.clone()).collect::<Vec<_>>()
    };
    assert_eq!(say(&mut seams, "A man."), ["A man."]);
    assert_eq!(say(&mut seams, "In being modern."), ["A man", "in being modern."]);
    let texts = say(&mut seams, "For once.");
    assert_eq!(texts, ["A man", "in being modern,", "for once."]);
}

#[test]
fn where_time_grows_with_the_length_longer_pieces_are_joined() {
    let samples = recording(&[500, 8_000, 1_000, 8_000, 3_000]);
    let script = Script { samples, tells_tokens: false, has_words: true, leads: None, ..three() };
    assert_eq!(play(&script).joins, [], "they have 17 s together");
    for (longest, expected) in [(20, 1), (10, 0)] {
        let limits = PieceLimits { longest: longest * 16_000, flat: 0 };
        assert_eq!(play(&Script { limits, ..script.clone() }).joins.len(), expected, "{longest}");
    }
}

#[test]
fn what_may_be_joined_is_a_draft_until_it_cannot_be_any_more() {
    let heard = play(&three());
    // One draft of the whole sentence so far.
    let starts: Vec<u64> = heard.drafts.iter().map(|draft| draft.start).collect();
    assert!(starts.iter().all(|start| *start == heard.finals[0].start), "{starts:?}");
    assert_eq!(heard.drafts.last().unwrap().text, text(&heard));
    assert_eq!(heard.finals.len(), 3);
}

#[test]
fn a_sentence_that_has_ended_is_not_joined_to_the_next() {
    let leads = Some(vec![Lead {
        mark: ".".into(),
        log_probability: 0.0,
        next: vec![(" Piece".into(), -0.5)],
    }]);
    let heard = play(&Script { leads, ..three() });
    assert_eq!(heard.joins, []);
    assert_eq!(heard.finals.len(), 3);
}

#[test]
fn pieces_in_two_languages_are_neither_mended_nor_joined() {
    // The last piece is in another language.
    let script = Script { spanish_from: Some(70_000), ..three() };
    let heard = play(&script);
    let transcript = heard.transcript.as_ref().unwrap();
    assert_eq!((transcript.stats.joins, transcript.segments.len()), (1, 3), "{heard:?}");
    let [_, before, after] = &transcript.segments[..] else { unreachable!() };
    assert!(before.text.ends_with('.') && after.text.starts_with("Piece"), "{heard:?}");
    // Most of the recording is English.
    assert_eq!(transcript.language, "en");
    let heard = play(&Script { spanish_from: Some(30_000), ..three() });
    assert_eq!(heard.transcript.unwrap().language, "es");
}

/// Two pieces half a second apart. For each: the decoded text, and the mended text.
fn two_pieces(pieces: [(&str, &str); 2]) -> (Seams, Vec<Segment>) {
    let mut seams = Seams::default();
    let mut segments = Vec::new();
    for (index, (tokens, text)) in pieces.into_iter().enumerate() {
        let start = index as u64 * 48_000;
        let (end, voice_end) = (start + 40_000, start + 36_000);
        let piece = Piece { start, end, voice_start: start, voice_end };
        seams.said(DecodedPiece {
            index,
            piece,
            audio: vec![0; 40_000],
            tokens: together(tokens).tokens,
            mean_log_probability: -0.9,
            language: "en".into(),
            ended: None,
        });
        segments.push(segment(&piece, text).unwrap());
    }
    (seams, segments)
}

#[test]
fn a_sentence_that_has_ended_is_not_final_before_it_was_joined() {
    let (mut seams, segments) = two_pieces([("So", "So"), ("there", "there")]);
    assert_eq!(seams.unsettled(), Some(0));
    seams.ask(&segments, || None).unwrap();
    seams.answered(Some(lead("", " there")));
    // The next text begins a sentence, so this one has ended. It should still be decoded as one.
    let next = Beginning { voice_start: 96_000, audio: vec![0; 16_000] };
    seams.ask(&segments, || Some(next)).unwrap();
    seams.answered(Some(lead(".", " Now")));
    assert_eq!(seams.unsettled(), Some(0));
    seams.join().unwrap();
    assert_eq!(seams.unsettled(), Some(0));
    let heard = together("So we go there");
    assert!(seams.heard_together(Some(&heard), &segments).is_some());
    assert_eq!(seams.unsettled(), None);
}

#[test]
fn a_joined_text_begins_as_the_seam_before_it_was_mended() {
    // The decoded text, the mended text, and the expected joined text.
    for (decoded, mended, expected) in [("So", "so", "so"), ("so", "So", "So"), ("So", "So", "So")]
    {
        let (mut seams, segments) = two_pieces([(decoded, mended), ("there", "there")]);
        seams.ask(&segments, || None).unwrap();
        seams.answered(None);
        seams.join().unwrap();
        let heard = together(&format!("{decoded} we go there"));
        let (_, texts) = seams.heard_together(Some(&heard), &segments).unwrap();
        assert_eq!(texts, [expected, "we go there"]);
    }
}

#[test]
fn nothing_is_joined_while_a_piece_waits_to_be_decoded() {
    // The decoder is so slow that it never catches up.
    let heard = play(&Script { delays: vec![40], ..three() });
    assert_eq!(heard.transcript.unwrap().stats.joined, 0);
}

#[test]
fn the_last_piece_is_decoded_with_those_before_it() {
    // Stopped without a pause, so the last piece was not decoded before.
    let script = ended(&[500, 2000, 1000, 1500]);
    let more = Script { joins: Some(|whole| format!("{whole} and more words")), ..script };
    let heard = play(&more);
    assert_eq!((heard.decodes.len(), heard.joins.len()), (1, 1));
    assert!(text(&heard).ends_with("and more words"), "{heard:?}");
    assert_eq!(heard.finals.len(), 2);
}

#[test]
fn a_last_piece_that_is_not_heard_with_those_before_it_is_decoded_alone() {
    let heard = play(&Script { joins: None, ..ended(&[500, 2000, 1000, 1500]) });
    assert_eq!((heard.decodes.len(), heard.joins.len()), (2, 1));
    assert_eq!(heard.finals.len(), 2);
}

#[test]
fn a_last_piece_of_which_hardly_anything_was_heard_is_decoded_alone() {
    let joins: Option<fn(&str) -> String> = Some(|whole| format!("{whole} so"));
    let heard = play(&Script { joins, ..ended(&[500, 2000, 1000, 1500]) });
    assert_eq!((heard.decodes.len(), heard.joins.len()), (2, 1));
    assert!(!text(&heard).ends_with("so"), "{heard:?}");
}

#[test]
fn a_last_piece_that_is_decoded_already_is_left_as_it_is() {
    let heard = play(&ended(&[500, 2000, 1000, 1500, 500]));
    assert_eq!((heard.decodes.len(), heard.joins.len()), (2, 0));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// `Heard::told` compares the words.
    #[test]
    fn what_was_told_as_final_keeps_its_words(script in script(), patient: bool) {
        play(&Script { patient, joins: Some(|whole| whole.replace("iece ", "ieces ") + " so"), ..script });
    }

    #[test]
    fn drafts_follow_what_is_final(script in script()) {
        let heard = play(&script);
        for draft in &heard.drafts {
            prop_assert!(heard.finals.iter().all(|segment| segment.start >= draft.start || segment.end <= draft.start));
        }
    }
}
