//! Tests recordings one after another: paused, cancelled, with a language, with a vocabulary.

use crate::harness::{Engine, assert_is_sample, model, sample, vad};
use v2m_ipc::engine::{DecodeOptions, FromEngine, ToEngine};

#[test]
fn the_sample_is_understood_and_silence_stays_silent() {
    let mut engine = Engine::loaded();
    let recording = sample();
    let (text, segments) = engine.transcribe(1, &recording);
    assert_is_sample(&text);
    assert!(segments.windows(2).all(|w| w[0].end <= w[1].start), "{segments:?}");
    assert!(segments.iter().all(|s| s.start < s.end && s.end <= recording.len() as u64));

    assert_eq!(engine.transcribe(2, &[0; 48_000]), (String::new(), Vec::new()));
    assert_eq!(engine.transcribe(3, &[]), (String::new(), Vec::new()));

    let output = engine.end();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn a_cancelled_job_leaves_the_next_one_clean_and_pings_are_answered_meanwhile() {
    let mut engine = Engine::loaded();
    let recording = sample();
    engine.begin(1);
    engine.pcm(1, &recording.repeat(4));
    engine.send(&ToEngine::Finish { job: 1 });
    engine.until(|m| matches!(m, FromEngine::Progress { job: 1, .. }).then_some(()));
    engine.send(&ToEngine::Ping { n: 7 });
    engine.until(|message| match message {
        FromEngine::Pong { n: 7 } => Some(()),
        FromEngine::Final { .. } => panic!("the ping waited for the decode"),
        _ => None,
    });
    engine.send(&ToEngine::Cancel { job: 1 });
    engine.begin(2);
    engine.pcm(2, &recording);
    engine.send(&ToEngine::Finish { job: 2 });
    let text = engine.until(|message| match message {
        FromEngine::Final { job: 2, text, .. } => Some(text.clone()),
        FromEngine::Final { job, .. } | FromEngine::Failed { job, .. } => {
            panic!("an answer to job {job}")
        }
        _ => None,
    });
    assert_is_sample(&text);
    assert!(engine.end().status.success());
}

/// Two dictations interrupt a file. Its text must be the same as without them.
#[test]
fn a_paused_job_goes_on_where_it_was() {
    let mut engine = Engine::loaded();
    let recording = sample();
    let file = recording.repeat(3);
    // Greedy, because a beam's candidates are drawn at random.
    let options = DecodeOptions { beam_size: 1, patient: true, ..DecodeOptions::default() };
    engine.send(&ToEngine::Begin { job: 1, options: options.clone() });
    engine.pcm(1, &file);
    engine.send(&ToEngine::Finish { job: 1 });
    let undisturbed = engine.outcome(1);
    assert_eq!(undisturbed.0.matches("fellow").count(), 3, "{undisturbed:?}");

    engine.send(&ToEngine::Begin { job: 2, options });
    let (now, later) = file.split_at(file.len() / 2);
    engine.pcm(2, now);
    for (round, dictation) in [3, 4].into_iter().enumerate() {
        // The engine is decoding: a piece, a seam or several pieces at once.
        engine.until(|m| matches!(m, FromEngine::Progress { job: 2, .. }).then_some(()));
        engine.send(&ToEngine::Pause { job: 2 });
        assert_is_sample(&engine.transcribe(dictation, &recording).0);
        engine.send(&ToEngine::Resume { job: 2 });
        if round == 0 {
            engine.pcm(2, later);
            engine.send(&ToEngine::Finish { job: 2 });
        }
    }
    let disturbed = engine.until(|message| match message {
        FromEngine::Final { job: 2, text, segments, stats, .. } => {
            Some((text.clone(), segments.clone(), *stats))
        }
        FromEngine::Failed { job: 2, reason } => panic!("failed: {reason}"),
        _ => None,
    });
    assert_eq!((disturbed.0, disturbed.1), undisturbed);
    assert_eq!(disturbed.2.samples, file.len() as u64);

    // A job that the engine does not know.
    engine.send(&ToEngine::Resume { job: 9 });
    engine.until(|m| matches!(m, FromEngine::Failed { job: 9, .. }).then_some(()));
    assert!(engine.end().status.success());
}

#[test]
fn a_vocabulary_of_any_length_is_survived() {
    let mut engine = Engine::loaded();
    let recording = sample();
    let (many, long) = ("Zarvent ".repeat(400), "x".repeat(200_000));
    for (job, entry) in [(1, many), (2, long)] {
        let options = DecodeOptions {
            language: Some("en".into()),
            vocabulary: vec![entry, "country".into()],
            ..Default::default()
        };
        engine.send(&ToEngine::Begin { job, options });
        engine.pcm(job, &recording);
        engine.send(&ToEngine::Finish { job });
        assert_is_sample(&engine.outcome(job).0);
    }
}

#[test]
fn the_language_is_detected_among_those_named_and_a_wrong_one_is_refused() {
    let mut engine = Engine::start(&model("ggml-base-q8_0.bin"), &vad());
    engine.until(|m| matches!(m, FromEngine::Loaded { multilingual: true, .. }).then_some(()));
    let recording = sample();
    let mut transcribe = |job, options, samples: &[i16]| {
        engine.send(&ToEngine::Begin { job, options });
        engine.pcm(job, samples);
        engine.send(&ToEngine::Finish { job });
        engine.until(|message| match message {
            FromEngine::Final { job: n, text, language, .. } if *n == job => {
                Some(Ok((text.clone(), language.clone())))
            }
            FromEngine::Failed { job: n, reason } if *n == job => Some(Err(reason.clone())),
            _ => None,
        })
    };
    let among = |codes: &[&str]| DecodeOptions {
        languages: codes.iter().map(|code| (*code).to_owned()).collect(),
        beam_size: 1,
        ..DecodeOptions::default()
    };
    let (text, language) = transcribe(1, among(&["es", "en"]), &recording).unwrap();
    assert_is_sample(&text);
    assert_eq!(language, "en");
    let beginning = &recording[..32_000];
    assert_eq!(transcribe(2, among(&["es"]), beginning).unwrap().1, "es");
    let wrong = DecodeOptions { language: Some("xx".into()), ..DecodeOptions::default() };
    assert!(transcribe(3, wrong, beginning).unwrap_err().contains("\"xx\""));
}

/// The microphone picks up v2m's own sounds if the speakers are on.
#[test]
fn the_sounds_of_a_dictation_are_no_words_and_change_none() {
    let heard = |sound: v2m::feedback::Sound| -> Vec<i16> {
        // From 48 to 16 kHz. The sounds have nothing above 3 kHz, so no filter is needed.
        let samples = sound.samples().into_iter().step_by(3);
        samples.map(|sample| (sample * 32_768.0) as i16).collect()
    };
    let mut engine = Engine::loaded();
    let pause = [0; 8_000];
    let mut sounds = pause.to_vec();
    for sound in v2m::feedback::Sound::ALL {
        sounds.extend(heard(sound).iter().chain(&pause));
    }
    assert_eq!(engine.transcribe(1, &sounds), (String::new(), Vec::new()));

    // The user speaks during the sound, which the microphone picks up 20 dB lower. (The default
    // model writes the same words even at full volume. A quarter of a second of silence before the
    // words affects this model more.)
    let start = heard(v2m::feedback::Sound::Start).into_iter().map(|sample| sample / 10);
    let mixed = sample().into_iter().zip(start.chain(std::iter::repeat(0)));
    let mixed: Vec<i16> = mixed.map(|(voice, sound)| voice.saturating_add(sound)).collect();
    assert_is_sample(&engine.transcribe(2, &mixed).0);
    assert!(engine.end().status.success());
}

/// The daemon requests this for a model that must be given the language: nothing is transcribed,
/// and the answer comes before the end.
#[test]
fn the_language_alone_is_told_from_the_first_voice_and_the_next_recording_is_transcribed() {
    let mut engine = Engine::start(&model("ggml-base-q8_0.bin"), &vad());
    engine.until(|m| matches!(m, FromEngine::Loaded { .. }).then_some(()));
    let asked = |seconds: u64| DecodeOptions {
        languages: ["es", "en"].map(str::to_owned).into(),
        language_after: seconds * 16_000,
        ..DecodeOptions::default()
    };
    let told = |engine: &mut Engine, number| {
        engine.until(|message| match message {
            FromEngine::Language { job, language, voice } if *job == number => {
                Some((language.clone(), *voice))
            }
            FromEngine::Final { .. } | FromEngine::Segment { .. } => panic!("a text"),
            FromEngine::Failed { job, reason } if *job == number => panic!("failed: {reason}"),
            _ => None,
        })
    };
    let recording = sample();
    engine.send(&ToEngine::Begin { job: 1, options: asked(2) });
    engine.pcm(1, &recording);
    let (language, voice) = told(&mut engine, 1);
    assert_eq!(language.as_deref(), Some("en"));
    assert!((32_000..33_000).contains(&voice), "{voice}");

    // A recording that ends before the limit: the sound so far decides. Silence has no language.
    engine.send(&ToEngine::Begin { job: 2, options: asked(60) });
    engine.pcm(2, &recording);
    engine.send(&ToEngine::Finish { job: 2 });
    assert_eq!(told(&mut engine, 2).0.as_deref(), Some("en"));
    engine.send(&ToEngine::Begin { job: 3, options: asked(2) });
    engine.pcm(3, &[0; 32_000]);
    engine.send(&ToEngine::Finish { job: 3 });
    assert_eq!(told(&mut engine, 3), (None, 0));

    // A cancelled job gets no language, and does not disturb the next one.
    engine.send(&ToEngine::Begin { job: 4, options: asked(2) });
    engine.pcm(4, &recording);
    engine.send(&ToEngine::Cancel { job: 4 });
    assert_is_sample(&engine.transcribe(5, &recording).0);
}
