//! Finds the key of a host: a systemd credential, an environment variable, or a file that only the
//! user can read.
//!
//! A key belongs to a host, because whoever gets it can use it: OpenAI's key is not sent to another
//! server with the same API. The three services that keys are usually for have short names
//! (`OPENAI_API_KEY`, `openai.key`, `openai-api-key`), which count only for their own host over
//! https ([`service`]). For every other host, there is a file and a credential with its name
//! (`keys/openrouter.ai`, `key-openrouter.ai`), with its port if the address has one. Keys are
//! looked up again with each question, so that a new key needs no restart. They are never in the
//! configuration or in a log line.

use crate::address::Address;
use crate::configuration::folder;
use crate::program;
use rustix::fs::{FileType, Mode, OFlags, fstat, open};
use std::env;
use std::ffi::OsString;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use v2m_ipc::llm::Provider;
use v2m_messages::tr;

/// The largest part of a file that is read, in bytes: longer than any key.
const LONGEST: u64 = 8 << 10;

/// The folder with the hosts' keys, in v2m's configuration folder.
const HOSTS: &str = "keys";

/// A secret, which is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(String);

impl ApiKey {
    /// Makes a key from its text, trimmed of white space such as a file's line end. `None` if it
    /// cannot be a key: it is empty, or has characters that are not allowed in a header.
    pub fn new(text: &str) -> Option<Self> {
        let key = text.trim();
        let fits = !key.is_empty() && key.bytes().all(|b| b.is_ascii_graphic());
        fits.then(|| Self(key.to_owned()))
    }

    /// Returns the secret itself, for the one header that contains it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Masks the key in a service's message, which may repeat it.
    pub fn masked_in(&self, said: &str) -> String {
        said.replace(&self.0, "********")
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(********)")
    }
}

/// Why an existing key is not used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Other users can read the file.
    #[error(
        "{}",
        tr!(
            "other users can read the key in {path}, so v2m does not use it. Protect it: chmod 600 {path}",
            path = .0.display()
        )
    )]
    Open(PathBuf),
    /// The file belongs to another user.
    #[error(
        "{}",
        tr!(
            "the file {path} belongs to another user, so v2m does not use the key in it. Write your own there",
            path = .0.display()
        )
    )]
    Foreign(PathBuf),
    /// It is a link, a folder or a device.
    #[error(
        "{}",
        tr!(
            "{path} is not a regular file, so the key in it is not used. Put the key itself there",
            path = .0.display()
        )
    )]
    NoFile(PathBuf),
    /// It cannot be read.
    #[error("{}", tr!("reading the key in {path}: {error}", path = .0.display(), error = .1))]
    Unreadable(PathBuf, io::Error),
    /// It contains nothing that could be a key.
    #[error(
        "{}",
        tr!("{place} holds no key: one line of letters, digits and signs is expected", place = .0)
    )]
    NoKey(String),
}

/// Returns the key of a host, from the first place that has one.
///
/// # Errors
/// [`KeyError`] for an existing key that cannot be used. Later places are not searched then.
pub fn find(address: &Address) -> Result<Option<ApiKey>, KeyError> {
    let known = service(address);
    if let Some(dir) = set("CREDENTIALS_DIRECTORY") {
        let short = known.map(|provider| format!("{}-api-key", provider.name()));
        for name in short.into_iter().chain([credential(address)]) {
            let path = PathBuf::from(&dir).join(name);
            // systemd protects it by its own rules: whoever may read it, may use it.
            if let Some(text) = read(&path, |_| Ok(()))? {
                return whole(&text, &path.display().to_string());
            }
        }
    }
    if let Some(name) = known.map(variable)
        && let Some(text) = set(name)
    {
        return whole(&text.to_string_lossy(), name);
    }
    let Some(folder) = folder() else { return Ok(None) };
    let short = known.map(|provider| PathBuf::from(format!("{}.key", provider.name())));
    for name in short.into_iter().chain([of_host(address)]) {
        let path = folder.join(name);
        if let Some(text) = read(&path, |stat| is_private(&path, stat))? {
            return whole(&text, &path.display().to_string());
        }
    }
    Ok(None)
}

/// Returns the host of the provider's own service, which is used over https.
pub fn service_host(provider: Provider) -> &'static str {
    match provider {
        Provider::Gemini => "generativelanguage.googleapis.com",
        Provider::Ollama => "ollama.com",
        Provider::OpenAi => "api.openai.com",
    }
}

/// Returns the provider with its own service at this address, whatever API is used. Most servers
/// belong to none.
pub fn service(address: &Address) -> Option<Provider> {
    let is_at = |provider: &Provider| address.https && address.place == service_host(*provider);
    Provider::ALL.into_iter().find(is_at)
}

/// Returns all places for a host's key, for users who need to store one.
pub fn places(address: &Address, provider: Provider) -> String {
    let folder = folder().unwrap_or_else(|| "~/.config/v2m".into());
    let credential = credential(address);
    let program = program().name;
    let Some(service) = service(address) else {
        let file = folder.join(of_host(address));
        let said = tr!(
            "put the key of {place} into {file} (chmod 600), or give {program}.service a credential {credential} \
             (LoadCredential=); see man {program}",
            place = address.place,
            file = file.display(),
            credential,
            program
        );
        let sentences = [said].into_iter().chain(strangers(&folder, provider, &file, address));
        return sentences.collect::<Vec<_>>().join(". ");
    };
    let (name, variable) = (service.name(), variable(service));
    tr!(
        "put it into {file} (chmod 600), or give {program}.service {variable} in its environment or a credential \
         {name}-api-key (LoadCredential=); see man {program}",
        file = folder.join(format!("{name}.key")).display(),
        variable,
        name,
        program
    )
}

/// Returns a hint if there is a key of another host. Earlier versions would have sent it to this
/// one.
fn strangers(folder: &Path, provider: Provider, file: &Path, address: &Address) -> Option<String> {
    let place = &address.place;
    let host = service_host(provider);
    let old = folder.join(format!("{}.key", provider.name()));
    // Only check that it exists; do not read it.
    if fs::symlink_metadata(&old).is_ok() {
        let (old, new, to) = (quoted(&old), quoted(file), quoted(&folder.join(HOSTS)));
        return Some(tr!(
            "The key in {old} belongs to {host}. If it is the key of {place}: mkdir -p {to} && mv {old} {new}",
            old,
            host,
            place,
            to,
            new
        ));
    }
    let variable = variable(provider);
    set(variable).is_some().then(|| {
        tr!("{variable} belongs to {host} and is not sent to {place}", variable, host, place)
    })
}

/// Quotes a path for a shell.
fn quoted(path: &Path) -> String {
    let path = path.display().to_string();
    let plain = |c: char| c.is_alphanumeric() || "/._-:~".contains(c);
    if path.chars().all(plain) { path } else { format!("'{}'", path.replace('\'', r"'\''")) }
}

/// Returns the file of a host's key, below [`folder`].
fn of_host(address: &Address) -> PathBuf {
    Path::new(HOSTS).join(&address.place)
}

/// Returns the name of a host's credential. systemd takes a colon as the end of the name.
fn credential(address: &Address) -> String {
    format!("key-{}", address.place.replace(':', "_"))
}

fn variable(service: Provider) -> &'static str {
    match service {
        Provider::Gemini => "GEMINI_API_KEY",
        Provider::Ollama => "OLLAMA_API_KEY",
        Provider::OpenAi => "OPENAI_API_KEY",
    }
}

fn set(name: &str) -> Option<OsString> {
    env::var_os(name).filter(|value| !value.is_empty())
}

fn whole(text: &str, place: &str) -> Result<Option<ApiKey>, KeyError> {
    ApiKey::new(text).map(Some).ok_or_else(|| KeyError::NoKey(place.to_owned()))
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

/// Returns a regular file's text. `None` if there is no file. The file is opened first, so that the
/// checked file is the one that is read.
fn read(
    path: &Path,
    judge: impl FnOnce(&rustix::fs::Stat) -> Result<(), KeyError>,
) -> Result<Option<String>, KeyError> {
    let unreadable = |error: io::Error| KeyError::Unreadable(path.to_owned(), error);
    // Do not wait for the writer of a FIFO.
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
        let key = ApiKey::new(" secret-1\n").unwrap();
        assert_eq!(key.expose(), "secret-1");
        assert!(!format!("{key:?}").contains("secret"));
        assert_eq!(key.masked_in("bad key secret-1!"), "bad key ********!");
        for none in ["", " \n", "two words", "two\nlines", "ключ", "a\u{7f}"] {
            assert_eq!(ApiKey::new(none), None, "{none:?}");
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
        let told = |url: &str| places(&Address::parse(url).unwrap(), Provider::OpenAi);
        let said = told("https://generativelanguage.googleapis.com");
        for place in ["gemini.key", "GEMINI_API_KEY", "gemini-api-key"] {
            assert!(said.contains(place), "{said}");
        }
        let said = told("http://localhost:8080/v1");
        for place in ["keys/localhost:8080 (chmod 600)", "key-localhost_8080 ("] {
            assert!(said.contains(place), "{said}");
        }
    }

    #[test]
    fn paths_for_a_shell_are_one_word() {
        assert_eq!(quoted(Path::new("/a/openai.key")), "/a/openai.key");
        assert_eq!(quoted(Path::new("/a b/it's")), r"'/a b/it'\''s'");
    }
}
