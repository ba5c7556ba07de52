//! UPDATE_CONFIG: checks a change together with all other settings, then writes it into the file.
//! The file keeps its comments, order and spelling.

use super::error::{ConfigError, Origin};
use super::keys::{self, ConfigKey, SECTIONS};
use super::merge::{self, Given};
use super::settings::Settings;
use super::{changes, defaults, documented};
use crate::atomic;
use serde_json::{Map, Value};
use std::ffi::OsString;
use std::io;
use std::path::Path;
use toml_edit::{DocumentMut, Item, RawString, TableLike};
use v2m_messages::tr;

/// Result of an update.
#[derive(Clone, Debug, PartialEq)]
pub struct Updated {
    /// The new settings.
    pub settings: Settings,
    /// Changed keys (`section.key`) that can take effect at once.
    pub applied: Vec<String>,
    /// Keys that need a restart of the service.
    pub restart: Vec<String>,
}

/// Merges `partial` into the file at `path`, and checks the whole before anything changes.
/// `partial` is `{section: {key: value}}`; null removes a key, a section, or an entry of a table,
/// which returns to its default. A missing file is created from the documented default one.
/// `current` are the current settings, `env` is the environment they were loaded with. Blocking: it
/// waits for the disk.
///
/// # Errors
/// Any [`ConfigError`]; the file is then unchanged.
pub fn update<K, V>(
    path: &Path,
    env: impl IntoIterator<Item = (K, V)>,
    current: &Settings,
    partial: &Map<String, Value>,
) -> Result<Updated, ConfigError>
where
    K: Into<OsString>,
    V: Into<OsString>,
{
    let Prepared { settings, old, new } = prepare(path, env, partial)?;
    if new != old {
        let written = atomic::write_through_links(path, new.as_bytes());
        written.map_err(|source| ConfigError::Write { path: path.into(), source })?;
    }
    let (applied, restart) = changes(current, &settings);
    Ok(Updated { settings, applied, restart })
}

/// Checks `partial` as [`update`] would, without a change.
///
/// # Errors
/// Any [`ConfigError`], except errors from writing the file.
pub fn check_update<K, V>(
    path: &Path,
    env: impl IntoIterator<Item = (K, V)>,
    partial: &Map<String, Value>,
) -> Result<(), ConfigError>
where
    K: Into<OsString>,
    V: Into<OsString>,
{
    prepare(path, env, partial).map(drop)
}

/// A valid change.
struct Prepared {
    settings: Settings,
    /// The file's previous text, or that of the documented default one.
    old: String,
    new: String,
}

fn prepare<K, V>(
    path: &Path,
    env: impl IntoIterator<Item = (K, V)>,
    partial: &Map<String, Value>,
) -> Result<Prepared, ConfigError>
where
    K: Into<OsString>,
    V: Into<OsString>,
{
    let mut wanted = wanted(partial)?;
    let env = merge::from_env(env)?;
    refuse_overridden(&wanted, &env)?;
    let old = merge::read(path)?.unwrap_or_else(defaults::default_toml);
    add_entries(&mut wanted, merge::from_file(path, &old)?);
    let settings = merged(path, &old, &wanted, &env)?;
    let fits = |new: &String| merge::settings(path, new, &env).ok().as_ref() == Some(&settings);
    let new = match edited(path, &with_documented(&old, &wanted), &wanted).ok().filter(fits) {
        Some(new) => new,
        None => edited(path, &old, &wanted)?,
    };
    if !fits(&new) {
        let source = io::Error::other(tr!("the change does not fit the file's form"));
        return Err(ConfigError::Write { path: path.into(), source });
    }
    // The next start would refuse to read it.
    if new.len() as u64 > merge::MAX_BYTES {
        let source = io::Error::other(tr!("with this change it would be longer than 1 MiB"));
        return Err(ConfigError::Write { path: path.into(), source });
    }
    Ok(Prepared { settings, old, new })
}

/// A key and its new value; `None` removes it.
struct Assignment(&'static ConfigKey, Option<Given>);

fn wanted(partial: &Map<String, Value>) -> Result<Vec<Assignment>, ConfigError> {
    let mut wanted = Vec::new();
    for (section, value) in partial {
        if !SECTIONS.iter().any(|(name, _)| name == section) {
            return Err(ConfigError::unknown_section(Origin::Update, section));
        }
        match value {
            Value::Null => {
                wanted.extend(
                    keys::all().filter(|k| k.section == section).map(|k| Assignment(k, None)),
                );
            }
            Value::Object(keys) => {
                for (name, value) in keys {
                    wanted.push(wanted_key(section, name, value)?);
                }
            }
            _ => {
                return Err(ConfigError::NotASection {
                    origin: Origin::Update,
                    section: section.clone(),
                    shown: merge::shorten(&value.to_string()),
                });
            }
        }
    }
    Ok(wanted)
}

fn wanted_key(section: &str, name: &str, value: &Value) -> Result<Assignment, ConfigError> {
    let key = keys::find(section, name)
        .ok_or_else(|| ConfigError::unknown_key(Origin::Update, section, name))?;
    let given = (!value.is_null()).then(|| Given {
        key,
        value: value.clone(),
        shown: merge::shorten(&value.to_string()),
        origin: Origin::Update,
    });
    Ok(Assignment(key, given))
}

/// Merges the wanted entries of tables into those in the file.
fn add_entries(wanted: &mut [Assignment], in_file: Vec<Given>) {
    for Assignment(key, new) in wanted {
        let Some(Value::Object(new)) = new.as_mut().map(|given| &mut given.value) else { continue };
        let old = in_file.iter().find(|given| std::ptr::eq(given.key, *key));
        let mut all = old.and_then(|old| old.value.as_object()).cloned().unwrap_or_default();
        all.append(new);
        all.retain(|_, value| !value.is_null());
        *new = all;
    }
}

fn refuse_overridden(wanted: &[Assignment], env: &[Given]) -> Result<(), ConfigError> {
    let overridden = wanted.iter().filter(|w| w.1.is_some()).find_map(|Assignment(key, _)| {
        env.iter().find(|given| std::ptr::eq(given.key, *key)).map(|given| (key, &given.origin))
    });
    match overridden {
        Some((key, Origin::Environment(variable))) => {
            Err(ConfigError::Overridden { key: key.full_name(), variable: variable.clone() })
        }
        _ => Ok(()),
    }
}

/// Merges all settings, with the wanted keys replaced. Errors refer to the file's own lines.
fn merged(
    path: &Path,
    text: &str,
    wanted: &[Assignment],
    env: &[Given],
) -> Result<Settings, ConfigError> {
    let mut settings = Settings::default();
    for given in merge::from_file(path, text)? {
        if !wanted.iter().any(|Assignment(key, _)| std::ptr::eq(*key, given.key)) {
            given.apply(&mut settings)?;
        }
    }
    for given in wanted.iter().filter_map(|w| w.1.as_ref()).chain(env) {
        given.apply(&mut settings)?;
    }
    Ok(settings)
}

/// Inserts new keys where the file documents them.
fn with_documented(text: &str, wanted: &[Assignment]) -> String {
    let mut text = text.to_owned();
    for Assignment(key, given) in wanted {
        let there = |document: DocumentMut| {
            document.get(key.section).and_then(|section| section.get(key.name)).is_some()
        };
        let Some(given) = given.as_ref().filter(|_| !text.parse().is_ok_and(there)) else {
            continue;
        };
        if let Some(new) = documented::below(&text, key.section, key.name, &to_toml(&given.value)) {
            text = new;
        }
    }
    text
}

fn edited(path: &Path, text: &str, wanted: &[Assignment]) -> Result<String, ConfigError> {
    let mut document: DocumentMut = text.parse().map_err(|e: toml_edit::TomlError| {
        let source = io::Error::other(e.message().to_owned());
        ConfigError::Write { path: path.into(), source }
    })?;
    for Assignment(key, given) in wanted {
        match given {
            Some(given) => set(&mut document, key, &given.value),
            None => remove(&mut document, key),
        }
    }
    Ok(document.to_string())
}

fn set(document: &mut DocumentMut, key: &ConfigKey, value: &Value) {
    let section = document.entry(key.section).or_insert_with(toml_edit::table);
    let Some(section) = section.as_table_like_mut() else { return };
    if let (Some(table), Value::Object(entries)) =
        (section.get_mut(key.name).and_then(Item::as_table_mut), value)
    {
        return set_entries(table, entries);
    }
    let mut value = to_toml(value);
    if let Some(old) = section.get(key.name).and_then(Item::as_value) {
        *value.decor_mut() = old.decor().clone();
    }
    match section.get_mut(key.name) {
        Some(item) => *item = Item::Value(value),
        None => {
            section.insert(key.name, Item::Value(value));
        }
    }
}

/// Makes a table contain exactly these entries; unchanged ones keep their comments.
fn set_entries(table: &mut toml_edit::Table, entries: &Map<String, Value>) {
    let gone = table.iter().map(|(name, _)| name.to_owned());
    let gone: Vec<String> = gone.filter(|name| !entries.contains_key(name)).collect();
    for name in gone {
        table.remove(&name);
    }
    for (name, value) in entries {
        if table.get(name).is_some_and(|old| merge::to_json(old) == *value) {
            continue;
        }
        let mut value = to_toml(value);
        match table.get_mut(name) {
            Some(item) => {
                if let Some(old) = item.as_value() {
                    *value.decor_mut() = old.decor().clone();
                }
                *item = Item::Value(value);
            }
            None => {
                table.insert(name, Item::Value(value));
            }
        }
    }
}

/// Removes a key; the comment above it stays in place.
fn remove(document: &mut DocumentMut, key: &ConfigKey) {
    let Some(section) = document.get_mut(key.section) else { return };
    let position = section.as_table().and_then(|table| table.position());
    let Some(table) = section.as_table_like_mut() else { return };
    let Some((comment, next)) = comment_and_next(table, key.name) else { return };
    table.remove(key.name);
    if !comment.contains('#') {
        return;
    }
    if let Some(mut next) = next.as_deref().and_then(|name| table.key_mut(name)) {
        prepend(&comment, next.leaf_decor().prefix().cloned(), |text| {
            next.leaf_decor_mut().set_prefix(text);
        });
        return;
    }
    let following = document
        .iter()
        .filter_map(|(name, item)| Some((item.as_table()?.position()?, name.to_owned())))
        .filter(|(place, _)| position.is_some_and(|own| *place > own))
        .min();
    match following.and_then(|(_, name)| document.get_mut(&name)?.as_table_mut()) {
        Some(next) => prepend(&comment, next.decor().prefix().cloned(), |text| {
            next.decor_mut().set_prefix(text);
        }),
        None => prepend(&comment, Some(document.trailing().clone()), |text| {
            document.set_trailing(text);
        }),
    }
}

/// Returns the text before a key, and the key after it.
fn comment_and_next(table: &mut dyn TableLike, name: &str) -> Option<(String, Option<String>)> {
    let key = table.key(name)?;
    let comment = key.leaf_decor().prefix().and_then(RawString::as_str).unwrap_or("").to_owned();
    let mut names = table.iter().map(|(name, _)| name).skip_while(|other| *other != name).skip(1);
    let next = names.next().map(str::to_owned);
    Some((comment, next))
}

fn prepend(comment: &str, old: Option<RawString>, put: impl FnOnce(String)) {
    let old = old.as_ref().and_then(RawString::as_str).unwrap_or("");
    put(format!("{comment}{old}"));
}

/// Converts a checked value to TOML.
pub(super) fn to_toml(value: &Value) -> toml_edit::Value {
    match value {
        Value::Bool(flag) => (*flag).into(),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => whole.into(),
            None => number.as_f64().unwrap_or_default().into(),
        },
        Value::String(text) => text.as_str().into(),
        Value::Array(values) => values.iter().map(to_toml).collect::<toml_edit::Array>().into(),
        Value::Object(entries) => {
            let entries = entries.iter().map(|(name, value)| (name, to_toml(value)));
            entries.collect::<toml_edit::InlineTable>().into()
        }
        // No key accepts null: its check has refused it.
        Value::Null => "".into(),
    }
}
