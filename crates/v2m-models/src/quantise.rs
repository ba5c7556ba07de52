//! Quantises an f16 model to q8_0 or q5_1, with the arithmetic of whisper.cpp's `quantize`, so that
//! the files match the published ones.
//!
//! Matrices are quantised in blocks of 32 along their rows; vectors, convolutions and positional
//! embeddings stay unchanged. Formats: ggml's `block_q8_0` and `block_q5_1`, rounding of its
//! reference `quantize_row_*_ref`. Weights that were 8 bits wide before keep their steps
//! ([`q8_0_in_steps`]).

use std::path::Path;

use half::f16;

use v2m_messages::tr;

use crate::catalogue::Weights;
use crate::error::ModelError;
use crate::ggml::{self, Tensor, Writer};

/// Number of values in a block.
const BLOCK: usize = 32;

/// The tensor types in whisper.cpp's files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TensorType {
    F32,
    F16,
    Q5_1,
    Q8_0,
    /// A type of which only the size is known, to check files that contain it: id, bytes of a block
    /// of 32.
    Other(u32, u64),
}

impl TensorType {
    /// Returns the type with this `ggml_type`.
    pub(crate) fn from_id(id: u32) -> Option<Self> {
        Some(match id {
            0 => Self::F32,
            1 => Self::F16,
            7 => Self::Q5_1,
            8 => Self::Q8_0,
            2 => Self::Other(2, 18), // q4_0
            3 => Self::Other(3, 20), // q4_1
            6 => Self::Other(6, 22), // q5_0
            _ => return None,
        })
    }

    pub(crate) fn id(self) -> u32 {
        match self {
            Self::F32 => 0,
            Self::F16 => 1,
            Self::Q5_1 => 7,
            Self::Q8_0 => 8,
            Self::Other(id, _) => id,
        }
    }

    /// Returns the number of values that are stored together.
    pub(crate) fn block(self) -> u32 {
        match self {
            Self::F32 | Self::F16 => 1,
            _ => BLOCK as u32,
        }
    }

    pub(crate) fn block_bytes(self) -> u64 {
        match self {
            Self::F32 => 4,
            Self::F16 => 2,
            Self::Q5_1 => 24,
            Self::Q8_0 => 34,
            Self::Other(_, bytes) => bytes,
        }
    }

    /// Appends whole blocks. Never called for a type of which only the size is known.
    pub(crate) fn encode(self, values: &[f32], out: &mut Vec<u8>) {
        match self {
            Self::F32 => out.extend(values.iter().flat_map(|v| v.to_le_bytes())),
            Self::F16 => out.extend(values.iter().flat_map(|v| f16::from_f32(*v).to_le_bytes())),
            Self::Q8_0 => values.as_chunks().0.iter().for_each(|b| q8_0(b, out)),
            Self::Q5_1 => values.as_chunks().0.iter().for_each(|b| q5_1(b, out)),
            Self::Other(..) => unreachable!("tensors are written as F32, F16, Q5_1 or Q8_0"),
        }
    }
}

/// Encodes a block: f16 scale, 32 signed bytes, rounded half away from zero.
fn q8_0(x: &[f32; BLOCK], out: &mut Vec<u8>) {
    let most = x.iter().fold(0_f32, |m, v| m.max(v.abs()));
    let d = most / 127.0;
    let inverse = if d != 0.0 { 1.0 / d } else { 0.0 };
    out.extend(f16::from_f32(d).to_le_bytes());
    out.extend(x.iter().map(|v| ((v * inverse).round() as i8).cast_unsigned()));
}

/// Appends whole blocks in q8_0 of values that are multiples of `step`, such as weights that were
/// stored with 8 bits before. A block without multiples beyond 127 keeps them: the result differs
/// from the values only as the half-precision scale differs from `step`, by a part in 2048 at most.
/// The reference would round every value again. The other blocks are encoded like the reference's.
pub(crate) fn q8_0_in_steps(values: &[f32], step: f32, out: &mut Vec<u8>) {
    let scale = f16::from_f32(step);
    for block in values.as_chunks().0 {
        let multiples = block.map(|value| multiple(value, step));
        if scale.is_normal() && multiples.iter().all(Option::is_some) {
            out.extend(scale.to_le_bytes());
            out.extend(multiples.into_iter().flatten().map(i8::cast_unsigned));
        } else {
            q8_0(block, out);
        }
    }
}

/// Returns the multiple of `step` that `value` is, apart from rounding, if it fits.
fn multiple(value: f32, step: f32) -> Option<i8> {
    let count = value / step;
    let whole = count.round();
    ((count - whole).abs() <= 1e-3 && whole.abs() <= 127.0).then_some(whole as i8)
}

/// Encodes a block: f16 scale, f16 minimum, the fifth bits, then the low nibbles: value j in the
/// low half of byte j, value j + 16 in the high half.
fn q5_1(x: &[f32; BLOCK], out: &mut Vec<u8>) {
    let low = x.iter().copied().fold(f32::INFINITY, f32::min);
    let high = x.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let d = (high - low) / 31.0;
    let inverse = if d != 0.0 { 1.0 / d } else { 0.0 };
    let q = x.map(|v| ((v - low) * inverse + 0.5) as u8);
    let fifth = q.iter().enumerate().fold(0_u32, |bits, (j, q)| bits | u32::from(q >> 4 & 1) << j);
    out.extend(f16::from_f32(d).to_le_bytes());
    out.extend(f16::from_f32(low).to_le_bytes());
    out.extend(fifth.to_le_bytes());
    out.extend((0..16).map(|j| q[j] & 15 | (q[j + 16] & 15) << 4));
}

/// Target type of [`quantise`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QuantisedType {
    /// 8.5 bits a weight.
    Q8_0,
    /// 6 bits a weight.
    Q5_1,
}

impl QuantisedType {
    /// Returns the type that stores weights this way; `None` for [`Weights::F16`] and
    /// [`Weights::Q5_0`].
    #[must_use]
    pub fn of(weights: Weights) -> Option<Self> {
        match weights {
            Weights::Q8_0 => Some(Self::Q8_0),
            Weights::Q5_1 => Some(Self::Q5_1),
            Weights::F16 | Weights::Q5_0 => None,
        }
    }

    /// Returns the suffix of the name of a model stored this way.
    #[must_use]
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Q8_0 => Weights::Q8_0.suffix(),
            Self::Q5_1 => Weights::Q5_1.suffix(),
        }
    }

    fn kind(self) -> TensorType {
        match self {
            Self::Q8_0 => TensorType::Q8_0,
            Self::Q5_1 => TensorType::Q5_1,
        }
    }

    /// Returns `ggml_ftype` and version as in the published files: those in q5_1 were made before
    /// version 2.
    fn ftype(self) -> u32 {
        match self {
            Self::Q8_0 => 2007,
            Self::Q5_1 => 1009,
        }
    }
}

/// Quantises the f16 model `from` to `to` (whole or not at all). `progress` receives the number of
/// bytes read since the last call.
///
/// # Errors
/// If `from` is invalid, or a system call fails.
pub fn quantise(
    from: &Path,
    to: &Path,
    target: QuantisedType,
    progress: &mut dyn FnMut(u64),
) -> Result<(), ModelError> {
    let mut model = ggml::open(from)?;
    let mut header = model.header;
    if header.ftype != 1 {
        return Err(
            model.bad(tr!("only a model with f16 weights can be quantised, and this is not one"))
        );
    }
    header.ftype = target.ftype();
    v2m_files::write_beside(to, crate::FILE_MODE, |out| {
        let mut writer = Writer::new(out, to, &header)?;
        let front = model.front.clone();
        model.raw(front, &mut |bytes| writer.raw(bytes))?;
        for (index, (tensor, _)) in model.tensors.clone().into_iter().enumerate() {
            let range = model.range(index);
            if !is_matrix(&tensor) {
                writer.tensor(&tensor)?;
                model.raw(range.clone(), &mut |bytes| writer.raw(bytes))?;
            } else if tensor.dims[0].is_multiple_of(BLOCK as u32) {
                writer.tensor(&Tensor { kind: target.kind(), ..tensor })?;
                model.raw(range.clone(), &mut |bytes| {
                    let halves =
                        bytes.as_chunks().0.iter().map(|b| f16::from_le_bytes(*b).to_f32());
                    writer.values(&halves.collect::<Vec<_>>())
                })?;
            } else {
                let name = tensor.name;
                return Err(model.bad(tr!("{name} is not made of whole blocks of 32", name)));
            }
            progress(range.end - range.start);
        }
        Ok(())
    })
}

/// Whether whisper.cpp quantises the tensor: if it has two dimensions, except biases and positional
/// embeddings, which are f32.
fn is_matrix(tensor: &Tensor) -> bool {
    tensor.dims.len() == 2 && tensor.kind == TensorType::F16
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn encode(kind: TensorType, x: &[f32]) -> Vec<u8> {
        let mut out = Vec::new();
        kind.encode(x, &mut out);
        out
    }

    fn half_at(bytes: &[u8], at: usize) -> f32 {
        f16::from_le_bytes([bytes[at], bytes[at + 1]]).to_f32()
    }

    #[test]
    fn a_block_of_zeros_and_one_of_equal_values() {
        assert_eq!(encode(TensorType::Q8_0, &[0.0; 32]), [0; 34]);
        assert_eq!(encode(TensorType::Q5_1, &[0.0; 32]), [0; 24]);
        let one = encode(TensorType::Q5_1, &[1.0; 32]);
        assert_eq!((half_at(&one, 0), half_at(&one, 2)), (0.0, 1.0));
    }

    #[test]
    fn halves_are_rounded_away_from_zero_in_q8_0() {
        let mut x = [0_f32; 32];
        (x[0], x[1], x[2], x[3]) = (127.0, 2.5, -2.5, 0.4);
        assert_eq!(encode(TensorType::Q8_0, &x)[2..6], [127, 3, 0xFD, 0]);
    }

    /// The bytes are the output of `gguf.quants.quantize` of ggml's Python package 0.19.0 for these
    /// values.
    #[test]
    fn a_block_is_what_ggmls_own_package_makes_of_it() {
        let steps: [f32; 32] = std::array::from_fn(|i| ((i * 37 % 64) as f32 - 31.5) / 8.0);
        #[rustfmt::skip]
        let expected = [
            240, 39, 129, 22, 169, 62, 210, 103, 250, 141, 34, 181, 75, 222, 115, 6, 153, 46,
            194, 87, 234, 127, 18, 165, 58, 206, 99, 246, 137, 30, 177, 71, 218, 111,
        ];
        assert_eq!(encode(TensorType::Q8_0, &steps), expected);
        let mut small = [0.0; 32];
        small[31] = -1e-3;
        let mut expected = [0; 34];
        (expected[0], expected[1], expected[33]) = (132, 0, 129);
        assert_eq!(encode(TensorType::Q8_0, &small), expected);
    }

    #[test]
    fn steps_of_weights_that_were_8_bits_wide_are_kept() {
        let step = 0.0101;
        let counts: [i8; 32] = std::array::from_fn(|i| (i as i8 - 16) * 3);
        let values = counts.map(|count| f32::from(count) * step);
        let mut out = Vec::new();
        q8_0_in_steps(&values, step, &mut out);
        assert!((half_at(&out, 0) - step).abs() <= step / 2048.0);
        assert_eq!(out[2..], counts.map(i8::cast_unsigned));
        // The reference maps the largest to 127 and rounds the others.
        assert_ne!(encode(TensorType::Q8_0, &values), out);
    }

    #[test]
    fn blocks_that_are_not_in_steps_are_the_references() {
        let step = 0.0101;
        let mut beyond = [step; 32];
        beyond[7] = -128.0 * step;
        let cases = [
            (beyond, step),
            ([1.5 * step; 32], step),
            ([3e-6; 32], 1e-6), // too small for half precision
            ([1.0; 32], 0.0),
            ([1.0; 32], f32::NAN),
        ];
        for (values, step) in cases {
            let mut out = Vec::new();
            q8_0_in_steps(&values, step, &mut out);
            assert_eq!(out, encode(TensorType::Q8_0, &values), "{step}");
        }
    }

    proptest! {
        #[test]
        fn every_value_in_q8_0_is_as_near_as_its_block_allows(
            x in prop::array::uniform32(-8_f32..8.0)
        ) {
            let most = x.iter().fold(0_f32, |most, v| most.max(v.abs()));
            let bytes = encode(TensorType::Q8_0, &x);
            // Half a step, and at 127 steps the error of the half-precision scale.
            let bound = most / 127.0 * (0.5 + 127.0 / 2048.0) + 4e-6;
            for (j, v) in x.into_iter().enumerate() {
                let back = f32::from(bytes[2 + j].cast_signed()) * half_at(&bytes, 0);
                prop_assert!((back - v).abs() <= bound, "{v} came back as {back}, {most} at most");
            }
        }

        #[test]
        fn what_is_decoded_is_near_what_was_encoded(x in prop::array::uniform32(-8_f32..8.0)) {
            let q8 = encode(TensorType::Q8_0, &x);
            let q5 = encode(TensorType::Q5_1, &x);
            let fifth = u32::from_le_bytes([q5[4], q5[5], q5[6], q5[7]]);
            for (j, v) in x.into_iter().enumerate() {
                let eight = f32::from(q8[2 + j].cast_signed()) * half_at(&q8, 0);
                prop_assert!((eight - v).abs() < 0.05, "{v} came back as {eight}");
                let nibble = q5[8 + j % 16] >> (4 * (j / 16)) & 15;
                let n = u32::from(nibble) | (fifth >> j & 1) << 4;
                let five = n as f32 * half_at(&q5, 0) + half_at(&q5, 2);
                prop_assert!((five - v).abs() < 0.3, "{v} came back as {five}");
            }
        }

        #[test]
        fn no_values_make_it_panic(x in prop::array::uniform32(any::<f32>())) {
            for kind in [TensorType::F32, TensorType::F16, TensorType::Q8_0, TensorType::Q5_1] {
                let blocks = 32 / u64::from(kind.block());
                prop_assert_eq!(encode(kind, &x).len() as u64, blocks * kind.block_bytes());
            }
        }
    }
}
