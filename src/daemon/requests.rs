//! Requests: those of the session get a ticket, the others are answered here.

use super::{Daemon, Reply, journal};
use crate::call::{Answer, Call, EngineStatus, Ram, Request, Status, Wishes};
use crate::config;
use crate::session::{self, Command, Failure, Notice, Ticket};
use crate::telemetry::Figures;
use std::path::PathBuf;
use tokio::time::Instant;
use tracing::{debug, info};

impl Daemon {
    pub(super) fn call(&mut self, call: Call) {
        let Call { request, reply } = call;
        match request {
            Request::Session(command) => self.session_command(command, Wishes::default(), reply),
            Request::Dictation(command, wishes) => self.session_command(command, wishes, reply),
            Request::Status => self.status_asked(reply),
            Request::GetConfig => {
                answer(reply, Ok(Answer::Config(config::with_predecessors(&self.settings))))
            }
            Request::UpdateConfig(partial) => self.updates.waiting.push_back((partial, reply)),
            Request::LastText => self.last_text(reply),
            Request::Text(work) => self.work_on_text(work, reply),
            Request::TestRules { text, language } => self.test_rules(text, language, reply),
            Request::TranscribeFile { path, track } => self.transcribe_file(path, track, reply),
        }
    }

    fn session_command(&mut self, command: Command, wishes: Wishes, reply: Reply) {
        if matches!(command, Command::Start | Command::Toggle | Command::Stop | Command::Cancel) {
            let now = Instant::now();
            self.last_press = Some(now);
            self.presses.add(now.into_std());
        }
        let (before, newest) = (self.session.state(), self.session.newest());
        let recording = self.session.recording();
        // A stop is never refused for it: what was said comes first.
        let starts = recording.is_none() && matches!(command, Command::Start | Command::Toggle);
        let preset = wishes.preset.as_deref().filter(|_| starts);
        if let Some(failure) = preset.and_then(|preset| self.refuse_preset(preset)) {
            self.show(Notice::Problem(failure.clone()));
            return answer(reply, Err(failure));
        }
        self.last_ticket += 1;
        let ticket = Ticket(self.last_ticket);
        self.tickets.insert(ticket, reply);
        // The start of a dictation decides; a later word on the same one outranks that.
        let stops = recording.or(newest.filter(|_| command == Command::Stop));
        if let Some(live) = stops.and_then(|job| self.live.get_mut(job)) {
            live.wishes.deliver = wishes.deliver.or(live.wishes.deliver);
            live.wishes.preset = wishes.preset.clone().or_else(|| live.wishes.preset.take());
        }
        self.wishes = wishes;
        self.tell(session::Event::Command { ticket, command });
        // Not used: the command started nothing, and what it wished for is not the next one's.
        self.wishes = Wishes::default();
        let (cmd, state) = (journal::name(command), self.session.state());
        // A held key repeats its command some 30 times a second: worth no line each.
        if command == Command::Shutdown {
            info!(cmd, state = state.name(), "ending: a client asked for it");
        } else if state == before {
            debug!(cmd, state = state.name(), "{cmd}: still {}", journal::doing(state));
        } else {
            let job = self.session.newest().map(|job| job.0);
            info!(cmd, state = state.name(), job, "{cmd}: now {}", journal::doing(state));
        }
    }

    fn status_asked(&mut self, reply: Reply) {
        let device = self.recogniser.report().device.as_deref();
        match self.telemetry.ask(device) {
            Some(figures) => answer(reply, Ok(self.status(Some(figures)))),
            None => self.status_asked.push(reply),
        }
    }

    /// The machine's figures are there, or cannot be had in time.
    pub(super) fn measured(&mut self, figures: Option<Figures>) {
        for reply in std::mem::take(&mut self.status_asked) {
            answer(reply, Ok(self.status(figures.clone())));
        }
    }

    fn status(&self, figures: Option<Figures>) -> Answer {
        let unknown = Figures { cpu_percent: 0.0, ram: Ram { total: 0, used: 0 }, gpu: None };
        let Figures { cpu_percent, ram, gpu } = figures.unwrap_or(unknown);
        let report = self.recogniser.report();
        let status = Status {
            state: self.session.state(),
            pending: self.session.pending(),
            cpu_percent,
            ram,
            gpu,
            engine: EngineStatus {
                state: report.state,
                backend: report.backend.clone(),
                device: report.device.clone(),
                model: report.model.clone(),
                loaded_in_ms: report.loaded_in_ms,
                memory_bytes: report.memory_bytes,
                passed_over: report
                    .passed_over
                    .iter()
                    .map(|engine| (engine.backend.name(), engine.reason.clone()))
                    .collect(),
            },
            uptime_s: self.started.elapsed().as_secs(),
            problem: report.problem.as_ref().or(self.config_problem.as_ref()).cloned(),
        };
        Answer::Status(Box::new(status))
    }

    fn transcribe_file(&mut self, path: PathBuf, track: Option<u32>, reply: Reply) {
        if let Some(problem) = self.recogniser.report().problem.clone() {
            return answer(reply, Err(problem));
        }
        info!(file = %path.display(), track, "asked to transcribe {}", path.display());
        self.background.add_file(path, track, reply);
    }
}

pub(super) fn answer(reply: Reply, result: Result<Answer, Failure>) {
    let _ = reply.send(result); // a client that has left needs no answer
}
