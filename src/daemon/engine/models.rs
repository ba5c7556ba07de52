//! Which engines and which model the settings mean.

mod stand_in;
#[cfg(test)]
mod tests;

use crate::config;
use crate::config::Settings;
use crate::language::spoken;
use crate::recognise::{Backend, Candidate, EngineSpec, Stamp, Unload};
use crate::regular::{self, Trust};
use crate::session::{Code, Failure};
use serde_json::{Map, Value};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use v2m_ipc::engine::DecodeOptions;
use v2m_ipc::pcm::samples_in;
use v2m_messages::tr;
use v2m_models::catalogue::Form;
use v2m_models::family::{Family, Summary, Unheard};
use v2m_models::{catalogue, ggml, gguf, paths};

/// The processor's engine where nothing else is said: beside this program. The others lie beside it
/// in turn.
const PROGRAM: &str = "v2m-engine";

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
    /// The head of a GGUF file that was read last: each press and each status asks for it.
    read: Mutex<Option<ReadHead>>,
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
            let (cause, remedy) = model_in_brief(error);
            Failure::new(Code::ModelMissing, error.to_string()).in_brief(cause, remedy).lasting()
        };
        let places = self.places.as_ref().map_err(missing)?;
        let model = places.resolve(&settings.engine.model).map_err(|error| missing(&error))?;
        let local = match Form::of(&model) {
            Form::Ggml => self.candidates(settings.engine.backend)?,
            Form::Gguf => self.for_gguf(&settings.engine)?,
        };
        Ok(EngineSpec {
            candidates: self.server(settings).into_iter().chain(local).collect(),
            server: settings.server(),
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
            // It is one of this machine's.
            if settings.engine.backend == config::BackendChoice::Remote {
                settings.engine.backend = config::BackendChoice::Auto;
            }
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
        let can_run = |path: &Path| match form(path) {
            Form::Ggml => true,
            Form::Gguf => {
                let code = language.or(settings.engine.language.as_deref());
                let hears =
                    |summary: Summary| summary.unheard(code, &settings.engine.languages).is_none();
                !self.gguf_programs().is_empty() && self.summary(path).is_some_and(hears)
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

    /// Why there is no such model, if there is none.
    pub(in crate::daemon) fn lacks(&self, name: &str) -> Option<Failure> {
        let error = self.places.as_ref().ok()?.resolve(name).err()?;
        let text = tr!("Transcribing a dictation again: {error}.", error);
        Some(Failure::new(Code::ModelMissing, text))
    }

    /// Why that model cannot transcribe what is spoken, if it cannot: the language with this code, or
    /// one that is to be detected among these. A file that cannot be read says nothing here: loading
    /// it does.
    pub(in crate::daemon) fn cannot_hear(
        &self,
        model: &str,
        code: Option<&str>,
        among: &[String],
    ) -> Option<Failure> {
        let file = self.places.as_ref().ok()?.resolve(model).ok()?;
        if Form::of(&file) == Form::Gguf
            && let Some(summary) = self.summary(&file)
            && let Some(why @ (Unheard::Untold | Unheard::Drifts)) = summary.unheard(code, among)
        {
            return Some(untold(model, why, &summary));
        }
        let code = match Form::of(&file) {
            // English is what it hears, whatever the languages to tell apart are.
            Form::Ggml => code,
            Form::Gguf if self.summary(&file).is_none_or(|s| s.is_for_english()) => code,
            Form::Gguf => Summary::spoken(code, among),
        };
        let code = code.filter(|code| *code != "en")?;
        let knows = match Form::of(&file) {
            Form::Ggml => {
                let mut head = [0; ggml::HEAD];
                regular::open(&file, Trust::Named).ok()?.read_exact(&mut head).ok()?;
                ggml::speaks(&head, code)?
            }
            Form::Gguf => self.summary(&file).is_some_and(|s| s.languages.contain(code)),
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

    /// Refuses settings of the engine (as they stand in the configuration, `current` without them)
    /// with which a model would write words that were not said.
    pub(in crate::daemon) fn check_safe(
        &self,
        new: &Map<String, Value>,
        current: &Settings,
    ) -> Result<(), Failure> {
        let Some(engine) = new.get("engine") else { return Ok(()) };
        // What is taken out of the configuration is as usual again.
        let usual = config::EngineSettings::default();
        let is_usual = |key| engine.is_null() || engine.get(key).is_some_and(Value::is_null);
        let otherwise = |key| if is_usual(key) { &usual } else { &current.engine };
        let model = engine["model"].as_str().unwrap_or(&otherwise("model").model);
        let language = match engine["language"].as_str().map(spoken::code) {
            // The configuration's own check says what is wrong with it.
            Some(Err(_)) => return Ok(()),
            Some(Ok(code)) => code,
            None => otherwise("language").language.as_deref(),
        };
        let listed = engine["languages"].as_array().map(|codes| {
            codes.iter().filter_map(Value::as_str).map(str::to_owned).collect::<Vec<_>>()
        });
        let among = listed.as_ref().unwrap_or(&otherwise("languages").languages);
        let file = self.places.as_ref().ok().and_then(|places| places.resolve(model).ok());
        let summary =
            file.filter(|file| Form::of(file) == Form::Gguf).and_then(|f| self.summary(&f));
        let Some(summary) = summary else { return Ok(()) };
        let Some(why @ Unheard::Drifts) = summary.unheard(language, among) else { return Ok(()) };
        let reason = why.reason(&summary);
        let text = tr!(
            "Changing engine: the model {model} is not safe here: {reason}. Nothing was changed. Set the language first or \
             together with it: `v2m-send config set engine.language=en`.",
            model,
            reason
        );
        let cause = tr!("The model {model} is safe for English only", model);
        let remedy = tr!("Set the language first: v2m-send config set engine.language=en");
        Err(Failure::new(Code::BadConfig, text).in_brief(cause, remedy))
    }

    /// What the head of this GGUF file says; `None` if it is no model that v2m runs.
    fn summary(&self, file: &Path) -> Option<Summary> {
        let stamp = Stamp::of(file)?;
        // Poisoned by nothing: no code below panics, and a head that was read is whole.
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = read.as_ref().filter(|r| r.path == file && r.stamp == stamp) {
            return known.summary;
        }
        let opened = regular::open(file, Trust::Named).ok()?;
        let summary = gguf::inspect_open(opened, file).ok();
        *read = Some(ReadHead { path: file.to_owned(), stamp, summary });
        summary
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
            config::BackendChoice::Auto | config::BackendChoice::Remote => !backend.is_remote(),
            config::BackendChoice::Cuda => backend == Backend::Cuda,
            config::BackendChoice::Vulkan => backend == Backend::Vulkan,
            config::BackendChoice::Cpu => matches!(backend, Backend::CpuV4 | Backend::Cpu),
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

    /// The engine that has the server asked, if one is wanted. It is the plain one.
    fn server(&self, settings: &Settings) -> Option<Candidate> {
        let is_wanted = settings.engine.backend == config::BackendChoice::Remote;
        let program = self.program(Backend::Remote);
        is_wanted.then_some(Candidate { backend: Backend::Remote, program })
    }

    /// The engines for a model in GGUF form that are wanted and installed, the first one first.
    fn for_gguf(&self, engine: &config::EngineSettings) -> Result<Vec<Candidate>, Failure> {
        use config::BackendChoice::{Auto, Cpu, Cuda, Remote, Vulkan};
        let (model, usual) = (&engine.model, catalogue::DEFAULT);
        let (wanted, any) = match engine.backend {
            Auto | Remote => (Backend::Cpu, true),
            Cpu => (Backend::Cpu, false),
            Cuda => (Backend::Cuda, false),
            Vulkan => (Backend::Vulkan, false),
        };
        let Some(program) = self.gguf_program(wanted) else {
            let backend = wanted.name();
            let text = tr!(
                "Starting the recogniser: engine.backend is \"{backend}\", and no engine of that kind runs the model \
                 {model}. Let v2m choose: `v2m-send config set engine.backend=auto`; or choose another model: \
                 `v2m-model use {usual}`.",
                backend,
                model,
                usual
            );
            let cause = tr!("The model {model} does not run on {backend}", model, backend);
            let remedy = tr!("Let v2m choose the engine: v2m-send config set engine.backend=auto");
            return Err(Failure::new(Code::EngineFailed, text).in_brief(cause, remedy).lasting());
        };
        let mut installed = self.gguf_programs();
        installed.retain(|candidate| any || candidate.backend == wanted);
        if !installed.is_empty() {
            return Ok(installed);
        }
        let name = if wanted == Backend::Vulkan { "gguf-vulkan" } else { "gguf" };
        let text = tr!(
            "Starting the recogniser: the model {model} needs {program}, which is not installed. Build and install it with \
             `make engine-{name} install`, and restart the service (`systemctl --user restart v2m`); or choose \
             another model: `v2m-model use {usual}`.",
            model,
            program = program.display(),
            name,
            usual
        );
        let cause = tr!("The model {model} needs another engine", model);
        let remedy =
            tr!("Install it: make engine-{name} install. Or: v2m-model use {usual}", name, usual);
        Err(Failure::new(Code::EngineFailed, text).in_brief(cause, remedy).lasting())
    }

    /// The engines for models in GGUF form that are installed, the first one first.
    fn gguf_programs(&self) -> Vec<Candidate> {
        let named = Backend::ALL.into_iter().filter_map(|backend| {
            Some(Candidate { backend, program: self.gguf_program(backend)? })
        });
        named.filter(|candidate| candidate.program.is_file()).collect()
    }

    /// Whether one engine alone can run the configured model.
    pub(in crate::daemon) fn has_one_engine(&self, settings: &Settings) -> bool {
        self.is_gguf(settings) && self.gguf_programs().len() < 2
    }

    /// Whether the configured model is in GGUF form.
    fn is_gguf(&self, settings: &Settings) -> bool {
        let resolved = self.places.as_ref().ok().map(|p| p.resolve(&settings.engine.model));
        resolved.and_then(Result::ok).is_some_and(|file| Form::of(&file) == Form::Gguf)
    }

    /// The settings that the configured model cannot follow, each with the reason.
    pub(in crate::daemon) fn unfollowed(&self, settings: &Settings) -> Vec<(&'static str, String)> {
        if settings.server().is_some() {
            return unfollowed_by_servers(&settings.engine);
        }
        if !self.is_gguf(settings) {
            return Vec::new();
        }
        let file = self.places.as_ref().ok().and_then(|p| p.resolve(&settings.engine.model).ok());
        match file.and_then(|file| self.summary(&file)).filter(|s| !follows_english_alone(s)) {
            Some(summary) => unfollowed_by(&summary, &settings.engine),
            None => unfollowed_by_english(&settings.engine),
        }
    }

    fn program(&self, backend: Backend) -> PathBuf {
        self.beside(match backend {
            Backend::Cuda => "-cuda",
            Backend::Vulkan => "-vulkan",
            Backend::CpuV4 => "-v4",
            Backend::Remote | Backend::Cpu => "",
        })
    }

    fn gguf_program(&self, backend: Backend) -> Option<PathBuf> {
        backend.gguf_program()?.strip_prefix(PROGRAM).map(|suffix| self.beside(suffix))
    }

    /// All engines, whether they are installed or not.
    pub(in crate::daemon) fn programs(&self) -> Vec<PathBuf> {
        let here = [Backend::Cpu, Backend::CpuV4, Backend::Cuda, Backend::Vulkan];
        let whisper = here.map(|backend| self.program(backend));
        let gguf = here.into_iter().filter_map(|backend| self.gguf_program(backend));
        whisper.into_iter().chain(gguf).collect()
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

/// What servers are not told. The engine that takes over follows it.
fn unfollowed_by_servers(engine: &config::EngineSettings) -> Vec<(&'static str, String)> {
    let usual = config::EngineSettings::default().beam_size;
    let why = || tr!("the server decides how its model searches").to_owned();
    (engine.beam_size != usual).then(|| ("engine.beam_size", why())).into_iter().collect()
}

/// Whether the model needs to be told nothing, because it knows one language.
fn follows_english_alone(summary: &Summary) -> bool {
    matches!(summary.family, Family::Moonshine | Family::Parakeet)
}

/// Why nothing can be recorded with a model that must be told its language.
fn untold(model: &str, why: Unheard, summary: &Summary) -> Failure {
    let reason = why.reason(summary);
    let text = tr!(
        "Recording was not started: the model {model} cannot be used so: {reason}.",
        model,
        reason
    );
    let cause = tr!("The model {model} must be told the language", model);
    let code = if summary.is_for_english() { "en".into() } else { summary.codes().join("|") };
    let remedy = tr!("Say which one: v2m-send config set engine.language={code}", code);
    Failure::new(Code::BadConfig, text).in_brief(cause, remedy)
}

/// What a model for several languages cannot do, or one that must not be used for some.
fn unfollowed_by(
    summary: &Summary,
    engine: &config::EngineSettings,
) -> Vec<(&'static str, String)> {
    let model = &engine.model;
    let mut all = Vec::new();
    if let Some(why) = summary.unheard(engine.language.as_deref(), &engine.languages) {
        let reason = why.reason(summary);
        let why = tr!("nothing is recorded with the model {model}: {reason}", model, reason);
        all.push(("engine.language", why));
    }
    if engine.translate {
        all.push(("engine.translate", tr!("v2m does not let the model {model} translate", model)));
    }
    all.extend(no_vocabulary(engine));
    all
}

fn no_vocabulary(engine: &config::EngineSettings) -> Option<(&'static str, String)> {
    let model = &engine.model;
    (!engine.vocabulary.is_empty()).then(|| {
        let why = tr!(
            "the model {model} cannot be told words to expect; the text rules still write them as you do",
            model
        );
        ("engine.vocabulary", why)
    })
}

/// What a model for English cannot do.
fn unfollowed_by_english(engine: &config::EngineSettings) -> Vec<(&'static str, String)> {
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
    all.extend(no_vocabulary(engine));
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
