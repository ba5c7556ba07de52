//! Tests presets of applications on X11, with a double of `v2m-llm`: the window with the keyboard
//! focus when a recording begins decides how its text is processed.

use crate::continuous::{continuous, delivered};
use crate::house::{CONFIG, House, wait_for};
use crate::recording::Studio;
use serde_json::{Value, json};
use v2m_ipc::llm::Question;
use v2m_testkit::llm::Llm;
use v2m_testkit::x11_window::{PastesOn, Window};
use v2m_testkit::xserver::XServer;

const SET_UP: &str = "[llm]\nprovider = \"openai\"\nmodel = \"tiny\"\nbase_url = \"http://127.0.0.1:9/v1\"\n\
    [llm.applications]\n\"org.example.Mail\" = \"email\"\nNotebook = \"notes\"\n\
    Vault = \"none\"\nTypo = \"emial\"\n";

/// Starts a studio on an X11 desktop, with a language model and presets for applications. The
/// window stays open because an X server without clients resets itself.
fn studio(server: &XServer, refine: &str) -> (Studio, Llm, Window) {
    let desk = Window::open(&server.display, "Desk", PastesOn::Ctrl);
    let mut house = House::new("");
    house.configure(&format!("{CONFIG}[text]\nrefine = \"{refine}\"\n{SET_UP}"));
    house.display = Some(server.display.clone());
    let llm = Llm::at(&house.path("run/v2m/llm.sock"), Vec::new());
    (Studio::with(house), llm, desk)
}

/// Makes a dictation that begins in a window of this class. Returns the answer to its stop.
fn dictate(studio: &Studio, server: &XServer, class: &str, options: &Value) -> Value {
    let _window = Window::open(&server.display, class, PastesOn::Ctrl);
    studio.record_in(2, options);
    studio.service.connect().ask("STOP_RECORDING")
}

fn instruction(llm: &Llm) -> String {
    match llm.asked() {
        Question::Rewrite { instruction, .. } => instruction,
        other => panic!("{other:?}"),
    }
}

fn is_rewritten(answer: &Value) -> bool {
    answer["text"].as_str().unwrap().starts_with("HEARD ")
}

fn by_application(name: &str, application: &str) -> Value {
    json!({"name": name, "by": "application", "application": application})
}

#[test]
fn the_application_at_the_beginning_decides_and_a_client_decides_more() {
    let server = XServer::start(None);
    let (studio, llm, _desk) = studio(&server, "rules");
    let nothing = Value::Null;
    let answer = dictate(&studio, &server, "mail", &nothing);
    assert!(is_rewritten(&answer), "{answer}");
    assert!(instruction(&llm).contains("e-mail"));
    let email = by_application("email", "org.example.Mail");
    assert_eq!(answer["preset"], email);
    let kept = wait_for("the record", || {
        let record = studio.service.record();
        (record["state"] == "delivered").then_some(record)
    });
    assert_eq!(kept["preset"], email);
    let mut client = studio.service.connect();
    assert_eq!(client.ask("GET_STATUS")["preset"], email);
    assert_eq!(client.ask_with("GET_DICTATION", json!({"number": 1}))["preset"], email);

    let answer = dictate(&studio, &server, "Notebook", &json!({"preset": "email"}));
    assert!(is_rewritten(&answer) && instruction(&llm).contains("e-mail"), "{answer}");
    assert_eq!(answer["preset"], json!({"name": "email", "by": "client"}));

    // For these windows, nothing is sent to the model.
    for (class, preset) in [("Editor", &nothing), ("Vault", &by_application("none", "Vault"))] {
        let answer = dictate(&studio, &server, class, &nothing);
        assert!(!is_rewritten(&answer), "{answer}");
        assert_eq!(&answer["preset"], preset);
        assert_eq!(&client.ask("GET_STATUS")["preset"], preset);
    }
    llm.saw_nothing_more();
    let answer = dictate(&studio, &server, "Typo", &nothing);
    assert!(!is_rewritten(&answer), "{answer}");
    assert!(answer["problems"][0]["error"].as_str().unwrap().contains("emial"), "{answer}");
    llm.saw_nothing_more();
    studio.service.end();
}

#[test]
fn the_preset_for_all_texts_counts_in_other_applications_and_the_end_in_none() {
    let server = XServer::start(None);
    let (studio, llm, _desk) = studio(&server, "llm");
    let answer = dictate(&studio, &server, "Vault", &Value::Null);
    assert!(!is_rewritten(&answer), "{answer}");
    llm.saw_nothing_more();
    let answer = dictate(&studio, &server, "Editor", &Value::Null);
    assert!(is_rewritten(&answer) && instruction(&llm).contains("fillers"), "{answer}");
    assert_eq!(answer["preset"], json!({"name": "clean-up", "by": "configuration"}));

    // The user moves to another window before the stop.
    let notebook = Window::open(&server.display, "Notebook", PastesOn::Ctrl);
    studio.record(2);
    let mut client = studio.service.connect();
    let known = wait_for("the application", || {
        let preset = client.ask("GET_STATUS")["preset"].take();
        (preset["by"] == "application").then_some(preset)
    });
    assert_eq!(known, by_application("notes", "Notebook"));
    let vault = Window::open(&server.display, "Vault", PastesOn::Ctrl);
    vault.focus();
    let answer = client.ask("STOP_RECORDING");
    assert!(is_rewritten(&answer) && instruction(&llm).contains("notes"), "{answer}");
    drop(notebook);

    // One entry can be removed without the others.
    client.ask_with("UPDATE_CONFIG", json!({"llm": {"applications": {"Vault": null}}}));
    let config = client.ask("GET_CONFIG");
    let left = &config["config"]["llm"]["applications"];
    let all = json!({"Notebook": "notes", "Typo": "emial", "org.example.Mail": "email"});
    assert_eq!(*left, all);
    drop(vault);
    let answer = dictate(&studio, &server, "Vault", &Value::Null);
    assert!(is_rewritten(&answer) && instruction(&llm).contains("fillers"), "{answer}");
    studio.service.end();
}

#[test]
fn without_a_desktop_no_preset_of_an_application_is_used() {
    let house = House::new("");
    house.configure(&format!("{CONFIG}{SET_UP}"));
    let llm = Llm::at(&house.path("run/v2m/llm.sock"), Vec::new());
    let studio = Studio::with(house);
    studio.record(1);
    let answer = studio.service.connect().ask("STOP_RECORDING");
    assert!(!is_rewritten(&answer), "{answer}");
    assert_eq!(answer.get("preset"), None);
    llm.saw_nothing_more();
    studio.service.end();
}

/// Regression: only the class was compared.
#[test]
fn a_window_is_known_by_its_instance_and_its_program_too() {
    let server = XServer::start(None);
    let (studio, llm, _desk) = studio(&server, "llm");
    let mut client = studio.service.connect();
    let own = std::env::current_exe().unwrap();
    let program = own.file_name().unwrap().to_str().unwrap();
    // All windows of the tests have this instance and program, whatever their class.
    for name in ["Instance", program] {
        let all = json!({"Instance": null, name: "none"});
        client.ask_with("UPDATE_CONFIG", json!({"llm": {"applications": all}}));
        let answer = dictate(&studio, &server, "Editor", &Value::Null);
        assert!(!is_rewritten(&answer), "{answer}");
        assert_eq!(answer["preset"], by_application("none", name));
        assert_eq!(answer["problems"], Value::Null);
    }
    llm.saw_nothing_more();
    studio.service.end();
}

/// Regression: the text was sent to the model, and the user got no warning.
#[test]
fn no_model_gets_a_text_of_an_unknown_application_if_one_is_to_have_none() {
    let quiet = "pcm nothing; ".repeat(12);
    let house = House::new(&format!("{quiet}pcm sentence"));
    house.configure(&format!("{CONFIG}[text]\nrefine = \"llm\"\n{SET_UP}"));
    let llm = Llm::at(&house.path("run/v2m/llm.sock"), Vec::new());
    let studio = Studio::with(house);
    let mut client = studio.service.connect();
    let is_told = |answer: &Value| {
        let problems = answer["problems"].as_array().expect("a problem is told");
        problems.iter().any(|problem| {
            let text = problem["error"].as_str().unwrap();
            text.contains("deliver.focused_program") && text.contains("--preset")
        })
    };
    studio.record(1);
    let answer = client.ask("STOP_RECORDING");
    assert!(!is_rewritten(&answer) && is_told(&answer), "{answer}");
    assert_eq!(answer.get("preset"), None);
    assert_eq!(client.ask("GET_STATUS")["preset"], Value::Null);
    // In a continuous dictation, no sentence is sent either.
    let before = delivered(&studio.service);
    studio.record_in(3, &continuous());
    wait_for("a sentence", || (delivered(&studio.service) > before).then_some(()));
    let answer = client.ask("STOP_RECORDING");
    assert!(is_told(&answer), "{answer}");
    llm.saw_nothing_more();

    studio.record_in(1, &json!({"preset": "email"}));
    let answer = client.ask("STOP_RECORDING");
    assert!(is_rewritten(&answer) && instruction(&llm).contains("e-mail"), "{answer}");
    // Now no application is kept from the model.
    client.ask_with("UPDATE_CONFIG", json!({"llm": {"applications": {"Vault": null}}}));
    studio.record(1);
    let answer = client.ask("STOP_RECORDING");
    assert!(is_rewritten(&answer) && instruction(&llm).contains("fillers"), "{answer}");
    studio.service.end();
}
