//! Checks the presets and applications that the settings name. The configuration accepts any name,
//! because a preset may be written, or a program installed, later. Without this check, a mistyped
//! preset would be reported only with a text, and a mistyped application never.

use super::Finding::{self, Good, Poor};
use crate::config::{self, LlmSettings};
use crate::deliver::KnownPrograms;
use crate::llm::Presets;
use crate::session::NO_PRESET;
use std::path::Path;
use v2m_messages::tr;

/// Checks both. Dictation works without them, so no finding is worse than poor.
pub(super) fn check() -> Finding {
    let Ok(path) = config::default_path() else { return Finding::None };
    // Another check reports errors in the configuration.
    let Ok(settings) = config::load(&path, std::env::vars_os()) else { return Finding::None };
    judged(&settings.llm, &presets_beside(&path), KnownPrograms::find)
}

/// Returns what is wrong with the presets and applications of a valid configuration, for `v2m
/// check-config`. `path`: its file.
pub fn doubts(settings: &LlmSettings, path: &Path) -> Option<String> {
    match judged(settings, &presets_beside(path), KnownPrograms::find) {
        Poor(faults) => Some(faults),
        _ => None,
    }
}

fn presets_beside(path: &Path) -> Presets {
    Presets::read(&path.with_file_name("presets"))
}

fn judged(
    settings: &LlmSettings,
    presets: &Presets,
    programs: impl FnOnce() -> KnownPrograms,
) -> Finding {
    let mut faults = Vec::new();
    if settings.provider.is_some()
        && let Err(error) = presets.get(&settings.preset)
    {
        faults.push(tr!("llm.preset: {error}.", error));
    }
    let applications = &settings.applications;
    if applications.is_empty() {
        return if faults.is_empty() { Finding::None } else { Poor(faults.join(" ")) };
    }
    let programs = programs();
    for (application, preset) in applications {
        if preset != NO_PRESET
            && let Err(error) = presets.get(preset)
        {
            faults.push(tr!("llm.applications, {application}: {error}.", application, error));
        }
        if !programs.has(application) {
            faults.push(unknown(application, preset, programs.like(application)));
        }
    }
    if faults.is_empty() {
        let count = applications.len();
        return Good(tr!("{n} application has a preset, and is known here"
            | "{n} applications have presets, and are known here" % count));
    }
    Poor(faults.join(" "))
}

/// Returns the message that no program has this name. `like`: a program with a similar name.
fn unknown(application: &str, preset: &str, like: Option<&str>) -> String {
    let told = match preset == NO_PRESET {
        true => tr!(
            "llm.applications: v2m found no program called {application}. If no window has this class \
             either, none of its texts is kept from the language model.",
            application
        ),
        false => tr!(
            "llm.applications: v2m found no program called {application}. If no window has this class \
             either, the preset {preset} is never used.",
            application,
            preset
        ),
    };
    let remedy = match like {
        Some(like) => tr!("Did you mean {like}? Then correct the name.", like),
        None => tr!("Use the name of its .desktop file or the class of its window.").to_owned(),
    };
    format!("{told} {remedy}")
}
