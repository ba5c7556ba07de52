//! A whole configuration file of voice2machine's. Other than a client of the socket, nobody who writes one can be asked what
//! was meant: each setting in it has its fate, and none stops the others.

use super::{Ignored, Taken, Translated, collect, split, translate};
use crate::config::settings::Settings;
use serde_json::{Map, Value};

const UNKNOWN: &str = "v2m has no such setting";
const SECRET: &str =
    "keys do not belong in the configuration: man v2m-llm tells where v2m looks for them";

/// Takes all settings of a file for v2m's. v2m's own may be among them. `fits` says why a change (`{section: {key: value}}`) is
/// none that v2m can make.
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
    tell_own(&mut translated);
    refuse(&mut translated, fits);
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
    let reason = |key: &str| if key.ends_with("api_key") { SECRET } else { UNKNOWN };
    let unknown = |(key, _): (String, _)| Ignored { reason: reason(&key).into(), key };
    ignored.extend(leaves.into_iter().map(unknown));
}

/// v2m's own settings are taken as they are.
fn tell_own(translated: &mut Translated) {
    for (section, keys) in &translated.own {
        for (name, value) in keys.as_object().into_iter().flatten() {
            let own = format!("{section}.{name}");
            // The address of the former provider is emptied by us.
            let emptied = own == "llm.base_url" && value == "";
            if !emptied && translated.taken.iter().all(|taken| taken.own != own) {
                translated.taken.push(Taken { key: own.clone(), own, value: value.clone() });
            }
        }
    }
}

/// Leaves out what v2m cannot take.
fn refuse(translated: &mut Translated, fits: impl Fn(&Map<String, Value>) -> Result<(), String>) {
    let (mut taken, mut own) = (Vec::new(), std::mem::take(&mut translated.own));
    for setting in std::mem::take(&mut translated.taken) {
        let Some((section, name)) = setting.own.split_once('.') else { continue };
        let mut change = Map::new();
        add(&mut change, section, name, setting.value.clone());
        match fits(&change) {
            Ok(()) => taken.push(setting),
            Err(reason) => {
                if let Some(Value::Object(table)) = own.get_mut(section) {
                    table.remove(name);
                }
                translated.ignored.push(Ignored { key: setting.key, reason });
            }
        }
    }
    (translated.taken, translated.own) = (taken, own);
}
