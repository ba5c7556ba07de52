//! A whole configuration file of voice2machine's. Other than a client of the socket, nobody who
//! writes one can be asked what was meant: each setting in it has its fate, and none stops the
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

/// Takes all settings of a file for v2m's. v2m's own may be among them. `fits` says why a change
/// (`{section: {key: value}}`) is none that v2m can make.
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

/// Each setting in there is unknown.
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

/// v2m's own settings are taken as they are. `address` is the base URL among them.
fn tell_own(translated: &mut Translated, address: Option<&Value>) {
    let Translated { own, taken, .. } = translated;
    for (section, keys) in own {
        let Value::Object(keys) = keys else { continue };
        keys.retain(|name, value| {
            let own = format!("{section}.{name}");
            if taken.iter().any(|taken| taken.own == own) {
                return true;
            }
            // `translate` put it there, and `empty_address` does once it is known what is refused.
            if own == BASE_URL && value == "" && address != Some(value) {
                return false;
            }
            taken.push(ImportedSetting { key: own.clone(), own, value: value.clone() });
            true
        });
    }
}

/// What one of v2m's settings is to be set to.
fn value_of(translated: &Translated, own: &str) -> Option<Value> {
    translated.taken.iter().find(|taken| taken.own == own).map(|taken| taken.value.clone())
}

/// A change of some of v2m's settings, by their full names.
fn change<'c>(settings: impl IntoIterator<Item = (&'c str, &'c Value)>) -> Map<String, Value> {
    let mut change = Map::new();
    for (own, value) in settings {
        if let Some((section, name)) = own.split_once('.') {
            add(&mut change, section, name, value.clone());
        }
    }
    change
}

/// Leaves out what v2m cannot take.
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

/// Unless the new provider has an address, it gets its own service's: texts must not go to the
/// former provider's address. If that address cannot be emptied, the provider is left out.
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

/// Leaves out the settings that came for a provider that was left out.
fn leave_out_with(translated: &mut Translated, provider: &ImportedSetting) {
    let reason = tr!("{key} is not set to {value}", key = PROVIDER, value = provider.value);
    for ImportedSetting { key, own, .. } in translated.taken.clone() {
        // All of voice2machine's settings there are one provider's.
        let is_theirs = own.starts_with("llm.") && key != own;
        if is_theirs || own == "llm.model" || own == BASE_URL {
            leave_out(translated, &own, &reason);
        }
    }
}
