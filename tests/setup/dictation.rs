//! Tests the first dictation, the model, the complete set-up, and Ctrl+C.

use crate::house::{House, wait_for};
use crate::lab::{calls, furnish, in_terminal, without_terminal};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use v2m_testkit::pipewire::{PipeWire, Running};

/// Two instances of PipeWire on two cores drop buffers.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

pub(crate) fn turn() -> MutexGuard<'static, ()> {
    ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes two minutes of a tone for half of each second, like words with pauses.
pub(crate) fn speak(path: &Path) {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 48_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(path, spec).unwrap();
    for i in 0..48_000 * 120 {
        let phase = f64::from(i) / 48_000.0 * std::f64::consts::TAU * 220.0;
        let amplitude = if i / 24_000 % 2 == 0 { 12_000.0 } else { 20.0 };
        writer.write_sample((phase.sin() * amplitude) as i16).unwrap();
    }
    writer.finalize().unwrap();
}

/// An environment with a microphone that gets a continuous signal.
struct Studio {
    house: House,
    _speaker: Running,
    _pipewire: PipeWire,
    _turn: MutexGuard<'static, ()>,
}

fn studio(mut house: House) -> Studio {
    let turn = turn();
    let pipewire = PipeWire::start(&["microphone"]);
    let find = |(name, folder)| (name == "PIPEWIRE_RUNTIME_DIR").then_some(folder);
    house.pipewire = pipewire.environment().into_iter().find_map(find);
    speak(&house.path("speech.wav"));
    let speaker = pipewire.play(&house.path("speech.wav"), "microphone");
    furnish(&house, "active");
    Studio { house, _speaker: speaker, _pipewire: pipewire, _turn: turn }
}

#[test]
fn the_whole_way_ends_with_a_dictation_that_is_read_back() {
    let Studio { house, _speaker, _pipewire, _turn } = studio(House::new(""));
    let service = house.start();
    service.ready();
    let mut terminal = in_terminal(&service, "XFCE", &[]);
    terminal.expect("1/8 Microphone");
    terminal.expect("Listen to it now? (Y/n) ");
    terminal.line("n");
    terminal.expect("What now? [1] ");
    terminal.line("");
    terminal.expect("2/8 Languages");
    terminal.expect("dictate in? [en] ");
    terminal.line("");
    terminal.expect("3/8 Service");
    terminal.expect("the service answers");
    terminal.expect("4/8 Speech model");
    terminal.expect("s of speech take");
    terminal.expect("Which model?");
    terminal.line("double");
    terminal.expect("double: installed");
    terminal.expect("5/8 Key");
    terminal.expect("s for later. ");
    terminal.line("s");
    terminal.expect("6/8 Texts");
    terminal.expect("Where should texts go?");
    terminal.line("");
    terminal.expect("7/8 GNOME extension");
    terminal.expect("8/8 First dictation");
    terminal.expect("Press Enter, and then say a sentence. ");
    let mut levels = service.connect().subscribe(&["level"]);
    terminal.line("");
    terminal.expect("Recording. Press Enter when you have finished. ");
    levels.receive().unwrap();
    terminal.line("");
    terminal.expect("The text was there after ");
    terminal.expect("Is that what you said? [1] ");
    terminal.line("2");
    terminal.expect("Press Enter, and then say a sentence. ");
    terminal.line("");
    terminal.expect("Recording. ");
    terminal.line("");
    terminal.expect("[1] ");
    terminal.line("");
    let (status, told) = terminal.ended();
    assert_eq!(status.code(), Some(0), "{told}");
    let told = told.replace('\r', "");
    assert!(told.contains("Key: skipped. Later: v2m setup --only key"), "{told}");
    assert!(told.contains("v2m is set up."), "{told}");
    let record = &service.records()[0];
    let text = record["text"].as_str().unwrap();
    // A long text is broken between words.
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let shown = words(&told).contains(&words(&format!("“{text}”")));
    assert!(text.len() > 3 && shown, "{record}: {told}");
    service.end();
}

#[test]
fn yes_asks_nothing_records_nothing_and_is_content_where_nothing_is_missing() {
    let Studio { house, _speaker, _pipewire, _turn } = studio(House::new(""));
    let service = house.start();
    service.ready();
    let (code, told) = without_terminal(&service, "GNOME", &["--yes"]);
    assert_eq!(code, 0, "{told}");
    assert!(told.contains("ready with double; nothing was recorded"), "{told}");
    assert!(told.contains("<Control><Alt>v dictates"), "{told}");
    assert_eq!(service.kept("wav"), [""; 0].map(std::path::PathBuf::from));
    // The second time, there is nothing left to do.
    let (code, again) = without_terminal(&service, "GNOME", &["--yes"]);
    assert!(code == 0 && !again.contains("To undo"), "{again}");
    service.end();
}

#[test]
fn a_dictation_that_failed_is_no_first_dictation() {
    let Studio { house, _speaker, _pipewire, _turn } = studio(House::new("finish die"));
    let service = house.start();
    service.ready();
    service.ignore_manager();
    let mut terminal = in_terminal(&service, "GNOME", &["--only", "dictation"]);
    terminal.expect("say a sentence. ");
    let mut levels = service.connect().subscribe(&["level"]);
    terminal.line("");
    terminal.expect("Recording. ");
    levels.receive().unwrap();
    terminal.line("");
    // The default would be to try again.
    terminal.expect("What now? [2] ");
    terminal.line("1");
    let (status, told) = terminal.ended();
    assert_eq!(status.code(), Some(4), "{told}");
    assert!(told.contains("First dictation: MISSING: "), "{told}");
    assert!(told.contains("v2m is not ready yet."), "{told}");
    service.end();
}

/// Ctrl+C at any moment ends the set-up: the recording is cancelled, and the configuration is
/// complete.
#[test]
fn ctrl_c_during_the_recording_cancels_it() {
    let Studio { house, _speaker, _pipewire, _turn } = studio(House::new(""));
    let service = house.start();
    service.ready();
    let mut states = service.connect().subscribe(&["state"]);
    let mut terminal = in_terminal(&service, "GNOME", &["--only", "dictation"]);
    terminal.expect("say a sentence. ");
    terminal.line("");
    terminal.expect("Recording. ");
    terminal.keys("\u{3}");
    let (status, told) = terminal.ended();
    assert_eq!(status.code(), Some(130), "{told}");
    assert!(told.contains("The set-up was interrupted"), "{told}");
    states.until("state", "state", "recording");
    states.until("state", "state", "idle");
    wait_for("the recording to go", || service.kept("wav").is_empty().then_some(()));
    service.end();
}

#[test]
fn ctrl_c_at_a_question_changes_nothing_and_the_end_of_the_input_leaves() {
    let Studio { house, _speaker, _pipewire, _turn } = studio(House::new(""));
    let before = std::fs::read_to_string(house.config_file()).unwrap();
    let mut terminal = in_terminal(&house, "GNOME", &[]);
    terminal.expect("Listen to it now? (Y/n) ");
    terminal.keys("\u{3}");
    assert_eq!(terminal.ended().0.code(), Some(130));
    let mut terminal = in_terminal(&house, "GNOME", &[]);
    terminal.expect("Listen to it now? (Y/n) ");
    terminal.line("");
    terminal.expect("level -");
    terminal.keys("\u{3}");
    assert_eq!(terminal.ended().0.code(), Some(130));
    // Ctrl+D.
    let mut terminal = in_terminal(&house, "GNOME", &[]);
    terminal.expect("Listen to it now? (Y/n) ");
    terminal.keys("\u{4}");
    let (status, told) = terminal.ended();
    assert_eq!(status.code(), Some(1), "{told}");
    assert!(told.contains("You have left the set-up."), "{told}");
    assert_eq!(std::fs::read_to_string(house.config_file()).unwrap(), before);
    assert!(!calls(&house).contains("enable"));
}

/// The default model is the double. It is fast, so a better model is recommended.
#[test]
fn the_machine_is_measured_and_a_model_that_is_installed_is_taken() {
    let house = House::without_model();
    furnish(&house, "active");
    house.model("base-q8_0", "");
    house.model("small-q8_0", "");
    house.configure(&crate::house::CONFIG.replace("double", "base-q8_0"));
    let service = house.start();
    service.ready();
    let mut terminal = in_terminal(&service, "GNOME", &["--only", "model"]);
    terminal.expect("11 s of speech take 0.");
    let told = terminal.expect("`v2m-model list` [1] ");
    assert!(told.contains("base-q8_0: installed, 82 MB"), "{told}");
    assert!(told.contains("(recommended)"), "{told}");
    terminal.line("nothing-like-it");
    terminal.expect("There is no model nothing-like-it.");
    terminal.expect("[1] ");
    terminal.line("small-q8_0");
    terminal.expect("small-q8_0: installed");
    // The service notices the change by itself, and the new model is measured.
    terminal.expect("take 0.");
    let (status, told) = terminal.ended();
    assert_eq!(status.code(), Some(0), "{told}");
    let text = std::fs::read_to_string(service.config_file()).unwrap();
    assert!(text.contains("model = \"small-q8_0\""), "{text}");
    crate::lab::undo(&service, &told.replace('\r', ""));
    let text = std::fs::read_to_string(service.config_file()).unwrap();
    assert!(text.contains("model = \"base-q8_0\""), "{text}");
    service.end();
}
