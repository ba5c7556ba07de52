//! Tests `transcribe`: several files, output formats, failures, and the progress bar on a terminal.

use crate::harness::{Ended, Service, fine, program, read_request};
use serde_json::{Value, json};
use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use v2m_ipc::frame::Framing;

fn transcript(text: &str) -> Value {
    let segments = json!([{"start": 0.5, "end": 2.0, "text": text}]);
    let data = json!({"state": "idle", "text": text, "transcription": text, "language": "en",
                      "audio_path": null, "seconds": 2.5, "segments": segments, "deliveries": []});
    json!({"status": "success", "data": data, "error": null})
}

fn failure(sentence: &str) -> Value {
    json!({"status": "error", "data": null, "error": sentence, "code": "file"})
}

fn send(stream: &mut UnixStream, answer: &Value) {
    stream.write_all(&Framing::Length.encode(answer)).unwrap();
}

/// Creates a service that gives these answers in turn, each on a new connection (`None`: it closes
/// the connection). It returns the names of the requested files.
fn answering_each(answers: Vec<Option<Value>>) -> Service<Vec<String>> {
    Service::run(move |listener| {
        let answer = |answer: Option<Value>| {
            let (mut stream, _) = listener.accept().unwrap();
            let request = read_request(&mut stream);
            assert_eq!(request["cmd"], "TRANSCRIBE_FILE");
            if let Some(answer) = answer {
                send(&mut stream, &answer);
            }
            let path = request["data"]["file_path"].as_str().unwrap();
            path.rsplit('/').next().unwrap().to_owned()
        };
        answers.into_iter().map(answer).collect()
    })
}

#[test]
fn a_name_that_is_not_utf8_does_not_stop_the_others() {
    use std::os::unix::ffi::OsStrExt;
    let service = answering_each(vec![Some(transcript("Two."))]);
    let odd = std::ffi::OsStr::from_bytes(b"a\xff.wav");
    let output = service.program(&["transcribe"]).arg(odd).arg("b.mp3").output();
    let ended = Ended::from(output.unwrap());
    assert_eq!((ended.code, ended.out.as_str()), (2, "==> b.mp3 <==\nTwo.\n"));
    assert!(ended.err.contains("is not UTF-8"), "{}", ended.err);
    assert_eq!(service.join(), ["b.mp3"]);
}

#[test]
fn what_is_missing_of_a_file_is_told_and_no_text_at_all_is_7() {
    let mut cut = transcript("One.");
    cut["data"]["problems"] = json!([{"error": "x: it ends early.", "code": "file"}]);
    let mut silent = failure("No speech was heard in x.");
    silent["code"] = json!("no_speech");
    let service = answering_each(vec![Some(cut), Some(silent)]);
    let (ended, _) = service.end(&["transcribe", "a.wav", "b.wav"]);
    assert_eq!((ended.code, ended.out.as_str()), (7, "==> a.wav <==\nOne.\n"));
    assert!(
        ended.err.contains("it ends early") && ended.err.contains("No speech"),
        "{}",
        ended.err
    );
}

#[test]
fn several_files_come_one_after_the_other_with_headings() {
    let service = answering_each(vec![Some(transcript("One.")), Some(transcript("Two."))]);
    let (ended, asked) = service.end(&["transcribe", "x/a.wav", "b.mp3"]);
    assert_eq!(ended, fine("==> x/a.wav <==\nOne.\n\n==> b.mp3 <==\nTwo.\n"));
    assert_eq!(asked, ["a.wav", "b.mp3"]);
}

#[test]
fn a_file_that_fails_does_not_stop_the_next() {
    let service =
        answering_each(vec![None, Some(failure("it is broken")), Some(transcript("Three."))]);
    let (ended, asked) = service.end(&["transcribe", "-f", "json", "a.wav", "b.wav", "c.wav"]);
    assert_eq!((ended.code, asked.len()), (4, 3), "the first failure gives the code");
    assert!(ended.err.contains("before it answered"), "{}", ended.err);
    assert!(ended.err.contains("b.wav: it is broken"), "{}", ended.err);
    let lines: Vec<Value> =
        ended.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let segments = json!([{"start": 0.5, "end": 2.0, "text": "Three."}]);
    let expected = [
        json!({"file": "b.wav", "error": "it is broken", "code": "file"}),
        json!({"file": "c.wav", "text": "Three.", "language": "en", "seconds": 2.5,
               "segments": segments}),
    ];
    assert_eq!(lines, expected);
}

#[test]
fn only_texts_have_headings() {
    let answers = vec![Some(failure("no")), Some(transcript("Two.")), Some(transcript("Three."))];
    let (ended, _) = answering_each(answers).end(&["transcribe", "a", "b", "c"]);
    let out = "==> b <==\nTwo.\n\n==> c <==\nThree.\n".to_owned();
    assert_eq!(ended, Ended { code: 1, out, err: "v2m-send: a: no\n".to_owned() });
}

#[test]
fn raw_answers_are_one_a_line_and_tell_by_the_code_whether_all_is_well() {
    let (bad, good) = (failure("no"), transcript("Yes."));
    let service = answering_each(vec![Some(bad.clone()), Some(good.clone())]);
    let (ended, _) = service.end(&["transcribe", "--json", "a.wav", "b.wav"]);
    assert_eq!((ended.code, ended.err.as_str()), (1, ""));
    let lines: Vec<Value> =
        ended.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines, [bad, good]);
}

#[test]
fn subtitles_are_made_of_the_segments() {
    let (ended, _) = answering_each(vec![Some(transcript("Hello."))]).end(&[
        "transcribe",
        "a.wav",
        "--format=srt",
    ]);
    assert_eq!(ended, fine("1\n00:00:00,500 --> 00:00:02,000\nHello.\n\n"));
    let (ended, _) =
        answering_each(vec![Some(transcript("Hello."))]).end(&["transcribe", "a.wav", "-fvtt"]);
    assert_eq!(ended, fine("WEBVTT\n\n00:00:00.500 --> 00:00:02.000\nHello.\n\n"));
}

#[test]
fn a_directory_gets_a_file_for_each() {
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("new/texts");
    fs::create_dir_all(out.join("b.vtt")).unwrap(); // in the way of the second file
    let answers = ["One.", "Two.", "Three."].map(|text| Some(transcript(text)));
    let service = answering_each(answers.into());
    let args = ["transcribe", "a.x.wav", "b.wav", "c", "-f", "vtt", "-o", out.to_str().unwrap()];
    let (ended, _) = service.end(&args);
    let (first, third) = (out.join("a.x.vtt"), out.join("c.vtt"));
    assert_eq!(ended.out, format!("{}\n{}\n", first.display(), third.display()));
    assert_eq!(ended.code, 6);
    assert!(ended.err.contains("b.vtt"), "{}", ended.err);
    assert!(fs::read_to_string(first).unwrap().ends_with("\nOne.\n\n"));
    assert!(fs::read_to_string(third).unwrap().ends_with("\nThree.\n\n"));
}

#[test]
fn nobody_there_is_said_once() {
    let ended = Ended::from(program(&["transcribe", "a.wav", "b.wav"]).output().unwrap());
    assert_eq!((ended.code, ended.err.matches("cannot connect").count()), (3, 1), "{}", ended.err);
}

/// `script` provides a terminal. The service answers once the progress bar was shown.
#[test]
fn a_terminal_shows_how_far_a_file_is() {
    let (seen, wait) = channel();
    let service = Service::run(move |listener| {
        let mut peers = [(); 2].map(|()| {
            let (mut stream, _) = listener.accept().unwrap();
            (read_request(&mut stream), stream)
        });
        peers.sort_by_key(|(request, _)| request["cmd"] == "TRANSCRIBE_FILE");
        let [(subscribe, mut events), (transcribe, mut client)] = peers;
        send(
            &mut events,
            &json!({"status": "success", "error": null,
                                  "data": {"subscribed": ["progress"]}}),
        );
        for (file, seconds) in [("/other.wav", 9), ("", 30)] {
            let own = transcribe["data"]["file_path"].as_str().unwrap();
            let file = if file.is_empty() { own } else { file };
            let data = json!({"type": "progress", "file_path": file, "seconds": seconds, "of": 60});
            send(&mut events, &json!({"status": "event", "data": data, "error": null}));
        }
        wait.recv().unwrap();
        send(&mut client, &transcript("Hello."));
        (subscribe["data"]["events"].clone(), wait)
    });
    let mut child = Command::new("script")
        .args(["-qec", concat!(env!("CARGO_BIN_EXE_v2m-send"), " transcribe a.wav"), "/dev/null"])
        .env("V2M_SOCKET_PATH", service.path())
        .env("TERM", "xterm")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut screen, mut told) = (Vec::new(), false);
    let mut terminal = child.stdout.take().unwrap();
    let mut chunk = [0; 1024];
    while let Ok(got @ 1..) = terminal.read(&mut chunk) {
        screen.extend(&chunk[..got]);
        if !told && String::from_utf8_lossy(&screen).contains("50 %") {
            seen.send(()).unwrap();
            told = true;
        }
    }
    assert!(child.wait().unwrap().success());
    let screen = String::from_utf8(screen).unwrap();
    let bar = "\r\x1b[Ka.wav [###############---------------]  50 %  0:30 of 1:00";
    assert!(screen.ends_with(&format!("{bar}\r\x1b[KHello.\r\n")), "{screen:?}");
    assert!(!screen.contains("0:09"), "{screen:?}");
    assert_eq!(service.join().0, json!(["progress"]));
}
