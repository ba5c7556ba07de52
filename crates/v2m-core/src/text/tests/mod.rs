//! Tests of all rules together, in tables. In the input, `|` stands for a pause between two pieces.

mod commands;
mod french;
mod german;
mod invariants;
mod rules;

use super::*;
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
    /// The rules are shared because reading the languages' files is most of the work for a short
    /// text.
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

/// Applies the rules to `heard` in a language.
fn applied(choices: &Choices, language: &str, heard: &str, context: Context<'_>) -> Refined {
    let pieces: Vec<&str> = heard.split('|').map(str::trim).collect();
    let text = pieces.join(" ");
    let pauses = pauses(&text, pieces);
    let heard = RawText { text: &text, pauses: &pauses, language };
    apply(choices, heard, context)
}

/// Checks each row, and that applying the rules again changes nothing.
fn check(choices: &Choices, language: &str, rows: &[(&str, &str)]) {
    let mut wrong = String::new();
    for (heard, expected) in rows {
        let got = applied(choices, language, heard, Context::default()).text;
        if got != *expected {
            wrong += &format!("{heard:?}\n  gives    {got:?}\n  and not  {expected:?}\n");
        }
        let heard = RawText { text: &got, pauses: &[], language };
        let again = apply(choices, heard, Context::default()).text;
        if again != got {
            wrong += &format!("{got:?}\n  gives    {again:?} when the rules are applied again\n");
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

/// Checks that each text fits its surroundings, and that it still fits when the rules run again.
fn check_between(language: &str, rows: &[(Context<'_>, &str, &str)]) {
    let mut wrong = String::new();
    for (context, heard, expected) in rows {
        let got = applied(&default(), language, heard, *context).text;
        let again = applied(&default(), language, &got, *context).text;
        if got != *expected || again != got {
            wrong += &format!("{heard:?} at {context:?}\n  gives    {got:?}, then {again:?}\n");
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}
