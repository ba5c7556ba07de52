//! Where keys are found, where they go, and where they never are.

use crate::harness::{CLEAN, House, Program, endpoint, failed, rewrite, text};
use crate::peer::{Peer, STREAM, reply, said};
use std::fs;
use v2m_ipc::llm::{Endpoint, Provider, Question, Trouble};

/// The key that a question brings to the server, if any.
fn brought(program: &Program) -> Option<String> {
    let peer = Peer::new(vec![reply(STREAM, said(CLEAN))]);
    assert_eq!(program.ask(&rewrite(endpoint(&peer.url))), text(CLEAN));
    let request = peer.seen().requests.remove(0);
    let line = request.lines().find(|line| line.to_lowercase().starts_with("authorization: "))?;
    Some(line.split_once(" Bearer ").unwrap().1.to_owned())
}

#[test]
fn each_place_is_looked_into_in_its_order() {
    let program = House::new().with("OPENAI_API_KEY", "from-environment").file(
        "config/v2m/openai.key",
        "from-file\n",
        0o600,
    );
    let credentials = program.path("credentials");
    let program = program
        .file("credentials/openai-api-key", "from-credential\n", 0o400)
        .with("CREDENTIALS_DIRECTORY", &credentials)
        .start();
    assert_eq!(brought(&program).as_deref(), Some("from-credential"));
    // The next question looks again.
    fs::remove_file(credentials.join("openai-api-key")).unwrap();
    assert_eq!(brought(&program).as_deref(), Some("from-environment"));
    let program = House::new().file("config/v2m/openai.key", "from-file\n", 0o600).start();
    assert_eq!(brought(&program).as_deref(), Some("from-file"));
    fs::remove_file(program.house.path("config/v2m/openai.key")).unwrap();
    assert_eq!(brought(&program), None);
    assert!(!program.log().contains("from-"), "{}", program.log());
}

#[test]
fn a_file_that_others_may_read_is_not_used() {
    let program = House::new().file("config/v2m/openai.key", "open-secret\n", 0o644).start();
    let peer = Peer::new(vec![]);
    let (trouble, message) = failed(program.ask(&rewrite(endpoint(&peer.url))));
    let path = program.house.path("config/v2m/openai.key");
    assert!(message.contains(&format!("chmod 600 {}", path.display())), "{message}");
    assert_eq!((trouble, peer.seen().connections), (Trouble::Unavailable, 0));
    assert!(program.log().contains("unusable key") && !program.log().contains("open-secret"));
    // Another provider's is not asked for.
    let peer = Peer::new(vec![reply(
        "200 OK",
        "{\"message\":{\"content\":\"I think that we should go.\"},\"done\":true}\n",
    )]);
    let asked = Endpoint { provider: Provider::Ollama, ..endpoint(&peer.url) };
    assert_eq!(program.ask(&rewrite(asked)), text(CLEAN));
}

#[test]
fn without_a_key_who_needs_one_is_not_asked() {
    let program = Program::plain();
    let gemini = Endpoint { provider: Provider::Gemini, base_url: None, ..endpoint("") };
    let openai = Endpoint { base_url: None, ..endpoint("") };
    for (asked, name) in [(gemini, "gemini"), (openai, "openai")] {
        for question in [rewrite(asked.clone()), Question::Check { endpoint: asked }] {
            let (trouble, message) = failed(program.ask(&question));
            assert_eq!(trouble, Trouble::Unavailable);
            let file = program.house.path(&format!("config/v2m/{name}.key"));
            let variable = format!("{}_API_KEY", name.to_uppercase());
            let credential = format!("{name}-api-key");
            for place in [file.display().to_string(), variable, credential] {
                assert!(message.contains(&place), "{message}");
            }
        }
    }
    assert_eq!(program.log().matches("attempts 0").count(), 4, "{}", program.log());
}

#[test]
fn a_key_goes_to_nobody_who_could_be_overheard() {
    let program = House::new().with("OPENAI_API_KEY", "secret-1").start();
    let (_, message) = failed(program.ask(&rewrite(endpoint("http://llm.invalid/v1"))));
    assert!(message.contains("unencrypted"), "{message}");
    assert!(program.log().contains("attempts 0"), "{}", program.log());
}

#[test]
fn a_key_that_is_refused_is_told_and_never_repeated() {
    let program = House::new().with("OPENAI_API_KEY", "secret-1").start();
    let body = "{\"error\":{\"message\":\"Incorrect API key provided: secret-1.\"}}";
    for head in ["401 Unauthorized", "403 Forbidden", "500 Oops"] {
        let peer = Peer::new((0..3).map(|_| reply(head, body)).collect());
        let (trouble, message) = failed(program.ask(&rewrite(endpoint(&peer.url))));
        assert_eq!(trouble, Trouble::Unavailable);
        assert!(message.contains("********") && !message.contains("secret-1"), "{message}");
        assert_eq!(message.contains("refuses the key"), head != "500 Oops", "{message}");
    }
    assert!(program.log().contains("key refused, 401"), "{}", program.log());
    assert!(!program.log().contains("secret"), "{}", program.log());
    let program = Program::plain();
    let peer = Peer::new(vec![reply("401 Unauthorized", "")]);
    let (_, message) = failed(program.ask(&rewrite(endpoint(&peer.url))));
    assert!(message.contains("there is none") && message.contains("OPENAI_API_KEY"), "{message}");
}
