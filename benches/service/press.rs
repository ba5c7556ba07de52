//! Measures the time from the press to the first captured sample: cold (the press starts the
//! service), warm (the stream lingers from the last dictation), and warm after a while (the session
//! manager has suspended the source meanwhile).
//!
//! There are two figures. "Answered" is the whole process `v2m-send start`; the service answers
//! once audio has arrived. "In the service" is the time from the command's arrival at the capture
//! thread to the first samples, according to the log. The graph runs in cycles of 1024 samples at
//! 48 kHz, 21.3 ms, and the first samples arrive at the end of one.

use crate::figures::{Figures, head_ms};
use crate::lab::{BenchResult, Lab, Service, ask, timed};
use std::time::Duration;
use v2m_ipc::message::Command;

const COLD: usize = 10;
const WARM: usize = 40;
const SUSPENDED: usize = 5;
/// The time between two presses of a user in a hurry. It is not a multiple of the graph's cycle.
const PAUSE: Duration = Duration::from_millis(507);
/// WirePlumber suspends an unused source after 5 s.
const LONG_PAUSE: Duration = Duration::from_secs(8);

#[derive(Default)]
struct Press {
    answered: Figures,
    inside: Figures,
}

impl Press {
    /// Measures one press, and cancels the recording.
    fn add(&mut self, service: &Service) -> BenchResult<()> {
        self.answered.add(timed(&mut service.send("start"))?);
        self.inside.add(service.first_sample()?);
        ask(&mut service.client()?, &Command::CancelRecording)?;
        Ok(())
    }

    fn print(&self, what: &str) {
        self.answered.print_ms(&format!("{what}: answered"));
        self.inside.print_ms(&format!("{what}: in the service"));
    }
}

pub(crate) fn measure(lab: &Lab) -> BenchResult<()> {
    let (mut cold, mut first) = (Press::default(), Press::default());
    let (mut warm, mut suspended) = (Press::default(), Press::default());
    for _ in 0..COLD {
        let service = lab.service(&[])?;
        cold.add(&service)?;
        service.ready()?;
        service.shut_down()?;
    }
    for _ in 0..COLD {
        let service = lab.service(&[])?;
        service.warm_up()?;
        first.add(&service)?;
        service.shut_down()?;
    }
    let service = lab.service(&[])?;
    service.warm_up()?;
    Press::default().add(&service)?;
    for _ in 0..WARM {
        std::thread::sleep(PAUSE);
        warm.add(&service)?;
    }
    for _ in 0..SUSPENDED {
        std::thread::sleep(LONG_PAUSE);
        suspended.add(&service)?;
    }
    head_ms("Press (v2m-send start) to first captured sample");
    cold.print("cold, the press starts the service");
    first.print("the running service's first");
    warm.print("warm, the stream lingers");
    suspended.print("warm, after 8 s, source suspended");
    service.shut_down()
}
