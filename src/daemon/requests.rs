//! Handles clients' requests. Requests to the session get a ticket; the others are answered here.

use super::chores::Chore;
use super::{Daemon, Reply, journal};
use crate::call::{Answer, Call, EngineStatus, Microphone, Ram, Request, Status};
use crate::capture::{self, Source};
use crate::config;
use crate::language::spoken;
use crate::session::{self, Asker, Code, Command, EngineState, Failure, Wishes};
use crate::telemetry::Figures;
use std::path::PathBuf;
use tracing::{debug, info};
use v2m_messages::tr;

impl Daemon {
    pub(super) fn call(&mut self, call: Call) {
        let Call { request, reply } = call;
        match request {
            Request::Session(command) => self.session_command(command, Wishes::default(), reply),
            Request::Dictation(command, wishes) => self.session_command(command, wishes, reply),
            Request::Status => self.status_asked(reply),
            Request::GetConfig => {
                let config = config::with_predecessors(self.config.settings());
                answer(reply, Ok(Answer::Config(config)));
            }
            Request::Microphones => self.list_microphones(reply),
            Request::UpdateConfig(partial) => self.config.update(partial, reply),
            Request::LastText => self.last_text(reply),
            Request::Text(work) => self.work_on_text(work, reply),
            Request::TestRules { text, language } => self.test_rules(text, language, reply),
            Request::TranscribeFile { path, track } => self.transcribe_file(path, track, reply),
            Request::Retry(retry) => self.retry(retry, reply),
            Request::Undo => self.undo(reply),
            Request::List(query) => self.list_dictations(query, reply),
            Request::Show(which) => self.show_dictation(which, reply),
            Request::Redeliver(redelivery) => self.redeliver(redelivery, reply),
            Request::Delete(deletion) => self.delete_dictations(deletion, reply),
        }
    }

    /// Asks PipeWire in a thread.
    fn list_microphones(&mut self, reply: Reply) {
        self.chores.spawn_blocking(move || {
            let told =
                |source: Source| Microphone { name: source.name, description: source.description };
            let all = capture::sources().map_err(Failure::from);
            let all = all.map(|all| all.into_iter().map(told).collect());
            answer(reply, all.map(Answer::Microphones));
            Chore::Answered
        });
    }

    fn session_command(&mut self, command: Command, mut wishes: Wishes, reply: Reply) {
        if matches!(command, Command::Start | Command::Toggle | Command::Stop | Command::Cancel) {
            self.under_way.pressed();
        }
        // Recording starts while the engine loads. If it fails again, the recording is kept.
        if matches!(command, Command::Start | Command::Toggle) && self.engine.pressed() {
            self.tell(session::Event::Engine(EngineState::Loading, None));
        }
        // The session decides whether this refuses the command.
        let preset = wishes.preset.as_deref();
        let unfit = preset.and_then(|preset| self.texts.unfit(preset, self.config.settings()));
        let unspoken = self.understand_language(&mut wishes);
        let asker = Asker { ticket: self.doors.admit(reply), wishes, unfit, unspoken };
        let before = self.session.state();
        self.tell(session::Event::Command { asker, command });
        let (cmd, state) = (journal::name(command), self.session.state());
        // A held key repeats its command some 30 times a second, which would fill the journal.
        if command == Command::Shutdown {
            info!(cmd, state = state.name(), "ending: a client asked for it");
        } else if state == before {
            debug!(cmd, state = state.name(), "{cmd}: still {}", journal::doing(state));
        } else {
            let job = self.session.newest().map(|job| job.0);
            info!(cmd, state = state.name(), job, "{cmd}: now {}", journal::doing(state));
        }
    }

    /// Replaces the requested language by its code. Returns why no dictation is possible in it, or
    /// in the configured language if none is requested.
    fn understand_language(&self, wishes: &mut Wishes) -> Option<Failure> {
        let settings = &self.config.settings().engine;
        let code = match wishes.language.as_deref().map(spoken::code) {
            Some(Ok(code)) => {
                wishes.language = Some(code.unwrap_or(spoken::AUTO).to_owned());
                code
            }
            Some(Err(unknown)) => {
                // A stop must work even with an unknown language.
                wishes.language = None;
                let text = tr!("Recording was not started: {unknown}", unknown);
                let failure = Failure::new(Code::BadRequest, text);
                let (cause, remedy) = unknown.in_brief();
                return Some(failure.in_brief(cause, remedy));
            }
            None => settings.language.as_deref(),
        };
        let doing = tr!("Recording was not started");
        self.engine.models().cannot_transcribe(doing, settings, None, code)
    }

    /// Returns the language of the newest current dictation, otherwise of the next one.
    fn language(&self) -> String {
        let newest = self.session.newest().and_then(|job| self.session.wishes(job));
        let own = newest.and_then(|wishes| wishes.language.as_deref());
        let usual = self.config.settings().engine.language.as_deref();
        own.or(usual).unwrap_or(spoken::AUTO).to_owned()
    }

    fn status_asked(&mut self, reply: Reply) {
        self.desktop.ask_way(self.config.settings().deliver.mode, &mut self.chores);
        let device = self.engine.report().device.as_deref();
        if let Some(figures) = self.doors.ask_status(reply, device) {
            self.measured(Some(figures));
        }
    }

    /// Answers status requests once the machine's figures have arrived or timed out, and the
    /// desktop has reported where texts go.
    pub(super) fn measured(&mut self, figures: Option<Figures>) {
        if self.desktop.is_way_awaited() {
            return self.doors.hold(figures);
        }
        let status = self.status(figures);
        self.doors.tell_status(|| status.clone());
    }

    /// Answers the status requests that waited for the desktop, unless it is still awaited.
    pub(super) fn release_status(&mut self) {
        if let Some(figures) = self.doors.release() {
            self.measured(figures);
        }
    }

    fn status(&self, figures: Option<Figures>) -> Answer {
        let unknown = Figures { cpu_percent: 0.0, ram: Ram { total: 0, used: 0 }, gpu: None };
        let Figures { cpu_percent, ram, gpu } = figures.unwrap_or(unknown);
        let report = self.engine.report();
        let status = Status {
            state: self.session.state(),
            language: self.language(),
            pending: self.session.pending(),
            preset: self.preset(),
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
                server: self.config.settings().server().map(|server| server.base_url),
                unfollowed: self.engine.models().unfollowed(self.config.settings()),
                preview: self.preview_status(),
            },
            capture: self.under_way.status(),
            deliver: self.desktop.way(self.config.settings().deliver.mode),
            uptime_s: self.service.uptime().as_secs(),
            progress: self.progress(),
            problem: report.problem.as_ref().or(self.config.problem()).cloned(),
        };
        Answer::Status(Box::new(status))
    }

    fn transcribe_file(&mut self, path: PathBuf, track: Option<u32>, reply: Reply) {
        // As at a press: a server may be back, or memory free.
        let tries_again = self.engine.pressed();
        if let Some(problem) = self.engine.report().problem.clone().filter(|_| !tries_again) {
            return answer(reply, Err(problem));
        }
        let settings = &self.config.settings().engine;
        let (models, code) = (self.engine.models(), settings.language.as_deref());
        let doing = tr!("Transcribing {file}", file = path.display());
        if let Some(failure) = models.cannot_transcribe(&doing, settings, None, code) {
            return answer(reply, Err(failure));
        }
        info!(file = %path.display(), track, "asked to transcribe {}", path.display());
        self.background.add_file(path, track, reply);
    }
}

pub(super) fn answer(reply: Reply, result: Result<Answer, Failure>) {
    let _ = reply.send(result); // a client that has disconnected needs no answer
}
