//! The room as a whole, in tables. In what is heard `|` stands for a pause between two pieces.

use super::phrases::work;
use super::*;
use proptest::prelude::*;
use std::cell::RefCell;

fn default() -> Choices {
    Choices { layout: true, take_back: true, ..Choices::default() }
}

fn every() -> Choices {
    Choices {
        punctuation: true,
        fillers: true,
        replace: vec![("ve dos eme".into(), "v2m".into())],
        ..default()
    }
}

thread_local! {
    /// Reading the languages' files is most of the work for a short text.
    static RULES: RefCell<Rules> = RefCell::new(Rules::new(Choices::default()));
}

fn apply(choices: &Choices, heard: RawText<'_>, context: Context<'_>) -> Refined {
    RULES.with_borrow_mut(|rules| {
        if rules.choices != *choices {
            rules.replacements = Replacements::new(&choices.replace, &choices.vocabulary);
            rules.choices = choices.clone();
        }
        rules.apply(heard, context)
    })
}

/// What becomes of `heard` in a language.
fn applied(choices: &Choices, language: &str, heard: &str, context: Context<'_>) -> Refined {
    let pieces: Vec<&str> = heard.split('|').map(str::trim).collect();
    let text = pieces.join(" ");
    let pauses = pauses(&text, pieces);
    let heard = RawText { text: &text, pauses: &pauses, language };
    apply(choices, heard, context)
}

/// Checks each row, and that its result stays as it is when the rules are applied again.
fn check(choices: &Choices, language: &str, rows: &[(&str, &str)]) {
    for (heard, expected) in rows {
        let got = applied(choices, language, heard, Context::default()).text;
        assert_eq!(got, *expected, "{heard:?}");
        let heard = RawText { text: &got, pauses: &[], language };
        let again = apply(choices, heard, Context::default());
        assert_eq!(again.text, got, "again, of {heard:?}");
    }
}

#[test]
fn spacing_is_folded_and_nothing_else_changes() {
    assert_eq!(polish("  Grüße —\n “€5”  ñ 日 "), "Grüße — “€5” ñ 日");
    assert_eq!(polish(" \n\t"), "");
}

#[test]
fn layout_is_written_where_it_is_meant() {
    let english = [
        ("Dear Ann, new line, I am well.", "Dear Ann,\nI am well."),
        ("Hello. New line. And then.", "Hello.\nAnd then."),
        ("milk | new line | eggs | new line | bread", "milk\nEggs\nBread"),
        ("I am here... new line... Then", "I am here...\nThen"),
        ("Hello. New paragraph, the rest.", "Hello.\n\nThe rest."),
        ("I went home. New paragraph then I slept.", "I went home.\n\nThen I slept."),
        ("Yours, new line, new line, Ann", "Yours,\n\nAnn"),
        ("Yours | new line new line | Ann", "Yours\n\nAnn"),
        ("New line.", "\n"),
        ("The end. New line.", "The end.\n"),
        ("He said, open quote, hello, close quote.", "He said, \"hello\"."),
        (
            "He said open quote hello there close quote and left.",
            "He said \"hello there\" and left.",
        ),
        ("He said. Open quote. Hello. Close quote. Then", "He said. \"Hello.\" Then"),
        (
            "He said, \"Open quote. I will be there.\" Close quote. And left.",
            "He said, \"I will be there.\" And left.",
        ),
        (
            "He said, \"Open quote, I will be there, close quote, and left.\" Then",
            "He said, \"I will be there\", and left. Then",
        ),
        ("“Open quote hello close quote.”", "\"hello\"."),
        ("We open parenthesis all of us close parenthesis agree.", "We (all of us) agree."),
        ("Open paren all open quote yes close quote so close paren", "(all \"yes\" so)"),
    ];
    check(&default(), "en", &english);
    let spanish = [
        ("Hola, Ana, nueva línea, estoy bien.", "Hola, Ana,\nEstoy bien."),
        ("Hola. Nueva línea. Y entonces.", "Hola.\nY entonces."),
        ("¡Hola! ¡Nueva línea! ¡Espero que estés bien!", "¡Hola!\n¡Espero que estés bien!"),
        ("Hola, punto y aparte, ¿cómo estás?", "Hola.\n¿Cómo estás?"),
        ("Hola. Punto y aparte. Cómo estás", "Hola.\nCómo estás"),
        ("¿Vienes? Punto y aparte. Dímelo.", "¿Vienes?\nDímelo."),
        ("Llegué tarde punto y seguido. después comí", "Llegué tarde. Después comí"),
        ("Fin | nuevo párrafo | otro tema", "Fin\n\nOtro tema"),
        ("Dijo, abre comillas, hola, cierra comillas.", "Dijo, \"hola\"."),
        ("abrir interrogación vienes cerrar interrogación", "¿vienes?"),
        ("todos abre paréntesis los dos cierra paréntesis vinieron", "todos (los dos) vinieron"),
    ];
    check(&default(), "es", &spanish);
}

#[test]
fn words_that_talk_of_layout_stay() {
    let english = [
        "A new line of code.",
        "I need a new line. Then",
        "This opens a whole new line.",
        "New line of products announced.",
        "New line items were added.",
        "Chanel's new line, it sells.",
        "Add new line. Then go on.",
        "the comma is wrong",
        "a period of time",
        "Never. Period. Full stop.",
        "Came to a full stop.",
        "Is it, new line? Yes.",
        "The “new line” key, and (new line) too.",
        "The \"open quote\" and \"close quote\" keys.",
        "Start with a new paragraph, please.",
        "There are new paragraphs.",
        "Close quote without its other half.",
        "We have an open quote and a close quote.",
        "close quote before open quote",
        "How to open quote and close quote marks.",
        "It itches, scratch that.",
        "Scratch that.",
        "Scratch that itch. Now.",
    ];
    check(&default(), "en", &english.map(|same| (same, same)));
    let spanish = [
        "El punto es que no.",
        "Una nueva línea de metro.",
        "Abrimos nueva línea de negocio.",
        "Esto es un punto y aparte.",
        "La boda merece punto y aparte.",
        "Falta una coma. Coma usted.",
        "Ganó dos puntos. No hay punto y coma.",
        "No voy. Punto.",
        "Empieza en un nuevo párrafo, por favor.",
        "Este libro es este, no ese.",
        "Borra eso del texto.",
    ];
    check(&default(), "es", &spanish.map(|same| (same, same)));
}

#[test]
fn punctuation_is_spoken_by_choice() {
    let choices = Choices { punctuation: true, ..default() };
    let english = [
        ("Hello, comma, how are you?", "Hello, how are you?"),
        ("Hello. Comma. How are you, question mark.", "Hello, how are you?"),
        ("hello comma how are you question mark", "hello, how are you?"),
        ("It works period the end", "It works. The end"),
        ("It works. Period. The end.", "It works. The end."),
        ("Plums semicolon pears colon ripe", "Plums; pears: ripe"),
        ("milk new line eggs new paragraph bread", "milk\nEggs\n\nBread"),
        ("the comma is wrong", "the comma is wrong"),
        ("a period of time", "a period of time"),
        ("That is a big question mark over it.", "That is a big question mark over it."),
        ("comma separated values", "comma separated values"),
        ("Hello. Comma. Ann is here.", "Hello, Ann is here."),
        ("Stop exclamation mark now", "Stop! Now"),
    ];
    check(&choices, "en", &english);
    let spanish = [
        ("Hola, coma, ¿qué tal?", "Hola, ¿qué tal?"),
        ("hola coma qué tal", "hola, qué tal"),
        ("Ya está punto ahora vamos", "Ya está. Ahora vamos"),
        ("Faltan cosas dos puntos pan y vino", "Faltan cosas: pan y vino"),
        ("uno punto y coma otro", "uno; otro"),
        ("El punto es que no.", "El punto es que no."),
        ("Ganó dos puntos más.", "Ganó dos puntos más."),
        ("tres coma catorce", "tres coma catorce"),
        ("Está en coma profundo.", "Está en coma profundo."),
        ("en punto muerto", "en punto muerto"),
        ("Espera puntos suspensivos", "Espera…"),
    ];
    check(&choices, "es", &spanish);
}

#[test]
fn what_is_taken_back_is_the_last_piece() {
    let english = [
        ("I stay. | I go home. | Scratch that.", "I stay."),
        ("I stay. | I go home. Scratch that.", "I stay."),
        ("I stay. I go home. Scratch that. | And you?", "I stay. And you?"),
        ("I want | the red one | scratch that | the blue one", "I want the blue one"),
        ("A. Scratch that. | B.", "B."),
        ("One. Two. Scratch that. Scratch that.", ""),
        ("One. | Two. | Scratch that. | Scratch that.", ""),
        ("One. | Two three. | Strike that.", "One."),
        ("I come on Monday. Scratch that. I come on Tuesday.", "I come on Tuesday."),
        ("One. Two. Scratch that... Three.", "One. Three."),
        ("A. Scratch that. B. Scratch that. C.", "C."),
        ("New paragraph. One. Scratch that.", "\n\n"),
        ("It itches, so scratch that. Now.", "It itches, so scratch that. Now."),
        ("One | scratch | that", ""),
    ];
    check(&default(), "en", &english);
    let spanish = [
        ("Me quedo. | Me voy. | Borra eso.", "Me quedo."),
        ("Me quedo. Me voy. Borra eso.", "Me quedo."),
        ("Me quedo. | Borra eso. | Me voy.", "Me voy."),
        ("Hasta el lunes. ¡Borra eso! Hasta el martes.", "Hasta el martes."),
    ];
    check(&default(), "es", &spanish);
    let off = Choices { take_back: false, ..default() };
    check(&off, "en", &[("One. | Scratch that.", "One. Scratch that.")]);
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
    check(&choices, "de", &[("Ve dos eme , new line, gut", "v2m , new line, gut")]);
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

fn looks(heard: RawText<'_>) -> u64 {
    work::LOOKS.with(|looks| looks.set(0));
    apply(&every(), heard, Context::default());
    work::LOOKS.with(std::cell::Cell::get)
}

/// 64 KiB of "scratch that" took half a second, twice as long four times that.
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
            // Between sentences, and as pieces between two pauses.
            let ends: Vec<usize> = text.match_indices(". ").map(|(at, _)| at + 1).collect();
            [&[], &ends[..]].map(|pauses| looks(RawText { text: &text, pauses, language: "en" }))
        };
        let (once, many) = (looks(500), looks(4000));
        for (once, many) in once.into_iter().zip(many) {
            assert!(many <= 10 * once, "{name}: {once} looks, then {many} for 8 times the text");
        }
    }
}

/// The unit taken reaches into commands that found nothing: those before them are not gone through
/// again.
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

/// Texts of what the rules look for, in both languages, and some of anything.
fn any_text() -> impl Strategy<Value = String> {
    const WORDS: [&str; 46] = [
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
    ];
    const MARKS: [&str; 14] =
        [" ", " ", " ", " ", ", ", ". ", ".", "? ", " , ", "\n", " “", "” ", " (", "… "];
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
        language in prop_oneof!["en", "es", "de"],
        before in proptest::option::of("[a. \n]{0,3}"),
        after in proptest::option::of("[a. \n]{0,3}"),
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
    fn twice_the_text_is_twice_the_work(text in any_text(), choices in any_choices()) {
        let looks = |times: usize| {
            work::LOOKS.with(|looks| looks.set(0));
            let text = format!("{text} ").repeat(times);
            let heard = RawText { text: &text, pauses: &[], language: "en" };
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
