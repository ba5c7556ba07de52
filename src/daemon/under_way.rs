//! State of the current dictations outside the session: microphone, files on disk, measurements and
//! notes.

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
    /// Whether `capture` still uses the linger of older settings.
    linger_changed: bool,
    /// The thread that writes to disk. `None` if it could not be started or has ended.
    store: Option<Store>,
    /// The store's folder.
    folder: PathBuf,
    live: live::LiveDictations,
    /// Recordings that continue as other dictations.
    parts: Vec<Part>,
    /// When the last shortcut command arrived. The user may still hold the key.
    last_press: Option<Instant>,
    /// The presses that later texts need.
    presses: ShortcutPresses,
    /// Quality of recording since the service started.
    status: CaptureStatus,
    /// Faults already reported to the user, by microphone.
    told: BTreeSet<(String, Fault)>,
}

/// A recording that continues as another dictation.
struct Part {
    /// The dictation under which capture knows the recording.
    captured: JobId,
    /// The current dictation.
    current: JobId,
    /// Samples missing from the previous dictations of this recording.
    missing: u64,
}

/// A chunk of a recording.
pub(super) struct SoundChunk {
    /// Samples at 16 kHz.
    pub(super) pcm: Arc<[i16]>,
    /// The level of each tenth of a second that this chunk completes.
    pub(super) levels: Vec<Level>,
}

/// Data about a dictation that its delivery needs.
pub(super) struct DeliveryContext {
    /// The window with the keyboard focus at the stop.
    pub(super) focus: Option<Focus>,
    /// When the shortcut was last pressed.
    pub(super) pressed: Option<Instant>,
    /// When the dictation began; `None` if the dictation is unknown.
    pub(super) begun: Option<Instant>,
}

impl UnderWay {
    /// Starts the capture and store threads. `folder` is the store's folder.
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

    /// Returns capture's next output. Cancel-safe.
    pub(super) async fn heard(&mut self) -> CaptureOutput {
        match &mut self.capture {
            Some(capture) => capture.next().await,
            None => std::future::pending().await,
        }
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns when subscribers get the next heartbeat of a recording.
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

    /// Creates the dictation's file and starts recording.
    ///
    /// # Errors
    /// If there is no capture thread.
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

    /// Divides a recording: the samples from `until` on (`tail`) and all later ones belong to
    /// `next`.
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
            // Both are written again when they have their texts.
            if self.gap(job) | self.gap(next) {
                tell(&error);
            }
        }
        for gap in gaps {
            self.keep(|store| store.miss(next, gap));
        }
    }

    /// Returns a recording's figures up to the sample `until`, or `None` if the dictation is over.
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

    /// Starts to look up which window has the keyboard focus.
    pub(super) fn ask_focus(&mut self, job: JobId) {
        if let Some(live) = self.live.get_mut(job) {
            live.focus = Some(Focus::ask());
        }
    }

    /// Returns capture's output with the dictation that the recording now belongs to.
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

    /// Returns the dictation under which capture knows this one.
    fn captured_as(&self, job: JobId) -> JobId {
        self.part(job).map_or(job, |part| part.captured)
    }

    fn part(&self, job: JobId) -> Option<&Part> {
        self.parts.iter().find(|part| part.current == job)
    }

    /// Returns how many samples are missing from the whole recording, earlier dictations included.
    pub(super) fn missing(&self, job: JobId) -> u64 {
        let own: u64 = self.gaps(job).iter().map(Gap::samples).sum();
        own + self.part(job).map_or(0, |part| part.missing)
    }

    /// Notes that the first audio has arrived. `realtime`: whether its thread has real-time
    /// priority. Returns whether it lacks that and this is news.
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

    /// Returns the fault in the sound of a dictation that has a text, with advice. `None` if there
    /// is none, or if it was already reported for this microphone since the service started.
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

    /// Returns the quality of recording since the service started.
    pub(super) fn status(&self) -> CaptureStatus {
        self.status
    }

    /// Notes that this number of samples is missing before the next ones. Returns `None` if the
    /// dictation is over.
    pub(super) fn misses(&mut self, job: JobId, samples: u64, cause: GapCause) -> Option<Gap> {
        let gap = self.live.get_mut(job)?.misses(samples, cause);
        self.status.gaps = self.status.gaps.saturating_add(1);
        self.status.missing = self.status.missing.saturating_add(samples);
        self.keep(|store| store.miss(job, gap));
        Some(gap)
    }

    /// Returns the parts of a dictation that could not be recorded.
    pub(super) fn gaps(&self, job: JobId) -> &[Gap] {
        self.live.get(job).map_or(&[], |live| &live.gaps)
    }

    /// Ends a recording now. `asks_focus`: the text may only go into the window that has the
    /// keyboard focus now.
    pub(super) fn stop(&mut self, job: JobId, asks_focus: bool) {
        self.command(CaptureCommand::Stop { job: self.captured_as(job) });
        if let Some(live) = self.live.get_mut(job) {
            live.stopped = Some(Instant::now());
            // Ask now, before the user switches windows, but after the stop, which must not wait
            // for it.
            live.focus = asks_focus.then(Focus::ask);
        }
    }

    /// Ends a recording at once and drops audio that still arrives.
    pub(super) fn cancel(&self, job: JobId) {
        self.command(CaptureCommand::Cancel { job: self.captured_as(job) });
    }

    /// Adds samples. Returns `None` if the dictation is over.
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

    /// Returns the figures of a recording that has ended, or `None` if the dictation is over.
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

    /// Notes that some of the audio did not reach the disk. Returns whether that is news.
    pub(super) fn gap(&mut self, job: JobId) -> bool {
        let live = self.live.get_mut(job);
        live.is_some_and(|live| !std::mem::replace(&mut live.gap_on_disk, true))
    }

    /// Rewrites the whole recording if some of it did not reach the disk.
    pub(super) fn mend(&mut self, job: JobId, audio: Vec<i16>) {
        let gap = self.live.get(job).is_some_and(|live| live.gap_on_disk);
        if gap && !audio.is_empty() {
            self.keep(|store| {
                store.rewrite(job, audio)?;
                store.recorded(job)
            });
        }
    }

    /// Returns when this recording began and how long it has lasted.
    pub(super) fn recording_time(&self, job: JobId) -> Option<RecordingTime> {
        let elapsed = self.live.get(job)?.recording.elapsed();
        let since = SystemTime::now().checked_sub(elapsed)?;
        let since = since.duration_since(SystemTime::UNIX_EPOCH).ok()?;
        Some(RecordingTime { since: since.as_secs_f64(), elapsed: elapsed.as_secs_f64() })
    }

    /// Returns the time since the stop was requested.
    pub(super) fn since_stop(&self, job: JobId) -> Option<Duration> {
        self.live.get(job)?.stopped.map(|stopped| stopped.elapsed())
    }

    /// Returns, and partly consumes, the data that a dictation's delivery needs.
    pub(super) fn noted(&mut self, job: JobId) -> DeliveryContext {
        let live = self.live.get_mut(job);
        let (focus, stopped, begun) = live.map_or((None, None, None), |live: &mut Live| {
            (live.focus.take(), live.stopped, Some(live.begun))
        });
        // The user may also be holding the key for a later dictation.
        DeliveryContext { focus, pressed: stopped.max(self.last_press), begun }
    }

    /// Forgets the dictation: its heartbeat ends, and later samples are dropped.
    pub(super) fn forget(&mut self, job: JobId) {
        self.live.end(job);
    }

    /// Forgets a recording's parts once capture has sent all of it. Before that, its late sound
    /// must count as the current dictation's, even if that is over, and not as an earlier one's.
    pub(super) fn capture_is_over(&mut self, job: JobId) {
        self.parts.retain(|part| part.current != job);
    }

    /// Notes that the linger in the settings has changed.
    pub(super) fn linger_changed(&mut self) {
        self.linger_changed = true;
    }

    /// Starts another capture thread if the linger has changed. While `is_capturing`, the current
    /// one stays.
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

    /// Ends both threads. The store's thread first writes everything that is queued, then closes
    /// its channel.
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

    /// Returns an instance without microphone and disk.
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

    /// Feeds sound of recording 1. Returns the dictation that gets it, if any.
    fn hears(under_way: &mut UnderWay) -> Option<JobId> {
        let sound = CaptureOutput::Pcm { job: JobId(1), samples: vec![0.1; 400] };
        let CaptureOutput::Pcm { job, samples } = under_way.current(sound) else {
            panic!("no sound");
        };
        under_way.hear(job, &samples).map(|_| job)
    }

    /// Regression: cancelled speech after a sentence was added to that sentence.
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
