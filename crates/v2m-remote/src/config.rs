//! Reads whether the configuration allows an endpoint, and which one.
//!
//! The file and the variables are the daemon's. Only two keys are read; `tests/remote` checks that
//! the daemon reads them in the same way.

use crate::error::SpeechError;
use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use toml_edit::Document;
use v2m_ipc::llm::is_base_url;
use v2m_messages::tr;
use v2m_net::address::Address;
use v2m_net::configuration::{self, Unread};

/// The value of `engine.backend` that makes v2m use a server.
const REMOTE: &str = "remote";
/// The other values. Any other value is invalid, or written in another way.
const OTHERS: [&str; 4] = ["auto", "cuda", "vulkan", "cpu"];

/// The allowed endpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Allowed {
    /// Whether `engine.backend` is `"remote"`.
    pub wanted: bool,
    /// `remote.base_url`. `None` if it is not set.
    pub base_url: Option<String>,
}

/// Checks that the configuration allows this address.
///
/// # Errors
/// [`SpeechError::NotAllowed`]: another endpoint is allowed, or none, or this cannot be determined.
/// [`SpeechError::Replaced`].
pub fn check(address: &Address) -> Result<(), SpeechError> {
    let none = || SpeechError::NotAllowed(tr!("neither HOME nor XDG_CONFIG_HOME is set").into());
    let path = configuration::path().ok_or_else(none)?;
    let allowed = read(&path, env::vars_os())?;
    let path = path.display();
    if !allowed.wanted {
        let told = tr!("engine.backend is not \"remote\" in {path}", path);
        return Err(SpeechError::NotAllowed(told));
    }
    match allowed.base_url.as_deref().map(|url| url.trim_end_matches('/')) {
        Some(url) if url == address.url => Ok(()),
        Some(url) => Err(SpeechError::NotAllowed(tr!(
            "{path} allows only {url}, not {asked}",
            path,
            url,
            asked = address.url
        ))),
        None => Err(SpeechError::NotAllowed(tr!("remote.base_url is not set in {path}", path))),
    }
}

/// Reads what the file at `path` and the variables allow. A missing file sets nothing.
///
/// # Errors
/// Fails if the file cannot be read or parsed, or if one of the two keys has an invalid value.
pub fn read(
    path: &Path,
    variables: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<Allowed, SpeechError> {
    let invalid = |why: String| unusable(path.to_owned(), &why);
    let text = configuration::text(path).map_err(|unread| match unread {
        Unread::Replaced => SpeechError::Replaced,
        Unread::Io(error) => invalid(error.to_string()),
    })?;
    let document = Document::parse(&*text);
    let document = document.map_err(|error| invalid(error.message().replace('\n', "; ")))?;
    let mut allowed = Allowed::default();
    for section in ["engine", "remote"] {
        let Some(table) = document.get(section).and_then(|item| item.as_table_like()) else {
            continue;
        };
        for (key, item) in table.iter() {
            // Only strings are valid values of these keys.
            allowed.set(section, key, item.as_str().unwrap_or("?")).map_err(invalid)?;
        }
    }
    for (name, value) in variables {
        let Some((section, key)) = name.to_str().and_then(configuration::variable) else {
            continue;
        };
        let value = value.to_str().unwrap_or("?");
        let quoted = || Some(v2m_ipc::value::read(value).ok()?.as_str()?.to_owned());
        let set = allowed.set(&section, &key, value);
        let again = |why| quoted().map_or(Err(why), |value| allowed.set(&section, &key, &value));
        set.or_else(again).map_err(invalid)?;
    }
    Ok(allowed)
}

impl Allowed {
    fn set(&mut self, section: &str, key: &str, value: &str) -> Result<(), String> {
        match (section, key) {
            ("engine", "backend") if value == REMOTE => self.wanted = true,
            ("engine", "backend") if OTHERS.contains(&value) => self.wanted = false,
            ("engine", "backend") => {
                return Err(tr!("engine.backend has an unknown value").to_owned());
            }
            ("remote", "base_url") if value.is_empty() => self.base_url = None,
            ("remote", "base_url") if is_base_url(value) => self.base_url = Some(value.to_owned()),
            // Not repeated, because it may contain a secret.
            ("remote", "base_url") => return Err(tr!("remote.base_url is not allowed").to_owned()),
            _ => {}
        }
        Ok(())
    }
}

fn unusable(path: PathBuf, why: &str) -> SpeechError {
    SpeechError::NotAllowed(tr!(
        "the configuration in {path} cannot be read: {why}. To see what is wrong: v2m check-config",
        path = path.display(),
        why
    ))
}
