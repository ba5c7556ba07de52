//! What is known of a dictation beside its audio: the JSON file's contents.

use super::{Outcome, StoreError, Text};
use crate::atomic;
use crate::regular::{self, Refused, Trust};
use crate::session::{Code, Gap, Segment};
use serde::{Deserialize, Serialize};
use std::io;
use std::path::Path;
use v2m_ipc::plain;

/// A dictation's JSON. Unknown keys are ignored, absent ones have defaults.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Record {
    /// Of this form.
    pub version: u32,
    /// When the press came: RFC 3339, UTC.
    pub started_at: String,
    /// How far it got.
    pub state: RecordState,
    /// Length of the recording.
    pub seconds: f64,
    /// How often a transcription was begun.
    pub attempts: u32,
    /// Whether the service was killed while it recorded: what was said after that is missing.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub cut_off: bool,
    /// The text, once there is one.
    pub text: Option<String>,
    /// What was heard, where the text rules made something else of it. Empty `text` beside it: all
    /// of it was taken back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unrefined: Option<String>,
    /// ISO 639-1 code.
    pub language: Option<String>,
    /// In samples at 16 kHz.
    pub segments: Vec<SegmentRecord>,
    /// What could not be recorded. The recording has silence there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gaps: Vec<GapRecord>,
    /// Where the text went.
    pub deliveries: Vec<DeliveryRecord>,
    /// Why there is no text.
    pub error: Option<ErrorRecord>,
}

/// How far a dictation got.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordState {
    /// Being recorded, or cut off while it was.
    #[default]
    Recording,
    /// The audio is whole, there is no text yet.
    Recorded,
    /// There is a text; it was not delivered yet.
    Transcribed,
    /// The text was handed over.
    Delivered,
    /// There is no text, and why.
    Failed,
}

/// A piece of the text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentRecord {
    /// First sample.
    pub start: u64,
    /// One past the last sample.
    pub end: u64,
    /// What was said.
    pub text: String,
    /// Whether some of its sound is missing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub gap: bool,
}

/// A stretch that could not be recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GapRecord {
    /// First sample.
    pub start: u64,
    /// One past the last sample.
    pub end: u64,
    /// Why: a [`GapCause`](crate::session::GapCause)'s name.
    pub cause: String,
}

/// One way of delivering.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryRecord {
    /// Its name.
    pub by: String,
    /// Which of the desktop's ways was used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backend: Option<String>,
    /// Whether it arrived.
    pub ok: bool,
    /// How, or why not.
    pub detail: String,
}

/// Why there is no text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorRecord {
    /// A [`Code`]'s name.
    pub code: String,
    /// For people.
    pub message: String,
}

/// Longer than the record of the longest dictation, in bytes.
const LONGEST: u64 = 64 << 20;
/// Attempts after which a recording is no longer transcribed by itself.
const MAX_ATTEMPTS: u32 = 3;

impl Record {
    pub(super) const VERSION: u32 = 1;

    pub(super) fn new(started_at: jiff::Timestamp) -> Self {
        Self { started_at: started_at.to_string(), ..Self::default() }
    }

    /// `None` when there is no file; an error when it holds something else than a record.
    pub(super) fn read(path: &Path) -> Result<Option<Self>, StoreError> {
        match regular::read(path, Trust::Own, LONGEST) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map(Some)
                .map_err(|e| StoreError::file("reading", path)(e.into())),
            Err(Refused::Io(error)) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(refused) => Err(StoreError::file("reading", path)(refused.into())),
        }
    }

    pub(super) fn write(&self, path: &Path) -> Result<(), StoreError> {
        let json = serde_json::to_vec_pretty(self).expect("records have string keys");
        atomic::write(path, &json).map_err(StoreError::file("writing", path))
    }

    /// A transcription begins.
    pub(super) fn count_attempt(&mut self) {
        self.state = RecordState::Recorded;
        self.attempts = self.attempts.saturating_add(1);
    }

    pub(super) fn take(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Transcribed(text) => {
                self.state = RecordState::Transcribed;
                self.take_text(text);
            }
            Outcome::Delivered(text, deliveries) => {
                self.state = RecordState::Delivered;
                self.take_text(text);
                self.deliveries = deliveries
                    .into_iter()
                    .map(|d| DeliveryRecord {
                        by: d.by.into(),
                        backend: d.backend.map(str::to_owned),
                        ok: d.ok,
                        detail: d.detail,
                    })
                    .collect();
            }
            Outcome::Failed(code, message) => {
                // Without a model, or with the service ending, nothing was really attempted.
                if matches!(code, Code::ModelMissing | Code::ShuttingDown) {
                    self.attempts = self.attempts.saturating_sub(1);
                }
                self.state = RecordState::Failed;
                self.error = Some(ErrorRecord { code: code.name().into(), message });
            }
        }
    }

    fn take_text(&mut self, text: Text) {
        self.text = Some(text.text);
        self.unrefined = text.unrefined;
        self.language = Some(text.language).filter(|code| !code.is_empty());
        let gaps = &self.gaps;
        let is_cut = |s: &Segment| gaps.iter().any(|gap| gap.start < s.end && s.start < gap.end);
        let segments = text.segments.into_iter();
        self.segments = segments
            .map(|s| SegmentRecord { gap: is_cut(&s), start: s.start, end: s.end, text: s.text })
            .collect();
        self.error = None;
    }

    pub(super) fn miss(&mut self, gap: Gap) {
        let Gap { start, end, cause } = gap;
        self.gaps.push(GapRecord { start, end, cause: cause.name().into() });
    }

    /// Whether its audio still has something to give: there is no text, and not because there
    /// is nothing to hear.
    pub(super) fn wants_text(&self) -> bool {
        self.text.is_none() && !self.is_silent()
    }

    /// Whether it should be transcribed without being asked to.
    pub(super) fn wants_attempt(&self) -> bool {
        self.wants_text() && self.attempts < MAX_ATTEMPTS
    }

    /// The text that nobody was given: the service was killed while a language model had it, say.
    pub(super) fn undelivered(&self) -> Option<Text> {
        let text = self.text.clone().filter(|text| !text.is_empty())?;
        let segments = self.segments.iter().cloned();
        (self.state == RecordState::Transcribed).then(|| Text {
            text: plain::owned(text),
            unrefined: self.unrefined.clone().map(plain::owned),
            language: self.language.clone().unwrap_or_default(),
            segments: segments
                .map(|s| Segment { start: s.start, end: s.end, text: s.text })
                .collect(),
        })
    }

    /// Whether nobody needs the audio any more.
    pub(super) fn is_done_with_audio(&self) -> bool {
        self.state == RecordState::Delivered || self.is_silent()
    }

    fn is_silent(&self) -> bool {
        let code = self.error.as_ref().map(|error| error.code.as_str());
        self.state == RecordState::Failed && code == Some(Code::NoSpeech.name())
    }
}

impl Default for Record {
    fn default() -> Self {
        Self {
            version: Self::VERSION,
            started_at: String::new(),
            state: RecordState::default(),
            seconds: 0.0,
            attempts: 0,
            cut_off: false,
            text: None,
            unrefined: None,
            language: None,
            segments: Vec::new(),
            gaps: Vec::new(),
            deliveries: Vec::new(),
            error: None,
        }
    }
}
