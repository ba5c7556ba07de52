//! Programs that an upgrade replaces while the service runs.
//!
//! An installer need not restart the service, which would end a recording. The service leaves by itself once nobody
//! needs it, and the next press starts the new program.

use super::Daemon;
use super::changes::Changes;
use crate::recognise::Stamp;
use crate::session::{Event, State};
use std::path::{Path, PathBuf};
use tracing::info;

/// The program that this process runs, also after its file was replaced.
const OWN: &str = "/proc/self/exe";

/// The programs that this run of the service consists of.
pub(super) struct Programs {
    /// Each with its file as it was when the service started.
    started: Vec<(PathBuf, Stamp)>,
    watch: Changes,
    are_replaced: bool,
}

impl Programs {
    /// This program, and those of `engines` that are installed. Within a tokio runtime.
    pub(super) fn running(engines: Vec<PathBuf>) -> Self {
        let own = std::env::current_exe().ok().zip(Stamp::of(Path::new(OWN)));
        let engines = engines.into_iter().filter_map(|path| Stamp::of(&path).map(|it| (path, it)));
        let started: Vec<_> = own.into_iter().chain(engines).collect();
        let watch = Changes::of(started.iter().map(|(path, _)| path.clone()).collect());
        Self { started, watch, are_replaced: false }
    }

    /// Waits for a change of the files. Cancel-safe.
    pub(super) async fn changed(&mut self) {
        self.watch.changed().await;
    }

    /// Looks whether there are other programs now. A program that is missing counts as the same: either an upgrade is
    /// not over, or v2m was removed, and then nothing could start again.
    pub(super) fn look(&mut self) {
        self.are_replaced = self
            .started
            .iter()
            .any(|(path, started)| Stamp::of(path).is_some_and(|now| now != *started));
    }
}

impl Daemon {
    /// Leaves if there are newer programs and nobody needs this one. The next press starts the new one.
    pub(super) fn leave_to_newer_programs(&mut self, programs: &Programs) {
        // Paused is a state that the next process would not know.
        let idle = self.session.state() == State::Idle && self.background.is_idle();
        if programs.are_replaced && idle && !self.service.is_ending() {
            info!("v2m was upgraded; ending, so that the next press starts the new version");
            self.tell(Event::Terminate);
        }
    }
}
