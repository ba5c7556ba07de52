//! What goes wrong in whisper.cpp, and what the policy is told of it.

use thiserror::Error;
use v2m_recogniser::decoder::DecodeError;
use whisper_rs::WhisperError;

/// What went wrong in one decode; the engine goes on.
#[derive(Debug, Error)]
pub enum WhisperDecodeError {
    /// Somebody asked for it.
    #[error("cancelled")]
    Aborted,
    /// Not among Whisper's languages.
    #[error("Whisper knows no language {0:?}; use an ISO 639-1 code such as \"en\"")]
    UnknownLanguage(String),
    /// A model for English alone was asked for another language.
    #[error("this model knows English only, not {0:?}; choose a model without \".en\"")]
    EnglishOnly(String),
    /// Some value is infinite or none at all.
    #[error("{}", DecodeError::NoNumbers)]
    NoNumbers,
    /// whisper.cpp's own failure.
    #[error("{0}")]
    Whisper(#[from] WhisperError),
}

impl From<WhisperDecodeError> for DecodeError {
    fn from(problem: WhisperDecodeError) -> Self {
        match problem {
            WhisperDecodeError::Aborted => Self::Aborted,
            WhisperDecodeError::UnknownLanguage(_) | WhisperDecodeError::EnglishOnly(_) => {
                Self::Refused(problem.to_string())
            }
            WhisperDecodeError::NoNumbers => Self::NoNumbers,
            WhisperDecodeError::Whisper(error) => Self::Failed(error.to_string()),
        }
    }
}
