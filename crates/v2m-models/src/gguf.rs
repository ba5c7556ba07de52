//! GGUF files: reads enough to identify them and check their structure, and writes them.
//!
//! Little-endian: the magic, the version, the numbers of tensors and of values, the values (key,
//! type, value), the table of tensors (name, dimensions innermost first, type, offset), padding,
//! the tensors. Each tensor begins at a multiple of [`ALIGNMENT`]. Source: ggml's `docs/gguf.md`
//! and `gguf.cpp`. Not here: the required content of each family ([`crate::moonshine`],
//! [`crate::nemo`]).

mod read;
mod weights;
mod write;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek};
use std::path::Path;

use v2m_messages::tr;

use crate::error::ModelError;
use crate::family::Family;
pub use crate::family::Summary;
use crate::input::ModelInput;
use crate::language::Languages;
use crate::nemo::nemotron;
pub use crate::nemo::nemotron::Streaming;
use crate::{moonshine, nemo};
pub(crate) use write::{NewValue, Writer};

/// The first four bytes, "GGUF".
const MAGIC: u32 = 0x4655_4747;
const VERSION: u32 = 3;
/// Alignment of each tensor in bytes, relative to the first one. v2m accepts only this one, which
/// all published files have.
pub(crate) const ALIGNMENT: u64 = 32;
/// Numbers of the value types that v2m writes, or reads in a special way.
const FLOAT: u32 = 6;
const BOOL: u32 = 7;
const TEXT: u32 = 8;
const ARRAY: u32 = 9;
const UNSIGNED: u32 = 4;
const SIGNED: u32 = 5;
/// Maximum number of values in a tensor: far more than the largest has.
const MOST_ELEMENTS: u64 = 1 << 32;

/// Storage of a tensor's values, with ggml's number of the type.
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
    /// All types that transcribe.cpp accepts for a matrix.
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

    /// Returns the number of values and bytes in a block, from `ggml-common.h`.
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

    /// Returns the bytes of a tensor; `None` if the dimensions are absurd or are not whole blocks.
    pub(crate) fn bytes(self, dims: &[u64]) -> Option<u64> {
        let (block, bytes) = self.block();
        let count = dims.iter().try_fold(1_u64, |n, d| n.checked_mul(*d))?;
        let whole = dims.first()?.is_multiple_of(block);
        (whole && (1..=MOST_ELEMENTS).contains(&count)).then(|| count / block * bytes)
    }
}

/// A value of the head. Values that are not used are only skipped.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Number(u64),
    Float(f32),
    Bool(bool),
    Text(String),
    /// An array of numbers: its length, and the first ones.
    Numbers(u64, Vec<u64>),
    /// An array of texts: its length.
    Texts(u64),
    /// A short array of short texts.
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

/// The parsed head of a file.
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

/// Reads a file's head and table of tensors, and checks that it is a model that v2m's engine for
/// GGUF can run, with a complete structure (not that its weights are right: [`check_weights`],
/// [`crate::verify`]).
///
/// # Errors
/// If the file is invalid; the text says where.
pub fn inspect(path: &Path) -> Result<Summary, ModelError> {
    inspected(ModelInput::open(path)?, path)
}

/// Does the same as [`inspect`] for an open file; `path` is only for error messages.
///
/// # Errors
/// If the file is invalid; the text says where.
pub fn inspect_open(file: File, path: &Path) -> Result<Summary, ModelError> {
    inspected(ModelInput::of(file, path)?, path)
}

/// Reads a file that has been inspected to its end, and checks that all its weights are numbers:
/// neither NaN nor infinite.
///
/// # Errors
/// If some are not, or the file cannot be read; the text says where.
pub fn check_weights(path: &Path) -> Result<(), ModelError> {
    let mut input = ModelInput::open(path)?;
    Gguf::read_from(&mut input)?.check_weights(&mut input)
}

/// Returns the engine's parameters of a streaming model that has been inspected.
///
/// # Errors
/// If the file is invalid; the text says where.
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

/// Makes a name from a file safe to show in a message.
pub(crate) fn shown(name: &str) -> String {
    format!("{:?}", name.chars().take(40).collect::<String>())
}

impl Gguf {
    pub(crate) fn tensor(&self, name: &str) -> Option<&Tensor> {
        self.tensors.iter().find(|tensor| tensor.name == name)
    }
}

#[cfg(test)]
mod tests;
