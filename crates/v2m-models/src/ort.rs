//! Reads ONNX Runtime's model files (`.ort`), as in the Moonshine wheels: the weights, and which
//! matrix product uses which.
//!
//! The file is a FlatBuffer: tables with a vtable each, vectors, texts, all by offsets. The field
//! numbers are from onnxruntime's `ort.fbs`. Every offset is checked before it is followed. Not
//! here: the other operations of the graph.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use v2m_messages::tr;

use crate::error::ModelError;
use crate::input::to_usize;

/// Bytes 4 to 8 of each file.
const IDENTIFIER: &[u8] = b"ORTM";
/// Several offsets may lead to one place, so a small file could expand into a huge graph.
const MOST_NODES: usize = 100_000;
const MOST_TENSORS: usize = 100_000;
const DEEPEST: u8 = 4;
/// Suffix of the names of a quantised tensor's parts.
const QUANTISED: &str = "_quantized";
const SCALE: &str = "_scale";
const ZERO_POINT: &str = "_zero_point";
/// Suffix of the output of the operations that dequantise a tensor.
const DEQUANTISED: &str = "_add_tensor";

/// ONNX's type numbers (`TensorProto.DataType`).
const FLOAT: i32 = 1;
const INT8: i32 = 3;

/// The values of a tensor.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Weights {
    pub(crate) values: Vec<f32>,
    /// The step that all values are multiples of, if they are 8 bits wide in the file.
    pub(crate) step: Option<f32>,
}

/// A tensor of the file.
#[derive(Debug, Clone, Copy)]
struct OrtTensor<'a> {
    dims: [u64; 4],
    rank: usize,
    kind: i32,
    data: &'a [u8],
}

/// The weights of one file.
#[derive(Debug)]
pub(crate) struct Ort<'a> {
    path: PathBuf,
    tensors: HashMap<&'a str, OrtTensor<'a>>,
    /// The second factor of each matrix product, by the node's name. There are several if branches
    /// of the graph have nodes of the same name.
    factors: HashMap<&'a str, Vec<&'a str>>,
    nodes: usize,
}

impl<'a> Ort<'a> {
    /// Parses the content of the file `path`.
    pub(crate) fn read(bytes: &'a [u8], path: &Path) -> Result<Self, ModelError> {
        let mut ort = Self {
            path: path.to_owned(),
            tensors: HashMap::new(),
            factors: HashMap::new(),
            nodes: 0,
        };
        if bytes.get(4..8) != Some(IDENTIFIER) {
            return Err(ort.bad(tr!("not a model of ONNX Runtime (.ort)")));
        }
        let root = Table::at(bytes, 0);
        let graph = root.and_then(|root| root.table(1)).and_then(|model| model.table(7));
        match graph.and_then(|graph| ort.graph(graph, 0)) {
            Some(()) => Ok(ort),
            None => Err(ort.bad(tr!("it is damaged, or cut short"))),
        }
    }

    fn graph(&mut self, graph: Table<'a>, depth: u8) -> Option<()> {
        for tensor in graph.tables(0)? {
            let tensor = tensor?;
            self.tensors.insert(tensor.text(0)?, OrtTensor::of(tensor)?);
        }
        for node in graph.tables(2)? {
            let node = node?;
            self.nodes += 1;
            if self.nodes > MOST_NODES || self.tensors.len() > MOST_TENSORS {
                return None;
            }
            if node.text(5) == Some("MatMul")
                && let (Some(name), Some(factor)) = (node.text(0), node.texts(8).nth(1))
            {
                self.factors.entry(name).or_default().push(factor);
            }
            for attribute in node.tables(10)? {
                if let Some(inner) = attribute?.table(7) {
                    (depth < DEEPEST).then_some(())?;
                    self.graph(inner, depth + 1)?;
                }
            }
        }
        Some(())
    }

    pub(crate) fn bad(&self, what: impl Into<String>) -> ModelError {
        ModelError::bad(&self.path, what)
    }

    /// Returns the values of a tensor, which must have these dimensions. A quantised one is
    /// dequantised as in the graph.
    pub(crate) fn values(&self, name: &str, dims: &[u64]) -> Result<Weights, ModelError> {
        let part = |ending: &str| self.tensors.get(format!("{name}{ending}").as_str());
        if let Some(whole) = self.tensors.get(name) {
            let values = whole.floats(dims).ok_or_else(|| self.unlike(name, dims))?;
            return Ok(Weights { values, step: None });
        }
        let quantised = part(QUANTISED).zip(part(SCALE)).zip(part(ZERO_POINT));
        let Some(((steps, scale), zero)) = quantised else {
            return Err(self.bad(tr!("the tensor {name} is missing", name)));
        };
        let one = |tensor: &OrtTensor<'_>| tensor.floats(&[1])?.first().copied();
        let (scale, zero) = one(scale).zip(one(zero)).ok_or_else(|| self.unlike(name, dims))?;
        let steps = steps.steps(dims).ok_or_else(|| self.unlike(name, dims))?;
        let values = steps.map(|step| f32::from(step) * scale + zero).collect();
        // The exporter makes the zero point a multiple of the scale.
        Ok(Weights { values, step: Some(scale) })
    }

    fn unlike(&self, name: &str, dims: &[u64]) -> ModelError {
        let dims = format_args!("{dims:?}");
        self.bad(tr!("the tensor {name} does not have the shape {dims}", name, dims))
    }

    /// Returns the matrix of the product `node`, with this many inputs and outputs: a row for each
    /// output.
    pub(crate) fn matrix(
        &self,
        node: &str,
        inputs: u64,
        outputs: u64,
    ) -> Result<Weights, ModelError> {
        let missing = || self.bad(tr!("the product {name} is missing", name = node));
        let factors = self.factors.get(node).ok_or_else(missing)?;
        let mut columns: Option<Weights> = None;
        for factor in factors {
            let name = factor.strip_suffix(DEQUANTISED).unwrap_or(factor);
            let values = self.values(name, &[inputs, outputs])?;
            if columns.as_ref().is_some_and(|other| *other != values) {
                return Err(
                    self.bad(tr!("the products {name} have different weights", name = node))
                );
            }
            columns = Some(values);
        }
        let Weights { values: columns, step } = columns.ok_or_else(missing)?;
        let (inputs, outputs) = (to_usize(inputs), to_usize(outputs));
        let row = |output: usize| (0..inputs).map(move |input| input * outputs + output);
        let values = (0..outputs).flat_map(row).map(|at| columns[at]).collect();
        Ok(Weights { values, step })
    }

    /// Returns the names with this prefix of float tensors with these dimensions.
    pub(crate) fn named(&self, beginning: &str, dims: &[u64]) -> Vec<&'a str> {
        let fits = |tensor: &OrtTensor<'_>| tensor.kind == FLOAT && tensor.dims() == dims;
        let all = self.tensors.iter();
        let found = all.filter(|(name, tensor)| name.starts_with(beginning) && fits(tensor));
        found.map(|(name, _)| *name).collect()
    }
}

impl<'a> OrtTensor<'a> {
    fn of(tensor: Table<'a>) -> Option<Self> {
        let mut dims = [1; 4];
        let given = tensor.vector(2, 8)?;
        let rank = given.len() / 8;
        if rank > dims.len() {
            return None;
        }
        for (dim, bytes) in dims.iter_mut().zip(given.chunks_exact(8)) {
            *dim = u64::from_le_bytes(bytes.try_into().ok()?);
        }
        Some(Self { dims, rank, kind: tensor.number(3)?, data: tensor.vector(4, 1)? })
    }

    fn dims(&self) -> &[u64] {
        &self.dims[..self.rank]
    }

    fn is(&self, dims: &[u64], kind: i32, bytes: u64) -> bool {
        let count = dims.iter().try_fold(bytes, |n, dim| n.checked_mul(*dim));
        self.kind == kind && self.dims() == dims && count == Some(self.data.len() as u64)
    }

    fn floats(&self, dims: &[u64]) -> Option<Vec<f32>> {
        let bytes = self.is(dims, FLOAT, 4).then(|| self.data.chunks_exact(4))?;
        Some(bytes.map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect())
    }

    fn steps(&self, dims: &[u64]) -> Option<impl Iterator<Item = i8>> {
        self.is(dims, INT8, 1).then(|| self.data.iter().map(|byte| byte.cast_signed()))
    }
}

/// A table of a FlatBuffer.
#[derive(Clone, Copy)]
struct Table<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Table<'a> {
    /// Returns the table at the target of the offset at this place.
    fn at(bytes: &'a [u8], place: usize) -> Option<Self> {
        Some(Self { bytes, at: follow(bytes, place)? })
    }

    /// Returns the position of the field; `None` if it is absent.
    fn field(self, index: usize) -> Option<usize> {
        let back = i64::from(u32_at(self.bytes, self.at)?.cast_signed());
        let vtable = usize::try_from(i64::try_from(self.at).ok()? - back).ok()?;
        let slot = 4 + 2 * index;
        if usize::from(u16_at(self.bytes, vtable)?) < slot + 2 {
            return None;
        }
        match u16_at(self.bytes, vtable.checked_add(slot)?)? {
            0 => None,
            offset => self.at.checked_add(offset.into()),
        }
    }

    fn table(self, index: usize) -> Option<Self> {
        Self::at(self.bytes, self.field(index)?)
    }

    fn number(self, index: usize) -> Option<i32> {
        match self.field(index) {
            Some(place) => Some(u32_at(self.bytes, place)?.cast_signed()),
            // Default values are not written.
            None => Some(0),
        }
    }

    fn text(self, index: usize) -> Option<&'a str> {
        text_at(self.bytes, self.field(index)?)
    }

    /// Returns the bytes of a vector with elements of this size; none if it is absent.
    fn vector(self, index: usize, size: usize) -> Option<&'a [u8]> {
        match self.field(index) {
            Some(place) => vector_at(self.bytes, follow(self.bytes, place)?, size).map(|(_, b)| b),
            None => Some(&[]),
        }
    }

    /// Returns the tables of a vector; each is `None` if its offset is invalid.
    fn tables(self, index: usize) -> Option<impl Iterator<Item = Option<Self>>> {
        let (start, bytes) = match self.field(index) {
            Some(place) => vector_at(self.bytes, follow(self.bytes, place)?, 4)?,
            None => (0, [].as_slice()),
        };
        Some((0..bytes.len() / 4).map(move |i| Self::at(self.bytes, start + 4 * i)))
    }

    /// Returns the texts of a vector, up to the first invalid one.
    fn texts(self, index: usize) -> impl Iterator<Item = &'a str> {
        let vector = self.field(index).and_then(|place| follow(self.bytes, place));
        let (start, bytes) = vector.and_then(|at| vector_at(self.bytes, at, 4)).unwrap_or((0, &[]));
        (0..bytes.len() / 4).map_while(move |i| text_at(self.bytes, start + 4 * i))
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// Returns the target of the offset at this place.
fn follow(bytes: &[u8], place: usize) -> Option<usize> {
    place.checked_add(u32_at(bytes, place)?.try_into().ok()?)
}

/// Returns the position of the vector's elements, and their bytes.
fn vector_at(bytes: &[u8], at: usize, size: usize) -> Option<(usize, &[u8])> {
    let count: usize = u32_at(bytes, at)?.try_into().ok()?;
    let start = at.checked_add(4)?;
    let end = start.checked_add(count.checked_mul(size)?)?;
    Some((start, bytes.get(start..end)?))
}

fn text_at(bytes: &[u8], place: usize) -> Option<&str> {
    std::str::from_utf8(vector_at(bytes, follow(bytes, place)?, 1)?.1).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_no_model_of_onnx_runtime_is_refused() {
        for bytes in [b"".as_slice(), b"GGUF", b"\0\0\0\0ORTM", &[0xff; 64]] {
            assert!(Ort::read(bytes, Path::new("x")).is_err());
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(mut bytes in proptest::collection::vec(any::<u8>(), 8..300)) {
            // Small offsets stay within the file.
            bytes.iter_mut().skip(8).for_each(|byte| *byte &= 0x3f);
            bytes[..8].copy_from_slice(b"\x10\0\0\0ORTM");
            let _ = Ort::read(&bytes, Path::new("x"));
        }
    }
}
