//! Feeds a working engine: which job it gets, and whether it makes progress.

use super::Priority;
use super::engine::EngineProcess;
use super::job::Job;
use super::recogniser::{Blame, LOAD_LIMIT, Recogniser};
use crate::session::EngineState;
use std::time::Duration;
use tokio::time::Instant;
use v2m_ipc::engine::ToEngine;
use v2m_messages::tr;

impl Recogniser {
    /// Gives the engine the next job, more of the job's audio, or the job's end.
    pub(super) fn arrange(&mut self) {
        self.tell_failed();
        // A held job needs the processor too: for its language, and soon for its text.
        let makes_way = self.makes_way || self.is_dictated_to();
        let Some(engine) = &mut self.engine else { return };
        if self.report.state != EngineState::Warm || !engine.flushed() {
            return;
        }
        let may_work = |job: &Job| !makes_way || job.urgency == Priority::Live;
        let can_begin = |job: &Job| job.failure.is_none() && !job.held && may_work(job);
        let hopeful = (0..self.jobs.len()).filter(|&i| can_begin(&self.jobs[i]));
        let next = hopeful.min_by_key(|&i| self.jobs[i].urgency);
        for (_, job) in self.jobs.iter_mut().enumerate().filter(|(i, _)| Some(*i) != next) {
            if let Some(message) = job.step_back(engine.pauses) {
                engine.queue(&message);
            }
        }
        let Some(next) = next else { return };
        let job = &mut self.jobs[next];
        if let Some(wire) = job.go_on() {
            engine.rouse();
            engine.queue(&ToEngine::Resume { job: wire });
        }
        let wire = match job.wire {
            Some(wire) => wire,
            None => {
                self.last_wire = self.last_wire.wrapping_add(1);
                engine.rouse();
                engine.queue(&job.begin(self.last_wire));
                self.last_wire
            }
        };
        match job.next_pcm() {
            Ok(samples) if !samples.is_empty() => return engine.queue_pcm(wire, &samples),
            Ok(_) => {}
            Err(error) => {
                engine.queue(&ToEngine::Cancel { job: wire });
                job.unreadable(&error);
                return self.tell_failed();
            }
        }
        if job.to_be_finished() {
            job.finish_sent = true;
            engine.progressed();
            engine.queue(&ToEngine::Finish { job: wire });
        }
    }

    fn busy(&self) -> bool {
        self.report.state == EngineState::Loading || self.jobs.iter().any(Job::is_at_work)
    }

    /// Returns how long the engine may go without progress; `None` while it may have nothing to
    /// report.
    fn most_silence(&self) -> Option<Duration> {
        if self.report.state == EngineState::Loading {
            return Some(LOAD_LIMIT);
        }
        // Until the recording ends, an engine may wait for a pause.
        let at_work = |job: &Job| job.finished && job.is_at_work();
        self.jobs.iter().any(at_work).then_some(self.spec.as_ref().ok()?.hang)
    }

    /// Returns when to check again if nothing happens; `None` if no check is needed.
    pub(super) fn deadline(&self) -> Option<Instant> {
        match &self.engine {
            None => {
                let deadlines = [self.retry_at, self.awake_at(), self.second_look];
                deadlines.into_iter().flatten().min()
            }
            Some(engine) if self.busy() => Some(engine.next_look()),
            Some(_) => self.idle_deadline(),
        }
    }

    /// Checks whether a busy engine hangs. Acts on an engine without work.
    pub(super) fn overdue(&mut self) {
        if !self.busy() {
            return self.idled();
        }
        // Messages that arrived while this program was too busy to read them are not silence.
        let heard = self.engine.as_mut().map_or(Ok(()), EngineProcess::listen);
        self.take_frames();
        if let Err(error) = heard {
            return self.lost(&error);
        }
        let most = self.most_silence();
        let busy = self.busy();
        if let Some(hung) =
            self.engine.as_mut().filter(|_| busy).and_then(|engine| engine.look(most))
        {
            self.condemn(Blame::Hang, format!("{hung}, "));
        }
    }

    /// Handles an engine that has closed its end, or sent something that is not a message.
    pub(super) fn lost(&mut self, error: &std::io::Error) {
        self.condemn(
            Blame::Engine,
            match error.kind() {
                std::io::ErrorKind::UnexpectedEof => String::new(),
                _ => tr!("broke the protocol ({error}), ", error),
            },
        );
    }
}
