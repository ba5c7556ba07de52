//! Tests `v2m-osd` on a private X server and on a private sway. The test plays v2m on a bus, and
//! looks at the screen. If `V2M_SCREENSHOTS` is set, the screenshots are kept in that folder.
#![allow(clippy::unwrap_used, reason = "a test's helpers may")]

mod screen;
mod stage;

use screen::{Colour, Screen, Sway, X11};
use stage::Stage;
use std::process::Command;
use std::time::Duration;
use v2m_testkit::private_bus::PrivateBus;
use v2m_testkit::xserver::XServer;

const WORDS: &str = "and so my fellow Americans, ask not what your country can do for you";
const ARABIC: &str = "السلام عليكم ورحمة الله وبركاته، هذا نص أطول من المكان المتاح له على الشاشة";

fn a_dictation_is_seen<S: Screen>() {
    let screen = S::start();
    let mut stage = Stage::start(&screen, &[]);
    screen.waits_for("nothing", |shot| shot.is_blank());
    stage.tell("recording", &[("title", "Recording")]);
    let quiet = screen.waits_for("the recording", |shot| shot.has(Colour::Red, 60));
    screen.keep("recording-quiet", &quiet);
    // The level changes.
    for level in [-50.0, -40.0, -30.0, -20.0, -16.0, -24.0, -36.0, -28.0, -18.0] {
        stage.level(level);
    }
    let loud = screen
        .waits_for("the level", |shot| shot.count(Colour::Red) > quiet.count(Colour::Red) + 100);
    let wide = loud.lit_width();
    stage.tell("recording", &[("title", "Recording"), ("text", WORDS)]);
    let words = screen.waits_for("the words", |shot| shot.lit_width() > wide + 200);
    screen.keep("recording", &words);
    stage.tell("recording", &[("title", "Recording"), ("text", ARABIC)]);
    let arabic = screen.waits_for("other words", |shot| shot.differs(&words));
    screen.keep("recording-arabic", &arabic);
    stage.tell("transcribing", &[("title", "Transcribing"), ("text", WORDS)]);
    let working = screen.waits_for("the next state", |shot| {
        shot.has(Colour::Blue, 10) && !shot.has(Colour::Red, 20)
    });
    screen.keep("transcribing", &working);
    stage.tell("rewriting", &[("title", "Rewriting")]);
    let rewriting =
        screen.waits_for("a shorter sign", |shot| shot.lit_width() < working.lit_width());
    screen.keep("rewriting", &rewriting);
    stage.tell("delivered", &[("title", "Pasted"), ("place", "cursor"), ("then", "idle")]);
    let tick = screen.waits_for("the tick", |shot| shot.has(Colour::Green, 10));
    screen.keep("delivered", &tick);
    screen.waits_for("nothing, soon after", |shot| shot.is_blank());
    stage.tell("recording", &[("title", "Recording")]);
    screen.waits_for("the next recording", |shot| shot.has(Colour::Red, 60));
    // In the service's order: the state follows, and does not hide the outcome.
    stage.tell("cancelled", &[("title", "Cancelled"), ("then", "idle")]);
    stage.tell("idle", &[]);
    let cancelled = screen
        .waits_for("the cancelled one", |shot| !shot.is_blank() && !shot.has(Colour::Red, 20));
    screen.keep("cancelled", &cancelled);
    screen.waits_for("nothing, a second later", |shot| shot.is_blank());
    let waiting = [("title", "On the clipboard"), ("place", "clipboard"), ("text", WORDS)];
    stage.tell("waiting", &waiting);
    let waits = screen.waits_for("the clipboard", |shot| shot.has(Colour::Blue, 20));
    screen.keep("waiting", &waits);
    let problem = [
        ("title", "No microphone"),
        (
            "body",
            "Plug a microphone in, or choose another one in your desktop's sound settings. Then press the key again.",
        ),
    ];
    stage.tell("problem", &problem);
    let problem = screen.waits_for("the problem", |shot| shot.has(Colour::Yellow, 20));
    screen.keep("problem", &problem);
    // The next recording is shown immediately, whatever was shown before.
    stage.tell("recording", &[("title", "Recording")]);
    screen.waits_for("the recording", |shot| {
        shot.has(Colour::Red, 60) && !shot.has(Colour::Yellow, 20)
    });
    assert!(screen.is_untouched(), "the focus was moved, or the pointer held up");
    stage.tell("idle", &[]);
    screen.waits_for("nothing", |shot| shot.is_blank());
}

#[test]
fn a_dictation_is_seen_on_x11() {
    a_dictation_is_seen::<X11>();
}

#[test]
fn a_dictation_is_seen_on_sway() {
    a_dictation_is_seen::<Sway>();
}

#[test]
fn on_a_fine_screen_it_is_drawn_finely() {
    let screen = Sway::start();
    let coarse = {
        let mut stage = Stage::start(&screen, &[]);
        stage.tell("recording", &[("title", "Recording"), ("text", WORDS)]);
        screen.waits_for("the words", |shot| shot.lit_width() > 300)
    };
    screen.0.tell("output HEADLESS-1 scale 1.5");
    let mut stage = Stage::start(&screen, &[]);
    stage.tell("recording", &[("title", "Recording"), ("text", WORDS)]);
    let least = coarse.lit_width() * 14 / 10;
    let fine = screen.waits_for("larger words", |shot| shot.lit_width() > least);
    screen.keep("recording-scaled", &fine);
    // The scale changes while the sign is shown.
    screen.0.tell("output HEADLESS-1 scale 2");
    let least = coarse.lit_width() * 18 / 10;
    let finer = screen.waits_for("still larger words", |shot| shot.lit_width() > least);
    screen.keep("recording-scaled-twice", &finer);
}

fn it_ends_in_order<S: Screen>() {
    let screen = S::start();
    let mut stage = Stage::start(&screen, &["--idle-seconds", "1"]);
    let (status, said) = stage.ended();
    assert!(status.success(), "{status}: {said}");
    // The program ends with the desktop, even while it shows something.
    let mut stage = Stage::start(&screen, &[]);
    stage.tell("recording", &[("title", "Recording")]);
    screen.waits_for("the recording", |shot| shot.has(Colour::Red, 60));
    drop(screen);
    let (status, said) = stage.ended();
    assert!(
        status.success() && said.contains("the display server has closed the connection"),
        "{status}: {said}"
    );
}

#[test]
fn it_ends_in_order_on_x11() {
    it_ends_in_order::<X11>();
}

#[test]
fn it_ends_in_order_on_sway() {
    it_ends_in_order::<Sway>();
}

#[test]
fn it_shows_nothing_more_of_a_v2m_that_has_ended_and_is_told_by_the_next_one() {
    let screen = X11::start();
    let mut stage = Stage::start(&screen, &[]);
    stage.tell("recording", &[("title", "Recording")]);
    screen.waits_for("the recording", |shot| shot.has(Colour::Red, 60));
    // It accepts nothing from other programs than v2m.
    stage.v2m_ends();
    screen.waits_for("nothing", |shot| shot.is_blank());
    stage.v2m_starts();
    stage.tell("recording", &[("title", "Recording")]);
    screen.waits_for("the recording", |shot| shot.has(Colour::Red, 60));
}

#[test]
fn where_nothing_can_be_shown_it_says_so() {
    let bus = PrivateBus::start();
    let mut osd = Command::new(env!("CARGO_BIN_EXE_v2m-osd"));
    osd.env_remove("WAYLAND_DISPLAY").env("DISPLAY", ":4711");
    let output = osd.env("DBUS_SESSION_BUS_ADDRESS", &bus.address).output().unwrap();
    assert_eq!(output.status.code(), Some(69), "{output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("there is no display"), "{said}");
}

#[test]
fn on_a_screen_with_few_colours_it_says_so() {
    let screen = XServer::start_sized("640x480x16");
    let bus = PrivateBus::start();
    let mut osd = Command::new(env!("CARGO_BIN_EXE_v2m-osd"));
    osd.env_remove("WAYLAND_DISPLAY").env("DISPLAY", &screen.display);
    let output = osd.env("DBUS_SESSION_BUS_ADDRESS", &bus.address).output().unwrap();
    assert_eq!(output.status.code(), Some(69), "{output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("16 bits"), "{said}");
}

#[test]
fn what_goes_on_is_seen_as_soon_as_there_is_an_output() {
    let screen = Sway::start();
    let mut stage = Stage::start(&screen, &[]);
    screen.0.tell("output * disable");
    stage.tell("recording", &[("title", "Recording")]);
    stage.level(-20.0);
    screen.0.tell("output * enable");
    screen.waits_for("the recording", |shot| shot.has(Colour::Red, 60));
}

/// v2m asks the program that shows its states which application has the keyboard focus.
#[test]
fn a_call_is_answered_though_there_is_nothing_to_call() {
    let screen = X11::start();
    let stage = Stage::start(&screen, &[]);
    let call = async {
        let bus = zbus::connection::Builder::address(stage.bus.address.as_str()).build().await?;
        let sign = "org.v2m.Sign";
        bus.call_method(Some(sign), "/org/v2m/Sign", Some(sign), "FocusedApp", &()).await
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let error = runtime.block_on(call).unwrap_err().to_string();
    assert!(error.contains("UnknownMethod"), "{error}");
}

#[test]
fn a_second_one_leaves_the_screen_to_the_first() {
    let screen = X11::start();
    let stage = Stage::start(&screen, &[]);
    let mut second = screen.program(&stage.bus.address, &[]);
    let output = second.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("another program already shows"), "{said}");
}

/// An idle program uses no processor time, because nothing wakes it.
#[test]
fn it_sleeps_while_nothing_goes_on() {
    let screen = X11::start();
    let mut stage = Stage::start(&screen, &[]);
    stage.tell("delivered", &[("title", "Pasted"), ("place", "cursor"), ("then", "idle")]);
    screen.waits_for("the tick", |shot| shot.has(Colour::Green, 10));
    screen.waits_for("nothing", |shot| shot.is_blank());
    // It sleeps in one long system call.
    let before = stage.switches();
    std::thread::sleep(Duration::from_secs(2));
    let after = stage.switches();
    assert!(after <= before + 1, "it woke up {} times", after - before);
}
