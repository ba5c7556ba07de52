//! Starts engines: which one, when, and what is reported.

use super::candidates::Lineup;
use super::engine::EngineProcess;
use super::recogniser::{PRESSED_AGAIN, RETRY_AFTER, Recogniser};
use super::stamp::Stamp;
use super::{EngineReport, RecogniseEvent};
use crate::session::{Code, EngineState, Failure};
use tokio::time::Instant;
use v2m_messages::tr;

impl Recogniser {
    /// Forgets all failures so far.
    pub(super) fn begin_anew(&mut self) {
        self.lineup = self.spec.as_ref().ok().and_then(|spec| Lineup::new(&spec.candidates));
        (self.retry_at, self.retry_after, self.fatal) = (None, RETRY_AFTER, None);
    }

    /// Returns the current stamp of the model's file.
    fn model_stamp(&self) -> Option<Stamp> {
        Stamp::of(&self.spec.as_ref().ok()?.model)
    }

    /// Notes that the engine died of the model's file as of its start.
    pub(super) fn hold_model(&mut self) {
        self.fatal = Some(self.stamp);
        self.retry_at = Some(Instant::now() + RETRY_AFTER);
    }

    pub(super) fn set_state(&mut self, state: EngineState, problem: Option<Failure>) {
        let report = EngineReport {
            problem,
            model: self.model_in_use(),
            passed_over: self.lineup.as_ref().map(Lineup::passed_over).unwrap_or_default(),
            ..EngineReport::new(state)
        };
        let old = std::mem::replace(&mut self.report, report);
        if self.report != old || state == EngineState::Loading {
            self.events.push_back(RecogniseEvent::Engine(self.report.clone()));
        }
    }

    /// Returns the model of the engine in use, or of the next one. A server's may have no name.
    pub(super) fn model_in_use(&self) -> Option<String> {
        let spec = self.spec.as_ref().ok()?;
        let is_remote = self.lineup.as_ref().is_some_and(|it| it.current().backend.is_remote());
        match spec.server.as_ref().filter(|_| is_remote) {
            Some(server) if server.model.is_empty() => Some(server.base_url.clone()),
            Some(server) => Some(server.model.clone()),
            None => Some(spec.model_name.clone()),
        }
    }

    /// Starts the next engine.
    pub(super) fn start(&mut self) {
        self.load_wanted = false;
        self.retry_at = None;
        let (Ok(spec), Some(lineup)) = (&self.spec, &self.lineup) else {
            let text = tr!("Starting the recogniser: none is installed. Install v2m again.");
            let failure = Failure::new(Code::EngineFailed, text)
                .in_brief(tr!("The recogniser is missing"), tr!("Install v2m again: make install"))
                .lasting();
            return self.set_state(EngineState::Failed, Some(failure));
        };
        if self.asleep.is_some() && lineup.current().backend.is_gpu() {
            self.load_wanted = true;
            return self.set_state(EngineState::Unloaded, None);
        }
        self.stamp = Stamp::of(&spec.model);
        match EngineProcess::spawn(lineup.current(), spec) {
            Ok(mut engine) => {
                engine.rouse();
                self.engine = Some(engine);
                self.set_state(EngineState::Loading, None);
            }
            Err(error) => self.not_started(&error),
        }
    }

    /// Notes a press. If no engine could be loaded, but a later attempt may succeed, or a server
    /// may answer again, makes the attempt now. Returns whether it does.
    pub fn pressed(&mut self) -> bool {
        let failed = self.report.state == EngineState::Failed && self.engine.is_none();
        let is_soon = self.pressed.is_some_and(|last| last.elapsed() < PRESSED_AGAIN);
        let has_server = self.lineup.as_ref().is_some_and(|it| it.passed_over_server().is_some());
        let is_held = self.retry_at.is_none() || self.fatal.is_some();
        let may_succeed = has_server || self.is_server_alone() || !is_held;
        if !failed || is_soon || !may_succeed || self.parting.is_some() {
            return false;
        }
        self.pressed = Some(Instant::now());
        if has_server {
            self.allow_server();
        }
        self.start();
        self.report.state == EngineState::Loading
    }

    /// Tries again when no engine runs.
    pub(super) fn retry(&mut self) {
        if self.awake_at().is_some_and(|at| Instant::now() >= at) {
            return self.resumed();
        }
        let looked = self.second_look.take_if(|at| *at <= Instant::now()).is_some();
        if looked && !self.engine_is_to_blame() {
            return;
        }
        match self.fatal {
            Some(fatal) if fatal == self.model_stamp() => {
                self.retry_at = Some(Instant::now() + RETRY_AFTER);
            }
            Some(_) => {
                self.begin_anew();
                self.start();
            }
            None => self.start(),
        }
    }
}
