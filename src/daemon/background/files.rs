//! Queue of files to transcribe. Each waits, is decoded to PCM, and is transcribed, one at a time.

use super::second::{Outcome, Second};
use super::{Background, JobPurpose, transcript};
use crate::call::{Answer, Event};
use crate::daemon::chores::{Chore, Chores};
use crate::daemon::requests::answer;
use crate::daemon::{Daemon, Reply, at, journal, rescue};
use crate::recognise::{Author, Recognition, Recorded};
use crate::session::{Code, Failure, JobId, Transcript};
use crate::{atomic, media};
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::task::Poll;
use std::time::Duration;
use tokio::task::AbortHandle;
use tokio::time::Instant;
use tracing::info;
use v2m_messages::tr;

/// A file that takes longer to read is on a slow file system or hours long: read the next one in
/// parallel.
const SLOW: Duration = Duration::from_secs(5);

/// A file to transcribe, with the client that waits for it.
#[derive(Debug)]
pub(super) struct FileRequest {
    path: PathBuf,
    /// Number of the sound track, counted from 1.
    track: Option<u32>,
    reply: Reply,
}

impl FileRequest {
    pub(super) fn refuse(self, failure: &Failure) {
        answer(self.reply, Err(failure.clone()));
    }
}

/// Result of decoding a file.
#[derive(Debug)]
pub(super) struct DecodedFile {
    /// Length in samples at 16 kHz.
    samples: u64,
    /// Notes about missing parts of the sound.
    notes: Vec<String>,
    /// The try with another model.
    pub(super) second: Second,
}

/// A file that a decoder process is reading.
#[derive(Debug)]
struct Reading {
    number: u64,
    file: FileRequest,
    /// When to start reading the next file in parallel.
    slow_at: Instant,
    decoder: AbortHandle,
}

/// Files that are not transcribed yet.
#[derive(Debug)]
pub(super) struct FileQueue {
    /// Directory for the PCM of decoded files (unnamed, until transcribed): four hours take 0.5 GB.
    scratch: PathBuf,
    /// In order of request. To spare the disk, only the first is read and transcribed, unless
    /// reading it takes long.
    waiting: VecDeque<FileRequest>,
    /// Files that are being read.
    reading: Vec<Reading>,
    last_reading: u64,
}

impl FileQueue {
    pub(super) fn new(scratch: PathBuf) -> Self {
        Self { scratch, waiting: VecDeque::new(), reading: Vec::new(), last_reading: 0 }
    }

    pub(super) fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.reading.is_empty()
    }

    pub(super) fn refuse_all(&mut self, failure: &Failure) {
        let reading = self.reading.drain(..).map(|reading| {
            reading.decoder.abort();
            reading.file
        });
        reading.chain(self.waiting.drain(..)).for_each(|file| file.refuse(failure));
    }
}

impl Background {
    pub(in crate::daemon) fn add_file(&mut self, path: PathBuf, track: Option<u32>, reply: Reply) {
        self.files.waiting.push_back(FileRequest { path, track, reply });
    }

    /// Returns when the client of a file that is being read or transcribed disconnects, when the
    /// next file should be read in parallel with a slow one, or when a recording is due to be tried
    /// again. Cancel-safe.
    pub(in crate::daemon) async fn attention(&mut self) {
        let reading = &self.files.reading;
        let slow_at = match self.files.waiting.is_empty() || self.is_transcribing() {
            true => None,
            false => reading.iter().map(|reading| reading.slow_at).max(),
        };
        let at_work = self.jobs.iter_mut().filter_map(|(_, purpose)| match purpose {
            JobPurpose::File(file, _) => Some(file),
            JobPurpose::Recovery { .. } => None,
        });
        let reading = self.files.reading.iter_mut().map(|reading| &mut reading.file);
        let mut files: Vec<&mut FileRequest> = at_work.chain(reading).collect();
        let left = std::future::poll_fn(|context| {
            let mut polled = files.iter_mut().map(|file| file.reply.poll_closed(context));
            if polled.any(|left| left.is_ready()) { Poll::Ready(()) } else { Poll::Pending }
        });
        let due = self.recovery.due();
        tokio::select! {
            () = left => {}
            () = at(due) => {}
            () = at(slow_at) => {}
        }
    }

    /// Drops files whose clients have disconnected. Returns the jobs to cancel.
    pub(super) fn drop_abandoned(&mut self) -> Vec<JobId> {
        let FileQueue { waiting, reading, .. } = &mut self.files;
        waiting.retain(|file| !file.reply.is_closed());
        for reading in reading.extract_if(.., |reading| reading.file.reply.is_closed()) {
            reading.decoder.abort();
        }
        let abandoned = |(_, purpose): &mut (JobId, JobPurpose)| matches!(purpose, JobPurpose::File(FileRequest { reply, .. }, _) if reply.is_closed());
        self.jobs.extract_if(.., abandoned).map(|(job, _)| job).collect()
    }

    /// Whether the next file has to wait.
    fn is_occupied(&self) -> bool {
        let now = Instant::now();
        self.is_transcribing() || self.files.reading.iter().any(|reading| reading.slow_at > now)
    }

    pub(super) fn read_next_file(&mut self, chores: &mut Chores) {
        if self.is_occupied() {
            return;
        }
        let files = &mut self.files;
        let Some(file) = files.waiting.pop_front() else { return };
        let (path, track, scratch) = (file.path.clone(), file.track, files.scratch.clone());
        files.last_reading += 1;
        let number = files.last_reading;
        let decoder = chores.spawn(async move {
            Chore::FileRead { number, result: decode(path, track, scratch).await }
        });
        let slow_at = Instant::now() + SLOW;
        files.reading.push(Reading { number, file, slow_at, decoder });
    }
}

impl Daemon {
    pub(in crate::daemon) fn file_read(
        &mut self,
        number: u64,
        result: Result<(Recorded, Vec<String>), String>,
    ) {
        let reading = &mut self.background.files.reading;
        let Some(index) = reading.iter().position(|reading| reading.number == number) else {
            return;
        };
        let file = reading.remove(index).file;
        match result {
            Ok((recorded, notes)) => {
                let second = Second::Possible(recorded.again().ok());
                let read = DecodedFile { samples: recorded.samples, notes, second };
                let purpose = JobPurpose::File(file, read);
                let job = self.background_begin(purpose, recorded);
                self.background_progress(job, 0);
            }
            Err(error) => file.refuse(&Failure::new(Code::File, error)),
        }
    }

    /// Reports to subscribers how much of a file has been transcribed.
    pub(in crate::daemon) fn background_progress(&self, job: JobId, samples: u64) {
        let purpose = self.background.jobs.iter().find(|(own, _)| *own == job);
        if let Some((
            _,
            JobPurpose::File(FileRequest { path, .. }, DecodedFile { samples: of, .. }),
        )) = purpose
        {
            self.doors.publish(Event::Progress { path: path.clone(), samples, of: *of });
        }
    }

    pub(super) fn file_done(
        &mut self,
        job: JobId,
        file: FileRequest,
        read: DecodedFile,
        result: Outcome,
    ) {
        let Some((file, read, result)) = self.try_again(job, file, read, result) else { return };
        let FileRequest { path, reply, .. } = file;
        let DecodedFile { samples, mut notes, second } = read;
        if let Second::Over(Some(note)) = second {
            notes.push(note);
        }
        let state = self.session.state();
        let file = path.display();
        match &result {
            Ok(refined) => {
                let words = journal::transcribed(&refined.recognition, None);
                let Author { engine, model } = &refined.recognition.author;
                info!(job = job.0, %file, engine, model, "{file}: {words}");
            }
            Err(Failure { code, message, .. }) => {
                info!(job = job.0, %file, code = code.name(), "{file}: {message}");
            }
        }
        let note =
            |note| Failure::new(Code::File, tr!("{path}: {note}.", path = path.display(), note));
        let unwritten = result.as_ref().ok().and_then(|refined| {
            let advice = tr!("Try another model: v2m-model list");
            rescue::unwritten(&refined.recognition.segments, advice)
        });
        let problems: Vec<_> = notes.into_iter().map(note).chain(unwritten).collect();
        let transcript = result.and_then(|refined| {
            if refined.text.is_empty() && refined.unrefined.is_none() {
                return Err(textless(&path, &refined.recognition, &problems));
            }
            Ok(Transcript { problems, ..transcript(refined, samples, Some(path.clone())) })
        });
        answer(reply, transcript.map(|transcript| Answer::Transcript { state, transcript }));
    }
}

/// Returns the failure for a file that yielded no text.
fn textless(path: &Path, recognition: &Recognition, problems: &[Failure]) -> Failure {
    let file = path.display();
    let mut message = if recognition.stats.decoded_samples > 0 {
        tr!(
            "{file} contains speech, but the model did not understand it. \
             Set engine.language, or choose another model: v2m-model list.",
            file
        )
    } else {
        tr!("{file} contains no speech. Play it to check whether it is silent.", file)
    };
    for problem in problems {
        message = format!("{message} {}", problem.message);
    }
    Failure::new(Code::NoSpeech, message)
}

/// Decodes a file in a separate process (this program with another command): a damaged file may
/// crash a decoder, but must not crash the daemon.
async fn decode(
    path: PathBuf,
    track: Option<u32>,
    scratch: PathBuf,
) -> Result<(Recorded, Vec<String>), String> {
    let made = tokio::task::spawn_blocking({
        let scratch = scratch.clone();
        move || {
            // The directory may have been deleted.
            atomic::make_directory(&scratch)?;
            tempfile::tempfile_in(&scratch)
        }
    });
    let spool = made.await.map_err(std::io::Error::other).flatten().map_err(|error| {
        tr!(
            "reading {path}: keeping its sound in {folder}: {error}",
            path = path.display(),
            folder = scratch.display(),
            error
        )
    })?;
    // Use its path, which names the process in process lists. After an in-place upgrade, no path
    // leads to this program.
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
