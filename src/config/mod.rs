//! Configuration: reads the file and the environment, and checks them, giving [`Settings`].
//!
//! Three stages of trust: text of the file → values of known keys, merged (defaults, file,
//! environment `V2M_SECTION__KEY`) → [`Settings`], which contain only allowed values. One table
//! (`keys/`) has all metadata of each key: its name, accepted values and documentation, and whether
//! a change needs a restart. It generates the default file, the errors and GET_CONFIG.
//!
//! Not here: the effects of the settings (documented in the rooms that use them), and watching the
//! file.

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

/// Returns the path of the configuration: `$V2M_CONFIG`, else `v2m/config.toml` in
/// `$XDG_CONFIG_HOME` (`~/.config`). Reads the process environment.
///
/// # Errors
/// [`ConfigError::NoHome`] if the user's configuration folder is unknown.
pub fn default_path() -> Result<PathBuf, ConfigError> {
    match std::env::var_os("V2M_CONFIG") {
        Some(path) if !path.is_empty() => Ok(path.into()),
        _ => etcetera::base_strategy::Xdg::new()
            .map(|dirs| dirs.config_dir().join("v2m/config.toml"))
            .map_err(|_| ConfigError::NoHome),
    }
}

/// Reads the file at `path` (a missing one counts as empty) and the variables in `env` named
/// `V2M_SECTION__KEY`, and checks all values. Blocking, a few milliseconds at most.
///
/// The daemon passes [`std::env::vars_os`].
///
/// # Errors
/// Any [`ConfigError`] except those of writing. It reports the first error, and where it is.
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

/// Parses a TOML file into the form that UPDATE_CONFIG accepts.
///
/// # Errors
/// If it is not valid TOML.
pub fn read_toml(text: &str) -> Result<serde_json::Map<String, serde_json::Value>, String> {
    let document: toml_edit::DocumentMut =
        text.parse().map_err(|error: toml_edit::TomlError| error.message().to_owned())?;
    Ok(document.iter().map(|(name, item)| (name.to_owned(), merge::to_json(item))).collect())
}

/// Returns the keys (`section.key`) that differ: first those that can take effect at once, then
/// those that need a restart of the service.
pub fn changes(old: &Settings, new: &Settings) -> (Vec<String>, Vec<String>) {
    let changed = keys::all().filter(|key| (key.get)(old) != (key.get)(new));
    let (restart, applied): (Vec<_>, Vec<_>) = changed.partition(|key| key.restart);
    let names = |keys: Vec<&keys::ConfigKey>| keys.iter().map(|key| key.full_name()).collect();
    (names(applied), names(restart))
}

#[cfg(test)]
mod tests;
