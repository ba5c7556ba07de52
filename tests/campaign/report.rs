//! What a campaign found: a line of JSON for each case, and the table of all.

use crate::judge::Verdict;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

/// One case, as it stands in `cases-*.jsonl`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) seed: u64,
    pub(crate) case: u64,
    pub(crate) fault: String,
    pub(crate) clip: String,
    /// When it struck, in seconds after the first sound.
    pub(crate) after: f64,
    /// How long it lasted, in seconds.
    pub(crate) lasts: f64,
    /// A verdict's name.
    pub(crate) verdict: String,
    pub(crate) why: String,
    /// Seconds from the fault's end to a press that works; null if none did.
    pub(crate) ready: Option<f64>,
    /// Seconds from the fault's end, or the press that stops, to the text.
    pub(crate) text: Option<f64>,
    pub(crate) details: Value,
}

impl Row {
    /// Whether words are nowhere, or v2m is.
    pub(crate) fn is_failure(&self) -> bool {
        [Verdict::Lost, Verdict::Stuck].iter().any(|bad| bad.name() == self.verdict)
    }
}

/// Adds a row to a file.
pub(crate) fn write(path: &Path, row: &Row) -> io::Result<()> {
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    writeln!(file, "{}", serde_json::to_string(row)?)
}

/// All rows of the files in a folder, by their numbers.
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

/// Median, 95th percentile and longest, in seconds.
fn times(mut all: Vec<f64>) -> String {
    all.sort_unstable_by(f64::total_cmp);
    let at = |part: f64| all.get(((part * all.len() as f64).ceil() as usize).saturating_sub(1));
    let shown = |part| at(part).map_or("-".to_owned(), |seconds| format!("{seconds:.2}"));
    format!("{:>6} {:>6} {:>6}", shown(0.5), shown(0.95), shown(1.0))
}

/// Prints what became of the words, by fault; the number of failures.
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
