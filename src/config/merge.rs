//! Merges the file and the environment into settings, with the origin of each value.

use super::error::{ConfigError, Origin};
use super::keys::{self, ConfigKey, SECTIONS};
use super::settings::Settings;
use super::update;
use crate::regular::{self, Refused, Trust};
use serde_json::Value;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::Path;
use toml_edit::{Document, Item};
use v2m_messages::tr;

/// A configuration is a few kilobytes; a longer file is there by mistake.
pub(super) const MAX_BYTES: u64 = 1 << 20;

/// A value given for a key, not yet checked.
pub(super) struct Given {
    pub(super) key: &'static ConfigKey,
    pub(super) value: Value,
    /// The value as written.
    pub(super) shown: String,
    pub(super) origin: Origin,
}

/// Returns the file's text; `None` if there is no file.
pub(super) fn read(path: &Path) -> Result<Option<String>, ConfigError> {
    let failed = |source| ConfigError::Read { path: path.into(), source };
    let bytes = match regular::read(path, Trust::Configured, MAX_BYTES) {
        Ok(bytes) => bytes,
        Err(Refused::Io(e)) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(Refused::TooLong(_)) => {
            return Err(failed(io::Error::other(tr!("it is longer than 1 MiB"))));
        }
        Err(refused) => return Err(failed(refused.into())),
    };
    String::from_utf8(bytes).map(Some).map_err(|e| {
        let line = line_of(e.as_bytes(), e.utf8_error().valid_up_to());
        let origin = Origin::File { path: path.into(), line };
        ConfigError::Syntax { origin, message: tr!("this is not UTF-8 text").into() }
    })
}

/// Merges defaults, the file's text and the environment, in this order, and checks each value.
pub(super) fn settings(path: &Path, text: &str, env: &[Given]) -> Result<Settings, ConfigError> {
    let mut settings = Settings::default();
    for given in from_file(path, text)?.iter().chain(env) {
        given.apply(&mut settings)?;
    }
    Ok(settings)
}

impl Given {
    pub(super) fn apply(&self, settings: &mut Settings) -> Result<(), ConfigError> {
        if (self.key.set)(settings, &self.value) {
            return Ok(());
        }
        Err(ConfigError::Value {
            origin: self.origin.clone(),
            key: self.key.full_name(),
            shown: if self.key.hidden { keys::MASK.into() } else { self.shown.clone() },
            allowed: self.allowed(),
        })
    }

    /// Returns the accepted values, and adds "in quotes" if the same value would be accepted as
    /// text.
    fn allowed(&self) -> String {
        let allowed = v2m_messages::text(self.key.allowed);
        let texts = as_texts(&self.value);
        if texts == self.value || !(self.key.set)(&mut Settings::default(), &texts) {
            return allowed.to_owned();
        }
        match self.origin {
            Origin::Update => {
                tr!("{allowed}, with quotes of its own: '\"…\"' in a shell", allowed)
            }
            Origin::File { .. } | Origin::Environment(_) => tr!("{allowed}, in quotes", allowed),
        }
    }
}

/// Converts numbers, true and false to the texts that they are written as.
fn as_texts(value: &Value) -> Value {
    match value {
        Value::Bool(_) | Value::Number(_) => value.to_string().into(),
        Value::Object(entries) => {
            entries.iter().map(|(name, value)| (name.clone(), as_texts(value))).collect()
        }
        Value::Array(values) => values.iter().map(as_texts).collect(),
        Value::Null | Value::String(_) => value.clone(),
    }
}

/// Reads the values of known keys from the file's text.
pub(super) fn from_file(path: &Path, text: &str) -> Result<Vec<Given>, ConfigError> {
    let at = |span: Option<std::ops::Range<usize>>| Origin::File {
        path: path.into(),
        line: line_of(text.as_bytes(), span.map_or(0, |span| span.start)),
    };
    let document = Document::parse(text).map_err(|e| ConfigError::Syntax {
        origin: at(e.span()),
        message: e.message().replace('\n', "; "),
    })?;
    let mut given = Vec::new();
    for (section, item) in document.iter() {
        let span = || document.key(section).and_then(|key| key.span()).or(item.span());
        if !SECTIONS.iter().any(|(name, _)| *name == section) {
            return Err(ConfigError::unknown_section(at(span()), section));
        }
        let Some(table) = item.as_table_like() else {
            let (section, shown) = (section.into(), shown(text, item));
            return Err(ConfigError::NotASection { origin: at(span()), section, shown });
        };
        for (name, item) in table.iter() {
            let span = table.key(name).and_then(|key| key.span()).or(item.span());
            let key = keys::find(section, name)
                .ok_or_else(|| ConfigError::unknown_key(at(span.clone()), section, name))?;
            let (value, shown) = (to_json(item), shown(text, item));
            given.push(Given { key, value, shown, origin: at(span) });
        }
    }
    Ok(given)
}

/// Reads the values of known keys from variables named `V2M_SECTION__KEY`.
pub(super) fn from_env<K, V>(
    env: impl IntoIterator<Item = (K, V)>,
) -> Result<Vec<Given>, ConfigError>
where
    K: Into<OsString>,
    V: Into<OsString>,
{
    let mut given = Vec::new();
    for (name, value) in env {
        let (name, value) = (name.into(), value.into());
        let Some((section, key)) = split_name(&name) else { continue };
        let origin = Origin::Environment(name.to_string_lossy().into_owned());
        if !SECTIONS.iter().any(|(name, _)| *name == section) {
            return Err(ConfigError::unknown_section(origin, &section));
        }
        let key = keys::find(&section, &key)
            .ok_or_else(|| ConfigError::unknown_key(origin.clone(), &section, &key))?;
        let shown = value.to_string_lossy().into_owned();
        let value = value.to_str().map_or(Value::Null, |text| from_plain(key, text));
        given.push(Given { key, value, shown, origin });
    }
    Ok(given)
}

fn split_name(name: &OsStr) -> Option<(String, String)> {
    let (section, key) = name.to_str()?.strip_prefix("V2M_")?.split_once("__")?;
    Some((section.to_lowercase(), key.to_lowercase()))
}

/// Reads a variable's text in the first form that its key accepts: plain text, a value (`5`,
/// `true`, `["de", "en"]`) as on the command line, or words between commas.
fn from_plain(key: &ConfigKey, text: &str) -> Value {
    let fits = |value: &Value| (key.set)(&mut Settings::default(), value);
    let plain = Value::from(text);
    let words: Vec<&str> = text.split(',').map(str::trim).filter(|word| !word.is_empty()).collect();
    [Some(plain.clone()), v2m_ipc::value::read(text).ok(), Some(Value::from(words))]
        .into_iter()
        .flatten()
        .find(fits)
        .unwrap_or(plain)
}

/// Converts TOML values to JSON; null for types that no key accepts (dates, NaN, lists of tables).
pub(super) fn to_json(item: &Item) -> Value {
    match item {
        Item::Value(value) => value_to_json(value),
        Item::Table(table) => table.iter().map(|(k, v)| (k.to_owned(), to_json(v))).collect(),
        Item::None | Item::ArrayOfTables(_) => Value::Null,
    }
}

fn value_to_json(value: &toml_edit::Value) -> Value {
    use toml_edit::Value as Toml;
    match value {
        Toml::String(text) => Value::from(text.value().as_str()),
        Toml::Integer(n) => Value::from(*n.value()),
        Toml::Float(n) => Value::from(*n.value()),
        Toml::Boolean(b) => Value::from(*b.value()),
        Toml::Array(values) => values.iter().map(value_to_json).collect(),
        Toml::InlineTable(table) => {
            table.iter().map(|(k, v)| (k.to_owned(), value_to_json(v))).collect()
        }
        Toml::Datetime(_) => Value::Null,
    }
}

/// Formats a value as it is in the file, on one line and shortened.
fn shown(text: &str, item: &Item) -> String {
    if item.is_table() {
        // Its span in the file covers only the heading.
        return shorten(&update::to_toml(&to_json(item)).to_string());
    }
    let written = item.span().and_then(|span| text.get(span)).unwrap_or(tr!("a table"));
    shorten(written)
}

pub(super) fn shorten(written: &str) -> String {
    let line = written.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(80) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

fn line_of(text: &[u8], offset: usize) -> usize {
    1 + text.iter().take(offset).filter(|byte| **byte == b'\n').count()
}
