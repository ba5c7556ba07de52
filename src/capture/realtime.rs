//! Finds out whether the thread that receives the sound has real-time priority. PipeWire's library
//! requests it with its module "rt", from the kernel (RLIMIT_RTPRIO), the portal or rtkit. Without
//! it, a busy machine may run the thread too late, and sound is missing.
//!
//! The module asks once for each data thread, when it starts. rtkit takes the priority away from
//! all threads after its canary thread starved, often after a suspend. Only a new thread gets it
//! again.

/// The scheduling policies of `proc_pid_stat(5)`, from `sched.h`.
const FIFO: u32 = 1;
const ROUND_ROBIN: u32 = 2;

/// How many threads in a row may be refused. After that v2m assumes that this system grants no
/// priority, and stops asking. Each new thread costs time, and leaks 6 kB with PipeWire 0.3.65.
const MOST_REFUSED: u32 = 5;

/// When to replace the data thread by one that asks for priority again.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum AskAgain {
    /// Not at all: the thread has priority, or this is unknown, or asking is useless.
    No,
    /// Once its stream is no longer needed, because the thread never had priority.
    Later,
    /// At once, because the thread has lost its priority.
    Now,
}

/// The priority that the data threads have received so far.
#[derive(Debug, Default)]
pub(super) struct Priority {
    /// Whether the current thread has had priority.
    had: bool,
    /// How many threads in a row, including the current one, were refused.
    refused: u32,
    /// Whether the current thread is counted in `refused`.
    is_counted: bool,
}

impl Priority {
    /// Notes whether the current thread `has` priority. Returns when to ask again.
    pub(super) fn seen(&mut self, has: Option<bool>) -> AskAgain {
        match has {
            Some(true) => {
                *self = Self { had: true, ..Self::default() };
                AskAgain::No
            }
            Some(false) if self.had => AskAgain::Now,
            Some(false) => {
                self.refused += u32::from(!std::mem::replace(&mut self.is_counted, true));
                if self.refused < MOST_REFUSED { AskAgain::Later } else { AskAgain::No }
            }
            None => AskAgain::No,
        }
    }

    /// Notes that the current thread ends.
    pub(super) fn thread_ends(&mut self) {
        (self.had, self.is_counted) = (false, false);
    }
}

/// Whether a thread of this process has real-time priority. `None`: /proc does not report it.
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

    /// Regression: after a suspend, all later recordings were made without priority.
    #[test]
    fn a_thread_that_lost_its_priority_is_replaced_at_once() {
        let mut priority = Priority::default();
        assert_eq!(priority.seen(Some(true)), AskAgain::No);
        assert_eq!(priority.seen(Some(false)), AskAgain::Now);
        // However often this happens.
        for _ in 0..2 * MOST_REFUSED {
            priority.thread_ends();
            assert_eq!(priority.seen(Some(true)), AskAgain::No);
            assert_eq!(priority.seen(None), AskAgain::No);
            assert_eq!(priority.seen(Some(false)), AskAgain::Now);
        }
    }

    #[test]
    fn a_system_without_priorities_is_asked_a_few_times_in_a_row() {
        let mut priority = Priority::default();
        for _ in 1..MOST_REFUSED {
            // However often one thread is looked at.
            assert_eq!(priority.seen(Some(false)), AskAgain::Later);
            assert_eq!(priority.seen(Some(false)), AskAgain::Later);
            priority.thread_ends();
        }
        assert_eq!(priority.seen(Some(false)), AskAgain::No);
        priority.thread_ends();
        assert_eq!(priority.seen(Some(false)), AskAgain::No);
        priority.thread_ends();
        assert_eq!(priority.seen(Some(true)), AskAgain::No);
        priority.thread_ends();
        assert_eq!(priority.seen(Some(false)), AskAgain::Later);
    }

    #[test]
    fn this_thread_is_an_ordinary_one() {
        let own = rustix::thread::gettid().as_raw_pid();
        assert_eq!(has_priority(own), Some(false));
        assert_eq!(has_priority(-1), None);
    }
}
