//! `make bench-desktop` measures the last step on GNOME Shell: the time from a text to its display
//! in the window, from the shortcut to the first sample, and from the shortcut to the text in the
//! window. It prints figures and judges nothing. Texts are delivered in the default way
//! (`deliver.mode = "auto"`), except while the shortcut is held: then both methods that press keys
//! are measured.
//!
//! Runs as an ordinary user on the machine that `tests/system/container.sh` boots, with GNOME
//! Shell, the virtual microphone and the release build; `benches/desktop.sh` builds it.
//! docs/performance.md explains the figures. The window writes its text to a file at each change,
//! and the bench reads that file every half millisecond.
//! it writes at each change, looked at every half millisecond.

#[path = "../../tests/system/gnome/counting.rs"]
#[allow(clippy::unwrap_used, reason = "shared with tests, where panics are the report")]
mod counting;
#[path = "../../tests/system/gnome/desktop.rs"]
#[allow(dead_code, clippy::unwrap_used, reason = "shared with tests, where panics are the report")]
mod desktop;
#[path = "../service/figures.rs"]
#[allow(dead_code, reason = "shared with another bench")]
mod figures;
#[path = "../../tests/system/lab.rs"]
#[allow(dead_code, clippy::unwrap_used, reason = "shared with tests, where panics are the report")]
mod lab;

use counting::{Counting, HOLDS};
use desktop::{Desktop, Window, key};
use figures::{Figures, head_ms};
use lab::{Client, Lab, Playing};
use serde_json::json;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use v2m::deliver::{DeliveryOptions, Join, ShortcutPresses, Sinks};
use v2m::session::DeliverMode;
use v2m::text::{Choices, Letters, Rules};

const SHORTCUT: [u32; 3] = [key::CTRL, key::ALT, key::V];
const TEXT: &str = "text/plain;charset=utf-8";
const DELIVERIES: usize = 100;
const PRESSES: usize = 20;
/// Longer than the session waits to distinguish two taps from a held key.
const BETWEEN: Duration = Duration::from_millis(1_500);

/// The default number of deliveries for each hold time and method.
const HELD: usize = 20;

fn main() {
    // `held 10`: only that part, with that number of deliveries.
    let mut arguments = std::env::args().skip_while(|argument| argument != "held");
    let is_all = arguments.next().is_none();
    held(arguments.next().and_then(|number| number.parse().ok()).unwrap_or(HELD));
    if !is_all {
        return;
    }
    let lab = Lab::new();
    let desktop = Desktop::new();
    lab::run("v2m", &["shortcut", "install"]);
    let window = desktop.window(true);
    deliveries(&desktop, &window, None);
    deliveries(&desktop, &window, Some(join));
    presses(&lab, &desktop);
    dictations(&lab, &desktop, &window);
}

/// Measures deliveries that begin while the user still holds the shortcut. The keys are released
/// together, or one by one in any order.
fn held(deliveries: usize) {
    let counting = Counting::new("<Control><Alt>v", &SHORTCUT);
    let window = counting.desktop.window(true);
    let mut sinks = Sinks::new();
    let (c, a, v) = (key::CTRL, key::ALT, key::V);
    let orders = [[v, a, c], [c, a, v], [c, v, a], [a, c, v]];
    for mode in [DeliverMode::Paste, DeliverMode::Type] {
        head_ms(&format!(
            "The shortcut is held when the text is there: deliver.mode = {:?}",
            mode.name()
        ));
        for hold in HOLDS {
            let (mut delivered, mut again, mut early) = (0, 0, 0);
            let mut figures = Figures::default();
            for number in 0..deliveries {
                clear(&counting.desktop, &window);
                let text = format!("v{number} vav");
                let order = orders[number % orders.len()];
                let apart = Duration::from_millis(if number % 2 == 0 { 10 } else { 40 });
                let hold = Duration::from_millis(hold);
                let came = counting.deliver(&mut sinks, (mode, &text), hold, &order, apart);
                let is_there =
                    shown_within(&window, Duration::from_millis(300), |now| now == text).is_some();
                if is_there && came.deliveries.iter().all(|delivery| delivery.ok) {
                    delivered += 1;
                    early += usize::from(came.ended < came.released);
                    figures.add(came.ended.saturating_duration_since(came.released));
                }
                again += usize::from(came.is_pressed_again);
                counting.desktop.runtime.block_on(sinks.settle());
            }
            figures.print_ms(&format!("held for {hold} ms: {delivered} of {deliveries} delivered"));
            println!(
                "    {again} pressed the shortcut again, {early} ended before the last release"
            );
        }
        println!();
    }
}

/// Waits until the window's text is `wanted`. Returns the time of that.
fn shown(window: &Window, wanted: impl Fn(&str) -> bool) -> Option<Instant> {
    shown_within(window, Duration::from_secs(10), wanted)
}

fn shown_within(window: &Window, time: Duration, wanted: impl Fn(&str) -> bool) -> Option<Instant> {
    let give_up = Instant::now() + time;
    while Instant::now() < give_up {
        if window.read().is_some_and(|w| w["text"].as_str().is_some_and(&wanted)) {
            return Some(Instant::now());
        }
        std::thread::sleep(Duration::from_micros(500));
    }
    None
}

fn clear(desktop: &Desktop, window: &Window) {
    desktop.press(&[key::CTRL, key::A]);
    desktop.press(&[key::DELETE]);
    shown(window, str::is_empty);
}

/// Returns the default options for joining.
fn join() -> Join {
    Join {
        rules: Arc::new(Rules::new(Choices::default())),
        language: "en".to_owned(),
        letters: Letters::Fit,
        asks_field: true,
        presses: ShortcutPresses::default(),
        begun: Instant::now(),
    }
}

fn deliveries(desktop: &Desktop, window: &Window, join: Option<fn() -> Join>) {
    let mut sinks = Sinks::new();
    let (mut visible, mut receipt) = (Figures::default(), Figures::default());
    let (mut exact, mut restored, mut focused) = (0, 0, 0);
    for number in 0..DELIVERIES {
        clear(desktop, window);
        let text = format!("{number}: Grüße — “€5” ñ 日 ¿qué?");
        let join = join.map(|join| join());
        let wanted =
            DeliveryOptions { mode: DeliverMode::default(), join, ..DeliveryOptions::default() };
        let begun = Instant::now();
        let reader = std::thread::scope(|scope| {
            let reader = scope.spawn(|| shown(window, |now| now == text));
            let told = desktop.runtime.block_on(sinks.hand_over(&text, &wanted));
            if told.iter().all(|delivery| delivery.ok) {
                receipt.add(begun.elapsed());
            }
            reader.join().ok().flatten()
        });
        if let Some(at) = reader {
            visible.add(at - begun);
            exact += 1;
        }
        desktop.runtime.block_on(sinks.settle());
        restored += usize::from(desktop.clipboard(TEXT).as_deref() == Some(b"before"));
        focused += usize::from(window.is_active());
    }
    let joined = if join.is_some() { ", joined to what the field tells" } else { "" };
    head_ms(&format!("Delivery alone{joined}: from the text to the window, and to the receipt"));
    visible.print_ms("text ready to text visible");
    receipt.print_ms("text ready to receipt");
    println!(
        "  of {DELIVERIES}: {exact} exact, {restored} clipboards as before, {focused} with the focus unmoved\n"
    );
}

/// Subscribes to the session's states.
fn states(lab: &Lab) -> Client {
    let mut client = lab.client();
    client.call("SUBSCRIBE", json!({"events": ["state"]})).expect("v2m answers");
    client
}

fn wait_for_state(events: &mut Client, state: &str) -> Instant {
    while events.receive().expect("v2m goes on")["data"]["state"] != state {}
    Instant::now()
}

fn presses(lab: &Lab, desktop: &Desktop) {
    let mut events = states(lab);
    let mut figures = Figures::default();
    // The desktop takes some time to apply a new shortcut.
    std::thread::sleep(2 * BETWEEN);
    for number in 0..=PRESSES {
        let begun = Instant::now();
        desktop.press(&SHORTCUT);
        let recording = wait_for_state(&mut events, "recording");
        // The first press finds capture cold.
        if number > 0 {
            figures.add(recording - begun);
        }
        lab.client().ask("CANCEL_RECORDING");
        wait_for_state(&mut events, "idle");
        std::thread::sleep(BETWEEN);
    }
    head_ms("The shortcut's key to the first sample (GNOME Shell, v2m-send, service, PipeWire)");
    figures.print_ms("warm");
    println!();
}

/// Returns short recordings of real speech if there are some, otherwise the project's own sample.
fn clips() -> Vec<PathBuf> {
    let folder = lab::beside("speech");
    let mut clips: Vec<PathBuf> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            path.extension().is_some_and(|e| e == "wav")
                && hound::WavReader::open(path)
                    .is_ok_and(|wav| wav.duration() < 12 * wav.spec().sample_rate)
        })
        .filter(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            ["command", "fleurs", "librispeech"].iter().any(|kind| name.contains(kind))
        })
        .collect();
    clips.sort_unstable();
    if clips.is_empty() {
        clips.push(lab::sample());
    }
    clips
}

fn dictations(lab: &Lab, desktop: &Desktop, window: &Window) {
    let mut events = states(lab);
    let mut figures = Figures::default();
    let clips = clips();
    let mut silent = 0;
    for clip in &clips {
        clear(desktop, window);
        desktop.press(&SHORTCUT);
        wait_for_state(&mut events, "recording");
        Playing::start(clip).finish();
        let begun = Instant::now();
        desktop.press(&SHORTCUT);
        match shown(window, |text| !text.is_empty()) {
            Some(at) => figures.add(at - begun),
            None => silent += 1,
        }
        wait_for_state(&mut events, "idle");
        std::thread::sleep(BETWEEN);
    }
    head_ms(
        "The shortcut's key to the text in the window, after real speech without a pause at its end",
    );
    figures.print_ms(&format!("{} recordings, {silent} without text", clips.len()));
}
