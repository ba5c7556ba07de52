//! The messages for people when an engine fails: what was being done, what went wrong, what to do
//! now.

use super::Backend;
use super::candidates::Candidate;
use crate::session::{Code, Failure};
use std::path::Path;
use std::time::Duration;
use v2m_ipc::engine::LoadFailure;
use v2m_messages::tr;

fn failure(text: String) -> Failure {
    Failure::new(Code::EngineFailed, text)
}

/// A short remedy, for notifications.
fn smaller() -> &'static str {
    tr!("Choose a smaller model: v2m-model list")
}

/// A short remedy, for notifications.
fn doctor() -> &'static str {
    tr!("Find out what is missing: v2m doctor")
}

/// A short remedy, for notifications.
fn reinstall() -> &'static str {
    tr!("Install v2m again: its package, or make install")
}

/// The engine's program could not be started.
pub(super) fn not_startable(
    candidate: &Candidate,
    error: &std::io::Error,
    again: Duration,
) -> Failure {
    failure(tr!(
        "Starting the recogniser {program}: {error}. Install v2m again. v2m tries it again at the next press, and in \
         {minutes} min.",
        program = candidate.program.display(),
        error,
        minutes = again.as_secs() / 60
    ))
    .in_brief(tr!("The recogniser does not start"), reinstall())
    .lasting()
}

/// The engine ended twice before it reported that it loads the model.
pub(super) fn dies_starting(
    failed: &Candidate,
    model: &str,
    reason: &str,
    again: Duration,
) -> Failure {
    let minutes = again.as_secs() / 60;
    failure(tr!(
        "Starting the recogniser {program} for the model {model}: it {reason}, twice, before it read the model. The \
         program does not work. {remedy} v2m tries it again at the next press, and in {minutes} min.",
        program = failed.program.display(),
        model,
        reason,
        remedy = remedy_of_program(failed),
        minutes
    ))
    .in_brief(tr!("The recogniser does not start"), reinstall())
    .lasting()
}

/// The engine was silent for too long, twice, before it reported that it loads the model.
pub(super) fn hangs_starting(
    failed: &Candidate,
    model: &str,
    reason: &str,
    again: Duration,
) -> Failure {
    let minutes = again.as_secs() / 60;
    failure(tr!(
        "Starting the recogniser {program} for the model {model}: it {reason}, twice, before it read the model. The \
         program may be broken, or the disk too slow (see `journalctl -k`). {remedy} v2m tries it again at the next \
         press, and in {minutes} min.",
        program = failed.program.display(),
        model,
        reason,
        remedy = remedy_of_program(failed),
        minutes
    ))
    .in_brief(tr!("The recogniser does not start"), reinstall())
    .lasting()
}

/// What may make a program work that fails before it loads a model: a GPU's may fail because of
/// the driver.
fn remedy_of_program(failed: &Candidate) -> &'static str {
    if failed.backend.is_gpu() { remedy(failed) } else { tr!("Install v2m again.") }
}

/// Another program, most likely the kernel, killed the engine twice before it had loaded the model.
pub(super) fn lacks_memory(model: &str, reason: &str, again: Duration) -> Failure {
    let minutes = again.as_secs() / 60;
    failure(tr!(
        "Loading the model {model}: the recogniser {reason}, twice. Most likely there is too little memory for \
         this model. Choose a smaller one: `v2m-model list`. v2m tries this one again in {minutes} min.",
        model,
        reason,
        minutes
    ))
    .in_brief(tr!("Too little memory for the model {model}", model), smaller())
    .lasting()
}

/// The engine reports that the model does not fit into the free memory.
pub(super) fn no_memory(model: &str, reason: &str, again: Duration) -> Failure {
    let minutes = again.as_secs() / 60;
    failure(tr!(
        "{reason} Choose a smaller model: `v2m-model list`. v2m tries {model} again at the next press, and in {minutes} min.",
        reason = reason.trim_end(),
        model,
        minutes
    ))
    .in_brief(tr!("Too little memory for the model {model}", model), smaller())
    .lasting()
}

/// The engine was silent for too long, twice, before it had loaded the model.
pub(super) fn hangs_loading(model: &str, file: &Path, reason: &str, again: Duration) -> Failure {
    let minutes = again.as_secs() / 60;
    failure(tr!(
        "Loading the model {model}: the recogniser {reason}, twice. The disk may be too slow, or the file unreadable: \
         {file}. See `journalctl -k` and `v2m doctor`. v2m tries again in {minutes} min.",
        model,
        reason,
        file = file.display(),
        minutes
    ))
    .in_brief(tr!("The model {model} does not finish loading", model), doctor())
    .lasting()
}

/// The engine died by itself, twice, before it had loaded the model. The file is not tried again.
pub(super) fn dies_of_model(model: &str, file: &Path, reason: &str) -> Failure {
    let file = file.display();
    let cause = tr!(
        "Loading the model {model}: the recogniser {reason}, twice, with the file {file}. The file may be damaged, or \
         there is too little memory for it. v2m does not try it again until the file changes.",
        model,
        reason,
        file
    );
    let fetch = is_name(model).then(|| {
        tr!(
            "Check it: `v2m-model verify {model}`. Fetch it again: `v2m-model rm --force {model} && \
             v2m-model pull {model}`.",
            model
        )
    });
    let others = tr!(
        "Or choose another model: `v2m-model list`. To try the same file once more: `systemctl --user restart v2m`."
    );
    let sentences: Vec<_> = [cause].into_iter().chain(fetch).chain([others.to_owned()]).collect();
    failure(sentences.join(" "))
        .in_brief(
            tr!("The model {model} crashes the recogniser", model),
            tr!("Choose another model: v2m-model list. Its file: {file}", file),
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
    let afterwards = afterwards(is_kept);
    let text = match is_kept {
        true => tr!(
            "Transcribing: the recogniser {reason}, twice on the same recording. {afterwards} Another model may help: \
             `v2m-model list`.",
            reason,
            afterwards
        ),
        false => tr!(
            "Transcribing: the recogniser {reason}, twice on the same file. {afterwards} Another model may help: \
             `v2m-model list`.",
            reason,
            afterwards
        ),
    };
    let remedy = tr!("{afterwards} Another model may help: v2m-model list", afterwards);
    failure(text).in_brief(not_transcribed(is_kept), remedy)
}

/// The engine said twice that it has no text for a recording. The recording is kept, or is a file
/// of the user's.
pub(super) fn refused(reason: &str, is_kept: bool) -> Failure {
    let afterwards = afterwards(is_kept);
    failure(tr!("Transcribing: {reason}. {afterwards}", reason, afterwards))
        .in_brief(not_transcribed(is_kept), afterwards)
}

fn not_transcribed(is_kept: bool) -> &'static str {
    match is_kept {
        true => tr!("This recording could not be transcribed"),
        false => tr!("This file could not be transcribed"),
    }
}

/// What happens to a recording that could not be transcribed.
pub(crate) fn afterwards(is_kept: bool) -> &'static str {
    match is_kept {
        true => tr!(
            "The recording is kept, and v2m tries again by itself. To try at once: v2m-send retry."
        ),
        false => tr!("v2m keeps nothing of a file: to try again, transcribe it again."),
    }
}

/// The engine cannot work on this machine, and there is no other one.
pub(super) fn unfit(failed: &Candidate, reason: &str) -> Failure {
    failure(tr!(
        "Starting the recogniser on {backend}: {reason}. {remedy}",
        backend = failed.backend.name(),
        reason = reason.trim_end_matches('.'),
        remedy = remedy(failed)
    ))
    .in_brief(cannot_run(failed.backend), remedy(failed))
    .lasting()
}

fn cannot_run(backend: Backend) -> String {
    tr!("The recogniser cannot run ({backend})", backend = backend.name())
}

/// The engine cannot use the model.
pub(super) fn load_failed(
    failure: LoadFailure,
    failed: &Candidate,
    model: &str,
    reason: &str,
) -> Failure {
    let (code, cause, advice) = match failure {
        LoadFailure::Missing => (
            Code::ModelMissing,
            tr!("The model {model} is missing", model),
            match is_name(model) {
                true => tr!("Fetch it: v2m-model pull {model}", model),
                false => {
                    tr!("Is engine.model right? Or choose another model: v2m-model list").to_owned()
                }
            },
        ),
        LoadFailure::Broken => (
            Code::ModelMissing,
            tr!("The model {model} is damaged", model),
            match is_name(model) {
                true => tr!(
                    "Fetch it again: v2m-model rm --force {model} && v2m-model pull {model}",
                    model
                ),
                false => tr!("Choose another model: v2m-model list").to_owned(),
            },
        ),
        LoadFailure::BrokenVoice => (
            Code::EngineFailed,
            tr!("The voice activity model is damaged").to_owned(),
            tr!("Install v2m again: make install").to_owned(),
        ),
        LoadFailure::Memory | LoadFailure::Unsupported => {
            (Code::EngineFailed, cannot_run(failed.backend), remedy(failed).to_owned())
        }
    };
    Failure::new(code, format!("{} {advice}", reason.trim_end())).in_brief(cause, advice).lasting()
}

/// An engine that had worked before has failed. Another one continues.
pub(super) fn fell_back(from: Backend, reason: &str, to: Backend) -> Failure {
    let (from_name, to_name) = (from.name(), to.name());
    if from.is_remote() {
        return failure(tr!(
            "Asking the server for the text: {reason}. Nothing is lost: the recogniser on this computer \
             ({to_name}) is asked instead. v2m tries the server again when you dictate later.",
            reason = reason.trim_end_matches('.'),
            to_name
        ))
        .in_brief(
            tr!("The server failed; v2m tries without it"),
            tr!("Nothing is lost. Why: v2m-send status"),
        );
    }
    if !from.is_gpu() {
        return failure(tr!(
            "Computing on the processor ({from_name}): the recogniser {reason}. Nothing is lost: {to_name} takes over, \
             which may be slower. To try {from_name} again: `systemctl --user restart v2m`.",
            from_name,
            reason,
            to_name
        ))
        .in_brief(
            tr!("The recogniser failed, another takes over"),
            tr!("Nothing is lost. To try it again: systemctl --user restart v2m"),
        );
    }
    failure(tr!(
        "Computing on the GPU ({from_name}): the recogniser {reason}. Nothing is lost: {to_name} takes over, \
         which is slower. The GPU is tried again after `systemctl --user restart v2m`, and when the \
         computer wakes from sleep.",
        from_name,
        reason,
        to_name
    ))
    .in_brief(
        tr!("The GPU failed; the processor takes over"),
        tr!("Nothing is lost. To try the GPU again: systemctl --user restart v2m"),
    )
}

/// What may make a failing engine work.
fn remedy(failed: &Candidate) -> &'static str {
    match failed.backend {
        // The processor's engine for such models is not always installed.
        Backend::Cuda if failed.is_for_gguf() => tr!(
            "It needs NVIDIA's driver (`nvidia-smi` shows it) and the CUDA libraries it was built with: \
             install what is missing, or build it anew (`make engine-gguf-cuda install`). With engine.backend = \
             \"auto\", the processor computes meanwhile if v2m-engine-gguf is installed. See also `v2m doctor`."
        ),
        Backend::Vulkan if failed.is_for_gguf() => tr!(
            "It needs a GPU's Vulkan driver and the Vulkan loader (`vulkaninfo --summary` shows them): install \
             what is missing. With engine.backend = \"auto\", the processor computes meanwhile if \
             v2m-engine-gguf is installed. See also `v2m doctor`."
        ),
        Backend::Cuda => tr!(
            "It needs NVIDIA's driver (`nvidia-smi` shows it) and the CUDA libraries it was built with: \
             install what is missing, or build it anew (`make engine-cuda install`). engine.backend = \"auto\" \
             computes with the processor meanwhile. See also `v2m doctor`."
        ),
        Backend::Vulkan => tr!(
            "It needs a GPU's Vulkan driver and the Vulkan loader (`vulkaninfo --summary` shows them): install \
             what is missing. engine.backend = \"auto\" computes with the processor meanwhile. See also \
             `v2m doctor`."
        ),
        // It is followed by another engine, unless the model's is missing.
        Backend::Remote => tr!(
            "Only the server can transcribe: v2m-engine-gguf, which the model in engine.model needs on this \
             computer, is not installed. v2m asks the server again when you dictate."
        ),
        Backend::CpuV4 | Backend::Cpu => tr!("Try `v2m doctor`."),
    }
}
