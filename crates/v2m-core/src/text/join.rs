//! Joins a text to its surroundings with the right spaces, first letter and last mark. The rest of
//! the text stays as it is.

use super::language::Language;
use super::token::{CLOSING, SENTENCE, TIE, Token, TokenKind};
use super::{Context, Letters};

/// Marks that no space follows.
const OPENING: &str = "([{¿¡„‚";
/// Marks that open or close, depending on the language and their place.
const QUOTES: &str = "\"'“”‘’«»‹›";
/// Marks that join the text on both sides into one word.
const BINDING: &str = "/-\\@#_";
/// Words that end with a full stop of their own.
const ABBREVIATIONS: [&str; 15] = [
    "etc", "dr", "mr", "mrs", "ms", "prof", "st", "vs", "jr", "sr", "sra", "ud", "uds", "pág",
    "núm",
];
/// Characters that may begin a line before its first word: list items, quoted mail.
const BULLETS: &str = " \t-*•–—>#";

/// Whisper's codes of languages that are written without spaces between words.
const UNSPACED_LANGUAGES: [&str; 8] = ["zh", "yue", "ja", "th", "lo", "my", "km", "bo"];

/// Blocks of Unicode (`Blocks.txt`) with scripts that are written without spaces, and their
/// punctuation.
const UNSPACED: [(char, char); 10] = [
    ('\u{0e00}', '\u{0fff}'), // Thai, Lao, Tibetan
    ('\u{1000}', '\u{109f}'), // Myanmar
    ('\u{1780}', '\u{17ff}'), // Khmer
    ('\u{2e80}', '\u{2fdf}'), // radicals of Han
    ('\u{3000}', '\u{312f}'), /* punctuation of Chinese and Japanese, Hiragana, Katakana,
                               * Bopomofo */
    ('\u{31a0}', '\u{31ff}'),   // more of Bopomofo and Katakana
    ('\u{3400}', '\u{9fff}'),   // Han
    ('\u{f900}', '\u{faff}'),   // Han
    ('\u{ff01}', '\u{ff9f}'),   // full-width punctuation and letters, half-width Katakana
    ('\u{20000}', '\u{3ffff}'), // Han
];

/// Joins `text` to the text before and after it, as far as that is known. `tokens` are the tokens
/// of `text`.
pub(super) fn join(
    text: &str,
    tokens: &[Token<'_>],
    context: Context<'_>,
    code: &str,
    language: Option<&Language>,
    letters: Letters,
) -> String {
    let mut text = text.to_owned();
    if let Some(language) = language.filter(|_| letters == Letters::Fit) {
        first_letter(&mut text, tokens, context, language);
        last_mark(&mut text, tokens, context, language);
    }
    let space = |there| if there { " " } else { "" };
    let lead = context.before.map_or("", |before| match language {
        Some(language) if is_tied(before, &text, language) => "\u{a0}",
        _ => space(is_space_before(before, &text, code, language)),
    });
    let trail = context.after.is_some_and(|after| is_space_after(&text, after, code, language));
    format!("{lead}{text}{}", space(trail))
}

fn first_letter(
    text: &mut String,
    tokens: &[Token<'_>],
    context: Context<'_>,
    language: &Language,
) {
    let Some(before) = context.before else { return };
    let is_opening = |token: &&Token<'_>| {
        token.kind == TokenKind::Mark
            && (OPENING.contains(&*token.text) || QUOTES.contains(&*token.text))
    };
    let Some(word) = tokens.iter().find(|token| !is_opening(token)).filter(|t| t.is_word()) else {
        return;
    };
    let mut fitting = word.clone();
    match start(before, language) {
        Start::Sentence => fitting.capitalise(),
        Start::Inside => language.uncapitalise(&mut fitting),
        Start::Unknown => {}
    }
    // Only marks precede the word, so its first occurrence is the right one.
    if fitting.text != word.text {
        *text = text.replacen(&*word.text, &fitting.text, 1);
    }
}

/// The kind of place where a text begins.
#[derive(PartialEq, Eq)]
enum Start {
    Sentence,
    Inside,
    /// The full stop before it may belong to an abbreviation or a number.
    Unknown,
}

fn start(before: &str, language: &Language) -> Start {
    let line = before.rsplit('\n').next().unwrap_or_default();
    if line.chars().all(|c| BULLETS.contains(c)) {
        // A line after "Liebe Anna,", possibly with an empty line between.
        let above = before[..before.len() - line.len()].trim_end();
        let goes_on =
            language.spelling.small_after_comma && line.trim().is_empty() && above.ends_with(',');
        return if goes_on { Start::Inside } else { Start::Sentence };
    }
    let tie = |c| language.spaces_quotes() && is_no_break(c);
    let said = line.trim_end_matches(|c| {
        c == ' ' || c == '\t' || c == ')' || OPENING.contains(c) || QUOTES.contains(c) || tie(c)
    });
    let Some(last) = said.chars().next_back() else { return Start::Sentence };
    let sentence = said.strip_suffix('.').unwrap_or_default();
    let word = sentence.rsplit(|c: char| c.is_whitespace() || c == '(').next().unwrap_or_default();
    if language.may_own_full_stop(word) {
        Start::Unknown
    } else if SENTENCE.contains(last) {
        Start::Sentence
    } else {
        Start::Inside
    }
}

/// Whether it is French's space before marks: the one that v2m writes, or the narrow one that
/// others write.
fn is_no_break(c: char) -> bool {
    matches!(c, TIE | '\u{202f}')
}

/// Removes the final full stop if the sentence goes on after the text.
fn last_mark(text: &mut String, tokens: &[Token<'_>], context: Context<'_>, language: &Language) {
    let blank = |c| c == ' ' || language.spaces_quotes() && is_no_break(c);
    let next = context.after.and_then(|after| after.trim_start_matches(blank).chars().next());
    let goes_on = next.is_some_and(|c| c.is_lowercase() || CLOSING.contains(c));
    let is_one = match tokens {
        [.., before, last] => {
            let is_short = before.text.contains('.') || before.text.chars().count() < 2;
            last.is_mark_of(".") && !before.is_mark_of(CLOSING) && !is_short
        }
        _ => false,
    };
    let word = text.trim_end_matches('.').rsplit(' ').next().unwrap_or_default().to_lowercase();
    let is_own = ABBREVIATIONS.contains(&&*word) || language.may_own_full_stop(&word);
    let is_one = is_one && !word.contains('.') && !is_own;
    if goes_on && is_one {
        text.truncate(text.trim_end().len() - ".".len());
    }
}

/// Whether the text begins with a mark that has a space before it, or follows a quote that has one
/// after it.
fn is_tied(before: &str, text: &str, language: &Language) -> bool {
    let (Some(last), Some(first)) = (before.chars().next_back(), text.chars().next()) else {
        return false;
    };
    let mark = language.spaces(first.encode_utf8(&mut [0; 4]))
        && !(OPENING.contains(last) || CLOSING.contains(last) && CLOSING.contains(first));
    let is_blank = last.is_whitespace() || first.is_whitespace();
    !is_blank && (mark || last == '«' && language.spaces_quotes())
}

fn is_space_before(before: &str, text: &str, code: &str, language: Option<&Language>) -> bool {
    let mut backwards = before.chars().rev();
    let (Some(last), Some(first)) = (backwards.next(), text.chars().next()) else { return false };
    let spaced = language.is_some_and(Language::spaces_quotes);
    let (before_last, second) = (backwards.next(), text.chars().nth(1));
    // "#" and "@" bind at a word's beginning ("#tag"), but not after a word ("C#"). "-" binds after
    // a word, but not as a dash.
    let binds = match last {
        '#' | '@' => before_last.is_none_or(|c| !c.is_alphanumeric()),
        '-' => before_last.is_some_and(char::is_alphanumeric),
        c => BINDING.contains(c),
    };
    let opens = OPENING.contains(last)
        || binds
        || QUOTES.contains(last)
            && !(last == '»' && spaced)
            && before_last.is_none_or(|c| c.is_whitespace() || OPENING.contains(c));
    let closes = match first {
        // A full stop before a letter begins a word, such as ".gitignore".
        '.' => !second.is_some_and(char::is_alphanumeric),
        '«' if spaced => false,
        // A quote mark before a letter opens, in German too: »So«.
        c if QUOTES.contains(c) => second
            .is_none_or(|c| !(c.is_alphanumeric() || OPENING.contains(c) || QUOTES.contains(c))),
        c => CLOSING.contains(c) || ")]}".contains(c),
    };
    let is_blank = last.is_whitespace() || first.is_whitespace();
    !(is_blank || opens || closes || runs_on(last, first, code))
}

fn is_space_after(text: &str, after: &str, code: &str, language: Option<&Language>) -> bool {
    let (Some(last), Some(next)) = (text.chars().next_back(), after.chars().next()) else {
        return false;
    };
    let quotes = language.map_or("“«", |known| &known.spelling.opening_quotes);
    let begins = next.is_alphanumeric() || OPENING.contains(next) || quotes.contains(next);
    let opens = OPENING.contains(last) || quotes.contains(last);
    begins && !last.is_whitespace() && !opens && !runs_on(last, next, code)
}

/// Whether the scripts of these characters put no space between them.
fn runs_on(left: char, right: char, code: &str) -> bool {
    let is_unspaced = |c: char| UNSPACED.iter().any(|(from, to)| (*from..=*to).contains(&c));
    let (left, right) = (is_unspaced(left), is_unspaced(right));
    left && right || (left || right) && UNSPACED_LANGUAGES.contains(&code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::{Choices, Rules};
    use proptest::prelude::*;

    fn rules() -> Rules {
        let replace = vec![("en pe eme".to_owned(), "npm".to_owned())];
        Rules::new(Choices { replace, ..Choices::default() })
    }

    /// Each row: the text before, the text, and the joined text. `|` separates the text before from
    /// the text after.
    fn check(letters: Letters, table: &[(&str, &str, &str, &str)]) {
        let rules = rules();
        for (language, around, text, expected) in table {
            let (before, after) = match around.split_once('|') {
                Some((before, after)) => (before, Some(after)),
                None => (*around, None),
            };
            let context = Context { before: Some(before), after };
            let joined = rules.join(text, language, context, letters);
            assert_eq!(joined, *expected, "{text:?} ({language}) at {around:?}");
        }
    }

    #[test]
    fn a_space_stands_where_one_belongs() {
        check(
            Letters::Keep,
            &[
                ("en", "as taken.", "Add apples", " Add apples"),
                ("en", "as taken. ", "Add apples", "Add apples"),
                ("en", "as taken", "Add apples", " Add apples"),
                ("en", "as taken,", "add apples", " add apples"),
                ("en", "", "Add apples", "Add apples"),
                ("en", "a line\n", "Add apples", "Add apples"),
                ("en", "a line", "\nAdd apples", "\nAdd apples"),
                ("en", "see (", "Add apples", "Add apples"),
                ("es", "dijo ¿", "Qué", "Qué"),
                ("en", "he said “", "Add apples", "Add apples"),
                ("en", "he said \"", "Add apples", "Add apples"),
                ("en", "he said (\"", "Add apples", "Add apples"),
                ("en", "\"", "Add apples", "Add apples"),
                ("en", "he said \"no.\"", "Add apples", " Add apples"),
                ("en", "he said “no.”", "Add apples", " Add apples"),
                ("de", "er sagte „nein.“", "Gut", " Gut"),
                ("de", "er sagte „", "Gut", "Gut"),
                ("de", "er sagte", "»Gut«", " »Gut«"),
                ("en", "(as taken)", "Add apples", " Add apples"),
                ("en", "and/", "or", "or"),
                ("en", "it costs 5 €", "a day", " a day"),
                ("en", "a line", ", and so on", ", and so on"),
                ("en", "a line", "... and so on", "... and so on"),
                ("en", "a line", "…and so on", "…and so on"),
                ("en", "a line", ") and so on", ") and so on"),
                ("en", "“a line", "” and so on", "” and so on"),
                ("en", "\"a line", "\" and so on", "\" and so on"),
                ("en", "a line", "\"¡so!\"", " \"¡so!\""),
                ("en", "a line", "? No.", "? No."),
                ("en", "the", ".gitignore file", " .gitignore file"),
                ("en", "as taken.|of them", "Add apples", " Add apples "),
                ("en", "as taken.| of them", "Add apples", " Add apples"),
                ("en", "as taken.|, of them", "Add apples", " Add apples"),
                ("en", "as taken.|", "", ""),
                (
                    "en",
                    "ends",
                    "with spaces  inside\n  and out ",
                    " with spaces  inside\n  and out ",
                ),
            ],
        );
    }

    #[test]
    fn scripts_without_spaces_get_none() {
        check(
            Letters::Fit,
            &[
                ("zh", "你好。", "我很好", "我很好"),
                ("ja", "日本", "です", "です"),
                ("ja", "ケーキ", "、はい", "、はい"),
                ("th", "สวัสดี", "ครับ", "ครับ"),
                ("zh", "我喜欢", "Python很好", "Python很好"),
                ("zh", "用Python", "很好", "很好"),
                ("zh", "Python", "is good", " is good"),
                ("zh", "我|好", "很", "很"),
                ("en", "the word 日本", "means Japan", " means Japan"),
                ("ko", "안녕하세요.", "저는", " 저는"),
                ("ru", "Привет.", "Мир", " Мир"),
            ],
        );
    }

    #[test]
    fn the_first_letter_fits_the_sentence() {
        check(
            Letters::Fit,
            &[
                ("en", "I think that", "We should go.", " we should go."),
                ("en", "I think that ", "We should go.", "we should go."),
                ("en", "I think so.", "we should go.", " We should go."),
                ("en", "I think that", "Ann should go.", " Ann should go."),
                ("en", "I think that", "I should go.", " I should go."),
                ("en", "", "we should go.", "We should go."),
                ("en", "a line\n", "we should go.", "We should go."),
                ("en", "a line:\n- ", "we should go.", "We should go."),
                ("en", "a list:\n1. ", "We should go.", "We should go."),
                ("en", "> ", "We should go.", "We should go."),
                ("en", "Use", "npm here", " npm here"),
                ("en", "Use it.", "npm is good", " npm is good"),
                ("en", "I think that “", "We should go.", "we should go."),
                ("es", "Creo que", "Que no.", " que no."),
                ("es", "Sí.", "¿que no?", " ¿Que no?"),
                ("es", "Creo", "«El fin»", " «el fin»"),
                ("pl", "Myślę, że", "To my.", " To my."),
                ("en", "I think| of it", "We should go.", " we should go"),
            ],
        );
        check(
            Letters::Keep,
            &[
                ("en", "I think that", "We should go.", " We should go."),
                ("en", "I think so.", "we should go.", " we should go."),
                ("en", "I think| of it", "We should go.", " We should go."),
            ],
        );
    }

    proptest! {
        #[test]
        fn only_spaces_at_the_ends_and_one_letter_and_mark_change(
            before in "\\PC{0,10}", after in "\\PC{0,10}", text in "[ a-zA-Z.¿日\n]{0,20}|\\PC{0,20}",
        ) {
            let context = Context { before: Some(&before), after: Some(&after) };
            let kept = rules().join(&text, "en", context, Letters::Keep);
            prop_assert!(kept == text || kept.trim_matches(' ') == text.trim_matches(' '));
            let fit = rules().join(&text, "en", context, Letters::Fit);
            let bare =
                |text: &str| text.trim().trim_end_matches('.').trim_end().to_lowercase();
            prop_assert_eq!(bare(&fit), bare(&text));
        }
    }
}
