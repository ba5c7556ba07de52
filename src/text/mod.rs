//! From the raw transcript to the text that is delivered. Pure.
//!
//! For now only spacing: spoken commands, replacements and fillers are rules to come.

/// The text as it is delivered: white space trimmed, runs of it folded into one space.
pub fn polish(raw: &str) -> String {
    let mut text = String::with_capacity(raw.len());
    for word in raw.split_whitespace() {
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(word);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::polish;
    use proptest::prelude::*;

    #[test]
    fn spacing_is_folded_and_nothing_else_changes() {
        assert_eq!(polish("  Grüße —\n “€5”  ñ 日 "), "Grüße — “€5” ñ 日");
        assert_eq!(polish(" \n\t"), "");
    }

    proptest! {
        #[test]
        fn words_stay_as_they_are(raw: String) {
            let polished = polish(&raw);
            prop_assert!(polished.split_whitespace().eq(raw.split_whitespace()));
            prop_assert_eq!(polish(&polished), polished);
        }
    }
}
