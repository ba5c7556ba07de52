//! The dictations in the store, for clients that list, read, deliver and delete them.

use crate::session::{ChosenPreset, DeliverMode, Segment};
use std::path::PathBuf;

/// The default number of dictations in a page.
pub const PAGE: u32 = 20;
/// The largest number of dictations in a page.
pub const LONGEST_PAGE: u32 = 500;
/// The number of characters of a text that a list shows.
pub const FIRST_WORDS: usize = 80;

/// Identifies a dictation in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Which {
    /// Counted back from the last one, which is 1. Dictations under way do not count.
    Number(u32),
    /// The name of its files in the store. It never changes, and no other dictation gets it.
    Id(String),
}

/// LIST_DICTATIONS: selects dictations, newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryQuery {
    /// Only dictations that contain all these words, ignoring case and accents.
    pub search: Option<String>,
    /// Only dictations from this time on, as the user wrote it: a date, a time, or how long ago.
    pub since: Option<String>,
    /// Only dictations older than the one with this id, even if that one no longer exists.
    pub before: Option<String>,
    /// The largest number of results, 1 to [`LONGEST_PAGE`].
    pub limit: u32,
}

/// DELIVER_DICTATION: delivers a stored text again.
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

/// A page of dictations from the store.
#[derive(Clone, Debug, PartialEq)]
pub struct HistoryPage {
    /// The dictations, newest first.
    pub dictations: Vec<KeptDictation>,
    /// Whether there are older ones.
    pub has_more: bool,
}

/// A dictation in the store, without its text.
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
    /// Where the text was delivered, and where that failed.
    pub deliveries: Vec<KeptDelivery>,
    /// The code and the message of the failure, if there is no text.
    pub problem: Option<(String, String)>,
    /// The path of the recording, if it is kept.
    pub audio_path: Option<PathBuf>,
}

/// The result of one delivery method, from the store.
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

/// A dictation in the store, with its text.
#[derive(Clone, Debug, PartialEq)]
pub struct KeptText {
    /// The dictation's other properties.
    pub dictation: KeptDictation,
    /// The text, if there is one.
    pub text: Option<String>,
    /// The transcript, if the text rules or a language model changed it.
    pub unrefined: Option<String>,
    /// The preset that was chosen for the text, if any.
    pub preset: Option<ChosenPreset>,
    /// The recognised pieces, with their positions in the recording.
    pub segments: Vec<Segment>,
    /// The texts from earlier transcriptions, oldest first.
    pub earlier: Vec<String>,
}

/// The outcome of a deletion.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deleted {
    /// The number of deleted dictations.
    pub deleted: u32,
    /// The number of deleted dictations that had no text yet.
    pub without_text: u32,
    /// The ids of dictations that could not be deleted, each with the reason as a sentence.
    pub kept: Vec<(String, String)>,
}
