//! What the configuration allows: the one endpoint that may be asked.
//!
//! The file is the daemon's, and its variables are too (`V2M_CONFIG`, `V2M_LLM__PROVIDER`,
//! `V2M_LLM__BASE_URL`). They are read here, anew with each question, because whoever reaches the
//! socket can name any endpoint in a question. Only two keys are looked at; `tests/llm/allowed.rs`
//! holds this reading and the daemon's together.

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

/// What may be asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Allowed {
    /// `llm.provider`; `None`: nothing may be asked.
    pub provider: Option<Provider>,
    /// `llm.base_url`; `None`: the provider's own.
    pub base_url: Option<String>,
}

/// Why an endpoint is not asked. For people; the first field is the configuration's file.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Nothing tells where the file is.
    #[error(
        "{}",
        tr!(
            "reading the configuration, which says which language model may be asked: neither HOME nor \
             XDG_CONFIG_HOME is set"
        )
    )]
    NoHome,
    /// It cannot be read.
    #[error(
        "{}",
        tr!(
            "reading the configuration in {path}, which says which language model may be asked: {error}",
            path = .0.display(),
            error = .1
        )
    )]
    Unreadable(PathBuf, io::Error),
    /// It cannot be understood.
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
    /// Another one is set.
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
    /// It is another file than the one that may be read: this process cannot read it, and the next
    /// one can.
    #[error("{}", tr!("another file has replaced the configuration"))]
    Replaced,
}

/// Checks that the configuration allows `endpoint`, and gives its address.
///
/// # Errors
/// [`ConfigError`]: another endpoint is allowed, or none, or that cannot be told.
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

/// What the file at `path` and the variables allow. A missing file says nothing.
///
/// # Errors
/// The file cannot be read or understood, or one of the two keys has a value that is not allowed.
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
            // Of another kind than text is no value of these keys.
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
            // Not repeated: it may hold a secret.
            "base_url" => return Err(tr!("llm.base_url is not allowed").to_owned()),
            _ => {}
        }
        Ok(())
    }
}

/// The key of `[llm]` that a variable sets.
fn variable(name: &str) -> Option<String> {
    configuration::variable(name).filter(|(section, _)| section == "llm").map(|(_, key)| key)
}
