//! Formats values for display and input, and parses them.

use serde_json::{Map, Value};
use v2m::config::{Explained, Kind};
use v2m_ipc::value;
use v2m_messages::tr;

/// Formats the value on one line for input: texts without quotes, lists and tables without
/// brackets.
pub(crate) fn typed(kind: &Kind, value: &Value) -> String {
    match (kind, value) {
        (_, Value::String(text)) => text.clone(),
        (Kind::List, Value::Array(items)) => items.iter().map(item).collect::<Vec<_>>().join(", "),
        (Kind::Table, Value::Object(entries)) => {
            let entry = |(name, value): (&String, &Value)| {
                format!("{} = {}", item(&Value::from(name.as_str())), item(value))
            };
            entries.iter().map(entry).collect::<Vec<_>>().join(", ")
        }
        (_, value) => value.to_string(),
    }
}

/// Formats a text in a list or table, in quotes if it would otherwise be read as something else.
fn item(value: &Value) -> String {
    let is_simple = |text: &str| {
        let plain = |c: char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_' | '.' | '\'');
        text.starts_with(char::is_alphabetic)
            && text.chars().all(plain)
            && text.trim() == text
            && value::read(text).as_ref() == Ok(value)
    };
    match value {
        Value::String(text) if is_simple(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Parses the typed text, without checking the value.
///
/// # Errors
/// Why it cannot be parsed, for the user.
pub(crate) fn read(kind: &Kind, text: &str) -> Result<Value, String> {
    match kind {
        Kind::Text | Kind::Choice(_) => Ok(Value::from(text.trim())),
        Kind::Flag | Kind::Number => value::read(text),
        Kind::List => value::read(&format!("[{text}]")),
        Kind::Table if text.trim().is_empty() => Ok(Value::Object(Map::new())),
        Kind::Table => value::read(&format!("{{{text}}}")),
    }
}

/// Formats the value for the list of settings.
pub(crate) fn shown(key: &Explained) -> String {
    match typed(&key.kind, &key.value) {
        empty if empty.is_empty() => tr!("(empty)").to_owned(),
        text => text,
    }
}

/// Returns the update that leaves exactly these entries in the table: removed ones are null.
pub(crate) fn replacing(old: &Value, new: Value) -> Value {
    match (old, new) {
        (Value::Object(old), Value::Object(mut new)) => {
            for name in old.keys() {
                new.entry(name).or_insert(Value::Null);
            }
            Value::Object(new)
        }
        (_, new) => new,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_shown_is_read_again() {
        for (kind, value, shown) in [
            (Kind::Text, json!("auto"), "auto"),
            (Kind::Text, json!(""), ""),
            (Kind::Flag, json!(true), "true"),
            (Kind::Number, json!(2.5), "2.5"),
            (Kind::List, json!([]), ""),
            (Kind::List, json!(["PipeWire", "Ana María"]), "PipeWire, Ana María"),
            (Kind::List, json!(["a, b", "7", "true"]), r#""a, b", "7", "true""#),
            (Kind::Table, json!({"v two m": "v2m", "x = y": "z"}), r#"v two m = v2m, "x = y" = z"#),
            (Kind::Table, json!({}), ""),
        ] {
            assert_eq!(typed(&kind, &value), shown);
            assert_eq!(read(&kind, shown), Ok(value), "{shown}");
        }
        assert!(read(&Kind::List, "\"open").is_err());
    }

    #[test]
    fn entries_that_go_are_null() {
        let new = replacing(&json!({"a": "1", "b": "2"}), json!({"b": "3"}));
        assert_eq!(new, json!({"a": null, "b": "3"}));
        assert_eq!(replacing(&json!(1), json!(2)), json!(2));
    }
}
