//! The table of models: published ones and the user's own, and how they suit this machine. It
//! computes no digests: `verify` does that.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;
use v2m_messages::tr;
use v2m_models::catalogue::{self, Form, Languages, Purpose};
use v2m_models::family::{Family, Summary};
use v2m_models::fit::{self, Fit, Machine};
use v2m_models::paths::Places;
use v2m_models::{gguf, inspect};

use crate::failure::CommandError;
use crate::machine;
use crate::progress::{say, size};
use crate::select;

/// One line of the table.
#[derive(Debug, Serialize)]
struct Row {
    name: String,
    bytes: u64,
    /// `None`: not a valid model.
    languages: Option<Languages>,
    /// `None`: unknown, for unpublished models.
    memory_mib: Option<u32>,
    sha256: Option<&'static str>,
    /// SPDX identifier and licensor. `None`: unknown, for unpublished models.
    licence: Option<&'static str>,
    licensor: Option<&'static str>,
    default: bool,
    /// Only for the text form.
    selected: bool,
    /// `None`: unpublished, and not only for previews.
    purpose: Option<Purpose>,
    /// Whether the configuration selects it as the preview.
    preview: bool,
    /// How it suits this machine. `None`: unknown, for unpublished models.
    fit: Option<Fit>,
    recommended: bool,
    /// The file, if it is installed.
    path: Option<PathBuf>,
    /// Whether it is a model for several languages that v2m uses for English only.
    #[serde(skip)]
    drifts: bool,
    /// Whether the file's size differs from the published one.
    #[serde(skip)]
    is_other: bool,
}

pub(crate) fn list(places: &Places, json: bool) -> Result<(), CommandError> {
    let (machine, gpu) = machine::this(&places.models);
    let rows = rows(places, &machine);
    if json {
        // Strings, numbers and UTF-8 paths can be written as JSON; a folder that is not UTF-8
        // cannot.
        let text = serde_json::to_string_pretty(&rows);
        say(text.map_err(|e| CommandError::Damaged(tr!("cannot write JSON: {error}", error = e)))?);
        return Ok(());
    }
    say(format!(
        "{:<36} {:>8}  {:<13} {:>8}  {:<8}  {}",
        tr!("MODEL"),
        tr!("SIZE"),
        tr!("LANGUAGES"),
        tr!("MEMORY"),
        tr!("HERE"),
        tr!("STATE")
    ));
    for row in &rows {
        say(row.line());
    }
    let name = fit::recommend(&machine).name;
    let machine = machine::describe(&machine, gpu.as_deref());
    say(format!("\n{}", tr!("Recommended here ({machine}): {name}.", machine, name)));
    say(tr!("`v2m-model pull NAME` fetches one, `v2m-model use NAME` selects it."));
    Ok(())
}

/// Prints the licences of the published models' weights.
pub(crate) fn licences() {
    say(format!("{:<36} {:<10} {}", tr!("MODEL"), tr!("LICENCE"), tr!("GRANTED BY")));
    for model in catalogue::all() {
        let (licence, by) = model.licence;
        say(format!("{:<36} {licence:<10} {by}", model.name));
    }
}

fn rows(places: &Places, machine: &Machine) -> Vec<Row> {
    let (selected, preview) = (select::selected(), select::preview());
    let installed = places.installed();
    let recommended = fit::recommend(machine).name;
    let published = catalogue::all().iter().map(|m| {
        let path = installed.iter().find(|(name, _)| name == m.name).map(|(_, path)| path.clone());
        Row {
            name: m.name.to_owned(),
            bytes: m.bytes,
            languages: Some(m.languages),
            memory_mib: Some(m.memory_mib),
            sha256: Some(m.sha256),
            licence: Some(m.licence.0),
            licensor: Some(m.licence.1),
            default: m.is_default(),
            selected: selected == m.name,
            purpose: Some(m.purpose),
            preview: preview == m.name,
            fit: Some(fit::fit(m, machine, path.is_some())),
            recommended: recommended == m.name,
            drifts: false,
            is_other: path.as_ref().is_some_and(|path| length(path) != m.bytes),
            path,
        }
    });
    let own = installed.iter().filter(|(name, _)| catalogue::find(name).is_none());
    let own = own.map(|(name, path)| Row {
        preview: preview == *name,
        ..own_row(name, path, selected == *name)
    });
    published.chain(own).collect()
}

fn own_row(name: &str, path: &Path, selected: bool) -> Row {
    // Only models in GGUF form have restrictions.
    let family = (Form::of(path) == Form::Gguf).then(|| gguf::inspect(path).ok()).flatten();
    let is_for_previews = family.as_ref().is_some_and(Summary::is_for_previews_only);
    Row {
        name: name.to_owned(),
        bytes: length(path),
        languages: inspect(path).ok().map(|summary| summary.languages),
        memory_mib: None,
        sha256: None,
        licence: None,
        licensor: None,
        default: false,
        selected,
        purpose: is_for_previews.then_some(Purpose::Preview),
        preview: false,
        fit: None,
        recommended: false,
        path: Some(path.to_owned()),
        drifts: family.is_some_and(|summary| summary.family == Family::DriftingParakeet),
        is_other: false,
    }
}

fn length(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |m| m.len())
}

impl Row {
    fn line(&self) -> String {
        let languages = match self.languages {
            Some(Languages::English) => tr!("English").to_owned(),
            Some(Languages::Multilingual) => tr!("99 languages").to_owned(),
            Some(Languages::Listed(set)) => match &set.codes()[..] {
                few if few.len() <= 4 => few.join(" "),
                many => tr!("{count} languages", count = many.len()),
            },
            None => tr!("(damaged)").to_owned(),
        };
        let memory = self.memory_mib.map_or_else(|| "?".to_owned(), |m| format!("{m} MiB"));
        let here = match self.fit {
            Some(Fit::Gpu) => "GPU",
            Some(Fit::Cpu) => tr!("model" => "fits"),
            Some(Fit::Slow) => tr!("model" => "slow"),
            Some(Fit::Memory) => tr!("model" => "too big"),
            Some(Fit::Disk) => tr!("model" => "no room"),
            None => "?",
        };
        let state = match (&self.path, self.selected) {
            (Some(_), true) => tr!("installed, selected"),
            (Some(_), false) => tr!("model" => "installed"),
            (None, true) => tr!("selected, not installed"),
            (None, false) => "",
        };
        let default = if self.default { tr!(" (default)") } else { "" };
        let recommended = if self.recommended { tr!(" (recommended)") } else { "" };
        let (name, bytes) = (&self.name, size(self.bytes));
        let other =
            if self.is_other { tr!(" (not the published file: `v2m-model verify`)") } else { "" };
        let preview = match (self.preview, self.purpose) {
            (true, _) => tr!(" (shows words while you speak)"),
            (false, Some(Purpose::Preview)) => tr!(" (only for engine.preview)"),
            (false, _) => "",
        };
        let drifts =
            if self.drifts { tr!(" (several languages, safe for English only)") } else { "" };
        let notes = format!("{state}{other}{default}{recommended}{preview}{drifts}");
        format!(
            "{name:<36} {bytes:>8}  {languages:<13} {memory:>8}  {here:<8}  {}",
            notes.trim_start()
        )
        .trim_end()
        .to_owned()
    }
}
