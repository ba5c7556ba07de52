//! Sound files into what the recogniser hears: 16 kHz, mono, 16 bit.
//!
//! Any container and codec that `symphonia` reads, at any rate, with any number of channels
//! ([`crate::mix`] makes one of them). Sound stands where its time stamps say, what an edit list
//! hides stays hidden, and whatever cannot be decoded is silence of its length and is told. Headers
//! that promise more than there is are read as true ones. Decoded and resampled piece by piece into
//! a file, so hours of sound take no memory.
//!
//! A damaged file can make a decoder panic, loop, or ask for all memory (seen with AIFF), which the
//! service must outlive: it has files decoded by a child process ([`read_apart`], [`serve`]).
//!
//! Not here: the store's own recordings, which need no decoding.

mod apart;
mod choice;
mod decode;
#[cfg(fuzzing)]
pub mod fuzzing;
mod header;
mod mp4;
mod ogg;
mod output;
mod resample;
mod source;
mod timeline;

pub use apart::{Decoded, read_apart, serve};

use crate::regular::{self, Refused, Trust};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;
use v2m_ipc::pcm::SAMPLE_RATE as RATE;

/// The command by which `v2m` becomes the process that [`read_apart`] is given: it calls [`serve`].
pub const DECODE_COMMAND: &str = "decode-to-pcm";
/// The longest file, in hours; its samples take 115 MB of disk each hour.
const MAX_HOURS: u32 = 4;

/// Why a file cannot be transcribed.
#[derive(Debug, thiserror::Error)]
pub enum MediaError {
    /// There is no such file, or it may not be read.
    #[error("opening {}: {source}; check the path and its permissions", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A directory, a pipe, a device.
    #[error("opening {}: it is not a regular file; give the path of a sound file", path.display())]
    NotAFile {
        /// What was given.
        path: PathBuf,
    },
    /// Nothing v2m can decode.
    #[error(
        "reading {}: v2m cannot read this kind of file ({reason}); convert it, for example with \
         `ffmpeg -i FILE -ac 1 -ar 16000 out.wav`",
        path.display()
    )]
    Unknown {
        /// The file.
        path: PathBuf,
        /// What the decoder says.
        reason: String,
    },
    /// The form is known, the contents are not sound.
    #[error("reading {}: it is damaged ({reason}); check whether another program can play it", path.display())]
    Broken {
        /// The file.
        path: PathBuf,
        /// What the decoder says.
        reason: String,
    },
    /// There is not one sample in it.
    #[error("reading {}: it contains no sound; record it again", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// The child process that decodes cannot be had.
    #[error("reading {}: starting its decoder: {source}; try again", path.display())]
    Child {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The child process that decodes did not come to an end.
    #[error(
        "reading {}: stopped after {} s, because the disk or network is slow, or the file is damaged; copy it \
         to a local disk and try to play it",
        path.display(),
        after.as_secs()
    )]
    Stuck {
        /// The file.
        path: PathBuf,
        /// How long it was tried.
        after: Duration,
    },
    /// What comes out cannot be written down.
    #[error(
        "reading {}: storing its sound on disk (2 MB per minute): {source}; free some space and try again",
        path.display()
    )]
    Spool {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// What the child process said of the file, one of the above.
    #[error("{0}")]
    Told(String),
    /// There is no such track of sound.
    #[error(
        "reading {}: there is no sound track {asked}: it has {}",
        path.display(),
        match count {
            1 => "one, which is taken without --track".to_owned(),
            count => format!("{count}, from --track 1 to --track {count}"),
        }
    )]
    NoTrack {
        /// The file.
        path: PathBuf,
        /// The track that was asked for, counted from 1.
        asked: u32,
        /// How many there are.
        count: usize,
    },
    /// Longer than is taken.
    #[error("reading {}: it is longer than {MAX_HOURS} hours; cut it into parts", path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
    },
}

/// Writes the sound of a file, little-endian, and tells how many samples it is, and what of it is
/// missing. `track` is the sound track, counted from 1; `None`: the first that can be heard. A
/// damaged file may panic in its decoder: only a process that may die should call this.
fn read(
    path: &Path,
    track: Option<u32>,
    output: &mut impl io::Write,
) -> Result<decode::Decoded, MediaError> {
    decode::decode(path, &open(path)?, track, max_samples(), output)
}

const fn max_samples() -> u64 {
    MAX_HOURS as u64 * 3600 * RATE as u64
}

/// Without waiting, as opening a pipe would for someone to write into it.
fn open(path: &Path) -> Result<File, MediaError> {
    regular::open(path, Trust::Named).map_err(|refused| match refused {
        Refused::NotAFile => MediaError::NotAFile { path: path.into() },
        refused => MediaError::Open { path: path.into(), source: refused.into() },
    })
}

#[cfg(test)]
mod tests;
