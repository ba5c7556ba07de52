//! The settings that a desktop menu may show and change. There are no others, because a sandboxed
//! program that may talk to v2m must not be able to send texts elsewhere, which the settings of
//! language models could do.

use super::failure::CallError;
use crate::call::Microphone;
use crate::session::{Code, Failure};
use serde_json::{Map, Value};
use std::collections::HashMap;
use v2m_ipc::plain;
use v2m_messages::tr;

/// Each name on the bus, with its section and key in the configuration. All are strings.
const SETTINGS: [(&str, &str, &str); 2] =
    [("language", "engine", "language"), ("microphone", "capture", "source")];

/// The longest value, in bytes. Names of microphones have some tens of bytes, lists of languages
/// fewer.
const MAX_VALUE: usize = 1024;

/// Settings by their names on the bus.
pub(super) type Told = HashMap<String, String>;

/// Reads the settings from the effective configuration.
pub(super) fn told(config: &Value) -> Told {
    let value = |section: &str, key: &str| config[section][key].as_str().unwrap_or_default();
    let named = SETTINGS.map(|(name, section, key)| (name.into(), value(section, key).into()));
    named.into()
}

/// Returns the microphones as the bus reports them: name and description. A string that is not plain
/// text would close the connection. A microphone whose name would have to be changed for that is left
/// out, because it could not be chosen by the changed name.
pub(super) fn microphones(all: Vec<Microphone>) -> Vec<(String, String)> {
    let can_be_named = |it: &Microphone| plain::text(&it.name) == it.name;
    let told = all.into_iter().filter(can_be_named);
    told.map(|it| (it.name, plain::owned(it.description))).collect()
}

/// Returns the update of the configuration for these changes.
///
/// # Errors
/// An unknown name, or a value that is too long.
pub(super) fn update(changes: Told) -> Result<Map<String, Value>, CallError> {
    let mut update = Map::new();
    for (name, value) in changes {
        let setting = SETTINGS.iter().find(|(known, ..)| *known == name);
        let Some((_, section, key)) = setting else {
            let known = SETTINGS.map(|(known, ..)| known).join(", ");
            let name = format_args!("{name:?}");
            let text =
                tr!("ChangeSettings: there is no setting {name}; there are: {known}.", name, known);
            return Err(CallError(Failure::new(Code::BadRequest, text)));
        };
        if value.len() > MAX_VALUE {
            let text = tr!(
                "ChangeSettings: the value of {name} is longer than {limit} bytes; give a shorter one.",
                name,
                limit = MAX_VALUE
            );
            return Err(CallError(Failure::new(Code::BadRequest, text)));
        }
        let section = update.entry(*section).or_insert_with(|| Map::new().into());
        if let Value::Object(section) = section {
            section.insert((*key).to_owned(), value.into());
        }
    }
    Ok(update)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_these_settings_are_shown_and_changed() {
        let config = json!({
            "engine": {"language": "es", "model": "base-q8_0"}, "capture": {"source": ""},
            "llm": {"base_url": "http://localhost"},
        });
        let expected = [("language", "es"), ("microphone", "")].map(|(k, v)| (k.into(), v.into()));
        assert_eq!(told(&config), Told::from(expected));
        let changes = [("language".to_owned(), "en".to_owned())];
        let changed = update(Told::from(changes)).unwrap();
        assert_eq!(Value::from(changed), json!({"engine": {"language": "en"}}));
        let sly = [("base_url".to_owned(), "http://elsewhere".to_owned())];
        let CallError(refusal) = update(Told::from(sly)).unwrap_err();
        assert!(refusal.message.contains("language, microphone"), "{}", refusal.message);
        let of_length = |length| Told::from([("microphone".to_owned(), "x".repeat(length))]);
        assert!(update(of_length(MAX_VALUE)).is_ok());
        let CallError(refusal) = update(of_length(MAX_VALUE + 1)).unwrap_err();
        assert!(refusal.message.contains("microphone is longer"), "{}", refusal.message);
    }
}
