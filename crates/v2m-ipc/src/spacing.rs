//! Joins pieces of a text.

/// Appends the next piece's text. Puts a space between them if the script has spaces.
pub fn append(whole: &mut String, next: &str) {
    let seam = (whole.chars().next_back(), next.chars().next());
    if let (Some(before), Some(after)) = seam
        && !before.is_whitespace()
        && !(spaceless(before) && spaceless(after))
    {
        whole.push(' ');
    }
    whole.push_str(next);
}

/// Joins pieces with [`append`].
pub fn join<'t>(pieces: impl Iterator<Item = &'t str>) -> String {
    pieces.fold(String::new(), |mut whole, next| {
        append(&mut whole, next);
        whole
    })
}

/// Whether the character belongs to a script without spaces between words: Thai to Burmese, Khmer,
/// kana, ideographs and their full-width punctuation.
fn spaceless(c: char) -> bool {
    matches!(c,
        '\u{0e00}'..='\u{0eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}'
        | '\u{3000}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}'
        | '\u{ff00}'..='\u{ffef}' | '\u{20000}'..='\u{3ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_parted_where_the_script_parts_words() {
        assert_eq!(join(["A.", "B."].into_iter()), "A. B.");
        assert_eq!(join(["", "A", ""].into_iter()), "A");
        assert_eq!(join(["今日は。", "明日。"].into_iter()), "今日は。明日。");
        assert_eq!(join(["A.\n", "B."].into_iter()), "A.\nB.");
    }
}
