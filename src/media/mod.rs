//! Decodes sound files to the recogniser's format: 16 kHz, mono, 16 bit.
//!
//! It takes any container and codec that `symphonia` reads, at any rate, with any number of
//! channels ([`crate::mix`] mixes them to one). Sound is placed by its time stamps. Sound that an
//! edit list hides stays hidden. Sound that cannot be decoded becomes silence of the same length
//! and is reported. Headers with wrong lengths are corrected while they are read. Files are decoded
//! and resampled piece by piece into a file, so hours of sound need no memory.
//!
//! A damaged file can make a decoder panic, loop, or ask for all memory (seen with AIFF). The
//! service must survive that, so a child process decodes the files ([`read_apart`], [`serve`]).
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
use v2m_messages::tr;

/// The subcommand that makes `v2m` the child process of [`read_apart`]: it calls [`serve`].
pub const DECODE_COMMAND: &str = "decode-to-pcm";
/// The longest file, in hours. Its samples take 115 MB of disk per hour.
const MAX_HOURS: u32 = 4;

/// The reason why a file cannot be transcribed.
#[derive(Debug, thiserror::Error)]
pub enum MediaError {
    /// The file does not exist or may not be read.
    #[error(
        "{}",
        tr!(
            "opening {path}: {source}; check the path and its permissions",
            path = .path.display(),
            source
        )
    )]
    Open {
        /// The path of the sound file.
        path: PathBuf,
        /// Why it cannot be opened.
        source: io::Error,
    },
    /// It is a directory, a pipe or a device.
    #[error(
        "{}",
        tr!(
            "opening {path}: it is not a regular file; give the path of a sound file",
            path = .path.display()
        )
    )]
    NotAFile {
        /// The given path.
        path: PathBuf,
    },
    /// v2m cannot decode it.
    #[error(
        "{}",
        tr!(
            "reading {path}: v2m cannot read this kind of file ({reason}); convert it, for \
             example with `ffmpeg -i FILE -ac 1 -ar 16000 out.wav`",
            path = .path.display(),
            reason
        )
    )]
    Unknown {
        /// The path of the sound file.
        path: PathBuf,
        /// The decoder's message.
        reason: String,
    },
    /// The format is known, but the contents are not sound.
    #[error(
        "{}",
        tr!(
            "reading {path}: it is damaged ({reason}); check whether another program can play it",
            path = .path.display(),
            reason
        )
    )]
    Broken {
        /// The path of the sound file.
        path: PathBuf,
        /// The decoder's message.
        reason: String,
    },
    /// The file contains no samples.
    #[error(
        "{}",
        tr!(
            "reading {path}: it contains no sound; record it again",
            path = .path.display()
        )
    )]
    Empty {
        /// The path of the sound file.
        path: PathBuf,
    },
    /// The child process that decodes could not be started.
    #[error(
        "{}",
        tr!(
            "reading {path}: starting its decoder: {source}; try again",
            path = .path.display(),
            source
        )
    )]
    Child {
        /// The path of the sound file.
        path: PathBuf,
        /// Why it could not be started.
        source: io::Error,
    },
    /// The child process that decodes did not end in time.
    #[error(
        "{}",
        tr!(
            "reading {path}: stopped after {seconds} s, because the disk or network is slow, or \
             the file is damaged; copy it to a local disk and try to play it",
            path = .path.display(),
            seconds = .after.as_secs()
        )
    )]
    Stuck {
        /// The path of the sound file.
        path: PathBuf,
        /// How long v2m waited.
        after: Duration,
    },
    /// The samples cannot be written.
    #[error(
        "{}",
        tr!(
            "reading {path}: storing its sound on disk (2 MB per minute): {source}; free some \
             space and try again",
            path = .path.display(),
            source
        )
    )]
    Spool {
        /// The path of the sound file.
        path: PathBuf,
        /// Why they cannot be written.
        source: io::Error,
    },
    /// The child process's message about the file: one of the errors above.
    #[error("{0}")]
    Told(String),
    /// There is no sound track with this number.
    #[error("{}", no_track(path, *asked, *count))]
    NoTrack {
        /// The path of the sound file.
        path: PathBuf,
        /// The requested track, counted from 1.
        asked: u32,
        /// How many tracks there are.
        count: usize,
    },
    /// The file is longer than v2m accepts.
    #[error(
        "{}",
        tr!(
            "reading {path}: it is longer than {hours} hours; cut it into parts",
            path = .path.display(),
            hours = MAX_HOURS
        )
    )]
    TooLong {
        /// The path of the sound file.
        path: PathBuf,
    },
}

fn no_track(path: &Path, asked: u32, count: usize) -> String {
    let path = path.display();
    match count {
        1 => tr!(
            "reading {path}: there is no sound track {asked}: it has one, which is taken without \
             --track",
            path,
            asked
        ),
        count => tr!(
            "reading {path}: there is no sound track {asked}: it has {count}, from --track 1 to \
             --track {count}",
            path,
            asked,
            count
        ),
    }
}

/// Writes the sound of a file, little-endian. Returns the number of samples and the notes. `track`
/// is the sound track, counted from 1; `None`: the first audible one. A damaged file may make its
/// decoder panic, so only a process that may crash should call this.
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

/// Opens a file without blocking. Opening a pipe would otherwise wait for a writer.
fn open(path: &Path) -> Result<File, MediaError> {
    regular::open(path, Trust::Named).map_err(|refused| match refused {
        Refused::NotAFile => MediaError::NotAFile { path: path.into() },
        refused => MediaError::Open { path: path.into(), source: refused.into() },
    })
}

#[cfg(test)]
mod tests;
