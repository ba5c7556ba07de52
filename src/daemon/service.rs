//! Reports the service's state to systemd: ready, alive, stopping.

use super::turns::Turns;
use crate::recognise::LOAD_LIMIT;
use crate::systemd::{self, Watchdog};
use std::time::Duration;
use tokio::time::Instant;
use v2m_messages::tr;

/// Maximum duration of the start: one attempt to load the model, and a minute more.
const START_LIMIT: Duration = LOAD_LIMIT.saturating_add(Duration::from_secs(60));

pub(super) struct ServiceState {
    started: Instant,
    watchdog: Watchdog,
    /// Counts consecutive turns of each source of the loop.
    pub(super) turns: Turns,
    /// Whether systemd has been told that the service is ready.
    is_ready: bool,
    is_ending: bool,
}

impl ServiceState {
    pub(super) fn new() -> Self {
        Self {
            started: Instant::now(),
            watchdog: Watchdog::from_env(),
            turns: Turns::default(),
            is_ready: false,
            is_ending: false,
        }
    }

    pub(super) fn uptime(&self) -> Duration {
        self.started.elapsed()
    }

    /// Whether the loop is about to end.
    pub(super) fn is_ending(&self) -> bool {
        self.is_ending
    }

    /// Ends the loop after this turn.
    pub(super) fn end(&mut self) {
        self.is_ending = true;
    }

    /// Returns when [`Self::ping`] is due.
    pub(super) fn next_ping(&self) -> Option<Instant> {
        self.watchdog.next_ping().map(|wait| Instant::now() + wait)
    }

    pub(super) fn ping(&mut self) {
        self.watchdog.ping();
    }

    /// Reports the recogniser's state to systemd. The service is ready once the model is loaded,
    /// and also without a usable model: if the service failed to start again and again, systemd
    /// would close the socket.
    pub(super) fn tell(&mut self, status: &str, is_loading: bool) {
        if !is_loading && !std::mem::replace(&mut self.is_ready, true) {
            systemd::ready(status);
        } else {
            systemd::status(status);
        }
        if !self.is_ready {
            systemd::extend_timeout(START_LIMIT);
        }
    }

    /// Sets the interval of watchdog pings: short during work, long otherwise.
    pub(super) fn pace(&mut self, is_quiet: bool) {
        if is_quiet && self.is_ready { self.watchdog.idle() } else { self.watchdog.active() }
    }

    /// Tells systemd that the service is stopping.
    pub(super) fn stopping(&self) {
        // systemd treats a service that exits before it was ready as failed, and restarts it.
        if !self.is_ready {
            systemd::ready(tr!("Ending"));
        }
        systemd::stopping(tr!("Ending"));
    }
}
