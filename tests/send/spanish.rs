//! Tests the output for a user with a Spanish locale. Output for programs is the same in every
//! language.

use crate::harness::{Ended, answering, program};
use serde_json::{Value, json};
use std::process::Command;

/// Runs the program with these locale variables.
fn end(mut command: Command, locale: &[(&str, &str)]) -> Ended {
    for name in ["LC_ALL", "LC_MESSAGES", "LANG", "LANGUAGE"] {
        command.env_remove(name);
    }
    command.envs(locale.iter().copied()).output().unwrap().into()
}

const ENGLISH: [(&str, &str); 1] = [("LC_ALL", "C")];
const SPANISH: [(&str, &str); 1] = [("LC_ALL", "es_ES.UTF-8")];

/// Returns the first column of each line of the help: the commands and options.
fn names(help: &str) -> Vec<&str> {
    let entries = help.lines().filter(|line| line.starts_with("  ") && !line.starts_with("     "));
    entries.map(|line| line[2..].split("  ").next().unwrap()).collect()
}

#[test]
fn the_help_is_in_the_users_language() {
    let [english, spanish] =
        [&ENGLISH, &SPANISH].map(|locale| end(program(&["--help"]), locale).out);
    assert!(english.contains("\nDictation:\n  toggle                   start recording, or stop"));
    assert!(spanish.contains("\nDictado:\n  toggle                   empieza a grabar, o para"));
    assert_eq!(names(&spanish), names(&english));
    let too_long = spanish.lines().find(|line| line.chars().count() > 101);
    assert_eq!(too_long, None);
    // The explanations of the options start in the same column.
    let (_, options) = spanish.split_once("\nOpciones:\n").unwrap();
    let (options, _) = options.split_once("\n\n").unwrap();
    for line in options.lines() {
        let column: Vec<char> = line.chars().skip(26).take(2).collect();
        assert!(matches!(column[..], [' ', text] if text != ' '), "{line}");
    }
}

#[test]
fn errors_are_in_the_users_language() {
    for (args, code) in [(&["dance"][..], 2), (&["--loud"], 2), (&["show"], 2), (&["status"], 3)] {
        let [english, spanish] = [&ENGLISH, &SPANISH].map(|locale| end(program(args), locale));
        assert_eq!((english.code, spanish.code), (code, code), "{args:?}");
        assert_ne!(english.err, spanish.err, "{args:?}");
        assert!(spanish.err.starts_with("v2m-send: "), "{}", spanish.err);
    }
    let told = end(program(&["dance"]), &SPANISH).err;
    assert_eq!(told, "v2m-send: no existe la orden \"dance\"\nPruebe: v2m-send --help\n");
}

/// Like gettext: `LANGUAGE` is ignored in the C locale.
#[test]
fn the_c_locale_is_english_whatever_language_says() {
    let locale = [("LC_ALL", "C"), ("LANGUAGE", "es")];
    for args in [&["--help"][..], &["status"], &["dance"]] {
        assert_eq!(end(program(args), &locale), end(program(args), &ENGLISH), "{args:?}");
    }
}

/// Runs the program in English and in Spanish, with a service that gives this answer.
fn both(args: &[&str], answer: &Value) -> [Ended; 2] {
    [&ENGLISH, &SPANISH].map(|locale| {
        let service = answering(answer.clone());
        let ended = end(service.program(args), locale);
        service.join();
        ended
    })
}

#[test]
fn what_programs_read_is_the_same_in_every_language() {
    let status = json!({"status": "success", "data": {"state": "recording", "elapsed_s": 3.0,
        "pending": 1, "uptime_s": 9, "engine": {"state": "warm", "model": "base"}}});
    let text = json!({"status": "success", "data": {"text": "Hi.", "language": "en", "seconds": 1.0,
        "segments": []}});
    let failed = json!({"status": "error", "code": "no_speech", "error": "Nothing.", "data": null});
    for (args, answer) in [
        (&["--json", "status"][..], &status),
        (&["status", "-f", "json"], &status),
        (&["status", "-f", "text"], &status),
        (&["--json", "last"], &text),
        (&["last"], &text),
        (&["transcribe", "a.wav", "-f", "json"], &text),
        (&["transcribe", "a.wav", "-f", "json"], &failed),
        (&["--json", "history"], &failed),
    ] {
        let [english, spanish] = both(args, answer);
        assert_eq!((english.code, english.out), (spanish.code, spanish.out), "{args:?}");
    }
}

#[test]
fn people_read_states_in_their_language() {
    let status = json!({"status": "success", "data": {"state": "recording", "elapsed_s": 3.0,
        "pending": 1, "uptime_s": 9, "engine": {"state": "warm", "model": "base"}}});
    let [english, spanish] = both(&["status"], &status);
    assert!(english.out.starts_with("state    recording for 0:03, 1 waiting for text\n"));
    assert!(
        spanish.out.starts_with("estado   grabando desde hace 0:03, 1 a la espera de texto\n"),
        "{}",
        spanish.out
    );
}
