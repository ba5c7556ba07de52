//! Continuous dictations. Each sentence is a dictation of its own, so that it has its own recording,
//! text, delivery and record. All sentences of one continuous dictation are a *talk*.

use super::commands::MOST_PENDING;
use super::dictation::{Dictation, Phase, is_taken_back};
use super::event::{CaptureSummary, Effect, Outcome, Timer};
use super::gap::{self, Gap};
use super::machine::{Session, answer_all, answer_with};
use super::types::{Code, Failure, JobId, Reply, Segment, State, Ticket, Transcript};
use v2m_ipc::plain;
use v2m_ipc::spacing;
use v2m_messages::tr;

/// The number of characters of the last sentence in the answer to a cancel.
const SHOWN: usize = 60;

/// A dictation's place in its talk.
#[derive(Debug, Default)]
pub(super) struct Talk {
    /// The talk's first dictation. `None`: the dictation is not continuous.
    pub(super) first: Option<JobId>,
    /// The earlier sentences of the talk that are finished, with their outcomes. A sentence without
    /// words has an empty text. Only the oldest dictation of a talk has this list.
    pub(super) said: Vec<Transcript>,
}

/// The state of the sentence before another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Before {
    /// Its text has been delivered, or is being delivered.
    Delivered,
    /// Its text waits for its turn, or is not finished yet.
    Pending,
    /// It has no text.
    Wordless,
}

impl Talk {
    pub(super) fn begin(job: JobId, is_continuous: bool) -> Self {
        Self { first: is_continuous.then_some(job), said: Vec::new() }
    }

    /// All sentences including `last`, as one transcript.
    pub(super) fn whole(&self, last: Transcript) -> Transcript {
        if self.said.is_empty() {
            return last;
        }
        self.said.iter().cloned().chain([last]).reduce(joined).unwrap_or_else(nothing)
    }

    /// Notes a sentence that has no text. Answers the clients that wait for it with the text of all
    /// other sentences, which says what is missing. `samples`: the length of the sentence, if
    /// known.
    pub(super) fn lacks(
        &mut self,
        waiting: Vec<Ticket>,
        samples: Option<u64>,
        failure: Failure,
        state: State,
        out: &mut Vec<Effect>,
    ) {
        let hole = self.hole(samples, &failure);
        self.said.push(hole);
        answer_with(out, waiting, || {
            let whole = self.so_far(Vec::new());
            whole.map(|whole| Reply::Transcript(state, Box::new(whole))).ok_or(failure)
        });
    }

    /// Notes a sentence that was silent or was taken back. Answers the clients that wait for it
    /// with the text of all other sentences.
    pub(super) fn falls_silent(
        &mut self,
        waiting: Vec<Ticket>,
        silence: Transcript,
        state: State,
        out: &mut Vec<Effect>,
    ) {
        answer_with(out, waiting, || {
            let whole = self.so_far(silence.problems.clone());
            whole.map(|whole| Reply::Transcript(state, Box::new(whole))).ok_or_else(|| {
                let sentences = self.said.iter().chain([&silence]);
                let mut problems = sentences.flat_map(|said| &said.problems);
                let text = tr!("There is no text: nothing was said that could be recognised.");
                problems.next_back().cloned().unwrap_or_else(|| Failure::new(Code::NoSpeech, text))
            })
        });
        self.said.push(silence);
    }

    /// Everything said so far, with these problems, if there is a text.
    fn so_far(&self, problems: Vec<Failure>) -> Option<Transcript> {
        let mut whole = self.said.iter().cloned().reduce(joined)?;
        whole.problems.extend(problems);
        Some(whole).filter(|whole| !whole.text.is_empty())
    }

    /// An entry for the next sentence, which has no text. It says what is missing from the whole
    /// text and where the recording is kept.
    fn hole(&self, samples: Option<u64>, failure: &Failure) -> Transcript {
        let start = self.said.iter().map(|said| said.samples).sum();
        let from = gap::clock(start);
        let why = &failure.message;
        let lacks = match samples {
            Some(0) => why.clone(),
            Some(samples) => {
                let to = gap::clock(start + samples);
                tr!("The text lacks what was said from {from} to {to}. {why}", from, to, why)
            }
            None => tr!("The text lacks what was said from {from} on. {why}", from, why),
        };
        let message = match &failure.audio_path {
            None => lacks,
            Some(path) => tr!("{lacks} This part is kept: {path}", lacks, path = path.display()),
        };
        let problem = Failure { message: plain::owned(message), ..failure.clone() };
        Transcript { samples: samples.unwrap_or(0), problems: vec![problem], ..nothing() }
    }
}

impl Session {
    /// The first dictation of the talk that this one belongs to, if it is continuous.
    pub fn talk(&self, job: JobId) -> Option<JobId> {
        self.dictations.get(job)?.talk.first
    }

    /// The sentences of this dictation's talk that are not at the cursor. On the clipboard they
    /// come before its own text.
    pub fn said_elsewhere(&self, job: JobId) -> String {
        let said = self.dictations.get(job).map_or(&[][..], |dictation| &dictation.talk.said);
        let is_at_cursor = |transcript: &&Transcript| {
            let mut ways = transcript.deliveries.iter();
            ways.any(|way| way.ok && matches!(way.by, "paste" | "type"))
        };
        let elsewhere = said.iter().filter(|it| !it.text.is_empty() && !is_at_cursor(it));
        spacing::join(elsewhere.map(|transcript| transcript.text.as_str()))
    }

    /// Handles the end of a sentence. The dictation ends with it, and the recording continues as
    /// the next one.
    pub(super) fn sentence_over(
        &mut self,
        job: JobId,
        until: u64,
        heard: CaptureSummary,
        out: &mut Vec<Effect>,
    ) {
        // If too many texts wait, sentences are merged: the next sentence's end also ends this one.
        let is_full = self.dictations.pending() + 1 >= MOST_PENDING;
        let is_stopping = self.ending || self.recording() != Some(job);
        let Some(dictation) = self.dictations.get_mut(job) else { return };
        let Phase::Recording { waiting, announced: true } = &mut dictation.phase else { return };
        if is_full || is_stopping || dictation.talk.first.is_none() {
            return;
        }
        let next = JobId(self.next_job);
        self.next_job = self.next_job.wrapping_add(1);
        let phase = Phase::Recording { waiting: std::mem::take(waiting), announced: true };
        let talk = Talk { first: dictation.talk.first, said: Vec::new() };
        let wished = dictation.wished.clone();
        dictation.phase = Phase::Transcribing { waiting: Vec::new(), heard };
        self.dictations.push(Dictation { job: next, wished, talk, phase });
        self.presses.goes_on(job, next);
        out.extend([Effect::Disarm(Timer::Longest(job)), Effect::Split(job, next, until)]);
        out.push(Effect::Arm(Timer::Longest(next), self.limits.longest));
    }

    /// Passes an ended dictation's talk on to the next dictation of that talk.
    pub(super) fn pass_on(&mut self, talk: Talk) {
        let Talk { first: Some(first), said } = talk else { return };
        if let Some(next) = self.dictations.next_of(first) {
            next.talk.said.splice(0..0, said);
        }
    }

    /// Ends a failed sentence of a talk, once the sentences before it are over.
    pub(super) fn end_without_words(&mut self, job: JobId, out: &mut Vec<Effect>) {
        let Some((_, Dictation { mut talk, phase, .. })) = self.dictations.take(job) else {
            return;
        };
        let Phase::Failed { waiting, samples, failure } = phase else { return };
        talk.lacks(waiting, samples, failure, self.state(), out);
        self.pass_on(talk);
    }

    /// Ends a sentence of a talk that was silent or was taken back.
    pub(super) fn end_in_silence(
        &mut self,
        job: JobId,
        silence: Transcript,
        out: &mut Vec<Effect>,
    ) {
        let Some((_, Dictation { mut talk, mut phase, .. })) = self.dictations.take(job) else {
            return;
        };
        self.leave_silence(job, &silence, out);
        let waiting = std::mem::take(phase.waiting());
        talk.falls_silent(waiting, silence, self.state(), out);
        self.pass_on(talk);
    }

    /// Drops a recording in which nothing was said. If the user took words back, it is already
    /// stored.
    pub(super) fn leave_silence(&self, job: JobId, silence: &Transcript, out: &mut Vec<Effect>) {
        // For example why the recording ended, or what could not be recorded.
        let problems = &silence.problems;
        if silence.unrefined.is_none() {
            out.push(Effect::Abandon(job));
            out.push(match problems.first() {
                None => Effect::DiscardSilence(job),
                Some(problem) => {
                    let kept = Failure { code: Code::NoSpeech, ..problem.clone() };
                    Effect::Keep(job, Outcome::Failed(kept))
                }
            });
            out.push(Effect::Show(self.going_on()));
        }
        for problem in problems {
            super::machine::show_problem(problem, out);
        }
    }

    /// Drops the undelivered sentences of a talk, newest first. Returns the message for the client
    /// that asked. `None`: everything is deleted.
    pub(super) fn drop_talk(&mut self, first: JobId, out: &mut Vec<Effect>) -> Option<String> {
        let mut waiting = Vec::new();
        let mut said = Vec::new();
        let mut kept = 0;
        for job in self.dictations.jobs().into_iter().rev() {
            let Some(dictation) = self.dictations.get_mut(job) else { continue };
            if dictation.talk.first != Some(first) {
                continue;
            }
            said.splice(0..0, std::mem::take(&mut dictation.talk.said));
            if let Phase::Delivering { transcript, .. } = &dictation.phase {
                said.push(transcript.clone());
            } else {
                kept += usize::from(dictation.phase.is_kept_without_text());
                waiting.extend(self.drop_dictation(job, out));
            }
        }
        kept += said.iter().filter(|said| is_kept_without_text(said)).count();
        let told = kept_after_all(delivered_before(&said), kept);
        let message = told.as_deref().unwrap_or(tr!("The recording was cancelled and deleted."));
        answer_all(out, waiting, Err(Failure::new(Code::Cancelled, message)));
        told
    }

    /// Returns the state of the sentence before this one, which was taken from this place. `None`
    /// if this is the first.
    pub(super) fn before(&self, job: JobId, place: usize, talk: &Talk) -> Option<Before> {
        let first = talk.first.filter(|first| *first != job)?;
        let is_wordless = match self.dictations.last_of(first, place).map(|last| &last.phase) {
            Some(Phase::Delivering { .. }) => false,
            Some(Phase::Ready { transcript, .. }) if !transcript.text.is_empty() => {
                return Some(Before::Pending);
            }
            Some(Phase::Ready { .. } | Phase::Failed { .. }) => true,
            Some(
                Phase::Opening { .. }
                | Phase::Recording { .. }
                | Phase::Draining { .. }
                | Phase::Transcribing { .. }
                | Phase::Rewriting { .. },
            ) => return Some(Before::Pending),
            None => talk.said.last().is_none_or(|said| said.text.is_empty()),
        };
        Some(if is_wordless { Before::Wordless } else { Before::Delivered })
    }

    /// Shows that the rules left nothing of a sentence, for example of “scratch that” alone.
    pub(super) fn sentence_taken_back(
        &self,
        job: JobId,
        before: Option<Before>,
        transcript: Transcript,
        out: &mut Vec<Effect>,
    ) {
        out.push(Effect::Keep(job, Outcome::Undelivered(transcript)));
        let (text, cause, remedy) = match before {
            // The first sentence has the talk's number.
            None if self.recording().is_some_and(|it| self.talk(it) == Some(job)) => (
                tr!("You took back the first sentence. The recording goes on."),
                tr!("You took back the sentence"),
                tr!("The recording goes on."),
            ),
            None => (
                tr!("You took back the first sentence. What you said after it stays."),
                tr!("You took back the sentence"),
                tr!("What you said after it stays."),
            ),
            Some(Before::Delivered) => (
                tr!(
                    "“Scratch that” came too late: in a continuous dictation, each sentence is delivered once it \
                     is over. Delete it in the field."
                ),
                tr!("Too late to take it back"),
                tr!("The sentence before was delivered already."),
            ),
            Some(Before::Pending) => (
                tr!(
                    "“Scratch that” came too late: in a continuous dictation, each sentence is delivered once it \
                     is over. The one before still waits for that. Delete it in the field then."
                ),
                tr!("Too late to take it back"),
                tr!("The sentence before is still to be delivered. Delete it then."),
            ),
            Some(Before::Wordless) => (
                tr!("You took back this sentence. The one before has no text either."),
                tr!("You took back the sentence"),
                tr!("The one before has no text either."),
            ),
        };
        let failure = Failure::new(Code::NoSpeech, text).in_brief(cause, remedy);
        super::machine::show_problem(&failure, out);
    }
}

/// The message about the sentences that were delivered before the rest was deleted.
fn delivered_before(said: &[Transcript]) -> Option<String> {
    let said: Vec<_> = said.iter().filter(|said| !said.text.is_empty()).collect();
    let last = said.last()?;
    let length = last.text.chars().count();
    let shown: String = last.text.chars().skip(length.saturating_sub(SHOWN)).collect();
    let cut = if length > SHOWN { "…" } else { "" };
    Some(tr!(
        "What was not delivered yet is deleted. One sentence was delivered before and stays; the last: “{cut}{shown}”"
            | "What was not delivered yet is deleted. {n} sentences were delivered before and stay; the last: “{cut}{shown}”"
                % said.len(),
        cut,
        shown
    ))
}

/// Whether it is a sentence without a text that the store keeps: its recording, or words that were
/// taken back. The store keeps nothing of silence.
fn is_kept_without_text(said: &Transcript) -> bool {
    is_taken_back(said) || said.text.is_empty() && !said.problems.is_empty()
}

/// The message if `kept` sentences without a text stay in the store. `delivered`: the message about
/// the delivered sentences.
fn kept_after_all(delivered: Option<String>, kept: usize) -> Option<String> {
    if kept == 0 {
        return delivered;
    }
    let told = delivered.as_deref().unwrap_or(tr!("The recording was cancelled and deleted."));
    Some(tr!(
        "{told} But one sentence without a text is kept: `v2m-send history` lists it."
            | "{told} But {n} sentences without a text are kept: `v2m-send history` lists them."
                % kept,
        told
    ))
}

pub(super) fn nothing() -> Transcript {
    Transcript {
        text: String::new(),
        unrefined: None,
        language: String::new(),
        samples: 0,
        segments: Vec::new(),
        gaps: Vec::new(),
        audio_path: None,
        preset: None,
        deliveries: Vec::new(),
        problems: Vec::new(),
    }
}

#[cfg(test)]
thread_local! {
    /// The number of times that transcripts were joined in this thread.
    pub(super) static JOINED: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// Joins two transcripts. The second was recorded immediately after the first.
fn joined(one: Transcript, next: Transcript) -> Transcript {
    #[cfg(test)]
    JOINED.set(JOINED.get() + 1);
    let by = one.samples;
    let unrefined = match (&one.unrefined, &next.unrefined) {
        (None, None) => None,
        (before, after) => {
            let before = before.as_ref().unwrap_or(&one.text);
            let after = after.as_ref().unwrap_or(&next.text);
            let parts = [before.as_str(), after.as_str()].into_iter();
            Some(spacing::join(parts.filter(|part| !part.is_empty())))
        }
    };
    let texts = [one.text.as_str(), next.text.as_str()];
    let text = spacing::join(texts.into_iter().filter(|text| !text.is_empty()));
    let segments = next.segments.into_iter();
    let segments = segments.map(|it| Segment { start: it.start + by, end: it.end + by, ..it });
    let gaps = next.gaps.into_iter();
    let gaps = gaps.map(|it| Gap { start: it.start + by, end: it.end + by, ..it });
    // The longer text decides the language.
    let is_longer = next.text.len() > one.text.len();
    Transcript {
        text,
        unrefined,
        language: if is_longer { next.language } else { one.language },
        samples: by + next.samples,
        segments: one.segments.into_iter().chain(segments).collect(),
        gaps: one.gaps.into_iter().chain(gaps).collect(),
        audio_path: next.audio_path.or(one.audio_path),
        preset: next.preset.or(one.preset),
        deliveries: one.deliveries.into_iter().chain(next.deliveries).collect(),
        problems: one.problems.into_iter().chain(next.problems).collect(),
    }
}
