//! Tests `v2m-remote` behind its own units: a server on loopback transcribes, the service has no
//! network socket, and the local engine takes over.

use crate::lab::{self, Lab, assert_sample, property};
use crate::network::network_sockets;
use serde_json::json;
use v2m_testkit::speech_server::Behaviour::{Raw, Says};
use v2m_testkit::speech_server::SpeechServer;

const SOCKET: &str = "v2m-remote.socket";
const SERVICE: &str = "v2m-remote.service";

fn transcribed(lab: &Lab) -> String {
    let path = lab::sample().display().to_string();
    let answer = lab.client().ask_with("TRANSCRIBE_FILE", json!({ "file_path": path }));
    answer["text"].as_str().unwrap().to_owned()
}

#[test]
fn a_server_is_asked_by_the_units_and_the_engine_here_takes_over() {
    let lab = Lab::new();
    let server = SpeechServer::new(Says("My fellow Americans".into()));
    lab.configure("[engine]\nlanguage = \"en\"\n");
    assert_sample(&transcribed(&lab));
    assert_eq!(property(SOCKET, "ActiveState"), "inactive", "there is nothing to connect to");
    assert_eq!(property(SOCKET, "UnitFileState"), "static", "nor at the next login");

    let mut client = lab.client();
    let change = json!({
        "engine": {"backend": "remote"},
        "remote": {"base_url": server.url, "model": "big"},
    });
    client.ask_with("UPDATE_CONFIG", change);
    assert!(transcribed(&lab).starts_with("My fellow Americans"));
    let sent = server.requests().len();
    assert!(sent >= 2, "a second of silence, and the sample");
    assert_eq!(client.ask("GET_STATUS")["engine"]["backend"], "remote");
    assert_eq!(property(SERVICE, "ActiveState"), "active");
    assert_eq!(network_sockets("v2m.service"), 0);
    let families = property(SERVICE, "RestrictAddressFamilies");
    assert!(!families.contains("AF_UNIX") && families.contains("AF_INET"), "{families}");

    // The server fails: the local engine gets the same sound, and there is a notification.
    server.now(Raw("500 Internal Server Error", "{\"error\":\"no memory\"}".into()));
    assert_sample(&transcribed(&lab));
    let status = client.ask("GET_STATUS");
    assert_eq!(status["engine"]["backend"], "cpu");
    let reason = status["engine"]["passed_over"][0]["reason"].as_str().unwrap();
    assert!(reason.contains("500: no memory"), "{reason}");
    lab.wait_for_notice("Why: v2m-send status");

    client.ask_with("UPDATE_CONFIG", json!({"engine": {"backend": "auto"}}));
    lab::wait_for("the socket's end", || {
        (property(SOCKET, "ActiveState") == "inactive").then_some(())
    });
    let before = server.requests().len();
    assert_sample(&transcribed(&lab));
    assert_eq!(server.requests().len(), before);
}
