//! Answers from the store: LIST_DICTATIONS, GET_DICTATION and DELETE_DICTATIONS.

use super::{Delivery, Preset, Problem, Segment};
use serde::{Deserialize, Serialize};

/// The answer to LIST_DICTATIONS.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Dictations {
    /// The dictations, the newest first.
    pub dictations: Vec<Dictation>,
    /// Whether older ones follow. To get them, ask again with the last one's id as `before`.
    pub more: bool,
}

/// A dictation that the store keeps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Dictation {
    /// The number, counted back from the last one, which is 1.
    pub number: u32,
    /// The name of its files in the store, without their endings. It never changes.
    pub id: String,
    /// When the key was pressed: RFC 3339, with the offset of the service's time zone.
    pub started_at: String,
    /// The length of the recording.
    pub seconds: f64,
    /// The language's ISO 639-1 code.
    pub language: Option<String>,
    /// `recording` (it was cut off), `recorded`, `transcribed`, `delivered` or `failed`.
    pub state: String,
    /// The beginning of the text, on one line.
    pub first_words: String,
    /// Where the text was delivered, and where that failed.
    pub deliveries: Vec<Delivery>,
    /// Why there is no text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
    /// The recording on disk, if it is kept.
    pub audio_path: Option<String>,
}

/// The answer to GET_DICTATION.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DictationText {
    /// The same data as in a list.
    #[serde(flatten)]
    pub dictation: Dictation,
    /// The text, if there is one.
    pub text: Option<String>,
    /// The transcript, if the text rules or a language model changed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unrefined: Option<String>,
    /// The preset chosen for the text, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preset: Option<Preset>,
    /// The pieces of the text, with their positions in the recording.
    pub segments: Vec<Segment>,
    /// The texts before the dictation was transcribed again, the oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub earlier: Vec<String>,
}

/// The answer to DELETE_DICTATIONS.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deleted {
    /// How many dictations were deleted.
    pub deleted: u32,
    /// How many of them had no text yet.
    pub without_text: u32,
    /// The dictations that were not deleted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kept: Vec<NotDeleted>,
}

/// A dictation that was not deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotDeleted {
    /// The dictation's id, as in [`Dictation::id`].
    pub id: String,
    /// The reason, as a sentence.
    pub reason: String,
}
