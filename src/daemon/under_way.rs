//! What the session does not know of the dictations under way: the microphone, the files on the
//! disk, measurements and notes.

mod disk;

use super::live::{self, Live};
use super::refine::RefinedRecognition;
use crate::call::{CaptureStatus, Level, RecordingTime};
use crate::capture::{Capture, CaptureCommand, CaptureEvent, CaptureOutput, to_pcm16};
use crate::config::Settings;
use crate::deliver::{Focus, ShortcutPresses};
use crate::loudness::Fault;
use crate::session::{CaptureSummary, Code, Failure, Gap, GapCause, JobId};
use crate::store::{AskedFor, Store, StoreEvent};
use disk::{retention, tell};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tracing::{error, warn};
use v2m_messages::tr;

pub(super) struct UnderWay {
    capture: Option<Capture>,
    /// `capture` still has the linger of older settings.
    linger_changed: bool,
    /// The thread that writes to the disk. `None`: it could not be started, or has ended.
    store: Option<Store>,
    /// Where dictations are kept.
    folder: PathBuf,
    live: live::LiveDictations,
    /// Recordings that go on as other dictations.
    parts: Vec<Part>,
    /// When a shortcut's command came last. The user may still hold the key.
    last_press: Option<Instant>,
    /// All presses, as far as texts to come need them.
    presses: ShortcutPresses,
    /// How recording went so far.
    status: CaptureStatus,
    /// What the user was told of which microphone.
    told: BTreeSet<(String, Fault)>,
}

/// A recording that goes on as another dictation than the one that it began as.
struct Part {
    /// The dictation that capture knows.
    captured: JobId,
    /// The present one.
    current: JobId,
    /// How much is missing from the ones before, in samples.
    missing: u64,
}

/// A chunk of a recording.
pub(super) struct SoundChunk {
    /// At 16 kHz.
    pub(super) pcm: Arc<[i16]>,
    /// The level of each tenth of a second that was completed.
    pub(super) levels: Vec<Level>,
}

/// What a delivery needs to know of its dictation.
pub(super) struct DeliveryContext {
    /// The window with the keyboard at the stop.
    pub(super) focus: Option<Focus>,
    /// When the shortcut was pressed last.
    pub(super) pressed: Option<Instant>,
    /// When the recording was asked for; `None` if nothing is known of the dictation.
    pub(super) begun: Option<Instant>,
}

impl UnderWay {
    /// Dictations are kept in `folder`.
    pub(super) fn new(
        settings: &Settings,
        folder: PathBuf,
        events: mpsc::Sender<StoreEvent>,
    ) -> Self {
        let store = Store::spawn(folder.clone(), retention(settings), events)
            .inspect_err(|error| error!(%error, "dictations cannot be kept: {error}"))
            .ok();
        let capture = Capture::spawn(settings.capture.linger())
            .inspect_err(|error| error!(%error, "nothing can be recorded: {error}"))
            .ok();
        Self {
            capture,
            linger_changed: false,
            store,
            folder,
            live: live::LiveDictations::default(),
            parts: Vec::new(),
            last_press: None,
            presses: ShortcutPresses::default(),
            status: CaptureStatus::default(),
            told: BTreeSet::new(),
        }
    }

    /// Cancel-safe.
    pub(super) async fn heard(&mut self) -> CaptureOutput {
        match &mut self.capture {
            Some(capture) => capture.next().await,
            None => std::future::pending().await,
        }
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// When subscribers get the next heartbeat of a recording.
    pub(super) fn heartbeat_due(&self) -> Option<Instant> {
        self.live.heartbeat_due()
    }

    pub(super) fn beat(&mut self) {
        self.live.beat();
    }

    /// Notes that a shortcut was pressed.
    pub(super) fn pressed(&mut self) {
        let now = Instant::now();
        self.last_press = Some(now);
        self.presses.add(now.into_std());
    }

    pub(super) fn presses(&self) -> &ShortcutPresses {
        &self.presses
    }

    /// Makes the dictation's file, and starts to record.
    ///
    /// # Errors
    /// When there is no capture thread.
    pub(super) fn start(
        &mut self,
        job: JobId,
        source: Option<String>,
        asked: AskedFor,
    ) -> Result<(), Failure> {
        self.live.begin(job);
        self.keep(|store| store.begin_as(job, asked).map(drop));
        if self.capture.is_none() {
            let text = tr!(
                "Recording: the capture thread could not be started; see `journalctl --user -u v2m`."
            );
            return Err(Failure::new(Code::NoMicrophone, text).in_brief(
                tr!("Recording is not possible"),
                tr!("See why: journalctl --user -u v2m"),
            ));
        }
        self.command(CaptureCommand::Start { job, source });
        Ok(())
    }

    /// Divides a recording: what came from this sample on, `tail`, belongs to `next`, and so does all
    /// that still comes.
    pub(super) fn split(
        &mut self,
        job: JobId,
        next: JobId,
        until: u64,
        tail: Vec<i16>,
        asked: AskedFor,
    ) {
        let gaps = self.live.split(job, next, until);
        let missing = self.gaps(job).iter().map(Gap::samples).sum();
        match self.parts.iter_mut().find(|part| part.current == job) {
            Some(part) => {
                part.current = next;
                part.missing += missing;
            }
            None => self.parts.push(Part { captured: job, current: next, missing }),
        }
        let kept = self.store.as_mut().map(|store| store.split(job, next, until, tail, asked));
        if let Some(Err(error)) = kept {
            // Both are written again when their texts are there.
            if self.gap(job) | self.gap(next) {
                tell(&error);
            }
        }
        for gap in gaps {
            self.keep(|store| store.miss(next, gap));
        }
    }

    /// The figures of a recording up to this sample. `None`: the dictation is over.
    pub(super) fn heard_until(&self, job: JobId, until: u64) -> Option<CaptureSummary> {
        Some(self.live.get(job)?.heard_until(until))
    }

    /// See [`Live::await_application`].
    pub(super) fn await_application(&mut self, job: JobId) {
        if let Some(live) = self.live.get_mut(job) {
            live.await_application();
        }
    }

    /// See [`live::LiveDictations::application_known`].
    pub(super) fn application_known(
        &mut self,
        first: JobId,
    ) -> Vec<(JobId, Box<RefinedRecognition>)> {
        self.live.application_known(first)
    }

    /// See [`Live::hold`].
    pub(super) fn hold(
        &mut self,
        job: JobId,
        refined: Box<RefinedRecognition>,
    ) -> Option<Box<RefinedRecognition>> {
        match self.live.get_mut(job) {
            Some(live) => live.hold(refined),
            None => Some(refined),
        }
    }

    /// Asks which window has the keyboard.
    pub(super) fn ask_focus(&mut self, job: JobId) {
        if let Some(live) = self.live.get_mut(job) {
            live.focus = Some(Focus::ask());
        }
    }

    /// What capture tells, of the dictation that the recording belongs to by now.
    pub(super) fn current(&self, mut output: CaptureOutput) -> CaptureOutput {
        let job = match &mut output {
            CaptureOutput::Pcm { job, .. }
            | CaptureOutput::Gap { job, .. }
            | CaptureOutput::Event(
                CaptureEvent::Started { job, .. }
                | CaptureEvent::Failed { job, .. }
                | CaptureEvent::Ended { job, .. },
            ) => job,
        };
        if let Some(part) = self.parts.iter().find(|part| part.captured == *job) {
            *job = part.current;
        }
        output
    }

    /// The dictation that capture knows this one as.
    fn captured_as(&self, job: JobId) -> JobId {
        self.part(job).map_or(job, |part| part.captured)
    }

    fn part(&self, job: JobId) -> Option<&Part> {
        self.parts.iter().find(|part| part.current == job)
    }

    /// How much is missing from the whole recording that the dictation is a part of, in samples.
    pub(super) fn missing(&self, job: JobId) -> u64 {
        let own: u64 = self.gaps(job).iter().map(Gap::samples).sum();
        own + self.part(job).map_or(0, |part| part.missing)
    }

    /// The first audio has arrived, on a thread that has real-time priority or not. Whether its
    /// lack is news.
    pub(super) fn started(
        &mut self,
        job: JobId,
        realtime: Option<bool>,
        microphone: String,
    ) -> bool {
        let before = std::mem::replace(&mut self.status.realtime, realtime);
        if let Some(live) = self.live.get_mut(job) {
            live.started(microphone);
        }
        realtime == Some(false) && before != realtime
    }

    /// What is wrong with the sound of a dictation that has a text, and what to do, if the user was
    /// not told that of this microphone in this run.
    pub(super) fn poor_sound(&mut self, job: JobId) -> Option<String> {
        let live = self.live.get(job)?;
        let sound = live.sound()?;
        let fault = sound.fault()?;
        let is_news = self.told.insert((live.microphone.clone(), fault));
        is_news.then(|| {
            tr!(
                "{fault} To check: v2m doctor --listen",
                fault = sound.told(fault, &live.microphone)
            )
        })
    }

    /// How recording went since the service started.
    pub(super) fn status(&self) -> CaptureStatus {
        self.status
    }

    /// So many samples are missing before those that come next. `None` for a dictation that is
    /// over.
    pub(super) fn misses(&mut self, job: JobId, samples: u64, cause: GapCause) -> Option<Gap> {
        let gap = self.live.get_mut(job)?.misses(samples, cause);
        self.status.gaps = self.status.gaps.saturating_add(1);
        self.status.missing = self.status.missing.saturating_add(samples);
        self.keep(|store| store.miss(job, gap));
        Some(gap)
    }

    /// What could not be recorded of a dictation.
    pub(super) fn gaps(&self, job: JobId) -> &[Gap] {
        self.live.get(job).map_or(&[], |live| &live.gaps)
    }

    /// Ends a recording at this moment. `asks_focus`: the text may only go into the window that has
    /// the keyboard now.
    pub(super) fn stop(&mut self, job: JobId, asks_focus: bool) {
        self.command(CaptureCommand::Stop { job: self.captured_as(job) });
        if let Some(live) = self.live.get_mut(job) {
            live.stopped = Some(Instant::now());
            // Asked now, before the user goes to another window, but after the stop, which must not
            // wait for it.
            live.focus = asks_focus.then(Focus::ask);
        }
    }

    /// Ends a recording at once, and drops the audio that still comes.
    pub(super) fn cancel(&self, job: JobId) {
        self.command(CaptureCommand::Cancel { job: self.captured_as(job) });
    }

    /// Takes samples. `None`: the dictation is over.
    pub(super) fn hear(&mut self, job: JobId, samples: &[f32]) -> Option<SoundChunk> {
        let levels = self.live.get_mut(job)?.hear(samples);
        let pcm: Arc<[i16]> = to_pcm16(samples).into();
        let kept = self.store.as_mut().map(|store| store.append(job, Arc::clone(&pcm)));
        if let Some(Err(error)) = kept
            && self.gap(job)
        {
            tell(&error);
        }
        Some(SoundChunk { pcm, levels })
    }

    /// Sums up a recording that has ended. `None`: the dictation is over.
    pub(super) fn ended(&mut self, job: JobId, problem: Option<Failure>) -> Option<CaptureSummary> {
        let live = self.live.get(job)?;
        let (heard, gap) = (live.heard(problem), live.gap_on_disk);
        let kept = self.store.as_mut().map(|store| store.recorded(job));
        if let Some(Err(error)) = kept
            && !gap
        {
            tell(&error);
        }
        Some(heard)
    }

    /// Notes that some of the audio did not reach the disk. Returns whether that was unknown so
    /// far.
    pub(super) fn gap(&mut self, job: JobId) -> bool {
        let live = self.live.get_mut(job);
        live.is_some_and(|live| !std::mem::replace(&mut live.gap_on_disk, true))
    }

    /// Writes the whole recording again if the disk refused some of it.
    pub(super) fn mend(&mut self, job: JobId, audio: Vec<i16>) {
        let gap = self.live.get(job).is_some_and(|live| live.gap_on_disk);
        if gap && !audio.is_empty() {
            self.keep(|store| {
                store.rewrite(job, audio)?;
                store.recorded(job)
            });
        }
    }

    /// Since when this dictation is recorded.
    pub(super) fn recording_time(&self, job: JobId) -> Option<RecordingTime> {
        let elapsed = self.live.get(job)?.recording.elapsed();
        let since = SystemTime::now().checked_sub(elapsed)?;
        let since = since.duration_since(SystemTime::UNIX_EPOCH).ok()?;
        Some(RecordingTime { since: since.as_secs_f64(), elapsed: elapsed.as_secs_f64() })
    }

    /// How long ago the stop was asked for.
    pub(super) fn since_stop(&self, job: JobId) -> Option<Duration> {
        self.live.get(job)?.stopped.map(|stopped| stopped.elapsed())
    }

    /// What the delivery needs to know of a dictation whose text is delivered now.
    pub(super) fn noted(&mut self, job: JobId) -> DeliveryContext {
        let live = self.live.get_mut(job);
        let (focus, stopped, begun) = live.map_or((None, None, None), |live: &mut Live| {
            (live.focus.take(), live.stopped, Some(live.begun))
        });
        // The user may also hold the key for a later dictation.
        DeliveryContext { focus, pressed: stopped.max(self.last_press), begun }
    }

    /// Forgets the dictation: its heartbeat ends, and later samples are dropped.
    pub(super) fn forget(&mut self, job: JobId) {
        self.live.end(job);
    }

    /// Capture has told all of a recording. Until then its sound must be known as that of the present
    /// dictation, also when that is over: it is not the sound of an earlier one.
    pub(super) fn capture_is_over(&mut self, job: JobId) {
        self.parts.retain(|part| part.current != job);
    }

    /// Notes that the settings have another linger.
    pub(super) fn linger_changed(&mut self) {
        self.linger_changed = true;
    }

    /// Starts another capture thread if the linger has changed. A recording under way keeps its
    /// own.
    pub(super) fn renew_capture(&mut self, settings: &Settings, is_capturing: bool) {
        if !self.linger_changed || is_capturing {
            return;
        }
        self.linger_changed = false;
        drop(self.capture.take());
        self.capture = Capture::spawn(settings.capture.linger())
            .inspect_err(|error| warn!(%error, "nothing can be recorded: {error}"))
            .ok();
    }

    /// Ends both threads. The store's thread first writes all that is queued, and then closes its
    /// channel.
    pub(super) fn end(self) {
        let Self { capture, store, .. } = self;
        drop(capture);
        drop(store);
    }

    fn command(&self, command: CaptureCommand) {
        if let Some(capture) = &self.capture {
            capture.send(command);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Neither a microphone nor a disk.
    fn nothing() -> UnderWay {
        UnderWay {
            capture: None,
            linger_changed: false,
            store: None,
            folder: PathBuf::new(),
            live: live::LiveDictations::default(),
            parts: Vec::new(),
            last_press: None,
            presses: ShortcutPresses::default(),
            status: CaptureStatus::default(),
            told: BTreeSet::new(),
        }
    }

    /// The dictation that gets sound of the recording 1, if one does.
    fn hears(under_way: &mut UnderWay) -> Option<JobId> {
        let sound = CaptureOutput::Pcm { job: JobId(1), samples: vec![0.1; 400] };
        let CaptureOutput::Pcm { job, samples } = under_way.current(sound) else {
            panic!("no sound");
        };
        under_way.hear(job, &samples).map(|_| job)
    }

    /// Regression: what was said after a sentence and then cancelled was added to the sentence.
    #[test]
    fn late_sound_of_a_cancelled_part_reaches_no_other_dictation() {
        let mut under_way = nothing();
        under_way.live.begin(JobId(1));
        assert_eq!(hears(&mut under_way), Some(JobId(1)));
        under_way.split(JobId(1), JobId(2), 300, vec![3; 100], AskedFor::default());
        assert_eq!(hears(&mut under_way), Some(JobId(2)));
        under_way.cancel(JobId(2));
        under_way.discard(JobId(2));
        assert_eq!(hears(&mut under_way), None, "the first sentence is still delivered");
        under_way.capture_is_over(JobId(2));
        assert!(under_way.parts.is_empty());
    }
}
