//! Measures the machine for GET_STATUS: processors, memory, GPU.
//!
//! The figures are read on request, if the last reading is older than a second. This happens on a
//! thread that may block, because a driver may be slow or hang. Without requests, nothing is read,
//! kept open or woken.

mod gpu;

use crate::call::{Gpu, Ram};
use std::time::Duration;
use sysinfo::System;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::{Instant, sleep_until};

/// Figures younger than this are returned without a new reading.
const FRESH: Duration = Duration::from_secs(1);
/// How long a request waits for a reading before it gets the last figures. A reading takes some
/// milliseconds, and a GPU's first one perhaps a hundred.
const PATIENCE: Duration = Duration::from_millis(500);

/// One reading of the machine.
#[derive(Clone, Debug, PartialEq)]
pub struct Figures {
    /// Use of all processors since the last reading, in percent (0–100).
    pub cpu_percent: f32,
    /// Memory.
    pub ram: Ram,
    /// The GPU. `None`: there is none, or it reports nothing.
    pub gpu: Option<Gpu>,
}

/// A source of figures. Blocking.
pub trait Meter: Send + 'static {
    /// Takes a reading. `device` is the name of the device that the recogniser uses.
    fn read(&mut self, device: Option<&str>) -> Figures;
}

/// The machine's own meters.
#[derive(Debug)]
pub struct SystemMeters(System);

impl SystemMeters {
    /// Creates the meters. The use of the processors counts from now on.
    pub fn new() -> Self {
        let mut system = System::new();
        system.refresh_cpu_usage();
        Self(system)
    }
}

impl Default for SystemMeters {
    fn default() -> Self {
        Self::new()
    }
}

impl Meter for SystemMeters {
    fn read(&mut self, device: Option<&str>) -> Figures {
        self.0.refresh_cpu_usage();
        self.0.refresh_memory();
        Figures {
            cpu_percent: self.0.global_cpu_usage().clamp(0.0, 100.0),
            ram: Ram { total: self.0.total_memory(), used: self.0.used_memory() },
            gpu: gpu::read(device),
        }
    }
}

/// A meter with a cache of its last figures.
#[derive(Debug)]
pub struct Telemetry<M = SystemMeters> {
    /// `None` during a reading, which owns the meter.
    meter: Option<M>,
    reading: Option<JoinHandle<(M, Figures)>>,
    /// The last figures, with the time of their reading.
    last: Option<(Instant, Figures)>,
    /// The deadline of the waiting request. `None`: nobody waits.
    until: Option<Instant>,
}

impl<M: Meter> Telemetry<M> {
    /// Creates the cache. Reads nothing yet.
    pub fn new(meter: M) -> Self {
        Self { meter: Some(meter), reading: None, last: None, until: None }
    }

    /// Returns the last figures if they are fresh. Otherwise starts a reading, and [`Self::next`]
    /// returns its result.
    pub fn ask(&mut self, device: Option<&str>) -> Option<Figures> {
        if let Some((at, figures)) = &self.last
            && at.elapsed() < FRESH
        {
            return Some(figures.clone());
        }
        self.until.get_or_insert_with(|| Instant::now() + PATIENCE);
        if let Some(mut meter) = self.meter.take() {
            let device = device.map(str::to_owned);
            self.reading = Some(spawn_blocking(move || {
                let figures = meter.read(device.as_deref());
                (meter, figures)
            }));
        }
        None
    }

    /// Waits for the answer to the open requests: the new figures, or the last ones if the reading
    /// takes too long, or `None` if there are none. Without a request, waits for ever. Cancel-safe.
    pub async fn next(&mut self) -> Option<Figures> {
        loop {
            let Some(reading) = &mut self.reading else { return std::future::pending().await };
            let late = async {
                match self.until {
                    Some(until) => sleep_until(until).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                read = reading => {
                    self.reading = None;
                    // A reading that was cancelled with its runtime takes its meter along, so no
                    // more readings follow.
                    if let Ok((meter, figures)) = read {
                        self.meter = Some(meter);
                        self.last = Some((Instant::now(), figures));
                    }
                    // If the deadline has passed, nobody waits any more, and the figures serve the
                    // next request.
                    if self.until.take().is_none() {
                        continue;
                    }
                }
                () = late => self.until = None,
            }
            return self.last().cloned();
        }
    }

    /// Returns the last figures, however old they are.
    pub fn last(&self) -> Option<&Figures> {
        self.last.as_ref().map(|(_, figures)| figures)
    }
}

#[cfg(test)]
mod tests;
