//! Tests a power cut at every moment of a store's work.

use crate::calls;
use crate::disk::{Disk, Files, Forgets};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use tokio::sync::mpsc;
use v2m::session::{Code, JobId};
use v2m::store::{
    AskedFor, Record, RecordUpdate, Retention, Store, StoreEvent, Text, Unfinished, read_pcm,
};

const CHILD: &str = "V2M_TEST_DURABLE_DIRECTORY";
/// System calls that change files or sync them. Not every processor has all of them (`?`).
const TRACED: &str = "trace=?open,openat,close,write,pwrite64,writev,pwritev,ftruncate,fallocate,fsync,fdatasync,\
    ?rename,renameat,renameat2,?unlink,unlinkat,copy_file_range,sendfile,dup,?dup2,dup3";
/// The number of samples in a tenth of a second.
const PIECE: usize = 1600;
/// The most sound, in samples, that a power cut may cost during a recording: the sound since the
/// last sync, which happens once a second, and the piece that is being written.
const STATED: usize = 16_000 + PIECE;

/// The samples recorded of job 5 when the store splits it at the end of its first sentence. Job 6
/// is the rest. It has less than a second, so that only an explicit sync can save it.
const TALK: usize = 56_000;
const SENTENCE: usize = 45_000;

/// Returns the sound of a job. Each sample's value identifies its position.
fn sound(job: u32, samples: usize) -> Vec<i16> {
    (0..samples).map(|at| ((at as u32 * 31 + job * 7919) % 30_000) as i16 + 1).collect()
}

/// Writes a promise to the trace: it must hold from here on.
fn promise(what: &str) {
    // Written directly, because the test harness captures the test's own output.
    rustix::io::write(rustix::stdio::stderr(), format!("PROMISE {what}\n").as_bytes()).unwrap();
}

struct Child {
    store: Store,
    events: mpsc::Receiver<StoreEvent>,
}

impl Child {
    fn wait(&mut self, wanted: impl Fn(&StoreEvent) -> bool) {
        loop {
            let event = self.events.blocking_recv().unwrap();
            assert!(!matches!(event, StoreEvent::Failed { .. }), "{event:?}");
            if wanted(&event) {
                return;
            }
        }
    }

    fn record(&mut self, job: u32, samples: usize) {
        let id = JobId(job);
        let path = self.store.begin(id).unwrap();
        promise(&format!("file {job} {}", path.file_stem().unwrap().to_str().unwrap()));
        for piece in sound(job, samples).chunks(PIECE) {
            self.store.append(id, Arc::from(piece)).unwrap();
        }
    }

    fn recorded(&mut self, job: u32, samples: usize) {
        self.store.recorded(JobId(job)).unwrap();
        self.wait(|event| matches!(event, StoreEvent::Recorded { job: it, .. } if it.0 == job));
        promise(&format!("recorded {job} {samples}"));
    }

    fn finish(&mut self, job: u32, outcome: RecordUpdate) {
        let has_text = matches!(outcome, RecordUpdate::Delivered(..));
        self.store.finish(JobId(job), outcome).unwrap();
        self.wait(|event| matches!(event, StoreEvent::Finished { job: it, .. } if it.0 == job));
        if has_text {
            promise(&format!("delivered {job}"));
        }
    }
}

fn text(job: u32) -> Text {
    let text = format!("what was said in job {job}");
    Text { text, unrefined: None, language: "en".into(), ..Text::default() }
}

/// The work of a service with its store in a day, for the trace.
#[test]
fn a_day_of_a_store() {
    let Some(directory) = std::env::var_os(CHILD) else { return };
    let (sender, events) = mpsc::channel(64);
    // Recordings are deleted once their text is delivered, so that as much as possible is deleted.
    let retention = Retention { keep_audio: false, ..Retention::default() };
    let store = Store::spawn(directory.into(), retention, sender).unwrap();
    let mut child = Child { store, events };
    child.record(1, 56_000);
    child.recorded(1, 56_000);
    child.store.finish(JobId(1), RecordUpdate::Transcribed(text(1))).unwrap();
    child.finish(1, RecordUpdate::Delivered(text(1), Vec::new()));
    child.record(2, 24_000);
    child.recorded(2, 24_000);
    child.finish(2, RecordUpdate::Failed(Code::EngineFailed, "it died twice".into(), None));
    // The disk refuses a part, and the store writes the whole recording from memory.
    child.record(3, 20_000);
    promise("rewrite 3");
    child.store.rewrite(JobId(3), sound(3, 40_000)).unwrap();
    child.recorded(3, 40_000);
    child.finish(3, RecordUpdate::Delivered(text(3), Vec::new()));
    child.record(4, 20_000);
    promise("discard 4");
    child.store.discard(JobId(4)).unwrap();
    // A continuous dictation: a sentence ends during the recording.
    child.record(5, TALK);
    let talk = child.store.name(JobId(5));
    let tail = sound(5, TALK).split_off(SENTENCE);
    let asked = AskedFor { talk, ..AskedFor::default() };
    child.store.split(JobId(5), JobId(6), SENTENCE as u64, tail, asked).unwrap();
    let path = child.store.path(JobId(6)).unwrap();
    promise(&format!("part 6 {}", path.file_stem().unwrap().to_str().unwrap()));
    let more = sound(5, TALK + 10_000).split_off(TALK);
    child.store.append(JobId(6), more.into()).unwrap();
    child.wait(|event| matches!(event, StoreEvent::Recorded { job: JobId(5), .. }));
    promise(&format!("recorded 5 {SENTENCE}"));
    child.finish(5, RecordUpdate::Delivered(text(5), Vec::new()));
    child.recorded(6, TALK + 10_000 - SENTENCE);
    child.finish(6, RecordUpdate::Delivered(text(6), Vec::new()));
    let Child { store, mut events } = child;
    drop(store);
    while events.blocking_recv().is_some() {}
    promise("discarded 4");
}

/// Returns the calls of [`a_day_of_a_store`]. Returns `None`, and says so on standard error, if
/// strace does not work here.
fn traced(directory: &Path) -> Option<Vec<calls::Call>> {
    let log = directory.with_extension("trace");
    let status = Command::new("strace")
        .args(["-f", "-y", "-xx", "-T", "-s", "10000000", "-o"])
        .arg(&log)
        .args(["-e", TRACED, "-e", "signal=none"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "power::a_day_of_a_store", "--nocapture", "--test-threads=1"])
        .env(CHILD, directory)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .status();
    match status {
        Ok(status) if status.success() => {}
        Ok(status) if log.exists() => panic!("the store's day ended with {status}"),
        other => {
            eprintln!(
                "SKIPPED: strace cannot trace here ({other:?}). Install it: packaging/deps.sh test"
            );
            return None;
        }
    }
    Some(calls::parse(&fs::read_to_string(log).unwrap()))
}

/// The promises about a job.
#[derive(Debug, Default)]
struct Promised {
    stem: String,
    recorded: Option<usize>,
    /// Whether the recording is being rewritten. Then a power cut may cost all the sound that a
    /// refusing disk had missed.
    rewriting: bool,
    delivered: bool,
    /// Whether it is the part of job 5 after its first sentence.
    is_part: bool,
    discarding: bool,
    discarded: bool,
}

#[test]
fn whenever_the_power_goes_what_was_promised_is_there() {
    let home = tempfile::tempdir().unwrap();
    let directory = home.path().canonicalize().unwrap().join("dictations");
    let Some(calls) = traced(&directory) else { return };
    let (moments, states) = replay(&calls, &directory, Forgets::Nothing).unwrap();
    println!("{moments} moments, {states} states of the disk");
    for name in ["fdatasync", "fsync"] {
        let took = calls.iter().filter(|call| call.name == name).filter_map(|call| call.took_ms);
        let mut took: Vec<_> = took.collect();
        took.sort_by(f64::total_cmp);
        let (count, median) = (took.len(), took.get(took.len() / 2).copied().unwrap_or_default());
        let most = took.last().copied().unwrap_or_default();
        println!("{count} {name}: {median:.1} ms (median), {most:.1} ms at most");
    }
}

/// The check itself must notice losses on a disk that forgets.
#[test]
fn a_disk_that_forgets_is_found_out() {
    let home = tempfile::tempdir().unwrap();
    let directory = home.path().canonicalize().unwrap().join("dictations");
    let Some(calls) = traced(&directory) else { return };
    for forgets in [Forgets::Files, Forgets::Folders] {
        let error = replay(&calls, &directory, forgets).unwrap_err();
        println!("{forgets:?}: {error}");
    }
}

/// Replays the calls, and checks each state that a power cut at any moment may leave. Returns the
/// numbers of moments and states, or an error that says what is lost.
fn replay(
    calls: &[calls::Call],
    directory: &Path,
    forgets: Forgets,
) -> Result<(usize, usize), String> {
    let mut disk = Disk::new(directory.to_str().unwrap(), forgets);
    let mut promised: BTreeMap<u32, Promised> = BTreeMap::new();
    let (mut moments, mut states) = (0, 0);
    for call in calls {
        let told = match call.name.as_str() {
            "write" if call.number(0) == 2 => String::from_utf8(call.bytes(1)).ok(),
            _ => None,
        };
        if let Some(told) = told.as_deref().and_then(|told| told.strip_prefix("PROMISE ")) {
            take_promise(&mut promised, told.trim());
        } else if !disk.take(call) {
            continue;
        }
        moments += 1;
        for state in disk.after_power_cut() {
            states += 1;
            check(&disk.now(), &state, &promised)
                .map_err(|lost| format!("{lost}, if the power goes after {}", call.line))?;
        }
    }
    let stems = promised.values().filter(|it| !it.stem.is_empty()).count();
    assert!(stems == 6 && promised[&4].discarded, "{promised:?}");
    Ok((moments, states))
}

/// Returns an error with the reason if a condition is false.
macro_rules! ensure {
    ($so:expr, $($why:tt)+) => {
        if !$so {
            return Err(format!($($why)+));
        }
    };
}

fn take_promise(promised: &mut BTreeMap<u32, Promised>, told: &str) {
    let words: Vec<_> = told.split(' ').collect();
    let of = promised.entry(words[1].parse().unwrap()).or_default();
    match words[0] {
        "file" => of.stem = words[2].to_owned(),
        "part" => (of.stem, of.is_part) = (words[2].to_owned(), true),
        "recorded" => of.recorded = Some(words[2].parse().unwrap()),
        "rewrite" => of.rewriting = true,
        "delivered" => of.delivered = true,
        "discard" => of.discarding = true,
        "discarded" => of.discarded = true,
        other => panic!("{other}"),
    }
}

/// Starts a store on the state after a power cut, and checks the promises.
fn check(now: &Files, state: &Files, promised: &BTreeMap<u32, Promised>) -> Result<(), String> {
    let dir = tempfile::tempdir().unwrap();
    for (name, content) in state {
        fs::write(dir.path().join(name), content).unwrap();
    }
    // The state of the disk before the new service changes anything.
    for name in state.keys().filter_map(|name| name.strip_suffix(".wav")) {
        let has_record = state.contains_key(&format!("{name}.json"));
        let samples = read_pcm(&dir.path().join(format!("{name}.wav"))).unwrap();
        ensure!(has_record || samples.is_empty(), "{name} has sound and no record");
    }
    let mut records: BTreeMap<&str, Record> = BTreeMap::new();
    for (name, json) in state.iter().filter(|(name, _)| !name.starts_with('.')) {
        if let Some(stem) = name.strip_suffix(".json") {
            let record = serde_json::from_slice(json);
            records.insert(stem, record.map_err(|error| format!("{name} is not whole: {error}"))?);
        }
    }
    let found = start(dir.path());
    for (job, promise) in promised {
        let text = records.get(promise.stem.as_str()).and_then(|record| record.text.as_deref());
        let pcm = found.get(&promise.stem).map(|left| read_pcm(&left.path).unwrap_or_default());
        let is_known = format!("what was said in job {job}");
        let has_text = text == Some(is_known.as_str());
        ensure!(has_text || !promise.delivered, "the text of job {job} is lost");
        if promise.discarding {
            ensure!(!promise.discarded || pcm.is_none(), "job {job} was deleted, and is back");
            continue;
        }
        if has_text {
            continue;
        }
        let pcm = pcm.unwrap_or_default();
        let left = pcm.len();
        let own = match promise.is_part {
            true => sound(5, SENTENCE + left).split_off(SENTENCE),
            false => sound(*job, left),
        };
        ensure!(pcm == own, "job {job} has other sound");
        if *job == 5 && left == SENTENCE && promised.contains_key(&6) {
            // The rest was cut off, so it must be in job 6.
            let rest = sound_of(&found, promised, 6);
            ensure!(SENTENCE + rest >= TALK, "{rest} samples are left after the sentence");
        }
        let whole = promise.recorded.unwrap_or(left);
        ensure!(left == whole, "job {job}: {left} of {whole} samples are left");
        let written = now.get(&format!("{}.wav", promise.stem));
        let written = written.map_or(0, |wav| wav.len().saturating_sub(44) / 2);
        // The sound after the sentence stays in job 5 until the part has it.
        let has = match promise.is_part {
            true => (SENTENCE + left).max(sound_of(&found, promised, 5)) - SENTENCE,
            false => left,
        };
        let is_stated = promise.rewriting || has + STATED >= written;
        ensure!(is_stated, "job {job}: {left} of {written} samples are left");
    }
    Ok(())
}

/// Returns how many samples are left of a job without a text.
fn sound_of(
    found: &BTreeMap<String, Unfinished>,
    promised: &BTreeMap<u32, Promised>,
    job: u32,
) -> usize {
    let left = promised.get(&job).and_then(|promise| found.get(&promise.stem));
    left.map_or(0, |left| read_pcm(&left.path).unwrap_or_default().len())
}

/// Starts a store, and returns the unfinished dictations by their file stems.
fn start(directory: &Path) -> BTreeMap<String, Unfinished> {
    let (sender, mut events) = mpsc::channel(64);
    let retention = Retention { keep_audio: false, ..Retention::default() };
    let store = Store::spawn(directory.into(), retention, sender).unwrap();
    let StoreEvent::Unfinished(left) = events.blocking_recv().unwrap() else {
        panic!("the store does not start")
    };
    drop(store);
    assert!(events.blocking_recv().is_none(), "more than a start is told");
    let named =
        |left: Unfinished| (left.path.file_stem().unwrap().to_str().unwrap().to_owned(), left);
    left.into_iter().map(named).collect()
}
