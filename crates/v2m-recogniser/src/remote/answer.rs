//! The words that a server is told to expect, and the check of its answer. Pure.

use crate::stream::guard::{Doubt, Hypothesis, doubt};
use v2m_messages::tr;

/// Seconds from the first to the last voice that cannot be a cough or a door: if a server returns
/// no text for so much, it is asked again.
const SPEECH: f32 = 1.0;

/// Size limit of the expected words in bytes. Whisper takes 224 tokens; of more, it drops the first
/// ones.
pub(super) const PROMPT: usize = 600;

/// Returns the expected words, the most important first, as many as servers take.
pub(super) fn prompt(vocabulary: &[String]) -> String {
    let mut prompt = String::new();
    for word in vocabulary {
        let word: String = word.chars().filter(|c| !c.is_control()).collect();
        if prompt.len() + word.len() + 2 > PROMPT {
            break;
        }
        prompt += if prompt.is_empty() { "" } else { ", " };
        prompt += &word;
    }
    prompt
}

/// Converts an answer. An empty one to clear speech counts as cut off, so the piece is sent again.
pub(super) fn hypothesis(text: &str, voice: f32) -> Hypothesis {
    let is_missing = text.is_empty() && voice >= SPEECH;
    Hypothesis { text: text.to_owned(), cut_off: is_missing, ..Hypothesis::default() }
}

/// Returns why the answer to the second question cannot be used either, if so.
pub(super) fn unusable(heard: &Hypothesis, voice: f32) -> Option<String> {
    Some(match doubt(heard, voice)? {
        Doubt::CutOff => {
            tr!(
                "it wrote nothing, although somebody spoke for {voice} s",
                voice = format_args!("{voice:.0}")
            )
        }
        Doubt::Repetition | Doubt::Compression => tr!("it repeats itself").to_owned(),
        Doubt::TooFast => tr!("it wrote more than can be said in that time").to_owned(),
        Doubt::TooSlow | Doubt::Unlikely => return None,
    })
}
