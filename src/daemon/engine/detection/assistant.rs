//! A second recogniser beside the usual one, with the model file it was last started for.

use super::KEPT;
use crate::recognise::{EngineSpec, RecogniseEvent, Recogniser, Stamp, Unload};
use crate::session::EngineState;
use tokio::time::Instant;

pub(super) struct Assistant {
    pub(super) spec: EngineSpec,
    /// The model file when it was last loaded.
    stamp: Option<Stamp>,
    pub(super) recogniser: Recogniser,
    /// Since when its model is loaded, according to its events.
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

    /// Prepares it for a recording by that specification. Retries after a failure if that may help:
    /// a damaged file may have been downloaded again.
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

    /// Returns since when its model is loaded.
    pub(super) fn warm(&self) -> Option<Instant> {
        self.warm
    }

    /// Updates from an event whether its model is loaded. Returns whether this event reports that.
    pub(super) fn note(&mut self, event: &RecogniseEvent) -> bool {
        let RecogniseEvent::Engine(report) = event else { return false };
        // The event may come from an engine that has already exited.
        let is_warm = [report, self.recogniser.report()].map(|it| it.state == EngineState::Warm);
        let before = self.warm;
        self.warm = (is_warm == [true; 2]).then(|| before.unwrap_or_else(Instant::now));
        before.is_none() && self.warm.is_some()
    }
}

/// Returns the specification with a longer time until the model is unloaded.
fn kept(spec: EngineSpec) -> EngineSpec {
    EngineSpec { unload: Unload { gpu: Some(KEPT), cpu: Some(KEPT) }, ..spec }
}
