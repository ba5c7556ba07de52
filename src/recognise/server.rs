//! A recogniser on a server that is away: another engine works meanwhile, and at later presses an
//! engine is started beside it that finds out whether the server answers again.
//!
//! Nothing is asked while nobody dictates.

use super::candidates::{Candidate, Lineup, PassedOver, Recovery};
use super::engine::EngineProcess;
use super::job::Job;
use super::recogniser::{Parting, Recogniser};
use super::{EngineSpec, RecogniseEvent, advice};
use crate::session::{EngineState, JobId};
use std::time::Duration;
use tokio::time::Instant;
use tracing::info;
use v2m_ipc::engine::FromEngine;

/// The least time between two attempts.
const AGAIN: Duration = Duration::from_secs(60);

/// What is known of a server that failed.
#[derive(Debug, Default)]
pub(super) struct Outage {
    /// When it failed, or was last tried.
    tried: Option<Instant>,
    /// The user was told, and no text has come from it since.
    told: bool,
    /// An engine that tries it.
    scout: Option<EngineProcess>,
    /// It answers again. It is used as soon as there is no work.
    over: bool,
}

impl Outage {
    /// Notes a failure. Returns whether the user has to be told of it.
    pub(super) fn failed(&mut self) -> bool {
        self.tried = Some(Instant::now());
        self.over = false;
        !std::mem::replace(&mut self.told, true)
    }

    /// Notes a text from the server: the next failure is another outage.
    pub(super) fn delivered(&mut self) {
        self.told = false;
    }

    /// The machine may be at another place now: the next press looks for the server at once.
    pub(super) fn moved(&mut self) {
        self.tried = None;
    }

    /// Whether the server answers again, once.
    pub(super) fn take_over(&mut self) -> bool {
        std::mem::take(&mut self.over)
    }

    /// Returns when an attempt has ended. Cancel-safe.
    pub(super) async fn scouted(&mut self) {
        let Some(scout) = &mut self.scout else { return std::future::pending().await };
        let answers = loop {
            let turned = scout.turn().await;
            let frames = scout.take_frames();
            let ended = turned.is_err();
            let mut verdicts = frames.into_iter().filter_map(|frame| match frame {
                FromEngine::Loaded { .. } => Some(true),
                FromEngine::LoadFailed { .. } | FromEngine::DeviceFailed { .. } => Some(false),
                _ => None,
            });
            if let Some(verdict) = verdicts.next().or(ended.then_some(false)) {
                break verdict;
            }
        };
        // Dropping it ends it.
        self.scout = None;
        self.tried = Some(Instant::now());
        self.over = answers;
        if answers {
            info!("the server with the recogniser answers again");
        }
    }

    /// Whether the last attempt was long enough ago for another one.
    fn is_late(&self) -> bool {
        self.tried.is_none_or(|at| at.elapsed() >= AGAIN)
    }

    /// Starts an attempt, if the last one was long enough ago.
    fn scout(&mut self, lineup: &Lineup, spec: &EngineSpec) {
        let is_late = self.is_late();
        let Some(server) = lineup.passed_over_server().filter(|_| is_late) else { return };
        if self.scout.is_none() && !self.over {
            self.tried = Some(Instant::now());
            // What cannot be started now is tried again later.
            self.scout = EngineProcess::spawn(server, spec).ok();
        }
    }
}

impl Recogniser {
    /// Somebody wants a text: a server that is passed over may be back by the next one.
    pub(super) fn look_for_server(&mut self) {
        if let (Ok(spec), Some(lineup)) = (&self.spec, &self.lineup) {
            self.outage.scout(lineup, spec);
        }
        let failed = self.report.state == EngineState::Failed && self.engine.is_none();
        let is_free = failed && self.parting.is_none() && self.outage.scout.is_none();
        if is_free && self.is_server_alone() && self.outage.is_late() {
            self.start();
        }
    }

    /// Whether the server is the only engine: the model's engine is not installed here.
    pub(super) fn is_server_alone(&self) -> bool {
        self.lineup.as_ref().is_some_and(|lineup| lineup.current().backend.is_remote())
            && self.spec.as_ref().is_ok_and(|spec| spec.candidates.len() == 1)
    }

    /// Reports that the server has failed and there is no other engine. No timer is set: v2m asks
    /// nothing of a server while nobody dictates.
    pub(super) fn server_gave_up(&mut self, failed: &Candidate, reason: &str) {
        self.outage.failed();
        self.retry_at = None;
        self.give_up(advice::unfit(failed, reason));
    }

    /// Uses a server again that answers again, as soon as there is no work.
    pub(super) fn return_to_server(&mut self) {
        if !self.outage.over || !self.jobs.is_empty() {
            return;
        }
        let settled = match self.report.state {
            EngineState::Warm => self.engine.is_some(),
            EngineState::Unloaded | EngineState::Failed => self.engine.is_none(),
            EngineState::Loading | EngineState::Absent => false,
        };
        if settled && self.parting.is_none() && self.outage.take_over() {
            self.allow_server();
            match self.report.state {
                // No engine here works, and nothing else would start one.
                EngineState::Failed => self.start(),
                _ => self.let_go(Parting::Swap),
            }
        }
    }

    /// Makes the server the next engine, whatever has become of the others.
    pub(super) fn allow_server(&mut self) {
        if let Some(lineup) = &mut self.lineup {
            lineup.server_is_back();
            // That the model's file kills an engine here is nothing to a server.
            self.fatal = None;
        }
    }

    /// Handles the report of the engine without a model that the server failed: another engine gets
    /// the same audio at once.
    pub(super) fn server_failed(&mut self, reason: &str) {
        let victim: Option<JobId> = self.jobs.iter().find(|job| job.is_at_work()).map(|job| job.id);
        let Some(lineup) = &mut self.lineup else { return };
        let failed = lineup.current().clone();
        let verdict = lineup.failed(super::candidates::Fault::Unfit, reason);
        // Dropping it ends it.
        self.engine = None;
        self.jobs.iter_mut().for_each(Job::rewind);
        let reason = reason.to_owned();
        self.events.push_back(RecogniseEvent::Replaced { job: victim, reason: reason.clone() });
        if let Recovery::Next { worked } = verdict {
            self.pass_over(PassedOver { backend: failed.backend, reason }, worked);
            return self.start();
        }
        self.server_gave_up(&failed, &reason);
    }
}
