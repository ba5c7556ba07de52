//! Measures how fast this build of whisper.cpp computes here: loading, the encoder alone, whole
//! texts, and the memory that they use. Prints one JSON object per line; `benches/compute.sh`
//! builds the variants, runs them in turn and makes the table. It judges nothing.
//! `benches/speech.rs` measures the time that a user waits.
//!
//! `cargo bench -p v2m-engine --bench compute [--features cuda] -- --model FILE [options]
//! RECORDING.wav…`
//!
//!   --threads N        threads of the decoder (default 2)
//!   --repeat N         number of runs of each measurement (default 3)
//!   --language CODE    language of the recordings (default en)
//!   --flash-attention  use it
//!   --cuda-graphs      use them, in a build for CUDA

use lexopt::prelude::*;
use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value as Json, json};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Instant;
use v2m_engine::decode::effort::{Attempt, fitted};
use v2m_engine::decode::{Options as Decoding, Whisper};
use v2m_engine::device;
use v2m_ipc::backend::Backend;
use v2m_ipc::pcm::{SAMPLE_RATE, to_float};
use v2m_recogniser::decoder::DecodeMonitor;
use whisper_rs::{WhisperContext, WhisperContextParameters, WhisperState};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

struct Options {
    model: PathBuf,
    decoding: Decoding,
    cuda_graphs: bool,
    repeat: u32,
    language: String,
    recordings: Vec<PathBuf>,
}

fn main() -> Result<()> {
    let Some(options) = options()? else { return Ok(()) };
    if !options.cuda_graphs {
        device::without_cuda_graphs();
    }
    let device = device::find(backend())?;
    let before = device.memory();
    let (whisper, load) = timed(|| Whisper::load(&options.model, options.decoding));
    let mut whisper = whisper?;
    let (warmed, warm_up) = timed(|| whisper.warm_up(64));
    warmed?;
    tell(
        "load",
        load,
        json!({"device": device.name, "warm_up_s": warm_up.wall, "memory": device.taken(before)}),
    );
    let mut encoder = encoder(&options)?;
    for path in &options.recordings {
        let audio = samples(path)?;
        for _ in 0..options.repeat {
            measure(&options, &mut encoder, &mut whisper, path, &audio)?;
        }
    }
    tell("memory", Took::default(), json!({"memory": device.taken(before)}));
    Ok(())
}

fn measure(
    options: &Options,
    encoder: &mut WhisperState,
    whisper: &mut Whisper,
    path: &Path,
    audio: &[f32],
) -> Result<()> {
    let file = path.file_name().unwrap_or_default().to_string_lossy();
    let seconds = audio.len() as f64 / f64::from(SAMPLE_RATE);
    let threads = options.decoding.threads.get();
    encoder.pcm_to_mel(audio, threads)?;
    let (encoded, took) = timed(|| encoder.encode(0, threads));
    encoded?;
    tell("encode", took, json!({"file": file, "seconds": seconds}));
    for (what, beams) in [("text", 5), ("greedy", 1)] {
        let attempt = Attempt {
            audio,
            language: &options.language,
            translate: false,
            vocabulary: &[],
            beams,
            context: fitted(audio.len()),
            fallback: false,
            most_tokens: None,
        };
        let (decoded, took) = timed(|| whisper.watched(&Patient).decode(&attempt));
        tell(what, took, json!({"file": file, "seconds": seconds, "text": decoded?.text}));
    }
    Ok(())
}

/// Returns the backend of the engine that the features select.
fn backend() -> Backend {
    match () {
        () if cfg!(feature = "cuda") => Backend::Cuda,
        () if cfg!(feature = "vulkan") => Backend::Vulkan,
        () => Backend::Cpu,
    }
}

fn options() -> Result<Option<Options>> {
    let threads = NonZeroUsize::MIN.saturating_add(1);
    let mut options = Options {
        model: PathBuf::new(),
        decoding: Decoding { threads, flash_attention: false },
        cuda_graphs: false,
        repeat: 3,
        language: "en".into(),
        recordings: Vec::new(),
    };
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("model") => options.model = arguments.value()?.into(),
            Long("threads") => options.decoding.threads = arguments.value()?.parse()?,
            Long("repeat") => options.repeat = arguments.value()?.parse()?,
            Long("language") => options.language = arguments.value()?.string()?,
            Long("flash-attention") => options.decoding.flash_attention = true,
            Long("cuda-graphs") => options.cuda_graphs = true,
            // `cargo bench` adds this.
            Long("bench") => {}
            Value(path) => options.recordings.push(path.into()),
            other => return Err(other.unexpected().into()),
        }
    }
    if options.model.as_os_str().is_empty() {
        // `cargo test --benches` and plain `cargo bench` come here too.
        eprintln!("compute: nothing done, --model FILE is needed (see benches/compute.rs)");
        return Ok(None);
    }
    Ok(Some(options))
}

fn encoder(options: &Options) -> Result<WhisperState> {
    let mut parameters = WhisperContextParameters::new();
    parameters.flash_attn(options.decoding.flash_attention);
    Ok(WhisperContext::new_with_params(&options.model, parameters)?.create_state()?)
}

fn samples(path: &Path) -> Result<Vec<f32>> {
    let mut reader = hound::WavReader::open(path)?;
    let samples: hound::Result<Vec<i16>> = reader.samples().collect();
    Ok(samples?.into_iter().map(to_float).collect())
}

/// A duration in seconds: wall-clock time, and CPU time of all threads.
#[derive(Clone, Copy, Default)]
struct Took {
    wall: f64,
    cpu: f64,
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, Took) {
    let (started, computed) = (Instant::now(), processor_time());
    let result = work();
    (result, Took { wall: started.elapsed().as_secs_f64(), cpu: processor_time() - computed })
}

fn processor_time() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

fn tell(what: &str, took: Took, more: Json) {
    let mut line = json!({"what": what, "wall_s": took.wall, "cpu_s": took.cpu});
    if let (Some(line), Json::Object(more)) = (line.as_object_mut(), more) {
        line.extend(more);
    }
    println!("{line}");
}

struct Patient;

impl DecodeMonitor for Patient {
    fn tick(&self) -> bool {
        false
    }
}
