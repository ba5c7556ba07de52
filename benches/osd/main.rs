//! Measures the sign on the screen: the time until it is visible, memory, and processor time.
//! Prints figures, and neither passes nor fails. If `V2M_OSD` is set, it measures that program.
#![allow(clippy::unwrap_used, reason = "a measurement that cannot go on says where by its panic")]
#![allow(dead_code, reason = "the tests use more of these modules")]

#[path = "../../tests/osd/screen.rs"]
mod screen;
#[path = "../../tests/osd/stage.rs"]
mod stage;

use screen::{Colour, Screen, X11};
use stage::Stage;
use std::time::{Duration, Instant};

const WORDS: &str = "and so my fellow Americans, ask not what your country can do for you";
const ARABIC: &str = "السلام عليكم ورحمة الله وبركاته، هذا نص أطول من المكان المتاح له على الشاشة";

fn main() {
    let screen = X11::start();
    for _ in 0..10 {
        let started = Instant::now();
        let mut stage = Stage::start(&screen, &[]);
        let joined = started.elapsed();
        stage.tell("recording", &[("title", "Recording")]);
        screen.waits_for("the recording", |shot| shot.has(Colour::Red, 60));
        let seen = started.elapsed();
        stage.tell("recording", &[("title", "Recording"), ("text", WORDS)]);
        let red = screen.waits_for("the words", |shot| shot.lit_width() > 330);
        let words = started.elapsed();
        for level in 0..50 {
            stage.level(-40.0 + f64::from(level % 25));
        }
        stage.tell("recording", &[("title", "Recording"), ("text", ARABIC)]);
        screen.waits_for("other words", |shot| shot.differs(&red));
        println!("on the bus {joined:?}, seen {seen:?}, with words {words:?}, {}", stage.memory());
    }
    let mut stage = Stage::start(&screen, &[]);
    stage.tell("recording", &[("title", "Recording"), ("text", WORDS)]);
    screen.waits_for("the words", |shot| shot.lit_width() > 330);
    let before = stage.processor_time();
    for level in 0..100 {
        stage.level(-40.0 + f64::from(level % 25));
        std::thread::sleep(Duration::from_millis(100));
    }
    let recording = stage.processor_time() - before;
    stage.tell("idle", &[]);
    screen.waits_for("nothing", |shot| shot.is_blank());
    let (before, slept) = (stage.processor_time(), stage.switches());
    std::thread::sleep(Duration::from_secs(10));
    let (idle, woken) = (stage.processor_time() - before, stage.switches() - slept);
    println!(
        "10 s of recording {recording} ticks of 10 ms; 10 s idle {idle} ticks, {woken} wake-ups"
    );
}
