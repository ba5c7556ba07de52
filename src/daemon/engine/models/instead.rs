//! Which model to recommend instead of the configured one, as the command that selects it.

use super::Models;
use crate::config::EngineSettings;
use v2m_messages::tr;
use v2m_models::catalogue::{self, Form, Model};
use v2m_models::family::Summary;
use v2m_models::paths;

impl Models {
    /// Returns the command that selects a model that knows all these languages (ISO 639-1; empty:
    /// as many as possible): an installed one, otherwise a published one, which is fetched first.
    pub(super) fn instead(&self, model: &str, codes: &[&str]) -> String {
        let codes = if codes.is_empty() { &["en", "es"] } else { codes };
        match self.installed(model, codes) {
            Some(name) => format!("v2m-model use {name}"),
            None => pull_and_use(published(model, codes)),
        }
    }

    /// Does the same for the languages in these settings.
    pub(super) fn instead_for(&self, engine: &EngineSettings) -> String {
        let codes = match &engine.language {
            Some(code) => vec![code.as_str()],
            None => engine.languages.iter().map(String::as_str).collect(),
        };
        self.instead(&engine.model, &codes)
    }

    /// Returns the title and the body of the notification that there is no such model.
    pub(super) fn in_brief(&self, error: &paths::PathError) -> (String, String) {
        use paths::PathError::{NoAsset, NoFile, NoHome, NotAName, NotInstalled, Unknown};
        let command = self.default_instead();
        let command = first_step(&command);
        match error {
            NotInstalled { name } => (
                tr!("The model {name} is not installed", name),
                tr!("Run v2m setup, or: v2m-model pull {name}", name),
            ),
            Unknown { name, .. } | NotAName(name) => (
                tr!("There is no model {name}", name),
                match catalogue::near(name).first() {
                    Some(near) => tr!("Did you mean {near}? All: v2m-model list", near),
                    None => {
                        tr!("Choose one: v2m-model list. The default: {command}", command)
                    }
                },
            ),
            NoFile(path) => (
                tr!("The model file is missing").to_owned(),
                tr!("Use the default model: {command}\n{path}", command, path = path.display()),
            ),
            NoHome => (tr!("v2m finds no home directory").to_owned(), tr!("Set HOME.").to_owned()),
            NoAsset { name, .. } => (
                tr!("The file {name} is missing", name),
                tr!("Install v2m again: make install").to_owned(),
            ),
        }
    }

    /// Returns the command that selects the default model.
    fn default_instead(&self) -> String {
        let usual = catalogue::DEFAULT;
        match self.places.as_ref().ok().and_then(|places| places.installed_at(usual)) {
            Some(_) => format!("v2m-model use {usual}"),
            None => pull_and_use(usual),
        }
    }

    /// Returns the installed model that is most like `model`, the default one, the largest Whisper
    /// model, or one in GGUF form, if it knows these languages.
    fn installed(&self, model: &str, codes: &[&str]) -> Option<String> {
        let places = self.places.as_ref().ok()?;
        let (first, others) = codes.split_first()?;
        let mut whispers = places.whispers(first);
        for code in others {
            let knowing = places.whispers(code);
            whispers.retain(|whisper| knowing.contains(whisper));
        }
        for name in [published(model, codes), catalogue::DEFAULT] {
            if whispers.iter().any(|whisper| whisper.name == name) {
                return Some(name.to_owned());
            }
        }
        let largest = whispers.pop().map(|whisper| whisper.name);
        largest.or_else(|| self.installed_gguf(model, codes))
    }

    fn installed_gguf(&self, model: &str, codes: &[&str]) -> Option<String> {
        if !self.plain_gguf_program().is_file() {
            return None;
        }
        let knows = |summary: &Summary| {
            let knows = |code: &&str| summary.unheard(Some(code), &[]).is_none();
            !summary.is_for_previews_only() && codes.iter().all(knows)
        };
        let installed = self.places.as_ref().ok()?.installed().into_iter();
        let gguf = installed.filter(|(name, file)| name != model && Form::of(file) == Form::Gguf);
        let mut fit = gguf.filter(|(_, file)| self.summary(file).as_ref().is_some_and(knows));
        fit.next().map(|(name, _)| name)
    }
}

fn pull_and_use(name: &str) -> String {
    format!("v2m-model pull {name} && v2m-model use {name}")
}

/// Returns the first of a recommendation's commands, for a notification, which has little room.
/// `v2m-model pull` ends with the second one.
pub(super) fn first_step(commands: &str) -> &str {
    commands.split(" && ").next().unwrap_or(commands)
}

/// Returns the published Whisper model most like `model` that knows these languages.
pub(super) fn published(model: &str, codes: &[&str]) -> &'static str {
    // Only the newest Whisper models know Cantonese.
    let knows = |known: &&Model| {
        let knows = |code: &&str| known.languages.contain(code) && *code != "yue";
        known.form == Form::Ggml && codes.iter().all(knows)
    };
    let same_size = catalogue::find(&model.replacen(".en", "", 1)).filter(knows);
    let usual = || catalogue::find(catalogue::DEFAULT).filter(knows);
    same_size.or_else(usual).map_or("large-v3", |model| model.name)
}
