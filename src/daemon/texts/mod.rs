//! Texts that a language model works on: a dictation's, and clients' (PROCESS_TEXT,
//! TRANSLATE_TEXT).
//!
//! | file | what it is for |
//! |---|---|
//! | `mod` | the presets, and texts at the model |
//! | `rewriting` | dictations' texts |
//! | `application` | presets of applications |
//! | `clients` | clients' texts |
//! | `question` | the request to the model |
//! | `source` | where a client's text comes from |
//! | `last` | the last dictation's text |
//!
//! `crate::llm` sends the requests.

mod application;
mod clients;
mod last;
mod question;
mod rewriting;
mod source;

use super::changes::Changes;
use super::chores::Chore;
use super::requests::answer;
use super::{Daemon, Reply, limits};
use crate::deliver::ClipboardReader;
use crate::llm::{LlmError, Presets};
use crate::session::{ChosenPreset, Event, Failure, JobId, Notice};
pub(super) use clients::Finished;
use rewriting::{PendingRewrite, first_of};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tracing::info;

/// Maximum number of clients' texts at the model at once. Further ones wait.
const AT_ONCE: usize = 4;

/// The texts that a language model is working on, and the presets.
pub(super) struct Texts {
    presets: Presets,
    presets_folder: PathBuf,
    presets_watch: Changes,
    /// Whether the presets' files have changed since they were last read.
    presets_changed: bool,
    /// Whether the presets are being read.
    presets_reading: bool,
    /// The dictations' texts that the model is rewriting.
    rewriting: Vec<(JobId, PendingRewrite)>,
    work: JoinSet<Option<Finished>>,
    permits: Arc<Semaphore>,
    clipboard: ClipboardReader,
    /// The last dictation's text.
    last: Option<String>,
    /// Whether the last text is from an earlier run.
    last_is_older: bool,
    /// Clients that wait until the last text is read from the disk.
    last_asked: Vec<Reply>,
    /// The preset of the last dictation that has a text.
    preset: Option<ChosenPreset>,
    /// Dropped when the service ends.
    ending: watch::Sender<()>,
}

/// Something that happened to a text.
pub(super) enum TextEvent {
    /// The model has rewritten a dictation's text, or has failed.
    Rewritten(JobId, Result<String, LlmError>),
    /// The model has finished a client's text; `None` if the client has disconnected.
    Finished(Option<Finished>),
    /// The files of the presets have changed.
    PresetsChanged,
}

impl Texts {
    /// Reads presets from the folder beside the configuration.
    pub(super) fn new(config_path: &Path) -> Self {
        let folder = config_path.with_file_name("presets");
        Self {
            presets: Presets::read(&folder),
            presets_watch: Changes::of(vec![folder.clone()]),
            presets_folder: folder,
            presets_changed: false,
            presets_reading: false,
            rewriting: Vec::new(),
            work: JoinSet::new(),
            permits: Arc::new(Semaphore::new(AT_ONCE)),
            clipboard: ClipboardReader::default(),
            last: None,
            last_is_older: false,
            last_asked: Vec::new(),
            preset: None,
            ending: watch::Sender::new(()),
        }
    }

    /// Cancel-safe.
    pub(super) async fn next(&mut self) -> TextEvent {
        tokio::select! {
            (job, result) = first_of(&mut self.rewriting) => TextEvent::Rewritten(job, result),
            // A panic is a bug, and ends the process.
            Some(done) = self.work.join_next() => TextEvent::Finished(done.ok().flatten()),
            () = self.presets_watch.changed() => TextEvent::PresetsChanged,
        }
    }

    /// Answers all waiting clients with `failure`.
    pub(super) async fn refuse_all(&mut self, failure: &Failure) {
        for reply in self.last_asked.drain(..) {
            answer(reply, Err(failure.clone()));
        }
        drop(std::mem::take(&mut self.ending));
        while self.work.join_next().await.is_some() {}
    }
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
                    // Otherwise the notification would still say that the model is working on the
                    // text.
                    None => self.show_beside(Notice::Nothing),
                }
            }
            TextEvent::PresetsChanged => {
                self.texts.presets_changed = true;
                self.read_presets();
            }
        }
    }

    /// Reads the presets in a thread, because they may be many files on a slow disk.
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
        self.session.set_limits(limits(self.config.settings(), &self.texts));
        let presets = self.texts.presets.names();
        info!(presets, "presets were changed; there are: {presets}");
        self.read_presets();
    }

    /// Shows a notice unless the state of a dictation is shown.
    fn show_beside(&self, notice: Notice) {
        if self.session.newest().is_none() {
            self.notify(notice);
        }
    }
}
