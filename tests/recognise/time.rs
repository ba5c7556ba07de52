//! Tests engines that neither work nor die. The processes are real, but the clock only moves when a
//! test advances it. So an engine that computes in such a test is starved: minutes pass while it
//! gets some milliseconds of processor time.

use crate::lab::{Lab, Stillness, sound};
use std::time::Duration;
use v2m::recognise::{Backend, Priority, RecogniseEvent};
use v2m::session::{EngineState, JobId};

async fn replaced(lab: &mut Lab) -> (Option<JobId>, String) {
    lab.until(|event| match event {
        RecogniseEvent::Replaced { job, reason } => Some((job, reason)),
        _ => None,
    })
    .await
}

const DEAF: &str = "did not answer for 10 s and was ended, ended by signal 9";

#[tokio::test]
async fn a_stopped_process_is_replaced_and_its_job_starts_over() {
    let mut lab = Lab::new("finish stop\n\n");
    let words = sound(1, 20_000);
    lab.state(EngineState::Warm).await;
    lab.job(1, Priority::Live, &words);
    lab.engine_did("finish", 1).await;
    let clock = Stillness::begin();
    let (stopped, mut seconds) = (lab.recogniser.pid(), 0);
    // A ping is sent and never answered.
    while lab.recogniser.pid() == stopped {
        clock.pass(Duration::from_secs(1)).await;
        lab.glance().await;
        seconds += 1;
    }
    drop(clock);
    assert!((10..20).contains(&seconds), "{seconds}");
    assert_eq!(replaced(&mut lab).await, (Some(JobId(1)), DEAF.to_owned()));
    assert_eq!(lab.text(1, &words).await, 2);
}

/// Lets time pass until the current engine counts as hanging.
async fn outlast(lab: &mut Lab, engine: &str, nth: usize) {
    lab.engine_did_on(engine, "finish", nth).await;
    let clock = Stillness::begin();
    let stopped = lab.recogniser.pid();
    while lab.recogniser.pid() == stopped {
        clock.pass(Duration::from_secs(1)).await;
        lab.glance().await;
    }
    drop(clock);
}

#[tokio::test]
async fn a_gpu_that_stops_twice_leaves_the_recording_to_the_processor() {
    let mut lab = Lab::with_engines("", &[(Backend::Cuda, "finish stop")]);
    let words = sound(9, 20_000);
    lab.state(EngineState::Warm).await;
    lab.job(1, Priority::Live, &words);
    outlast(&mut lab, "cuda", 1).await;
    assert_eq!(replaced(&mut lab).await, (Some(JobId(1)), DEAF.to_owned()));
    outlast(&mut lab, "cuda", 2).await;
    assert_eq!(lab.text(1, &words).await, 3);
    assert_eq!((lab.lives("model.cuda"), lab.lives("model")), (2, 1));
}

/// A stuck driver blocks every program that queries its devices, before the engine's first message.
#[tokio::test]
async fn an_engine_that_hangs_at_its_start_is_passed_over() {
    let mut lab = Lab::with_engines("", &[(Backend::Cuda, "load stop")]);
    let words = sound(10, 20_000);
    lab.job(1, Priority::Live, &words);
    lab.work_until(|lab| lab.lives("model.cuda") == 1).await;
    let clock = Stillness::begin();
    let (stopped, mut seconds) = (lab.recogniser.pid(), 0);
    while lab.recogniser.pid() == stopped {
        clock.pass(Duration::from_secs(1)).await;
        lab.glance().await;
        seconds += 1;
    }
    drop(clock);
    // Libraries of a gigabyte and a driver that has to wake up need this time.
    assert!((55..80).contains(&seconds), "{seconds}");
    assert_eq!(lab.text(1, &words).await, 1);
    assert_eq!(lab.recogniser.report().backend.as_deref(), Some("cpu"));
}

#[tokio::test]
async fn an_engine_that_sleeps_with_work_to_do_is_replaced_after_the_hang_limit() {
    let mut lab = Lab::with_hang("finish deaf\n\n", Duration::from_secs(3));
    let words = sound(2, 20_000);
    lab.state(EngineState::Warm).await;
    lab.job(1, Priority::Live, &words);
    let asleep = "did nothing for 3 s although it had work, and was ended, ended by signal 9";
    assert_eq!(replaced(&mut lab).await, (Some(JobId(1)), asleep.to_owned()));
    assert_eq!(lab.text(1, &words).await, 2);
}

#[tokio::test]
async fn an_engine_that_computes_for_ever_is_replaced_after_the_hang_limit() {
    let mut lab = Lab::with_hang("finish spin\n\n", Duration::from_secs(1));
    let words = sound(5, 20_000);
    lab.state(EngineState::Warm).await;
    lab.job(1, Priority::Live, &words);
    let spun = "computed for 1 s without progress and was ended, ended by signal 9";
    assert_eq!(replaced(&mut lab).await, (Some(JobId(1)), spun.to_owned()));
    assert_eq!(lab.text(1, &words).await, 2);
}

/// Regression: on a busy machine a healthy engine was killed twice, and the user was told that a
/// GPU had failed although there was none.
#[tokio::test]
async fn a_starved_engine_is_waited_for() {
    let mut lab = Lab::with_hang("finish spin\n\n", Duration::from_secs(60));
    let words = sound(6, 20_000);
    lab.state(EngineState::Warm).await;
    lab.job(1, Priority::Live, &words);
    lab.engine_did("spin", 1).await;
    let clock = Stillness::begin();
    // No text and no pong for ten minutes, in which it computes for less than a second.
    for _ in 0..300 {
        clock.pass(Duration::from_secs(2)).await;
        lab.glance().await;
    }
    drop(clock);
    lab.go();
    assert_eq!(lab.text(1, &words).await, 1);
    assert_eq!(lab.lives("model"), 1);
}

/// The machine is so busy that this program cannot read, or has frozen both.
#[tokio::test]
async fn an_answer_that_waits_to_be_read_is_no_silence() {
    let mut lab = Lab::with_hang("finish deaf", Duration::from_secs(1_000));
    let words = sound(7, 20_000);
    lab.state(EngineState::Warm).await;
    lab.job(1, Priority::Live, &words);
    lab.engine_did("finish", 1).await;
    let clock = Stillness::begin();
    let pid = lab.recogniser.pid();
    for _ in 0..20 {
        let asked = lab.logged("model.log", "ping");
        lab.engine_did("pong", asked).await;
        lab.glance().await;
        clock.pass(Duration::from_secs(3)).await;
        lab.engine_did("ping", asked + 1).await;
        // The engine has answered, and nobody reads the answer for longer than an engine may be
        // silent.
        lab.left_alone_until(|lab| lab.logged("model.log", "pong") > asked);
        clock.pass(Duration::from_secs(40)).await;
        lab.glance().await;
    }
    drop(clock);
    assert_eq!((lab.recogniser.pid(), lab.lives("model")), (pid, 1));
}

/// Regression: loading had no time limit. An engine that was stuck in its driver and answered pings
/// was waited for forever, and so was the text of any dictation meanwhile.
#[tokio::test]
async fn an_engine_that_answers_pings_and_never_loads_is_replaced() {
    let mut lab = Lab::new("loading linger\n\n");
    let words = sound(3, 20_000);
    lab.job(1, Priority::Live, &words);
    lab.until(|event| match event {
        RecogniseEvent::Engine(report) => report.bytes,
        _ => None,
    })
    .await;
    let clock = Stillness::begin();
    let (lingering, mut seconds) = (lab.recogniser.pid(), 0);
    while lab.recogniser.pid() == lingering {
        let answered = lab.logged("model.log", "pong");
        clock.pass(Duration::from_secs(3)).await;
        lab.glance().await;
        seconds += 3;
        // One check sends one ping, which must be answered and read before more time passes. An
        // engine that is checked while it answers would be running, and so would be waited for.
        lab.work_until(|lab| {
            lab.recogniser.pid() != lingering || lab.logged("model.log", "pong") > answered
        })
        .await;
        lab.engine_rests(lingering).await;
        lab.glance().await;
    }
    drop(clock);
    assert!((240..600).contains(&seconds), "{seconds}");
    let asleep = "did nothing for 240 s although it had work, and was ended, ended by signal 9";
    assert_eq!(replaced(&mut lab).await, (None, asleep.to_owned()));
    assert_eq!(lab.text(1, &words).await, 1);
}

#[tokio::test]
async fn an_engine_at_rest_is_left_in_peace() {
    let mut lab = Lab::new("");
    let words = sound(4, 20_000);
    lab.job(1, Priority::Live, &words);
    lab.text(1, &words).await;
    // There is no timer: an hour passes at once, and nothing is reported or replaced.
    lab.stays_silent().await;
    assert_eq!(lab.lives("model"), 1);
}
