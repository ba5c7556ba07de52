//! Tests which endpoint may be asked: only the one in the configuration, whatever a question says.

use crate::harness::{Connect, bare_house, english, failed, text};
use proptest::prelude::*;
use std::ffi::OsString;
use v2m::config::{self, BackendChoice};
use v2m_ipc::remote::FailureKind;
use v2m_testkit::speech_server::Behaviour::Says;
use v2m_testkit::speech_server::SpeechServer;

#[test]
fn nobody_is_asked_unless_the_configuration_says_so() {
    let server = SpeechServer::new(Says("x".into()));
    let other = SpeechServer::new(Says("y".into()));
    let program = bare_house().start();
    let url = &server.url;
    let refused = |word: &str| {
        let (kind, message) = failed(program.ask(&english(url)));
        assert_eq!(kind, FailureKind::Unavailable, "{message}");
        assert!(message.contains(word), "{word}: {message}");
    };
    // There is no file yet.
    refused("engine.backend is not \"remote\"");
    let at = |url: &str| format!("[remote]\nbase_url = {url:?}\n");
    let remote = "[engine]\nbackend = \"remote\"\n";
    for (file, word) in [
        (at(url), "engine.backend is not \"remote\""),
        (format!("[engine]\nbackend = \"auto\"\n{}", at(url)), "engine.backend is not"),
        (remote.to_owned(), "remote.base_url is not set"),
        (format!("{remote}{}", at(&other.url)), "allows only"),
        (format!("{remote}{}", at(&format!("{url}/v2"))), "allows only"),
        (format!("{remote}{}", at("http://me@host")), "v2m check-config"),
        ("[engine\n".to_owned(), "v2m check-config"),
    ] {
        program.house.configure(&file);
        refused(word);
    }
    assert_eq!((server.requests().len(), other.requests().len()), (0, 0));
    assert!(program.log().contains("not allowed by the configuration"), "{}", program.log());
    // The file is read again with each question. A slash at the end of the address is ignored.
    program.house.configure(&format!("{remote}{}", at(&format!("{url}/"))));
    assert_eq!(program.ask(&english(url)), text("x"));
}

#[test]
fn variables_count_as_they_do_for_the_service() {
    let server = SpeechServer::new(Says("x".into()));
    let program = bare_house()
        .with("V2M_ENGINE__BACKEND", "remote")
        .with("V2M_REMOTE__BASE_URL", &server.url)
        .start();
    assert_eq!(program.ask(&english(&server.url)), text("x"));
}

proptest! {
    /// If the service can read its configuration, `v2m-remote` allows exactly the endpoint that the
    /// service would ask.
    #[test]
    fn both_programs_read_the_same(
        backend in prop::sample::select(vec!["auto", "cpu", "remote", "cuda"]),
        url in prop::sample::select(vec!["", "http://a/v1", "https://b.lan:80", "http://[::1]:1/"]),
        variable in prop::sample::select(vec![None, Some("remote"), Some("\"remote\""), Some("auto")]),
        other in prop::sample::select(vec![None, Some(""), Some("http://c/v1"), Some("\"http://d\"")]),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        std::fs::write(&path, format!(
            "engine = {{backend = {backend:?}}}\n[remote]\nmodel = \"m\"\nbase_url = {url:?}\n"
        )).unwrap();
        let named = |name: &str, value: Option<&str>| {
            value.map(|value| (OsString::from(name), OsString::from(value)))
        };
        let env: Vec<_> = [named("V2M_ENGINE__BACKEND", variable), named("V2M_REMOTE__BASE_URL", other)]
            .into_iter().flatten().collect();
        if let Ok(settings) = config::load(&path, env.clone()) {
            let allowed = v2m_remote::config::read(&path, env).unwrap();
            prop_assert_eq!(allowed.wanted, settings.engine.backend == BackendChoice::Remote);
            prop_assert_eq!(&allowed.base_url, &settings.remote.base_url);
            let asked = settings.server().map(|server| server.base_url);
            prop_assert_eq!(asked, allowed.base_url.filter(|_| allowed.wanted));
        }
    }
}
