//! Measures wake-ups while the service is idle: context switches of all threads of daemon and
//! engine in a minute, after a dictation and the end of its lingering stream; with and without a
//! watchdog.

use crate::lab::{BenchResult, Lab};
use crate::process::{Switches, switches};
use crate::text::{cut, dictate};
use std::path::Path;
use std::time::Duration;

const SAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/sample.wav");
/// Time for the stream to be closed, the source to be suspended, and the events of both to arrive.
const SETTLE: Duration = Duration::from_secs(15);
const MINUTE: Duration = Duration::from_secs(60);
const LINGER: (&str, &str) = ("V2M_CAPTURE__LINGER_SECONDS", "1");
/// The watchdog interval of the unit.
const WATCHDOG: (&str, &str) = ("WATCHDOG_USEC", "20000000");

pub(crate) fn measure(lab: &Lab) -> BenchResult<()> {
    let dir = tempfile::tempdir()?;
    let wav = dir.path().join("speech.wav");
    cut(Path::new(SAMPLE), 3, &wav)?;
    println!("Wake-ups in an idle minute, after a dictation");
    println!("  {:44} {:>9} {:>9}", "context switches of all threads", "daemon", "engine");
    minute(lab, &wav, "no watchdog", &[LINGER])?;
    minute(lab, &wav, "watchdog of 20 s", &[LINGER, WATCHDOG])
}

fn minute(lab: &Lab, wav: &Path, what: &str, settings: &[(&str, &str)]) -> BenchResult<()> {
    let service = lab.service(settings)?;
    service.warm_up()?;
    dictate(lab, &service, wav)?;
    std::thread::sleep(SETTLE);
    let pids = [service.pid(), service.engine()?];
    let before = pids.map(switches);
    std::thread::sleep(MINUTE);
    let woken: Vec<_> = pids.iter().zip(&before).map(|(&pid, b)| since(b, switches(pid))).collect();
    let total = |threads: &[(String, u64)]| threads.iter().map(|(_, count)| count).sum::<u64>();
    println!("  {what:44} {:9} {:9}", total(&woken[0]), total(&woken[1]));
    for (name, count) in woken.iter().flatten() {
        println!("    of which {name}: {count}");
    }
    service.shut_down()
}

/// Returns the threads that ran since then, and how often.
fn since(before: &Switches, after: Switches) -> Vec<(String, u64)> {
    let ran = after.into_iter().map(|(thread, (name, count))| {
        (name, count - before.get(&thread).map_or(0, |(_, earlier)| *earlier))
    });
    ran.filter(|(_, count)| *count > 0).collect()
}
