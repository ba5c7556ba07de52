//! Errors of whisper.cpp, and their conversion for the policy.

use thiserror::Error;
use v2m_messages::tr;
use v2m_recogniser::decoder::DecodeError;
use whisper_rs::WhisperError;

/// The failure of one decode. The engine continues.
#[derive(Debug, Error)]
pub enum WhisperDecodeError {
    /// The monitor requested it.
    #[error("{}", DecodeError::Aborted)]
    Aborted,
    /// The language is not one of Whisper's.
    #[error(
        "{}",
        tr!(
            "Whisper does not know the language {language}; use an ISO 639-1 code such as \"en\"",
            language = format_args!("{:?}", .0)
        )
    )]
    UnknownLanguage(String),
    /// An English-only model was asked for another language.
    #[error(
        "{}",
        tr!(
            "this model knows English only, not {language}; choose a model without \".en\"",
            language = format_args!("{:?}", .0)
        )
    )]
    EnglishOnly(String),
    /// Some value is infinite or NaN.
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
