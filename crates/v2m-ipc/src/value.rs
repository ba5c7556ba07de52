//! Reads values of settings as users write them on a command line and in environment variables. The
//! form is similar to TOML.
//!
//! Not here: the settings' names, and whether a value is valid. Only the service knows that.

use serde_json::{Map, Value};
use v2m_messages::tr;

/// Reads a value: true, false, numbers, "strings", 'strings', `[lists]`, `{name = tables}`.
/// Anything else is a string as written, so that simple words need no second pair of quotes in a
/// shell.
///
/// # Errors
/// The error in the text, in words for the user.
pub fn read(text: &str) -> Result<Value, String> {
    let text = text.trim();
    match text.as_bytes() {
        [b'[', inner @ .., b']'] => list(&text[1..=inner.len()]),
        [b'[', ..] => Err(tr!("the list {text} has no end", text)),
        [b'{', inner @ .., b'}'] => table(&text[1..=inner.len()]),
        [b'{', ..] => Err(tr!("the table {text} has no end", text)),
        [b'"', ..] => serde_json::from_str::<String>(text)
            .map(Value::String)
            .map_err(|_| tr!("{text} is not a string in double quotes", text)),
        [b'\'', inner @ .., b'\''] if !inner.contains(&b'\'') => Ok(text[1..=inner.len()].into()),
        [b'\'', ..] => Err(tr!("{text} is not a string in single quotes", text)),
        _ => Ok(bare(text)),
    }
}

fn bare(text: &str) -> Value {
    let number = || {
        let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
        // Rust also reads words such as `inf` and `nan` as numbers, but a device may have such a
        // name.
        digits.starts_with(|c: char| c.is_ascii_digit() || c == '.').then_some(())?;
        let whole = text.parse::<i64>().ok().map(Value::from);
        whole.or_else(|| text.parse::<f64>().ok().filter(|x| x.is_finite()).map(Value::from))
    };
    match text {
        "true" => true.into(),
        "false" => false.into(),
        _ => number().unwrap_or_else(|| text.into()),
    }
}

fn list(inner: &str) -> Result<Value, String> {
    pieces(inner, false).into_iter().map(read).collect()
}

fn table(inner: &str) -> Result<Value, String> {
    let entries = pieces(inner, true).into_iter().map(entry);
    Ok(Value::Object(entries.collect::<Result<Map<_, _>, _>>()?))
}

fn entry(piece: &str) -> Result<(String, Value), String> {
    let wrong = || tr!("{text} is not NAME = VALUE", text = piece.trim());
    let piece = piece.trim();
    let (name, rest) = match piece.chars().next().filter(|c| matches!(c, '"' | '\'')) {
        Some(quote) => {
            let end = end_of_string(piece, quote).ok_or_else(wrong)?;
            let Value::String(name) = read(&piece[..end])? else { return Err(wrong()) };
            (name, &piece[end..])
        }
        None => {
            let end = piece.find('=').ok_or_else(wrong)?;
            (piece[..end].trim().to_owned(), &piece[end..])
        }
    };
    let value = rest.trim_start().strip_prefix('=').ok_or_else(wrong)?;
    if name.is_empty() { Err(wrong()) } else { Ok((name, read(value)?)) }
}

/// Returns the end of the string that begins `text` with this quote: the index after its last
/// quote.
fn end_of_string(text: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' if quote == '"' => escaped = true,
            _ if c == quote => return Some(at + 1),
            _ => {}
        }
    }
    None
}

/// Splits at the commas, except those within strings, lists and tables. As in TOML, a comma may
/// come last.
fn pieces(inner: &str, is_table: bool) -> Vec<&str> {
    let mut pieces = Vec::new();
    let (mut start, mut depth, mut quote, mut escaped) = (0, 0_u32, None, false);
    // The last character that is not a space. A quote opens a string only where a value or a name
    // begins.
    let mut before = ',';
    for (at, c) in inner.char_indices() {
        let begins = matches!(before, ',' | '[' | '{') || before == '=' && (is_table || depth > 0);
        match (quote, c) {
            _ if escaped => escaped = false,
            (Some('"'), '\\') => escaped = true,
            (Some(open), _) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') if begins => quote = Some(c),
            (None, '[' | '{') => depth += 1,
            (None, ']' | '}') => depth = depth.saturating_sub(1),
            (None, ',') if depth == 0 => {
                pieces.push(&inner[start..at]);
                start = at + 1;
            }
            (None, _) => {}
        }
        if !c.is_whitespace() {
            before = c;
        }
    }
    if !inner[start..].trim().is_empty() {
        pieces.push(&inner[start..]);
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn values_are_read_much_as_in_toml() {
        for (text, expected) in [
            ("true", json!(true)),
            ("false", json!(false)),
            ("7", json!(7)),
            ("-7", json!(-7)),
            ("0.5", json!(0.5)),
            ("1e3", json!(1000.0)),
            ("", json!("")),
            ("usb mic", json!("usb mic")),
            ("a=b", json!("a=b")),
            ("7a", json!("7a")),
            ("inf", json!("inf")),
            ("\"7\"", json!("7")),
            (r#""a \"b\" \u00e4""#, json!("a \"b\" ä")),
            ("'a\"b'", json!("a\"b")),
            ("[]", json!([])),
            ("[en, de,]", json!(["en", "de"])),
            (r#"["a, b", 'c]', 3, true, [x, [y]]]"#, json!(["a, b", "c]", 3, true, ["x", ["y"]]])),
            ("[don't, ä]", json!(["don't", "ä"])),
            ("{}", json!({})),
            (
                "{ 've dos eme' = 'v2m', btw = \"by the way\", }",
                json!({"ve dos eme": "v2m", "btw": "by the way"}),
            ),
            (
                r#"{"a = b" = ["x, y", 1], c = {d = true}}"#,
                json!({"a = b": ["x, y", 1], "c": {"d": true}}),
            ),
        ] {
            assert_eq!(read(text), Ok(expected), "{text}");
        }
        for text in [
            "[a", "\"a", "'a", "\"a\" b", "'a'b'", "[\"a]", "[[a]", "{a}", "{= 1}", "{a = 1",
            "{'a = 1}",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_value_or_an_error(text in r#"[\["',\\a1. =\]\{\}]{0,20}|.{0,20}"#) {
            let _ = read(&text);
        }
    }
}
