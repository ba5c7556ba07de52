//! Tests that applying the rules twice changes nothing, and that their time grows linearly with the
//! text.

use super::*;
use crate::text::phrases::work;
use proptest::prelude::*;

fn looks(heard: RawText<'_>) -> u64 {
    work::LOOKS.with(|looks| looks.set(0));
    apply(&every(), heard, Context::default());
    work::LOOKS.with(std::cell::Cell::get)
}

/// Regression: 64 KiB of "scratch that" took half a second, and a text twice as long took four
/// times as long.
#[test]
fn commands_that_find_nothing_to_take_back_are_not_gone_through_again_and_again() {
    let commas = |count: usize| ",".repeat(count);
    let texts: [(&str, &dyn Fn(usize) -> String); 6] = [
        ("commands alone", &|n| "Scratch that. ".repeat(n)),
        ("between commands", &|n| "Scratch that. ".repeat(n) + &"A. Scratch that. ".repeat(n)),
        ("marks behind one", &|n| format!("Scratch that{}. {}", commas(n), "A. ".repeat(n))),
        ("marks behind one, looked at again", &|n| {
            format!("Scratch that{}. {}", commas(n), "A. Scratch that. ".repeat(n))
        }),
        ("all of it taken back", &|n| "A. ".repeat(n) + &"Scratch that. ".repeat(n)),
        ("fillers", &|n| "um, uh. ".repeat(n) + &",".repeat(n)),
    ];
    for (name, text) in texts {
        let looks = |n| {
            let text = text(n);
            // As sentences, and as pieces between two pauses.
            let ends: Vec<usize> = text.match_indices(". ").map(|(at, _)| at + 1).collect();
            [&[], &ends[..]].map(|pauses| looks(RawText { text: &text, pauses, language: "en" }))
        };
        let (once, many) = (looks(500), looks(4000));
        for (once, many) in once.into_iter().zip(many) {
            assert!(many <= 10 * once, "{name}: {once} looks, then {many} for 8 times the text");
        }
    }
}

/// The removed unit reaches into commands that found nothing. The commands before them are not
/// examined again.
#[test]
fn commands_that_lose_their_last_one_stay_known() {
    let cycle = "Scratch that. Hello| Scratch that| ";
    let looks = |n: usize| {
        let marked = "Scratch that| ".repeat(n) + &cycle.repeat(n);
        let (mut text, mut pauses) = (String::new(), Vec::new());
        for piece in marked.split('|') {
            text.push_str(piece);
            pauses.push(text.len());
        }
        looks(RawText { text: &text, pauses: &pauses, language: "en" })
    };
    let (once, many) = (looks(200), looks(1600));
    assert!(many <= 10 * once, "{once} looks, then {many} for 8 times the text");
}

/// Generates texts from the rules' phrases, in all their languages, with some arbitrary text.
fn any_text() -> impl Strategy<Value = String> {
    const WORDS: [&str; 102] = [
        "new line",
        "New paragraph",
        "new",
        "line",
        "a",
        "of",
        "the",
        "The",
        "comma",
        "period",
        "question mark",
        "open quote",
        "close quote",
        "open paren",
        "close paren",
        "scratch that",
        "Scratch that.",
        "scratch",
        "that",
        "um",
        "Um",
        "uh",
        "I",
        "Ann",
        "ve",
        "dos",
        "eme",
        "ve dos eme",
        "v2m",
        "punto",
        "punto y aparte",
        "punto y coma",
        "y",
        "coma",
        "dos puntos",
        "este",
        "eh",
        "norte",
        "borra eso",
        "nueva línea",
        "abre comillas",
        "cierra comillas",
        "¿eh?",
        "no",
        "abrir interrogación",
        "cerrar interrogación",
        "neue Zeile",
        "Neuer Absatz",
        "Absatz",
        "Punkt",
        "Punkt Absatz",
        "Komma",
        "Doppelpunkt",
        "Gedankenstrich",
        "Fragezeichen",
        "Anführungszeichen auf",
        "Anführungszeichen zu",
        "Klammer auf",
        "Klammer zu",
        "streich das",
        "äh",
        "Ähm",
        "der",
        "Das",
        "dass",
        "Größe",
        "3",
        "usw",
        "à la ligne",
        "nouveau paragraphe",
        "point à la ligne",
        "point",
        "virgule",
        "deux points",
        "point d'interrogation",
        "point d’exclamation",
        "point virgule",
        "tiret",
        "ouvrez les guillemets",
        "fermez les guillemets",
        "ouvrez la parenthèse",
        "fermez la parenthèse",
        "Efface ça",
        "euh",
        "Euh",
        "C'est",
        "l’œuvre",
        "d'un",
        "Le",
        "mais",
        "bitte",
        "sechzehn",
        "fünf",
        "Artikel",
        "at",
        "s'il te plaît",
        "que",
        "il",
        "ne",
        "ma",
        "hôtel",
        "par",
    ];
    const MARKS: [&str; 24] = [
        " ", " ", " ", " ", ", ", ". ", ".", "? ", " , ", "\n", " “", "” ", " (", "… ", " ? ",
        " : ", " !", " « ", " » ", " „", "“ ", " »", "«\u{a0}", "\u{a0}? ",
    ];
    let part = prop_oneof![
        12 => (0..WORDS.len(), 0..MARKS.len())
            .prop_map(|(word, mark)| format!("{}{}", WORDS[word], MARKS[mark])),
        1 => "\\PC{0,4}",
    ];
    proptest::collection::vec(part, 0..14).prop_map(|parts| parts.concat())
}

fn any_choices() -> impl Strategy<Value = Choices> {
    any::<[bool; 4]>().prop_map(|[layout, punctuation, take_back, fillers]| Choices {
        layout,
        punctuation,
        take_back,
        fillers,
        ..every()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn applied_again_nothing_changes(
        text in any_text(),
        choices in any_choices(),
        cuts in proptest::collection::vec(0usize..120, 0..4),
        language in prop_oneof!["en", "es", "de", "fr", "pl"],
        before in proptest::option::of("[a3., \n«»„“\u{a0}]{0,3}"),
        after in proptest::option::of("[a.? \n»“\u{a0}]{0,3}"),
    ) {
        let mut pauses: Vec<usize> = cuts;
        pauses.sort_unstable();
        let context = Context { before: before.as_deref(), after: after.as_deref() };
        let heard = RawText { text: &text, pauses: &pauses, language: &language };
        let once = apply(&choices, heard, context);
        let heard = RawText { text: &once.text, pauses: &[], language: &language };
        let again = apply(&choices, heard, context);
        prop_assert_eq!(&again.text, &once.text, "{:?}", once.steps);
    }

    #[test]
    fn twice_the_text_is_twice_the_work(
        text in any_text(),
        choices in any_choices(),
        language in prop_oneof!["en", "es", "de", "fr"],
    ) {
        let looks = |times: usize| {
            work::LOOKS.with(|looks| looks.set(0));
            let text = format!("{text} ").repeat(times);
            let heard = RawText { text: &text, pauses: &[], language: &language };
            apply(&choices, heard, Context::default());
            work::LOOKS.with(std::cell::Cell::get)
        };
        let (once, many) = (looks(64), looks(128));
        prop_assert!(many <= 3 * once, "{} looks, then {}", once, many);
    }

    #[test]
    fn polishing_keeps_the_words(raw: String) {
        let polished = polish(&raw);
        prop_assert!(polished.split_whitespace().eq(raw.split_whitespace()));
        prop_assert_eq!(polish(&polished), polished);
    }
}
