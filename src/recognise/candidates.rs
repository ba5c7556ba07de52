//! The policy that decides which engine is next. Pure. Engines are listed in order of preference;
//! an engine that fails is passed over until [`Lineup::reconsider`].
//!
//! Not here: starting, ending or feeding engines, and the messages for people.

#[cfg(test)]
mod tests;

use std::path::PathBuf;
use v2m_ipc::backend::Backend;
use v2m_messages::tr;

/// After this many failures of the same kind in a row, trying the same engine again at once is
/// useless.
pub(super) const LIMIT: u8 = 2;

/// An engine that is installed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The device that it computes with.
    pub backend: Backend,
    /// The path of its program.
    pub program: PathBuf,
}

impl Candidate {
    /// Whether it runs models in GGUF form, and no others.
    pub(super) fn is_for_gguf(&self) -> bool {
        self.program.file_name().is_some_and(|name| name.to_string_lossy().contains("-gguf"))
    }
}

/// An engine that is installed and preferred, but not used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassedOver {
    /// The engine's backend.
    pub backend: Backend,
    /// Why it is not used.
    pub reason: String,
}

/// How an engine failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The engine, or the system's loader, reports that it cannot work here.
    Unfit,
    /// The engine died or hung before the model was loaded.
    Loading,
    /// The engine died soon after loading, without work.
    Restless,
    /// The engine died long after loading, without work.
    Resting,
    /// The engine failed the same recording for the nth time.
    Working(u8),
}

/// What to do about a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Recovery {
    /// Start the same engine again.
    Again,
    /// Start another one: [`Lineup::current`] already returns it.
    Next {
        /// Whether the failed engine had worked before. Then the user notices the difference.
        worked: bool,
    },
    /// Start the same engine again and give up the recording.
    WithoutTheJob,
    /// No engine is left to try. Memory may be free later.
    Later,
    /// No engine is left to try, and waiting does not help.
    Never,
}

/// The engines, with those that have failed marked. Never empty.
#[derive(Debug)]
pub(super) struct Lineup {
    entries: Vec<(Candidate, Option<String>)>,
    /// Whether the current engine has been loaded once.
    worked: bool,
    /// How often it died without having done anything.
    strikes: u8,
}

impl Lineup {
    /// Makes a lineup. `None` if there are no candidates.
    pub(super) fn new(candidates: &[Candidate]) -> Option<Self> {
        let entries: Vec<_> = candidates.iter().map(|c| (c.clone(), None)).collect();
        (!entries.is_empty()).then_some(Self { entries, worked: false, strikes: 0 })
    }

    fn index(&self) -> usize {
        // The last engine is never passed over.
        self.entries.iter().position(|(_, out)| out.is_none()).unwrap_or(self.entries.len() - 1)
    }

    /// The engine to run.
    pub(super) fn current(&self) -> &Candidate {
        &self.entries[self.index()].0
    }

    /// The engines that are not used, with the reasons.
    pub(super) fn passed_over(&self) -> Vec<PassedOver> {
        let told = |(candidate, out): &(Candidate, Option<String>)| {
            Some(PassedOver { backend: candidate.backend, reason: out.clone()? })
        };
        self.entries.iter().filter_map(told).collect()
    }

    /// Notes that the current engine is loaded.
    pub(super) fn loaded(&mut self) {
        self.worked = true;
    }

    /// Notes that the current engine has delivered a result.
    pub(super) fn delivered(&mut self) {
        self.strikes = 0;
    }

    /// Allows all engines on this machine again. Returns whether this changes the current one. A
    /// server is looked at before it is used again ([`Self::server_is_back`]).
    pub(super) fn reconsider(&mut self) -> bool {
        let before = self.index();
        let here = self.entries.iter_mut().filter(|(it, _)| !it.backend.is_remote());
        here.for_each(|(_, out)| *out = None);
        self.strikes = 0;
        self.worked = self.worked && before == self.index();
        before != self.index()
    }

    /// The server, if it is passed over.
    pub(super) fn passed_over_server(&self) -> Option<&Candidate> {
        let mut servers = self.entries.iter().filter(|(it, _)| it.backend.is_remote());
        servers.find(|(_, out)| out.is_some()).map(|(candidate, _)| candidate)
    }

    /// Allows the server again, and no other engine that failed.
    pub(super) fn server_is_back(&mut self) {
        let before = self.index();
        let servers = self.entries.iter_mut().filter(|(it, _)| it.backend.is_remote());
        servers.for_each(|(_, out)| *out = None);
        self.worked = self.worked && before == self.index();
    }

    /// Notes that the current engine has failed. Returns what to do.
    pub(super) fn failed(&mut self, fault: Fault, reason: &str) -> Recovery {
        let can_pass = self.successor().is_some();
        let elsewhere = self.current().backend.is_gpu() || self.current().backend.is_remote();
        match fault {
            Fault::Unfit if can_pass => self.pass_over(reason),
            Fault::Unfit => Recovery::Never,
            Fault::Loading if can_pass => self.pass_over(reason),
            Fault::Loading | Fault::Restless => {
                self.strikes += 1;
                match (self.strikes < LIMIT, can_pass) {
                    (true, _) => Recovery::Again,
                    (false, true) => self.pass_over(reason),
                    (false, false) => {
                        self.strikes = 0;
                        Recovery::Later
                    }
                }
            }
            Fault::Resting => {
                self.strikes = 0;
                Recovery::Again
            }
            Fault::Working(times) => {
                self.strikes = 0;
                match (times < LIMIT, elsewhere && can_pass) {
                    (true, _) => Recovery::Again,
                    (false, true) => self.pass_over(reason),
                    // If one engine on the processor dies of a recording, so does the other one.
                    (false, false) => Recovery::WithoutTheJob,
                }
            }
        }
    }

    /// The engine that would follow the current one. A GPU engine that had worked is never followed
    /// by another GPU engine, because that most likely uses the same device.
    fn successor(&self) -> Option<usize> {
        let current = self.index();
        let no_gpu = self.worked && self.entries[current].0.backend.is_gpu();
        let rest = self.entries.iter().enumerate().skip(current + 1);
        let mut fit = rest.filter(|(_, (candidate, out))| {
            out.is_none() && !(no_gpu && candidate.backend.is_gpu())
        });
        fit.next().map(|(index, _)| index)
    }

    fn pass_over(&mut self, reason: &str) -> Recovery {
        let Some(successor) = self.successor() else { return Recovery::Never };
        let failed = self.index();
        let backend = self.entries[failed].0.backend.name();
        for (index, (_, out)) in self.entries.iter_mut().enumerate().take(successor).skip(failed) {
            *out = Some(match index == failed {
                true => reason.to_owned(),
                false => tr!("not tried, because {backend} failed before", backend),
            });
        }
        self.strikes = 0;
        Recovery::Next { worked: std::mem::take(&mut self.worked) }
    }
}
