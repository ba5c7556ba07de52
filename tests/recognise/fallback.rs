//! Tests several engines: which one is used, which ones are passed over, and what happens to a
//! recording meanwhile.

use crate::lab::{Lab, sound};
use v2m::recognise::Backend::{Cpu, CpuV4, Cuda, Vulkan};
use v2m::recognise::{Backend, Candidate, EngineReport, PassedOver, Priority, RecogniseEvent};
use v2m::session::{Code, EngineState, Failure, JobId};
use v2m_ipc::engine::DecodeOptions;

/// Waits for the next engine that is passed over. Returns it, with the notice to the user.
async fn passed_over(lab: &mut Lab) -> (PassedOver, Option<Failure>) {
    lab.until(|event| match event {
        RecogniseEvent::PassedOver { engine, notice } => Some((engine, notice)),
        _ => None,
    })
    .await
}

fn names(report: &EngineReport) -> Vec<&'static str> {
    report.passed_over.iter().map(|engine| engine.backend.name()).collect()
}

#[tokio::test]
async fn the_first_engine_that_works_is_used_and_the_others_are_not_started() {
    let mut lab = Lab::with_engines("", &[(Cuda, ""), (Vulkan, ""), (CpuV4, "")]);
    let report = lab.state(EngineState::Warm).await;
    assert_eq!(report.backend.as_deref(), Some("cuda"));
    assert_eq!(report.device.as_deref(), Some("a double GPU"));
    assert_eq!((report.warm_up_ms, report.memory_bytes), (Some(1), None));
    assert_eq!(report.passed_over, []);
    let words = sound(1, 20_000);
    lab.job(1, Priority::Live, &words);
    assert_eq!(lab.text(1, &words).await, 1);
    for other in ["model.vulkan", "model.v4", "model"] {
        assert_eq!(lab.lives(other), 0, "{other}");
    }
}

/// Each way to fail at the start, with its reason.
#[tokio::test]
async fn one_that_does_not_start_is_passed_over_with_its_reason_and_the_user_is_not_bothered() {
    let cases = [
        ("load unfit", "there is no device for a double"),
        ("load unlinked", "libdouble.so.1"),
        ("load die", "ended with exit code 3"),
        ("loading abort", "ended by signal 6"),
        ("loading driver", "ended by signal 6: CUDA error: out of memory"),
        ("loading device", "lost its device (the double's device is gone), ended"),
        ("loading unsupported", "as scripted"),
        ("loading broken", "as scripted"),
        ("load garbage", "broke the protocol"),
        ("loading close", "stopped listening"),
    ];
    for (script, said) in cases {
        let mut lab = Lab::with_engines("", &[(Cuda, script)]);
        let words = sound(2, 30_000);
        lab.job(1, Priority::Live, &words);
        let (engine, notice) = passed_over(&mut lab).await;
        assert_eq!(engine.backend, Cuda, "{script}");
        assert!(engine.reason.contains(said), "{script}: {}", engine.reason);
        assert_eq!(notice, None, "{script}");
        let report = lab.state(EngineState::Warm).await;
        assert_eq!(report.backend.as_deref(), Some("cpu"), "{script}");
        assert_eq!(report.passed_over, [engine], "{script}");
        // The failure does not count as an attempt at the recording.
        assert_eq!(lab.text(1, &words).await, 1, "{script}");
        assert_eq!((lab.lives("model.cuda"), lab.lives("model")), (1, 1), "{script}");
    }
}

#[tokio::test]
async fn all_are_tried_in_their_order() {
    let others = [(Cuda, "load unlinked"), (Vulkan, "load unfit"), (CpuV4, "load unfit")];
    let mut lab = Lab::with_engines("", &others);
    let report = lab.state(EngineState::Warm).await;
    assert_eq!(names(&report), ["cuda", "vulkan", "cpu-v4"]);
    assert_eq!(report.device.as_deref(), Some("a double"));
}

#[tokio::test]
async fn a_program_that_cannot_be_executed_is_passed_over() {
    let mut lab = Lab::without_model();
    let mut spec = lab.model("model", "");
    let program = lab.path().join("no-engine-cuda");
    spec.candidates.insert(0, Candidate { backend: Cuda, program });
    lab.recogniser.set_spec(Ok(spec));
    let (engine, _) = passed_over(&mut lab).await;
    assert!(engine.reason.contains("no-engine-cuda"), "{}", engine.reason);
    assert_eq!(lab.state(EngineState::Warm).await.backend.as_deref(), Some("cpu"));
}

/// Regression: the advice was `v2m doctor`, which printed the same advice.
#[tokio::test]
async fn a_program_that_cannot_be_executed_and_is_alone_is_to_be_installed_again() {
    let mut lab = Lab::without_model();
    let mut spec = lab.model("model", "");
    let program = lab.path().join("no-engine");
    spec.candidates[0].program = program.clone();
    lab.recogniser.set_spec(Ok(spec));
    let problem = lab.state(EngineState::Failed).await.problem.unwrap();
    for part in [program.to_str().unwrap(), "Install v2m again.", "in 1 min"] {
        assert!(problem.message.contains(part), "{}", problem.message);
    }
    let brief = problem.brief.unwrap();
    assert!(brief.remedy.contains("Install v2m again"), "{brief:?}");
    assert!(!format!("{} {brief:?}", problem.message).contains("doctor"), "{brief:?}");
    std::os::unix::fs::symlink(crate::lab::double(), program).unwrap();
    lab.retried().await;
    lab.state(EngineState::Warm).await;
}

#[tokio::test]
async fn a_missing_model_is_missing_for_every_engine() {
    let mut lab = Lab::with_engines("", &[(Cuda, "loading missing"), (Vulkan, "")]);
    let problem = lab.state(EngineState::Failed).await.problem.unwrap();
    assert_eq!(problem.code, Code::ModelMissing);
    assert_eq!((lab.lives("model.cuda"), lab.lives("model.vulkan")), (1, 0));
}

/// The ways in which a GPU's engine ends, or must be ended, instead of doing its work.
const FAILURES: [&str; 7] = ["die", "abort", "driver", "device", "close", "garbage", "truncated"];

#[tokio::test]
async fn a_gpu_that_fails_at_work_gets_the_same_audio_once_more_and_then_the_processor_does() {
    for when in ["begin", "pcm", "finish"] {
        for what in FAILURES {
            let script = format!("{when} {what}");
            let mut lab = Lab::with_engines("", &[(Cuda, &script), (Vulkan, ""), (CpuV4, "")]);
            let words = sound(3, 50_000);
            lab.state(EngineState::Warm).await;
            lab.job(1, Priority::Live, &words);
            let (engine, notice) = passed_over(&mut lab).await;
            assert_eq!(engine.backend, Cuda, "{script}");
            let notice = notice.unwrap();
            for part in ["GPU (cuda)", "Nothing is lost", "cpu-v4", "restart v2m"] {
                assert!(notice.message.contains(part), "{script}: {}", notice.message);
            }
            assert!(notice.message.contains(&engine.reason), "{script}: {}", notice.message);
            let report = lab.state(EngineState::Warm).await;
            assert_eq!(report.device.as_deref(), Some("a double with AVX-512"), "{script}");
            // The other backend probably uses the same device.
            assert_eq!(names(&report), ["cuda", "vulkan"], "{script}");
            assert_eq!(lab.text(1, &words).await, 3, "{script}");
            assert_eq!((lab.lives("model.cuda"), lab.lives("model.v4")), (2, 1), "{script}");
            // The GPU is not tried again at each job, and the user is not notified again.
            lab.job(2, Priority::Live, &words);
            assert_eq!(lab.text(2, &words).await, 1, "{script}");
            assert_eq!(lab.lives("model.cuda"), 2, "{script}");
            lab.stays_silent().await;
        }
    }
}

#[tokio::test]
async fn a_gpu_that_fails_once_goes_on_by_itself() {
    for what in FAILURES {
        let mut lab = Lab::with_engines("", &[(Cuda, &format!("finish {what}\n\n"))]);
        let words = sound(4, 20_000);
        lab.job(1, Priority::Live, &words);
        assert_eq!(lab.text(1, &words).await, 2, "{what}");
        assert_eq!((lab.lives("model.cuda"), lab.lives("model")), (2, 0), "{what}");
        assert_eq!(lab.recogniser.report().backend.as_deref(), Some("cuda"), "{what}");
    }
}

#[tokio::test]
async fn a_gpu_that_does_not_come_back_after_it_failed_is_passed_over_with_a_notice() {
    let mut lab = Lab::with_engines("", &[(Cuda, "finish abort\nload unfit")]);
    let words = sound(5, 20_000);
    lab.job(1, Priority::Live, &words);
    let (engine, notice) = passed_over(&mut lab).await;
    assert_eq!(engine.reason, "there is no device for a double");
    assert!(notice.is_some());
    assert_eq!(lab.text(1, &words).await, 2);
    assert_eq!(lab.lives("model.cuda"), 2);
}

#[tokio::test]
async fn only_the_processors_deaths_count_to_the_end_of_a_recording() {
    let mut lab = Lab::with_engines("finish die\n\n", &[(Cuda, "finish die")]);
    let words = sound(6, 20_000);
    lab.job(1, Priority::Live, &words);
    assert_eq!(lab.text(1, &words).await, 4);

    let mut lab = Lab::with_engines("finish die\nfinish die\n\n", &[(Cuda, "finish die")]);
    lab.job(1, Priority::Live, &words);
    let failure = lab.failure(1, &words).await;
    assert_eq!(failure.code, Code::EngineFailed);
    assert!(failure.message.contains("is kept"), "{}", failure.message);
    lab.job(2, Priority::Live, &words);
    assert_eq!(lab.text(2, &words).await, 1);
}

#[tokio::test]
async fn a_gpu_that_fails_while_somebody_speaks_costs_no_sample() {
    let mut lab = Lab::with_engines("", &[(Cuda, "pcm driver")]);
    lab.state(EngineState::Warm).await;
    let words = sound(7, 96_000);
    lab.recogniser.begin(JobId(1), DecodeOptions::default(), Priority::Live);
    for (index, piece) in words.chunks(16_000).enumerate() {
        lab.recogniser.feed(JobId(1), piece);
        lab.work_until(|lab| lab.lives("model.cuda") > index.min(1)).await;
    }
    lab.recogniser.finish(JobId(1));
    assert_eq!(lab.text(1, &words).await, 3);
}

/// If an engine reports that it has no text for a recording, that is believed. If it has also died
/// of the recording, it is not.
#[tokio::test]
async fn a_gpu_that_dies_and_then_has_no_text_leaves_the_recording_to_the_processor() {
    let mut lab = Lab::with_engines("", &[(Cuda, "finish die\nfinish fail")]);
    let words = sound(8, 20_000);
    lab.job(1, Priority::Live, &words);
    let (engine, notice) = passed_over(&mut lab).await;
    assert!(engine.reason.contains("was told to fail") && notice.is_some(), "{engine:?}");
    assert_eq!(lab.text(1, &words).await, 3);

    let mut lab = Lab::with_engines("", &[(Cuda, "finish fail; finish fail")]);
    lab.job(1, Priority::Live, &words);
    assert!(lab.failure(1, &words).await.message.contains("was told to fail"));
    assert_eq!(lab.recogniser.report().backend.as_deref(), Some("cuda"));
}

/// Creates a lab with only that engine.
fn alone(backend: Backend, script: &str) -> Lab {
    let mut lab = Lab::without_model();
    let mut spec = lab.engines("", &[(backend, script)]);
    spec.candidates.truncate(1);
    lab.recogniser.set_spec(Ok(spec));
    lab
}

#[tokio::test]
async fn a_gpu_that_is_wanted_alone_says_what_is_missing_and_nothing_stands_in_for_it() {
    for (script, said) in [("load unfit", "no device for a double"), ("load unlinked", "libdouble")]
    {
        let mut lab = alone(Cuda, script);
        let words = sound(9, 20_000);
        lab.job(1, Priority::Live, &words);
        let problem = lab.state(EngineState::Failed).await.problem.unwrap();
        assert_eq!(problem.code, Code::EngineFailed);
        for part in [said, "cuda", "NVIDIA's driver", "make engine-cuda", "\"auto\""] {
            assert!(problem.message.contains(part), "{script}: {}", problem.message);
        }
        assert_eq!(lab.failure(1, &words).await, problem);
        // Waiting brings neither a driver nor a library.
        lab.stays_silent().await;
        assert_eq!((lab.lives("model.cuda"), lab.lives("model")), (1, 0));
        // The engine is tried again when the machine wakes.
        lab.recogniser.resumed();
        lab.state(EngineState::Failed).await;
        assert_eq!(lab.lives("model.cuda"), 2);
    }
}

#[tokio::test]
async fn a_gpu_that_is_wanted_alone_gives_a_recording_up_after_two_deaths() {
    let mut lab = alone(Cuda, "finish die\nfinish die\n\n");
    let words = sound(10, 20_000);
    lab.job(1, Priority::Live, &words);
    assert_eq!(lab.failure(1, &words).await.code, Code::EngineFailed);
    lab.job(2, Priority::Live, &words);
    assert_eq!(lab.text(2, &words).await, 1);
    assert_eq!(lab.recogniser.report().backend.as_deref(), Some("cuda"));
}

#[tokio::test]
async fn without_any_engine_it_says_so() {
    let mut lab = Lab::without_model();
    let mut spec = lab.model("model", "");
    spec.candidates.clear();
    lab.recogniser.set_spec(Ok(spec));
    let problem = lab.state(EngineState::Failed).await.problem.unwrap();
    assert!(problem.message.contains("none is installed"), "{}", problem.message);
}

#[tokio::test]
async fn the_engine_that_computes_is_known_by_name() {
    let names = [Cuda, Vulkan, CpuV4, Cpu].map(Backend::name);
    assert_eq!(names, ["cuda", "vulkan", "cpu-v4", "cpu"]);
}
