//! Properties that hold for every recording, however it arrives and whatever the decoder does.

use super::*;
use proptest::prelude::*;

fn runs() -> impl Strategy<Value = Vec<u64>> {
    let run = prop_oneof![1..100u64, 100..1200u64, 1000..6000u64];
    prop_oneof![
        8 => proptest::collection::vec(run.clone(), 0..8),
        1 => (proptest::collection::vec(run, 0..3), 20_000..60_000u64)
            .prop_map(|(mut runs, long)| { runs.extend([50, long]); runs }),
    ]
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
    pub(super) fn script()(
        runs in runs(),
        chunks in proptest::collection::vec(1..8000usize, 1..5),
        delays in proptest::collection::vec(0..30usize, 1..5),
        failing in proptest::option::of(2..5u64),
        leads in leads(),
        ends: bool,
        joins in joins(),
        asking in proptest::sample::select(vec![SeamQuestions::All, SeamQuestions::ButTheLast, SeamQuestions::No]),
    ) -> Script {
        Script { samples: recording(&runs), chunks, delays, failing, leads, ends, patient: false, asking, joins, spanish_from: None, limits: LIMITS, tells_tokens: true, has_words: false, by_sentences: false }
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
    fn what_was_reported_as_over_never_changes(script in script()) {
        let script = Script { by_sentences: true, ..script };
        super::settled::holds(&play(&script));
    }

    #[test]
    fn a_recording_cancelled_anywhere_leaves_nothing_behind(script in script(), at in 0..1000usize) {
        let whole = play(&script);
        let part = script.samples.len() * at / 1000;
        play(&Script { samples: script.samples[..part].to_vec(), ..script.clone() });
        prop_assert_eq!(play(&script), whole);
    }
}
