//! Suspend: the recogniser releases the GPU before it, and takes it again afterwards.

use crate::recognise::EngineSpec;
use crate::suspend::{Delay, Suspend, SuspendEvent};

/// logind's announcements, and the lock that delays suspend. Only engines on a GPU need them.
#[derive(Debug, Default)]
pub(super) struct Sleep {
    source: Option<Suspend>,
    delay: Option<Delay>,
}

impl Sleep {
    /// Listens if, and only if, one of these engines uses a GPU.
    pub(super) fn attend<'s>(&mut self, specs: impl IntoIterator<Item = &'s EngineSpec>) {
        match specs.into_iter().any(on_gpu) {
            true => self.listen(),
            false => *self = Self::default(),
        }
    }

    /// Listens also if this additional engine uses a GPU.
    pub(super) fn attend_also(&mut self, spec: &EngineSpec) {
        if on_gpu(spec) {
            self.listen();
        }
    }

    fn listen(&mut self) {
        self.source.get_or_insert_with(|| Suspend::listen(None));
    }

    /// Cancel-safe.
    pub(super) async fn next(&mut self) -> SuspendEvent {
        match &mut self.source {
            Some(source) => source.next().await,
            None => std::future::pending().await,
        }
    }

    /// Delays suspend until [`Self::allow`] is called.
    pub(super) fn delay(&mut self, delay: Delay) {
        self.delay = Some(delay);
    }

    pub(super) fn allow(&mut self) {
        self.delay = None;
    }
}

fn on_gpu(spec: &EngineSpec) -> bool {
    spec.candidates.iter().any(|candidate| candidate.backend.is_gpu())
}
