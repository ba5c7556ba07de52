//! Phases, and what commands do in each. What presses of a shortcut mean is `hand`'s.

use super::event::{Effect, Event, Heard, JobEvent, Notice, Timer};
use super::hand::Presses;
use super::trigger::TriggerMode;
use super::types::{Code, Command, EngineState, Failure, JobId, Reply, State, Ticket, Transcript};
use std::time::Duration;

/// Capture needs a few quanta to drain; after this it hangs, and what was heard is taken as it is.
const DRAIN_LIMIT: Duration = Duration::from_secs(5);

/// What the configuration says of the session.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// A recording is stopped and transcribed after this time.
    pub longest: Duration,
    /// What the presses of a shortcut do.
    pub trigger: TriggerMode,
}

/// The session: what v2m is doing and who waits for it.
#[derive(Debug)]
pub struct Session {
    pub(super) phase: Phase,
    pub(super) limits: Limits,
    pub(super) paused: bool,
    pub(super) ending: bool,
    /// A client's text is with a language model.
    text_work: bool,
    pub(super) presses: Presses,
    next_job: u32,
    engine: EngineState,
    engine_problem: Option<Failure>,
    published: State,
}

#[derive(Debug)]
pub(super) enum Phase {
    Idle,
    /// Capture was asked for; no audio yet. Those who started it wait.
    Opening {
        job: JobId,
        waiting: Vec<Ticket>,
    },
    Recording {
        job: JobId,
    },
    /// Capture was told to stop; its last samples are coming.
    Draining {
        job: JobId,
        waiting: Vec<Ticket>,
    },
    /// The recogniser is at work.
    Transcribing {
        job: JobId,
        waiting: Vec<Ticket>,
        heard: Heard,
    },
    /// A language model has the text.
    Rewriting {
        job: JobId,
        waiting: Vec<Ticket>,
        draft: Transcript,
        within: Duration,
    },
    /// The text is being handed over.
    Delivering {
        job: JobId,
        waiting: Vec<Ticket>,
        transcript: Transcript,
    },
}

impl Phase {
    fn job(&self) -> Option<JobId> {
        match self {
            Self::Idle => None,
            Self::Opening { job, .. }
            | Self::Recording { job }
            | Self::Draining { job, .. }
            | Self::Transcribing { job, .. }
            | Self::Rewriting { job, .. }
            | Self::Delivering { job, .. } => Some(*job),
        }
    }
}

impl Session {
    /// An idle session. Jobs are numbered from `first_job`.
    pub fn new(limits: Limits, first_job: u32) -> Self {
        Self {
            phase: Phase::Idle,
            limits,
            paused: false,
            ending: false,
            text_work: false,
            presses: Presses::new(limits.trigger),
            next_job: first_job,
            engine: EngineState::Loading,
            engine_problem: None,
            published: State::Idle,
        }
    }

    /// The state that clients see.
    pub fn state(&self) -> State {
        match self.phase {
            Phase::Idle if self.paused => State::Paused,
            Phase::Idle if self.text_work => State::Processing,
            Phase::Idle => State::Idle,
            Phase::Rewriting { .. } => State::Processing,
            Phase::Opening { .. } | Phase::Recording { .. } => State::Recording,
            Phase::Draining { .. } | Phase::Transcribing { .. } | Phase::Delivering { .. } => {
                State::Transcribing
            }
        }
    }

    /// The dictation under way.
    pub fn job(&self) -> Option<JobId> {
        self.phase.job()
    }

    /// New limits, for the next recording.
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
        self.presses.set_mode(limits.trigger);
    }

    /// What is to be done now that `event` happened. `now` counts from any fixed moment.
    pub fn handle(&mut self, event: Event, now: Duration) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.step(event, now, &mut effects);
        self.watch_hand(now, &mut effects);
        let state = self.state();
        if state != self.published {
            self.published = state;
            effects.push(Effect::Publish(state));
        }
        if self.ending && matches!(self.phase, Phase::Idle) {
            effects.push(Effect::Exit);
        }
        effects
    }

    fn step(&mut self, event: Event, now: Duration, out: &mut Vec<Effect>) {
        match event {
            Event::Command { ticket, command } => self.command(ticket, command, now, out),
            Event::Terminate => self.end(out),
            Event::Engine(state, problem) => self.engine_changed(state, problem, out),
            Event::Elapsed(Timer::Hand) => self.settle_hand(now, out),
            Event::Elapsed(Timer::Grace) => self.give_up(out),
            Event::Elapsed(Timer::Longest(job)) => {
                self.job_event(job, JobEvent::LongestReached, out);
            }
            Event::Elapsed(Timer::Drain(job)) => self.job_event(job, JobEvent::DrainOverdue, out),
            Event::Elapsed(Timer::Rewrite(job)) => {
                self.job_event(job, JobEvent::RewriteOverdue, out);
            }
            Event::TextWork(under_way) => self.text_work = under_way,
            Event::Job(job, event) => self.job_event(job, event, out),
        }
    }

    fn job_event(&mut self, job: JobId, event: JobEvent, out: &mut Vec<Effect>) {
        if self.phase.job() != Some(job) {
            return; // a dictation that was cancelled or is over: its late events say nothing any more
        }
        let phase = std::mem::replace(&mut self.phase, Phase::Idle);
        self.phase = match phase {
            Phase::Idle => Phase::Idle,
            Phase::Opening { job, waiting } => self.opening(job, waiting, event, out),
            Phase::Recording { job } => self.recording(job, event, out),
            Phase::Draining { job, waiting } => self.draining(job, waiting, event, out),
            Phase::Transcribing { job, waiting, heard } => {
                self.transcribing(job, waiting, heard, event, out)
            }
            Phase::Rewriting { job, waiting, draft, within } => {
                self.rewriting(job, waiting, draft, within, event, out)
            }
            Phase::Delivering { job, waiting, transcript } => {
                self.delivering(job, waiting, transcript, event, out)
            }
        };
    }

    fn command(&mut self, ticket: Ticket, command: Command, now: Duration, out: &mut Vec<Effect>) {
        match command {
            Command::Shutdown => {
                out.push(Effect::Answer(ticket, Ok(Reply::ShuttingDown)));
                self.end(out);
            }
            Command::Pause | Command::Resume => {
                self.paused = command == Command::Pause;
                let state = if self.paused { State::Paused } else { self.state() };
                out.push(Effect::Answer(ticket, Ok(Reply::State(state, None))));
            }
            Command::Toggle => self.press(ticket, now, out),
            Command::Start => self.start(ticket, out),
            Command::Stop => self.stop_asked(Some(ticket), out),
            Command::Cancel => self.cancel(ticket, out),
        }
    }

    pub(super) fn toggle(&mut self, ticket: Ticket, out: &mut Vec<Effect>) {
        match self.phase {
            Phase::Idle => self.start(ticket, out),
            Phase::Opening { .. } | Phase::Recording { .. } => self.stop_asked(Some(ticket), out),
            Phase::Draining { .. } | Phase::Transcribing { .. } | Phase::Delivering { .. } => {
                out.push(refuse(ticket, busy()));
            }
            Phase::Rewriting { .. } => out.push(refuse(ticket, rewriting())),
        }
    }

    fn start(&mut self, ticket: Ticket, out: &mut Vec<Effect>) {
        match &mut self.phase {
            Phase::Opening { waiting, .. } => waiting.push(ticket),
            Phase::Recording { .. } => {
                let reply = Reply::State(State::Recording, Some("Recording already."));
                out.push(Effect::Answer(ticket, Ok(reply)));
            }
            Phase::Draining { .. } | Phase::Transcribing { .. } | Phase::Delivering { .. } => {
                out.push(refuse(ticket, busy()));
            }
            Phase::Rewriting { .. } => out.push(refuse(ticket, rewriting())),
            Phase::Idle => match self.refusal() {
                Some(failure) => {
                    out.push(Effect::Show(Notice::Problem(failure.clone())));
                    out.push(refuse(ticket, failure));
                }
                None => {
                    let job = JobId(self.next_job);
                    self.next_job = self.next_job.wrapping_add(1);
                    self.phase = Phase::Opening { job, waiting: vec![ticket] };
                    out.push(Effect::StartCapture(job));
                }
            },
        }
    }

    /// Why no recording can start now.
    fn refusal(&self) -> Option<Failure> {
        if self.ending {
            let text = "v2m is ending. Press again in a moment: systemd starts it anew.";
            return Some(Failure::new(Code::ShuttingDown, text));
        }
        if self.paused {
            let text = "Recording is paused. Resume it with `v2m-send resume`.";
            let failure = Failure::new(Code::Paused, text);
            return Some(failure.in_brief("Dictation is paused", "Resume it: v2m-send resume"));
        }
        match self.engine {
            EngineState::Absent | EngineState::Failed => self.engine_problem.clone(),
            // Capture starts while the model is still being loaded: no first word is lost.
            EngineState::Loading | EngineState::Warm | EngineState::Unloaded => None,
        }
    }

    /// Stops the recording for the client of that ticket, or for a hand that has let go.
    pub(super) fn stop_asked(&mut self, ticket: Option<Ticket>, out: &mut Vec<Effect>) {
        let tickets = ticket.into_iter();
        self.phase = match std::mem::replace(&mut self.phase, Phase::Idle) {
            Phase::Idle => {
                let text =
                    "Nothing is being recorded. Start with `v2m-send start` or the shortcut.";
                let failure = Failure::new(Code::NotRecording, text);
                out.extend(tickets.map(|ticket| refuse(ticket, failure.clone())));
                Phase::Idle
            }
            Phase::Opening { job, waiting } => {
                let text = Some("Stopped before the first audio was reported.");
                answer_all(out, waiting, Ok(Reply::State(State::Transcribing, text)));
                self.stop(job, tickets.collect(), out)
            }
            Phase::Recording { job } => self.stop(job, tickets.collect(), out),
            Phase::Draining { job, mut waiting } => {
                waiting.extend(tickets);
                Phase::Draining { job, waiting }
            }
            Phase::Transcribing { job, mut waiting, heard } => {
                waiting.extend(tickets);
                Phase::Transcribing { job, waiting, heard }
            }
            Phase::Rewriting { job, mut waiting, draft, within } => {
                waiting.extend(tickets);
                Phase::Rewriting { job, waiting, draft, within }
            }
            Phase::Delivering { job, mut waiting, transcript } => {
                waiting.extend(tickets);
                Phase::Delivering { job, waiting, transcript }
            }
        };
    }

    pub(super) fn stop(
        &mut self,
        job: JobId,
        waiting: Vec<Ticket>,
        out: &mut Vec<Effect>,
    ) -> Phase {
        out.push(Effect::Disarm(Timer::Longest(job)));
        out.push(Effect::StopCapture(job));
        out.push(Effect::Arm(Timer::Drain(job), DRAIN_LIMIT));
        Phase::Draining { job, waiting }
    }

    fn cancel(&mut self, ticket: Ticket, out: &mut Vec<Effect>) {
        let dropped = |out: &mut Vec<Effect>, job, waiting| {
            out.extend([Effect::Abandon(job), Effect::Discard(job)]);
            out.push(Effect::Show(Notice::Nothing));
            let failure = Failure::new(Code::Cancelled, "The recording was cancelled and deleted.");
            answer_all(out, waiting, Err(failure));
            Phase::Idle
        };
        self.phase = match std::mem::replace(&mut self.phase, Phase::Idle) {
            Phase::Idle => Phase::Idle,
            Phase::Opening { job, waiting } => {
                out.push(Effect::CancelCapture(job));
                dropped(out, job, waiting)
            }
            Phase::Recording { job } => {
                out.push(Effect::Disarm(Timer::Longest(job)));
                out.push(Effect::CancelCapture(job));
                dropped(out, job, Vec::new())
            }
            Phase::Draining { job, waiting } => {
                out.push(Effect::Disarm(Timer::Drain(job)));
                out.push(Effect::CancelCapture(job));
                dropped(out, job, waiting)
            }
            Phase::Transcribing { job, waiting, .. } => dropped(out, job, waiting),
            Phase::Rewriting { job, waiting, .. } => {
                out.extend([Effect::Disarm(Timer::Rewrite(job)), Effect::LeaveRewriting(job)]);
                dropped(out, job, waiting)
            }
            phase @ Phase::Delivering { .. } => {
                let text = "Too late to cancel: the text is being delivered.";
                out.push(refuse(ticket, Failure::new(Code::Busy, text)));
                self.phase = phase;
                return;
            }
        };
        out.push(Effect::Answer(ticket, Ok(Reply::State(self.state(), None))));
    }

    fn engine_changed(
        &mut self,
        state: EngineState,
        problem: Option<Failure>,
        out: &mut Vec<Effect>,
    ) {
        let unusable = matches!(state, EngineState::Absent | EngineState::Failed);
        self.engine = state;
        // One notice for one cause, however often it is reported: loading it again mends nothing yet.
        if state == EngineState::Loading {
            return;
        }
        if unusable && problem != self.engine_problem {
            out.extend(problem.clone().map(|p| Effect::Show(Notice::Problem(p))));
        }
        self.engine_problem = problem;
    }
}

fn busy() -> Failure {
    Failure::new(Code::Busy, "The last recording is still being transcribed. Wait for its text.")
}

fn rewriting() -> Failure {
    let text = "The language model still has the last text. Wait for it, or give that text up: `v2m-send cancel`.";
    Failure::new(Code::Busy, text)
}

fn refuse(ticket: Ticket, failure: Failure) -> Effect {
    Effect::Answer(ticket, Err(failure))
}

pub(super) fn answer_all(
    out: &mut Vec<Effect>,
    waiting: Vec<Ticket>,
    reply: Result<Reply, Failure>,
) {
    out.extend(waiting.into_iter().map(|ticket| Effect::Answer(ticket, reply.clone())));
}
