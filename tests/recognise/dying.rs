//! Tests engines that die while they load or decode: once, twice and always.

use crate::lab::{Lab, sound};
use v2m::recognise::{Backend, Priority, RecogniseEvent};
use v2m::session::{Code, EngineState, JobId};
use v2m_ipc::engine::DecodeOptions;

/// The ways in which an engine ends, or must be ended, instead of doing its work.
const ENDS: [&str; 7] = ["die", "abort", "close", "garbage", "oversized", "sound", "truncated"];

#[tokio::test]
async fn an_engine_that_dies_while_decoding_is_replaced_and_hears_everything_again() {
    for when in ["begin", "pcm", "finish"] {
        for what in ENDS {
            let mut lab = Lab::new(&format!("{when} {what}\n\n"));
            let words = sound(1, 50_000);
            lab.state(EngineState::Warm).await;
            lab.job(1, Priority::Live, &words);
            let (job, reason) = lab
                .until(|event| match event {
                    RecogniseEvent::Replaced { job, reason } => Some((job, reason)),
                    _ => None,
                })
                .await;
            assert_eq!(job, Some(JobId(1)), "{when} {what}");
            assert!(!reason.contains("os error"), "{when} {what}: {reason}");
            let expected = match what {
                "die" => "ended with exit code 3",
                "abort" => "ended by signal 6",
                "close" => "stopped listening, ended by signal 9",
                "truncated" => "ended with exit code 0",
                _ => "broke the protocol",
            };
            assert!(reason.starts_with(expected), "{when} {what}: {reason}");
            assert_eq!(lab.text(1, &words).await, 2, "{when} {what}");
            assert_eq!(lab.lives("model"), 2, "{when} {what}");
        }
    }
}

#[tokio::test]
async fn twice_on_the_same_recording_is_the_end_of_it_and_not_of_the_next_one() {
    let mut lab = Lab::new("finish die\nfinish abort\n\n");
    let (bad, good) = (sound(1, 20_000), sound(2, 30_000));
    lab.job(1, Priority::Live, &bad);
    lab.job(2, Priority::Live, &good);
    let failure = lab.failure(1, &bad).await;
    assert_eq!(failure.code, Code::EngineFailed);
    for part in ["ended by signal 6", "twice", "is kept", "v2m-model list"] {
        assert!(failure.message.contains(part), "{}", failure.message);
    }
    assert_eq!(lab.text(2, &good).await, 1);
    assert_eq!(lab.lives("model"), 3);
}

/// Regression: the failure was reported while the user was still speaking, before anybody had asked
/// for the text. At the end, the client got "this recording is not known", without the audio.
#[tokio::test]
async fn a_recording_given_up_on_is_told_with_all_its_audio_once_it_is_complete() {
    for script in ["pcm die\npcm die\n\n", "pcm fail; pcm fail"] {
        let mut lab = Lab::new(script);
        lab.state(EngineState::Warm).await;
        let words = sound(4, 96_000);
        lab.recogniser.begin(JobId(1), DecodeOptions::default(), Priority::Live);
        for (attempt, piece) in words.chunks(32_000).enumerate() {
            lab.recogniser.feed(JobId(1), piece);
            lab.engine_did("pcm", (attempt + 1).min(2)).await;
        }
        lab.work_until(|lab| lab.lives("model") == script.lines().count()).await;
        lab.recogniser.finish(JobId(1));
        let failure = lab.failure(1, &words).await;
        assert_eq!(failure.code, Code::EngineFailed);
        assert!(failure.message.starts_with("Transcribing: "), "{}", failure.message);
        lab.job(2, Priority::Live, &words);
        assert_eq!(lab.text(2, &words).await, 1);
    }
}

#[tokio::test]
async fn a_job_the_engine_gives_up_is_tried_once_more_and_then_handed_back() {
    let mut lab = Lab::new("finish fail");
    let words = sound(5, 20_000);
    lab.job(1, Priority::Live, &words);
    assert_eq!(lab.text(1, &words).await, 2);

    let mut lab = Lab::new("finish fail; finish fail");
    lab.job(1, Priority::Live, &words);
    let failure = lab.failure(1, &words).await;
    assert_eq!(failure.code, Code::EngineFailed);
    let text = "Transcribing: the double was told to fail. The recording is kept, and v2m tries again by itself. To try at once: v2m-send retry.";
    assert_eq!(failure.message, text);
    lab.job(2, Priority::Live, &words);
    assert_eq!(lab.text(2, &words).await, 1);
    assert_eq!(lab.lives("model"), 1);
}

#[tokio::test]
async fn an_engine_that_dies_once_while_loading_is_started_again() {
    for what in ENDS {
        let mut lab = Lab::new(&format!("loading {what}\n\n"));
        let words = sound(6, 20_000);
        lab.job(1, Priority::Live, &words);
        let job = lab
            .until(|event| match event {
                RecogniseEvent::Replaced { job, .. } => Some(job),
                _ => None,
            })
            .await;
        assert_eq!(job, None, "{what}");
        // The model is to blame, not the recording.
        assert_eq!(lab.text(1, &words).await, 1, "{what}");
        assert_eq!(lab.lives("model"), 2, "{what}");
    }
}

/// Regression: the engine was started again each minute, and loaded the model into memory each
/// time.
#[tokio::test]
async fn an_engine_that_dies_of_its_model_is_left_alone_until_the_file_changes() {
    let mut lab = Lab::new("load die\nloading abort\n\n");
    let words = sound(7, 20_000);
    lab.job(1, Priority::Live, &words);
    let problem = lab.state(EngineState::Failed).await.problem.unwrap();
    assert_eq!(problem.code, Code::EngineFailed);
    let file = lab.path().join("model.bin");
    for part in [
        "Loading the model model",
        "ended by signal 6",
        "twice",
        file.to_str().unwrap(),
        "until the file changes",
        "v2m-model verify model",
        "v2m-model list",
    ] {
        assert!(problem.message.contains(part), "{}", problem.message);
    }
    assert_eq!(lab.failure(1, &words).await, problem);
    // It is not tried again after an hour, nor when the machine wakes.
    lab.stays_silent().await;
    lab.recogniser.resumed();
    lab.stays_silent().await;
    assert_eq!(lab.lives("model"), 2);

    // A recording that has begun meanwhile is transcribed.
    lab.recogniser.begin(JobId(2), DecodeOptions::default(), Priority::Live);
    lab.recogniser.feed(JobId(2), &words);
    std::fs::write(&file, "another script, of no rules").unwrap();
    lab.retried().await;
    lab.recogniser.finish(JobId(2));
    assert_eq!(lab.text(2, &words).await, 1);
}

/// Returns a pause in minutes, rounded: the test notes its beginning a moment after the timer is set.
fn minutes(pause: std::time::Duration) -> u64 {
    (pause.as_secs() + 30) / 60
}

/// Regression: the model's file was blamed and held for a program that never looked at it.
#[tokio::test]
async fn a_program_that_ends_before_it_reads_the_model_is_blamed_itself() {
    for (script, ended) in [
        ("load die", "it ended with exit code 3, twice"),
        ("load abort", "it ended by signal 6, twice"),
        ("load garbage", "it broke the protocol"),
        // The end of the last attempt counts.
        ("loading abort\nload die\nload die", "it ended with exit code 3, twice"),
    ] {
        let mut lab = Lab::new(script);
        let mut pauses = Vec::new();
        for lives in [2, 4] {
            let problem = lab.state(EngineState::Failed).await.problem.unwrap();
            assert_eq!(problem.code, Code::EngineFailed);
            let program = crate::lab::double();
            for part in [program.to_str().unwrap(), ended, "does not work", "Install v2m again."] {
                assert!(problem.message.contains(part), "{script}: {}", problem.message);
            }
            for part in ["v2m-model", "damaged", "v2m doctor"] {
                assert!(!problem.message.contains(part), "{script}: {}", problem.message);
            }
            assert_eq!(lab.lives("model"), lives, "{script}");
            let failed = tokio::time::Instant::now();
            lab.retried().await;
            pauses.push(minutes(failed.elapsed()));
        }
        assert_eq!(pauses, [1, 2], "{script}");
    }
}

#[tokio::test]
async fn a_broken_program_is_told_in_one_short_line_and_a_press_tries_the_mended_one() {
    let mut lab = Lab::new("load junk\nload junk\n\n");
    let problem = lab.state(EngineState::Failed).await.problem.unwrap();
    let said = format!("it ended with exit code 0: [31m{}…, twice", "7".repeat(196));
    for part in [said.as_str(), "Install v2m again."] {
        assert!(problem.message.contains(part), "{}", problem.message);
    }
    let is_odd = |c: char| c.is_control() || c == char::REPLACEMENT_CHARACTER;
    assert!(!problem.message.contains(is_odd), "{}", problem.message);

    assert!(lab.recogniser.pressed());
    let words = sound(7, 20_000);
    lab.job(1, Priority::Live, &words);
    assert_eq!(lab.text(1, &words).await, 1);
}

#[tokio::test]
async fn a_gpu_that_is_alone_and_dies_at_its_start_is_told_with_what_it_needs() {
    let mut lab = Lab::without_model();
    let mut spec = lab.engines("", &[(Backend::Cuda, "load abort")]);
    spec.candidates.truncate(1);
    lab.recogniser.set_spec(Ok(spec));
    let problem = lab.state(EngineState::Failed).await.problem.unwrap();
    for part in ["engine-cuda", "it ended by signal 6, twice", "nvidia-smi", "in 1 min"] {
        assert!(problem.message.contains(part), "{}", problem.message);
    }
}

/// Memory may be free later: nothing is wrong with the file.
#[tokio::test]
async fn an_engine_that_lacks_memory_is_tried_again_ever_more_rarely() {
    for (script, ended) in [("load kill", "ended by signal 9"), ("loading allocate", "bad_alloc")] {
        let mut lab = Lab::new(script);
        let mut pauses = Vec::new();
        for lives in [2, 4, 6] {
            let problem = lab.state(EngineState::Failed).await.problem.unwrap();
            for part in [ended, "too little memory", "v2m-model list"] {
                assert!(problem.message.contains(part), "{}", problem.message);
            }
            assert_eq!(lab.lives("model"), lives, "{script}");
            let failed = tokio::time::Instant::now();
            lab.retried().await;
            pauses.push(minutes(failed.elapsed()));
        }
        assert_eq!(pauses, [1, 2, 4], "{script}");
    }
}

/// Regression: it was not tried again until the service restarted, and the advice on a GPU was to
/// install a driver.
#[tokio::test]
async fn a_model_that_does_not_fit_into_memory_is_tried_again_too() {
    let mut lab = Lab::new("loading memory\nloading memory\nloading memory\n\n");
    let mut pauses = Vec::new();
    for lives in [1, 2] {
        let problem = lab.state(EngineState::Failed).await.problem.unwrap();
        assert!(problem.message.starts_with("Loading "), "{}", problem.message);
        assert!(problem.message.contains("v2m-model list"), "{}", problem.message);
        assert_eq!(lab.lives("model"), lives);
        let failed = tokio::time::Instant::now();
        lab.retried().await;
        pauses.push(minutes(failed.elapsed()));
    }
    assert_eq!(pauses, [1, 2]);
    lab.state(EngineState::Failed).await;
    assert!(lab.recogniser.pressed());
    let words = sound(7, 20_000);
    lab.job(1, Priority::Live, &words);
    assert_eq!(lab.text(1, &words).await, 1);
}

/// Regression: after three deaths in a row, presses were refused for a minute.
#[tokio::test]
async fn a_press_has_it_tried_again_at_once() {
    let mut lab = Lab::new("load kill\nload kill\nload kill\nload kill\n\n");
    lab.state(EngineState::Failed).await;
    let clock = crate::lab::Stillness::begin();
    assert!(lab.recogniser.pressed());
    // The key repeats, and the engine dies twice more.
    assert!(!lab.recogniser.pressed());
    lab.state(EngineState::Failed).await;
    assert!(!lab.recogniser.pressed());
    assert_eq!(lab.lives("model"), 4);
    clock.pass(std::time::Duration::from_secs(2)).await;
    assert!(lab.recogniser.pressed());
    drop(clock);
    let words = sound(7, 20_000);
    lab.job(1, Priority::Live, &words);
    assert_eq!(lab.text(1, &words).await, 1);
}

#[tokio::test]
async fn a_press_does_not_have_a_file_tried_that_kills_the_engine() {
    let mut lab = Lab::new("loading abort");
    lab.state(EngineState::Failed).await;
    assert!(!lab.recogniser.pressed());
    lab.stays_silent().await;
    assert_eq!(lab.lives("model"), 2);
}

/// Lets time pass until the engine has hung twice. Returns what is reported then.
async fn hung_twice(lab: &mut Lab) -> String {
    let clock = crate::lab::Stillness::begin();
    lab.work_until(|lab| lab.lives("model") == 1).await;
    while lab.recogniser.report().state != EngineState::Failed {
        clock.pass(std::time::Duration::from_secs(1)).await;
        lab.glance().await;
    }
    drop(clock);
    let told = lab.recogniser.report().problem.clone().unwrap().message;
    assert!(told.contains("did not answer"), "{told}");
    assert!(told.contains("journalctl -k"), "{told}");
    lab.state(EngineState::Failed).await;
    told
}

/// Regression: the disk and the model's file were blamed.
#[tokio::test]
async fn a_program_that_hangs_before_it_reads_the_model_is_suspected_itself() {
    let mut lab = Lab::new("load stop\nload stop\n\n");
    let told = hung_twice(&mut lab).await;
    let program = crate::lab::double();
    for part in [program.to_str().unwrap(), "program may be broken", "Install v2m again."] {
        assert!(told.contains(part), "{told}");
    }
    assert!(!told.contains("unreadable"), "{told}");
    lab.retried().await;
    lab.state(EngineState::Warm).await;
}

#[tokio::test]
async fn an_engine_that_hangs_while_loading_is_tried_again_later() {
    let mut lab = Lab::new("loading stop\nloading stop\n\n");
    let told = hung_twice(&mut lab).await;
    assert!(told.contains("unreadable"), "{told}");
    lab.retried().await;
    lab.state(EngineState::Warm).await;
}

/// Regression: an engine that loaded and then died was restarted immediately, again and again. If
/// the model was too large for the memory, the machine was busy with nothing else.
#[tokio::test]
async fn an_engine_that_dies_soon_after_loading_each_time_is_left_alone_too() {
    let mut lab = Lab::new("loaded abort");
    let problem = lab.state(EngineState::Failed).await.problem.unwrap();
    assert!(problem.message.contains("memory"), "{}", problem.message);
    assert_eq!(lab.lives("model"), 2);
}

#[tokio::test]
async fn an_engine_that_dies_at_rest_is_there_again_for_the_next_press() {
    let mut lab = Lab::new("");
    let words = sound(8, 20_000);
    lab.job(1, Priority::Live, &words);
    lab.text(1, &words).await;
    for job in 2..6 {
        let pid = lab.recogniser.pid().and_then(|pid| i32::try_from(pid).ok()).unwrap();
        let pid = rustix::process::Pid::from_raw(pid).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
        lab.state(EngineState::Warm).await;
        lab.job(job, Priority::Live, &words);
        assert_eq!(lab.text(job, &words).await, 1);
    }
}
