//! Faults of the service: killed, terminated, frozen, restarted by an upgrade.

use super::{Kind, PLAIN, Relief, Strike, strike};
use crate::lab::{Lab, property};
use crate::machine::{main_pid, signal, systemctl};
use crate::plan::Random;
use rustix::process::Signal;
use std::fs;
use std::path::{Path, PathBuf};

const UNIT: &str = "v2m.service";

pub(super) const KINDS: [Kind; 7] = [
    Kind { name: "service-killed", prepare: |_, _| send(Signal::KILL), ..PLAIN },
    Kind { name: "service-crashed", prepare: |_, _| send(Signal::SEGV), ..PLAIN },
    Kind { name: "service-terminated", prepare: |_, _| send(Signal::TERM), ..PLAIN },
    Kind { name: "service-frozen", lasts: (0.2, 3.0), prepare: |_, _| stop(), ..PLAIN },
    Kind {
        name: "service-and-engine-frozen",
        lasts: (0.2, 3.0),
        prepare: |_, _| freeze(),
        ..PLAIN
    },
    Kind {
        name: "service-restarted",
        prepare: |_, _| strike(|_| systemctl(&["--no-block", "try-restart", UNIT])),
        ..PLAIN
    },
    Kind { name: "service-upgraded", is_fresh: true, prepare: upgrade, ..PLAIN },
];

fn send(which: Signal) -> Strike {
    strike(move |_| {
        if let Some(pid) = main_pid(UNIT) {
            signal(pid, which);
        }
    })
}

fn stop() -> Strike {
    Box::new(|_| {
        let stopped = main_pid(UNIT).inspect(|pid| signal(*pid, Signal::STOP));
        let relief: Relief =
            Box::new(move |_| stopped.iter().for_each(|pid| signal(*pid, Signal::CONT)));
        relief
    })
}

/// Freezes all processes of the unit at once, like a machine that suspends or swaps.
fn freeze() -> Strike {
    Box::new(|_| {
        let file = freezer();
        fs::write(&file, "1").expect("the user's groups can be frozen");
        Box::new(move |_| fs::write(&file, "0").expect("and thawed"))
    })
}

fn freezer() -> PathBuf {
    let group = property(UNIT, "ControlGroup");
    // If cgroup version 1 is mounted too, version 2 has its own folder.
    let roots = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"];
    let files = roots.map(|root| Path::new(&format!("{root}{group}")).join("cgroup.freeze"));
    files.into_iter().find(|it| it.exists()).expect("the kernel has the freezer of version 2")
}

/// Replaces the program as an installation does, and restarts the service.
fn upgrade(lab: &Lab, _: &mut Random) -> Strike {
    let folder = lab.home.join("program");
    fs::create_dir_all(&folder).expect("the home can be written");
    let program = folder.join("v2m");
    let install = move |program: &Path| {
        let newer = program.with_file_name("newer");
        fs::copy("/usr/local/bin/v2m", &newer).and_then(|_| fs::rename(&newer, program))
    };
    install(&program).expect("the home can be written");
    lab.override_service(&format!(
        "ExecStart=\nExecStart={}\nEnvironment=V2M_ENGINE=/usr/local/bin/v2m-engine",
        program.display()
    ));
    strike(move |_| {
        install(&program).expect("the home can be written");
        systemctl(&["--no-block", "try-restart", UNIT]);
    })
}
