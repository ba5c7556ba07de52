//! Data about scripts and languages: punctuation marks, and words that keep their capital.

/// Marks at the end of a piece that may turn out wrong once the next piece is known. Only these
/// marks are ever replaced. They include dashes and dots, because Whisper ends speech that sounds
/// broken off with "-" and "...".
pub const TRAILING: &str = ".…!?,;:-–—。、，．？！：；،؟؛۔।॥։።፣፤፥·;";

/// Marks that end a sentence.
const ENDING: &str = ".…!?。．？！؟۔।॥։።";

/// Marks before a sentence's first word.
pub const OPENING: &str = "¿¡\"'“„«‘([{「『（";

/// Marks between two words, for languages that use other marks than English: ISO 639-1 codes,
/// marks.
const OTHERS: &[(&[&str], &[&str])] = &[
    (&["zh", "yue"], &["。", "，", "？", "！", "：", "；", "、"]),
    (&["ja"], &["。", "、", "？", "！"]),
    (&["ar", "fa", "ps", "sd"], &[".", "،", "؟", "!", ":", "؛"]),
    (&["ur"], &["۔", "،", "؟", "!", ":", "؛"]),
    (&["hi", "mr", "ne", "bn", "as", "pa", "sa"], &["।", ".", ",", "?", "!", ":", ";"]),
    (&["hy"], &["։", ",", "."]),
    (&["am"], &["።", "፣", "?", "!"]),
    (&["el"], &[".", ",", ";", "!", "·"]),
    (&["th", "lo", "my", "km", "bo"], &[]),
];

/// Languages that are written without spaces between words: Whisper's codes.
const UNSPACED: [&str; 8] = ["zh", "yue", "ja", "th", "lo", "my", "km", "bo"];

const USUAL: &[&str] = &[".", ",", "?", "!", ":", ";"];

/// Words that always have a capital: ISO 639-1 code, word.
const CAPITAL: &[(&str, &str)] =
    &[("en", "I"), ("en", "I'm"), ("en", "I'll"), ("en", "I've"), ("en", "I'd")];

/// Returns the marks that may stand between two words in that language, besides no mark.
pub fn between(language: &str) -> &'static [&'static str] {
    let other = OTHERS.iter().find(|(languages, _)| languages.contains(&language));
    other.map_or(USUAL, |(_, marks)| marks)
}

/// Whether that language has no spaces between words.
pub fn is_unspaced(language: &str) -> bool {
    UNSPACED.contains(&language)
}

/// Whether `text` contains more than marks after a word: a word, or a mark before one, such as "¿".
pub fn begins_words(text: &str) -> bool {
    !text.chars().all(|c| c.is_whitespace() || TRAILING.contains(c))
}

/// Whether `marks` end a sentence.
pub fn end_sentence(marks: &str) -> bool {
    marks.chars().next_back().is_some_and(|mark| ENDING.contains(mark))
}

/// Whether `word` always has a capital.
pub fn keeps_capital(language: &str, word: &str) -> bool {
    let word = word.trim_end_matches(|c| TRAILING.contains(c)).replace('’', "'");
    CAPITAL.contains(&(language, word.as_str()))
}

/// Whether every noun of that language has a capital, so that an unknown word may be a noun.
pub fn has_noun_capitals(language: &str) -> bool {
    ["de", "lb"].contains(&language)
}

/// Whether the other case of the word's first letter is a different letter in that language:
/// Turkish and Azeri have ı and İ for i and I.
pub fn has_no_other_case(language: &str, word: &str) -> bool {
    ["tr", "az"].contains(&language) && word.starts_with(['i', 'I'])
}
