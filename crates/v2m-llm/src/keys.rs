//! Where the key of a provider is found: a credential of systemd's, the environment, a file of the user's alone.
//!
//! Looked for anew with each question, so that a key that was just put there needs no restart. Never in the
//! configuration, never in a log line.

use rustix::fs::{FileType, Mode, OFlags, fstat, open};
use std::env;
use std::ffi::OsString;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use v2m_ipc::llm::Provider;

/// Longer than any key; what is read of a file at most, in bytes.
const LONGEST: u64 = 8 << 10;

/// A secret. Shown by nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct Key(String);

impl Key {
    /// From its text; white space around it is a file's line end. `None` for what can be no key: nothing, or what
    /// cannot stand in a header.
    pub fn new(text: &str) -> Option<Self> {
        let key = text.trim();
        let fits = !key.is_empty() && key.bytes().all(|b| b.is_ascii_graphic());
        fits.then(|| Self(key.to_owned()))
    }

    /// The secret itself, for the one header that holds it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What a service says, which may be the key again.
    pub fn masked_in(&self, said: &str) -> String {
        said.replace(&self.0, "********")
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(********)")
    }
}

/// Why a key that is there is not used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file is open to others.
    #[error(
        "the key in {0} can be read by others and is not used. Make it yours alone: chmod 600 {0}"
    )]
    Open(PathBuf),
    /// The file is another user's.
    #[error("the key in {0} belongs to another user and is not used. Write your own there")]
    Foreign(PathBuf),
    /// A link, a folder, a device.
    #[error("{0} is no regular file, and the key in it is not used. Put the key itself there")]
    NoFile(PathBuf),
    /// It cannot be read.
    #[error("reading the key in {0}: {1}")]
    Unreadable(PathBuf, io::Error),
    /// There is nothing that could be a key.
    #[error("{0} holds no key: one line of letters, digits and signs is expected")]
    NoKey(String),
}

/// A provider's key, from the first place that has one.
///
/// # Errors
/// [`KeyError`] for a key that is there and cannot be used; those after it are not looked for then.
pub fn find(provider: Provider) -> Result<Option<Key>, KeyError> {
    if let Some(dir) = set("CREDENTIALS_DIRECTORY") {
        let path = PathBuf::from(dir).join(credential(provider));
        // systemd guards it, by its own rules: who may read it, may use it.
        if let Some(text) = read(&path, |_| Ok(()))? {
            return whole(&text, &path.display().to_string());
        }
    }
    let name = variable(provider);
    if let Some(text) = set(name) {
        return whole(&text.to_string_lossy(), name);
    }
    let Some(path) = file(provider) else { return Ok(None) };
    match read(&path, |stat| is_private(&path, stat))? {
        Some(text) => whole(&text, &path.display().to_string()),
        None => Ok(None),
    }
}

/// All the places, for people who have to put a key somewhere.
pub fn places(provider: Provider) -> String {
    let file =
        file(provider).unwrap_or_else(|| format!("~/.config/v2m/{}.key", provider.name()).into());
    format!(
        "put it into {} (chmod 600), or give v2m-llm.service {} in its environment or a credential \
         {} (LoadCredential=); see man v2m-llm",
        file.display(),
        variable(provider),
        credential(provider)
    )
}

/// The folder of the users' files, to be readable in the sandbox.
pub fn folder() -> Option<PathBuf> {
    let config = set("XDG_CONFIG_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || set("HOME").map(|home| PathBuf::from(home).join(".config"));
    config.or_else(home).map(|config| config.join("v2m"))
}

fn file(provider: Provider) -> Option<PathBuf> {
    folder().map(|folder| folder.join(format!("{}.key", provider.name())))
}

fn credential(provider: Provider) -> String {
    format!("{}-api-key", provider.name())
}

fn variable(provider: Provider) -> &'static str {
    match provider {
        Provider::Gemini => "GEMINI_API_KEY",
        Provider::Ollama => "OLLAMA_API_KEY",
        Provider::OpenAi => "OPENAI_API_KEY",
    }
}

fn set(name: &str) -> Option<OsString> {
    env::var_os(name).filter(|value| !value.is_empty())
}

fn whole(text: &str, place: &str) -> Result<Option<Key>, KeyError> {
    Key::new(text).map(Some).ok_or_else(|| KeyError::NoKey(place.to_owned()))
}

fn is_private(path: &Path, stat: &rustix::fs::Stat) -> Result<(), KeyError> {
    if stat.st_uid != rustix::process::getuid().as_raw() {
        Err(KeyError::Foreign(path.to_owned()))
    } else if stat.st_mode & 0o077 != 0 {
        Err(KeyError::Open(path.to_owned()))
    } else {
        Ok(())
    }
}

/// A regular file's text; `None` where there is no file. What is looked at is what is read: the file is opened first.
fn read(
    path: &Path,
    judge: impl FnOnce(&rustix::fs::Stat) -> Result<(), KeyError>,
) -> Result<Option<String>, KeyError> {
    let unreadable = |error: io::Error| KeyError::Unreadable(path.to_owned(), error);
    // Not to wait for who writes into a FIFO.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = match open(path, flags, Mode::empty()) {
        Ok(file) => File::from(file),
        Err(rustix::io::Errno::NOENT | rustix::io::Errno::NOTDIR) => return Ok(None),
        Err(rustix::io::Errno::LOOP) => return Err(KeyError::NoFile(path.to_owned())),
        Err(error) => return Err(unreadable(error.into())),
    };
    let stat = fstat(&file).map_err(|error| unreadable(error.into()))?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(KeyError::NoFile(path.to_owned()));
    }
    judge(&stat)?;
    let mut bytes = Vec::new();
    file.take(LONGEST).read_to_end(&mut bytes).map_err(unreadable)?;
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn a_key_is_one_line_and_is_never_shown() {
        let key = Key::new(" secret-1\n").unwrap();
        assert_eq!(key.expose(), "secret-1");
        assert!(!format!("{key:?}").contains("secret"));
        assert_eq!(key.masked_in("bad key secret-1!"), "bad key ********!");
        for none in ["", " \n", "two words", "two\nlines", "ключ", "a\u{7f}"] {
            assert_eq!(Key::new(none), None, "{none:?}");
        }
    }

    #[test]
    fn a_file_must_be_the_users_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("openai.key");
        let found = || read(&path, |stat| is_private(&path, stat));
        assert!(matches!(found(), Ok(None)));
        std::fs::write(&path, "secret\n").unwrap();
        for (mode, good) in [(0o600, true), (0o400, true), (0o640, false), (0o604, false)] {
            std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
            let found = found();
            assert_eq!(found.is_ok(), good, "{mode:o}: {found:?}");
            if let Err(error) = found {
                assert!(error.to_string().contains("chmod 600"), "{error}");
                assert!(!error.to_string().contains("secret"));
            }
        }
    }

    #[test]
    fn only_files_are_read() {
        let dir = tempfile::tempdir().unwrap();
        let (link, fifo) = (dir.path().join("link"), dir.path().join("fifo"));
        std::fs::write(dir.path().join("key"), "secret").unwrap();
        symlink(dir.path().join("key"), &link).unwrap();
        rustix::fs::mknodat(rustix::fs::CWD, &fifo, FileType::Fifo, Mode::RUSR, 0).unwrap();
        for path in [&link, &fifo, &dir.path().to_owned()] {
            let said = read(path, |_| Ok(())).unwrap_err();
            assert!(matches!(said, KeyError::NoFile(_)), "{said}");
        }
        let inside = dir.path().join("key/no-folder");
        assert!(matches!(read(&inside, |_| Ok(())), Ok(None)));
    }

    #[test]
    fn the_places_are_told() {
        let said = places(Provider::Gemini);
        for place in ["gemini.key", "GEMINI_API_KEY", "gemini-api-key"] {
            assert!(said.contains(place), "{said}");
        }
    }
}
