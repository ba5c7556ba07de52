//! What the session hears of the world, and what it asks of it.

use super::types::{
    Asker, Code, Command, DeliverMode, Delivery, EngineState, Failure, JobId, Reply, State, Ticket,
    Transcript,
};
use std::time::Duration;

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A client asks for something.
    Command {
        /// Who waits for the answer, and what it wishes.
        asker: Asker,
        /// What is asked.
        command: Command,
    },
    /// Something concerning one dictation; of no interest once that one is over.
    Job(JobId, JobEvent),
    /// The recogniser's state changed; with a reason where it cannot be used.
    Engine(EngineState, Option<Failure>),
    /// A client's text is with a language model, or none is any more.
    TextWork(bool),
    /// A timer ran out.
    Elapsed(Timer),
    /// The service is asked to end (SIGTERM).
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
    CaptureEnded(Heard),
    /// The recogniser's answer, to which the text rules have been applied.
    Transcribed(Transcript),
    /// What the language model made of the text, or why nothing.
    Rewritten(Result<String, Failure>),
    /// The recogniser has no answer, even at the second try.
    RecognitionFailed(Failure),
    /// The text has been handed over, or could not be.
    Delivered(Vec<Delivery>),
    /// The recording has reached its longest length.
    LongestReached,
    /// Capture should have said by now that it ended.
    DrainOverdue,
    /// The language model should have answered by now.
    RewriteOverdue,
}

/// What a recording amounted to.
#[derive(Clone, Debug, PartialEq)]
pub struct Heard {
    /// Its sound; `None`: capture never said that it ended, so the recogniser tells whether there
    /// are words in it.
    pub measured: Option<Measured>,
    /// What went wrong with it: why it ended without being asked to, what is missing.
    pub problems: Vec<Failure>,
}

/// The sound of a recording in figures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measured {
    /// Its length in samples at 16 kHz.
    pub samples: u64,
    /// Its loudest sample, dB relative to full scale.
    pub peak_dbfs: f32,
}

/// A timer; each carries the job it was set for, so that a late one is recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Timer {
    /// The recording has reached its longest length.
    Longest(JobId),
    /// Capture has not said that it ended.
    Drain(JobId),
    /// The language model has had its time.
    Rewrite(JobId),
    /// What the hand on the key means is known by now.
    Hand,
    /// Ending in order has taken long enough.
    Grace,
}

/// Something to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Answer a client.
    Answer(Ticket, Result<Reply, Failure>),
    /// Start to record, to store and to feed the recogniser.
    StartCapture(JobId),
    /// Record up to this moment and no further.
    StopCapture(JobId),
    /// Stop recording at once; nobody wants the audio.
    CancelCapture(JobId),
    /// Ask the recogniser for the whole text.
    Transcribe(JobId),
    /// Have the recogniser forget the job.
    Abandon(JobId),
    /// Delete audio and text.
    Discard(JobId),
    /// Write down how the dictation went.
    Keep(JobId, Outcome),
    /// Have a language model rewrite the text, by that preset or by the configured one; answered by
    /// [`JobEvent::Rewritten`].
    Rewrite(JobId, Transcript, Option<String>),
    /// Nobody waits for that any more.
    LeaveRewriting(JobId),
    /// Put the text where the dictation's clients wish it, or where the configuration says;
    /// answered by [`JobEvent::Delivered`].
    Deliver(JobId, Transcript, Option<DeliverMode>),
    /// Show the user.
    Show(Notice),
    /// Let the user hear it. At most one for each event.
    Play(Cue),
    /// Tell the journal alone why a request was refused: nothing is shown of it.
    Note(Failure),
    /// The state that clients see has changed.
    Publish(State),
    /// Set a timer.
    Arm(Timer, Duration),
    /// Forget a timer.
    Disarm(Timer),
    /// End the service: nothing is left to do.
    Exit,
}

/// What the user hears. The later ones are more important.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cue {
    /// v2m does not listen any more.
    Stop,
    /// Speak now.
    Start,
    /// Something went wrong.
    Problem,
}

/// How a dictation went, for the store.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// The text is there and is not delivered yet. The dictation goes on.
    Transcribed(Transcript),
    /// The text was delivered, by at least one of the ways asked for.
    Delivered(Transcript),
    /// The text is there and arrived nowhere, or all of it was taken back.
    Undelivered(Transcript),
    /// There is no text.
    Failed(Failure),
}

/// What the user is shown.
#[derive(Clone, Debug, PartialEq)]
pub enum Notice {
    /// Speak now.
    Recording,
    /// The text is on its way.
    Transcribing,
    /// A language model has the text.
    Rewriting,
    /// Something is wrong.
    Problem(Failure),
    /// Nothing any more.
    Nothing,
}

impl Heard {
    /// Below this peak a microphone gives no more than its own noise floor, or nothing: most likely
    /// it is muted. Speech peaks some 40 dB above.
    const SILENT_DBFS: f32 = -60.0;

    /// Whether it is known that no sample was heard.
    pub(super) fn is_nothing(&self) -> bool {
        self.measured.is_some_and(|measured| measured.samples == 0)
    }

    /// The failure of a recording without words.
    pub(super) fn no_speech(&self) -> Failure {
        match self.problems.first() {
            // What there is of it holds no words: nothing is left to try.
            Some(gap) if gap.code == Code::AudioGap => {
                return Failure { code: Code::NoSpeech, ..gap.clone() };
            }
            Some(problem) => return problem.clone(),
            None => {}
        }
        let (cause, remedy) = match self.measured {
            Some(Measured { samples: 0, .. }) => (
                "Nothing was recorded",
                "The recording stopped before any sound arrived. Try again.",
            ),
            Some(Measured { peak_dbfs, .. }) if peak_dbfs < Self::SILENT_DBFS => {
                ("The microphone was silent", "Is it muted, or is the wrong one selected?")
            }
            _ => ("No speech heard", "Speak closer to the microphone, or turn it up."),
        };
        let text = format!("There is no text: {}. {remedy}", lower_first(cause));
        Failure::new(Code::NoSpeech, text).in_brief(cause, remedy)
    }
}

fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}
