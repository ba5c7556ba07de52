//! Tests engines that are unloaded: when they are idle, and before the machine sleeps. The clock
//! jumps as the test says.

use crate::lab::{Lab, Stillness, sound};
use std::time::Duration;
use v2m::recognise::Backend::{Cuda, Vulkan};
use v2m::recognise::Priority;
use v2m::session::{EngineState, JobId};
use v2m_ipc::engine::DecodeOptions;

/// Returns whether that process exists.
fn lives(pid: Option<u32>) -> bool {
    std::path::Path::new(&format!("/proc/{}", pid.unwrap())).exists()
}

/// Creates a lab with a loaded engine on a GPU.
async fn on_gpu() -> Lab {
    let mut lab = Lab::with_engines("", &[(Cuda, "")]);
    lab.state(EngineState::Warm).await;
    lab
}

#[tokio::test]
async fn a_gpu_without_work_is_let_go_after_its_time_and_loaded_for_the_next_press() {
    let mut lab = on_gpu().await;
    let words = sound(1, 40_000);
    for job in 1..4 {
        lab.job(job, Priority::Live, &words);
        assert_eq!(lab.text(job, &words).await, 1);
        let pid = lab.recogniser.pid();
        lab.glance().await;
        let clock = Stillness::begin();
        clock.pass(Duration::from_secs(899)).await;
        lab.glance().await;
        assert_eq!(lab.recogniser.pid(), pid, "too early");
        clock.pass(Duration::from_secs(2)).await;
        lab.glance().await;
        assert_eq!(lab.recogniser.pid(), None);
        drop(clock);
        lab.state(EngineState::Unloaded).await;
        assert!(!lives(pid) && !lab.recogniser.holds_gpu());
        // No timer is left.
        lab.stays_silent().await;
        assert_eq!(lab.lives("model.cuda"), usize::try_from(job).unwrap());
    }
}

#[tokio::test]
async fn what_is_said_while_it_loads_again_is_heard_from_the_first_sample() {
    let mut lab = on_gpu().await;
    lab.stays_idle_for_long().await;
    let words = sound(2, 64_000);
    lab.recogniser.begin(JobId(1), DecodeOptions::default(), Priority::Live);
    lab.recogniser.feed(JobId(1), &words[..16_000]);
    lab.state(EngineState::Loading).await;
    lab.recogniser.feed(JobId(1), &words[16_000..]);
    lab.recogniser.finish(JobId(1));
    assert_eq!(lab.text(1, &words).await, 1);
}

#[tokio::test]
async fn somebody_who_speaks_for_long_keeps_it() {
    let mut lab = on_gpu().await;
    lab.recogniser.begin(JobId(1), DecodeOptions::default(), Priority::Live);
    lab.glance().await;
    let (pid, clock) = (lab.recogniser.pid(), Stillness::begin());
    for pings in 1..130 {
        clock.pass(Duration::from_secs(8)).await;
        lab.engine_did_on("cuda", "pong", pings).await;
        lab.glance().await;
    }
    drop(clock);
    assert_eq!(lab.recogniser.pid(), pid);
    lab.recogniser.finish(JobId(1));
    assert_eq!(lab.text(1, &[]).await, 1);
}

#[tokio::test]
async fn before_sleep_the_gpu_is_let_go_and_after_it_loaded_again() {
    let mut lab = on_gpu().await;
    let pid = lab.recogniser.pid();
    lab.recogniser.suspend();
    assert!(lab.recogniser.holds_gpu());
    lab.state(EngineState::Unloaded).await;
    assert!(!lives(pid) && !lab.recogniser.holds_gpu());
    lab.stays_silent().await;
    lab.recogniser.resumed();
    lab.state(EngineState::Warm).await;
    assert_eq!((lab.lives("model.cuda"), lab.lives("model")), (2, 0));
}

#[tokio::test]
async fn a_recording_goes_on_over_a_sleep() {
    let mut lab = on_gpu().await;
    let words = sound(3, 96_000);
    lab.recogniser.begin(JobId(1), DecodeOptions::default(), Priority::Live);
    lab.recogniser.feed(JobId(1), &words[..32_000]);
    lab.engine_did_on("cuda", "pcm", 1).await;
    lab.recogniser.suspend();
    lab.recogniser.feed(JobId(1), &words[32_000..64_000]);
    lab.state(EngineState::Unloaded).await;
    lab.recogniser.feed(JobId(1), &words[64_000..]);
    lab.recogniser.finish(JobId(1));
    lab.glance().await;
    assert_eq!(lab.recogniser.pid(), None, "the machine is about to sleep");
    lab.recogniser.resumed();
    // The interruption does not count as a failed attempt.
    assert_eq!(lab.text(1, &words).await, 1);
}

#[tokio::test]
async fn what_was_unloaded_before_sleep_stays_so_after_it() {
    let mut lab = on_gpu().await;
    lab.stays_idle_for_long().await;
    lab.recogniser.suspend();
    lab.recogniser.resumed();
    lab.stays_silent().await;
    assert_eq!(lab.lives("model.cuda"), 1);
}

#[tokio::test]
async fn the_processors_engine_sleeps_with_the_machine() {
    let mut lab = Lab::new("");
    lab.state(EngineState::Warm).await;
    let pid = lab.recogniser.pid();
    lab.recogniser.suspend();
    assert!(!lab.recogniser.holds_gpu());
    lab.stays_silent().await;
    lab.recogniser.resumed();
    lab.stays_silent().await;
    assert_eq!(lab.recogniser.pid(), pid);
}

#[tokio::test]
async fn a_gpu_that_had_failed_is_tried_again_after_sleep() {
    let mut lab = Lab::with_engines("", &[(Cuda, "finish die\nfinish die\n\n")]);
    let words = sound(4, 20_000);
    lab.job(1, Priority::Live, &words);
    assert_eq!(lab.text(1, &words).await, 3);
    assert_eq!(lab.recogniser.report().backend.as_deref(), Some("cpu"));
    lab.recogniser.suspend();
    lab.recogniser.resumed();
    let report = lab.state(EngineState::Warm).await;
    assert_eq!((report.backend.as_deref(), report.passed_over), (Some("cuda"), Vec::new()));
    lab.job(2, Priority::Live, &words);
    assert_eq!(lab.text(2, &words).await, 1);
}

/// NVIDIA's own sleep service wakes the driver at about the time when logind reports that the
/// machine is awake.
#[tokio::test]
async fn a_driver_that_wakes_later_than_the_machine_is_looked_at_once_more() {
    let mut lab = Lab::with_engines("", &[(Cuda, "\nload unfit\n\n")]);
    lab.state(EngineState::Warm).await;
    lab.recogniser.suspend();
    lab.state(EngineState::Unloaded).await;
    lab.recogniser.resumed();
    assert_eq!(lab.state(EngineState::Warm).await.backend.as_deref(), Some("cpu"));
    lab.retried().await;
    assert_eq!(lab.state(EngineState::Warm).await.backend.as_deref(), Some("cuda"));
    // There are no further tries.
    assert_eq!(lab.lives("model.cuda"), 3);
    let pid = lab.recogniser.pid();
    let clock = Stillness::begin();
    clock.pass(Duration::from_secs(600)).await;
    lab.glance().await;
    drop(clock);
    assert_eq!(lab.recogniser.pid(), pid);
}

#[tokio::test]
async fn so_it_is_where_no_other_engine_stands_in() {
    let mut lab = Lab::without_model();
    let mut spec = lab.engines("", &[(Cuda, "\nload unfit\n\n")]);
    spec.candidates.truncate(1);
    lab.recogniser.set_spec(Ok(spec));
    lab.state(EngineState::Warm).await;
    lab.recogniser.suspend();
    lab.state(EngineState::Unloaded).await;
    lab.recogniser.resumed();
    lab.state(EngineState::Failed).await;
    lab.retried().await;
    lab.state(EngineState::Warm).await;
}

#[tokio::test]
async fn nobody_who_is_being_heard_waits_for_the_better_engine() {
    let script = "load unfit\n\n";
    let mut lab = Lab::with_engines("", &[(Cuda, script), (Vulkan, "load unfit")]);
    lab.state(EngineState::Warm).await;
    let words = sound(5, 20_000);
    lab.recogniser.begin(JobId(1), DecodeOptions::default(), Priority::Live);
    lab.recogniser.feed(JobId(1), &words);
    lab.engine_did("pcm", 1).await;
    let pid = lab.recogniser.pid();
    lab.recogniser.resumed();
    lab.glance().await;
    assert_eq!(lab.recogniser.pid(), pid);
    lab.recogniser.finish(JobId(1));
    assert_eq!(lab.text(1, &words).await, 1);
    assert_eq!(lab.state(EngineState::Warm).await.backend.as_deref(), Some("cuda"));
}

#[tokio::test]
async fn a_gpu_that_dies_on_the_way_to_sleep_is_not_started_before_the_machine_wakes() {
    let mut lab = Lab::with_engines("", &[(Cuda, "begin close\n\n")]);
    lab.state(EngineState::Warm).await;
    let words = sound(6, 20_000);
    lab.job(1, Priority::Live, &words);
    // The recogniser has seen the closed connection, and waits a moment for the process to end.
    lab.work_until(|lab| lab.recogniser.pid().is_none()).await;
    lab.recogniser.suspend();
    lab.state(EngineState::Unloaded).await;
    assert_eq!(lab.lives("model.cuda"), 1);
    lab.recogniser.resumed();
    assert_eq!(lab.text(1, &words).await, 2);
}

/// The signal that the machine is awake may be lost with the bus.
#[tokio::test]
async fn somebody_who_speaks_long_after_the_machine_was_to_sleep_is_heard() {
    let mut lab = on_gpu().await;
    lab.recogniser.suspend();
    lab.state(EngineState::Unloaded).await;
    let words = sound(7, 20_000);
    lab.job(1, Priority::Live, &words);
    lab.retried().await;
    assert_eq!(lab.text(1, &words).await, 1);
}
