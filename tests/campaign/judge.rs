//! What became of the words.
//!
//! The proof is the sound: each part of what was said that reached the microphone while v2m said
//! that it was recording must be in the recording that v2m kept, or v2m must have named it as
//! missing. A second recorder (`witness`) tells what reached the microphone: on a busy machine the
//! sound server itself drops sound. Then the text must be there, with the words of that recording.
//! Without a recording in the store (a disk that is full, say), the words in the answer must be
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

/// What became of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// All of them are there, with their text.
    Kept,
    /// The same, but the text came only with another start of the service.
    Late,
    /// v2m said which are missing.
    Named,
    /// Some are nowhere, and v2m said nothing.
    Lost,
    /// v2m did not come back, or the harness could not go on.
    Stuck,
}

impl Verdict {
    /// All of them.
    pub(crate) const ALL: [Self; 5] =
        [Self::Kept, Self::Late, Self::Named, Self::Lost, Self::Stuck];

    /// The name in tables and files.
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

/// The verdict, and why.
pub(crate) struct Judgement {
    /// What became of the words.
    pub(crate) verdict: Verdict,
    /// In a few words.
    pub(crate) why: String,
    /// What it rests on.
    pub(crate) details: Value,
}

/// The witness and v2m hear the end of a recording so far apart.
const END: usize = RATE / 10;
/// What a service that is killed had not written yet.
const UNWRITTEN: usize = RATE / 4;
/// One block alone is the border of two parts that are both there.
const SHORTEST: usize = 2 * BLOCK;
/// On a machine so busy that the witness misses parts, it may hear as one what was said in pieces.
const SHORTEST_BUSY: usize = 8 * BLOCK;
/// What a witness misses at its start and end on a calm machine is less.
const FALTERED: Duration = Duration::from_millis(150);
/// What is looked at around a part, to find its place.
const AROUND: usize = RATE / 4;
/// By how many samples neighbours may move without a part missing between them.
const FIRM: usize = 4;
/// How far a gap's place may be from where it is named, in seconds.
const NEAR: f64 = 0.3;

/// What was said, and where it is.
struct Findings {
    /// Samples with sound that the recording holds.
    held: usize,
    /// Parts that reached the microphone and that the recording does not hold.
    missing: Vec<Missing>,
}

/// Blocks in a row.
#[derive(Clone, Debug)]
struct Missing {
    /// Samples of what was said.
    from: usize,
    to: usize,
    /// Where the first would be in the recording.
    expected: usize,
    /// Where the witness heard it.
    heard: Range<usize>,
}

/// What the witness recorded, and where the blocks of what was said are in it.
struct Heard<'a> {
    samples: &'a [i16],
    places: Vec<Place>,
    /// A shorter part proves nothing, in samples.
    shortest: usize,
}

impl Missing {
    fn json(&self) -> Value {
        json!({"from": seconds(self.from), "to": seconds(self.to), "expected": seconds(self.expected)})
    }
}

impl Heard<'_> {
    /// Whether this block reached the microphone unbroken while v2m recorded. On a busy machine the
    /// speaker falters, and the witness misses parts too; what is heard in pieces proves nothing.
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

/// Whether a block was heard while v2m recorded.
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
    // What the witness heard may be there all the same, where the speaker faltered.
    found.missing.retain(|part| !is_there(heard, part, &kept));
    found
}

/// Whether the recording has what the witness heard of this part, but for one block.
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
        // What surrounds a gap is heard differently each time.
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

/// Whether the text has the words of what reached the microphone while v2m recorded: on a full disk
/// the recording lacks sound that the recogniser had.
fn has_all_that_was_heard(lab: &Lab, happened: &Happened, text: &str) -> bool {
    let Ok(folder) = tempfile::tempdir() else { return false };
    let path = folder.path().join("while-recording.wav");
    let end = happened.recording.end.min(happened.heard.len());
    write_wav(&path, &happened.heard[happened.recording.start.min(end)..end]);
    transcribe(lab, &path).is_some_and(|said| !said.is_empty() && has_words_of(text, &said))
}

/// Without a recording the answer alone can have the words.
fn unrecorded(case: &Case, answer: &Value) -> (Verdict, String) {
    match answer["data"]["text"].as_str() {
        Some(text) if has_words_of(text, &case.clip.text) => {
            (Verdict::Kept, "the answer alone has the text".into())
        }
        Some(_) => (Verdict::Lost, "nothing is kept, and the answer lacks words".into()),
        None => (Verdict::Lost, "nothing is kept, and there is no text".into()),
    }
}

/// Whether v2m said that this part is missing: the record of a service that was killed says that its
/// end is, and gaps are named with their place.
fn is_named(part: &Missing, found: &Findings, kept: &Kept, answer: &Value) -> bool {
    let is_last = found.missing.last().is_some_and(|last| last.from == part.from);
    if kept.record["cut_off"] == true && is_last {
        return true;
    }
    // In samples in the record, in seconds in the answer.
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
