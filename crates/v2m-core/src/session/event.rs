//! The session's events and effects.

use super::types::{
    Asker, Code, Command, DeliverMode, Delivery, EngineState, Failure, JobId, Reply, State, Ticket,
    Transcript,
};
use std::time::Duration;
use v2m_messages::tr;

/// An event.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A client sends a command.
    Command {
        /// The client that waits for the answer, and its options.
        asker: Asker,
        /// The command.
        command: Command,
    },
    /// An event of one dictation. It is ignored once the dictation is over.
    Job(JobId, JobEvent),
    /// The recogniser's state changed. If it cannot be used, the reason is given.
    Engine(EngineState, Option<Failure>),
    /// Whether a language model is working on a client's text.
    TextWork(bool),
    /// A timer ran out.
    Elapsed(Timer),
    /// The service should end (SIGTERM).
    Terminate,
}

/// Something that happened to one dictation.
#[derive(Clone, Debug, PartialEq)]
pub enum JobEvent {
    /// The first audio has arrived.
    CaptureStarted,
    /// The recording could not start.
    CaptureFailed(Failure),
    /// The recording has ended and all its audio is in.
    CaptureEnded(CaptureSummary),
    /// The recogniser's answer, to which the text rules have been applied.
    Transcribed(Transcript),
    /// The language model's text, or why there is none.
    Rewritten(Result<String, Failure>),
    /// The recogniser has no answer, even at the second try.
    RecognitionFailed(Failure),
    /// The delivery has ended, whether it succeeded or not.
    Delivered(Vec<Delivery>),
    /// The recording has reached its longest length.
    LongestReached,
    /// The speaker has been silent for as long as the settings require.
    Quiet,
    /// A sentence of a continuous dictation has ended: everything before this sample. The summary
    /// describes the sound before it.
    SentenceOver(u64, CaptureSummary),
    /// Capture has not reported its end in time.
    DrainOverdue,
    /// The language model has not answered in time.
    RewriteOverdue,
}

/// A summary of a recording that has ended.
#[derive(Clone, Debug, PartialEq)]
pub struct CaptureSummary {
    /// The recording's sound. `None`: capture never reported its end, so the recogniser decides
    /// whether there are words.
    pub measured: Option<Measured>,
    /// The recording's problems: why it ended by itself, or which sound is missing.
    pub problems: Vec<Failure>,
}

/// The sound of a recording in figures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measured {
    /// The length in samples at 16 kHz.
    pub samples: u64,
    /// The loudest sample, in dB relative to full scale.
    pub peak_dbfs: f32,
}

/// A timer. Each carries its job, so that a late timer is recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Timer {
    /// The recording has reached its longest length.
    Longest(JobId),
    /// Capture has not reported its end.
    Drain(JobId),
    /// The language model's time is over.
    Rewrite(JobId),
    /// By now it is known whether a press was a tap or a hold.
    Hand,
    /// The grace time of an orderly end is over.
    Grace,
}

/// An effect: something for the caller to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Answer a client.
    Answer(Ticket, Result<Reply, Failure>),
    /// Start recording, storing and feeding the recogniser.
    StartCapture(JobId),
    /// Stop recording at this moment.
    StopCapture(JobId),
    /// Stop recording at once and drop the audio.
    CancelCapture(JobId),
    /// The recording goes on as the second dictation. What was recorded before this sample belongs to
    /// the first. Its text is settled: [`JobEvent::Transcribed`] returns it.
    Split(JobId, JobId, u64),
    /// Ask the recogniser for the whole text.
    Transcribe(JobId),
    /// Make the recogniser forget the job.
    Abandon(JobId),
    /// Delete audio and text: the dictation was cancelled, or nothing was recorded.
    Discard(JobId),
    /// Delete the end of a continuous dictation, in which nothing was said. Nobody cancelled it.
    DiscardSilence(JobId),
    /// Store the dictation's outcome.
    Keep(JobId, Outcome),
    /// Ask a language model to rewrite the text, with this preset or the configured one.
    /// [`JobEvent::Rewritten`] answers it.
    Rewrite(JobId, Transcript, Option<String>),
    /// Cancel the rewriting, because no client waits for it any more.
    LeaveRewriting(JobId),
    /// Deliver the text to where the dictation's clients or the configuration want it.
    /// [`JobEvent::Delivered`] answers it.
    Deliver(JobId, Transcript, Option<DeliverMode>),
    /// Show a notice to the user.
    Show(Notice),
    /// Play a sound, at most one for each event.
    Play(Cue),
    /// Write to the journal why a request was refused. The user sees nothing.
    Note(Failure),
    /// The state that clients see has changed.
    Publish(State),
    /// Set a timer.
    Arm(Timer, Duration),
    /// Cancel a timer.
    Disarm(Timer),
    /// End the service: all work is done.
    Exit,
}

/// A sound for the user. Later variants are more important.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cue {
    /// v2m stops listening.
    Stop,
    /// The user may speak now.
    Start,
    /// Something went wrong.
    Problem,
}

/// A dictation's outcome, for the store.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// The text exists but is not delivered yet. The dictation continues.
    Transcribed(Transcript),
    /// The text was delivered by at least one of the requested methods.
    Delivered(Transcript),
    /// The text exists but was not delivered anywhere, or the speaker took all of it back.
    Undelivered(Transcript),
    /// There is no text.
    Failed(Failure),
}

/// A notice to the user.
#[derive(Clone, Debug, PartialEq)]
pub enum Notice {
    /// The user may speak now.
    Recording,
    /// The text is being transcribed.
    Transcribing,
    /// A language model is working on the text.
    Rewriting,
    /// Something is wrong.
    Problem(Failure),
    /// The user has cancelled a dictation. The notice of what goes on follows.
    Cancelled,
    /// Nothing is going on, so no notice is needed.
    Nothing,
}

impl CaptureSummary {
    /// A peak below this is the microphone's own noise or nothing: most likely the microphone is
    /// muted. Speech peaks some 40 dB above.
    const SILENT_DBFS: f32 = -60.0;

    /// Whether it is certain that no sample was recorded.
    pub(super) fn is_nothing(&self) -> bool {
        self.measured.is_some_and(|measured| measured.samples == 0)
    }

    /// The failure of a recording without words.
    pub(super) fn no_speech(&self) -> Failure {
        match self.problems.first() {
            // The part that was recorded holds no words, so there is nothing to try again.
            Some(gap) if gap.code == Code::AudioGap => {
                return Failure { code: Code::NoSpeech, ..gap.clone() };
            }
            Some(problem) => return problem.clone(),
            None => {}
        }
        let (cause, remedy, text) = match self.measured {
            Some(Measured { samples: 0, .. }) => (
                tr!("Nothing was recorded"),
                tr!("The recording stopped before any sound arrived. Try again."),
                tr!(
                    "There is no text: nothing was recorded. The recording stopped before any sound arrived. Try \
                     again."
                ),
            ),
            Some(Measured { peak_dbfs, .. }) if peak_dbfs < Self::SILENT_DBFS => (
                tr!("The microphone was silent"),
                tr!("Is it muted, or is the wrong one selected?"),
                tr!(
                    "There is no text: the microphone was silent. Is it muted, or is the wrong one selected?"
                ),
            ),
            _ => (
                tr!("No speech heard"),
                tr!("Speak closer to the microphone, or turn it up."),
                tr!(
                    "There is no text: no speech heard. Speak closer to the microphone, or turn it up."
                ),
            ),
        };
        Failure::new(Code::NoSpeech, text).in_brief(cause, remedy)
    }
}
