//! What people are told when an engine fails: what was being done, what went wrong, what to do now.

use super::candidates::{Backend, Candidate};
use crate::session::{Code, Failure};
use v2m_ipc::engine::LoadFailure;

fn failure(text: String) -> Failure {
    Failure::new(Code::EngineFailed, text)
}

/// The same for a notification.
const SMALLER: &str = "Choose a smaller model: v2m-model list";
const DOCTOR: &str = "Find out what is missing: v2m doctor";

/// Its program could not be started.
pub(super) fn not_startable(candidate: &Candidate, error: &std::io::Error) -> Failure {
    failure(format!(
        "Starting the recogniser {}: {error}. Is v2m installed completely? Try `v2m doctor`.",
        candidate.program.display()
    ))
    .in_brief("The recogniser does not start", DOCTOR)
    .lasting()
}

/// It died twice before it was of any use.
pub(super) fn dies_loading(model: &str, reason: &str) -> Failure {
    failure(format!(
        "Loading the model {model}: the recogniser {reason}, twice. Is there memory for this model? \
         A smaller one: `v2m-model list`. It is tried again every minute."
    ))
    .in_brief(format!("The model {model} cannot be loaded"), SMALLER)
    .lasting()
}

/// It died twice of the same recording.
pub(super) fn dies_working(reason: &str) -> Failure {
    failure(format!(
        "Transcribing: the recogniser {reason}, twice on the same recording. The recording is kept \
         and is tried again at the next start. Another model may help: `v2m-model list`."
    ))
    .in_brief(
        "This recording could not be transcribed",
        "It is kept, and v2m tries again at its next start. Another model may help: v2m-model list",
    )
}

/// It said twice that it has no text for a recording.
pub(super) fn refused(reason: &str) -> Failure {
    failure(format!("Transcribing: {reason}. The recording is kept.")).in_brief(
        "This recording could not be transcribed",
        "It is kept, and v2m tries again at its next start.",
    )
}

/// It cannot work on this machine, and there is no other one.
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

/// The model is of no use to it.
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
            format!("Fetch it: v2m-model pull {model}"),
        ),
        LoadFailure::Broken => (
            Code::ModelMissing,
            format!("The model {model} is damaged"),
            format!("Fetch it again: v2m-model rm --force {model} && v2m-model pull {model}"),
        ),
        LoadFailure::Unsupported => (
            Code::EngineFailed,
            format!("The recogniser cannot run ({})", backend.name()),
            remedy(backend).to_owned(),
        ),
    };
    Failure::new(code, format!("{} {advice}", reason.trim_end())).in_brief(cause, advice).lasting()
}

/// A GPU has failed at work; another engine goes on.
pub(super) fn fell_back(from: Backend, reason: &str, to: Backend) -> Failure {
    failure(format!(
        "Computing on the GPU ({}): the recogniser {reason}. Nothing is lost: {} computes from here on, \
         which is slower. The GPU is tried again after `systemctl --user restart v2m`, and when the \
         computer wakes from sleep.",
        from.name(),
        to.name()
    ))
    .in_brief(
        "The GPU failed: the processor goes on",
        "Nothing is lost. To try the GPU again: systemctl --user restart v2m",
    )
}

/// What may make an engine work that cannot.
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
