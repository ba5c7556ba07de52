//! What a clipboard holds: one thing in several formats.

/// Formats, best first, with what the thing is in each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Content {
    /// MIME types or X11 target names, none twice.
    pub(crate) formats: Vec<(String, Vec<u8>)>,
}

/// Names under which programs ask for text: MIME, and what X11 programs know.
const TEXT: [&str; 3] = ["text/plain;charset=utf-8", "UTF8_STRING", "text/plain"];

/// Names of text in X11's older encodings.
const X11_TEXT: [&str; 3] = ["STRING", "TEXT", "COMPOUND_TEXT"];

/// X11's questions about a selection (ICCCM 2.6.2), which are no formats of it.
const QUESTIONS: [&str; 8] = [
    "TARGETS",
    "MULTIPLE",
    "TIMESTAMP",
    "SAVE_TARGETS",
    "DELETE",
    "INSERT_SELECTION",
    "INSERT_PROPERTY",
    "ATOM_PAIR",
];

/// Whether it names a format.
pub(crate) fn is_format(name: &str) -> bool {
    !QUESTIONS.contains(&name)
}

/// Password managers mark what they put on the clipboard by this format (KeePassXC and others), and
/// take it away after some seconds if it is still theirs. Given back by us it would be ours, and
/// stay.
pub(crate) const SECRET: &str = "x-kde-passwordManagerHint";

/// What that format holds.
pub(crate) const SECRET_MARK: &[u8] = b"secret";

/// Whether what comes in these formats must not be remembered.
pub(crate) fn is_secret(formats: &[String]) -> bool {
    formats.iter().any(|name| name == SECRET)
}

impl Content {
    /// The most that is remembered of a clipboard, over all formats together: 64 MiB. Pictures of a
    /// whole screen are below it; what is larger stays where it is, and the user is told.
    pub(crate) const LIMIT: usize = 64 << 20;

    /// `is_sensitive`: clipboard managers are asked not to remember it, as password managers ask
    /// them.
    pub(crate) fn text(text: &str, is_sensitive: bool) -> Self {
        let formats = TEXT.iter().map(|name| ((*name).to_owned(), text.as_bytes().to_vec()));
        let mark = is_sensitive.then(|| (SECRET.to_owned(), SECRET_MARK.to_vec()));
        Self { formats: formats.chain(mark).collect() }
    }

    /// Whether it is one thing in one format, text under its several names included: what keepers
    /// of one format can keep.
    pub(crate) fn is_plain(&self) -> bool {
        let texts = TEXT.iter().chain(&X11_TEXT);
        let is_text = |name: &str| texts.clone().any(|text| *text == name);
        match self.formats.as_slice() {
            [] | [_] => true,
            formats => formats.iter().all(|(name, _)| is_text(name)),
        }
    }

    pub(crate) fn names(&self) -> Vec<&str> {
        self.formats.iter().map(|(name, _)| name.as_str()).collect()
    }

    pub(crate) fn get(&self, name: &str) -> Option<&[u8]> {
        self.formats.iter().find(|(known, _)| known == name).map(|(_, bytes)| bytes.as_slice())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sensitive_text_is_marked_as_password_managers_mark_passwords() {
        let names = |content: &Content| -> Vec<String> {
            content.names().into_iter().map(str::to_owned).collect()
        };
        let (plain, marked) = (Content::text("x", false), Content::text("x", true));
        assert!(!is_secret(&names(&plain)) && is_secret(&names(&marked)));
        assert_eq!(marked.get(SECRET), Some(&b"secret"[..]));
        assert_eq!(marked.formats[..plain.formats.len()], plain.formats, "it is the same text");
    }
}
