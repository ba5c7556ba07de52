//! The contents of a dictation's JSON file: everything known about it except its audio.

use super::{RecordUpdate, StoreError, Text, Tried};
use crate::atomic;
use crate::regular::{self, Refused, Trust};
use crate::session::{ChosenPreset, Code, Gap, GapCause, PresetBy, Segment};
use serde::{Deserialize, Serialize};
use std::io;
use std::path::Path;
use v2m_ipc::plain;
use v2m_messages::mark;

/// A dictation's JSON. Unknown keys are ignored; absent keys have defaults.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Record {
    /// The version of this format.
    pub version: u32,
    /// When the key was pressed: RFC 3339, UTC.
    pub started_at: String,
    /// How far the dictation got.
    pub state: RecordState,
    /// The length of the recording.
    pub seconds: f64,
    /// How many transcriptions were begun.
    pub attempts: u32,
    /// Whether the service was killed while it recorded. Anything said after that is missing.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub cut_off: bool,
    /// The text, once there is one.
    pub text: Option<String>,
    /// The transcript, if the text rules changed it. If `text` is empty then, the speaker has taken
    /// back all of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unrefined: Option<String>,
    /// The ISO 639-1 code of the text's language. Without a text, the code that a client requested
    /// for the dictation.
    pub language: Option<String>,
    /// The preset that was chosen for the text, if one was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preset: Option<PresetRecord>,
    /// The segments of the text, in samples at 16 kHz.
    pub segments: Vec<SegmentRecord>,
    /// The parts that could not be recorded. The recording is silent there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gaps: Vec<GapRecord>,
    /// Where the text went.
    pub deliveries: Vec<DeliveryRecord>,
    /// Why there is no text.
    pub error: Option<ErrorRecord>,
    /// The failed attempts, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tries: Vec<TryRecord>,
    /// The name of the first dictation, if this is a sentence of a continuous one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub talk: Option<String>,
    /// Texts that were delivered before the recording was transcribed again, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub earlier: Vec<EarlierRecord>,
}

/// An attempt that failed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TryRecord {
    /// When it failed: RFC 3339, UTC.
    pub at: String,
    /// The engine, as in status and journal.
    pub engine: String,
    /// The model's name.
    pub model: String,
    /// The reason for the failure, in words.
    pub error: String,
}

/// An earlier text that a newer one replaced.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct EarlierRecord {
    /// The earlier text, as in [`Record::text`].
    pub text: String,
    /// The earlier transcript, as in [`Record::unrefined`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unrefined: Option<String>,
    /// The language's ISO 639-1 code.
    pub language: Option<String>,
    /// Where the text went.
    pub deliveries: Vec<DeliveryRecord>,
}

/// How far a dictation got.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordState {
    /// It is being recorded, or the recording was cut off.
    #[default]
    Recording,
    /// The audio is complete, but there is no text yet.
    Recorded,
    /// There is a text, but it was not delivered yet.
    Transcribed,
    /// The text was delivered.
    Delivered,
    /// There is no text; [`Record::error`] says why.
    Failed,
}

impl RecordState {
    /// Returns the name in the record and on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Recording => "recording",
            Self::Recorded => "recorded",
            Self::Transcribed => "transcribed",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
        }
    }
}

/// A piece of the text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentRecord {
    /// The first sample.
    pub start: u64,
    /// One past the last sample.
    pub end: u64,
    /// The segment's text.
    pub text: String,
    /// Whether some of its sound is missing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub gap: bool,
}

/// The preset that was chosen for a text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PresetRecord {
    /// Its name. `none`: no language model got the text.
    pub name: String,
    /// Who chose it: `client`, `application` or `configuration`.
    pub by: String,
    /// The application's name in the settings, if the preset was chosen for an application.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application: Option<String>,
}

impl From<ChosenPreset> for PresetRecord {
    fn from(chosen: ChosenPreset) -> Self {
        let ChosenPreset { name, by } = chosen;
        let application = by.application().map(str::to_owned);
        Self { name, by: by.name().into(), application }
    }
}

impl PresetRecord {
    /// Returns the preset, if v2m knows it.
    pub(super) fn chosen(&self) -> Option<ChosenPreset> {
        let by = match (self.by.as_str(), &self.application) {
            ("client", _) => PresetBy::Client,
            ("application", Some(application)) => {
                PresetBy::Application(plain::owned(application.clone()))
            }
            ("configuration", _) => PresetBy::Configuration,
            _ => return None,
        };
        Some(ChosenPreset { name: plain::owned(self.name.clone()), by })
    }
}

/// A part that could not be recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GapRecord {
    /// The first sample.
    pub start: u64,
    /// One past the last sample.
    pub end: u64,
    /// The reason: the name of a [`GapCause`](crate::session::GapCause).
    pub cause: String,
}

/// The result of one delivery method.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryRecord {
    /// The method's name.
    pub by: String,
    /// The desktop backend that was used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backend: Option<String>,
    /// Whether the delivery succeeded.
    pub ok: bool,
    /// How it was delivered, or why not.
    pub detail: String,
}

/// Why there is no text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorRecord {
    /// The name of a [`Code`].
    pub code: String,
    /// The message for people.
    pub message: String,
}

/// The part that the records of all versions have in common.
#[derive(Deserialize)]
struct Format {
    version: u32,
}

/// The size limit of a record, in bytes. The longest dictation's record is smaller.
const LONGEST: u64 = 64 << 20;
/// How many attempts v2m makes on its own: the first one, and five more.
pub const MAX_ATTEMPTS: u32 = 6;
/// How many failed attempts and earlier texts are kept. There is a limit because a user may try
/// again as often as they like.
const MOST_KEPT: usize = 16;

impl Record {
    pub(super) const VERSION: u32 = 1;

    pub(super) fn new(started_at: jiff::Timestamp) -> Self {
        Self { started_at: started_at.to_string(), ..Self::default() }
    }

    /// Reads a record. `None` if there is no file. Fails if the file is not a record.
    pub(super) fn read(path: &Path) -> Result<Option<Self>, StoreError> {
        match regular::read(path, Trust::Own, LONGEST) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map(Some)
                .map_err(|e| StoreError::file(mark!("reading"), path)(e.into())),
            Err(Refused::Io(error)) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(refused) => Err(StoreError::file(mark!("reading"), path)(refused.into())),
        }
    }

    /// Whether a newer v2m wrote the record. Only the version must be in the known format.
    pub(super) fn is_newer(path: &Path) -> bool {
        let bytes = regular::read(path, Trust::Own, LONGEST).unwrap_or_default();
        let format = serde_json::from_slice(&bytes);
        format.is_ok_and(|Format { version }| version > Self::VERSION)
    }

    pub(super) fn write(&self, path: &Path) -> Result<(), StoreError> {
        let json = serde_json::to_vec_pretty(self).expect("records have string keys");
        atomic::write(path, &json).map_err(StoreError::file(mark!("writing"), path))
    }

    /// Counts the start of a transcription.
    pub(super) fn count_attempt(&mut self) {
        self.state = RecordState::Recorded;
        self.attempts = self.attempts.saturating_add(1);
    }

    pub(super) fn take(&mut self, outcome: RecordUpdate) {
        match outcome {
            RecordUpdate::Transcribed(text) => {
                self.state = RecordState::Transcribed;
                self.take_text(text);
            }
            RecordUpdate::Delivered(text, deliveries) => {
                if self.state == RecordState::Delivered {
                    self.keep_earlier(&text.text);
                }
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
            RecordUpdate::Failed(code, message, tried) => {
                // Without a model, or while the service shuts down, nothing was really attempted.
                let is_attempt = !matches!(code, Code::ModelMissing | Code::ShuttingDown);
                if is_attempt && let Some(tried) = tried {
                    self.keep_try(tried, &message);
                }
                // The failure does not affect an existing text.
                if self.text.is_some() {
                    return;
                }
                if !is_attempt {
                    self.attempts = self.attempts.saturating_sub(1);
                }
                self.state = RecordState::Failed;
                self.error = Some(ErrorRecord { code: code.name().into(), message });
            }
        }
    }

    fn keep_try(&mut self, tried: Tried, error: &str) {
        let Tried { engine, model } = tried;
        let at = jiff::Timestamp::now().to_string();
        self.tries.push(TryRecord { at, engine, model, error: error.to_owned() });
        self.tries.drain(..self.tries.len().saturating_sub(MOST_KEPT));
    }

    /// Keeps the delivered text as an earlier one before `new` replaces it.
    fn keep_earlier(&mut self, new: &str) {
        let Some(text) = self.text.take().filter(|text| !text.is_empty() && text != new) else {
            return;
        };
        self.earlier.push(EarlierRecord {
            text,
            unrefined: self.unrefined.take(),
            language: self.language.take(),
            deliveries: std::mem::take(&mut self.deliveries),
        });
        self.earlier.drain(..self.earlier.len().saturating_sub(MOST_KEPT));
    }

    fn take_text(&mut self, text: Text) {
        self.text = Some(text.text);
        self.unrefined = text.unrefined;
        self.preset = text.preset.map(PresetRecord::from);
        self.language = Some(text.language).filter(|code| !code.is_empty());
        let gaps = &self.gaps;
        let is_cut = |s: &Segment| gaps.iter().any(|gap| gap.start < s.end && s.start < gap.end);
        let segments = text.segments.into_iter();
        self.segments = segments
            .map(|s| SegmentRecord { gap: is_cut(&s), start: s.start, end: s.end, text: s.text })
            .collect();
        self.error = None;
    }

    /// Returns the gaps: parts that could not be recorded.
    pub(super) fn missing(&self) -> Vec<Gap> {
        let gap = |gap: &GapRecord| Gap {
            start: gap.start,
            end: gap.end,
            cause: GapCause::of_name(&gap.cause).unwrap_or(GapCause::NotTaken),
        };
        self.gaps.iter().map(gap).collect()
    }

    pub(super) fn miss(&mut self, gap: Gap) {
        let Gap { start, end, cause } = gap;
        self.gaps.push(GapRecord { start, end, cause: cause.name().into() });
    }

    /// Whether the audio may still produce a text: there is none yet, and the recording is not
    /// silent.
    pub(super) fn wants_text(&self) -> bool {
        self.text.is_none() && !self.is_silent()
    }

    /// Whether to transcribe the recording without a request.
    pub(super) fn wants_attempt(&self) -> bool {
        self.wants_text() && self.attempts < MAX_ATTEMPTS
    }

    /// Returns the text that was not delivered, for example because the service was killed while a
    /// language model rewrote it.
    pub(super) fn undelivered(&self) -> Option<Text> {
        let text = self.text.clone().filter(|text| !text.is_empty())?;
        let segments = self.segments.iter().cloned();
        (self.state == RecordState::Transcribed).then(|| Text {
            text: plain::owned(text),
            unrefined: self.unrefined.clone().map(plain::owned),
            language: self.language.clone().unwrap_or_default(),
            preset: self.preset.as_ref().and_then(PresetRecord::chosen),
            segments: segments
                .map(|s| Segment { start: s.start, end: s.end, text: s.text })
                .collect(),
        })
    }

    /// Whether the audio is no longer needed.
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
            preset: None,
            segments: Vec::new(),
            gaps: Vec::new(),
            deliveries: Vec::new(),
            error: None,
            tries: Vec::new(),
            talk: None,
            earlier: Vec::new(),
        }
    }
}
