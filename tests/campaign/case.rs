//! One dictation in which something goes wrong: known speech, the fault at its moment, its end, and
//! all that is needed to judge what became of the words.

use crate::lab::{Client, Lab};
use crate::machine::{self, ask, within};
use crate::plan::Case;
use crate::speaker::Speaker;
use crate::watcher::{Stopped, Watcher};
use crate::witness::Witness;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

/// For a text to come by itself, once everything is in order again: v2m tries a recording again a
/// minute after the recogniser died of it twice.
const SETTLE: Duration = Duration::from_secs(100);
/// For the record of a text that was answered.
const ANSWERED: Duration = Duration::from_secs(5);
/// For a press to work again.
const READY: Duration = Duration::from_secs(90);

/// What happened.
pub(crate) struct Happened {
    /// All that reached the microphone, at 16 kHz.
    pub(crate) heard: Vec<i16>,
    /// The part of it while v2m said that it was recording, in samples.
    pub(crate) recording: std::ops::Range<usize>,
    /// How much of the time until the press that stops the witness has not recorded.
    pub(crate) faltered: Duration,
    /// When v2m stopped to say so before it was asked to, if it did.
    pub(crate) stopped: Option<Stopped>,
    /// The answer to the press that stops; `None` if there was none, or nobody waited for it.
    pub(crate) answer: Option<Value>,
    /// The new dictations in the store.
    pub(crate) kept: Vec<Kept>,
    /// The text came only with another start of the service.
    pub(crate) is_late: bool,
    /// From the end of the fault to the first press that works; `None` if none did.
    pub(crate) ready: Option<Duration>,
    /// From the end of the fault, or the press that stops, to the text; `None` without a text.
    pub(crate) text: Option<Duration>,
}

/// A dictation in the store.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    /// Its recording.
    pub(crate) audio: PathBuf,
    /// Its record; null if there is none.
    pub(crate) record: Value,
}

/// Presses of the harness itself are shorter.
const SHORTEST: f64 = 0.2;

impl Kept {
    fn seconds(&self) -> f64 {
        fs::metadata(&self.audio).map_or(0.0, |it| it.len().saturating_sub(44) as f64 / 32_000.0)
    }

    fn is_settled(&self) -> bool {
        let code = &self.record["error"]["code"];
        // A microphone that goes leaves a text, unless nothing was said before.
        self.record["text"].is_string() || code == "no_speech" || code == "no_microphone"
    }
}

/// The stems of all dictations.
fn stems(lab: &Lab) -> BTreeSet<PathBuf> {
    let entries = fs::read_dir(machine::store(lab)).into_iter().flatten().flatten();
    let paths = entries.map(|entry| entry.path());
    paths
        .filter(|it| it.extension().is_some_and(|e| e == "wav" || e == "json"))
        .map(|it| it.with_extension(""))
        .collect()
}

fn kept(lab: &Lab, before: &BTreeSet<PathBuf>) -> Vec<Kept> {
    let new = stems(lab).into_iter().filter(|stem| !before.contains(stem));
    let read = |stem: PathBuf| {
        let record = fs::read(format!("{}.json", stem.display())).unwrap_or_default();
        Kept {
            audio: format!("{}.wav", stem.display()).into(),
            record: serde_json::from_slice(&record).unwrap_or_default(),
        }
    };
    new.map(read).filter(|it| it.seconds() >= SHORTEST || it.record["text"].is_string()).collect()
}

/// Lets it happen.
pub(crate) fn run(lab: &Lab, case: &Case) -> Happened {
    let strike = (case.fault.prepare)(lab, &mut case.random.clone());
    machine::wait_until_idle(lab);
    let before = stems(lab);
    let folder = tempfile::tempdir().expect("there is room for a recording");
    let witness = Witness::start(folder.path().join("heard.wav"));
    let mut client = lab.client();
    assert_eq!(client.ask("START_RECORDING")["state"], "recording");
    let (from, begun) = (witness.file().samples(), Instant::now());
    let watcher = Watcher::start(&lab.socket(), witness.file());
    let speaker = Speaker::start(&case.clip.path);
    let (pressed, to, answer, answered, end) = thread::scope(|scope| {
        let fault = scope.spawn(|| {
            // The moment is what is tested.
            thread::sleep(case.after);
            let relief = strike(lab);
            thread::sleep(case.lasts);
            relief(lab);
            let relieved = Instant::now();
            (relieved, ready(lab).then(|| relieved.elapsed()))
        });
        speaker.finish(Duration::from_secs_f64(case.clip.seconds + 1.0) + case.lasts);
        let (pressed, to) = (Instant::now(), witness.file().samples());
        let answer = stop(lab, client, case.fault.leaves);
        (pressed, to, answer, Instant::now(), fault.join().expect("the fault can be ended"))
    });
    let (relieved, ready) = end;
    let recorded = Duration::from_secs_f64((to - from) as f64 / 16_000.0);
    let faltered = pressed.duration_since(begun).saturating_sub(recorded);
    // It stops with the press, too.
    let stopped = watcher.finish().filter(|it| it.heard < to);
    let from_here = relieved.max(pressed);
    let mut text = answer
        .as_ref()
        .filter(|it| it["status"] == "success")
        .map(|_| answered.saturating_duration_since(from_here));
    let mut is_late = false;
    let mut settled = settle(lab, &before, if text.is_some() { ANSWERED } else { SETTLE });
    // Words that were answered need no record.
    if !settled && text.is_none() {
        is_late = true;
        machine::systemctl(&["restart", "v2m.service"]);
        settled = settle(lab, &before, SETTLE);
    }
    if settled && text.is_none() && !is_late {
        text = Some(from_here.elapsed());
    }
    let heard = witness.finish();
    let to = stopped.map_or(to, |it| it.heard);
    Happened {
        heard,
        recording: from..to,
        faltered,
        stopped,
        answer,
        kept: kept(lab, &before),
        is_late,
        ready,
        text,
    }
}

/// The press that stops, on the connection of the one that began, or on another if that one ends.
fn stop(lab: &Lab, mut client: Client, leaves: bool) -> Option<Value> {
    if leaves {
        let _ = client.send("STOP_RECORDING", Value::Null);
        return None;
    }
    if let Ok(answer) = client.call("STOP_RECORDING", Value::Null) {
        return Some(answer);
    }
    within(READY, || ask(lab, "STOP_RECORDING", Value::Null))
}

/// Presses until one works. A recording that goes on needs no press.
fn ready(lab: &Lab) -> bool {
    let works = within(READY, || {
        let status = ask(lab, "GET_STATUS", Value::Null)?;
        if status["data"]["is_recording"] == true {
            return Some(());
        }
        let mut client = lab.connect().ok()?;
        let answer = client.call("START_RECORDING", Value::Null).ok()?;
        if answer["status"] != "success" {
            // Each refusal is told to the user, and costs time.
            thread::sleep(Duration::from_millis(40));
            return None;
        }
        // Not CANCEL_RECORDING: it could meet the dictation that is tested.
        let _ = client.send("STOP_RECORDING", Value::Null);
        Some(())
    });
    works.is_some()
}

/// Waits until every new dictation has its text, and nothing is going on.
fn settle(lab: &Lab, before: &BTreeSet<PathBuf>, limit: Duration) -> bool {
    let settled = within(limit, || {
        let status = ask(lab, "GET_STATUS", json!(null))?;
        if status["data"]["state"] != "idle" {
            return None;
        }
        kept(lab, before).iter().all(Kept::is_settled).then_some(())
    });
    settled.is_some()
}

/// The undisturbed text of a recording.
pub(crate) fn transcribe(lab: &Lab, audio: &std::path::Path) -> Option<String> {
    let answer = ask(lab, "TRANSCRIBE_FILE", json!({ "file_path": audio }))?;
    match answer["code"].as_str() {
        Some("no_speech") => Some(String::new()),
        _ => answer["data"]["text"].as_str().map(str::to_owned),
    }
}

/// A copy of what was heard, for whoever looks into it.
pub(crate) fn write_wav(path: &std::path::Path, samples: &[i16]) {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 16_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    if let Ok(mut writer) = hound::WavWriter::create(path, spec) {
        let written = samples.iter().try_for_each(|s| writer.write_sample(*s));
        let _ = written.and_then(|()| writer.finalize());
    }
}
