//! A job's audio: in memory while it is recorded, or complete on disk.

use std::borrow::Cow;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// Audio on disk: 16 kHz mono, 16 bit, little-endian.
#[derive(Debug)]
pub struct Recorded {
    /// The file with the samples.
    pub file: File,
    /// The offset of the first sample in the file, in bytes.
    pub offset: u64,
    /// The number of samples.
    pub samples: u64,
    /// Whether the file is kept if there is no text. A recording of the store is kept; a copy of a
    /// sound file's samples is not.
    pub is_kept: bool,
}

impl Recorded {
    /// Returns the same audio again, for another engine.
    ///
    /// # Errors
    /// If `dup(2)` fails because too many files are open.
    pub fn again(&self) -> io::Result<Self> {
        let &Self { ref file, offset, samples, is_kept } = self;
        Ok(Self { file: file.try_clone()?, offset, samples, is_kept })
    }
}

/// A job's audio as far as it is there.
#[derive(Debug)]
pub enum SoFar {
    /// That of a dictation, which may still go on.
    Heard(Vec<i16>),
    /// All of it is on disk.
    Recorded(io::Result<Recorded>),
}

#[derive(Debug)]
pub(super) enum Audio {
    /// The audio of a dictation that may still be running. It is in memory, so that a full disk
    /// loses nothing.
    Heard(Vec<i16>),
    Recorded(Recorded),
}

impl Audio {
    /// The number of samples so far.
    pub(super) fn len(&self) -> u64 {
        match self {
            Self::Heard(samples) => samples.len() as u64,
            Self::Recorded(recorded) => recorded.samples,
        }
    }

    /// Reads at most `most` samples from `from` on; fewer at the end. Blocking. A second of audio
    /// is 32 kB.
    ///
    /// # Errors
    /// Fails if reading the file fails, with `UnexpectedEof` if the file has become shorter.
    pub(super) fn read(&self, from: u64, most: u64) -> io::Result<Cow<'_, [i16]>> {
        let to = self.len().min(from.saturating_add(most)).max(from);
        match self {
            Self::Heard(samples) => {
                let [from, to] = [from, to].map(|at| usize::try_from(at).unwrap_or(usize::MAX));
                Ok(samples.get(from..to).unwrap_or_default().into())
            }
            Self::Recorded(recorded) => {
                let count = usize::try_from(to - from).map_err(io::Error::other)?;
                let mut bytes = vec![0; count * 2];
                recorded.file.read_exact_at(&mut bytes, recorded.offset + from * 2)?;
                let pairs = bytes.chunks_exact(2);
                Ok(pairs.map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect())
            }
        }
    }

    /// The same audio as far as it is there, for another engine.
    pub(super) fn so_far(&self) -> SoFar {
        match self {
            Self::Heard(samples) => SoFar::Heard(samples.clone()),
            Self::Recorded(recorded) => SoFar::Recorded(recorded.again()),
        }
    }

    /// Whether the audio is kept if there is no text. Dictations are in the store.
    pub(super) fn is_kept(&self) -> bool {
        match self {
            Self::Heard(_) => true,
            Self::Recorded(recorded) => recorded.is_kept,
        }
    }

    /// Returns the audio that is in memory.
    pub(super) fn heard(self) -> Vec<i16> {
        match self {
            Self::Heard(samples) => samples,
            Self::Recorded(_) => Vec::new(),
        }
    }
}
