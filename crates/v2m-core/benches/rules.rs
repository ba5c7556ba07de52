//! Measures the text rules' time for each kilobyte of text, for texts of several lengths. If a
//! figure grows down a column, the time grows faster than the text.
//!
//!     cargo bench -p v2m-core --bench rules

#![allow(clippy::disallowed_methods, reason = "a bench measures time")]

use std::time::{Duration, Instant};
use v2m_core::text::{Choices, Context, RawText, Rules};

/// The dictated texts: one to which hardly any rule applies, as usual, and others to which the
/// rules apply constantly.
const TEXTS: [(&str, &str, &str); 5] = [
    ("plain", "en", "And so, my fellow Americans: ask not what your country can do for you. "),
    (
        "commands",
        "en",
        "Um, dear Ann , new line, open quote, ve dos eme works, close quote. Period. ",
    ),
    (
        "órdenes",
        "es",
        "Eh, querida Ana, nueva línea, abre comillas, ve dos eme va, cierra comillas. Punto. ",
    ),
    (
        "Befehle",
        "de",
        "Äh, liebe Anna, neue Zeile, Klammer auf, ve dos eme geht, Klammer zu. Punkt. ",
    ),
    (
        "commandes",
        "fr",
        "Euh, chère Anne, à la ligne, ouvrez les guillemets, ve dos eme va, fermez les guillemets. Point. ",
    ),
];
const KILOBYTES: [usize; 4] = [1, 8, 64, 512];
/// The number of runs. Each figure is the best of them.
const RUNS: usize = 7;

fn main() {
    let begun = Instant::now();
    let rules = Rules::new(Choices {
        layout: true,
        punctuation: true,
        take_back: true,
        fillers: true,
        replace: vec![("ve dos eme".into(), "v2m".into())],
        vocabulary: vec!["PipeWire".into()],
    });
    println!("Making the rules: {} µs\n", begun.elapsed().as_micros());
    print!("Rules, µs for each kB of ");
    KILOBYTES.iter().for_each(|kilobytes| print!("{:>9}", format!("{kilobytes} kB")));
    println!();
    for (name, language, sentence) in TEXTS {
        print!("  {name:22} ");
        for kilobytes in KILOBYTES {
            let text = sentence.repeat(kilobytes * 1000 / sentence.len() + 1);
            let took = (0..RUNS).map(|_| apply(&rules, language, &text)).min().unwrap_or_default();
            print!("{:9.1}", took.as_secs_f64() * 1e9 / text.len() as f64);
        }
        println!();
    }
}

fn apply(rules: &Rules, language: &str, text: &str) -> Duration {
    let begun = Instant::now();
    let heard = RawText { text, pauses: &[], language };
    let refined = rules.apply(std::hint::black_box(heard), Context::default());
    let took = begun.elapsed();
    drop(std::hint::black_box(refined));
    took
}
