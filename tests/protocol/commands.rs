//! Tests every command: the request that reaches the daemon, and the answer's form on the wire.

use crate::harness::{Service, code, data};
use serde_json::{Value, json};
use v2m::call::{
    Answer, CaptureStatus, DeliverStatus, EngineStatus, Gpu, Progress, Ram, Request, Retry, Status,
    TextSource, TextTask, TextWork, Unfollowed,
};
use v2m::session::{
    ChosenPreset, Code, Command, DeliverMode, Delivery, EngineState, Failure, Gap, GapCause,
    PresetBy, Segment, State, Transcript, Wishes,
};
use v2m::text::Step;

fn transcript() -> Transcript {
    Transcript {
        text: "Hello there.".into(),
        unrefined: Some("um hello there".into()),
        language: "en".into(),
        samples: 40_000,
        segments: vec![Segment { start: 8_000, end: 24_000, text: "Hello there.".into() }],
        gaps: Vec::new(),
        audio_path: Some("/data/1.wav".into()),
        preset: None,
        deliveries: vec![Delivery {
            by: "clipboard",
            backend: None,
            ok: true,
            detail: "copied".into(),
        }],
        problems: Vec::new(),
    }
}

fn status(gpu: Option<Gpu>, problem: Option<Failure>) -> Status {
    Status {
        preset: None,
        state: State::Recording,
        language: "es".into(),
        pending: 1,
        cpu_percent: 12.3,
        ram: Ram { total: 32 << 30, used: 8 << 30 },
        gpu,
        engine: EngineStatus {
            state: EngineState::Warm,
            backend: Some("cuda".into()),
            device: Some("NVIDIA".into()),
            model: Some("base-q8_0".into()),
            loaded_in_ms: Some(310),
            memory_bytes: None,
            passed_over: Vec::new(),
            server: None,
            unfollowed: Vec::new(),
            preview: None,
        },
        capture: CaptureStatus::default(),
        deliver: Some(DeliverStatus {
            mode: DeliverMode::Auto,
            way: DeliverMode::Paste,
            backend: Some("mutter"),
            reason: "nobody is asked".into(),
        }),
        uptime_s: 77,
        progress: Progress::default(),
        problem,
    }
}

/// Sends `json`, checks that `request` reaches the daemon, which answers `answer`, and returns the
/// answer that the client gets.
#[track_caller]
fn exchange(json: &str, request: Request, answer: Result<Answer, Failure>) -> Value {
    let (service, mut calls) = Service::start(|_| {});
    let mut peer = service.connect();
    peer.send(json);
    let call = calls.blocking_recv().unwrap();
    assert_eq!(call.request, request);
    call.reply.send(answer).unwrap();
    peer.read()
}

#[test]
fn ping_is_pong_byte_for_byte() {
    let service = Service::bare();
    let mut peer = service.connect();
    peer.write(b"\x00\x00\x00\x0e{\"cmd\":\"PING\"}").half_close();
    assert_eq!(peer.rest(), b"\0\0\0\x2f{\"status\":\"success\",\"data\":\"PONG\",\"error\":null}");
}

#[test]
fn commands_without_data_reach_the_session() {
    for (cmd, command, state) in [
        ("START_RECORDING", Command::Start, State::Recording),
        ("TOGGLE_RECORDING", Command::Toggle, State::Recording),
        ("CANCEL_RECORDING", Command::Cancel, State::Idle),
        ("PAUSE_DAEMON", Command::Pause, State::Paused),
        ("RESUME_DAEMON", Command::Resume, State::Idle),
    ] {
        let json = format!(r#"{{"cmd":"{cmd}"}}"#);
        let answer = Ok(Answer::State { state, message: None });
        let answer = exchange(&json, Request::Session(command), answer);
        assert_eq!(data(&answer), &json!({"state": state.name()}));
    }
}

#[test]
fn start_may_say_a_sentence() {
    let answer = Ok(Answer::State { state: State::Recording, message: Some("Recording".into()) });
    let answer = exchange(r#"{"cmd":"START_RECORDING"}"#, Request::Session(Command::Start), answer);
    assert_eq!(data(&answer), &json!({"state": "recording", "message": "Recording"}));
}

#[test]
fn stop_and_transcribe_answer_the_text_and_where_it_was_said() {
    let expected = json!({
        "state": "idle", "text": "Hello there.", "transcription": "Hello there.",
        "unrefined": "um hello there",
        "audio_path": "/data/1.wav", "language": "en", "seconds": 2.5,
        "segments": [{"start": 0.5, "end": 1.5, "text": "Hello there."}],
        "deliveries": [{"by": "clipboard", "ok": true, "detail": "copied"}],
    });
    let retry = |number, model: Option<&str>, language: Option<&str>| {
        let (model, language) = (model.map(Into::into), language.map(Into::into));
        Request::Retry(Retry { number, model, language })
    };
    let file = |track| Request::TranscribeFile { path: "/a b.wav".into(), track };
    for (json, request) in [
        (r#"{"cmd":"STOP_RECORDING"}"#, Request::Session(Command::Stop)),
        (r#"{"cmd":"TOGGLE_RECORDING"}"#, Request::Session(Command::Toggle)),
        (r#"{"cmd":"TRANSCRIBE_FILE","data":{"file_path":"/a b.wav"}}"#, file(None)),
        (r#"{"cmd":"TRANSCRIBE_FILE","data":{"file_path":"/a b.wav","track":2}}"#, file(Some(2))),
        (r#"{"cmd":"RETRY_RECORDING"}"#, retry(1, None, None)),
        (
            r#"{"cmd":"RETRY_RECORDING","data":{"number":3,"model":"tiny","language":"es"}}"#,
            retry(3, Some("tiny"), Some("es")),
        ),
    ] {
        let answer = Answer::Transcript { state: State::Idle, transcript: transcript() };
        assert_eq!(data(&exchange(json, request, Ok(answer))), &expected);
    }
}

#[test]
fn the_preset_is_told_with_who_chose_it() {
    for (by, told) in [
        (PresetBy::Client, json!({"name": "email", "by": "client"})),
        (
            PresetBy::Application("org.gnome.Evolution".into()),
            json!({"name": "email", "by": "application", "application": "org.gnome.Evolution"}),
        ),
        (PresetBy::Configuration, json!({"name": "email", "by": "configuration"})),
    ] {
        let preset = Some(ChosenPreset { name: "email".into(), by });
        let transcript = Transcript { preset, ..transcript() };
        let answer = Ok(Answer::Transcript { state: State::Idle, transcript });
        let stop = Request::Session(Command::Stop);
        let answer = exchange(r#"{"cmd":"STOP_RECORDING"}"#, stop, answer);
        assert_eq!(data(&answer)["preset"], told);
    }
}

#[test]
fn what_could_not_be_recorded_is_told_with_its_place() {
    let told = Transcript {
        segments: vec![
            Segment { start: 8_000, end: 24_000, text: "Hello there.".into() },
            Segment { start: 32_000, end: 40_000, text: "Bye.".into() },
        ],
        gaps: vec![Gap { start: 16_000, end: 20_000, cause: GapCause::NotTaken }],
        problems: vec![Failure::new(Code::AudioGap, "0.3 s are missing.")],
        ..transcript()
    };
    let answer = Ok(Answer::Transcript { state: State::Idle, transcript: told });
    let answer = exchange(r#"{"cmd":"STOP_RECORDING"}"#, Request::Session(Command::Stop), answer);
    let data = data(&answer);
    assert_eq!(data["gaps"], json!([{"start": 1.0, "end": 1.25}]));
    assert_eq!(
        data["segments"],
        json!([{"start": 0.5, "end": 1.5, "text": "Hello there.", "gap": true},
               {"start": 2.0, "end": 2.5, "text": "Bye."}])
    );
    assert_eq!(data["problems"], json!([{"code": "audio_gap", "error": "0.3 s are missing."}]));
}

#[test]
fn status_tells_how_recording_goes() {
    let mut status = status(None, None);
    status.capture = CaptureStatus { realtime: Some(true), gaps: 3, missing: 24_000 };
    let answer = Ok(Answer::Status(Box::new(status)));
    let answer = exchange(r#"{"cmd":"GET_STATUS"}"#, Request::Status, answer);
    let expected = json!({"realtime": true, "gaps": 3, "missing_s": 1.5});
    assert_eq!(data(&answer)["capture"], expected);
}

fn given(task: TextTask) -> Request {
    let source = TextSource::Given("so um".into());
    Request::Text(TextWork { source, task, deliver: None })
}

#[test]
fn a_text_from_elsewhere_is_answered_with_what_it_was_and_where_it_went() {
    let json = r#"{"cmd":"PROCESS_TEXT","data":{"source":"clipboard","preset":"email","deliver":"paste"}}"#;
    let request = Request::Text(TextWork {
        source: TextSource::Clipboard,
        task: TextTask::Rewrite { instruction: None, preset: Some("email".into()) },
        deliver: Some(DeliverMode::Paste),
    });
    let delivery =
        Delivery { by: "paste", backend: Some("x11"), ok: true, detail: "pasted".into() };
    let answer = Answer::Text {
        state: State::Recording,
        text: "Dear Ann,".into(),
        original: Some("ann".into()),
        deliveries: vec![delivery],
    };
    let delivered = json!([{"by": "paste", "backend": "x11", "ok": true, "detail": "pasted"}]);
    assert_eq!(
        data(&exchange(json, request, Ok(answer))),
        &json!({"text": "Dear Ann,", "refined_text": "Dear Ann,", "original": "ann",
                "state": "recording", "deliveries": delivered}),
    );
}

#[test]
fn a_dictation_takes_wishes() {
    let json = r#"{"cmd":"TOGGLE_RECORDING","data":{"preset":"email","deliver":"none","language":"es","continuous":true}}"#;
    let wishes = Wishes {
        deliver: Some(DeliverMode::None),
        preset: Some("email".into()),
        language: Some("es".into()),
        continuous: true,
    };
    let mut transcript = transcript();
    transcript.problems = vec![Failure::new(Code::LlmUnavailable, "nobody there")];
    let answer = Answer::Transcript { state: State::Idle, transcript };
    let answer = exchange(json, Request::Dictation(Command::Toggle, wishes), Ok(answer));
    let problems = json!([{"code": "llm_unavailable", "error": "nobody there"}]);
    assert_eq!(data(&answer)["problems"], problems);
}

#[test]
fn process_and_translate_answer_the_text_twice() {
    let process = given(TextTask::Rewrite { instruction: Some("tidy".into()), preset: None });
    let translate = given(TextTask::Translate { into: None });
    for (json, request) in [
        (r#"{"cmd":"PROCESS_TEXT","data":{"text":"so um","instruction":"tidy"}}"#, process),
        (r#"{"cmd":"TRANSLATE_TEXT","data":{"text":"so um","target_lang":null}}"#, translate),
    ] {
        let answer = Answer::Text {
            state: State::Idle,
            text: "So.".into(),
            original: None,
            deliveries: Vec::new(),
        };
        assert_eq!(
            data(&exchange(json, request, Ok(answer))),
            &json!({"text": "So.", "refined_text": "So.", "state": "idle"}),
        );
    }
}

#[test]
fn the_rules_tell_their_steps() {
    let json = r#"{"cmd":"TEST_RULES","data":{"text":"a,\nnew line","language":"en"}}"#;
    let request = Request::TestRules { text: "a,\nnew line".into(), language: Some("en".into()) };
    let step = Step { rule: "commands", before: "a, new line".into(), after: "a,\n".into() };
    let answer = Answer::Rules {
        text: "a,\n".into(),
        language: "en".into(),
        applied: true,
        steps: vec![step],
    };
    let steps = json!([{"rule": "commands", "before": "a, new line", "after": "a,\n"}]);
    assert_eq!(
        data(&exchange(json, request, Ok(answer))),
        &json!({"text": "a,\n", "language": "en", "applied": true, "steps": steps}),
    );
}

#[test]
fn a_text_is_given_back_when_no_language_model_answers() {
    let failure = || Failure::new(Code::LlmUnavailable, "cannot reach the language model");
    let with_text = Failure { text: Some("so far".into()), ..failure() };
    let request = || given(TextTask::Rewrite { instruction: None, preset: None });
    let json = r#"{"cmd":"PROCESS_TEXT","data":{"text":"so um"}}"#;
    for (failure, text) in [(failure(), "so um"), (with_text, "so far")] {
        let answer = exchange(json, request(), Err(failure));
        assert_eq!(code(&answer), "llm_unavailable");
        assert_eq!(answer["data"], json!({"text": text, "refined_text": text}));
    }
}

#[test]
fn the_last_text_is_told_to_the_client_that_asks() {
    let last = Answer::LastText { state: State::Recording, text: "So.".into() };
    let answer = exchange(r#"{"cmd":"LAST_TEXT"}"#, Request::LastText, Ok(last));
    assert_eq!(data(&answer), &json!({"state": "recording", "text": "So."}));
}

#[test]
fn a_failure_tells_what_is_left_of_the_users_words() {
    let stop = || Request::Session(Command::Stop);
    let failure = Failure::new(Code::EngineFailed, "the recogniser failed twice");
    let answer = exchange(r#"{"cmd":"STOP_RECORDING"}"#, stop(), Err(failure.clone()));
    assert_eq!((code(&answer), &answer["data"]), ("engine_failed", &Value::Null));
    let kept = Failure { audio_path: Some("/data/1.wav".into()), ..failure };
    let answer = exchange(r#"{"cmd":"STOP_RECORDING"}"#, stop(), Err(kept));
    assert_eq!(answer["data"], json!({"audio_path": "/data/1.wav"}));
}

#[test]
fn status_without_a_gpu_makes_no_figures_up() {
    let status = Box::new(status(None, None));
    let answer = exchange(r#"{"cmd":"GET_STATUS"}"#, Request::Status, Ok(Answer::Status(status)));
    assert_eq!(
        data(&answer),
        &json!({
            "state": "recording", "is_recording": true,
            "language": "es",
            "pending": 1,
            "gpu_usage": null, "vram_usage": null, "cpu_usage": 12.3,
            "telemetry": {
                "ram": {"total_gb": 32.0, "used_gb": 8.0, "percent": 25.0},
                "cpu": {"percent": 12.3}, "gpu": null,
            },
            "engine": {"state": "warm", "backend": "cuda", "device": "NVIDIA",
                       "model": "base-q8_0", "loaded_in_ms": 310},
            "capture": {"realtime": null, "gaps": 0, "missing_s": 0.0},
            "deliver": {"mode": "auto", "way": "paste", "backend": "mutter", "reason": "nobody is asked"},
            "uptime_s": 77, "version": env!("CARGO_PKG_VERSION"), "problem": null,
            "recording_since": null, "elapsed_s": null, "reason": null,
        }),
    );
}

#[test]
fn status_tells_what_is_not_used_and_why() {
    let mut status = status(None, None);
    status.engine.memory_bytes = Some(1_234_567_890);
    status.engine.passed_over = vec![("cuda", "there is no driver".into())];
    let answer =
        exchange(r#"{"cmd":"GET_STATUS"}"#, Request::Status, Ok(Answer::Status(Box::new(status))));
    let engine = &data(&answer)["engine"];
    assert_eq!(engine["memory_mb"], 1234);
    let passed = json!([{"backend": "cuda", "reason": "there is no driver"}]);
    assert_eq!(engine["passed_over"], passed);
}

#[test]
fn status_tells_the_gpu_and_the_problem() {
    let gpu = Gpu {
        name: "NVIDIA".into(),
        vram_used_mb: 2048,
        vram_total_mb: 8192,
        temp_c: Some(51),
        percent: 45.0,
    };
    let problem = Failure::new(Code::ModelMissing, "no model; run: v2m-model pull");
    let status = Box::new(status(Some(gpu), Some(problem)));
    let answer = exchange(r#"{"cmd":"GET_STATUS"}"#, Request::Status, Ok(Answer::Status(status)));
    let data = data(&answer);
    assert_eq!((&data["gpu_usage"], &data["vram_usage"]), (&json!(45.0), &json!(2048)));
    assert_eq!(
        data["telemetry"]["gpu"],
        json!({"name": "NVIDIA", "vram_used_mb": 2048, "vram_total_mb": 8192, "temp_c": 51,
               "percent": 45.0}),
    );
    assert_eq!(
        data["problem"],
        json!({"code": "model_missing", "error": "no model; run: v2m-model pull"}),
    );
}

#[test]
fn config_is_told_and_changed_in_both_forms() {
    let config = json!({"audio": {"source": "usb"}});
    let answer = Ok(Answer::Config(config.clone()));
    let answer = exchange(r#"{"cmd":"GET_CONFIG"}"#, Request::GetConfig, answer);
    assert_eq!(data(&answer), &json!({"config": config}));

    for data_sent in [config.clone(), json!({"updates": config})] {
        let json = json!({"cmd": "UPDATE_CONFIG", "data": data_sent}).to_string();
        let request = Request::UpdateConfig(config.as_object().unwrap().clone());
        let (applied, restart) = (vec!["audio.source".into()], vec!["engine.backend".into()]);
        let ignored = vec![
            Unfollowed::without_effect("gemini.max_tokens", "why"),
            Unfollowed::preventing("engine.language", "so"),
        ];
        let answer = Ok(Answer::ConfigUpdated { applied, restart, ignored });
        let answer = exchange(&json, request, answer);
        let data = data(&answer);
        assert_eq!(data["status"], "ok");
        assert_eq!(data["applied"], json!(["audio.source"]));
        assert_eq!(data["restart"], json!(["engine.backend"]));
        let ignored = json!([
            {"key": "gemini.max_tokens", "reason": "why"},
            {"key": "engine.language", "reason": "so", "prevents_recording": true}
        ]);
        assert_eq!(data["ignored"], ignored);
        let message = data["message"].as_str().unwrap();
        assert!(message.contains("systemctl --user restart v2m"), "{message}");
    }
}

#[test]
fn shutdown_is_answered_before_the_end() {
    let (mut service, mut calls) = Service::start(|_| {});
    let mut peer = service.connect();
    peer.send(r#"{"cmd":"SHUTDOWN"}"#);
    let call = calls.blocking_recv().unwrap();
    assert_eq!(call.request, Request::Session(Command::Shutdown));
    service.stop();
    call.reply.send(Ok(Answer::ShuttingDown)).unwrap();
    assert_eq!(data(&peer.read()), &json!({"message": "SHUTTING_DOWN"}));
    peer.assert_ended();
    service.join();
}

#[test]
fn what_cannot_be_understood_is_answered_and_the_connection_goes_on() {
    let service = Service::bare();
    let mut peer = service.connect();
    for request in [
        "",
        "{",
        "[]",
        r#"["PING"]"#,
        "null",
        "{}",
        r#"{"cmd":1}"#,
        r#"{"cmd":"PING","data":1}"#,
        r#"{"cmd":"PROCESS_TEXT","data":{"text":1}}"#,
        r#"{"cmd":"TRANSCRIBE_FILE","data":{"file_path":"here.wav"}}"#,
        r#"{"cmd":"UPDATE_CONFIG","data":{"updates":[]}}"#,
        r#"{"cmd":"SUBSCRIBE","data":{"events":["weather"]}}"#,
    ] {
        assert_eq!(code(&peer.ask(request)), "bad_request", "{request}");
    }
    assert_eq!(code(&peer.ask(r#"{"cmd":"DANCE"}"#)), "unknown_command");
    assert_eq!(data(&peer.ask(r#"{"cmd":"PING","id":9}"#)), "PONG");
}

#[test]
fn a_daemon_that_drops_a_request_or_is_gone_is_reported() {
    let (service, mut calls) = Service::start(|_| {});
    let mut peer = service.connect();
    peer.send(r#"{"cmd":"GET_CONFIG"}"#);
    drop(calls.blocking_recv().unwrap());
    assert_eq!(code(&peer.read()), "internal");
    drop(calls);
    assert_eq!(code(&peer.ask(r#"{"cmd":"GET_CONFIG"}"#)), "shutting_down");
    assert_eq!(data(&peer.ask(r#"{"cmd":"PING"}"#)), "PONG");
}
