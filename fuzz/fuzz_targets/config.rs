//! Fuzzes the configuration file, its variables and a change. The service, `v2m-llm` and
//! `v2m-remote` must read the same values. An accepted change must be in the file, read back equal,
//! and change nothing the second time. A refused one must leave the file unchanged. An empty file
//! with all settings written into it must read back as those settings.
//!
//! The input is a TOML file, lines `NAME=VALUE`, and a change as JSON, separated by zero bytes.

#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use v2m::config;

fuzz_target!(|input: &[u8]| {
    let mut parts = input.splitn(3, |byte| *byte == 0);
    let mut part = || parts.next().unwrap_or_default();
    let (text, variables, change) = (part(), part(), part());
    let env: Vec<(OsString, OsString)> =
        variables.split(|byte| *byte == b'\n').filter_map(variable).collect();
    let folder = v2m_fuzz::folder();
    let path = folder.join("config.toml");
    fs::write(&path, text).expect("the folder takes files");

    let loaded = config::load(&path, env.clone());
    if let Err(error) = &loaded {
        assert!(!error.to_string().is_empty());
    }
    if let Ok(settings) = &loaded {
        let allowed = v2m_llm::config::read(&path, env.clone()).expect("the service reads it");
        assert_eq!(allowed.provider, settings.llm.provider);
        assert_eq!(allowed.base_url, settings.llm.base_url);
        let remote = v2m_remote::config::read(&path, env.clone()).expect("the service reads it");
        let asked = settings.server().map(|server| server.base_url);
        assert_eq!(remote.base_url.filter(|_| remote.wanted), asked);
        let (applied, restart) = config::changes(settings, settings);
        assert!(applied.is_empty() && restart.is_empty());
        let Value::Object(all) = settings.to_json() else { panic!("settings are an object") };
        let empty = folder.join("empty.toml");
        let written = config::update(&empty, none(), settings, &all).expect("it was allowed");
        assert_eq!(&written.settings, settings);
        assert_eq!(config::load(&empty, none()).as_ref().ok(), Some(settings));
    }
    let Ok(Value::Object(change)) = serde_json::from_slice::<Value>(change) else { return };
    let current = loaded.unwrap_or_default();
    let checked = config::check_update(&path, env.clone(), &change).is_ok();
    let updated = config::update(&path, env.clone(), &current, &change);
    assert_eq!(checked, updated.is_ok());
    let now = fs::read(&path).expect("the file is there");
    match updated {
        Ok(updated) => {
            let read = config::load(&path, env.clone()).expect("what was written is valid");
            assert_eq!(read, updated.settings);
            let again = config::update(&path, env, &read, &change).expect("it was allowed");
            assert!(again.applied.is_empty() && again.restart.is_empty(), "{again:?}");
            assert_eq!(fs::read(&path).expect("the file is there"), now);
        }
        Err(_) => assert_eq!(now, text, "a refused change is not written"),
    }
});

fn variable(line: &[u8]) -> Option<(OsString, OsString)> {
    let at = line.iter().position(|byte| *byte == b'=')?;
    let own = |bytes: &[u8]| OsString::from_vec(bytes.to_vec());
    Some((own(&line[..at]), own(&line[at + 1..])))
}

fn none() -> Vec<(OsString, OsString)> {
    Vec::new()
}
