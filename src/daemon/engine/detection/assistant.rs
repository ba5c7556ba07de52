//! A recogniser beside the usual one, and what it was last made for.

use super::KEPT;
use crate::recognise::{EngineSpec, RecogniseEvent, Recogniser, Stamp, Unload};
use crate::session::EngineState;
use tokio::time::Instant;

pub(super) struct Assistant {
    pub(super) spec: EngineSpec,
    /// The model's file when it was last loaded.
    stamp: Option<Stamp>,
    pub(super) recogniser: Recogniser,
    /// Since when its model is loaded, as far as its events tell.
    warm: Option<Instant>,
}

impl Assistant {
    /// Starts it.
    pub(super) fn new(spec: EngineSpec) -> Self {
        let spec = kept(spec);
        let stamp = Stamp::of(&spec.model);
        let recogniser = Recogniser::new(Ok(spec.clone()));
        Self { spec, stamp, recogniser, warm: None }
    }

    /// Prepares it for a recording by that specification. What failed is tried again, if that may
    /// help: a damaged file may have been fetched again.
    pub(super) fn prepare(&mut self, spec: EngineSpec) {
        let spec = kept(spec);
        let stamp = Stamp::of(&spec.model);
        let has_failed = self.recogniser.report().problem.is_some();
        if self.spec != spec || has_failed && self.stamp != stamp {
            self.warm = None;
            self.stamp = stamp;
            self.recogniser.set_spec(Ok(spec.clone()));
            self.spec = spec;
        }
        self.recogniser.pressed();
    }

    pub(super) fn model_name(&self) -> &str {
        &self.spec.model_name
    }

    /// Since when its model is loaded.
    pub(super) fn warm(&self) -> Option<Instant> {
        self.warm
    }

    /// Takes from its event whether its model is loaded. Returns whether it is by this event.
    pub(super) fn note(&mut self, event: &RecogniseEvent) -> bool {
        let RecogniseEvent::Engine(report) = event else { return false };
        // An event may be of an engine that is gone by now.
        let is_warm = [report, self.recogniser.report()].map(|it| it.state == EngineState::Warm);
        let before = self.warm;
        self.warm = (is_warm == [true; 2]).then(|| before.unwrap_or_else(Instant::now));
        before.is_none() && self.warm.is_some()
    }
}

/// It keeps its model for some time without work.
fn kept(spec: EngineSpec) -> EngineSpec {
    EngineSpec { unload: Unload { gpu: Some(KEPT), cpu: Some(KEPT) }, ..spec }
}
