//! Removes text from a transcript that was never said.
//!
//! Whisper describes sounds in brackets (`"[BLANK_AUDIO]"`, "(wind blowing)", "*coughs*") and draws
//! Nobody dictates brackets: punctuation is spoken as words, and `v2m-core`'s text rules write it
//! later. There is deliberately no list of forbidden phrases: a phrase that somebody may say must
//! never disappear.

pub use v2m_ipc::spacing::append;

/// Returns `raw` without bracketed artefacts and notes, with runs of white space folded into one
/// space, trimmed.
pub fn clean(raw: &str) -> String {
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(first) = rest.chars().next() {
        let Some(length) = artefact(rest) else {
            text.push(first);
            rest = &rest[first.len_utf8()..];
            continue;
        };
        rest = &rest[length..];
        text.truncate(text.trim_end().len());
        // "well (coughs), yes" must not become "well , yes".
        if !rest.starts_with([',', '.', ';', ':', '?', '!']) {
            text.push(' ');
        }
    }
    // Punctuation alone remains of a sentence that was only an artefact.
    if !text.chars().any(char::is_alphanumeric) {
        return String::new();
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Returns the length in bytes of the artefact at the beginning of `text`.
fn artefact(text: &str) -> Option<usize> {
    let open = text.chars().next()?;
    let close = match open {
        '[' => ']',
        '(' => ')',
        '{' => '}',
        '（' => '）',
        '【' => '】',
        '*' => '*',
        '♪' | '♫' | '♬' | '♩' => return Some(open.len_utf8()),
        _ => return None,
    };
    let body = &text[open.len_utf8()..];
    let body = &body[..body.find(close)?];
    // Whisper writes dictated telephone numbers and products like this: "(212) 555", "2 * 3 * 4".
    let said =
        body.contains(char::is_numeric) || (open == '*' && !body.starts_with(char::is_alphabetic));
    (!said).then_some(open.len_utf8() + body.len() + close.len_utf8())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn descriptions_of_sounds_vanish() {
        assert_eq!(clean("[BLANK_AUDIO]"), "");
        assert_eq!(clean(" (wind blowing)"), "");
        assert_eq!(clean("♪ ♪"), "");
        assert_eq!(clean(" - (keyboard clicking)."), "");
        assert_eq!(clean(" *sigh* Well (coughs), yes.  And [MUSIC] no. "), "Well, yes. And no.");
    }

    #[test]
    fn brackets_that_hold_something_said_stay() {
        for said in ["one (two three", "5 * 3 = 15", "2 * x * 4", "call (212) 555-1234"] {
            assert_eq!(clean(said), said);
        }
    }

    #[test]
    fn plain_speech_is_left_alone() {
        for said in
            ["Thank you.", "¿Qué tal? Bien…", "3.5 % of it", "don't, won't; can't", "the .net one"]
        {
            assert_eq!(clean(said), said);
        }
    }

    #[test]
    fn pieces_are_joined_as_their_script_is_written() {
        let joined = |pieces: &[&str]| {
            let mut whole = String::new();
            pieces.iter().for_each(|piece| append(&mut whole, piece));
            whole
        };
        assert_eq!(joined(&["So.", "Then", "go."]), "So. Then go.");
        assert_eq!(joined(&["今日は。", "元気です", "OK."]), "今日は。元気です OK.");
    }

    proptest! {
        #[test]
        fn cleaning_twice_changes_nothing(raw in "\\PC{0,60}") {
            let once = clean(&raw);
            prop_assert_eq!(clean(&once), once);
        }
    }
}
