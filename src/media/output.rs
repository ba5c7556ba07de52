//! Writes the samples out.

use super::MediaError;
use super::resample::Mixer;
use std::io;
use std::path::Path;

/// The destination of the samples, little-endian.
pub(super) struct Output<'a, W> {
    path: &'a Path,
    writer: &'a mut W,
    bytes: Vec<u8>,
    pub(super) samples: u64,
    max: u64,
}

impl<'a, W: io::Write> Output<'a, W> {
    /// Makes an output for at most `max` samples.
    pub(super) fn new(path: &'a Path, writer: &'a mut W, max: u64) -> Self {
        Self { path, writer, bytes: Vec::new(), samples: 0, max }
    }

    /// Writes the samples that the mixer has.
    pub(super) fn take(&mut self, mixer: &mut Mixer) -> Result<(), MediaError> {
        self.bytes.clear();
        self.bytes.extend(mixer.samples.drain(..).flat_map(i16::to_le_bytes));
        self.samples += self.bytes.len() as u64 / 2;
        if self.samples > self.max {
            return Err(MediaError::TooLong { path: self.path.into() });
        }
        let failed = |source| MediaError::Spool { path: self.path.into(), source };
        self.writer.write_all(&self.bytes).map_err(failed)
    }
}
