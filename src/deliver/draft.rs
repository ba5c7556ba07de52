//! Shortens a draft to its end, which is the new part. Pure.

/// The longest word that is left out whole, in characters. Longer ones are cut: Chinese and Thai
/// write whole sentences without a space.
const LONGEST_WORD: usize = 30;

/// Returns the end of a text with at most that many characters, after an ellipsis if something was
/// cut off. Begins with a whole word.
pub(super) fn end_of(text: &str, longest: usize) -> String {
    let text = text.trim();
    let surplus = text.chars().count().saturating_sub(longest);
    let Some((cut, _)) = text.char_indices().nth(surplus).filter(|_| surplus > 0) else {
        return text.to_owned();
    };
    let (before, mut end) = text.split_at(cut);
    if !before.ends_with(char::is_whitespace) {
        let mut word = end.char_indices().take(LONGEST_WORD);
        let space = word.find(|(_, c)| c.is_whitespace());
        end = space.map_or(end, |(at, _)| &end[at..]);
    }
    format!("…{}", end.trim_start())
}

#[cfg(test)]
mod tests {
    use super::end_of;

    #[test]
    fn a_draft_begins_with_a_whole_word() {
        assert_eq!(end_of(" one two ", 7), "one two");
        assert_eq!(end_of("one two three", 6), "…three");
        assert_eq!(end_of("one two three", 5), "…three");
        assert_eq!(end_of("one año three", 9), "…año three");
        assert_eq!(end_of("one año three", 8), "…three");
        assert_eq!(end_of("one año three", 10), "…año three");
    }

    #[test]
    fn a_text_without_spaces_is_cut_between_characters() {
        let long = "日本語".repeat(20);
        assert_eq!(end_of(&long, 40).chars().count(), 41);
        assert_eq!(end_of("one abcdef", 4), "…cdef", "the only word is better than none");
    }
}
