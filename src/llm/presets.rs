//! Presets: named instructions, built in or in the user's files, which take precedence.
//!
//! A file is TOML: `instruction`, and optionally `description`, `temperature` and the limits of a
//! rewriting in `[accept]`. Its name is the preset's: `email.toml`.

use crate::regular::{self, Trust};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use v2m_ipc::llm::Bounds;
use v2m_messages::tr;

/// Maximum size of a preset's file, in bytes; more than any needs.
const LONGEST: usize = 16 << 10;
/// Maximum number of files; more than anybody keeps there.
const MOST_FILES: usize = 512;

const BUILT_IN: [(&str, &str); 4] = [
    ("clean-up", include_str!("presets/clean-up.toml")),
    ("email", include_str!("presets/email.toml")),
    ("notes", include_str!("presets/notes.toml")),
    ("prompt", include_str!("presets/prompt.toml")),
];

/// A named instruction with its options.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preset {
    /// Description for people, in one line.
    #[serde(default)]
    pub description: String,
    /// Instruction for the model.
    pub instruction: String,
    /// Sampling temperature, 0 to 2; `None`: as configured.
    #[serde(default)]
    pub temperature: Option<f64>,
    /// Limits for accepting a rewriting.
    #[serde(default)]
    pub accept: Bounds,
}

/// Why a preset cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PresetError {
    /// There is no preset of that name.
    #[error(
        "{}",
        tr!(
            "there is no preset {quoted}; there are: {known}. A new one is a file {name}.toml in ~/.config/v2m/presets",
            quoted = format_args!("{:?}", .name),
            known,
            name
        )
    )]
    Unknown {
        /// The requested name.
        name: String,
        /// The existing names.
        known: String,
    },
    /// Its file is not valid.
    #[error(
        "{}",
        tr!("reading the preset {name}.toml: {reason}; correct the file or remove it", name, reason)
    )]
    Invalid {
        /// Name of the preset.
        name: String,
        /// The error in the file.
        reason: String,
    },
}

/// All presets by name. An invalid file is reported only when its preset is requested.
#[derive(Clone, Debug)]
pub struct Presets(BTreeMap<String, Result<Preset, PresetError>>);

impl Presets {
    /// Reads the built-in presets and those in the folder, if it exists. Blocking; small files.
    pub fn read(folder: &Path) -> Self {
        // An unreadable folder counts as empty: a request for one of its presets fails with the
        // list of existing ones.
        let entries = fs::read_dir(folder).into_iter().flatten().flatten().take(MOST_FILES);
        Self::new(entries.filter_map(|entry| file(entry.path())))
    }

    /// Takes the built-in presets and the user's, given as names (without `.toml`) and texts of
    /// files.
    fn new(files: impl IntoIterator<Item = (String, io::Result<String>)>) -> Self {
        let built_in = BUILT_IN.map(|(name, text)| (name.to_owned(), Ok(text.to_owned())));
        let all = built_in.into_iter().chain(files);
        Self(all.map(|(name, text)| (name.clone(), parse(&name, text))).collect())
    }

    /// Returns the preset of that name.
    ///
    /// # Errors
    /// [`PresetError`].
    pub fn get(&self, name: &str) -> Result<&Preset, PresetError> {
        match self.0.get(name) {
            Some(preset) => preset.as_ref().map_err(Clone::clone),
            None => Err(PresetError::Unknown { name: name.into(), known: self.names() }),
        }
    }

    /// Lists all names, for messages.
    pub fn names(&self) -> String {
        self.0.keys().map(String::as_str).collect::<Vec<_>>().join(", ")
    }
}

/// Returns a preset's name, and its file's text or why it cannot be read.
fn file(path: PathBuf) -> Option<(String, io::Result<String>)> {
    let name = path.file_stem()?.to_str()?.to_owned();
    if path.extension()? != "toml" || name.starts_with('.') {
        return None;
    }
    let read = || {
        let bytes = regular::read(&path, Trust::Configured, LONGEST as u64)?;
        let none = |_| io::Error::new(ErrorKind::InvalidData, tr!("it is not UTF-8 text"));
        String::from_utf8(bytes).map_err(none)
    };
    Some((name, read()))
}

fn parse(name: &str, text: io::Result<String>) -> Result<Preset, PresetError> {
    let invalid = |reason: String| PresetError::Invalid { name: name.into(), reason };
    let text = text.map_err(|error| invalid(error.to_string()))?;
    if text.len() > LONGEST {
        return Err(invalid(tr!("it is longer than 16 KiB").into()));
    }
    let preset: Preset =
        toml_edit::de::from_str(&text).map_err(|e| invalid(e.to_string().trim().into()))?;
    let Bounds { shortest, longest, kept, from_original } = preset.accept;
    let share = 0.0..=1.0;
    if preset.instruction.trim().is_empty() {
        Err(invalid(tr!("instruction is empty").into()))
    } else if preset.temperature.is_some_and(|t| !(0.0..=2.0).contains(&t)) {
        Err(invalid(tr!("temperature is a number from 0 to 2").into()))
    } else if ![shortest, kept, from_original].iter().all(|bound| share.contains(bound)) {
        let why = tr!("shortest, kept and from_original in [accept] are numbers from 0 to 1");
        Err(invalid(why.into()))
    } else if !(1.0..=100.0).contains(&longest) {
        Err(invalid(tr!("longest in [accept] is a number from 1 to 100").into()))
    } else {
        Ok(preset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: &str, text: &str) -> Presets {
        Presets::new([(name.to_owned(), Ok(text.to_owned()))])
    }

    #[test]
    fn the_built_in_ones_are_right() {
        let presets = Presets::new([]);
        for (name, _) in BUILT_IN {
            let preset = presets.get(name).unwrap();
            assert!(!preset.description.is_empty() && !preset.instruction.contains("  "), "{name}");
        }
        assert_eq!(presets.get("clean-up").unwrap().accept, Bounds::default());
    }

    #[test]
    fn the_users_files_win() {
        let presets =
            with("email", "instruction = 'Mine.'\ntemperature = 0.1\n[accept]\nkept = 0.2");
        let preset = presets.get("email").unwrap();
        assert_eq!((preset.instruction.as_str(), preset.temperature), ("Mine.", Some(0.1)));
        assert_eq!(preset.accept, Bounds { kept: 0.2, ..Bounds::default() });
        assert!(with("mine", "instruction = 'x'").get("mine").is_ok());
    }

    #[test]
    fn what_is_wrong_is_said_to_who_asks_for_it() {
        let long = format!("instruction = '{}'", "a".repeat(LONGEST));
        for (text, reason) in [
            ("", "instruction"),
            ("instruction = ''", "empty"),
            ("instruction = 'a'\ntemprature = 1", "temprature"),
            ("instruction = 'a'\ntemperature = 3", "from 0 to 2"),
            ("instruction = 'a'\n[accept]\nkept = 2", "from 0 to 1"),
            ("instruction = 'a'\n[accept]\nkept = nan", "from 0 to 1"),
            ("instruction = 'a'\n[accept]\nlongest = 0.5", "from 1 to 100"),
            ("instruction = ", "line 1"),
            (&long, "16 KiB"),
        ] {
            let presets = with("mine", text);
            let said = presets.get("mine").unwrap_err().to_string();
            assert!(said.contains("mine.toml") && said.contains(reason), "{said}");
            assert!(presets.get("email").is_ok());
        }
        let said = Presets::new([]).get("none").unwrap_err().to_string();
        assert!(said.contains("clean-up, email, notes, prompt") && said.contains("none.toml"));
    }

    #[test]
    fn files_of_the_folder_are_presets_by_their_names() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("standup.toml"), "instruction = 'Three points.'").unwrap();
        fs::write(path("notes.toml.bak"), "nonsense").unwrap();
        fs::write(path(".hidden.toml"), "nonsense").unwrap();
        fs::write(path("binary.toml"), b"\xff\xfe").unwrap();
        fs::create_dir(path("folder.toml")).unwrap();
        let presets = Presets::read(folder.path());
        assert_eq!(presets.get("standup").unwrap().instruction, "Three points.");
        assert_eq!(presets.names(), "binary, clean-up, email, folder, notes, prompt, standup");
        for (name, reason) in [("binary", "UTF-8"), ("folder", "not a regular file")] {
            let said = presets.get(name).unwrap_err().to_string();
            assert!(said.contains(reason), "{said}");
        }
        assert!(presets.get("notes").is_ok());
        assert_eq!(Presets::read(Path::new("/nowhere")).names(), "clean-up, email, notes, prompt");
    }
}
