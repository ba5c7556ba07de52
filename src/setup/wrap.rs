//! Breaks lines between words, to the width of the terminal. Pure. textwrap breaks them; this says
//! what it may not break.
//!
//! Commands that the user may copy are never broken: a line end in the middle would run one half of
//! the command. The messages write a command between backquotes, or from a program's name to the
//! next punctuation mark.

use textwrap::core::{Word, display_width};
use textwrap::{Options, WordSeparator, WordSplitter, WrapAlgorithm};
use v2m_messages::verbatim;

/// The beginnings of commands in messages.
const COMMANDS: [&str; 14] = [
    "v2m-model ",
    "v2m-send ",
    "v2m check-config",
    "v2m doctor",
    "v2m settings",
    "v2m setup",
    "v2m shortcut",
    "systemctl ",
    "journalctl ",
    "gnome-extensions ",
    "swaymsg ",
    "i3-msg ",
    "wpctl ",
    verbatim!("make install"),
];

/// Breaks the lines of a text so that none is wider than `columns`. A single word or command may be
/// wider. Continued lines are indented like their first line.
pub(super) fn wrapped(text: &str, columns: usize) -> String {
    text.split('\n').map(|line| wrapped_line(line, columns)).collect::<Vec<_>>().join("\n")
}

fn wrapped_line(line: &str, columns: usize) -> String {
    // As it is: a question ends with a space, which textwrap would remove.
    if display_width(line) <= columns {
        return line.to_owned();
    }
    let content = line.trim_start_matches(' ');
    let indent = line.len() - content.len();
    // The text of a numbered choice starts after its number.
    let number = content.find(". ").filter(|end| is_number(&content[..*end]));
    let hanging = indent + number.map_or(0, |end| end + 2);
    let hanging = if hanging < columns / 2 { hanging } else { 0 };
    let (first, next) = (" ".repeat(indent), " ".repeat(hanging));
    let options = Options::new(columns)
        .initial_indent(&first)
        .subsequent_indent(&next)
        .word_separator(WordSeparator::Custom(pieces))
        .word_splitter(WordSplitter::NoHyphenation)
        .wrap_algorithm(WrapAlgorithm::FirstFit)
        .break_words(false);
    textwrap::fill(content, options)
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Splits a line into its words and commands.
fn pieces(line: &str) -> Box<dyn Iterator<Item = Word<'_>> + '_> {
    let mut rest = line;
    Box::new(std::iter::from_fn(move || {
        let end = piece_end(rest);
        let spaces = rest[end..].len() - rest[end..].trim_start_matches(' ').len();
        let (piece, more) = rest.split_at(end + spaces);
        rest = more;
        Some(Word::from(piece)).filter(|_| !piece.is_empty())
    }))
}

/// Returns where the word or command at the beginning of the text ends.
fn piece_end(text: &str) -> usize {
    let word_end = |from: usize| text[from..].find(' ').map_or(text.len(), |space| from + space);
    let opened = text.trim_start_matches(['(', '“', '«', '"']);
    let start = text.len() - opened.len();
    if let Some(quoted) = opened.strip_prefix('`') {
        let closing = quoted.find('`').map(|end| start + 1 + end);
        return word_end(closing.unwrap_or(0));
    }
    if is_command(opened) { start + command_end(opened) } else { word_end(0) }
}

/// Whether a text begins with a command, with or without the path of its program.
fn is_command(text: &str) -> bool {
    let word = text.split(' ').next().unwrap_or_default();
    let folder = if word.starts_with('/') { word.rfind('/').map_or(0, |at| at + 1) } else { 0 };
    COMMANDS.iter().any(|command| text[folder..].starts_with(command))
}

/// Returns where a command ends: at the punctuation mark after a word outside of the shell's
/// quotes, or at the end of the line.
fn command_end(text: &str) -> usize {
    let end = |respects_quotes: bool| {
        let (mut is_quoted, mut before) = (false, ' ');
        for (at, c) in text.char_indices() {
            is_quoted ^= respects_quotes && c == '\'';
            if c == ' ' && !is_quoted && ".,;:)”»".contains(before) {
                return (at, false);
            }
            before = c;
        }
        (text.len(), is_quoted)
    };
    match end(true) {
        // The last one was an apostrophe.
        (_, true) => end(false).0,
        (end, false) => end,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_between_words_and_keep_their_indent() {
        assert_eq!(wrapped("one two three", 13), "one two three");
        assert_eq!(wrapped("one two three", 12), "one two\nthree");
        assert_eq!(wrapped("one two\n\n  three four five", 12), "one two\n\n  three four\n  five");
        assert_eq!(wrapped("  1. one two three", 12), "  1. one two\n     three");
        // A word that fits on no line is left to the terminal.
        assert_eq!(wrapped("a incomprehensible b", 8), "a\nincomprehensible\nb");
        // Letters of two bytes have one column, and Chinese ones have two.
        assert_eq!(wrapped("ñandú año", 9), "ñandú año");
        assert_eq!(wrapped("日本 日本", 8), "日本\n日本");
    }

    #[test]
    fn commands_are_never_broken() {
        for (command, after) in [
            ("v2m setup --only key", ""),
            ("`v2m doctor --listen`", " checks it again"),
            ("systemctl --user restart v2m.service.", " Then see"),
            ("v2m-send config set capture.source='a, b'", ""),
            ("v2m-send config set a='x'; v2m-model rm y", ""),
            ("/opt/v2m/bin/v2m-send config get,", " or not"),
            ("(journalctl --user -u v2m)", " and more"),
            ("v2m-model list;", " the machine's"),
        ] {
            for columns in 1..90 {
                let line = format!("A few words before it: {command}{after}");
                let told = wrapped(&line, columns);
                for part in command.split_inclusive("; ").map(str::trim) {
                    assert!(told.lines().any(|line| line.contains(part)), "{columns}: {told}");
                }
                assert_eq!(told.split_whitespace().collect::<Vec<_>>().join(" "), line);
            }
        }
        // Its name in a sentence is no command.
        assert_eq!(wrapped("v2m is set up", 6), "v2m is\nset up");
    }

    /// Every sentence fits, apart from single words and commands.
    #[test]
    fn no_line_is_wider_than_the_terminal() {
        let text = "¿Qué tecla? Intro toma la libre; escriba otra como lo hace GNOME, por ejemplo \
                    <Super>F8. Nada se graba sin preguntar, y `v2m setup` continúa.";
        for columns in 14..101 {
            let told = wrapped(text, columns);
            assert!(told.lines().all(|line| display_width(line) <= columns), "{columns}: {told}");
        }
        assert!(wrapped(text, 80).lines().count() == 2);
    }
}
