//! How ggml's threads wait for one another: hardly spinning.
//!
//! Before every step of a decode all threads wait for the last one. ggml's own threads spin there,
//! and so do OpenMP's by default: where something else keeps a core busy, each step then lasts as
//! long as the held-up thread's turn comes late. On two cores five clips of 10 s took, in seconds
//! (quiet machine; one other program computing; two): ggml's threads 6.2, 11.6, 37; OpenMP as it
//! comes 5.6, 14, 31; OpenMP that sleeps at once 6.3, 10.6, 14.7; OpenMP that spins 1000 times 5.7,
//! 11.6, 13.7; one thread 9.8, 10, 15.7. So it is OpenMP, and 1000.

use std::env;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// GNU's and the standard's own; whoever sets one of them means it.
const GIVEN: [&str; 2] = ["GOMP_SPINCOUNT", "OMP_WAIT_POLICY"];
/// Rounds of a spinning thread before it sleeps.
const SPINS: &str = "1000";

/// Sees that OpenMP is set so. It reads its settings when the program is loaded, so this replaces
/// the process by itself, once; process id, descriptors and arguments stay.
///
/// # Errors
/// When it cannot; the program works as it is too, only slower on a busy machine.
pub fn spin_little() -> io::Result<()> {
    if GIVEN.iter().any(|name| env::var_os(name).is_some()) {
        return Ok(());
    }
    // By its path, which names the process in lists; after an upgrade in place there is none that
    // leads to it.
    let path = env::current_exe().ok().filter(|path| path.exists());
    let mut own = Command::new(path.unwrap_or_else(|| "/proc/self/exe".into()));
    Err(own.args(env::args_os().skip(1)).env(GIVEN[0], SPINS).exec())
}
