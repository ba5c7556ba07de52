//! Tests of the wire types, with examples and with random values.

use super::*;
use proptest::collection::vec;
use proptest::prelude::*;

fn parse(text: &str) -> Result<Command, Refusal> {
    Command::parse(text.as_bytes())
}

/// One of each command, as clients send them.
fn every_command() -> Vec<Command> {
    let updates = json!({"audio": {"source": "usb"}});
    vec![
        Command::Ping,
        Command::GetStatus,
        Command::StartRecording(Wishes::default()),
        Command::StopRecording(Wishes { deliver: Some(Deliver::Clipboard), ..Wishes::default() }),
        Command::ToggleRecording(Wishes {
            deliver: Some(Deliver::Paste),
            preset: Some("email".into()),
            language: Some("es".into()),
            continuous: true,
        }),
        Command::CancelRecording,
        Command::LastText,
        Command::ProcessText {
            text: TextSource::Given("a".into()),
            instruction: Some("b".into()),
            preset: None,
            deliver: None,
        },
        Command::ProcessText {
            text: TextSource::Clipboard,
            instruction: None,
            preset: Some("notes".into()),
            deliver: Some(Deliver::Type),
        },
        Command::TranslateText {
            text: TextSource::Last,
            target_lang: Some("de".into()),
            deliver: Some(Deliver::None),
        },
        Command::TestRules { text: "a\nb".into(), language: Some("es".into()) },
        Command::TranscribeFile { file_path: "/a.wav".into(), track: None },
        Command::TranscribeFile { file_path: "/a.wav".into(), track: Some(2) },
        Command::RetryRecording { number: 1, model: None, language: None },
        Command::RetryRecording {
            number: 3,
            model: Some("tiny-q8_0".into()),
            language: Some("es".into()),
        },
        Command::UndoDelivery,
        Command::ListDictations { search: None, since: None, before: None, limit: None },
        Command::ListDictations {
            search: Some("two words".into()),
            since: Some("yesterday".into()),
            before: Some("20261121T101010.000Z-1".into()),
            limit: Some(5),
        },
        Command::GetDictation(Which::Number(2)),
        Command::GetDictation(Which::Id("20261121T101010.000Z-1".into())),
        Command::DeliverDictation { which: Which::Number(1), deliver: Deliver::Paste },
        Command::DeleteDictations { which: Some(Which::Number(3)) },
        Command::DeleteDictations { which: None },
        Command::GetConfig,
        Command::UpdateConfig { updates: updates.as_object().unwrap().clone() },
        Command::PauseDaemon,
        Command::ResumeDaemon,
        Command::Subscribe { events: vec![EventName::State, EventName::Level] },
        Command::Shutdown,
    ]
}

#[test]
fn every_command_survives_the_wire() {
    for command in every_command() {
        assert_eq!(parse(&command.to_request().to_string()), Ok(command));
    }
}

#[test]
fn data_may_be_absent_null_or_hold_unknown_keys() {
    for request in [
        r#"{"cmd":"PING"}"#,
        r#"{"cmd":"PING","data":null}"#,
        r#" {"id":[1,{"x":null}],"data":{"cmd":5},"cmd":"PING"} "#,
    ] {
        assert_eq!(parse(request), Ok(Command::Ping), "{request}");
    }
}

#[test]
fn a_dictation_is_named_by_last_a_number_or_its_id() {
    assert_eq!(Which::from_word("last"), Some(Which::Number(1)));
    assert_eq!(Which::from_word("12"), Some(Which::Number(12)));
    let id = "20261121T101010.000Z-1";
    assert_eq!(Which::from_word(id), Some(Which::Id(id.into())));
    for wrong in ["0", "", "99999999999"] {
        assert_eq!(Which::from_word(wrong), None, "{wrong}");
    }
}

#[test]
fn update_config_is_read_in_both_forms() {
    let updates = json!({"audio": {"source": "usb"}}).as_object().unwrap().clone();
    for data in [r#"{"audio":{"source":"usb"}}"#, r#"{"updates":{"audio":{"source":"usb"}}}"#] {
        let request = format!(r#"{{"cmd":"UPDATE_CONFIG","data":{data}}}"#);
        assert_eq!(parse(&request), Ok(Command::UpdateConfig { updates: updates.clone() }));
    }
}

#[test]
fn subscribe_without_names_means_all_and_names_count_once() {
    let all = Command::Subscribe { events: EventName::ALL.to_vec() };
    assert_eq!(parse(r#"{"cmd":"SUBSCRIBE"}"#), Ok(all));
    let some = Command::Subscribe { events: vec![EventName::State, EventName::Level] };
    let request = r#"{"cmd":"SUBSCRIBE","data":{"events":["level","state","level"]}}"#;
    assert_eq!(parse(request), Ok(some));
}

#[test]
fn what_cannot_be_understood_is_a_bad_request() {
    for request in [
        "",
        "{",
        "nonsense",
        "null",
        "5",
        r#""PING""#,
        r#"["PING",null]"#,
        r#"{"cmd":"PING"} trailing"#,
        r#"{"cmd":"PING","cmd":"PING"}"#,
        "{}",
        r#"{"cmd":null}"#,
        r#"{"cmd":5}"#,
        r#"{"cmd":"PING","data":[]}"#,
        r#"{"cmd":"PING","data":"x"}"#,
        r#"{"cmd":"PROCESS_TEXT"}"#,
        r#"{"cmd":"PROCESS_TEXT","data":{}}"#,
        r#"{"cmd":"PROCESS_TEXT","data":{"text":null}}"#,
        r#"{"cmd":"PROCESS_TEXT","data":{"text":" \n"}}"#,
        r#"{"cmd":"PROCESS_TEXT","data":{"text":7}}"#,
        r#"{"cmd":"PROCESS_TEXT","data":{"text":"a","instruction":7}}"#,
        r#"{"cmd":"TRANSLATE_TEXT","data":{"text":"a","target_lang":["de"]}}"#,
        r#"{"cmd":"LIST_DICTATIONS","data":{"limit":0}}"#,
        r#"{"cmd":"LIST_DICTATIONS","data":{"search":5}}"#,
        r#"{"cmd":"GET_DICTATION"}"#,
        r#"{"cmd":"GET_DICTATION","data":{"number":1,"id":"a"}}"#,
        r#"{"cmd":"DELIVER_DICTATION","data":{"number":1}}"#,
        r#"{"cmd":"DELETE_DICTATIONS"}"#,
        r#"{"cmd":"DELETE_DICTATIONS","data":{"all":false}}"#,
        r#"{"cmd":"DELETE_DICTATIONS","data":{"all":1}}"#,
        r#"{"cmd":"DELETE_DICTATIONS","data":{"all":true,"number":1}}"#,
        r#"{"cmd":"TRANSCRIBE_FILE"}"#,
        r#"{"cmd":"TRANSCRIBE_FILE","data":{"file_path":"a.wav"}}"#,
        r#"{"cmd":"TRANSCRIBE_FILE","data":{"file_path":"/a\u0000.wav"}}"#,
        r#"{"cmd":"TRANSCRIBE_FILE","data":{"file_path":"/a.wav","track":0}}"#,
        r#"{"cmd":"TRANSCRIBE_FILE","data":{"file_path":"/a.wav","track":-1}}"#,
        r#"{"cmd":"TRANSCRIBE_FILE","data":{"file_path":"/a.wav","track":1.5}}"#,
        r#"{"cmd":"TRANSCRIBE_FILE","data":{"file_path":"/a.wav","track":"2"}}"#,
        r#"{"cmd":"TRANSCRIBE_FILE","data":{"file_path":"/a.wav","track":4294967296}}"#,
        r#"{"cmd":"RETRY_RECORDING","data":{"number":0}}"#,
        r#"{"cmd":"RETRY_RECORDING","data":{"number":"last"}}"#,
        r#"{"cmd":"RETRY_RECORDING","data":{"model":1}}"#,
        r#"{"cmd":"UPDATE_CONFIG"}"#,
        r#"{"cmd":"UPDATE_CONFIG","data":{"updates":5}}"#,
        r#"{"cmd":"UPDATE_CONFIG","data":{"updates":{},"audio":{}}}"#,
        r#"{"cmd":"SUBSCRIBE","data":{"events":"state"}}"#,
        r#"{"cmd":"SUBSCRIBE","data":{"events":["state","weather"]}}"#,
        r#"{"cmd":"SUBSCRIBE","data":{"events":[1]}}"#,
        r#"{"cmd":"TOGGLE_RECORDING","data":{"deliver":"there"}}"#,
        r#"{"cmd":"START_RECORDING","data":{"deliver":7}}"#,
        r#"{"cmd":"START_RECORDING","data":{"preset":7}}"#,
        r#"{"cmd":"PROCESS_TEXT","data":{"source":"tape"}}"#,
        r#"{"cmd":"PROCESS_TEXT","data":{"source":"last","text":"a"}}"#,
        r#"{"cmd":"TRANSLATE_TEXT","data":{"text":"a","deliver":"there"}}"#,
    ] {
        assert_eq!(parse(request).map_err(|r| r.code), Err("bad_request"), "{request}");
    }
    let not_utf8 = b"{\"cmd\":\"PING\",\"x\":\"\xff\"}";
    assert_eq!(Command::parse(not_utf8).map_err(|r| r.code), Err("bad_request"));
    let deep = format!(r#"{{"cmd":"PING","data":{{"a":{}"#, "[".repeat(100_000));
    assert_eq!(parse(&deep).map_err(|r| r.code), Err("bad_request"));
}

#[test]
fn an_unknown_command_is_named_and_cut_short() {
    let refusal = parse(&format!(r#"{{"cmd":"{}"}}"#, "X".repeat(5000))).unwrap_err();
    assert_eq!(refusal.code, "unknown_command");
    assert!(refusal.message.len() < 300, "{refusal}");
}

#[test]
fn answers_have_all_three_keys() {
    let pong = serde_json::to_string(&Response::success(&"PONG")).unwrap();
    assert_eq!(pong, r#"{"status":"success","data":"PONG","error":null}"#);
    let busy = serde_json::to_string(&Response::error("busy", "wait", Value::Null)).unwrap();
    assert_eq!(busy, r#"{"status":"error","data":null,"error":"wait","code":"busy"}"#);
}

#[test]
fn events_carry_their_type_beside_their_data() {
    let event = Event::TranscriptionUpdate { text: "hi".into(), is_final: true, job: 7 };
    assert_eq!(
        serde_json::to_value(Response::event(&event)).unwrap(),
        json!({"status": "event", "error": null,
               "data": {"type": "transcription_update", "text": "hi", "final": true, "job": 7}}),
    );
    assert_eq!(event.name().name(), "transcription_update");
}

#[test]
fn event_names_are_spelled_alike_everywhere() {
    for event in EventName::ALL {
        assert_eq!(serde_json::to_value(event).unwrap(), json!(event.name()));
        assert_eq!(EventName::from_name(event.name()), Some(event));
    }
}

proptest! {
    #[test]
    fn any_bytes_are_a_command_or_refused(bytes in vec(any::<u8>(), 0..100)) {
        let _ = Command::parse(&bytes);
    }

    #[test]
    fn any_words_are_a_command_or_refused(words in vec(prop_oneof![
        Just("{"), Just("}"), Just("["), Just("]"), Just(":"), Just(","), Just("null"), Just("1e999"),
        Just("\"cmd\""), Just("\"data\""), Just("\"UPDATE_CONFIG\""), Just("\"updates\""),
        Just("\"SUBSCRIBE\""), Just("\"events\""), Just("\"PROCESS_TEXT\""), Just("\"text\""),
        Just("\"\\ud800\""),
    ], 0..20)) {
        let _ = parse(&words.concat());
    }

    #[test]
    fn any_text_survives_the_wire(text in "[^ ].{0,60}", instruction in proptest::option::of(".{0,20}")) {
        prop_assume!(!text.trim().is_empty());
        let text = TextSource::Given(text);
        let command = Command::ProcessText { text, instruction, preset: None, deliver: None };
        prop_assert_eq!(parse(&command.to_request().to_string()), Ok(command));
    }
}
