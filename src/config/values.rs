//! Converts a written value to the type of its setting; `None` if it is not allowed.

use super::settings::UnloadAfter;
use crate::chord::Chord;
use serde_json::Value;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;
use v2m_ipc::llm::{Provider, is_base_url};

/// Units of time in seconds, largest first.
const UNITS: [(&str, u64); 3] = [("h", 3600), ("min", 60), ("s", 1)];
/// The longest time that can be set.
const DAY: u64 = 24 * 3600;

/// Stores an allowed value. Returns false if there is none.
pub(super) fn put<T>(place: &mut T, value: Option<T>) -> bool {
    value.map(|value| *place = value).is_some()
}

pub(super) fn flag(value: &Value) -> Option<bool> {
    value.as_bool()
}

pub(super) fn whole<T: TryFrom<i64>>(value: &Value, range: RangeInclusive<i64>) -> Option<T> {
    value.as_i64().filter(|n| range.contains(n)).and_then(|n| T::try_from(n).ok())
}

pub(super) fn number(value: &Value, range: RangeInclusive<f64>) -> Option<f64> {
    value.as_f64().filter(|n| range.contains(n))
}

/// Parses one line of text: control characters would break C strings and log lines.
pub(super) fn text(value: &Value) -> Option<String> {
    value.as_str().filter(|text| !text.contains(char::is_control)).map(str::to_owned)
}

pub(super) fn texts(value: &Value) -> Option<Vec<String>> {
    let word = |value| text(value).filter(|word| !word.trim().is_empty());
    value.as_array()?.iter().map(word).collect()
}

/// Parses recognised words with their replacements.
pub(super) fn replacements(value: &Value) -> Option<BTreeMap<String, String>> {
    let written = |value| text(value).filter(|text| !text.trim().is_empty());
    let entries = value.as_object()?.iter().map(|(heard, value)| {
        let heard = text(&Value::from(heard.as_str()))?;
        Some((heard, written(value)?)).filter(|(heard, _)| heard.contains(char::is_alphanumeric))
    });
    entries.collect()
}

pub(super) fn choice<T: Copy>(value: &Value, all: &[T], name: fn(T) -> &'static str) -> Option<T> {
    let wanted = value.as_str()?;
    all.iter().copied().find(|&one| name(one) == wanted)
}

/// Parses "auto", or a combination of keys.
pub(super) fn chord(value: &Value) -> Option<Option<Chord>> {
    match value.as_str()? {
        "auto" => Some(None),
        keys => keys.parse().ok().map(Some),
    }
}

/// Formats for [`chord`].
pub(super) fn chord_text(chord: Option<&Chord>) -> String {
    chord.map_or_else(|| "auto".into(), Chord::to_string)
}

/// Parses a plain name or an absolute path: a relative path would depend on where the service
/// started.
pub(super) fn model(value: &Value) -> Option<String> {
    text(value)
        .filter(|model| model.starts_with('/') || !(model.trim().is_empty() || model.contains('/')))
}

/// Parses like [`model`]; empty: none.
pub(super) fn model_or_none(value: &Value) -> Option<String> {
    text(value).filter(String::is_empty).or_else(|| model(value))
}

/// Parses a service's URL, checked by [`is_base_url`]; empty: the provider's own.
pub(super) fn base_url(value: &Value) -> Option<Option<String>> {
    let url = text(value)?;
    match url.is_empty() {
        true => Some(None),
        false => is_base_url(&url).then_some(Some(url)),
    }
}

/// Parses the provider of a language model; "none" disables it.
pub(super) fn provider(value: &Value) -> Option<Option<Provider>> {
    match value.as_str()? {
        "none" => Some(None),
        name => Provider::named(name).map(Some),
    }
}

/// Parses a preset's name, which is also a file name.
pub(super) fn preset(value: &Value) -> Option<String> {
    text(value)
        .filter(|name| !(name.trim().is_empty() || name.contains('/') || name.starts_with('.')))
}

/// Parses applications, each with its preset.
pub(super) fn applications(value: &Value) -> Option<BTreeMap<String, String>> {
    let entries = value.as_object()?.iter().map(|(application, value)| {
        let application = text(&Value::from(application.as_str()))?;
        Some((application, preset(value)?)).filter(|(name, _)| !name.trim().is_empty())
    });
    entries.collect()
}

/// Parses a language to translate into; it stays as written.
pub(super) fn target_language(value: &Value) -> Option<String> {
    text(value).filter(|asked| crate::language::name(asked).is_ok())
}

pub(super) fn language(value: &Value) -> Option<Option<String>> {
    match value.as_str()? {
        "auto" => Some(None),
        code => known_language(code).map(Some),
    }
}

pub(super) fn languages(value: &Value) -> Option<Vec<String>> {
    value.as_array()?.iter().map(|code| known_language(code.as_str()?)).collect()
}

fn known_language(code: &str) -> Option<String> {
    crate::language::spoken::is_code(code).then(|| code.to_owned())
}

/// Parses "auto", "never", or a whole number and its unit: "90s", "15min", "2h".
pub(super) fn unload_after(value: &Value) -> Option<UnloadAfter> {
    let text = value.as_str()?;
    match text {
        "auto" => return Some(UnloadAfter::Auto),
        "never" => return Some(UnloadAfter::Never),
        _ => {}
    }
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (count, unit) = (text[..digits].parse::<u64>().ok()?, text[digits..].trim_start());
    let (_, seconds) = UNITS.iter().find(|(name, _)| *name == unit)?;
    let time = count.checked_mul(*seconds).filter(|seconds| (1..=DAY).contains(seconds))?;
    Some(UnloadAfter::After(Duration::from_secs(time)))
}

/// Parses "never", or a time in seconds: "2.5s".
pub(super) fn silence(value: &Value, range: RangeInclusive<f64>) -> Option<Option<Duration>> {
    let text = value.as_str()?;
    if text == "never" {
        return Some(None);
    }
    let seconds: f64 = text.strip_suffix('s')?.trim_end().parse().ok()?;
    range.contains(&seconds).then(|| Some(Duration::from_secs_f64(seconds)))
}

/// Formats for [`silence`].
pub(super) fn silence_text(silence: Option<Duration>) -> String {
    silence.map_or_else(|| "never".into(), |time| format!("{}s", time.as_secs_f64()))
}

/// Formats for [`unload_after`].
pub(super) fn unload_text(setting: UnloadAfter) -> String {
    let seconds = match setting {
        UnloadAfter::Auto => return "auto".into(),
        UnloadAfter::Never => return "never".into(),
        UnloadAfter::After(time) => time.as_secs(),
    };
    let fits = UNITS.iter().find(|(_, unit)| seconds.is_multiple_of(*unit));
    fits.map_or_else(String::new, |(name, unit)| format!("{}{name}", seconds / unit))
}
