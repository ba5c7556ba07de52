//! Tells whether the thread that receives the sound has real-time priority. PipeWire's library
//! requests it with its module "rt", from the kernel (RLIMIT_RTPRIO), the portal or rtkit. Without
//! it, a busy machine may run the thread too late, and sound is missing.

/// The scheduling policies of `proc_pid_stat(5)`, from `sched.h`.
const FIFO: u32 = 1;
const ROUND_ROBIN: u32 = 2;

/// Whether a thread of this process has real-time priority. `None`: /proc does not tell.
pub(super) fn has_priority(thread: i32) -> Option<bool> {
    let stat = std::fs::read_to_string(format!("/proc/self/task/{thread}/stat")).ok()?;
    policy(&stat).map(|policy| matches!(policy, FIFO | ROUND_ROBIN))
}

/// Reads the 41st field. The second field is a name in brackets and may contain spaces and
/// brackets.
fn policy(stat: &str) -> Option<u32> {
    let (_, third_on) = stat.rsplit_once(") ")?;
    third_on.split_whitespace().nth(38)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_is_read_behind_any_name() {
        let rest = "S 1 2 3 0 -1 4194368 1 0 0 0 0 0 0 0 -12 0 3 0 10 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 -1 1 11 2 0";
        assert_eq!(policy(&format!("77 (data) loop (x) {rest}")), Some(ROUND_ROBIN));
        assert_eq!(policy("77 (short) S 1"), None);
    }

    #[test]
    fn this_thread_is_an_ordinary_one() {
        let own = rustix::thread::gettid().as_raw_pid();
        assert_eq!(has_priority(own), Some(false));
        assert_eq!(has_priority(-1), None);
    }
}
