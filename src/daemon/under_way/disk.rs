//! The dictations' files: commands and questions to the thread that writes to disk.

use super::UnderWay;
use crate::config::Settings;
use crate::session::JobId;
use crate::store::{DeleteReport, RecordUpdate, Retention, Store, StoreError, Unfinished};
use std::path::PathBuf;
use tokio::sync::oneshot;
use tracing::warn;

impl UnderWay {
    /// Returns the name that the records of a continuous dictation share.
    pub(in crate::daemon) fn name(&mut self, first: JobId) -> Option<String> {
        self.store.as_mut()?.name(first)
    }

    /// Deletes the dictation's audio and text.
    pub(in crate::daemon) fn discard(&mut self, job: JobId) {
        self.forget(job);
        self.keep(|store| store.discard(job));
    }

    /// Writes a dictation's state into its record.
    pub(in crate::daemon) fn finish(&mut self, job: JobId, outcome: RecordUpdate) {
        self.keep(|store| store.finish(job, outcome));
    }

    /// Returns the paths of the recordings of current dictations.
    pub(in crate::daemon) fn in_work(&self) -> Vec<PathBuf> {
        self.live.jobs().filter_map(|job| self.audio_path(job)).collect()
    }

    /// Takes over a recording that is no longer a job.
    pub(in crate::daemon) fn adopt(&mut self, job: JobId, left: &Unfinished) {
        self.keep(|store| store.adopt(job, left));
    }

    /// Returns the path of a recording made since the service started.
    pub(in crate::daemon) fn audio_path(&self, job: JobId) -> Option<PathBuf> {
        self.store.as_ref().and_then(|store| store.path(job)).map(Into::into)
    }

    /// Requests the id of the dictation that has this number now, not counting those `in_work`.
    /// Returns `None` if there is no store or it is too busy.
    pub(in crate::daemon) fn id_of(
        &mut self,
        number: u32,
        in_work: Vec<PathBuf>,
    ) -> Option<oneshot::Receiver<Result<Option<String>, StoreError>>> {
        self.store.as_mut().and_then(|store| store.id_of(number, in_work).ok())
    }

    /// Deletes finished dictations, by the paths of their recordings. Returns `None` if there is no
    /// store or it is too busy.
    pub(in crate::daemon) fn delete(
        &mut self,
        paths: Vec<PathBuf>,
    ) -> Option<oneshot::Receiver<DeleteReport>> {
        self.store.as_mut().and_then(|store| store.delete(paths).inspect_err(tell).ok())
    }

    /// Applies the retention in the settings.
    pub(in crate::daemon) fn retain(&mut self, settings: &Settings) {
        let retention = retention(settings);
        self.keep(|store| store.retain(retention));
    }

    /// Gives work to the store and logs errors. The audio stays in memory until it has a text.
    pub(super) fn keep(&mut self, work: impl FnOnce(&mut Store) -> Result<(), StoreError>) {
        if let Some(Err(error)) = self.store.as_mut().map(work) {
            tell(&error);
        }
    }
}

pub(super) fn tell(error: &StoreError) {
    warn!(%error, "the recording is not on disk yet: {error}");
}

/// Returns the retention in the settings.
pub(super) fn retention(settings: &Settings) -> Retention {
    Retention {
        keep_count: settings.store.keep_count,
        keep_days: settings.store.keep_days,
        keep_audio: settings.store.keep_audio,
    }
}
