//! Records a virtual microphone, and compares the recording with the sound that was played.

use std::path::{Path, PathBuf};
use std::time::Duration;
use v2m::capture::{Capture, CaptureCommand, CaptureEvent, CaptureOutput, End};
use v2m::session::JobId;
use v2m_testkit::pipewire::isolated;

pub(crate) const SAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/sample.wav");
pub(crate) const LINGER: Duration = Duration::from_secs(60);
/// Only a hang takes longer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Runs an asynchronous test on a current-thread runtime, like the daemon's.
pub(crate) fn on_event_loop(name: &str, test: impl AsyncFnOnce()) {
    isolated(name, || {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.enable_all().build().unwrap().block_on(test());
    });
}

pub(crate) fn start(capture: &Capture, job: u32, source: Option<&str>) {
    let source = source.map(str::to_owned);
    capture.send(CaptureCommand::Start { job: JobId(job), source });
}

pub(crate) fn stop(capture: &Capture, job: u32) {
    capture.send(CaptureCommand::Stop { job: JobId(job) });
}

pub(crate) async fn next(capture: &mut Capture) -> CaptureOutput {
    tokio::time::timeout(PATIENCE, capture.next()).await.expect("an output")
}

/// Returns the next event, which must come before any samples.
pub(crate) async fn event(capture: &mut Capture) -> CaptureEvent {
    match next(capture).await {
        CaptureOutput::Event(event) => event,
        CaptureOutput::Pcm { samples, .. } => panic!("{} samples, not an event", samples.len()),
        CaptureOutput::Gap { missing, .. } => panic!("{missing:?}, not an event"),
    }
}

/// Waits until the job has started. Returns its latency.
pub(crate) async fn started(capture: &mut Capture, job: u32) -> Duration {
    match event(capture).await {
        CaptureEvent::Started { job: id, latency, .. } if id == JobId(job) => latency,
        other => panic!("job {job} did not start: {other:?}"),
    }
}

/// Returns at least so many samples of the job.
pub(crate) async fn hear(capture: &mut Capture, job: u32, count: usize) -> Vec<f32> {
    let mut heard = Vec::new();
    while heard.len() < count {
        match next(capture).await {
            CaptureOutput::Pcm { job: id, samples } if id == JobId(job) => heard.extend(samples),
            CaptureOutput::Gap { missing, .. } => eprintln!("a busy machine: {missing:?}"),
            other => panic!("job {job}: {other:?} after {} samples", heard.len()),
        }
    }
    heard
}

/// Returns the rest of the job's samples, and its last event.
pub(crate) async fn rest(capture: &mut Capture, job: u32) -> (Vec<f32>, CaptureEvent) {
    let mut heard = Vec::new();
    loop {
        match next(capture).await {
            CaptureOutput::Pcm { job: id, samples } if id == JobId(job) => heard.extend(samples),
            CaptureOutput::Gap { missing, .. } => eprintln!("a busy machine: {missing:?}"),
            CaptureOutput::Event(event) => return (heard, event),
            other => panic!("{other:?}"),
        }
    }
}

pub(crate) fn ended(job: u32, end: End, samples: usize) -> CaptureEvent {
    CaptureEvent::Ended { job: JobId(job), end, samples: samples as u64, lost: 0 }
}

/// Returns the sample, and a file of it followed by 0.2 s of silence. The silence is needed because
/// pw-cat does not play the last hundred samples of a file.
pub(crate) fn sample(dir: &Path) -> (Vec<f32>, PathBuf) {
    let wav = hound::WavReader::open(SAMPLE).unwrap();
    let spec = wav.spec();
    let samples: Vec<i16> = wav.into_samples().map(Result::unwrap).collect();
    let path = dir.join("sample.wav");
    let mut writer = hound::WavWriter::create(&path, spec).unwrap();
    for &sample in samples.iter().chain(&[0; 3200]) {
        writer.write_sample(sample).unwrap();
    }
    writer.finalize().unwrap();
    (samples.iter().map(|&sample| f32::from(sample) / 32768.0).collect(), path)
}

/// Returns the normalised correlation of a piece with the start of `heard`: 1 for the same sound.
pub(crate) fn alike(piece: &[f32], heard: &[f32]) -> f32 {
    let (mut ab, mut aa, mut bb) = (0.0, f32::MIN_POSITIVE, f32::MIN_POSITIVE);
    for (a, b) in piece.iter().zip(heard) {
        (ab, aa, bb) = (ab + a * b, aa + a * a, bb + b * b);
    }
    ab / (aa * bb).sqrt()
}

/// Returns where the played samples begin in `heard`. Silence comes before them, so the first loud
/// sample gives the approximate position, and the highest correlation near it the exact one.
pub(crate) fn find(fed: &[f32], heard: &[f32]) -> usize {
    let first_loud = |samples: &[f32]| samples.iter().position(|sample| sample.abs() > 0.1);
    let loud = first_loud(fed).unwrap();
    let nearly = first_loud(heard).expect("some sound").checked_sub(loud).expect("a lead-in");
    let likeness = |at: &usize| alike(&fed[loud..loud + 1600], &heard[at + loud..]);
    let about = nearly.saturating_sub(50)..nearly + 50;
    about.max_by(|a, b| likeness(a).total_cmp(&likeness(b))).unwrap()
}
