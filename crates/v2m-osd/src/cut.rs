//! Cuts a draft to the end that fits on a line, between words. Pure: the caller measures.

/// The longest word that is left out whole, in characters. Longer ones are cut: Chinese and Thai
/// write whole sentences without a space.
const LONGEST_WORD: usize = 30;

/// Returns the longest end of a text that fits after an ellipsis and begins with a whole word.
/// `None`: the text must be cut within a word, because no end fits, or because the last word that
/// does not fit is too long to leave out. The whole text does not fit.
pub fn end_of_words(text: &str, mut fits: impl FnMut(&str) -> bool) -> Option<String> {
    let after_space = |(at, c): (usize, char)| c.is_whitespace().then_some(at + c.len_utf8());
    let starts: Vec<usize> = text
        .char_indices()
        .filter_map(after_space)
        .filter(|at| text[*at..].starts_with(|c: char| !c.is_whitespace()))
        .collect();
    let cut = |start: usize| format!("…{}", &text[start..]);
    let first = starts.partition_point(|start| !fits(&cut(*start)));
    let start = *starts.get(first)?;
    let before = first.checked_sub(1).map_or(0, |at| starts[at]);
    (text[before..start].trim_end().chars().count() <= LONGEST_WORD).then(|| cut(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &str, columns: usize) -> Option<String> {
        end_of_words(text, |part| part.chars().count() <= columns)
    }

    #[test]
    fn a_draft_begins_with_a_whole_word() {
        assert_eq!(cut("one two three", 10).as_deref(), Some("…two three"));
        assert_eq!(cut("one two three", 9).as_deref(), Some("…three"));
        assert_eq!(cut("one two three", 6).as_deref(), Some("…three"));
        // v2m has cut it off already.
        assert_eq!(cut("…años y  años", 12).as_deref(), Some("…y  años"));
    }

    #[test]
    fn a_text_without_spaces_is_left_to_the_characters() {
        assert_eq!(cut("one two three", 5), None);
        assert_eq!(cut(&"日本語".repeat(20), 10), None);
        assert_eq!(cut(&format!("{} 日本", "日本語".repeat(20)), 10), None);
    }
}
