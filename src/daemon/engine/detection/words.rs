//! What the user is told about a language that was not detected.

use crate::language::spoken;
use crate::recognise::afterwards;
use crate::session::{Code, Failure};
use v2m_messages::tr;
use v2m_models::catalogue;

/// Why nothing can be detected: no other model is there.
pub(in crate::daemon::engine) fn no_listener() -> String {
    let usual = catalogue::DEFAULT;
    tr!("no Whisper model that could detect it is installed: `v2m-model pull {usual}`", usual)
}

/// What becomes of the recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Later {
    /// It is kept, with a text and without.
    Kept,
    /// It is kept until there is a text (`store.keep_audio = false`).
    KeptWithoutText,
    /// It is a sound file, of which nothing is kept.
    File,
}

/// Told once: the first of the user's languages was assumed.
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

/// A recording without a text: its language is not known.
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

/// A recording without a text: its language is known, and no model here transcribes it.
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
