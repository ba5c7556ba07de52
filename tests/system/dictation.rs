//! Tests a successful dictation from the press to the paste, as the user sees it.

use crate::lab::{self, Lab, Playing, assert_sample, property, run, sample};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

#[test]
fn the_first_connection_starts_the_service_and_no_word_is_lost() {
    let lab = Lab::new();
    // The default model is still loading while the user speaks.
    lab.override_service("Environment=V2M_ENGINE__MODEL=base-q8_0");
    assert_eq!(property("v2m.service", "ActiveState"), "inactive");
    let mut client = lab.client();
    client.send("START_RECORDING", Value::Null).unwrap();
    let speech = Playing::start(&sample());
    assert_eq!(client.receive().unwrap()["data"]["state"], "recording");
    speech.finish();
    let answer = client.ask("STOP_RECORDING");
    assert_sample(answer["text"].as_str().unwrap());
    assert_eq!(answer["transcription"], answer["text"]);
    assert_eq!(answer["state"], "idle");
    assert_eq!(property("v2m.service", "ActiveState"), "active");
}

#[test]
fn the_text_is_on_the_clipboard_and_in_the_one_notification() {
    let lab = Lab::new();
    lab.copies();
    let text = lab.dictate()["text"].as_str().unwrap().to_owned();
    assert_eq!(lab::clipboard().as_deref(), Some(text.as_str()));
    let told = lab.wait_for_notice(&text);
    assert_eq!(told[0].summary, "Recording");
    assert!(told.iter().any(|n| n.summary == "Transcribing"), "{told:#?}");
    assert!(told.iter().all(|n| n.id == told[0].id), "replaced in place: {told:#?}");
}

/// Tests the notifications, and the service's answers, which `v2m-send` prints.
#[test]
fn a_spanish_desktop_reads_spanish() {
    let lab = Lab::new();
    lab.copies();
    lab.override_service("Environment=LC_ALL=es_ES.UTF-8");
    lab.dictate();
    let told = lab::wait_for("the notification of the text, in Spanish", || {
        let told = lab.notifications();
        told.iter().any(|n| n.summary == "En el portapapeles").then_some(told)
    });
    assert_eq!(told[0].summary, "Grabando");
    assert_eq!(told[0].body, "Hable ahora. Pulse el atajo otra vez para parar.");
    assert!(told.iter().any(|n| n.summary == "Transcribiendo"), "{told:#?}");
    let refused = lab.client().call("STOP_RECORDING", Value::Null).unwrap();
    let error = refused["error"].to_string();
    assert!(error.contains("No se está grabando nada"), "{error}");
}

#[test]
fn the_recording_and_its_text_are_kept_for_the_user_alone() {
    let lab = Lab::new();
    let answer = lab.dictate();
    let audio = answer["audio_path"].as_str().unwrap();
    let mode = |path: &str| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(audio), 0o600);
    let folder = audio.rsplit_once('/').unwrap().0;
    assert_eq!(mode(folder), 0o700);
    let wav = hound::WavReader::open(audio).unwrap();
    assert_eq!((wav.spec().sample_rate, wav.spec().channels), (16_000, 1));
    // Everything played is in the recording, except for the last incomplete quantum, which pw-cat
    // drops.
    let played = 3 * 16_000;
    assert!(wav.duration() + 16_000 * 1024 / 48_000 >= played, "{} of {played}", wav.duration());
    let record = lab::wait_for("the record of the delivery", || {
        lab.records().into_iter().find(|record| record["state"] == "delivered")
    });
    assert_eq!(record["text"], answer["text"]);
}

#[test]
fn the_journal_tells_what_happened_and_not_what_was_said() {
    let lab = Lab::new();
    lab.client().ask("TOGGLE_RECORDING");
    lab::speak();
    lab.client().ask("TOGGLE_RECORDING");
    // Only this run of the service: the journal also has those of other tests.
    let run_id = format!("_SYSTEMD_INVOCATION_ID={}", property("v2m.service", "InvocationID"));
    let journal = |matches: &[&str]| {
        run("journalctl", &[&["--user", "--output=json", &run_id], matches].concat())
    };
    let entries = |field: &str| -> Vec<Value> {
        journal(&[field]).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    lab::wait_for("two toggles in the journal", || {
        (entries("F_CMD=toggle").len() == 2).then_some(())
    });
    let done = lab::wait_for("the transcription in the journal", || {
        entries("F_BACKEND=cpu").into_iter().find(|e| e["F_STOP_TO_TEXT_MS"].is_string())
    });
    assert!(done["F_JOB"].is_string(), "{done}");
    let device = entries("F_STATE=warm");
    assert!(device.iter().any(|e| e["F_DEVICE"].is_string()), "{device:?}");
    let all = journal(&[]);
    assert!(!all.to_lowercase().contains("country"), "dictated text is in the journal");
}

#[test]
fn systemd_is_told_when_the_model_is_loaded() {
    let lab = Lab::new();
    lab.client().ask("PING");
    lab::wait_for("the service to be ready", || {
        (property("v2m.service", "ActiveState") == "active").then_some(())
    });
    let status = property("v2m.service", "StatusText");
    assert!(status.contains("tiny.en-q8_0"), "{status}");
    assert_eq!(lab.client().ask("GET_STATUS")["engine"]["state"], "warm");
}

#[test]
fn after_a_shutdown_the_next_connection_starts_the_service_again() {
    let lab = Lab::new();
    assert_eq!(lab.client().ask("PING"), "PONG");
    let first = property("v2m.service", "MainPID");
    assert_eq!(lab.client().ask("SHUTDOWN")["message"], "SHUTTING_DOWN");
    // The service is still ending; the client must wait for the next one.
    assert!(run("v2m-send", &["ping"]).to_uppercase().contains("PONG"));
    assert_ne!(property("v2m.service", "MainPID"), first);
    assert_eq!(property("v2m.service", "Result"), "success");
    assert_eq!(property("v2m.service", "NRestarts"), "0");
}

#[test]
fn a_file_is_transcribed_by_the_client() {
    let _lab = Lab::new();
    // Not the whole sample: this small model hears "and so am I" at its first pause, depending on
    // small differences. `make bench-speech` measures accuracy.
    let folder = tempfile::tempdir().unwrap();
    let phrase = lab::phrase(folder.path());
    lab::assert_phrase(&run("v2m-send", &["transcribe", phrase.to_str().unwrap()]));
}

#[test]
fn a_file_is_transcribed_after_an_upgrade_in_place_too() {
    let lab = Lab::new();
    let folder = tempfile::tempdir().unwrap();
    let [program, newer] = ["v2m", "newer"].map(|name| folder.path().join(name));
    for copy in [&program, &newer] {
        fs::copy("/usr/local/bin/v2m", copy).unwrap();
    }
    let start = format!(
        "ExecStart=\nExecStart={}\nEnvironment=V2M_ENGINE=/usr/local/bin/v2m-engine",
        program.display()
    );
    lab.override_service(&start);
    assert_eq!(lab.client().ask("GET_STATUS")["state"], "idle");
    // As an installation does.
    fs::rename(&newer, &program).unwrap();
    let phrase = lab::phrase(folder.path());
    lab::assert_phrase(&run("v2m-send", &["transcribe", phrase.to_str().unwrap()]));
}

#[test]
fn a_toggle_by_the_client_starts_and_the_next_one_prints_the_text() {
    let _lab = Lab::new();
    run("v2m-send", &["toggle"]);
    lab::speak();
    lab::assert_phrase(&run("v2m-send", &["toggle"]));
}

/// Writes the phrase once in each channel, normal or inverted.
fn phrase_in_channels(folder: &Path, signs: &[i16]) -> PathBuf {
    let mut mono = hound::WavReader::open(lab::phrase(folder)).unwrap();
    let path = folder.join("channels.wav");
    let spec = hound::WavSpec { channels: signs.len() as u16, ..mono.spec() };
    let mut writer = hound::WavWriter::create(&path, spec).unwrap();
    for sample in mono.samples::<i16>().map(Result::unwrap) {
        for sign in signs {
            writer.write_sample(sample.saturating_mul(*sign)).unwrap();
        }
    }
    writer.finalize().unwrap();
    path
}

/// Regression: for a pair of channels in opposite phase, and for an interface's third input, the
/// answer was "The microphone was silent".
#[test]
fn speech_is_heard_in_whatever_channels_it_is() {
    for (source, signs, links) in [
        ("vpair", &[1, -1][..], &[("FL", "vpair:input_FL"), ("FR", "vpair:input_FR")][..]),
        ("vpair", &[1], &[("MONO", "vpair:input_FR")]),
        ("vinterface", &[1], &[("MONO", "vinterface:input_AUX2")]),
        ("vinterface:AUX3", &[1], &[("MONO", "vinterface:input_AUX3")]),
    ] {
        let lab = Lab::new();
        lab.override_service(&format!("Environment=V2M_CAPTURE__SOURCE={source}"));
        let folder = tempfile::tempdir().unwrap();
        let wav = phrase_in_channels(folder.path(), signs);
        let mut client = lab.client();
        assert_eq!(client.ask("START_RECORDING")["state"], "recording", "{source}");
        Playing::into(&wav, links).finish();
        lab::assert_phrase(client.ask("STOP_RECORDING")["text"].as_str().unwrap_or_default());
    }
}

#[test]
fn doctor_finds_nothing_to_mend() {
    let _lab = Lab::new();
    let report = run("v2m", &["doctor"]);
    assert!(report.contains("v2m works"), "{report}");
    let checks: Vec<_> = report.lines().take_while(|line| !line.is_empty()).collect();
    assert!(checks.len() > 5 && checks.iter().all(|line| line.starts_with("ok ")), "{report}");
    // The listening check was not requested, and there is no terminal to ask in.
    assert!(!report.contains("Record"), "{report}");
}

#[test]
fn doctor_says_what_it_hears_and_keeps_no_recording() {
    let lab = Lab::new();
    lab.client().ask("PING");
    // The checks before it take some time, so the phrase is repeated.
    let is_over = AtomicBool::new(false);
    let report = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                lab::speak();
            }
        });
        let report = lab::try_run("v2m", &["doctor", "--listen"]);
        is_over.store(true, Ordering::Relaxed);
        String::from_utf8_lossy(&report.stdout).into_owned()
    });
    let announced = report.find("Recording two seconds").expect("it is said before");
    let heard = report.lines().find(|line| line.split_whitespace().nth(1) == Some("heard"));
    let heard = heard.unwrap_or_else(|| panic!("{report}"));
    assert!(report.find(heard).is_some_and(|at| at > announced), "{report}");
    assert!(heard.starts_with("ok ") && heard.contains("dBFS"), "{report}");
    assert!(heard.contains("language en: “"), "{report}");
    assert_eq!(lab.records().len(), 0, "it is no dictation");
    let state = fs::read_dir(lab.home.join(".local/state/v2m")).unwrap().flatten();
    let kept: Vec<_> =
        state.filter(|it| it.path().extension().is_some_and(|e| e == "wav")).collect();
    assert!(kept.is_empty(), "{kept:?}");
}
