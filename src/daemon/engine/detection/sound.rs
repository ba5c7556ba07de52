//! The sound of a recording, as the listener gets it.

use crate::recognise::Recorded;
use std::io;
use v2m_ipc::engine::DecodeOptions;

/// Where the listener hears a recording.
pub(in crate::daemon::engine) enum Sound {
    /// It is fed as it is recorded, and transcribed with these options.
    Live(DecodeOptions),
    /// All of it is on disk.
    OnDisk(io::Result<Recorded>),
}

impl Sound {
    /// What the listener must know of silence: the recording's engine hears it only once the language
    /// is known.
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
