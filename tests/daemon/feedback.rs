//! Tests the audible feedback of a dictation: its sounds, and the media players that pause
//! meanwhile.

use crate::house::{CONFIG, House, Service, wait_for};
use crate::recording::ONE_AT_A_TIME;
use serde_json::{Value, json};
use std::sync::{MutexGuard, PoisonError};
use std::thread::JoinHandle;
use tokio::sync::{mpsc, oneshot};
use v2m::feedback::Sound;
use v2m_testkit::media_player::MediaPlayer;
use v2m_testkit::pipewire::PipeWire;

/// The highest amplitude that counts as silence. Full scale is 32,768; resamplers ring a little.
const SILENCE: i16 = 33;

/// A desktop with a microphone beside the speaker, and a media player that plays music.
struct Desk {
    service: Service,
    calls: mpsc::Receiver<(String, &'static str)>,
    music: Music,
    _pipewire: PipeWire,
    _turn: MutexGuard<'static, ()>,
}

/// The media player. It runs on its own thread, because the test's thread waits for the service.
struct Music {
    end: oneshot::Sender<()>,
    thread: JoinHandle<&'static str>,
}

impl Music {
    fn play(bus: String) -> (Self, mpsc::Receiver<(String, &'static str)>) {
        let (called, calls) = mpsc::channel(32);
        let (playing, plays) = oneshot::channel();
        let (end, ended) = oneshot::channel();
        let life = async move {
            let music = MediaPlayer::start(&bus, "music", "Playing", &called).await;
            playing.send(()).unwrap();
            let _ = ended.await;
            music.status().await
        };
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_all().build().unwrap();
        let thread = std::thread::spawn(move || runtime.block_on(life));
        plays.blocking_recv().unwrap();
        (Self { end, thread }, calls)
    }

    /// Ends the player, and returns its last state.
    fn end(self) -> &'static str {
        self.end.send(()).unwrap();
        self.thread.join().unwrap()
    }
}

impl Desk {
    fn new(feedback: &str) -> Self {
        let turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let mut house = House::new("");
        let config = CONFIG.replace("sounds = false", feedback);
        house.configure(&format!("{config}[log]\nlevel = \"debug\"\n"));
        let pipewire = PipeWire::start(&["microphone"]);
        pipewire.add_speaker("speaker", "microphone");
        let environment = pipewire.environment();
        let value =
            |wanted| environment.iter().find(|(name, _)| *name == wanted).unwrap().1.clone();
        house.pipewire = Some(value("PIPEWIRE_RUNTIME_DIR"));
        let bus = value("DBUS_SESSION_BUS_ADDRESS").into_os_string().into_string().unwrap();
        let (music, calls) = Music::play(bus.clone());
        house.bus = Some(bus);
        let service = house.start();
        service.ready();
        Self { service, calls, music, _pipewire: pipewire, _turn: turn }
    }

    /// Waits until this method of the player was called, and asserts that no other call came
    /// before.
    fn music_is_asked_to(&mut self, method: &str) {
        let call = self.calls.blocking_recv().unwrap();
        assert_eq!((call.0.as_str(), call.1), ("music", method));
    }

    fn ask(&self, command: &str) {
        self.service.connect().ask(command);
    }

    /// Returns the sounds played so far, in order.
    fn sounds(&self) -> Vec<String> {
        let log = self.service.log();
        let lines = log.lines().filter(|line| line.contains("a sound was played"));
        let name = |line: &str| {
            let (_, rest) = line.split_once("sound=\"")?;
            Some(rest.split_once('"')?.0.to_owned())
        };
        lines.filter_map(name).collect()
    }

    fn wait_for_sounds(&self, wanted: &[&str]) {
        wait_for("the sounds", || (self.sounds() == wanted).then_some(()));
    }
}

#[test]
fn a_dictation_is_heard_to_start_and_to_stop_and_hears_its_start_alone() {
    let desk = Desk::new("sounds = true");
    let mut levels = desk.service.connect().subscribe(&["level"]);
    desk.ask("START_RECORDING");
    // The recorded level shows when the sound was recorded, and when it is over.
    let mut quiet_after_sound = 0;
    let mut heard = false;
    while quiet_after_sound < 2 {
        let level = levels.receive().unwrap()["data"]["dbfs"].as_f64().unwrap();
        heard |= level > -50.0;
        quiet_after_sound = if heard && level < -90.0 { quiet_after_sound + 1 } else { 0 };
    }
    desk.ask("STOP_RECORDING");
    desk.wait_for_sounds(&["start", "stop"]);
    let [recording] = &desk.service.kept("wav")[..] else { panic!("one recording") };
    let samples = v2m::store::read_pcm(recording).unwrap();
    let loud = samples.iter().filter(|sample| sample.unsigned_abs() > SILENCE.unsigned_abs());
    // The recording has 16 kHz, and so a third of the samples of the sound, which has 48 kHz.
    let (loud, start) = (loud.count(), Sound::Start.samples().len() / 3);
    assert!(loud > start / 2 && loud <= start + 32, "{loud} of {start}");

    // One setting turns the sounds off, with immediate effect.
    let turn = |on: bool| {
        let change = json!({"feedback": {"sounds": on}});
        desk.service.connect().ask_with("UPDATE_CONFIG", change);
    };
    turn(false);
    desk.ask("START_RECORDING");
    desk.ask("CANCEL_RECORDING");
    turn(true);
    desk.ask("START_RECORDING");
    desk.wait_for_sounds(&["start", "stop", "start"]);
    desk.ask("CANCEL_RECORDING");
    desk.wait_for_sounds(&["start", "stop", "start", "stop"]);
    desk.service.end();
}

#[test]
fn music_pauses_for_a_recording_however_that_ends() {
    let mut desk = Desk::new("sounds = false\npause_media = true");
    for end in ["STOP_RECORDING", "CANCEL_RECORDING"] {
        desk.ask("START_RECORDING");
        desk.music_is_asked_to("Pause");
        // Nobody speaks, so the stop fails for lack of text. The recording has ended anyway.
        desk.service.connect().call(end, Value::Null);
        desk.music_is_asked_to("Play");
    }
    // If the user turns the setting off during a recording, the music continues immediately.
    desk.ask("START_RECORDING");
    desk.music_is_asked_to("Pause");
    let turn = |desk: &Desk, on: bool| {
        let change = json!({"feedback": {"pause_media": on}});
        desk.service.connect().ask_with("UPDATE_CONFIG", change);
    };
    turn(&desk, false);
    desk.music_is_asked_to("Play");
    turn(&desk, true);
    desk.music_is_asked_to("Pause");
    desk.ask("SHUTDOWN");
    let Desk { service, mut calls, music, _pipewire, _turn } = desk;
    let (status, _house) = service.ended();
    assert!(status.success());
    assert_eq!(calls.try_recv().unwrap(), ("music".to_owned(), "Play"));
    assert_eq!(calls.try_recv().ok(), None);
    assert_eq!(music.end(), "Playing");
}
