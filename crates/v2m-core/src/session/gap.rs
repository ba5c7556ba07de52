//! Sound that could not be recorded, speech that could not be transcribed, and the messages about
//! both.

use super::types::{Code, Failure, Segment};
use v2m_ipc::pcm::SAMPLE_RATE;
use v2m_messages::tr;

/// The number of samples in a second.
const RATE: u64 = SAMPLE_RATE as u64;
/// The length below which a gap cannot hold a speech sound: the shortest vowels and consonants last
/// 40 ms and more.
const SHORT: u64 = RATE * 40 / 1000;
/// The total length of short gaps that may hide a word.
const MANY: u64 = RATE / 10;

/// A part of a recording that could not be recorded. The recording is silent there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The first sample, at 16 kHz from the recording's first one.
    pub start: u64,
    /// One past the last sample.
    pub end: u64,
    /// Why the sound is missing.
    pub cause: GapCause,
}

/// Why sound is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GapCause {
    /// v2m did not take the sound in time: it was stopped, or the processor was busy.
    NotTaken,
    /// PipeWire or the sound card delivered no sound.
    NotGiven,
}

impl GapCause {
    /// Returns the cause of that name.
    pub fn of_name(name: &str) -> Option<Self> {
        [Self::NotTaken, Self::NotGiven].into_iter().find(|cause| cause.name() == name)
    }

    /// The cause's name in records.
    pub fn name(self) -> &'static str {
        match self {
            Self::NotTaken => "not_taken",
            Self::NotGiven => "not_given",
        }
    }
}

impl Gap {
    /// The gap's length in samples.
    pub fn samples(&self) -> u64 {
        self.end.saturating_sub(self.start)
    }

    /// Whether some of the samples from `start` to `end` are missing.
    pub fn touches(&self, start: u64, end: u64) -> bool {
        self.start < end && start < self.end
    }
}

/// Returns the message for the user about a recording's gaps. `None` if no gap can have held a
/// word.
pub fn told(gaps: &[Gap]) -> Option<Failure> {
    let longest = gaps.iter().max_by_key(|gap| gap.samples())?;
    let total: u64 = gaps.iter().map(Gap::samples).sum();
    if longest.samples() < SHORT && total < MANY {
        return None;
    }
    let (from, to) = (clock(longest.start), clock(longest.end));
    let missing = seconds(total);
    let place = tr!(
        "from {from} to {to}" | "in {n} places, the longest from {from} to {to}" % gaps.len(),
        from,
        to
    );
    let why = match longest.cause {
        GapCause::NotTaken => tr!("because this computer was too busy, or had stopped v2m"),
        GapCause::NotGiven => tr!("because PipeWire or the sound card delivered nothing"),
    };
    let message = tr!(
        "Recording: {missing} are missing {place}, {why}. Check the text there, and say again what it lacks.",
        missing,
        place,
        why
    );
    let remedy = tr!("Check the text {place}. Say again what it lacks.", place);
    Some(
        Failure::new(Code::AudioGap, message)
            .in_brief(tr!("{missing} of the recording are missing", missing), remedy),
    )
}

/// Returns the message for the user about pieces of speech that the recogniser could not transcribe:
/// those whose text is `mark`. `None` if there are none. `advice`: what the user can do, in one or
/// more sentences.
pub fn unwritten(segments: &[Segment], mark: &str, advice: &str) -> Option<Failure> {
    let lost = || segments.iter().filter(|segment| segment.text.trim() == mark);
    let length = |segment: &Segment| segment.end.saturating_sub(segment.start);
    let longest = lost().max_by_key(|segment| length(segment))?;
    let (from, to) = (clock(longest.start), clock(longest.end));
    let missing = seconds(lost().map(length).sum());
    let place = tr!(
        "from {from} to {to}" | "in {n} places, the longest from {from} to {to}" % lost().count(),
        from,
        to
    );
    let message = tr!(
        "Transcribing: {missing} of speech {place} could not be transcribed. The text has {mark} there. {advice}",
        missing,
        place,
        mark,
        advice
    );
    let cause = tr!("{missing} of the speech could not be transcribed", missing);
    Some(Failure::new(Code::EngineFailed, message).in_brief(cause, advice))
}

/// Formats a length in seconds with one decimal.
fn seconds(samples: u64) -> String {
    format!("{:.1} s", (samples as f64 / RATE as f64).max(0.1))
}

/// Formats a position in the recording as players show it, with one decimal.
pub(super) fn clock(sample: u64) -> String {
    let tenths = sample * 10 / RATE;
    format!("{}:{:02}.{}", tenths / 600, tenths / 10 % 60, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARK: &str = "[…]";

    fn gap(start: u64, samples: u64) -> Gap {
        Gap { start, end: start + samples, cause: GapCause::NotTaken }
    }

    #[test]
    fn a_gap_is_told_with_its_place_and_length() {
        let failure = told(&[gap(24_000, 19_200)]).unwrap();
        assert_eq!(failure.code, Code::AudioGap);
        assert_eq!(
            failure.message,
            "Recording: 1.2 s are missing from 0:01.5 to 0:02.7, because this computer was too busy, or had \
             stopped v2m. Check the text there, and say again what it lacks."
        );
        let brief = failure.brief.unwrap();
        assert_eq!(brief.cause, "1.2 s of the recording are missing");
        assert_eq!(brief.remedy, "Check the text from 0:01.5 to 0:02.7. Say again what it lacks.");
        let stood = Gap { cause: GapCause::NotGiven, ..gap(16_000 * 61, 1_600) };
        let failure = told(&[gap(0, 800), stood]).unwrap();
        assert!(
            failure.message.starts_with(
                "Recording: 0.1 s are missing in 2 places, the longest from 1:01.0 to 1:01.1, because \
                 PipeWire"
            ),
            "{}",
            failure.message
        );
    }

    #[test]
    fn a_piece_that_could_not_be_transcribed_is_told_with_its_place() {
        let segment = |start: u64, end: u64, text: &str| {
            let (start, end, text) = (start * RATE, end * RATE, text.into());
            Segment { start, end, text }
        };
        let text = [segment(0, 2, "one"), segment(2, 5, "two")];
        assert_eq!(unwritten(&text, MARK, "x"), None);
        let lost = [segment(0, 2, "one"), segment(7, 11, MARK), segment(12, 13, MARK)];
        let failure = unwritten(&lost[..2], MARK, "Say it again.").unwrap();
        assert_eq!(
            failure.message,
            "Transcribing: 4.0 s of speech from 0:07.0 to 0:11.0 could not be transcribed. The text has […] there. \
             Say it again."
        );
        assert_eq!(failure.code, Code::EngineFailed);
        let failure = unwritten(&lost, MARK, "x").unwrap();
        let places = "5.0 s of speech in 2 places, the longest from 0:07.0 to 0:11.0";
        assert!(failure.message.contains(places), "{}", failure.message);
    }

    #[test]
    fn what_holds_no_sound_of_speech_is_not_told_unless_there_is_much_of_it() {
        assert_eq!(told(&[]), None);
        assert_eq!(told(&[gap(100, 341)]), None);
        assert_eq!(told(&[gap(100, 341); 4]), None);
        assert!(told(&[gap(100, 341); 5]).is_some());
        assert!(told(&[gap(100, 640)]).is_some());
    }

    #[test]
    fn a_gap_touches_what_it_cuts() {
        let gap = gap(1_000, 500);
        assert!(gap.touches(1_499, 1_600) && gap.touches(0, 1_001) && gap.touches(1_200, 1_300));
        assert!(!gap.touches(1_500, 1_600) && !gap.touches(0, 1_000));
    }
}
