//! Moves one dictation through its phases: handles each of its events in each phase. `None` means
//! that the dictation is over.

use super::commands::stop_capture;
use super::dictation::{Phase, Wished};
use super::event::{CaptureSummary, Effect, JobEvent, Notice, Outcome, Timer};
use super::hand::tell_recording;
use super::machine::{Session, answer_all, answer_with, show_problem};
use super::talk::{Before, Talk, nothing};
use super::types::{Code, Delivery, Failure, JobId, Reply, Ticket, Transcript};
use v2m_messages::tr;

impl Session {
    pub(super) fn opening(
        &mut self,
        job: JobId,
        of: Of<'_>,
        waiting: Vec<Ticket>,
        event: JobEvent,
        out: &mut Vec<Effect>,
    ) -> Option<Phase> {
        match event {
            JobEvent::CaptureStarted => {
                let announced = !self.presses.is_provisional(job);
                let mut waiting = waiting;
                if announced {
                    tell_recording(std::mem::take(&mut waiting), out);
                }
                out.push(Effect::Arm(Timer::Longest(job), self.limits.longest));
                Some(Phase::Recording { waiting, announced })
            }
            JobEvent::CaptureFailed(failure) => {
                Some(Self::failed(job, waiting, failure, Lost::NothingHeard, out))
            }
            // The source went away before its first sample.
            JobEvent::CaptureEnded(heard) => self.transcribe(job, of, waiting, heard, out),
            // The recogniser reports this again when it is asked for the text.
            JobEvent::RecognitionFailed(_)
            // Nothing was requested yet.
            | JobEvent::Transcribed(_)
            | JobEvent::Rewritten(_)
            | JobEvent::Delivered(_)
            | JobEvent::LongestReached
            | JobEvent::Quiet
            | JobEvent::SentenceOver(..)
            | JobEvent::DrainOverdue
            | JobEvent::RewriteOverdue => Some(Phase::Opening { waiting }),
        }
    }

    pub(super) fn recording_goes_on(
        &mut self,
        job: JobId,
        of: Of<'_>,
        waiting: Vec<Ticket>,
        announced: bool,
        event: JobEvent,
        out: &mut Vec<Effect>,
    ) -> Option<Phase> {
        match event {
            JobEvent::LongestReached | JobEvent::Quiet => {
                stop_capture(job, out);
                Some(Phase::Draining { waiting })
            }
            // This was not requested: the source is gone. Transcribe what was recorded.
            JobEvent::CaptureEnded(heard) => {
                out.push(Effect::Disarm(Timer::Longest(job)));
                self.transcribe(job, of, waiting, heard, out)
            }
            JobEvent::CaptureFailed(failure) => {
                out.push(Effect::Disarm(Timer::Longest(job)));
                Some(Self::failed(job, waiting, failure, Lost::Words(None), out))
            }
            // As in `opening`.
            JobEvent::RecognitionFailed(_)
            | JobEvent::CaptureStarted
            | JobEvent::Transcribed(_)
            | JobEvent::Rewritten(_)
            | JobEvent::Delivered(_)
            // Handled before.
            | JobEvent::SentenceOver(..)
            | JobEvent::DrainOverdue
            | JobEvent::RewriteOverdue => Some(Phase::Recording { waiting, announced }),
        }
    }

    pub(super) fn draining(
        &mut self,
        job: JobId,
        of: Of<'_>,
        waiting: Vec<Ticket>,
        event: JobEvent,
        out: &mut Vec<Effect>,
    ) -> Option<Phase> {
        match event {
            JobEvent::CaptureEnded(heard) => {
                out.push(Effect::Disarm(Timer::Drain(job)));
                self.transcribe(job, of, waiting, heard, out)
            }
            JobEvent::CaptureFailed(failure) => {
                out.push(Effect::Disarm(Timer::Drain(job)));
                Some(Self::failed(job, waiting, failure, Lost::NothingHeard, out))
            }
            JobEvent::DrainOverdue => {
                out.push(Effect::CancelCapture(job));
                let problems = vec![drain_failure()];
                // Some audio may have come. The recogniser decides whether it holds words.
                let heard = CaptureSummary { measured: None, problems };
                self.transcribe(job, of, waiting, heard, out)
            }
            // The first audio came after the stop was requested. Its end follows.
            JobEvent::CaptureStarted
            // The timer was cancelled, but had already run out.
            | JobEvent::LongestReached
            | JobEvent::Quiet
            | JobEvent::SentenceOver(..)
            // As in `opening`.
            | JobEvent::RecognitionFailed(_)
            | JobEvent::Transcribed(_)
            | JobEvent::Rewritten(_)
            | JobEvent::RewriteOverdue
            | JobEvent::Delivered(_) => Some(Phase::Draining { waiting }),
        }
    }

    pub(super) fn transcribing(
        &mut self,
        job: JobId,
        of: Of<'_>,
        waiting: Vec<Ticket>,
        heard: CaptureSummary,
        event: JobEvent,
        out: &mut Vec<Effect>,
    ) -> Option<Phase> {
        match event {
            JobEvent::Transcribed(mut transcript)
                if transcript.text.is_empty() && transcript.unrefined.is_some() && of.has_others =>
            {
                transcript.problems.extend(heard.problems);
                self.sentence_taken_back(job, of.before, transcript.clone(), out);
                Some(Phase::Ready { waiting, transcript })
            }
            JobEvent::Transcribed(transcript)
                if transcript.text.is_empty() && transcript.unrefined.is_some() =>
            {
                self.taken_back(job, waiting, transcript, out)
            }
            // Somebody stopped a continuous dictation after its last sentence.
            JobEvent::Transcribed(mut transcript)
                if transcript.text.is_empty() && of.has_others =>
            {
                transcript.problems.extend(heard.problems);
                Some(Phase::Ready { waiting, transcript })
            }
            JobEvent::Transcribed(transcript) if transcript.text.is_empty() => {
                let mut failure = heard.no_speech();
                failure.audio_path = transcript.audio_path;
                // Whatever the reason (the microphone may be gone), another attempt finds no words.
                let kept = Failure { code: Code::NoSpeech, ..failure.clone() };
                out.push(Effect::Keep(job, Outcome::Failed(kept)));
                end_without_text(waiting, failure, out)
            }
            JobEvent::Transcribed(mut transcript) => {
                let draft = self.draft(of.wished);
                transcript.preset = self.chosen(of.wished);
                transcript.problems.extend(draft.as_ref().err().cloned());
                transcript.problems.extend(heard.problems);
                transcript.problems.extend(of.wished.other_language(&transcript.language));
                Some(match draft {
                    Ok(Some(draft)) => self.rewrite(job, waiting, transcript, draft, out),
                    Ok(None) | Err(_) => Phase::Ready { waiting, transcript },
                })
            }
            JobEvent::RecognitionFailed(failure) => {
                let samples = heard.measured.map(|measured| measured.samples);
                Some(Self::failed(job, waiting, failure, Lost::Words(samples), out))
            }
            // The drain timer gave up on capture, but capture answered after all.
            JobEvent::CaptureStarted
            | JobEvent::CaptureFailed(_)
            | JobEvent::CaptureEnded(_)
            // The timer was cancelled, but had already run out.
            | JobEvent::LongestReached
            | JobEvent::Quiet
            | JobEvent::SentenceOver(..)
            | JobEvent::DrainOverdue
            // Nothing was delivered or given to a language model yet.
            | JobEvent::Rewritten(_)
            | JobEvent::RewriteOverdue
            | JobEvent::Delivered(_) => Some(Phase::Transcribing { waiting, heard }),
        }
    }

    /// Handles an event of a text that waits for its turn.
    pub(super) fn ready(waiting: Vec<Ticket>, transcript: Transcript, event: &JobEvent) -> Phase {
        match event {
            // As in `transcribing` and `rewriting`: the event is late, and the text is finished.
            JobEvent::CaptureStarted
            | JobEvent::CaptureFailed(_)
            | JobEvent::CaptureEnded(_)
            | JobEvent::Transcribed(_)
            | JobEvent::Rewritten(_)
            | JobEvent::RecognitionFailed(_)
            | JobEvent::LongestReached
            | JobEvent::Quiet
            | JobEvent::SentenceOver(..)
            | JobEvent::DrainOverdue
            | JobEvent::RewriteOverdue
            // Nothing was delivered yet.
            | JobEvent::Delivered(_) => Phase::Ready { waiting, transcript },
        }
    }

    pub(super) fn delivering(
        &mut self,
        job: JobId,
        talk: &mut Talk,
        waiting: Vec<Ticket>,
        transcript: Transcript,
        event: JobEvent,
        out: &mut Vec<Effect>,
    ) -> Option<Phase> {
        match event {
            JobEvent::Delivered(deliveries) => {
                self.delivered(job, talk, waiting, Transcript { deliveries, ..transcript }, out)
            }
            // As in `transcribing`. The recogniser's first answer counts.
            JobEvent::CaptureStarted
            | JobEvent::CaptureFailed(_)
            | JobEvent::CaptureEnded(_)
            | JobEvent::Transcribed(_)
            | JobEvent::Rewritten(_)
            | JobEvent::RecognitionFailed(_)
            | JobEvent::LongestReached
            | JobEvent::Quiet
            | JobEvent::SentenceOver(..)
            | JobEvent::DrainOverdue
            | JobEvent::RewriteOverdue => Some(Phase::Delivering { waiting, transcript }),
        }
    }

    fn transcribe(
        &mut self,
        job: JobId,
        of: Of<'_>,
        waiting: Vec<Ticket>,
        heard: CaptureSummary,
        out: &mut Vec<Effect>,
    ) -> Option<Phase> {
        // The recording was stopped immediately after a sentence.
        if heard.is_nothing() && of.has_others {
            let transcript = Transcript { problems: heard.problems, ..nothing() };
            return Some(Phase::Ready { waiting, transcript });
        }
        if heard.is_nothing() {
            let failure = heard.no_speech();
            return Some(Self::failed(job, waiting, failure, Lost::NothingHeard, out));
        }
        self.show_progress(Notice::Transcribing, out);
        out.push(Effect::Transcribe(job));
        Some(Phase::Transcribing { waiting, heard })
    }

    /// Shows the progress of an older dictation, unless the notice for the recording must stay.
    pub(super) fn show_progress(&self, notice: Notice, out: &mut Vec<Effect>) {
        if self.recording().is_none() {
            out.push(Effect::Show(notice));
        }
    }

    /// Ends a dictation without a text. Clients are answered once the sentences before it are over
    /// too.
    fn failed(
        job: JobId,
        waiting: Vec<Ticket>,
        failure: Failure,
        lost: Lost,
        out: &mut Vec<Effect>,
    ) -> Phase {
        let samples = match lost {
            Lost::NothingHeard => {
                out.extend([Effect::Abandon(job), Effect::Discard(job)]);
                Some(0)
            }
            Lost::Words(samples) => {
                out.push(Effect::Keep(job, Outcome::Failed(failure.clone())));
                samples
            }
        };
        show_problem(&failure, out);
        Phase::Failed { waiting, samples, failure }
    }

    /// Ends a dictation when the speaker took back every word. There is nothing to deliver; the
    /// store keeps the words.
    fn taken_back(
        &mut self,
        job: JobId,
        waiting: Vec<Ticket>,
        transcript: Transcript,
        out: &mut Vec<Effect>,
    ) -> Option<Phase> {
        out.push(Effect::Keep(job, Outcome::Undelivered(transcript)));
        let text = tr!(
            "There is no text, because you took all of it back. v2m keeps what it had recognised with \
             your dictations. text.spoken_edits = false turns off “scratch that”."
        );
        let failure = Failure::new(Code::NoSpeech, text).in_brief(
            tr!("You took back the whole dictation"),
            tr!("To keep such words: v2m-send config set text.spoken_edits=false"),
        );
        end_without_text(waiting, failure, out)
    }

    fn delivered(
        &mut self,
        job: JobId,
        talk: &mut Talk,
        waiting: Vec<Ticket>,
        transcript: Transcript,
        out: &mut Vec<Effect>,
    ) -> Option<Phase> {
        let arrived = transcript.deliveries.iter().any(|d: &Delivery| d.ok)
            || transcript.deliveries.is_empty()
            || !waiting.is_empty();
        out.push(Effect::Keep(
            job,
            if arrived {
                Outcome::Delivered(transcript.clone())
            } else {
                Outcome::Undelivered(transcript.clone())
            },
        ));
        answer_with(out, waiting, || {
            Ok(Reply::Transcript(self.state(), Box::new(talk.whole(transcript.clone()))))
        });
        if talk.first.is_some() {
            talk.said.push(transcript);
        }
        None
    }
}

/// Ends a dictation without a text. Shows the reason, and answers all clients that wait.
fn end_without_text(
    waiting: Vec<Ticket>,
    failure: Failure,
    out: &mut Vec<Effect>,
) -> Option<Phase> {
    show_problem(&failure, out);
    answer_all(out, waiting, Err(failure));
    None
}

/// The context of a dictation, besides its phase.
#[derive(Clone, Copy)]
pub(super) struct Of<'d> {
    /// The options that its clients have requested.
    pub(super) wished: &'d Wished,
    /// Whether there are other sentences in the same talk.
    pub(super) has_others: bool,
    /// The state of the sentence before it. `None`: it is the first.
    pub(super) before: Option<Before>,
}

/// What remains of a failed dictation.
enum Lost {
    /// No sample was recorded, so there is nothing to keep.
    NothingHeard,
    /// Something was said; its audio stays in the store. The length in samples, if known.
    Words(Option<u64>),
}

fn drain_failure() -> Failure {
    Failure::new(
        Code::NoMicrophone,
        tr!(
            "Stopping the recording: PipeWire did not deliver the last samples. What was recorded \
             before is transcribed. If this happens again: systemctl --user restart pipewire"
        ),
    )
    .in_brief(
        tr!("The end of the recording is missing"),
        tr!("If this happens again: systemctl --user restart pipewire"),
    )
}
