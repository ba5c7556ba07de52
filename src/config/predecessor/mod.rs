//! Translates the settings of voice2machine, the predecessor of v2m.
//!
//! UPDATE_CONFIG accepts them beside v2m's own, and GET_CONFIG returns them, so that a client of
//! voice2machine can read, change and write back settings. `v2m import-config` reads a whole file
//! of them. A setting without a counterpart is no error: it is reported with the reason. The names
//! are those of voice2machine's published `config.toml`, in all versions.

mod file;
mod values;

pub use file::translate_file;
use v2m_messages::tr;

use super::keys::MASK;
use super::settings::{BackendChoice, Settings, UnloadAfter};
use serde_json::{Map, Value, json};
use v2m_models::catalogue::{self, Weights};

/// Sections that v2m does not have. `whisper` stood for `transcription.whisper` in early versions.
const SECTIONS: [&str; 5] = ["transcription", "whisper", "gemini", "notifications", "paths"];

/// voice2machine's keys in the section `llm`, which v2m has too.
const IN_LLM: [&str; 3] = ["backend", "local", "ollama"];

/// A setting that has no effect in v2m.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ignored {
    /// Its full name: `gemini.max_tokens`.
    pub key: String,
    /// Why, as a sentence.
    pub reason: String,
}

/// A setting translated to one of v2m's.
#[derive(Clone, Debug, PartialEq)]
pub struct ImportedSetting {
    /// Its full name: `transcription.whisper.language`.
    pub key: String,
    /// The name of v2m's setting: `engine.language`.
    pub own: String,
    /// The new value of v2m's setting.
    pub value: Value,
}

/// A change of settings, translated to v2m's.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Translated {
    /// `{section: {key: value}}`.
    pub own: Map<String, Value>,
    /// Settings that were translated.
    pub taken: Vec<ImportedSetting>,
    /// Settings that were not.
    pub ignored: Vec<Ignored>,
}

/// Translation of one setting.
enum Fate {
    Own(&'static str, &'static str, Value),
    Ignored(String),
    /// v2m always behaves this way.
    So,
}

/// Translates voice2machine's settings in `partial`. Those equal to GET_CONFIG's answer change
/// nothing. If the same change also sets v2m's own setting, that one wins.
pub fn translate(partial: &Map<String, Value>, current: &Settings) -> Translated {
    let (old, own) = split(partial);
    let mut translated = Translated { own, ..Translated::default() };
    let answered = answer(current);
    let ours = current.to_json();
    if !old.is_empty() {
        // The client may have read all settings, changed some, and written all back.
        for (section, keys) in &mut translated.own {
            let Value::Object(keys) = keys else { continue };
            keys.retain(|name, value| ours[&*section].get(name) != Some(value));
        }
    }
    let provider = provider(&old, &translated.own, current);
    let mut leaves = Vec::new();
    for (section, value) in &old {
        collect(section, value, &mut leaves);
    }
    let compute_type = leaves
        .iter()
        .find(|(key, _)| key.ends_with("whisper.compute_type"))
        .map(|(_, v)| v.clone());
    for (key, value) in leaves {
        if at(&answered, &key) == Some(&value) {
            continue;
        }
        let detects = value.is_null() && current.engine.language.is_none();
        match fate(&key, &value, provider.as_deref(), compute_type.as_ref()) {
            Fate::So => {}
            Fate::Own(..) if detects => {}
            Fate::Ignored(reason) => translated.ignored.push(Ignored { key, reason }),
            Fate::Own(section, name, new) => {
                let table =
                    translated.own.entry(section).or_insert_with(|| Value::Object(Map::new()));
                let Value::Object(table) = table else { continue };
                match table.get(name) {
                    Some(given) if *given != new => {
                        let reason = tr!(
                            "{section}.{name} is given too, and takes precedence",
                            section,
                            name
                        );
                        translated.ignored.push(Ignored { key, reason });
                        continue;
                    }
                    _ => table.insert(name.into(), new.clone()),
                };
                let own = format!("{section}.{name}");
                translated.taken.push(ImportedSetting { key, own, value: new });
            }
        }
    }
    // The former provider's address must not be used for the new one.
    let changes_provider = translated.taken.iter().any(|taken| taken.own == "llm.provider");
    if let Some(Value::Object(llm)) = translated.own.get_mut("llm")
        && changes_provider
        && current.llm.base_url.is_some()
    {
        llm.entry("base_url").or_insert_with(|| "".into());
    }
    translated
}

/// Returns v2m's current settings as voice2machine's, for GET_CONFIG.
pub(super) fn answer(settings: &Settings) -> Map<String, Value> {
    let engine = &settings.engine;
    let (_, weights) = catalogue::split_weights(&engine.model);
    let compute_type = if weights == Weights::F16 { "float16" } else { "int8" };
    let device = match engine.backend {
        BackendChoice::Cuda => "cuda",
        BackendChoice::Cpu => "cpu",
        BackendChoice::Auto | BackendChoice::Vulkan | BackendChoice::Remote => "auto",
    };
    let llm = &settings.llm;
    let name = llm.provider.map(v2m_ipc::llm::Provider::name);
    let model = |provider: &str| name.filter(|n| *n == provider).map_or("", |_| &llm.model);
    let whisper = json!({
        "model": engine.model,
        "language": engine.language.as_deref().unwrap_or("auto"),
        "device": device,
        "compute_type": compute_type,
        "beam_size": engine.beam_size,
        "temperature": 0.0,
        "vad_filter": true,
        "keep_warm": engine.unload_after == UnloadAfter::Never,
        "audio_device_index": Value::Null,
    });
    let sections = json!({
        "transcription": {"backend": "whisper", "whisper": whisper},
        "gemini": {
            "model": model("gemini"),
            "temperature": llm.temperature,
            "request_timeout": llm.timeout_seconds,
            "api_key": MASK,
        },
        "notifications": {"auto_dismiss": true},
        "llm": {
            "backend": name.unwrap_or("none"),
            "ollama": {
                "host": llm.base_url.as_deref().filter(|_| name == Some("ollama")).unwrap_or_default(),
                "model": model("ollama"),
                "temperature": llm.temperature,
            },
        },
    });
    match sections {
        Value::Object(sections) => sections,
        _ => Map::new(),
    }
}

/// Returns `settings` for GET_CONFIG: v2m's own, and voice2machine's beside them.
pub fn with_predecessors(settings: &Settings) -> Value {
    let mut all = settings.to_json();
    for (section, value) in answer(settings) {
        match (&mut all[&section], value) {
            (Value::Object(own), Value::Object(more)) => own.extend(more),
            (place, value) => *place = value,
        }
    }
    all
}

/// Splits into voice2machine's sections and v2m's.
fn split(partial: &Map<String, Value>) -> (Map<String, Value>, Map<String, Value>) {
    let (mut old, mut own) = (Map::new(), Map::new());
    for (section, value) in partial {
        match value {
            Value::Object(keys) if section == "llm" => {
                let (theirs, ours): (Map<_, _>, Map<_, _>) =
                    keys.clone().into_iter().partition(|(key, _)| IN_LLM.contains(&key.as_str()));
                if !theirs.is_empty() {
                    old.insert(section.clone(), Value::Object(theirs));
                }
                if !ours.is_empty() || keys.is_empty() {
                    own.insert(section.clone(), Value::Object(ours));
                }
            }
            Value::Object(_) | Value::Null if SECTIONS.contains(&section.as_str()) => {
                old.insert(section.clone(), value.clone());
            }
            _ => {
                own.insert(section.clone(), value.clone());
            }
        }
    }
    (old, own)
}

/// Collects the settings in there with their full names. Null is ignored, except for the language,
/// for which it means detection.
fn collect(name: &str, value: &Value, leaves: &mut Vec<(String, Value)>) {
    match value {
        Value::Object(keys) => {
            for (key, value) in keys {
                collect(&format!("{name}.{key}"), value, leaves);
            }
        }
        Value::Null if !name.ends_with("whisper.language") => {}
        value => leaves.push((name.to_owned(), value.clone())),
    }
}

fn at<'v>(sections: &'v Map<String, Value>, key: &str) -> Option<&'v Value> {
    let mut parts = key.split('.');
    let first = sections.get(parts.next()?)?;
    parts.try_fold(first, |value, part| value.get(part))
}

/// Returns the provider of language models after the change.
fn provider(
    old: &Map<String, Value>,
    own: &Map<String, Value>,
    current: &Settings,
) -> Option<String> {
    let now = current.llm.provider.map(|provider| provider.name().to_owned());
    let own = own.get("llm").and_then(|llm| llm["provider"].as_str());
    let old = old.get("llm").and_then(|llm| llm["backend"].as_str());
    let changed = [own, old].into_iter().flatten().find(|name| now.as_deref() != Some(name));
    changed.map(str::to_owned).or(now)
}

fn fate(key: &str, value: &Value, provider: Option<&str>, compute_type: Option<&Value>) -> Fate {
    let ignored = |reason: &str| Fate::Ignored(reason.to_owned());
    let own = |section, name| Fate::Own(section, name, value.clone());
    let key = key.strip_prefix("transcription.").unwrap_or(key);
    let of = |wanted: &'static str, fate: Fate| match provider {
        Some(name) if name == wanted => fate,
        Some(name) => Fate::Ignored(tr!(
            "this is for the language model of {wanted}, and v2m uses that of {name}",
            wanted,
            name
        )),
        None => Fate::Ignored(tr!(
            "no language model is set up; set llm.provider to \"{wanted}\" first",
            wanted
        )),
    };
    match key {
        "backend" if value == "whisper" => Fate::So,
        "backend" => ignored(tr!("engine.model decides which program recognises speech")),
        "whisper.model" => values::model(value, compute_type),
        "whisper.language" if value.is_null() => Fate::Own("engine", "language", "auto".into()),
        "whisper.language" => own("engine", "language"),
        "whisper.device" => values::device(value),
        "whisper.beam_size" => Fate::Own("engine", "beam_size", values::whole(value)),
        "whisper.compute_type" => {
            ignored(tr!("the model's name says it: base-q8_0 has 8 bits a weight, base 16"))
        }
        "whisper.keep_warm" => {
            let after = if value == &Value::Bool(true) { "never" } else { "auto" };
            Fate::Own("engine", "unload_after", after.into())
        }
        "whisper.vad_filter" if value == &Value::Bool(true) => Fate::So,
        "whisper.vad_filter" => ignored(tr!(
            "v2m always looks for voice first, and decodes nothing where there is none"
        )),
        "whisper.temperature" if value.as_f64() == Some(0.0) => Fate::So,
        "whisper.temperature" | "whisper.best_of" => ignored(tr!(
            "v2m takes the likeliest text, and uses chance only if that one is unusable"
        )),
        "whisper.audio_device_index" => ignored(tr!(
            "PipeWire's devices have names, not numbers: set capture.source (wpctl status --name)"
        )),
        "whisper.device_index" if value.as_i64() == Some(0) => Fate::So,
        "whisper.device_index" => ignored(v2m_messages::text(values::FIRST_GPU)),
        "whisper.num_workers" => {
            ignored(tr!("v2m decodes one piece at a time; threads: engine.threads"))
        }
        "gemini.model" => {
            let name = value.as_str().map(|name| name.strip_prefix("models/").unwrap_or(name));
            of("gemini", Fate::Own("llm", "model", name.map_or(value.clone(), Value::from)))
        }
        "gemini.temperature" => of("gemini", own("llm", "temperature")),
        "gemini.request_timeout" => {
            of("gemini", Fate::Own("llm", "timeout_seconds", values::whole(value)))
        }
        "gemini.api_key" if value == MASK => Fate::So,
        "gemini.api_key" => ignored(tr!(
            "keys do not belong in the configuration: put it into ~/.config/v2m/gemini.key, readable by you alone"
        )),
        "gemini.max_input_chars" => ignored(tr!("a text may have 128 KiB")),
        "gemini.max_tokens" | "llm.local.max_tokens" => {
            ignored(tr!("an answer may be about as long as the text needs"))
        }
        "llm.backend" => match value.as_str() {
            Some("gemini" | "ollama" | "none") => own("llm", "provider"),
            Some("local") => ignored(tr!(
                "v2m runs no language model itself: use Ollama (llm.provider = \"ollama\") or llama.cpp's server \
                 (llm.provider = \"openai\" and its address as llm.base_url)"
            )),
            _ => ignored(tr!("v2m knows no such provider; see llm.provider")),
        },
        "llm.ollama.host" => of("ollama", Fate::Own("llm", "base_url", values::host(value))),
        "llm.ollama.model" => of("ollama", own("llm", "model")),
        "llm.ollama.temperature" => of("ollama", own("llm", "temperature")),
        "llm.ollama.keep_alive" => {
            ignored(tr!("Ollama decides it: OLLAMA_KEEP_ALIVE in its environment"))
        }
        "notifications.auto_dismiss" if value == &Value::Bool(true) => Fate::So,
        _ => Fate::Ignored(by_section(key).into()),
    }
}

fn by_section(key: &str) -> &'static str {
    let within = |section: &str| key.starts_with(section);
    if within("whisper.vad_parameters.") {
        tr!("v2m finds voice and pauses by limits of its own")
    } else if within("gemini.retry_") {
        tr!("v2m asks once, and reports what went wrong")
    } else if within("llm.local.") {
        tr!("v2m runs no language model itself")
    } else if within("notifications.") {
        tr!("v2m's notifications go by themselves; feedback.notify turns them off")
    } else if within("paths.") {
        tr!("v2m keeps its files in the XDG folders (man v2m)")
    } else {
        tr!("v2m has no such setting")
    }
}

#[cfg(test)]
mod tests;
