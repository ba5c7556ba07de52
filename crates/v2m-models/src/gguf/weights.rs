//! Checks that a file's weights are numbers, neither NaN nor infinite. A model with others loads,
//! and then writes nothing.
//!
//! Integers in a quantised block are numbers always, so only its scales are checked. Not here:
//! weights that are numbers and so large that their products are infinite, which only a computation
//! shows.

use std::io::{Read, Seek};

use v2m_messages::tr;

use super::{ALIGNMENT, Gguf, Tensor, TensorKind, shown};
use crate::error::ModelError;
use crate::input::{ModelInput, to_usize};

/// The most bytes to read at once: they fit into a processor's second-level cache, so that looking
/// at them costs less than reading them.
const MOST: u64 = 1 << 18;

/// The exponent's bits. They are all set only in what is infinite or NaN.
const F32_EXPONENT: u32 = 0x7F80_0000;
const F16_EXPONENT: u16 = 0x7C00;
const BF16_EXPONENT: u16 = 0x7F80;

impl Gguf {
    /// Checks all tensors of the file that this head is from. `input` is where the head ends.
    pub(super) fn check_weights<R: Read + Seek>(
        &self,
        input: &mut ModelInput<R>,
    ) -> Result<(), ModelError> {
        let what = tr!("the weights");
        let mut buffer = vec![0; to_usize(MOST)];
        for Tensor { name, dims, kind } in &self.tensors {
            let (_, block) = kind.block();
            let mut left = kind.bytes(dims).unwrap_or(0);
            while left > 0 {
                let count = left.min(MOST / block * block);
                let Some(part) = buffer.get_mut(..to_usize(count)) else { break };
                input.fill(part, what)?;
                if !kind.are_numbers(part) {
                    let name = shown(name);
                    return Err(input.bad(tr!(
                        "the file is damaged: some of the weights in {name} are not numbers. Fetch or copy it again, or use \
                         another model",
                        name
                    )));
                }
                left -= count;
            }
            input.skip(input.at().next_multiple_of(ALIGNMENT) - input.at(), what)?;
        }
        Ok(())
    }
}

impl TensorKind {
    /// Whether all values in these whole blocks are numbers.
    fn are_numbers(self, blocks: &[u8]) -> bool {
        match self {
            Self::F32 => {
                // Without an early end, which would keep the compiler from vector instructions.
                let (values, _) = blocks.as_chunks::<4>();
                !values.iter().fold(false, |found, value| {
                    found | (u32::from_le_bytes(*value) & F32_EXPONENT == F32_EXPONENT)
                })
            }
            Self::F16 => are_halves(blocks, F16_EXPONENT),
            Self::Bf16 => are_halves(blocks, BF16_EXPONENT),
            // Where a block has its scales, all f16: ggml-common.h.
            Self::Q4_0 => scales::<18>(blocks, &[0]),
            Self::Q5_0 => scales::<22>(blocks, &[0]),
            Self::Q8_0 => scales::<34>(blocks, &[0]),
            Self::Q4_1 => scales::<20>(blocks, &[0, 2]),
            Self::Q5_1 => scales::<24>(blocks, &[0, 2]),
            Self::Q4K => scales::<144>(blocks, &[0, 2]),
            Self::Q5K => scales::<176>(blocks, &[0, 2]),
            Self::Q6K => scales::<210>(blocks, &[208]),
        }
    }
}

fn are_halves(blocks: &[u8], exponent: u16) -> bool {
    let (values, _) = blocks.as_chunks::<2>();
    !values
        .iter()
        .fold(false, |found, value| found | (u16::from_le_bytes(*value) & exponent == exponent))
}

/// Whether the scales at these bytes of each block of `N` bytes are numbers.
fn scales<const N: usize>(blocks: &[u8], at: &[usize]) -> bool {
    let (blocks, _) = blocks.as_chunks::<N>();
    let are_numbers = |block: &[u8; N]| {
        at.iter().all(|at| match block.get(*at..at + 2) {
            Some(scale) => are_halves(scale, F16_EXPONENT),
            None => false,
        })
    };
    blocks.iter().all(are_numbers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gguf::Writer;
    use std::io::Cursor;
    use std::path::Path;

    /// A file with a tensor of this kind between two others, and the position of its first byte.
    fn file(kind: TensorKind, blocks: u64) -> (Vec<u8>, usize) {
        let (values, bytes) = kind.block();
        let named = |name: &str, dims, kind| Tensor { name: name.into(), dims, kind };
        let tensors = [
            named("before", vec![3], TensorKind::F32),
            named("it", vec![values, blocks], kind),
            named("after", vec![5], TensorKind::F16),
        ];
        let mut out = Vec::new();
        let mut writer = Writer::new(&mut out, Path::new("x"), &[], &tensors).unwrap();
        writer.tensor(&1_f32.to_le_bytes().repeat(3)).unwrap();
        // All of a block's bytes are odd in every way that a number may be.
        writer.tensor(&vec![0x3B; to_usize(bytes * blocks)]).unwrap();
        writer.tensor(&[0; 10]).unwrap();
        let whole = to_usize((bytes * blocks).next_multiple_of(ALIGNMENT) + ALIGNMENT);
        let start = out.len() - whole;
        (out, start)
    }

    fn checked(bytes: &[u8]) -> Result<(), String> {
        let input = ModelInput::new(Cursor::new(bytes.to_vec()), Path::new("x"));
        let mut input = input.unwrap();
        let head = Gguf::read_from(&mut input).unwrap();
        let outcome = head.check_weights(&mut input).map_err(|error| error.to_string());
        assert!(outcome.is_err() || input.left() == 0, "all of the file is read");
        outcome
    }

    /// Positions of what must be numbers in a block, and the bits of its exponent.
    fn numbers(kind: TensorKind) -> (&'static [usize], Vec<u8>) {
        let half = F16_EXPONENT.to_le_bytes().to_vec();
        match kind {
            TensorKind::F32 => (&[0], F32_EXPONENT.to_le_bytes().to_vec()),
            TensorKind::Bf16 => (&[0], BF16_EXPONENT.to_le_bytes().to_vec()),
            TensorKind::F16 | TensorKind::Q4_0 | TensorKind::Q5_0 | TensorKind::Q8_0 => {
                (&[0], half)
            }
            TensorKind::Q4_1 | TensorKind::Q5_1 | TensorKind::Q4K | TensorKind::Q5K => {
                (&[0, 2], half)
            }
            TensorKind::Q6K => (&[208], half),
        }
    }

    #[test]
    fn what_is_no_number_is_found_in_any_block_of_any_kind() {
        for kind in TensorKind::ALL {
            let bytes = to_usize(kind.block().1);
            // More than is read at once.
            let blocks = to_usize(MOST) / bytes + 3;
            let (whole, start) = file(kind, blocks as u64);
            assert_eq!(checked(&whole), Ok(()), "{kind:?}");
            let (positions, infinite) = numbers(kind);
            for block in [0, 1, blocks / 2, blocks - 1] {
                for at in positions {
                    let mut lying = whole.clone();
                    let at = start + block * bytes + at;
                    // Infinite, then negative, then NaN.
                    lying[at..at + infinite.len()].copy_from_slice(&infinite);
                    for (byte, bits) in
                        [(infinite.len() - 1, 0), (infinite.len() - 1, 0x80), (0, 1)]
                    {
                        lying[at + byte] |= bits;
                        let error = checked(&lying).expect_err("it has no number there");
                        assert!(error.contains("\"it\" are not numbers"), "{kind:?}: {error}");
                    }
                }
            }
        }
    }

    #[test]
    fn the_largest_number_of_a_kind_and_any_integers_are_numbers() {
        for kind in TensorKind::ALL {
            let bytes = to_usize(kind.block().1);
            let (mut whole, start) = file(kind, 1);
            let (positions, infinite) = numbers(kind);
            if bytes > infinite.len() {
                whole[start..start + bytes].fill(0xFF);
            }
            for at in positions {
                let largest: Vec<u8> = match infinite.len() {
                    4 => f32::MAX.to_le_bytes().to_vec(),
                    _ => (u16::from_le_bytes([infinite[0], infinite[1]]) - 1).to_le_bytes().into(),
                };
                whole[start + at..start + at + largest.len()].copy_from_slice(&largest);
            }
            assert_eq!(checked(&whole), Ok(()), "{kind:?}");
        }
    }

    #[test]
    fn a_file_that_shrank_is_an_error() {
        let (whole, start) = file(TensorKind::Q8_0, 4);
        let head = Gguf::read(ModelInput::new(Cursor::new(whole.clone()), Path::new("x")).unwrap());
        let cut = &whole[..whole.len() - 40];
        let mut input = ModelInput::new(Cursor::new(cut.to_vec()), Path::new("x")).unwrap();
        input.seek_to(start as u64 - ALIGNMENT).unwrap();
        assert!(head.unwrap().check_weights(&mut input).is_err());
    }
}
