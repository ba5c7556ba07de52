//! Sends real recordings to the recogniser and prints one JSON object a line with its text and the
//! time it took. `benches/speech_score.py` makes a table of them, because word error rates need
//! Whisper's published normaliser, which exists in Python. `make bench-speech` runs all of it
//! (`benches/speech.sh`). Judges nothing.
//!
//! `cargo bench --bench speech --profile dev -- --models DIR [options]`
//! (whisper.cpp is compiled optimised in every profile; so is the engine's crate.)
//!
//!   --models DIR   folder with ggml-base-q8_0.bin and ggml-silero-v6.2.0.bin
//!   --model NAME   another model in it
//!   --engine FILE  the program that runs it, in place of v2m-engine: target/engine-gguf/release/v2m-engine-gguf
//!                  for a model in GGUF form (not for batch)
//!   --beside NAME  a model of v2m-engine that also gets each recording, just before or after (not for batch)
//!   --column TEXT  the name of this run in the table, in place of the mode (not with --beside)
//!   --language L   only recordings in this language, as an ISO 639-1 code
//!   --speech DIR   folder with recordings and manifest.jsonl (default ../shared/speech, else the
//!                  sample)
//!   --mode MODE    fast: sent as fast as it is accepted (default); real-time: like a microphone;
//!                  batch: the whole recording is decoded at once, for comparison
//!   --pause MS     silence before the stop, in addition to the recording's own (real-time)
//!   --threads N    threads of the decoder (default 2)
//!   --only TEXT    recordings whose name contains this

use lexopt::prelude::*;
use serde_json::{Value, json};
use std::io::Write;
use std::num::NonZeroUsize;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant};
use v2m_engine::decode::effort::Attempt;
use v2m_engine::decode::{Options as Decoding, Whisper};
use v2m_ipc::engine::{
    DecodeOptions, Frame, FromEngine, ToEngine, encode_pcm, read_frame, write_message,
};
use v2m_ipc::pcm::{SAMPLE_RATE, to_float};
use v2m_recogniser::decoder::DecodeMonitor;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// 100 ms, like the daemon's pieces.
const CHUNK: usize = SAMPLE_RATE as usize / 10;

struct Options {
    models: PathBuf,
    model: String,
    engine: PathBuf,
    beside: Option<String>,
    column: Option<String>,
    language: Option<String>,
    speech: PathBuf,
    mode: Mode,
    pause: usize,
    threads: NonZeroUsize,
    only: String,
}

#[derive(Clone, Copy, PartialEq)]
enum Mode {
    Fast,
    RealTime,
    Batch,
}

struct Recording {
    file: String,
    language: String,
    entry: Value,
    samples: Vec<i16>,
}

fn main() -> Result<()> {
    let Some(options) = options()? else { return Ok(()) };
    let recordings = recordings(&options)?;
    match options.mode {
        Mode::Batch => batch(&options, &recordings),
        Mode::Fast | Mode::RealTime => stream(&options, &recordings),
    }
}

fn options() -> Result<Option<Options>> {
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    let shared = project.join("../shared/speech");
    let mut options = Options {
        models: PathBuf::new(),
        model: "ggml-base-q8_0.bin".into(),
        engine: env!("CARGO_BIN_EXE_v2m-engine").into(),
        beside: None,
        column: None,
        language: None,
        speech: if shared.is_dir() { shared } else { project.join("assets") },
        mode: Mode::Fast,
        pause: 0,
        threads: NonZeroUsize::MIN.saturating_add(1),
        only: String::new(),
    };
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("models") => options.models = arguments.value()?.into(),
            Long("model") => options.model = arguments.value()?.string()?,
            Long("engine") => options.engine = arguments.value()?.into(),
            Long("beside") => options.beside = Some(arguments.value()?.string()?),
            Long("column") => options.column = Some(arguments.value()?.string()?),
            Long("language") => options.language = Some(arguments.value()?.string()?),
            Long("speech") => options.speech = arguments.value()?.into(),
            Long("pause") => options.pause = arguments.value()?.parse::<usize>()? * 16,
            Long("threads") => options.threads = arguments.value()?.parse()?,
            Long("only") => options.only = arguments.value()?.string()?,
            Long("mode") => {
                options.mode = match arguments.value()?.to_str() {
                    Some("fast") => Mode::Fast,
                    Some("real-time") => Mode::RealTime,
                    Some("batch") => Mode::Batch,
                    _ => return Err("--mode is fast, real-time or batch".into()),
                }
            }
            // `cargo bench` adds this option.
            Long("bench") => {}
            other => return Err(other.unexpected().into()),
        }
    }
    if options.models.as_os_str().is_empty() {
        // `cargo test --benches` and plain `cargo bench` run this too.
        eprintln!("speech: nothing done, --models DIR is needed (see benches/speech.rs)");
        return Ok(None);
    }
    Ok(Some(options))
}

fn recordings(options: &Options) -> Result<Vec<Recording>> {
    let manifest = options.speech.join("manifest.jsonl");
    let lines = if manifest.is_file() {
        std::fs::read_to_string(manifest)?
    } else {
        let text = "And so, my fellow Americans: ask not what your country can do for you, ask \
                    what you can do for your country.";
        json!({"file": "sample.wav", "language": "en", "kind": "read", "text": text}).to_string()
    };
    let mut recordings = Vec::new();
    for line in lines.lines() {
        let entry: Value = serde_json::from_str(line)?;
        let text = |key: &str| entry[key].as_str().unwrap_or_default().to_owned();
        let (file, language) = (text("file"), text("language"));
        // Recordings without speech have no language.
        let wanted =
            options.language.as_ref().is_none_or(|code| language.is_empty() || language == *code);
        if !file.contains(&options.only) || !wanted {
            continue;
        }
        let mut reader = hound::WavReader::open(options.speech.join(&file))?;
        let samples = reader.samples().collect::<std::result::Result<_, _>>()?;
        recordings.push(Recording { file, language, entry, samples });
    }
    Ok(recordings)
}

fn report(recording: &Recording, mode: &str, measured: Value) -> Result<()> {
    let mut line = json!({
        "file": recording.file,
        "language": recording.language,
        "kind": recording.entry["kind"],
        "reference": recording.entry["text"],
        "fluent": recording.entry["fluent"],
        "pauses": recording.entry["pauses"],
        "seconds": recording.samples.len() as f64 / f64::from(SAMPLE_RATE),
        "mode": mode,
    });
    if let (Some(line), Value::Object(measured)) = (line.as_object_mut(), measured) {
        line.extend(measured);
    }
    writeln!(std::io::stdout(), "{line}")?;
    Ok(())
}

fn stream(options: &Options, recordings: &[Recording]) -> Result<()> {
    let mode = match options.mode {
        Mode::RealTime if options.pause > 0 => "paused",
        Mode::RealTime => "real-time",
        Mode::Fast | Mode::Batch => "fast",
    };
    let column = |model: &str| match (&options.beside, &options.column) {
        (Some(_), _) => format!("{mode}, {}", short(model)),
        (None, Some(column)) => column.clone(),
        (None, None) => mode.into(),
    };
    let mut engines = vec![Engine::start(options, &options.engine, &options.model)?];
    engines[0].column = column(&options.model);
    if let Some(model) = &options.beside {
        let mut engine = Engine::start(options, env!("CARGO_BIN_EXE_v2m-engine").as_ref(), model)?;
        engine.column = column(model);
        engines.push(engine);
    }
    for (job, recording) in (1..).zip(recordings) {
        for engine in &mut engines {
            let measured = engine.transcribe(options, job, recording)?;
            report(recording, &engine.column, measured)?;
        }
        // Alternate the order, so that other load on the machine does not always affect the same
        // engine.
        engines.rotate_left(1);
    }
    for mut engine in engines {
        drop(engine.socket);
        engine.child.wait()?;
    }
    Ok(())
}

/// Returns a model's name from its file name.
fn short(file: &str) -> &str {
    file.trim_start_matches("ggml-").trim_end_matches(".bin").trim_end_matches(".gguf")
}

struct Engine {
    child: Child,
    socket: UnixStream,
    /// The column of this engine's answers in the table.
    column: String,
}

impl Engine {
    fn start(options: &Options, program: &Path, model: &str) -> Result<Self> {
        let (socket, theirs) = UnixStream::pair()?;
        let child = Command::new(program)
            .arg("--model")
            .arg(options.models.join(model))
            .arg("--vad")
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/ggml-silero-v6.2.0.bin"))
            .args(["--threads", &options.threads.to_string()])
            .stdin(OwnedFd::from(theirs))
            .spawn()?;
        let mut engine = Self { child, socket, column: String::new() };
        loop {
            match engine.receive()? {
                FromEngine::Loaded { .. } => return Ok(engine),
                FromEngine::LoadFailed { reason, .. } => return Err(reason.into()),
                _ => {}
            }
        }
    }

    fn receive(&mut self) -> Result<FromEngine> {
        match read_frame(&mut self.socket)? {
            Some(Frame::Message(message)) => Ok(message),
            _ => Err("the engine ended".into()),
        }
    }

    fn transcribe(&mut self, options: &Options, job: u32, recording: &Recording) -> Result<Value> {
        let language = Some(recording.language.clone()).filter(|code| !code.is_empty());
        let language = language.or_else(|| Some("en".into()));
        // In real time, a user is waiting.
        let patient = options.mode == Mode::Fast;
        let begin = DecodeOptions { language, patient, ..DecodeOptions::default() };
        write_message(&mut self.socket, &ToEngine::Begin { job, options: begin })?;
        let started = Instant::now();
        let pause = vec![0; options.pause];
        let mut sent = 0;
        for chunk in recording.samples.chunks(CHUNK).chain(pause.chunks(CHUNK)) {
            sent += chunk.len();
            if options.mode == Mode::RealTime {
                let due = Duration::from_secs_f64(sent as f64 / f64::from(SAMPLE_RATE));
                thread::sleep(due.saturating_sub(started.elapsed()));
            }
            self.socket.write_all(&encode_pcm(job, chunk))?;
        }
        let stopped = Instant::now();
        write_message(&mut self.socket, &ToEngine::Finish { job })?;
        let mut drafts = 0;
        loop {
            match self.receive()? {
                FromEngine::Final { text, segments, stats, .. } => {
                    return Ok(json!({
                        "text": text,
                        "wall_s": started.elapsed().as_secs_f64(),
                        "stop_to_text_s": stopped.elapsed().as_secs_f64(),
                        "compute_s": stats.decode_ms as f64 / 1000.0,
                        "decoded_s": stats.decoded_samples as f64 / f64::from(SAMPLE_RATE),
                        "redone": stats.redone,
                        "failed": stats.failed,
                        "seams": stats.seams,
                        "seam_s": stats.seam_ms as f64 / 1000.0,
                        "joins": stats.joins,
                        "joined": stats.joined,
                        "join_s": stats.join_ms as f64 / 1000.0,
                        "pieces": segments.len(),
                        "drafts": drafts,
                        "memory_mib": memory(&self.child),
                    }));
                }
                FromEngine::Segment { is_final: false, .. } => drafts += 1,
                FromEngine::Failed { reason, .. } => return Err(reason.into()),
                _ => {}
            }
        }
    }
}

/// Returns the resident memory of a program in MiB; 0 if the system does not report it.
fn memory(program: &Child) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", program.id()));
    let status = status.unwrap_or_default();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = resident.and_then(|text| text.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or(0) / 1024
}

fn batch(options: &Options, recordings: &[Recording]) -> Result<()> {
    let how = Decoding { threads: options.threads, flash_attention: false };
    let mut whisper = Whisper::load(&options.models.join(&options.model), how)?;
    whisper.warm_up(64)?;
    for recording in recordings {
        let audio: Vec<f32> = recording.samples.iter().copied().map(to_float).collect();
        let language = if recording.language.is_empty() { "en" } else { &recording.language };
        let started = Instant::now();
        let decoded = whisper.watched(&Patient).decode(&Attempt {
            audio: &audio,
            language,
            translate: false,
            vocabulary: &[],
            beams: DecodeOptions::default().beam_size,
            context: 0,
            fallback: true,
            most_tokens: None,
        })?;
        let took = started.elapsed().as_secs_f64();
        report(
            recording,
            "batch",
            json!({
                "text": decoded.text,
                "wall_s": took,
                "stop_to_text_s": took,
                "compute_s": took,
                "decoded_s": audio.len() as f64 / f64::from(SAMPLE_RATE),
                "redone": 0,
                "failed": 0,
                "seams": 0,
                "seam_s": 0.0,
                "pieces": 1,
                "drafts": 0,
            }),
        )?;
    }
    Ok(())
}

struct Patient;

impl DecodeMonitor for Patient {
    fn tick(&self) -> bool {
        false
    }
}
