//! GGUF files: reading enough to tell what they are and that they are whole, and writing.
//!
//! Little-endian: the magic, the version, the numbers of tensors and of values, the values (key,
//! type, value), the table of tensors (name, dimensions innermost first, type, offset), padding, the
//! tensors. Each tensor begins at a multiple of [`ALIGNMENT`]. Source: ggml's `docs/gguf.md` and
//! `gguf.cpp`. Not here: what a model of a family must hold ([`crate::moonshine`], [`crate::nemo`]).

use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::io::{Read, Seek, Write};
use std::path::Path;

use v2m_messages::tr;

use crate::error::{Doing, ModelError};
use crate::family::Family;
pub use crate::family::Summary;
use crate::input::ModelInput;
use crate::language::Languages;
use crate::nemo::nemotron;
pub use crate::nemo::nemotron::Streaming;
use crate::{moonshine, nemo};

/// The first four bytes, "GGUF".
const MAGIC: u32 = 0x4655_4747;
const VERSION: u32 = 3;
/// Of each tensor, from the first one on. v2m takes no other alignment than that of all published
/// files.
pub(crate) const ALIGNMENT: u64 = 32;
/// More than any recogniser's model has.
const MOST_VALUES: u64 = 1024;
const MOST_TENSORS: u64 = 8192;
/// ggml's `GGML_MAX_NAME`, with the zero at the end.
const LONGEST_NAME: u64 = 63;
const LONGEST_KEY: u64 = 255;
const LONGEST_TEXT: u64 = 1 << 20;
/// A text that is kept. Of longer ones, as licences and templates, none is looked at, and all of
/// them together would be a gigabyte.
const LONGEST_KEPT: u64 = 4 << 10;
/// Numbers of an array that are kept. All that are looked at are shorter.
const KEPT: u64 = 16;
/// Texts of an array that are kept, and their bytes: lists of languages, not of tokens.
const NAMES: u64 = 512;
const LONGEST_LISTED: u64 = 32;
/// Values of one tensor: far more than the largest has.
const MOST_ELEMENTS: u64 = 1 << 32;

/// How a tensor's values are stored, with ggml's number of the type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum TensorKind {
    F32 = 0,
    F16 = 1,
    Q4_0 = 2,
    Q4_1 = 3,
    Q5_0 = 6,
    Q5_1 = 7,
    Q8_0 = 8,
    Q4K = 12,
    Q5K = 13,
    Q6K = 14,
    Bf16 = 30,
}

impl TensorKind {
    /// All that transcribe.cpp takes for a matrix.
    const ALL: [Self; 11] = [
        Self::F32,
        Self::F16,
        Self::Q4_0,
        Self::Q4_1,
        Self::Q5_0,
        Self::Q5_1,
        Self::Q8_0,
        Self::Q4K,
        Self::Q5K,
        Self::Q6K,
        Self::Bf16,
    ];

    fn from_id(id: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as u32 == id)
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Q4_0 => "q4_0",
            Self::Q4_1 => "q4_1",
            Self::Q5_0 => "q5_0",
            Self::Q5_1 => "q5_1",
            Self::Q8_0 => "q8_0",
            Self::Q4K => "q4_k",
            Self::Q5K => "q5_k",
            Self::Q6K => "q6_k",
            Self::Bf16 => "bf16",
        }
    }

    /// Values and bytes of a block: `ggml-common.h`.
    fn block(self) -> (u64, u64) {
        match self {
            Self::F32 => (1, 4),
            Self::F16 | Self::Bf16 => (1, 2),
            Self::Q4_0 => (32, 18),
            Self::Q4_1 => (32, 20),
            Self::Q5_0 => (32, 22),
            Self::Q5_1 => (32, 24),
            Self::Q8_0 => (32, 34),
            Self::Q4K => (256, 144),
            Self::Q5K => (256, 176),
            Self::Q6K => (256, 210),
        }
    }

    /// The bytes of a tensor; `None` where the dimensions are absurd or are not whole blocks.
    pub(crate) fn bytes(self, dims: &[u64]) -> Option<u64> {
        let (block, bytes) = self.block();
        let count = dims.iter().try_fold(1_u64, |n, d| n.checked_mul(*d))?;
        let whole = dims.first()?.is_multiple_of(block);
        (whole && (1..=MOST_ELEMENTS).contains(&count)).then(|| count / block * bytes)
    }
}

/// A value of the head. What is not looked at is only measured.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Number(u64),
    Float(f32),
    Bool(bool),
    Text(String),
    /// An array of numbers: how many, and the first ones.
    Numbers(u64, Vec<u64>),
    /// An array of texts: how many.
    Texts(u64),
    /// An array of few and short texts.
    Names(Vec<String>),
    /// Anything else.
    Other,
}

/// A row of the table of tensors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tensor {
    pub(crate) name: String,
    /// Innermost first.
    pub(crate) dims: Vec<u64>,
    pub(crate) kind: TensorKind,
}

/// The head of a file.
#[derive(Debug)]
pub(crate) struct Gguf {
    pub(crate) values: BTreeMap<String, Value>,
    pub(crate) tensors: Vec<Tensor>,
}

/// Whether the file with these first bytes is in GGUF form.
#[must_use]
pub fn is_gguf(head: &[u8]) -> bool {
    head.starts_with(&MAGIC.to_le_bytes())
}

/// Reads a file's head and table of tensors: that it is a model that v2m's engine for GGUF can run,
/// and whole in structure (not that its weights are right: [`crate::verify`]).
///
/// # Errors
/// Says where the file is not what it should be.
pub fn inspect(path: &Path) -> Result<Summary, ModelError> {
    inspected(ModelInput::open(path)?, path)
}

/// The same for a file that is open; `path` is only for error messages.
///
/// # Errors
/// Says where the file is not what it should be.
pub fn inspect_open(file: File, path: &Path) -> Result<Summary, ModelError> {
    inspected(ModelInput::of(file, path)?, path)
}

/// What the engine has to know of a model that writes while somebody speaks, and that was inspected.
///
/// # Errors
/// Says where the file is not what it should be.
pub fn streaming(path: &Path) -> Result<Streaming, ModelError> {
    let head = Gguf::read(ModelInput::open(path)?)?;
    nemotron::streaming(&head).map_err(|what| ModelError::bad(path, what))
}

fn inspected<R: Read + Seek>(input: ModelInput<R>, path: &Path) -> Result<Summary, ModelError> {
    let bytes = input.left();
    let head = Gguf::read(input)?;
    let architecture = match head.values.get("general.architecture") {
        Some(Value::Text(name)) => name.as_str(),
        _ => return Err(ModelError::bad(path, tr!("it does not say which architecture it has"))),
    };
    let bad = |what| ModelError::bad(path, what);
    let (family, languages, weights) = match architecture {
        moonshine::ARCHITECTURE => {
            (Family::Moonshine, Languages::English, moonshine::check(&head).map_err(bad)?)
        }
        nemo::CANARY => nemo::check_canary(&head).map_err(bad)?,
        nemo::PARAKEET if nemotron::is_one(&head) => nemotron::check(&head).map_err(bad)?,
        nemo::PARAKEET => nemo::check_parakeet(&head).map_err(bad)?,
        other => {
            let known = [moonshine::ARCHITECTURE, nemo::CANARY, nemo::PARAKEET].join(", ");
            return Err(bad(tr!(
                "v2m does not run models of the architecture {name}, only {known}",
                name = shown(other),
                known
            )));
        }
    };
    Ok(Summary { family, languages, weights, bytes })
}

/// A name out of a file, as it may stand in a message.
pub(crate) fn shown(name: &str) -> String {
    format!("{:?}", name.chars().take(40).collect::<String>())
}

impl Gguf {
    /// Reads the head and checks it against the file's length.
    pub(crate) fn read<R: Read + Seek>(mut input: ModelInput<R>) -> Result<Self, ModelError> {
        let what = tr!("the header");
        if input.left() < 24 || input.u32(what)? != MAGIC {
            return Err(input.bad(tr!("not a model in GGUF form")));
        }
        let version = input.u32(what)?;
        if version != VERSION {
            return Err(input.bad(tr!(
                "GGUF of version {version}; v2m reads version {known}",
                version,
                known = VERSION
            )));
        }
        let (tensors, values) = (input.u64(what)?, input.u64(what)?);
        if tensors > MOST_TENSORS || values > MOST_VALUES {
            return Err(input.bad(tr!(
                "{tensors} tensors and {values} values: no recogniser's model has that",
                tensors,
                values
            )));
        }
        let values = read_values(&mut input, values)?;
        let tensors = read_tensors(&mut input, tensors)?;
        Ok(Self { values, tensors })
    }

    pub(crate) fn tensor(&self, name: &str) -> Option<&Tensor> {
        self.tensors.iter().find(|tensor| tensor.name == name)
    }
}

fn read_values<R: Read + Seek>(
    input: &mut ModelInput<R>,
    count: u64,
) -> Result<BTreeMap<String, Value>, ModelError> {
    let what = tr!("the header");
    let mut values = BTreeMap::new();
    for _ in 0..count {
        let key = text(input, LONGEST_KEY)?;
        let kind = input.u32(what)?;
        let value = value(input, kind)?;
        if key == "general.alignment" && value != Value::Number(ALIGNMENT) {
            return Err(input.bad(tr!("its tensors are aligned in a way that v2m does not read")));
        }
        let name = shown(&key);
        if values.insert(key, value).is_some() {
            return Err(input.bad(tr!("{name} is there twice", name)));
        }
    }
    Ok(values)
}

fn read_tensors<R: Read + Seek>(
    input: &mut ModelInput<R>,
    count: u64,
) -> Result<Vec<Tensor>, ModelError> {
    let what = tr!("the table of tensors");
    let mut tensors: Vec<Tensor> = Vec::new();
    let mut names = HashSet::new();
    // Where the next tensor must begin, from the first one on: they lie behind one another.
    let mut end = 0_u64;
    for _ in 0..count {
        let name = text(input, LONGEST_NAME)?;
        let rank = input.u32(what)?;
        if !(1..=4).contains(&rank) {
            return Err(input.bad(tr!("{name} has the rank {rank}", name = shown(&name), rank)));
        }
        let mut dims = Vec::new();
        for _ in 0..rank {
            dims.push(input.u64(what)?);
        }
        let (id, offset) = (input.u32(what)?, input.u64(what)?);
        let Some(kind) = TensorKind::from_id(id) else {
            return Err(input.bad(tr!(
                "{name} is stored as type {id}, which v2m does not read",
                name = shown(&name),
                id
            )));
        };
        let bytes = kind.bytes(&dims).ok_or_else(|| {
            input.bad(tr!(
                "{name} has the dimensions {dims}",
                name = shown(&name),
                dims = format_args!("{dims:?}")
            ))
        })?;
        if offset != end {
            return Err(input.bad(tr!(
                "{name} begins at byte {offset} of the weights, not at {end}",
                name = shown(&name),
                offset,
                end
            )));
        }
        if !names.insert(name.clone()) {
            return Err(input.bad(tr!("{name} is there twice", name = shown(&name))));
        }
        // No overflow: at most 2^13 tensors of at most 2^34 bytes.
        end = (end + bytes).next_multiple_of(ALIGNMENT);
        tensors.push(Tensor { name, dims, kind });
    }
    let padding = input.at().next_multiple_of(ALIGNMENT) - input.at();
    input.skip(padding, what)?;
    if input.left() != end {
        return Err(input.bad(tr!(
            "its weights have {found} bytes, not {expected}; is a part missing?",
            found = input.left(),
            expected = end
        )));
    }
    Ok(tensors)
}

fn text<R: Read + Seek>(input: &mut ModelInput<R>, most: u64) -> Result<String, ModelError> {
    let what = tr!("the header");
    let length = input.u64(what)?;
    if length > most {
        return Err(input.bad(tr!("a text of {length} bytes in the header", length)));
    }
    text_of(input, length)
}

fn text_of<R: Read + Seek>(input: &mut ModelInput<R>, length: u64) -> Result<String, ModelError> {
    let bytes = input.bytes(length, tr!("the header"))?;
    String::from_utf8(bytes).map_err(|_| input.bad(tr!("a name in the header is not text")))
}

/// Bytes of a number of this type.
fn number_bytes(kind: u32) -> Option<u64> {
    Some(match kind {
        0 | 1 | 7 => 1,
        2 | 3 => 2,
        4..=6 => 4,
        10..=12 => 8,
        _ => return None,
    })
}

const FLOAT: u32 = 6;
const BOOL: u32 = 7;
const TEXT: u32 = 8;
const ARRAY: u32 = 9;
const UNSIGNED: u32 = 4;
const SIGNED: u32 = 5;

fn value<R: Read + Seek>(input: &mut ModelInput<R>, kind: u32) -> Result<Value, ModelError> {
    let what = tr!("the header");
    Ok(match kind {
        FLOAT => Value::Float(f32::from_bits(input.u32(what)?)),
        BOOL => Value::Bool(input.u8(what)? != 0),
        TEXT => {
            let length = input.u64(what)?;
            if length > LONGEST_TEXT {
                return Err(input.bad(tr!("a text of {length} bytes in the header", length)));
            }
            if length > LONGEST_KEPT {
                input.skip(length, what)?;
                return Ok(Value::Other);
            }
            Value::Text(text_of(input, length)?)
        }
        ARRAY => {
            let (of, count) = (input.u32(what)?, input.u64(what)?);
            if of == TEXT {
                texts(input, count)?
            } else {
                let bytes = number_bytes(of).ok_or_else(|| odd_type(input, of))?;
                let all = count.checked_mul(bytes).ok_or_else(|| odd_type(input, of))?;
                input.need(all, what)?;
                let mut first = Vec::new();
                for _ in 0..count.min(KEPT) {
                    first.push(number(input, of)?);
                }
                input.skip(all - first.len() as u64 * bytes, what)?;
                Value::Numbers(count, first)
            }
        }
        12 => {
            input.skip(8, what)?;
            Value::Other
        }
        _ => Value::Number(number(input, kind)?),
    })
}

/// The texts of an array, if they are few and short. Those of others are only passed over.
fn texts<R: Read + Seek>(input: &mut ModelInput<R>, count: u64) -> Result<Value, ModelError> {
    let what = tr!("the header");
    let mut names = Some(Vec::new()).filter(|_| count <= NAMES);
    for _ in 0..count {
        let length = input.u64(what)?;
        match &mut names {
            Some(names) if length <= LONGEST_LISTED => {
                let bytes = input.bytes(length, what)?;
                names.push(String::from_utf8_lossy(&bytes).into_owned());
            }
            _ => {
                names = None;
                input.skip(length, what)?;
            }
        }
    }
    Ok(names.map_or(Value::Texts(count), Value::Names))
}

/// A number as it stands there, without its sign. Negative ones and fractions become large ones,
/// which nothing accepts.
fn number<R: Read + Seek>(input: &mut ModelInput<R>, kind: u32) -> Result<u64, ModelError> {
    let what = tr!("the header");
    Ok(match number_bytes(kind) {
        Some(1) => u64::from(input.u8(what)?),
        Some(2) => u64::from(input.u16(what)?),
        Some(4) => u64::from(input.u32(what)?),
        Some(_) => input.u64(what)?,
        None => return Err(odd_type(input, kind)),
    })
}

fn odd_type<R: Read + Seek>(input: &ModelInput<R>, kind: u32) -> ModelError {
    input.bad(tr!("a value of the unknown type {kind} in the header", kind))
}

/// What is written as a value.
pub(crate) enum NewValue {
    Unsigned(u32),
    Float(f32),
    Bool(bool),
    Text(&'static str),
    Unsigneds(Vec<u32>),
    Signeds(Vec<i32>),
    Texts(Vec<String>),
}

/// Writes a file: first the head, then each tensor in the order of the table.
pub(crate) struct Writer<'a, W> {
    out: W,
    path: &'a Path,
}

impl<'a, W: Write> Writer<'a, W> {
    /// Writes the head. `path` is only for error messages.
    pub(crate) fn new(
        out: W,
        path: &'a Path,
        values: &[(&str, NewValue)],
        tensors: &[Tensor],
    ) -> Result<Self, ModelError> {
        let mut head = Vec::new();
        head.extend(MAGIC.to_le_bytes());
        head.extend(VERSION.to_le_bytes());
        head.extend((tensors.len() as u64).to_le_bytes());
        head.extend((values.len() as u64).to_le_bytes());
        for (key, value) in values {
            put_text(&mut head, key);
            put_value(&mut head, value);
        }
        let mut at = 0_u64;
        for Tensor { name, dims, kind } in tensors {
            put_text(&mut head, name);
            head.extend((dims.len() as u32).to_le_bytes());
            dims.iter().for_each(|dim| head.extend(dim.to_le_bytes()));
            head.extend((*kind as u32).to_le_bytes());
            head.extend(at.to_le_bytes());
            let bytes = kind.bytes(dims).unwrap_or(0);
            at = (at + bytes).next_multiple_of(ALIGNMENT);
        }
        head.resize(head.len().next_multiple_of(ALIGNMENT as usize), 0);
        let mut writer = Self { out, path };
        writer.raw(&head)?;
        Ok(writer)
    }

    /// The values of the next tensor, all of them, as they stand in the file.
    pub(crate) fn tensor(&mut self, bytes: &[u8]) -> Result<(), ModelError> {
        self.raw(bytes)?;
        let padding = bytes.len().next_multiple_of(ALIGNMENT as usize) - bytes.len();
        self.raw(&[0; ALIGNMENT as usize][..padding])
    }

    fn raw(&mut self, bytes: &[u8]) -> Result<(), ModelError> {
        self.out.write_all(bytes).map_err(ModelError::io(Doing::Write, self.path))
    }
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    out.extend((text.len() as u64).to_le_bytes());
    out.extend(text.as_bytes());
}

fn put_value(out: &mut Vec<u8>, value: &NewValue) {
    let mut array = |of: u32, count: usize| {
        out.extend(ARRAY.to_le_bytes());
        out.extend(of.to_le_bytes());
        out.extend((count as u64).to_le_bytes());
    };
    match value {
        NewValue::Unsigneds(all) => {
            array(UNSIGNED, all.len());
            out.extend(all.iter().flat_map(|n| n.to_le_bytes()));
        }
        NewValue::Signeds(all) => {
            array(SIGNED, all.len());
            out.extend(all.iter().flat_map(|n| n.to_le_bytes()));
        }
        NewValue::Texts(all) => {
            array(TEXT, all.len());
            all.iter().for_each(|text| put_text(out, text));
        }
        NewValue::Unsigned(n) => {
            out.extend(UNSIGNED.to_le_bytes());
            out.extend(n.to_le_bytes());
        }
        NewValue::Float(x) => {
            out.extend(FLOAT.to_le_bytes());
            out.extend(x.to_le_bytes());
        }
        NewValue::Bool(b) => {
            out.extend(BOOL.to_le_bytes());
            out.push(u8::from(*b));
        }
        NewValue::Text(text) => {
            out.extend(TEXT.to_le_bytes());
            put_text(out, text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Cursor;

    fn tensor(name: &str, dims: &[u64], kind: TensorKind) -> Tensor {
        Tensor { name: name.into(), dims: dims.to_vec(), kind }
    }

    fn sample() -> Vec<u8> {
        let values = [
            ("general.architecture", NewValue::Text("moonshine")),
            ("a.number", NewValue::Unsigned(7)),
            ("a.float", NewValue::Float(0.5)),
            ("a.bool", NewValue::Bool(true)),
            ("some.numbers", NewValue::Unsigneds(vec![1, 2, 3])),
            ("some.signed", NewValue::Signeds(vec![1; 40])),
            ("some.texts", NewValue::Texts(vec!["a".into(), "bc".into()])),
        ];
        let tensors = [tensor("x", &[3], TensorKind::F32), tensor("y", &[32, 2], TensorKind::Q8_0)];
        let mut out = Vec::new();
        let mut writer = Writer::new(&mut out, Path::new("x"), &values, &tensors).unwrap();
        writer.tensor(&[1; 12]).unwrap();
        writer.tensor(&[2; 68]).unwrap();
        out
    }

    fn read(bytes: &[u8]) -> Result<Gguf, ModelError> {
        Gguf::read(ModelInput::new(Cursor::new(bytes.to_vec()), Path::new("x")).unwrap())
    }

    #[test]
    fn what_is_written_is_read() {
        let head = read(&sample()).unwrap();
        let value = |key: &str| head.values[key].clone();
        assert_eq!(value("general.architecture"), Value::Text("moonshine".into()));
        assert_eq!(value("a.number"), Value::Number(7));
        assert_eq!(value("a.float"), Value::Float(0.5));
        assert_eq!(value("a.bool"), Value::Bool(true));
        assert_eq!(value("some.numbers"), Value::Numbers(3, vec![1, 2, 3]));
        assert_eq!(value("some.signed"), Value::Numbers(40, vec![1; 16]));
        assert_eq!(value("some.texts"), Value::Names(vec!["a".into(), "bc".into()]));
        assert_eq!(head.tensors.len(), 2);
        assert_eq!(head.tensor("y").unwrap().dims, [32, 2]);
    }

    #[test]
    fn a_long_text_is_passed_over() {
        let [long, kept] = [LONGEST_KEPT as usize + 1, LONGEST_KEPT as usize]
            .map(|length| &*String::leak("x".repeat(length)));
        let values = [
            ("long", NewValue::Text(long)),
            ("kept", NewValue::Text(kept)),
            ("after", NewValue::Bool(true)),
        ];
        let mut out = Vec::new();
        Writer::new(&mut out, Path::new("x"), &values, &[]).unwrap();
        let head = read(&out).unwrap();
        assert_eq!(head.values["long"], Value::Other);
        assert_eq!(head.values["kept"], Value::Text(kept.into()));
        assert_eq!(head.values["after"], Value::Bool(true));
        let too_long: &'static str = String::leak("x".repeat(LONGEST_TEXT as usize + 1));
        let mut out = Vec::new();
        Writer::new(&mut out, Path::new("x"), &[("a", NewValue::Text(too_long))], &[]).unwrap();
        assert!(read(&out).is_err());
    }

    #[test]
    fn every_cut_is_noticed() {
        let whole = sample();
        for length in 0..whole.len() {
            assert!(read(&whole[..length]).is_err(), "cut at {length}");
        }
        assert!(read(&[whole, vec![0; 32]].concat()).is_err(), "too long");
    }

    #[test]
    fn another_architecture_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.gguf");
        let mut out = Vec::new();
        let values = [("general.architecture", NewValue::Text("llama"))];
        Writer::new(&mut out, &path, &values, &[]).unwrap();
        std::fs::write(&path, out).unwrap();
        let error = inspect(&path).unwrap_err().to_string();
        assert!(error.contains("the architecture \"llama\", only moonshine, canary"), "{error}");
    }

    proptest! {
        #[test]
        fn a_changed_byte_gives_a_head_or_an_error(at in 0_usize..300, byte: u8) {
            let mut bytes = sample();
            let at = at % bytes.len();
            bytes[at] = byte;
            if let Ok(head) = read(&bytes) {
                let weights: u64 = head.tensors.iter().filter_map(|t| t.kind.bytes(&t.dims)).sum();
                prop_assert!(weights <= bytes.len() as u64);
            }
        }
    }
}
