//! Unloads engines: after a long time without work, before suspend, and when a better one can
//! replace them.
//!
//! Before suspend only an engine on a GPU is unloaded: a driver may lose a process's state. The
//! processor's memory is preserved, so an engine there needs nothing.

use super::candidates::Lineup;
use super::job::Job;
use super::recogniser::{Parting, Recogniser};
use crate::session::{Code, EngineState};
use std::time::Duration;
use tokio::time::Instant;

/// How long a driver may take to be ready after resume.
const SECOND_LOOK: Duration = Duration::from_secs(20);
/// Time after which a machine that announced suspend, is running, and has not reported its resume
/// counts as awake.
const AWAKE_AFTER: Duration = Duration::from_secs(60);

impl Recogniser {
    /// Prepares for suspend. An engine on the GPU is unloaded without loss to its jobs, and none is
    /// started there until [`Self::resumed`]. [`Self::holds_gpu`] returns whether the engine is
    /// still there.
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

    /// Handles resume. An engine that was unloaded is loaded again. Engines that had failed are
    /// retried now, and once more a little later if they fail.
    pub fn resumed(&mut self) {
        self.asleep = None;
        if self.fatal.is_some() {
            return;
        }
        self.second_look = Some(Instant::now() + SECOND_LOOK);
        self.outage.moved();
        let better = self.lineup.as_mut().is_some_and(|lineup| lineup.reconsider());
        match (&self.engine, &self.parting) {
            (Some(_), _) => self.swap_wanted = better,
            (None, None) if self.engine_is_to_blame() => self.start(),
            (None, _) => {}
        }
    }

    /// Whether there is no engine, for a reason that may be gone at the next attempt. A missing or
    /// broken model does not count: that needs another model.
    pub(super) fn engine_is_to_blame(&self) -> bool {
        self.report.problem.as_ref().is_some_and(|problem| problem.code == Code::EngineFailed)
    }

    /// Whether a process of an engine on a GPU still exists.
    pub fn holds_gpu(&self) -> bool {
        let parting = self.parting.as_ref().map(|(engine, _)| engine);
        self.engine.iter().chain(parting).any(|engine| engine.backend.is_gpu())
    }

    /// Asks the engine to end. Its jobs have not failed.
    pub(super) fn let_go(&mut self, parting: Parting) {
        let Some(mut engine) = self.engine.take() else { return };
        engine.dismiss();
        self.parting = Some((engine, parting));
        self.jobs.iter_mut().for_each(Job::rewind);
    }

    /// Starts an engine again when it is needed. Replaces an engine with a better one while there
    /// is no work.
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

    /// Acts on an engine without work: unloads it, or looks for a better one that did not start
    /// right after resume.
    pub(super) fn idled(&mut self) {
        if self.second_look.take_if(|at| *at <= Instant::now()).is_some() {
            self.swap_wanted |= self.lineup.as_mut().is_some_and(Lineup::reconsider);
        } else {
            self.let_go(Parting::Unload);
        }
    }

    /// Returns when to act on an engine without work.
    pub(super) fn idle_deadline(&self) -> Option<Instant> {
        [self.unload_at(), self.second_look].into_iter().flatten().min()
    }

    fn unload_at(&self) -> Option<Instant> {
        let unload = self.spec.as_ref().ok()?.unload;
        let backend = self.engine.as_ref()?.backend;
        // An engine without a model holds a connection and a program, and restarts at once.
        let elsewhere = backend.is_gpu() || backend.is_remote();
        Some(self.idle_since? + if elsewhere { unload.gpu? } else { unload.cpu? })
    }

    /// Returns when to treat a machine as awake that announced suspend and has not reported its
    /// resume, because somebody is speaking.
    pub(super) fn awake_at(&self) -> Option<Instant> {
        self.asleep.filter(|_| !self.jobs.is_empty()).map(|since| since + AWAKE_AFTER)
    }
}
