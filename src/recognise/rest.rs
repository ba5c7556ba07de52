//! Engines that are let go: after a long time without work, before the machine sleeps, and for a
//! better one.
//!
//! Before sleep only one on a GPU is. What a driver keeps of a process over a suspend, it keeps
//! with some luck; the processor's memory stays as it is, so an engine there needs nothing.

use super::candidates::Lineup;
use super::job::Job;
use super::recogniser::{Parting, Recogniser};
use crate::session::{Code, EngineState};
use std::time::Duration;
use tokio::time::Instant;

/// A driver that is not awake yet when the machine is gets so long for it.
const SECOND_LOOK: Duration = Duration::from_secs(20);
/// A machine that has not slept by then, nor said that it has: this much time of its being awake.
const AWAKE_AFTER: Duration = Duration::from_secs(60);

impl Recogniser {
    /// The machine is about to sleep. An engine on the GPU is let go, without loss to its jobs, and
    /// none is started there until [`Self::resumed`]; [`Self::holds_gpu`] tells when it has gone.
    pub fn suspend(&mut self) {
        let on_gpu = self.lineup.as_ref().is_some_and(|l| l.current().backend.is_gpu());
        if !on_gpu {
            return;
        }
        self.asleep = Some(Instant::now());
        self.second_look = None;
        if self.engine.is_some() {
            self.load_wanted = true;
            self.let_go(Parting::Unload);
        }
    }

    /// The machine is awake. What was loaded is loaded again; engines that had failed are tried
    /// again, and those that fail now once more a little later.
    pub fn resumed(&mut self) {
        self.asleep = None;
        if self.fatal.is_some() {
            return;
        }
        self.second_look = Some(Instant::now() + SECOND_LOOK);
        let better = self.lineup.as_mut().is_some_and(|lineup| lineup.reconsider());
        match (&self.engine, &self.parting) {
            (Some(_), _) => self.swap_wanted = better,
            (None, None) if self.engine_is_to_blame() => self.start(),
            (None, _) => {}
        }
    }

    /// Whether there is no engine for a reason that another attempt may find gone. A missing or
    /// broken model is for whoever changes the model.
    pub(super) fn engine_is_to_blame(&self) -> bool {
        self.report.problem.as_ref().is_some_and(|problem| problem.code == Code::EngineFailed)
    }

    /// Whether a process of an engine on a GPU is still there.
    pub fn holds_gpu(&self) -> bool {
        let parting = self.parting.as_ref().map(|(engine, _)| engine);
        self.engine.iter().chain(parting).any(|engine| engine.backend.is_gpu())
    }

    /// Asks the engine to go. Its jobs have not failed.
    pub(super) fn let_go(&mut self, parting: Parting) {
        let Some(mut engine) = self.engine.take() else { return };
        engine.dismiss();
        self.parting = Some((engine, parting));
        self.jobs.iter_mut().for_each(Job::rewind);
    }

    /// Starts an engine again when it is needed. Replaces a worse engine by a better one while
    /// there is no work.
    pub(super) fn rouse(&mut self) {
        let unloaded = self.report.state == EngineState::Unloaded && self.engine.is_none();
        if unloaded && self.asleep.is_none() && (self.load_wanted || !self.jobs.is_empty()) {
            self.start();
        }
        let idle = self.report.state == EngineState::Warm && self.jobs.is_empty();
        if idle && self.engine.is_some() && std::mem::take(&mut self.swap_wanted) {
            self.let_go(Parting::Swap);
        }
        match idle && self.engine.is_some() {
            true => _ = self.idle_since.get_or_insert_with(Instant::now),
            false => self.idle_since = None,
        }
    }

    /// An engine without work: it is let go, or for a better one that did not start right after the
    /// machine woke.
    pub(super) fn idled(&mut self) {
        if self.second_look.take_if(|at| *at <= Instant::now()).is_some() {
            self.swap_wanted |= self.lineup.as_mut().is_some_and(Lineup::reconsider);
        } else {
            self.let_go(Parting::Unload);
        }
    }

    /// When something is to be done about an engine without work.
    pub(super) fn idle_deadline(&self) -> Option<Instant> {
        [self.unload_at(), self.second_look].into_iter().flatten().min()
    }

    fn unload_at(&self) -> Option<Instant> {
        let unload = self.spec.as_ref().ok()?.unload;
        let on_gpu = self.engine.as_ref()?.backend.is_gpu();
        Some(self.idle_since? + if on_gpu { unload.gpu? } else { unload.cpu? })
    }

    /// When a machine that was about to sleep is taken for awake although it has not said so,
    /// because somebody is speaking.
    pub(super) fn awake_at(&self) -> Option<Instant> {
        self.asleep.filter(|_| !self.jobs.is_empty()).map(|since| since + AWAKE_AFTER)
    }
}
