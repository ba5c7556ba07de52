//! Which engines and which model the settings mean.

mod asked;
mod heard;
mod instead;
mod listener;
mod preview;
mod programs;
mod stand_in;
mod unfollowed;

use crate::config;
use crate::config::Settings;
use crate::language::spoken;
use crate::recognise::{Backend, EngineSpec, Stamp, Unload};
use crate::regular::{self, Trust};
use crate::session::{Code, Failure, Wishes};
use programs::PROGRAM;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use v2m_ipc::engine::DecodeOptions;
use v2m_ipc::pcm::samples_in;
use v2m_messages::tr;
use v2m_models::catalogue::Form;
use v2m_models::family::Summary;
use v2m_models::{catalogue, gguf, paths};

/// How one recording is transcribed, where that differs from the settings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::daemon) struct Plan {
    /// Another model, by its name or path.
    pub(in crate::daemon) model: Option<String>,
    /// Another language; `None` within: it is detected.
    pub(in crate::daemon) language: Option<Option<String>>,
    /// Only by the plain engine, which any processor runs.
    pub(in crate::daemon) is_safest: bool,
}

/// Where engines and models are.
#[derive(Debug)]
pub(in crate::daemon) struct Models {
    program: PathBuf,
    places: Result<paths::Places, paths::PathError>,
    /// The heads of the GGUF files that were read last, the model's and the preview's: each press and
    /// each status asks for them.
    read: Mutex<Vec<ReadHead>>,
}

/// What the head of a file says, as long as the file is the same.
#[derive(Debug)]
struct ReadHead {
    path: PathBuf,
    stamp: Stamp,
    /// `None`: it is no model that v2m runs.
    summary: Option<Summary>,
}

impl Models {
    pub(in crate::daemon) fn from_env() -> Self {
        let beside = std::env::current_exe().map(|exe| exe.with_file_name(PROGRAM));
        let program = std::env::var_os("V2M_ENGINE").map(PathBuf::from);
        Self {
            program: program.or(beside.ok()).unwrap_or_else(|| PathBuf::from(PROGRAM)),
            places: paths::Places::from_env(),
            read: Mutex::default(),
        }
    }

    /// The engine to run, or why none can.
    pub(in crate::daemon) fn spec(&self, settings: &Settings) -> Result<EngineSpec, Failure> {
        let missing = |error: &paths::PathError| {
            let (cause, remedy) = self.in_brief(error);
            Failure::new(Code::ModelMissing, error.to_string()).in_brief(cause, remedy).lasting()
        };
        let places = self.places.as_ref().map_err(missing)?;
        let model = places.resolve(&settings.engine.model).map_err(|error| missing(&error))?;
        self.refuse_preview(&settings.engine.model, &model)?;
        let local = match Form::of(&model) {
            Form::Ggml => self.candidates(settings.engine.backend),
            Form::Gguf => self.for_gguf(&settings.engine),
        };
        let server = settings.server();
        let local = match local {
            // The server works without it.
            Err(_) if server.is_some() => Vec::new(),
            local => local?,
        };
        Ok(EngineSpec {
            candidates: self.server(settings).into_iter().chain(local).collect(),
            server,
            model_name: settings.engine.model.clone(),
            model,
            vad: places.resolve_asset(paths::VAD).ok(),
            threads: settings.engine.threads.into(),
            hang: settings.engine.hang(),
            unload: Unload {
                gpu: settings.engine.unload_after.on(true),
                cpu: settings.engine.unload_after.on(false),
            },
            is_preview: false,
        })
    }

    /// The engine for one recording, or why none can run. It keeps its model as long as it lives.
    pub(super) fn spec_by(&self, settings: &Settings, plan: &Plan) -> Result<EngineSpec, Failure> {
        let mut settings = settings.clone();
        if let Some(model) = &plan.model {
            settings.engine.model = model.clone();
            // It is one of this machine's.
            if settings.engine.backend == config::BackendChoice::Remote {
                settings.engine.backend = config::BackendChoice::Auto;
            }
        }
        // The plain engine is the safest, unless it is not installed: then the attempt is made with
        // what there is.
        let has_plain = !self.is_gguf(&settings) || self.plain_gguf_program().is_file();
        let is_safest = plan.is_safest && has_plain;
        if is_safest {
            settings.engine.backend = config::BackendChoice::Cpu;
        }
        let mut spec = self.spec(&settings)?;
        if is_safest {
            spec.candidates.retain(|candidate| candidate.backend == Backend::Cpu);
        }
        Ok(EngineSpec { unload: Unload::default(), ..spec })
    }

    /// The installed models that are smaller than the configured one, the largest first. Models for
    /// English alone count only where English is spoken. `language`: that of the recording, if it is
    /// known.
    pub(in crate::daemon) fn smaller(
        &self,
        settings: &Settings,
        language: Option<&str>,
    ) -> Vec<String> {
        let Ok(places) = &self.places else { return Vec::new() };
        let size = |path: &Path| std::fs::metadata(path).map_or(0, |metadata| metadata.len());
        let own = places.resolve(&settings.engine.model).map_or(u64::MAX, |path| size(&path));
        let for_english = catalogue::is_for_english;
        let is_english = match language.or(settings.engine.language.as_deref()) {
            Some(code) => code == "en",
            None => for_english(&settings.engine.model),
        };
        // A model in the other form may be larger, and yet be of help: another program runs it.
        let form = |path: &Path| Form::of(path);
        let own_form =
            places.resolve(&settings.engine.model).map_or(Form::Ggml, |path| form(&path));
        let can_run = |path: &Path| match form(path) {
            Form::Ggml => true,
            Form::Gguf => {
                let code = language.or(settings.engine.language.as_deref());
                let hears = |summary: Summary| {
                    let among = &settings.engine.languages;
                    !summary.is_for_previews_only() && summary.unheard(code, among).is_none()
                };
                self.plain_gguf_program().is_file() && self.summary(path).is_some_and(hears)
            }
        };
        let installed = places.installed().into_iter().filter(|(_, path)| can_run(path));
        let sized = installed.map(|(name, path)| {
            let counts = if form(&path) == own_form {
                size(&path)
            } else {
                size(&path).min(own.saturating_sub(1))
            };
            (counts, name)
        });
        let mut smaller: Vec<_> = sized
            .filter(|(size, name)| *size < own && (is_english || !for_english(name)))
            .collect();
        smaller.sort_by(|a, b| b.cmp(a));
        smaller.into_iter().map(|(_, name)| name).collect()
    }

    /// The installed Whisper model that helps if the configured model, in GGUF form, leaves speech out.
    /// `None` also if the configured model is a Whisper model. `language`: that of the recording, if
    /// it is known.
    pub(in crate::daemon) fn whisper_for(
        &self,
        settings: &Settings,
        language: Option<&str>,
    ) -> Option<String> {
        let places = self.places.as_ref().ok().filter(|_| self.is_gguf(settings))?;
        let is_whisper =
            |name: &String| places.resolve(name).is_ok_and(|file| Form::of(&file) == Form::Ggml);
        self.smaller(settings, language).into_iter().find(is_whisper)
    }

    /// Why there is no such model, if there is none.
    pub(in crate::daemon) fn lacks(&self, name: &str) -> Option<Failure> {
        let error = self.places.as_ref().ok()?.resolve(name).err()?;
        let text = tr!("Transcribing a dictation again: {error}.", error);
        Some(Failure::new(Code::ModelMissing, text))
    }

    /// What the head of this GGUF file says; `None` if it is no model that v2m runs.
    fn summary(&self, file: &Path) -> Option<Summary> {
        let stamp = Stamp::of(file)?;
        // Poisoned by nothing: no code below panics, and a head that was read is whole.
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = read.iter().find(|r| r.path == file && r.stamp == stamp) {
            return known.summary;
        }
        let opened = regular::open(file, Trust::Named).ok()?;
        let summary = gguf::inspect_open(opened, file).ok();
        read.insert(0, ReadHead { path: file.to_owned(), stamp, summary });
        read.truncate(2);
        summary
    }

    /// Refuses a model that would not be found.
    pub(in crate::daemon) fn check(&self, name: &str) -> Result<(), Failure> {
        let Ok(places) = &self.places else { return Ok(()) };
        let refused = |error: paths::PathError| {
            let text = tr!("Changing engine.model: {error}. Nothing was changed.", error);
            let (cause, remedy) = self.in_brief(&error);
            Failure::new(Code::BadConfig, text).in_brief(cause, remedy)
        };
        let file = places.resolve(name).map_err(refused)?;
        let unfit = |failure| Failure { code: Code::BadConfig, lasts: false, ..failure };
        self.refuse_preview(name, &file).map_err(unfit)
    }

    /// Whether no other engine can run the configured model than the one that failed: the only one,
    /// or the processor's, which is the last resort, or a GPU's without the processor's, because
    /// the other GPU engines most likely use the same device. `failed`: its name.
    pub(in crate::daemon) fn has_no_other_engine(
        &self,
        settings: &Settings,
        failed: Option<&str>,
    ) -> bool {
        let is_last = failed == Some(Backend::Cpu.name());
        let has_plain = self.plain_gguf_program().is_file();
        self.is_gguf(settings) && (is_last || !has_plain || self.gguf_programs().len() < 2)
    }

    /// Whether the configured model is in GGUF form.
    fn is_gguf(&self, settings: &Settings) -> bool {
        let resolved = self.places.as_ref().ok().map(|p| p.resolve(&settings.engine.model));
        resolved.and_then(Result::ok).is_some_and(|file| Form::of(&file) == Form::Gguf)
    }

    /// The folders in which a model may appear, the one the settings name among them.
    pub(in crate::daemon) fn folders(&self) -> Vec<PathBuf> {
        self.places.iter().flat_map(paths::Places::model_dirs).map(Path::to_path_buf).collect()
    }

    /// What tells one version of the model's file from another.
    pub(in crate::daemon) fn stamp(&self, settings: &Settings) -> Option<Stamp> {
        Stamp::of(&self.spec(settings).ok()?.model)
    }
}

/// The options for a recording in that language: a code, or `None` within if it is detected.
/// `None`: as configured.
pub(super) fn spoken_in(options: DecodeOptions, language: Option<Option<String>>) -> DecodeOptions {
    let Some(language) = language else { return options };
    // These are for detecting only.
    let languages = if language.is_some() { Vec::new() } else { options.languages };
    DecodeOptions { language, languages, ..options }
}

/// The options for a dictation with these wishes.
pub(super) fn in_language(options: DecodeOptions, wishes: &Wishes) -> DecodeOptions {
    let language = wishes.language.clone();
    spoken_in(options, language.map(|code| Some(code).filter(|code| code != spoken::AUTO)))
}

/// How the settings want recordings decoded.
pub(in crate::daemon) fn decode_options(settings: &Settings) -> DecodeOptions {
    let engine = &settings.engine;
    DecodeOptions {
        language: engine.language.clone(),
        languages: engine.languages.clone(),
        translate: engine.translate,
        vocabulary: engine.vocabulary.clone(),
        beam_size: engine.beam_size,
        quiet_after: settings.session.stop_after_silence.map_or(0, samples_in),
        ..DecodeOptions::default()
    }
}

#[cfg(test)]
mod tests;
