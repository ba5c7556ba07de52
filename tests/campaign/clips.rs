//! The speech that is played: recordings of real speech with their texts.

use crate::lab;
use serde_json::Value;
use std::fs;
use std::path::PathBuf;

/// A recording of speech.
#[derive(Clone, Debug)]
pub(crate) struct Clip {
    /// The name of its file, without the extension.
    pub(crate) name: String,
    /// The path of its file.
    pub(crate) path: PathBuf,
    /// Its length in seconds.
    pub(crate) seconds: f64,
    /// The text that is spoken in it.
    pub(crate) text: String,
}

/// The shortest and the longest clip, in seconds.
const LENGTHS: (f64, f64) = (1.9, 8.5);

/// Returns English recordings of up to `longest` seconds. They have no noise, so that only the
/// fault can cause errors. If there are none, returns the end of the project's own sample.
pub(crate) fn clips(longest: f64) -> Vec<Clip> {
    let folder = lab::beside("speech");
    let manifest = fs::read_to_string(folder.join("manifest.jsonl")).unwrap_or_default();
    let mut clips: Vec<Clip> = manifest
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("a line of the manifest is JSON"))
        .filter(|it| it["language"] == "en" && (it["kind"] == "read" || it["kind"] == "command"))
        .map(|it| {
            let file = it["file"].as_str().unwrap_or_default();
            Clip {
                name: file.trim_end_matches(".wav").to_owned(),
                path: folder.join(file),
                seconds: it["seconds"].as_f64().unwrap_or_default(),
                text: it["text"].as_str().unwrap_or_default().to_owned(),
            }
        })
        .filter(|clip| (LENGTHS.0..LENGTHS.1.min(longest)).contains(&clip.seconds))
        .collect();
    clips.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    if clips.is_empty() {
        let folder = std::env::temp_dir();
        let path = lab::phrase(&folder);
        let text = lab::PHRASE.to_owned();
        clips.push(Clip { name: "phrase".into(), path, seconds: 3.0, text });
    }
    clips
}
