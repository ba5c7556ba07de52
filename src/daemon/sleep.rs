//! The machine's sleep: the recogniser lets go of a GPU before it, and has it again after it.

use crate::recognise::EngineSpec;
use crate::session::Failure;
use crate::suspend::{Delay, Suspend, SuspendEvent};

/// What is heard of sleep, and what delays it. Without a GPU's engine there is nothing to hear: the
/// processor's sleeps with the machine.
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

    /// The machine does not sleep before [`Self::allow`].
    pub(super) fn delay(&mut self, delay: Delay) {
        self.delay = Some(delay);
    }

    pub(super) fn allow(&mut self) {
        self.delay = None;
    }
}
