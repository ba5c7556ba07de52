//! Lists, installs and removes GNOME's keyboard shortcuts that run `v2m-send toggle`. There is one
//! for the usual language, and one for each other language that the user wants a key for.
//!
//! GNOME keeps custom shortcuts as entries of a list in its settings. They are read and written
//! with `gsettings`, which is part of every GNOME and respects locks and overrides. Only v2m's own
//! entries are ever changed. Not here: other desktops; the README names their settings.

mod accelerator;
mod settings;

use crate::language::spoken;
use accelerator::Accelerator;
use settings::GnomeSettings;
use std::io;
use std::path::Path;
use v2m_messages::tr;

/// Tried in this order if the user names no binding; GNOME itself uses none of them.
pub const CANDIDATES: [&str; 4] =
    ["<Control><Alt>v", "<Control><Alt>space", "<Super>F9", "<Control><Super>v"];

/// The function of one of v2m's shortcuts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Purpose<'a> {
    /// The language to dictate in: a code or [`spoken::AUTO`]. `None`: the configured one.
    pub language: Option<&'a str>,
    /// Whether each sentence is delivered once it is complete.
    pub is_continuous: bool,
}

impl Purpose<'_> {
    /// Returns the suffix that distinguishes its entry in GNOME's settings.
    fn suffix(self) -> String {
        let continuous = if self.is_continuous { "-continuous" } else { "" };
        let language = self.language.map(|code| format!("-{code}"));
        format!("{}{continuous}", language.unwrap_or_default())
    }

    /// Returns the name shown in GNOME's settings.
    fn name(self) -> String {
        let language = self.language.map(|code| match code {
            spoken::AUTO => tr!("detect the language"),
            code => spoken::name(code),
        });
        let details = [language, self.is_continuous.then_some(tr!("continuous"))];
        let details: Vec<_> = details.into_iter().flatten().collect();
        match &details[..] {
            [] => tr!("v2m: dictate").to_owned(),
            details => tr!("v2m: dictate ({details})", details = details.join(", ")),
        }
    }

    fn command(self, client: &Path) -> String {
        let language = self.language.map(|code| format!(" --language {code}")).unwrap_or_default();
        let continuous = if self.is_continuous { " --continuous" } else { "" };
        format!("{} toggle{language}{continuous}", quoted(client))
    }
}

/// Why the shortcut could not be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum ShortcutError {
    /// There is no `gsettings`.
    #[error(
        "{}",
        tr!(
            "asking GNOME's settings: running gsettings: {reason}. On a desktop other than GNOME, \
             bind `v2m-send toggle` to a key in its own settings",
            reason = .0
        )
    )]
    NoGsettings(io::Error),
    /// GNOME's settings daemon is not installed.
    #[error(
        "{}",
        tr!(
            "asking GNOME's settings: they have no custom shortcuts, so this is not a GNOME \
             desktop. Bind `v2m-send toggle` to a key in your desktop's own settings"
        )
    )]
    NoGnome,
    /// `gsettings` failed.
    #[error(
        "{}",
        tr!(
            "changing GNOME's settings: `gsettings {command}` said: {said}",
            command,
            said
        )
    )]
    Gsettings {
        /// Its arguments.
        command: String,
        /// Its error output.
        said: String,
    },
    /// The settings are locked, or were not written.
    #[error(
        "{}",
        tr!(
            "changing GNOME's settings: {key} kept its old value. Either an administrator locked \
             it, or this does not run in the desktop's session",
            key = .0
        )
    )]
    NotKept(&'static str),
    /// Not a key combination.
    #[error(
        "{}",
        tr!(
            "{binding} is not a key combination; write it as GNOME does, for example \
             <Control><Alt>v, <Super>F9",
            binding = format_args!("{:?}", .0)
        )
    )]
    NotABinding(String),
    /// The combination is already in use.
    #[error(
        "{}",
        tr!(
            "{binding} is used by {by}; choose another one: v2m shortcut install --binding \
             '<Super>F9'",
            binding,
            by
        )
    )]
    Taken {
        /// The combination.
        binding: String,
        /// Its current user.
        by: String,
    },
    /// All candidates are taken.
    #[error(
        "{}",
        tr!(
            "{candidates} are all in use; choose another one: v2m shortcut install --binding \
             '<Super>F9'",
            candidates = CANDIDATES.join(", ")
        )
    )]
    AllTaken,
}

/// An existing shortcut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shortcut {
    /// The key combination, as GNOME writes it.
    pub binding: String,
    /// The command that it runs.
    pub command: String,
}

/// Returns v2m's shortcuts, in the order of GNOME's list.
///
/// # Errors
/// [`ShortcutError`].
pub fn list() -> Result<Vec<Shortcut>, ShortcutError> {
    GnomeSettings::open()?.all_own()
}

/// Returns all custom shortcuts that run `v2m-send`: v2m's own, and the user's.
///
/// # Errors
/// [`ShortcutError`].
pub fn list_all() -> Result<Vec<Shortcut>, ShortcutError> {
    let all = GnomeSettings::open()?.all()?;
    Ok(all.into_iter().filter(|it| it.command.contains("v2m-send")).collect())
}

/// Binds a key combination to toggling with `client`, for that purpose: `binding`, or the first
/// free candidate. An existing shortcut for the purpose keeps its key, unless another one is given.
/// Shortcuts for other purposes stay.
///
/// # Errors
/// [`ShortcutError`]; then nothing is changed.
pub fn install(
    binding: Option<&str>,
    purpose: Purpose,
    client: &Path,
) -> Result<Shortcut, ShortcutError> {
    let settings = GnomeSettings::open()?;
    let suffix = purpose.suffix();
    let own = settings.own(&suffix)?;
    let binding = match (binding, own) {
        (Some(binding), _) => free(&settings, &suffix, binding)?.to_owned(),
        (None, Some(own)) if Accelerator::parse(&own.binding).is_some() => own.binding,
        (None, _) => first_free(&settings, &suffix)?.to_owned(),
    };
    let command = purpose.command(client);
    settings.put(&suffix, &purpose.name(), &Shortcut { binding, command })
}

/// Returns the combinations that [`install`] tries, each with a description of its current user.
/// v2m's own key for the usual language does not count as one.
///
/// # Errors
/// [`ShortcutError`].
pub fn candidates() -> Result<Vec<(&'static str, Option<String>)>, ShortcutError> {
    let settings = GnomeSettings::open()?;
    let suffix = Purpose::default().suffix();
    let taken = CANDIDATES.into_iter().map(|binding| match free(&settings, &suffix, binding) {
        Ok(_) => Ok((binding, None)),
        Err(ShortcutError::Taken { by, .. }) => Ok((binding, Some(by))),
        Err(error) => Err(error),
    });
    taken.collect()
}

/// Removes v2m's shortcut for that purpose, or all of them. Returns how many were removed.
///
/// # Errors
/// [`ShortcutError`].
pub fn remove(purpose: Option<Purpose>) -> Result<usize, ShortcutError> {
    GnomeSettings::open()?.remove(purpose.map(Purpose::suffix).as_deref())
}

fn free<'a>(
    settings: &GnomeSettings,
    suffix: &str,
    binding: &'a str,
) -> Result<&'a str, ShortcutError> {
    let wanted = Accelerator::parse(binding)
        .ok_or_else(|| ShortcutError::NotABinding(binding.to_owned()))?;
    match settings.taken_by(&wanted, suffix)? {
        Some(by) => Err(ShortcutError::Taken { binding: binding.to_owned(), by }),
        None => Ok(binding),
    }
}

fn first_free(settings: &GnomeSettings, suffix: &str) -> Result<&'static str, ShortcutError> {
    for candidate in CANDIDATES {
        match free(settings, suffix, candidate) {
            Err(ShortcutError::Taken { .. }) => {}
            result => return result,
        }
    }
    Err(ShortcutError::AllTaken)
}

/// Quotes a path for GNOME, which splits a command as a shell does.
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
