//! The machine's sleep. The recogniser releases the GPU before it, and takes it again afterwards.

use crate::recognise::EngineSpec;
use crate::session::Failure;
use crate::suspend::{Delay, Suspend, SuspendEvent};

/// logind's announcements, and the lock that delays sleep. Only engines on a GPU need them.
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

    /// Delays the machine's sleep until [`Self::allow`] is called.
    pub(super) fn delay(&mut self, delay: Delay) {
        self.delay = Some(delay);
    }

    pub(super) fn allow(&mut self) {
        self.delay = None;
    }
}
