//! Pieces around a pause within a sentence, decoded once more as one.
//!
//! A piece that is decoded alone lacks what stands beside it: "removed" and "don't preserve" are "removed and preserved"
//! when they are heard together. So the pieces of a sentence are decoded again, joined, the pauses between them made short
//! ([`splice`]). What comes of it is taken if the model is surer of it and it has every word ([`accept`]).

use super::guard::{Hypothesis, Token};
use super::seam;
use super::{Piece, marks};

/// Samples of a pause that are kept on each side of it. Measured: with the whole pause fewer words were right.
const KEPT: u64 = 3200;

/// Letters that must be there for each letter that was there before, wherever the words differ. Measured: right words are
/// down to two thirds of the wrong ones ("is there for a set to be": "is therefore said to be").
const FEWEST: f32 = 0.6;

/// One piece as it was decoded before.
#[derive(Clone, Debug)]
pub struct Part<'a> {
    /// Its text.
    pub text: &'a str,
    /// Its tokens.
    pub tokens: &'a [Token],
    /// Mean natural logarithm of their probabilities.
    pub mean_log_probability: f32,
}

/// The samples of several pieces with short pauses between them, and how many of them lie between first and last voice.
pub fn splice<'a>(pieces: impl Iterator<Item = (Piece, &'a [i16])>) -> (Vec<i16>, u64) {
    let pieces: Vec<_> = pieces.collect();
    let mut samples = Vec::new();
    let (mut silence, last) = (0, pieces.len().saturating_sub(1));
    for (at, (piece, audio)) in pieces.iter().enumerate() {
        let from = if at == 0 { piece.start } else { piece.voice_start.saturating_sub(KEPT) };
        let until = if at == last { piece.end } else { piece.voice_end + KEPT };
        let [from, until] = [from, until].map(|sample| {
            let offset = sample.clamp(piece.start, piece.end) - piece.start;
            usize::try_from(offset).map_or(audio.len(), |offset| offset.min(audio.len()))
        });
        samples.extend_from_slice(&audio[from..until.max(from)]);
        silence += if at == 0 { piece.voice_start - piece.start } else { 0 };
        silence += if at == last { piece.end - piece.voice_end } else { 0 };
    }
    let voice = (samples.len() as u64).saturating_sub(silence);
    (samples, voice)
}

/// What of `joined` belongs to each of `parts`, if the model is surer of it and no word is lost. Words that it was surer of before
/// stay as they were.
pub fn accept(parts: &[Part], joined: &Hypothesis) -> Option<Vec<Vec<Token>>> {
    let total = |tokens: &[Token], mean: f32| tokens.len() as f32 * mean;
    let before: f32 = parts.iter().map(|part| total(part.tokens, part.mean_log_probability)).sum();
    let better = total(&joined.tokens, joined.mean_log_probability) > before;
    if better { assign(parts, false, &surer(parts, &joined.tokens)) } else { None }
}

/// As [`accept`], where the last piece was not decoded before: the last of what is answered is that piece's.
pub fn accept_with_last(parts: &[Part], joined: &Hypothesis) -> Option<Vec<Vec<Token>>> {
    assign(parts, true, &joined.tokens)
}

/// `joined` with the words of the parts where the model was surer of those. The whole may be surer only because it has fewer
/// marks: "asked not" once took the place of "Ask not".
fn surer(parts: &[Part], joined: &[Token]) -> Vec<Token> {
    let said: Vec<Rated> =
        (0..).zip(parts).flat_map(|(part, Part { tokens, .. })| rated(tokens, part)).collect();
    let heard = rated(joined, 0);
    let letters =
        |words: &[Rated]| words.iter().map(|rated| rated.word.clone()).collect::<Vec<_>>();
    let sure = |words: &[Rated]| words.iter().map(|word| word.sure).sum::<f32>();
    let ends = [(said.len(), heard.len())];
    let (mut i, mut j) = (0, 0);
    let mut tokens = Vec::new();
    for (a, b) in matches(&letters(&said), &letters(&heard)).into_iter().chain(ends) {
        let (was, is) = (&said[i..a], &heard[j..b]);
        let around = &heard[j.saturating_sub(1)..heard.len().min(b + 1)];
        let before = i.checked_sub(1).map(|at| &said[at]);
        let is_plain = around.iter().all(Rated::is_plain);
        if is_plain && sure(was) > sure(is) && can_stay(was, is, before, parts) {
            tokens.extend(in_place_of(is, was));
        } else {
            tokens.extend(is.iter().flat_map(|word| word.tokens.iter().cloned()));
        }
        tokens.extend(heard.get(b).into_iter().flat_map(|word| word.tokens.iter().cloned()));
        (i, j) = (a + 1, b + 1);
    }
    tokens
}

/// Whether the words `was`, which stand after `before`, may stand where the joined text has `is`. Words on both sides of a cut may
/// not: they are what the joining is for. Nor may those with another case: they began another sentence, or the joined ones do. The
/// case of a part's first word is what the seam before it made of it.
fn can_stay(was: &[Rated], is: &[Rated], before: Option<&Rated>, parts: &[Part]) -> bool {
    let (Some(first), Some(last), Some(instead)) = (was.first(), was.last(), is.first()) else {
        return false;
    };
    let case = |rated: &Rated| seam::case(&text(&rated.tokens));
    let same_case = match before {
        None => true,
        Some(before) if before.word.place == first.word.place => case(first) == case(instead),
        Some(_) => seam::case(parts[first.word.place].text) == case(instead),
    };
    first.word.place == last.word.place && last.is_plain() && same_case
}

/// The words `was` with the marks that `is` has at its end.
fn in_place_of(is: &[Rated], was: &[Rated]) -> Vec<Token> {
    let mut tokens: Vec<Token> = was.iter().flat_map(|word| word.tokens.iter().cloned()).collect();
    while tokens.last().is_some_and(Token::is_only_marks) {
        tokens.pop();
    }
    let marks = is.last().map_or(&[][..], |word| &word.tokens);
    let count = marks.iter().rev().take_while(|token| token.is_only_marks()).count();
    tokens.extend_from_slice(&marks[marks.len() - count..]);
    tokens
}

/// A word, and how sure the model is of it: the logarithm of its probability, marks apart.
#[derive(Clone, Debug)]
struct Rated {
    word: Word,
    tokens: Vec<Token>,
    sure: f32,
}

impl Rated {
    /// Whether it is letters, with marks of their own tokens after them at most. A sign may say what other words say ("50%", "50
    /// percent"), and a quotation mark has another one elsewhere.
    fn is_plain(&self) -> bool {
        let letters = self.tokens.iter().filter(|token| !token.is_only_marks()).cloned();
        let letters = text(&letters.collect::<Vec<_>>());
        letters.chars().all(|c| c.is_alphanumeric() || ['\'', '’', '-'].contains(&c))
    }
}

/// Tokens as words of this place; what has no letters, as a dash, belongs to the word before it.
fn rated(tokens: &[Token], place: usize) -> Vec<Rated> {
    let mut rated: Vec<Rated> = Vec::new();
    for tokens in words(tokens) {
        let word = Word::new(&text(&tokens), place);
        let sure = tokens.iter().filter(|token| !token.is_only_marks());
        let sure = sure.map(|token| token.log_probability).sum();
        match rated.last_mut() {
            Some(last) if word.letters.is_empty() => last.tokens.extend(tokens),
            Some(last) if last.word.letters.is_empty() => {
                last.tokens.extend(tokens);
                (last.word, last.sure) = (word, sure);
            }
            _ => rated.push(Rated { word, tokens, sure }),
        }
    }
    rated
}

/// What of `joined` belongs to each of `parts`, and to one `more` that is not known; `None` if a word is lost.
fn assign(parts: &[Part], more: bool, joined: &[Token]) -> Option<Vec<Vec<Token>>> {
    let said: Vec<Word> = (0..)
        .zip(parts)
        .flat_map(|(part, Part { text, .. })| {
            text.split_whitespace().map(move |word| Word::new(word, part))
        })
        .filter(|word| !word.letters.is_empty())
        .collect();
    let tokens = words(joined);
    let heard: Vec<Word> = (0..)
        .zip(&tokens)
        .map(|(at, tokens)| Word::new(&text(tokens), at))
        .filter(|word| !word.letters.is_empty())
        .collect();
    let ends = split(&said, &heard, parts.len(), more)?;
    let mut from = 0;
    let mut split = Vec::new();
    for end in ends {
        // What follows the last word of a part, as a dash, stays with it.
        let until = heard.get(end).map_or(tokens.len(), |word| word.place);
        split.push(tokens.get(from..until).filter(|part| !part.is_empty())?.concat());
        from = until;
    }
    Some(split)
}

/// A word's letters and digits in lower case, and where it stands: its part, or its number among the tokens' words.
#[derive(Clone, Debug)]
struct Word {
    letters: String,
    place: usize,
}

impl Word {
    fn new(text: &str, place: usize) -> Self {
        let letters = text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase);
        Self { letters: letters.collect(), place }
    }
}

/// How many of the words of `heard` each of the parts of `said` and those before it have, and one `more` part whose words are not
/// known; `None` if words are lost.
fn split(said: &[Word], heard: &[Word], parts: usize, more: bool) -> Option<Vec<usize>> {
    let parts = parts + usize::from(more);
    let mut ends = Vec::new();
    let (mut i, mut j) = (0, 0);
    let letters = |words: &[Word]| {
        words.iter().map(|word| word.letters.chars().count()).sum::<usize>() as f32
    };
    for (a, b) in matches(said, heard).into_iter().chain([(said.len(), heard.len())]) {
        // What lies between two words that both have was heard otherwise.
        let (was, is) = (&said[i..a], &heard[j..b]);
        let had = letters(was);
        if letters(is) < FEWEST * had {
            return None;
        }
        // A part that ends in there gets its share of the letters.
        while ends.len() + 1 < parts {
            let part = ends.len();
            if said.get(a).is_some_and(|word| word.place <= part) {
                break;
            }
            let own = was.iter().take_while(|word| word.place <= part).count();
            // What follows the last words that are known may be the unknown part's.
            let share = if more && a == said.len() { 1.0 } else { letters(is) / had.max(1.0) };
            let wanted = letters(&was[..own]) * share;
            let near = |count: &usize| (letters(&is[..*count]) - wanted).abs();
            let count = (0..=is.len()).min_by(|a, b| near(a).total_cmp(&near(b)))?;
            ends.push(j + count);
        }
        (i, j) = (a + 1, b + 1);
    }
    ends.push(heard.len());
    Some(ends)
}

/// The longest sequence of words that both have, as pairs of indices.
fn matches(said: &[Word], heard: &[Word]) -> Vec<(usize, usize)> {
    let mut longest = vec![vec![0_u16; heard.len() + 1]; said.len() + 1];
    for i in (0..said.len()).rev() {
        for j in (0..heard.len()).rev() {
            longest[i][j] = if said[i].letters == heard[j].letters {
                longest[i + 1][j + 1] + 1
            } else {
                longest[i + 1][j].max(longest[i][j + 1])
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut pairs = Vec::new();
    while i < said.len() && j < heard.len() {
        if said[i].letters == heard[j].letters {
            pairs.push((i, j));
            (i, j) = (i + 1, j + 1);
        } else if longest[i + 1][j] >= longest[i][j + 1] {
            i += 1;
        } else {
            j += 1;
        }
    }
    pairs
}

/// Tokens as words: each but the first begins with a space.
fn words(tokens: &[Token]) -> Vec<Vec<Token>> {
    let mut words: Vec<Vec<Token>> = Vec::new();
    for token in tokens {
        match words.last_mut() {
            Some(word) if !token.bytes.starts_with(b" ") => word.push(token.clone()),
            _ => words.push(vec![token.clone()]),
        }
    }
    words
}

/// What tokens say.
pub fn text(tokens: &[Token]) -> String {
    let bytes: Vec<u8> = tokens.iter().flat_map(|token| token.bytes.iter().copied()).collect();
    String::from_utf8_lossy(&bytes).trim().to_owned()
}

/// Whether a sentence ends with `text`.
pub fn ends_sentence(text: &str) -> bool {
    marks::end_sentence(seam::marks_at_end(text))
}

#[cfg(test)]
mod tests {
    use super::*;
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

    /// The texts as they were decoded one by one, with the logarithm of each token's probability.
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
        // Nothing of the last piece is there, or a word before it is not.
        assert_eq!(taken(&["one two"], "one two"), None);
        assert_eq!(taken(&["one two three"], "one three four"), None);
    }

    #[test]
    fn a_text_that_lacks_a_word_is_not_taken() {
        assert_eq!(accepted(&["he said that", "there were none"], "he said there were none"), None);
        assert_eq!(accepted(&["one two", "three four"], "one two"), None);
        assert_eq!(accepted(&["one two", "three four"], ""), None);
        // Nor is one that leaves nothing of a piece.
        assert_eq!(accepted(&["stitch", "stitches"], "stitches"), None);
    }

    #[test]
    fn a_text_that_the_model_is_less_sure_of_is_not_taken() {
        let whole = Hypothesis { mean_log_probability: -0.2, ..joined("one two three four") };
        assert_eq!(accepted_beside(&["one two", "three four"], -0.1, &whole), None);
    }

    /// The sample, measured: the whole gained by the full stop that it lacks, and lost by its other word.
    #[test]
    fn a_word_that_the_model_was_surer_of_stays() {
        let token = |(text, log_probability): (&str, f32)| Token {
            id: 1,
            bytes: text.into(),
            log_probability,
        };
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
        // The tokens have the case that they were decoded with.
        assert_eq!(taken(&[americans, (" asked", -1.31), not]), ["Americans", "Ask not"]);
        assert_eq!(taken(&[americans, (" asked", -0.5), not]), ["Americans", "asked not"]);
        assert_eq!(taken(&[americans, (" ask", -1.31), not]), ["Americans", "ask not"]);
        let marks = [americans, (",", -0.1), (" asked", -1.31), (",", -0.1), not];
        assert_eq!(taken(&marks), ["Americans,", "Ask, not"]);
        // Words on both sides of the cut are the joined ones, be the model as unsure as it may.
        let across = [(" American", -0.9), (" asked", -1.31), not];
        assert_eq!(taken(&across), ["American", "asked not"]);
        // Another case is another sentence, so the words are the joined ones.
        assert_eq!(taken(&[americans, (" Asked", -1.31), not]), ["Americans", "Asked not"]);
        let within = [americans, (" ask", -0.1), (" Note", -1.31)];
        assert_eq!(taken(&within), ["Americans", "ask Note"]);
        // Signs may say what words say, and quotation marks have their other one elsewhere.
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
        let word =
            proptest::sample::select(vec!["so", "we", "go", "there", "and", "then", "it", "is"]);
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
}
