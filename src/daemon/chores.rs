//! Blocking work, done in threads beside the event loop, and what comes of it.

use super::Daemon;
use super::background::{Attempt, Wanted};
use super::refine::{Refined, Trials};
use super::reload::{Ready, Written};
use crate::config::ConfigError;
use crate::deliver::environment;
use crate::llm::Presets;
use crate::recognise::Recorded;
use crate::session::{Event, Failure, JobId};
use crate::store::{self, StoreError, Unfinished};
use std::future::Future;
use tokio::task::{AbortHandle, JoinSet};
use tracing::{info, warn};

/// Blocking work that has been done.
#[derive(Debug)]
pub(super) enum Chore {
    /// The configuration has been read anew, or could not be.
    ConfigRead { result: Result<Box<Ready>, ConfigError> },
    /// UPDATE_CONFIG has written the file, or not.
    ConfigUpdated { result: Result<Box<Written>, Failure> },
    /// The files of the presets have been read.
    PresetsRead(Presets),
    /// What was heard has become a text.
    Refined { job: JobId, refined: Box<Refined> },
    /// A TEST_RULES has been answered.
    RulesTried,
    /// TRANSCRIBE_FILE's file has been read, or not.
    FileRead { number: u64, result: Result<(Recorded, Vec<String>), String> },
    /// A recording to recover has been opened, or not.
    LeftOverOpened { result: Result<store::Pcm, StoreError>, attempt: Box<Attempt> },
    /// The recording of a RETRY_RECORDING has been looked for.
    RetryFound { result: Result<Option<Unfinished>, StoreError>, wanted: Wanted },
    /// The user manager was asked for a display that this process was not given.
    DisplayAsked { found: bool },
    /// The last dictation's text has been looked for on the disk.
    LastTextRead(Result<Option<String>, StoreError>),
    /// It was given up: a file whose client has left.
    GivenUp,
    /// It panicked: a bug.
    Broken(String),
}

/// The work under way.
#[derive(Debug, Default)]
pub(super) struct Chores {
    tasks: JoinSet<Chore>,
    pub(super) trials: Trials,
}

impl Chores {
    /// The next one that is done. Cancel-safe.
    pub(super) async fn next(&mut self) -> Chore {
        match self.tasks.join_next().await {
            Some(Ok(chore)) => chore,
            Some(Err(error)) if error.is_cancelled() => Chore::GivenUp,
            Some(Err(error)) => Chore::Broken(error.to_string()),
            None => std::future::pending().await,
        }
    }

    pub(super) fn spawn(
        &mut self,
        work: impl Future<Output = Chore> + Send + 'static,
    ) -> AbortHandle {
        self.tasks.spawn(work)
    }

    pub(super) fn spawn_blocking(&mut self, work: impl FnOnce() -> Chore + Send + 'static) {
        self.tasks.spawn_blocking(work);
    }

    /// Asks whether the desktop is another one than at the start.
    pub(super) fn ask_for_display(&mut self) {
        self.spawn(async { Chore::DisplayAsked { found: environment::has_moved().await } });
    }
}

impl Daemon {
    pub(super) fn chore_done(&mut self, chore: Chore) {
        match chore {
            Chore::ConfigUpdated { result } => self.config_updated(result),
            Chore::ConfigRead { result } => self.config_read(result),
            Chore::PresetsRead(presets) => self.presets_read(presets),
            Chore::Refined { job, refined } => self.refined(job, *refined),
            Chore::RulesTried => self.trial_done(),
            Chore::FileRead { number, result } => self.file_read(number, result),
            Chore::LeftOverOpened { result, attempt } => self.left_over_opened(result, attempt),
            Chore::RetryFound { result, wanted } => self.retry_found(result, wanted),
            // The process's environment is fixed once threads run, and clipboards are found by it.
            Chore::DisplayAsked { found: true } => {
                info!(
                    "the desktop is another one than at the start; ending, so that the next press starts with it"
                );
                self.tell(Event::Terminate);
            }
            Chore::DisplayAsked { found: false } => {}
            Chore::LastTextRead(result) => self.last_text_read(result),
            Chore::GivenUp => {}
            Chore::Broken(error) => warn!(error, "a bug: background work broke off: {error}"),
        }
    }
}
