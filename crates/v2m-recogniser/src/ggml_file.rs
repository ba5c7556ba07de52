//! Reads files in ggml's format, piece by piece. Every length in a file is checked against the
//! file's size before it is used.
//!
//! Whisper's models and the voice activity model have this format. Reading it does not need ggml.

use crate::model::LoadError;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::Path;
use v2m_messages::tr;

const MAGIC: i32 = 0x6767_6d6c; // "ggml"

/// ggml's number for 32-bit floats.
pub const F32: i32 = 0;
/// ggml's number for 16-bit floats.
pub const F16: i32 = 1;

/// Opens `path` and reads it with `read`.
///
/// # Errors
/// [`LoadError::Missing`] when it cannot be read, [`LoadError::Broken`] when `read` finds a flaw in
/// its content.
pub fn open<T>(
    path: &Path,
    read: impl FnOnce(&mut GgmlFile) -> Result<T, Flaw>,
) -> Result<T, LoadError> {
    let missing = |source| LoadError::Missing { path: path.into(), source };
    let mut file = GgmlFile::open(path).map_err(missing)?;
    read(&mut file).map_err(|flaw| match flaw {
        Flaw::Io(error) => missing(error),
        Flaw::Content(why) => LoadError::Broken { path: path.into(), why },
    })
}

/// The reason that a file cannot be used.
#[derive(Debug)]
pub enum Flaw {
    /// Reading failed.
    Io(io::Error),
    /// A clause about the file, for the user: "it is cut off".
    Content(String),
}

impl From<io::Error> for Flaw {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::Content(tr!("it ends too early").into()),
            _ => Self::Io(error),
        }
    }
}

/// Refuses the file with `why` unless the condition holds.
///
/// # Errors
/// [`Flaw::Content`].
pub fn ensure(holds: bool, why: impl FnOnce() -> String) -> Result<(), Flaw> {
    if holds { Ok(()) } else { Err(Flaw::Content(why())) }
}

/// An entry of the table of tensors.
#[derive(Debug)]
pub struct Tensor {
    /// Its name.
    pub name: String,
    /// ggml's number for the type of the values.
    pub kind: i32,
    /// The sizes, the row's first; 1 for dimensions beyond the tensor's.
    pub sizes: [u32; 4],
    /// The size of the values in the file, in bytes.
    pub bytes: u64,
}

/// The open file.
#[derive(Debug)]
pub struct GgmlFile {
    file: BufReader<File>,
    at: u64,
    /// The size of the whole file in bytes.
    pub length: u64,
}

impl GgmlFile {
    fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let facts = file.metadata()?;
        if !facts.is_file() {
            return Err(io::Error::other(tr!("it is not a file")));
        }
        Ok(Self { file: BufReader::new(file), at: 0, length: facts.len() })
    }

    /// Fills `buffer` with the next bytes.
    ///
    /// # Errors
    /// The file's errors; `UnexpectedEof` at its end.
    pub fn read(&mut self, buffer: &mut [u8]) -> io::Result<()> {
        self.file.read_exact(buffer)?;
        self.at += buffer.len() as u64;
        Ok(())
    }

    /// Returns the next 32-bit little-endian integers.
    ///
    /// # Errors
    /// The errors of [`Self::read`].
    pub fn ints<const N: usize>(&mut self) -> Result<[i32; N], Flaw> {
        let mut ints = [0; N];
        for int in &mut ints {
            let mut bytes = [0; 4];
            self.read(&mut bytes)?;
            *int = i32::from_le_bytes(bytes);
        }
        Ok(ints)
    }

    /// Skips this many bytes, which must exist.
    ///
    /// # Errors
    /// When the file is too short, or the file's errors.
    pub fn skip(&mut self, bytes: u64) -> Result<(), Flaw> {
        ensure(self.length.saturating_sub(self.at) >= bytes, || {
            tr!("it is cut off after {length} bytes", length = self.length)
        })?;
        match i64::try_from(bytes) {
            Ok(offset) => self.file.seek_relative(offset)?,
            Err(_) => self.file.seek(SeekFrom::Start(self.at + bytes)).map(drop)?,
        }
        self.at += bytes;
        Ok(())
    }

    /// Reads ggml's four magic letters at the beginning of the file.
    ///
    /// # Errors
    /// When the letters are missing.
    pub fn magic(&mut self) -> Result<(), Flaw> {
        ensure(self.length > 0, || tr!("it is empty").into())?;
        let [magic] = self.ints()?;
        ensure(magic == MAGIC, || tr!("it is not in ggml form").into())
    }

    /// Reads the next tensor's entry, without its values. `None` at the end of the file.
    ///
    /// # Errors
    /// When the entry is not valid in ggml's format, or the file ends within it.
    pub fn tensor(&mut self) -> Result<Option<Tensor>, Flaw> {
        if self.at == self.length {
            return Ok(None);
        }
        let damaged = || tr!("its table of tensors is damaged").to_owned();
        let [dimensions, name, kind] = self.ints()?;
        ensure((0..=4).contains(&dimensions) && (1..=128).contains(&name), damaged)?;
        let (block, block_bytes) = block(kind).ok_or_else(|| Flaw::Content(damaged()))?;
        let (mut sizes, mut values) = ([1; 4], 1);
        for slot in sizes.iter_mut().take(dimensions.unsigned_abs() as usize) {
            let [size] = self.ints()?;
            ensure((1..=1 << 24).contains(&size), damaged)?;
            *slot = size.unsigned_abs();
            values *= u64::from(*slot);
            ensure(values <= 1 << 32, damaged)?;
        }
        ensure(values % block == 0, damaged)?;
        let mut letters = vec![0; name.unsigned_abs() as usize];
        self.read(&mut letters)?;
        let name = String::from_utf8(letters).map_err(|_| Flaw::Content(damaged()))?;
        Ok(Some(Tensor { name, kind, sizes, bytes: values / block * block_bytes }))
    }
}

/// Returns the values and bytes of one block of a ggml type (`ggml_type` and `type_traits` in
/// ggml.c). `None` for types that no Whisper model uses.
pub fn block(kind: i32) -> Option<(u64, u64)> {
    Some(match kind {
        F32 => (1, 4),
        F16 => (1, 2),
        2 => (32, 18),    // q4_0
        3 => (32, 20),    // q4_1
        6 => (32, 22),    // q5_0
        7 => (32, 24),    // q5_1
        8 => (32, 34),    // q8_0
        10 => (256, 84),  // q2_K
        11 => (256, 110), // q3_K
        12 => (256, 144), // q4_K
        13 => (256, 176), // q5_K
        14 => (256, 210), // q6_K
        _ => return None,
    })
}
