//! Judges whether the words were kept.
//!
//! The proof is the sound. Each part of the speech that reached the microphone while v2m reported
//! that it was recording must be in the recording, or v2m must have named it as missing. A second
//! recorder (`witness`) shows what reached the microphone, because on a busy machine the sound
//! server itself drops sound. Then there must be a text with the words of that recording. If the
//! store has no recording, for example because the disk is full, the answer must have the words of
//! the clip.
//! those that were said.

use crate::case::{Happened, Kept, transcribe, write_wav};
use crate::lab::Lab;
use crate::plan::Case;
use crate::witness::read_samples;
use serde_json::{Value, json};
use std::ops::Range;
use std::time::Duration;
use v2m_testkit::kept_sound::{BLOCK, Place, RATE, places};
use v2m_testkit::kept_words::has_words_of;

/// The verdict on a dictation's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// All words are kept, with their text.
    Kept,
    /// Like `Kept`, but the text needed another start of the service.
    Late,
    /// Words are missing, and v2m named the missing parts.
    Named,
    /// Words are missing, and v2m did not say so.
    Lost,
    /// v2m did not recover, or the harness could not continue.
    Stuck,
}

impl Verdict {
    /// All verdicts.
    pub(crate) const ALL: [Self; 5] =
        [Self::Kept, Self::Late, Self::Named, Self::Lost, Self::Stuck];

    /// Returns the name in tables and files.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::Late => "late",
            Self::Named => "named",
            Self::Lost => "lost",
            Self::Stuck => "stuck",
        }
    }
}

/// A verdict and its reasons.
pub(crate) struct Judgement {
    /// The verdict.
    pub(crate) verdict: Verdict,
    /// A short reason.
    pub(crate) why: String,
    /// The data behind the verdict.
    pub(crate) details: Value,
}

/// How far apart the witness and v2m may end a recording, in samples.
const END: usize = RATE / 10;
/// The sound that a killed service may not have written yet, in samples.
const UNWRITTEN: usize = RATE / 4;
/// The shortest missing part that counts, in samples. A single block may be the border of two parts
/// that are both present.
const SHORTEST: usize = 2 * BLOCK;
/// The same on a machine so busy that the witness misses parts: it may record as continuous what
/// reached v2m in pieces.
const SHORTEST_BUSY: usize = 8 * BLOCK;
/// On a calm machine the witness misses less than this at its start and end.
const FALTERED: Duration = Duration::from_millis(150);
/// The sound around a part that is used to find its position, in samples.
const AROUND: usize = RATE / 4;
/// How many samples a block may be off its neighbours without a missing part between them.
const FIRM: usize = 4;
/// The largest distance between a gap and its named position, in seconds.
const NEAR: f64 = 0.3;

/// The parts of the speech that a recording has, and those that it lacks.
struct Findings {
    /// The number of samples with sound that the recording has.
    held: usize,
    /// The parts that reached the microphone and that the recording lacks.
    missing: Vec<Missing>,
}

/// A run of missing blocks.
#[derive(Clone, Debug)]
struct Missing {
    /// The range in the clip, in samples.
    from: usize,
    to: usize,
    /// The position in the recording where the first block should be.
    expected: usize,
    /// The range in the witness's recording.
    heard: Range<usize>,
}

/// The witness's recording, and the positions of the clip's blocks in it.
struct Heard<'a> {
    samples: &'a [i16],
    places: Vec<Place>,
    /// The shortest missing part that counts, in samples.
    shortest: usize,
}

impl Missing {
    fn json(&self) -> Value {
        json!({"from": seconds(self.from), "to": seconds(self.to), "expected": seconds(self.expected)})
    }
}

impl Heard<'_> {
    /// Returns whether this block reached the microphone unbroken while v2m recorded. On a busy
    /// machine the speaker stalls and the witness misses parts, so sound in pieces proves nothing.
    fn is_proof(&self, block: usize, recording: &Range<usize>) -> bool {
        let Place::At(at) = self.places[block] else { return false };
        let is_beside = |beside: usize, expected: Option<usize>| match self.places.get(beside) {
            Some(Place::At(at)) => expected.is_some_and(|expected| at.abs_diff(expected) <= FIRM),
            Some(Place::Quiet) | None => true,
            Some(Place::Missing(_)) => false,
        };
        is_in(self.places[block], recording)
            && is_beside(block.wrapping_sub(1), at.checked_sub(BLOCK))
            && is_beside(block + 1, Some(at + BLOCK))
    }
}

/// Judges one case.
pub(crate) fn judge(lab: &Lab, case: &Case, happened: &Happened) -> Judgement {
    let is_killed = happened.stopped.is_some_and(|it| !it.is_said);
    let end = if is_killed { UNWRITTEN } else { END };
    let recording = happened.recording.start..happened.recording.end.saturating_sub(end);
    let said = read_samples(&case.clip.path);
    let samples = &happened.heard[..];
    let shortest = if happened.faltered > FALTERED { SHORTEST_BUSY } else { SHORTEST };
    let heard = Heard { samples, places: places(&said, samples), shortest };
    let best = happened.kept.iter().map(|kept| (find(&said, &heard, &recording, kept), kept));
    let best = best.max_by_key(|(found, _)| found.held);
    let answer = happened.answer.clone().unwrap_or_default();
    let mut details = json!({
        "heard_seconds": seconds(happened.heard.len()),
        "faltered_seconds": happened.faltered.as_secs_f64(),
        "recording": [seconds(recording.start), seconds(recording.end)],
        "code": answer["code"], "error": answer["error"], "problems": answer["data"]["problems"],
        "stopped": happened.stopped.map(|it| json!({"at": seconds(it.heard), "is_said": it.is_said})),
    });
    let (verdict, why) = match best {
        Some((found, kept)) => {
            details["record"] = kept.record.clone();
            details["held_seconds"] = seconds(found.held).into();
            details["missing"] = found.missing.iter().map(Missing::json).collect();
            recorded(lab, case, happened, &found, kept, &answer)
        }
        None if heard.places.iter().any(|place| is_in(*place, &recording)) => {
            unrecorded(case, &answer)
        }
        None => (Verdict::Kept, "nothing reached the microphone".into()),
    };
    let (verdict, why) = match happened.ready {
        None if verdict != Verdict::Lost => (Verdict::Stuck, "no press worked afterwards".into()),
        _ => (verdict, why),
    };
    Judgement { verdict, why, details }
}

fn seconds(samples: usize) -> f64 {
    samples as f64 / RATE as f64
}

/// Returns whether a block was heard while v2m recorded.
fn is_in(heard: Place, recording: &Range<usize>) -> bool {
    matches!(heard, Place::At(at) if recording.start <= at && at + BLOCK <= recording.end)
}

fn find(said: &[i16], heard: &Heard, recording: &Range<usize>, kept: &Kept) -> Findings {
    let kept = read_samples(&kept.audio);
    let places = places(said, &kept);
    let mut found = Findings { held: 0, missing: Vec::new() };
    for (block, place) in places.iter().enumerate() {
        let from = block * BLOCK;
        match (place, &heard.places[block]) {
            (Place::At(_), _) => found.held += BLOCK,
            (Place::Missing(expected), Place::At(at)) if heard.is_proof(block, recording) => {
                match found.missing.last_mut().filter(|last| last.to == from) {
                    Some(last) => (last.to, last.heard.end) = (from + BLOCK, at + BLOCK),
                    None => found.missing.push(Missing {
                        from,
                        to: from + BLOCK,
                        expected: expected.unwrap_or_default(),
                        heard: *at..at + BLOCK,
                    }),
                }
            }
            (Place::Missing(_) | Place::Quiet, _) => {}
        }
    }
    found.missing.retain(|part| part.to - part.from >= heard.shortest);
    // Parts that look missing because the speaker stalled may still be there as the witness heard
    // them.
    found.missing.retain(|part| !is_there(heard, part, &kept));
    found
}

/// Returns whether the recording has what the witness heard of this part, except for at most one
/// block.
fn is_there(heard: &Heard, part: &Missing, kept: &[i16]) -> bool {
    let around = part.heard.start.saturating_sub(AROUND)..part.heard.end + AROUND;
    let around = around.start..around.end.min(heard.samples.len());
    let first = part.heard.start - around.start;
    let last = first + part.heard.len();
    let inside = |(block, place): (usize, Place)| {
        let at = block * BLOCK;
        at + BLOCK > first && at < last && matches!(place, Place::Missing(_))
    };
    let places = places(&heard.samples[around], kept).into_iter().enumerate();
    places.filter(|it| inside(*it)).count() <= 1
}

fn recorded(
    lab: &Lab,
    case: &Case,
    happened: &Happened,
    found: &Findings,
    kept: &Kept,
    answer: &Value,
) -> (Verdict, String) {
    let length = |part: &Missing| part.to - part.from;
    let unnamed = found.missing.iter().filter(|part| !is_named(part, found, kept, answer));
    let unnamed: usize = unnamed.map(length).sum();
    let text = kept.record["text"].as_str().or_else(|| answer["data"]["text"].as_str());
    if found.held == 0 && text.is_some_and(|text| has_words_of(text, &case.clip.text)) {
        return (Verdict::Kept, "the text alone is there".into());
    }
    if unnamed > 0 && text.is_some_and(|text| has_all_that_was_heard(lab, happened, text)) {
        return (Verdict::Kept, "the text alone is whole".into());
    }
    if unnamed > 0 {
        let of = seconds(found.held + found.missing.iter().map(length).sum::<usize>());
        let unnamed = seconds(unnamed);
        return (
            Verdict::Lost,
            format!("{unnamed:.2} of {of:.2} s of speech are missing and not named"),
        );
    }
    let is_whole = found.missing.is_empty() && happened.stopped.is_none();
    let fits = |text: &str| {
        // The recogniser decodes the surroundings of a gap differently each time.
        if !found.missing.is_empty() && !text.is_empty() {
            return true;
        }
        is_whole && has_words_of(text, &case.clip.text)
            || transcribe(lab, &kept.audio).is_some_and(|again| has_words_of(text, &again))
    };
    match text {
        Some(text) if fits(text) => {}
        Some(_) => return (Verdict::Lost, "the text lacks words of its recording".into()),
        None if fits("") => {}
        None => return (Verdict::Lost, "the recording is kept, and has no text".into()),
    }
    let is_late = happened.is_late && text.is_some_and(|text| !text.is_empty());
    match (found.missing.is_empty(), is_late) {
        (false, _) => (Verdict::Named, "missing parts are named".into()),
        (true, true) => (Verdict::Late, "the text came with the next start".into()),
        (true, false) => (Verdict::Kept, String::new()),
    }
}

/// Returns whether the text has the words of the sound that reached the microphone while v2m
/// recorded. On a full disk, the recording lacks sound that the recogniser got.
fn has_all_that_was_heard(lab: &Lab, happened: &Happened, text: &str) -> bool {
    let Ok(folder) = tempfile::tempdir() else { return false };
    let path = folder.path().join("while-recording.wav");
    let end = happened.recording.end.min(happened.heard.len());
    write_wav(&path, &happened.heard[happened.recording.start.min(end)..end]);
    transcribe(lab, &path).is_some_and(|said| !said.is_empty() && has_words_of(text, &said))
}

/// Judges a dictation without a recording: only the answer can have the words.
fn unrecorded(case: &Case, answer: &Value) -> (Verdict, String) {
    match answer["data"]["text"].as_str() {
        Some(text) if has_words_of(text, &case.clip.text) => {
            (Verdict::Kept, "the answer alone has the text".into())
        }
        Some(_) => (Verdict::Lost, "nothing is kept, and the answer lacks words".into()),
        None => (Verdict::Lost, "nothing is kept, and there is no text".into()),
    }
}

/// Returns whether v2m named this part as missing. The record of a killed service says that the end
/// is missing; gaps are named with their position.
fn is_named(part: &Missing, found: &Findings, kept: &Kept, answer: &Value) -> bool {
    let is_last = found.missing.last().is_some_and(|last| last.from == part.from);
    if kept.record["cut_off"] == true && is_last {
        return true;
    }
    // Gaps are in samples in the record, and in seconds in the answer.
    let at = part.expected as f64;
    let covers = |gap: &Value, rate: f64| {
        let (start, end) = (gap["start"].as_f64(), gap["end"].as_f64());
        let near = |(start, end)| (start - NEAR..end + NEAR).contains(&(at / RATE as f64));
        start.zip(end).map(|(start, end)| (start / rate, end / rate)).is_some_and(near)
    };
    let gaps = |value: &Value, rate: f64| {
        value.as_array().is_some_and(|gaps| gaps.iter().any(|gap| covers(gap, rate)))
    };
    gaps(&kept.record["gaps"], RATE as f64) || gaps(&answer["data"]["gaps"], 1.0)
}
