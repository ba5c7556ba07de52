//! Saves every dictation to disk from its first second, so that nothing said is ever lost.
//!
//! A dictation is two files in one directory, `<UTC time>-<job>.wav` (16 kHz, mono, 16 bit) and
//! `<UTC time>-<job>.json` (its [`Record`]). The recording grows while it is made, and can be read
//! after a crash at any moment. The JSON is always replaced as a whole. The thread `v2m-store` does
//! all file work. [`Store`] only queues commands, so it never blocks; [`StoreEvent`]s report the
//! results.
//!
//! Calls for a job come in this order: `begin`, `append`…, `recorded`, `finish` (with
//! [`RecordUpdate::Transcribed`] as often as wanted, then once with another update). `discard` may
//! come at any time. The caller keeps the audio in memory until [`StoreEvent::Recorded`]: after
//! [`StoreEvent::AppendFailed`] or a refused `append`, the file holds only the beginning, and
//! `rewrite` completes it.
//!
//! Not here: the decision what is kept (settings), and the handling of recovered audio (the
//! daemon).

mod directory;
mod entry;
#[cfg(fuzzing)]
pub mod fuzzing;
mod history;
mod last;
mod record;
mod recovery;
mod retention;
mod thread;
mod wav;

pub use history::{
    Candidate, Candidates, HistoryFilter, Lookup, candidates, find, id_of_number, is_id, list,
};
pub use last::last_text;
pub use record::{
    ErrorRecord, GapRecord, MAX_ATTEMPTS, PresetRecord, Record, RecordState, TryRecord,
};
pub use recovery::{Unfinished, number_of, one, unfinished};
pub use retention::Retention;
pub use wav::{Pcm, open_pcm, read_pcm};

use crate::session::{ChosenPreset, Code, Delivery, Gap, JobId, Segment};
use std::collections::{HashMap, HashSet, VecDeque};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{mpsc, oneshot};
use v2m_messages::tr;

/// How many commands may wait. Audio comes about ten to fifty times a second.
const QUEUE: usize = 1024;
/// Queue places that audio may not take, so that there is always room for the end of a job.
const RESERVED: usize = 128;
/// How many lists of numbers may wait, and how many numbers a list may have.
const MOST_LISTS: usize = 4;
const MOST_IN_LIST: usize = 64;
/// The number of jobs for which the path is remembered.
const REMEMBERED: usize = 64;

/// Why a dictation could not be saved.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A file or directory could not be read or written.
    #[error(
        "{}",
        tr!(
            "{doing} {path}: {source}; {advice}",
            doing = v2m_messages::text(doing),
            path = .path.display(),
            source,
            advice = advice(source)
        )
    )]
    File {
        /// The operation that failed, marked for translation.
        doing: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The thread could not be started.
    #[error(
        "{}",
        tr!(
            "starting the thread that saves dictations: {reason}; close some programs and try \
             again",
            reason = .0
        )
    )]
    Thread(io::Error),
    /// Too many commands wait for the disk, or the thread has ended.
    #[error(
        "{}",
        tr!(
            "saving a dictation: the disk is too slow; the recording stays in memory for now"
        )
    )]
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
            tr!("free some space there")
        }
        io::ErrorKind::ReadOnlyFilesystem => tr!("make that file system writable"),
        io::ErrorKind::PermissionDenied => {
            tr!("check its owner and permissions: the service must be able to write there")
        }
        _ => tr!("check the disk"),
    }
}

/// The options that were requested when a dictation began.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AskedFor {
    /// The language (ISO 639-1 code) that a client requested. The record keeps it until there is a
    /// text.
    pub language: Option<String>,
    /// The name of the continuous dictation that this one belongs to: see [`Store::name`].
    pub talk: Option<String>,
}

/// A result to write to a job's record.
#[derive(Clone, Debug, PartialEq)]
pub enum RecordUpdate {
    /// The text is known but not delivered yet. The job continues.
    Transcribed(Text),
    /// The text was delivered. This ends the job.
    Delivered(Text, Vec<Delivery>),
    /// There is no text, with the reason and, if there was an attempt, the model used. This ends
    /// the job. The recording is kept. It is [`Unfinished`] unless it holds no speech or
    /// [`MAX_ATTEMPTS`] have failed. A text of an earlier attempt stays.
    Failed(Code, String, Option<Tried>),
}

/// The engine and the model of an attempt.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tried {
    /// The engine, as in the status and the journal.
    pub engine: String,
    /// The model's name.
    pub model: String,
}

/// The text of a recording.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text {
    /// The text to deliver.
    pub text: String,
    /// The transcript, if it differs from the text.
    pub unrefined: Option<String>,
    /// The language's ISO 639-1 code.
    pub language: String,
    /// The text's segments, in samples at 16 kHz.
    pub segments: Vec<Segment>,
    /// The preset that was chosen for it.
    pub preset: Option<ChosenPreset>,
}

/// A report from the thread.
#[derive(Debug)]
pub enum StoreEvent {
    /// The first event, sent once: the dictations that earlier runs left unfinished, oldest first.
    Unfinished(Vec<Unfinished>),
    /// The job has its files.
    Began {
        /// Identifies the dictation.
        job: JobId,
        /// The path of its recording.
        path: PathBuf,
    },
    /// The recording on disk ends here. Sent once for each `begin` or `rewrite`.
    AppendFailed {
        /// Identifies the dictation.
        job: JobId,
        /// Why writing failed.
        error: StoreError,
    },
    /// The whole recording is on disk.
    Recorded {
        /// Identifies the dictation.
        job: JobId,
        /// The path of its recording.
        path: PathBuf,
        /// The number of samples at 16 kHz.
        samples: u64,
    },
    /// The job's outcome is on disk, and the job has ended.
    Finished {
        /// Identifies the dictation.
        job: JobId,
        /// The recording, if it is kept.
        audio: Option<PathBuf>,
        /// The recording, if another attempt may produce a text.
        again: Option<Box<Unfinished>>,
    },
    /// Another file operation failed.
    Failed {
        /// The job, if the operation belonged to one.
        job: Option<JobId>,
        /// Why it failed.
        error: StoreError,
    },
}

/// The outcome of a deletion.
#[derive(Debug)]
pub struct DeleteReport {
    /// The recordings of the deleted dictations.
    pub deleted: Vec<PathBuf>,
    /// The texts of the deleted dictations, at the time of the deletion.
    pub texts: Vec<String>,
    /// The recordings of dictations that belong to a job and were left alone.
    pub in_use: Vec<PathBuf>,
    /// The first error. Files that could not be deleted are still there.
    pub error: Option<StoreError>,
}

/// The handle of the store. Dropping it ends the thread once all queued commands are done. The
/// event channel closes then.
#[derive(Debug)]
pub struct Store {
    directory: PathBuf,
    commands: mpsc::Sender<StoreCommand>,
    paths: HashMap<JobId, PathBuf>,
    order: VecDeque<JobId>,
    /// Jobs with audio that was refused.
    behind: HashSet<JobId>,
    /// The first dictation of the last continuous dictation, and its name. Kept because a
    /// continuous dictation may have more sentences than there are remembered paths.
    talk: Option<(JobId, String)>,
    asked: NumbersAsked,
    /// Whether no dictation was begun or deleted since the last list of numbers was begun. Then a
    /// further number may join that list.
    counts_the_same: bool,
}

#[derive(Debug)]
enum StoreCommand {
    Begin {
        job: JobId,
        path: PathBuf,
        started_at: jiff::Timestamp,
        asked: AskedFor,
    },
    /// Cuts off `job` after `samples`, once `tail` samples of `next` are on the disk.
    Shorten {
        job: JobId,
        samples: u64,
        next: JobId,
        tail: u64,
    },
    Adopt {
        job: JobId,
        path: PathBuf,
    },
    Miss {
        job: JobId,
        gap: Gap,
    },
    Append {
        job: JobId,
        samples: Arc<[i16]>,
    },
    Rewrite {
        job: JobId,
        samples: Vec<i16>,
    },
    Recorded {
        job: JobId,
    },
    Finish {
        job: JobId,
        outcome: Box<RecordUpdate>,
    },
    Discard {
        job: JobId,
    },
    Delete {
        paths: Vec<PathBuf>,
        report: oneshot::Sender<DeleteReport>,
    },
    /// Looks up the oldest list of [`NumbersAsked`].
    Identify,
    Retain(Retention),
}

/// A request for the id of the dictation with a number.
#[derive(Debug)]
struct NumberAsked {
    number: u32,
    in_work: Vec<PathBuf>,
    found: oneshot::Sender<Result<Option<String>, StoreError>>,
}

/// The requested numbers, one list for each waiting [`StoreCommand::Identify`]. The thread scans
/// the directory once per list, and audio waits meanwhile.
type NumbersAsked = Arc<Mutex<VecDeque<Vec<NumberAsked>>>>;

impl Store {
    /// Starts the thread. The thread makes the directory (0700), reports the [`Unfinished`]
    /// dictations and sweeps. While another process holds the directory's lock, nothing is
    /// recovered or swept; dictations are only saved.
    ///
    /// # Errors
    /// [`StoreError::Thread`]. Problems with the directory are reported by [`StoreEvent::Failed`];
    /// later jobs try again.
    pub fn spawn(
        directory: PathBuf,
        retention: Retention,
        events: mpsc::Sender<StoreEvent>,
    ) -> Result<Self, StoreError> {
        let (commands, receiver) = mpsc::channel(QUEUE);
        let asked = NumbersAsked::default();
        thread::spawn(directory.clone(), retention, receiver, events, asked.clone())
            .map_err(StoreError::Thread)?;
        Ok(Self {
            directory,
            commands,
            paths: HashMap::new(),
            order: VecDeque::new(),
            behind: HashSet::new(),
            talk: None,
            asked,
            counts_the_same: false,
        })
    }

    /// Starts a dictation now and returns its path.
    ///
    /// # Errors
    /// [`StoreError::Full`]: the job is unknown then. Call again later, and then call `rewrite`.
    pub fn begin(&mut self, job: JobId) -> Result<PathBuf, StoreError> {
        self.begin_as(job, AskedFor::default())
    }

    /// Like [`Store::begin`], and notes the requested options in the record.
    ///
    /// # Errors
    /// The same as for [`Store::begin`].
    pub fn begin_as(&mut self, job: JobId, asked: AskedFor) -> Result<PathBuf, StoreError> {
        let started_at = jiff::Timestamp::now();
        let path = self.directory.join(directory::file_name(started_at, job));
        self.remember(job, &path);
        let first = self.behind.insert(job);
        self.counts_the_same = false;
        self.send(StoreCommand::Begin { job, path: path.clone(), started_at, asked })?;
        // A refusal means that audio was missed, so a `rewrite` must come first.
        if first {
            self.behind.remove(&job);
        }
        Ok(path)
    }

    /// Moves the sound from this sample on, which is `tail`, to a new dictation, `next`. `append`
    /// then continues `next`. The sound is on disk twice before it is cut off from `job`.
    /// Afterwards `job` is in the same state as after `recorded`.
    ///
    /// # Errors
    /// [`StoreError::Full`]. Both recordings are kept in their current state.
    pub fn split(
        &mut self,
        job: JobId,
        next: JobId,
        samples: u64,
        tail: Vec<i16>,
        asked: AskedFor,
    ) -> Result<(), StoreError> {
        self.begin_as(next, asked)?;
        let length = tail.len() as u64;
        if !tail.is_empty() {
            self.append(next, tail.into())?;
        }
        self.send(StoreCommand::Shorten { job, samples, next, tail: length })?;
        self.recorded(job)
    }

    /// Returns the name that all parts of a continuous dictation have in their records: the name of
    /// the `first` one.
    pub fn name(&mut self, first: JobId) -> Option<String> {
        if self.talk.as_ref().is_none_or(|(known, _)| *known != first) {
            let name = self.path(first)?.file_stem()?.to_str()?.to_owned();
            self.talk = Some((first, name));
        }
        self.talk.as_ref().map(|(_, name)| name.clone())
    }

    /// Takes over a recording that no longer belongs to a job, as `job`. If it has no text, this
    /// counts as one more attempt to transcribe it. Continue with `finish` or `discard`.
    ///
    /// # Errors
    /// [`StoreError::Full`].
    pub fn adopt(&mut self, job: JobId, unfinished: &Unfinished) -> Result<(), StoreError> {
        self.remember(job, &unfinished.path);
        self.send(StoreCommand::Adopt { job, path: unfinished.path.clone() })
    }

    /// Adds 16 kHz mono samples. Once a call for a job is refused, all further calls are refused
    /// too, until `rewrite`. So the file never has a gap.
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

    /// Writes the job's whole recording again from memory. `append` continues after it.
    ///
    /// # Errors
    /// [`StoreError::Full`].
    pub fn rewrite(&mut self, job: JobId, samples: Vec<i16>) -> Result<(), StoreError> {
        self.send(StoreCommand::Rewrite { job, samples })?;
        self.behind.remove(&job);
        Ok(())
    }

    /// Ends the audio of this job and syncs the recording to the disk. [`StoreEvent::Recorded`] or
    /// [`StoreEvent::AppendFailed`] answers it.
    ///
    /// # Errors
    /// [`StoreError::Full`].
    pub fn recorded(&mut self, job: JobId) -> Result<(), StoreError> {
        if self.behind.contains(&job) {
            return Err(StoreError::Full);
        }
        self.send(StoreCommand::Recorded { job })
    }

    /// Writes the result for the recording.
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
        self.counts_the_same = false;
        self.send(StoreCommand::Discard { job })
    }

    /// Deletes finished dictations, audio and text, by the paths of their recordings. The report
    /// comes through the returned channel, which closes unused if the thread ends first.
    ///
    /// # Errors
    /// [`StoreError::Full`].
    pub fn delete(
        &mut self,
        paths: Vec<PathBuf>,
    ) -> Result<oneshot::Receiver<DeleteReport>, StoreError> {
        let (report, reported) = oneshot::channel();
        self.counts_the_same = false;
        self.send(StoreCommand::Delete { paths, report })?;
        Ok(reported)
    }

    /// Requests the id of the dictation that has this number now: 1 is the last one, and the
    /// recordings `in_work` do not count. Later calls do not change the result. The channel closes
    /// unused if the thread ends first.
    ///
    /// # Errors
    /// [`StoreError::Full`], also if there are hundreds of requests at once.
    pub fn id_of(
        &mut self,
        number: u32,
        in_work: Vec<PathBuf>,
    ) -> Result<oneshot::Receiver<Result<Option<String>, StoreError>>, StoreError> {
        let (found, answer) = oneshot::channel();
        let one = NumberAsked { number, in_work, found };
        let mut lists = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = lists.len();
        match lists.back_mut().filter(|_| self.counts_the_same) {
            Some(list) if list.len() < MOST_IN_LIST => list.push(one),
            Some(_) => return Err(StoreError::Full),
            None if waiting == MOST_LISTS => return Err(StoreError::Full),
            None => {
                self.send(StoreCommand::Identify)?;
                lists.push_back(vec![one]);
                drop(lists);
                self.counts_the_same = true;
            }
        }
        Ok(answer)
    }

    /// Applies another retention, and sweeps.
    ///
    /// # Errors
    /// [`StoreError::Full`].
    pub fn retain(&mut self, retention: Retention) -> Result<(), StoreError> {
        self.send(StoreCommand::Retain(retention))
    }

    /// Returns the path of a job's recording, for the last 64 jobs of this run.
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
