//! The recogniser and its model: which ones the settings select, when they are reloaded, and when a
//! GPU is released because the machine suspends.

mod aside;
mod detection;
mod models;
mod preview;

use super::changes::{self, Changes};
use super::sleep::Sleep;
use crate::config::Settings;
use crate::language::spoken;
use crate::recognise::{EngineReport, Priority, RecogniseEvent, Recogniser, Recorded, Stamp};
use crate::session::{EngineState, Failure, JobId, Wishes};
use crate::suspend::SuspendEvent;
use aside::Aside;
use detection::{Detection, Sound};
pub(super) use models::{Models, Plan};
use models::{decode_options, in_language};
use preview::Preview;
pub(super) use preview::{Draft, PreviewNews};
use std::sync::Arc;
use tracing::info;
use v2m_ipc::engine::DecodeOptions;
use v2m_ipc::pcm::samples_in;

pub(super) struct Engine {
    recogniser: Recogniser,
    /// A separate engine, for one recording.
    aside: Option<Aside>,
    preview: Preview,
    /// Recordings whose language another model detects.
    detection: Detection,
    sleep: Sleep,
    models: Arc<Models>,
    /// The model file when it was last loaded.
    stamp: Option<Stamp>,
    /// Watches the model files; replaced when the settings name another model.
    watch: Option<Changes>,
}

/// Something that happened to the recogniser, or that it must react to.
pub(super) enum EngineEvent {
    /// An event of the recogniser.
    Recogniser(Box<RecogniseEvent>),
    /// An event of the separate engine.
    Aside(Box<RecogniseEvent>),
    /// An event of the preview.
    Preview(Box<RecogniseEvent>),
    /// A message for the user.
    Notice(Failure),
    /// An event of logind.
    Sleep(SuspendEvent),
    /// Files in the models' folders have changed.
    ModelsChanged,
}

impl Engine {
    /// Starts the engine that the settings select. Must be called within a tokio runtime.
    pub(super) fn new(settings: &Settings) -> Self {
        let models = Arc::new(Models::from_env());
        let spec = models.spec(settings);
        let mut sleep = Sleep::default();
        sleep.attend(&spec);
        let stamp = models.stamp(settings);
        let preview =
            Preview::new(models.preview_spec(settings), models.is_preview_of_use(settings));
        Self {
            recogniser: Recogniser::new(spec),
            aside: None,
            preview,
            detection: Detection::default(),
            sleep,
            models,
            stamp,
            watch: None,
        }
    }

    /// Cancel-safe.
    pub(super) async fn next(&mut self, settings: &Settings) -> EngineEvent {
        loop {
            self.detection.share(&mut self.recogniser);
            let models = &self.models;
            let watch = self.watch.get_or_insert_with(|| changes::of_models(models, settings));
            // Not biased: an engine that sends events without end must not hide that the machine
            // suspends.
            let happening = tokio::select! {
                event = self.recogniser.next() => {
                    // Do this before the next engine gets the recordings.
                    if is_without_server(&event) {
                        self.find_open_languages(settings);
                    }
                    return EngineEvent::Recogniser(Box::new(event));
                }
                event = aside::next(&mut self.aside) => return EngineEvent::Aside(Box::new(event)),
                event = self.preview.next() => return EngineEvent::Preview(Box::new(event)),
                event = self.sleep.next() => return EngineEvent::Sleep(event),
                () = watch.changed() => return EngineEvent::ModelsChanged,
                happening = self.detection.next() => happening,
            };
            if let Some(event) = self.detection_said(happening, settings) {
                return event;
            }
            // The process that exited may be the separate engine.
            self.allow_sleep();
        }
    }

    pub(super) fn models(&self) -> &Arc<Models> {
        &self.models
    }

    pub(super) fn report(&self) -> &EngineReport {
        self.recogniser.report()
    }

    /// Returns the name of the engine in use, if any.
    pub(super) fn name(&self) -> Option<&'static str> {
        self.recogniser.engine_name()
    }

    /// Notes a press: if no engine could be loaded, retries at once, unless only another file can
    /// help. Returns whether it retries.
    pub(super) fn pressed(&mut self) -> bool {
        self.recogniser.pressed()
    }

    /// Whether the dictation can be divided at that position.
    pub(super) fn can_split(&self, job: JobId, until: u64) -> bool {
        match self.detection.elsewhere_ref(job) {
            Some(recogniser) => recogniser.can_split(job, until),
            None => self.recogniser.can_split(job, until),
        }
    }

    /// Begins a dictation; its sound is fed afterwards.
    pub(super) fn begin(&mut self, job: JobId, settings: &Settings, wishes: &Wishes) {
        let language = wishes.language.clone();
        let own = language.map(|code| Some(code).filter(|code| code != spoken::AUTO));
        let plan = Plan { language: own, ..Plan::default() };
        let mut options = in_language(decode_options(settings), wishes);
        if wishes.continuous {
            options.sentences = true;
            options.quiet_after = settings.session.continuous_silence.map_or(0, samples_in);
        }
        self.recogniser.begin(job, options.clone(), Priority::Live);
        self.find_language(job, settings, &plan, Sound::Live(options));
    }

    /// Ends a sentence: see [`Recogniser::split`].
    pub(super) fn split(&mut self, job: JobId, next: JobId, until: u64) -> Option<Vec<i16>> {
        match self.detection.elsewhere(job) {
            Some(recogniser) => {
                let tail = recogniser.split(job, next, until);
                self.detection.divided(next);
                tail
            }
            None => self.recogniser.split(job, next, until),
        }
    }

    /// Transcribes a recording when nobody dictates.
    pub(super) fn transcribe(&mut self, job: JobId, settings: &Settings, recorded: Recorded) {
        let options = DecodeOptions { quiet_after: 0, ..decode_options(settings) };
        let sound = Sound::OnDisk(recorded.again());
        self.recogniser.transcribe(job, options, Priority::Background, recorded);
        self.find_language(job, settings, &Plan::default(), sound);
    }

    pub(super) fn feed(&mut self, job: JobId, pcm: &[i16]) {
        self.detection.feed(job, pcm);
        self.has(job).feed(job, pcm);
        self.give_up_waiting();
    }

    /// Ends the sound of a recording, and requests its text.
    pub(super) fn finish(&mut self, job: JobId) {
        self.detection.finish(job);
        self.has(job).finish(job);
        self.forget_none(job);
    }

    /// Cancels a recording: its text is not wanted.
    pub(super) fn cancel(&mut self, job: JobId) {
        self.detection.cancel(job);
        self.recogniser.cancel(job);
    }

    /// Returns the recogniser that a recording is fed to.
    fn has(&mut self, job: JobId) -> &mut Recogniser {
        let Self { recogniser, detection, .. } = self;
        detection.elsewhere(job).unwrap_or(recogniser)
    }

    /// Releases a GPU before the machine suspends, and takes it again afterwards.
    pub(super) fn sleep_said(&mut self, event: SuspendEvent) {
        match event {
            SuspendEvent::Preparing(delay) => {
                info!("the machine is about to sleep");
                self.recogniser.suspend();
                if let Some(recogniser) = self.detection.beside() {
                    recogniser.suspend();
                }
                self.sleep.delay(delay);
            }
            SuspendEvent::Resumed => {
                info!("the machine is awake");
                self.sleep.allow();
                self.recogniser.resumed();
                if let Some(recogniser) = self.detection.beside() {
                    recogniser.resumed();
                }
            }
        }
    }

    /// Lets the machine suspend once no process holds the GPU any more, which takes a few seconds
    /// at most.
    pub(super) fn allow_sleep(&mut self) {
        let beside = self.detection.beside().is_some_and(|recogniser| recogniser.holds_gpu());
        if !self.recogniser.holds_gpu() && !beside {
            self.sleep.allow();
        }
    }

    /// Applies changed settings.
    pub(super) fn set(&mut self, old: &Settings, new: &Settings) {
        let spec = self.models.spec(new);
        if spec != self.models.spec(old) {
            self.stamp = self.models.stamp(new);
            self.watch = None;
            self.sleep.attend(spec.iter().chain(self.detection.beside_spec()));
            self.recogniser.set_spec(spec);
            self.find_open_languages(new);
        }
        let preview = self.models.preview_spec(new);
        let is_of_use = self.models.is_preview_of_use(new);
        if preview != self.models.preview_spec(old) {
            self.watch = None;
            self.preview.set(preview, is_of_use);
        } else {
            self.preview.keep(is_of_use);
        }
    }

    /// Handles a model that was added, removed or changed. An engine that uses its old file
    /// continues.
    pub(super) fn reload(&mut self, settings: &Settings) {
        let is_of_use = self.models.is_preview_of_use(settings);
        self.preview.reload(self.models.preview_spec(settings), is_of_use);
        let stamp = self.models.stamp(settings);
        let usable = matches!(
            self.report().state,
            EngineState::Loading | EngineState::Warm | EngineState::Unloaded
        );
        if usable || stamp == self.stamp {
            return;
        }
        self.stamp = stamp;
        info!("the model's file has changed; it is loaded anew");
        let spec = self.models.spec(settings);
        self.sleep.attend(spec.iter().chain(self.detection.beside_spec()));
        self.recogniser.set_spec(spec);
        self.find_open_languages(settings);
    }
}

/// Whether the event reports that the server is no longer used.
fn is_without_server(event: &RecogniseEvent) -> bool {
    matches!(event, RecogniseEvent::PassedOver { engine, .. } if engine.backend.is_remote())
}
