//! Capture against a real PipeWire and WirePlumber with virtual microphones: what is spoken into
//! them comes out whole, and each way in which it cannot is told.

#![allow(clippy::unwrap_used)] // helpers of tests, which clippy does not take for tests

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use v2m::capture::{
    Capture, CaptureCommand, CaptureError, CaptureEvent, CaptureOutput, End, Missing,
};
use v2m::session::{GapCause, JobId};
use v2m_testkit::pipewire::{PipeWire, isolated};

const SAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/sample.wav");
/// Samples in a second.
const SECOND: usize = 16_000;
const LINGER: Duration = Duration::from_secs(60);
/// Nothing here takes longer, unless it hangs.
const PATIENCE: Duration = Duration::from_secs(30);

/// Runs an asynchronous test as the daemon would: on a current-thread runtime.
fn on_event_loop(name: &str, test: impl AsyncFnOnce()) {
    isolated(name, || {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.enable_all().build().unwrap().block_on(test());
    });
}

fn start(capture: &Capture, job: u32, source: Option<&str>) {
    let source = source.map(str::to_owned);
    capture.send(CaptureCommand::Start { job: JobId(job), source });
}

fn stop(capture: &Capture, job: u32) {
    capture.send(CaptureCommand::Stop { job: JobId(job) });
}

async fn next(capture: &mut Capture) -> CaptureOutput {
    tokio::time::timeout(PATIENCE, capture.next()).await.expect("an output")
}

/// The next event, which must come before any samples.
async fn event(capture: &mut Capture) -> CaptureEvent {
    match next(capture).await {
        CaptureOutput::Event(event) => event,
        CaptureOutput::Pcm { samples, .. } => panic!("{} samples, not an event", samples.len()),
        CaptureOutput::Gap { missing, .. } => panic!("{missing:?}, not an event"),
    }
}

/// Waits until the job has started; tells its latency.
async fn started(capture: &mut Capture, job: u32) -> Duration {
    match event(capture).await {
        CaptureEvent::Started { job: id, latency, .. } if id == JobId(job) => latency,
        other => panic!("job {job} did not start: {other:?}"),
    }
}

/// At least so many samples of the job.
async fn hear(capture: &mut Capture, job: u32, count: usize) -> Vec<f32> {
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

/// The rest of the job's samples, and how it ended.
async fn rest(capture: &mut Capture, job: u32) -> (Vec<f32>, CaptureEvent) {
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

fn ended(job: u32, end: End, samples: usize) -> CaptureEvent {
    CaptureEvent::Ended { job: JobId(job), end, samples: samples as u64, lost: 0 }
}

/// The sample, and a file of it followed by 0.2 s of silence: pw-cat keeps the last hundred samples
/// of a file for itself, and may keep those.
fn sample(dir: &Path) -> (Vec<f32>, PathBuf) {
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

/// Normalised correlation of a piece with what begins here: 1 for the same sound.
fn alike(piece: &[f32], heard: &[f32]) -> f32 {
    let (mut ab, mut aa, mut bb) = (0.0, f32::MIN_POSITIVE, f32::MIN_POSITIVE);
    for (a, b) in piece.iter().zip(heard) {
        (ab, aa, bb) = (ab + a * b, aa + a * a, bb + b * b);
    }
    ab / (aa * bb).sqrt()
}

/// Where in `heard` the fed samples begin: silence comes before them, so the first loud sample
/// tells nearly, and the greatest correlation about it exactly.
fn find(fed: &[f32], heard: &[f32]) -> usize {
    let first_loud = |samples: &[f32]| samples.iter().position(|sample| sample.abs() > 0.1);
    let loud = first_loud(fed).unwrap();
    let nearly = first_loud(heard).expect("some sound").checked_sub(loud).expect("a lead-in");
    let likeness = |at: &usize| alike(&fed[loud..loud + 1600], &heard[at + loud..]);
    let about = nearly.saturating_sub(50)..nearly + 50;
    about.max_by(|a, b| likeness(a).total_cmp(&likeness(b))).unwrap()
}

#[test]
fn a_recording_is_complete_to_its_last_sample() {
    on_event_loop("a_recording_is_complete_to_its_last_sample", async || {
        let pipewire = PipeWire::start(&["desk"]);
        let files = tempfile::tempdir().unwrap();
        let (fed, wav) = sample(files.path());
        let mut capture = Capture::spawn(LINGER).unwrap();
        // On a starved machine PipeWire's own player and virtual microphone miss quanta, which
        // nobody downstream can mend. A fault of ours would show in every one of these.
        let mut flaw = None;
        for job in 1..=3 {
            start(&capture, job, None);
            started(&mut capture, job).await;
            let mut player = pipewire.play(&wav, "desk");
            let mut heard = Vec::new();
            while player.is_running() {
                heard.extend(hear(&mut capture, job, 1).await);
            }
            stop(&capture, job);
            let (tail, end) = rest(&mut capture, job).await;
            heard.extend(tail);
            assert_eq!(end, ended(job, End::Stopped, heard.len()));
            flaw = incomplete(&fed, &heard);
            if flaw.is_none() {
                break;
            }
        }
        assert_eq!(flaw, None);
    });
}

/// Stops the process that records, and lets it go on after some time.
fn freeze_ourselves(seconds: &str) {
    let own = std::process::id();
    let freeze = format!("kill -STOP {own}; sleep {seconds}; kill -CONT {own}");
    let mut freezer = std::process::Command::new("sh").args(["-c", &freeze]).spawn().unwrap();
    assert!(freezer.wait().unwrap().success());
}

/// Records the sample, has something `disturb` it after a second, and looks whether what comes after
/// that, with silence for what is told as missing, is where it was said. What is missing.
async fn disturbed(disturb: impl FnOnce()) -> Vec<Missing> {
    let pipewire = PipeWire::start(&["desk"]);
    let files = tempfile::tempdir().unwrap();
    let (fed, wav) = sample(files.path());
    let mut capture = Capture::spawn(LINGER).unwrap();
    start(&capture, 1, None);
    started(&mut capture, 1).await;
    let _player = pipewire.play(&wav, "desk");
    let mut heard = Vec::new();
    while sounding(&heard) < SECOND {
        heard.extend(hear(&mut capture, 1, SECOND / 4).await);
    }
    disturb();
    let (mut all, mut since) = (Vec::new(), 0);
    while all.is_empty() || since < SECOND {
        match next(&mut capture).await {
            CaptureOutput::Pcm { samples, .. } => {
                since += samples.len();
                heard.extend(samples);
            }
            CaptureOutput::Gap { missing, .. } => {
                all.push(missing);
                since = 0;
                heard.resize(heard.len() + usize::try_from(missing.samples).unwrap(), 0.0);
            }
            CaptureOutput::Event(event) => panic!("{event:?}"),
        }
    }
    let there = heard.len() - SECOND / 2;
    let piece = &heard[there..];
    let there = there - find(&fed, &heard);
    // The player itself misses a quantum or two on a starved machine.
    let about = there - 700..there + 700;
    let likeness = about.map(|there| alike(piece, &fed[there..]));
    let likeness = likeness.max_by(f32::total_cmp).unwrap();
    assert!(likeness > 0.94, "{likeness} at {there} with {all:?} missing");
    all
}

#[test]
fn a_recording_that_was_frozen_tells_what_is_missing() {
    on_event_loop("a_recording_that_was_frozen_tells_what_is_missing", async || {
        let missing = disturbed(|| freeze_ourselves("1.2")).await;
        assert!(missing.iter().all(|missing| missing.cause == GapCause::NotTaken), "{missing:?}");
        let samples: u64 = missing.iter().map(|missing| missing.samples).sum();
        assert!(samples > SECOND as u64 / 2, "{missing:?}");
    });
}

/// Longer than a source may be mute, which it was not.
#[test]
fn a_recording_that_was_frozen_for_long_goes_on() {
    on_event_loop("a_recording_that_was_frozen_for_long_goes_on", async || {
        let missing = disturbed(|| freeze_ourselves("3.6")).await;
        let samples: u64 = missing.iter().map(|missing| missing.samples).sum();
        assert!(samples > 2 * SECOND as u64, "{missing:?}");
    });
}

/// Samples from the first loud one on.
fn sounding(heard: &[f32]) -> usize {
    heard.iter().position(|sample| sample.abs() > 0.1).map_or(0, |first| heard.len() - first)
}

/// What of `fed` is missing in `heard`, if anything.
fn incomplete(fed: &[f32], heard: &[f32]) -> Option<String> {
    let at = find(fed, heard);
    if heard.len() < at + fed.len() {
        return Some(format!("{} samples of {}", heard.len() - at, fed.len()));
    }
    // Two resamplers on the way shift by a part of a sample and round off the top: a piece is
    // 0.97 to 0.998 like what was fed. Pieces after a lost quantum would be nothing like it.
    for (index, piece) in fed.chunks(1600).enumerate() {
        let likeness = alike(piece, &heard[at + index * 1600..]);
        if likeness <= 0.94 {
            return Some(format!("piece {index} is {likeness} like what was fed"));
        }
    }
    let end = at + fed.len();
    let likeness = alike(&fed[fed.len() - 160..], &heard[end - 160..]);
    (likeness <= 0.94).then(|| format!("the last 10 ms are {likeness} like what was fed"))
}

/// A file of the sample's sound, in each channel multiplied by its gain. Before it is half a second
/// of silence, while the player is linked port by port; after it 0.2 s, as [`sample`] has.
fn in_channels(dir: &Path, samples: &[f32], gains: &[f32]) -> PathBuf {
    let path = dir.join("channels.wav");
    let spec = hound::WavSpec {
        channels: gains.len() as u16,
        sample_rate: 16_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(&path, spec).unwrap();
    for &sample in [0.0; 8000].iter().chain(samples).chain(&[0.0; 3200]) {
        for gain in gains {
            writer.write_sample((sample * gain * 32767.0) as i16).unwrap();
        }
    }
    writer.finalize().unwrap();
    path
}

/// Records what is played into a microphone's ports, until it is whole (see
/// `a_recording_is_complete_to_its_last_sample`); the last recording's flaw, and its peak as a
/// share of the sample's.
async fn recorded(
    pipewire: &PipeWire,
    source: &str,
    gains: &[f32],
    ports: &[&str],
) -> (Option<String>, f32) {
    let files = tempfile::tempdir().unwrap();
    let fed = sample(files.path()).0;
    // Two seconds say enough.
    let fed = &fed[fed.iter().position(|sample| sample.abs() > 0.1).unwrap() - 100..][..32_000];
    let wav = in_channels(files.path(), fed, gains);
    let mut capture = Capture::spawn(LINGER).unwrap();
    let microphone = source.split(':').next().unwrap();
    let peak = |samples: &[f32]| samples.iter().fold(0.0_f32, |peak, s| peak.max(s.abs()));
    let mut seen = (None, 0.0);
    for job in 1..=5 {
        start(&capture, job, Some(source));
        started(&mut capture, job).await;
        let mut player = pipewire.play_into(&wav, microphone, ports);
        let mut heard = Vec::new();
        while player.is_running() {
            heard.extend(hear(&mut capture, job, 1).await);
        }
        stop(&capture, job);
        let (tail, _) = rest(&mut capture, job).await;
        heard.extend(tail);
        let share = peak(&heard) / peak(fed);
        // Whichever channel is taken, and so upside down too: it is the same sound.
        let flaw = if share < 0.1 {
            Some("silence".to_owned())
        } else {
            let turned = |sign: f32| heard.iter().map(|s| s * sign / share).collect::<Vec<_>>();
            incomplete(fed, &turned(1.0)).filter(|_| incomplete(fed, &turned(-1.0)).is_some())
        };
        seen = (flaw, share);
        if seen.0.is_none() {
            break;
        }
    }
    seen
}

/// The story: capture asked for one channel, so PipeWire took the mean, in which opposite phases
/// are silence, or linked the first inputs of an interface alone. The user was told to unmute.
#[test]
fn a_voice_is_heard_in_whatever_channels_it_is() {
    let name = "a_voice_is_heard_in_whatever_channels_it_is";
    on_event_loop(name, async || {
        let pipewire = PipeWire::start(&[
            "pair: FL FR",
            "interface: AUX0 AUX1 AUX2 AUX3 AUX4 AUX5",
            "unnamed: UNK UNK UNK",
            "lefts: FL FL FR",
            "monos: MONO MONO",
            "single: AUX3",
        ]);
        for (source, gains, ports) in [
            ("pair", &[1.0, -1.0][..], &["input_FL", "input_FR"][..]),
            ("pair", &[1.0, 1.0], &["input_FL", "input_FR"]),
            ("pair", &[1.0], &["input_FL"]),
            ("pair", &[1.0], &["input_FR"]),
            ("interface", &[1.0], &["input_AUX2"]),
            ("interface", &[1.0], &["input_AUX5"]),
            ("interface", &[-1.0, 1.0], &["input_AUX3", "input_AUX4"]),
            ("unnamed", &[1.0], &["input_3"]),
            // Channels of the same name.
            ("lefts", &[0.0, 1.0], &["input_FL", "input_FL"]),
            ("lefts", &[1.0], &["input_FL"]),
            ("lefts", &[1.0], &["input_FR"]),
            ("monos", &[0.0, 1.0], &["input_MONO", "input_MONO"]),
            ("monos", &[1.0], &["input_MONO"]),
            ("single", &[1.0], &["input_AUX3"]),
        ] {
            let (flaw, share) = recorded(&pipewire, source, gains, ports).await;
            assert_eq!(flaw, None, "{source} {gains:?} {ports:?}");
            assert!((0.8..1.2).contains(&share), "{source} {gains:?} {ports:?}: {share}");
        }
    });
}

#[test]
fn a_channel_of_a_source_can_be_configured() {
    on_event_loop("a_channel_of_a_source_can_be_configured", async || {
        let pipewire = PipeWire::start(&["interface: AUX0 AUX1 AUX2 AUX3"]);
        // What plays elsewhere is not in it.
        for source in ["interface:AUX2", "interface:capture_AUX2"] {
            let ports = ["input_AUX2", "input_AUX3"];
            let (flaw, share) = recorded(&pipewire, source, &[0.25, 1.0], &ports).await;
            assert_eq!(flaw, None, "{source}");
            assert!((0.2..0.3).contains(&share), "{source}: {share}");
        }
        let mut capture = Capture::spawn(LINGER).unwrap();
        start(&capture, 1, Some("interface:AUX7"));
        let there = (0..4).map(|index| format!("interface:capture_AUX{index}")).collect();
        let error = CaptureError::ChannelMissing { wanted: "interface:AUX7".into(), there };
        assert_eq!(event(&mut capture).await, CaptureEvent::Failed { job: JobId(1), error });
        let sources = v2m::capture::sources().unwrap();
        assert_eq!(sources[0].channels[2], "capture_AUX2");
        for (wanted, is_it) in [
            ("interface", true),
            ("interface:AUX2", true),
            ("interface:capture_AUX0", true),
            ("interface:AUX7", false),
            ("interface:", false),
            ("face", false),
        ] {
            assert_eq!(sources[0].is_called(wanted), is_it, "{wanted}");
        }
    });
}

#[test]
fn what_is_said_until_the_stop_is_in_the_recording() {
    on_event_loop("what_is_said_until_the_stop_is_in_the_recording", async || {
        let _pipewire = PipeWire::start(&["desk"]);
        let mut capture = Capture::spawn(LINGER).unwrap();
        for job in 0..10 {
            start(&capture, job, None);
            started(&mut capture, job).await;
            hear(&mut capture, job, 400).await;
            // What was heard so far was said before now, so this is how much is to come.
            let then = Instant::now();
            let mut heard = hear(&mut capture, job, 1).await.len();
            // The stop comes at various moments of a quantum, which is 21 ms.
            tokio::time::sleep(Duration::from_millis(u64::from(job) * 2)).await;
            stop(&capture, job);
            let said = then.elapsed().as_secs_f64() * 16_000.0;
            let (tail, end) = rest(&mut capture, job).await;
            assert!(matches!(end, CaptureEvent::Ended { end: End::Stopped, lost: 0, .. }));
            heard += tail.len();
            // The resampler rounds a quantum up or down to whole samples.
            assert!(heard as f64 + 1.0 >= said, "{heard} samples of {said}");
        }
    });
}

/// Linked by one port or by six, the stream of the last recording is the next one's.
/// PipeWire's library asks for real-time priority. Where it is allowed (as root, with rtkit) it is
/// told, and where it is not, too.
#[test]
fn whether_the_thread_has_real_time_priority_is_told() {
    on_event_loop("whether_the_thread_has_real_time_priority_is_told", async || {
        let _pipewire = PipeWire::start(&["desk"]);
        let mut capture = Capture::spawn(LINGER).unwrap();
        start(&capture, 1, None);
        let CaptureEvent::Started { realtime, .. } = event(&mut capture).await else {
            panic!("it did not start")
        };
        let policies = std::process::Command::new("ps")
            .args(["-L", "-o", "cls=", "-p", &std::process::id().to_string()])
            .output()
            .unwrap();
        let policies = String::from_utf8(policies.stdout).unwrap();
        let expected = policies.contains("FF") || policies.contains("RR");
        assert_eq!(realtime, Some(expected), "{policies}");
        println!("measured: real-time priority: {expected}");
    });
}

#[test]
fn the_next_recording_starts_from_the_lingering_stream() {
    on_event_loop("the_next_recording_starts_from_the_lingering_stream", async || {
        for source in ["desk", "interface: AUX0 AUX1 AUX2 AUX3 AUX4 AUX5"] {
            let pipewire = PipeWire::start(&[source]);
            let mut capture = Capture::spawn(LINGER).unwrap();
            let mut node = None;
            for job in 0..10 {
                start(&capture, job, None);
                let latency = started(&mut capture, job).await;
                let kind = if job == 0 { "cold" } else { "warm" };
                println!("measured: press to first sample, {source}, {kind}: {latency:?}");
                hear(&mut capture, job, 1000).await;
                stop(&capture, job);
                rest(&mut capture, job).await;
                let lingering = pipewire.node_id("v2m");
                assert!(lingering.is_some() && (job == 0 || lingering == node), "{source}");
                node = lingering;
            }
            drop(capture);
            pipewire.until("the node to go", |pw| pw.node_id("v2m").is_none());
        }
    });
}

#[test]
fn without_linger_the_stream_goes_with_the_recording() {
    on_event_loop("without_linger_the_stream_goes_with_the_recording", async || {
        let pipewire = PipeWire::start(&["desk"]);
        let mut capture = Capture::spawn(Duration::ZERO).unwrap();
        for job in 0..3 {
            start(&capture, job, None);
            let latency = started(&mut capture, job).await;
            println!("measured: press to first sample, cold: {latency:?}");
            stop(&capture, job);
            rest(&mut capture, job).await;
            pipewire.until("the node to go", |pw| pw.node_id("v2m").is_none());
        }
    });
}

#[test]
fn after_lingering_the_stream_goes() {
    on_event_loop("after_lingering_the_stream_goes", async || {
        let pipewire = PipeWire::start(&["desk"]);
        let mut capture = Capture::spawn(Duration::from_millis(200)).unwrap();
        start(&capture, 1, None);
        started(&mut capture, 1).await;
        stop(&capture, 1);
        rest(&mut capture, 1).await;
        pipewire.until("the node to go", |pw| pw.node_id("v2m").is_none());
        start(&capture, 2, None);
        started(&mut capture, 2).await;
    });
}

#[test]
fn the_configured_source_is_recorded_and_a_missing_one_is_an_error() {
    let name = "the_configured_source_is_recorded_and_a_missing_one_is_an_error";
    on_event_loop(name, async || {
        let pipewire = PipeWire::start(&["desk", "headset"]);
        let mut capture = Capture::spawn(LINGER).unwrap();
        for (job, source) in [(1, Some("headset")), (2, None), (3, Some("headset"))] {
            start(&capture, job, source);
            started(&mut capture, job).await;
            let links = pipewire.run("pw-link", &["-l"]);
            let feeder = source.unwrap_or("desk");
            assert!(links.contains(&format!("{feeder}:capture_MONO\n  |-> v2m:")), "{links}");
            stop(&capture, job);
            rest(&mut capture, job).await;
        }

        start(&capture, 4, Some("studio"));
        let wanted = "studio".into();
        let there = vec!["desk".into(), "headset".into()];
        let error = CaptureError::SourceMissing { wanted, there };
        assert_eq!(event(&mut capture).await, CaptureEvent::Failed { job: JobId(4), error });
        assert_eq!(pipewire.node_id("v2m"), None);

        let sources = v2m::capture::sources().unwrap();
        let told: Vec<_> = sources.iter().map(|s| (s.name.as_str(), s.is_default)).collect();
        assert_eq!(told, [("desk", true), ("headset", false)]);
        assert_eq!(sources[1].description, "Microphone headset");
    });
}

#[test]
fn without_pipewire_or_microphone_the_error_says_so() {
    on_event_loop("without_pipewire_or_microphone_the_error_says_so", async || {
        let mut pipewire = PipeWire::prepare(&[]);
        let mut capture = Capture::spawn(LINGER).unwrap();
        start(&capture, 1, None);
        let failed = event(&mut capture).await;
        let CaptureEvent::Failed { job: JobId(1), error: CaptureError::NoPipeWire(_) } = failed
        else {
            panic!("{failed:?}")
        };
        assert!(matches!(v2m::capture::sources(), Err(CaptureError::NoPipeWire(_))));

        pipewire.start_servers();
        start(&capture, 2, None);
        let error = CaptureError::NoSource;
        assert_eq!(event(&mut capture).await, CaptureEvent::Failed { job: JobId(2), error });
        assert_eq!(v2m::capture::sources(), Ok(vec![]));
    });
}

#[test]
fn without_a_session_manager_the_error_says_so() {
    on_event_loop("without_a_session_manager_the_error_says_so", async || {
        let mut pipewire = PipeWire::prepare(&["desk"]);
        pipewire.start_pipewire();
        let mut capture = Capture::spawn(LINGER).unwrap();
        start(&capture, 1, None);
        let error = CaptureError::NoDefault { there: vec!["desk".into()] };
        assert_eq!(event(&mut capture).await, CaptureEvent::Failed { job: JobId(1), error });
    });
}

#[test]
fn pipewire_stopping_while_recording_keeps_what_was_heard() {
    on_event_loop("pipewire_stopping_while_recording_keeps_what_was_heard", async || {
        let mut pipewire = PipeWire::start(&["desk"]);
        let mut capture = Capture::spawn(LINGER).unwrap();
        start(&capture, 1, None);
        started(&mut capture, 1).await;
        let heard = hear(&mut capture, 1, 8000).await.len();
        pipewire.kill_servers();
        let (tail, end) = rest(&mut capture, 1).await;
        let CaptureEvent::Ended { end: End::Lost(error), samples, lost: 0, .. } = end else {
            panic!("{end:?}")
        };
        assert!(matches!(error, CaptureError::PipeWireStopped(_)), "{error:?}");
        assert_eq!(samples as usize, heard + tail.len());

        pipewire.start_servers();
        start(&capture, 2, None);
        started(&mut capture, 2).await;
        stop(&capture, 2);
        rest(&mut capture, 2).await;

        // And once more, with the stream lingering.
        pipewire.kill_servers();
        pipewire.start_servers();
        start(&capture, 3, None);
        started(&mut capture, 3).await;
    });
}

#[test]
fn a_pipewire_that_hangs_is_not_waited_for_without_end() {
    on_event_loop("a_pipewire_that_hangs_is_not_waited_for_without_end", async || {
        let pipewire = PipeWire::start(&["desk"]);
        let mut capture = Capture::spawn(LINGER).unwrap();
        start(&capture, 1, None);
        started(&mut capture, 1).await;
        pipewire.freeze();
        let (_, end) = rest(&mut capture, 1).await;
        let CaptureEvent::Ended { end: End::Lost(CaptureError::Silent { wanted, .. }), .. } = end
        else {
            panic!("{end:?}")
        };
        assert_eq!(wanted, "desk");
        start(&capture, 2, None);
        let failed = event(&mut capture).await;
        let CaptureEvent::Failed { job: JobId(2), error: CaptureError::NoAnswer(_) } = failed
        else {
            panic!("{failed:?}")
        };
        assert!(matches!(v2m::capture::sources(), Err(CaptureError::NoAnswer(_))));
    });
}

#[test]
fn a_source_that_vanishes_ends_the_recording_and_no_other_takes_over() {
    let name = "a_source_that_vanishes_ends_the_recording_and_no_other_takes_over";
    on_event_loop(name, async || {
        let pipewire = PipeWire::start(&["desk", "headset", "laptop"]);
        let mut capture = Capture::spawn(LINGER).unwrap();
        for (job, source, which) in [(1, Some("headset"), "headset"), (2, None, "desk")] {
            start(&capture, job, source);
            started(&mut capture, job).await;
            let heard = hear(&mut capture, job, 4000).await.len();
            pipewire.unplug(which);
            let (tail, end) = rest(&mut capture, job).await;
            let error = CaptureError::SourceGone(which.into());
            assert_eq!(end, ended(job, End::Lost(error), heard + tail.len()));
            pipewire.until("the node to go", |pw| pw.node_id("v2m").is_none());
        }

        // The default source is another one now; and it may go while the stream lingers.
        start(&capture, 3, None);
        started(&mut capture, 3).await;
        stop(&capture, 3);
        rest(&mut capture, 3).await;
        pipewire.unplug("laptop");
        start(&capture, 4, Some("laptop"));
        let failed = event(&mut capture).await;
        assert!(matches!(failed, CaptureEvent::Failed { job: JobId(4), .. }), "{failed:?}");
    });
}

#[test]
fn cancelled_stopped_and_crossing_commands_find_their_job() {
    on_event_loop("cancelled_stopped_and_crossing_commands_find_their_job", async || {
        let _pipewire = PipeWire::start(&["desk"]);
        let mut capture = Capture::spawn(LINGER).unwrap();
        start(&capture, 1, None);
        started(&mut capture, 1).await;
        stop(&capture, 7);
        start(&capture, 2, None);
        capture.send(CaptureCommand::Cancel { job: JobId(1) });
        let (_, busy) = rest(&mut capture, 1).await;
        let error = CaptureError::Busy;
        assert_eq!(busy, CaptureEvent::Failed { job: JobId(2), error });
        let cancelled = rest(&mut capture, 1).await.1;
        let CaptureEvent::Ended { job: JobId(1), end: End::Cancelled, .. } = cancelled else {
            panic!("{cancelled:?}")
        };

        // Stopped in the same breath: it ends, and with what there was.
        start(&capture, 3, None);
        stop(&capture, 3);
        let mut heard = 0;
        loop {
            match next(&mut capture).await {
                CaptureOutput::Pcm { job: JobId(3), samples } => heard += samples.len(),
                CaptureOutput::Event(CaptureEvent::Started { job: JobId(3), .. }) => {}
                CaptureOutput::Event(end) => {
                    assert_eq!(end, ended(3, End::Stopped, heard));
                    break;
                }
                other => panic!("{other:?}"),
            }
        }

        // Dropped while recording: returns.
        start(&capture, 4, None);
        started(&mut capture, 4).await;
        drop(capture);
    });
}
