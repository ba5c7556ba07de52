//! Reads untrusted files: every length is checked against the file's real content before anything
//! of that size is allocated. Little-endian, like all these formats.

use std::fs::File;
use std::io::{BufReader, ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use v2m_messages::tr;

use crate::error::{Doing, ModelError};

/// A seekable input that knows its length and position.
pub(crate) struct ModelInput<R> {
    reader: R,
    path: PathBuf,
    at: u64,
    len: u64,
}

impl ModelInput<BufReader<File>> {
    pub(crate) fn open(path: &Path) -> Result<Self, ModelError> {
        let file = File::open(path).map_err(ModelError::io(Doing::Open, path))?;
        Self::of(file, path)
    }

    /// `path` is only for error messages.
    pub(crate) fn of(file: File, path: &Path) -> Result<Self, ModelError> {
        Self::new(BufReader::with_capacity(1 << 16, file), path)
    }
}

impl<R: Read + Seek> ModelInput<R> {
    /// `path` is only for error messages.
    pub(crate) fn new(mut reader: R, path: &Path) -> Result<Self, ModelError> {
        let len = reader.seek(SeekFrom::End(0)).map_err(ModelError::io(Doing::Read, path))?;
        reader.seek(SeekFrom::Start(0)).map_err(ModelError::io(Doing::Read, path))?;
        Ok(Self { reader, path: path.to_owned(), at: 0, len })
    }

    pub(crate) fn at(&self) -> u64 {
        self.at
    }

    pub(crate) fn left(&self) -> u64 {
        self.len - self.at
    }

    pub(crate) fn bad(&self, what: impl Into<String>) -> ModelError {
        ModelError::bad(&self.path, what)
    }

    /// Checks that `bytes` more are there; `what` names the item they belong to.
    pub(crate) fn need(&self, bytes: u64, what: &str) -> Result<(), ModelError> {
        if bytes <= self.left() {
            return Ok(());
        }
        Err(self.bad(tr!(
            "cut short inside {what}: {bytes} bytes should follow at byte {at}, and {left} are there",
            what,
            bytes,
            at = self.at,
            left = self.left()
        )))
    }

    pub(crate) fn fill(&mut self, buffer: &mut [u8], what: &str) -> Result<(), ModelError> {
        self.need(buffer.len() as u64, what)?;
        self.reader.read_exact(buffer).map_err(|e| match e.kind() {
            ErrorKind::UnexpectedEof => self.bad(tr!("became shorter while {what} was read", what)),
            _ => ModelError::io(Doing::Read, &self.path)(e),
        })?;
        self.at += buffer.len() as u64;
        Ok(())
    }

    pub(crate) fn bytes(&mut self, count: u64, what: &str) -> Result<Vec<u8>, ModelError> {
        self.need(count, what)?;
        let mut buffer = vec![0; to_usize(count)];
        self.fill(&mut buffer, what)?;
        Ok(buffer)
    }

    pub(crate) fn skip(&mut self, count: u64, what: &str) -> Result<(), ModelError> {
        self.need(count, what)?;
        self.seek_to(self.at + count)
    }

    pub(crate) fn seek_to(&mut self, at: u64) -> Result<(), ModelError> {
        let by =
            i64::try_from(at).ok().zip(i64::try_from(self.at).ok()).map(|(to, from)| to - from);
        let by = by.ok_or_else(|| self.bad(tr!("is too large")))?;
        // Relative, because an absolute seek discards the buffer.
        self.reader.seek_relative(by).map_err(ModelError::io(Doing::Read, &self.path))?;
        self.at = at;
        Ok(())
    }

    pub(crate) fn u8(&mut self, what: &str) -> Result<u8, ModelError> {
        let mut b = [0];
        self.fill(&mut b, what).map(|()| b[0])
    }

    pub(crate) fn u16(&mut self, what: &str) -> Result<u16, ModelError> {
        let mut b = [0; 2];
        self.fill(&mut b, what).map(|()| u16::from_le_bytes(b))
    }

    pub(crate) fn u32(&mut self, what: &str) -> Result<u32, ModelError> {
        let mut b = [0; 4];
        self.fill(&mut b, what).map(|()| u32::from_le_bytes(b))
    }

    pub(crate) fn u64(&mut self, what: &str) -> Result<u64, ModelError> {
        let mut b = [0; 8];
        self.fill(&mut b, what).map(|()| u64::from_le_bytes(b))
    }
}

/// Converts a length that was checked against a file's size. It fits into the address space on
/// every 64-bit machine, and v2m runs on no other.
pub(crate) fn to_usize(n: u64) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    #[test]
    fn a_length_beyond_the_file_is_refused_before_anything_is_allocated() {
        let mut input = ModelInput::new(Cursor::new(vec![1, 0, 0, 0, 9]), Path::new("x")).unwrap();
        assert_eq!(input.u32("a").unwrap(), 1);
        let error = input.bytes(u64::MAX, "the weights").unwrap_err().to_string();
        assert!(error.contains("cut short inside the weights"), "{error}");
        assert!(input.skip(2, "a").is_err());
        assert_eq!(input.u8("a").unwrap(), 9);
        assert_eq!(input.left(), 0);
    }
}
