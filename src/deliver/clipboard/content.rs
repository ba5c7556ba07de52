//! The content of a clipboard: one item in several formats.

/// The content of a clipboard in each of its formats, best first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Content {
    /// The formats' names (MIME types or X11 targets, without duplicates) and the content in each.
    pub(crate) formats: Vec<(String, Vec<u8>)>,
}

/// The names under which programs ask for text: MIME types and the name that X11 programs know.
const TEXT: [&str; 3] = ["text/plain;charset=utf-8", "UTF8_STRING", "text/plain"];

/// The names of text in X11's older encodings.
const X11_TEXT: [&str; 3] = ["STRING", "TEXT", "COMPOUND_TEXT"];

/// X11 targets that are questions about a selection (ICCCM 2.6.2), not formats of it.
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

/// Whether `name` is a format.
pub(crate) fn is_format(name: &str) -> bool {
    !QUESTIONS.contains(&name)
}

/// The format by which password managers (KeePassXC and others) mark copied passwords. They clear
/// the clipboard after some seconds if they still own it. If we restored a password, we would own
/// it, and it would never be cleared.
pub(crate) const SECRET: &str = "x-kde-passwordManagerHint";

/// The content of the format [`SECRET`].
pub(crate) const SECRET_MARK: &[u8] = b"secret";

/// Whether content in these formats is a secret, which must not be remembered.
pub(crate) fn is_secret(formats: &[String]) -> bool {
    formats.iter().any(|name| name == SECRET)
}

impl Content {
    /// The most bytes of a clipboard that are remembered, in all formats together: 64 MiB. Pictures
    /// of a whole screen are smaller. Larger content is not restored, and the user is informed.
    pub(crate) const LIMIT: usize = 64 << 20;

    /// Builds the content for a text. `is_sensitive`: clipboard managers are asked not to remember
    /// it, in the way password managers ask them.
    pub(crate) fn text(text: &str, is_sensitive: bool) -> Self {
        let formats = TEXT.iter().map(|name| ((*name).to_owned(), text.as_bytes().to_vec()));
        let mark = is_sensitive.then(|| (SECRET.to_owned(), SECRET_MARK.to_vec()));
        Self { formats: formats.chain(mark).collect() }
    }

    /// Whether the content has one format only, or is text under several names. Clipboard managers
    /// that keep only one format can keep such content.
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
