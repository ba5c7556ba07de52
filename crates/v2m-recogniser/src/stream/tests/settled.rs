//! Tests of sentences that are reported while the recording goes on.

use super::*;

fn script(runs: &[u64]) -> Script {
    Script { by_sentences: true, ..Script::plain(&recording(runs)) }
}

/// Asserts that reported text never changes, and that each report begins where the one before
/// ended.
pub(super) fn holds(heard: &Heard) {
    let answer = &heard.transcript.as_ref().unwrap().segments;
    let mut last = 0;
    for (until, at, before) in &heard.sentences {
        assert!(*until > last && until <= at, "{until} after {last}, heard {at}");
        last = *until;
        let same: Vec<_> = answer.iter().filter(|segment| segment.end <= *until).collect();
        assert_eq!(same, before.iter().collect::<Vec<_>>());
        assert!(!before.is_empty());
        // No segment crosses the end of a sentence.
        assert!(answer.iter().all(|it| it.end <= *until || it.start >= *until));
    }
}

#[test]
fn a_sentence_is_over_once_the_model_is_sure_with_both_sides_in_its_ears() {
    let script = Script {
        leads: Some(lead(".", " Piece")),
        ..script(&[500, 2_000, 1_500, 2_000, 1_500, 2_000, 1_500])
    };
    let heard = play(&script);
    holds(&heard);
    assert_eq!(heard.sentences.len(), 2, "the last one has nothing after it: {heard:?}");
    // The first sentence is reported while the second is spoken.
    let (until, at, _) = &heard.sentences[0];
    assert!((40_000..64_000).contains(until), "{until} is in the pause");
    assert!(*at < 16 * 7_500, "{at}");
}

#[test]
fn a_sentence_that_goes_on_is_not_over() {
    // The model continues the sentence at each seam.
    let script = Script {
        leads: Some(lead("", " piece")),
        ..script(&[500, 2_000, 1_500, 2_000, 1_500, 2_000, 1_500])
    };
    let heard = play(&script);
    assert_eq!(heard.sentences, [], "thinking pauses end nothing");
}

#[test]
fn a_silence_of_more_than_four_seconds_ends_a_sentence_and_no_thinking_pause_does() {
    for (pause, count) in [(3_900, 0), (4_600, 1)] {
        let script = script(&[500, 2_000, pause]);
        let heard = play(&script);
        holds(&heard);
        assert_eq!(heard.sentences.len(), count, "{pause} ms");
    }
    // The silence is reported once, however long it lasts, and again after the next words.
    let heard = play(&script(&[500, 2_000, 20_000, 1_000, 9_000]));
    holds(&heard);
    assert_eq!(heard.sentences.len(), 2);
}

/// On a slow machine, the words before and after a long silence are decoded after both were said.
#[test]
fn a_long_silence_counts_also_where_decoding_lags_behind() {
    let runs = [500, 2_000, 5_000, 2_000, 1_500, 2_000, 9_000];
    let script = Script { delays: vec![90], leads: Some(lead("", " piece")), ..script(&runs) };
    let heard = play(&script);
    holds(&heard);
    let (until, ..) = heard.sentences.first().expect("the silence ends a sentence");
    assert!((40_000..120_000).contains(until), "{until}");
}

#[test]
fn a_model_that_cannot_be_asked_ends_sentences_by_its_marks() {
    let script = Script { tells_tokens: false, ..script(&[500, 2_000, 1_500, 2_000, 1_500]) };
    let heard = play(&script);
    holds(&heard);
    assert_eq!(heard.sentences.len(), 1, "{:?}", heard.sentences);
}
