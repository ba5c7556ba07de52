//! Tests of cutting a recording into pieces, and of the times when they are decoded.

use super::*;

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
    let mut stream = Stream::new(LIMITS, None);
    let effects = stream.hear(&recording(&[0, 1000, 500, 200]), &mut Loudness);
    let [Effect::Decode { id, .. }, Effect::Abort(aborted)] = &effects[..] else {
        panic!("{effects:?}")
    };
    assert_eq!(id, aborted);
    let late = PieceText { text: "late".into(), ..PieceText::default() };
    assert_eq!(stream.decoded(*id, Some(late)), []);
    assert_eq!(stream.decoding(), None);
}

#[test]
fn memory_does_not_grow_in_silence_nor_behind_committed_pieces() {
    let mut stream = Stream::new(LIMITS, Some("en".into()));
    let minute = recording(&[5000, 2000, 3000, 5000, 5000, 2000, 38_000]);
    for _ in 0..20 {
        for chunk in minute.chunks(1600) {
            for effect in stream.hear(chunk, &mut Loudness) {
                if let Effect::Decode { id, .. } = effect {
                    stream.decoded(id, Some(PieceText::default()));
                }
                if let Effect::Ask { id, .. } = effect {
                    stream.seam_answered(id, None);
                }
                if let Effect::Join { id, .. } = effect {
                    stream.join_decoded(id, None, 0);
                }
            }
            assert!(stream.audio.len() < 16_000 * 8, "{}", stream.audio.len());
        }
    }
}

/// Canary and other models take less audio at once than Whisper.
#[test]
fn no_piece_is_longer_than_the_model_allows() {
    let limits = PieceLimits { longest: 10 * 16_000, flat: 0 };
    let samples = recording(&[0, 3_000, 300, 40_000]);
    let heard = play(&Script { limits, ..Script::plain(&samples) });
    let lengths: Vec<u64> = committed(&heard).iter().map(|(start, end)| end - start).collect();
    let frame = FRAME as u64;
    assert!(lengths.iter().all(|length| *length <= limits.longest + frame), "{lengths:?}");
    // If nothing shows where to cut, pieces do not become tiny.
    let (_, whole) = lengths.split_last().unwrap();
    assert!(whole.iter().all(|length| *length >= 72_000), "{lengths:?}");
    let said = samples.len() as u64;
    assert!(lengths.iter().sum::<u64>() > said - 16_000, "{lengths:?} of {said}");
}

#[test]
fn a_decoder_without_tokens_is_asked_about_nothing() {
    let samples = recording(&[500, 2000, 1000, 2000, 1000, 2000, 1000]);
    let joins: Option<fn(&str) -> String> = Some(str::to_owned);
    let told = Script { leads: Some(lead("", " piece")), joins, ..Script::plain(&samples) };
    assert!(!play(&told).questions.is_empty(), "with tokens it is asked");
    for patient in [false, true] {
        let heard = play(&Script { tells_tokens: false, patient, ..told.clone() });
        assert_eq!((heard.questions.len(), heard.joins.len()), (0, 0));
        assert_eq!((heard.finals.len(), heard.decodes.len()), (3, 3));
    }
}
