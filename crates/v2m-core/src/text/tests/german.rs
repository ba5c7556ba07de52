//! German, in tables.
//!
//! These rows follow the usage in dictionaries and grammars. No native speaker has checked them. If
//! you are one, please correct them: a row that you would not say, or a missing command that you
//! would say, is a bug.

use super::*;

fn punctuated() -> Choices {
    Choices { punctuation: true, ..default() }
}

/// Checks that the rows stay as they are.
fn stay(choices: &Choices, rows: &[&str]) {
    let rows: Vec<_> = rows.iter().map(|same| (*same, *same)).collect();
    check(choices, "de", &rows);
}

#[test]
fn layout_is_written_where_it_is_meant() {
    let rows = [
        ("Hallo zusammen. Neue Zeile. Ich bin wieder da.", "Hallo zusammen.\nIch bin wieder da."),
        ("Milch | neue Zeile | Eier | nächste Zeile | Brot", "Milch\nEier\nBrot"),
        (
            "Liebe Anna, neue Zeile, ich hoffe, es geht dir gut.",
            "Liebe Anna,\nich hoffe, es geht dir gut.",
        ),
        (
            "Liebe Anna, | neue Zeile. | Ich hoffe, es geht dir gut.",
            "Liebe Anna,\nich hoffe, es geht dir gut.",
        ),
        ("Lieber Tom, neuer Absatz, Wir kommen.", "Lieber Tom,\n\nwir kommen."),
        ("Lieber Tom, neue Zeile, neue Zeile, Wir kommen.", "Lieber Tom,\n\nwir kommen."),
        ("Lieber Tom, neue Zeile, Schule ist heute keine.", "Lieber Tom,\nSchule ist heute keine."),
        ("Viele Grüße, neue Zeile, Anna", "Viele Grüße,\nAnna"),
        (
            "Das war alles. Neuer Absatz. Zum nächsten Thema.",
            "Das war alles.\n\nZum nächsten Thema.",
        ),
        (
            "Das war alles. Neuer Absatz zweitens fehlt Geld.",
            "Das war alles.\n\nZweitens fehlt Geld.",
        ),
        ("Das war alles. Absatz. Jetzt geht es weiter.", "Das war alles.\n\nJetzt geht es weiter."),
        ("Das war alles | Absatz | jetzt geht es weiter", "Das war alles\n\nJetzt geht es weiter"),
        (
            "Wir sind fertig, Punkt neue Zeile. Dann das Nächste.",
            "Wir sind fertig.\nDann das Nächste.",
        ),
        (
            "Wir sind fertig, Punkt Absatz, dann das Nächste.",
            "Wir sind fertig.\n\nDann das Nächste.",
        ),
        ("Erster Teil. Zeilenumbruch. Zweiter Teil.", "Erster Teil.\nZweiter Teil."),
        (
            "Er sagte, Anführungszeichen auf, ich komme später, Anführungszeichen zu.",
            "Er sagte, „ich komme später“.",
        ),
        (
            "Das Wort Anführungszeichen unten Heimat Anführungszeichen oben ist alt.",
            "Das Wort „Heimat“ ist alt.",
        ),
        (
            "Er sagte: „Anführungszeichen auf, ich komme, Anführungszeichen zu.“ Dann ging er.",
            "Er sagte: „ich komme“. Dann ging er.",
        ),
        (
            "Die Stadt Klammer auf siehe Karte Klammer zu ist klein.",
            "Die Stadt (siehe Karte) ist klein.",
        ),
        ("Klammer auf Anführungszeichen auf ja Anführungszeichen zu Klammer zu", "(„ja“)"),
        ("„Ich gehe.“ Neue Zeile. Er ging.", "„Ich gehe.“\nEr ging."),
        ("Er rief »Halt!« Neue Zeile. Sie blieb.", "Er rief »Halt!«\nSie blieb."),
        ("Klammer auf, Deutz, Klammer zu und arbeitet dort", "(Deutz) und arbeitet dort"),
        (
            "Er sagte Anführungszeichen auf nein Anführungszeichen zu und ging.",
            "Er sagte „nein“ und ging.",
        ),
        (
            "Anführungszeichen auf nein Anführungszeichen zu und Anführungszeichen auf ja Anführungszeichen zu",
            "„nein“ und „ja“",
        ),
        ("Das war alles. Nächster Absatz bitte.", "Das war alles.\n\n"),
        ("Das war alles. Nächste Zeile, bitte. Dann das.", "Das war alles.\nDann das."),
        ("Lieber Tom, neue Zeile, bitte komm.", "Lieber Tom,\nbitte komm."),
        ("Liebe Anna, neue Zeile, Vielen Dank für alles.", "Liebe Anna,\nvielen Dank für alles."),
        ("Liebe Anna, neue Zeile, Gestern war es schön.", "Liebe Anna,\ngestern war es schön."),
        ("Liebe Anna, neue Zeile, Heute kommen wir.", "Liebe Anna,\nheute kommen wir."),
        ("Das war alles. Absatz. 3 Dinge fehlen.", "Das war alles.\n\n3 Dinge fehlen."),
        ("Er sagt, neue Zeile, ich komme.", "Er sagt,\nich komme."),
    ];
    check(&default(), "de", &rows);
}

#[test]
fn words_that_talk_of_layout_stay() {
    let rows = [
        "Jetzt kommt eine neue Zeile im Gedicht.",
        "Die neue Zeile beginnt links.",
        "In der nächsten Zeile steht der Preis.",
        "Für jeden Befehl brauchst du eine neue Zeile.",
        "Hier fehlt ein neuer Absatz.",
        "Dieser Absatz ist zu lang.",
        "Neuer Absatz im Vertrag regelt die Kündigung.",
        "Umsatz, Absatz, Gewinn: alles steigt.",
        "Der Schuh hat einen hohen Absatz, Leder und Schnallen.",
        "Das Produkt findet reißenden Absatz.",
        "Auf dem Absatz kehrte er um.",
        "In Absatz 3 steht es anders.",
        "Das ist, in Anführungszeichen, ganz normal.",
        "Die Anführungszeichen unten sind falsch.",
        "Er vergaß, Anführungszeichen zu setzen.",
        "Setz eine Klammer auf und eine Klammer zu.",
        "Klammer zu ohne die andere Hälfte.",
        "Die Taste „neue Zeile“ und die Taste »neuer Absatz« gibt es nicht.",
        "Heißt es neue Zeile? Ja.",
        "Die Mannschaft muss das streichen.",
        "Streich das Zimmer bitte weiß. Danke.",
        "Bitte streich das. Danke.",
        "Das ist der Punkt.",
        "Er kennt Anführungszeichen auf und Anführungszeichen zu.",
        "Der Befehl heißt, neue Zeile.",
        "Der Befehl lautet: neuer Absatz. Gut.",
        "Du sagst neuer Absatz.",
        "Paragraf 5. Absatz. 2.",
        "Eine neue Zeile, bitte.",
    ];
    stay(&default(), &rows);
    check(
        &default(),
        "de",
        &[("Artikel 3 | Absatz | 2 des Grundgesetzes", "Artikel 3 Absatz 2 des Grundgesetzes")],
    );
}

#[test]
fn punctuation_is_spoken_by_choice() {
    let rows = [
        ("Hallo, Komma, wie geht es dir?", "Hallo, wie geht es dir?"),
        ("Ich weiß Komma dass du kommst Punkt", "Ich weiß, dass du kommst."),
        ("Wenn es regnet Komma ist die Straße nass Punkt", "Wenn es regnet, ist die Straße nass."),
        ("Ich rufe dich an Punkt bis morgen", "Ich rufe dich an. Bis morgen"),
        ("Das ist gut Punkt wir machen weiter", "Das ist gut. Wir machen weiter"),
        ("Das ist gut. Punkt. Wir machen weiter.", "Das ist gut. Wir machen weiter."),
        ("Kommst du morgen Fragezeichen ich warte", "Kommst du morgen? Ich warte"),
        ("Halt Ausrufezeichen", "Halt!"),
        ("Servus Rufzeichen", "Servus!"),
        (
            "Wir brauchen Doppelpunkt Brot Komma Butter und Käse",
            "Wir brauchen: Brot, Butter und Käse",
        ),
        ("Er sagte. Doppelpunkt. Ich komme.", "Er sagte: Ich komme."),
        (
            "Er kam Semikolon sie ging Strichpunkt alle schwiegen",
            "Er kam; sie ging; alle schwiegen",
        ),
        (
            "Er kam Gedankenstrich endlich Gedankenstrich nach Hause",
            "Er kam – endlich – nach Hause",
        ),
        ("Na ja Auslassungspunkte mal sehen", "Na ja… Mal sehen"),
        ("Äpfel neue Zeile Birnen neuer Absatz Ende", "Äpfel\nBirnen\n\nEnde"),
        (
            "Das war es Punkt neue Zeile Mit freundlichen Grüßen",
            "Das war es.\nMit freundlichen Grüßen",
        ),
        (
            "Das war es Punkt Absatz Mit freundlichen Grüßen",
            "Das war es.\n\nMit freundlichen Grüßen",
        ),
        ("Milch Beistrich Obers Beistrich Topfen", "Milch, Obers, Topfen"),
        ("Hallo. Komma. Ich bin da.", "Hallo, ich bin da."),
        ("Hallo. Komma. Anna ist da.", "Hallo, Anna ist da."),
        ("Es ist halb acht Punkt", "Es ist halb acht."),
        ("Es ist halb acht Punkt wir gehen", "Es ist halb acht. Wir gehen"),
        ("Das wird gemacht Komma fünf Leute kommen", "Das wird gemacht, fünf Leute kommen"),
        (
            "Das war der letzte Punkt Komma dann gehen wir",
            "Das war der letzte Punkt, dann gehen wir",
        ),
        ("Das ist ein guter Punkt Ausrufezeichen", "Das ist ein guter Punkt!"),
        ("Ein weiterer Punkt Doppelpunkt das Geld", "Ein weiterer Punkt: das Geld"),
        ("Er sagt Doppelpunkt ich komme", "Er sagt: ich komme"),
    ];
    check(&punctuated(), "de", &rows);
}

#[test]
fn words_that_talk_of_punctuation_stay() {
    let rows = [
        "Der Punkt ist, dass wir kein Geld haben.",
        "Du bringst es auf den Punkt.",
        "Sie macht einen Punkt und geht.",
        "Das schreibt man mit Komma, glaube ich.",
        "Vor dem Komma steht eine Null.",
        "Hier fehlt ein Komma.",
        "Das sind drei Komma fünf Prozent.",
        "Das ist ein guter Punkt, danke.",
        "Das ist ein wunder Punkt bei ihm.",
        "Er redet ohne Punkt und Komma.",
        "Wir gehen das Punkt für Punkt durch.",
        "Wir treffen uns um Punkt acht Uhr.",
        "An diesem Punkt waren wir schon.",
        "Kommen wir zu Punkt 3.",
        "Die Adresse ist beispiel Punkt de.",
        "Bis zu einem gewissen Punkt stimmt das.",
        "Dahinter steht ein großes Fragezeichen.",
        "Als Kind las er Die drei Fragezeichen.",
        "Am Ende steht kein Ausrufezeichen.",
        "Nach dem Doppelpunkt schreibt man groß.",
        "Ein Gedankenstrich trennt die Sätze.",
        "Das Semikolon ist selten.",
        "Punkt oder Komma, das ist die Frage.",
        "Eine neue Zeile Code kostet nichts.",
        "Der Absatz und der Umsatz steigen.",
        "Wir steigern Absatz und Umsatz.",
        "Viele Punkte, viele Kommas.",
        "Das sind hundertzwanzig Komma fünf Prozent.",
        "Das sind einundzwanzig Komma fünf Prozent.",
        "Das sind sechzehn Komma fünf Prozent.",
        "Das ist Version acht Punkt eins.",
        "Schreib an anna Punkt meier at gmx Punkt de.",
        "Schreib an anna Punkt maria Punkt meier at gmx Punkt de.",
        "Du sagst neue Zeile und es geht.",
        "Der Befehl ist ein Punkt.",
    ];
    stay(&punctuated(), &rows);
}

#[test]
fn what_is_taken_back_is_the_last_piece() {
    let rows = [
        ("Ich bleibe. | Ich gehe. | Streich das.", "Ich bleibe."),
        ("Ich bleibe. Ich gehe. Streich das.", "Ich bleibe."),
        ("Ich komme am Montag. Lösch das. Ich komme am Dienstag.", "Ich komme am Dienstag."),
        ("Ich will | das rote Auto | streich das | das blaue Auto", "Ich will das blaue Auto"),
        ("Bis Montag. Streiche das! Bis Dienstag.", "Bis Dienstag."),
        ("Das Bild ist alt. Lösch das Bild.", "Das Bild ist alt. Lösch das Bild."),
        ("Er sagt, streich das. Gut.", "Er sagt, streich das. Gut."),
    ];
    check(&default(), "de", &rows);
}

#[test]
fn fillers_go_by_choice() {
    let choices = Choices { fillers: true, ..default() };
    let rows = [
        ("Äh, das Haus ist groß.", "Das Haus ist groß."),
        ("Ähm. Das Haus ist, äh, groß.", "Das Haus ist groß."),
        ("Ich, ähm, denke schon.", "Ich denke schon."),
        ("Ich glaube nicht, äh, dass er kommt.", "Ich glaube nicht, dass er kommt."),
        ("Er sagt mir, äh, wenn er kommt.", "Er sagt mir, wenn er kommt."),
        ("Und, äh, wenn nicht?", "Und wenn nicht?"),
        ("Wir brauchen Milch, ähm, Eier und Brot.", "Wir brauchen Milch, Eier und Brot."),
        ("Ich komme äh morgen", "Ich komme morgen"),
        ("Das ist eh klar.", "Das ist eh klar."),
        ("Er sagte nur „äh“ und ging.", "Er sagte nur „äh“ und ging."),
        ("Also, ich weiß nicht, halt so.", "Also, ich weiß nicht, halt so."),
    ];
    check(&choices, "de", &rows);
    stay(&default(), &["Äh, das Haus ist, ähm, groß."]);
}

#[test]
fn the_table_and_the_names_are_written() {
    let replace = vec![
        ("straße".to_owned(), "Str.".to_owned()),
        ("über uns".to_owned(), "ÜberUns GmbH".to_owned()),
        ("mfg".to_owned(), "Mit freundlichen Grüßen".to_owned()),
    ];
    let vocabulary = vec!["PipeWire".to_owned()];
    let choices = Choices { replace, vocabulary, ..default() };
    let rows = [
        ("Die Straße ist lang.", "Die Str. ist lang."),
        ("ÜBER UNS gibt es viel, pipewire auch.", "ÜberUns GmbH gibt es viel, PipeWire auch."),
        ("Danke. Neue Zeile. MfG", "Danke.\nMit freundlichen Grüßen"),
        ("Die Straßenbahn , neue Zeile, kommt", "Die Straßenbahn,\nkommt"),
    ];
    check(&choices, "de", &rows);
}

#[test]
fn a_text_fits_between_what_stands_around_it() {
    let around = |before, after| Context { before: Some(before), after };
    let rows = [
        (around("Ich denke, dass", None), "Wir gehen.", " wir gehen."),
        (around("Ich sehe", None), "Häuser am See.", " Häuser am See."),
        (around("Ich kenne", None), "Anna gut.", " Anna gut."),
        (around("Ich danke", None), "Ihnen sehr.", " Ihnen sehr."),
        (around("Heute kommen", None), "Sie zu uns.", " Sie zu uns."),
        (around("Das ist gut.", None), "wir gehen", " Wir gehen"),
        (around("Das ist gut.", None), "über uns", " Über uns"),
        (
            around("Liebe Anna,\n", None),
            "Ich hoffe, es geht dir gut.",
            "ich hoffe, es geht dir gut.",
        ),
        (around("Liebe Anna,\n\n", None), "Wie geht es dir?", "wie geht es dir?"),
        (around("Milch,\n", None), "Eier", "Eier"),
        (around("Ende.\n\n", None), "und weiter", "Und weiter"),
        (around("Wir treffen uns am 3.", None), "Der Mai ist schön.", " Der Mai ist schön."),
        (around("Das sind z. B. Äpfel usw.", None), "und so", " und so"),
        (around("Er sagte: „", None), "Das ist gut.", "das ist gut."),
        (around("Er sagte: „Gut.“", None), "dann ging er", " Dann ging er"),
        (around("„", Some("“ sagte er")), "Ich komme", "Ich komme"),
        (around("Er rief", Some("und ging")), "»Halt!«", " »Halt!« "),
        (around("Er rief", Some(" und ging")), "„Halt“", " „Halt“"),
        (around("Er rief", None), "“Halt”", " “Halt”"),
        (around("Er rief “", None), "Halt", "Halt"),
        (around("Das war der", Some(" und dann")), "19.", " 19."),
        (around("Äpfel, Birnen", Some(" und so")), "Kirschen usw.", " Kirschen usw."),
        (around("Ich sehe", Some(" und gehe.")), "Das Haus.", " das Haus"),
    ];
    check_between("de", &rows);
}

#[test]
fn german_is_recognised_by_its_commonest_words() {
    let rules = Rules::new(Choices::default());
    for text in [
        "Der Punkt ist, dass wir kein Geld haben.",
        "Liebe Anna, neue Zeile, ich hoffe, es geht dir gut.",
        "Das war in der Stadt so.",
        "Haben Sie Zeit?",
        "Können wir uns morgen treffen?",
        "Ich bin nicht da",
    ] {
        assert_eq!(rules.guess_language(text), "de", "{text}");
    }
}
