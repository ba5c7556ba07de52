//! Faults of the recogniser: killed, stopped, slow, hanging, lying.

use super::{Kind, PLAIN, Relief, Strike, strike, strike_until};
use crate::lab::{Lab, beside};
use crate::machine::{SETTINGS, named, signal, within};
use crate::plan::Random;
use rustix::process::Signal;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

pub(super) const KINDS: [Kind; 7] = [
    Kind { name: "engine-killed", prepare: |_, _| kill(1), ..PLAIN },
    Kind { name: "engine-killed-twice", prepare: |_, _| kill(2), ..PLAIN },
    Kind { name: "engine-killed-3-times", prepare: |_, _| kill(3), ..PLAIN },
    Kind { name: "engine-stopped", lasts: (0.2, 3.0), prepare: |_, _| stop(), ..PLAIN },
    Kind { name: "engine-slow", lasts: (0.5, 4.0), prepare: |_, _| slow(), ..PLAIN },
    Kind { name: "engine-hanging", is_fresh: true, prepare: |lab, _| hang(lab), ..PLAIN },
    Kind { name: "engine-lying", is_fresh: true, lasts: (1.0, 2.0), prepare: lie, ..PLAIN },
];

fn engine() -> Option<u32> {
    named("v2m-engine").first().copied()
}

fn kill(times: u32) -> Strike {
    strike(move |_| {
        let mut last = 0;
        for _ in 0..times {
            // The next engine takes a moment to start.
            let next = within(Duration::from_secs(5), || engine().filter(|pid| *pid != last));
            let Some(pid) = next else { return };
            signal(pid, Signal::KILL);
            last = pid;
        }
    })
}

fn stop() -> Strike {
    Box::new(|_| {
        let stopped = engine().inspect(|pid| signal(*pid, Signal::STOP));
        Box::new(move |_| stopped.iter().for_each(|pid| signal(*pid, Signal::CONT)))
    })
}

/// Gives the engine a tenth of the processor.
fn slow() -> Strike {
    Box::new(|_| {
        let done = Arc::new(AtomicBool::new(false));
        let is_done = Arc::clone(&done);
        let slowing = thread::spawn(move || {
            while !is_done.load(Ordering::Relaxed) {
                let stopped = engine().inspect(|pid| signal(*pid, Signal::STOP));
                thread::sleep(Duration::from_millis(90));
                stopped.iter().for_each(|pid| signal(*pid, Signal::CONT));
                thread::sleep(Duration::from_millis(10));
            }
        });
        let relief: Relief = Box::new(move |_| {
            done.store(true, Ordering::Relaxed);
            slowing.join().expect("slowing does not panic");
        });
        relief
    })
}

/// Stops the engine for good, so the service must detect it.
fn hang(lab: &Lab) -> Strike {
    lab.configure(&format!("{SETTINGS}[engine]\nhang_seconds = 5\n"));
    strike(|_| {
        if let Some(pid) = engine() {
            signal(pid, Signal::STOP);
        }
    })
}

fn lie(lab: &Lab, random: &mut Random) -> Strike {
    let lie = *random.one_of(&["garbage", "huge", "other-job", "sound", "cut"]);
    let folder = lab.home.join("lying");
    fs::create_dir_all(&folder).expect("the home can be written");
    let program = folder.join("v2m-engine-lies");
    let _ = fs::remove_file(&program);
    fs::copy(beside("lying-engine"), &program).expect("run.sh put it there");
    let file = folder.join("lie");
    let _ = fs::remove_file(&file);
    lab.override_service(&format!("Environment=V2M_ENGINE={}", program.display()));
    let told = file.clone();
    strike_until(
        // If this fails, the engine stays honest, and the case has no fault.
        move |_| drop(fs::write(&file, lie)),
        move |_| drop(fs::remove_file(told)),
    )
}
