//! Sets how ggml's threads wait for one another: with little spinning.
//!
//! Before every step of a decode, all threads wait for the last one. ggml's own threads spin there,
//! and so do OpenMP's by default. If another program keeps a core busy, each step then lasts until
//! the delayed thread gets its turn. On two cores, five clips of 10 s took, in seconds (quiet
//! machine; one other program computing; two): ggml's threads 6.2, 11.6, 37; OpenMP by default 5.6,
//! 14, 31; OpenMP that sleeps at once 6.3, 10.6, 14.7; OpenMP that spins 1000 times 5.7, 11.6,
//! 13.7; one thread 9.8, 10, 15.7. So v2m uses OpenMP with 1000.

use std::env;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// GNU's variable and the standard's. If the user sets one of them, it is respected.
const GIVEN: [&str; 2] = ["GOMP_SPINCOUNT", "OMP_WAIT_POLICY"];
/// The number of rounds that a thread spins before it sleeps.
const SPINS: &str = "1000";

/// Limits OpenMP's spinning. OpenMP reads its settings when the program is loaded, so this replaces
/// the process with itself, once. Process id, descriptors and arguments stay.
///
/// # Errors
/// When the process cannot be replaced. The program works anyway, but slower on a busy machine.
pub fn spin_little() -> io::Result<()> {
    if GIVEN.iter().any(|name| env::var_os(name).is_some()) {
        return Ok(());
    }
    // Use the program's path, because it names the process in lists. After an upgrade in place
    // there is no such path.
    let path = env::current_exe().ok().filter(|path| path.exists());
    let mut own = Command::new(path.unwrap_or_else(|| "/proc/self/exe".into()));
    Err(own.args(env::args_os().skip(1)).env(GIVEN[0], SPINS).exec())
}
