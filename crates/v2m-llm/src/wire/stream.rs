//! An answer's body as its parts, whatever clothes it comes in. Pure.
//!
//! By its first character it is a stream of events (the HTML standard's "server-sent events") or JSON: one whole object, or one on
//! each line. What the server calls it does not count: servers send either under any media type.

/// The parts of an answer, line by line.
#[derive(Debug, Default)]
pub struct Parts {
    form: Option<Form>,
    /// The data lines of the event under way, or the JSON so far.
    open: String,
    /// Whether the line before ended in CR: an LF alone is its other half.
    after_cr: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Events,
    Json,
    /// A web page.
    Page,
}

impl Parts {
    /// Takes a line with or without its end, which is LF, CR LF or CR: a part, if it ends with this line.
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

    /// No more lines come: a part that was not ended by one, if it may be whole.
    pub fn end(&mut self) -> Option<String> {
        let rest = std::mem::take(&mut self.open);
        (!rest.trim().is_empty()).then_some(rest)
    }

    /// Bytes of the part that is not whole yet.
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
        // Only where an object may end is it worth a look.
        let may_end = line.trim_end().ends_with(['}', ']']);
        let is_whole = || serde_json::from_str::<serde_json::Value>(&self.open).is_ok();
        (may_end && is_whole()).then(|| std::mem::take(&mut self.open))
    }

    fn event(&mut self, line: &str) -> Option<String> {
        if line.is_empty() {
            return self.end();
        }
        // Other fields and comments say nothing here.
        let data = line.strip_prefix("data:")?;
        let data = data.strip_prefix(' ').unwrap_or(data);
        // Many servers leave out the blank line, or send it late: a line that is a part by itself is one.
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
        ] {
            assert_eq!(parts(body), two, "{body}");
        }
        assert_eq!(parts("data: [DONE]\n\n"), ["[DONE]"]);
        assert_eq!(parts("[{\"a\":1}]"), ["[{\"a\":1}]"]);
        assert_eq!(parts(""), Vec::<String>::new());
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
