//! `v2m import-config`: imports a `config.toml` of voice2machine, and reports the result for each
//! setting.

use crate::config::{self, ConfigError, Ignored, ImportedSetting, Translated};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use thiserror::Error;
use v2m_messages::tr;
use v2m_models::paths::Places;

/// Why nothing was imported.
#[derive(Debug, Error)]
pub enum ImportError {
    /// The file cannot be read as TOML.
    #[error(
        "{}",
        tr!(
            "reading {path}: {why}; name the config.toml of voice2machine",
            path = path.display(),
            why
        )
    )]
    File {
        /// The file.
        path: PathBuf,
        /// The reason.
        why: String,
    },
    /// v2m's own configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
}

/// Imports the file's settings into v2m's configuration, unless it is a `dry_run`. Returns a line
/// for each setting, for people. Blocking.
///
/// # Errors
/// If the file cannot be read, or v2m's configuration cannot be changed; then nothing is changed.
pub fn run(file: &Path, dry_run: bool) -> Result<String, ImportError> {
    let failed = |why: String| ImportError::File { path: file.into(), why };
    let text = std::fs::read_to_string(file).map_err(|error| failed(error.to_string()))?;
    let given = config::read_toml(&text).map_err(failed)?;
    let path = config::default_path()?;
    let current = config::load(&path, std::env::vars_os())?;
    let fits = |change: &_| {
        let checked = config::check_update(&path, std::env::vars_os(), change);
        checked.map_err(|error| reason(&error))
    };
    let mut translated = config::translate_file(&given, &current, fits);
    leave_out_missing_model(&mut translated);
    config::check_update(&path, std::env::vars_os(), &translated.own)?;
    if dry_run {
        return Ok(format!("{}\n{}\n", told(&translated), tr!("Nothing was changed.")));
    }
    config::update(&path, std::env::vars_os(), &current, &translated.own)?;
    let done = tr!("{path} has the settings. Secrets stay where they are.", path = path.display());
    Ok(format!("{}\n{done}\n", told(&translated)))
}

/// Returns why v2m does not accept a value.
fn reason(error: &ConfigError) -> String {
    match error {
        ConfigError::Value { key, shown, allowed, .. } => {
            tr!("{key} takes {allowed}, not {shown}", key, allowed, shown)
        }
        error => error.to_string(),
    }
}

/// Leaves out a model that is not installed: with it, v2m would not transcribe at all.
fn leave_out_missing_model(translated: &mut Translated) {
    let Some(at) = translated.taken.iter().position(|taken| taken.own == "engine.model") else {
        return;
    };
    let name = translated.taken[at].value.as_str().unwrap_or_default().to_owned();
    let there = name.starts_with('/') && Path::new(&name).is_file();
    if there || Places::from_env().is_ok_and(|places| places.installed_at(&name).is_some()) {
        return;
    }
    let key = translated.taken.remove(at).key;
    let reason =
        tr!("the model is not here: `v2m-model pull {name} && v2m-model use {name}`", name);
    translated.ignored.push(Ignored { key, reason });
    if let Some(engine) = translated.own.get_mut("engine").and_then(|engine| engine.as_object_mut())
    {
        engine.remove("model");
    }
}

fn told(translated: &Translated) -> String {
    let mut told = String::new();
    let mut line = |mark: &str, key: &str, fate: &str| {
        // Writing into a String does not fail.
        let _ = writeln!(told, "{mark} {key}: {fate}");
    };
    for ImportedSetting { key, own, value } in &translated.taken {
        line("+", key, &format!("{own} = {value}"));
    }
    for Ignored { key, reason } in &translated.ignored {
        line("-", key, &tr!("not taken over: {reason}", reason));
    }
    if translated.taken.is_empty() && translated.ignored.is_empty() {
        told.push_str(tr!("v2m has all of it already."));
        told.push('\n');
    }
    told
}
