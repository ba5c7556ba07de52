//! What the user is told about a language that was not detected.

use crate::language::spoken;
use crate::session::{Code, Failure};
use v2m_messages::tr;
use v2m_models::catalogue;

/// Why nothing can be detected: no other model is there.
pub(in crate::daemon::engine) fn no_listener() -> String {
    let usual = catalogue::DEFAULT;
    tr!("no Whisper model is installed that could detect it: `v2m-model pull {usual}`", usual)
}

/// Told once: the first of the user's languages was assumed.
pub(super) fn assumed(model: &str, code: &str, why: &str) -> Failure {
    let language = spoken::name(code);
    let text = tr!(
        "Transcribing with {model}: the language was not detected ({why}). {language} ({code}) was assumed, the first of \
         engine.languages that this model knows. If you spoke another one: `v2m-send retry --language CODE`.",
        model,
        why,
        language,
        code
    );
    let cause = tr!("{language} was assumed, not detected", language);
    let remedy = tr!("Another one? v2m-send retry --language CODE");
    Failure::new(Code::EngineFailed, text).in_brief(cause, remedy)
}

/// A recording without a text.
pub(super) fn lost(model: &str, why: &str) -> Failure {
    let text = tr!(
        "Transcribing with {model}: the language was not detected ({why}), and engine.languages names none that this \
         model knows. The recording is kept. Say the language: `v2m-send retry --language CODE`.",
        model,
        why
    );
    let cause = tr!("The language was not detected");
    let remedy = tr!("Say which one: v2m-send retry --language CODE");
    Failure::new(Code::EngineFailed, text).in_brief(cause, remedy)
}
