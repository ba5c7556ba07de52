//! Reads the voice activity model's file. This is safe Rust, so a damaged file causes wrong results
//! at worst.

use crate::ggml_file::{F16, F32, Flaw, GgmlFile, ensure, open};
use crate::model::LoadError;
use half::f16;
use std::collections::HashMap;
use std::path::Path;
use v2m_messages::tr;

/// The largest accepted size in bytes. The published file has 885,098.
const LARGEST: u64 = 4 << 20;

/// Reads a Silero model. Returns its tensors by name, as finite 32-bit floats in the file's order.
///
/// # Errors
/// [`LoadError::Voice`] when it cannot be read or is not a Silero model.
pub(super) fn read(path: &Path) -> Result<HashMap<String, Vec<f32>>, LoadError> {
    open(path, tensors).map_err(|error| LoadError::of_voice(path, error))
}

fn tensors(file: &mut GgmlFile) -> Result<HashMap<String, Vec<f32>>, Flaw> {
    file.magic()?;
    // All of the file is kept in memory.
    ensure(file.length <= LARGEST, || tr!("it is too large for a voice activity model").into())?;
    let [length] = file.ints()?;
    ensure((1..=64).contains(&length), || tr!("it is not a voice activity model").into())?;
    let mut kind = vec![0; length.unsigned_abs() as usize];
    file.read(&mut kind)?;
    ensure(kind.starts_with(b"silero"), || tr!("it is no Silero model").into())?;
    let [_, _, _, window, _, layers]: [i32; 6] = file.ints()?;
    ensure(window == 512 && layers == 4, || tr!("its header is not Silero's at 16 kHz").into())?;
    let shapes: [i32; 16] = file.ints()?;
    let expected = [129, 128, 3, 128, 64, 3, 64, 64, 3, 64, 128, 3, 128, 128, 128, 1];
    ensure(shapes == expected, || tr!("its layers are not those of Silero 5 or 6").into())?;
    let mut tensors = HashMap::new();
    while let Some(tensor) = file.tensor()? {
        ensure(tensor.bytes <= file.length, || tr!("its table of tensors is damaged").into())?;
        let mut bytes = vec![0; usize::try_from(tensor.bytes).unwrap_or(0)];
        file.read(&mut bytes)?;
        let values: Vec<f32> = match tensor.kind {
            F32 => bytes.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect(),
            F16 => bytes.as_chunks().0.iter().map(|b| f16::from_le_bytes(*b).to_f32()).collect(),
            _ => return Err(Flaw::Content(tr!("its weights are of an unexpected type").into())),
        };
        ensure(values.iter().all(|value| value.is_finite()), || {
            tr!("some of its weights are not numbers").into()
        })?;
        ensure(tensors.insert(tensor.name, values).is_none(), || {
            tr!("it holds the same tensor twice").into()
        })?;
    }
    Ok(tensors)
}
