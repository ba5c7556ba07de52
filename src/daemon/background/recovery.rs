//! Dictations without a text: unfinished ones from an earlier run, failed ones, and ones that a
//! client wants transcribed again. They are transcribed, kept and shown while nobody dictates. They
//! are never delivered to the cursor or clipboard, because the user may be doing something else by
//! now.

use super::attempt::{Asked, Attempt};
use super::{Background, JobPurpose, transcript};
use crate::call::Answer;
use crate::daemon::chores::Chore;
use crate::daemon::refine::RefinedRecognition;
use crate::daemon::requests::answer;
use crate::daemon::{Daemon, delivering, journal, rescue};
use crate::deliver::Notice;
use crate::recognise::{Author, Recorded};
use crate::session::{self, Code, EngineState, Failure, JobId, State, gap};
use crate::store::{
    self, MAX_ATTEMPTS, RecordUpdate, StoreError, Text, Tried, TryRecord, Unfinished,
};
use jiff::Timestamp;
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use tokio::time::Instant;
use tracing::{info, warn};
use v2m_messages::tr;

#[derive(Debug, Default)]
pub(super) struct Recovery {
    pub(super) waiting: VecDeque<Attempt>,
    /// Texts that only need to be shown.
    texts: VecDeque<(Unfinished, Text)>,
    /// Whether a recording is being transcribed; only one is at a time.
    is_busy: bool,
    /// The recording that is being opened.
    opening: Option<PathBuf>,
    /// When due recordings were last checked for.
    looked: Option<Instant>,
    /// Recordings that the store was asked to delete, one entry per request. Meanwhile they are
    /// neither tried nor shown.
    deleting: Vec<PathBuf>,
    /// Most recently deleted recordings. Later results about them are ignored.
    deleted: VecDeque<PathBuf>,
}

/// Maximum number of deleted recordings to remember. A late result about one arrives within
/// milliseconds.
const MOST_DELETED: usize = 1_000;

impl Recovery {
    /// Returns when the next attempt becomes due that was not due at the last check.
    pub(super) fn due(&self) -> Option<Instant> {
        let dues = self.waiting.iter().map(|attempt| attempt.due);
        dues.filter(|due| self.looked.is_none_or(|looked| *due > looked)).min()
    }

    /// Whether a client waits for an attempt.
    pub(super) fn is_asked(&self) -> bool {
        self.waiting.iter().any(|attempt| attempt.asked.is_some())
    }

    /// Takes the next attempt: one that a client waits for, otherwise the first that `is_ready`.
    fn take_next(&mut self, is_ready: impl Fn(&Attempt) -> bool) -> Option<Attempt> {
        let Self { waiting, deleting, .. } = self;
        let stays = |attempt: &Attempt| !deleting.contains(&attempt.left.path);
        let asked = waiting.iter().position(|it| it.asked.is_some() && stays(it));
        let next = asked.or_else(|| waiting.iter().position(|it| is_ready(it) && stays(it)))?;
        waiting.remove(next)
    }

    /// Takes the texts that only need to be shown.
    fn take_texts(&mut self) -> VecDeque<(Unfinished, Text)> {
        let Self { texts, deleting, .. } = self;
        let (held, shown) =
            std::mem::take(texts).into_iter().partition(|(left, _)| deleting.contains(&left.path));
        *texts = held;
        shown
    }

    pub(super) fn refuse_all(&mut self, failure: &Failure) {
        for asked in self.waiting.drain(..).filter_map(|attempt| attempt.asked) {
            answer(asked.reply, Err(failure.clone()));
        }
    }
}

impl Background {
    /// Queues dictations that an earlier run left.
    pub(in crate::daemon) fn recover(&mut self, left: Vec<Unfinished>) {
        let Recovery { waiting, texts, .. } = &mut self.recovery;
        let now = Timestamp::now();
        for mut left in left {
            match left.text.take() {
                Some(text) => texts.push_back((left, text)),
                None => waiting.push_back(Attempt::by_itself(left, now)),
            }
        }
        if !waiting.is_empty() {
            let recordings = waiting.len();
            info!(
                recordings,
                "{recordings} recordings of an earlier run have no text yet; they are transcribed"
            );
        }
    }

    /// Whether this recording is being transcribed, or will be: a client waits for it, or a
    /// dictation interrupted it.
    pub(in crate::daemon) fn works_on(&self, recording: &Path) -> bool {
        let is_it = |attempt: &Attempt| attempt.left.path == recording;
        let is_job = self.jobs.iter().any(|(_, purpose)| match purpose {
            JobPurpose::Recovery { attempt, .. } => is_it(attempt),
            JobPurpose::File(..) => false,
        });
        let Recovery { waiting, opening, .. } = &self.recovery;
        let is_begun = |attempt: &Attempt| attempt.asked.is_some() || attempt.job.is_some();
        let is_pending = waiting.iter().any(|attempt| is_it(attempt) && is_begun(attempt));
        is_job || is_pending || opening.as_deref() == Some(recording)
    }

    /// Notes that the store is asked to delete these recordings.
    pub(in crate::daemon) fn deletion_begins(&mut self, recordings: &[PathBuf]) {
        self.recovery.deleting.extend(recordings.iter().cloned());
    }

    /// Notes the result of deleting `recordings`. Those that are `gone` are neither tried nor shown
    /// any more. The others are as before.
    pub(in crate::daemon) fn deletion_is_over(&mut self, recordings: &[PathBuf], gone: &[PathBuf]) {
        let Recovery { waiting, texts, deleting, deleted, .. } = &mut self.recovery;
        for recording in recordings {
            if let Some(index) = deleting.iter().position(|it| it == recording) {
                deleting.swap_remove(index);
            }
        }
        waiting.retain(|attempt| !gone.contains(&attempt.left.path));
        texts.retain(|(left, _)| !gone.contains(&left.path));
        deleted.extend(gone.iter().cloned());
        deleted.drain(..deleted.len().saturating_sub(MOST_DELETED));
    }

    /// Whether the store is about to delete this recording.
    pub(super) fn is_being_deleted(&self, recording: &Path) -> bool {
        self.recovery.deleting.iter().any(|deleting| deleting == recording)
    }

    /// Whether this recording has been deleted.
    pub(in crate::daemon) fn is_deleted(&self, recording: &Path) -> bool {
        self.recovery.deleted.iter().any(|deleted| deleted == recording)
    }

    /// Queues a recording without a text, on which the recogniser failed in this run.
    pub(in crate::daemon) fn try_later(&mut self, left: Unfinished) {
        if self.is_deleted(&left.path) {
            return;
        }
        let attempt = Attempt::by_itself(left, Timestamp::now());
        let seconds = attempt.due.duration_since(Instant::now()).as_secs_f64().round();
        let recording = attempt.left.path.display();
        info!(%recording, seconds, "the recording {recording} is tried again in {seconds} s");
        self.recovery.waiting.push_back(attempt);
    }
}

impl Daemon {
    /// Shows the texts, and opens the next recording if it can be transcribed now.
    pub(super) fn recover_next(&mut self) {
        let now = Instant::now();
        self.background.recovery.looked = Some(now);
        if !matches!(self.session.state(), State::Idle | State::Paused) {
            return self.step_back();
        }
        if self.service.is_ending() {
            return;
        }
        // After the desktop session ends, nobody would see a notification.
        let is_seen = !self.desktop.has_ended();
        if is_seen {
            self.texts_recovered();
        }
        let state = self.engine.report().state;
        let is_usable = matches!(state, EngineState::Warm | EngineState::Unloaded);
        let is_free = self.background.files.is_idle() && self.background.jobs.is_empty();
        let recovery = &mut self.background.recovery;
        if recovery.is_busy {
            return;
        }
        let next = recovery.take_next(|attempt| {
            let can_start = if attempt.is_special() { is_free } else { is_usable };
            is_seen && attempt.due <= now && can_start
        });
        if let Some(mut attempt) = next {
            recovery.is_busy = true;
            recovery.opening = Some(attempt.left.path.clone());
            let in_work = self.under_way.in_work();
            self.chores.spawn_blocking(move || {
                attempt.number = store::number_of(&attempt.left.path, &in_work);
                Chore::LeftOverOpened {
                    result: store::open_pcm(&attempt.left.path),
                    attempt: Box::new(attempt),
                }
            });
        }
    }

    /// Ends an attempt that has its own engine, because a dictation takes precedence. The attempt
    /// is queued again.
    fn step_back(&mut self) {
        // A second try at the last dictation goes on until a newer one begins.
        if self.engine.aside_job().is_some_and(|job| self.rescues(job)) {
            if self.session.state() == State::Recording {
                self.engine.end_aside();
                self.end_rescue();
            }
            return;
        }
        let Some(job) = self.engine.end_aside() else { return };
        let mut attempt = match self.background.remove(job) {
            Some(JobPurpose::Recovery { attempt, .. }) => attempt,
            Some(JobPurpose::File(file, read)) => return self.end_second(job, file, read),
            None => return,
        };
        attempt.job = Some(job);
        let recovery = &mut self.background.recovery;
        recovery.is_busy = false;
        recovery.waiting.push_front(*attempt);
    }

    pub(in crate::daemon) fn left_over_opened(
        &mut self,
        result: Result<store::Pcm, StoreError>,
        attempt: Box<Attempt>,
    ) {
        self.background.recovery.opening = None;
        let recorded = match result {
            Ok(store::Pcm { file, offset, samples }) => {
                Recorded { file, offset, samples, is_kept: true }
            }
            Err(error) => {
                let recording = attempt.left.path.display();
                warn!(%error, %recording, "the recording {recording} cannot be recovered: {error}");
                self.background.recovery.is_busy = false;
                if let Some(asked) = attempt.asked {
                    answer(asked.reply, Err(Failure::new(Code::File, error.to_string())));
                }
                return;
            }
        };
        let samples = recorded.samples;
        let settings = self.config.settings();
        let plan = attempt.plan(self.engine.models(), settings);
        let job = attempt.job.unwrap_or_else(|| self.background.number());
        let is_counted = attempt.job.is_some();
        let left = attempt.left.clone();
        self.background.jobs.push((job, JobPurpose::Recovery { samples, attempt }));
        if !is_counted {
            self.under_way.adopt(job, &left);
        }
        if let Err(failure) = self.engine.transcribe_by(job, settings, recorded, &plan) {
            self.background_done(job, Err(failure));
        }
    }

    pub(super) fn recovered(
        &mut self,
        job: JobId,
        result: Result<RefinedRecognition, Failure>,
        samples: u64,
        attempt: Attempt,
    ) {
        self.background.recovery.is_busy = false;
        let tried = match &result {
            Ok(refined) => {
                let Author { engine, model } = refined.recognition.author.clone();
                Tried { engine, model }
            }
            Err(_) => self.engine.tried(job),
        };
        if self.engine.aside_job() == Some(job) {
            self.engine.end_aside();
        }
        let (outcome, told) = match result {
            Ok(refined) => self.text_recovered(job, refined, samples, &attempt, tried),
            Err(failure) => {
                let reason = &failure.message;
                warn!(job = job.0, reason, "a recording has no text yet: {reason}");
                // Otherwise it would not count as a try, and would be retried immediately.
                let code = match failure.code {
                    Code::ModelMissing if attempt.is_special() => Code::EngineFailed,
                    code => code,
                };
                let outcome = RecordUpdate::Failed(code, reason.clone(), Some(tried));
                (outcome, Err(failure))
            }
        };
        if matches!(outcome, RecordUpdate::Failed(code, ..) if code != Code::NoSpeech) {
            self.tell_if_last(&attempt, &outcome);
        }
        self.under_way.finish(job, outcome);
        if let Some(Asked { reply, .. }) = attempt.asked {
            let path = Some(attempt.left.path);
            let state = self.session.state();
            let told = told.map_err(|failure| Failure { audio_path: path, ..failure });
            answer(reply, told.map(|transcript| Answer::Transcript { state, transcript }));
        }
    }

    /// Decides what to keep of a transcribed recording, and what to return to a client that asked.
    fn text_recovered(
        &mut self,
        job: JobId,
        refined: RefinedRecognition,
        samples: u64,
        attempt: &Attempt,
        tried: Tried,
    ) -> (RecordUpdate, Result<session::Transcript, Failure>) {
        let has_voice = refined.recognition.stats.decoded_samples > 0;
        // Without it, the recording is deleted as soon as its text is kept.
        let keeps = self.config.settings().store.keep_audio;
        let audio = keeps.then(|| attempt.left.path.clone());
        let mut transcript = transcript(refined, samples, audio);
        transcript.gaps.clone_from(&attempt.left.gaps);
        transcript.problems.extend(gap::told(&attempt.left.gaps));
        let advice = self.advice_for_lost_speech(&transcript.language);
        transcript.problems.extend(rescue::unwritten(&transcript.segments, &advice));
        let (seconds, characters) = (journal::seconds(samples), transcript.text.chars().count());
        let Tried { engine, model } = &tried;
        info!(
            job = job.0,
            seconds, characters, engine, model, "transcribed a kept recording ({seconds:.1} s)"
        );
        if transcript.text.is_empty() && transcript.unrefined.is_none() {
            let message = if has_voice {
                tr!(
                    "The recording contains speech, but the model {model} did not understand it.",
                    model
                )
            } else {
                tr!("nothing sounded like speech").to_owned()
            };
            // Another model may understand what a smaller one does not.
            let outcome = match has_voice && attempt.is_special() {
                true => RecordUpdate::Failed(Code::EngineFailed, message.clone(), Some(tried)),
                false => RecordUpdate::Failed(Code::NoSpeech, message.clone(), None),
            };
            return (outcome, Err(Failure::new(Code::NoSpeech, message)));
        }
        let note = attempt.is_special().then(|| match attempt.left.tries.len() {
            0 => tr!("Transcribed again, with the model {model} ({engine}).", model, engine),
            count => tr!(
                "Transcribed with the model {model} ({engine}). Failed tries: {count}, with {tried}.",
                model,
                engine,
                count,
                tried = list_of_tried(&attempt.left.tries, None)
            ),
        });
        let note = lines(note.into_iter().chain(missing(&attempt.left)));
        self.show_recovered(&transcript.text, attempt.left.cut_off, note);
        if attempt.is_special() {
            self.texts.remember(&transcript.text);
        } else {
            self.texts.remember_older(&transcript.text);
        }
        let outcome = RecordUpdate::Delivered(delivering::store_text(&transcript), Vec::new());
        (outcome, Ok(transcript))
    }

    /// Reports when a recording will not be tried again, and what was tried.
    fn tell_if_last(&mut self, attempt: &Attempt, outcome: &RecordUpdate) {
        let RecordUpdate::Failed(_, _, Some(last)) = outcome else { return };
        let left = &attempt.left;
        if left.attempts + 1 < MAX_ATTEMPTS || left.has_text {
            return;
        }
        let (tried, recording) = (list_of_tried(&left.tries, Some(last)), left.path.display());
        let number = attempt.number.unwrap_or(1);
        let text = tr!(
            "Transcribing {recording}: no text, after {tries} tries with {tried}. The recording is kept. Try another \
             model (`v2m-model list`): `v2m-send retry {number} --model MODEL`.",
            recording,
            tries = left.attempts + 1,
            tried,
            number
        );
        warn!(number, "{text}");
        let failure = Failure::new(Code::EngineFailed, text).in_brief(
            tr!("A recording could not be transcribed"),
            tr!(
                "It is kept. Try: v2m-send retry {number} --model MODEL\nTried: {tried}",
                number,
                tried
            ),
        );
        self.show(session::Notice::Problem(failure));
    }

    /// Shows all texts in one notice, because each notice replaces the one before.
    fn texts_recovered(&mut self) {
        let texts = self.background.recovery.take_texts();
        if texts.is_empty() {
            return;
        }
        let all: Vec<_> = texts.iter().map(|(_, text)| text.text.trim()).collect();
        let cut_off = texts.iter().any(|(left, _)| left.cut_off);
        let all = all.join("\n\n");
        let note = lines(texts.iter().filter_map(|(left, _)| missing(left)));
        self.show_recovered(&all, cut_off, note);
        self.texts.remember_older(&all);
        for (left, text) in texts {
            let job = self.background.number();
            let characters = text.text.chars().count();
            info!(
                job = job.0,
                characters, "a text of an earlier run was not delivered; it is shown"
            );
            self.under_way.adopt(job, &left);
            self.under_way.finish(job, RecordUpdate::Delivered(text, Vec::new()));
        }
    }

    fn show_recovered(&mut self, text: &str, cut_off: bool, note: Option<String>) {
        if !text.is_empty() {
            let screen = self.desktop.screen();
            screen.progress(Notice::Recovered { text: text.to_owned(), cut_off, note });
        }
    }
}

/// Describes what is missing from a recording, for a notification.
fn missing(left: &Unfinished) -> Option<String> {
    let brief = gap::told(&left.gaps)?.brief?;
    Some(format!("{}. {}", brief.cause, brief.remedy))
}

fn lines(notes: impl Iterator<Item = String>) -> Option<String> {
    let notes: Vec<_> = notes.collect();
    (!notes.is_empty()).then(|| notes.join("\n"))
}

/// Lists models and engines, each once.
fn list_of_tried(tries: &[TryRecord], last: Option<&Tried>) -> String {
    let earlier = tries.iter().map(|it| format!("{} ({})", it.model, it.engine));
    let last = last.map(|it| format!("{} ({})", it.model, it.engine));
    let mut tried: Vec<_> = earlier.chain(last).collect();
    tried.dedup();
    tried.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::daemon::background::Background;

    fn left(name: &str) -> Unfinished {
        Unfinished {
            path: name.into(),
            started_at: Timestamp::UNIX_EPOCH,
            attempts: 1,
            tries: Vec::new(),
            cut_off: false,
            samples: 16_000,
            text: None,
            has_text: false,
            language: None,
            gaps: Vec::new(),
        }
    }

    /// Regression: a recording that the disk failed to delete was never tried or shown again in
    /// that run.
    #[test]
    fn only_what_is_gone_is_given_up() {
        let mut background = Background::new(PathBuf::new());
        let [gone, kept, text] = ["gone", "kept", "text"];
        let shown = Unfinished { text: Some(Text::default()), ..left(text) };
        background.recover(vec![left(gone), left(kept), shown]);
        let paths = [gone, kept, text].map(PathBuf::from);
        background.deletion_begins(&paths);
        assert!(background.recovery.take_next(|_| true).is_none(), "who knows which are gone");
        assert!(background.recovery.take_texts().is_empty());
        background.deletion_is_over(&paths, &paths[..1]);
        let deleted = paths.each_ref().map(|path| background.is_deleted(path));
        assert_eq!(deleted, [true, false, false]);
        let next = background.recovery.take_next(|_| true).unwrap();
        assert_eq!(next.left.path, paths[1]);
        assert!(background.recovery.take_next(|_| true).is_none());
        assert_eq!(background.recovery.take_texts().len(), 1);
        background.try_later(left(kept));
        background.try_later(left(gone));
        assert_eq!(background.recovery.waiting.len(), 1);
    }

    /// Two clients delete the same recording. At first, the disk fails.
    #[test]
    fn nothing_is_tried_while_another_deletion_goes_on() {
        let mut background = Background::new(PathBuf::new());
        background.recover(vec![left("one")]);
        let paths = ["one"].map(PathBuf::from);
        background.deletion_begins(&paths);
        background.deletion_begins(&paths);
        background.deletion_is_over(&paths, &[]);
        assert!(background.is_being_deleted(&paths[0]));
        background.deletion_is_over(&paths, &[]);
        assert!(background.recovery.take_next(|_| true).is_some());
    }

    /// Regression: the store already had the recording and refused to delete it, and the attempt
    /// was dropped.
    #[test]
    fn an_attempt_that_steps_back_for_a_dictation_is_still_worked_on() {
        let mut background = Background::new(PathBuf::new());
        background.recover(vec![left("one"), left("other")]);
        let mut attempt = background.recovery.take_next(|_| true).unwrap();
        attempt.job = Some(background.number());
        background.recovery.waiting.push_front(attempt);
        assert!(background.works_on(Path::new("one")) && !background.works_on(Path::new("other")));
    }
}
