//! The dictations that the store keeps, as clients list, read, deliver and delete them.

use crate::session::{ChosenPreset, DeliverMode, Segment};
use std::path::PathBuf;

/// How many dictations a client gets at once, unless it says otherwise.
pub const PAGE: u32 = 20;
/// How many dictations a client gets at once at most.
pub const LONGEST_PAGE: u32 = 500;
/// How many characters of a text a list shows.
pub const FIRST_WORDS: usize = 80;

/// A dictation that the store keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Which {
    /// Counted back from the last one, which is 1. Dictations under way do not count.
    Number(u32),
    /// The name of its files in the store. It never changes, and no other dictation gets it.
    Id(String),
}

/// LIST_DICTATIONS: which dictations are listed, the newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryQuery {
    /// Only dictations with all these words, whatever their case and accents.
    pub search: Option<String>,
    /// Only dictations from this moment on, as the user wrote it: a date, a time, or how long ago.
    pub since: Option<String>,
    /// Only dictations older than the one with this id, whether that one still exists or not.
    pub before: Option<String>,
    /// At most so many, 1 to [`LONGEST_PAGE`].
    pub limit: u32,
}

/// DELIVER_DICTATION: a text that is delivered once more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redelivery {
    /// The dictation.
    pub which: Which,
    /// Where its text goes.
    pub deliver: DeliverMode,
}

/// DELETE_DICTATIONS: the dictations to delete, recording and text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deletion {
    /// One dictation.
    One(Which),
    /// All that the store keeps.
    All,
}

/// Some of the dictations that the store keeps.
#[derive(Clone, Debug, PartialEq)]
pub struct HistoryPage {
    /// The dictations, the newest first.
    pub dictations: Vec<KeptDictation>,
    /// Whether older ones follow.
    pub has_more: bool,
}

/// A dictation that the store keeps, without its text.
#[derive(Clone, Debug, PartialEq)]
pub struct KeptDictation {
    /// Its number, counted back from the last one, which is 1.
    pub number: u32,
    /// Its [`Which::Id`].
    pub id: String,
    /// When the key was pressed: RFC 3339, with the offset of the service's time zone.
    pub started_at: String,
    /// The length of the recording, in seconds.
    pub seconds: f64,
    /// The language's ISO 639-1 code.
    pub language: Option<String>,
    /// How far it got: `recording` (the recording was cut off), `recorded`, `transcribed`,
    /// `delivered` or `failed`.
    pub state: &'static str,
    /// The text's first [`FIRST_WORDS`] characters, on one line. Empty without a text.
    pub first_words: String,
    /// Where the text went, and where it did not.
    pub deliveries: Vec<KeptDelivery>,
    /// Why there is no text: the code and the message.
    pub problem: Option<(String, String)>,
    /// The recording, if it is kept.
    pub audio_path: Option<PathBuf>,
}

/// Where a text went, as the store keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptDelivery {
    /// The method's name.
    pub by: String,
    /// The desktop backend that was used.
    pub backend: Option<String>,
    /// Whether the delivery succeeded.
    pub ok: bool,
    /// How it was delivered, or why not.
    pub detail: String,
}

/// A dictation that the store keeps, with its text.
#[derive(Clone, Debug, PartialEq)]
pub struct KeptText {
    /// All but the text.
    pub dictation: KeptDictation,
    /// The text, if there is one.
    pub text: Option<String>,
    /// The transcript, if the text rules or a language model changed it.
    pub unrefined: Option<String>,
    /// The preset that was chosen for the text, if one was.
    pub preset: Option<ChosenPreset>,
    /// Where in the recording each piece was said.
    pub segments: Vec<Segment>,
    /// The texts that it had before it was transcribed again, the oldest first.
    pub earlier: Vec<String>,
}

/// What became of a deletion.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deleted {
    /// How many dictations were deleted.
    pub deleted: u32,
    /// How many of them had no text yet.
    pub without_text: u32,
    /// The ids of those that were not deleted, each with the reason, as a sentence.
    pub kept: Vec<(String, String)>,
}
