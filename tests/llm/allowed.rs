//! Tests which endpoint may be asked: only the one in the configuration, whatever a question says.

use crate::harness::{
    CLEAN, Daemon, Program, TEXT, configure, endpoint, failed, new_house, plain_program, rewrite,
    text,
};
use crate::peer::{Peer, STREAM, reply, said};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use v2m_ipc::llm::{Endpoint, FailureKind, Provider, Question};

fn config(program: &Program) -> std::path::PathBuf {
    program.house.path("config/v2m/config.toml")
}

#[test]
fn another_endpoint_is_refused_and_hears_nothing() {
    let program = plain_program();
    let (own, stranger) = (Peer::new(vec![]), Peer::new(vec![]));
    let (mine, theirs) = (endpoint(&own.url), endpoint(&stranger.url));
    configure(&config(&program), &rewrite(mine.clone()));
    program.give_key(&stranger.url, "secret-1");
    let other_form = Endpoint { provider: Provider::Ollama, ..mine.clone() };
    let other_path = endpoint(&format!("{}/v2", own.url));
    let own_default = Endpoint { base_url: None, ..mine };
    for asked in [theirs, other_form, other_path, own_default] {
        for question in [
            rewrite(asked.clone()),
            Question::Translate { endpoint: asked.clone(), into: "x".into(), text: TEXT.into() },
            Question::Check { endpoint: asked },
        ] {
            let (trouble, message) = failed(program.ask_uninvited(&question));
            assert_eq!(trouble, FailureKind::Unavailable, "{message}");
            assert!(message.contains(&format!("allows only openai at {}.", own.url)), "{message}");
            assert!(message.contains("config.toml") && message.contains("llm.base_url"));
        }
    }
    assert_eq!((own.seen().connections, stranger.seen().connections), (0, 0));
    assert!(program.log().contains("not allowed by the configuration"), "{}", program.log());
    assert!(!program.log().contains("secret"), "{}", program.log());
}

#[test]
fn without_a_provider_nobody_is_asked() {
    let program = plain_program();
    let peer = Peer::new(vec![]);
    let question = rewrite(endpoint(&peer.url));
    let refused = |word: &str| {
        let (trouble, message) = failed(program.ask_uninvited(&question));
        assert!(trouble == FailureKind::Unavailable && message.contains(word), "{message}");
        message
    };
    // There is no file yet.
    assert!(refused("names no language model").contains("config set llm.provider"));
    let url = format!("base_url = {:?}\n", peer.url);
    for (file, word) in [
        (format!("[llm]\nprovider = \"none\"\n{url}"), "names no language model"),
        (format!("[llm]\n{url}"), "names no language model"),
        (format!("[llm]\nprovider = \"openai\n{url}"), "v2m check-config"),
        (format!("[llm]\nprovider = \"gpt\"\n{url}"), "v2m check-config"),
        (format!("[llm]\nprovider = 3\n{url}"), "v2m check-config"),
        ("[llm]\nprovider = \"openai\"\nbase_url = \"https://me:hunter2@x\"\n".into(), "base_url"),
    ] {
        fs::write(config(&program), file).unwrap();
        assert!(!refused(word).contains("hunter2"));
    }
    fs::remove_file(config(&program)).unwrap();
    fs::create_dir(config(&program)).unwrap();
    refused("not a regular file");
    assert_eq!(peer.seen().connections, 0);
}

#[test]
fn a_configuration_that_changes_is_followed() {
    let program = plain_program();
    let acts = || vec![reply(STREAM, said(CLEAN)), reply(STREAM, said(CLEAN))];
    let (first, second) = (Peer::new(acts()), Peer::new(acts()));
    let (to_first, to_second) = (rewrite(endpoint(&first.url)), rewrite(endpoint(&second.url)));
    // On one connection. The file is overwritten and replaced in turn.
    let write = |url: &str| {
        fs::write(config(&program), format!("llm.provider = 'openai'\nllm.base_url = '{url}/'\n"))
    };
    for (named, other, in_place) in [
        (&to_first, &to_second, false),
        (&to_second, &to_first, true),
        (&to_first, &to_second, true),
        (&to_second, &to_first, false),
    ] {
        let Question::Rewrite { endpoint, .. } = named else { panic!() };
        match in_place {
            true => write(endpoint.base_url.as_ref().unwrap()).unwrap(),
            false => configure(&config(&program), named),
        }
        assert_eq!(program.ask_uninvited(named), text(CLEAN));
        assert_eq!(failed(program.ask_uninvited(other)).0, FailureKind::Unavailable);
    }
}

#[test]
fn a_provider_without_an_address_is_at_its_own() {
    let program = new_house().with("V2M_LLM__PROVIDER", "gemini").start();
    fs::write(config(&program), "[llm]\nprovider = \"openai\"\n").unwrap();
    let own = Endpoint { provider: Provider::Gemini, base_url: None, ..endpoint("") };
    let named = "https://generativelanguage.googleapis.com/".to_owned();
    for base_url in [None, Some(named)] {
        let (_, message) =
            failed(program.ask_uninvited(&rewrite(Endpoint { base_url, ..own.clone() })));
        // The endpoint is allowed; only the key is missing.
        assert!(message.contains("asks for a key"), "{message}");
    }
    let elsewhere = Endpoint { base_url: Some("https://llm.invalid".into()), ..own };
    let (_, message) = failed(program.ask_uninvited(&rewrite(elsewhere)));
    assert!(message.contains("allows only gemini at https://generativelanguage"), "{message}");
}

const VALUES: [&str; 22] = [
    "none",
    "openai",
    "gemini",
    "ollama",
    "OpenAI",
    "",
    "'openai'",
    "\"none\"",
    " openai ",
    "'''openai'''",
    r#""http:\/\/gpu.lan""#,
    "3",
    "true",
    "http://localhost:8080/v1",
    "'http://gpu.lan'",
    "https://x@y",
    "https://",
    "http:///x",
    "ftp://x",
    "https://x/?q",
    "https://x y",
    "http://x\t",
];

/// Generates a value for the configuration or a variable, which may be valid or not.
fn value() -> impl Strategy<Value = String> {
    proptest::sample::select(&VALUES[..]).prop_map(str::to_owned)
}

proptest! {
    /// The daemon and v2m-llm read the configuration separately, and must get the same result.
    /// Otherwise v2m-llm would refuse the user's endpoint, or ask one that the user has not set.
    #[test]
    fn the_daemon_reads_the_same(
        lines in proptest::collection::btree_map(
            proptest::sample::select(&["provider", "base_url"][..]), (value(), any::<bool>()), 0..3),
        variables in proptest::collection::btree_map(
            proptest::sample::select(&["V2M_LLM__PROVIDER", "V2M_llm__base_url", "V2M_LLM_BASE_URL", "V2M_CONFIG"][..]),
            value(), 0..4),
        form in 0..3,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        let entry = |(key, (value, bare)): (&&str, &(String, bool))| {
            let value = if *bare { value.clone() } else { toml_edit::Value::from(value.as_str()).to_string() };
            format!("{key} = {value}")
        };
        let lines: Vec<String> = lines.iter().map(entry).collect();
        let text = match form {
            0 => format!("[llm]\n{}\n", lines.join("\n")),
            1 => format!("llm = {{ {} }}\n", lines.join(", ")),
            _ => lines.iter().map(|line| format!("llm.{line}\n")).collect(),
        };
        fs::write(&path, &text).unwrap();
        let daemons = v2m::config::load(&path, variables.iter());
        let own = read(&path, &variables);
        match (daemons, own) {
            (Ok(settings), Ok(allowed)) => {
                prop_assert_eq!(&settings.llm.provider, &allowed.provider, "{}", text);
                prop_assert_eq!(&settings.llm.base_url, &allowed.base_url, "{}", text);
            }
            (Err(_), Err(_)) => {}
            (daemons, own) => prop_assert!(false, "{text}{variables:?}\n{daemons:?}\n{own:?}"),
        }
    }
}

fn read(
    path: &Path,
    variables: &BTreeMap<&str, String>,
) -> Result<v2m_llm::config::Allowed, v2m_llm::config::ConfigError> {
    let variables = variables.iter().map(|(name, value)| (OsString::from(name), value.into()));
    v2m_llm::config::read(path, variables)
}
