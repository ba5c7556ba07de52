//! Communication with the service manager: the listening socket, readiness, status, watchdog.
//!
//! Nothing here binds, unlinks or renames a socket: it belongs to systemd. Without a manager every
//! notification is a no-op, so the daemon does not need to check.
//! notification is a no-op, so the daemon need not ask first.

use sd_notify::NotifyState;
use std::io;
use std::os::unix::net::UnixListener;
use std::time::{Duration, Instant};
use tracing::debug;
use v2m_ipc::listen::{self, NoSocket};
use v2m_ipc::plain;
use v2m_messages::tr;

/// Watchdog period of an idle service: the longest round figure that fits `WATCHDOG_USEC`'s 32 bits
/// in `sd-notify` (71 min). Pings at half of it mean two wake-ups an hour.
const IDLE_PERIOD: Duration = Duration::from_secs(60 * 60);

/// Why there is no socket to listen on.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// The program was started by hand, or as a service without its socket.
    #[error(
        "{}",
        tr!(
            "v2m was started without a socket to listen on. systemd passes it: `systemctl --user \
             enable --now v2m.socket`; the first `v2m-send` then starts the service. To try it by \
             hand: `systemd-socket-activate -l \"$XDG_RUNTIME_DIR/v2m-try.sock\" v2m`"
        )
    )]
    Missing,
    /// More than one socket was passed.
    #[error(
        "{}",
        tr!(
            "v2m was started with {count} sockets and needs exactly one. Look for added \
             ListenStream= or Sockets= lines: `systemctl --user cat v2m.socket v2m.service`",
            count = .0
        )
    )]
    TooMany(usize),
    /// The passed file descriptor is something else.
    #[error(
        "{}",
        tr!(
            "v2m was started with a socket it cannot listen on ({reason}). It must be one Unix \
             stream socket that is listening (ListenStream= a path, Accept=no): `systemctl --user \
             cat v2m.socket`",
            reason = .0
        )
    )]
    Unusable(#[source] io::Error),
}

/// Takes the one Unix stream socket that systemd passed, set to non-blocking.
///
/// # Errors
/// If there is none, several, or not a listening Unix stream socket; the text says what to do.
pub fn listener() -> Result<UnixListener, SocketError> {
    listen::listener().map_err(|error| match error {
        NoSocket::Missing => SocketError::Missing,
        NoSocket::TooMany(count) => SocketError::TooMany(count),
        NoSocket::Unusable(error) => SocketError::Unusable(error),
    })
}

/// Sends READY=1 with the first STATUS=: the service is ready.
pub fn ready(status: &str) {
    tell(&[NotifyState::Ready, NotifyState::Status(&one_line(status))]);
}

/// Sends STATUS=: the line that `systemctl --user status v2m` shows.
pub fn status(status: &str) {
    tell(&[NotifyState::Status(&one_line(status))]);
}

/// Sends STOPPING=1: the service is ending in order.
pub fn stopping(status: &str) {
    tell(&[NotifyState::Stopping, NotifyState::Status(&one_line(status))]);
}

/// Sends EXTEND_TIMEOUT_USEC=: start-up or shutdown continues for at least `more` from now (at most
/// 71 min).
pub fn extend_timeout(more: Duration) {
    tell(&[NotifyState::ExtendTimeoutUsec(micros(more))]);
}

/// The watchdog. Its period depends on the service's activity: during work, the unit's
/// `WatchdogSec=`; while idle, a period so long that it costs almost no wake-ups.
#[derive(Debug)]
pub struct Watchdog {
    work: Option<Duration>,
    period: Duration,
    pinged: Instant,
}

impl Watchdog {
    /// Reads the manager's `WATCHDOG_USEC`; does nothing if that is not set. Starts active.
    pub fn from_env() -> Self {
        Self::new(sd_notify::watchdog_enabled())
    }

    fn new(work: Option<Duration>) -> Self {
        let work = work.filter(|period| !period.is_zero());
        Self { work, period: work.unwrap_or_default(), pinged: Instant::now() }
    }

    /// Sets the unit's own period, because the service works.
    pub fn active(&mut self) {
        if let Some(period) = self.work {
            self.set_period(period);
        }
    }

    /// Sets the long period, because the service waits for a press.
    pub fn idle(&mut self) {
        if let Some(period) = self.work {
            self.set_period(period.max(IDLE_PERIOD));
        }
    }

    /// Returns the time until the next [`Self::ping`], at half the period as sd_notify(3)
    /// recommends; `None`: never.
    pub fn next_ping(&self) -> Option<Duration> {
        self.work?;
        Some((self.period / 2).saturating_sub(self.pinged.elapsed()))
    }

    /// Sends WATCHDOG=1: the event loop is running.
    pub fn ping(&mut self) {
        if self.work.is_some() {
            self.pinged = Instant::now();
            tell(&[NotifyState::Watchdog]);
        }
    }

    /// systemd restarts the timer with the new period when it reads `WATCHDOG_USEC=`, so one
    /// datagram both sets and pings.
    fn set_period(&mut self, period: Duration) {
        if period != self.period {
            self.period = period;
            self.pinged = Instant::now();
            tell(&[NotifyState::WatchdogUsec(micros(period)), NotifyState::Watchdog]);
        }
    }
}

fn micros(duration: Duration) -> u32 {
    u32::try_from(duration.as_micros()).unwrap_or(u32::MAX)
}

/// A line break in a status would begin another assignment.
fn one_line(status: &str) -> String {
    plain::line(status).into_owned()
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        debug!(%error, "the service manager could not be notified");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_manager_there_is_nothing_to_ping() {
        let mut watchdog = Watchdog::new(None);
        watchdog.idle();
        watchdog.active();
        watchdog.ping();
        assert_eq!(watchdog.next_ping(), None);
        assert_eq!(Watchdog::new(Some(Duration::ZERO)).next_ping(), None);
    }

    #[test]
    fn pings_are_due_at_half_the_period_of_what_it_does() {
        let work = Duration::from_secs(20);
        let mut watchdog = Watchdog::new(Some(work));
        assert!(watchdog.next_ping() <= Some(work / 2));
        watchdog.idle();
        let idle = watchdog.next_ping().unwrap();
        assert!(idle > work && idle <= IDLE_PERIOD / 2);
        watchdog.active();
        assert!(watchdog.next_ping() <= Some(work / 2));
    }

    #[test]
    fn a_unit_period_longer_than_the_idle_one_is_not_shortened() {
        let work = IDLE_PERIOD * 2;
        let mut watchdog = Watchdog::new(Some(work));
        watchdog.idle();
        assert!(watchdog.next_ping() > Some(IDLE_PERIOD / 2));
    }

    #[test]
    fn a_status_stays_one_assignment() {
        assert_eq!(one_line("loading\nREADY=1"), "loading READY=1");
    }

    #[test]
    fn started_without_a_socket_it_says_what_enables_it() {
        let error = listener().unwrap_err();
        assert!(matches!(error, SocketError::Missing));
        assert!(error.to_string().contains("systemctl --user enable --now v2m.socket"));
    }
}
