//! Reads what the system reports about an engine's process. The engine is not dumpable, so most of
//! its files in /proc belong to root; `stat` is readable by everybody.

use super::vigil::Look;
use std::fs;
use std::time::Duration;

/// The unit of processor time in /proc: `USER_HZ`, 100 per second on all machines that v2m is built
/// for (proc_pid_stat(5)).
const TICK: Duration = Duration::from_millis(10);

/// Looks at the process. `None` if /proc shows nothing, as with the mount option `hidepid`.
pub(super) fn look(pid: u32) -> Option<Look> {
    let (_, used) = stat(&format!("/proc/{pid}/stat"))?;
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).ok()?;
    // A thread may have ended since its name was read.
    let mut states = tasks.flatten().filter_map(|task| {
        let path = task.path().join("stat");
        Some(stat(path.to_str()?)?.0)
    });
    Some(Look { used, wants: states.any(|state| state == 'R') })
}

/// Reads the state and the processor time.
fn stat(path: &str) -> Option<(char, Duration)> {
    parse(&fs::read_to_string(path).ok()?)
}

fn parse(stat: &str) -> Option<(char, Duration)> {
    // The program's name may contain anything, even brackets and spaces.
    let (_, fields) = stat.rsplit_once(')')?;
    let fields: Vec<_> = fields.split_whitespace().collect();
    let state = fields.first()?.chars().next()?;
    // utime and stime are fields 14 and 15 of all; `fields` begins with field 3, the state.
    let [user, system] = [fields.get(11)?, fields.get(12)?].map(|field| field.parse::<u32>());
    Some((state, TICK * user.ok()?.checked_add(system.ok()?)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn state_and_processor_time_are_read_whatever_the_name_is() {
        let line = "7 (v2m) R 1 (x)) R 1 7 7 0 -1 4194304 99 0 0 0 120 30 0 0 20 0 3 0 5 0 0";
        assert_eq!(parse(line), Some(('R', Duration::from_millis(1500))));
        for broken in ["", "7 (v2m)", "7 (v2m) R 1 2 3", "7 (v2m) R 1 7 7 0 -1 4 99 0 0 0 x 30"] {
            assert_eq!(parse(broken), None, "{broken:?}");
        }
    }

    #[test]
    fn this_process_computes_right_now() {
        let look = look(std::process::id()).unwrap();
        assert!(look.wants);
    }

    #[test]
    fn a_process_that_is_not_there_shows_nothing() {
        assert_eq!(look(u32::MAX), None);
    }
}
