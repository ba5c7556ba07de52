//! The programs speak the user's language, and what other programs read stays the same in each.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where by its panic")]

use std::fs;
use std::path::Path;
use std::process::Command;

const SPANISH: &str = "es_ES.UTF-8";
const ENGLISH: &str = "C";

/// What `v2m` prints in that locale, and its exit code. It sees no desktop and no service.
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

#[test]
fn the_help_is_in_the_users_language_or_else_in_english() {
    let home = tempfile::tempdir().unwrap();
    let dictation = |locale| v2m(home.path(), locale, &["--help"]).0;
    assert!(dictation(SPANISH).starts_with("Dictado para escritorios Linux"));
    for locale in [ENGLISH, "en_GB.UTF-8", "xx_XX"] {
        assert!(dictation(locale).starts_with("Dictation for Linux desktops"), "{locale}");
    }
}
