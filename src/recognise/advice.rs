//! The messages for people when an engine fails: what was being done, what went wrong, what to do
//! now.

use super::Backend;
use super::candidates::Candidate;
use crate::session::{Code, Failure};
use std::path::Path;
use std::time::Duration;
use v2m_ipc::engine::LoadFailure;

fn failure(text: String) -> Failure {
    Failure::new(Code::EngineFailed, text)
}

/// Short remedies, for notifications.
const SMALLER: &str = "Choose a smaller model: v2m-model list";
const DOCTOR: &str = "Find out what is missing: v2m doctor";

/// The engine's program could not be started.
pub(super) fn not_startable(candidate: &Candidate, error: &std::io::Error) -> Failure {
    failure(format!(
        "Starting the recogniser {}: {error}. Is v2m installed completely? Try `v2m doctor`.",
        candidate.program.display()
    ))
    .in_brief("The recogniser does not start", DOCTOR)
    .lasting()
}

/// Another program, most likely the kernel, killed the engine twice before it had loaded the model.
pub(super) fn lacks_memory(model: &str, reason: &str, again: Duration) -> Failure {
    let minutes = again.as_secs() / 60;
    failure(format!(
        "Loading the model {model}: the recogniser {reason}, twice. Most likely there is too little memory for \
         this model. Choose a smaller one: `v2m-model list`. v2m tries this one again in {minutes} min."
    ))
    .in_brief(format!("Too little memory for the model {model}"), SMALLER)
    .lasting()
}

/// The engine was silent for too long, twice, before it had loaded the model.
pub(super) fn hangs_loading(model: &str, file: &Path, reason: &str, again: Duration) -> Failure {
    let minutes = again.as_secs() / 60;
    failure(format!(
        "Loading the model {model}: the recogniser {reason}, twice. The disk may be too slow, or the file unreadable: {}. \
         See `journalctl -k` and `v2m doctor`. v2m tries again in {minutes} min.",
        file.display()
    ))
    .in_brief(format!("The model {model} does not finish loading"), DOCTOR)
    .lasting()
}

/// The engine died by itself, twice, before it had loaded the model. The file is not tried again.
pub(super) fn dies_of_model(model: &str, file: &Path, reason: &str) -> Failure {
    let file = file.display();
    let fetch = match is_name(model) {
        true => format!(
            "Check it: `v2m-model verify {model}`. Fetch it again: `v2m-model rm --force {model} && \
             v2m-model pull {model}`. "
        ),
        false => String::new(),
    };
    failure(format!(
        "Loading the model {model}: the recogniser {reason}, twice, with the file {file}. The file may be damaged, or \
         there is too little memory for it. v2m does not try it again until the file changes. {fetch}Or choose another \
         model: `v2m-model list`. To try the same file once more: `systemctl --user restart v2m`."
    ))
    .in_brief(
        format!("The model {model} crashes the recogniser"),
        format!("Choose another model: v2m-model list. Its file: {file}"),
    )
    .lasting()
}

/// Whether the model is given by a name that `v2m-model` uses, and not by a path.
fn is_name(model: &str) -> bool {
    !model.contains('/')
}

/// The engine died twice while working on the same recording. The recording is kept, or is a file
/// of the user's.
pub(super) fn dies_working(reason: &str, is_kept: bool) -> Failure {
    let what = if is_kept { "recording" } else { "file" };
    failure(format!(
        "Transcribing: the recogniser {reason}, twice on the same {what}. {} Another model may help: `v2m-model list`.",
        afterwards(is_kept)
    ))
    .in_brief(
        format!("This {what} could not be transcribed"),
        format!("{} Another model may help: v2m-model list", afterwards(is_kept)),
    )
}

/// The engine said twice that it has no text for a recording. The recording is kept, or is a file
/// of the user's.
pub(super) fn refused(reason: &str, is_kept: bool) -> Failure {
    let what = if is_kept { "recording" } else { "file" };
    failure(format!("Transcribing: {reason}. {}", afterwards(is_kept)))
        .in_brief(format!("This {what} could not be transcribed"), afterwards(is_kept))
}

/// What happens to a recording that could not be transcribed.
fn afterwards(is_kept: bool) -> &'static str {
    match is_kept {
        true => {
            "The recording is kept, and v2m tries again by itself. To try at once: v2m-send retry."
        }
        false => "v2m keeps nothing of a file: to try again, transcribe it again.",
    }
}

/// The engine cannot work on this machine, and there is no other one.
pub(super) fn unfit(backend: Backend, reason: &str) -> Failure {
    failure(format!(
        "Starting the recogniser on {}: {}. {}",
        backend.name(),
        reason.trim_end_matches('.'),
        remedy(backend)
    ))
    .in_brief(format!("The recogniser cannot run ({})", backend.name()), remedy(backend))
    .lasting()
}

/// The engine cannot use the model.
pub(super) fn load_failed(
    failure: LoadFailure,
    backend: Backend,
    model: &str,
    reason: &str,
) -> Failure {
    let (code, cause, advice) = match failure {
        LoadFailure::Missing => (
            Code::ModelMissing,
            format!("The model {model} is missing"),
            match is_name(model) {
                true => format!("Fetch it: v2m-model pull {model}"),
                false => {
                    "Is engine.model right? Or choose another model: v2m-model list".to_owned()
                }
            },
        ),
        LoadFailure::Broken => (
            Code::ModelMissing,
            format!("The model {model} is damaged"),
            match is_name(model) {
                true => format!(
                    "Fetch it again: v2m-model rm --force {model} && v2m-model pull {model}"
                ),
                false => "Choose another model: v2m-model list".to_owned(),
            },
        ),
        LoadFailure::BrokenVoice => (
            Code::EngineFailed,
            "The voice activity model is damaged".to_owned(),
            "Install v2m again: make install".to_owned(),
        ),
        LoadFailure::Unsupported => (
            Code::EngineFailed,
            format!("The recogniser cannot run ({})", backend.name()),
            remedy(backend).to_owned(),
        ),
    };
    Failure::new(code, format!("{} {advice}", reason.trim_end())).in_brief(cause, advice).lasting()
}

/// An engine that had worked before has failed. Another one continues.
pub(super) fn fell_back(from: Backend, reason: &str, to: Backend) -> Failure {
    let (from_name, to_name) = (from.name(), to.name());
    if !from.is_gpu() {
        return failure(format!(
            "Computing on the processor ({from_name}): the recogniser {reason}. Nothing is lost: {to_name} takes over, \
             which may be slower. To try {from_name} again: `systemctl --user restart v2m`."
        ))
        .in_brief(
            "The recogniser failed; another one takes over",
            "Nothing is lost. To try it again: systemctl --user restart v2m",
        );
    }
    failure(format!(
        "Computing on the GPU ({from_name}): the recogniser {reason}. Nothing is lost: {to_name} takes over, \
         which is slower. The GPU is tried again after `systemctl --user restart v2m`, and when the \
         computer wakes from sleep."
    ))
    .in_brief(
        "The GPU failed; the processor takes over",
        "Nothing is lost. To try the GPU again: systemctl --user restart v2m",
    )
}

/// What may make a failing engine work.
fn remedy(backend: Backend) -> &'static str {
    match backend {
        Backend::Cuda => {
            "It needs NVIDIA's driver (`nvidia-smi` shows it) and the CUDA libraries it was built with: \
             install what is missing, or build it anew (`make engine-cuda`). engine.backend = \"auto\" \
             computes with the processor meanwhile. See also `v2m doctor`."
        }
        Backend::Vulkan => {
            "It needs a GPU's Vulkan driver and the Vulkan loader (`vulkaninfo --summary` shows them): install \
             what is missing. engine.backend = \"auto\" computes with the processor meanwhile. See also \
             `v2m doctor`."
        }
        Backend::CpuV4 | Backend::Cpu => "Try `v2m doctor`.",
    }
}
