//! Splits an answer's body into its parts, whatever form it has. Pure.
//!
//! The first character shows whether it is a stream of events (the HTML standard's "server-sent
//! events") or JSON: one whole object, or one on each line. The media type is ignored, because
//! servers send either form with any type.

/// Collects the parts of an answer, line by line.
#[derive(Debug, Default)]
pub struct Parts {
    form: Option<Form>,
    /// The data lines of the unfinished event, or the JSON so far.
    open: String,
    /// The nesting at the end of the JSON so far.
    nesting: Nesting,
    /// Whether the last line ended in CR. A following LF belongs to it.
    after_cr: bool,
}

/// The nesting depth of a place in JSON, updated with each line. Parsing everything again at each
/// line would take time that grows with the square of the number of lines.
#[derive(Debug, Default)]
struct Nesting {
    depth: usize,
    in_text: bool,
    /// Whether the last character was a backslash within a string.
    escaped: bool,
}

impl Nesting {
    /// Whether an object or a list ends with this line.
    fn ends_with(&mut self, line: &str) -> bool {
        let mut ends = false;
        for byte in line.bytes() {
            match (self.in_text, byte) {
                (true, _) if self.escaped => self.escaped = false,
                (true, b'\\') => self.escaped = true,
                (_, b'"') => self.in_text = !self.in_text,
                (false, b'{' | b'[') => self.depth += 1,
                (false, b'}' | b']') => {
                    self.depth = self.depth.saturating_sub(1);
                    ends = true;
                }
                (true | false, _) => {}
            }
        }
        ends && self.depth == 0
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Events,
    Json,
    /// A web page.
    Page,
}

impl Parts {
    /// Takes a line with or without its end, which is LF, CR LF or CR. Returns a part if it ends
    /// with this line.
    pub fn line(&mut self, line: &str) -> Option<String> {
        let is_other_half =
            std::mem::replace(&mut self.after_cr, line.ends_with('\r')) && line == "\n";
        if is_other_half {
            return None;
        }
        let line = if self.form.is_none() { line.trim_start_matches('\u{feff}') } else { line };
        let line = line.trim_end_matches(['\n', '\r']);
        let form = match (self.form, line.trim_start().chars().next()) {
            (Some(form), _) => form,
            (None, None) => return None,
            (None, Some('{' | '[')) => Form::Json,
            (None, Some('<')) => Form::Page,
            (None, Some(_)) => Form::Events,
        };
        self.form = Some(form);
        match form {
            Form::Page => None,
            Form::Json => self.json(line),
            Form::Events => self.event(line),
        }
    }

    /// Ends the input. Returns a last part without a line end, which may be complete.
    pub fn end(&mut self) -> Option<String> {
        let rest = std::mem::take(&mut self.open);
        (!rest.trim().is_empty()).then_some(rest)
    }

    /// Returns the size of the unfinished part in bytes.
    pub fn pending(&self) -> usize {
        self.open.len()
    }

    /// Whether it is a web page.
    pub fn is_page(&self) -> bool {
        self.form == Some(Form::Page)
    }

    fn json(&mut self, line: &str) -> Option<String> {
        self.open.push_str(line);
        self.open.push('\n');
        self.nesting.ends_with(line).then(|| {
            self.nesting = Nesting::default();
            std::mem::take(&mut self.open)
        })
    }

    fn event(&mut self, line: &str) -> Option<String> {
        if line.is_empty() {
            return self.end();
        }
        // Other fields and comments have no meaning here.
        let data = line.strip_prefix("data:")?;
        let data = data.strip_prefix(' ').unwrap_or(data);
        // Many servers leave out the blank line, or send it late. So a line that is a complete part
        // counts as one.
        if self.open.is_empty() && (data.trim() == "[DONE]" || is_json(data)) {
            return Some(data.into());
        }
        self.open.push_str(data);
        self.open.push('\n');
        None
    }
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<serde_json::Value>(text).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parts(body: &str) -> Vec<String> {
        let mut parts = Parts::default();
        let mut found: Vec<_> =
            body.split_inclusive(['\n', '\r']).filter_map(|line| parts.line(line)).collect();
        found.extend(parts.end());
        found.iter().map(|part| part.split_whitespace().collect()).collect()
    }

    #[test]
    fn parts_are_found_in_any_clothes() {
        let two = vec![r#"{"a":1}"#.to_owned(), r#"{"b":2}"#.to_owned()];
        for body in [
            "data: {\"a\":1}\n\ndata: {\"b\":2}\n\n",
            "data: {\"a\":1}\r\n\r\ndata: {\"b\":2}\r\n\r\n",
            "data: {\"a\":1}\r\rdata: {\"b\":2}\r\r",
            "\u{feff}data:{\"a\":1}\n\ndata:{\"b\":2}",
            "data: {\"a\":1}\ndata: {\"b\":2}\n",
            ": hi\nretry: 100\n\nevent: message\nid: 1\ndata: {\ndata: \"a\":1\ndata: }\n\ndata: {\"b\":2}\n\n",
            "data: {\r\ndata: \"a\":1\r\ndata: }\r\n\r\ndata: {\"b\":2}\r\n\r\n",
            "{\"a\":1}\n{\"b\":2}\n",
            "{\"a\":1}\r\n{\"b\":2}",
            "\n{\n \"a\": 1\n}\n{\"b\":\n2}",
            "{\"a\":1}\n\n{\"b\":\n2\n\n}\n",
        ] {
            assert_eq!(parts(body), two, "{body}");
        }
        assert_eq!(parts("data: [DONE]\n\n"), ["[DONE]"]);
        assert_eq!(parts("[{\"a\":1}]"), ["[{\"a\":1}]"]);
        assert_eq!(parts(""), Vec::<String>::new());
    }

    #[test]
    fn brackets_within_texts_end_nothing() {
        for json in [
            "{\"a\":\n\"}\",\n\"b\":\"\\\"}\"\n}",
            "{\"a\":[\n{\"b\":\"]\"}\n]\n}",
            "{\"a\":\"\\\\\",\n\"b\":{}\n}",
        ] {
            let mut parser = Parts::default();
            let found: Vec<_> = json.lines().filter_map(|line| parser.line(line)).collect();
            assert_eq!(found, [format!("{json}\n")]);
            assert!(serde_json::from_str::<serde_json::Value>(&found[0]).is_ok(), "{json}");
        }
    }

    /// Regression: each line that ended in a bracket was parsed with all lines before it.
    #[test]
    fn json_in_many_lines_is_read_once() {
        let many = format!("{{\"a\": [\n{}{{}}\n]}}\n", "{},\n[],\n{\n},\n".repeat(100_000));
        let mut parser = Parts::default();
        let mut found = many.split_inclusive('\n').filter_map(|line| parser.line(line));
        assert_eq!(found.next().map(|part| part.len()), Some(many.len()));
        assert_eq!(found.next(), None);
    }

    #[test]
    fn a_web_page_is_one() {
        let mut parts = Parts::default();
        assert_eq!(parts.line("  <!DOCTYPE html>\n"), None);
        assert_eq!((parts.line("data: {}\n"), parts.is_page()), (None, true));
    }

    proptest! {
        #[test]
        fn any_body_has_parts_or_none(body in "(data: ?|\\{|\\}|\"|\n|\r|<|,|a|:){0,40}") {
            let _ = parts(&body);
        }
    }
}
