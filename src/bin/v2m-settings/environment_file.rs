//! A file of environment variables, as systemd reads it for `EnvironmentFile=` (systemd.exec(5)).

/// Returns the assignments in order. Comments and lines without `=` are ignored.
pub(crate) fn assignments(text: &str) -> Vec<(String, String)> {
    let mut rest = text.chars().peekable();
    let mut all = Vec::new();
    while rest.peek().is_some() {
        let name = match name(&mut rest) {
            Some(name) => name,
            None => continue,
        };
        all.push((name, value(&mut rest)));
    }
    all
}

type Chars<'t> = std::iter::Peekable<std::str::Chars<'t>>;

/// Reads the name before the `=` of a line; `None` if the line is empty, a comment, or lacks a name
/// or the `=`.
fn name(rest: &mut Chars<'_>) -> Option<String> {
    let mut name = String::new();
    while let Some(c) = rest.next() {
        match c {
            '=' if name.trim().is_empty() => {
                // The line has a value and no name.
                value(rest);
                return None;
            }
            '=' => return Some(name.trim().to_owned()),
            '\n' | '\r' => return None,
            '#' | ';' if name.trim().is_empty() => {
                comment(rest);
                return None;
            }
            _ => name.push(c),
        }
    }
    None
}

/// Skips a comment to the end of its line. (Before version 254, a backslash continued it.)
fn comment(rest: &mut Chars<'_>) {
    rest.find(|c| matches!(c, '\n' | '\r'));
}

/// Reads the value after the `=`, to the end of the line, which a backslash or quotes continue.
/// Quotes are special only at its beginning and after other quotes.
fn value(rest: &mut Chars<'_>) -> String {
    let mut value = String::new();
    let mut is_plain = false;
    // Trailing white space is dropped, unless it is quoted or follows a backslash.
    let mut kept = 0;
    while let Some(c) = rest.next() {
        match c {
            '\n' | '\r' => break,
            '\\' => {
                // A backslash at the end of a line continues it.
                value.extend(rest.next().filter(|c| !matches!(c, '\n' | '\r')));
                is_plain = true;
                kept = value.len();
            }
            '\'' | '"' if !is_plain => {
                quoted(c, rest, &mut value);
                kept = value.len();
            }
            c if c.is_ascii_whitespace() && !is_plain => {}
            c => {
                value.push(c);
                is_plain = true;
                if !c.is_ascii_whitespace() {
                    kept = value.len();
                }
            }
        }
    }
    value.truncate(kept);
    value
}

/// Reads quoted text, possibly over several lines.
fn quoted(quote: char, rest: &mut Chars<'_>, value: &mut String) {
    while let Some(c) = rest.next() {
        match c {
            c if c == quote => return,
            '\\' if quote == '"' => match rest.next() {
                Some(c @ ('"' | '\\' | '`' | '$')) => value.push(c),
                Some('\n') | None => {}
                Some(c) => value.extend(['\\', c]),
            },
            c => value.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_as_systemd_reads_it() {
        for (text, value) in [
            ("A=b", "b"),
            (" A = b c \n", "b c"),
            ("A=\n", ""),
            ("A=\"b  \"  \n", "b  "),
            ("A='b \\n $c'\n", "b \\n $c"),
            ("A=\"b\\\"c\\$d\\e\"\n", "b\"c$d\\e"),
            ("A=\"b\nc\"\n", "b\nc"),
            ("A=b\\\nc\n", "bc"),
            ("A=b\\ \n", "b "),
            ("A=b\\\\c\n", "b\\c"),
            ("A=b'c'\"\n", "b'c'\""),
            ("A='b' \"c\" d \n", "bcd"),
            ("# A=c\n  # A=d\nA=b # no comment\n", "b # no comment"),
            ("; A=c\n\nnothing\n=c\nA=[\"es\"]\n", "[\"es\"]"),
            ("A='[\"es\", \"en\"]'\r\n", "[\"es\", \"en\"]"),
        ] {
            assert_eq!(assignments(text), [("A".to_owned(), value.to_owned())], "{text:?}");
        }
        assert!(assignments("").is_empty());
        assert!(assignments("# only\n;words\n").is_empty());
        let names = |text| assignments(text).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
        assert_eq!(names("A=1\nB='2'\nC=\"3\"\nD=4"), ["A", "B", "C", "D"]);
    }
}
