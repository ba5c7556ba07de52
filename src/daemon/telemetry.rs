//! CPU and memory of the machine, for GET_STATUS. Read at most a few times a second, however often
//! a client polls.

use crate::call::Ram;
use std::time::Instant;
use sysinfo::{MINIMUM_CPU_UPDATE_INTERVAL, System};

pub(super) struct Telemetry {
    system: System,
    read: Instant,
}

impl Telemetry {
    pub(super) fn new() -> Self {
        let mut system = System::new();
        system.refresh_cpu_usage();
        system.refresh_memory();
        Self { system, read: Instant::now() }
    }

    /// Use of all CPUs since the last look (0–100), and memory.
    pub(super) fn figures(&mut self) -> (f32, Ram) {
        if self.read.elapsed() >= MINIMUM_CPU_UPDATE_INTERVAL {
            self.system.refresh_cpu_usage();
            self.system.refresh_memory();
            self.read = Instant::now();
        }
        let cpu = self.system.global_cpu_usage().clamp(0.0, 100.0);
        (cpu, Ram { total: self.system.total_memory(), used: self.system.used_memory() })
    }
}
