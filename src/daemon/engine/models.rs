//! Which engines and which model the settings mean.

use crate::config;
use crate::config::Settings;
use crate::language::spoken;
use crate::recognise::{Backend, Candidate, EngineSpec, Stamp, Unload};
use crate::regular::{self, Trust};
use crate::session::{Code, Failure};
use std::io::Read;
use std::path::{Path, PathBuf};
use v2m_ipc::engine::DecodeOptions;
use v2m_ipc::pcm::samples_in;
use v2m_messages::tr;
use v2m_models::catalogue::Form;
use v2m_models::{catalogue, ggml, paths};

/// The processor's engine where nothing else is said: beside this program. The others lie beside it
/// in turn.
const PROGRAM: &str = "v2m-engine";

/// What the name of the engine for models in GGUF form ends with.
const GGUF: &str = "-gguf";

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
}

impl Models {
    pub(in crate::daemon) fn from_env() -> Self {
        let beside = std::env::current_exe().map(|exe| exe.with_file_name(PROGRAM));
        let program = std::env::var_os("V2M_ENGINE").map(PathBuf::from);
        Self {
            program: program.or(beside.ok()).unwrap_or_else(|| PathBuf::from(PROGRAM)),
            places: paths::Places::from_env(),
        }
    }

    /// The engine to run, or why none can.
    pub(in crate::daemon) fn spec(&self, settings: &Settings) -> Result<EngineSpec, Failure> {
        let missing = |error: &paths::PathError| {
            let (cause, remedy) = model_in_brief(error);
            Failure::new(Code::ModelMissing, error.to_string()).in_brief(cause, remedy).lasting()
        };
        let places = self.places.as_ref().map_err(missing)?;
        let model = places.resolve(&settings.engine.model).map_err(|error| missing(&error))?;
        Ok(EngineSpec {
            candidates: match Form::of(&model) {
                Form::Ggml => self.candidates(settings.engine.backend)?,
                Form::Gguf => vec![self.for_gguf(&settings.engine)?],
            },
            model_name: settings.engine.model.clone(),
            model,
            vad: places.resolve_asset(paths::VAD).ok(),
            threads: settings.engine.threads.into(),
            hang: settings.engine.hang(),
            unload: Unload {
                gpu: settings.engine.unload_after.on(true),
                cpu: settings.engine.unload_after.on(false),
            },
        })
    }

    /// The engine for one recording, or why none can run. It keeps its model as long as it lives.
    pub(super) fn spec_by(&self, settings: &Settings, plan: &Plan) -> Result<EngineSpec, Failure> {
        let mut settings = settings.clone();
        if let Some(model) = &plan.model {
            settings.engine.model = model.clone();
        }
        if plan.is_safest {
            settings.engine.backend = config::BackendChoice::Cpu;
        }
        let mut spec = self.spec(&settings)?;
        if plan.is_safest {
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
        let can_run = |path: &Path| form(path) == Form::Ggml || self.gguf_program().is_file();
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

    /// Why there is no such model, if there is none.
    pub(in crate::daemon) fn lacks(&self, name: &str) -> Option<Failure> {
        let error = self.places.as_ref().ok()?.resolve(name).err()?;
        let text = tr!("Transcribing a dictation again: {error}.", error);
        Some(Failure::new(Code::ModelMissing, text))
    }

    /// Why that model does not know the language with this code, if it does not. A file that cannot
    /// be read says nothing here: loading it does.
    pub(in crate::daemon) fn cannot_speak(&self, model: &str, code: &str) -> Option<Failure> {
        if code == "en" {
            return None;
        }
        let file = self.places.as_ref().ok()?.resolve(model).ok()?;
        let knows = match Form::of(&file) {
            Form::Ggml => {
                let mut head = [0; ggml::HEAD];
                regular::open(&file, Trust::Named).ok()?.read_exact(&mut head).ok()?;
                ggml::speaks(&head, code)?
            }
            // All that v2m runs are English.
            Form::Gguf => false,
        };
        if knows {
            return None;
        }
        let (language, other) = (spoken::name(code), for_language(model, code));
        let text = tr!(
            "Recording was not started: the model {model} does not know {language} ({code}). Use one that does: \
             `v2m-model use {other}`.",
            model,
            language,
            code,
            other
        );
        let cause = tr!("The model {model} knows no {language}", model, language);
        let remedy = tr!("Use one that does: v2m-model use {other}", other);
        Some(Failure::new(Code::ModelMissing, text).in_brief(cause, remedy))
    }

    /// Refuses a model that would not be found.
    pub(in crate::daemon) fn check(&self, name: &str) -> Result<(), Failure> {
        let Ok(places) = &self.places else { return Ok(()) };
        let refused = |error: paths::PathError| {
            let text = tr!("Changing engine.model: {error}. Nothing was changed.", error);
            let (cause, remedy) = model_in_brief(&error);
            Failure::new(Code::BadConfig, text).in_brief(cause, remedy)
        };
        places.resolve(name).map(drop).map_err(refused)
    }

    /// The engines that are wanted and installed, the first one first. The processor's plain one
    /// need not be there to be named: it always should be.
    fn candidates(&self, wanted: config::BackendChoice) -> Result<Vec<Candidate>, Failure> {
        let fits = |backend: Backend| match wanted {
            config::BackendChoice::Auto => true,
            config::BackendChoice::Cuda => backend == Backend::Cuda,
            config::BackendChoice::Vulkan => backend == Backend::Vulkan,
            config::BackendChoice::Cpu => !backend.is_gpu(),
        };
        let wanted_ones = Backend::ALL.into_iter().filter(|backend| fits(*backend));
        let named =
            wanted_ones.map(|backend| Candidate { backend, program: self.program(backend) });
        let installed: Vec<_> = named
            .filter(|candidate| candidate.backend == Backend::Cpu || candidate.program.is_file())
            .collect();
        if installed.is_empty() {
            return Err(not_installed(wanted.name(), &self.program));
        }
        Ok(installed)
    }

    /// The engine for a model in GGUF form, which computes with the processor.
    fn for_gguf(&self, engine: &config::EngineSettings) -> Result<Candidate, Failure> {
        use config::BackendChoice::{Auto, Cpu, Cuda, Vulkan};
        let (model, usual) = (&engine.model, catalogue::DEFAULT);
        match engine.backend {
            Auto | Cpu => {}
            gpu @ (Cuda | Vulkan) => {
                let backend = gpu.name();
                let text = tr!(
                    "Starting the recogniser: engine.backend is \"{backend}\", and the model {model} can only be run by the \
                     processor. Let v2m choose: `v2m-send config set engine.backend=auto`; or choose another model: \
                     `v2m-model use {usual}`.",
                    backend,
                    model,
                    usual
                );
                let cause = tr!("The model {model} does not run on GPUs", model);
                let remedy =
                    tr!("Let v2m choose the engine: v2m-send config set engine.backend=auto");
                return Err(Failure::new(Code::EngineFailed, text)
                    .in_brief(cause, remedy)
                    .lasting());
            }
        }
        let program = self.gguf_program();
        if program.is_file() {
            return Ok(Candidate { backend: Backend::Cpu, program });
        }
        let text = tr!(
            "Starting the recogniser: the model {model} needs {program}, which is not installed. Build and install it with \
             `make engine-gguf install`, and restart the service (`systemctl --user restart v2m`); or choose \
             another model: `v2m-model use {usual}`.",
            model,
            program = program.display(),
            usual
        );
        let cause = tr!("The model {model} needs another engine", model);
        let remedy = tr!("Install it: make engine-gguf install. Or: v2m-model use {usual}", usual);
        Err(Failure::new(Code::EngineFailed, text).in_brief(cause, remedy).lasting())
    }

    /// Whether one engine alone can run the configured model.
    pub(in crate::daemon) fn has_one_engine(&self, settings: &Settings) -> bool {
        let resolved = self.places.as_ref().ok().map(|p| p.resolve(&settings.engine.model));
        resolved.and_then(Result::ok).is_some_and(|file| Form::of(&file) == Form::Gguf)
    }

    fn gguf_program(&self) -> PathBuf {
        self.beside(GGUF)
    }

    /// The settings that the configured model cannot follow, each with the reason.
    pub(in crate::daemon) fn unfollowed(&self, settings: &Settings) -> Vec<(&'static str, String)> {
        let is_one = self.has_one_engine(settings);
        if is_one { unfollowed_by_gguf(&settings.engine) } else { Vec::new() }
    }

    fn program(&self, backend: Backend) -> PathBuf {
        self.beside(match backend {
            Backend::Cuda => "-cuda",
            Backend::Vulkan => "-vulkan",
            Backend::CpuV4 => "-v4",
            Backend::Cpu => "",
        })
    }

    /// The engine whose name ends so.
    fn beside(&self, suffix: &str) -> PathBuf {
        let mut name = self.program.file_name().unwrap_or_default().to_owned();
        name.push(suffix);
        self.program.with_file_name(name)
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

/// What Moonshine cannot do.
fn unfollowed_by_gguf(engine: &config::EngineSettings) -> Vec<(&'static str, String)> {
    let model = &engine.model;
    let mut all = Vec::new();
    let is_english = |code: &str| code == "en";
    if let Some(code) = engine.language.as_deref().filter(|code| !is_english(code)) {
        let why = tr!(
            "the model {model} knows English only, so nothing is recorded in {code}",
            model,
            code
        );
        all.push(("engine.language", why));
    }
    if !engine.languages.iter().all(|code| is_english(code)) {
        all.push(("engine.languages", tr!("the model {model} knows English only", model)));
    }
    if engine.translate {
        all.push(("engine.translate", tr!("the model {model} knows English only", model)));
    }
    if !engine.vocabulary.is_empty() {
        let why = tr!(
            "the model {model} cannot be told words to expect; the text rules still write them as you do",
            model
        );
        all.push(("engine.vocabulary", why));
    }
    all
}

/// The published model that is most like `model` and knows that language.
fn for_language(model: &str, code: &str) -> &'static str {
    if code == "yue" {
        return "large-v3";
    }
    let same_size = catalogue::find(&model.replacen(".en", "", 1));
    same_size.map_or(catalogue::DEFAULT, |model| model.name)
}

/// The options for a recording in that language: a code, or `None` within if it is detected.
/// `None`: as configured.
pub(super) fn spoken_in(options: DecodeOptions, language: Option<Option<String>>) -> DecodeOptions {
    let Some(language) = language else { return options };
    // These are for detecting only.
    let languages = if language.is_some() { Vec::new() } else { options.languages };
    DecodeOptions { language, languages, ..options }
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

fn not_installed(backend: &str, beside: &Path) -> Failure {
    let folder = beside.parent().unwrap_or(Path::new("."));
    let text = tr!(
        "Starting the recogniser: engine.backend is \"{backend}\", and there is no {program}-{backend} in {folder}. Build it with \
         `make engine-{backend}`, install it, and restart the service (`systemctl --user restart v2m`); or let v2m \
         choose: `v2m-send config set engine.backend=auto`.",
        backend,
        program = PROGRAM,
        folder = folder.display()
    );
    Failure::new(Code::EngineFailed, text)
        .in_brief(
            tr!("There is no recogniser for {backend}", backend),
            tr!("Let v2m choose one: v2m-send config set engine.backend=auto"),
        )
        .lasting()
}

/// A notification's title and body.
fn model_in_brief(error: &paths::PathError) -> (String, String) {
    use paths::PathError::{NoAsset, NoFile, NoHome, NotAName, NotInstalled, Unknown};
    let usual = catalogue::DEFAULT;
    match error {
        NotInstalled { name } => (
            tr!("The model {name} is not installed", name),
            tr!("Run v2m setup, or: v2m-model pull {name}", name),
        ),
        Unknown { name, .. } | NotAName(name) => (
            tr!("There is no model {name}", name),
            match catalogue::near(name).first() {
                Some(near) => tr!("Did you mean {near}? All: v2m-model list", near),
                None => {
                    tr!("Choose one: v2m-model list. The default: v2m-model use {usual}", usual)
                }
            },
        ),
        NoFile(path) => (
            tr!("The model file is missing").to_owned(),
            tr!(
                "Fetch the default model: v2m-model use {usual}\n{path}",
                usual,
                path = path.display()
            ),
        ),
        NoHome => (tr!("v2m finds no home directory").to_owned(), tr!("Set HOME.").to_owned()),
        NoAsset { name, .. } => (
            tr!("The file {name} is missing", name),
            tr!("Install v2m again: make install").to_owned(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn backends(models: &Models, wanted: config::BackendChoice) -> Vec<&'static str> {
        let candidates = models.candidates(wanted).unwrap();
        candidates.iter().map(|candidate| candidate.backend.name()).collect()
    }

    #[test]
    fn engines_that_are_installed_beside_the_plain_one_are_tried_in_their_order() {
        use config::BackendChoice::{Auto, Cpu, Cuda, Vulkan};
        let dir = tempfile::tempdir().unwrap();
        let models =
            Models { program: dir.path().join("v2m-engine"), places: paths::Places::from_env() };
        assert_eq!(backends(&models, Auto), ["cpu"]);
        let failure = models.candidates(Cuda).unwrap_err();
        assert_eq!(failure.code, Code::EngineFailed);
        assert!(failure.message.contains("make engine-cuda"), "{}", failure.message);
        assert!(models.candidates(Vulkan).is_err());
        for name in ["v2m-engine-v4", "v2m-engine-cuda", "v2m-engine-vulkan"] {
            std::fs::write(dir.path().join(name), "").unwrap();
        }
        assert_eq!(backends(&models, Auto), ["cuda", "vulkan", "cpu-v4", "cpu"]);
        assert_eq!(backends(&models, Cuda), ["cuda"]);
        assert_eq!(backends(&models, Vulkan), ["vulkan"]);
        assert_eq!(backends(&models, Cpu), ["cpu-v4", "cpu"]);
    }

    #[test]
    fn a_model_in_gguf_form_has_its_own_engine_on_the_processor() {
        let dir = tempfile::tempdir().unwrap();
        let models =
            Models { program: dir.path().join("v2m-engine"), places: paths::Places::from_env() };
        let model = dir.path().join("moonshine.gguf");
        std::fs::write(&model, "").unwrap();
        let mut settings = Settings::default();
        settings.engine.model = model.display().to_string();
        let failure = models.spec(&settings).unwrap_err();
        assert!(failure.message.contains("make engine-gguf install"), "{}", failure.message);
        for name in ["v2m-engine-gguf", "v2m-engine-cuda"] {
            std::fs::write(dir.path().join(name), "").unwrap();
        }
        let program = dir.path().join("v2m-engine-gguf");
        let only = Candidate { backend: Backend::Cpu, program };
        assert_eq!(models.spec(&settings).unwrap().candidates, [only]);
        settings.engine.backend = config::BackendChoice::Cuda;
        let failure = models.spec(&settings).unwrap_err();
        assert!(failure.message.contains("engine.backend=auto"), "{}", failure.message);
        let failure = models.cannot_speak(&settings.engine.model, "es").unwrap();
        assert!(failure.message.contains("v2m-model use base-q8_0"), "{}", failure.message);
        assert_eq!(models.cannot_speak(&settings.engine.model, "en"), None);
    }

    #[test]
    fn what_a_model_in_gguf_form_cannot_follow_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let models = Models { program: PathBuf::new(), places: paths::Places::from_env() };
        let mut settings = Settings::default();
        let mut keys = |ending: &str, change: &dyn Fn(&mut Settings)| -> Vec<&str> {
            let model = dir.path().join(format!("model.{ending}"));
            std::fs::write(&model, "").unwrap();
            settings.engine.model = model.display().to_string();
            change(&mut settings);
            models.unfollowed(&settings).into_iter().map(|(key, _)| key).collect()
        };
        assert_eq!(keys("gguf", &|_| ()), [""; 0]);
        let all = |settings: &mut Settings| {
            settings.engine.language = Some("es".into());
            settings.engine.languages = vec!["en".into(), "es".into()];
            settings.engine.translate = true;
            settings.engine.vocabulary = vec!["PipeWire".into()];
        };
        let told = ["engine.language", "engine.languages", "engine.translate", "engine.vocabulary"];
        assert_eq!(keys("gguf", &all), told);
        assert_eq!(keys("bin", &all), [""; 0]);
    }

    #[test]
    fn a_model_for_english_is_told_from_one_for_all_languages() {
        let dir = tempfile::tempdir().unwrap();
        let models = Models { program: PathBuf::new(), places: paths::Places::from_env() };
        let file = |name: &str, tokens: u32| {
            let path = dir.path().join(name);
            let head = [0x6767_6D6C_u32.to_le_bytes(), tokens.to_le_bytes()].concat();
            std::fs::write(&path, head).unwrap();
            path.display().to_string()
        };
        let [english, all] = [file("ggml-base.en.bin", 51_864), file("ggml-base.bin", 51_865)];
        assert_eq!(models.cannot_speak(&english, "en"), None);
        assert_eq!(models.cannot_speak(&all, "es"), None);
        assert_eq!(models.cannot_speak("/nowhere", "es"), None);
        let failure = models.cannot_speak(&english, "es").unwrap();
        assert_eq!(failure.code, Code::ModelMissing);
        assert!(failure.message.contains("Spanish (es)"), "{}", failure.message);
        assert_eq!(for_language("base.en-q8_0", "es"), "base-q8_0");
        assert_eq!(for_language("/some/where", "es"), catalogue::DEFAULT);
        assert!(catalogue::find(for_language("base", "yue")).is_some());
    }
}
