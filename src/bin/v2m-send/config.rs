//! Settings on the command line: `section.key=value`, and their printing. `v2m_ipc::value` parses
//! values.
//!
//! Only the service knows which settings exist, and whether a value is valid.

use serde_json::{Map, Value};
use v2m_ipc::data::PREDECESSORS;
use v2m_ipc::value;
use v2m_messages::tr;

/// Parses `section.key=value` words into one partial configuration.
///
/// # Errors
/// A message for the user.
pub(crate) fn updates(words: &[String]) -> Result<Map<String, Value>, String> {
    if words.is_empty() {
        return Err(tr!("at least one SECTION.KEY=VALUE is missing").into());
    }
    let mut updates = Map::new();
    for word in words {
        let (key, text) = word.split_once('=').ok_or_else(|| {
            tr!("{word} is not SECTION.KEY=VALUE", word = format_args!("{word:?}"))
        })?;
        let value = value::read(text).map_err(|e| format!("{key}: {e}"))?;
        insert(&mut updates, key, key, value)?;
    }
    Ok(updates)
}

/// Inserts the value at `key`, which is the rest of the name `full`.
fn insert(map: &mut Map<String, Value>, key: &str, full: &str, value: Value) -> Result<(), String> {
    let (table, rest) = match key.split_once('.') {
        None => (key, None),
        Some((table, rest)) => (table, Some(rest)),
    };
    if table.is_empty() {
        let key = format_args!("{full:?}");
        return Err(tr!("{key} has an empty name in it; write SECTION.KEY=VALUE", key));
    }
    match rest {
        None if map.contains_key(table) => Err(tr!("{key} is given twice", key = full)),
        None => {
            map.insert(table.to_owned(), value);
            Ok(())
        }
        Some(rest) => match map.entry(table).or_insert_with(|| Value::Object(Map::new())) {
            Value::Object(inner) => insert(inner, rest, full, value),
            _ => {
                let key = &full[..full.len() - rest.len() - 1];
                Err(tr!("{key} is given both as a value and as a section", key))
            }
        },
    }
}

/// Finds the setting or section of that dotted name.
pub(crate) fn find<'a>(config: &'a Value, key: &str) -> Option<&'a Value> {
    key.split('.').try_fold(config, |table, name| table.get(name))
}

/// Returns the settings without the names that voice2machine gave them.
pub(crate) fn own(config: &Value) -> Value {
    let mut own = config.clone();
    for name in PREDECESSORS {
        let (section, key) = name.split_once('.').map_or((None, name), |(s, k)| (Some(s), k));
        let table = match section {
            Some(section) => own.get_mut(section),
            None => Some(&mut own),
        };
        if let Some(table) = table.and_then(Value::as_object_mut) {
            table.remove(key);
        }
    }
    own
}

/// Formats one setting's value alone, or a section's settings, each with its full name.
pub(crate) fn show(key: &str, value: &Value) -> String {
    match value {
        Value::Object(_) => listing(key, value),
        Value::String(text) => format!("{text}\n"),
        other => format!("{}\n", literal(other)),
    }
}

/// Lists all settings below `value`, one per line.
pub(crate) fn listing(prefix: &str, value: &Value) -> String {
    match value {
        Value::Object(map) => map
            .iter()
            .map(|(key, value)| {
                let dot = if prefix.is_empty() { "" } else { "." };
                listing(&format!("{prefix}{dot}{key}"), value)
            })
            .collect(),
        other => format!("{prefix} = {}\n", literal(other)),
    }
}

fn literal(value: &Value) -> String {
    match value {
        Value::Array(items) => {
            format!("[{}]", items.iter().map(literal).collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn read(words: &[&str]) -> Result<Value, String> {
        updates(&words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>()).map(Value::Object)
    }

    #[test]
    fn words_become_one_nested_table() {
        assert_eq!(
            read(&["audio.source=usb", "audio.level.max=3", "top=1"]),
            Ok(json!({"audio": {"source": "usb", "level": {"max": 3}}, "top": 1})),
        );
        for words in [
            &["audio.source"][..],
            &["=1"],
            &["audio.=1"],
            &[".a=1"],
            &["a=1", "a=2"],
            &["a=1", "a.b=2"],
            &["a.b=2", "a=1"],
        ] {
            assert!(read(words).is_err(), "{words:?}");
        }
    }

    #[test]
    fn a_refusal_names_the_whole_key() {
        for (words, told) in [
            (&["a.=1"][..], "\"a.\" has an empty name"),
            (&["a.b=1", "a.b=2"], "a.b is given twice"),
            (&["a.b=1", "a.b.c=2"], "a.b is given both"),
        ] {
            let why = read(words).unwrap_err();
            assert!(why.starts_with(told), "{words:?}: {why}");
        }
    }

    #[test]
    fn settings_are_shown_alone_or_with_their_names() {
        let config = json!({"audio": {"source": "usb", "list": ["a", 1]}, "b": {"c": true}});
        assert_eq!(show("audio.source", find(&config, "audio.source").unwrap()), "usb\n");
        assert_eq!(show("b", find(&config, "b").unwrap()), "b.c = true\n");
        assert_eq!(find(&config, "audio.source.x"), None);
        let mut lines: Vec<_> = listing("", &config).lines().map(str::to_owned).collect();
        lines.sort();
        assert_eq!(lines, [r#"audio.list = ["a", 1]"#, r#"audio.source = "usb""#, "b.c = true"]);
    }

    #[test]
    fn a_listing_has_v2ms_own_names_alone() {
        let config = json!({
            "engine": {"model": "a"},
            "llm": {"provider": "ollama", "backend": "ollama", "ollama": {"model": "b"}},
            "transcription": {"whisper": {"model": "a"}}, "gemini": {}, "notifications": {},
        });
        assert_eq!(own(&config), json!({"engine": {"model": "a"}, "llm": {"provider": "ollama"}}));
    }

    proptest! {
        #[test]
        fn what_is_shown_in_a_list_is_read_again(words in proptest::collection::vec(".{0,12}", 0..5)) {
            let list = json!(words);
            prop_assert_eq!(value::read(&literal(&list)), Ok(list));
        }
    }
}
