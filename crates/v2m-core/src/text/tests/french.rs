//! French, in tables. In the expected texts, `_` stands for a no-break space.
//!
//! These rows follow the usage in dictionaries and grammars. No native speaker has checked them. If
//! you are one, please correct them: a row that you would not say, or a missing command that you
//! would say, is a bug.

use super::*;

fn punctuated() -> Choices {
    Choices { punctuation: true, ..default() }
}

fn check(choices: &Choices, rows: &[(&str, &str)]) {
    let tied = |expected: &str| expected.replace('_', "\u{a0}");
    let rows: Vec<_> = rows.iter().map(|(heard, expected)| (*heard, tied(expected))).collect();
    let rows: Vec<_> = rows.iter().map(|(heard, expected)| (*heard, expected.as_str())).collect();
    super::check(choices, "fr", &rows);
}

/// Checks that the rows stay as they are.
fn stay(choices: &Choices, rows: &[&str]) {
    let rows: Vec<_> = rows.iter().map(|same| (*same, *same)).collect();
    check(choices, &rows);
}

#[test]
fn layout_is_written_where_it_is_meant() {
    let rows = [
        ("Bonjour à tous. Nouvelle ligne. Je suis là.", "Bonjour à tous.\nJe suis là."),
        (
            "Chère Anne, à la ligne, j'espère que tu vas bien.",
            "Chère Anne,\nJ'espère que tu vas bien.",
        ),
        (
            "Chère Anne, | à la ligne. | J’espère que tu vas bien.",
            "Chère Anne,\nJ’espère que tu vas bien.",
        ),
        ("Du lait | à la ligne | des œufs | à la ligne | du pain", "Du lait\nDes œufs\nDu pain"),
        ("C'est fini. A la ligne. On continue.", "C'est fini.\nOn continue."),
        ("C'est fini. Retour à la ligne. On continue.", "C'est fini.\nOn continue."),
        ("Tu viens ? À la ligne. Réponds-moi.", "Tu viens ?\nRéponds-moi."),
        ("C'est fini. Nouveau paragraphe. Autre sujet.", "C'est fini.\n\nAutre sujet."),
        ("C'est fini. Nouveau paragraphe ensuite on part.", "C'est fini.\n\nEnsuite on part."),
        ("Je suis prêt | point à la ligne | on y va", "Je suis prêt.\nOn y va"),
        ("Je suis prêt. Point à la ligne. On y va.", "Je suis prêt.\nOn y va."),
        ("Cordialement, à la ligne, à la ligne, Anne", "Cordialement,\n\nAnne"),
        ("À la ligne !", "\n"),
        (
            "Il a dit, ouvrez les guillemets, je viens, fermez les guillemets.",
            "Il a dit, «_je viens_».",
        ),
        (
            "Le mot ouvrir les guillemets maison fermer les guillemets est court.",
            "Le mot «_maison_» est court.",
        ),
        (
            "Il a dit : « Ouvrez les guillemets, je viens, fermez les guillemets. » Puis il part.",
            "Il a dit : «_je viens_». Puis il part.",
        ),
        (
            "La ville ouvrez la parenthèse voir la carte fermez la parenthèse est petite.",
            "La ville (voir la carte) est petite.",
        ),
        (
            "Ouvrez la parenthèse ouvrez les guillemets oui fermez les guillemets fermez la parenthèse",
            "(«_oui_»)",
        ),
        ("Guillemet ouvrant, l'été, guillemet fermant.", "«_l'été_»."),
        ("« Je viens. » Nouvelle ligne. Elle part.", "« Je viens. »\nElle part."),
        (
            "Ouvrez les guillemets non fermez les guillemets et ouvrez les guillemets oui fermez les guillemets",
            "«_non_» et «_oui_»",
        ),
        ("C'est fini. Ligne suivante, s'il te plaît.", "C'est fini.\n"),
        ("C'est fini. Nouveau paragraphe s'il vous plaît. On part.", "C'est fini.\n\nOn part."),
    ];
    check(&default(), &rows);
}

#[test]
fn words_that_talk_of_layout_stay() {
    let rows = [
        "La nouvelle ligne de métro ouvre demain.",
        "Il faut aller à la ligne.",
        "Mon grand-père aime la pêche à la ligne.",
        "Les pigistes sont payés à la ligne.",
        "Regarde à la ligne 12.",
        "Il manque un retour à la ligne.",
        "Commence par une nouvelle ligne.",
        "C'est un nouveau paragraphe.",
        "Nouveau paragraphe sur les prix dans la loi.",
        "J'ai besoin d'un nouveau paragraphe.",
        "C'est non, point à la ligne.",
        "C'est, entre guillemets, normal.",
        "Il faut ouvrir les guillemets et fermer les guillemets.",
        "J'ouvre une parenthèse, puis je ferme la parenthèse.",
        "Pour ouvrir les guillemets, pense à fermer les guillemets.",
        "Fermez la parenthèse sans l'autre moitié.",
        "La touche « nouvelle ligne » et la touche “à la ligne” manquent.",
        "Les touches « ouvrez les guillemets » et « fermez les guillemets » manquent.",
        "On dit nouvelle ligne ? Oui.",
        "Efface ça du tableau. Merci.",
        "Il a dit : efface ça.",
        "La commande est : nouvelle ligne.",
        "Vous dites nouveau paragraphe.",
    ];
    stay(&default(), &rows);
}

#[test]
fn punctuation_is_spoken_by_choice() {
    let rows = [
        ("Bonjour, virgule, comment ça va ?", "Bonjour, comment ça va ?"),
        ("bonjour virgule comment ça va point d'interrogation", "bonjour, comment ça va_?"),
        ("Tu viens point d’interrogation je t'attends", "Tu viens_? Je t'attends"),
        ("Je suis prêt point on y va", "Je suis prêt. On y va"),
        ("Je suis prêt. Point. On y va.", "Je suis prêt. On y va."),
        ("Je suis prêt point à la ligne on y va", "Je suis prêt.\nOn y va"),
        ("Je suis prêt point nouveau paragraphe autre sujet", "Je suis prêt.\n\nAutre sujet"),
        ("Attention point d'exclamation", "Attention_!"),
        ("Attention. Point d'exclamation !", "Attention_!"),
        (
            "Il faut acheter deux points le pain virgule le lait",
            "Il faut acheter_: le pain, le lait",
        ),
        ("Voici la liste. Deux points. Le pain.", "Voici la liste_: le pain."),
        ("Il vient point virgule elle part", "Il vient_; elle part"),
        ("Il vient point-virgule elle part", "Il vient_; elle part"),
        ("On verra points de suspension", "On verra…"),
        ("On verra trois petits points peut-être", "On verra… Peut-être"),
        ("Il vient tiret enfin tiret chez nous", "Il vient – enfin – chez nous"),
        ("Il vient tiret cadratin enfin", "Il vient — enfin"),
        ("Des pommes à la ligne des poires", "Des pommes\nDes poires"),
        (
            "Il a crié ouvrez les guillemets stop point d'exclamation fermez les guillemets",
            "Il a crié «_stop_!_»",
        ),
        ("Bonjour. Virgule. L'eau est froide.", "Bonjour, l'eau est froide."),
        ("Bonjour. Virgule. Anne est là.", "Bonjour, Anne est là."),
        ("Quand même virgule il exagère", "Quand même, il exagère"),
        ("Quoi. Point d'interrogation. Point d'exclamation.", "Quoi_!"),
        ("Point d'interrogation", "?"),
        ("Viens si tu veux point", "Viens si tu veux."),
        ("Voilà ce qu'il faut point on y va", "Voilà ce qu'il faut. On y va"),
        ("Je veux qu'il le fait point", "Je veux qu'il le fait."),
        ("Je ne sais pas point on verra", "Je ne sais pas. On verra"),
        ("C'est bon marché point de plus il fait beau", "C'est bon marché. De plus il fait beau"),
        ("Je suis prêt point par contre il pleut", "Je suis prêt. Par contre il pleut"),
        ("Je suis prêt point du coup on part", "Je suis prêt. Du coup on part"),
        ("Je suis prêt point des amis arrivent", "Je suis prêt. Des amis arrivent"),
        ("Je suis prêt point un jour on partira", "Je suis prêt. Un jour on partira"),
        ("Il est dix heures dix point", "Il est dix heures dix."),
        ("Il est dix heures dix point on y va", "Il est dix heures dix. On y va"),
    ];
    check(&punctuated(), &rows);
}

#[test]
fn words_that_talk_of_punctuation_stay() {
    let rows = [
        "C'est mon point de vue.",
        "Il y a deux points de vue.",
        "Je ne savais pas qu'il était fâché à ce point.",
        "Il faut mettre un point final à cette histoire.",
        "Un nombre à virgule fixe suffit.",
        "Trois virgule cinq pour cent.",
        "Le tiret du bas est interdit.",
        "L'adresse contient un tiret bas.",
        "Le point est que nous n'avons pas d'argent.",
        "On va faire le point demain.",
        "Il est sur le point de partir.",
        "J'aime la viande à point.",
        "C'est un point d'honneur.",
        "Il y a un point d'eau ici.",
        "C'est le point fort du projet.",
        "Il n'est point venu.",
        "Je réponds point par point.",
        "L'équipe a gagné deux points.",
        "Nous avons deux points à voir.",
        "Ces deux points sont importants.",
        "Un gros point d'interrogation plane sur le projet.",
        "Il manque une virgule.",
        "La virgule est mal placée.",
        "J'ai oublié d'un trait la virgule.",
        "Le site est exemple point fr.",
        "Version deux point zéro.",
        "C'est non, point final.",
        "Des points de suspension suffisent.",
        "Tu viens ? Oui : demain ; enfin !",
        "Il n'a point dormi.",
        "Je ne le veux point faire.",
        "Point de départ, Paris.",
        "Cela fait vingt-trois virgule cinq pour cent.",
        "Cela fait dix-sept virgule cinq pour cent.",
        "Cela fait vingt et un virgule cinq pour cent.",
        "Écris à anne point martin arobase exemple point fr.",
        "On dit nouvelle ligne et ça marche.",
    ];
    stay(&punctuated(), &rows);
}

#[test]
fn marks_of_the_model_keep_their_spaces() {
    let rows = [
        ("Tu viens ? Oui !", "Tu viens ? Oui !"),
        ("Tu viens? Oui!", "Tu viens? Oui!"),
        ("Du pain , du lait .", "Du pain, du lait."),
        ("Il a dit : « Oui. »", "Il a dit : « Oui. »"),
        ("Tu viens_? «_Oui_!_»", "Tu viens_? «_Oui_!_»"),
    ];
    for (heard, expected) in rows {
        check(&every(), &[(&heard.replace('_', "\u{a0}"), expected)]);
    }
}

#[test]
fn what_is_taken_back_is_the_last_piece() {
    let rows = [
        ("Je reste. | Je pars. | Efface ça.", "Je reste."),
        ("Je reste. Je pars. Efface ça.", "Je reste."),
        ("Je viens lundi. Efface ça ! Je viens mardi.", "Je viens mardi."),
        ("Je veux | la rouge | effacez cela | la bleue", "Je veux la bleue"),
        ("Tu viens ? Je pars. Supprime ça.", "Tu viens ?"),
    ];
    check(&default(), &rows);
}

#[test]
fn fillers_go_by_choice() {
    let choices = Choices { fillers: true, ..default() };
    let rows = [
        ("Euh, la maison est grande.", "La maison est grande."),
        ("La maison est, euh, grande.", "La maison est grande."),
        ("Je pense que, heu, non.", "Je pense que non."),
        ("Euh, c'est, euh, l'été.", "C'est, l'été."),
        ("Tu viens euh demain ?", "Tu viens demain ?"),
        ("Il faut du lait, euh, des œufs et du pain.", "Il faut du lait, des œufs et du pain."),
        ("Il peut venir avec, euh, mais sans elle.", "Il peut venir avec, mais sans elle."),
        ("Ben, tu viens ?", "Ben, tu viens ?"),
        ("C'est bien, hein ?", "C'est bien, hein ?"),
        ("Bon, on y va.", "Bon, on y va."),
        ("Il a dit « euh » et rien de plus.", "Il a dit « euh » et rien de plus."),
        ("Je pense que, euh, il viendra.", "Je pense qu'il viendra."),
        ("C'est le, euh, ami de Paul.", "C'est l'ami de Paul."),
        ("C'est le livre de euh heu Anne.", "C'est le livre d'Anne."),
        ("Je pense que, euh, oui.", "Je pense que oui."),
        ("C'est le, euh, hôtel.", "C'est le, euh, hôtel."),
        ("C'est ma, euh, amie.", "C'est ma, euh, amie."),
        ("C'est ma, euh, sœur.", "C'est ma sœur."),
    ];
    check(&choices, &rows);
    stay(&default(), &["Euh, la maison est, euh, grande."]);
}

#[test]
fn the_table_and_the_names_are_written() {
    let replace = vec![
        ("l'hôpital".to_owned(), "l'Hôpital Nord".to_owned()),
        ("œuvre".to_owned(), "Œuvre".to_owned()),
        ("cordialement".to_owned(), "Bien à vous".to_owned()),
    ];
    let choices = Choices { replace, vocabulary: vec!["PipeWire".to_owned()], ..default() };
    let rows = [
        ("Il est à l'hôpital.", "Il est à l'Hôpital Nord."),
        ("Une ŒUVRE, pipewire !", "Une Œuvre, PipeWire !"),
        ("Merci. À la ligne. Cordialement.", "Merci.\nBien à vous."),
    ];
    check(&choices, &rows);
}

#[test]
fn a_text_fits_between_what_stands_around_it() {
    let around = |before, after| Context { before: Some(before), after };
    let rows = [
        (around("Je crois que", None), "Nous partons.", " nous partons."),
        (around("Je crois que", None), "C'est bien.", " c'est bien."),
        (around("Je crois que", None), "L’été arrive.", " l’été arrive."),
        (around("Je vois", None), "L'Italie de loin.", " L'Italie de loin."),
        (around("Je connais", None), "Anne.", " Anne."),
        (around("C'est bien.", None), "à demain", " À demain"),
        (around("C'est bien !", None), "œuvre commune", " Œuvre commune"),
        (around("C'est bien\u{a0}! ", None), "on part", "On part"),
        (around("Chère Anne,\n", None), "nous partons.", "Nous partons."),
        (around("Je vois M.", None), "Le Goff demain.", " Le Goff demain."),
        (around("Il a dit", None), "« Oui. »", " « Oui. »"),
        (around("Il a dit «", None), "Non", "\u{a0}Non"),
        (around("Il a dit « Oui »", None), "Et il part.", " et il part."),
        (around("Il a dit « Oui. »", None), "et il part", " Et il part"),
        (around("Il a dit : «\u{a0}", None), "Nous partons", "nous partons"),
        (around("Tu viens", None), "? Oui.", "\u{a0}? Oui."),
        (around("Tu viens ", None), "? Oui.", "? Oui."),
        (around("Quoi !", None), "?", "?"),
        (around("Je vois", Some(" et je pars.")), "La maison.", " la maison"),
        (around("Je vois", Some(" ?")), "La maison.", " la maison"),
    ];
    check_between("fr", &rows);
}

#[test]
fn french_is_recognised_by_its_commonest_words() {
    let rules = Rules::new(Choices::default());
    for text in [
        "Le point est que nous n'avons pas d'argent.",
        "Chère Anne, à la ligne, j'espère que tu vas bien.",
        "C'est l'été.",
        "Il est sur la table de la cuisine.",
        "Tu es là ?",
    ] {
        assert_eq!(rules.guess_language(text), "fr", "{text}");
    }
}
