//! What a server is told to expect, and whether its answer is believed. Pure.

use crate::stream::guard::{Doubt, Hypothesis, doubt};
use v2m_messages::tr;

/// Seconds from the first voice to the last that are no cough and no door: a server that writes
/// nothing for it is asked again.
const SPEECH: f32 = 1.0;

/// Bytes of the words to expect. Whisper takes 224 tokens, and drops the first ones of more.
pub(super) const PROMPT: usize = 600;

/// Words to expect, the most important first; as many as servers take.
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

/// An answer without words to clear speech is asked for again.
pub(super) fn hypothesis(text: &str, voice: f32) -> Hypothesis {
    let is_missing = text.is_empty() && voice >= SPEECH;
    Hypothesis { text: text.to_owned(), cut_off: is_missing, ..Hypothesis::default() }
}

/// Why the answer to the second question is no text either.
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
