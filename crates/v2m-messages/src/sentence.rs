//! Makes a complete sentence from a part of one.

/// Returns the text with its first letter in upper case. In Spanish, an opening mark of a question
/// or an exclamation may precede it.
#[must_use]
pub fn capitalised(text: &str) -> String {
    let rest = text.trim_start_matches(['¿', '¡']);
    let opening = &text[..text.len() - rest.len()];
    let mut chars = rest.chars();
    let first = chars.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    format!("{opening}{first}{}", chars.as_str())
}

/// Returns the text with a full stop at its end, unless it ends with a full stop, a question mark
/// or an exclamation mark.
#[must_use]
pub fn ended(text: &str) -> String {
    let text = text.trim_end_matches('.');
    let end = if text.ends_with(['?', '!']) { "" } else { "." };
    text.to_owned() + end
}

#[test]
fn a_text_ends_with_one_mark() {
    let rows = [("did you mean x?", "did you mean x?"), ("x", "x."), ("x.", "x.")];
    for (text, sentence) in rows {
        assert_eq!(ended(text), sentence);
    }
}

#[test]
fn the_first_letter_becomes_a_capital_behind_what_opens_a_question() {
    let rows = [
        ("did you mean x?", "Did you mean x?"),
        ("¿quiso decir x?", "¿Quiso decir x?"),
        ("él", "Él"),
        ("[a] has b", "[a] has b"),
        ("", ""),
    ];
    for (text, sentence) in rows {
        assert_eq!(capitalised(text), sentence);
    }
}
