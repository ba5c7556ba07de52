//! Inserts a new key into the file below its documentation line, `#key = default`, if there is one.
//!
//! That line is a comment, which a TOML parser attaches to the next item, so this code searches the
//! lines of the text. A false match is possible (in a multi-line string), so the caller must check
//! the result.

/// Returns the text with `name = value` inserted below the documentation line of that key; `None`
/// if there is no such line.
pub(super) fn below(
    text: &str,
    section: &str,
    name: &str,
    value: &toml_edit::Value,
) -> Option<String> {
    let mut inside = false;
    let mut end = 0;
    for line in text.split_inclusive('\n') {
        end += line.len();
        if let Some(header) = line.trim_start().strip_prefix('[') {
            inside = header.split(']').next().map(str::trim) == Some(section);
        }
        let named = line.strip_prefix('#').and_then(|line| line.strip_prefix(name));
        if inside && named.is_some_and(|rest| rest.trim_start().starts_with('=')) {
            let (before, after) = text.split_at(end);
            let newline = if before.ends_with('\n') { "" } else { "\n" };
            return Some(format!("{before}{newline}{name} = {value}\n{after}"));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_goes_below_its_documented_line_in_its_own_section() {
        let text = "#mode = 1\n[a]\n# mode = prose\n#mode = 1\n\n[b] # here\n#mode = 2\n";
        let value = toml_edit::Value::from(7);
        let in_b = below(text, "b", "mode", &value).unwrap();
        assert_eq!(in_b, format!("{text}mode = 7\n"));
        let in_a = below(text, "a", "mode", &value).unwrap();
        assert!(in_a.contains("#mode = 1\nmode = 7\n\n[b]"), "{in_a}");
        assert_eq!(below(text, "c", "mode", &value), None);
        assert_eq!(below(text, "a", "mod", &value), None);
        assert_eq!(below("[a]\n#x = 1", "a", "x", &value).unwrap(), "[a]\n#x = 1\nx = 7\n");
    }
}
