//! Handles engines that fail, and jobs that no engine can do.

use super::RecogniseEvent;
use super::advice;
use super::candidates::{Candidate, Fault, PassedOver, Recovery};
use super::ending::Ending;
use super::engine::EngineProcess;
use super::job::Job;
use super::recogniser::{Blame, Parting, RETRY_AFTER, RETRY_AT_LAST, Recogniser, SETTLED_AFTER};
use super::stderr;
use crate::session::{Code, EngineState, Failure};
use std::io;
use std::time::Duration;
use tokio::time::Instant;
use v2m_ipc::engine::LoadFailure;
use v2m_messages::tr;

impl Recogniser {
    /// Reports jobs that no engine can do, once their audio is complete. Until then another engine
    /// may appear. Their audio is handed back whole.
    pub(super) fn tell_failed(&mut self) {
        let no_engine = self.report.problem.clone().filter(|_| self.engine.is_none());
        let hopeless =
            |job: &mut Job| job.finished && (job.failure.is_some() || no_engine.is_some());
        for job in self.jobs.extract_if(.., hopeless) {
            if let Some(failure) = job.failure.clone().or_else(|| no_engine.clone()) {
                self.events.push_back(job.failed(failure));
            }
        }
    }

    /// Gets rid of the engine. `reason` comes before the description of how it ended.
    pub(super) fn condemn(&mut self, blame: Blame, reason: String) {
        if let Some(engine) = self.engine.take() {
            self.jobs.iter_mut().for_each(Job::bereaved);
            self.parting = Some((engine, Parting::Failed(blame, reason)));
        }
    }

    /// Handles an engine's end, whether it ended by itself or was condemned.
    pub(super) fn died(
        &mut self,
        engine: &EngineProcess,
        blame: Blame,
        before: &str,
        ending: Ending,
    ) {
        let lacked_memory = ending.lacked_memory();
        let Ending { how, unfit, said, killed: _ } = ending;
        let said = said.as_deref().map(stderr::short);
        let victim = self.jobs.iter().position(Job::is_at_work);
        let fault = self.fault(victim, engine.started, unfit);
        let reason = match said {
            Some(said) if fault == Fault::Unfit => said,
            Some(said) => format!("{before}{how}: {said}"),
            None => format!("{before}{how}"),
        };
        if let Some(index) = victim.filter(|_| self.is_preview()) {
            return self.died_of_preview(index, &reason);
        }
        let Some(lineup) = &mut self.lineup else { return };
        let failed = lineup.current().clone();
        let verdict = lineup.failed(fault, &reason);
        let replaced = match verdict {
            Recovery::Again | Recovery::WithoutTheJob | Recovery::Later => true,
            Recovery::Next { worked } => worked,
            Recovery::Never => false,
        };
        if replaced {
            let job = victim.map(|index| self.jobs[index].id);
            self.events.push_back(RecogniseEvent::Replaced { job, reason: reason.clone() });
        }
        match verdict {
            Recovery::Again => self.start(),
            Recovery::Next { worked } => {
                self.pass_over(PassedOver { backend: failed.backend, reason }, worked);
                self.start();
            }
            Recovery::WithoutTheJob => {
                if let Some(index) = victim {
                    let is_kept = self.jobs[index].is_kept();
                    self.jobs[index].failure = Some(advice::dies_working(&reason, is_kept));
                }
                self.start();
            }
            Recovery::Later if !engine.is_loading && !lacked_memory => {
                self.program_failed(blame, &failed, &reason);
            }
            Recovery::Later => self.not_loaded(blame, lacked_memory, &reason),
            Recovery::Never => self.give_up(advice::unfit(&failed, &reason)),
        }
    }

    fn is_preview(&self) -> bool {
        self.spec.as_ref().is_ok_and(|spec| spec.is_preview)
    }

    /// Nobody waits for a preview's text: the recording is given up, and only the next one starts a
    /// process.
    fn died_of_preview(&mut self, index: usize, reason: &str) {
        let job = self.jobs.remove(index);
        let failure = Failure::new(Code::EngineFailed, tr!("its process {how}", how = reason));
        self.set_state(EngineState::Unloaded, None);
        self.events.push_back(job.failed(failure));
    }

    /// Handles the case that no engine can load the model. If memory was lacking or an engine hung,
    /// a later attempt may succeed. Otherwise the model's file kills the engine, and only another
    /// file helps.
    fn not_loaded(&mut self, blame: Blame, lacked_memory: bool, reason: &str) {
        let (model, file) = match &self.spec {
            Ok(spec) => (spec.model_name.clone(), spec.model.clone()),
            Err(_) => return,
        };
        if blame == Blame::Engine && !lacked_memory {
            self.hold_model();
            return self.give_up(advice::dies_of_model(&model, &file, reason));
        }
        let after = self.retry_later();
        self.give_up(match blame {
            Blame::Hang => advice::hangs_loading(&model, &file, reason, after),
            Blame::Engine => advice::lacks_memory(&model, reason, after),
        });
    }

    /// Handles a program that twice ended or hung before it reported that it loads the model. Its
    /// file is not to blame, and may be tried again.
    fn program_failed(&mut self, blame: Blame, failed: &Candidate, reason: &str) {
        let (model, after) = (self.model_name(), self.retry_later());
        self.give_up(match blame {
            Blame::Hang => advice::hangs_starting(failed, &model, reason, after),
            Blame::Engine => advice::dies_starting(failed, &model, reason, after),
        });
    }

    /// Sets the time of the next attempt. Returns how long it is until then: twice as long each time.
    fn retry_later(&mut self) -> Duration {
        let after = self.retry_after;
        self.retry_at = Some(Instant::now() + after);
        self.retry_after = (after * 2).min(RETRY_AT_LAST);
        after
    }

    /// Classifies the death of an engine that was working on this job, or on none.
    fn fault(&mut self, victim: Option<usize>, started: Instant, unfit: bool) -> Fault {
        let loading = self.report.state == EngineState::Loading;
        match victim {
            Some(index) => Fault::Working(self.jobs[index].died()),
            None if loading && unfit => Fault::Unfit,
            None if loading => Fault::Loading,
            None if started.elapsed() < SETTLED_AFTER => Fault::Restless,
            None => Fault::Resting,
        }
    }

    /// Handles a program of the current engine that does not even start.
    pub(super) fn not_started(&mut self, error: &io::Error) {
        let Some(lineup) = &mut self.lineup else { return };
        let candidate = lineup.current().clone();
        let reason = tr!(
            "{program} cannot be started: {error}",
            program = candidate.program.display(),
            error
        );
        match lineup.failed(Fault::Unfit, &reason) {
            Recovery::Next { worked } => {
                self.pass_over(PassedOver { backend: candidate.backend, reason }, worked);
                self.start();
            }
            Recovery::Again | Recovery::WithoutTheJob | Recovery::Later | Recovery::Never => {
                self.retry_at = Some(Instant::now() + RETRY_AFTER);
                self.give_up(advice::not_startable(&candidate, error, RETRY_AFTER));
            }
        }
    }

    /// Handles an engine's report that it cannot use this model.
    pub(super) fn load_failed(&mut self, failure: LoadFailure, reason: &str) {
        let Some(lineup) = &mut self.lineup else { return };
        let failed = lineup.current().clone();
        self.engine = None;
        self.jobs.iter_mut().for_each(Job::rewind);
        // If the file is missing, it is missing for every engine.
        if failure != LoadFailure::Missing
            && let Recovery::Next { worked } = lineup.failed(Fault::Unfit, reason)
        {
            let reason = reason.to_owned();
            self.pass_over(PassedOver { backend: failed.backend, reason }, worked);
            return self.start();
        }
        if failed.backend.is_remote() && failure == LoadFailure::Unsupported {
            return self.server_gave_up(&failed, reason);
        }
        let model = self.model_name();
        if failure == LoadFailure::Memory {
            let after = self.retry_later();
            return self.give_up(advice::no_memory(&model, reason, after));
        }
        // Set no timer: the model's folder is watched, and a new specification starts a new engine.
        self.retry_at = None;
        self.give_up(advice::load_failed(failure, &failed, &model, reason));
    }

    /// Handles an engine's report that it has no text for this job. The job is tried again. Usually
    /// the engine is not at fault.
    pub(super) fn refused(&mut self, index: usize, reason: &str) {
        if self.is_preview() {
            let job = self.jobs.remove(index);
            let failure = Failure::new(Code::EngineFailed, reason.to_owned());
            return self.events.push_back(job.failed(failure));
        }
        if !self.jobs[index].refused() {
            return;
        }
        let Some(lineup) = &mut self.lineup else { return };
        let backend = lineup.current().backend;
        if self.jobs[index].has_killed()
            && let Recovery::Next { worked } = lineup.failed(Fault::Working(u8::MAX), reason)
        {
            let reason = tr!("the recogniser" => "failed: {reason}", reason);
            self.pass_over(PassedOver { backend, reason }, worked);
            return self.let_go(Parting::Swap);
        }
        let is_kept = self.jobs[index].is_kept();
        self.jobs[index].failure = Some(advice::refused(reason, is_kept));
    }

    /// Reports that an engine is no longer used. The next engine gets all jobs. Of a server that
    /// fails the user is told once in each outage, also if it never answered.
    pub(super) fn pass_over(&mut self, engine: PassedOver, worked: bool) {
        self.jobs.iter_mut().for_each(Job::pass_on);
        let worked = if engine.backend.is_remote() { self.outage.failed() } else { worked };
        let next = self.lineup.as_ref().map(|lineup| lineup.current().backend);
        let told = |next| advice::fell_back(engine.backend, &engine.reason, next);
        let notice = next.filter(|_| worked).map(told);
        self.events.push_back(RecogniseEvent::PassedOver { engine, notice });
    }

    pub(super) fn give_up(&mut self, problem: Failure) {
        self.set_state(EngineState::Failed, Some(problem));
    }
}
