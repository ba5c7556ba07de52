//! Tests dictations into an X11 window: the text goes where the user was at the stop, or waits.

use crate::house::{CONFIG, House, wait_for};
use crate::recording::Studio;
use serde_json::{Value, json};
use std::fs;
use v2m_testkit::x11_window::{PastesOn, Window};
use v2m_testkit::xserver::XServer;

/// Starts a studio on an X11 desktop, with an engine that waits for [`House::go`] before it
/// answers.
fn studio(server: &XServer, settings: &str) -> Studio {
    let mut house = House::new("finish wait");
    let paste = format!("mode = \"paste\"\n{settings}");
    house.configure(&CONFIG.replace("mode = \"none\"", &paste));
    house.display = Some(server.display.clone());
    Studio::with(house)
}

/// Stops, and lets the user do something else before the text is ready. Returns the answer to the
/// stop.
fn stop_and(studio: &Studio, meanwhile: impl FnOnce()) -> Value {
    let mut client = studio.service.connect();
    client.send("STOP_RECORDING", Value::Null);
    wait_for("the end of the recording, as the engine is told it", || {
        let log = fs::read_to_string(studio.service.model_file("double", "log")).ok()?;
        log.contains("finish").then_some(())
    });
    // A separate thread asks which window has the keyboard focus.
    wait_for("the answer to it", || (!is_asking(studio)).then_some(()));
    meanwhile();
    studio.service.go();
    let answer = client.receive().unwrap();
    assert_eq!(answer["status"], "success", "{answer}");
    answer["data"].clone()
}

fn is_asking(studio: &Studio) -> bool {
    let tasks = format!("/proc/{}/task", studio.service.pid().as_raw_nonzero());
    let threads = fs::read_dir(tasks).unwrap().flatten();
    let mut names = threads.flat_map(|thread| fs::read_to_string(thread.path().join("comm")));
    names.any(|name| name.trim() == "v2m-focus")
}

#[test]
fn the_text_goes_into_the_window_and_the_clipboard_is_as_before() {
    let server = XServer::start(None);
    server.copy("UTF8_STRING", b"before");
    let window = Window::open(&server.display, "Editor", PastesOn::Ctrl);
    let studio = studio(&server, "");
    studio.record(3);
    let answer = stop_and(&studio, || ());
    assert_eq!(window.text(), answer["text"].as_str().unwrap());
    wait_for("what was on the clipboard", || {
        (server.clipboard("UTF8_STRING")? == b"before").then_some(())
    });
    // The service ends in an orderly way although it owns the clipboard.
    studio.service.end();
}

#[test]
fn by_default_the_text_goes_into_the_window_and_the_status_says_so() {
    let server = XServer::start(None);
    let window = Window::open(&server.display, "Editor", PastesOn::Ctrl);
    let mut house = House::new("finish wait");
    house.configure(&CONFIG.replace("mode = \"none\"\n", ""));
    house.display = Some(server.display.clone());
    let studio = Studio::with(house);
    studio.record(3);
    let answer = stop_and(&studio, || ());
    assert_eq!(window.text(), answer["text"].as_str().unwrap());
    let status = &studio.service.connect().ask("GET_STATUS")["deliver"];
    assert_eq!((&status["mode"], &status["way"]), (&json!("auto"), &json!("paste")), "{status}");
    assert_eq!(status["backend"], "x11");
    // A user who configures the clipboard gets it, and the status says so.
    let update = json!({"deliver": {"mode": "clipboard"}});
    studio.service.connect().ask_with("UPDATE_CONFIG", update);
    let status = &studio.service.connect().ask("GET_STATUS")["deliver"];
    assert_eq!(status["way"], "clipboard", "{status}");
    studio.service.end();
}

/// Stops in one window and moves to another one. Returns the text.
fn go_elsewhere(server: &XServer, studio: &Studio, other: &Window) -> String {
    let _window = Window::open(&server.display, "Editor", PastesOn::Ctrl);
    studio.record(3);
    let answer = stop_and(studio, || other.focus());
    answer["text"].as_str().unwrap().to_owned()
}

#[test]
fn the_text_waits_when_the_user_has_gone_elsewhere() {
    let server = XServer::start(None);
    let other = Window::open(&server.display, "Other", PastesOn::Ctrl);
    let studio = studio(&server, "");
    let text = go_elsewhere(&server, &studio, &other);
    assert_eq!(server.paste(), text);
    let record = wait_for("the record", || {
        let delivered = |record: &Value| record["state"] == "delivered";
        Some(studio.service.record()).filter(delivered)
    });
    let paste = &record["deliveries"][0];
    assert_eq!((&paste["by"], &paste["ok"]), (&json!("paste"), &json!(false)));
    assert!(paste["detail"].as_str().unwrap().contains("another window"), "{record}");
}

#[test]
fn the_text_follows_the_user_where_that_is_wanted() {
    let server = XServer::start(None);
    let other = Window::open(&server.display, "Other", PastesOn::Ctrl);
    let studio = studio(&server, "same_window = false\n");
    let text = go_elsewhere(&server, &studio, &other);
    assert_eq!(other.text(), text);
}

#[test]
fn dictations_in_a_row_are_joined_at_the_cursor_and_nowhere_else() {
    let server = XServer::start(None);
    let window = Window::open(&server.display, "Editor", PastesOn::Ctrl);
    let mut house = House::new("");
    house.configure(&CONFIG.replace("mode = \"none\"", "mode = \"paste\""));
    house.display = Some(server.display.clone());
    let studio = Studio::with(house);
    let dictate = || {
        studio.record(3);
        let answer = studio.service.connect().ask("STOP_RECORDING");
        answer["text"].as_str().unwrap().to_owned()
    };
    let first = dictate();
    assert_eq!(window.text(), first);
    let second = dictate();
    assert_eq!(window.text(), format!(" {second}"));
    assert!(second.starts_with("heard"), "{second}");
    assert_eq!(studio.service.connect().ask("LAST_TEXT")["text"], second);
    let records = wait_for("the records", || {
        let records = studio.service.kept("json").into_iter();
        let texts: Vec<Value> = records
            .map(|path| serde_json::from_slice::<Value>(&fs::read(path).unwrap()).unwrap())
            .filter(|record| record["state"] == "delivered")
            .map(|record| record["text"].clone())
            .collect();
        (texts.len() == 2).then_some(texts)
    });
    assert_eq!(records, [json!(first), json!(second)]);
    // Users can turn joining off, and get the texts unchanged.
    let update = json!({"deliver": {"join": "nothing"}});
    studio.service.connect().ask_with("UPDATE_CONFIG", update);
    let third = dictate();
    assert_eq!(window.text(), third);
}
