//! Reads the one endpoint that the configuration allows.
//!
//! The file and the variables (`V2M_CONFIG`, `V2M_LLM__PROVIDER`, `V2M_LLM__BASE_URL`) are the
//! daemon's. They are read here again with each question, because every client of the socket can
//! name any endpoint in a question. Only two keys are read; `tests/llm/allowed.rs` checks that the
//! daemon reads them in the same way.

use crate::client::Address;
use crate::wire;
use std::env;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use toml_edit::Document;
use v2m_ipc::llm::{Endpoint, Provider, is_base_url};
use v2m_messages::tr;
use v2m_net::configuration::{self, Unread};

/// The allowed endpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Allowed {
    /// `llm.provider`. `None`: no endpoint is allowed.
    pub provider: Option<Provider>,
    /// `llm.base_url`. `None`: the provider's own URL.
    pub base_url: Option<String>,
}

/// Why an endpoint is not allowed, for people. The first field is the configuration's file.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The location of the file is unknown.
    #[error(
        "{}",
        tr!(
            "reading the configuration, which says which language model may be asked: neither HOME nor \
             XDG_CONFIG_HOME is set"
        )
    )]
    NoHome,
    /// The file cannot be read.
    #[error(
        "{}",
        tr!(
            "reading the configuration in {path}, which says which language model may be asked: {error}",
            path = .0.display(),
            error = .1
        )
    )]
    Unreadable(PathBuf, io::Error),
    /// The file is invalid.
    #[error(
        "{}",
        tr!(
            "the configuration in {path} does not say which language model may be asked: {why}. To see what is wrong: \
             v2m check-config",
            path = .0.display(),
            why = .1
        )
    )]
    Invalid(PathBuf, String),
    /// No language model is set.
    #[error(
        "{}",
        tr!(
            "the configuration in {path} names no language model. Choose one, such as: \
             v2m-send config set llm.provider=ollama llm.model=NAME",
            path = .0.display()
        )
    )]
    NoProvider(PathBuf),
    /// Another endpoint is set.
    #[error(
        "{}",
        tr!(
            "v2m-llm does not contact {asked}: the configuration in {path} allows only {allowed}. To allow \
             another address, set llm.provider and llm.base_url: v2m-send config set llm.base_url=URL",
            asked = .1,
            path = .0.display(),
            allowed = .2
        )
    )]
    Other(PathBuf, String, String),
    /// The file was replaced by one that this process must not read. The next process can read it.
    #[error("{}", tr!("another file has replaced the configuration"))]
    Replaced,
}

/// Checks that the configuration allows `endpoint` at this address.
///
/// # Errors
/// [`ConfigError`]: another endpoint is allowed, or none, or this cannot be determined.
pub fn check(endpoint: &Endpoint, address: &Address) -> Result<(), ConfigError> {
    let path = configuration::path().ok_or(ConfigError::NoHome)?;
    let allowed = read(&path, env::vars_os())?;
    let Some(provider) = allowed.provider else { return Err(ConfigError::NoProvider(path)) };
    let url = allowed.base_url.as_deref().unwrap_or_else(|| wire::base_url(provider));
    if endpoint.provider == provider && url.trim_end_matches('/') == address.url {
        return Ok(());
    }
    let shown =
        |provider: Provider, url: &str| tr!("{provider} at {url}", provider = provider.name(), url);
    let asked = shown(endpoint.provider, &address.url);
    Err(ConfigError::Other(path, asked, shown(provider, url)))
}

/// Reads what the file at `path` and the variables allow. A missing file sets nothing.
///
/// # Errors
/// Fails if the file cannot be read or parsed, or if one of the two keys has an invalid value.
pub fn read(
    path: &Path,
    variables: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<Allowed, ConfigError> {
    let invalid = |why: String| ConfigError::Invalid(path.to_owned(), why);
    let text = configuration::text(path).map_err(|unread| match unread {
        Unread::Replaced => ConfigError::Replaced,
        Unread::Io(error) => ConfigError::Unreadable(path.to_owned(), error),
    })?;
    let mut allowed = Allowed::default();
    let document = Document::parse(&*text);
    let document = document.map_err(|error| invalid(error.message().replace('\n', "; ")))?;
    if let Some(section) = document.get("llm").and_then(|item| item.as_table_like()) {
        for (key, item) in section.iter() {
            // Only strings are valid values of these keys.
            allowed.set(key, item.as_str().unwrap_or("?")).map_err(invalid)?;
        }
    }
    for (name, value) in variables {
        let Some(key) = name.to_str().and_then(variable) else { continue };
        let value = value.to_str().unwrap_or("?");
        let quoted = || Some(v2m_ipc::value::read(value).ok()?.as_str()?.to_owned());
        let set = allowed.set(&key, value);
        let set = set.or_else(|why| quoted().map_or(Err(why), |value| allowed.set(&key, &value)));
        set.map_err(invalid)?;
    }
    Ok(allowed)
}

impl Allowed {
    fn set(&mut self, key: &str, value: &str) -> Result<(), String> {
        match key {
            "provider" if value == "none" => self.provider = None,
            "provider" => {
                let named = Provider::named(value);
                let named = named.ok_or_else(|| tr!("llm.provider has an unknown value"));
                self.provider = Some(named?);
            }
            "base_url" if value.is_empty() => self.base_url = None,
            "base_url" if is_base_url(value) => self.base_url = Some(value.to_owned()),
            // Not repeated, because it may contain a secret.
            "base_url" => return Err(tr!("llm.base_url is not allowed").to_owned()),
            _ => {}
        }
        Ok(())
    }
}

/// Returns the key of `[llm]` that a variable sets.
fn variable(name: &str) -> Option<String> {
    configuration::variable(name).filter(|(section, _)| section == "llm").map(|(_, key)| key)
}
