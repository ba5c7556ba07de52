//! Runs one case: a dictation of known speech with a fault at its moment. Collects everything
//! needed to judge whether the words were kept.

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

/// The longest wait for a text once the fault has ended. v2m tries a recording again a minute after
/// it has killed the recogniser twice.
const SETTLE: Duration = Duration::from_secs(100);
/// The longest wait for the record of a text that the answer already has.
const ANSWERED: Duration = Duration::from_secs(5);
/// The longest wait for a press to work again.
const READY: Duration = Duration::from_secs(90);

/// The result of a case.
pub(crate) struct Happened {
    /// All sound that reached the microphone, at 16 kHz.
    pub(crate) heard: Vec<i16>,
    /// The range of `heard`, in samples, during which v2m reported that it was recording.
    pub(crate) recording: std::ops::Range<usize>,
    /// How much of the time until the stop the witness has not recorded.
    pub(crate) faltered: Duration,
    /// When v2m stopped recording before the stop, if it did.
    pub(crate) stopped: Option<Stopped>,
    /// The answer to the stop. `None`: there was none, or nobody waited for it.
    pub(crate) answer: Option<Value>,
    /// The new dictations in the store.
    pub(crate) kept: Vec<Kept>,
    /// Whether the text needed another start of the service.
    pub(crate) is_late: bool,
    /// The time from the end of the fault to the first press that works. `None`: no press worked.
    pub(crate) ready: Option<Duration>,
    /// The time from the end of the fault, or from the stop if that is later, to the text. `None`
    /// without a text.
    pub(crate) text: Option<Duration>,
}

/// A dictation in the store.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    /// The path of its recording.
    pub(crate) audio: PathBuf,
    /// Its record; null if there is none.
    pub(crate) record: Value,
}

/// The shortest dictation that counts, in seconds. The harness's own presses are shorter.
const SHORTEST: f64 = 0.2;

impl Kept {
    fn seconds(&self) -> f64 {
        fs::metadata(&self.audio).map_or(0.0, |it| it.len().saturating_sub(44) as f64 / 32_000.0)
    }

    fn is_settled(&self) -> bool {
        let code = &self.record["error"]["code"];
        // If the microphone disappears, the sound before gives a text, unless there was none.
        self.record["text"].is_string() || code == "no_speech" || code == "no_microphone"
    }
}

/// Returns the path stems of all dictations.
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

/// Runs the case.
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
            // A fixed time, because the test is about this moment.
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
    // The recording also stops at the press.
    let stopped = watcher.finish().filter(|it| it.heard < to);
    let from_here = relieved.max(pressed);
    let mut text = answer
        .as_ref()
        .filter(|it| it["status"] == "success")
        .map(|_| answered.saturating_duration_since(from_here));
    let mut is_late = false;
    let mut settled = settle(lab, &before, if text.is_some() { ANSWERED } else { SETTLE });
    // If the answer has the text, the record is not needed.
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

/// Stops the recording on the connection that began it, or on a new one if that connection has
/// ended.
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

/// Presses until a press works. If a recording is still under way, no press is needed.
fn ready(lab: &Lab) -> bool {
    let works = within(READY, || {
        let status = ask(lab, "GET_STATUS", Value::Null)?;
        if status["data"]["is_recording"] == true {
            return Some(());
        }
        let mut client = lab.connect().ok()?;
        let answer = client.call("START_RECORDING", Value::Null).ok()?;
        if answer["status"] != "success" {
            // Each refusal is shown to the user, and takes time.
            thread::sleep(Duration::from_millis(40));
            return None;
        }
        // Not CANCEL_RECORDING, which might cancel the dictation under test.
        let _ = client.send("STOP_RECORDING", Value::Null);
        Some(())
    });
    works.is_some()
}

/// Waits until every new dictation has its text and the service is idle. Returns whether that
/// happened.
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

/// Transcribes a recording without any fault.
pub(crate) fn transcribe(lab: &Lab, audio: &std::path::Path) -> Option<String> {
    let answer = ask(lab, "TRANSCRIBE_FILE", json!({ "file_path": audio }))?;
    match answer["code"].as_str() {
        Some("no_speech") => Some(String::new()),
        _ => answer["data"]["text"].as_str().map(str::to_owned),
    }
}

/// Writes the samples to a file for later inspection.
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
