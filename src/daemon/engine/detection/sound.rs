//! The sound of a recording, as the language detector receives it.

use crate::recognise::Recorded;
use std::io;
use v2m_ipc::engine::DecodeOptions;

/// Source of the sound for the language detector.
pub(in crate::daemon::engine) enum Sound {
    /// The sound is fed as it is recorded, and transcribed with these options.
    Live(DecodeOptions),
    /// All of it is on disk.
    OnDisk(io::Result<Recorded>),
}

impl Sound {
    /// Returns the silence options for the detector: the recording's own engine gets the sound only
    /// once the language is known.
    pub(super) fn silence(&self) -> DecodeOptions {
        let (quiet_after, sentences) = match self {
            Self::Live(options) => (options.quiet_after, options.sentences),
            Self::OnDisk(_) => (0, false),
        };
        DecodeOptions { quiet_after, sentences, ..DecodeOptions::default() }
    }

    pub(super) fn on_disk(self) -> io::Result<Option<Recorded>> {
        match self {
            Self::Live(_) => Ok(None),
            Self::OnDisk(recorded) => recorded.map(Some),
        }
    }
}
