//! Measures the time from the stop to the text, for recordings of several lengths that are played
//! into the microphone in real time, and the memory used.
//!
//! The recording is the sample that v2m ships, repeated and cut, or the one in `V2M_BENCH_SPEECH`
//! (WAV, 16 kHz, mono, 16 bit). The cut is at an arbitrary position, so the stop comes in the
//! middle of speech. This is the hardest case: at a pause, the engine would already have started.

use crate::figures::{Figures, head_ms};
use crate::lab::{BenchResult, Lab, MICROPHONE, Service, ask, until};
use crate::process::{Memory, memory};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use v2m_ipc::message::{Command, Wishes};

const SAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/sample.wav");
const LENGTHS: [u32; 4] = [3, 10, 30, 60];
const RUNS: usize = 3;

pub(crate) fn measure(lab: &Lab) -> BenchResult<()> {
    let dir = tempfile::tempdir()?;
    let speech = std::env::var_os("V2M_BENCH_SPEECH").map_or(SAMPLE.into(), PathBuf::from);
    let service = lab.service(&[])?;
    service.warm_up()?;
    let engine = service.engine()?;
    let idle = (memory(service.pid()), memory(engine));
    head_ms(&format!("Stop to text ({})", speech.file_name().unwrap_or_default().display()));
    for seconds in LENGTHS {
        let wav = dir.path().join("speech.wav");
        cut(&speech, seconds, &wav)?;
        let (mut took, mut words) = (Figures::default(), 0);
        for _ in 0..RUNS {
            let (stop_to_text, text) = dictate(lab, &service, &wav)?;
            took.add(stop_to_text);
            words = text.split_whitespace().count();
        }
        took.print_ms(&format!("{seconds} s of speech ({words} words)"));
    }
    println!("\nResident memory, KiB");
    println!(
        "  {:31} {:>9} {:>9} {:>9} {:>9} {:>9}",
        "", "resident", "own", "files", "shared", "share"
    );
    print("daemon, idle, model loaded", idle.0);
    print("daemon, after the dictations", memory(service.pid()));
    print("engine, idle, model loaded", idle.1);
    print("engine, after the dictations", memory(engine));
    service.shut_down()
}

/// Dictates a file. Returns the time from the stop to the text, and the text.
pub(crate) fn dictate(lab: &Lab, service: &Service, wav: &Path) -> BenchResult<(Duration, String)> {
    let mut client = service.client()?;
    ask(&mut client, &Command::StartRecording(Wishes::default()))?;
    let mut feeder = lab.sound.play(wav, MICROPHONE);
    until("the end of the recording", || !feeder.is_running())?;
    let stop = Instant::now();
    let answer = ask(&mut client, &Command::StopRecording(Wishes::default()))?;
    let took = stop.elapsed();
    Ok((took, answer["text"].as_str().unwrap_or_default().to_owned()))
}

/// Writes the first `seconds` of a recording, which is repeated if it is shorter.
pub(crate) fn cut(speech: &Path, seconds: u32, to: &Path) -> BenchResult<()> {
    let told = |e: hound::Error| format!("{}: {e}", speech.display());
    let mut reader = hound::WavReader::open(speech).map_err(told)?;
    let spec = reader.spec();
    let samples = reader.samples::<i16>().collect::<Result<Vec<_>, _>>().map_err(told)?;
    let wanted = (seconds * spec.sample_rate) as usize * usize::from(spec.channels);
    let mut writer = hound::WavWriter::create(to, spec)?;
    for &sample in samples.iter().cycle().take(wanted) {
        writer.write_sample(sample)?;
    }
    Ok(writer.finalize()?)
}

fn print(what: &str, memory: Memory) {
    let Memory { resident, anonymous, file, shared, proportional } = memory;
    let share = proportional.map_or("?".to_owned(), |share| share.to_string());
    println!("  {what:31} {resident:9} {anonymous:9} {file:9} {shared:9} {share:>9}");
}
