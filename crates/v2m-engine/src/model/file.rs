//! A model file's structure: header, mel filters, vocabulary and the table of tensors up to the
//! last byte, as whisper.cpp's `whisper_model_load` and `whisper_vad_init_with_params` read them.

use super::LoadError;
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

const MAGIC: i32 = 0x6767_6d6c; // "ggml"

/// Checks a Whisper model and tells its size in bytes.
///
/// # Errors
/// [`LoadError::Missing`] when it cannot be read, [`LoadError::Broken`] when it is no whole model.
pub fn whisper(path: &Path) -> Result<u64, LoadError> {
    open(path, |source| {
        whisper_structure(source)?;
        Ok(source.length)
    })
}

/// Reads a Silero model: its tensors by name, as 32-bit floats in the file's order.
///
/// # Errors
/// As [`whisper`].
pub fn silero(path: &Path) -> Result<HashMap<String, Vec<f32>>, LoadError> {
    open(path, silero_tensors)
}

fn open<T>(path: &Path, read: impl FnOnce(&mut Source) -> Result<T, Flaw>) -> Result<T, LoadError> {
    let missing = |source| LoadError::Missing { path: path.into(), source };
    let mut source = Source::open(path).map_err(missing)?;
    read(&mut source).map_err(|flaw| match flaw {
        Flaw::Io(error) => missing(error),
        Flaw::Content(why) => LoadError::Broken { path: path.into(), why },
    })
}

enum Flaw {
    Io(io::Error),
    Content(String),
}

impl From<io::Error> for Flaw {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::Content("it ends too early".into()),
            _ => Self::Io(error),
        }
    }
}

fn ensure(holds: bool, why: impl FnOnce() -> String) -> Result<(), Flaw> {
    if holds { Ok(()) } else { Err(Flaw::Content(why())) }
}

fn whisper_structure(source: &mut Source) -> Result<(), Flaw> {
    source.magic()?;
    let header: [i32; 11] = source.ints()?;
    let [
        vocabulary,
        audio_ctx,
        state,
        heads,
        layers,
        text_ctx,
        text_state,
        _,
        text_layers,
        mels,
        kind,
    ] = header;
    // Wide enough for every Whisper and distilled Whisper there is, tight enough that no product
    // of two of them overflows or allocates absurdly.
    let plausible = (50_000..=60_000).contains(&vocabulary)
        && audio_ctx == 1500
        && (64..=4096).contains(&state)
        && (1..=64).contains(&heads)
        && (1..=64).contains(&layers)
        && text_ctx == 448
        && text_state == state
        && (1..=64).contains(&text_layers)
        && matches!(mels, 80 | 128)
        && (0..=3000).contains(&kind);
    ensure(plausible, || "its header is not Whisper's".into())?;

    let filters: [i32; 2] = source.ints()?;
    ensure(filters[0] == mels && filters[1] == 201, || "its mel filters are not Whisper's".into())?;
    source.skip(u64::from(mels.unsigned_abs()) * 201 * 4)?;

    let [words] = source.ints()?;
    ensure((1..=vocabulary).contains(&words), || "its vocabulary has an impossible size".into())?;
    for _ in 0..words {
        let [length] = source.ints()?;
        ensure((0..=1024).contains(&length), || "its vocabulary is damaged".into())?;
        source.skip(length.unsigned_abs().into())?;
    }
    // Fixed by whisper.cpp: 7 of the encoder and 15 a layer, 4 of the decoder and 24 a layer.
    let expected = 11 + 15 * layers + 24 * text_layers;
    let mut count = 0;
    while let Some(tensor) = source.tensor()? {
        source.skip(tensor.bytes)?;
        count += 1;
    }
    ensure(count == expected, || format!("it holds {count} of its {expected} tensors"))
}

fn silero_tensors(source: &mut Source) -> Result<HashMap<String, Vec<f32>>, Flaw> {
    source.magic()?;
    let [length] = source.ints()?;
    ensure((1..=64).contains(&length), || "it is no voice activity model".into())?;
    let mut kind = vec![0; length.unsigned_abs() as usize];
    source.read(&mut kind)?;
    ensure(kind.starts_with(b"silero"), || "it is no Silero model".into())?;
    let [_, _, _, window, _, layers]: [i32; 6] = source.ints()?;
    ensure(window == 512 && layers == 4, || "its header is not Silero's at 16 kHz".into())?;
    let shapes: [i32; 16] = source.ints()?;
    let expected = [129, 128, 3, 128, 64, 3, 64, 64, 3, 64, 128, 3, 128, 128, 128, 1];
    ensure(shapes == expected, || "its layers are not those of Silero 5 or 6".into())?;
    let mut tensors = HashMap::new();
    while let Some(tensor) = source.tensor()? {
        // The whole model is below 1 MB; a table that claims more must not be believed.
        ensure(tensor.bytes <= 1 << 20, || "its table of tensors is damaged".into())?;
        let mut bytes = vec![0; usize::try_from(tensor.bytes).unwrap_or(0)];
        source.read(&mut bytes)?;
        let values = match tensor.kind {
            F32 => bytes
                .chunks_exact(4)
                .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
                .collect(),
            F16 => bytes.chunks_exact(2).map(|b| half(u16::from_le_bytes([b[0], b[1]]))).collect(),
            _ => return Err(Flaw::Content("its weights are of an unexpected type".into())),
        };
        tensors.insert(tensor.name, values);
    }
    Ok(tensors)
}

/// IEEE 754 half precision. No infinities or NaN: weights have none.
fn half(bits: u16) -> f32 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let exponent = i32::from(bits >> 10 & 31);
    let fraction = f32::from(bits & 1023) / 1024.0;
    match exponent {
        0 => sign * fraction * 2f32.powi(-14),
        _ => sign * (1.0 + fraction) * 2f32.powi(exponent - 15),
    }
}

struct Tensor {
    name: String,
    kind: i32,
    bytes: u64,
}

struct Source {
    file: BufReader<File>,
    at: u64,
    length: u64,
}

impl Source {
    fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let facts = file.metadata()?;
        if !facts.is_file() {
            return Err(io::Error::other("it is not a file"));
        }
        Ok(Self { file: BufReader::new(file), at: 0, length: facts.len() })
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<()> {
        self.file.read_exact(buffer)?;
        self.at += buffer.len() as u64;
        Ok(())
    }

    fn ints<const N: usize>(&mut self) -> Result<[i32; N], Flaw> {
        let mut ints = [0; N];
        for int in &mut ints {
            let mut bytes = [0; 4];
            self.read(&mut bytes)?;
            *int = i32::from_le_bytes(bytes);
        }
        Ok(ints)
    }

    fn skip(&mut self, bytes: u64) -> Result<(), Flaw> {
        ensure(self.length.saturating_sub(self.at) >= bytes, || {
            format!("it is cut off: {} bytes are not all of it", self.length)
        })?;
        match i64::try_from(bytes) {
            Ok(offset) => self.file.seek_relative(offset)?,
            Err(_) => self.file.seek(SeekFrom::Start(self.at + bytes)).map(drop)?,
        }
        self.at += bytes;
        Ok(())
    }

    fn magic(&mut self) -> Result<(), Flaw> {
        ensure(self.length > 0, || "it is empty".into())?;
        let [magic] = self.ints()?;
        ensure(magic == MAGIC, || "it is not in ggml form".into())
    }

    /// The next tensor's entry, its data not read yet; `None` at the end of the file.
    fn tensor(&mut self) -> Result<Option<Tensor>, Flaw> {
        if self.at == self.length {
            return Ok(None);
        }
        let damaged = || "its table of tensors is damaged".to_owned();
        let [dimensions, name, kind] = self.ints()?;
        ensure((0..=4).contains(&dimensions) && (1..=128).contains(&name), damaged)?;
        let (block, block_bytes) = block(kind).ok_or_else(|| Flaw::Content(damaged()))?;
        let mut elements = 1;
        for _ in 0..dimensions {
            let [size] = self.ints()?;
            ensure((1..=1 << 24).contains(&size), damaged)?;
            elements *= u64::from(size.unsigned_abs());
            ensure(elements <= 1 << 32, damaged)?;
        }
        ensure(elements % block == 0, damaged)?;
        let mut letters = vec![0; name.unsigned_abs() as usize];
        self.read(&mut letters)?;
        let name = String::from_utf8(letters).map_err(|_| Flaw::Content(damaged()))?;
        Ok(Some(Tensor { name, kind, bytes: elements / block * block_bytes }))
    }
}

const F32: i32 = 0;
const F16: i32 = 1;

/// Elements and bytes of one block of a ggml type (`ggml_type` and `type_traits` in ggml.c).
fn block(kind: i32) -> Option<(u64, u64)> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Write;

    fn checked(content: &[u8]) -> Result<u64, LoadError> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(content).unwrap();
        whisper(file.path())
    }

    #[test]
    fn what_is_no_model_is_broken() {
        for content in [&b""[..], b"lmg", b"lmgg", b"hello, this is text, not a model at all"] {
            assert!(matches!(checked(content), Err(LoadError::Broken { .. })), "{content:?}");
        }
    }

    #[test]
    fn what_is_not_there_is_missing() {
        assert!(matches!(whisper(Path::new("/nonexistent")), Err(LoadError::Missing { .. })));
        assert!(matches!(whisper(Path::new("/tmp")), Err(LoadError::Missing { .. })));
    }

    proptest! {
        #[test]
        fn random_bytes_behind_the_magic_are_broken(rest in proptest::collection::vec(any::<u8>(), 0..400)) {
            let content = [b"lmgg".as_slice(), &rest].concat();
            let refused = matches!(checked(&content), Err(LoadError::Broken { .. }));
            prop_assert!(refused);
        }
    }
}
