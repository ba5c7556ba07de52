//! Decides whether PipeWire's session manager has had enough time to find all devices.
//!
//! Right after login PipeWire answers before its session manager has found any source. No message
//! from PipeWire or WirePlumber says "these are all", but a manager that has run for a while has
//! seen them. So v2m can distinguish a machine without a microphone from one that is still
//! starting.

use std::time::Duration;

/// How long a session manager may take. WirePlumber takes some tenths of a second on an idle
/// machine. Bluetooth devices may appear at any time.
const SETTLING: Duration = Duration::from_secs(10);

/// The unit of times in /proc: Linux's USER_HZ, the same on every processor that PipeWire runs on.
const TICKS_PER_SECOND: f64 = 100.0;

/// Whether the session manager with this process id has run for long enough. False for `None`.
pub(super) fn has_settled(pid: Option<u32>) -> bool {
    pid.and_then(age).is_some_and(|age| age >= SETTLING)
}

/// Returns how long a process has run.
fn age(pid: u32) -> Option<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let started = started_ticks(&stat)?;
    let uptime = std::fs::read_to_string("/proc/uptime").ok()?;
    let uptime: f64 = uptime.split(' ').next()?.parse().ok()?;
    let started = started as f64 / TICKS_PER_SECOND;
    Duration::try_from_secs_f64(uptime - started).ok()
}

/// Reads the 22nd field of `/proc/PID/stat`: the start in clock ticks after boot. The second field
/// is a name in brackets that may contain anything.
fn started_ticks(stat: &str) -> Option<u64> {
    let (_, after_name) = stat.rsplit_once(')')?;
    after_name.split_ascii_whitespace().nth(19)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_start_is_read_behind_any_name() {
        let stat = "69 (a) b (c) S 1 69 69 0 -1 4194560 2 0 0 0 5 6 0 0 20 0 3 0 4711 1 2 3";
        assert_eq!(started_ticks(stat), Some(4711));
        assert_eq!(started_ticks("69"), None);
    }

    #[test]
    fn the_first_process_is_older_than_this_one() {
        let own = age(std::process::id()).unwrap();
        assert!(age(1).unwrap() >= own);
        assert!(!has_settled(None) && !has_settled(Some(u32::MAX)));
    }
}
