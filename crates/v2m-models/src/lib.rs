//! v2m's models on disk: the catalogue, where files are, what they contain, and conversions.
//!
//! | module | what it is for |
//! |---|---|
//! | [`catalogue`] | the published models: size, digest, languages, memory |
//! | [`paths`] | folders of models and shipped files; resolves a name to a file |
//! | [`import`] | converts a CTranslate2 model (faster-whisper) to a ggml file |
//! | [`quantise`] | converts an f16 ggml file to q8_0 or q5_1 |
//! | [`ggml`] | whisper.cpp's file format |
//! | [`gguf`] | the file format of transcribe.cpp's models |
//! | [`family`] | features of the families of models in GGUF form |
//! | [`language`] | languages that a model can transcribe |
//! | [`moonshine_import`] | converts Moonshine's weights for ONNX Runtime to a GGUF file |
//! | `moonshine` | required content of a Moonshine model |
//! | `nemo` | required content of a Canary, Parakeet or Nemotron model |
//! | [`fit`] | which models suit a machine |
//! | [`verify`] | SHA-256 |
//! | [`whispers`] | installed Whisper models that help one that must be told the language |
//!
//! No network and no async here: the program `v2m-model` downloads. No inference either: the
//! engines recognise. Files are read as if an attacker had written them: each gives a model or an
//! error, never a panic or a huge allocation.

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

/// Properties of a model file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    /// The languages that it transcribes.
    pub languages: Languages,
    /// How its matrices are stored (`f16`, `q8_0`); `None` for a type that v2m cannot name.
    pub weights: Option<&'static str>,
}

/// Reads a model file's index, in the format given by its name, and checks that it is a model that
/// an engine of v2m can run, with a complete structure (not that its weights are right:
/// [`verify`]).
///
/// # Errors
/// If the file is invalid; the text says where.
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

/// Permissions of a model's file: models are not secret, and may be shared with other users.
pub const FILE_MODE: u32 = 0o644;
