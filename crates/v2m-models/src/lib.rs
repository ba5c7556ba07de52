//! v2m's models on disk: which there are, where they lie, what is in them, and how one is made from
//! another.
//!
//! | module | what it is for |
//! |---|---|
//! | [`catalogue`] | the published models: size, digest, languages, memory |
//! | [`paths`] | where models and the shipped files lie; from a name to a file |
//! | [`import`] | a CTranslate2 model (faster-whisper) becomes a ggml file |
//! | [`quantise`] | an f16 ggml file becomes q8_0 or q5_1 |
//! | [`ggml`] | whisper.cpp's file format |
//! | [`gguf`] | the file format of transcribe.cpp's models |
//! | [`family`] | what the families of models in GGUF form can be asked for |
//! | [`language`] | which languages a model can listen to |
//! | [`moonshine_import`] | Moonshine's weights for ONNX Runtime become a GGUF file |
//! | `moonshine` | what a Moonshine model must hold |
//! | `nemo` | what a Canary, Parakeet or Nemotron model must hold |
//! | [`fit`] | which models suit a machine |
//! | [`verify`] | SHA-256 |
//! | [`whispers`] | which installed models help one that must be told the language |
//!
//! No network and no async here: the program `v2m-model` fetches. No inference either: the
//! engines recognise. Files are read as if an enemy had written them: each gives a model or an error,
//! never a panic or a giant allocation.

#![forbid(unsafe_code)]

pub mod catalogue;
mod ct2;
mod error;
pub mod family;
pub mod fit;
pub mod ggml;
pub mod gguf;
pub mod import;
mod input;
pub mod language;
mod mel;
mod moonshine;
pub mod moonshine_import;
mod nemo;
mod ort;
pub mod paths;
pub mod quantise;
pub mod verify;
mod vocabulary;
pub mod whispers;

pub use error::{Doing, ModelError};

use catalogue::{Form, Weights};
use language::Languages;
use std::path::Path;

/// What a model file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    /// What it can listen to.
    pub languages: Languages,
    /// How its matrices are stored (`f16`, `q8_0`); `None` for a kind that v2m does not know by
    /// name.
    pub weights: Option<&'static str>,
}

/// Reads a model file's index, in the form that its name says: that it is a model that an engine of
/// v2m can run, and whole in structure (not that its weights are right: [`verify`]).
///
/// # Errors
/// Says where the file is not what it should be.
pub fn inspect(path: &Path) -> Result<Summary, ModelError> {
    Ok(match Form::of(path) {
        Form::Ggml => {
            let ggml::Summary { languages, weights } = ggml::inspect(path)?;
            let name =
                |weights: Weights| if weights == Weights::F16 { "f16" } else { weights.suffix() };
            Summary { languages, weights: weights.map(name) }
        }
        Form::Gguf => {
            let gguf::Summary { languages, weights, .. } = gguf::inspect(path)?;
            Summary { languages, weights }
        }
    })
}

/// The mode of a model's file: models are no secret, and may be everybody's.
pub const FILE_MODE: u32 = 0o644;
