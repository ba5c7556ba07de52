//! Tests the real engine, killed and stopped in the middle of a dictation. Needs `V2M_TEST_MODELS`,
//! like tests/engine, and uses `V2M_TEST_ENGINE` and `V2M_TEST_ENGINE_MODEL` if they are set.
//!
//! The one engine that runs on every machine plays all engines: the first in the list counts as a
//! GPU's.

use crate::lab::{Lab, Stillness};
use rustix::process::{Pid, Signal, kill_process};
use std::path::{Path, PathBuf};
use std::time::Duration;
use v2m::recognise::{Backend, Candidate, EngineSpec, Priority, Unload};
use v2m::session::{EngineState, JobId};
use v2m_ipc::engine::DecodeOptions;

fn spec() -> EngineSpec {
    let models = std::env::var_os("V2M_TEST_MODELS").unwrap_or_else(|| "/nonexistent".into());
    let named = std::env::var("V2M_TEST_ENGINE_MODEL");
    let name = named.unwrap_or_else(|_| "ggml-tiny.en-q8_0.bin".into());
    let model = Path::new(&models).join(&name);
    assert!(model.is_file(), "set V2M_TEST_MODELS to a folder with the test models");
    let program = std::env::var_os("V2M_TEST_ENGINE");
    let program = program.map_or_else(|| env!("CARGO_BIN_EXE_v2m-engine").into(), PathBuf::from);
    let candidate = |backend| Candidate { backend, program: program.clone() };
    EngineSpec {
        candidates: vec![candidate(Backend::Cuda), candidate(Backend::Cpu)],
        model_name: name,
        model,
        server: None,
        vad: Some(Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/ggml-silero-v6.2.0.bin")),
        threads: 1,
        hang: Duration::from_secs(60),
        unload: Unload::default(),
        is_preview: false,
    }
}

fn sample() -> Vec<i16> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/sample.wav");
    hound::WavReader::open(path).unwrap().samples().map(Result::unwrap).collect()
}

/// Starts a dictation in the engine; if `finished`, up to its end.
async fn dictate(lab: &mut Lab, job: u32, words: &[i16], finished: bool) {
    // Greedy, because a beam's candidates are drawn at random.
    let options = DecodeOptions { beam_size: 1, ..DecodeOptions::default() };
    lab.recogniser.begin(JobId(job), options, Priority::Live);
    lab.recogniser.feed(JobId(job), words);
    if finished {
        lab.recogniser.finish(JobId(job));
    }
    lab.glance().await;
}

fn signal(lab: &Lab, signal: Signal) {
    let pid = lab.recogniser.pid().and_then(|pid| i32::try_from(pid).ok()).unwrap();
    kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
}

async fn text(lab: &mut Lab) -> (String, u8) {
    let (_, result, _) = lab.ended().await;
    let recognition = result.unwrap();
    (recognition.text, recognition.attempts)
}

#[tokio::test]
async fn the_real_engine_killed_and_stopped_costs_no_word() {
    let words = sample();
    let mut lab = Lab::with_spec(spec());
    lab.state(EngineState::Warm).await;
    dictate(&mut lab, 1, &words, true).await;
    let (undisturbed, attempts) = text(&mut lab).await;
    assert!(undisturbed.contains("country") && attempts == 1, "{undisturbed}");

    // Killed while the user speaks.
    dictate(&mut lab, 2, &words, false).await;
    signal(&lab, Signal::KILL);
    lab.recogniser.finish(JobId(2));
    assert_eq!(text(&mut lab).await, (undisturbed.clone(), 2));

    // Killed after the end, and then stopped for good: the processor's engine is next.
    dictate(&mut lab, 3, &words, true).await;
    signal(&lab, Signal::KILL);
    lab.state(EngineState::Warm).await;
    lab.glance().await;
    signal(&lab, Signal::STOP);
    let (stopped, clock) = (lab.recogniser.pid(), Stillness::begin());
    while lab.recogniser.pid() == stopped {
        clock.pass(Duration::from_secs(1)).await;
        lab.glance().await;
    }
    drop(clock);
    assert_eq!(text(&mut lab).await, (undisturbed, 3));
    let passed_over = &lab.recogniser.report().passed_over;
    assert_eq!(passed_over[0].backend, Backend::Cuda);
    assert!(passed_over[0].reason.contains("did not answer"), "{passed_over:?}");
}

/// Minutes pass on this test's clock, but hardly any processor time, which the engine needs.
#[tokio::test]
async fn the_real_engine_starved_at_work_is_waited_for() {
    let words = sample();
    let mut lab = Lab::with_spec(spec());
    lab.state(EngineState::Warm).await;
    dictate(&mut lab, 1, &words, true).await;
    let clock = Stillness::begin();
    for _ in 0..100 {
        clock.pass(Duration::from_secs(2)).await;
        lab.glance().await;
    }
    drop(clock);
    let (text, attempts) = text(&mut lab).await;
    assert!(text.contains("country") && attempts == 1, "{text}");
}
