//! What was heard, made into what is delivered, as the settings say.

use super::Daemon;
use crate::call::Answer;
use crate::config::{Refine, Settings};
use crate::recognise::Recognition;
use crate::session::{Code, Failure, Segment};
use crate::text::{self, Choices, Context, Heard, Rules};

/// The longest text that the rules are tried on: the answer holds it once for each rule.
const LONGEST_TRIAL: usize = 64 << 10;

/// Silence between two pieces, in samples at 16 kHz, that the speaker meant: 0.7 s. The recogniser cuts at shorter ones too, and in
/// speech that goes on.
const PAUSE: u64 = 11_200;

/// The rules that the settings choose.
pub(super) fn rules(settings: &Settings) -> Rules {
    let text = &settings.text;
    let replace = text.replace.iter().map(|(heard, written)| (heard.clone(), written.clone()));
    Rules::new(Choices {
        layout: text.spoken_layout,
        punctuation: text.spoken_punctuation,
        take_back: text.spoken_edits,
        fillers: text.remove_fillers,
        replace: replace.collect(),
        vocabulary: settings.engine.vocabulary.clone(),
    })
}

/// Where in `heard` the speaker paused on purpose: not at every place where the recogniser cuts.
fn meant(heard: &str, segments: &[Segment]) -> Vec<usize> {
    let ends = text::pauses(heard, segments.iter().map(|segment| segment.text.as_str()));
    let gaps = segments.windows(2).map(|two| two[1].start.saturating_sub(two[0].end));
    let last = std::iter::once(PAUSE);
    let told = ends.into_iter().zip(gaps.chain(last));
    told.filter(|(_, gap)| *gap >= PAUSE).map(|(end, _)| end).collect()
}

/// The language of a text that was spoken in `spoken`.
pub(super) fn written_in<'a>(settings: &Settings, spoken: &'a str) -> &'a str {
    // What was said in another language is English by now.
    if settings.engine.translate { "en" } else { spoken }
}

impl Daemon {
    /// A dictation's text, and what was heard if that is another one.
    pub(super) fn refine(&self, recognition: &Recognition) -> (String, Option<String>) {
        let heard = text::polish(&recognition.text);
        if self.settings.text.refine == Refine::Off {
            return (heard, None);
        }
        let pauses = meant(&heard, &recognition.segments);
        let language = written_in(&self.settings, &recognition.language);
        let heard_so = Heard { text: &heard, pauses: &pauses, language };
        let refined = self.rules.apply(heard_so, Context::default()).text;
        if refined == heard { (heard, None) } else { (refined, Some(heard)) }
    }

    /// TEST_RULES.
    pub(super) fn test_rules(
        &self,
        text: &str,
        language: Option<String>,
    ) -> Result<Answer, Failure> {
        if text.len() > LONGEST_TRIAL {
            let message =
                "Trying the text rules: the text is longer than 64 KiB. Give a part of it.";
            return Err(Failure::new(Code::TooLarge, message));
        }
        let pieces: Vec<String> = text.lines().map(text::polish).collect();
        let pieces: Vec<&str> =
            pieces.iter().map(String::as_str).filter(|piece| !piece.is_empty()).collect();
        let text = pieces.join(" ");
        let pauses = text::pauses(&text, pieces);
        let language = language
            .or_else(|| self.settings.engine.language.clone())
            .unwrap_or_else(|| self.rules.guess_language(&text).to_owned());
        let heard = Heard { text: &text, pauses: &pauses, language: &language };
        let refined = self.rules.apply(heard, Context::default());
        Ok(Answer::Rules {
            text: refined.text,
            language,
            applied: self.settings.text.refine != Refine::Off,
            steps: refined.steps,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_pause_that_was_meant_parts_the_text() {
        let segment = |start, end, text: &str| Segment { start, end, text: text.into() };
        let segments = [
            segment(0, 16_000, "I come"),
            segment(22_400, 32_000, "on Monday."),
            segment(48_000, 64_000, "Scratch that."),
        ];
        let text = "I come on Monday. Scratch that.";
        assert_eq!(meant(text, &segments), [17, text.len()]);
        assert!(meant("otherwise", &segments).is_empty());
        assert!(meant("", &[]).is_empty());
    }
}
