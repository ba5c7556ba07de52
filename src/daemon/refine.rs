//! Applies the text rules to recognitions, according to the settings.
//!
//! The rules' time grows with the text, and a text may come from hours of speech. So a thread
//! applies them, never the event loop.

use super::chores::Chore;
use super::requests::answer;
use super::{Daemon, Reply};
use crate::call::Answer;
use crate::config::{Refine, Settings};
use crate::recognise::Recognition;
use crate::session::{Code, Failure, JobId, Segment};
use crate::text::{self, Choices, Context, RawText, Rules};
use std::collections::VecDeque;
use std::sync::Arc;
use v2m_messages::tr;

/// The longest text for TEST_RULES, in bytes. The answer holds the text once for each rule.
const LONGEST_TRIAL: usize = 64 << 10;

/// The shortest silence between two pieces that counts as a pause, in samples at 16 kHz: 0.7 s. The
/// recogniser also cuts at shorter silences, and in continuous speech.
const PAUSE: u64 = 11_200;

/// Returns the text rules that the settings select.
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

/// Returns the byte offsets in `heard` of deliberate pauses. The recogniser also cuts elsewhere.
fn meant(heard: &str, segments: &[Segment]) -> Vec<usize> {
    let ends = text::pauses(heard, segments.iter().map(|segment| segment.text.as_str()));
    let gaps = segments.windows(2).map(|two| two[1].start.saturating_sub(two[0].end));
    let last = std::iter::once(PAUSE);
    let told = ends.into_iter().zip(gaps.chain(last));
    told.filter(|(_, gap)| *gap >= PAUSE).map(|(end, _)| end).collect()
}

/// Returns the language of a text that was spoken in `spoken`.
pub(super) fn written_in<'a>(settings: &Settings, spoken: &'a str) -> &'a str {
    // The model has translated other languages to English.
    if settings.engine.translate { "en" } else { spoken }
}

/// The settings that a thread needs to apply the rules.
#[derive(Debug)]
pub(super) struct Refining {
    rules: Arc<Rules>,
    refine: Refine,
    /// Whether the text is English in any case, because the model translates.
    translates: bool,
}

/// A recognition with its text after the rules.
#[derive(Debug)]
pub(super) struct RefinedRecognition {
    pub(super) recognition: Recognition,
    /// The text to deliver.
    pub(super) text: String,
    /// The text before the rules, if they changed it.
    pub(super) unrefined: Option<String>,
}

impl Refining {
    fn apply(self, recognition: Recognition) -> RefinedRecognition {
        let heard = text::polish(&recognition.text);
        if self.refine == Refine::Off {
            return RefinedRecognition { recognition, text: heard, unrefined: None };
        }
        let pauses = meant(&heard, &recognition.segments);
        let language = if self.translates { "en" } else { &recognition.language };
        let heard_so = RawText { text: &heard, pauses: &pauses, language };
        let refined = self.rules.apply(heard_so, Context::default()).text;
        if refined == heard {
            RefinedRecognition { recognition, text: heard, unrefined: None }
        } else {
            RefinedRecognition { recognition, text: refined, unrefined: Some(heard) }
        }
    }
}

/// Queue of TEST_RULES requests, one at a time to leave the processors to dictations.
#[derive(Debug, Default)]
pub(super) struct Trials {
    waiting: VecDeque<Trial>,
    is_busy: bool,
}

#[derive(Debug)]
struct Trial {
    text: String,
    language: Option<String>,
    reply: Reply,
}

impl Trials {
    pub(super) fn refuse_all(&mut self, failure: &Failure) {
        for trial in self.waiting.drain(..) {
            answer(trial.reply, Err(failure.clone()));
        }
    }
}

impl Daemon {
    /// Applies the rules to a recognition in a thread, which ends with [`Chore::Refined`].
    /// `is_commanded`: the speaker may have given commands to v2m, which is never so in a file.
    pub(super) fn refine(&mut self, job: JobId, recognition: Recognition, is_commanded: bool) {
        let settings = self.config.settings();
        let refining = Refining {
            rules: Arc::clone(self.config.rules()),
            refine: if is_commanded { settings.text.refine } else { Refine::Off },
            translates: settings.engine.translate,
        };
        let work = move || Chore::Refined { job, refined: Box::new(refining.apply(recognition)) };
        self.chores.spawn_blocking(work);
    }

    /// Answers a TEST_RULES request.
    pub(super) fn test_rules(&mut self, text: String, language: Option<String>, reply: Reply) {
        if text.len() > LONGEST_TRIAL {
            let message =
                tr!("Trying the text rules: the text is longer than 64 KiB. Give a part of it.");
            return answer(reply, Err(Failure::new(Code::TooLarge, message)));
        }
        self.chores.trials.waiting.push_back(Trial { text, language, reply });
        self.next_trial();
    }

    /// Notes that a TEST_RULES request has been answered.
    pub(super) fn trial_done(&mut self) {
        self.chores.trials.is_busy = false;
        self.next_trial();
    }

    fn next_trial(&mut self) {
        let trials = &mut self.chores.trials;
        if trials.is_busy {
            return;
        }
        let mut waiting = std::iter::from_fn(|| trials.waiting.pop_front());
        let Some(trial) = waiting.find(|trial| !trial.reply.is_closed()) else { return };
        trials.is_busy = true;
        let (settings, rules) = (self.config.settings(), Arc::clone(self.config.rules()));
        let usual = settings.engine.language.clone();
        let applied = settings.text.refine != Refine::Off;
        self.chores.spawn_blocking(move || {
            let language = trial.language.or(usual);
            answer(trial.reply, Ok(try_rules(&rules, &trial.text, language, applied)));
            Chore::RulesTried
        });
    }
}

fn try_rules(rules: &Rules, text: &str, language: Option<String>, applied: bool) -> Answer {
    let pieces: Vec<String> = text.lines().map(text::polish).collect();
    let pieces: Vec<&str> =
        pieces.iter().map(String::as_str).filter(|piece| !piece.is_empty()).collect();
    let text = pieces.join(" ");
    let pauses = text::pauses(&text, pieces);
    let language = language.unwrap_or_else(|| rules.guess_language(&text).to_owned());
    let heard = RawText { text: &text, pauses: &pauses, language: &language };
    let refined = rules.apply(heard, Context::default());
    Answer::Rules { text: refined.text, language, applied, steps: refined.steps }
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
