//! Messages to the user about a language that was not detected.

use crate::language::spoken;
use crate::recognise::afterwards;
use crate::session::{Code, Failure};
use v2m_messages::tr;
use v2m_models::catalogue;

/// Returns why nothing can be detected: no other model is installed.
pub(in crate::daemon::engine) fn no_listener() -> String {
    let usual = catalogue::DEFAULT;
    tr!("no Whisper model that could detect it is installed: `v2m-model pull {usual}`", usual)
}

/// What will be kept of the recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Later {
    /// The recording is kept, with or without a text.
    Kept,
    /// The recording is kept until it has a text (`store.keep_audio = false`).
    KeptWithoutText,
    /// It is a sound file; nothing is kept.
    File,
}

/// Notice, shown once, that the user's first language was assumed.
pub(super) fn assumed(model: &str, code: &str, why: &str, later: Later) -> Failure {
    let language = spoken::name(code);
    let cause = tr!(
        "Transcribing with {model}: the language was not detected ({why}). {language} ({code}) was assumed, the first of \
         engine.languages that this model knows.",
        model,
        why,
        language,
        code
    );
    let (advice, remedy) = match later {
        Later::Kept => (
            tr!("If you spoke another one: `v2m-send retry --language CODE`."),
            tr!("Another one? v2m-send retry --language CODE"),
        ),
        Later::KeptWithoutText => (
            tr!("If you speak another one, set it before the next dictation: \
                 `v2m-send config set engine.language=CODE`."),
            tr!("Another one? v2m-send config set engine.language=CODE"),
        ),
        Later::File => (
            tr!(
                "If the file is in another one, set it (`v2m-send config set engine.language=CODE`) and transcribe the \
                 file again."
            ),
            tr!("Another one? v2m-send config set engine.language=CODE"),
        ),
    };
    let brief = tr!("{language} was assumed, not detected", language);
    Failure::new(Code::EngineFailed, format!("{cause} {advice}")).in_brief(brief, remedy)
}

/// Failure for a recording whose language is unknown, so it has no text.
pub(super) fn lost(model: &str, why: &str, later: Later) -> Failure {
    let cause = tr!(
        "Transcribing with {model}: the language was not detected ({why}), and engine.languages names none that this \
         model knows.",
        model,
        why
    );
    let (advice, remedy) = match later {
        Later::Kept | Later::KeptWithoutText => (
            tr!("The recording is kept, and v2m tries again by itself. To say the language: \
                 `v2m-send retry --language CODE`."),
            tr!("Say which one: v2m-send retry --language CODE"),
        ),
        Later::File => (
            tr!(
                "v2m keeps nothing of a file: set the language (`v2m-send config set engine.language=CODE`) and \
                 transcribe it again."
            ),
            tr!("Say which one: v2m-send config set engine.language=CODE"),
        ),
    };
    let brief = tr!("The language was not detected");
    Failure::new(Code::EngineFailed, format!("{cause} {advice}")).in_brief(brief, remedy)
}

/// Failure for a recording in a known language that no installed model transcribes.
pub(super) fn unknown(model: &str, code: &str, why: &str, is_kept: bool) -> Failure {
    let (language, why) = (spoken::name(code), why.trim_end_matches('.'));
    let afterwards = afterwards(is_kept);
    let text = tr!(
        "Transcribing with {model}: {language} ({code}) was detected, which this model does not know, and no other one can \
         be used: {why}. {afterwards}",
        model,
        language,
        code,
        why,
        afterwards
    );
    let cause = tr!("The model {model} knows no {language}", model, language);
    Failure::new(Code::EngineFailed, text).in_brief(cause, afterwards)
}
