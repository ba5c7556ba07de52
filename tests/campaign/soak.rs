//! A day in a few minutes: five hundred dictations, sleeps of the machine, and restarts of the
//! desktop. It measures the resources of the service and its recogniser at the start, after each
//! tenth, and at the end.
//!
//! The figures come from `/proc` (`usage`, as root, because the recogniser is not dumpable). A
//! growth beyond the bounds below would continue with each dictation, and fails the soak.

use crate::clips::Clip;
use crate::faults;
use crate::lab::Lab;
use crate::machine::{self, SETTINGS, named};
use crate::plan::Random;
use crate::speaker::Speaker;
use crate::usage::{self, Usage};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};
use v2m_testkit::logind::Logind;

const SLEEPS: u64 = 20;
const RESTARTS: u64 = 5;
const ROWS: u64 = 10;
/// The largest difference in MB between two idle moments. It covers the allocator's reserves and
/// connections that are being renewed. A slower growth would need ten times as many dictations to
/// show.
const MEMORY_MB: f64 = 4.0;
const OTHERS: u64 = 8;

/// Runs so many dictations. Returns whether nothing grew and each dictation had a text.
pub(crate) fn run(folder: &Path, dictations: u64, clips: &[Clip], seed: u64) -> bool {
    let lab = machine::fresh();
    lab.configure(&format!("{SETTINGS}[feedback]\nsounds = true\n"));
    let logind = Logind::start();
    lab.override_service(&format!("Environment=DBUS_SYSTEM_BUS_ADDRESS={}", logind.address()));
    machine::wait_until_idle(&lab);
    let mut random = Random::new(seed, 0);
    let begun = Instant::now();
    let mut rows = vec![row(&lab, 0)];
    let (mut missed, mut restarts) = (0, 0);
    for number in 1..=dictations {
        let clip = random.one_of(clips);
        if !dictate(&lab, clip) {
            missed += 1;
            println!("{number}: there is no text of {}", clip.name);
        }
        let is_due = |count: u64| number * count / dictations > (number - 1) * count / dictations;
        if is_due(SLEEPS) {
            sleep(&logind);
        }
        if is_due(ROWS) {
            rows.push(row(&lab, number));
        }
        if is_due(RESTARTS) {
            restarts += 1;
            restart_desktop(&lab, restarts == 1);
        }
    }
    println!(
        "\n{dictations} dictations, {SLEEPS} sleeps, {RESTARTS} restarts of the desktop in {:.0} s; {missed} had no text",
        begun.elapsed().as_secs_f64()
    );
    fs::write(
        folder.join("soak.json"),
        Value::Array(rows.iter().map(Row::json).collect()).to_string(),
    )
    .expect("the report can be written");
    print(&rows);
    grown(&rows).is_none() && missed == 0
}

struct Row {
    dictations: u64,
    service: Usage,
    engine: Usage,
    /// The service's process id. Another process starts its own measurement.
    pid: u32,
}

impl Row {
    fn json(&self) -> Value {
        json!({"dictations": self.dictations, "pid": self.pid,
            "service": self.service.json(), "engine": self.engine.json()})
    }
}

fn dictate(lab: &Lab, clip: &Clip) -> bool {
    let mut client = lab.client();
    client.ask("START_RECORDING");
    Speaker::start(&clip.path).finish(Duration::from_secs_f64(clip.seconds + 2.0));
    let answer = client.call("STOP_RECORDING", Value::Null).expect("the service answers");
    // The words are checked by the campaign: the smallest model on a busy machine misses some.
    answer["data"]["text"].as_str().is_some_and(|text| !text.is_empty())
}

/// Lets the machine sleep and wake: logind signals it, and the processes are stopped meanwhile.
fn sleep(logind: &Logind) {
    logind.say(true);
    let pids: Vec<u32> = ["v2m", "v2m-engine"].into_iter().flat_map(named).collect();
    pids.iter().for_each(|pid| machine::signal(*pid, rustix::process::Signal::STOP));
    std::thread::sleep(Duration::from_millis(300));
    pids.iter().for_each(|pid| machine::signal(*pid, rustix::process::Signal::CONT));
    logind.say(false);
}

/// Restarts the session bus and the notification daemon, and also the display if the whole session
/// ends. In the latter case the service may end if it is connected to the display. Only the figures
/// of one service process can show growth, so the display is restarted only the first time.
fn restart_desktop(lab: &Lab, is_whole: bool) {
    faults::restart_desktop(is_whole);
    machine::mend();
    machine::wait_until_idle(lab);
}

fn row(lab: &Lab, dictations: u64) -> Row {
    machine::wait_until_idle(lab);
    // Some resources are released a moment later: a stream that is closed, a thread that ends. The
    // minimum of several samples is what stays in use.
    let mut least: Option<(Usage, Usage)> = None;
    for _ in 0..20 {
        std::thread::sleep(Duration::from_millis(100));
        let look = |name: &str| named(name).first().and_then(|pid| usage::ask(*pid));
        let (Some(service), Some(engine)) = (look("v2m"), look("v2m-engine")) else { continue };
        least = Some(match least {
            Some((s, e)) => (s.least(service), e.least(engine)),
            None => (service, engine),
        });
    }
    let (service, engine) = least.expect("the service and its recogniser run");
    let pid = named("v2m").first().copied().unwrap_or_default();
    let row = Row { dictations, service, engine, pid };
    println!("{}", row.json());
    row
}

fn print(rows: &[Row]) {
    println!("\n{:>10} | {:^38} | {:^38}", "", "service", "recogniser");
    let head = format!("{:>8} {:>8} {:>8} {:>10}", "MB (PSS)", "files", "threads", "sockets");
    println!("{:>10} | {head:38} | {head:38}", "dictations");
    for row in rows {
        println!(
            "{:10} | {:38} | {:38}",
            row.dictations,
            row.service.to_string(),
            row.engine.to_string()
        );
    }
    match grown(rows) {
        Some(what) => println!("\nNot flat: {what}"),
        None => println!(
            "\nFlat: in the second half of its rows memory grew by at most {MEMORY_MB} MB, and nothing else by more than {OTHERS}"
        ),
    }
}

/// Returns what grew in the last service process from the middle of its rows to the last one. Not
/// from the first row, because the first difficult recording makes the recogniser allocate the
/// memory of a whole context, which it keeps.
fn grown(rows: &[Row]) -> Option<String> {
    let last = rows.last()?;
    let same: Vec<_> = rows.iter().filter(|row| row.pid == last.pid).collect();
    let first = same.get(same.len() / 2)?;
    for (name, a, b) in
        [("service", &first.service, &last.service), ("recogniser", &first.engine, &last.engine)]
    {
        if b.memory_mb > a.memory_mb + MEMORY_MB {
            return Some(format!(
                "memory of the {name}: {:.1} to {:.1} MB",
                a.memory_mb, b.memory_mb
            ));
        }
        for (what, a, b) in [
            ("files", a.files, b.files),
            ("threads", a.threads, b.threads),
            ("sockets", a.sockets, b.sockets),
        ] {
            if b > a + OTHERS {
                return Some(format!("{what} of the {name}: {a} to {b}"));
            }
        }
    }
    None
}
