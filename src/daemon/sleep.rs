//! The machine's sleep: the recogniser lets go of a GPU before it, and has it again after it.

use super::Daemon;
use crate::recognise::EngineSpec;
use crate::session::Failure;
use crate::suspend::{Delay, Suspend, SuspendEvent};
use tracing::info;

/// What is heard of sleep, and what delays it. Without a GPU's engine there is nothing to hear: the processor's
/// sleeps with the machine.
#[derive(Debug, Default)]
pub(super) struct Sleep {
    source: Option<Suspend>,
    delay: Option<Delay>,
}

impl Sleep {
    /// Listens if one of these engines is on a GPU.
    pub(super) fn attend(&mut self, spec: &Result<EngineSpec, Failure>) {
        let on_gpu = |spec: &EngineSpec| spec.candidates.iter().any(|c| c.backend.is_gpu());
        match spec.as_ref().is_ok_and(on_gpu) {
            true => _ = self.source.get_or_insert_with(|| Suspend::listen(None)),
            false => *self = Self::default(),
        }
    }

    /// Cancel-safe.
    pub(super) async fn next(&mut self) -> SuspendEvent {
        match &mut self.source {
            Some(source) => source.next().await,
            None => std::future::pending().await,
        }
    }
}

impl Daemon {
    pub(super) fn sleep_said(&mut self, event: SuspendEvent) {
        match event {
            SuspendEvent::Preparing(delay) => {
                info!("the machine is about to sleep");
                self.recogniser.suspend();
                self.sleep.delay = Some(delay);
            }
            SuspendEvent::Resumed => {
                info!("the machine is awake");
                self.sleep.delay = None;
                self.recogniser.resumed();
            }
        }
    }

    /// Lets the machine sleep once no process holds the GPU any more, which takes some seconds at most.
    pub(super) fn allow_sleep(&mut self) {
        if !self.recogniser.holds_gpu() {
            self.sleep.delay = None;
        }
    }
}
