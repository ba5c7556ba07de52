//! Tests the dictations in the store: they are listed, read, exported and deleted.

use crate::house::{House, Service, wait_for};
use crate::recording::Studio;
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

const OLDEST: &str = "20261119T101010.000Z-1";
const SPANISH: &str = "20261120T101010.000Z-2";
const FAILED: &str = "20261121T101010.000Z-3";

/// Creates a house with three dictations of an earlier run. Each has secret words.
fn house() -> House {
    let house = House::new("");
    let folder = house.path("state/v2m/dictations");
    fs::create_dir_all(&folder).unwrap();
    for (name, record) in [
        (
            OLDEST,
            json!({"state": "delivered", "text": "Dear Ann, secret.", "language": "en",
                   "deliveries": [{"by": "paste", "ok": true, "detail": "pasted"}]}),
        ),
        (
            SPANISH,
            json!({"state": "delivered", "text": "Una canción secreta.", "language": "es",
                   "unrefined": "eh una canción secreta"}),
        ),
        (
            FAILED,
            json!({"state": "failed", "attempts": 6,
                   "error": {"code": "engine_failed", "message": "The recogniser failed."}}),
        ),
    ] {
        fs::write(folder.join(format!("{name}.json")), record.to_string()).unwrap();
        let spec = hound::WavSpec {
            channels: 1,
            sample_rate: 16_000,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let path = folder.join(format!("{name}.wav"));
        let mut sound = hound::WavWriter::create(&path, spec).unwrap();
        (0..24_000).for_each(|_| sound.write_sample(100_i16).unwrap());
        sound.finalize().unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }
    house
}

/// Runs `v2m-send`. Returns its exit code, standard output and standard error.
pub(crate) fn send(service: &Service, args: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_v2m-send"));
    command.env("V2M_SOCKET_PATH", service.path("run/v2m.sock"));
    let output = command.args(args).stdin(Stdio::null()).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn ids(page: &Value) -> Vec<&str> {
    let dictations = page["dictations"].as_array().unwrap();
    dictations.iter().map(|it| it["id"].as_str().unwrap()).collect()
}

#[test]
fn kept_dictations_are_listed_page_by_page_and_read() {
    let service = house().start();
    let mut client = service.connect();
    let page = client.ask("LIST_DICTATIONS");
    assert_eq!((ids(&page), &page["more"]), (vec![FAILED, SPANISH, OLDEST], &json!(false)));
    let newest = &page["dictations"][0];
    assert_eq!((&newest["number"], &newest["seconds"]), (&json!(1), &json!(1.5)));
    assert_eq!(newest["problem"]["code"], "engine_failed");
    assert_eq!(page["dictations"][2]["first_words"], "Dear Ann, secret.");

    let page = client.ask_with("LIST_DICTATIONS", json!({"limit": 2}));
    assert_eq!((ids(&page), &page["more"]), (vec![FAILED, SPANISH], &json!(true)));
    let page = client.ask_with("LIST_DICTATIONS", json!({"limit": 2, "before": SPANISH}));
    assert_eq!((ids(&page), &page["more"]), (vec![OLDEST], &json!(false)));
    let page = client.ask_with("LIST_DICTATIONS", json!({"search": "CANCION eh"}));
    assert_eq!(ids(&page), [SPANISH]);
    let page = client.ask_with("LIST_DICTATIONS", json!({"since": "2026-11-20T00:00:00Z"}));
    assert_eq!(ids(&page), [FAILED, SPANISH]);
    for data in [json!({"since": "soon"}), json!({"before": "../x"})] {
        let (code, text) = client.refused_with("LIST_DICTATIONS", data);
        assert!(code == "bad_request" && text.starts_with("Listing dictations: "), "{text}");
    }

    let kept = client.ask_with("GET_DICTATION", json!({"number": 2}));
    assert_eq!((&kept["text"], &kept["id"]), (&json!("Una canción secreta."), &json!(SPANISH)));
    assert_eq!(kept["unrefined"], "eh una canción secreta");
    assert!(kept["audio_path"].as_str().unwrap().ends_with(".wav"));
    assert_eq!(client.refused_with("GET_DICTATION", json!({"number": 4})).0, "no_text");

    let (code, out, _) = send(&service, &["history", "--search", "dear"]);
    assert_eq!(code, 0);
    assert!(out.starts_with("  3  2026-11-19 ") && out.contains("pasted"), "{out}");
    assert!(out.ends_with("Dear Ann, secret.\n"), "{out}");
    let (code, out, err) = send(&service, &["history", "--search", "nowhere"]);
    assert_eq!((code, out.as_str()), (0, ""), "{err}");
    let shown = send(&service, &["show", OLDEST]);
    assert_eq!(shown, (0, "Dear Ann, secret.\n".into(), String::new()));
    let (code, out, err) = send(&service, &["show", "last"]);
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(err.contains("The recogniser failed.") && err.contains("retry 1"), "{err}");

    // There is no clipboard here, so the text is printed.
    let (code, out, err) = send(&service, &["copy", "3"]);
    assert_eq!((code, out.as_str()), (1, "Dear Ann, secret.\n"), "{err}");
    let (code, out, err) = send(&service, &["undo"]);
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(err.contains("no text at the cursor that v2m could take back"), "{err}");
    let data = json!({"number": 1, "deliver": "paste"});
    assert_eq!(client.refused_with("DELIVER_DICTATION", data).0, "no_text");

    let house = service.end();
    assert!(!house.log().contains("secret"), "{}", house.log());
}

#[test]
fn dictations_are_exported_with_their_recordings_and_again_when_there_are_more() {
    let service = house().start();
    let folder = service.path("exported");
    let export = || send(&service, &["export", folder.to_str().unwrap()]);
    let (code, out, err) = export();
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(out.starts_with("3 dictations in ") && out.contains("3 recordings"), "{out}");
    let text = fs::read_to_string(folder.join("dictations.jsonl")).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let ids: Vec<_> = lines.iter().map(|line| line["id"].as_str().unwrap()).collect();
    assert_eq!(ids, [OLDEST, SPANISH, FAILED]);
    assert_eq!(lines[0]["text"], "Dear Ann, secret.");
    assert_eq!(lines[0]["audio"], format!("{OLDEST}.wav"));
    let sound = |id: &str| format!("{id}.wav");
    let store = service.path("state/v2m/dictations");
    let same =
        |id| fs::read(folder.join(sound(id))).unwrap() == fs::read(store.join(sound(id))).unwrap();
    assert!(same(OLDEST) && same(FAILED));
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&folder), mode(&folder.join("dictations.jsonl"))), (0o700, 0o600));
    assert_eq!(mode(&folder.join(sound(OLDEST))), 0o600);

    fs::remove_file(store.join(sound(SPANISH))).unwrap();
    fs::remove_file(folder.join(sound(FAILED))).unwrap();
    let (code, out, _) = export();
    assert_eq!(code, 0);
    assert!(out.contains("3 recordings") && same(FAILED), "{out}");

    // Deletions by v2m do not change the export.
    let before = fs::read_to_string(folder.join("dictations.jsonl")).unwrap();
    assert_eq!(send(&service, &["delete", "--all", "--yes"]).0, 0);
    let (code, out, _) = export();
    assert_eq!(code, 0);
    assert!(out.starts_with("0 dictations in "), "{out}");
    assert_eq!(fs::read_to_string(folder.join("dictations.jsonl")).unwrap(), before);
    assert!(folder.join(sound(SPANISH)).exists());
    service.end();
}

#[test]
fn what_is_deleted_is_gone_and_is_not_the_last_text_any_more() {
    let service = house().start();
    let mut client = service.connect();
    assert_eq!(client.ask("LAST_TEXT")["text"], "Una canción secreta.");
    let (code, out, err) = send(&service, &["delete", "2"]);
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(err.contains("--yes"), "{err}");
    // All numbers are resolved before the first dictation is deleted.
    let (code, out, err) = send(&service, &["delete", "2", "1", "last", "--yes"]);
    let said = "deleted 2 dictations, of which 1 had no text yet\n";
    assert_eq!((code, out.as_str(), err.as_str()), (0, said, ""));
    assert_eq!((service.kept("wav").len(), service.kept("json").len()), (1, 1));
    assert_eq!(client.ask("LAST_TEXT")["text"], "Dear Ann, secret.");
    assert_eq!(client.refused_with("DELETE_DICTATIONS", json!({"id": FAILED})).0, "no_text");
    assert_eq!(client.refused_with("DELETE_DICTATIONS", json!({})).0, "bad_request");

    // A dictation of a newer version stays, and is named.
    let newer = "20261122T101010.000Z-1";
    let record = service.path(&format!("state/v2m/dictations/{newer}.json"));
    fs::write(&record, r#"{"version": 99, "text": "later"}"#).unwrap();
    let (code, out, err) = send(&service, &["delete", "--all", "-y"]);
    assert_eq!((code, out.as_str()), (1, "deleted 1 dictation\n"));
    assert!(err.contains(newer) && err.contains("was not deleted"), "{err}");
    assert_eq!(service.kept("json"), [record]);
    assert!(service.kept("wav").is_empty());
    let house = service.end();
    assert!(!house.log().contains("secret"), "{}", house.log());
}

/// Numbers are the same as for `retry`: the dictation under way does not count, and cannot be
/// deleted.
#[test]
fn a_dictation_whose_text_is_still_being_made_is_not_deleted() {
    let house = House::new("finish wait\n\n");
    house.model("other", "");
    let studio = Studio::with(house);
    let service = &studio.service;
    studio.record(2);
    let mut waiting = service.connect();
    waiting.send("STOP_RECORDING", Value::Null);
    let mut client = service.connect();
    wait_for("the stop", || (client.ask("GET_STATUS")["state"] == "transcribing").then_some(()));
    assert_eq!(client.ask("LIST_DICTATIONS")["dictations"], json!([]));
    let recording = wait_for("the recording on the disk", || service.kept("wav").pop());
    let id = recording.file_stem().unwrap().to_str().unwrap().to_owned();
    let (code, text) = client.refused_with("DELETE_DICTATIONS", json!({"id": id}));
    assert!(code == "busy" && text.contains("still being transcribed"), "{text}");
    let all = client.ask_with("DELETE_DICTATIONS", json!({"all": true}));
    assert_eq!((&all["deleted"], &all["kept"][0]["id"]), (&json!(0), &json!(id)));
    assert_eq!(service.kept("wav").len(), 1);

    service.go();
    let first = waiting.receive().unwrap()["data"].clone();
    assert_eq!(first["text"], studio.text_of_recording());
    let listed = client.ask("LIST_DICTATIONS");
    assert_eq!((ids(&listed), &listed["dictations"][0]["number"]), (vec![&*id], &json!(1)));

    // The same holds while a dictation is transcribed again.
    std::fs::remove_file(service.model_file("double", "go")).unwrap();
    service.model("slow", "finish wait\n\n");
    waiting.send("RETRY_RECORDING", json!({"model": "slow"}));
    wait_for("the other engine", || (service.lives("slow").len() == 1).then_some(()));
    assert_eq!(client.refused_with("DELETE_DICTATIONS", json!({"number": 1})).0, "busy");
    fs::write(service.model_file("slow", "go"), "").unwrap();
    assert_eq!(waiting.receive().unwrap()["status"], "success");
    let deleted = wait_for("the deletion", || {
        let answer = client.call("DELETE_DICTATIONS", json!({"number": 1}));
        (answer["status"] == "success").then(|| answer["data"]["deleted"].clone())
    });
    assert_eq!((deleted, service.kept("wav").len()), (json!(1), 0));
    assert_eq!(client.refused("LAST_TEXT").0, "no_text");
    studio.service.end();
}

/// The recogniser had planned to try the recording again later; after the deletion it does not.
#[test]
fn a_deleted_recording_is_not_tried_again() {
    let studio = Studio::with(House::new("finish die"));
    studio.service.ignore_manager();
    studio.record(2);
    let service = &studio.service;
    service.connect().refused("STOP_RECORDING");
    wait_for("the plan", || service.log().contains("is tried again in 60 s").then_some(()));
    let deleted = service.connect().ask_with("DELETE_DICTATIONS", json!({"number": 1}));
    assert_eq!((&deleted["deleted"], &deleted["without_text"]), (&json!(1), &json!(1)));
    let house = studio.service.end();
    assert!(house.kept("wav").is_empty() && house.kept("json").is_empty());
}

/// Regression: after a failed deletion the dictation counted as deleted until the next start, so no
/// client could have it transcribed.
#[test]
fn what_another_v2m_keeps_from_being_deleted_can_be_transcribed_again() {
    let house = house();
    let lock = fs::File::create(house.path("state/v2m/dictations/.lock")).unwrap();
    lock.lock().unwrap();
    let service = house.start();
    let mut client = service.connect();
    for what in [json!({"number": 1}), json!({"all": true})] {
        let (code, text) = client.refused_with("DELETE_DICTATIONS", what);
        assert!(code == "file" && text.contains("another v2m uses it"), "{text}");
    }
    let again = client.ask_with("RETRY_RECORDING", json!({"number": 1}));
    assert_ne!(again["text"], "");
    service.end();
}
