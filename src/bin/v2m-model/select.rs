//! Reads and changes the model in the configuration. Only `engine.model` is changed here.

use std::fs::{self, Permissions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use etcetera::{BaseStrategy, base_strategy::Xdg};
use toml_edit::{DocumentMut, Item, TableLike, value};
use v2m_ipc::backend::Backend;
use v2m_messages::tr;
use v2m_models::catalogue::{self, Form};
use v2m_models::family::{self, Summary, Unheard};
use v2m_models::paths::{PathError, Places};
use v2m_models::{Doing, ModelError, gguf, inspect};

use crate::failure::CommandError;
use crate::progress::say;

/// Returns the configured model, a name or a path; the default model if the configuration names
/// none or cannot be read.
pub(crate) fn selected() -> String {
    let text = config_file().ok().and_then(|path| fs::read_to_string(path).ok());
    let document = text.and_then(|text| text.parse::<DocumentMut>().ok());
    let named = document.as_ref().and_then(|d| d.get("engine")?.get("model")?.as_str());
    named.unwrap_or(catalogue::DEFAULT).to_owned()
}

/// Returns the configured preview model, a name or a path; empty if there is none.
pub(crate) fn preview() -> String {
    let text = config_file().ok().and_then(|path| fs::read_to_string(path).ok());
    let document = text.and_then(|text| text.parse::<DocumentMut>().ok());
    let named = document.as_ref().and_then(|d| d.get("engine")?.get("preview")?.as_str());
    named.unwrap_or_default().to_owned()
}

/// Whether the configuration names the model `name`, by name or by path, for the text or as the
/// preview.
pub(crate) fn is_selected(places: &Places, name: &str) -> bool {
    let names = |wanted: String| {
        let file = places.resolve(&wanted).ok();
        wanted == name || file.is_some() && file == places.installed_at(name)
    };
    names(selected()) || names(preview())
}

/// Selects `name` as the model to use.
pub(crate) fn select(places: &Places, name: &str) -> Result<(), CommandError> {
    let file = places.resolve(name)?;
    let summary = match Form::of(&file) {
        Form::Ggml => inspect(&file).map(|_| None)?,
        Form::Gguf => Some(gguf::inspect(&file)?),
    };
    if summary.as_ref().is_some_and(Summary::is_for_previews_only) {
        let reason = family::for_previews_only();
        return Err(CommandError::Refused(tr!(
            "{name} was not selected: {reason}; use it so: v2m-send config set engine.preview={name}",
            name,
            reason
        )));
    }
    let path = config_file()?;
    let text = match fs::read_to_string(&path) {
        Err(e) if e.kind() == ErrorKind::NotFound => String::new(),
        other => other.map_err(ModelError::io(Doing::Read, &path))?,
    };
    let text = with_model(&text, name).map_err(|what| ModelError::bad(&path, what))?;
    let told = summary.map(|summary| (summary, EngineKeys::of(&text)));
    if let Some((summary, keys)) = &told
        && let Some(why @ Unheard::Drifts) = keys.unheard(summary)
    {
        let reason = why.reason(summary);
        return Err(CommandError::Refused(tr!(
            "{name} was not selected: {reason}; set that first: v2m-send config set engine.language=en",
            name,
            reason
        )));
    }
    write(&path, &text)?;
    say(tr!("{name} is selected, in {path}", name, path = path.display()));
    if let Some((summary, keys)) = told {
        let detecting = places.detecting().map(|whisper| whisper.name);
        for note in keys.notes(name, &summary, has_engine, detecting.as_deref()) {
            say(note);
        }
    }
    Ok(())
}

/// Whether this backend's engine for models in GGUF form is beside this program.
fn has_engine(backend: Backend) -> bool {
    let Some(name) = backend.gguf_program() else { return false };
    let beside = std::env::current_exe().map(|program| program.with_file_name(name));
    beside.is_ok_and(|program| program.is_file())
}

/// Returns the note that the processor's engine for models in GGUF form is missing.
fn needs_engine() -> String {
    let program = "v2m-engine-gguf";
    tr!("it needs {program}: make engine-gguf install", program)
}

/// Keys of `[engine]` that a model in GGUF form may not be able to follow.
#[derive(Debug, Default)]
struct EngineKeys {
    /// Read as the daemon does: `None` is "auto".
    language: Option<String>,
    languages: Vec<String>,
    has_vocabulary: bool,
    translate: bool,
    backend: Option<String>,
}

impl EngineKeys {
    fn of(config: &str) -> Self {
        let document = config.parse::<DocumentMut>().ok();
        let engine = document.as_ref().and_then(|document| document.get("engine"));
        let setting = |key: &str| engine.and_then(|engine| engine.get(key));
        let text = |key: &str| setting(key).and_then(Item::as_str).map(str::to_owned);
        let list = |key: &str| setting(key).and_then(Item::as_array);
        let languages = list("languages").into_iter().flatten();
        Self {
            language: text("language").filter(|code| code != "auto"),
            languages: languages.filter_map(|code| code.as_str()).map(str::to_owned).collect(),
            has_vocabulary: list("vocabulary").is_some_and(|words| !words.is_empty()),
            translate: setting("translate").and_then(Item::as_bool) == Some(true),
            backend: text("backend"),
        }
    }

    fn unheard(&self, summary: &Summary) -> Option<Unheard> {
        summary.unheard(self.language.as_deref(), &self.languages)
    }

    /// Returns notes on what the model needs, and on settings that it cannot follow. `detecting`:
    /// the installed model that detects the language for it, if any.
    fn notes(
        &self,
        name: &str,
        summary: &Summary,
        has_engine: impl Fn(Backend) -> bool,
        detecting: Option<&str>,
    ) -> Vec<String> {
        let mut notes = Vec::new();
        let is_plain = has_engine(Backend::Cpu);
        let is_anywhere = is_plain || Backend::ALL.into_iter().any(&has_engine);
        match self.backend.as_deref() {
            Some("cpu") if !is_plain => notes.push(needs_engine()),
            _ if !is_anywhere => notes.push(needs_engine()),
            None | Some("auto" | "remote") if !is_plain => notes.push(
                tr!("it runs only on a GPU here; for the processor: make engine-gguf install")
                    .into(),
            ),
            _ => {}
        }
        if summary.is_for_english() {
            notes.push(tr!("{name} recognises English only", name));
        } else {
            let codes = summary.codes().join(", ");
            notes.push(tr!("{name} recognises {codes}", name, codes));
        }
        match (self.unheard(summary), &self.language) {
            (Some(Unheard::Unknown), Some(code)) => notes.push(tr!(
                "engine.language is {code}: no dictation starts until that is changed",
                code
            )),
            (Some(Unheard::Untold), _) => notes.extend(self.untold(summary, detecting)),
            (Some(why), _) => {
                let reason = why.reason(summary);
                notes.push(tr!("no dictation starts: {reason}", reason));
            }
            (None, _) => {}
        }
        if self.has_vocabulary {
            notes.push(tr!("engine.vocabulary: the model cannot be told words to expect").into());
        }
        if self.translate {
            notes.push(tr!("engine.translate has no effect").into());
        }
        let wanted = match self.backend.as_deref() {
            Some("cuda") => Some(Backend::Cuda),
            Some("vulkan") => Some(Backend::Vulkan),
            _ => None,
        };
        if let Some(wanted) = wanted.filter(|backend| !has_engine(*backend)) {
            let backend = wanted.name();
            notes.push(tr!(
                "engine.backend is {backend}: set it to auto, or: make engine-gguf-{backend} install",
                backend
            ));
        }
        notes
    }

    /// Returns how the model learns the language.
    fn untold(&self, summary: &Summary, detecting: Option<&str>) -> Vec<String> {
        if let Some(whisper) = detecting {
            return vec![tr!("the model {whisper} detects the language for it", whisper)];
        }
        let usual = catalogue::DEFAULT;
        let pull = tr!("a Whisper model would detect the language: v2m-model pull {usual}", usual);
        let known = self.languages.iter().find(|code| summary.languages.contain(code));
        let now = match known {
            Some(code) => tr!("v2m assumes {code} for each dictation", code),
            None => {
                let reason = Unheard::Untold.reason(summary);
                tr!("no dictation starts: {reason}", reason)
            }
        };
        vec![now, pull]
    }
}

/// Returns the configuration's text with `engine.model` set; everything else, including comments,
/// is unchanged.
fn with_model(text: &str, name: &str) -> Result<String, String> {
    let mut document: DocumentMut =
        text.parse().map_err(|error| tr!("is not TOML; correct that first: {error}", error))?;
    let engine = document.entry("engine").or_insert_with(toml_edit::table);
    let engine: &mut dyn TableLike =
        engine.as_table_like_mut().ok_or(tr!("`engine` is not a table; correct that first"))?;
    let mut new = value(name);
    if let (Some(old), Some(new)) =
        (engine.get("model").and_then(Item::as_value), new.as_value_mut())
    {
        // The spaces and the comment after a value belong to the value.
        *new.decor_mut() = old.decor().clone();
    }
    match engine.get_mut("model") {
        Some(model) => *model = new,
        None => drop(engine.insert("model", new)),
    }
    Ok(document.to_string())
}

fn config_file() -> Result<PathBuf, PathError> {
    let xdg = Xdg::new().map_err(|_| PathError::NoHome)?;
    // The service uses the same variable.
    let named = std::env::var_os("V2M_CONFIG").filter(|path| !path.is_empty());
    Ok(named.map_or_else(|| xdg.config_dir().join("v2m/config.toml"), PathBuf::from))
}

/// Writes the file whole or not at all, through a symbolic link if people keep it elsewhere. The
/// file keeps its permissions; a new one gets 0600.
fn write(path: &Path, text: &str) -> Result<(), ModelError> {
    let path = &fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    if let Some(folder) = path.parent() {
        let created = fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
        created.map_err(ModelError::io(Doing::Create, folder))?;
    }
    let new = v2m_files::beside(path, "new");
    let rights = fs::metadata(path).map(|m| m.permissions());
    let write = || {
        let mut options = fs::OpenOptions::new();
        let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        file.write_all(text.as_bytes())?;
        file.set_permissions(rights.unwrap_or_else(|_| mode(0o600)))?;
        file.sync_all()?;
        fs::rename(&new, path)
    };
    write().map_err(ModelError::io(Doing::Write, path))
}

fn mode(bits: u32) -> Permissions {
    std::os::unix::fs::PermissionsExt::from_mode(bits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use v2m_models::family::Family;
    use v2m_models::language::{LanguageSet, Languages};

    #[test]
    fn all_but_the_models_name_stays_as_it_was() {
        let text = "# mine\n[engine] # the ear\nmodel = 'base'   # small\nthreads = 2\n\n[audio]\nsource = \"x\"\n";
        let expected = text.replace("'base'", "\"tiny.en\"");
        assert_eq!(with_model(text, "tiny.en").unwrap(), expected);
    }

    fn model(family: Family, languages: Languages) -> Summary {
        Summary { family, languages, weights: None, bytes: 1 }
    }

    #[test]
    fn what_a_model_in_gguf_form_cannot_follow_is_said() {
        let moonshine = model(Family::Moonshine, Languages::English);
        let all = EngineKeys::of("").notes("m", &moonshine, |_| true, None);
        assert_eq!(all, ["m recognises English only"]);
        let config = "[engine]\nlanguage = \"es\"\nvocabulary = [\"x\"]\ntranslate = true\nbackend = \"cuda\"";
        let only_vulkan = |config: &str| {
            let has = |backend| backend == Backend::Vulkan;
            EngineKeys::of(config).notes("m", &moonshine, has, None).join("\n")
        };
        assert!(only_vulkan("").contains("only on a GPU here"));
        assert!(only_vulkan("engine.backend = 'cpu'").contains("it needs v2m-engine-gguf"));
        assert!(!only_vulkan("engine.backend = 'vulkan'").contains("engine-gguf"));
        let all = EngineKeys::of(config).notes("m", &moonshine, |_| false, None).join("\n");
        for part in [
            "make engine-gguf install",
            "is es",
            "vocabulary",
            "translate",
            "make engine-gguf-cuda",
        ] {
            assert!(all.contains(part), "{all}");
        }
    }

    #[test]
    fn a_model_that_must_be_told_the_language_says_so() {
        let languages = Languages::Listed(LanguageSet::of(&["en", "es"]));
        let canary = model(Family::Canary, languages);
        let told = |config: &str, detecting: Option<&str>| {
            EngineKeys::of(config).notes("m", &canary, |_| true, detecting)
        };
        let notes = |config: &str| told(config, None);
        let works = ["m recognises en, es"];
        assert_eq!(notes("engine.language = 'es'"), works);
        assert_eq!(notes("engine.languages = ['es']"), works);
        for config in ["", "engine.language = 'auto'", "engine.languages = ['it', 'pt']"] {
            let alone = notes(config).join("\n");
            assert!(alone.contains("no dictation starts: it cannot detect"), "{alone}");
            assert!(alone.contains("v2m-model pull"), "{alone}");
            let beside = told(config, Some("base")).join("\n");
            assert!(beside.contains("the model base detects"), "{beside}");
            assert!(!beside.contains("no dictation"), "{beside}");
        }
        let assumed = notes("engine.languages = ['pt', 'es', 'en']").join("\n");
        assert!(assumed.contains("assumes es"), "{assumed}");
        assert!(assumed.contains("v2m-model pull"), "{assumed}");
        assert!(notes("engine.language = 'it'").join("\n").contains("is it"));
    }

    #[test]
    fn every_way_to_write_the_table_is_understood() {
        for (text, expected) in [
            ("", "[engine]\nmodel = \"m\"\n"),
            ("a = 1\n", "a = 1\n\n[engine]\nmodel = \"m\"\n"),
            ("engine.threads = 2\n", "engine.threads = 2\nengine.model = \"m\"\n"),
            ("engine = { model = \"a\" }\n", "engine = { model = \"m\" }\n"),
        ] {
            assert_eq!(with_model(text, "m").unwrap(), expected);
        }
        assert!(with_model("engine = 3", "m").unwrap_err().contains("not a table"));
        assert!(with_model("[engine", "m").unwrap_err().contains("correct that first"));
    }
}
