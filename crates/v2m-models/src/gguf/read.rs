//! Reads the head of a file. Every length is checked against the file's before anything is
//! allocated.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashSet};
use std::io::{Read, Seek};

use v2m_messages::tr;

use super::{
    ALIGNMENT, ARRAY, BOOL, FLOAT, Gguf, MAGIC, TEXT, Tensor, TensorKind, VERSION, Value, shown,
};
use crate::error::ModelError;
use crate::input::ModelInput;

/// Maximum number of values; more than any recogniser's model has.
const MOST_VALUES: u64 = 1024;
const MOST_TENSORS: u64 = 8192;
/// Maximum length of a name: ggml's `GGML_MAX_NAME` (64) without the terminating zero.
const LONGEST_NAME: u64 = 63;
const LONGEST_KEY: u64 = 255;
pub(super) const LONGEST_TEXT: u64 = 1 << 20;
/// Maximum bytes of a text to keep. Longer ones, such as licences and templates, are never used,
/// and all of them together could take a gigabyte.
pub(super) const LONGEST_KEPT: u64 = 4 << 10;
/// Numbers of an array to keep. All that are used are shorter.
const KEPT: u64 = 16;
/// Maximum number of texts in an array to keep, and of their bytes: lists of languages, not of
/// tokens.
const NAMES: u64 = 512;
const LONGEST_LISTED: u64 = 32;

impl Gguf {
    /// Reads the head and checks it against the file's length.
    pub(crate) fn read<R: Read + Seek>(mut input: ModelInput<R>) -> Result<Self, ModelError> {
        Self::read_from(&mut input)
    }

    /// Does the same as [`Self::read`]. Afterwards, `input` is where the tensors begin.
    pub(super) fn read_from<R: Read + Seek>(input: &mut ModelInput<R>) -> Result<Self, ModelError> {
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
            return Err(damaged(input.bad(tr!(
                "{tensors} tensors and {values} values: no speech model has so many",
                tensors,
                values
            ))));
        }
        let values = read_values(input, values).map_err(damaged)?;
        let tensors = read_tensors(input, tensors).map_err(damaged)?;
        Ok(Self { values, tensors })
    }
}

/// Adds what an error in the structure means, and the remedy.
fn damaged(error: ModelError) -> ModelError {
    match error {
        ModelError::Bad { path, what } => {
            let what = tr!(
                "the file is damaged, or not a model that v2m can use: {what}. Fetch or copy it again, or use another model",
                what
            );
            ModelError::Bad { path, what }
        }
        other => other,
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
    // Required position of the next tensor, relative to the first one: they follow one another.
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
        // Cannot overflow: at most 2^13 tensors of at most 2^34 bytes.
        end = (end + bytes).next_multiple_of(ALIGNMENT);
        tensors.push(Tensor { name, dims, kind });
    }
    let padding = input.at().next_multiple_of(ALIGNMENT) - input.at();
    input.skip(padding, what)?;
    let found = input.left();
    match found.cmp(&end) {
        Ordering::Less => Err(input.bad(tr!(
            "cut short: its weights have {found} bytes, and should have {expected}",
            found,
            expected = end
        ))),
        Ordering::Greater => Err(input.bad(tr!("{n} byte follows after the end of the model"
            | "{n} bytes follow after the end of the model" % found - end))),
        Ordering::Equal => Ok(tensors),
    }
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

/// Returns the size in bytes of a number of this type.
fn number_bytes(kind: u32) -> Option<u64> {
    Some(match kind {
        0 | 1 | 7 => 1,
        2 | 3 => 2,
        4..=6 => 4,
        10..=12 => 8,
        _ => return None,
    })
}

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

/// Reads the texts of an array if they are few and short; otherwise skips them.
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

/// Reads a number without its sign. Negative numbers and fractions become large ones, which no
/// check accepts.
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
