//! Faults of the store's disk: full, read-only, deleted, slow.

use super::{Kind, PLAIN, Strike, strike, strike_until};
use crate::lab::{Lab, beside};
use crate::machine::store;
use crate::plan::Random;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

pub(super) const KINDS: [Kind; 4] = [
    Kind { name: "disk-full", is_fresh: true, lasts: (0.5, 4.0), prepare: fill, ..PLAIN },
    Kind { name: "disk-read-only", lasts: (0.5, 4.0), prepare: |_, _| close(), ..PLAIN },
    Kind {
        name: "store-deleted",
        prepare: |_, _| strike(|lab| drop(fs::remove_dir_all(store(lab)))),
        ..PLAIN
    },
    Kind { name: "disk-slow", is_fresh: true, lasts: (0.5, 4.0), prepare: slow, ..PLAIN },
];

/// A file system of 2 MB (container.sh). The store's usual folder is a link to it.
const SMALL: &str = "/mnt/small";

fn fill(lab: &Lab, _: &mut Random) -> Strike {
    let small = Path::new(SMALL);
    for name in ["ballast", "v2m"] {
        let _ = fs::remove_file(small.join(name));
        let _ = fs::remove_dir_all(small.join(name));
    }
    let state = lab.home.join(".local/state");
    fs::create_dir_all(&state).expect("the home can be written");
    fs::create_dir_all(small.join("v2m/dictations")).expect("the small file system has room");
    std::os::unix::fs::symlink(small.join("v2m"), state.join("v2m")).expect("the folder is fresh");
    let ballast = small.join("ballast");
    let weight = ballast.clone();
    strike_until(
        // Fills the disk to the last byte: the write fails where the disk ends.
        move |_| drop(fs::write(&weight, vec![1; 4 << 20])),
        move |_| drop(fs::remove_file(ballast)),
    )
}

/// Makes the store's folder read-only: no file can be created or renamed. Open files can still be
/// written, because a file system cannot be remounted read-only while a file is open for writing.
fn close() -> Strike {
    let set = |lab: &Lab, mode| drop(fs::set_permissions(store(lab), Permissions::from_mode(mode)));
    strike_until(move |lab| set(lab, 0o500), move |lab| set(lab, 0o700))
}

fn slow(lab: &Lab, random: &mut Random) -> Strike {
    let file = lab.runtime.join("slow-disk");
    lab.override_service(&format!(
        "Environment=LD_PRELOAD={} SLOW_DISK_FILE={}",
        beside("libslow-disk.so").display(),
        file.display()
    ));
    let ms = random.between(50.0, 1500.0) as u32;
    let written = file.clone();
    strike_until(
        move |_| fs::write(&written, ms.to_string()).expect("the runtime folder can be written"),
        move |_| drop(fs::remove_file(file)),
    )
}
