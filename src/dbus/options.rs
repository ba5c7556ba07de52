//! What callers give: texts, and options for one dictation.

use super::failure::CallError;
use crate::session::{Code, DeliverMode, Failure, Wishes};
use std::collections::HashMap;
use v2m_ipc::llm::MAX_TEXT;
use v2m_ipc::plain;
use v2m_messages::{tr, verbatim};
use zbus::OwnedVariant;

/// A client's options for one dictation.
pub(super) type Options = HashMap<String, OwnedVariant>;

/// The socket's options for a dictation, under the same names. Unknown keys are an error: an option
/// that has no effect would not be noticed.
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

/// The text, plain, if it is no longer than a model may be given: the bus lets messages of 128 MiB
/// through.
pub(super) fn bounded(text: String) -> Result<String, CallError> {
    if text.len() > MAX_TEXT {
        let kib = MAX_TEXT >> 10;
        let message = tr!("A text may have {kib} KiB at most; send it in parts.", kib);
        return Err(CallError(Failure::new(Code::TooLarge, message)));
    }
    Ok(plain::owned(text))
}

/// A choice; empty means none.
pub(super) fn given(text: String) -> Option<String> {
    Some(text).filter(|text| !text.trim().is_empty())
}
