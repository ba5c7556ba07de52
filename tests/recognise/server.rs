//! Tests a server that is preferred to the local engines: what happens to a recording when it
//! fails, how often the user is notified, and how it is used again.

use crate::lab::{Lab, Stillness, sound};
use std::time::Duration;
use v2m::recognise::Backend::{Cpu, CpuV4, Cuda, Remote};
use v2m::recognise::{PassedOver, Priority, RecogniseEvent};
use v2m::session::{EngineState, Failure};

async fn passed_over(lab: &mut Lab) -> (PassedOver, Option<Failure>) {
    lab.until(|event| match event {
        RecogniseEvent::PassedOver { engine, notice } => Some((engine, notice)),
        _ => None,
    })
    .await
}

/// Lets enough time pass for the server to be tried again.
async fn a_minute_later(lab: &mut Lab) {
    lab.glance().await;
    let clock = Stillness::begin();
    clock.pass(Duration::from_secs(61)).await;
    drop(clock);
}

/// Returns whether that life of the server's engine, counted from 0, has ended.
fn is_gone(lab: &Lab, life: usize) -> bool {
    let lives = std::fs::read_to_string(lab.path().join("model.remote.lives")).unwrap();
    let pid = lives.lines().nth(life).unwrap();
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"));
    stat.map_or(true, |stat| stat.contains(") Z "))
}

fn backend(lab: &Lab) -> Option<&str> {
    lab.recogniser.report().backend.as_deref()
}

#[tokio::test]
async fn a_server_that_answers_is_used_and_named() {
    let mut lab = Lab::with_engines("", &[(Remote, ""), (Cuda, "")]);
    let report = lab.state(EngineState::Warm).await;
    assert_eq!(report.backend.as_deref(), Some("remote"));
    assert_eq!(report.model.as_deref(), Some("big"));
    let words = sound(1, 20_000);
    lab.job(1, Priority::Live, &words);
    assert_eq!(lab.text(1, &words).await, 1);
    assert_eq!((lab.lives("model.cuda"), lab.lives("model")), (0, 0));
}

#[tokio::test]
async fn one_that_fails_leaves_the_same_sound_to_the_next_engine_and_is_told_once() {
    for when in ["begin device", "pcm device", "finish device"] {
        let mut lab = Lab::with_engines("", &[(Remote, when), (CpuV4, "")]);
        lab.state(EngineState::Warm).await;
        let words = sound(2, 50_000);
        lab.job(1, Priority::Live, &words);
        let (engine, notice) = passed_over(&mut lab).await;
        assert_eq!(engine.backend, Remote, "{when}");
        let notice = notice.unwrap().message;
        assert!(notice.contains("Nothing is lost") && notice.contains(&engine.reason), "{notice}");
        let report = lab.state(EngineState::Warm).await;
        assert_eq!(report.device.as_deref(), Some("a double with AVX-512"), "{when}");
        lab.text(1, &words).await;
        // The server is not asked again at each job.
        lab.job(2, Priority::Live, &words);
        assert_eq!(lab.text(2, &words).await, 1, "{when}");
        assert_eq!((lab.lives("model.remote"), lab.lives("model.v4")), (1, 1), "{when}");
        lab.stays_silent().await;
    }
}

#[tokio::test]
async fn one_that_is_away_at_the_start_is_told_too() {
    let mut lab = Lab::with_engines("", &[(Remote, "loading unsupported")]);
    let (engine, notice) = passed_over(&mut lab).await;
    assert_eq!(engine.backend, Remote);
    assert!(notice.is_some());
    assert_eq!(lab.state(EngineState::Warm).await.backend.as_deref(), Some("cpu"));
}

#[tokio::test]
async fn a_later_press_finds_a_server_that_is_back_and_the_dictation_after_it_goes_there() {
    // One life per line: it fails, is still away, is back (found by the test connection), works.
    let lives = "finish device\nloading unsupported\n\n\n";
    let mut lab = Lab::with_engines("", &[(Remote, lives)]);
    lab.state(EngineState::Warm).await;
    let words = sound(3, 20_000);
    lab.job(1, Priority::Live, &words);
    let (_, notice) = passed_over(&mut lab).await;
    assert!(notice.is_some());
    lab.text(1, &words).await;

    a_minute_later(&mut lab).await;
    assert_eq!(lab.lives("model.remote"), 1, "nobody is asked while nobody dictates");
    lab.job(2, Priority::Live, &words);
    assert_eq!(lab.text(2, &words).await, 1);
    lab.work_until(|lab| lab.lives("model.remote") == 2 && is_gone(lab, 1)).await;
    lab.glance().await;
    assert_eq!(backend(&lab), Some("cpu"), "it is still away, and nothing changes");

    a_minute_later(&mut lab).await;
    lab.job(3, Priority::Live, &words);
    assert_eq!(lab.text(3, &words).await, 1, "the engine here was not disturbed");
    assert_eq!(lab.state(EngineState::Warm).await.backend.as_deref(), Some("remote"));
    assert_eq!(lab.recogniser.report().passed_over, []);
    lab.job(4, Priority::Live, &words);
    assert_eq!(lab.text(4, &words).await, 1);
    assert_eq!((lab.lives("model.remote"), lab.lives("model")), (4, 1));
}

#[tokio::test]
async fn one_outage_is_told_once_however_often_the_server_comes_and_goes() {
    // The server passes each test, and fails each recording.
    let lives = "finish device\n\nfinish device\n";
    let mut lab = Lab::with_engines("", &[(Remote, lives)]);
    lab.state(EngineState::Warm).await;
    let words = sound(4, 20_000);
    lab.job(1, Priority::Live, &words);
    assert!(passed_over(&mut lab).await.1.is_some());
    lab.text(1, &words).await;
    a_minute_later(&mut lab).await;
    lab.job(2, Priority::Live, &words);
    lab.text(2, &words).await;
    assert_eq!(lab.state(EngineState::Warm).await.backend.as_deref(), Some("remote"));
    lab.job(3, Priority::Live, &words);
    let (engine, notice) = passed_over(&mut lab).await;
    assert_eq!((engine.backend, notice), (Remote, None), "the same outage");
    lab.text(3, &words).await;
    assert_eq!(lab.recogniser.engine_name(), Some(Cpu.name()));
}

#[tokio::test]
async fn where_no_engine_here_works_a_press_looks_for_the_server_again() {
    // Away at the start and at the first press, then back.
    let lives = "loading unsupported\nloading unsupported\n\n";
    let here = ["loading broken"; 3].join("\n");
    let mut lab = Lab::with_engines(&here, &[(Remote, lives)]);
    let (_, notice) = passed_over(&mut lab).await;
    let notice = notice.unwrap().message;
    assert!(!notice.contains("transcribes"), "nothing is known of the engine here: {notice}");
    lab.state(EngineState::Failed).await;
    lab.stays_silent().await;
    assert_eq!((lab.lives("model.remote"), lab.lives("model")), (1, 1), "nobody dictates");

    assert!(lab.recogniser.pressed(), "the server may be back");
    assert_eq!(passed_over(&mut lab).await.1, None, "the same outage");
    lab.state(EngineState::Failed).await;
    assert!(!lab.recogniser.pressed(), "a held key does not ask each time");

    a_minute_later(&mut lab).await;
    assert!(lab.recogniser.pressed());
    let words = sound(5, 20_000);
    lab.job(1, Priority::Live, &words);
    assert_eq!(lab.state(EngineState::Warm).await.backend.as_deref(), Some("remote"));
    assert_eq!(lab.text(1, &words).await, 1);
}

#[tokio::test]
async fn where_no_engine_here_works_a_server_that_is_back_is_used_at_once() {
    let lives = "loading unsupported\n\n\n";
    let mut lab = Lab::with_engines("loading broken", &[(Remote, lives)]);
    passed_over(&mut lab).await;
    lab.state(EngineState::Failed).await;
    a_minute_later(&mut lab).await;
    // A recording that is tried again, without a press.
    let words = sound(6, 20_000);
    lab.job(1, Priority::Live, &words);
    lab.failure(1, &words).await;
    assert_eq!(lab.state(EngineState::Warm).await.backend.as_deref(), Some("remote"));
}

/// Creates a recogniser that has only a server, with this script.
fn lab_with_server_alone(script: &str) -> Lab {
    let mut lab = Lab::without_model();
    let mut spec = lab.engines("", &[(Remote, script)]);
    spec.candidates.truncate(1);
    lab.recogniser.set_spec(Ok(spec));
    lab
}

#[tokio::test]
async fn a_server_that_is_alone_is_asked_at_each_press_and_left_alone_otherwise() {
    // Away at the start and at the first press, then back.
    let mut lab = lab_with_server_alone("loading unsupported\nloading unsupported\n\n");
    let problem = lab.state(EngineState::Failed).await.problem.unwrap();
    for part in ["as scripted", "v2m-engine-gguf", "when you dictate"] {
        assert!(problem.message.contains(part), "{}", problem.message);
    }
    lab.stays_silent().await;
    assert_eq!(lab.lives("model.remote"), 1, "nobody dictates");

    assert!(lab.recogniser.pressed());
    lab.state(EngineState::Failed).await;
    assert!(!lab.recogniser.pressed(), "a held key does not ask each time");
    a_minute_later(&mut lab).await;
    assert!(lab.recogniser.pressed());
    let words = sound(5, 20_000);
    lab.job(1, Priority::Live, &words);
    assert_eq!(lab.text(1, &words).await, 1);
    assert_eq!(lab.lives("model.remote"), 3);
}

#[tokio::test]
async fn a_server_that_is_alone_and_fails_at_work_is_asked_again_by_a_later_recording() {
    let mut lab = lab_with_server_alone("finish device\n\n");
    lab.state(EngineState::Warm).await;
    let words = sound(6, 20_000);
    lab.job(1, Priority::Live, &words);
    let failure = lab.failure(1, &words).await;
    assert!(failure.message.contains("the double's device is gone"), "{}", failure.message);
    lab.job(2, Priority::Background, &words);
    assert_eq!(lab.failure(2, &words).await, failure, "not at once");
    a_minute_later(&mut lab).await;
    lab.job(3, Priority::Background, &words);
    assert_eq!(lab.text(3, &words).await, 1);
}
