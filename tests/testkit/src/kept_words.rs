//! Checks whether a text has the words of another one, except for the differences between two
//! decodes of the same sound.

/// At least this part of the words must be in the text.
const PART: f64 = 0.7;
/// Two decodes differ in at most so many words in a row. If more are missing, a part of the text is
/// missing.
const RUN: usize = 4;

/// Returns the words in lower case, without punctuation.
pub fn words(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !c.is_alphanumeric() && c != '\'');
    words.filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
}

/// Returns whether `text` has the words of `reference` in the same order: at least seven of ten,
/// never more than four missing in a row, and not twice as many words, which would mean that a part
/// is there twice.
pub fn has_words_of(text: &str, reference: &str) -> bool {
    let (text, reference) = (words(text), words(reference));
    let there = common(&reference, &text);
    let found = there.iter().filter(|is_there| **is_there).count();
    let longest = there.split(|is_there| *is_there).map(<[bool]>::len).max().unwrap_or(0);
    let enough = found as f64 >= PART * reference.len() as f64;
    enough && longest <= RUN && text.len() <= 2 * reference.len() + RUN
}

/// Returns which words of `a` are in a longest common subsequence with `b`.
fn common(a: &[String], b: &[String]) -> Vec<bool> {
    // longest[i][j]: the length for a[i..] and b[j..].
    let mut longest = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in (0..a.len()).rev() {
        for j in (0..b.len()).rev() {
            longest[i][j] = if a[i] == b[j] {
                longest[i + 1][j + 1] + 1
            } else {
                longest[i + 1][j].max(longest[i][j + 1])
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut there = vec![false; a.len()];
    while i < a.len() && j < b.len() {
        if a[i] == b[j] {
            there[i] = true;
            (i, j) = (i + 1, j + 1);
        } else if longest[i + 1][j] >= longest[i][j + 1] {
            i += 1;
        } else {
            j += 1;
        }
    }
    there
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAID: &str = "And so, my fellow Americans: ask not what your country can do for you";

    #[test]
    fn another_decode_has_the_words() {
        assert!(has_words_of(SAID, SAID));
        assert!(has_words_of(
            "and so my fellow american asks not what your country can do for you",
            SAID
        ));
        assert!(has_words_of("", ""));
    }

    #[test]
    fn a_text_without_its_end_or_its_middle_has_not() {
        assert!(!has_words_of("And so, my fellow Americans: ask not what", SAID));
        assert!(!has_words_of("And so, my fellow can do for you", SAID));
        assert!(!has_words_of("", SAID));
        let long = format!("{SAID}. {SAID}. {SAID}. {SAID}.");
        let gap = format!("{SAID}. {SAID}. {SAID}. And so, my fellow, do for you.");
        assert!(!has_words_of(&gap, &long), "five words in a row");
    }

    #[test]
    fn a_text_that_is_there_three_times_has_not() {
        assert!(!has_words_of(&format!("{SAID} {SAID} {SAID}"), SAID));
    }
}
