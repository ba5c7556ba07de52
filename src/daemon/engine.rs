//! Which engine and which model the settings mean.

use crate::config::Settings;
use crate::recognise::EngineSpec;
use crate::session::{Code, Failure};
use std::path::{Path, PathBuf};
use std::time::SystemTime;
use v2m_ipc::engine::DecodeOptions;
use v2m_models::paths;

/// The engine's program where nothing else is said: beside this one.
const PROGRAM: &str = "v2m-engine";

/// Where engines and models are.
#[derive(Debug)]
pub(super) struct Models {
    program: PathBuf,
    places: Result<paths::Places, paths::PathError>,
}

/// A model file as it was when it was looked at, to tell whether it has changed.
pub(super) type Stamp = Option<(u64, Option<SystemTime>)>;

impl Models {
    pub(super) fn from_env() -> Self {
        let beside = std::env::current_exe().map(|exe| exe.with_file_name(PROGRAM));
        let program = std::env::var_os("V2M_ENGINE").map(PathBuf::from);
        Self {
            program: program.or(beside.ok()).unwrap_or_else(|| PathBuf::from(PROGRAM)),
            places: paths::Places::from_env(),
        }
    }

    /// The engine to run, or why none can.
    pub(super) fn spec(&self, settings: &Settings) -> Result<EngineSpec, Failure> {
        let missing =
            |error: &paths::PathError| Failure::new(Code::ModelMissing, error.to_string());
        let places = self.places.as_ref().map_err(missing)?;
        let model = places.resolve(&settings.engine.model).map_err(|error| missing(&error))?;
        Ok(EngineSpec {
            program: self.program.clone(),
            model_name: settings.engine.model.clone(),
            model,
            vad: places.resolve_asset(paths::VAD).ok(),
            threads: settings.engine.threads.into(),
            hang: settings.engine.hang(),
        })
    }

    /// The folders in which a model may appear, the one the settings name among them.
    pub(super) fn folders(&self) -> Vec<PathBuf> {
        self.places.iter().flat_map(paths::Places::model_dirs).map(Path::to_path_buf).collect()
    }

    /// What tells one version of the model's file from another.
    pub(super) fn stamp(&self, settings: &Settings) -> Stamp {
        let spec = self.spec(settings).ok()?;
        let file = std::fs::metadata(spec.model).ok()?;
        Some((file.len(), file.modified().ok()))
    }
}

/// How the settings want recordings decoded.
pub(super) fn decode_options(settings: &Settings) -> DecodeOptions {
    let engine = &settings.engine;
    DecodeOptions {
        language: engine.language.clone(),
        languages: engine.languages.clone(),
        translate: engine.translate,
        vocabulary: engine.vocabulary.clone(),
        beam_size: engine.beam_size,
    }
}
