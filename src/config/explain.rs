//! Describes each key for a list of all of them: documentation, accepted values, current value and
//! its origin.

use super::error::{ConfigError, Origin};
use super::keys::{self, ConfigKey};
use super::merge;
use super::settings::Settings;
use serde_json::{Value, json};
use std::ffi::OsString;
use std::path::Path;

/// Type of a key's value, as far as it matters for input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Exactly one of these words.
    Choice(Vec<String>),
    /// True or false.
    Flag,
    /// A number.
    Number,
    /// Text of one line.
    Text,
    /// Several texts.
    List,
    /// Texts, each mapped to another.
    Table,
}

/// Where a key's value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Giver {
    /// The default.
    Default,
    /// A line of the file, counted from 1.
    File(usize),
    /// An environment variable.
    Environment(String),
}

/// A key with its current value.
#[derive(Clone, Debug, PartialEq)]
pub struct Explained {
    /// The section.
    pub section: &'static str,
    /// The name in the section.
    pub name: &'static str,
    /// The documentation, in the user's language, on several lines.
    pub doc: &'static str,
    /// The accepted values, to complete "it takes …".
    pub allowed: &'static str,
    /// The type of the value.
    pub kind: Kind,
    /// The current value.
    pub value: Value,
    /// The default.
    pub default: Value,
    /// Where the value comes from.
    pub giver: Giver,
    /// Whether a change needs a restart of the service.
    pub restart: bool,
}

/// The settings, all keys in the order of the default file, and the text of the file.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// The current settings.
    pub settings: Settings,
    /// The keys.
    pub keys: Vec<Explained>,
    /// The file's text; `None` if there is no file.
    pub text: Option<String>,
}

/// Reads the file at `path` and the variables among `env`, as [`super::load`] does.
///
/// # Errors
/// Any [`ConfigError`] except those of writing.
pub fn explain<K, V>(
    path: &Path,
    env: impl IntoIterator<Item = (K, V)>,
) -> Result<Explanation, ConfigError>
where
    K: Into<OsString>,
    V: Into<OsString>,
{
    let text = merge::read(path)?;
    let shown = text.as_deref().unwrap_or_default();
    let env = merge::from_env(env)?;
    let settings = merge::settings(path, shown, &env)?;
    let given = merge::from_file(path, shown)?;
    let giver = |key: &ConfigKey| {
        // The last one wins.
        let found = given.iter().chain(&env).rfind(|given| std::ptr::eq(given.key, key));
        match found.map(|given| &given.origin) {
            Some(Origin::File { line, .. }) => Giver::File(*line),
            Some(Origin::Environment(name)) => Giver::Environment(name.clone()),
            Some(Origin::Update) | None => Giver::Default,
        }
    };
    let defaults = Settings::default();
    let keys = keys::all().map(|key| Explained {
        section: key.section,
        name: key.name,
        doc: v2m_messages::text(key.doc),
        allowed: v2m_messages::text(key.allowed),
        kind: kind(key, &(key.get)(&defaults)),
        value: (key.get)(&settings),
        default: (key.get)(&defaults),
        giver: giver(key),
        restart: key.restart,
    });
    Ok(Explanation { keys: keys.collect(), settings, text })
}

/// Describes a section, in the user's language.
pub fn section(name: &str) -> &'static str {
    let found = keys::SECTIONS.iter().find(|(known, _)| *known == name);
    found.map_or("", |(_, about)| v2m_messages::text(about))
}

fn kind(key: &ConfigKey, default: &Value) -> Kind {
    match default {
        Value::Bool(_) => Kind::Flag,
        Value::Number(_) => Kind::Number,
        Value::Array(_) => Kind::List,
        Value::Object(_) => Kind::Table,
        Value::Null | Value::String(_) => choices(key).map_or(Kind::Text, Kind::Choice),
    }
}

/// Returns the quoted words of the accepted values, if nothing else is accepted.
fn choices(key: &ConfigKey) -> Option<Vec<String>> {
    let parts: Vec<&str> = key.allowed.split('"').collect();
    let is_between = |part: &&str| ["", ", ", " or ", ", or "].contains(part);
    if parts.len() < 3 || !parts.iter().step_by(2).all(is_between) {
        return None;
    }
    let words: Vec<String> = parts.iter().skip(1).step_by(2).map(|&word| word.to_owned()).collect();
    let takes = |word: &String| (key.set)(&mut Settings::default(), &json!(word));
    words.iter().all(takes).then_some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: [(&str, &str); 0] = [];

    fn explained(text: &str, env: &[(&'static str, &'static str)]) -> Explanation {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        std::fs::write(&path, text).unwrap();
        explain(&path, env.to_vec()).unwrap()
    }

    fn key<'e>(explanation: &'e Explanation, section: &str, name: &str) -> &'e Explained {
        explanation.keys.iter().find(|key| key.section == section && key.name == name).unwrap()
    }

    #[test]
    fn each_value_has_its_giver() {
        let text = "[engine]\nmodel = \"base\"\n[store]\nkeep_count = 9\n";
        let all = explained(text, &[("V2M_STORE__KEEP_COUNT", "7")]);
        assert_eq!(key(&all, "engine", "model").giver, Giver::File(2));
        let count = key(&all, "store", "keep_count");
        assert_eq!(count.giver, Giver::Environment("V2M_STORE__KEEP_COUNT".into()));
        assert_eq!(count.value, 7);
        assert_eq!(key(&all, "log", "level").giver, Giver::Default);
        assert_eq!(all.settings.engine.model, "base");
        assert_eq!(all.text.as_deref(), Some(text));
        let none = explain(Path::new("/nowhere/config.toml"), NONE).unwrap();
        assert_eq!(none.text, None);
        assert!(none.keys.iter().all(|key| key.value == key.default));
    }

    #[test]
    fn keys_are_entered_as_what_they_take() {
        let all = explained("", &NONE);
        let kind = |section, name| key(&all, section, name).kind.clone();
        let words = |words: &[&str]| Kind::Choice(words.iter().map(|&word| word.into()).collect());
        assert_eq!(kind("deliver", "mode"), words(&["auto", "clipboard", "paste", "type", "none"]));
        assert_eq!(kind("deliver", "undo"), words(&["field", "ctrl+z"]));
        assert_eq!(kind("log", "level"), words(&["error", "warn", "info", "debug", "trace"]));
        assert_eq!(kind("engine", "language"), Kind::Text, "a code too");
        assert_eq!(kind("session", "stop_after_silence"), Kind::Text, "a time too");
        assert_eq!(kind("engine", "threads"), Kind::Number);
        assert_eq!(kind("engine", "translate"), Kind::Flag);
        assert_eq!(kind("engine", "vocabulary"), Kind::List);
        assert_eq!(kind("text", "replace"), Kind::Table);
        assert_eq!(kind("llm", "applications"), Kind::Table);
        let choices = all.keys.iter().filter(|key| matches!(key.kind, Kind::Choice(_))).count();
        assert!(choices >= 7, "{choices}");
    }

    #[test]
    fn every_key_is_documented() {
        for key in explained("", &NONE).keys {
            assert!(!key.doc.is_empty() && !key.allowed.is_empty(), "{}", key.name);
            assert!(!section(key.section).is_empty(), "{}", key.section);
        }
    }
}
