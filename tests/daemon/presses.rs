//! Tests a dictation that starts before the last one has its text: nothing is lost, texts are
//! delivered in the order in which they were spoken, and each client gets its own.

use crate::house::{CONFIG, Client, House, Service, failure, text_of, wait_for};
use crate::recording::Studio;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use v2m_testkit::llm::{Act, Llm};
use v2m_testkit::xserver::XServer;

impl Studio {
    /// Records so many tenths of a second and stops. Returns the client, which waits for the text.
    fn dictate(&self, tenths: usize) -> Client {
        self.record(tenths);
        let mut stopping = self.service.connect();
        stopping.send("STOP_RECORDING", Value::Null);
        wait_for("the end of the recording", || {
            (self.service.connect().ask("GET_STATUS")["is_recording"] == false).then_some(())
        });
        stopping
    }
}

/// Returns the text of a successful answer.
fn text(client: &mut Client) -> String {
    let answer = client.receive().unwrap();
    assert_eq!(answer["status"], "success", "{answer}");
    answer["data"]["text"].as_str().unwrap().to_owned()
}

/// Returns the double's texts for the recordings in the store, oldest first, once they are
/// complete.
fn texts_of_recordings(house: &House) -> Vec<String> {
    wait_for("the recordings on the disk", || {
        let records: Vec<_> = house
            .kept("json")
            .iter()
            .map(std::fs::read_to_string)
            .collect::<Result<_, _>>()
            .ok()?;
        let under_way = |record: &String| record.contains("\"state\": \"recording\"");
        (!records.iter().any(under_way)).then_some(())
    });
    let kept = house.kept("wav");
    kept.iter().map(|path| text_of(&v2m::store::read_pcm(path).unwrap())).collect()
}

/// Returns the texts of the records in the store, oldest first, once all of them are delivered.
fn delivered_texts(service: &Service) -> Vec<String> {
    wait_for("the records", || {
        let read = |path: &std::path::PathBuf| -> Option<String> {
            let record: Value = serde_json::from_slice(&std::fs::read(path).ok()?).ok()?;
            (record["state"] == "delivered").then(|| record["text"].as_str().unwrap().to_owned())
        };
        service.kept("json").iter().map(read).collect()
    })
}

#[test]
fn the_next_dictation_is_recorded_while_the_last_one_is_transcribed() {
    let studio = Studio::with(House::new("finish wait"));
    let service = &studio.service;
    let mut states = service.connect().subscribe(&["state"]);
    let mut texts = service.connect().subscribe(&["transcription_update"]);
    let mut first = studio.dictate(3);
    studio.record(5);
    let status = service.connect().ask("GET_STATUS");
    assert_eq!(
        (&status["state"], &status["is_recording"], &status["pending"]),
        (&json!("recording"), &json!(true), &json!(1))
    );
    service.go();
    let answer = first.receive().unwrap();
    assert_eq!(answer["data"]["state"], "recording", "the state now: {answer}");
    let mut second = service.connect();
    let second = second.ask("STOP_RECORDING");
    let recordings = texts_of_recordings(service);
    assert_eq!(recordings.len(), 2);
    assert_eq!([&answer["data"]["text"], &second["text"]], [&recordings[0], &recordings[1]]);
    assert_eq!(delivered_texts(service), recordings);
    // Events name the dictation that the text belongs to.
    assert_eq!(states.until("state", "state", "recording")["job"], 1);
    assert_eq!(states.until("state", "state", "recording")["job"], 2);
    assert_eq!(texts.until("transcription_update", "text", &recordings[0])["job"], 1);
    assert_eq!(texts.until("transcription_update", "text", &recordings[1])["job"], 2);
    states.until("state", "state", "idle");
    studio.service.end();
}

#[test]
fn texts_that_wait_lose_nothing_when_the_engine_is_killed() {
    let studio = Studio::with(House::new("finish wait\n\n"));
    let service = &studio.service;
    let mut clients = [studio.dictate(2), studio.dictate(3), studio.dictate(4)];
    assert_eq!(service.connect().ask("GET_STATUS")["pending"], 3);
    let engine = Pid::from_raw(service.lives("double")[0]).unwrap();
    kill_process(engine, Signal::KILL).unwrap();
    let texts: Vec<String> = clients.iter_mut().map(text).collect();
    assert_eq!(texts, texts_of_recordings(service));
    studio.service.end();
}

#[test]
fn a_dictation_that_kills_every_engine_costs_the_next_one_nothing() {
    let studio = Studio::with(House::new("finish wait; finish die\nfinish die\n\n"));
    let service = &studio.service;
    let mut first = studio.dictate(2);
    let mut second = studio.dictate(3);
    kill_process(Pid::from_raw(service.lives("double")[0]).unwrap(), Signal::KILL).unwrap();
    assert_eq!(failure(&first.receive().unwrap()).0, "engine_failed");
    assert_eq!(text(&mut second), texts_of_recordings(service)[1]);
    studio.service.end();
}

#[test]
fn a_cancel_drops_what_is_recorded_and_the_text_before_it_arrives() {
    let studio = Studio::with(House::new("finish wait"));
    let service = &studio.service;
    let mut first = studio.dictate(3);
    studio.record(2);
    assert_eq!(service.connect().ask("CANCEL_RECORDING")["state"], "transcribing");
    service.go();
    let text = text(&mut first);
    assert_eq!(delivered_texts(service), [text.as_str()]);
    assert_eq!(texts_of_recordings(service), [text]);
    studio.service.end();
}

#[test]
fn the_ninth_text_to_wait_is_refused_before_anybody_speaks() {
    let studio = Studio::with(House::new("finish wait"));
    let service = &studio.service;
    let mut clients: Vec<Client> = (0..8).map(|_| studio.dictate(1)).collect();
    let (code, error) = service.connect().refused("START_RECORDING");
    assert!(code == "busy" && error.contains("8 texts"), "{error}");
    service.go();
    let texts: Vec<String> = clients.iter_mut().map(text).collect();
    assert_eq!(texts, texts_of_recordings(service));
    studio.record(1);
    studio.service.connect().ask("STOP_RECORDING");
    studio.service.end();
}

#[test]
fn the_end_saves_the_recording_and_the_text_that_is_on_its_way() {
    let studio = Studio::with(House::new("finish wait"));
    let service = &studio.service;
    let mut first = studio.dictate(3);
    studio.record(4);
    let mut states = service.connect().subscribe(&["state"]);
    service.signal(Signal::TERM);
    states.until("state", "state", "transcribing");
    service.go();
    let text = text(&mut first);
    service.tells("STOPPING=1");
    let house = studio.ended().house;
    let recordings = texts_of_recordings(&house);
    assert_eq!((recordings.len(), &recordings[0]), (2, &text));
    for (path, text) in house.kept("json").iter().zip(&recordings) {
        let record: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        assert_eq!((&record["state"], &record["text"]), (&json!("delivered"), &json!(text)));
    }
}

/// Regression: the second text was ready first, and was copied to the clipboard before the first.
#[test]
fn a_text_that_is_with_a_language_model_is_waited_for() {
    let server = XServer::start(None);
    let mut house = House::new("");
    house.configure(&format!(
        "{}[llm]\nprovider = \"openai\"\nmodel = \"tiny\"\nbase_url = \"http://127.0.0.1:9/v1\"\n\
         dictation_seconds = 3\n",
        CONFIG.replace("mode = \"none\"", "mode = \"clipboard\"")
    ));
    house.display = Some(server.display.clone());
    let llm = Llm::at(&house.path("run/v2m/llm.sock"), vec![Act::Wait]);
    let studio = Studio::with(house);
    let service = &studio.service;
    let mut deliveries = service.connect().subscribe(&["delivery"]);
    studio.record(1);
    let mut first = service.connect();
    first.send("STOP_RECORDING", json!({"preset": "email"}));
    llm.asked();
    assert_eq!(service.connect().ask("GET_STATUS")["state"], "processing");
    let mut second = studio.dictate(2);
    // The model does not answer. The first text is delivered unchanged when the time limit is
    // reached.
    for (n, client) in [&mut first, &mut second].into_iter().enumerate() {
        assert_eq!(deliveries.receive().unwrap()["data"]["job"], n + 1);
        assert_eq!(text(client), texts_of_recordings(service)[n]);
    }
    assert_eq!(server.paste(), texts_of_recordings(service)[1]);
    studio.service.end();
}

#[test]
fn settings_that_change_meanwhile_count_from_then_on() {
    let house = House::new("finish wait");
    house.model("other", "");
    let studio = Studio::with(house);
    let service = &studio.service;
    let mut clients = [studio.dictate(2), studio.dictate(3)];
    studio.record(2);
    service.connect().ask_with(
        "UPDATE_CONFIG",
        json!({"engine": {"model": "other"}, "capture": {"linger_seconds": 2}}),
    );
    let last = service.connect().ask("STOP_RECORDING");
    let mut texts: Vec<String> = clients.iter_mut().map(text).collect();
    texts.push(last["text"].as_str().unwrap().to_owned());
    assert_eq!(texts, texts_of_recordings(service));
    studio.service.end();
}
