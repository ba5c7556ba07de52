//! Tests dictations: everything spoken is recorded, kept according to the settings, and survives
//! every way to end.

use crate::house::{CONFIG, House, Service, text_of, wait_for};
use rustix::process::Signal;
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use v2m_testkit::pipewire::{PipeWire, Running};

/// Two instances of PipeWire on two cores drop buffers.
pub(crate) static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// A microphone with a continuous signal, and a service that records it.
pub(crate) struct Studio {
    pub(crate) service: Service,
    speaker: Running,
    pipewire: PipeWire,
    _turn: MutexGuard<'static, ()>,
}

/// A studio without its service.
pub(crate) struct Quiet {
    pub(crate) house: House,
    speaker: Running,
    pipewire: PipeWire,
    turn: MutexGuard<'static, ()>,
}

impl Studio {
    fn new(script: &str) -> Self {
        Self::with(House::new(script))
    }

    pub(crate) fn with(house: House) -> Self {
        Self::at(house, "microphone", &["input_MONO"], &[1])
    }

    /// Where somebody says this recording again and again.
    pub(crate) fn saying(house: House, recording: &Path) -> Self {
        Self::hearing(house, "microphone", &["input_MONO"], |speech| repeat(recording, speech))
    }

    /// At that microphone, into the ports of which it is spoken with these signs.
    fn at(house: House, microphone: &str, ports: &[&str], signs: &[i16]) -> Self {
        Self::hearing(house, microphone, ports, |speech| speak(speech, signs))
    }

    /// At that microphone, into the ports of which goes what is written into the file.
    fn hearing(
        mut house: House,
        microphone: &str,
        ports: &[&str],
        write: impl FnOnce(&Path),
    ) -> Self {
        let turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let pipewire = PipeWire::start(&[microphone]);
        let speech = house.path("speech.wav");
        write(&speech);
        let name = microphone.split(':').next().unwrap();
        let speaker = pipewire.play_into(&speech, name, ports);
        let dir = pipewire.environment().into_iter().find(|(n, _)| *n == "PIPEWIRE_RUNTIME_DIR");
        house.pipewire = dir.map(|(_, dir)| dir);
        let service = house.start();
        service.ready();
        Self { service, speaker, pipewire, _turn: turn }
    }

    /// Starts a recording, and waits until it has at least so many tenths of a second.
    pub(crate) fn record(&self, tenths: usize) {
        self.record_in(tenths, &Value::Null);
    }

    /// Like `record`, with options for the dictation.
    pub(crate) fn record_in(&self, tenths: usize, options: &Value) {
        let mut levels = self.service.connect().subscribe(&["level"]);
        let started = self.service.connect().ask_with("START_RECORDING", options.clone());
        assert_eq!(started["state"], "recording");
        for _ in 0..tenths {
            levels.receive().unwrap();
        }
    }

    /// Returns the double's text for the only recording, once all of it is on the disk.
    pub(crate) fn text_of_recording(&self) -> String {
        let delivered = || (self.service.record()["state"] == "delivered").then_some(());
        wait_for("the record", delivered);
        self.service.text_of_recording()
    }

    pub(crate) fn ended(self) -> Quiet {
        let Self { service, speaker, pipewire, _turn: turn } = self;
        let (_, house) = service.ended();
        Quiet { house, speaker, pipewire, turn }
    }
}

impl Quiet {
    pub(crate) fn start(self) -> Studio {
        let Self { house, speaker, pipewire, turn } = self;
        let service = house.start();
        Studio { service, speaker, pipewire, _turn: turn }
    }
}

/// Two minutes of this recording, again and again.
fn repeat(recording: &Path, path: &Path) {
    let mut reader = hound::WavReader::open(recording).unwrap();
    let samples: Vec<i16> = reader.samples().map(Result::unwrap).collect();
    let mut writer = hound::WavWriter::create(path, reader.spec()).unwrap();
    let length = reader.spec().sample_rate as usize * 120;
    for sample in samples.iter().cycle().take(length) {
        writer.write_sample(*sample).unwrap();
    }
    writer.finalize().unwrap();
}

/// Writes two minutes of a tone, with one channel for each sign.
fn speak(path: &Path, signs: &[i16]) {
    let spec = hound::WavSpec {
        channels: signs.len() as u16,
        sample_rate: 48_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(path, spec).unwrap();
    for i in 0..48_000 * 120 {
        let phase = f64::from(i) / 48_000.0 * std::f64::consts::TAU * 220.0;
        for sign in signs {
            writer.write_sample((phase.sin() * 12_000.0) as i16 * sign).unwrap();
        }
    }
    writer.finalize().unwrap();
}

/// Regression: the mean of a microphone's channels is silence if they have opposite phase, and the
/// third input of an interface was never linked. The stored recording was all zeros.
#[test]
fn the_stored_recording_has_the_sound_in_whatever_channels_it_was() {
    for (microphone, ports, signs) in [
        ("microphone: FL FR", &["input_FL", "input_FR"][..], &[1, -1][..]),
        ("microphone: AUX0 AUX1 AUX2 AUX3", &["input_AUX2"], &[1]),
    ] {
        let studio = Studio::at(House::new(""), microphone, ports, signs);
        studio.record(5);
        let answer = studio.service.connect().ask("STOP_RECORDING");
        assert_eq!(answer["text"].as_str().unwrap(), studio.text_of_recording());
        let [wav] = &studio.service.kept("wav")[..] else { panic!("not one recording") };
        let samples = hound::WavReader::open(wav).unwrap().into_samples::<i16>();
        let loudest = samples.map(|sample| sample.unwrap().unsigned_abs()).max().unwrap();
        assert!((11_000..13_000).contains(&loudest), "{microphone}: {loudest}");
        studio.service.end();
    }
}

/// Regression: if the user deleted the folder and the service was killed later, the speech until
/// then was lost.
#[test]
fn the_state_folder_may_be_deleted_while_it_is_recorded() {
    let studio = Studio::new("");
    studio.record(3);
    std::fs::remove_dir_all(studio.service.path("state")).unwrap();
    let mut levels = studio.service.connect().subscribe(&["level"]);
    // Another thread writes it again when the next second is complete.
    wait_for("the recording to be back", || {
        levels.receive().unwrap();
        (studio.service.kept("wav").len() == 1).then_some(())
    });
    let answer = studio.service.connect().ask("STOP_RECORDING");
    // The record comes back with its next change.
    wait_for("the record to be back", || (studio.service.kept("json").len() == 1).then_some(()));
    assert_eq!(answer["text"].as_str().unwrap(), studio.text_of_recording());
    assert!(answer["seconds"].as_f64().unwrap() >= 0.3, "{answer}");
    assert_eq!(studio.service.connect().ask("LAST_TEXT")["text"], answer["text"]);
    studio.service.end();
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_dictation_is_heard_whole_and_kept_for_its_owner_alone() {
    let studio = Studio::new("");
    let service = &studio.service;
    let mut states = service.connect().subscribe(&["state", "transcription_update"]);
    studio.record(5);
    let answer = service.connect().ask("STOP_RECORDING");
    let text = answer["text"].as_str().unwrap();
    assert_eq!(text, studio.text_of_recording());
    assert_eq!(answer["transcription"], text);
    assert_eq!(answer["state"], "idle");
    assert!(answer["seconds"].as_f64().unwrap() >= 0.5, "{answer}");
    states.until("state", "state", "recording");
    states.until("state", "state", "transcribing");
    assert_eq!(states.until("transcription_update", "text", text)["final"], true);
    states.until("state", "state", "idle");

    let [audio] = &service.kept("wav")[..] else { panic!("one recording") };
    assert_eq!(answer["audio_path"], audio.to_str().unwrap());
    assert_eq!(service.record()["text"], text);
    let store = audio.parent().unwrap();
    assert_eq!((mode(audio), mode(&audio.with_extension("json"))), (0o600, 0o600));
    assert_eq!((mode(store), mode(store.parent().unwrap())), (0o700, 0o700));

    let house = studio.service.end();
    // The journal shows the message of a line, but not its fields.
    for said in [
        "start: now recording",
        "recording; the first sound came ",
        "stop: now transcribing",
        "recorded 0.",
        "s of speech in 0.0 s with double (cpu)",
    ] {
        assert!(house.log().contains(said), "{said}: {}", house.log());
    }
    // The words of a dictation are private, and must not be in the journal.
    let words: Vec<&str> = text.split(' ').collect();
    assert!(!house.log().contains(words[3]), "{}", house.log());
}

#[test]
fn with_a_desktop_that_is_not_there_the_text_is_answered_all_the_same() {
    let house = House::new("");
    house.configure("[engine]\nmodel = \"double\"\n");
    let studio = Studio::with(house);
    for _ in 0..2 {
        studio.record(2);
        let answer = studio.service.connect().ask("STOP_RECORDING");
        assert!(answer["text"].as_str().unwrap().starts_with("heard "), "{answer}");
    }
    studio.service.end();
}

#[test]
fn recordings_go_once_they_are_delivered_where_that_is_wanted() {
    let house = House::new("");
    house.configure(&format!("{CONFIG}[store]\nkeep_audio = false\n"));
    let studio = Studio::with(house);
    studio.record(2);
    let answer = studio.service.connect().ask("STOP_RECORDING");
    assert_eq!(answer["audio_path"], Value::Null);
    let service = &studio.service;
    wait_for("the recording to go", || service.kept("wav").is_empty().then_some(()));
    assert_eq!(service.record()["text"], answer["text"]);
    studio.service.end();
}

#[test]
fn a_cancelled_dictation_leaves_nothing() {
    let studio = Studio::new("");
    studio.record(2);
    let mut client = studio.service.connect();
    assert_eq!(client.ask("CANCEL_RECORDING")["state"], "idle");
    assert_eq!(client.refused("STOP_RECORDING").0, "not_recording");
    let house = studio.service.end();
    assert_eq!((house.kept("wav").len(), house.kept("json").len()), (0, 0));
}

#[test]
fn a_flood_of_requests_costs_no_sample() {
    let studio = Studio::new("");
    let service = &studio.service;
    studio.record(1);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut client = service.connect();
                for _ in 0..10 {
                    // First all the requests, then all the answers.
                    (0..250).for_each(|_| client.send("PING", Value::Null));
                    (0..250).for_each(|_| assert_eq!(client.receive().unwrap()["data"], "PONG"));
                }
                (0..200).for_each(|_| assert_eq!(client.ask("GET_STATUS")["state"], "recording"));
            });
        }
    });
    let answer = service.connect().ask("STOP_RECORDING");
    assert_eq!(answer["text"], studio.text_of_recording());
    let house = studio.service.end();
    assert!(house.log().contains("lost=0"), "{}", house.log());
}

#[test]
fn the_end_keeps_the_words_of_a_recording_under_way() {
    for by_signal in [false, true] {
        let studio = Studio::new("");
        studio.record(3);
        if by_signal {
            studio.service.signal(Signal::TERM);
        } else {
            studio.service.connect().ask("SHUTDOWN");
        }
        studio.service.tells("STOPPING=1");
        let house = studio.ended().house;
        let record = house.record();
        assert_eq!(record["state"], "delivered", "{record}");
        assert_eq!(record["text"], house.text_of_recording());
        assert!(record["seconds"].as_f64().unwrap() >= 0.3, "{record}");
    }
}

#[test]
fn an_end_that_cannot_wait_for_the_text_leaves_the_words_to_the_next_start() {
    let studio = Studio::new("finish deaf\n\n");
    studio.record(3);
    let mut states = studio.service.connect().subscribe(&["state"]);
    let mut waiting = studio.service.connect();
    waiting.send("STOP_RECORDING", Value::Null);
    states.until("state", "state", "transcribing");
    studio.service.signal(Signal::TERM);
    let (code, text) = crate::house::failure(&waiting.receive().unwrap());
    assert_eq!(code, "shutting_down");
    assert!(text.contains("transcribed at the next start"), "{text}");
    assert_eq!(states.until("state", "state", "idle")["state"], "idle");
    let quiet = studio.ended();
    assert_eq!(quiet.house.record()["state"], "recorded");
    let studio = quiet.start();
    let text = studio.text_of_recording();
    assert_eq!(studio.service.record()["text"], text);
    studio.service.end();
}

/// The next instance can record immediately. This one stops waiting for the text.
#[test]
fn a_press_while_it_ends_is_sent_to_the_next_instance() {
    let studio = Studio::new("finish deaf\n\n");
    studio.record(3);
    let mut waiting = studio.service.connect();
    let mut states = studio.service.connect().subscribe(&["state"]);
    waiting.send("STOP_RECORDING", Value::Null);
    states.until("state", "state", "transcribing");
    studio.service.connect().ask("SHUTDOWN");
    let mut press = studio.service.connect();
    press.send("TOGGLE_RECORDING", Value::Null);
    let answer = press.receive().unwrap();
    assert_eq!(answer["code"], "shutting_down", "{answer}");
    assert_eq!(answer["data"]["again"], true, "{answer}");
    let answer = waiting.receive().unwrap();
    assert_eq!(answer["code"], "shutting_down", "{answer}");
    assert_eq!(answer["data"]["again"], Value::Null, "its recording was made: {answer}");
    let quiet = studio.ended();
    assert_eq!(quiet.house.record()["state"], "recorded");
    let studio = quiet.start();
    let text = studio.text_of_recording();
    assert_eq!(studio.service.record()["text"], text);
    studio.service.end();
}

#[test]
fn what_was_recorded_before_a_sudden_death_is_transcribed_at_the_next_start() {
    let studio = Studio::new("");
    studio.record(8);
    studio.service.signal(Signal::KILL);
    let quiet = studio.ended();
    let [recording] = &quiet.house.kept("wav")[..] else { panic!("one recording") };
    let words = v2m::store::read_pcm(recording).unwrap();
    assert!(words.len() > 3_200, "{} samples", words.len());
    let studio = quiet.start();
    let service = &studio.service;
    wait_for("the text", || (service.record()["state"] == "delivered").then_some(()));
    assert_eq!(service.record()["text"], text_of(&words));
    // The next press makes a new dictation.
    studio.record(2);
    service.connect().ask("STOP_RECORDING");
    assert_eq!(service.kept("wav").len(), 2);
    studio.service.end();
}

#[test]
fn an_engine_that_dies_of_a_dictation_costs_nothing_and_one_that_dies_twice_not_the_audio() {
    let studio = Studio::new("pcm abort\nfinish die\n\nfinish die\nfinish die\n\n");
    let service = &studio.service;
    studio.record(3);
    // The engine died while the user spoke, and again at the end: twice in all.
    let answer = service.connect().call("STOP_RECORDING", Value::Null);
    let (code, text) = crate::house::failure(&answer);
    assert_eq!(code, "engine_failed", "{text}");
    let [recording] = &service.kept("wav")[..] else { panic!("one recording") };
    assert!(v2m::store::read_pcm(recording).unwrap().len() > 4_800);
    wait_for("the record", || (service.record()["state"] == "failed").then_some(()));

    studio.record(3);
    let answer = service.connect().ask("STOP_RECORDING");
    let path = Path::new(answer["audio_path"].as_str().unwrap());
    wait_for("its text on the disk", || {
        let record = std::fs::read_to_string(path.with_extension("json")).unwrap_or_default();
        record.contains("\"delivered\"").then_some(())
    });
    assert_eq!(answer["text"], text_of(&v2m::store::read_pcm(path).unwrap()));
    studio.service.end();
}

#[test]
fn what_is_said_while_the_model_changes_is_heard_by_the_new_one() {
    let house = House::new("");
    house.model("other", "loading wait");
    let studio = Studio::with(house);
    let service = &studio.service;
    let mut events = service.connect().subscribe(&["engine"]);
    studio.record(2);
    service.connect().ask_with("UPDATE_CONFIG", json!({"engine": {"model": "other"}}));
    events.until("engine", "state", "loading");
    let mut stopping = service.connect();
    stopping.send("STOP_RECORDING", Value::Null);
    std::fs::write(service.model_file("other", "go"), "").unwrap();
    let answer = stopping.receive().unwrap();
    assert_eq!(answer["data"]["text"], studio.text_of_recording());
    studio.service.end();
}

/// Samples from which v2m judges the microphone: one second.
const ENOUGH_TO_JUDGE: usize = 16_000;

/// A tone without pauses is no louder than its own pauses, like a voice in loud noise.
#[test]
fn a_noisy_microphone_is_told_of_once_in_a_run_and_not_after_a_short_recording() {
    let told = |studio: &Studio| studio.service.log().matches("The microphone is noisy").count();
    // On a busy machine the stop may come late, and the recording is then not a short one.
    let is_short = |studio: &Studio| {
        studio.record(3);
        let answer = studio.service.connect().ask("STOP_RECORDING");
        let path = Path::new(answer["audio_path"].as_str().unwrap());
        let text = || std::fs::read_to_string(path.with_extension("json")).unwrap_or_default();
        wait_for("the record", || text().contains("\"delivered\"").then_some(()));
        v2m::store::read_pcm(path).unwrap().len() < ENOUGH_TO_JUDGE
    };
    let mut attempts = (0..10).map(|_| Studio::new(""));
    let studio = attempts.find(is_short).expect("a short recording");
    assert_eq!(told(&studio), 0, "after a short recording");
    for _ in 0..2 {
        studio.record(12);
        studio.service.connect().ask("STOP_RECORDING");
        assert_eq!(told(&studio), 1, "after 1.2 s");
    }
    let log = studio.service.log();
    assert!(log.contains("To check: v2m doctor --listen"), "{log}");
}
