//! Tests which engine is next after each failure.

use super::Backend::{Cpu, CpuV4, Cuda, Remote, Vulkan};
use super::*;

/// The engines on this machine.
const LOCAL: [Backend; 4] = [Cuda, Vulkan, CpuV4, Cpu];

fn lineup(backends: &[Backend]) -> Lineup {
    let candidate = |&backend| Candidate { backend, program: Backend::name(backend).into() };
    Lineup::new(&backends.iter().map(candidate).collect::<Vec<_>>()).unwrap()
}

/// An event, the expected recovery, and the current engine after it. `None` as the event: the
/// engine is loaded.
type Step = (Option<Fault>, Option<Recovery>, Backend);

const LOADED: Option<Fault> = None;
const FRESH: Option<Recovery> = Some(Recovery::Next { worked: false });
const USED: Option<Recovery> = Some(Recovery::Next { worked: true });
const AGAIN: Option<Recovery> = Some(Recovery::Again);
const LATER: Option<Recovery> = Some(Recovery::Later);
const NEVER: Option<Recovery> = Some(Recovery::Never);
const SPARED: Option<Recovery> = Some(Recovery::WithoutTheJob);

#[test]
fn what_follows_each_failure() {
    use Fault::{Loading, Resting, Restless, Unfit, Working};
    let all = &LOCAL[..];
    let cases: [(&str, &[Backend], &[Step]); 12] = [
        (
            "each that does not start is passed over, the last one is tried twice",
            all,
            &[
                (Some(Unfit), FRESH, Vulkan),
                (Some(Loading), FRESH, CpuV4),
                (Some(Unfit), FRESH, Cpu),
                (Some(Loading), AGAIN, Cpu),
                (Some(Loading), LATER, Cpu),
                (Some(Loading), AGAIN, Cpu),
            ],
        ),
        (
            "a GPU that fails a recording gets one more chance, then the processor works",
            all,
            &[
                (LOADED, None, Cuda),
                (Some(Working(1)), AGAIN, Cuda),
                (LOADED, None, Cuda),
                (Some(Working(2)), USED, CpuV4),
                (LOADED, None, CpuV4),
                (Some(Working(1)), AGAIN, CpuV4),
                (Some(Working(2)), SPARED, CpuV4),
            ],
        ),
        (
            "a GPU that does not come back after it failed at work is passed over",
            all,
            &[(LOADED, None, Cuda), (Some(Working(1)), AGAIN, Cuda), (Some(Loading), USED, CpuV4)],
        ),
        (
            "the second GPU is one too",
            all,
            &[
                (Some(Unfit), FRESH, Vulkan),
                (LOADED, None, Vulkan),
                (Some(Working(2)), USED, CpuV4),
            ],
        ),
        (
            "a GPU that dies at rest is started anew, and not over and over",
            all,
            &[
                (LOADED, None, Cuda),
                (Some(Resting), AGAIN, Cuda),
                (Some(Restless), AGAIN, Cuda),
                (Some(Restless), USED, CpuV4),
            ],
        ),
        (
            "a GPU alone does not fall back: the recording is given up",
            &[Cuda],
            &[
                (LOADED, None, Cuda),
                (Some(Working(1)), AGAIN, Cuda),
                (Some(Working(2)), SPARED, Cuda),
            ],
        ),
        ("a GPU alone that cannot work says so", &[Cuda], &[(Some(Unfit), NEVER, Cuda)]),
        (
            "a GPU alone that dies is tried again",
            &[Vulkan],
            &[(Some(Loading), AGAIN, Vulkan), (Some(Loading), LATER, Vulkan)],
        ),
        (
            "two GPUs and no processor: the second does not stand in for the first",
            &[Cuda, Vulkan],
            &[(LOADED, None, Cuda), (Some(Working(2)), SPARED, Cuda)],
        ),
        (
            "a processor without AVX-512",
            &[CpuV4, Cpu],
            &[(Some(Unfit), FRESH, Cpu), (LOADED, None, Cpu)],
        ),
        (
            "dying twice without work in between is the end, whichever way",
            &[Cpu],
            &[(Some(Loading), AGAIN, Cpu), (LOADED, None, Cpu), (Some(Restless), LATER, Cpu)],
        ),
        (
            "dying at rest now and then is no reason to stop",
            &[Cpu],
            &[(Some(Restless), AGAIN, Cpu), (Some(Resting), AGAIN, Cpu)],
        ),
    ];
    for (name, backends, steps) in cases {
        let mut lineup = lineup(backends);
        for (number, (fault, verdict, current)) in steps.iter().enumerate() {
            let got = fault.map(|fault| lineup.failed(fault, "a reason"));
            if fault.is_none() {
                lineup.loaded();
            }
            assert_eq!(got, *verdict, "{name}: step {number}");
            assert_eq!(lineup.current().backend, *current, "{name}: step {number}");
        }
    }
}

#[test]
fn those_passed_over_are_told_with_their_reasons_until_they_are_tried_again() {
    let mut lineup = lineup(&LOCAL);
    assert_eq!(lineup.passed_over(), []);
    lineup.loaded();
    lineup.failed(Fault::Working(2), "it burns");
    let reasons: Vec<_> = lineup.passed_over().into_iter().map(|p| p.reason).collect();
    assert_eq!(reasons, ["it burns", "not tried, because cuda failed before"]);
    assert!(lineup.reconsider());
    assert_eq!((lineup.current().backend, lineup.passed_over()), (Cuda, Vec::new()));
    assert!(!lineup.reconsider());
}

#[test]
fn work_done_wipes_the_slate() {
    let mut lineup = lineup(&[Cpu]);
    assert_eq!(lineup.failed(Fault::Restless, ""), Recovery::Again);
    lineup.delivered();
    assert_eq!(lineup.failed(Fault::Restless, ""), Recovery::Again);
}

#[test]
fn without_engines_there_is_no_lineup() {
    assert!(Lineup::new(&[]).is_none());
}

#[test]
fn a_server_that_fails_is_followed_by_the_best_engine_here_and_comes_back_alone() {
    let mut lineup = lineup(&Backend::ALL);
    assert!(lineup.passed_over_server().is_none());
    lineup.loaded();
    assert_eq!(lineup.failed(Fault::Unfit, "away"), Recovery::Next { worked: true });
    assert_eq!(lineup.current().backend, Cuda);
    assert_eq!(lineup.failed(Fault::Unfit, "no driver"), Recovery::Next { worked: false });
    assert_eq!(lineup.passed_over_server().unwrap().backend, Remote);
    lineup.server_is_back();
    assert_eq!(lineup.current().backend, Remote);
    // The GPU still counts as failed.
    assert_eq!(lineup.failed(Fault::Unfit, "away"), Recovery::Next { worked: false });
    assert_eq!(lineup.current().backend, Vulkan);
    // An engine that dies by itself may be restarted once.
    lineup.server_is_back();
    assert_eq!(lineup.failed(Fault::Working(1), ""), Recovery::Again);
    assert_eq!(lineup.failed(Fault::Working(2), ""), Recovery::Next { worked: false });
}
