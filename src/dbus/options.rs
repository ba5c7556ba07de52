//! Callers' arguments: texts, and options for one dictation.

use super::failure::CallError;
use crate::session::{Code, DeliverMode, Failure, Wishes};
use std::collections::HashMap;
use v2m_ipc::llm::MAX_TEXT;
use v2m_ipc::plain;
use v2m_messages::{tr, verbatim};
use zbus::OwnedVariant;

/// A client's options for one dictation.
pub(super) type Options = HashMap<String, OwnedVariant>;

/// Parses the options for a dictation, which have the same names as on the socket. An unknown key
/// is an error, because nobody would notice an option without effect.
pub(super) fn wishes(options: Options) -> Result<Wishes, CallError> {
    let mut wishes = Wishes::default();
    for (key, value) in options {
        let bad = |what: String| CallError(Failure::new(Code::BadRequest, what));
        let text = || {
            let text = <&str>::try_from(&*value).map(str::to_owned);
            text.map_err(|_| bad(tr!("The option {key} must be a string.", key)))
        };
        match key.as_str() {
            "deliver" => {
                let name = text()?;
                let mode = DeliverMode::ALL.into_iter().find(|mode| mode.name() == name);
                let known = || DeliverMode::ALL.map(DeliverMode::name).join(", ");
                let unknown =
                    || bad(tr!("The option deliver may be only {known}.", known = known()));
                wishes.deliver = Some(mode.ok_or_else(unknown)?);
            }
            "preset" => wishes.preset = given(bounded(text()?)?),
            "language" => wishes.language = given(bounded(text()?)?),
            "continuous" => {
                let what = || bad(tr!("The option continuous must be true or false.").into());
                wishes.continuous = bool::try_from(&*value).map_err(|_| what())?;
            }
            _ => {
                let known = verbatim!("deliver, preset, language, continuous");
                let key = format_args!("{key:?}");
                return Err(bad(tr!("There is no option {key}; there are: {known}.", key, known)));
            }
        }
    }
    Ok(wishes)
}

/// Returns the text made plain, or an error if it is longer than [`MAX_TEXT`], a language model's
/// limit. The bus itself allows messages of 128 MiB.
pub(super) fn bounded(text: String) -> Result<String, CallError> {
    if text.len() > MAX_TEXT {
        let kib = MAX_TEXT >> 10;
        let message = tr!("A text may have {kib} KiB at most; send it in parts.", kib);
        return Err(CallError(Failure::new(Code::TooLarge, message)));
    }
    Ok(plain::owned(text))
}

/// Returns an optional argument: an empty text means none.
pub(super) fn given(text: String) -> Option<String> {
    Some(text).filter(|text| !text.trim().is_empty())
}
