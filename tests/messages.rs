//! Tests that the programs use the user's language, and that output for other programs is the same
//! in every language.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where by its panic")]

use std::fs;
use std::path::Path;
use std::process::Command;

const SPANISH: &str = "es_ES.UTF-8";
const ENGLISH: &str = "C";

/// Runs `v2m` in that locale, without a desktop and a service. Returns its output and exit code.
fn v2m(home: &Path, locale: &str, args: &[&str]) -> (String, i32) {
    let output = Command::new(env!("CARGO_BIN_EXE_v2m"))
        .args(args)
        .env_clear()
        .env("PATH", home.join("nowhere"))
        .env("HOME", home)
        .env("XDG_RUNTIME_DIR", home.join("run"))
        .env("LC_ALL", locale)
        .output()
        .unwrap();
    let printed = [output.stdout, output.stderr].concat();
    (String::from_utf8(printed).unwrap(), output.status.code().unwrap())
}

#[test]
fn the_doctor_speaks_the_users_language() {
    let home = tempfile::tempdir().unwrap();
    let (english, failed) = v2m(home.path(), ENGLISH, &["doctor"]);
    assert_eq!(failed, 1);
    assert!(english.contains("ok    configuration  defaults; "), "{english}");
    assert!(english.contains("FAIL  socket         "), "{english}");
    assert!(english.contains("Fix the first line marked FAIL"), "{english}");
    let (spanish, failed) = v2m(home.path(), SPANISH, &["doctor"]);
    assert_eq!(failed, 1);
    assert!(spanish.contains("bien   configuración      valores predeterminados; "), "{spanish}");
    assert!(spanish.contains("FALLO  socket             "), "{spanish}");
    assert!(spanish.contains("Arregle la primera línea marcada con FALLO"), "{spanish}");
}

#[test]
fn what_programs_read_is_the_same_in_each_language() {
    let home = tempfile::tempdir().unwrap();
    let settings = |locale, heading| {
        let (printed, done) = v2m(home.path(), locale, &["check-config"]);
        assert_eq!(done, 0, "{printed}");
        let (first, settings) = printed.split_once('\n').unwrap();
        assert!(first.ends_with(heading), "{first}");
        serde_json::from_str::<serde_json::Value>(settings).unwrap()
    };
    let english = settings(ENGLISH, "does not exist: defaults. In force:");
    let spanish = settings(SPANISH, "no existe: valores predeterminados. En vigor:");
    assert_eq!(english, spanish);
}

#[test]
fn the_documented_settings_are_translated_and_valid() {
    let home = tempfile::tempdir().unwrap();
    let (english, _) = v2m(home.path(), ENGLISH, &["default-config"]);
    let (spanish, _) = v2m(home.path(), SPANISH, &["default-config"]);
    assert!(english.starts_with("# v2m's configuration."), "{english}");
    assert!(spanish.starts_with("# Configuración de v2m."), "{spanish}");
    let without_documentation = |file: &str| {
        let lines = file.lines().filter(|line| !line.starts_with("# "));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(without_documentation(&english), without_documentation(&spanish));
    let file = home.path().join("file.toml");
    fs::write(&file, spanish).unwrap();
    let file = file.to_str().unwrap();
    assert_eq!(v2m(home.path(), SPANISH, &["check-config", file]).1, 0);
    fs::write(file, "[engine]\nlanguage = 5\n").unwrap();
    let (error, refused) = v2m(home.path(), SPANISH, &["check-config", file]);
    assert_eq!(refused, 78);
    assert!(error.contains("engine.language = 5 no es válido: debe ser \"auto\" o el"), "{error}");
}

/// A name that v2m does not know may be right later, so it is told and is no error.
#[test]
fn a_preset_and_an_application_that_nobody_knows_are_told_beside_the_settings() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("file.toml");
    fs::write(&file, "[llm.applications]\nno-such-program-here = \"no-such-preset\"\n").unwrap();
    let (told, done) = v2m(home.path(), ENGLISH, &["check-config", file.to_str().unwrap()]);
    assert_eq!(done, 0, "{told}");
    for part in ["is valid. In force:", "no program called no-such-program-here", "no-such-preset"]
    {
        assert!(told.contains(part), "{told}");
    }
}

#[test]
fn the_config_is_refused_in_one_language() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("file.toml");
    let refusal = |text: &str| {
        fs::write(&file, text).unwrap();
        v2m(home.path(), SPANISH, &["check-config", file.to_str().unwrap()]).0
    };
    let told = refusal("[text.replace]\n\"a\" = 3\n");
    assert!(told.contains("text.replace = { a = 3 } no es"), "{told}");
    let missing = home.path().join("missing/v2m.sock");
    let output = Command::new(env!("CARGO_BIN_EXE_v2m-send"))
        .env("LC_ALL", SPANISH)
        .env("V2M_SOCKET_PATH", missing)
        .arg("ping")
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(!told.contains("No such file"), "{told}");
}

#[test]
fn no_word_of_the_help_is_claps_own() {
    let home = tempfile::tempdir().unwrap();
    let help = |program: &str, args: &[&str]| {
        let mut command = Command::new(program);
        command.args(args).arg("--help").env("LC_ALL", SPANISH).env("HOME", home.path());
        String::from_utf8(command.output().unwrap().stdout).unwrap()
    };
    let (v2m, model) = (env!("CARGO_BIN_EXE_v2m"), env!("CARGO_BIN_EXE_v2m-model"));
    for (program, args) in [
        (v2m, &[][..]),
        (v2m, &["doctor"]),
        (v2m, &["completions"]),
        (v2m, &["shortcut"]),
        (v2m, &["shortcut", "install"]),
        (model, &[]),
        (model, &["list"]),
        (model, &["pull"]),
        (model, &["quantize"]),
        (model, &["completions"]),
    ] {
        let help = help(program, args);
        for own in ["Usage", "Commands", "Arguments", "Options:", "Print", "ossible", "[default"] {
            assert!(!help.contains(own), "{program} {args:?} says {own}:\n{help}");
        }
        let long = help.lines().find(|line| line.chars().count() > 106);
        assert_eq!(long, None, "{program} {args:?}");
    }
    let completions = help(v2m, &["completions"]);
    let places = ["<SHELL>  ", "[PROGRAM]  "].map(|name| completions.find(name));
    assert!(places.is_sorted() && places[0].is_some(), "{completions}");
}

#[test]
fn a_wrong_argument_is_named_in_the_users_language() {
    let home = tempfile::tempdir().unwrap();
    let programs = [
        env!("CARGO_BIN_EXE_v2m-send"),
        env!("CARGO_BIN_EXE_v2m-llm"),
        env!("CARGO_BIN_EXE_v2m-remote"),
        env!("CARGO_BIN_EXE_v2m-osd"),
        env!("CARGO_BIN_EXE_v2m-tray"),
        env!("CARGO_BIN_EXE_v2m-engine"),
    ];
    for program in programs {
        let mut command = Command::new(program);
        command.arg("--nothing").env("LC_ALL", SPANISH).env("HOME", home.path());
        let told = String::from_utf8(command.output().unwrap().stderr).unwrap();
        assert!(told.contains("opción no válida: «--nothing»"), "{told}");
    }
}

#[test]
fn the_help_is_in_the_users_language_or_else_in_english() {
    let home = tempfile::tempdir().unwrap();
    let dictation = |locale| v2m(home.path(), locale, &["--help"]).0;
    assert!(dictation(SPANISH).starts_with("Dictado para escritorios Linux"));
    for locale in [ENGLISH, "en_GB.UTF-8", "xx_XX"] {
        assert!(dictation(locale).starts_with("Dictation for Linux desktops"), "{locale}");
    }
}
