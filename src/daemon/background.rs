//! Work that nobody waits for with a finger on the key: files to transcribe, and recordings that an
//! earlier run left. One at a time; the recogniser puts a live dictation before them.

use super::refine::Refined;
use super::reload::{Ready, Written};
use super::requests::answer;
use super::{Daemon, Reply, effects, engine, journal};
use crate::call::{Answer, Event};
use crate::config::ConfigError;
use crate::deliver::Notice;
use crate::llm::Presets;
use crate::recognise::{Recognition, Recorded, Urgency};
use crate::session::{Code, EngineState, Failure, JobId, State, Transcript};
use crate::store::{self, Unfinished};
use crate::{atomic, media};
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::task::Poll;
use std::time::Duration;
use tokio::task::AbortHandle;
use tokio::time::Instant;
use tracing::{info, warn};

/// Numbers of background jobs start here, those of dictations at 1: they never meet.
const FIRST_JOB: u32 = 1 << 31;

/// A file that is read for so long waits for its file system, or is hours long: the next one is read beside it.
const SLOW: Duration = Duration::from_secs(5);

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
    LeftOverOpened { result: Result<store::Pcm, store::StoreError>, left: Unfinished },
    /// The user manager was asked for a display that this process was not given.
    DisplayAsked { found: bool },
    /// The last dictation's text has been looked for on the disk.
    LastTextRead(Result<Option<String>, store::StoreError>),
    /// It panicked: a bug.
    Broken(String),
}

/// A file to transcribe, and who waits for it.
#[derive(Debug)]
struct File {
    path: PathBuf,
    /// Which of its sound tracks, counted from 1.
    track: Option<u32>,
    reply: Reply,
}

/// A file that is being read by a decoder.
#[derive(Debug)]
struct Reading {
    number: u64,
    file: File,
    /// When the next file is read beside it.
    slow_at: Instant,
    decoder: AbortHandle,
}

#[derive(Debug)]
pub(super) struct Background {
    /// Where decoded files are kept until their text is there, without names: four hours take half a
    /// gigabyte.
    scratch: PathBuf,
    /// Files to transcribe, in the order they were asked for. Only the first of them is read and
    /// transcribed, to spare the disk, unless reading it takes long.
    files: VecDeque<File>,
    /// Those that are being read.
    reading: Vec<Reading>,
    last_reading: u64,
    left_over: VecDeque<Unfinished>,
    /// One left-over recording at a time is transcribed.
    recovering: bool,
    jobs: Vec<(JobId, Purpose)>,
    numbered: u32,
}

/// What a job is for, with its length in samples.
#[derive(Debug)]
enum Purpose {
    File(File, Read),
    Recovery { samples: u64, cut_off: bool },
}

/// What came of reading a file.
#[derive(Debug)]
struct Read {
    samples: u64,
    /// What of its sound is missing.
    notes: Vec<String>,
}

impl Background {
    /// Decoded files will be kept in the directory `scratch`.
    pub(super) fn new(scratch: PathBuf) -> Self {
        Self {
            scratch,
            files: VecDeque::new(),
            reading: Vec::new(),
            last_reading: 0,
            left_over: VecDeque::new(),
            recovering: false,
            jobs: Vec::new(),
            numbered: 0,
        }
    }

    /// Recordings that an earlier run left.
    pub(super) fn recover(&mut self, left: Vec<Unfinished>) {
        if !left.is_empty() {
            let recordings = left.len();
            info!(
                recordings,
                "{recordings} recordings of an earlier run have no text yet; they are transcribed"
            );
        }
        self.left_over.extend(left);
    }

    pub(super) fn owns(&self, job: JobId) -> bool {
        self.jobs.iter().any(|(own, _)| *own == job)
    }

    /// Whether this job is a recording of an earlier run.
    pub(super) fn recovers(&self, job: JobId) -> bool {
        let is_one = |purpose: &Purpose| matches!(purpose, Purpose::Recovery { .. });
        self.jobs.iter().any(|(own, purpose)| *own == job && is_one(purpose))
    }

    pub(super) fn refuse_all(&mut self, failure: &Failure) {
        // What is to be recovered stays in the store for the next start.
        let at_work = self.jobs.drain(..).filter_map(|(_, purpose)| match purpose {
            Purpose::File(file, _) => Some(file),
            Purpose::Recovery { .. } => None,
        });
        let reading = self.reading.drain(..).map(|reading| {
            reading.decoder.abort();
            reading.file
        });
        for file in at_work.chain(reading).chain(self.files.drain(..)) {
            answer(file.reply, Err(failure.clone()));
        }
    }

    pub(super) fn add_file(&mut self, path: PathBuf, track: Option<u32>, reply: Reply) {
        self.files.push_back(File { path, track, reply });
    }

    /// Ends when the client of a file that is being read or transcribed leaves, and when the next file is to be read beside one that takes
    /// long. Cancel-safe.
    pub(super) async fn attention(&mut self) {
        let slow_at = match self.files.is_empty() || self.is_transcribing() {
            true => None,
            false => self.reading.iter().map(|reading| reading.slow_at).max(),
        };
        let at_work = self.jobs.iter_mut().filter_map(|(_, purpose)| match purpose {
            Purpose::File(file, _) => Some(file),
            Purpose::Recovery { .. } => None,
        });
        let mut files: Vec<&mut File> =
            at_work.chain(self.reading.iter_mut().map(|reading| &mut reading.file)).collect();
        let left = std::future::poll_fn(|context| {
            let mut polled = files.iter_mut().map(|file| file.reply.poll_closed(context));
            if polled.any(|left| left.is_ready()) { Poll::Ready(()) } else { Poll::Pending }
        });
        tokio::select! {
            () = left => {}
            () = super::at(slow_at) => {}
        }
    }

    /// Forgets files whose clients have left; the jobs that are to be cancelled for it.
    fn drop_abandoned(&mut self) -> Vec<JobId> {
        self.files.retain(|file| !file.reply.is_closed());
        for reading in self.reading.extract_if(.., |reading| reading.file.reply.is_closed()) {
            reading.decoder.abort();
        }
        let abandoned = |(_, purpose): &mut (JobId, Purpose)| matches!(purpose, Purpose::File(File { reply, .. }, _) if reply.is_closed());
        self.jobs.extract_if(.., abandoned).map(|(job, _)| job).collect()
    }

    /// Whether there is no file to transcribe and no recording to recover.
    pub(super) fn is_idle(&self) -> bool {
        self.files.is_empty() && self.reading.is_empty() && self.jobs.is_empty()
    }

    fn is_transcribing(&self) -> bool {
        self.jobs.iter().any(|(_, purpose)| matches!(purpose, Purpose::File(..)))
    }

    /// Whether the next file has to wait.
    fn is_occupied(&self) -> bool {
        let now = Instant::now();
        self.is_transcribing() || self.reading.iter().any(|reading| reading.slow_at > now)
    }

    fn add(&mut self, purpose: Purpose) -> JobId {
        let job = JobId(FIRST_JOB + self.numbered);
        self.numbered = (self.numbered + 1) % FIRST_JOB;
        self.jobs.push((job, purpose));
        job
    }
}

impl Daemon {
    /// Starts what can be started now.
    pub(super) fn background_step(&mut self) {
        for job in self.background.drop_abandoned() {
            info!(job = job.0, "a file is not transcribed further: its client has left");
            self.recogniser.cancel(job);
        }
        self.read_next_file();
        self.recover_next();
    }

    fn read_next_file(&mut self) {
        if self.background.is_occupied() {
            return;
        }
        let Some(file) = self.background.files.pop_front() else { return };
        let (path, track) = (file.path.clone(), file.track);
        let scratch = self.background.scratch.clone();
        self.background.last_reading += 1;
        let number = self.background.last_reading;
        let decoder = self.chores.spawn(async move {
            Chore::FileRead { number, result: decode(path, track, scratch).await }
        });
        let slow_at = Instant::now() + SLOW;
        self.background.reading.push(Reading { number, file, slow_at, decoder });
    }

    fn recover_next(&mut self) {
        let quiet = matches!(self.session.state(), State::Idle | State::Paused);
        let state = self.recogniser.report().state;
        let usable = matches!(state, EngineState::Warm | EngineState::Unloaded);
        if !quiet || !usable || self.background.recovering {
            return;
        }
        if let Some(left) = self.background.left_over.pop_front() {
            self.background.recovering = true;
            self.chores.spawn_blocking(move || Chore::LeftOverOpened {
                result: store::open_pcm(&left.path),
                left,
            });
        }
    }

    pub(super) fn chore_done(&mut self, chore: Chore) {
        match chore {
            Chore::ConfigUpdated { result } => self.config_updated(result),
            Chore::ConfigRead { result } => self.config_read(result),
            Chore::PresetsRead(presets) => self.presets_read(presets),
            Chore::Refined { job, refined } => self.refined(job, *refined),
            Chore::RulesTried => self.trial_done(),
            Chore::FileRead { number, result } => self.file_read(number, result),
            Chore::LeftOverOpened { result: Ok(store::Pcm { file, offset, samples }), left } => {
                let recorded = Recorded { file, offset, samples, is_kept: true };
                let purpose = Purpose::Recovery { samples, cut_off: left.cut_off };
                let job = self.background_begin(purpose, recorded);
                let kept = self.store.as_mut().map(|store| store.adopt(job, &left));
                self.store_said(kept);
            }
            Chore::LeftOverOpened { result: Err(error), left } => {
                let recording = left.path.display();
                warn!(%error, %recording, "the recording {recording} cannot be recovered: {error}");
                self.background.recovering = false;
            }
            // The process's environment is fixed once threads run, and clipboards are found by it.
            Chore::DisplayAsked { found: true } => {
                info!(
                    "the desktop is another one than at the start; ending, so that the next press starts with it"
                );
                self.tell(crate::session::Event::Terminate);
            }
            Chore::DisplayAsked { found: false } => {}
            Chore::LastTextRead(result) => self.last_text_read(result),
            Chore::Broken(error) => warn!(error, "a bug: background work broke off: {error}"),
        }
    }

    fn file_read(&mut self, number: u64, result: Result<(Recorded, Vec<String>), String>) {
        let reading = &mut self.background.reading;
        let Some(index) = reading.iter().position(|reading| reading.number == number) else {
            return;
        };
        let file = reading.remove(index).file;
        match result {
            Ok((recorded, notes)) => {
                let purpose = Purpose::File(file, Read { samples: recorded.samples, notes });
                let job = self.background_begin(purpose, recorded);
                self.background_progress(job, 0);
            }
            Err(error) => answer(file.reply, Err(Failure::new(Code::File, error))),
        }
    }

    fn background_begin(&mut self, purpose: Purpose, recorded: Recorded) -> JobId {
        let job = self.background.add(purpose);
        let options = engine::decode_options(&self.settings);
        self.recogniser.transcribe(job, options, Urgency::Background, recorded);
        job
    }

    /// Tells subscribers how much of a file is text.
    pub(super) fn background_progress(&self, job: JobId, samples: u64) {
        let purpose = self.background.jobs.iter().find(|(own, _)| *own == job);
        if let Some((_, Purpose::File(File { path, .. }, Read { samples: of, .. }))) = purpose {
            self.publish(Event::Progress { path: path.clone(), samples, of: *of });
        }
    }

    pub(super) fn background_done(&mut self, job: JobId, result: Result<Refined, Failure>) {
        let jobs = &mut self.background.jobs;
        let Some(index) = jobs.iter().position(|(own, _)| *own == job) else { return };
        match jobs.remove(index).1 {
            Purpose::File(File { path, reply, .. }, Read { samples, notes }) => {
                let state = self.session.state();
                let file = path.display();
                match &result {
                    Ok(refined) => {
                        let engine = self.recogniser.engine_name();
                        let words = journal::transcribed(&refined.recognition, engine, None);
                        info!(job = job.0, %file, engine, "{file}: {words}");
                    }
                    Err(Failure { code, message, .. }) => {
                        info!(job = job.0, %file, code = code.name(), "{file}: {message}");
                    }
                }
                let note = |note| Failure::new(Code::File, format!("{}: {note}.", path.display()));
                let problems: Vec<_> = notes.into_iter().map(note).collect();
                let transcript = result.and_then(|refined| {
                    if refined.text.is_empty() && refined.unrefined.is_none() {
                        return Err(textless(&path, &refined.recognition, &problems));
                    }
                    Ok(Transcript { problems, ..transcript(refined, samples, Some(path.clone())) })
                });
                answer(
                    reply,
                    transcript.map(|transcript| Answer::Transcript { state, transcript }),
                );
            }
            Purpose::Recovery { samples, cut_off } => {
                self.background.recovering = false;
                self.recovered(job, result, samples, cut_off);
            }
        }
    }

    /// A left-over recording is transcribed, kept and shown, and never put anywhere: who knows
    /// what the user is doing by now.
    fn recovered(
        &mut self,
        job: JobId,
        result: Result<Refined, Failure>,
        samples: u64,
        cut_off: bool,
    ) {
        let outcome = match result {
            Ok(refined) => {
                let transcript = transcript(refined, samples, None);
                let (seconds, characters) =
                    (journal::seconds(samples), transcript.text.chars().count());
                info!(
                    job = job.0,
                    seconds,
                    characters,
                    "transcribed a recording of an earlier run ({seconds:.1} s)"
                );
                if transcript.text.is_empty() && transcript.unrefined.is_none() {
                    store::Outcome::Failed(Code::NoSpeech, "nothing sounded like speech".to_owned())
                } else {
                    if self.settings.deliver.notify && !transcript.text.is_empty() {
                        let text = transcript.text.clone();
                        self.screen.progress(Notice::Recovered { text, cut_off });
                    }
                    self.remember_older_text(&transcript.text);
                    store::Outcome::Delivered(effects::store_text(&transcript), Vec::new())
                }
            }
            Err(failure) => {
                let reason = &failure.message;
                warn!(job = job.0, reason, "a recording of an earlier run has no text: {reason}");
                store::Outcome::Failed(failure.code, failure.message)
            }
        };
        let kept = self.store.as_mut().map(|store| store.finish(job, outcome));
        self.store_said(kept);
    }
}

/// A file of which no text came.
fn textless(path: &Path, recognition: &Recognition, problems: &[Failure]) -> Failure {
    let file = path.display();
    let mut message = if recognition.stats.decoded_samples > 0 {
        format!(
            "In {file} there is sound like speech, and no text came of it. Does the model know its language? \
             Set engine.language, or take another model: v2m-model list."
        )
    } else {
        format!("No speech was heard in {file}. Play it, to see whether it is silent.")
    };
    for problem in problems {
        message = format!("{message} {}", problem.message);
    }
    Failure::new(Code::NoSpeech, message)
}

/// Decoded by a process of its own, which this program is when it is called so: a damaged file may
/// bring a decoder down, and must not bring the daemon down.
async fn decode(
    path: PathBuf,
    track: Option<u32>,
    scratch: PathBuf,
) -> Result<(Recorded, Vec<String>), String> {
    let made = tokio::task::spawn_blocking({
        let scratch = scratch.clone();
        move || {
            // It may have been deleted.
            atomic::make_directory(&scratch)?;
            tempfile::tempfile_in(&scratch)
        }
    });
    let spool = made.await.map_err(std::io::Error::other).flatten().map_err(|error| {
        format!("reading {}: keeping its sound in {}: {error}", path.display(), scratch.display())
    })?;
    // By its path, which names the process in lists; after an upgrade in place there is none that leads to this program.
    let program = std::env::current_exe().ok().filter(|program| program.exists());
    let program = program.unwrap_or_else(|| "/proc/self/exe".into());
    let mut command = std::process::Command::new(program);
    command.arg(media::DECODE_COMMAND);
    if let Some(track) = track {
        command.arg("--track").arg(track.to_string());
    }
    let decoded = media::read_apart(command, &path, &spool).await.map_err(|e| e.to_string())?;
    let media::Decoded { samples, notes } = decoded;
    Ok((Recorded { file: spool, offset: 0, samples, is_kept: false }, notes))
}

fn transcript(refined: Refined, samples: u64, audio: Option<PathBuf>) -> Transcript {
    let Refined { recognition, text, unrefined } = refined;
    Transcript {
        text,
        unrefined,
        language: recognition.language,
        samples,
        segments: recognition.segments,
        audio_path: audio,
        deliveries: Vec::new(),
        problems: Vec::new(),
    }
}
