//! Fuzzes the text rules with any transcript and any choice of rules. Applying them to their own
//! result must change nothing, no control character may appear that was not dictated, a join must
//! keep the text's words, and the time must stay in proportion (the fuzzer limits a run to 30 s).
//!
//! The input's first byte selects rules and language, the second the surrounding text; the rest is
//! the text, split into pieces at each `|`.

#![no_main]

use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;
use v2m_core::text::{self, Choices, Context, Letters, RawText, Rules};

const LANGUAGES: [&str; 5] = ["en", "es", "de", "fr", ""];
const AROUND: [Option<&str>; 6] =
    [None, Some(""), Some("Dear Ann,\n"), Some("It is. "), Some("and"), Some("(")];

/// All choices, made once: making rules takes far longer than applying them.
static RULES: LazyLock<Vec<Rules>> = LazyLock::new(|| (0..16).map(rules).collect());

fuzz_target!(|input: &[u8]| {
    let [which, around, rest @ ..] = input else { return };
    let Ok(raw) = std::str::from_utf8(rest) else { return };
    let pieces: Vec<String> = raw.split('|').map(text::polish).collect();
    let pieces: Vec<&str> = pieces.iter().map(String::as_str).filter(|p| !p.is_empty()).collect();
    let heard = pieces.join(" ");
    assert_eq!(text::polish(&heard), heard);
    let pauses = text::pauses(&heard, pieces.iter().copied());
    assert!(pauses.is_sorted() && pauses.iter().all(|at| heard.is_char_boundary(*at)));

    let rules = &RULES[usize::from(which & 15)];
    let language = LANGUAGES[usize::from(which >> 4) % LANGUAGES.len()];
    let around = usize::from(*around);
    let context = Context {
        before: AROUND[around % AROUND.len()],
        after: AROUND[around / AROUND.len() % AROUND.len()],
    };
    let once = rules.apply(RawText { text: &heard, pauses: &pauses, language }, context);
    let again = rules.apply(RawText { text: &once.text, pauses: &[], language }, context);
    assert_eq!(again.text, once.text, "{:?}", once.steps);
    let commands = |text: &str| text.chars().filter(|c| c.is_control() && *c != '\n').count();
    assert!(commands(&once.text) <= commands(&heard), "{:?}", once.text);

    let joined = rules.join(&heard, language, context, Letters::Keep);
    assert_eq!(joined.trim(), heard.trim());
    let _ = rules.guess_language(&heard);
});

fn rules(which: u8) -> Rules {
    let pair = |heard: &str, written: &str| (heard.to_owned(), written.to_owned());
    Rules::new(Choices {
        layout: which & 1 != 0,
        punctuation: which & 2 != 0,
        take_back: which & 4 != 0,
        fillers: which & 8 != 0,
        replace: vec![pair("ve dos eme", "v2m"), pair("pipe wire", "PipeWire")],
        vocabulary: vec!["PipeWire".to_owned(), "Ann".to_owned()],
    })
}
