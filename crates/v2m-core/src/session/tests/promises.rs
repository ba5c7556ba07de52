//! Random sequences of events. The session must keep its promises through all of them.

use super::commands::MOST_PENDING;
use super::*;
use proptest::prelude::*;
use std::collections::{HashMap, HashSet};

/// One random event.
#[derive(Clone, Debug)]
enum Step {
    Command(Command),
    /// The start of a continuous dictation.
    Talk,
    /// An event of the newest job (0) or of an older one, which may be over.
    Job(u32, Box<JobEvent>),
    Engine(EngineState),
    Longest,
    Drain,
    Rewrite,
    /// Whether a language model should rewrite all texts from now on, or none.
    Rewriting(bool),
    TextWork(bool),
    Hand,
}

fn step() -> impl Strategy<Value = Step> {
    use Command::*;
    let command = prop::sample::select(vec![Start, Stop, Toggle, Toggle, Cancel, Pause, Resume]);
    let event = prop::sample::select(vec![
        JobEvent::CaptureStarted,
        JobEvent::CaptureFailed(Failure::new(Code::NoMicrophone, "x")),
        JobEvent::CaptureEnded(heard(16_000)),
        JobEvent::CaptureEnded(heard(0)),
        JobEvent::Transcribed(transcript("words")),
        JobEvent::Transcribed(transcript("")),
        JobEvent::Rewritten(Ok("rewritten".into())),
        JobEvent::Rewritten(Err(Failure::new(Code::LlmUnavailable, "x"))),
        JobEvent::RecognitionFailed(Failure::new(Code::EngineFailed, "x")),
        JobEvent::Delivered(vec![delivery(true)]),
        JobEvent::Quiet,
        JobEvent::SentenceOver(8_000, heard(8_000)),
        JobEvent::SentenceOver(8_000, heard(8_000)),
    ]);
    let engine =
        prop::sample::select(vec![EngineState::Loading, EngineState::Warm, EngineState::Absent]);
    prop_oneof![
        4 => command.prop_map(Step::Command),
        2 => Just(Step::Talk),
        6 => (0_u32..4, event).prop_map(|(age, event)| Step::Job(age, event.into())),
        1 => engine.prop_map(Step::Engine),
        1 => Just(Step::Longest),
        1 => Just(Step::Drain),
        1 => Just(Step::Rewrite),
        1 => any::<bool>().prop_map(Step::Rewriting),
        1 => any::<bool>().prop_map(Step::TextWork),
        3 => Just(Step::Hand),
    ]
}

/// Observes a session and checks its promises at each step.
struct Watcher {
    session: Session,
    now: Duration,
    asked: u64,
    answered: HashSet<Ticket>,
    /// The jobs that may answer a client with their text: the recording or the newest job when the
    /// client asked.
    own: HashMap<Ticket, Vec<JobId>>,
    /// Presses that have not started or stopped anything yet. It may turn out later that they start
    /// a recording.
    in_doubt: Vec<Ticket>,
    started: HashSet<JobId>,
    /// The talk's first dictation, for each sentence of a continuous dictation.
    talks: HashMap<JobId, JobId>,
    settled: HashSet<JobId>,
    capturing: Option<JobId>,
    delivering: Option<JobId>,
    delivered: Vec<JobId>,
}

impl Watcher {
    fn new() -> Self {
        let mut session = Session::new(LIMITS, 1);
        let now = Duration::from_secs(10);
        session.handle(Event::Engine(EngineState::Warm, None), now);
        Self {
            session,
            now,
            asked: 0,
            answered: HashSet::new(),
            own: HashMap::new(),
            in_doubt: Vec::new(),
            started: HashSet::new(),
            talks: HashMap::new(),
            settled: HashSet::new(),
            capturing: None,
            delivering: None,
            delivered: Vec::new(),
        }
    }

    fn command(&mut self, command: Command) -> Result<(), TestCaseError> {
        self.ask(command, Wishes::default())
    }

    fn ask(&mut self, command: Command, wishes: Wishes) -> Result<(), TestCaseError> {
        self.asked += 1;
        let ticket = Ticket(self.asked);
        let mut own: Vec<_> =
            self.session.recording().or_else(|| self.session.newest()).into_iter().collect();
        // A start is answered with the text if the recording ends by itself at once.
        if command != Command::Stop {
            own.push(JobId(self.session.next_job));
        }
        self.own.insert(ticket, own);
        if command == Command::Toggle {
            self.in_doubt.push(ticket);
        }
        let asker = Asker { wishes, ..ticket.into() };
        self.event(Event::Command { asker, command })
    }

    fn job(&mut self, job: JobId, event: JobEvent) -> Result<(), TestCaseError> {
        let text = format!("words of {}", job.0);
        let event = match event {
            JobEvent::Transcribed(transcript) if !transcript.text.is_empty() => {
                JobEvent::Transcribed(Transcript { text, ..transcript })
            }
            JobEvent::Rewritten(Ok(_)) => JobEvent::Rewritten(Ok(text)),
            event => event,
        };
        match event {
            JobEvent::Delivered(_) => _ = self.delivering.take_if(|own| *own == job),
            JobEvent::CaptureEnded(_) | JobEvent::CaptureFailed(_) => {
                self.capturing.take_if(|own| *own == job);
            }
            _ => {}
        }
        self.event(Event::Job(job, event))
    }

    fn event(&mut self, event: Event) -> Result<(), TestCaseError> {
        for effect in self.session.handle(event, self.now) {
            self.effect(effect)?;
        }
        prop_assert!(self.session.pending() <= MOST_PENDING);
        Ok(())
    }

    fn effect(&mut self, effect: Effect) -> Result<(), TestCaseError> {
        match effect {
            Effect::Answer(ticket, reply) => {
                prop_assert!(self.answered.insert(ticket), "answered twice");
                self.in_doubt.retain(|own| *own != ticket);
                if let Ok(Reply::Transcript(_, transcript)) = reply {
                    let own = &self.own[&ticket];
                    // A continuous dictation's answer is the text of all its sentences, up to the
                    // last one.
                    let last = transcript.text.rsplit_once("words of ").map(|(_, last)| last);
                    let last = last.and_then(|last| Some(JobId(last.parse().ok()?)));
                    let talk = |job: &JobId| *self.talks.get(job).unwrap_or(job);
                    let is_own = |job: &JobId| {
                        let same = last.is_some_and(|last| talk(&last) == talk(job));
                        transcript.text == format!("words of {}", job.0)
                            || (self.talks.contains_key(job) && same)
                    };
                    prop_assert!(own.iter().any(is_own), "{own:?} got {:?}", transcript.text);
                }
            }
            Effect::StartCapture(job) => {
                prop_assert!(self.started.insert(job), "a job's number is used once");
                prop_assert_eq!(self.capturing.replace(job), None, "one recording at a time");
                for ticket in &self.in_doubt {
                    let own = self.own.entry(*ticket).or_default();
                    if !own.contains(&job) {
                        own.push(job);
                    }
                }
            }
            Effect::Split(job, next, _) => {
                prop_assert!(self.started.insert(next), "a job's number is used once");
                prop_assert_eq!(self.capturing.replace(next), Some(job), "it is being recorded");
                let first = *self.talks.entry(job).or_insert(job);
                self.talks.insert(next, first);
                for own in self.own.values_mut().filter(|own| own.contains(&job)) {
                    own.push(next);
                }
            }
            Effect::StopCapture(job) | Effect::CancelCapture(job) => {
                prop_assert!(self.started.contains(&job));
                self.capturing.take_if(|own| *own == job);
            }
            Effect::Keep(job, Outcome::Transcribed(_)) => {
                prop_assert!(!self.settled.contains(&job), "it goes on");
            }
            Effect::Keep(job, _) | Effect::Discard(job) | Effect::DiscardSilence(job) => {
                prop_assert!(self.settled.insert(job), "one outcome for one job");
            }
            Effect::Deliver(job, transcript, _) => {
                prop_assert_eq!(self.delivering.replace(job), None, "one text at a time");
                prop_assert_eq!(transcript.text, format!("words of {}", job.0));
                prop_assert!(self.delivered.last().is_none_or(|last| *last < job), "in order");
                self.delivered.push(job);
            }
            Effect::Abandon(_)
            | Effect::Transcribe(_)
            | Effect::Rewrite(..)
            | Effect::LeaveRewriting(_)
            | Effect::Show(_)
            | Effect::Play(_)
            | Effect::Note(_)
            | Effect::Publish(_)
            | Effect::Arm(..)
            | Effect::Disarm(_)
            | Effect::Exit => {}
        }
        Ok(())
    }

    fn step(&mut self, step: Step) -> Result<(), TestCaseError> {
        let newest = self.session.newest().unwrap_or(JobId(0));
        match step {
            Step::Command(command) => self.command(command),
            Step::Talk => {
                let wishes = Wishes { continuous: true, ..Wishes::default() };
                self.ask(Command::Start, wishes)
            }
            Step::Job(age, event) => self.job(JobId(newest.0.saturating_sub(age)), *event),
            Step::Engine(state) => self.event(Event::Engine(state, None)),
            Step::Longest => self.event(Event::Elapsed(Timer::Longest(newest))),
            Step::Drain => self.event(Event::Elapsed(Timer::Drain(newest))),
            Step::Rewrite => self.event(Event::Elapsed(Timer::Rewrite(newest))),
            Step::Rewriting(all) => {
                let rewriting = if all { super::all() } else { Rewriting::Wished };
                self.session.set_limits(SessionLimits { rewriting, ..LIMITS });
                Ok(())
            }
            Step::TextWork(under_way) => self.event(Event::TextWork(under_way)),
            Step::Hand => self.event(Event::Elapsed(Timer::Hand)),
        }
    }

    fn steps(&mut self, steps: Vec<(Step, u64)>) -> Result<(), TestCaseError> {
        for (step, ms) in steps {
            self.now += Duration::from_millis(ms);
            self.step(step)?;
        }
        Ok(())
    }

    /// Completes everything: the key is released, the recording is stopped, and all awaited events
    /// come.
    fn finish(&mut self) -> Result<(), TestCaseError> {
        for _ in 0..4 {
            self.now += Duration::from_secs(5);
            self.event(Event::Elapsed(Timer::Hand))?;
            if let Some(job) = self.session.recording() {
                self.job(job, JobEvent::CaptureStarted)?;
                self.command(Command::Stop)?;
            }
            for job in self.session.dictations.jobs() {
                self.job(job, JobEvent::CaptureEnded(heard(16_000)))?;
                self.job(job, JobEvent::Transcribed(transcript("words")))?;
                self.job(job, JobEvent::Rewritten(Ok("words".into())))?;
                self.job(job, JobEvent::Delivered(vec![delivery(true)]))?;
            }
        }
        Ok(())
    }
}

/// A press while recording is paused is in doubt after one that was refused. It starts a recording
/// once time shows that it is a press. It is answered with that recording's text, whatever was
/// started and cancelled in the meantime.
#[test]
fn a_press_in_doubt_is_answered_with_the_recording_that_it_starts() {
    use Command::*;
    let mut watcher = Watcher::new();
    let mut commands = |steps: &[(Command, u64)]| {
        let steps = steps.iter().map(|(command, ms)| (Step::Command(*command), *ms));
        watcher.steps(steps.collect()).unwrap();
    };
    commands(&[(Pause, 0), (Toggle, 0), (Toggle, 300)]);
    commands(&[(Resume, 0), (Start, 0), (Cancel, 0)]);
    let press = Ticket(3);
    assert!(!watcher.answered.contains(&press));
    let ended = Step::Job(0, JobEvent::CaptureEnded(heard(16_000)).into());
    watcher.steps(vec![(Step::Hand, 200), (ended, 0)]).unwrap();
    watcher.finish().unwrap();
    assert!(watcher.answered.contains(&press));
    assert_eq!(watcher.own[&press], [JobId(1), JobId(2)]);
    assert_eq!(watcher.delivered, [JobId(2)]);
}

proptest! {
    /// For any sequence: each request is answered exactly once and with its own text. A job's
    /// number is used once. Texts are delivered one at a time, in the order in which they were
    /// spoken. A recording with sound is delivered, kept, or dropped by a cancel; it is never just
    /// forgotten.
    #[test]
    fn promises_hold_for_any_sequence(steps in prop::collection::vec((step(), 0_u64..900), 0..120)) {
        let mut watcher = Watcher::new();
        watcher.steps(steps)?;
        watcher.command(Command::Shutdown)?;
        let at_the_end = watcher.session.dictations.jobs();
        watcher.event(Event::Elapsed(Timer::Grace))?;
        prop_assert_eq!(watcher.answered.len() as u64, watcher.asked, "every request has its answer");
        for job in watcher.started {
            prop_assert!(watcher.settled.contains(&job) || at_the_end.contains(&job), "{job:?} was forgotten");
        }
    }

    /// A session never gets stuck: once all awaited events have come, every text that was still
    /// expected has been delivered.
    #[test]
    fn every_text_arrives_in_the_end(steps in prop::collection::vec((step(), 0_u64..900), 0..120)) {
        let mut watcher = Watcher::new();
        watcher.steps(steps)?;
        // A doubtful press may still start one.
        watcher.now += Duration::from_secs(5);
        watcher.event(Event::Elapsed(Timer::Hand))?;
        let under_way = watcher.session.dictations.jobs();
        watcher.finish()?;
        prop_assert_eq!(watcher.session.newest(), None);
        prop_assert_eq!(watcher.answered.len() as u64, watcher.asked, "every request has its answer");
        for job in under_way {
            // The end of a continuous dictation may hold nothing.
            let is_silent = watcher.talks.contains_key(&job) && watcher.settled.contains(&job);
            let has_arrived = watcher.delivered.contains(&job) || is_silent;
            prop_assert!(has_arrived, "{job:?} did not arrive");
        }
    }
}
