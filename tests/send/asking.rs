//! Tests each command's request, and the part of the answer that it prints.

use crate::harness::{Ended, Service, answering, ask, fine, read_request};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::process::Stdio;
use v2m_ipc::frame::Framing;

fn text_data() -> Value {
    json!({"state": "idle", "text": "Hello.", "transcription": "Hello.", "audio_path": null,
           "language": "en", "seconds": 1.0, "segments": [], "deliveries": []})
}

#[test]
fn states_are_one_line() {
    for (word, cmd, state) in [
        ("start", "START_RECORDING", "recording"),
        ("toggle", "TOGGLE_RECORDING", "recording"),
        ("cancel", "CANCEL_RECORDING", "idle"),
        ("pause", "PAUSE_DAEMON", "paused"),
        ("resume", "RESUME_DAEMON", "idle"),
    ] {
        let (request, ended) = ask(&[word], json!({ "state": state }));
        assert_eq!(request, json!({ "cmd": cmd }));
        assert_eq!(ended, fine(&format!("{state}\n")));
    }
    let (_, ended) = ask(&["start"], json!({"state": "recording", "message": "Recording"}));
    assert_eq!(ended, fine("Recording\n"));
    assert_eq!(ask(&["ping"], json!("PONG")), (json!({"cmd": "PING"}), fine("PONG\n")));
    let (request, ended) = ask(&["shutdown"], json!({"message": "SHUTTING_DOWN"}));
    assert_eq!((request, ended.code), (json!({"cmd": "SHUTDOWN"}), 0));
}

#[test]
fn a_stop_prints_the_text_and_nothing_else() {
    for (args, cmd) in [(["stop"], "STOP_RECORDING"), (["toggle"], "TOGGLE_RECORDING")] {
        let (request, ended) = ask(&args, text_data());
        assert_eq!((request, ended), (json!({ "cmd": cmd }), fine("Hello.\n")));
    }
}

#[test]
fn the_last_text_is_printed_or_why_there_is_none() {
    let (request, ended) = ask(&["last"], json!({"state": "idle", "text": "Line.\nLine two."}));
    assert_eq!((request, ended), (json!({"cmd": "LAST_TEXT"}), fine("Line.\nLine two.\n")));
    let answer = json!({"status": "error", "data": null, "error": "There is no text yet.",
                        "code": "no_text"});
    let (ended, _) = answering(answer).end(&["last"]);
    let err = "v2m-send: There is no text yet.\n".to_owned();
    assert_eq!(ended, Ended { code: 1, out: String::new(), err });
}

#[test]
fn what_could_not_be_delivered_is_told_beside_the_text() {
    let mut data = text_data();
    data["deliveries"] = json!([
        {"by": "notification", "ok": true, "detail": "shown"},
        {"by": "clipboard", "ok": false, "detail": "there is no display"},
    ]);
    let (_, ended) = ask(&["stop"], data);
    let err = "v2m-send: clipboard: there is no display\n".to_owned();
    assert_eq!(ended, Ended { code: 0, out: "Hello.\n".into(), err });
}

#[test]
fn why_no_model_rewrote_it_is_told_beside_the_text() {
    let mut data = text_data();
    data["problems"] = json!([{"code": "llm_unavailable", "error": "nobody there"}]);
    let (request, ended) = ask(&["stop", "--preset", "email", "-d", "none"], data);
    let wishes = json!({"preset": "email", "deliver": "none"});
    assert_eq!(request, json!({"cmd": "STOP_RECORDING", "data": wishes}));
    let err = "v2m-send: nobody there\n".to_owned();
    assert_eq!(ended, Ended { code: 0, out: "Hello.\n".into(), err });
}

#[test]
fn a_text_may_come_from_elsewhere() {
    let data = || json!({"text": "So.", "refined_text": "So.", "original": "so", "state": "idle"});
    let (request, ended) = ask(&["process", "-c", "-p", "notes", "-i", "short"], data());
    let asked = json!({"source": "clipboard", "preset": "notes", "instruction": "short"});
    assert_eq!(request, json!({"cmd": "PROCESS_TEXT", "data": asked}));
    assert_eq!(ended, fine("So.\n"));
    let (request, _) = ask(&["translate", "--last", "--to", "en", "--deliver", "paste"], data());
    let asked = json!({"source": "last", "target_lang": "en", "deliver": "paste"});
    assert_eq!(request, json!({"cmd": "TRANSLATE_TEXT", "data": asked}));
}

#[test]
fn json_is_the_answer_as_it_is() {
    let answer = Framing::Lines.encode(&json!({"status": "success", "data": text_data(),
                                               "error": null, "later": 1}));
    let raw = String::from_utf8(answer).unwrap();
    let (ended, _) = answering(serde_json::from_str(&raw).unwrap()).end(&["--json", "stop"]);
    assert_eq!(ended, fine(&raw));
}

#[test]
fn what_each_rule_did_is_a_line() {
    let data = json!({"text": "Hi,\nAnn", "language": "en", "applied": false, "steps": [
        {"rule": "fillers", "before": "um hi, new line, Ann", "after": "Hi, new line, Ann"},
        {"rule": "commands", "before": "Hi, new line, Ann", "after": "Hi,\nAnn"},
    ]});
    let args = ["rules", "test", "-l", "en", "um hi, new line, Ann"];
    let (request, ended) = ask(&args, data);
    let text = json!({"text": "um hi, new line, Ann", "language": "en"});
    assert_eq!(request, json!({"cmd": "TEST_RULES", "data": text}));
    let out = "language  en\nheard     um hi, new line, Ann\nfillers   Hi, new line, Ann\n\
               commands  Hi,⏎Ann\ntext      Hi,⏎Ann\n\
               Dictations are not treated so: text.refine is \"off\"\n";
    assert_eq!(ended, fine(out));
    let nothing = json!({"text": "Hi.", "language": "en", "applied": true, "steps": []});
    let (_, ended) = ask(&["rules", "test", "Hi."], nothing);
    assert_eq!(ended, fine("language  en\nheard     Hi.\ntext      Hi.\n"));
}

#[test]
fn an_error_goes_to_standard_error_and_the_text_stays() {
    let answer = json!({"status": "error", "code": "llm_unavailable",
                        "error": "cannot reach the language model", "data": {"text": "so um"}});
    let (ended, request) = answering(answer.clone()).end(&["process", "so", "um"]);
    let data = json!({"text": "so um"});
    assert_eq!(request, json!({"cmd": "PROCESS_TEXT", "data": data}));
    let err = "v2m-send: cannot reach the language model\n".to_owned();
    assert_eq!(ended, Ended { code: 1, out: "so um\n".into(), err });
    let (ended, _) = answering(answer).end(&["process", "so um", "--json"]);
    assert_eq!((ended.code, ended.err.as_str()), (1, ""));
    assert!(ended.out.contains("llm_unavailable"), "{}", ended.out);
}

#[test]
fn texts_come_from_standard_input_too() {
    let data = json!({"text": "So.", "refined_text": "So.", "state": "idle"});
    let service = answering(json!({"status": "success", "data": data, "error": null}));
    let mut child = service
        .program(&["translate", "--to", "de"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all("zwei\nZeilen ü".as_bytes()).unwrap();
    assert_eq!(Ended::from(child.wait_with_output().unwrap()), fine("So.\n"));
    let data = json!({"text": "zwei\nZeilen ü", "target_lang": "de"});
    assert_eq!(service.join(), json!({"cmd": "TRANSLATE_TEXT", "data": data}));
}

#[test]
fn files_are_named_absolutely() {
    let service = answering(json!({"status": "success", "data": text_data(), "error": null}));
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path().canonicalize().unwrap();
    let output = service.program(&["transcribe", "a b.wav"]).current_dir(&directory).output();
    assert_eq!(Ended::from(output.unwrap()), fine("Hello.\n"));
    let file = directory.join("a b.wav");
    let data = json!({ "file_path": file });
    assert_eq!(service.join(), json!({"cmd": "TRANSCRIBE_FILE", "data": data}));

    let service = answering(json!({"status": "success", "data": text_data(), "error": null}));
    let args = ["transcribe", "--track", "2", "/b.mkv"];
    assert_eq!(Ended::from(service.program(&args).output().unwrap()), fine("Hello.\n"));
    let data = json!({ "file_path": "/b.mkv", "track": 2 });
    assert_eq!(service.join(), json!({"cmd": "TRANSCRIBE_FILE", "data": data}));
}

#[test]
fn settings_are_printed_and_changed() {
    let config = json!({"config": {"audio": {"source": "usb mic", "channels": 1}}});
    let all = "audio.channels = 1\naudio.source = \"usb mic\"\n";
    for (args, out) in [
        (&["config", "get"][..], all),
        (&["config", "get", "audio"], all),
        (&["config", "get", "audio.source"], "usb mic\n"),
    ] {
        let (request, ended) = ask(args, config.clone());
        assert_eq!(request, json!({"cmd": "GET_CONFIG"}));
        let mut lines: Vec<_> = ended.out.lines().collect();
        lines.sort_unstable();
        assert_eq!((ended.code, lines), (0, out.lines().collect()));
    }
    let (_, ended) = ask(&["config", "get", "audio.sink"], config);
    assert_eq!(ended.code, 2);
    assert!(ended.err.contains("audio.sink"), "{}", ended.err);

    let changed = json!({"status": "ok", "message": "in force now: audio.source",
                         "applied": ["audio.source"], "restart": []});
    let (request, ended) =
        ask(&["config", "set", "audio.source=usb mic", "audio.list=[1, \"a\"]"], changed);
    let updates = json!({"audio": {"source": "usb mic", "list": [1, "a"]}});
    assert_eq!(request, json!({"cmd": "UPDATE_CONFIG", "data": {"updates": updates}}));
    assert_eq!(ended, fine("in force now: audio.source\n"));
}

#[test]
fn a_status_is_told_in_words() {
    let (request, ended) = ask(
        &["status"],
        json!({"state": "idle", "is_recording": false, "cpu_usage": 12.3,
               "telemetry": {"ram": {"total_gb": 32.0, "used_gb": 8.5, "percent": 26.6},
                             "cpu": {"percent": 12.3}, "gpu": null},
               "engine": {"state": "warm", "backend": "cpu", "device": "AMD Ryzen",
                          "model": "base-q8_0", "loaded_in_ms": 310},
               "uptime_s": 77, "version": "0.1.0",
               "problem": {"code": "no_microphone", "error": "plug one in"}}),
    );
    assert_eq!(request, json!({"cmd": "GET_STATUS"}));
    assert_eq!(ended.code, 0);
    for words in ["idle", "warm: base-q8_0 on cpu, AMD Ryzen, loaded in 310 ms", "plug one in"] {
        assert!(ended.out.contains(words), "{words}: {}", ended.out);
    }
}

#[test]
fn a_status_tells_of_the_gpu_and_of_what_is_not_used() {
    let (_, ended) = ask(
        &["status"],
        json!({"state": "idle", "is_recording": false, "cpu_usage": 12.3,
               "telemetry": {"ram": {"total_gb": 32.0, "used_gb": 8.5, "percent": 26.6},
                             "cpu": {"percent": 12.3},
                             "gpu": {"name": "a GPU", "percent": 37.0, "vram_used_mb": 1234,
                                     "vram_total_mb": 8000, "temp_c": 61}},
               "engine": {"state": "warm", "backend": "vulkan", "device": "a GPU",
                          "model": "base-q8_0", "loaded_in_ms": 310, "memory_mb": 512,
                          "passed_over": [{"backend": "cuda", "reason": "there is no driver"}]},
               "uptime_s": 77, "version": "0.1.0", "problem": null}),
    );
    let lines = [
        "warm: base-q8_0 on vulkan, a GPU, loaded in 310 ms, 512 MB",
        "unused   cuda: there is no driver",
        "gpu      a GPU: 37.0 %, 1234 of 8000 MB, 61 °C",
    ];
    for line in lines {
        assert!(ended.out.contains(line), "{line}: {}", ended.out);
    }
}

#[test]
fn a_status_tells_of_the_preview() {
    let shown = |preview: Value| {
        let answer = json!({"state": "idle", "cpu_usage": 1.0, "telemetry": {"ram": {}},
                            "engine": {"state": "warm", "model": "m", "preview": preview},
                            "uptime_s": 77, "version": "0.1.0", "problem": null});
        let (_, ended) = ask(&["status"], answer);
        let line = ended.out.lines().find(|line| line.starts_with("preview"));
        line.map(|line| line.trim_start_matches("preview").trim().to_owned())
    };
    let works = json!({"model": "words", "state": "warm", "memory_mb": 640, "problem": null});
    assert_eq!(shown(works).as_deref(), Some("warm: words, 640 MB"));
    let rests = json!({"model": "words", "state": "unloaded"});
    assert_eq!(shown(rests).as_deref(), Some("unloaded: words"));
    let fails = json!({"model": "words", "state": "absent", "problem": "It is\nnot there."});
    assert_eq!(shown(fails).as_deref(), Some("absent: words. It is not there."));
    assert_eq!(shown(Value::Null), None);
}

#[test]
fn events_are_printed_as_they_come() {
    let service = Service::run(|listener| {
        let (mut stream, _) = listener.accept().unwrap();
        let request = read_request(&mut stream);
        let subscribed = json!({"status": "success", "data": {"subscribed": []}, "error": null});
        stream.write_all(&Framing::Length.encode(&subscribed)).unwrap();
        for data in [
            json!({"type": "state", "state": "recording"}),
            json!({"type": "transcription_update", "text": "Hello", "final": false}),
            json!({"type": "level", "dbfs": -20.0}),
            json!({"type": "unheard_of"}),
        ] {
            let event = json!({"status": "event", "data": data, "error": null});
            stream.write_all(&Framing::Length.encode(&event)).unwrap();
        }
        // The connection stays open until the reader has read everything and disconnected.
        let _ = stream.read(&mut [0]);
        request
    });
    let mut child = service
        .program(&["watch", "state", "transcription_update", "level"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let expected = concat!(
        "state recording\ntext Hello …\nlevel -20.0 dBFS\n",
        r#"{"data":{"type":"unheard_of"},"error":null,"status":"event"}"#,
        "\n"
    );
    let mut out = vec![0; expected.len()];
    child.stdout.take().unwrap().read_exact(&mut out).unwrap();
    assert_eq!(String::from_utf8(out).unwrap(), expected);
    child.kill().unwrap();
    child.wait().unwrap();
    let events = json!({"events": ["state", "transcription_update", "level"]});
    assert_eq!(service.join(), json!({"cmd": "SUBSCRIBE", "data": events}));
}

/// Returns the requests of `toggle` if a shell runs this line in a terminal, which `script`
/// provides.
fn asked_in_terminal(line: &str) -> Vec<Value> {
    let service = Service::run(|listener| {
        let mut asked = Vec::new();
        loop {
            let (mut stream, _) = listener.accept().unwrap();
            let request = read_request(&mut stream);
            let data = match request["cmd"].as_str() {
                Some("GET_CONFIG") => json!({"config": {"deliver": {"mode": "auto"}}}),
                _ => text_data(),
            };
            let answer = json!({"status": "success", "data": data, "error": null});
            stream.write_all(&Framing::Length.encode(&answer)).unwrap();
            let is_last = request["cmd"] == "TOGGLE_RECORDING";
            asked.push(request);
            if is_last {
                return asked;
            }
        }
    });
    let mut script = std::process::Command::new("script");
    let line = line.replace("v2m-send", env!("CARGO_BIN_EXE_v2m-send"));
    script.args(["-qec", &line, "/dev/null"]).env("V2M_SOCKET_PATH", service.path());
    let output = script.stdin(Stdio::null()).output().expect("script (util-linux) is installed");
    assert!(output.status.success(), "{output:?}");
    service.join()
}

/// A compositor that was started from a console passes its terminal on to the commands of its
/// shortcuts, which run in a session without a controlling terminal.
#[test]
fn a_press_in_a_terminal_is_copied_and_that_of_a_consoles_compositor_is_not() {
    let toggle = |data: Value| json!({"cmd": "TOGGLE_RECORDING", "data": data});
    let by_hand = asked_in_terminal("v2m-send toggle");
    assert_eq!(by_hand, [json!({"cmd": "GET_CONFIG"}), toggle(json!({"deliver": "clipboard"}))]);
    let shortcut = asked_in_terminal("setsid --wait v2m-send toggle");
    assert_eq!(shortcut, [json!({"cmd": "TOGGLE_RECORDING"})]);
}
