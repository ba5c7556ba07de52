//! What can be wrong with a configuration, in words that say where and what to do.

use super::keys::{self, SECTIONS};
use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why there are no settings, or no new ones.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Nothing tells where the user's files are.
    #[error(
        "finding the configuration: there is no home directory; set HOME, or V2M_CONFIG to the file's path"
    )]
    NoHome,
    /// The file cannot be read.
    #[error("reading the configuration {}: {source}; correct its permissions or move it away", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is no TOML.
    #[error("reading the configuration: {origin}: {message}; correct that line")]
    Syntax {
        /// Where.
        origin: Origin,
        /// What the parser says.
        message: String,
    },
    /// There is no such section.
    #[error("reading the configuration: {origin}: there is no section [{name}]; {hint}")]
    UnknownSection {
        /// Where.
        origin: Origin,
        /// As written.
        name: String,
        /// What was probably meant.
        hint: String,
    },
    /// There is no such key.
    #[error("reading the configuration: {origin}: there is no key {key}; {hint}")]
    UnknownKey {
        /// Where.
        origin: Origin,
        /// As written, with its section.
        key: String,
        /// What was probably meant.
        hint: String,
    },
    /// A section's name stands for something else than a table of keys.
    #[error(
        "reading the configuration: {origin}: {section} = {shown} is not allowed: {section} is a section of keys; write [{section}] and its keys below"
    )]
    NotASection {
        /// Where.
        origin: Origin,
        /// The section.
        section: String,
        /// The value as written.
        shown: String,
    },
    /// A value of the wrong type or out of range.
    #[error(
        "reading the configuration: {origin}: {key} = {shown} is not allowed: it takes {allowed}"
    )]
    Value {
        /// Where.
        origin: Origin,
        /// `section.key`.
        key: String,
        /// The value as written.
        shown: String,
        /// What is allowed.
        allowed: String,
    },
    /// An update would have no effect, for the environment wins.
    #[error(
        "changing {key}: the environment variable {variable} overrides it; unset it where the service is started"
    )]
    Overridden {
        /// `section.key`.
        key: String,
        /// The variable.
        variable: String,
    },
    /// The file cannot be written.
    #[error("writing the configuration {}: {source}; nothing was changed", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Who said it.
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
    /// An update.
    Update,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, line } => write!(f, "{}, line {line}", path.display()),
            Self::Environment(name) => write!(f, "environment variable {name}"),
            Self::Update => f.write_str("the requested change"),
        }
    }
}

impl ConfigError {
    /// The same for a notification: what is wrong and where, in the few words of a title, and what
    /// to do about it.
    pub fn in_brief(&self) -> (String, String) {
        let wrong = |origin: &Origin| match origin {
            Origin::File { line, .. } => format!("v2m: error in its configuration, line {line}"),
            Origin::Environment(name) => format!("v2m: error in {name}"),
            Origin::Update => "This change of the configuration is not valid".to_owned(),
        };
        let file = |origin: &Origin| match origin {
            Origin::File { path, .. } => format!("\n{}", path.display()),
            Origin::Environment(_) | Origin::Update => String::new(),
        };
        match self {
            Self::NoHome => {
                ("v2m finds no home directory".to_owned(), "Set HOME, or V2M_CONFIG.".to_owned())
            }
            Self::Read { path, source } => (
                "The configuration cannot be read".to_owned(),
                format!("Correct its permissions, or move it away: {source}.\n{}", path.display()),
            ),
            Self::Write { path, source } => (
                "The configuration cannot be written".to_owned(),
                format!("Nothing was changed: {source}.\n{}", path.display()),
            ),
            Self::Syntax { origin, message } => {
                (wrong(origin), format!("Correct that line: {message}.{}", file(origin)))
            }
            Self::UnknownSection { origin, name, hint } => (
                wrong(origin),
                format!("{} There is no section [{name}].{}", hint_first(hint), file(origin)),
            ),
            Self::UnknownKey { origin, key, hint } => (
                wrong(origin),
                format!("{} There is no key {key}.{}", hint_first(hint), file(origin)),
            ),
            Self::NotASection { origin, section, .. } => (
                wrong(origin),
                format!("Write [{section}], and its keys in the lines below.{}", file(origin)),
            ),
            Self::Value { origin, key, shown, allowed } => {
                (wrong(origin), format!("{key} takes {allowed}, not {shown}.{}", file(origin)))
            }
            Self::Overridden { key, variable } => (
                format!("{key} is set elsewhere"),
                format!("Unset {variable} in the service's environment."),
            ),
        }
    }

    pub(super) fn unknown_section(origin: Origin, name: &str) -> Self {
        // A key that lost its section says best what was meant.
        let hint = match keys::all().find(|key| key.name == name) {
            Some(key) => format!("did you mean the key {name} in section [{}]?", key.section),
            None => match nearest(name, SECTIONS.iter().map(|(name, _)| *name)) {
                Some(near) => format!("did you mean [{near}]?"),
                None => format!("there are {}", listed(SECTIONS.iter().map(|(name, _)| *name))),
            },
        };
        Self::UnknownSection { origin, name: name.into(), hint }
    }

    pub(super) fn unknown_key(origin: Origin, section: &str, name: &str) -> Self {
        let own = || keys::all().filter(|key| key.section == section).map(|key| key.name);
        let elsewhere = keys::all().find(|key| key.name == name);
        let hint = match (elsewhere, nearest(name, own())) {
            _ if section == "llm" && (name.contains("key") || name.contains("token")) => {
                SECRETS.into()
            }
            (Some(key), _) => format!("did you mean {}?", key.full_name()),
            (None, Some(near)) => format!("did you mean {section}.{near}?"),
            (None, None) => format!("[{section}] has {}", listed(own())),
        };
        Self::UnknownKey { origin, key: format!("{section}.{name}"), hint }
    }
}

/// For who writes a key into the file, which others may come to read: dotfiles are shared.
const SECRETS: &str = "a secret does not belong into the configuration: put it into a file only you can read, such as \
     ~/.config/v2m/gemini.key or openai.key (man v2m-llm tells the other ways, and those of other hosts)";

/// The candidate most like `name`, unless none is (a Jaro-Winkler similarity of 0.7 separates
/// misspellings from other words well enough).
fn nearest<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let name = name.to_lowercase();
    candidates
        .map(|candidate| (strsim::jaro_winkler(&name, candidate), candidate))
        .filter(|(similarity, _)| *similarity >= 0.7)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

/// A hint as a sentence: "did you mean x?" asks already.
fn hint_first(hint: &str) -> String {
    let mut chars = hint.chars();
    let first = chars.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    let end = if hint.ends_with('?') { "" } else { "." };
    format!("{first}{}{end}", chars.as_str())
}

fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.collect::<Vec<_>>().join(", ")
}
