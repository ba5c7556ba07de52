//! Every dictation on disk, from its first second: nothing said is ever lost.
//!
//! A dictation is two files in one directory, `<UTC time>-<job>.wav` (16 kHz, mono, 16 bit) and
//! `<UTC time>-<job>.json` (its [`Record`]). The recording grows while it is made and can be read
//! after a crash at any moment; the JSON is replaced as a whole. All file work is done by the
//! thread `v2m-store`; [`Store`] only queues, so it never blocks, and [`StoreEvent`]s tell what
//! came of it.
//!
//! Order for a job: `begin`, `append`…, `recorded`, `finish` (with [`RecordUpdate::Transcribed`] as
//! often as wanted, then one of the others) or at any time `discard`. Whoever calls keeps the audio
//! in memory until [`StoreEvent::Recorded`]: after [`StoreEvent::AppendFailed`] or a refused
//! `append` the file holds only the beginning, and `rewrite` gives it the whole again.
//!
//! Not here: who decides what is kept (settings), and what is done with recovered audio (the
//! daemon).

mod directory;
mod entry;
#[cfg(fuzzing)]
pub mod fuzzing;
mod last;
mod record;
mod recovery;
mod retention;
mod thread;
mod wav;

pub use last::last_text;
pub use record::{ErrorRecord, GapRecord, MAX_ATTEMPTS, Record, RecordState, TryRecord};
pub use recovery::{Unfinished, nth, number_of, unfinished};
pub use retention::Retention;
pub use wav::{Pcm, open_pcm, read_pcm};

use crate::session::{Code, Delivery, Gap, JobId, Segment};
use std::collections::{HashMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::mpsc;

/// Commands that may wait; audio comes some ten to fifty times a second.
const QUEUE: usize = 1024;
/// Places in the queue that audio may not take, so that the end of a job always finds one.
const RESERVED: usize = 128;
/// Jobs whose path is remembered.
const REMEMBERED: usize = 64;

/// Why something could not be kept.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A file or directory cannot be read or written.
    #[error("{doing} {}: {source}; {}", path.display(), advice(source))]
    File {
        /// What was being done.
        doing: &'static str,
        /// To which file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The thread cannot be started.
    #[error("starting the thread that saves dictations: {0}; close some programs and try again")]
    Thread(io::Error),
    /// Too much waits for the disk already, or the thread has ended.
    #[error("saving a dictation: the disk is too slow; the recording stays in memory for now")]
    Full,
}

impl StoreError {
    fn file(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::File { doing, path: path.into(), source }
    }
}

fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            "free some space there"
        }
        io::ErrorKind::ReadOnlyFilesystem => "make that file system writable",
        io::ErrorKind::PermissionDenied => {
            "check its owner and permissions: the service must be able to write there"
        }
        _ => "check the disk",
    }
}

/// What was made of a recording.
#[derive(Clone, Debug, PartialEq)]
pub enum RecordUpdate {
    /// The text is known and not delivered yet. The job goes on.
    Transcribed(Text),
    /// The text was handed over; this ends the job.
    Delivered(Text, Vec<Delivery>),
    /// There is no text, why, and what was tried if anything was; this ends the job. The recording
    /// is kept, and is [`Unfinished`] unless it holds no speech or [`MAX_ATTEMPTS`] have failed. A
    /// text of an earlier attempt stays.
    Failed(Code, String, Option<Tried>),
}

/// With what a recording was transcribed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tried {
    /// The engine, as in status and journal.
    pub engine: String,
    /// The model's name.
    pub model: String,
}

/// The text of a recording.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text {
    /// What is delivered.
    pub text: String,
    /// What was heard, where that is something else.
    pub unrefined: Option<String>,
    /// ISO 639-1 code.
    pub language: String,
    /// In samples at 16 kHz.
    pub segments: Vec<Segment>,
}

/// What the thread tells.
#[derive(Debug)]
pub enum StoreEvent {
    /// Once, first of all: what earlier runs left unfinished, oldest first.
    Unfinished(Vec<Unfinished>),
    /// The job has a file.
    Began {
        /// The job.
        job: JobId,
        /// Its recording.
        path: PathBuf,
    },
    /// The recording on disk ends here, once for each `begin` or `rewrite`.
    AppendFailed {
        /// The job.
        job: JobId,
        /// Why.
        error: StoreError,
    },
    /// The whole recording is on disk.
    Recorded {
        /// The job.
        job: JobId,
        /// Its recording.
        path: PathBuf,
        /// At 16 kHz.
        samples: u64,
    },
    /// The job's outcome is on disk and the job has ended.
    Finished {
        /// The job.
        job: JobId,
        /// Its recording, where it is kept.
        audio: Option<PathBuf>,
        /// The same, if another attempt may give it a text.
        again: Option<Box<Unfinished>>,
    },
    /// Something else could not be written, deleted or read.
    Failed {
        /// The job, if it was about one.
        job: Option<JobId>,
        /// Why.
        error: StoreError,
    },
}

/// The handle. Dropping it ends the thread once all that was queued is done; the event channel
/// closes then.
#[derive(Debug)]
pub struct Store {
    directory: PathBuf,
    commands: mpsc::Sender<StoreCommand>,
    paths: HashMap<JobId, PathBuf>,
    order: std::collections::VecDeque<JobId>,
    /// Jobs of which some audio was refused.
    behind: HashSet<JobId>,
}

#[derive(Debug)]
enum StoreCommand {
    Begin { job: JobId, path: PathBuf, started_at: jiff::Timestamp },
    Adopt { job: JobId, path: PathBuf },
    Miss { job: JobId, gap: Gap },
    Append { job: JobId, samples: Arc<[i16]> },
    Rewrite { job: JobId, samples: Vec<i16> },
    Recorded { job: JobId },
    Finish { job: JobId, outcome: Box<RecordUpdate> },
    Discard { job: JobId },
    Retain(Retention),
}

impl Store {
    /// Starts the thread. It makes the directory (0700), tells the [`Unfinished`], and sweeps.
    /// While another process holds the directory's lock, nothing is recovered or swept, only kept.
    ///
    /// # Errors
    /// [`StoreError::Thread`]. Trouble with the directory is told by [`StoreEvent::Failed`], and
    /// does not keep later jobs from trying again.
    pub fn spawn(
        directory: PathBuf,
        retention: Retention,
        events: mpsc::Sender<StoreEvent>,
    ) -> Result<Self, StoreError> {
        let (commands, receiver) = mpsc::channel(QUEUE);
        thread::spawn(directory.clone(), retention, receiver, events)
            .map_err(StoreError::Thread)?;
        Ok(Self {
            directory,
            commands,
            paths: HashMap::new(),
            order: std::collections::VecDeque::new(),
            behind: HashSet::new(),
        })
    }

    /// Starts a dictation now; its path.
    ///
    /// # Errors
    /// [`StoreError::Full`]: the job is not known then. Call again later, and then `rewrite`.
    pub fn begin(&mut self, job: JobId) -> Result<PathBuf, StoreError> {
        let started_at = jiff::Timestamp::now();
        let path = self.directory.join(directory::file_name(started_at, job));
        self.remember(job, &path);
        let first = self.behind.insert(job);
        self.send(StoreCommand::Begin { job, path: path.clone(), started_at })?;
        // After a refusal, audio has been missed: that needs a `rewrite` first.
        if first {
            self.behind.remove(&job);
        }
        Ok(path)
    }

    /// Takes a recording that is no job any more over as `job`. Without a text this counts as one
    /// more attempt to transcribe it. Goes on with `finish` or `discard`.
    ///
    /// # Errors
    /// [`StoreError::Full`].
    pub fn adopt(&mut self, job: JobId, unfinished: &Unfinished) -> Result<(), StoreError> {
        self.remember(job, &unfinished.path);
        self.send(StoreCommand::Adopt { job, path: unfinished.path.clone() })
    }

    /// Adds 16 kHz mono samples. Once one call for a job was refused all are, until `rewrite`:
    /// the file never has a gap.
    ///
    /// # Errors
    /// [`StoreError::Full`].
    pub fn append(&mut self, job: JobId, samples: Arc<[i16]>) -> Result<(), StoreError> {
        if self.behind.contains(&job) || self.commands.capacity() <= RESERVED {
            self.behind.insert(job);
            return Err(StoreError::Full);
        }
        self.send(StoreCommand::Append { job, samples })
    }

    /// Notes that some sound could not be recorded.
    ///
    /// # Errors
    /// [`StoreError::Full`].
    pub fn miss(&mut self, job: JobId, gap: Gap) -> Result<(), StoreError> {
        self.send(StoreCommand::Miss { job, gap })
    }

    /// Writes the job's whole recording again from memory; `append` goes on behind it.
    ///
    /// # Errors
    /// [`StoreError::Full`].
    pub fn rewrite(&mut self, job: JobId, samples: Vec<i16>) -> Result<(), StoreError> {
        self.send(StoreCommand::Rewrite { job, samples })?;
        self.behind.remove(&job);
        Ok(())
    }

    /// No more audio comes for this job: brings the recording to the disk. Answered by
    /// [`StoreEvent::Recorded`] or [`StoreEvent::AppendFailed`].
    ///
    /// # Errors
    /// [`StoreError::Full`].
    pub fn recorded(&mut self, job: JobId) -> Result<(), StoreError> {
        if self.behind.contains(&job) {
            return Err(StoreError::Full);
        }
        self.send(StoreCommand::Recorded { job })
    }

    /// Writes what was made of the recording.
    ///
    /// # Errors
    /// [`StoreError::Full`].
    pub fn finish(&mut self, job: JobId, outcome: RecordUpdate) -> Result<(), StoreError> {
        self.send(StoreCommand::Finish { job, outcome: Box::new(outcome) })
    }

    /// Deletes the job's audio and text.
    ///
    /// # Errors
    /// [`StoreError::Full`].
    pub fn discard(&mut self, job: JobId) -> Result<(), StoreError> {
        self.behind.remove(&job);
        self.paths.remove(&job);
        self.send(StoreCommand::Discard { job })
    }

    /// Puts another retention in force, and sweeps.
    ///
    /// # Errors
    /// [`StoreError::Full`].
    pub fn retain(&mut self, retention: Retention) -> Result<(), StoreError> {
        self.send(StoreCommand::Retain(retention))
    }

    /// The recording of a job of this run, one of the last 64.
    pub fn path(&self, job: JobId) -> Option<&Path> {
        self.paths.get(&job).map(PathBuf::as_path)
    }

    fn send(&self, command: StoreCommand) -> Result<(), StoreError> {
        self.commands.try_send(command).map_err(|_| StoreError::Full)
    }

    fn remember(&mut self, job: JobId, path: &Path) {
        self.paths.insert(job, path.into());
        self.order.push_back(job);
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.paths.remove(&oldest);
            self.behind.remove(&oldest);
        }
    }
}
