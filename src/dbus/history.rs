//! Converts the store's dictations to D-Bus dictionaries, and callers' arguments to requests for
//! them.

use super::failure::CallError;
use super::interface::given;
use super::status::preset_variants;
use crate::call::{Deletion, HistoryQuery, KeptDictation, KeptText, PAGE, Redelivery, Which};
use crate::session::{Code, DeliverMode, Delivery, Failure};
use std::collections::HashMap;
use v2m_ipc::{message, plain};
use v2m_messages::tr;
use zbus::{OwnedVariant, Variant};

/// A dictation as a D-Bus dictionary. Keys without a value are left out.
pub(super) type Entry = HashMap<&'static str, OwnedVariant>;

/// The most dictations in one message. Messages share the bus with everything else.
const LONGEST: u32 = 100;

fn refused(text: impl Into<String>) -> CallError {
    CallError(Failure::new(Code::BadRequest, text))
}

pub(super) fn query(
    search: String,
    since: String,
    before: String,
    limit: u32,
) -> Result<HistoryQuery, CallError> {
    if limit > LONGEST {
        return Err(refused(tr!(
            "History: ask for at most {most} dictations at once.",
            most = LONGEST
        )));
    }
    let limit = if limit == 0 { PAGE } else { limit };
    let (search, since, before) = (given(search), given(since), given(before));
    Ok(HistoryQuery { search, since, before, limit })
}

pub(super) fn which(word: &str) -> Result<Which, CallError> {
    match message::Which::from_word(word) {
        Some(message::Which::Number(number)) => Ok(Which::Number(number)),
        Some(message::Which::Id(id)) => Ok(Which::Id(id)),
        None => Err(refused(tr!(
            "Name a dictation by `last`, its number (the last one is 1), or its id."
        ))),
    }
}

pub(super) fn deletion(word: &str) -> Result<Deletion, CallError> {
    if word == "all" { Ok(Deletion::All) } else { which(word).map(Deletion::One) }
}

pub(super) fn redelivery(word: &str, deliver: &str) -> Result<Redelivery, CallError> {
    let mode = DeliverMode::ALL.into_iter().find(|mode| mode.name() == deliver);
    let known = || refused(tr!("DeliverDictation: deliver is clipboard, paste or type."));
    let deliver = mode.filter(|mode| *mode != DeliverMode::None).ok_or_else(known)?;
    Ok(Redelivery { which: which(word)?, deliver })
}

/// Returns whether a text has arrived somewhere, and the message about it.
pub(super) fn outcome(deliveries: &[Delivery]) -> (bool, String) {
    let ways: Vec<_> = deliveries.iter().filter(|it| it.by != "notification").collect();
    let arrived = ways.iter().rfind(|it| it.ok);
    let told = arrived.or(ways.last()).map_or("", |it| &it.detail);
    (arrived.is_some(), plain::text(told).into_owned())
}

pub(super) fn entry(kept: KeptDictation) -> Entry {
    owned(variants(kept))
}

pub(super) fn with_text(kept: KeptText) -> Entry {
    // Only the socket returns the segments.
    let KeptText { dictation, text, unrefined, preset, segments: _, earlier } = kept;
    let mut told = variants(dictation);
    let texts = [("text", text), ("unrefined", unrefined)];
    told.extend(texts.into_iter().filter_map(|(key, text)| Some((key, Variant::from(text?)))));
    told.extend(preset_variants(preset));
    told.extend((!earlier.is_empty()).then(|| ("earlier", Variant::from(earlier))));
    owned(told)
}

fn variants(kept: KeptDictation) -> HashMap<&'static str, Variant<'static>> {
    let KeptDictation {
        number,
        id,
        started_at,
        seconds,
        language,
        state,
        first_words,
        deliveries,
        problem,
        audio_path,
    } = kept;
    let arrived = deliveries.into_iter().filter(|it| it.ok && it.by != "notification");
    let arrived: Vec<String> = arrived.map(|it| it.by).collect();
    let mut told: HashMap<&'static str, Variant<'static>> = HashMap::from([
        ("number", Variant::from(number)),
        ("id", Variant::from(id)),
        ("started_at", Variant::from(started_at)),
        ("seconds", Variant::from(seconds)),
        ("state", Variant::from(state)),
        ("first_words", Variant::from(first_words)),
        ("delivered_by", Variant::from(arrived)),
    ]);
    let audio_path = audio_path.map(|path| path.display().to_string());
    let problem = problem.map(|(_, message)| message);
    let texts = [("language", language), ("problem", problem), ("audio_path", audio_path)];
    told.extend(texts.into_iter().filter_map(|(key, text)| Some((key, Variant::from(text?)))));
    told
}

/// Converts to owned values. Only a file descriptor cannot be converted, and there is none here.
fn owned(told: HashMap<&'static str, Variant<'static>>) -> Entry {
    told.into_iter().filter_map(|(key, value)| Some((key, value.try_into().ok()?))).collect()
}
