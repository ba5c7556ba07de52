//! Measures the whole process `v2m-send ping` with a warm service, compared with `/bin/true`: the
//! cost of a key press beyond starting any program.

use crate::figures::{Figures, head_ms, ratio};
use crate::lab::{BenchResult, Lab, timed};
use std::process::{Command, Stdio};

const WARM_UP: usize = 20;
const RUNS: usize = 500;

pub(crate) fn measure(lab: &Lab) -> BenchResult<()> {
    let service = lab.service(&[])?;
    service.warm_up()?;
    let mut ping = service.send("ping");
    let mut bare = Command::new("/bin/true");
    bare.env("V2M_SOCKET_PATH", &service.socket).stdin(Stdio::null()).stdout(Stdio::null());
    let (mut pings, mut trues) = (Figures::default(), Figures::default());
    for run in 0..WARM_UP + RUNS {
        let (bare, ping) = (timed(&mut bare)?, timed(&mut ping)?);
        if run >= WARM_UP {
            trues.add(bare);
            pings.add(ping);
        }
    }
    head_ms("v2m-send ping, whole process, alternating with /bin/true");
    trues.print_ms("/bin/true");
    pings.print_ms("v2m-send ping");
    let [median, p95] = [0.5, 0.95].map(|part| ratio(pings.quantile(part), trues.quantile(part)));
    println!("  {:44} {:9} {median:9.2} {p95:9.2}", "ratio", "");
    service.shut_down()
}
