//! Words of a second model while somebody speaks (`engine.preview`), with real sound, real weights and the real engines: on
//! the sign and for whoever watches, while the text comes from the other model.
//!
//! Only where `make engine-gguf` was run and the weights of Moonshine are among the test models: both are large.

use crate::lab::{self, Lab, Playing, clipboard, run, sample, words};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};

const ENGINE: &str = "/usr/local/bin/v2m-engine-gguf";
const WEIGHTS: &str = "/opt/v2m-test/models/moonshine-base-en.gguf";

/// The preview has the lowest priority: on a machine that computes all the time it may show nothing in ten seconds.
const ATTEMPTS: usize = 5;

fn preview(lab: &Lab) -> Value {
    lab.client().ask("GET_STATUS")["engine"]["preview"].clone()
}

/// The screen, as a PPM file.
fn screen() -> Vec<u8> {
    let output = lab::try_run("import", &["-window", "root", "-depth", "8", "ppm:-"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// How many pixels are as bright as the sign's words. The time is not.
fn bright(screen: &[u8]) -> usize {
    screen.rchunks_exact(3).filter(|pixel| pixel.iter().all(|colour| *colour > 180)).count()
}

/// How many pixels are as red as the dot and the level.
fn red(screen: &[u8]) -> usize {
    let pixels = screen.rchunks_exact(3);
    pixels.filter(|pixel| pixel[0] > 200 && pixel[1] < 120 && pixel[2] < 120).count()
}

/// The sample without its pauses, in a folder that the caller keeps, and its length in tenths of a second. A recogniser that
/// hears whole pieces shows nothing of it before its end.
fn without_pauses(folder: &Path) -> (PathBuf, usize) {
    let mut whole = hound::WavReader::open(sample()).unwrap();
    let path = folder.join("fluent.wav");
    let mut fluent = hound::WavWriter::create(&path, whole.spec()).unwrap();
    let samples: Vec<i16> = whole.samples().map(Result::unwrap).collect();
    // Hundredths of a second that are quiet one after another.
    let mut quiet = 0;
    for part in samples.chunks(160) {
        let squares = part.iter().map(|sample| f64::from(*sample).powi(2)).sum::<f64>();
        quiet = if (squares / part.len() as f64).sqrt() < 1_000.0 { quiet + 1 } else { 0 };
        if quiet <= 15 {
            part.iter().for_each(|sample| fluent.write_sample(*sample).unwrap());
        }
    }
    let tenths = fluent.len() as usize / 1_600;
    fluent.finalize().unwrap();
    (path, tenths)
}

/// What was seen while it was played, and the text.
struct Dictation {
    /// Texts that were shown, each longer or otherwise than the one before.
    shown: Vec<String>,
    /// Whether the sign has written something.
    is_on_screen: bool,
    text: String,
}

fn dictate(lab: &Lab) -> Dictation {
    let mut client = lab.client();
    let mut watcher = lab.client();
    watcher.ask_with("SUBSCRIBE", json!({ "events": ["transcription_update", "level"] }));
    assert_eq!(client.ask("START_RECORDING")["state"], "recording");
    lab::wait_for("the sign", || (red(&screen()) > 60).then_some(()));
    let folder = tempfile::tempdir().unwrap();
    let (recording, tenths) = without_pauses(folder.path());
    let speech = Playing::start(&recording);
    let mut shown: Vec<String> = Vec::new();
    let mut is_on_screen = false;
    // Levels come ten times a second.
    let mut levels = 0;
    while levels < tenths {
        let event = watcher.receive().unwrap()["data"].clone();
        let Some(text) = event["text"].as_str() else {
            levels += 1;
            continue;
        };
        let text = text.to_owned();
        if shown.last() != Some(&text) {
            shown.push(text);
        }
        if !is_on_screen {
            lab::wait_for("the words on the sign", || {
                let seen = screen();
                let is_there = bright(&seen) > 200;
                if is_there {
                    keep(lab, &seen);
                }
                is_there.then_some(())
            });
            is_on_screen = true;
        }
    }
    speech.finish();
    let text = client.ask("STOP_RECORDING")["text"].as_str().unwrap().to_owned();
    Dictation { shown, is_on_screen, text }
}

/// Keeps what was seen, to be looked at.
fn keep(lab: &Lab, screen: &[u8]) {
    let folder = lab.home.join("screenshots");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("preview.ppm"), screen).unwrap();
}

#[test]
fn words_are_shown_while_one_speaks_and_the_text_is_the_other_models() {
    if !Path::new(ENGINE).exists() || !Path::new(WEIGHTS).exists() {
        println!("not tried: there is no {ENGINE}, or no {WEIGHTS}");
        return;
    }
    let lab = Lab::new();
    lab.copies();
    lab.override_service(
        "Environment=V2M_ENGINE__MODEL=base-q8_0 V2M_ENGINE__LANGUAGE=en \
         V2M_ENGINE__BEAM_SIZE=5 V2M_ENGINE__PREVIEW=moonshine-base-en\nUnsetEnvironment=V2M_FEEDBACK__OVERLAY",
    );
    run("v2m-send", &["ping"]);
    lab::wait_for("the preview", || (preview(&lab)["state"] == "warm").then_some(()));
    let mut told = Vec::new();
    for _ in 0..ATTEMPTS {
        let Dictation { shown, is_on_screen, text } = dictate(&lab);
        // Whatever the preview does. Without its pauses, some words may be others.
        let said = words(&fs::read_to_string(lab::beside("sample.txt")).unwrap());
        let heard = words(&text);
        let missing = said.iter().filter(|word| !heard.contains(word)).count();
        assert!(missing < 5 && heard.len().abs_diff(said.len()) < 5, "{text}");
        lab::wait_for("the text", || (clipboard().as_deref() == Some(&text)).then_some(()));
        let is_said = |word: &String| said.contains(word);
        let right = words(shown.last().map_or("", String::as_str));
        if is_on_screen && right.iter().filter(|word| is_said(word)).count() * 2 > right.len() {
            assert_eq!(preview(&lab)["state"], "warm");
            println!("{shown:#?}");
            return;
        }
        told.push(shown);
    }
    panic!("{told:#?}");
}
