//! Makes a sentence of a part of one.

/// The text with its first letter in upper case. What opens a question or an exclamation in Spanish
/// may stand before it.
#[must_use]
pub fn capitalised(text: &str) -> String {
    let rest = text.trim_start_matches(['¿', '¡']);
    let opening = &text[..text.len() - rest.len()];
    let mut chars = rest.chars();
    let first = chars.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    format!("{opening}{first}{}", chars.as_str())
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
