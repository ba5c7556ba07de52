//! Plain text: text from outside, without characters that control the program or device that shows
//! it.
//!
//! A terminal obeys control characters: OSC 52 sets the clipboard, and `ESC[201~` ends a bracketed
//! paste, so that the rest is typed into a shell. The session bus closes the connection of a
//! program that sends a NUL. Bidirectional overrides make a text read as another one ("Trojan
//! Source", CVE-2021-42574). None of them is ever dictated.
//!
//! Text is made plain where it comes in, and again at the last step before a terminal, because
//! there it may also come from another version of v2m or from a file. ARCHITECTURE.md, "Text from
//! outside", lists every place.
//!
//! | removed | why |
//! |---|---|
//! | C0 and C1 control characters and DEL, except newline and tab | terminals, D-Bus, C strings |
//! | U+202A–202E, U+2066–2069 | embeddings, overrides and isolates change the visible order of a text |
//! | U+206A–206F, U+FFF9–FFFB | deprecated format characters, and marks that hide text beside a text |
//! | U+FEFF | a byte order mark is not part of a text |
//! | U+E0000–E007F, unless they follow a black flag (U+1F3F4) | tags: a whole invisible text; in a flag's emoji they name the region |
//!
//! CR LF, CR, VT, FF and NEL become newlines. Everything else stays: zero width joiners of emoji,
//! zero width non-joiners of Persian, LRM and RLM (they only order characters without a direction
//! of their own), variation selectors, combining marks, soft hyphens.

use std::borrow::Cow;
use std::fmt;
use std::io::{self, Write};

const BLACK_FLAG: char = '\u{1f3f4}';

/// Makes the text plain. Borrows it if it was plain already. A plain text does not change.
pub fn text(text: &str) -> Cow<'_, str> {
    made(text, '\n')
}

/// Makes the text plain and puts it on one line: newlines and tabs become spaces. For names, titles
/// and log lines.
pub fn line(text: &str) -> Cow<'_, str> {
    let plain = made(text, ' ');
    if plain.contains('\t') { Cow::Owned(plain.replace('\t', " ")) } else { plain }
}

/// Makes an owned text plain, as [`text`] does.
pub fn owned(text: String) -> String {
    match self::text(&text) {
        Cow::Borrowed(_) => text,
        Cow::Owned(plain) => plain,
    }
}

/// Whether [`text`] changes nothing.
pub fn is_plain(text: &str) -> bool {
    matches!(self::text(text), Cow::Borrowed(_))
}

fn made(text: &str, newline: char) -> Cow<'_, str> {
    let is_command = |c: char| !stays(c) && !is_tag(c) || c == '\n' && newline != '\n';
    // Nearly all texts are plain already.
    if !text.contains(|c| is_command(c) || is_tag(c)) {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let (mut in_flag, mut after_cr) = (false, false);
    for c in text.chars() {
        let is_second_half = after_cr && c == '\n';
        (in_flag, after_cr) = (c == BLACK_FLAG || in_flag && is_tag(c), c == '\r');
        match c {
            '\n' if is_second_half => {}
            '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' => plain.push(newline),
            c if is_tag(c) && in_flag || stays(c) => plain.push(c),
            _ => {}
        }
    }
    if plain == text { Cow::Borrowed(text) } else { Cow::Owned(plain) }
}

fn is_tag(c: char) -> bool {
    matches!(c, '\u{e0000}'..='\u{e007f}')
}

/// Whether a character is harmless and stays. Tags are not checked here.
fn stays(c: char) -> bool {
    match c {
        '\n' | '\t' => true,
        c if c.is_control() || is_tag(c) => false,
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{206f}' => false,
        '\u{fff9}'..='\u{fffb}' | '\u{feff}' => false,
        _ => true,
    }
}

/// Writes plain text and a newline to standard output.
///
/// # Errors
/// Standard output's errors, for example if its reader is gone.
pub fn print(text: impl fmt::Display) -> io::Result<()> {
    write(&mut io::stdout().lock(), &format!("{text}\n"))
}

/// Writes plain text and a newline to standard error. Errors are ignored: there is no other place
/// to report them.
pub fn complain(text: impl fmt::Display) {
    let _ = write(&mut io::stderr().lock(), &format!("{text}\n"));
}

/// Writes plain text, in one piece, to an output that may be a terminal.
///
/// # Errors
/// The writer's errors.
pub fn write(to: &mut impl Write, text: &str) -> io::Result<()> {
    to.write_all(self::text(text).as_bytes())?;
    to.flush()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_commands_is_removed() {
        for (given, plain) in [
            ("a\0b", "ab"),
            ("a\u{1b}]52;c;aGk=\u{7}b", "a]52;c;aGk=b"),
            ("ls\u{1b}[201~\nrm", "ls[201~\nrm"),
            ("a\u{9b}201~b\u{90}c\u{7f}", "a201~bc"),
            ("if (\u{202e}nimda\u{2066} // \u{2069})", "if (nimda // )"),
            ("a\r\nb\rc\u{b}d\u{c}e\u{85}f\r\r\n", "a\nb\nc\nd\ne\nf\n\n"),
            ("\u{feff}a\u{fff9}b\u{fffa}c\u{fffb}\u{206a}", "abc"),
            ("a\u{e0068}\u{e0069}\u{e007f}b\u{e0001}", "ab"),
        ] {
            assert_eq!(text(given), plain, "{given:?}");
            assert!(!is_plain(given) && is_plain(plain));
            assert_eq!(owned(given.to_owned()), plain);
        }
        assert_eq!(line("a\tb\nc\r\nd\0"), "a b c d");
    }

    #[test]
    fn what_is_written_stays() {
        for given in [
            "Grüße — “€5” ¿qué? ñ\n\tend",
            // A family, dark skin, the rainbow flag, England, a keycap, a heart.
            "👩‍👩‍👧‍👦 👍🏿 🏳️‍🌈 🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f} 1️⃣ ❤️",
            "مرحبا بالعالم، ١٢٣ (ألف)",
            "שלום עולם, \u{200f}123\u{200e}",
            // "I want" in Persian, with its zero width non-joiner.
            "می\u{200c}خواهم",
            // Devanagari with joiner and non-joiner; Thai with zero width spaces.
            "क्\u{200d}ष क्\u{200c}ष ภาษา\u{200b}ไทย",
            "e\u{301} a\u{308}\u{323} co\u{ad}operate word\u{2060}joiner",
            "日本語\u{3000}と\u{fe0e}",
            "\u{e000} \u{fffc} \u{fffd} \u{2028}",
        ] {
            assert!(is_plain(given), "{given:?}: {:?}", text(given));
        }
        assert_eq!(line("name with spaces.wav"), "name with spaces.wav");
    }

    /// Generates texts with every kind of character, often dangerous ones.
    fn any_text() -> impl Strategy<Value = String> {
        let edge = proptest::sample::select(
            &[
                '\0',
                '\u{7}',
                '\t',
                '\n',
                '\r',
                '\u{1b}',
                '\u{7f}',
                '\u{85}',
                '\u{9b}',
                '\u{200c}',
                '\u{200d}',
                '\u{202d}',
                '\u{202e}',
                '\u{2066}',
                '\u{2069}',
                '\u{feff}',
                '🏴',
                '\u{e0067}',
                '\u{e007f}',
                'م',
                'a',
            ][..],
        );
        proptest::collection::vec(prop_oneof![edge, any::<char>()], 0..60)
            .prop_map(|chars| chars.into_iter().collect())
    }

    proptest! {
        #[test]
        fn nothing_is_left_that_commands(given in any_text()) {
            let plain = text(&given);
            for c in plain.chars() {
                prop_assert!(!c.is_control() || matches!(c, '\n' | '\t'), "{c:?}");
                prop_assert!(!matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'), "{c:?}");
            }
            let line = line(&given);
            prop_assert!(!line.contains(char::is_control), "{line:?}");
        }

        #[test]
        fn what_is_plain_stays_so(given in any_text()) {
            let plain = text(&given).into_owned();
            prop_assert!(is_plain(&plain), "{plain:?}");
            prop_assert_eq!(is_plain(&given), plain == given);
            let line = line(&given).into_owned();
            prop_assert_eq!(self::line(&line), line.as_str());
        }

        /// Visible characters stay, in order. Only control characters are removed, and nothing is
        /// added.
        #[test]
        fn nothing_else_is_lost(given in any_text()) {
            let kept = |c: &char| !c.is_control() && stays(*c);
            let before: String = given.chars().filter(kept).collect();
            let after: String = text(&given).chars().filter(kept).collect();
            prop_assert_eq!(before, after);
        }
    }
}
