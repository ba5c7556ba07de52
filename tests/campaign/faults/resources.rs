//! Shortages of memory, descriptors and processors.

use super::{Kind, PLAIN, Relief, Strike};
use crate::machine::{main_pid, named};
use crate::plan::Random;
use rustix::process::{Pid, Resource, Rlimit, prlimit};
use std::fs;
use std::process::{Child, Command};

pub(super) const KINDS: [Kind; 4] = [
    Kind {
        name: "memory-short",
        lasts: (0.5, 4.0),
        prepare: |_, random| memory(random, true),
        ..PLAIN
    },
    Kind {
        name: "engine-memory-short",
        lasts: (0.5, 4.0),
        prepare: |_, random| memory(random, false),
        ..PLAIN
    },
    Kind { name: "descriptors-short", lasts: (0.5, 4.0), prepare: descriptors, ..PLAIN },
    Kind { name: "processors-busy", lasts: (0.5, 4.0), prepare: |_, _| busy(), ..PLAIN },
];

fn pid(number: u32) -> Option<Pid> {
    i32::try_from(number).ok().and_then(Pid::from_raw)
}

/// Sets the soft limit, because an ordinary user could not raise the hard limit again.
fn limit(number: u32, resource: Resource, most: Option<u64>) {
    let Some(pid) = pid(number) else { return };
    let maximum = rustix::process::getrlimit(resource).maximum;
    let limits = Rlimit { current: most.or(maximum), maximum };
    // Fails if the process has ended.
    let _ = prlimit(Some(pid), resource, limits);
}

fn limited(number: Option<u32>, resource: Resource, most: u64) -> Relief {
    if let Some(number) = number {
        limit(number, resource, Some(most));
    }
    Box::new(move |_| number.iter().for_each(|number| limit(*number, resource, None)))
}

/// Limits the address space to the current size and a little more.
fn memory(random: &mut Random, is_service: bool) -> Strike {
    let spare = random.between(0.0, 4e6) as u64;
    Box::new(move |_| {
        let number = match is_service {
            true => main_pid("v2m.service"),
            false => named("v2m-engine").first().copied(),
        };
        limited(number, Resource::As, number.map_or(0, size) + spare)
    })
}

/// Returns the address space of a process in bytes.
fn size(number: u32) -> u64 {
    let pages = fs::read_to_string(format!("/proc/{number}/statm")).unwrap_or_default();
    let pages = pages.split(' ').next().and_then(|it| it.parse::<u64>().ok());
    pages.unwrap_or_default() * 4096
}

/// Limits the descriptors to the open ones and up to two more.
fn descriptors(_: &crate::lab::Lab, random: &mut Random) -> Strike {
    let spare = random.below(3) as u64;
    Box::new(move |_| {
        let number = main_pid("v2m.service");
        let open =
            number.map(|it| fs::read_dir(format!("/proc/{it}/fd")).map_or(0, Iterator::count));
        limited(number, Resource::Nofile, open.unwrap_or_default() as u64 + spare)
    })
}

/// Keeps the processors busy, like a compile job: four programs that want a processor each.
fn busy() -> Strike {
    Box::new(|_| {
        let compute = || Command::new("sh").args(["-c", "while :; do :; done"]).spawn();
        let busy: Vec<Child> = (0..4).filter_map(|_| compute().ok()).collect();
        Box::new(move |_| {
            for mut program in busy {
                let _ = program.kill();
                let _ = program.wait();
            }
        })
    })
}
