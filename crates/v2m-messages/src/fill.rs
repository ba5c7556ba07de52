//! Puts values into a message.

use std::fmt::{Display, Write as _};

/// Replaces each `{name}` with its value. `{{` and `}}` become braces. A placeholder without a
/// value stays as it is: a wrong translation must not suppress the message.
#[must_use]
pub fn fill(template: &str, values: &[(&str, &dyn Display)]) -> String {
    let mut filled = String::with_capacity(template.len() * 2);
    let mut rest = template;
    while let Some(at) = rest.find(['{', '}']) {
        let (before, from) = rest.split_at(at);
        filled.push_str(before);
        rest = if let Some(after) = from.strip_prefix("{{").or_else(|| from.strip_prefix("}}")) {
            filled.push_str(&from[..1]);
            after
        } else {
            match placeholder(from, values) {
                Some((value, after)) => {
                    // Writing to a string cannot fail. A value's own Display may fail, and then
                    // shows less.
                    let _ = write!(filled, "{value}");
                    after
                }
                None => {
                    filled.push_str(&from[..1]);
                    &from[1..]
                }
            }
        };
    }
    filled.push_str(rest);
    filled
}

/// Returns the value of the placeholder at the start of `text`, and the text after it.
fn placeholder<'a, 'v>(
    text: &'a str,
    values: &[(&str, &'v dyn Display)],
) -> Option<(&'v dyn Display, &'a str)> {
    let (name, after) = text.strip_prefix('{')?.split_once('}')?;
    let (_, value) = values.iter().find(|(known, _)| *known == name)?;
    Some((*value, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_values_and_braces_stay() {
        let values: [(&str, &dyn Display); 2] = [("path", &"/a{b}"), ("n", &3)];
        let rows = [
            ("{n} at {path}", "3 at /a{b}"),
            ("{path}{n}", "/a{b}3"),
            ("{{n}} is {n}", "{n} is 3"),
            ("write [a] = {{b = {n}}}", "write [a] = {b = 3}"),
            ("no such {name}", "no such {name}"),
            ("{", "{"),
            ("a } and {n", "a } and {n"),
            ("", ""),
            ("ñ{n}ñ", "ñ3ñ"),
        ];
        for (template, filled) in rows {
            assert_eq!(fill(template, &values), filled);
        }
    }
}
