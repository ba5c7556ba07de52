//! Settings that the set-up changes, with the checks of UPDATE_CONFIG, directly in the file,
//! because the service may not run yet. A running service notices the change.

use super::interrupt;
use super::outcome::{Lack, Outcome};
use crate::config::{self, ConfigError, Settings};
use serde_json::{Map, Value, json};
use std::path::PathBuf;
use v2m_messages::verbatim;

/// The configuration file and its settings.
#[derive(Debug)]
pub(super) struct Configuration {
    path: PathBuf,
    settings: Settings,
}

impl Configuration {
    /// Reads the configuration.
    ///
    /// # Errors
    /// Any of [`config::load`].
    pub(super) fn load() -> Result<Self, ConfigError> {
        let path = config::default_path()?;
        let settings = config::load(&path, std::env::vars_os())?;
        Ok(Self { path, settings })
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Whether the file sets one of these keys (section, key). `false` if it cannot be read.
    pub(super) fn gives(&self, keys: &[(&str, &str)]) -> bool {
        config::explain(&self.path, std::env::vars_os()).is_ok_and(|all| {
            all.keys.iter().any(|key| {
                keys.contains(&(key.section, key.name)) && key.giver != config::Giver::Default
            })
        })
    }

    /// Returns the value of a key, as in the file.
    fn value(&self, section: &str, key: &str) -> Value {
        self.settings.to_json()[section][key].clone()
    }

    /// Sets these keys (section, key, value) together, and returns the commands that restore them.
    /// Keys that already have their value are left alone.
    ///
    /// # Errors
    /// Any [`ConfigError`]; then nothing is changed.
    pub(super) fn set(
        &mut self,
        wanted: &[(&str, &str, Value)],
    ) -> Result<Vec<String>, ConfigError> {
        let mut partial = Map::new();
        let mut undo = Vec::new();
        for (section, key, value) in wanted {
            let old = self.value(section, key);
            if old == *value {
                continue;
            }
            undo.push(format!("{section}.{key}={}", written(&old)));
            let section = partial.entry(*section).or_insert_with(|| json!({}));
            section[*key] = value.clone();
        }
        if partial.is_empty() {
            return Ok(undo);
        }
        let updated = interrupt::whole(|| {
            config::update(&self.path, std::env::vars_os(), &self.settings, &partial)
        })?;
        self.settings = updated.settings;
        // In one command: some keys are only valid together.
        Ok(vec![verbatim!(format!("v2m-send config set {}", undo.join(" ")))])
    }
}

/// Formats a value as a shell word for `v2m-send config set`.
pub(super) fn written(value: &Value) -> String {
    let text = match value {
        // A text that is empty or looks like another value needs its own quotes.
        Value::String(text)
            if v2m_ipc::value::read(text) == Ok(value.clone()) && !text.is_empty() =>
        {
            text.clone()
        }
        other => other.to_string(),
    };
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-+/:".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        text
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

/// Returns the outcome of a failed change of the configuration.
pub(super) fn failed(error: &ConfigError) -> Outcome {
    Outcome::missing(Lack::Configuration, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_written_as_the_shell_and_config_set_read_it() {
        for (value, word) in [
            (json!("auto"), "auto"),
            (json!(""), "'\"\"'"),
            (json!("true"), "'\"true\"'"),
            (json!("alsa_input.usb-A_B-00.mono"), "alsa_input.usb-A_B-00.mono"),
            (json!("it's"), r"'it'\''s'"),
            (json!(true), "true"),
            (json!(["en", "es"]), r#"'["en","es"]'"#),
        ] {
            assert_eq!(written(&value), word);
            let shell = format!("printf %s {word}");
            let output = std::process::Command::new("sh").args(["-c", &shell]).output().unwrap();
            let read = String::from_utf8(output.stdout).unwrap();
            assert_eq!(v2m_ipc::value::read(&read), Ok(value), "{word}");
        }
    }

    #[test]
    fn what_was_set_is_set_back_by_the_command() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        std::fs::write(&path, "# mine\n[engine]\nlanguage = \"de\" # here\n").unwrap();
        let none: [(String, String); 0] = [];
        let settings = config::load(&path, none).unwrap();
        let mut configuration = Configuration { path: path.clone(), settings };
        let wanted =
            [("engine", "language", json!("auto")), ("engine", "languages", json!(["de", "en"]))];
        let undo = configuration.set(&wanted).unwrap();
        assert_eq!(undo, ["v2m-send config set engine.language=de engine.languages='[]'"]);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains("# mine\n[engine]\nlanguage = \"auto\" # here\n"), "{text}");
        assert_eq!(configuration.set(&wanted).unwrap(), [""; 0], "nothing more to change");
    }
}
