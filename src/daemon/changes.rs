//! Files that change while the service runs.

use super::engine::Models;
use crate::config::Settings;
use crate::watch;
use std::path::{Path, PathBuf};
use tracing::warn;

/// Waits for changes of watched paths. Paths that cannot be watched never report one.
#[derive(Debug)]
pub(super) struct Changes(Option<watch::Watch>);

impl Changes {
    pub(super) fn of(paths: Vec<PathBuf>) -> Self {
        let watched = watch::paths(paths);
        Self(
            watched
                .inspect_err(|error| warn!(%error, "changes of files go unnoticed: {error}"))
                .ok(),
        )
    }

    /// Cancel-safe.
    pub(super) async fn changed(&mut self) {
        match &mut self.0 {
            Some(watch) => watch.changed().await,
            None => std::future::pending().await,
        }
    }
}

/// Watches the model folders, and the model file or the preview's, if the settings name one by its path.
pub(super) fn of_models(models: &Models, settings: &Settings) -> Changes {
    let named = models.spec(settings).ok().map(|spec| spec.model);
    let paths = [&settings.engine.model, &settings.engine.preview].map(Path::new);
    let wanted = paths.into_iter().filter(|path| path.is_absolute()).map(Path::to_path_buf);
    Changes::of(models.folders().into_iter().chain(named).chain(wanted).collect())
}
