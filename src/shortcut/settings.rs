//! Reads and writes GNOME's settings with `gsettings`.

use super::accelerator::Accelerator;
use super::{Shortcut, ShortcutError};
use std::os::unix::process::CommandExt;
use std::process::Command;
use v2m_messages::tr;

const SCHEMA: &str = "org.gnome.settings-daemon.plugins.media-keys";
const LIST: &str = "custom-keybindings";
const ENTRY: &str = "org.gnome.settings-daemon.plugins.media-keys.custom-keybinding";
/// The path of v2m's entries: this, a suffix (empty, or `-` and what distinguishes the entry), and
/// a slash. GNOME Settings names its own entries `customN`.
const OWN: &str = "/org/gnome/settings-daemon/plugins/media-keys/custom-keybindings/v2m";

pub(super) struct GnomeSettings(());

impl GnomeSettings {
    pub(super) fn open() -> Result<Self, ShortcutError> {
        let schemas = gsettings(&["list-schemas"])?;
        let known = schemas.lines().any(|line| line == SCHEMA);
        if known { Ok(Self(())) } else { Err(ShortcutError::NoGnome) }
    }

    /// Returns v2m's entry with that suffix, if it is on the list.
    pub(super) fn own(&self, suffix: &str) -> Result<Option<Shortcut>, ShortcutError> {
        let own = path_of(suffix);
        let entries = self.entries()?;
        entries.iter().find(|path| **path == own).map(|path| shortcut(path)).transpose()
    }

    /// Returns all of v2m's entries.
    pub(super) fn all_own(&self) -> Result<Vec<Shortcut>, ShortcutError> {
        self.entries()?.iter().filter(|path| is_own(path)).map(|path| shortcut(path)).collect()
    }

    /// Returns all entries.
    pub(super) fn all(&self) -> Result<Vec<Shortcut>, ShortcutError> {
        self.entries()?.iter().map(|path| shortcut(path)).collect()
    }

    /// Writes v2m's entry with that suffix, and then adds it to the list.
    pub(super) fn put(
        &self,
        suffix: &str,
        name: &str,
        shortcut: &Shortcut,
    ) -> Result<Shortcut, ShortcutError> {
        let own = path_of(suffix);
        let entry = format!("{ENTRY}:{own}");
        let values =
            [("name", name), ("command", &shortcut.command), ("binding", &shortcut.binding)];
        for (key, value) in values {
            gsettings(&["set", &entry, key, &variant(value)])?;
        }
        let mut entries = self.entries()?;
        if !entries.contains(&own) {
            entries.push(own);
            set_entries(&entries)?;
        }
        match self.own(suffix)? {
            Some(kept) if kept == *shortcut => Ok(kept),
            _ => Err(ShortcutError::NotKept(LIST)),
        }
    }

    /// Removes v2m's entry with that suffix, or all of them, from the list and resets them. Returns
    /// how many there were.
    pub(super) fn remove(&self, suffix: Option<&str>) -> Result<usize, ShortcutError> {
        let is_meant = |path: &String| match suffix {
            Some(suffix) => *path == path_of(suffix),
            None => is_own(path),
        };
        let (removed, kept): (Vec<_>, Vec<_>) = self.entries()?.into_iter().partition(is_meant);
        if removed.is_empty() {
            return Ok(0);
        }
        set_entries(&kept)?;
        for path in &removed {
            gsettings(&["reset-recursively", &format!("{ENTRY}:{path}")])?;
        }
        if self.entries()?.iter().any(is_meant) {
            return Err(ShortcutError::NotKept(LIST));
        }
        Ok(removed.len())
    }

    /// Describes another use of that combination. `suffix`: v2m's entry to ignore.
    pub(super) fn taken_by(
        &self,
        wanted: &Accelerator,
        suffix: &str,
    ) -> Result<Option<String>, ShortcutError> {
        let own = path_of(suffix);
        for path in self.entries()?.iter().filter(|path| **path != own) {
            if is(&read(path, "binding")?, wanted) {
                return Ok(Some(tr!("your own shortcut “{name}”", name = read(path, "name")?)));
            }
        }
        let all = gsettings(&["list-recursively"])?;
        let mut bound = all.lines().filter_map(|line| {
            let (schema, rest) = line.split_once(' ')?;
            let (key, value) = rest.split_once(' ')?;
            let shortcuts = schema.ends_with("keybindings") || schema == SCHEMA;
            (shortcuts && key != LIST).then_some((schema, key, value))
        });
        let taken = bound.find(|(_, _, value)| strings(value).iter().any(|b| is(b, wanted)));
        Ok(taken.map(|(schema, key, _)| tr!("“{key}” of {schema}", key, schema)))
    }

    fn entries(&self) -> Result<Vec<String>, ShortcutError> {
        Ok(strings(&gsettings(&["get", SCHEMA, LIST])?))
    }
}

fn path_of(suffix: &str) -> String {
    format!("{OWN}{suffix}/")
}

fn is_own(path: &str) -> bool {
    let suffix = path.strip_prefix(OWN).and_then(|rest| rest.strip_suffix('/'));
    suffix.is_some_and(|suffix| suffix.is_empty() || suffix.starts_with('-'))
}

fn shortcut(path: &str) -> Result<Shortcut, ShortcutError> {
    Ok(Shortcut { binding: read(path, "binding")?, command: read(path, "command")? })
}

fn is(binding: &str, wanted: &Accelerator) -> bool {
    Accelerator::parse(binding).is_some_and(|binding| binding == *wanted)
}

fn set_entries(entries: &[String]) -> Result<(), ShortcutError> {
    let list = entries.iter().map(|path| variant(path)).collect::<Vec<_>>().join(", ");
    gsettings(&["set", SCHEMA, LIST, &format!("@as [{list}]")]).map(drop)
}

fn read(path: &str, key: &str) -> Result<String, ShortcutError> {
    let value = gsettings(&["get", &format!("{ENTRY}:{path}"), key])?;
    Ok(strings(&value).into_iter().next().unwrap_or_default())
}

fn gsettings(arguments: &[&str]) -> Result<String, ShortcutError> {
    let output = Command::new("gsettings")
        .args(arguments)
        .env("LC_ALL", "C.UTF-8")
        // Ctrl+C in the terminal must not end it between two writes.
        .process_group(0)
        .output()
        .map_err(ShortcutError::NoGsettings)?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(ShortcutError::Gsettings {
        command: arguments.join(" "),
        said: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
    })
}

/// Formats a string as GVariant text.
fn variant(text: &str) -> String {
    format!("'{}'", text.replace('\\', r"\\").replace('\'', r"\'"))
}

/// Returns all strings in a GVariant text: one, or a list of them.
fn strings(value: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut open: Option<(char, String)> = None;
    let mut characters = value.chars();
    while let Some(c) = characters.next() {
        match &mut open {
            None if c == '\'' || c == '"' => open = Some((c, String::new())),
            None => {}
            Some((_, text)) if c == '\\' => text.extend(characters.next()),
            Some((quote, _)) if c == *quote => found.extend(open.take().map(|(_, text)| text)),
            Some((_, text)) => text.push(c),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn values_are_read() {
        assert_eq!(strings("@as []\n"), [""; 0]);
        assert_eq!(strings("['<Super>d', '<Primary><Alt>d']\n"), ["<Super>d", "<Primary><Alt>d"]);
        assert_eq!(strings("\"it's\"\n"), ["it's"]);
        assert_eq!(strings("uint32 5\n"), [""; 0]);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(texts in proptest::collection::vec("[ -~ñß—]{0,20}", 0..5)) {
            let list = texts.iter().map(|text| variant(text)).collect::<Vec<_>>().join(", ");
            prop_assert_eq!(strings(&format!("[{list}]")), texts);
        }

        #[test]
        fn any_value_is_read(value in ".{0,60}") {
            let _ = strings(&value);
        }
    }
}
