//! The results of a campaign: a line of JSON for each case, and the table of all cases.

use crate::judge::Verdict;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

/// One case, as a line of `cases-*.jsonl`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) seed: u64,
    pub(crate) case: u64,
    pub(crate) fault: String,
    pub(crate) clip: String,
    /// The time of the fault, in seconds after the first sound.
    pub(crate) after: f64,
    /// The duration of the fault, in seconds.
    pub(crate) lasts: f64,
    /// The verdict's name.
    pub(crate) verdict: String,
    pub(crate) why: String,
    /// Seconds from the fault's end to the first press that works. `None`: no press worked.
    pub(crate) ready: Option<f64>,
    /// Seconds from the fault's end, or from the stop if that is later, to the text.
    pub(crate) text: Option<f64>,
    pub(crate) details: Value,
}

impl Row {
    /// Returns whether words are lost, or v2m did not recover.
    pub(crate) fn is_failure(&self) -> bool {
        [Verdict::Lost, Verdict::Stuck].iter().any(|bad| bad.name() == self.verdict)
    }
}

/// Appends a row to a file.
pub(crate) fn write(path: &Path, row: &Row) -> io::Result<()> {
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    writeln!(file, "{}", serde_json::to_string(row)?)
}

/// Returns all rows of the files in a folder, sorted by their numbers.
pub(crate) fn read(folder: &Path) -> io::Result<Vec<Row>> {
    let mut rows = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name.starts_with("cases-") && name.ends_with(".jsonl") {
            let text = fs::read_to_string(&path)?;
            rows.extend(text.lines().filter_map(|line| serde_json::from_str::<Row>(line).ok()));
        }
    }
    rows.sort_by_key(|row| row.case);
    Ok(rows)
}

/// Returns median, 95th percentile and maximum, in seconds.
fn times(mut all: Vec<f64>) -> String {
    all.sort_unstable_by(f64::total_cmp);
    let at = |part: f64| all.get(((part * all.len() as f64).ceil() as usize).saturating_sub(1));
    let shown = |part| at(part).map_or("-".to_owned(), |seconds| format!("{seconds:.2}"));
    format!("{:>6} {:>6} {:>6}", shown(0.5), shown(0.95), shown(1.0))
}

/// Prints the verdicts by fault. Returns the number of failures.
pub(crate) fn print(rows: &[Row]) -> usize {
    let mut by_fault: BTreeMap<&str, Vec<&Row>> = BTreeMap::new();
    rows.iter().for_each(|row| by_fault.entry(&row.fault).or_default().push(row));
    let names: Vec<_> =
        Verdict::ALL.iter().map(|verdict| format!("{:>5}", verdict.name())).collect();
    println!(
        "\n{:26} {:>8} {}   ready: p50, p95, longest   text: p50, p95, longest (s)",
        "fault",
        "injected",
        names.join(" ")
    );
    let everything = std::iter::once(("all", rows.iter().collect::<Vec<_>>()));
    for (fault, rows) in by_fault.into_iter().chain(everything) {
        let count =
            |verdict: &Verdict| rows.iter().filter(|row| row.verdict == verdict.name()).count();
        let counts: Vec<_> =
            Verdict::ALL.iter().map(|verdict| format!("{:5}", count(verdict))).collect();
        let ready = times(rows.iter().filter_map(|row| row.ready).collect());
        let text = times(rows.iter().filter_map(|row| row.text).collect());
        println!("{fault:26} {:8} {}   {ready:24}   {text}", rows.len(), counts.join(" "));
    }
    let failures: Vec<_> = rows.iter().filter(|row| row.is_failure()).collect();
    for row in &failures {
        println!(
            "\n{}: {} at {:.2} s for {:.2} s in {}: {}",
            row.verdict, row.fault, row.after, row.lasts, row.clip, row.why
        );
        println!("    again: make campaign SEED={} CASE={}", row.seed, row.case);
    }
    failures.len()
}
