//! Tests that no speech is lost when the recogniser dies, the service dies, the disk is full, or
//! the sound server ends.

use crate::lab::{self, Lab, Playing, property, run, systemctl, try_run};
use serde_json::Value;
use std::fs;
use std::process::Command;
use std::time::Duration;

/// How long the service is frozen.
const FROZEN: Duration = Duration::from_millis(1_200);
const SOUND: [&str; 3] = ["pipewire.socket", "pipewire.service", "wireplumber.service"];

/// The stopped sound server. It starts again when this is dropped, also when the test fails.
struct NoSound;

impl NoSound {
    fn new() -> Self {
        systemctl(&[&["stop"], &SOUND[..]].concat());
        Self
    }
}

impl Drop for NoSound {
    fn drop(&mut self) {
        try_run("systemctl", &[&["--user", "start"], &SOUND[..]].concat());
    }
}

#[test]
fn a_recogniser_killed_while_it_decodes_is_replaced_and_the_text_still_comes() {
    let lab = Lab::new();
    // The larger model decodes long enough to be killed meanwhile.
    lab.override_service("Environment=V2M_ENGINE__MODEL=base-q8_0");
    let mut client = lab.record();
    let mut events = lab.client();
    events.ask("SUBSCRIBE");
    client.send("STOP_RECORDING", Value::Null).unwrap();
    while events.receive().unwrap()["data"]["state"] != "transcribing" {}
    let engine = run("pgrep", &["--exact", "v2m-engine"]).trim().to_owned();
    run("kill", &["-KILL", &engine]);
    let answer = client.receive().unwrap();
    assert_eq!(answer["status"], "success", "{answer}");
    lab::assert_phrase(answer["data"]["text"].as_str().unwrap());
    assert_ne!(run("pgrep", &["--exact", "v2m-engine"]).trim(), engine);
}

#[test]
fn a_service_killed_while_it_records_recovers_the_dictation_at_its_next_start() {
    let lab = Lab::new();
    lab::copy("the user's own");
    let _client = lab.record();
    let first = property("v2m.service", "MainPID");
    run("kill", &["-KILL", &first]);
    // systemd restarts the service without a press.
    let record = lab::wait_for("the recovered text", || {
        lab.records().into_iter().find(|record| record["text"].is_string())
    });
    lab::assert_phrase(record["text"].as_str().unwrap());
    let text = record["text"].as_str().unwrap();
    let told = lab.wait_for_notice(text);
    let recovered = told.last().unwrap();
    assert_eq!(recovered.summary, "Recovered, but the end is missing");
    assert!(recovered.body.starts_with("Print it: v2m-send last"), "{recovered:?}");
    assert_eq!(lab::clipboard().as_deref(), Some("the user's own"), "it is put nowhere");
    assert_ne!(property("v2m.service", "MainPID"), first);
}

/// As on a machine that swaps, or that has no free processor.
#[test]
fn a_service_that_was_frozen_names_what_it_could_not_record() {
    let lab = Lab::new();
    lab.copies();
    let mut client = lab.client();
    assert_eq!(client.ask("START_RECORDING")["state"], "recording");
    let mut levels = lab.client();
    levels.ask("SUBSCRIBE");
    let playing = Playing::start(&lab::sample());
    // Freeze in the middle of words, some of which are already recorded. Otherwise no piece of the
    // text would have the gap.
    let mut loud = 0;
    while loud < 8 {
        let level = levels.receive().unwrap()["data"]["dbfs"].as_f64();
        loud += u32::from(level.is_some_and(|dbfs| dbfs > -40.0));
    }
    let service = property("v2m.service", "MainPID");
    run("kill", &["-STOP", &service]);
    std::thread::sleep(FROZEN);
    run("kill", &["-CONT", &service]);
    playing.finish();
    let answer = client.ask("STOP_RECORDING");

    let gaps = answer["gaps"].as_array().unwrap();
    let length = |gap: &Value| gap["end"].as_f64().unwrap() - gap["start"].as_f64().unwrap();
    let missing: f64 = gaps.iter().map(length).sum();
    assert!(missing > FROZEN.as_secs_f64() / 2.0, "{answer}");
    assert_eq!(answer["problems"][0]["code"], "audio_gap", "{answer}");
    // The recording is as long as the speech, although parts are missing.
    let said = f64::from(hound::WavReader::open(lab::sample()).unwrap().duration()) / 16_000.0;
    assert!(answer["seconds"].as_f64().unwrap() > said - 0.1, "{answer}");
    assert!(answer["segments"].as_array().unwrap().iter().any(|piece| piece["gap"] == true));
    let record = lab.records().pop().unwrap();
    assert_eq!(record["gaps"].as_array().unwrap().len(), gaps.len(), "{record}");
    let told = lab.wait_for_notice("Say again what it lacks");
    assert!(told.last().unwrap().summary.ends_with("of the recording are missing"), "{told:?}");
    let capture = &lab.client().ask("GET_STATUS")["capture"];
    assert_eq!(capture["gaps"], gaps.len());
    let status = run("v2m-send", &["status"]);
    assert!(status.contains("missing  "), "{status}");
}

#[test]
fn on_a_full_disk_the_text_comes_all_the_same_and_the_trouble_is_said() {
    let lab = Lab::new();
    // A file system of 2 MB (container.sh), with room for less than a second of sound.
    let small = std::path::Path::new("/mnt/small");
    fs::create_dir_all(small.join("v2m/dictations")).unwrap();
    lab.override_service("Environment=XDG_STATE_HOME=/mnt/small");
    let ballast = small.join("ballast");
    let mut dd = Command::new("dd");
    dd.args(["if=/dev/zero", "bs=16k"]).arg(format!("of={}", ballast.display()));
    assert!(!dd.output().unwrap().status.success(), "dd ends where the disk does");
    let length = fs::metadata(&ballast).unwrap().len();
    fs::OpenOptions::new().write(true).open(&ballast).unwrap().set_len(length - 24_576).unwrap();

    lab.dictate();
    lab.wait_for_notice("/mnt/small");
    assert_eq!(property("v2m.service", "NRestarts"), "0");
    fs::remove_file(&ballast).unwrap();
    let audio = lab.dictate()["audio_path"].as_str().unwrap().to_owned();
    assert!(fs::metadata(audio).unwrap().len() > 90_000, "with room again, it is kept whole");
}

#[test]
fn when_the_sound_server_stops_what_was_heard_is_transcribed_and_its_return_is_used() {
    let lab = Lab::new();
    let mut client = lab.record();
    let silence = NoSound::new();
    // v2m stops the recording and transcribes it by itself. A client that asks in time gets the
    // text; a later one is told that nothing is being recorded.
    let answer = client.call("STOP_RECORDING", Value::Null).unwrap();
    let record = lab::wait_for("the text of what was heard", || {
        lab.records().into_iter().find(|record| record["text"].is_string())
    });
    lab::assert_phrase(record["text"].as_str().unwrap());
    let text = record["text"].as_str().unwrap();
    lab.wait_for_notice(text);
    match answer["status"].as_str() {
        Some("success") => assert_eq!(answer["data"]["text"], text),
        _ => assert_eq!(answer["code"], "not_recording", "{answer}"),
    }

    let (code, error) = lab.client().refused("START_RECORDING");
    assert_eq!(code, "no_microphone", "{error}");
    assert!(error.contains("PipeWire"), "{error}");

    drop(silence);
    lab::wait_for("the microphone", || {
        let ports = try_run("pw-link", &["--output"]).stdout;
        String::from_utf8_lossy(&ports).contains("vmic").then_some(())
    });
    lab.dictate();
}
