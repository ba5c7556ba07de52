//! Tests where keys are found, which server gets them, and which never does.

use crate::harness::{
    CLEAN, Daemon, House, Program, endpoint, failed, new_house, plain_program, rewrite, text,
};
use crate::peer::{Act, Peer, STREAM, Then, reply, said};
use crate::tls;
use std::fs;
use std::io::Write;
use v2m_ipc::llm::{Endpoint, FailureKind, Provider, Question};

/// Returns the key in a request, if there is one.
fn key_of(request: &str) -> Option<String> {
    let line = request.lines().find(|line| line.to_lowercase().starts_with("authorization: "))?;
    Some(line.split_once(" Bearer ").unwrap().1.to_owned())
}

/// Returns the key that a question sends to the server, if there is one.
fn brought(program: &Program, peer: &Peer) -> Option<String> {
    assert_eq!(program.ask(&rewrite(endpoint(&format!("{}/v1", peer.url)))), text(CLEAN));
    key_of(peer.seen().requests.last().unwrap())
}

fn answers(count: usize) -> Vec<Act> {
    (0..count).map(|_| reply(STREAM, said(CLEAN))).collect()
}

/// Adds keys of OpenAI's own service in every place.
fn with_openais_keys(house: House) -> House {
    let credentials = house.path("credentials");
    house
        .file("credentials/openai-api-key", "openais-credential\n", 0o400)
        .file("config/v2m/openai.key", "openais-file\n", 0o600)
        .with("CREDENTIALS_DIRECTORY", credentials)
        .with("OPENAI_API_KEY", "openais-variable")
}

#[test]
fn a_services_key_is_never_sent_to_another_host() {
    let program = with_openais_keys(new_house()).start();
    let peer = Peer::new(answers(1));
    assert_eq!(brought(&program, &peer), None);
    assert!(!program.log().contains("openais-"), "{}", program.log());
}

/// Nor is it sent to a host with a similar name, to another port, or to a host with the name of a
/// key file.
#[test]
fn a_services_key_is_sent_to_its_very_host() {
    for place in [
        "api.openai.com.llm.invalid:443",
        "api.openai.com:8443",
        "api.openai.com.:443",
        "openai.com:443",
        "openai.key:443",
        "openai:443",
    ] {
        let name = place.split(':').next().unwrap().trim_end_matches('.');
        let server = tls::service_at(name, place, 1);
        let house = with_openais_keys(new_house()).file("company.pem", &server.certificate, 0o644);
        let authority = house.path("company.pem");
        let program = house.with("SSL_CERT_FILE", authority).with("ALL_PROXY", &server.url).start();
        let asked = endpoint(&format!("https://{place}/v1"));
        assert_eq!(program.ask(&rewrite(asked)), text(CLEAN), "{place}: {}", program.log());
        assert_eq!(key_of(&server.head()), None, "{place}");
    }
    // Without https, others could read the key on the way.
    let tunnel: Act = Box::new(|stream| {
        stream.write_all(b"HTTP/1.1 200 Connected\r\n\r\n").unwrap();
        Then::Keep
    });
    let proxy = Peer::new(vec![tunnel, reply(STREAM, said(CLEAN))]);
    let program = with_openais_keys(new_house()).with("ALL_PROXY", &proxy.url).start();
    assert_eq!(program.ask(&rewrite(endpoint("http://api.openai.com/v1"))), text(CLEAN));
    assert!(proxy.seen().requests[1].starts_with("POST /v1/chat/completions"));
    assert_eq!(key_of(&proxy.seen().requests[1]), None);
}

#[test]
fn a_services_key_goes_to_that_service() {
    let server = tls::service("api.openai.com", 3);
    let house = with_openais_keys(new_house()).file("company.pem", &server.certificate, 0o644);
    let authority = house.path("company.pem");
    let program = house.with("SSL_CERT_FILE", authority).with("ALL_PROXY", &server.url).start();
    let openai = Endpoint { base_url: None, ..endpoint("") };
    let mut seen = Vec::new();
    for place in ["credentials/openai-api-key", "OPENAI_API_KEY", "config/v2m/openai.key"] {
        assert_eq!(program.ask(&rewrite(openai.clone())), text(CLEAN), "{}", program.log());
        seen.push(key_of(&server.head()).unwrap());
        // The next question reads the files again. A variable does not change.
        let _ = fs::remove_file(program.house.path(place));
    }
    assert_eq!(seen, ["openais-credential", "openais-variable", "openais-variable"]);
}

#[test]
fn another_hosts_key_bears_its_name() {
    let house = new_house();
    let credentials = house.path("credentials");
    fs::create_dir(&credentials).unwrap();
    let program = house.with("CREDENTIALS_DIRECTORY", &credentials).start();
    let (peer, other) = (Peer::new(answers(3)), Peer::new(answers(1)));
    let place = peer.url.trim_start_matches("http://");
    let credential = credentials.join(format!("key-{}", place.replace(':', "_")));
    fs::write(&credential, "from-credential\n").unwrap();
    program.give_key(&peer.url, "from-file\n");
    assert_eq!(brought(&program, &peer).as_deref(), Some("from-credential"));
    fs::remove_file(credential).unwrap();
    assert_eq!(brought(&program, &peer).as_deref(), Some("from-file"));
    // Another port on the same machine is another server.
    assert_eq!(brought(&program, &other), None);
    fs::remove_file(program.house.path("config/v2m/keys").join(place)).unwrap();
    assert_eq!(brought(&program, &peer), None);
    assert!(!program.log().contains("from-"), "{}", program.log());
}

#[test]
fn neither_key_nor_text_follow_a_redirection() {
    let thief = Peer::new(vec![]);
    for status in ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"] {
        let program = plain_program();
        let to = format!("{}/v1/chat/completions", thief.url);
        let head: &'static str = Box::leak(format!("{status}\r\nlocation: {to}").into_boxed_str());
        let peer = Peer::new(vec![reply(head, "")]);
        program.give_key(&peer.url, "secret-1");
        let (trouble, message) = failed(program.ask(&rewrite(endpoint(&peer.url))));
        assert_eq!(trouble, FailureKind::Unavailable);
        assert!(message.contains(&status[..3]), "{message}");
        assert_eq!(key_of(&peer.seen().requests[0]).as_deref(), Some("secret-1"));
    }
    assert_eq!(thief.seen().connections, 0);
}

#[test]
fn a_file_that_others_may_read_is_not_used() {
    let program = plain_program();
    let peer = Peer::new(vec![]);
    let file = format!("config/v2m/keys/{}", peer.url.trim_start_matches("http://"));
    program.house.write(&file, "open-secret\n", 0o644);
    let (trouble, message) = failed(program.ask(&rewrite(endpoint(&peer.url))));
    let path = program.house.path(&file);
    assert!(message.contains(&format!("chmod 600 {}", path.display())), "{message}");
    assert_eq!((trouble, peer.seen().connections), (FailureKind::Unavailable, 0));
    assert!(program.log().contains("unusable key") && !program.log().contains("open-secret"));
    // The key of another host is not read.
    let peer = Peer::new(answers(1));
    assert_eq!(brought(&program, &peer), None);
}

#[test]
fn without_a_key_who_needs_one_is_not_asked() {
    let program = plain_program();
    let gemini = Endpoint { provider: Provider::Gemini, base_url: None, ..endpoint("") };
    let openai = Endpoint { base_url: None, ..endpoint("") };
    for (asked, name) in [(gemini, "gemini"), (openai, "openai")] {
        for question in [rewrite(asked.clone()), Question::Check { endpoint: asked }] {
            let (trouble, message) = failed(program.ask(&question));
            assert_eq!(trouble, FailureKind::Unavailable);
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
    let program = plain_program();
    program.give_key("http://llm.invalid", "secret-1");
    let (_, message) = failed(program.ask(&rewrite(endpoint("http://llm.invalid/v1"))));
    assert!(message.contains("unencrypted"), "{message}");
    assert!(program.log().contains("attempts 0"), "{}", program.log());
}

#[test]
fn a_key_that_is_refused_is_told_and_never_repeated() {
    let program = plain_program();
    let body = "{\"error\":{\"message\":\"Incorrect API key provided: secret-1.\"}}";
    for head in ["401 Unauthorized", "403 Forbidden", "500 Oops"] {
        let peer = Peer::new((0..3).map(|_| reply(head, body)).collect());
        program.give_key(&peer.url, "secret-1");
        let (trouble, message) = failed(program.ask(&rewrite(endpoint(&peer.url))));
        assert_eq!(trouble, FailureKind::Unavailable);
        assert!(message.contains("********") && !message.contains("secret-1"), "{message}");
        assert_eq!(message.contains("refuses the key"), head != "500 Oops", "{message}");
    }
    assert!(program.log().contains("key refused, 401"), "{}", program.log());
    assert!(!program.log().contains("secret"), "{}", program.log());
}

/// If the key of another server is in OpenAI's place, the message says how to move it.
#[test]
fn a_key_that_is_missing_is_told_with_the_way_to_it() {
    let told = |house: House| {
        let program = house.start();
        let peer = Peer::new(vec![reply("401 Unauthorized", "")]);
        let (_, message) = failed(program.ask(&rewrite(endpoint(&peer.url))));
        assert_eq!(key_of(&peer.seen().requests[0]), None);
        let place = peer.url.trim_start_matches("http://").to_owned();
        assert!(message.contains("there is none") && message.contains(&place), "{message}");
        (message, place)
    };
    let (message, _) = told(new_house());
    assert!(!message.contains("api.openai.com"), "{message}");
    let (message, place) = told(new_house().with("OPENAI_API_KEY", "secret-1"));
    assert!(message.ends_with(&format!("api.openai.com and is not sent to {place}")), "{message}");
    let house = new_house().file("config/v2m/openai.key", "secret-1", 0o600);
    let folder = house.path("config/v2m");
    let (message, place) = told(house);
    let folder = folder.display();
    let moved = format!("mv {folder}/openai.key {folder}/keys/{place}");
    assert!(message.ends_with(&format!("mkdir -p {folder}/keys && {moved}")), "{message}");
}
