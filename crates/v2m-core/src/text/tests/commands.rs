//! Spoken commands: layout, punctuation and taking back.

use super::*;

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
        ("He said open quote no close quote and left.", "He said \"no\" and left."),
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
