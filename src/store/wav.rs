//! The recording's file: a growing WAV file.
//!
//! After each second of sound, the header is updated and the file is synced to the disk
//! ([`SYNC_EVERY`]). So a reader that trusts the header misses at most that second, and so does a
//! power cut. Our own reader uses the file's length and misses nothing. The writer is our own
//! because `hound` cannot undo a failed write; tests read the files with `hound`.

use super::StoreError;
use crate::atomic;
use crate::regular::{self, Trust};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::Path;
use v2m_ipc::pcm::SAMPLE_RATE as RATE;
use v2m_messages::mark;

/// The length of the RIFF, fmt and data headers, in bytes ("Multimedia Programming Interface and
/// Data Specifications 1.0").
const HEADER: u64 = 44;

/// How many samples may wait before a recording is synced to the disk, so that a power cut costs at
/// most a second. docs/files.md states this; docs/performance.md states its cost.
const SYNC_EVERY: u64 = RATE as u64;

/// The longest recording that is read whole: the limit of the header's length field.
const LONGEST: u64 = u32::MAX as u64;

/// A recording that is being written. The file always holds whole samples.
#[derive(Debug)]
pub(super) struct Wav {
    file: File,
    samples: u64,
    synced: u64,
}

impl Wav {
    /// Makes the file (0600). It must not exist yet.
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        Self::start(make(path)?)
    }

    /// Makes the file hold all these samples, on disk. Its present contents are kept until then. If
    /// they are the beginning of the samples, the rest is added. Otherwise another, complete file
    /// takes its name. A link is replaced, and its target stays.
    pub(super) fn complete(path: &Path, samples: &[i16]) -> io::Result<Self> {
        if let Some(mut wav) = Self::begins(path, samples) {
            let there = usize::try_from(wav.samples).unwrap_or(usize::MAX);
            wav.append(samples.get(there..).unwrap_or_default())?;
            wav.sync()?;
            return Ok(wav);
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let new = path.with_file_name(format!("{}{name}", atomic::TEMPORARY_PREFIX));
        remove(&new)?;
        let written = Self::create(&new).and_then(|mut wav| {
            wav.append(samples)?;
            wav.sync()?;
            atomic::put_in_place(&new, path, 0o600)?;
            Ok(wav)
        });
        if written.is_err() {
            // The write error matters more than a leftover file.
            let _ = remove(&new);
        }
        written
    }

    /// Opens the file if it holds the beginning of these samples, or all of them and more. The
    /// surplus is cut off.
    fn begins(path: &Path, samples: &[i16]) -> Option<Self> {
        let there = read_pcm(path).ok()?;
        let common = there.len().min(samples.len());
        if common == 0 || there[..common] != samples[..common] {
            return None;
        }
        let mut wav = Self::open(path).ok()?;
        (wav.samples, wav.synced) = (common as u64, 0);
        wav.cut().ok()?;
        Some(wav)
    }

    /// Continues a file of an earlier run. Its header may be wrong.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = regular::open_to_change(path)?;
        let samples = samples_of_length(file.metadata()?.len());
        let mut wav = Self { file, samples, synced: 0 };
        wav.cut()?;
        wav.sync()?;
        Ok(wav)
    }

    fn start(file: File) -> io::Result<Self> {
        let wav = Self { file, samples: 0, synced: 0 };
        wav.file.write_all_at(&header(0), 0)?;
        Ok(wav)
    }

    /// Adds samples. After an error the file is unchanged.
    pub(super) fn append(&mut self, samples: &[i16]) -> io::Result<()> {
        let bytes: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
        let end = HEADER + self.samples * 2;
        if let Err(error) = self.file.write_all_at(&bytes, end) {
            // If cutting fails too, the reader ignores half a sample, and `end` is still right.
            let _ = self.cut();
            return Err(error);
        }
        self.samples += samples.len() as u64;
        if self.samples - self.synced >= SYNC_EVERY { self.sync() } else { Ok(()) }
    }

    /// Cuts off the samples from this one on.
    pub(super) fn shorten(&mut self, samples: u64) -> io::Result<()> {
        self.samples = self.samples.min(samples);
        self.synced = self.synced.min(self.samples);
        self.cut()?;
        self.sync()
    }

    /// Updates the header and syncs the file to the disk.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        self.file.write_all_at(&header(self.samples), 0)?;
        self.file.flush()?;
        self.file.sync_data()?;
        self.synced = self.samples;
        Ok(())
    }

    /// Whether `path` no longer names this file: someone deleted or moved it, or its directory.
    pub(super) fn is_gone_from(&self, path: &Path) -> bool {
        let Ok(ours) = self.file.metadata() else { return false };
        let there = fs::symlink_metadata(path).ok();
        there.is_none_or(|it| (it.dev(), it.ino()) != (ours.dev(), ours.ino()))
    }

    /// Writes the recording to `path` again, replacing any file there, and continues with the new
    /// file. The old file can still be read because it is open.
    pub(super) fn restore(&mut self, path: &Path) -> io::Result<()> {
        remove(path)?;
        let mut file = make(path)?;
        self.file.seek(SeekFrom::Start(0))?;
        io::copy(&mut (&self.file).take(HEADER + self.samples * 2), &mut file)?;
        self.file = file;
        self.sync()
    }

    /// Whether the whole recording was just synced to the disk.
    pub(super) fn is_fresh(&self) -> bool {
        self.samples == self.synced
    }

    pub(super) fn samples(&self) -> u64 {
        self.samples
    }

    fn cut(&mut self) -> io::Result<()> {
        self.file.set_len(HEADER + self.samples * 2)
    }
}

/// Whether the file's header shows sound of a kind that a [`super::Store`] does not record. A file
/// that cannot be read, or has no header, does not count as foreign.
pub(super) fn is_foreign(path: &Path) -> bool {
    let mut found = [0; HEADER as usize];
    let read = regular::open(path, Trust::Own)
        .map_err(io::Error::from)
        .and_then(|mut file| file.read_exact(&mut found));
    let format = |header: &[u8]| header[12..36].to_vec();
    read.is_ok() && found.starts_with(b"RIFF") && format(&found) != format(&header(0))
}

/// Returns the number of samples in a recording, from the file's length. 0 if the file cannot be
/// inspected.
pub(super) fn samples_in(path: &Path) -> u64 {
    regular::look_at(path).map_or(0, |metadata| samples_of_length(metadata.len()))
}

fn samples_of_length(bytes: u64) -> u64 {
    bytes.saturating_sub(HEADER) / 2
}

/// Reads all samples (16 kHz mono) of a recording that a [`super::Store`] made. Ignores the
/// header's length. Blocking.
///
/// # Errors
/// [`StoreError::File`].
pub fn read_pcm(path: &Path) -> Result<Vec<i16>, StoreError> {
    let failed = StoreError::file(mark!("reading the recording"), path);
    let bytes = regular::read(path, Trust::Own, LONGEST).map_err(|it| failed(it.into()))?;
    let pcm = bytes.get(HEADER as usize..).unwrap_or_default();
    Ok(pcm.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect())
}

/// A recording's file, and the place of the samples in it.
#[derive(Debug)]
pub struct Pcm {
    /// The recording's file.
    pub file: File,
    /// The offset of the first sample in the file, in bytes.
    pub offset: u64,
    /// The number of samples, from the file's length, because the header of an interrupted
    /// recording is wrong.
    pub samples: u64,
}

/// Opens a recording's samples without reading them: 16 kHz mono, 16 bit, little-endian.
///
/// # Errors
/// Fails if the file cannot be opened.
pub fn open_pcm(path: &Path) -> Result<Pcm, StoreError> {
    let opened = regular::open(path, Trust::Own).map_err(io::Error::from);
    let opened = opened.and_then(|file| Ok((file.metadata()?.len(), file)));
    let (bytes, file) = opened.map_err(StoreError::file(mark!("reading the recording"), path))?;
    Ok(Pcm { file, offset: HEADER, samples: samples_of_length(bytes) })
}

/// Makes the file, which must not exist yet. It is readable too, in case it is deleted.
fn make(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path)
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn header(samples: u64) -> [u8; HEADER as usize] {
    // A recording of 37 hours would not fit. The longest one is two hours.
    let data = u32::try_from(samples * 2).unwrap_or(u32::MAX - 36).min(u32::MAX - 36);
    let mut header = [0; HEADER as usize];
    let fields: [(usize, &[u8]); 13] = [
        (0, b"RIFF"),
        (4, &(36 + data).to_le_bytes()),
        (8, b"WAVE"),
        (12, b"fmt "),
        (16, &16u32.to_le_bytes()),
        (20, &1u16.to_le_bytes()),
        (22, &1u16.to_le_bytes()),
        (24, &RATE.to_le_bytes()),
        (28, &(RATE * 2).to_le_bytes()),
        (32, &2u16.to_le_bytes()),
        (34, &16u16.to_le_bytes()),
        (36, b"data"),
        (40, &data.to_le_bytes()),
    ];
    for (at, bytes) in fields {
        header[at..at + bytes.len()].copy_from_slice(bytes);
    }
    header
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn hound(path: &Path) -> Vec<i16> {
        let mut reader = hound::WavReader::open(path).unwrap();
        let spec = reader.spec();
        assert_eq!((spec.channels, spec.sample_rate, spec.bits_per_sample), (1, RATE, 16));
        reader.samples().map(Result::unwrap).collect()
    }

    proptest! {
        #[test]
        fn what_is_appended_is_read_by_us_at_once_and_by_others_once_synced(
            pieces in proptest::collection::vec(proptest::collection::vec(any::<i16>(), 0..9000), 0..6),
        ) {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("x.wav");
            let mut wav = Wav::create(&path).unwrap();
            let mut all = Vec::new();
            for piece in pieces {
                wav.append(&piece).unwrap();
                all.extend(piece);
                prop_assert_eq!(&read_pcm(&path).unwrap(), &all);
                let heard = hound(&path);
                prop_assert!(all.starts_with(&heard) && all.len() - heard.len() < RATE as usize);
            }
            wav.sync().unwrap();
            prop_assert_eq!(&hound(&path), &all);
        }

        #[test]
        fn any_bytes_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("x.wav");
            fs::write(&path, &bytes).unwrap();
            let samples = read_pcm(&path).unwrap();
            prop_assert_eq!(samples.len() as u64, samples_in(&path));
            prop_assert_eq!(Wav::open(&path).unwrap().samples(), samples.len() as u64);
            prop_assert_eq!(hound(&path), samples);
        }
    }
}
