//! Output formats of `transcribe`.

use crate::print;
use serde_json::{Value, json};
use v2m_ipc::message::{Response, ResponseStatus};
use v2m_ipc::subtitles::{self, SpokenSpan};
use v2m_messages::tr;

/// Format of a transcript.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OutputFormat {
    /// Plain text.
    Text,
    /// One object on one line.
    Json,
    /// SubRip subtitles.
    Srt,
    /// WebVTT subtitles.
    Vtt,
}

impl OutputFormat {
    const ALL: [Self; 4] = [Self::Text, Self::Json, Self::Srt, Self::Vtt];

    /// Returns the name for `--format`, which is also the extension of its files.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Text => "txt",
            Self::Json => "json",
            Self::Srt => "srt",
            Self::Vtt => "vtt",
        }
    }

    /// Parses the name of a format.
    ///
    /// # Errors
    /// A message for the user that lists the formats.
    pub(crate) fn parse(name: &str) -> Result<Self, String> {
        let known = Self::ALL.map(Self::name).join(", ");
        let found = Self::ALL.into_iter().find(|format| format.name() == name);
        let name = format_args!("{name:?}");
        found.ok_or_else(|| tr!("there is no format {name}, but: {known}", name, known))
    }

    /// Whether several of them cannot be concatenated.
    pub(crate) fn is_subtitles(self) -> bool {
        matches!(self, Self::Srt | Self::Vtt)
    }

    /// Formats the answer about a file. Errors appear only in JSON.
    pub(crate) fn render(self, file: &str, answer: &Response) -> String {
        match self {
            Self::Text => print::success(answer),
            Self::Json => object(file, answer),
            Self::Srt => subtitles::srt(&pieces(&answer.data)),
            Self::Vtt => subtitles::vtt(&pieces(&answer.data)),
        }
    }
}

fn object(file: &str, answer: &Response) -> String {
    let data = &answer.data;
    let object = match answer.status {
        ResponseStatus::Success => {
            let mut object = json!({
                "file": file,
                "text": data["text"],
                "language": data["language"],
                "seconds": data["seconds"],
                "segments": data["segments"],
            });
            if let Some(problems) = data.get("problems") {
                object["problems"] = problems.clone();
            }
            object
        }
        ResponseStatus::Error | ResponseStatus::Event => {
            json!({"file": file, "error": answer.error, "code": answer.code})
        }
    };
    format!("{object}\n")
}

/// Returns the segments that can be parsed.
fn pieces(data: &Value) -> Vec<SpokenSpan> {
    let segments = data["segments"].as_array().map_or(&[][..], Vec::as_slice);
    let piece = |segment: &Value| {
        Some(SpokenSpan {
            start: segment["start"].as_f64()?,
            end: segment["end"].as_f64()?,
            text: segment["text"].as_str()?.to_owned(),
        })
    };
    segments.iter().filter_map(piece).collect()
}
