//! The preview: a second recogniser that provides words during speech (`engine.preview`).
//!
//! It is a separate process, which runs as long as the usual engine does, receives the same sound,
//! and is ignored once the recording stops. The delivered text never comes from it, and nothing
//! waits for it: if it is missing, fails or falls behind, the recogniser's own drafts are shown
//! instead. Its process then ends, to leave the processor to the text; the next recording starts it
//! again, unless it failed too often.
//!
//! [`words`] decides which text is shown, also after the stop: the words that are shown then stay
//! until the recogniser's drafts have them.

mod words;

use super::Engine;
use super::models::{decode_options, in_language};
use crate::config::Settings;
use crate::recognise::{EngineReport, EngineSpec, Priority, RecogniseEvent, Recogniser, Stamp};
use crate::session::{Code, EngineState, Failure, JobId, Wishes};
use tracing::{info, warn};
use v2m_ipc::engine::DecodeOptions;
use v2m_messages::tr;
pub(in crate::daemon) use words::Draft;
use words::{AtStop, LastWords, Words};

/// After this many failed recordings in a row, it stays off until the settings or its file change.
const LIMIT: u8 = 3;

/// The preview, or why there is none.
#[derive(Default)]
pub(super) struct Preview {
    /// What to run; `None` if no preview is configured.
    spec: Option<Result<EngineSpec, Failure>>,
    recogniser: Option<Recogniser>,
    /// The model file when it was last started.
    stamp: Option<Stamp>,
    /// The recording that it receives.
    hears: Option<(JobId, Words)>,
    /// The words of recordings that have stopped, for as long as they are to be shown.
    stopped: Vec<(JobId, LastWords)>,
    /// Number of recordings in a row in which it failed.
    failures: u8,
    /// Why it is not used, although configured.
    problem: Option<Failure>,
    /// Whether the user has been told the problem.
    is_told: bool,
}

/// Something to show or report.
#[derive(Debug, PartialEq)]
pub(in crate::daemon) enum PreviewNews {
    /// The preview's text of this recording so far.
    Words(JobId, String),
    /// The preview stopped, and this recording's draft may have been held back for it.
    LeftOff {
        /// Notice for the user, if new.
        notice: Option<Failure>,
        /// The recording and its draft.
        draft: Option<(JobId, Draft)>,
    },
}

/// State of the preview, for the status.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::daemon) struct PreviewReport {
    /// Name of the model.
    pub(in crate::daemon) model: String,
    pub(in crate::daemon) state: EngineState,
    /// RAM that it uses once loaded, in bytes.
    pub(in crate::daemon) memory_bytes: Option<u64>,
    pub(in crate::daemon) problem: Option<String>,
}

impl Preview {
    /// Starts the specified preview, if any. `is_of_use`: whether it knows the language in the
    /// settings. If not, only a recording in a language that it knows starts it.
    pub(super) fn new(spec: Option<Result<EngineSpec, Failure>>, is_of_use: bool) -> Self {
        let mut preview = Self::default();
        preview.set(spec, is_of_use);
        preview
    }

    /// Switches to another specification, or restarts the same one.
    pub(super) fn set(&mut self, spec: Option<Result<EngineSpec, Failure>>, is_of_use: bool) {
        // Dropping it kills its process; nothing waits for it.
        *self = Self { spec, ..Self::default() };
        self.keep(is_of_use);
        if let Some(Err(problem)) = &self.spec {
            warn!("{}", problem.message);
            self.problem = Some(problem.clone());
        }
    }

    /// Restarts a preview that is not in use, if its file was changed or added.
    pub(super) fn reload(&mut self, spec: Option<Result<EngineSpec, Failure>>, is_of_use: bool) {
        let file = spec.as_ref().and_then(|spec| spec.as_ref().ok()).map(|spec| &spec.model);
        if self.problem.is_some() && file.and_then(|file| Stamp::of(file)) != self.stamp {
            self.set(spec, is_of_use);
        }
    }

    /// Starts its process if it is of use and does not run yet, or ends it if it is of no use.
    pub(super) fn keep(&mut self, is_of_use: bool) {
        match is_of_use {
            true if self.recogniser.is_none() && self.problem.is_none() => self.start(),
            // The current recording goes on in its own language.
            false if self.hears.is_none() => self.recogniser = None,
            true | false => {}
        }
    }

    fn start(&mut self) {
        let Some(Ok(spec)) = &self.spec else { return };
        self.stamp = Stamp::of(&spec.model);
        self.recogniser = Some(Recogniser::new(Ok(spec.clone())));
    }

    /// Waits for the next event of its process. Cancel-safe.
    pub(super) async fn next(&mut self) -> RecogniseEvent {
        match &mut self.recogniser {
            Some(recogniser) => recogniser.next().await,
            None => std::future::pending().await,
        }
    }

    /// Begins a recording. Returns a notice that the user has not seen yet.
    fn begin(&mut self, job: JobId, options: DecodeOptions) -> Option<Failure> {
        if self.recogniser.is_none() && self.problem.is_none() {
            self.start();
        }
        if let Some(recogniser) = self.recogniser.as_mut().filter(|_| self.problem.is_none()) {
            recogniser.begin(job, options, Priority::Live);
            self.hears = Some((job, Words::default()));
        }
        self.notice()
    }

    /// Returns once why it is not used.
    fn notice(&mut self) -> Option<Failure> {
        let notice = self.problem.clone().filter(|_| !self.is_told);
        self.is_told |= notice.is_some();
        notice
    }

    fn feed(&mut self, job: JobId, pcm: &[i16]) -> Option<PreviewNews> {
        let (hears, words) = self.hears.as_mut().filter(|(hears, _)| *hears == job)?;
        let recogniser = self.recogniser.as_mut()?;
        recogniser.feed(*hears, pcm);
        let is_loaded = recogniser.report().state == EngineState::Warm;
        if words.recorded(pcm.len() as u64, recogniser.settled(job), is_loaded) {
            return None;
        }
        Some(self.failed(tr!("it is slower than you speak").into()))
    }

    fn wrote(&mut self, job: JobId, text: String, heard: u64) -> Option<PreviewNews> {
        let (_, words) = self.hears.as_mut().filter(|(hears, _)| *hears == job)?;
        words.wrote(&text, heard).then_some(PreviewNews::Words(job, text))
    }

    /// Returns the draft of this recording if it should be shown.
    fn drafted(&mut self, job: JobId, draft: Draft) -> Option<Draft> {
        if let Some((_, words)) = self.hears.as_mut().filter(|(hears, _)| *hears == job) {
            return words.drafted(draft);
        }
        let stays = |(of, words): &(JobId, LastWords)| *of == job && !words.give_way_to(&draft);
        if self.stopped.iter().any(stays) {
            return None;
        }
        self.forget(job);
        Some(draft)
    }

    /// Forgets the words of a recording that has stopped.
    fn forget(&mut self, job: JobId) {
        self.stopped.retain(|(of, _)| *of != job);
    }

    /// Ends this recording. Returns the draft to show now.
    fn end(&mut self, job: JobId) -> Option<Draft> {
        let (_, words) = self.hears.take_if(|(hears, _)| *hears == job)?;
        if let Some(recogniser) = &mut self.recogniser {
            recogniser.cancel(job);
        }
        if words.has_written() {
            self.failures = 0;
        }
        let (words, draft) = match words.stopped() {
            AtStop::Shown => return None,
            AtStop::Draft(draft) => (LastWords::of(&draft), Some(draft)),
            AtStop::Words(words) => (words, None),
        };
        self.stopped.push((job, words));
        draft
    }

    /// Handles a failure in this recording: its process ends.
    fn failed(&mut self, reason: String) -> PreviewNews {
        self.failures = self.failures.saturating_add(1);
        self.recogniser = None;
        let model = self.model().unwrap_or_default().to_owned();
        let is_over = self.failures >= LIMIT;
        let text = if is_over {
            tr!(
                "Showing words while you speak: the model {model} failed {times} times in a row ({reason}). v2m does not use it \
                 any more, and shows the recogniser's own drafts. Your texts are not affected. Try again: \
                 `systemctl --user restart v2m`, or leave it off: `v2m-send config set engine.preview=`.",
                model,
                times = LIMIT,
                reason
            )
        } else {
            tr!(
                "Showing words while you speak: the model {model} is left off for this dictation: {reason}. The recogniser's \
                 own drafts are shown. Your text is not affected.",
                model,
                reason
            )
        };
        warn!("{text}");
        let failure = Failure::new(Code::EngineFailed, text).in_brief(
            tr!("The preview is left off"),
            tr!("Your text is not affected. {model}: {reason}", model, reason),
        );
        let draft = self.hears.take().and_then(|(job, words)| Some((job, words.over()?)));
        let notice = match is_over {
            true => {
                self.problem = Some(failure);
                self.notice()
            }
            // The user is told at the first failure, and when it stays off.
            false => Some(failure).filter(|_| self.failures == 1),
        };
        PreviewNews::LeftOff { notice, draft }
    }

    fn model(&self) -> Option<&str> {
        Some(&self.spec.as_ref()?.as_ref().ok()?.model_name)
    }

    fn told(&mut self, event: RecogniseEvent) -> Option<PreviewNews> {
        match event {
            RecogniseEvent::Engine(report) => {
                self.is_in(&report);
                None
            }
            RecogniseEvent::Update { job, text, is_final: _, end } => self.wrote(job, text, end),
            RecogniseEvent::Failed { job, failure, audio: _ } if self.is_hearing(job) => {
                Some(self.failed(failure.message))
            }
            RecogniseEvent::Replaced { reason, .. } => {
                info!(reason, "the preview was replaced ({reason})");
                None
            }
            // It is never asked for a text, and runs only one program.
            RecogniseEvent::Done { .. }
            | RecogniseEvent::Failed { .. }
            | RecogniseEvent::Quiet { .. }
            | RecogniseEvent::Sentence { .. }
            | RecogniseEvent::Language { .. }
            | RecogniseEvent::PassedOver { .. } => None,
        }
    }

    fn is_hearing(&self, job: JobId) -> bool {
        self.hears.as_ref().is_some_and(|(hears, _)| *hears == job)
    }

    /// Updates the state of its process.
    fn is_in(&mut self, report: &EngineReport) {
        let (state, model) = (report.state, report.model.as_deref().unwrap_or("?"));
        match (&report.problem, state) {
            (Some(problem), _) => {
                if self.problem.as_ref() != Some(problem) {
                    warn!("the preview: {}", problem.message);
                }
                self.problem = Some(problem.clone());
            }
            (None, EngineState::Warm) => {
                let memory_bytes = report.memory_bytes;
                info!(
                    model,
                    loaded_in_ms = report.loaded_in_ms,
                    memory_bytes,
                    "the preview is ready: {model}"
                );
                self.problem = None;
            }
            // It restarts by itself; keep the failure until it is loaded.
            (None, _) => {}
        }
    }

    fn report(&self) -> Option<PreviewReport> {
        let spec = self.spec.as_ref()?;
        let own = self.recogniser.as_ref().map(Recogniser::report);
        let state = match (&self.problem, own) {
            (Some(problem), _) if problem.code == Code::ModelMissing => EngineState::Absent,
            (Some(_), _) => EngineState::Failed,
            (None, Some(report)) => report.state,
            // The next recording starts it.
            (None, None) => EngineState::Unloaded,
        };
        Some(PreviewReport {
            model: spec.as_ref().map_or_else(|_| String::new(), |spec| spec.model_name.clone()),
            state,
            memory_bytes: own.and_then(|report| report.memory_bytes),
            problem: self.problem.as_ref().map(|problem| problem.message.clone()),
        })
    }
}

impl Engine {
    /// Begins a recording with the preview, if it knows the language. Returns a notice that the
    /// user has not seen yet.
    pub(in crate::daemon) fn begin_preview(
        &mut self,
        job: JobId,
        settings: &Settings,
        wishes: &Wishes,
    ) -> Option<Failure> {
        let options = in_language(decode_options(settings), wishes);
        // The preview cannot translate.
        let is_fit = !options.translate
            && self.models.preview_hears(settings, options.language.as_deref(), &options.languages);
        if is_fit { self.preview.begin(job, options) } else { None }
    }

    /// Feeds sound of a recording to the preview.
    pub(in crate::daemon) fn feed_preview(
        &mut self,
        job: JobId,
        pcm: &[i16],
    ) -> Option<PreviewNews> {
        self.preview.feed(job, pcm)
    }

    /// Returns the recogniser's draft of a recording if it should be shown.
    pub(in crate::daemon) fn drafted(&mut self, job: JobId, draft: Draft) -> Option<Draft> {
        self.preview.drafted(job, draft)
    }

    /// Notes that the recording has stopped. Returns the draft to show now, if it has all that the
    /// preview's words have; otherwise the words stay.
    pub(in crate::daemon) fn end_preview(&mut self, job: JobId) -> Option<Draft> {
        self.preview.end(job)
    }

    /// Returns the recording that stopped last, and its words if they are still to be shown.
    pub(in crate::daemon) fn last_words(&self) -> Option<(JobId, &str)> {
        self.preview.stopped.last().map(|(job, words)| (*job, words.text.as_str()))
    }

    /// Forgets the words of recordings that have stopped, except those whose text is still to come.
    pub(in crate::daemon) fn forget_words(&mut self, is_awaited: impl Fn(JobId) -> bool) {
        self.preview.stopped.retain(|(job, _)| is_awaited(*job));
    }

    /// Handles an event of the preview's process.
    pub(in crate::daemon) fn preview_told(&mut self, event: RecogniseEvent) -> Option<PreviewNews> {
        self.preview.told(event)
    }

    /// Returns the preview's state, if one is configured.
    pub(in crate::daemon) fn preview_report(&self, settings: &Settings) -> Option<PreviewReport> {
        let mut report = self.preview.report()?;
        // The configured model, even if it is missing.
        report.model.clone_from(&settings.engine.preview);
        Some(report)
    }
}
