//! Reader of CTranslate2 checkpoints (`model.bin`, format versions 5 and 6): Whisper models as
//! faster-whisper uses them.
//!
//! Little-endian throughout. A string is a u16 length, including its NUL, and the bytes. The file:
//! u32 version, name of the specification, u32 revision, u32 count; for each variable its name, u8
//! rank, rank × u32 dimensions, u8 type, u32 length in bytes, data; then a u32 count of aliases,
//! each a pair (alias, variable). Source: CTranslate2's `model_spec.py` and `model.cc`, and the
//! files themselves.
//!
//! Only the index is kept in memory; weights are read piece by piece. Not here: the meaning of the
//! variables ([`crate::import`]).

use std::collections::BTreeMap;
use std::io::{Read, Seek};
use std::ops::Range;

use half::{bf16, f16};

use v2m_messages::tr;

use crate::error::ModelError;
use crate::input::ModelInput;

/// Number of elements decoded at a time: a multiple of every block size of ggml.
pub(crate) const PIECE: usize = 1 << 15;
/// Larger than any real rank; keeps a forged rank from causing a long list.
const MAX_RANK: u8 = 8;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dtype {
    F32,
    I8,
    I16,
    I32,
    F16,
    Bf16,
}

impl Dtype {
    fn from_id(id: u8) -> Option<Self> {
        [Self::F32, Self::I8, Self::I16, Self::I32, Self::F16, Self::Bf16]
            .get(usize::from(id))
            .copied()
    }

    fn size(self) -> usize {
        match self {
            Self::I8 => 1,
            Self::I16 | Self::F16 | Self::Bf16 => 2,
            Self::F32 | Self::I32 => 4,
        }
    }

    /// Decodes `raw`, which must contain whole elements.
    fn decode(self, raw: &[u8], out: &mut Vec<f32>) {
        out.clear();
        let two = raw.chunks_exact(2).map(|b| [b[0], b[1]]);
        let four = raw.chunks_exact(4).map(|b| [b[0], b[1], b[2], b[3]]);
        match self {
            Self::F32 => out.extend(four.map(f32::from_le_bytes)),
            Self::I32 => out.extend(four.map(|b| i32::from_le_bytes(b) as f32)),
            Self::I8 => out.extend(raw.iter().map(|&b| f32::from(b.cast_signed()))),
            Self::I16 => out.extend(two.map(|b| f32::from(i16::from_le_bytes(b)))),
            Self::F16 => out.extend(two.map(|b| f16::from_le_bytes(b).to_f32())),
            Self::Bf16 => out.extend(two.map(|b| bf16::from_le_bytes(b).to_f32())),
        }
    }
}

#[derive(Debug, Clone)]
struct Variable {
    dims: Vec<usize>,
    dtype: Dtype,
    at: u64,
    elements: usize,
}

/// An open checkpoint.
pub(crate) struct Ct2<R> {
    input: ModelInput<R>,
    variables: BTreeMap<String, Variable>,
}

impl<R: Read + Seek> Ct2<R> {
    /// Reads the index and checks it against the file's length.
    pub(crate) fn read(mut input: ModelInput<R>) -> Result<Self, ModelError> {
        let header = tr!("the header");
        let version = input.u32(header)?;
        if !matches!(version, 5 | 6) {
            return Err(input.bad(tr!(
                "not a CTranslate2 model of format version 5 or 6 (it begins with {version}); \
                 convert the original again with a current ct2-transformers-converter",
                version
            )));
        }
        let spec = string(&mut input)?;
        if spec != "WhisperSpec" {
            return Err(input.bad(tr!("a CTranslate2 model, but of {spec}, not of Whisper", spec)));
        }
        input.u32(header)?; // revision of the specification
        let mut variables = BTreeMap::new();
        for _ in 0..input.u32(header)? {
            let (name, variable) = variable(&mut input)?;
            variables.insert(name, variable);
        }
        for _ in 0..input.u32(tr!("the aliases"))? {
            let (alias, name) = (string(&mut input)?, string(&mut input)?);
            let Some(same) = variables.get(&name).cloned() else {
                return Err(input.bad(tr!(
                    "{alias} is an alias of {name}, which is missing",
                    alias,
                    name
                )));
            };
            variables.insert(alias, same);
        }
        match input.left() {
            0 => Ok(Self { input, variables }),
            n => Err(input.bad(tr!("{n} byte follows after the end of the model"
                | "{n} bytes follow after the end of the model" % n))),
        }
    }

    pub(crate) fn bad(&self, what: impl Into<String>) -> ModelError {
        self.input.bad(what)
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.variables.contains_key(name)
    }

    /// Returns the dimensions of a variable, outermost first.
    pub(crate) fn dims(&self, name: &str) -> Result<&[usize], ModelError> {
        self.variable(name).map(|v| v.dims.as_slice())
    }

    /// Reads a variable that contains one integer.
    pub(crate) fn integer(&mut self, name: &str) -> Result<usize, ModelError> {
        let all = self.small(name)?;
        let one = all.first().filter(|n| all.len() == 1 && n.fract() == 0.0 && **n >= 0.0);
        one.map(|n| *n as usize).ok_or_else(|| self.bad(tr!("{name} is not a number", name)))
    }

    /// Passes a range of a variable's elements, as floats, to `sink`, at most [`PIECE`] at a time.
    /// int8 and int16 weights are divided by their scale: one for each row (first dimension), or
    /// one for all.
    pub(crate) fn each(
        &mut self,
        name: &str,
        range: Range<usize>,
        sink: &mut dyn FnMut(&mut [f32]) -> Result<(), ModelError>,
    ) -> Result<(), ModelError> {
        let variable = self.variable(name)?.clone();
        if range.end > variable.elements {
            return Err(self.bad(tr!("{name} is smaller than the model requires", name)));
        }
        let scales = self.scales(name, &variable)?;
        let row = variable.elements / scales.len().max(1);
        self.input.seek_to(variable.at + (range.start * variable.dtype.size()) as u64)?;
        let (mut raw, mut values) = (Vec::new(), Vec::new());
        for start in range.clone().step_by(PIECE) {
            let count = PIECE.min(range.end - start);
            raw.resize(count * variable.dtype.size(), 0);
            self.input.fill(&mut raw, name)?;
            variable.dtype.decode(&raw, &mut values);
            if !scales.is_empty() {
                values.iter_mut().zip(start..).for_each(|(v, i)| *v /= scales[i / row]);
            }
            sink(&mut values)?;
        }
        Ok(())
    }

    fn scales(&mut self, name: &str, variable: &Variable) -> Result<Vec<f32>, ModelError> {
        if !matches!(variable.dtype, Dtype::I8 | Dtype::I16) {
            return Ok(Vec::new());
        }
        let rows = variable.dims.first().copied().unwrap_or(1);
        let scales = self.small(&format!("{name}_scale"))?;
        if variable.elements == 0 || (scales.len() != 1 && scales.len() != rows) {
            let scales = scales.len();
            return Err(self.bad(tr!(
                "{name} has {rows} rows and {scales} scales",
                name,
                rows,
                scales
            )));
        }
        Ok(scales)
    }

    /// Reads a whole variable without scales.
    fn small(&mut self, name: &str) -> Result<Vec<f32>, ModelError> {
        let v = self.variable(name)?.clone();
        self.input.seek_to(v.at)?;
        let raw = self.input.bytes((v.elements * v.dtype.size()) as u64, name)?;
        let mut values = Vec::new();
        v.dtype.decode(&raw, &mut values);
        Ok(values)
    }

    fn variable(&self, name: &str) -> Result<&Variable, ModelError> {
        self.variables.get(name).ok_or_else(|| {
            self.bad(tr!("the model lacks {name}; it was made by another kind of converter", name))
        })
    }
}

fn variable<R: Read + Seek>(input: &mut ModelInput<R>) -> Result<(String, Variable), ModelError> {
    let name = string(input)?;
    let rank = input.u8(&name)?;
    if rank > MAX_RANK {
        return Err(input.bad(tr!("{name} has {rank} dimensions", name, rank)));
    }
    let mut dims = Vec::new();
    for _ in 0..rank {
        dims.push(input.u32(&name)? as usize);
    }
    let id = input.u8(&name)?;
    let dtype = Dtype::from_id(id)
        .ok_or_else(|| input.bad(tr!("{name} is of the unknown type {id}", name, id)))?;
    let bytes = input.u32(&name)?;
    let elements = dims.iter().try_fold(1_usize, |n, d| n.checked_mul(*d));
    let size = elements.and_then(|n| n.checked_mul(dtype.size()));
    let (Some(elements), true) = (elements, size == Some(bytes as usize)) else {
        return Err(input.bad(tr!(
            "{name} has {bytes} bytes, which are not {dims} elements",
            name,
            bytes,
            dims = format_args!("{dims:?}")
        )));
    };
    let at = input.at();
    input.skip(u64::from(bytes), &name)?;
    Ok((name, Variable { dims, dtype, at, elements }))
}

fn string<R: Read + Seek>(input: &mut ModelInput<R>) -> Result<String, ModelError> {
    let what = tr!("a name");
    let length = input.u16(what)?;
    let mut bytes = input.bytes(u64::from(length), what)?;
    if bytes.pop() != Some(0) {
        return Err(input.bad(tr!("a name is not terminated")));
    }
    String::from_utf8(bytes).map_err(|_| input.bad(tr!("a name is not text")))
}

const _: () = assert!(PIECE.is_multiple_of(32));

#[cfg(test)]
pub(crate) use tests::Builder;

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;
    use std::path::Path;

    /// Writes checkpoints for tests.
    #[derive(Default, Clone)]
    pub(crate) struct Builder {
        body: Vec<u8>,
        count: u32,
    }

    impl Builder {
        fn name(out: &mut Vec<u8>, text: &str) {
            out.extend((text.len() as u16 + 1).to_le_bytes());
            out.extend(text.as_bytes());
            out.push(0);
        }

        pub(crate) fn raw(&mut self, name: &str, dims: &[u32], dtype: u8, data: &[u8]) {
            Self::name(&mut self.body, name);
            self.body.push(dims.len() as u8);
            dims.iter().for_each(|d| self.body.extend(d.to_le_bytes()));
            self.body.push(dtype);
            self.body.extend((data.len() as u32).to_le_bytes());
            self.body.extend(data);
            self.count += 1;
        }

        pub(crate) fn f16(&mut self, name: &str, dims: &[u32], values: impl Iterator<Item = f32>) {
            let data: Vec<u8> = values.flat_map(|v| f16::from_f32(v).to_le_bytes()).collect();
            self.raw(name, dims, 4, &data);
        }

        pub(crate) fn finish(&self, aliases: &[(&str, &str)]) -> Vec<u8> {
            let mut out = 6_u32.to_le_bytes().to_vec();
            Self::name(&mut out, "WhisperSpec");
            out.extend(3_u32.to_le_bytes());
            out.extend(self.count.to_le_bytes());
            out.extend(&self.body);
            out.extend((aliases.len() as u32).to_le_bytes());
            for (alias, name) in aliases {
                Self::name(&mut out, alias);
                Self::name(&mut out, name);
            }
            out
        }
    }

    fn read(bytes: Vec<u8>) -> Result<Ct2<Cursor<Vec<u8>>>, ModelError> {
        Ct2::read(ModelInput::new(Cursor::new(bytes), Path::new("model.bin"))?)
    }

    fn values(ct2: &mut Ct2<Cursor<Vec<u8>>>, name: &str, range: Range<usize>) -> Vec<f32> {
        let mut all = Vec::new();
        ct2.each(name, range, &mut |v| {
            all.extend_from_slice(v);
            Ok(())
        })
        .unwrap();
        all
    }

    #[test]
    fn every_type_of_weight_is_read_and_integers_are_divided_by_their_scale() {
        let mut b = Builder::default();
        b.raw("f32", &[2], 0, &[1.5_f32.to_le_bytes(), (-2_f32).to_le_bytes()].concat());
        b.f16("f16", &[2, 1], [0.5, -4.0].into_iter());
        b.raw("bf16", &[1], 5, &bf16::from_f32(3.0).to_le_bytes());
        b.raw("i8", &[2, 2], 1, &[10, 20, 0xF6, 4]);
        b.raw("i8_scale", &[2], 0, &[10_f32.to_le_bytes(), 2_f32.to_le_bytes()].concat());
        b.raw("i16", &[2], 2, &[100_i16.to_le_bytes(), (-50_i16).to_le_bytes()].concat());
        b.raw("i16_scale", &[], 0, &100_f32.to_le_bytes());
        b.raw("heads", &[], 2, &6_i16.to_le_bytes());
        let mut ct2 = read(b.finish(&[("same", "f16")])).unwrap();
        assert_eq!(values(&mut ct2, "f32", 0..2), [1.5, -2.0]);
        assert_eq!(values(&mut ct2, "same", 1..2), [-4.0]);
        assert_eq!(values(&mut ct2, "bf16", 0..1), [3.0]);
        assert_eq!(values(&mut ct2, "i8", 0..4), [1.0, 2.0, -5.0, 2.0]);
        assert_eq!(values(&mut ct2, "i8", 2..4), [-5.0, 2.0]);
        assert_eq!(values(&mut ct2, "i16", 0..2), [1.0, -0.5]);
        assert_eq!(ct2.integer("heads").unwrap(), 6);
        assert!(ct2.integer("f32").is_err());
        assert_eq!(ct2.dims("f16").unwrap(), [2, 1]);
        assert!(ct2.each("f32", 0..3, &mut |_| Ok(())).is_err());
    }

    #[test]
    fn pieces_longer_than_the_buffer_keep_their_rows() {
        let rows = 5_usize;
        let columns = PIECE / 2 + 7;
        let mut b = Builder::default();
        b.raw("w", &[rows as u32, columns as u32], 1, &vec![60; rows * columns]);
        let scales: Vec<u8> = (1..=rows).flat_map(|i| (i as f32).to_le_bytes()).collect();
        b.raw("w_scale", &[rows as u32], 0, &scales);
        let got = values(&mut read(b.finish(&[])).unwrap(), "w", columns..rows * columns);
        assert_eq!(got.len(), 4 * columns);
        for (i, v) in got.iter().enumerate() {
            assert_eq!(*v, 60.0 / (i / columns + 2) as f32);
        }
    }

    #[test]
    fn other_files_are_refused_with_the_reason() {
        let mut b = Builder::default();
        b.f16("w", &[2], [1.0, 2.0].into_iter());
        let good = b.finish(&[]);
        let error = |bytes: Vec<u8>| read(bytes).err().unwrap().to_string();
        assert!(error(good[..good.len() - 6].to_vec()).contains("cut short"));
        assert!(error([&good[..], &[0]].concat()).contains("1 byte follows"));
        assert!(error(b"GGUF....".to_vec()).contains("version 5 or 6"));
        assert!(error(b.finish(&[("a", "nothing")])).contains("nothing"));
        b.raw("sly", &[u32::MAX, u32::MAX], 0, &[0; 4]);
        assert!(error(b.finish(&[])).contains("sly"));
    }
}
