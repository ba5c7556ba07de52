//! Tests of the other rules, one by one.

use super::*;

#[test]
fn spacing_is_folded_and_nothing_else_changes() {
    assert_eq!(polish("  Grüße —\n “€5”  ñ 日 "), "Grüße — “€5” ñ 日");
    assert_eq!(polish(" \n\t"), "");
}

#[test]
fn fillers_go_by_choice() {
    let choices = Choices { fillers: true, ..default() };
    let english = [
        ("Um, the thing is, uh, here.", "The thing is here."),
        ("I, um, think so.", "I think so."),
        ("We need milk, um, eggs, and bread.", "We need milk, eggs, and bread."),
        ("So um I think uh that", "So I think that"),
        ("I think so, um.", "I think so."),
        ("I think um. Then", "I think. Then"),
        ("Um. Uh, I think.", "I think."),
        ("Uh-huh, she works in the ER.", "Uh-huh, she works in the ER."),
        ("Um.", "Um."),
        ("Hello. | Um, | what now?", "Hello. What now?"),
    ];
    check(&choices, "en", &english);
    let spanish = [
        ("Eh, no sé.", "No sé."),
        ("Creo que, eh, no.", "Creo que no."),
        ("Bonito, ¿eh?", "Bonito, ¿eh?"),
        ("Este, no sé.", "No sé."),
        ("Quiero, este, dos cafés.", "Quiero, dos cafés."),
        ("Quiero este, gracias.", "Quiero este, gracias."),
        ("Norte, sur, este, oeste.", "Norte, sur, este, oeste."),
        ("Este, ese y aquel.", "Este, ese y aquel."),
        ("Este libro, este, es mío.", "Este libro, es mío."),
    ];
    check(&choices, "es", &spanish);
    check(&default(), "en", &[("Um, the thing is, uh, here.", "Um, the thing is, uh, here.")]);
}

#[test]
fn the_table_writes_as_it_stands() {
    let table = [
        ("ve dos eme", "v2m"),
        ("my address", "12 My Street"),
        ("foo", "foo bar"),
        ("a rroba", "@"),
        ("semi", ";"),
        ("san juan", "San Juan"),
    ];
    let replace = table.map(|(heard, written)| (heard.into(), written.into())).to_vec();
    let vocabulary = ["PipeWire", "Go", "IT", "v2m"].map(str::to_owned).to_vec();
    let choices = Choices { replace, vocabulary, ..default() };
    let rows = [
        ("Ve dos eme funciona, ve dos eme.", "v2m funciona, v2m."),
        ("Ve | dos eme", "v2m"),
        ("send it to my address, please", "send it to 12 My Street, please"),
        ("Foo and foo bar", "foo bar and foo bar"),
        ("a rroba b semi c", "@ b; c"),
        ("ve, dos eme", "ve, dos eme"),
        ("pipewire and V2M go, it does", "PipeWire and v2m go, it does"),
        ("hello. New line. san juan", "hello.\nSan Juan"),
        ("wave dos emes", "wave dos emes"),
        ("ve | x | scratch that | dos eme", "v2m"),
    ];
    check(&choices, "en", &rows);
    check(&choices, "pl", &[("Ve dos eme , new line, tak", "v2m , new line, tak")]);
}

#[test]
fn marks_stand_close_and_numbers_stay() {
    check(
        &every(),
        "en",
        &[
            ("one , two . Three ?", "one, two. Three?"),
            ("a .gitignore file and :) too", "a .gitignore file and :) too"),
            ("It costs $3.50, or 1,000 or twenty-one.", "It costs $3.50, or 1,000 or twenty-one."),
            ("at 10:30 p.m. on 3/4", "at 10:30 p.m. on 3/4"),
        ],
    );
}

#[test]
fn a_text_fits_between_what_stands_around_it() {
    let around = |before, after| Context { before, after };
    let table = [
        ("en", around(None, None), "The end.", "The end."),
        ("en", around(Some("I saw "), None), "The end.", "the end."),
        ("en", around(Some("I saw"), None), "The end.", " the end."),
        ("en", around(Some("I saw"), None), "Ann there.", " Ann there."),
        ("en", around(Some("I saw."), None), "the end", " The end"),
        ("en", around(Some(""), None), "the end", "The end"),
        ("en", around(Some("line\n"), None), "the end", "The end"),
        ("en", around(Some("see ("), Some(")")), "The end", "the end"),
        ("en", around(Some("I saw "), Some("of it")), "The end.", "the end "),
        ("en", around(Some("I saw "), Some(" of it.")), "The end.", "the end"),
        ("es", around(Some("Creo"), Some(" y nada más.")), "Que no.", " que no"),
        ("es", around(Some("Ya."), Some("")), "¿qué?", " ¿Qué?"),
    ];
    for (language, context, heard, expected) in table {
        let got = applied(&default(), language, heard, context).text;
        assert_eq!(got, expected, "{heard:?} {context:?}");
        assert_eq!(applied(&default(), language, &got, context).text, got, "again");
    }
}

#[test]
fn each_rule_tells_what_it_did() {
    let heard = "Um, ve dos eme works , comma, fine. | No. | Scratch that.";
    let refined = applied(&every(), "en", heard, Context { before: Some("See:"), after: None });
    let steps: Vec<_> = refined.steps.iter().map(|s| (s.rule, s.after.as_str())).collect();
    assert_eq!(
        steps,
        [
            ("spacing", "Um, ve dos eme works, comma, fine. No. Scratch that."),
            ("fillers", "Ve dos eme works, comma, fine. No. Scratch that."),
            ("take back", "Ve dos eme works, comma, fine."),
            ("replace", "v2m works, comma, fine."),
            ("commands", "v2m works, fine."),
            ("context", " v2m works, fine."),
        ]
    );
    assert!(refined.steps.windows(2).all(|pair| pair[0].after == pair[1].before));
    assert_eq!(refined.text, steps[5].1);
    assert!(applied(&every(), "en", "Nothing to do.", Context::default()).steps.is_empty());
}

#[test]
fn the_language_is_guessed_by_its_commonest_words() {
    let rules = Rules::new(Choices::default());
    for (text, expected) in [
        ("the comma is wrong", "en"),
        ("el punto es que no", "es"),
        ("Hola, nueva línea, ¿cómo estás?", "es"),
        ("xyz", "en"),
        ("I am so tired", "en"),
        ("I was in an inn", "en"),
        ("On me", "en"),
        ("El mes que viene en la mesa", "es"),
        ("La casa de mi tía", "es"),
    ] {
        assert_eq!(rules.guess_language(text), expected, "{text}");
    }
}

#[test]
fn pieces_that_do_not_make_up_the_text_tell_no_pauses() {
    assert!(pauses("one  two three", ["one two", "three"]).is_empty());
    assert_eq!(pauses("one two  three", ["one two", "three"]), [7, 14]);
    assert_eq!(pauses("日本語", ["日本", "語"]), [6, 9]);
}
