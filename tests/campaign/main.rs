//! `make campaign` injects faults into real dictations, and judges whether the words were kept.
//! `make soak` runs a day's dictations, and checks that the service does not grow.
//!
//! Both run as an ordinary user on the machine that `tests/system/container.sh` boots; `run.sh`
//! builds it. A seed and the case's number determine a case, so that it can be repeated alone.
#![allow(clippy::unwrap_used, reason = "a harness that cannot go on says where by its panic")]

mod case;
mod clips;
mod faults;
mod judge;
#[path = "../system/lab.rs"]
#[allow(dead_code, reason = "shared with the system tests")]
mod lab;
mod machine;
mod plan;
mod report;
mod soak;
mod speaker;
mod usage;
mod watcher;
mod witness;

use judge::{Judgement, Verdict};
use plan::Case;
use report::Row;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The machine counts as broken after so many cases in a row that the harness could not carry out.
const BROKEN: u32 = 3;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["cases", folder, shard, of] => cases(Path::new(folder), shard, of),
        ["table", folder] => table(Path::new(folder)),
        ["soak", folder] => soak(Path::new(folder)),
        ["usage"] => {
            usage::serve().expect("root may listen there");
            ExitCode::SUCCESS
        }
        _ => {
            eprintln!("say `cases FOLDER SHARD OF`, `table FOLDER`, `soak FOLDER` or `usage`");
            ExitCode::from(2)
        }
    }
}

/// Returns a number from an environment variable of `run.sh`.
fn number(name: &str) -> Option<u64> {
    let value = std::env::var(name).ok().filter(|value| !value.is_empty())?;
    Some(value.parse().unwrap_or_else(|_| panic!("{name} is no number: {value}")))
}

/// Runs this shard's cases.
fn cases(folder: &Path, shard: &str, of: &str) -> ExitCode {
    let (shard, of): (u64, u64) = (shard.parse().unwrap(), of.parse().unwrap());
    let seed = number("CAMPAIGN_SEED").expect("run.sh draws one");
    let count = number("CAMPAIGN_N").unwrap_or(1000);
    let longest = number("CAMPAIGN_LONGEST").unwrap_or(9) as f64;
    let faults = match faults::chosen(&std::env::var("CAMPAIGN_FAULTS").unwrap_or_default()) {
        Ok(faults) => faults,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(2);
        }
    };
    let clips = clips::clips(longest);
    let numbers: Vec<u64> = match number("CAMPAIGN_CASE") {
        Some(only) => vec![only],
        None => (1..=count).filter(|number| number % of == shard).collect(),
    };
    let mut campaign =
        Campaign { seed, count, folder: folder.to_owned(), shard, is_clean: false, broken: 0 };
    for number in numbers {
        campaign.one(&plan::case(seed, number, &faults, &clips));
        if campaign.broken == BROKEN {
            eprintln!("{BROKEN} cases in a row could not be carried out: giving up");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

struct Campaign {
    seed: u64,
    count: u64,
    folder: PathBuf,
    shard: u64,
    /// Whether machine and service are in order for the next case.
    is_clean: bool,
    broken: u32,
}

impl Campaign {
    fn one(&mut self, case: &Case) {
        let Case { number, fault, clip, after, lasts, .. } = case;
        let carried_out = catch_unwind(AssertUnwindSafe(|| self.carry_out(case)));
        self.broken = if carried_out.is_ok() { 0 } else { self.broken + 1 };
        let (ready, text, judgement) = carried_out.unwrap_or_else(|panic| {
            let why = panic.downcast_ref::<String>().cloned();
            let why = why.or_else(|| panic.downcast_ref::<&str>().map(|it| (*it).to_owned()));
            let why = why.unwrap_or_else(|| "the harness could not go on".into());
            (None, None, Judgement { verdict: Verdict::Stuck, why, details: Default::default() })
        });
        let row = Row {
            seed: self.seed,
            case: *number,
            fault: fault.name.into(),
            clip: clip.name.clone(),
            after: after.as_secs_f64(),
            lasts: lasts.as_secs_f64(),
            verdict: judgement.verdict.name().into(),
            why: judgement.why,
            ready,
            text,
            details: judgement.details,
        };
        let Row { verdict, why, after, lasts, .. } = &row;
        println!(
            "{number:5}/{} {:26} {after:5.2} s + {lasts:4.2} s  {verdict:5} ready {:5.2} text {:5.2} {why}",
            self.count,
            fault.name,
            ready.unwrap_or(f64::NAN),
            text.unwrap_or(f64::NAN)
        );
        report::write(&self.folder.join(format!("cases-{}.jsonl", self.shard)), &row)
            .expect("the report can be written");
        // A fresh case's settings must be undone, and a failure must not affect the next case.
        self.is_clean = !fault.is_fresh && !row.is_failure();
    }

    fn carry_out(&self, case: &Case) -> (Option<f64>, Option<f64>, Judgement) {
        let lab = if self.is_clean && !case.fault.is_fresh {
            machine::as_it_is()
        } else {
            machine::fresh()
        };
        let happened = case::run(&lab, case);
        let judgement = judge::judge(&lab, case, &happened);
        if matches!(judgement.verdict, Verdict::Late | Verdict::Lost | Verdict::Stuck) {
            self.keep(case, &happened);
        }
        let seconds = |time: Option<std::time::Duration>| time.map(|it| it.as_secs_f64());
        (seconds(happened.ready), seconds(happened.text), judgement)
    }

    /// Keeps the sound, the dictations and the journal of the case.
    fn keep(&self, case: &Case, happened: &case::Happened) {
        let folder = self.folder.join(format!("case-{}", case.number));
        let _ = std::fs::create_dir_all(&folder);
        case::write_wav(&folder.join("heard.wav"), &happened.heard);
        for kept in &happened.kept {
            if let Some(name) = kept.audio.file_name() {
                let _ = std::fs::copy(&kept.audio, folder.join(name));
            }
        }
        let since = ["--user", "--no-pager", "-o", "short-precise", "--since", "-90s"];
        let _ = std::fs::write(folder.join("journal"), lab::try_run("journalctl", &since).stdout);
    }
}

/// Prints the table of all shards.
fn table(folder: &Path) -> ExitCode {
    let rows = report::read(folder).expect("run.sh made the folder");
    let failures = report::print(&rows);
    if failures == 0 && !rows.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs a day's dictations.
fn soak(folder: &Path) -> ExitCode {
    let seed = number("CAMPAIGN_SEED").expect("run.sh draws one");
    let clips = clips::clips(number("CAMPAIGN_LONGEST").unwrap_or(9) as f64);
    match soak::run(folder, number("CAMPAIGN_N").unwrap_or(500), &clips, seed) {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}
