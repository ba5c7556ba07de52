//! The files of dictations: what the thread that writes to the disk is given, and what it is asked.

use super::UnderWay;
use crate::config::Settings;
use crate::session::JobId;
use crate::store::{DeleteReport, RecordUpdate, Retention, Store, StoreError, Unfinished};
use std::path::PathBuf;
use tokio::sync::oneshot;
use tracing::warn;

impl UnderWay {
    /// The name that the records of a continuous dictation share.
    pub(in crate::daemon) fn name(&mut self, first: JobId) -> Option<String> {
        self.store.as_mut()?.name(first)
    }

    /// Deletes the dictation's audio and text.
    pub(in crate::daemon) fn discard(&mut self, job: JobId) {
        self.forget(job);
        self.keep(|store| store.discard(job));
    }

    /// Writes the state of a recording into its record.
    pub(in crate::daemon) fn finish(&mut self, job: JobId, outcome: RecordUpdate) {
        self.keep(|store| store.finish(job, outcome));
    }

    /// The recordings of dictations that are not over.
    pub(in crate::daemon) fn in_work(&self) -> Vec<PathBuf> {
        self.live.jobs().filter_map(|job| self.audio_path(job)).collect()
    }

    /// Takes a recording that is no job any more over.
    pub(in crate::daemon) fn adopt(&mut self, job: JobId, left: &Unfinished) {
        self.keep(|store| store.adopt(job, left));
    }

    /// The path of a recording of this run.
    pub(in crate::daemon) fn audio_path(&self, job: JobId) -> Option<PathBuf> {
        self.store.as_ref().and_then(|store| store.path(job)).map(Into::into)
    }

    /// Asks for the id of the dictation that has this number now, where those `in_work` do not count.
    /// `None`: there is no store, or it is too busy.
    pub(in crate::daemon) fn id_of(
        &mut self,
        number: u32,
        in_work: Vec<PathBuf>,
    ) -> Option<oneshot::Receiver<Result<Option<String>, StoreError>>> {
        self.store.as_mut().and_then(|store| store.id_of(number, in_work).ok())
    }

    /// Deletes finished dictations, by the paths of their recordings. `None`: there is no store, or
    /// it is too busy.
    pub(in crate::daemon) fn delete(
        &mut self,
        paths: Vec<PathBuf>,
    ) -> Option<oneshot::Receiver<DeleteReport>> {
        self.store.as_mut().and_then(|store| store.delete(paths).inspect_err(tell).ok())
    }

    /// Puts the settings' retention in force.
    pub(in crate::daemon) fn retain(&mut self, settings: &Settings) {
        let retention = retention(settings);
        self.keep(|store| store.retain(retention));
    }

    /// Gives work to the store, and reports errors. The audio stays in memory until its text is
    /// there.
    pub(super) fn keep(&mut self, work: impl FnOnce(&mut Store) -> Result<(), StoreError>) {
        if let Some(Err(error)) = self.store.as_mut().map(work) {
            tell(&error);
        }
    }
}

pub(super) fn tell(error: &StoreError) {
    warn!(%error, "the recording is not on disk yet: {error}");
}

/// The retention that the settings ask for.
pub(super) fn retention(settings: &Settings) -> Retention {
    Retention {
        keep_count: settings.store.keep_count,
        keep_days: settings.store.keep_days,
        keep_audio: settings.store.keep_audio,
    }
}
