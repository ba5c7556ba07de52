//! The keyboard shortcut of GNOME that runs `v2m-send toggle`: shown, installed, removed.
//!
//! GNOME keeps custom shortcuts as entries of a list in its settings; they are read and written by
//! `gsettings`, which belongs to every GNOME and minds what is locked or overridden. An entry of
//! our own is all that is ever changed. Not here: other desktops, whose own settings the README
//! names.

mod accelerator;
mod settings;

use accelerator::Accelerator;
use settings::GnomeSettings;
use std::io;
use std::path::Path;

/// Tried in this order when the user names no binding; none of them is GNOME's own.
pub const CANDIDATES: [&str; 4] =
    ["<Control><Alt>v", "<Control><Alt>space", "<Super>F9", "<Control><Super>v"];

const NAME: &str = "v2m: dictate";

/// Why the shortcut could not be seen or changed.
#[derive(Debug, thiserror::Error)]
pub enum ShortcutError {
    /// There is no `gsettings`.
    #[error(
        "asking GNOME's settings: running gsettings: {0}. On a desktop other than GNOME, bind \
         `v2m-send toggle` to a key in its own settings"
    )]
    NoGsettings(io::Error),
    /// GNOME's settings daemon is not installed.
    #[error(
        "asking GNOME's settings: they have no custom shortcuts, so this is not a GNOME desktop. Bind \
         `v2m-send toggle` to a key in your desktop's own settings"
    )]
    NoGnome,
    /// `gsettings` failed.
    #[error("changing GNOME's settings: `gsettings {command}` said: {said}")]
    Gsettings {
        /// Its arguments.
        command: String,
        /// What it said.
        said: String,
    },
    /// Settings that are locked or not written.
    #[error(
        "changing GNOME's settings: {0} kept its old value. Either an administrator locked it, or \
         this does not run in the desktop's session"
    )]
    NotKept(&'static str),
    /// No key combination.
    #[error(
        "{0:?} is not a key combination; write it as GNOME does, for example <Control><Alt>v, <Super>F9"
    )]
    NotABinding(String),
    /// The combination does something else already.
    #[error(
        "{binding} is used by {by}; choose another one: v2m shortcut install --binding '<Super>F9'"
    )]
    Taken {
        /// The combination.
        binding: String,
        /// Whose it is.
        by: String,
    },
    /// All candidates are taken.
    #[error(
        "{} are all in use; choose another one: v2m shortcut install --binding '<Super>F9'",
        CANDIDATES.join(", ")
    )]
    AllTaken,
}

/// The shortcut as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shortcut {
    /// The key combination, as GNOME writes it.
    pub binding: String,
    /// What it runs.
    pub command: String,
}

/// v2m's shortcut, if there is one.
///
/// # Errors
/// [`ShortcutError`].
pub fn show() -> Result<Option<Shortcut>, ShortcutError> {
    GnomeSettings::open()?.own()
}

/// Binds a key combination to `client` toggling: `binding`, or the first candidate that is free. A
/// shortcut that is there already is kept with its key, unless another one is asked for.
///
/// # Errors
/// [`ShortcutError`]; nothing is changed then.
pub fn install(binding: Option<&str>, client: &Path) -> Result<Shortcut, ShortcutError> {
    let settings = GnomeSettings::open()?;
    let own = settings.own()?;
    let binding = match (binding, own) {
        (Some(binding), _) => free(&settings, binding)?.to_owned(),
        (None, Some(own)) if Accelerator::parse(&own.binding).is_some() => own.binding,
        (None, _) => first_free(&settings)?.to_owned(),
    };
    let command = format!("{} toggle", quoted(client));
    settings.put(NAME, &Shortcut { binding, command })
}

/// Removes v2m's shortcut; whether there was one.
///
/// # Errors
/// [`ShortcutError`].
pub fn remove() -> Result<bool, ShortcutError> {
    GnomeSettings::open()?.remove()
}

fn free<'a>(settings: &GnomeSettings, binding: &'a str) -> Result<&'a str, ShortcutError> {
    let wanted = Accelerator::parse(binding)
        .ok_or_else(|| ShortcutError::NotABinding(binding.to_owned()))?;
    match settings.taken_by(&wanted)? {
        Some(by) => Err(ShortcutError::Taken { binding: binding.to_owned(), by }),
        None => Ok(binding),
    }
}

fn first_free(settings: &GnomeSettings) -> Result<&'static str, ShortcutError> {
    for candidate in CANDIDATES {
        match free(settings, candidate) {
            Err(ShortcutError::Taken { .. }) => {}
            result => return result,
        }
    }
    Err(ShortcutError::AllTaken)
}

/// For GNOME, which splits a command as a shell does.
fn quoted(path: &Path) -> String {
    let path = path.display().to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+".contains(c);
    if path.chars().all(plain) { path } else { format!("'{}'", path.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_with_spaces_stays_one_word() {
        assert_eq!(quoted(Path::new("/usr/bin/v2m-send")), "/usr/bin/v2m-send");
        assert_eq!(quoted(Path::new("/home/a b/it's")), r"'/home/a b/it'\''s'");
    }

    #[test]
    fn candidates_are_combinations_and_no_two_the_same() {
        for (index, candidate) in CANDIDATES.iter().enumerate() {
            let own = Accelerator::parse(candidate).unwrap();
            let same = |other: &&str| Accelerator::parse(other).unwrap() == own;
            assert_eq!(CANDIDATES.iter().position(same), Some(index));
        }
    }
}
