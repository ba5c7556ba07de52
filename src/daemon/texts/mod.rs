//! Texts that a language model works on: a dictation's, and clients' (PROCESS_TEXT, TRANSLATE_TEXT).
//!
//! What is asked of it is put together in `question`, where a client's text comes from is `source`'s; the asking is
//! `llm`'s. A dictation never waits for the model beyond its limit: the session sees to that.

mod question;
mod source;

use super::background::Chore;
use super::handing::{Parcel, Whose};
use super::requests::answer;
use super::{Daemon, Reply, reload};
use crate::call::{Answer, Task, TextSource, TextWork};
use crate::config::Refine;
use crate::deliver::{ClipboardReader, Wanted};
use crate::llm::{self, LlmError, Presets, Question};
use crate::session::{
    Code, DeliverMode, Delivery, Event, Failure, JobEvent, JobId, Notice, Transcript,
};
use crate::store::{self, StoreError};
use question::with_text;
use source::{Source, ask};
use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Instant;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tracing::{info, warn};

/// Clients' texts that are with the model at once; more of them wait.
const AT_ONCE: usize = 4;

type Asking = Pin<Box<dyn Future<Output = Result<String, LlmError>> + Send>>;

/// What a language model has at the moment, and by what it is asked.
pub(super) struct Texts {
    presets: Presets,
    presets_folder: PathBuf,
    presets_watch: reload::Changes,
    /// Their files have changed since they were read last.
    presets_changed: bool,
    /// They are being read.
    presets_reading: bool,
    /// The dictations' texts that it has.
    rewriting: Vec<(JobId, Asking)>,
    work: JoinSet<Option<Finished>>,
    permits: Arc<Semaphore>,
    clipboard: ClipboardReader,
    /// The last dictation's text, of this run.
    last: Option<String>,
    /// Who waits until it is read from the disk.
    last_asked: Vec<Reply>,
    /// Dropped when the service ends.
    ending: watch::Sender<()>,
}

/// A client's text that the model is done with.
#[derive(Debug)]
pub(super) struct Finished {
    reply: Reply,
    /// The text before, where the client did not send it.
    original: Option<String>,
    pub(super) result: Result<String, Failure>,
    deliver: DeliverMode,
}

/// Something that happened to a text.
pub(super) enum TextEvent {
    /// The model is done with the dictation's text, or cannot do it.
    Rewritten(JobId, Result<String, LlmError>),
    /// It is done with a client's; `None` where nobody waits any more.
    Finished(Option<Finished>),
    /// The files of the presets have changed.
    PresetsChanged,
}

impl Texts {
    /// Presets lie beside the configuration.
    pub(super) fn new(config_path: &Path) -> Self {
        let folder = config_path.with_file_name("presets");
        Self {
            presets: Presets::read(&folder),
            presets_watch: reload::Changes::of(vec![folder.clone()]),
            presets_folder: folder,
            presets_changed: false,
            presets_reading: false,
            rewriting: Vec::new(),
            work: JoinSet::new(),
            permits: Arc::new(Semaphore::new(AT_ONCE)),
            clipboard: ClipboardReader::default(),
            last: None,
            last_asked: Vec::new(),
            ending: watch::Sender::new(()),
        }
    }

    /// Cancel-safe.
    pub(super) async fn next(&mut self) -> TextEvent {
        tokio::select! {
            (job, result) = first_of(&mut self.rewriting) => TextEvent::Rewritten(job, result),
            // What panics is a bug, and ends the process.
            Some(done) = self.work.join_next() => TextEvent::Finished(done.ok().flatten()),
            () = self.presets_watch.changed() => TextEvent::PresetsChanged,
        }
    }

    /// Refuses what is not done yet, at once.
    pub(super) async fn refuse_all(&mut self, failure: &Failure) {
        for reply in self.last_asked.drain(..) {
            answer(reply, Err(failure.clone()));
        }
        drop(std::mem::take(&mut self.ending));
        while self.work.join_next().await.is_some() {}
    }
}

/// The first that is done, taken out. Cancel-safe.
async fn first_of(askings: &mut Vec<(JobId, Asking)>) -> (JobId, Result<String, LlmError>) {
    std::future::poll_fn(|context| {
        let done = askings.iter_mut().enumerate().find_map(|(at, (_, asking))| {
            match asking.as_mut().poll(context) {
                Poll::Ready(result) => Some((at, result)),
                Poll::Pending => None,
            }
        });
        match done {
            Some((at, result)) => Poll::Ready((askings.remove(at).0, result)),
            None => Poll::Pending,
        }
    })
    .await
}

impl Daemon {
    pub(super) fn text_event(&mut self, event: TextEvent) {
        match event {
            TextEvent::Rewritten(job, result) => self.rewritten(job, result),
            TextEvent::Finished(finished) => {
                if self.texts.work.is_empty() {
                    self.tell(Event::TextWork(false));
                }
                match finished {
                    Some(finished) => self.text_finished(finished),
                    // Or it would go on saying that the model has the text.
                    None => self.show_beside(Notice::Nothing),
                }
            }
            TextEvent::PresetsChanged => {
                self.texts.presets_changed = true;
                self.read_presets();
            }
        }
    }

    /// In a thread: they are many small files, wherever the user keeps them.
    fn read_presets(&mut self) {
        if self.texts.presets_reading || !std::mem::take(&mut self.texts.presets_changed) {
            return;
        }
        self.texts.presets_reading = true;
        let folder = self.texts.presets_folder.clone();
        self.chores.spawn_blocking(move || Chore::PresetsRead(Presets::read(&folder)));
    }

    pub(super) fn presets_read(&mut self, presets: Presets) {
        self.texts.presets_reading = false;
        self.texts.presets = presets;
        let presets = self.texts.presets.names();
        info!(presets, "presets were changed; there are: {presets}");
        self.read_presets();
    }

    /// A recording's text, as the session is to be told of it: as it is, or as a draft.
    pub(super) fn text_of_dictation(&self, job: JobId, mut transcript: Transcript) -> JobEvent {
        let preset = self.preset_of(job);
        let wanted = preset.is_some() || self.settings.text.refine == Refine::Llm;
        if !wanted || transcript.text.is_empty() {
            return JobEvent::Transcribed(transcript);
        }
        match self.rewriting(&transcript.text, preset) {
            Ok(_) => JobEvent::Drafted(transcript, self.settings.llm.dictation()),
            Err(failure) => {
                transcript.problems.push(failure);
                JobEvent::Transcribed(transcript)
            }
        }
    }

    /// Why a dictation with this preset would come to nothing: told before anybody speaks.
    pub(super) fn refuse_preset(&self, preset: &str) -> Option<Failure> {
        self.rewriting("", Some(preset)).err()
    }

    /// The preset that this dictation's clients wish for.
    fn preset_of(&self, job: JobId) -> Option<&str> {
        self.live.get(job)?.wishes.preset.as_deref()
    }

    fn rewriting(&self, text: &str, preset: Option<&str>) -> Result<Question, Failure> {
        let task = Task::Rewrite { instruction: None, preset: preset.map(str::to_owned) };
        let question = self.question(&task, self.settings.llm.dictation())?;
        with_text(question, text.to_owned())
    }

    /// The model gets the dictation's text.
    pub(super) fn rewrite(&mut self, job: JobId, draft: &Transcript) {
        let question = self.rewriting(&draft.text, self.preset_of(job));
        match question {
            Ok(question) => {
                let started = Instant::now();
                let asking = async move {
                    let result = llm::ask(&question).await;
                    let ms = started.elapsed().as_millis() as u64;
                    let ok = result.is_ok();
                    let done = if ok { "answered" } else { "failed" };
                    info!(job = job.0, ms, ok, "the language model {done} after {ms} ms");
                    result
                };
                self.texts.rewriting.push((job, Box::pin(asking)));
            }
            // The settings have changed this very moment.
            Err(failure) => self.tell_job(job, JobEvent::Rewritten(Err(failure))),
        }
    }

    pub(super) fn leave_rewriting(&mut self, job: JobId) {
        // Its connection is closed with it, which tells v2m-llm that nobody waits any more.
        self.texts.rewriting.retain(|(own, _)| *own != job);
    }

    fn rewritten(&mut self, job: JobId, result: Result<String, LlmError>) {
        let result = result.map_err(|error| {
            let reason = super::refusal::sentence(&error.to_string());
            let unchanged = "Your text was delivered unchanged.";
            // What a service says may hold the text: v2m-llm has a line of its own, without it.
            let code = error.code().name();
            warn!(
                job = job.0,
                code, "the text was not rewritten ({code}); see: journalctl --user -u v2m-llm"
            );
            let cause = match error.code() {
                Code::LlmRejected => "The rewriting was not used",
                _ => "The language model is not available",
            };
            Failure::new(error.code(), format!("{reason} {unchanged}"))
                .in_brief(cause, format!("{unchanged} See why: v2m doctor"))
        });
        self.tell_job(job, JobEvent::Rewritten(result));
    }

    /// PROCESS_TEXT and TRANSLATE_TEXT.
    pub(super) fn work_on_text(&mut self, work: TextWork, reply: Reply) {
        let TextWork { source, task, deliver } = work;
        let deliver = deliver.unwrap_or(match source {
            TextSource::Clipboard => DeliverMode::Clipboard,
            TextSource::Given(_) | TextSource::Last => DeliverMode::None,
        });
        let question = match self.question(&task, self.settings.llm.timeout()) {
            Ok(question) => question,
            Err(failure) => return self.refuse_text(reply, failure, deliver),
        };
        if deliver != DeliverMode::None {
            self.show_beside(Notice::Rewriting);
        }
        let source = self.source(source);
        let permits = self.texts.permits.clone();
        let mut ending = self.texts.ending.subscribe();
        self.texts.work.spawn(async move {
            let mut reply = reply;
            tokio::select! {
                (original, result) = ask(source, question, permits) => {
                    Some(Finished { reply, original, result, deliver })
                }
                () = reply.closed() => None,
                _ = ending.changed() => {
                    let text = "v2m is ending. Ask again in a moment.";
                    answer(reply, Err(Failure::new(Code::ShuttingDown, text)));
                    None
                }
            }
        });
        self.tell(Event::TextWork(true));
    }

    /// Where a text comes from, ready to be waited for.
    fn source(&mut self, source: TextSource) -> Source {
        match source {
            TextSource::Given(text) => Source::Given(text),
            TextSource::Clipboard => Source::Clipboard(Box::pin(self.texts.clipboard.text())),
            TextSource::Last => match &self.texts.last {
                Some(text) => Source::Last(text.clone()),
                None => Source::LastOnDisk(self.dictations.clone()),
            },
        }
    }

    /// LAST_TEXT: to the client that asks, and nowhere else.
    pub(super) fn last_text(&mut self, reply: Reply) {
        if let Some(text) = self.texts.last.clone() {
            let state = self.session.state();
            return answer(reply, Ok(Answer::LastText { state, text }));
        }
        self.texts.last_asked.push(reply);
        // The reading under way answers this one too.
        if self.texts.last_asked.len() > 1 {
            return;
        }
        let folder = self.dictations.clone();
        self.chores.spawn_blocking(move || Chore::LastTextRead(store::last_text(&folder)));
    }

    pub(super) fn last_text_read(&mut self, result: Result<Option<String>, StoreError>) {
        let state = self.session.state();
        // A dictation that has ended meanwhile is a later one.
        let found = source::found(result);
        let found = self.texts.last.clone().map_or(found, Ok);
        for reply in std::mem::take(&mut self.texts.last_asked) {
            answer(reply, found.clone().map(|text| Answer::LastText { state, text }));
        }
    }

    /// For LAST_TEXT and `--last`.
    pub(super) fn remember_text(&mut self, text: &str) {
        if !text.is_empty() {
            self.texts.last = Some(text.to_owned());
        }
    }

    /// The text of an earlier run's dictation, which is older than any of this run.
    pub(super) fn remember_older_text(&mut self, text: &str) {
        if self.texts.last.is_none() {
            self.remember_text(text);
        }
    }

    fn text_finished(&mut self, finished: Finished) {
        let text = match &finished.result {
            Ok(text) => text.clone(),
            Err(failure) => {
                let failure = Failure { text: finished.original.clone(), ..failure.clone() };
                return self.refuse_text(finished.reply, failure, finished.deliver);
            }
        };
        if finished.deliver == DeliverMode::None {
            return self.answer_text(finished, Vec::new());
        }
        let wanted = Wanted { mode: finished.deliver, ..self.wanted() };
        let shown = self.settings.deliver.notify && self.session.newest().is_none();
        let screen = shown.then(|| self.screen.clone());
        let whose = Whose::Client(Box::new(finished));
        self.handing.add(Parcel { whose, text, wanted, focus: None, screen, problems: Vec::new() });
    }

    /// Its text was handed over, or there was nowhere to hand it to.
    pub(super) fn answer_text(&self, finished: Finished, deliveries: Vec<Delivery>) {
        let Finished { reply, original, result, deliver: _ } = finished;
        let state = self.session.state();
        answer(reply, result.map(|text| Answer::Text { state, text, original, deliveries }));
    }

    fn refuse_text(&self, reply: Reply, failure: Failure, deliver: DeliverMode) {
        // Without the reason, which may hold the text.
        let code = failure.code.name();
        info!(code, "a client's text was not worked on ({code})");
        // A shortcut has no terminal that would show it.
        if deliver != DeliverMode::None {
            self.show_beside(Notice::Problem(failure.clone()));
        }
        answer(reply, Err(failure));
    }

    /// Shown unless a dictation is shown.
    fn show_beside(&self, notice: Notice) {
        if self.session.newest().is_none() {
            self.notify(notice);
        }
    }
}
