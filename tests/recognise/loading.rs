//! Tests models that load, fail to load, or appear later.

use crate::lab::{Lab, sound};
use v2m::recognise::{Priority, RecogniseEvent};
use v2m::session::{Code, EngineState, JobId};
use v2m_ipc::engine::DecodeOptions;

#[tokio::test]
async fn what_is_known_of_the_engine_is_told_as_it_comes() {
    let mut lab = Lab::new("loading wait");
    let bytes = lab
        .until(|event| match event {
            RecogniseEvent::Engine(report) => {
                assert_eq!(report.state, EngineState::Loading);
                report.bytes
            }
            _ => None,
        })
        .await;
    assert_eq!(bytes, 12);
    lab.go();
    let report = lab.state(EngineState::Warm).await;
    assert_eq!(report.backend.as_deref(), Some("cpu"));
    assert_eq!(report.device.as_deref(), Some("a double"));
    assert_eq!(report.model.as_deref(), Some("model"));
    assert_eq!(report.problem, None);
    assert_eq!(lab.recogniser.report(), &report);
    lab.stays_silent().await;
}

#[tokio::test]
async fn what_is_said_while_the_model_loads_is_heard_from_its_first_sample() {
    let mut lab = Lab::new("loading wait");
    let words = sound(1, 40_000);
    lab.job(1, Priority::Live, &words);
    lab.until(|event| match event {
        RecogniseEvent::Engine(report) => report.bytes,
        _ => None,
    })
    .await;
    lab.go();
    assert_eq!(lab.text(1, &words).await, 1);
}

#[tokio::test]
async fn each_reason_for_not_loading_says_what_to_do_and_is_not_tried_again_by_itself() {
    let cases = [
        ("missing", Code::ModelMissing, "v2m-model pull model"),
        ("broken", Code::ModelMissing, "v2m-model rm --force model"),
        ("unsupported", Code::EngineFailed, "v2m doctor"),
    ];
    for (kind, code, advice) in cases {
        let mut lab = Lab::new(&format!("loading {kind}"));
        let words = sound(1, 1_000);
        lab.job(1, Priority::Live, &words);
        let problem = lab.state(EngineState::Failed).await.problem.unwrap();
        assert_eq!(problem.code, code, "{kind}");
        assert!(problem.message.contains(advice), "{kind}: {}", problem.message);
        assert!(problem.message.starts_with("Loading "), "{kind}: {}", problem.message);
        assert_eq!(lab.failure(1, &words).await, problem);
        lab.stays_silent().await;
        assert_eq!(lab.lives("model"), 1, "{kind}");
    }
}

#[tokio::test]
async fn a_recording_that_runs_while_a_model_appears_is_heard_whole() {
    let mut lab = Lab::without_model();
    lab.state(EngineState::Absent).await;
    let words = sound(2, 50_000);
    lab.recogniser.begin(JobId(7), DecodeOptions::default(), Priority::Live);
    lab.recogniser.feed(JobId(7), &words[..20_000]);
    lab.stays_silent().await;
    let spec = lab.model("model", "");
    lab.recogniser.set_spec(Ok(spec));
    lab.state(EngineState::Warm).await;
    lab.recogniser.feed(JobId(7), &words[20_000..]);
    lab.recogniser.finish(JobId(7));
    lab.text(7, &words).await;
}

#[tokio::test]
async fn without_a_model_a_complete_recording_fails_with_the_reason() {
    let mut lab = Lab::without_model();
    let words = sound(2, 50);
    lab.job(7, Priority::Live, &words);
    let failure = lab.failure(7, &words).await;
    assert_eq!((failure.code, &*failure.message), (Code::ModelMissing, "There is no model."));
}

#[tokio::test]
async fn an_engine_that_cannot_be_started_is_named_and_tried_again() {
    let mut lab = Lab::without_model();
    let mut spec = lab.model("model", "");
    let program = lab.path().join("not-there-yet");
    spec.candidates[0].program = program.clone();
    lab.recogniser.set_spec(Ok(spec));
    let problem = lab.state(EngineState::Failed).await.problem.unwrap();
    assert_eq!(problem.code, Code::EngineFailed);
    assert!(problem.message.contains(program.to_str().unwrap()), "{}", problem.message);
    std::os::unix::fs::symlink(crate::lab::double(), program).unwrap();
    lab.retried().await;
    lab.state(EngineState::Warm).await;
}

#[tokio::test]
async fn another_model_hears_a_running_recording_from_its_first_sample() {
    let mut lab = Lab::new("");
    lab.state(EngineState::Warm).await;
    let words = sound(3, 30_000);
    lab.recogniser.begin(JobId(1), DecodeOptions::default(), Priority::Live);
    lab.recogniser.feed(JobId(1), &words[..16_000]);
    lab.engine_did("pcm", 1).await;
    let other = lab.model("other", "");
    lab.recogniser.set_spec(Ok(other));
    lab.recogniser.feed(JobId(1), &words[16_000..]);
    lab.recogniser.finish(JobId(1));
    assert_eq!(lab.text(1, &words).await, 1);
    assert_eq!(lab.recogniser.report().model.as_deref(), Some("other"));
}

#[tokio::test]
async fn the_same_model_is_not_loaded_twice() {
    let mut lab = Lab::new("");
    lab.state(EngineState::Warm).await;
    let pid = lab.recogniser.pid();
    let same = lab.model("model", "");
    lab.recogniser.set_spec(Ok(same));
    lab.stays_silent().await;
    assert_eq!((lab.recogniser.pid(), lab.lives("model")), (pid, 1));
}

/// Regression: another model was requested after the old engine had died, while its end was still
/// awaited. The new engine was then taken for the dead one, killed, and started a second time.
#[tokio::test]
async fn a_new_model_does_not_die_of_the_old_ones_death() {
    let mut lab = Lab::new("begin close");
    lab.state(EngineState::Warm).await;
    lab.recogniser.begin(JobId(1), DecodeOptions::default(), Priority::Live);
    // The recogniser has seen the closed connection, and waits a moment for the process to end.
    lab.work_until(|lab| lab.recogniser.pid().is_none()).await;
    let other = lab.model("other", "");
    lab.recogniser.set_spec(Ok(other));
    lab.until(|event| match event {
        RecogniseEvent::Replaced { reason, .. } => panic!("{reason}"),
        RecogniseEvent::Engine(report) => (report.state == EngineState::Warm).then_some(()),
        _ => None,
    })
    .await;
    lab.recogniser.finish(JobId(1));
    lab.text(1, &[]).await;
    lab.stays_silent().await;
    assert_eq!(lab.lives("other"), 1);
}
