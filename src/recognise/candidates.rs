//! Which engine is next: the policy, pure. Engines stand in the order in which they are wanted; one that fails is passed
//! over until [`Lineup::reconsider`].
//!
//! Not here: starting, ending or feeding any of them, and the words for people.

use std::path::PathBuf;

/// Failures in a row, of the same kind, after which it is no use to try the same engine again at once.
pub(super) const LIMIT: u8 = 2;

/// What an engine computes with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// NVIDIA's.
    Cuda,
    /// Any GPU with a Vulkan driver.
    Vulkan,
    /// The processor, with AVX-512 and VNNI.
    CpuV4,
    /// The processor.
    Cpu,
}

impl Backend {
    /// All of them, in the order in which they are tried.
    pub const ALL: [Self; 4] = [Self::Cuda, Self::Vulkan, Self::CpuV4, Self::Cpu];

    /// The name in status and journal.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cuda => "cuda",
            Self::Vulkan => "vulkan",
            Self::CpuV4 => "cpu-v4",
            Self::Cpu => "cpu",
        }
    }

    /// Whether it is a GPU: a device that may be lost, sleeps with the machine, and has memory of its own.
    pub fn is_gpu(self) -> bool {
        matches!(self, Self::Cuda | Self::Vulkan)
    }
}

/// An engine that is installed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// What it computes with.
    pub backend: Backend,
    /// Its program.
    pub program: PathBuf,
}

/// An engine that is installed, wanted, and not used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassedOver {
    /// Which.
    pub backend: Backend,
    /// Why.
    pub reason: String,
}

/// How an engine failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// It, or the system's loader, says that it cannot work here.
    Unfit,
    /// It died or hung before the model was loaded.
    Loading,
    /// It died soon after that, with nothing to do.
    Restless,
    /// It died long after that, with nothing to do.
    Resting,
    /// It failed the same recording, for the nth time.
    Working(u8),
}

/// What to do about a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The same engine is started anew.
    Again,
    /// Another one is: [`Lineup::current`] is that by now.
    Next {
        /// The one passed over had worked before: the user notices the difference.
        worked: bool,
    },
    /// As `Again`, and the recording is given up.
    WithoutTheJob,
    /// None is left to try; memory may be free in a while.
    Later,
    /// None is left to try, and waiting does not help.
    Never,
}

/// The engines, and which of them have failed. Never empty.
#[derive(Debug)]
pub(super) struct Lineup {
    entries: Vec<(Candidate, Option<String>)>,
    /// The current one has been loaded once.
    worked: bool,
    /// It died so often without having done anything.
    strikes: u8,
}

impl Lineup {
    /// `None` without candidates.
    pub(super) fn new(candidates: &[Candidate]) -> Option<Self> {
        let entries: Vec<_> = candidates.iter().map(|c| (c.clone(), None)).collect();
        (!entries.is_empty()).then_some(Self { entries, worked: false, strikes: 0 })
    }

    fn index(&self) -> usize {
        // The last one is never passed over.
        self.entries.iter().position(|(_, out)| out.is_none()).unwrap_or(self.entries.len() - 1)
    }

    /// The one to run.
    pub(super) fn current(&self) -> &Candidate {
        &self.entries[self.index()].0
    }

    /// Those that are not used, and why.
    pub(super) fn passed_over(&self) -> Vec<PassedOver> {
        let told = |(candidate, out): &(Candidate, Option<String>)| {
            Some(PassedOver { backend: candidate.backend, reason: out.clone()? })
        };
        self.entries.iter().filter_map(told).collect()
    }

    /// The current one is loaded.
    pub(super) fn loaded(&mut self) {
        self.worked = true;
    }

    /// The current one has done what it is there for.
    pub(super) fn delivered(&mut self) {
        self.strikes = 0;
    }

    /// All may be tried again. Whether another one is the current one by that.
    pub(super) fn reconsider(&mut self) -> bool {
        let before = self.index();
        self.entries.iter_mut().for_each(|(_, out)| *out = None);
        self.strikes = 0;
        self.worked = self.worked && before == self.index();
        before != self.index()
    }

    /// The current one has failed.
    pub(super) fn failed(&mut self, fault: Fault, reason: &str) -> Verdict {
        let can_pass = self.successor().is_some();
        let on_gpu = self.current().backend.is_gpu();
        match fault {
            Fault::Unfit if can_pass => self.pass_over(reason),
            Fault::Unfit => Verdict::Never,
            Fault::Loading if can_pass => self.pass_over(reason),
            Fault::Loading | Fault::Restless => {
                self.strikes += 1;
                match (self.strikes < LIMIT, can_pass) {
                    (true, _) => Verdict::Again,
                    (false, true) => self.pass_over(reason),
                    (false, false) => {
                        self.strikes = 0;
                        Verdict::Later
                    }
                }
            }
            Fault::Resting => {
                self.strikes = 0;
                Verdict::Again
            }
            Fault::Working(times) => {
                self.strikes = 0;
                match (times < LIMIT, on_gpu && can_pass) {
                    (true, _) => Verdict::Again,
                    (false, true) => self.pass_over(reason),
                    // If one engine on the processor dies of a recording, so does the other.
                    (false, false) => Verdict::WithoutTheJob,
                }
            }
        }
    }

    /// Which one would come after the current one. After a GPU that had worked no other GPU does: it is most likely the
    /// same device.
    fn successor(&self) -> Option<usize> {
        let current = self.index();
        let no_gpu = self.worked && self.entries[current].0.backend.is_gpu();
        let rest = self.entries.iter().enumerate().skip(current + 1);
        let mut fit = rest.filter(|(_, (candidate, out))| {
            out.is_none() && !(no_gpu && candidate.backend.is_gpu())
        });
        fit.next().map(|(index, _)| index)
    }

    fn pass_over(&mut self, reason: &str) -> Verdict {
        let Some(successor) = self.successor() else { return Verdict::Never };
        let failed = self.index();
        let of = self.entries[failed].0.backend.name();
        for (index, (_, out)) in self.entries.iter_mut().enumerate().take(successor).skip(failed) {
            *out = Some(match index == failed {
                true => reason.to_owned(),
                false => format!("not tried, as {of} had failed at work"),
            });
        }
        self.strikes = 0;
        Verdict::Next { worked: std::mem::take(&mut self.worked) }
    }
}

#[cfg(test)]
mod tests {
    use super::Backend::{Cpu, CpuV4, Cuda, Vulkan};
    use super::*;

    fn lineup(backends: &[Backend]) -> Lineup {
        let candidate = |&backend| Candidate { backend, program: Backend::name(backend).into() };
        Lineup::new(&backends.iter().map(candidate).collect::<Vec<_>>()).unwrap()
    }

    /// What happens, what follows, and who is the current one then. `None`: it is loaded.
    type Step = (Option<Fault>, Option<Verdict>, Backend);

    const LOADED: Option<Fault> = None;
    const FRESH: Option<Verdict> = Some(Verdict::Next { worked: false });
    const USED: Option<Verdict> = Some(Verdict::Next { worked: true });
    const AGAIN: Option<Verdict> = Some(Verdict::Again);
    const LATER: Option<Verdict> = Some(Verdict::Later);
    const NEVER: Option<Verdict> = Some(Verdict::Never);
    const SPARED: Option<Verdict> = Some(Verdict::WithoutTheJob);

    #[test]
    fn what_follows_each_failure() {
        use Fault::{Loading, Resting, Restless, Unfit, Working};
        let all = &Backend::ALL[..];
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
                &[
                    (LOADED, None, Cuda),
                    (Some(Working(1)), AGAIN, Cuda),
                    (Some(Loading), USED, CpuV4),
                ],
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
        let mut lineup = lineup(&Backend::ALL);
        assert_eq!(lineup.passed_over(), []);
        lineup.loaded();
        lineup.failed(Fault::Working(2), "it burns");
        let reasons: Vec<_> = lineup.passed_over().into_iter().map(|p| p.reason).collect();
        assert_eq!(reasons, ["it burns", "not tried, as cuda had failed at work"]);
        assert!(lineup.reconsider());
        assert_eq!((lineup.current().backend, lineup.passed_over()), (Cuda, Vec::new()));
        assert!(!lineup.reconsider());
    }

    #[test]
    fn work_done_wipes_the_slate() {
        let mut lineup = lineup(&[Cpu]);
        assert_eq!(lineup.failed(Fault::Restless, ""), Verdict::Again);
        lineup.delivered();
        assert_eq!(lineup.failed(Fault::Restless, ""), Verdict::Again);
    }

    #[test]
    fn without_engines_there_is_no_lineup() {
        assert!(Lineup::new(&[]).is_none());
    }
}
