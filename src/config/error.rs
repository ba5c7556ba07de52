//! Configuration errors. The messages say where the error is and what to do.

use super::keys::{self, SECTIONS};
use std::fmt;
use std::io;
use std::path::PathBuf;
use v2m_messages::{mark, system_error, tr};

/// Why the settings could not be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The user's configuration folder is unknown.
    #[error(
        "{}",
        tr!("finding the configuration: there is no home directory; set HOME, or V2M_CONFIG to the file's path")
    )]
    NoHome,
    /// The file cannot be read.
    #[error(
        "{}",
        tr!(
            "reading the configuration {path}: {source}; correct its permissions or move it away",
            path = path.display(),
            source = system_error(source)
        )
    )]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The file is not valid TOML.
    #[error(
        "{}",
        tr!("reading the configuration: {origin}: {message}; correct that line", origin, message)
    )]
    Syntax {
        /// Where the value comes from.
        origin: Origin,
        /// The parser's message.
        message: String,
    },
    /// Unknown section.
    #[error(
        "{}",
        tr!(
            "reading the configuration: {origin}: there is no section [{name}]; {hint}",
            origin,
            name,
            hint
        )
    )]
    UnknownSection {
        /// Where the value comes from.
        origin: Origin,
        /// The name as written.
        name: String,
        /// The likely intended name.
        hint: String,
    },
    /// Unknown key.
    #[error(
        "{}",
        tr!("reading the configuration: {origin}: there is no key {key}; {hint}", origin, key, hint)
    )]
    UnknownKey {
        /// Where the value comes from.
        origin: Origin,
        /// The key as written, with its section.
        key: String,
        /// The likely intended name.
        hint: String,
    },
    /// A section's name has a value that is not a table of keys.
    #[error(
        "{}",
        tr!(
            "reading the configuration: {origin}: {section} = {shown} is not allowed: {section} is a section of keys; write [{section}] and its keys below",
            origin,
            section,
            shown
        )
    )]
    NotASection {
        /// Where the value comes from.
        origin: Origin,
        /// The section.
        section: String,
        /// The value as written.
        shown: String,
    },
    /// A value of the wrong type or out of range.
    #[error(
        "{}",
        tr!(
            "reading the configuration: {origin}: {key} = {shown} is not allowed: it takes {allowed}",
            origin,
            key,
            shown,
            allowed
        )
    )]
    Value {
        /// Where the value comes from.
        origin: Origin,
        /// `section.key`.
        key: String,
        /// The value as written.
        shown: String,
        /// The accepted values.
        allowed: String,
    },
    /// An update would have no effect, because an environment variable overrides it.
    #[error(
        "{}",
        tr!(
            "changing {key}: the environment variable {variable} overrides it; unset it where the service is started",
            key,
            variable
        )
    )]
    Overridden {
        /// `section.key`.
        key: String,
        /// The variable.
        variable: String,
    },
    /// The file cannot be written.
    #[error(
        "{}",
        tr!(
            "writing the configuration {path}: {source}; nothing was changed",
            path = path.display(),
            source = system_error(source)
        )
    )]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A line of the file, counted from 1.
    File {
        /// The file.
        path: PathBuf,
        /// The line.
        line: usize,
    },
    /// An environment variable.
    Environment(String),
    /// An UPDATE_CONFIG request.
    Update,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, line } => {
                f.write_str(&tr!("{path}, line {line}", path = path.display(), line))
            }
            Self::Environment(name) => f.write_str(&tr!("environment variable {name}", name)),
            Self::Update => f.write_str(tr!("the requested change")),
        }
    }
}

impl ConfigError {
    /// Returns the message for a notification: what is wrong and where, as a short title, and what
    /// to do about it.
    pub fn in_brief(&self) -> (String, String) {
        let wrong = |origin: &Origin| match origin {
            Origin::File { line, .. } => tr!("v2m: error in its configuration, line {line}", line),
            Origin::Environment(name) => tr!("v2m: error in {name}", name),
            Origin::Update => tr!("This change of the configuration is not valid").to_owned(),
        };
        let file = |origin: &Origin| match origin {
            Origin::File { path, .. } => format!("\n{}", path.display()),
            Origin::Environment(_) | Origin::Update => String::new(),
        };
        match self {
            Self::NoHome => (
                tr!("v2m finds no home directory").to_owned(),
                tr!("Set HOME, or V2M_CONFIG.").to_owned(),
            ),
            Self::Read { path, source } => (
                tr!("The configuration cannot be read").to_owned(),
                tr!(
                    "Correct its permissions, or move it away: {source}.\n{path}",
                    source = system_error(source),
                    path = path.display()
                ),
            ),
            Self::Write { path, source } => (
                tr!("The configuration cannot be written").to_owned(),
                tr!(
                    "Nothing was changed: {source}.\n{path}",
                    source = system_error(source),
                    path = path.display()
                ),
            ),
            Self::Syntax { origin, message } => {
                (wrong(origin), tr!("Correct that line: {message}.", message) + &file(origin))
            }
            Self::UnknownSection { origin, name, hint } => {
                let none = tr!("There is no section [{name}].", name);
                (wrong(origin), format!("{} {none}{}", hint_first(hint), file(origin)))
            }
            Self::UnknownKey { origin, key, hint } => {
                let none = tr!("There is no key {key}.", key);
                (wrong(origin), format!("{} {none}{}", hint_first(hint), file(origin)))
            }
            Self::NotASection { origin, section, .. } => (
                wrong(origin),
                tr!("Write [{section}], and its keys in the lines below.", section) + &file(origin),
            ),
            Self::Value { origin, key, shown, allowed } => (
                wrong(origin),
                tr!("{key} takes {allowed}, not {shown}.", key, allowed, shown) + &file(origin),
            ),
            Self::Overridden { key, variable } => (
                tr!("{key} is set elsewhere", key),
                tr!("Unset {variable} in the service's environment.", variable),
            ),
        }
    }

    pub(super) fn unknown_section(origin: Origin, name: &str) -> Self {
        // The name may be a key without its section; this hint helps most.
        let hint = match keys::all().find(|key| key.name == name) {
            Some(key) => tr!(
                "did you mean the key {name} in section [{section}]?",
                name,
                section = key.section
            ),
            None => match nearest(name, SECTIONS.iter().map(|(name, _)| *name)) {
                Some(near) => tr!("did you mean {what}?", what = format_args!("[{near}]")),
                None => {
                    let sections = listed(SECTIONS.iter().map(|(name, _)| *name));
                    tr!("there are {sections}", sections)
                }
            },
        };
        Self::UnknownSection { origin, name: name.into(), hint }
    }

    pub(super) fn unknown_key(origin: Origin, section: &str, name: &str) -> Self {
        let own = || keys::all().filter(|key| key.section == section).map(|key| key.name);
        let elsewhere = keys::all().find(|key| key.name == name);
        let hint = match (elsewhere, nearest(name, own())) {
            _ if section == "llm" && (name.contains("key") || name.contains("token")) => {
                v2m_messages::text(SECRETS).into()
            }
            (Some(key), _) => tr!("did you mean {what}?", what = key.full_name()),
            (None, Some(near)) => {
                tr!("did you mean {what}?", what = format_args!("{section}.{near}"))
            }
            (None, None) => tr!("[{section}] has {keys}", section, keys = listed(own())),
        };
        Self::UnknownKey { origin, key: format!("{section}.{name}"), hint }
    }
}

/// Refusal of a key in the file, which others may read: dotfiles are shared.
const SECRETS: &str = mark!(
    "do not put a secret into the configuration: put it into a file only you can read, such as \
     ~/.config/v2m/gemini.key or openai.key (man v2m-llm describes other ways, and other hosts)"
);

/// Returns the candidate most like `name`, if any is similar enough (a Jaro-Winkler similarity of
/// 0.7 separates misspellings from other words well enough).
fn nearest<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let name = name.to_lowercase();
    candidates
        .map(|candidate| (strsim::jaro_winkler(&name, candidate), candidate))
        .filter(|(similarity, _)| *similarity >= 0.7)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

/// Turns a hint into a sentence. "did you mean x?" already ends as a question.
fn hint_first(hint: &str) -> String {
    let end = if hint.ends_with('?') { "" } else { "." };
    v2m_messages::capitalised(hint) + end
}

fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.collect::<Vec<_>>().join(", ")
}
