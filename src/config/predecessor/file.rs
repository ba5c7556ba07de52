//! Translates a whole configuration file of voice2machine. Unlike with a client of the socket,
//! nobody can be asked for the intent: each setting is judged by itself, and none prevents the
//! others.

use super::{Ignored, ImportedSetting, Translated, collect, split, translate};
use crate::config::settings::Settings;
use serde_json::{Map, Value, json};
use v2m_ipc::llm::Provider;
use v2m_messages::{mark, tr};

const UNKNOWN: &str = mark!("v2m has no such setting");
const SECRET: &str =
    mark!("keys do not belong in the configuration: man v2m-llm says where v2m looks for them");

const PROVIDER: &str = "llm.provider";
const BASE_URL: &str = "llm.base_url";

/// Translates all settings of a file to v2m's. v2m's own may be among them. `fits` returns why v2m
/// cannot make a change (`{section: {key: value}}`).
pub fn translate_file(
    given: &Map<String, Value>,
    current: &Settings,
    fits: impl Fn(&Map<String, Value>) -> Result<(), String>,
) -> Translated {
    let (theirs, own) = split(given);
    let mut known = theirs;
    let mut ignored = Vec::new();
    let ours = current.to_json();
    for (section, value) in own {
        match value {
            Value::Object(keys) if ours.get(&section).is_some() => {
                for (name, value) in keys {
                    if ours[&section].get(&name).is_some() {
                        add(&mut known, &section, &name, value);
                    } else {
                        forget(&format!("{section}.{name}"), &value, &mut ignored);
                    }
                }
            }
            value => forget(&section, &value, &mut ignored),
        }
    }
    let mut translated = translate(&known, current);
    let address = known.get("llm").and_then(|llm| llm.get("base_url"));
    tell_own(&mut translated, address);
    let now = current.llm.provider.map_or("none", Provider::name);
    let changes = |taken: &&ImportedSetting| taken.own == PROVIDER && taken.value != now;
    let provider = translated.taken.iter().find(changes).cloned();
    let address = address.cloned().or_else(|| value_of(&translated, BASE_URL));
    refuse(&mut translated, &fits);
    if let Some(provider) = provider {
        let former = current.llm.base_url.as_ref().is_some_and(|url| address != Some(json!(url)));
        if former {
            empty_address(&mut translated, &provider, &fits);
        }
        if value_of(&translated, PROVIDER).is_none() {
            leave_out_with(&mut translated, &provider);
        }
    }
    ignored.append(&mut translated.ignored);
    translated.ignored = ignored;
    translated
}

fn add(sections: &mut Map<String, Value>, section: &str, name: &str, value: Value) {
    let table = sections.entry(section).or_insert_with(|| Value::Object(Map::new()));
    if let Value::Object(table) = table {
        table.insert(name.into(), value);
    }
}

/// Reports each setting in there as unknown.
fn forget(name: &str, value: &Value, ignored: &mut Vec<Ignored>) {
    let mut leaves = Vec::new();
    collect(name, value, &mut leaves);
    if leaves.is_empty() {
        leaves.push((name.into(), Value::Null));
    }
    let reason =
        |key: &str| v2m_messages::text(if key.ends_with("api_key") { SECRET } else { UNKNOWN });
    let unknown = |(key, _): (String, _)| Ignored { reason: reason(&key).into(), key };
    ignored.extend(leaves.into_iter().map(unknown));
}

/// Accepts v2m's own settings unchanged. `address` is their base URL.
fn tell_own(translated: &mut Translated, address: Option<&Value>) {
    let Translated { own, taken, .. } = translated;
    for (section, keys) in own {
        let Value::Object(keys) = keys else { continue };
        keys.retain(|name, value| {
            let own = format!("{section}.{name}");
            if taken.iter().any(|taken| taken.own == own) {
                return true;
            }
            // `translate` added it; `empty_address` adds it once it is known which settings are
            // refused.
            if own == BASE_URL && value == "" && address != Some(value) {
                return false;
            }
            taken.push(ImportedSetting { key: own.clone(), own, value: value.clone() });
            true
        });
    }
}

/// Returns the new value of one of v2m's settings.
fn value_of(translated: &Translated, own: &str) -> Option<Value> {
    translated.taken.iter().find(|taken| taken.own == own).map(|taken| taken.value.clone())
}

/// Builds a change of some of v2m's settings from their full names.
fn change<'c>(settings: impl IntoIterator<Item = (&'c str, &'c Value)>) -> Map<String, Value> {
    let mut change = Map::new();
    for (own, value) in settings {
        if let Some((section, name)) = own.split_once('.') {
            add(&mut change, section, name, value.clone());
        }
    }
    change
}

/// Removes settings that v2m cannot accept.
fn refuse(translated: &mut Translated, fits: impl Fn(&Map<String, Value>) -> Result<(), String>) {
    for ImportedSetting { own, value, .. } in translated.taken.clone() {
        if let Err(reason) = fits(&change([(own.as_str(), &value)])) {
            leave_out(translated, &own, &reason);
        }
    }
}

fn leave_out(translated: &mut Translated, own: &str, reason: &str) {
    for ImportedSetting { key, .. } in translated.taken.extract_if(.., |taken| taken.own == own) {
        translated.ignored.push(Ignored { key, reason: reason.into() });
    }
    if let Some((section, name)) = own.split_once('.')
        && let Some(Value::Object(table)) = translated.own.get_mut(section)
    {
        table.remove(name);
    }
}

/// Clears the base URL unless the new provider has one, so that texts do not go to the former
/// provider's address. If it cannot be cleared, the provider is left out.
fn empty_address(
    translated: &mut Translated,
    provider: &ImportedSetting,
    fits: impl Fn(&Map<String, Value>) -> Result<(), String>,
) {
    if value_of(translated, PROVIDER).is_none() || value_of(translated, BASE_URL).is_some() {
        return;
    }
    let empty = Value::from("");
    match fits(&change([(PROVIDER, &provider.value), (BASE_URL, &empty)])) {
        Ok(()) => {
            add(&mut translated.own, "llm", "base_url", empty.clone());
            let key = provider.key.clone();
            translated.taken.push(ImportedSetting { key, own: BASE_URL.into(), value: empty });
        }
        Err(reason) => leave_out(translated, PROVIDER, &reason),
    }
}

/// Removes the settings that belong to a provider that was left out.
fn leave_out_with(translated: &mut Translated, provider: &ImportedSetting) {
    let reason = tr!("{key} is not set to {value}", key = PROVIDER, value = provider.value);
    for ImportedSetting { key, own, .. } in translated.taken.clone() {
        // All of voice2machine's settings there belong to one provider.
        let is_theirs = own.starts_with("llm.") && key != own;
        if is_theirs || own == "llm.model" || own == BASE_URL {
            leave_out(translated, &own, &reason);
        }
    }
}
