//! Tests which joined texts are accepted, and how they are divided.

use super::*;
use crate::stream::Piece;
use proptest::prelude::*;

/// A token for each word and for the marks after it, with the logarithm of its probability.
fn tokens(text: &str, log_probability: f32) -> Vec<Token> {
    let token = |text: String| Token { id: 1, bytes: text.into_bytes(), log_probability };
    let word = |word: &str| {
        let letters = word.trim_end_matches(|c| marks::TRAILING.contains(c));
        let texts = [format!(" {letters}"), word[letters.len()..].to_owned()];
        texts.map(token).into_iter().filter(|token| !token.bytes.is_empty())
    };
    text.split_whitespace().flat_map(word).collect()
}

/// Accepts a joined text for these texts, which were decoded one by one. `log_probability` is that
/// of each of their tokens.
fn accepted_beside(
    parts: &[&str],
    log_probability: f32,
    joined: &Hypothesis,
) -> Option<Vec<String>> {
    let tokens: Vec<_> = parts.iter().map(|text| tokens(text, log_probability)).collect();
    let part = |(text, tokens)| Part { text, tokens, mean_log_probability: log_probability };
    let parts: Vec<Part> =
        parts.iter().copied().zip(tokens.iter().map(Vec::as_slice)).map(part).collect();
    Some(accept(&parts, joined)?.iter().map(|tokens| text(tokens)).collect())
}

fn joined(text: &str) -> Hypothesis {
    Hypothesis {
        text: text.into(),
        mean_log_probability: -0.001,
        tokens: tokens(text, -0.001),
        ..Hypothesis::default()
    }
}

fn accepted(parts: &[&str], whole: &str) -> Option<Vec<String>> {
    accepted_beside(parts, -0.3, &joined(whole))
}

fn taken(parts: &[&str], whole: &str) -> Vec<String> {
    accepted(parts, whole).expect("it has every word")
}

#[test]
fn words_that_were_cut_are_mended() {
    assert_eq!(
        taken(
            &["should be removed.", "Don't preserve for study."],
            "should be removed and preserved for study."
        ),
        ["should be removed", "and preserved for study."]
    );
    assert_eq!(
        taken(
            &["dividing by 12 to up.", "Tains the ratio."],
            "dividing by 12 to obtain the ratio."
        ),
        ["dividing by 12 to", "obtain the ratio."]
    );
    assert_eq!(
        taken(&["It is there", "for a set", "to be."], "It is therefore said to be."),
        ["It is therefore", "said", "to be."]
    );
}

#[test]
fn what_follows_the_known_words_is_the_last_pieces() {
    let taken = |parts: &[&str], whole: &str| -> Option<Vec<String>> {
        let part = |text| Part { text, tokens: &[], mean_log_probability: -0.3 };
        let parts: Vec<Part> = parts.iter().copied().map(part).collect();
        let taken = accept_with_last(&parts, &joined(whole))?;
        Some(taken.iter().map(|tokens| text(tokens)).collect())
    };
    assert_eq!(
        taken(
            &["The aspect ratio", "dividing by 12 to up."],
            "The aspect ratio, dividing by 12 to get the ratio."
        )
        .unwrap(),
        ["The aspect ratio,", "dividing by 12 to get", "the ratio."]
    );
    assert_eq!(taken(&["one two"], "one two three").unwrap(), ["one two", "three"]);
    // Nothing of the last piece is there, or a word before it is missing.
    assert_eq!(taken(&["one two"], "one two"), None);
    assert_eq!(taken(&["one two three"], "one three four"), None);
}

#[test]
fn a_text_that_lacks_a_word_is_not_taken() {
    assert_eq!(accepted(&["he said that", "there were none"], "he said there were none"), None);
    assert_eq!(accepted(&["one two", "three four"], "one two"), None);
    assert_eq!(accepted(&["one two", "three four"], ""), None);
    // Nor is a text in which nothing is left of a piece.
    assert_eq!(accepted(&["stitch", "stitches"], "stitches"), None);
}

#[test]
fn of_a_model_that_tells_no_probabilities_words_from_nowhere_are_not_taken() {
    let taken = |parts: &[&str], whole: &str, with_last: bool| {
        let tokens: Vec<_> = parts.iter().map(|text| Token::words(text)).collect();
        let part = |(text, tokens)| Part { text, tokens, mean_log_probability: 0.0 };
        let parts: Vec<Part> =
            parts.iter().copied().zip(tokens.iter().map(Vec::as_slice)).map(part).collect();
        let joined =
            Hypothesis { text: whole.into(), tokens: Token::words(whole), ..Hypothesis::default() };
        let accept = if with_last { accept_with_last } else { accept };
        accept(&parts, &joined).map(|taken| taken.iter().map(|it| text(it)).collect::<Vec<_>>())
    };
    let parts = ["I want", "to go there."];
    for repeated in [
        "I want I want to go there.",
        "I want want to go there.",
        "I want to to go there.",
        "I want to go there. I want to go there.",
        "I want to go there. Thank you for watching.",
    ] {
        assert_eq!(taken(&parts, repeated, false), None, "{repeated}");
    }
    assert_eq!(taken(&parts, "I want, to go there.", false).unwrap(), ["I want,", "to go there."]);
    assert_eq!(
        taken(
            &["should be removed.", "Don't preserve for study."],
            "should be removed and preserved for study.",
            false
        )
        .unwrap(),
        ["should be removed", "and preserved for study."]
    );
    // A short word that the cut had swallowed.
    assert!(taken(&["He came", "the house."], "He came to the house.", false).is_some());
    // Everything after the known words belongs to the last piece, however long it is.
    let last = taken(&["I want"], "I want to go where everybody goes.", true);
    assert_eq!(last.unwrap(), ["I want", "to go where everybody goes."]);
    assert_eq!(taken(&["I want", "to go"], "I want I want to go there.", true), None);
}

#[test]
fn a_text_that_the_model_is_less_sure_of_is_not_taken() {
    let whole = Hypothesis { mean_log_probability: -0.2, ..joined("one two three four") };
    assert_eq!(accepted_beside(&["one two", "three four"], -0.1, &whole), None);
}

/// Measured with the sample recording: the whole gained by the full stop that it lacks, and lost by
/// its other word.
#[test]
fn a_word_that_the_model_was_surer_of_stays() {
    let token =
        |(text, log_probability): (&str, f32)| Token { id: 1, bytes: text.into(), log_probability };
    let ask: Vec<_> = [(" Ask", -0.81), (" not", -0.42), (".", -0.9)].map(token).into();
    let americans: Vec<_> = [(" Americans", -0.05), (".", -0.97)].map(token).into();
    let part = |text, tokens, mean_log_probability| Part { text, tokens, mean_log_probability };
    let parts = [part("Americans.", &americans, -0.27), part("ask not.", &ask, -0.55)];
    let taken = |words: &[(&str, f32)]| {
        let joined = Hypothesis {
            mean_log_probability: -0.43,
            tokens: words.iter().copied().map(token).collect(),
            ..Hypothesis::default()
        };
        let taken = accept(&parts, &joined).unwrap();
        taken.iter().map(|tokens| text(tokens)).collect::<Vec<_>>()
    };
    let americans = (" Americans", -0.06);
    let not = (" not", -0.32);
    // The tokens keep the case that they were decoded with.
    assert_eq!(taken(&[americans, (" asked", -1.31), not]), ["Americans", "Ask not"]);
    assert_eq!(taken(&[americans, (" asked", -0.5), not]), ["Americans", "asked not"]);
    assert_eq!(taken(&[americans, (" ask", -1.31), not]), ["Americans", "ask not"]);
    let marks = [americans, (",", -0.1), (" asked", -1.31), (",", -0.1), not];
    assert_eq!(taken(&marks), ["Americans,", "Ask, not"]);
    // Words on both sides of the cut come from the joined text, however unsure the model is.
    let across = [(" American", -0.9), (" asked", -1.31), not];
    assert_eq!(taken(&across), ["American", "asked not"]);
    // Another case is another sentence, so the words are the joined ones.
    assert_eq!(taken(&[americans, (" Asked", -1.31), not]), ["Americans", "Asked not"]);
    let within = [americans, (" ask", -0.1), (" Note", -1.31)];
    assert_eq!(taken(&within), ["Americans", "ask Note"]);
    // A sign may stand for words, and quotation marks have a counterpart elsewhere.
    for sign in [" \"asked", " asked\"", " asked@"] {
        assert_eq!(taken(&[americans, (sign, -1.31), not])[1], format!("{} not", sign.trim()));
    }
}

#[test]
fn the_pauses_between_pieces_become_short() {
    let piece = |start: u64, end: u64| Piece {
        start,
        end,
        voice_start: start + 16_000,
        voice_end: end - 5600,
    };
    let audio = vec![1; 64_000];
    let pieces = [piece(0, 64_000), piece(64_000, 128_000)];
    let (samples, voice) = splice(pieces.iter().map(|piece| (*piece, &audio[..])));
    assert_eq!(samples.len(), 64_000 - 5600 + 3200 + 3200 + 64_000 - 16_000);
    assert_eq!(voice, samples.len() as u64 - 16_000 - 5600);
}

fn said() -> impl Strategy<Value = Vec<Vec<String>>> {
    let word = proptest::sample::select(vec!["so", "we", "go", "there", "and", "then", "it", "is"]);
    let part = proptest::collection::vec(word.prop_map(str::to_owned), 1..6);
    proptest::collection::vec(part, 2..5)
}

proptest! {
    #[test]
    fn the_same_words_stay_where_they_were(said in said(), mark in "[.,?!]?") {
        let texts: Vec<String> = said.iter().map(|words| format!("{}{mark}", words.join(" "))).collect();
        let parts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let whole = said.concat().join(" ").to_uppercase();
        let taken = accepted(&parts, &whole).unwrap();
        let expected: Vec<String> = said.iter().map(|words| words.join(" ").to_uppercase()).collect();
        prop_assert_eq!(taken, expected);
    }

    #[test]
    fn no_word_is_lost(said in said(), at in 0..20usize) {
        let texts: Vec<String> = said.iter().map(|words| words.join(" ")).collect();
        let parts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let mut whole = said.concat();
        whole.remove(at % whole.len());
        prop_assert_eq!(accepted(&parts, &whole.join(" ")), None);
    }

    #[test]
    fn whatever_is_taken_is_taken_whole(said in said(), whole in "[a-z ,.é-]{0,60}") {
        let texts: Vec<String> = said.iter().map(|words| words.join(" ")).collect();
        let parts: Vec<&str> = texts.iter().map(String::as_str).collect();
        if let Some(taken) = accepted(&parts, &whole) {
            prop_assert_eq!(taken.len(), said.len());
            prop_assert_eq!(taken.join(" "), whole.split_whitespace().collect::<Vec<_>>().join(" "));
            prop_assert!(taken.iter().all(|part| !part.is_empty()));
        }
    }
}
