//! Engine programs that can run a model: which ones are requested, and which are installed.

use super::Models;
use super::instead::first_step;
use crate::config::{self, Settings};
use crate::recognise::{Backend, Candidate};
use crate::session::{Code, Failure};
use std::path::{Path, PathBuf};
use v2m_messages::tr;

/// The default engine for the processor, beside this program. The other engines are beside it.
pub(super) const PROGRAM: &str = "v2m-engine";

/// Suffix of the processor's engine for models in GGUF form.
const GGUF: &str = "-gguf";

impl Models {
    /// Returns the engines that are requested and installed, in order of preference. The plain
    /// processor engine is included even if missing: it should always be installed.
    pub(super) fn candidates(
        &self,
        wanted: config::BackendChoice,
    ) -> Result<Vec<Candidate>, Failure> {
        let wanted_ones = Backend::ALL.into_iter().filter(|backend| fits(wanted, *backend));
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

    /// Returns the engine that uses the server, if one is configured. It is the plain engine.
    pub(super) fn server(&self, settings: &Settings) -> Option<Candidate> {
        let is_wanted = settings.engine.backend == config::BackendChoice::Remote;
        let program = self.program(Backend::Remote);
        is_wanted.then_some(Candidate { backend: Backend::Remote, program })
    }

    /// Returns the engines for a model in GGUF form that are wanted and installed, in order of preference.
    pub(super) fn for_gguf(
        &self,
        engine: &config::EngineSettings,
    ) -> Result<Vec<Candidate>, Failure> {
        use config::BackendChoice::{Auto, Cpu, Cuda, Remote, Vulkan};
        let (model, command) = (&engine.model, self.instead_for(engine));
        let mut installed = self.gguf_programs();
        installed.retain(|candidate| fits(engine.backend, candidate.backend));
        if !installed.is_empty() {
            return Ok(installed);
        }
        let name = match engine.backend {
            Auto | Remote | Cpu => "gguf",
            Cuda => "gguf-cuda",
            Vulkan => "gguf-vulkan",
        };
        let program = self.beside(&format!("-{name}"));
        if matches!(engine.backend, Cuda | Vulkan) && !self.gguf_programs().is_empty() {
            let backend = engine.backend.name();
            let text = tr!(
                "Starting the recogniser: engine.backend is \"{backend}\", and {program} is not installed. Let v2m choose \
                 another engine: `v2m-send config set engine.backend=auto`. Or build and install this one with \
                 `make engine-{name} install`, and restart the service (`systemctl --user restart v2m`).",
                backend,
                program = program.display(),
                name
            );
            return Err(Failure::new(Code::EngineFailed, text)
                .in_brief(no_recogniser(backend), let_v2m_choose())
                .lasting());
        }
        let text = tr!(
            "Starting the recogniser: the model {model} needs {program}, which is not installed. Build and install it with \
             `make engine-{name} install`, and restart the service (`systemctl --user restart v2m`); or choose \
             another model: `{command}`.",
            model,
            program = program.display(),
            name,
            command
        );
        let cause = tr!("The model {model} needs another engine", model);
        let remedy = tr!(
            "Install it: make engine-{name} install. Or: {command}",
            name,
            command = first_step(&command)
        );
        Err(Failure::new(Code::EngineFailed, text).in_brief(cause, remedy).lasting())
    }

    /// Returns the installed engines for models in GGUF form, in order of preference.
    pub(super) fn gguf_programs(&self) -> Vec<Candidate> {
        let named = Backend::ALL.into_iter().filter_map(|backend| {
            Some(Candidate { backend, program: self.gguf_program(backend)? })
        });
        named.filter(|candidate| candidate.program.is_file()).collect()
    }

    /// Returns the processor's engine for models in GGUF form.
    pub(super) fn plain_gguf_program(&self) -> PathBuf {
        self.beside(GGUF)
    }

    /// Returns `None` if no engine for this backend runs models in GGUF form.
    fn gguf_program(&self, backend: Backend) -> Option<PathBuf> {
        backend.gguf_program()?.strip_prefix(PROGRAM).map(|suffix| self.beside(suffix))
    }

    /// Returns all engines, whether they are installed or not.
    pub(in crate::daemon) fn programs(&self) -> Vec<PathBuf> {
        let here = [Backend::Cpu, Backend::CpuV4, Backend::Cuda, Backend::Vulkan];
        let whisper = here.map(|backend| self.program(backend));
        let gguf = here.into_iter().filter_map(|backend| self.gguf_program(backend));
        whisper.into_iter().chain(gguf).collect()
    }

    fn program(&self, backend: Backend) -> PathBuf {
        self.beside(match backend {
            Backend::Cuda => "-cuda",
            Backend::Vulkan => "-vulkan",
            Backend::CpuV4 => "-v4",
            Backend::Remote | Backend::Cpu => "",
        })
    }

    /// Returns the engine with this suffix.
    fn beside(&self, suffix: &str) -> PathBuf {
        let mut name = self.program.file_name().unwrap_or_default().to_owned();
        name.push(suffix);
        self.program.with_file_name(name)
    }
}

/// Whether `engine.backend` = `wanted` allows this backend of this machine.
fn fits(wanted: config::BackendChoice, backend: Backend) -> bool {
    match wanted {
        config::BackendChoice::Auto | config::BackendChoice::Remote => !backend.is_remote(),
        config::BackendChoice::Cuda => backend == Backend::Cuda,
        config::BackendChoice::Vulkan => backend == Backend::Vulkan,
        config::BackendChoice::Cpu => matches!(backend, Backend::CpuV4 | Backend::Cpu),
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
        .in_brief(no_recogniser(backend), let_v2m_choose())
        .lasting()
}

fn no_recogniser(backend: &str) -> String {
    tr!("There is no recogniser for {backend}", backend)
}

fn let_v2m_choose() -> &'static str {
    tr!("Let v2m choose one: v2m-send config set engine.backend=auto")
}
