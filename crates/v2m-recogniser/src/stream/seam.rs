//! Decides the mark and the next word's case at the seam between two pieces.
//!
//! A piece that is decoded alone ends like a sentence, whatever the pause after it meant. So the
//! model is asked again with audio from both sides of the seam. It gets the text before the seam,
//! without its last marks, as already written. Its likely continuations ([`Lead`]) decide the mark
//! ([`verdict`]). Words are never changed ([`mend`]).

use super::marks;

/// One continuation after the words before the seam.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lead {
    /// The mark. Empty: none.
    pub mark: String,
    /// Natural logarithm of its probability. 0 if there is no mark, because that is not a token.
    pub log_probability: f32,
    /// The likeliest tokens after it, with the logarithms of their probabilities.
    pub next: Vec<(String, f32)>,
}

/// The case of the next word's first letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case {
    /// A capital.
    Upper,
    /// A small letter.
    Lower,
}

/// The mark and the case at a seam.
#[derive(Clone, Debug, PartialEq)]
pub struct SeamEdit {
    /// The marks that replace those at the end of the text before.
    pub mark: String,
    /// The new case of the text after. `None`: unchanged.
    pub case: Option<Case>,
}

/// Below this logarithm of a probability, the model has decoded something else than the text, and
/// is not believed. Measured.
const LEAST: f32 = -6.0;

/// Returns the likeliest seam. `next`: the text after it, as far as that is known.
pub fn verdict(leads: &[Lead], next: Option<&str>, language: &str) -> Option<SeamEdit> {
    let matched = next.and_then(|next| best(leads, |token| begins(next, token)));
    let (lead, token, score) = matched.or_else(|| best(leads, |token| case(token).is_some()))?;
    if score < LEAST {
        return None;
    }
    let case = if marks::end_sentence(&lead.mark) {
        Some(Case::Upper)
    } else if matched.is_some() {
        case(token)
    } else {
        // No likely continuation matches the text after. Take the case that most of them have.
        usual_case(&lead.next)
    };
    let keeps = |next: &str| marks::keeps_capital(language, first_word(next));
    let case = case.filter(|case| *case == Case::Upper || !next.is_some_and(keeps));
    let may_be_noun = matched.is_none() && marks::has_noun_capitals(language);
    let case = case.filter(|case| *case == Case::Upper || !may_be_noun);
    let is_fixed = |next: &str| marks::has_no_other_case(language, first_word(next));
    let case = case.filter(|_| !next.is_some_and(is_fixed));
    Some(SeamEdit { mark: lead.mark.clone(), case })
}

/// The difference in logarithms of probabilities from which a sentence is believed to end at a seam
/// rather than continue. Then the pieces on both sides are left as they are. Measured.
const SURE: f32 = 1.5;

/// Whether a sentence surely ends at the seam. `None`: the model has decoded something else than
/// the text.
pub fn ends(leads: &[Lead]) -> Option<bool> {
    let likeliest = |ending: bool| {
        let ways = leads.iter().filter(|lead| marks::end_sentence(&lead.mark) == ending);
        let next =
            |lead: &Lead| lead.next.iter().map(|(_, p)| *p).fold(f32::NEG_INFINITY, f32::max);
        ways.map(|lead| lead.log_probability + next(lead)).fold(f32::NEG_INFINITY, f32::max)
    };
    let (end, on) = (likeliest(true), likeliest(false));
    (end.max(on) >= LEAST).then_some(end > on + SURE)
}

fn best(leads: &[Lead], wanted: impl Fn(&str) -> bool) -> Option<(&Lead, &str, f32)> {
    let ways = leads.iter().flat_map(|lead| {
        let next = lead.next.iter().filter(|(token, _)| wanted(token));
        next.map(move |(token, p)| (lead, token.as_str(), lead.log_probability + p))
    });
    ways.max_by(|a, b| a.2.total_cmp(&b.2))
}

/// Whether `text` may begin with `token`, ignoring case.
fn begins(text: &str, token: &str) -> bool {
    let token = token.trim_start().to_lowercase();
    !token.is_empty() && text.trim_start().to_lowercase().starts_with(&token)
}

/// Returns the case of the first letter.
pub fn case(token: &str) -> Option<Case> {
    let first = token.chars().find(|c| c.is_alphabetic())?;
    if first.is_uppercase() {
        Some(Case::Upper)
    } else {
        first.is_lowercase().then_some(Case::Lower)
    }
}

/// Returns the case that has four fifths of the probability.
fn usual_case(next: &[(String, f32)]) -> Option<Case> {
    let share = |wanted| -> f32 {
        next.iter().filter(|(token, _)| case(token) == Some(wanted)).map(|(_, p)| p.exp()).sum()
    };
    let (upper, lower) = (share(Case::Upper), share(Case::Lower));
    if upper > 4.0 * lower {
        Some(Case::Upper)
    } else {
        (lower > 4.0 * upper).then_some(Case::Lower)
    }
}

fn first_word(text: &str) -> &str {
    let text = text.trim_start_matches(|c: char| c.is_whitespace() || marks::OPENING.contains(c));
    &text[..text.find(char::is_whitespace).unwrap_or(text.len())]
}

/// Returns the texts before and after the seam, mended. Their words stay the same, except for case.
pub fn mend(before: &str, after: &str, verdict: &SeamEdit) -> (String, String) {
    // If the mark stays, its case stays too.
    if body(before).is_none() {
        return (before.into(), after.into());
    }
    let recased = verdict.case.map_or_else(|| after.into(), |case| recase(after, case));
    (end_with(before, &verdict.mark), recased)
}

/// Returns `text` with `mark` in place of the marks at its end.
pub fn end_with(text: &str, mark: &str) -> String {
    match body(text) {
        // An abbreviation's full stop ends the sentence too.
        Some(body) if mark == "." && body.ends_with('.') => body.to_owned(),
        Some(body) => format!("{body}{mark}"),
        None => text.to_owned(),
    }
}

/// Returns the marks at the end of `text`, as far as they may be replaced.
pub fn marks_at_end(text: &str) -> &str {
    body(text).map_or("", |body| text[body.len()..].trim())
}

/// Returns `text` without the marks at its end. `None` if they must not be replaced.
fn body(text: &str) -> Option<&str> {
    let body = text.trim_end_matches(|c: char| c.is_whitespace() || marks::TRAILING.contains(c));
    // Only marks, or a quote or a bracket, which has marks of its own.
    if !body.chars().next_back()?.is_alphanumeric() {
        return None;
    }
    let word = body.rsplit(char::is_whitespace).next().unwrap_or(body);
    // "p.m", "Ph.D"; not "main.rs".
    let is_short = |part: &str| part.chars().count() <= 2 && part.chars().all(char::is_alphabetic);
    let abbreviation = word.contains('.') && word.split('.').all(is_short);
    let dot = usize::from(abbreviation && text[body.len()..].starts_with('.'));
    Some(&text[..body.len() + dot])
}

/// Returns `text` with its first word in that case, if that is a plain word.
pub fn recase(text: &str, case: Case) -> String {
    let word = first_word(text);
    let at = text.len()
        - text.trim_start_matches(|c: char| c.is_whitespace() || marks::OPENING.contains(c)).len();
    let Some(first) = word.chars().next() else { return text.to_owned() };
    let rest = &word[first.len_utf8()..];
    if rest.contains(|c: char| c.is_uppercase() || c.is_numeric()) {
        return text.to_owned();
    }
    let other: String = match case {
        Case::Upper if first.is_lowercase() => first.to_uppercase().collect(),
        Case::Lower if first.is_uppercase() => first.to_lowercase().collect(),
        _ => return text.to_owned(),
    };
    // Letters without a one-to-one counterpart ("ß") stay.
    let back: String = match case {
        Case::Upper => other.to_lowercase(),
        Case::Lower => other.to_uppercase(),
    };
    if !back.chars().eq([first]) {
        return text.to_owned();
    }
    format!("{}{other}{}", &text[..at], &text[at + first.len_utf8()..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lead(mark: &str, log_probability: f32, next: &[(&str, f32)]) -> Lead {
        let next = next.iter().map(|(token, p)| ((*token).to_owned(), *p)).collect();
        Lead { mark: mark.into(), log_probability, next }
    }

    fn mended(before: &str, after: &str, leads: &[Lead]) -> (String, String) {
        mend(before, after, &verdict(leads, Some(after), "en").unwrap())
    }

    #[test]
    fn a_pause_within_a_sentence_leaves_no_full_stop_and_no_capital() {
        let leads = [
            lead("", 0.0, &[(" ask", -0.4), (" Ask", -2.0)]),
            lead(".", -1.5, &[(" Ask", -0.2)]),
            lead(",", -1.0, &[(" ask", -0.3)]),
        ];
        let both = mended("my fellow Americans.", "Ask not.", &leads);
        assert_eq!(both, ("my fellow Americans".into(), "ask not.".into()));
    }

    #[test]
    fn a_finished_sentence_stays_one() {
        let leads = [
            lead("", 0.0, &[(" then", -4.0)]),
            lead(".", -0.1, &[(" Then", -0.5), (" then", -0.4)]),
        ];
        assert_eq!(mended("So it is", "then go.", &leads), ("So it is.".into(), "Then go.".into()));
    }

    #[test]
    fn a_name_keeps_its_capital_and_so_does_the_speaker() {
        let leads = [lead("", 0.0, &[(" Mary", -0.4), (" mary", -5.0)])];
        assert_eq!(mended("I met.", "Mary there.", &leads).1, "Mary there.");
        // The model decoded "in" at the seam and "I" in the piece.
        let leads = [lead("", 0.0, &[(" in", -0.4)])];
        assert_eq!(mended("and then.", "I went.", &leads).1, "I went.");
    }

    #[test]
    fn an_opening_mark_is_the_next_word_too() {
        assert!(
            marks::begins_words(" ¿") && !marks::begins_words(" ,") && !marks::begins_words(" ")
        );
        let leads = [
            lead("", 0.0, &[(" y", -4.0)]),
            lead(".", -0.3, &[(" ¿", -0.1), (" Y", -3.7)]),
            lead(",", -1.5, &[(" y", -1.2)]),
        ];
        let verdict = verdict(&leads, Some("¿Puedes revisarlo?"), "es").unwrap();
        let both = mend("He terminado.", "¿Puedes revisarlo?", &verdict);
        assert_eq!(both, ("He terminado.".into(), "¿Puedes revisarlo?".into()));
    }

    #[test]
    fn a_german_noun_keeps_its_capital_if_another_word_was_heard() {
        let mended = |after: &str, leads: &[Lead]| {
            mend("Ich sehe.", after, &verdict(leads, Some(after), "de").unwrap())
        };
        let heard = [lead("", -0.2, &[(" aus", -0.2), (" Aus", -4.0)])];
        assert_eq!(mended("Haus am See.", &heard), ("Ich sehe".into(), "Haus am See.".into()));
        let heard = [lead("", -0.2, &[(" das", -0.2), (" Das", -4.0)])];
        assert_eq!(mended("Das Haus.", &heard).1, "das Haus.");
    }

    #[test]
    fn in_turkish_the_letter_i_keeps_its_case() {
        let leads = [lead("", 0.0, &[(" ırak", -0.4), (" ve", -3.0)])];
        let verdict = verdict(&leads, Some("Irak uzak"), "tr").unwrap();
        assert_eq!(mend("Orası.", "Irak uzak", &verdict).1, "Irak uzak");
    }

    #[test]
    fn a_word_heard_otherwise_takes_the_case_of_what_was_likely() {
        let leads = [lead(",", -0.2, &[(" their", -0.4), (" There", -4.0)])];
        assert_eq!(
            mended("So it is.", "Those are.", &leads),
            ("So it is,".into(), "those are.".into())
        );
        let even = [lead(",", -0.2, &[(" their", -0.9), (" There", -0.8)])];
        assert_eq!(mended("So it is.", "Those are.", &even).1, "Those are.");
    }

    #[test]
    fn what_is_not_believed_changes_nothing() {
        assert_eq!(verdict(&[lead("", 0.0, &[(" ask", -7.0)])], Some("Ask"), "en"), None);
        assert_eq!(verdict(&[], Some("Ask"), "en"), None);
    }

    #[test]
    fn quotes_abbreviations_and_marks_alone_are_left_as_they_are() {
        for text in ["he said \"yes.\"", "…", "", "(so.)"] {
            assert_eq!(end_with(text, ""), text);
        }
        assert_eq!(end_with("at 5 p.m.", ""), "at 5 p.m.");
        assert_eq!(end_with("at 5 p.m.", ","), "at 5 p.m.,");
        assert_eq!(end_with("at 5 p.m.", "."), "at 5 p.m.");
        assert_eq!(end_with("open main.rs.", ","), "open main.rs,");
        assert_eq!(end_with("the-", ""), "the");
        assert_eq!(end_with("今日は。", "、"), "今日は、");
    }

    #[test]
    fn only_plain_words_change_their_case() {
        for (text, case, expected) in [
            ("¿Qué tal", Case::Lower, "¿qué tal"),
            ("NATO is", Case::Lower, "NATO is"),
            ("iPhone is", Case::Upper, "iPhone is"),
            ("A man", Case::Lower, "a man"),
            ("ßo", Case::Upper, "ßo"),
            ("今日", Case::Lower, "今日"),
            ("élan", Case::Upper, "Élan"),
        ] {
            assert_eq!(recase(text, case), expected);
        }
    }

    fn words(text: &str) -> Vec<String> {
        let letters = |word: &str| {
            word.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
        };
        text.split_whitespace().map(letters).filter(|word: &String| !word.is_empty()).collect()
    }

    proptest! {
        #[test]
        fn no_word_is_lost_doubled_or_changed(
            before in r"[ a-zA-ZéÉß.,?!…'-]{0,30}|\PC{0,30}",
            after in r"[ a-zA-ZéÉß.,?!¿“'-]{0,30}|\PC{0,30}",
            mark in proptest::sample::select(vec!["", ".", ",", "?", "。", "؟"]),
            case in proptest::option::of(prop_oneof![Just(Case::Upper), Just(Case::Lower)]),
        ) {
            let verdict = SeamEdit { mark: mark.into(), case };
            let (first, second) = mend(&before, &after, &verdict);
            prop_assert_eq!(words(&first), words(&before));
            prop_assert_eq!(words(&second), words(&after));
            // A second mending changes nothing.
            prop_assert_eq!(mend(&first, &second, &verdict), (first, second));
        }
    }
}
