//! Which engine is next: the policy, pure. Engines stand in the order in which they are wanted; one
//! that fails is passed over until [`Lineup::reconsider`].
//!
//! Not here: starting, ending or feeding any of them, and the words for people.

#[cfg(test)]
mod tests;

use std::path::PathBuf;
use v2m_ipc::backend::Backend;

/// Failures in a row, of the same kind, after which it is no use to try the same engine again at
/// once.
pub(super) const LIMIT: u8 = 2;

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
pub(super) enum Recovery {
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
    pub(super) fn failed(&mut self, fault: Fault, reason: &str) -> Recovery {
        let can_pass = self.successor().is_some();
        let on_gpu = self.current().backend.is_gpu();
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
                match (times < LIMIT, on_gpu && can_pass) {
                    (true, _) => Recovery::Again,
                    (false, true) => self.pass_over(reason),
                    // If one engine on the processor dies of a recording, so does the other.
                    (false, false) => Recovery::WithoutTheJob,
                }
            }
        }
    }

    /// Which one would come after the current one. After a GPU that had worked no other GPU does:
    /// it is most likely the same device.
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
        let of = self.entries[failed].0.backend.name();
        for (index, (_, out)) in self.entries.iter_mut().enumerate().take(successor).skip(failed) {
            *out = Some(match index == failed {
                true => reason.to_owned(),
                false => format!("not tried, as {of} had failed at work"),
            });
        }
        self.strikes = 0;
        Recovery::Next { worked: std::mem::take(&mut self.worked) }
    }
}
