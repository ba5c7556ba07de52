//! Figures of the machine for GET_STATUS: processors, memory, GPU.
//!
//! Read when somebody asks and the last reading is a second old, on a thread that may block: a
//! driver may take its time or hang. Nothing is read, kept open or woken while nobody asks.

mod gpu;

use crate::call::{Gpu, Ram};
use std::time::Duration;
use sysinfo::System;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::{Instant, sleep_until};

/// Figures younger than this are as good as new.
const FRESH: Duration = Duration::from_secs(1);
/// A reading takes some milliseconds, a GPU's first one perhaps a hundred. Whoever asks waits no
/// longer than this, and gets the figures before.
const PATIENCE: Duration = Duration::from_millis(500);

/// What is known of the machine.
#[derive(Clone, Debug, PartialEq)]
pub struct Figures {
    /// Use of all processors since the reading before, 0–100.
    pub cpu_percent: f32,
    /// Memory.
    pub ram: Ram,
    /// The GPU, where there is one that tells.
    pub gpu: Option<Gpu>,
}

/// Takes a reading; told the name of the device that computes. Blocking.
pub trait Meter: Send + 'static {
    /// The figures now.
    fn read(&mut self, device: Option<&str>) -> Figures;
}

/// The machine's own meters.
#[derive(Debug)]
pub struct SystemMeters(System);

impl SystemMeters {
    /// Use of the processors counts from here.
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

/// The cache before a meter.
#[derive(Debug)]
pub struct Telemetry<M = SystemMeters> {
    /// Away while a reading is under way.
    meter: Option<M>,
    reading: Option<JoinHandle<(M, Figures)>>,
    /// The last figures, and when they were read.
    last: Option<(Instant, Figures)>,
    /// Until when somebody waits.
    until: Option<Instant>,
}

impl<M: Meter> Telemetry<M> {
    /// Reads nothing yet.
    pub fn new(meter: M) -> Self {
        Self { meter: Some(meter), reading: None, last: None, until: None }
    }

    /// The figures, if they are fresh; else a reading is begun, and [`Self::next`] tells what comes
    /// of it.
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

    /// What those who asked are to be told: the new figures, or the last ones where a reading takes
    /// too long; `None` where there are none. Waits for good while nobody asks. Cancel-safe.
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
                    // One that was cut off with its runtime takes its meter along: nothing is read any more.
                    if let Ok((meter, figures)) = read {
                        self.meter = Some(meter);
                        self.last = Some((Instant::now(), figures));
                    }
                    // That of a reading for which nobody waits any more is for the next who asks.
                    if self.until.take().is_none() {
                        continue;
                    }
                }
                () = late => self.until = None,
            }
            return self.last().cloned();
        }
    }

    /// The last figures, however old.
    pub fn last(&self) -> Option<&Figures> {
        self.last.as_ref().map(|(_, figures)| figures)
    }
}

#[cfg(test)]
mod tests;
