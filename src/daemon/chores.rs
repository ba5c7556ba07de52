//! Runs blocking work in threads next to the event loop, and returns its results.

use super::Daemon;
use super::background::{Attempt, Wanted};
use super::history::HistoryFound;
use super::refine::{RefinedRecognition, Trials};
use super::reload::{CheckedSettings, UpdateResult};
use crate::config::ConfigError;
use crate::deliver::{Way, environment};
use crate::llm::Presets;
use crate::recognise::Recorded;
use crate::session::{DeliverMode, Event, Failure, JobId};
use crate::store::{self, StoreError, Unfinished};
use std::future::Future;
use std::time::Duration;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::timeout;
use tracing::{debug, info, warn};

/// A result of blocking work.
#[derive(Debug)]
pub(super) enum Chore {
    /// The configuration was reloaded, or that failed.
    ConfigRead { result: Result<Box<CheckedSettings>, ConfigError> },
    /// UPDATE_CONFIG wrote the file, or failed.
    ConfigUpdated { result: Result<Box<UpdateResult>, Failure> },
    /// The preset files have been read.
    PresetsRead(Presets),
    /// The desktop answered which application had the keyboard when this dictation began.
    ApplicationFound { job: JobId, names: Vec<String> },
    /// The text rules have been applied to a recognition.
    Refined { job: JobId, refined: Box<RefinedRecognition> },
    /// A TEST_RULES request has been answered.
    RulesTried,
    /// The file of a TRANSCRIBE_FILE has been read, or that failed.
    FileRead { number: u64, result: Result<(Recorded, Vec<String>), String> },
    /// A recording to recover has been opened, or that failed.
    LeftOverOpened { result: Result<store::Pcm, StoreError>, attempt: Box<Attempt> },
    /// The recording of a RETRY_RECORDING has been looked up.
    RetryFound { result: Result<Option<Box<Unfinished>>, Failure>, wanted: Wanted },
    /// The store's contents, for a client that asked.
    History(Box<HistoryFound>),
    /// The work itself has answered its client.
    Answered,
    /// The user manager was asked for a display that this process did not inherit.
    DisplayAsked { found: bool },
    /// The desktop answered where texts go in this mode.
    WayFound { mode: DeliverMode, way: Way },
    /// The time limit for [`Chore::WayFound`] has passed.
    WayLate,
    /// The search for the last dictation's text on disk has ended.
    LastTextRead(Result<Option<String>, StoreError>),
    /// The work was cancelled, because its client disconnected.
    GivenUp,
    /// The work panicked, which is a bug.
    Broken(String),
}

/// The work under way.
#[derive(Debug, Default)]
pub(super) struct Chores {
    tasks: JoinSet<Chore>,
    pub(super) trials: Trials,
}

impl Chores {
    /// Waits for the next result. Cancel-safe.
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

    /// Refuses, at shutdown, the clients that still wait for a look-up in the store.
    pub(super) async fn refuse_all(&mut self, failure: &Failure, within: Duration) {
        let all = async {
            while let Some(done) = self.tasks.join_next().await {
                match done {
                    Ok(Chore::History(found)) => found.refuse(failure),
                    Ok(Chore::RetryFound { wanted, .. }) => wanted.refuse(failure),
                    Ok(_) | Err(_) => {}
                }
            }
        };
        if timeout(within, all).await.is_err() {
            debug!("some work in the background has not ended yet");
        }
    }

    /// Asks the user manager whether a display has appeared or changed since the start.
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
            Chore::ApplicationFound { job, names } => self.application_found(job, &names),
            Chore::Refined { job, refined } => self.refined(job, *refined),
            Chore::RulesTried => self.trial_done(),
            Chore::FileRead { number, result } => self.file_read(number, result),
            Chore::LeftOverOpened { result, attempt } => self.left_over_opened(result, attempt),
            Chore::History(found) => self.history_found(*found),
            Chore::Answered => {}
            Chore::RetryFound { result, wanted } => self.retry_found(result, wanted),
            // The environment cannot change once threads run, and clipboards are found through it.
            Chore::DisplayAsked { found: true } => {
                info!(
                    "the desktop is another one than at the start; ending, so that the next press starts with it"
                );
                self.tell(Event::Terminate);
            }
            Chore::DisplayAsked { found: false } => {}
            Chore::WayFound { mode, way } => {
                self.desktop.way_found(mode, way);
                self.release_status();
            }
            Chore::WayLate => {
                self.desktop.way_late();
                self.release_status();
            }
            Chore::LastTextRead(result) => self.last_text_read(result),
            Chore::GivenUp => {}
            Chore::Broken(error) => warn!(error, "a bug: background work broke off: {error}"),
        }
    }
}
