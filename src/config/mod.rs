//! Configuration: what the file and the environment say, checked, as [`Settings`].
//!
//! Three stages of trust: text of the file → values of known keys, merged (defaults, file,
//! environment `V2M_SECTION__KEY`) → [`Settings`], which hold only what is allowed. One table
//! (`keys.rs`) says all there is to know of each key: its name, what it takes, its documentation,
//! whether a change needs a restart. The default file, the errors and GET_CONFIG come from it.
//!
//! Not here: what the settings do (the rooms that take them say that), and any watch on the file.

mod defaults;
mod documented;
mod error;
mod explain;
mod keys;
mod merge;
mod predecessor;
mod settings;
mod update;
mod values;

pub use defaults::default_toml;
pub use error::{ConfigError, Origin};
pub use explain::{Explained, Explanation, Giver, Kind, explain, section};
pub use predecessor::{
    Ignored, ImportedSetting, Translated, translate, translate_file, with_predecessors,
};
pub use settings::{
    BackendChoice, CaptureSettings, DeliverSettings, EngineSettings, JoinTo, LlmSettings, LogLevel,
    LogSettings, Notify, Refine, SessionSettings, Settings, StoreSettings, TextSettings, UndoBy,
    UnloadAfter,
};
pub use update::{Updated, check_update, update};

use etcetera::BaseStrategy;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Where the configuration is: `$V2M_CONFIG`, else `v2m/config.toml` in `$XDG_CONFIG_HOME`
/// (`~/.config`). Reads the process environment.
///
/// # Errors
/// [`ConfigError::NoHome`] when nothing tells where the user's files are.
pub fn default_path() -> Result<PathBuf, ConfigError> {
    match std::env::var_os("V2M_CONFIG") {
        Some(path) if !path.is_empty() => Ok(path.into()),
        _ => etcetera::base_strategy::Xdg::new()
            .map(|dirs| dirs.config_dir().join("v2m/config.toml"))
            .map_err(|_| ConfigError::NoHome),
    }
}

/// Reads the file at `path` (a missing one counts as empty) and the variables among `env` that are
/// named `V2M_SECTION__KEY`, and checks all they say. Blocking, a few milliseconds at most.
///
/// The daemon passes [`std::env::vars_os`].
///
/// # Errors
/// Any [`ConfigError`] but those of writing. It names the first thing that is wrong, and where.
pub fn load<K, V>(
    path: &Path,
    env: impl IntoIterator<Item = (K, V)>,
) -> Result<Settings, ConfigError>
where
    K: Into<OsString>,
    V: Into<OsString>,
{
    let text = merge::read(path)?.unwrap_or_default();
    merge::settings(path, &text, &merge::from_env(env)?)
}

/// What a TOML file says, as UPDATE_CONFIG takes it.
///
/// # Errors
/// Why it is no TOML.
pub fn read_toml(text: &str) -> Result<serde_json::Map<String, serde_json::Value>, String> {
    let document: toml_edit::DocumentMut =
        text.parse().map_err(|error: toml_edit::TomlError| error.message().to_owned())?;
    Ok(document.iter().map(|(name, item)| (name.to_owned(), merge::to_json(item))).collect())
}

/// Which keys (`section.key`) differ: those that can be put in force at once, and those that
/// need a restart of the service.
pub fn changes(old: &Settings, new: &Settings) -> (Vec<String>, Vec<String>) {
    let changed = keys::all().filter(|key| (key.get)(old) != (key.get)(new));
    let (restart, applied): (Vec<_>, Vec<_>) = changed.partition(|key| key.restart);
    let names = |keys: Vec<&keys::ConfigKey>| keys.iter().map(|key| key.full_name()).collect();
    (names(applied), names(restart))
}

#[cfg(test)]
mod tests;
