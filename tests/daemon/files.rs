//! Tests TRANSCRIBE_FILE.

use crate::house::{House, failure, text_of};
use crate::recording::Studio;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

pub(crate) fn wav(path: &Path, samples: &[i16]) {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 16_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(path, spec).unwrap();
    samples.iter().for_each(|&sample| writer.write_sample(sample).unwrap());
    writer.finalize().unwrap();
}

pub(crate) fn ramp(samples: usize) -> Vec<i16> {
    (0..samples).map(|i| (i % 20_011) as i16).collect()
}

#[test]
fn good_files_are_transcribed_and_others_refused_with_the_reason() {
    let service = House::new("").start();
    let mut client = service.connect();
    let good = service.path("good.wav");
    wav(&good, &ramp(50_000));
    let answer = client.ask_with("TRANSCRIBE_FILE", json!({ "file_path": good }));
    assert_eq!(answer["text"], text_of(&ramp(50_000)));
    assert_eq!(answer["transcription"], answer["text"]);
    assert_eq!(answer["seconds"], 3.125);
    assert_eq!(answer["state"], "idle");

    let file = |name: &str, bytes: &[u8]| {
        fs::write(service.path(name), bytes).unwrap();
        service.path(name)
    };
    let noise: Vec<u8> =
        (0..300_000u32).flat_map(|i| i.wrapping_mul(0x9e37_79b9).to_le_bytes()).collect();
    let whole = fs::read(&good).unwrap();
    // A huge file that takes no space on the disk.
    let huge = file("huge.wav", &noise);
    fs::File::options().write(true).open(&huge).unwrap().set_len(40 << 30).unwrap();
    let cases = [
        service.path("not-there.wav"),
        service.path("home"),
        file("empty.wav", b""),
        file("text.wav", b"This is a letter."),
        file("noise.mp3", &noise),
        file("header.wav", &whole[..44]),
        huge,
    ];
    for path in cases {
        let (code, text) = client.refused_with("TRANSCRIBE_FILE", json!({ "file_path": path }));
        assert_eq!(code, "file", "{}: {text}", path.display());
        assert!(text.contains(path.to_str().unwrap()), "{text}");
    }
    fs::remove_dir_all(service.path("state")).unwrap();
    let answer = client.ask_with("TRANSCRIBE_FILE", json!({ "file_path": good }));
    assert_eq!(answer["text"], text_of(&ramp(50_000)), "without the folder where sound is kept");
    service.ready();
    service.end();
}

#[test]
fn many_at_once_are_all_answered_and_the_service_with_them() {
    let service = House::new("").start();
    let mut clients: Vec<_> = (1..=30)
        .map(|n| {
            let (path, mut client) = (service.path(&format!("{n}.wav")), service.connect());
            wav(&path, &ramp(n * 1_000));
            client.send("TRANSCRIBE_FILE", json!({ "file_path": path }));
            (n, client)
        })
        .collect();
    assert_eq!(service.connect().ask("GET_STATUS")["state"], "idle");
    for (n, client) in &mut clients {
        assert_eq!(client.receive().unwrap()["data"]["text"], text_of(&ramp(*n * 1_000)));
    }
    service.ready();
    service.end();
}

fn engine_at_work(service: &House) {
    crate::house::wait_for("the engine at work", || {
        let log = fs::read_to_string(service.model_file("double", "log")).unwrap_or_default();
        log.contains("finish").then_some(())
    });
}

/// Regression: the file started again after each dictation, so a long one might never finish.
#[test]
fn a_dictation_comes_between_and_the_file_goes_on_where_it_was() {
    let studio = Studio::with(House::new("finish deaf"));
    let service = &studio.service;
    let path = service.path("long.wav");
    wav(&path, &ramp(50_000));
    let mut client = service.connect();
    client.send("TRANSCRIBE_FILE", json!({ "file_path": path }));
    engine_at_work(service);
    studio.record(3);
    let dictated = service.connect().ask("STOP_RECORDING");
    assert!(dictated["text"].as_str().unwrap().starts_with("heard"), "{dictated}");
    let answer = client.receive().unwrap();
    assert_eq!(answer["data"]["text"], text_of(&ramp(50_000)));
    let log = fs::read_to_string(service.model_file("double", "log")).unwrap();
    let count = |what: &str| log.lines().filter(|line| *line == what).count();
    assert_eq!(["begin", "pause", "resume"].map(count), [2, 1, 1], "{log}");
    studio.service.end();
}

/// Regression: the file's text was computed to the end, and others waited for it.
#[test]
fn a_file_whose_client_has_left_holds_up_nobody() {
    let service = House::new("finish deaf").start();
    let path = service.path("long.wav");
    wav(&path, &ramp(50_000));
    let ask = || {
        let mut client = service.connect();
        client.send("TRANSCRIBE_FILE", json!({ "file_path": path }));
        client
    };
    let (left, also_left) = (ask(), ask());
    engine_at_work(&service);
    let mut stays = ask();
    // A client that has only closed its sending side still waits for its answer.
    stays.no_more();
    drop((left, also_left));
    assert_eq!(stays.receive().unwrap()["data"]["text"], text_of(&ramp(50_000)));
    service.ready();
    service.end();
}

/// Regression: clients whose file was still being read got no answer, and delayed the end.
#[test]
fn at_the_end_those_who_wait_for_a_file_are_told() {
    let service = House::new("finish deaf").start();
    let first = service.path("first.wav");
    wav(&first, &ramp(50_000));
    let mut waiting: Vec<_> = (0..3).map(|_| service.connect()).collect();
    for client in &mut waiting {
        client.send("TRANSCRIBE_FILE", json!({ "file_path": first }));
    }
    service.ready();
    engine_at_work(&service);
    let mut last = service.connect();
    last.ask_with("SHUTDOWN", Value::Null);
    for client in &mut waiting {
        let (code, text) = failure(&client.receive().unwrap());
        assert_eq!(code, "shutting_down", "{text}");
    }
    let (status, house) = service.ended();
    assert!(status.success());
    assert!(!house.log().contains("did not take their answers"), "{}", house.log());
}

/// Returns the path of a file in `tests/media`.
fn case(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/media").join(name)
}

#[test]
fn what_is_missing_of_a_file_is_told_beside_its_text() {
    let service = House::new("").start();
    let mut client = service.connect();
    let answer = client.ask_with("TRANSCRIBE_FILE", json!({ "file_path": case("cut-off.m4a") }));
    assert!(answer["text"].as_str().unwrap().starts_with("heard"), "{answer}");
    let told = answer["problems"][0]["error"].as_str().unwrap();
    assert!(told.contains("cut-off.m4a: it ends early: "), "{told}");
    let whole = client.ask_with("TRANSCRIBE_FILE", json!({ "file_path": case("tone.flac") }));
    assert!(whole.get("problems").is_none(), "{whole}");
    service.end();
}

#[test]
fn of_several_sound_tracks_one_is_taken_and_which_is_told() {
    let service = House::new("").start();
    let mut client = service.connect();
    let file = case("first-track-silent.mp4");
    let answer = client.ask_with("TRANSCRIBE_FILE", json!({ "file_path": file }));
    let told = answer["problems"][0]["error"].as_str().unwrap();
    assert!(told.contains("track 2 of its 2 sound tracks was taken, because track 1"), "{told}");
    assert!(told.contains("--track N"), "{told}");
    let asked = json!({ "file_path": file, "track": 2 });
    let same = client.ask_with("TRANSCRIBE_FILE", asked);
    assert_eq!(same["text"], answer["text"]);
    assert!(same["problems"][0]["error"].as_str().unwrap().contains("taken as you asked"));
    let asked = json!({ "file_path": file, "track": 1 });
    let (code, text) = client.refused_with("TRANSCRIBE_FILE", asked);
    assert_eq!(code, "no_speech", "{text}");
    assert!(text.contains("track 1 of its 2"), "{text}");
    let asked = json!({ "file_path": file, "track": 3 });
    let (code, text) = client.refused_with("TRANSCRIBE_FILE", asked);
    assert_eq!(code, "file", "{text}");
    assert!(text.contains("no sound track 3: it has 2, from --track 1"), "{text}");
    service.end();
}

#[test]
fn a_file_without_speech_is_no_success() {
    let service = House::new("").start();
    let path = service.path("silent.wav");
    wav(&path, &[0; 16_000]);
    let asked = json!({ "file_path": path });
    let (code, text) = service.connect().refused_with("TRANSCRIBE_FILE", asked);
    assert_eq!(code, "no_speech", "{text}");
    assert!(text.contains("contains no speech") && text.contains("silent.wav"), "{text}");
    service.end();
}
