//! The session: its state, and which module handles an event. `commands` handles the commands,
//! `progress` the phases of a dictation, and `hand` the presses of a shortcut.

use super::dictation::{Dictation, Dictations, Phase};
use super::event::{Cue, Effect, Event, JobEvent, Notice, Timer};
use super::hand::Presses;
use super::progress::Of;
use super::trigger::TriggerMode;
use super::types::{Asker, Command, EngineState, Failure, JobId, Reply, State, Ticket, Wishes};
use std::time::Duration;

/// How long after a recording stopped by itself a press still counts as meant to stop it. People
/// react to what they see within a quarter of a second. A user who was about to press does it
/// sooner.
const JUST: Duration = Duration::from_millis(700);

/// The session's part of the configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct SessionLimits {
    /// The time after which a recording is stopped and transcribed.
    pub longest: Duration,
    /// What the presses of a shortcut do.
    pub trigger: TriggerMode,
    /// Which texts a language model rewrites.
    pub rewriting: Rewriting,
    /// How long rewriting one text may take.
    pub within: Duration,
}

/// Which texts a language model rewrites.
#[derive(Clone, Debug, PartialEq)]
pub enum Rewriting {
    /// Only texts with a preset that a client requested, or that the settings name for an application.
    Wished,
    /// All texts.
    All {
        /// The preset where none is requested.
        preset: String,
    },
    /// It should rewrite all texts but cannot, for this reason.
    Impossible(Failure),
}

/// The session: the dictations under way and the clients that wait for them.
#[derive(Debug)]
pub struct Session {
    pub(super) dictations: Dictations,
    pub(super) limits: SessionLimits,
    pub(super) paused: bool,
    pub(super) ending: bool,
    /// Whether a language model is working on a client's text.
    text_work: bool,
    pub(super) presses: Presses,
    pub(super) next_job: u32,
    pub(super) engine: EngineState,
    pub(super) engine_problem: Option<Failure>,
    published: State,
    /// The recording that stopped without a press, and when.
    stopped_itself: Option<(JobId, Duration)>,
    /// The recording that the end of the service stopped, until a press requests its text.
    pub(super) cut_off: Option<JobId>,
    /// When the press that requested it came, or was last repeated.
    pub(super) asked_for_cut_off: Option<Duration>,
    /// The clients that want to record while the service ends. The next instance serves them.
    pub(super) turned_away: Vec<Ticket>,
}

impl Session {
    /// Makes an idle session. Jobs are numbered from `first_job`.
    pub fn new(limits: SessionLimits, first_job: u32) -> Self {
        Self {
            dictations: Dictations::default(),
            paused: false,
            ending: false,
            text_work: false,
            presses: Presses::new(limits.trigger),
            limits,
            next_job: first_job,
            engine: EngineState::Loading,
            engine_problem: None,
            published: State::Idle,
            stopped_itself: None,
            cut_off: None,
            asked_for_cut_off: None,
            turned_away: Vec::new(),
        }
    }

    /// The state that clients see. While something is recorded it is `Recording`, whatever happens
    /// to earlier dictations.
    pub fn state(&self) -> State {
        let any = |wanted: fn(&Phase) -> bool| self.dictations.phases().any(wanted);
        if any(Phase::is_recording) {
            State::Recording
        } else if any(Phase::is_transcribing) {
            State::Transcribing
        } else if any(|phase| matches!(phase, Phase::Rewriting { .. })) {
            State::Processing
        } else if !self.dictations.is_empty() {
            State::Transcribing
        } else if self.paused {
            State::Paused
        } else if self.text_work {
            State::Processing
        } else {
            State::Idle
        }
    }

    /// The dictation that was started last, unless it is over.
    pub fn newest(&self) -> Option<JobId> {
        self.dictations.newest()
    }

    /// The dictation that is being recorded.
    pub fn recording(&self) -> Option<JobId> {
        self.dictations.recording()
    }

    /// Whether the recording has been announced to the user.
    pub fn is_announced(&self) -> bool {
        self.dictations
            .phases()
            .any(|phase| matches!(phase, Phase::Recording { announced: true, .. }))
    }

    /// The clients' options for a dictation. `None` if it is not under way.
    pub fn wishes(&self, job: JobId) -> Option<&Wishes> {
        self.dictations.get(job).map(|dictation| dictation.wished.wishes())
    }

    /// Whether this dictation is under way.
    pub fn has(&self, job: JobId) -> bool {
        self.dictations.get(job).is_some()
    }

    /// How many dictations wait for their texts. The one being recorded does not count.
    pub fn pending(&self) -> usize {
        self.dictations.pending()
    }

    /// Whether capture is running.
    pub fn is_capturing(&self) -> bool {
        self.dictations.phases().any(Phase::is_capturing)
    }

    /// Sets new limits for the next recording.
    pub fn set_limits(&mut self, limits: SessionLimits) {
        self.presses.set_mode(limits.trigger);
        self.limits = limits;
    }

    /// Handles an event, and returns the effects. `now` counts from any fixed moment.
    pub fn handle(&mut self, event: Event, now: Duration) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.step(event, now, &mut effects);
        self.make_way(&mut effects);
        self.deliver_next(now, &mut effects);
        self.watch_hand(now, &mut effects);
        play_one(&mut effects);
        let state = self.state();
        if state != self.published {
            self.published = state;
            effects.push(Effect::Publish(state));
        }
        if self.ending && self.dictations.is_empty() {
            effects.push(Effect::Exit);
        }
        effects
    }

    fn step(&mut self, event: Event, now: Duration, out: &mut Vec<Effect>) {
        match event {
            Event::Command { asker, command } => self.command(asker, command, now, out),
            Event::Terminate => self.end(now, out),
            Event::Engine(state, problem) => self.engine_changed(state, problem, out),
            Event::Elapsed(Timer::Hand) => self.settle_hand(now, out),
            Event::Elapsed(Timer::Grace) => self.give_up(out),
            Event::Elapsed(Timer::Longest(job)) => {
                self.stops_itself(job, JobEvent::LongestReached, now, out);
            }
            Event::Elapsed(Timer::Drain(job)) => self.job_event(job, JobEvent::DrainOverdue, out),
            Event::Elapsed(Timer::Rewrite(job)) => {
                self.job_event(job, JobEvent::RewriteOverdue, out);
            }
            Event::TextWork(under_way) => self.text_work = under_way,
            // The user who holds the key decides when to stop.
            Event::Job(_, JobEvent::Quiet) if self.is_key_down(now) => {}
            Event::Job(job, JobEvent::Quiet) => {
                self.stops_itself(job, JobEvent::Quiet, now, out);
            }
            Event::Job(job, event) => self.job_event(job, event, out),
        }
    }

    /// Stops a recording without a press.
    fn stops_itself(&mut self, job: JobId, why: JobEvent, now: Duration, out: &mut Vec<Effect>) {
        if self.recording() == Some(job) {
            self.stopped_itself = Some((job, now));
        }
        self.job_event(job, why, out);
    }

    /// The dictation that has just stopped by itself. A press now was meant to stop it, because the
    /// user still saw it running.
    pub(super) fn just_stopped(&mut self, now: Duration) -> Option<&mut Dictation> {
        let (job, at) = self.stopped_itself?;
        let is_just = self.recording().is_none() && now.saturating_sub(at) < JUST;
        self.dictations.get_mut(job).filter(|_| is_just)
    }

    fn job_event(&mut self, job: JobId, event: JobEvent, out: &mut Vec<Effect>) {
        if let JobEvent::SentenceOver(until, heard) = event {
            return self.sentence_over(job, until, heard, out);
        }
        // Late events of a dictation that was cancelled or is over find no dictation here.
        let Some((place, Dictation { job, wished, mut talk, phase })) = self.dictations.take(job)
        else {
            return;
        };
        let before = self.before(job, place, &talk);
        let has_others = before.is_some()
            || talk.first.is_some_and(|first| self.dictations.next_of(first).is_some());
        let of = Of { wished: &wished, has_others, before };
        let next = match phase {
            Phase::Opening { waiting } => self.opening(job, of, waiting, event, out),
            Phase::Recording { waiting, announced } => {
                self.recording_goes_on(job, of, waiting, announced, event, out)
            }
            Phase::Draining { waiting } => self.draining(job, of, waiting, event, out),
            Phase::Transcribing { waiting, heard } => {
                self.transcribing(job, of, waiting, heard, event, out)
            }
            Phase::Rewriting { waiting, draft, within } => {
                self.rewriting(job, waiting, draft, within, event, out)
            }
            Phase::Ready { waiting, transcript } => Some(Self::ready(waiting, transcript, &event)),
            Phase::Delivering { waiting, transcript } => {
                self.delivering(job, &mut talk, waiting, transcript, event, out)
            }
            // Nothing more is expected.
            failed @ Phase::Failed { .. } => Some(failed),
        };
        match next {
            // There is no other text that would say what is missing.
            Some(Phase::Failed { waiting, failure, .. }) if !has_others => {
                answer_all(out, waiting, Err(failure));
            }
            Some(phase) => {
                self.dictations.put_back(place, Dictation { job, wished, talk, phase });
            }
            None => self.pass_on(talk),
        }
    }

    fn command(&mut self, asker: Asker, command: Command, now: Duration, out: &mut Vec<Effect>) {
        let ticket = asker.ticket;
        match command {
            Command::Shutdown => {
                out.push(Effect::Answer(ticket, Ok(Reply::ShuttingDown)));
                self.end(now, out);
            }
            Command::Pause | Command::Resume => {
                self.paused = command == Command::Pause;
                let state = if self.paused { State::Paused } else { self.state() };
                out.push(Effect::Answer(ticket, Ok(Reply::State(state, None))));
            }
            Command::Toggle => self.press(asker, now, out),
            Command::Start => self.start(asker, out),
            Command::Stop => self.stop_newest(asker, out),
            Command::Cancel => self.cancel(ticket, out),
        }
    }

    /// Delivers the oldest text once it is finished. Newer texts that are finished earlier wait.
    fn deliver_next(&mut self, now: Duration, out: &mut Vec<Effect>) {
        if self.is_key_down(now) {
            return;
        }
        if let Some(job) = self.dictations.oldest_failed() {
            self.end_without_words(job, out);
            return self.deliver_next(now, out);
        }
        if let Some((job, transcript, wished)) = self.dictations.oldest_ready() {
            // Without a text, only a silent sentence of a talk gets this far.
            if transcript.text.is_empty() {
                self.end_in_silence(job, transcript, out);
                return self.deliver_next(now, out);
            }
            // The text is there, but not as intended.
            if !transcript.problems.is_empty() {
                out.push(Effect::Play(Cue::Problem));
            }
            out.push(Effect::Deliver(job, transcript, wished));
        }
    }

    fn engine_changed(
        &mut self,
        state: EngineState,
        problem: Option<Failure>,
        out: &mut Vec<Effect>,
    ) {
        let unusable = matches!(state, EngineState::Absent | EngineState::Failed);
        self.engine = state;
        // Show one notice for one cause, however often it is reported. Loading again does not mean
        // that it is repaired.
        if state == EngineState::Loading {
            return;
        }
        // Play no sound: no client waits for a text.
        if unusable && problem != self.engine_problem {
            out.extend(problem.clone().map(|p| Effect::Show(Notice::Problem(p))));
        }
        self.engine_problem = problem;
    }

    /// The notice for the work that continues after something else has ended.
    pub(super) fn going_on(&self) -> Notice {
        match self.state() {
            State::Recording => Notice::Recording,
            State::Transcribing => Notice::Transcribing,
            State::Processing if !self.dictations.is_empty() => Notice::Rewriting,
            State::Processing | State::Idle | State::Paused => Notice::Nothing,
        }
    }
}

/// Shows a problem and plays the sound for it.
pub(super) fn show_problem(failure: &Failure, out: &mut Vec<Effect>) {
    out.extend([Effect::Show(Notice::Problem(failure.clone())), Effect::Play(Cue::Problem)]);
}

/// Refuses a request and shows the reason.
pub(super) fn refuse(ticket: Ticket, failure: Failure, out: &mut Vec<Effect>) {
    show_problem(&failure, out);
    out.push(Effect::Answer(ticket, Err(failure)));
}

/// Keeps only the most important sound and puts it last, because nothing needs to wait for a sound.
fn play_one(effects: &mut Vec<Effect>) {
    let mut cue = None;
    effects.retain(|effect| match effect {
        Effect::Play(own) => {
            cue = cue.max(Some(*own));
            false
        }
        _ => true,
    });
    effects.extend(cue.map(Effect::Play));
}

/// Like [`answer_all`], but makes the answer only if a client waits for it.
pub(super) fn answer_with(
    out: &mut Vec<Effect>,
    waiting: Vec<Ticket>,
    reply: impl FnOnce() -> Result<Reply, Failure>,
) {
    if !waiting.is_empty() {
        answer_all(out, waiting, reply());
    }
}

pub(super) fn answer_all(
    out: &mut Vec<Effect>,
    waiting: Vec<Ticket>,
    reply: Result<Reply, Failure>,
) {
    out.extend(waiting.into_iter().map(|ticket| Effect::Answer(ticket, reply.clone())));
}
