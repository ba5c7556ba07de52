//! Fuzzes the import of voice2machine's configuration into v2m's. Each setting must get a result
//! with a reason, and none may stop the others. The settings taken over must be a change that v2m
//! accepts. All settings as GET_CONFIG returns them must change nothing when they are sent back.
//!
//! The input is v2m's own file and voice2machine's, separated by a zero byte.

#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use std::ffi::OsString;
use std::fs;
use v2m::config;

const NO_VARIABLES: [(OsString, OsString); 0] = [];

fuzz_target!(|input: &[u8]| {
    let at = input.iter().position(|byte| *byte == 0).unwrap_or(input.len());
    let (own, theirs) = (&input[..at], input.get(at + 1..).unwrap_or_default());
    let path = v2m_fuzz::folder().join("config.toml");
    fs::write(&path, own).expect("the folder takes files");
    let Ok(current) = config::load(&path, NO_VARIABLES) else { return };

    let Value::Object(answered) = config::with_predecessors(&current) else {
        panic!("settings are an object")
    };
    let back = config::translate(&answered, &current);
    let changes: Vec<_> =
        back.own.values().filter(|keys| **keys != serde_json::json!({})).collect();
    assert!(changes.is_empty() && back.ignored.is_empty(), "{back:?}");

    let Ok(given) = std::str::from_utf8(theirs)
        .map_err(drop)
        .and_then(|text| config::read_toml(text).map_err(drop))
    else {
        return;
    };
    let fits = |change: &_| {
        config::check_update(&path, NO_VARIABLES, change).map_err(|error| error.to_string())
    };
    let translated = config::translate_file(&given, &current, fits);
    for ignored in &translated.ignored {
        assert!(!ignored.key.is_empty() && !ignored.reason.is_empty(), "{ignored:?}");
    }
    let made = config::update(&path, NO_VARIABLES, &current, &translated.own);
    let made = made.unwrap_or_else(|error| panic!("{error}: {translated:?}"));
    for taken in &translated.taken {
        let (section, name) = taken.own.split_once('.').expect("a full name");
        assert_eq!(translated.own[section].get(name), Some(&taken.value), "{taken:?}");
    }
    assert_eq!(config::load(&path, NO_VARIABLES).ok(), Some(made.settings));
    let _ = config::translate(&given, &current);
});
