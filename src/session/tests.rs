//! The session as a table of stories, and as random sequences that must keep its promises.

use super::*;
use proptest::prelude::*;
use std::collections::HashSet;
use std::time::Duration;

const LIMITS: Limits = Limits { longest: Duration::from_secs(600), trigger: TriggerMode::Auto };

/// A session with a clock that each step moves on, far enough for every press to be one.
struct Story {
    session: Session,
    now: Duration,
    tickets: u64,
}

impl Story {
    fn new() -> Self {
        let mut story =
            Self { session: Session::new(LIMITS, 1), now: Duration::from_secs(100), tickets: 0 };
        story.event(Event::Engine(EngineState::Warm, None));
        story
    }

    fn event(&mut self, event: Event) -> Vec<Effect> {
        self.now += Duration::from_secs(1);
        self.session.handle(event, self.now)
    }

    fn job(&mut self, event: JobEvent) -> Vec<Effect> {
        self.event(Event::Job(JobId(1), event))
    }

    fn command(&mut self, command: Command) -> (Ticket, Vec<Effect>) {
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        (ticket, self.event(Event::Command { ticket, command }))
    }

    fn recording() -> Self {
        let mut story = Self::new();
        story.command(Command::Toggle);
        story.job(JobEvent::CaptureStarted);
        story
    }

    fn transcribing() -> (Self, Ticket) {
        let mut story = Self::recording();
        let (ticket, _) = story.command(Command::Toggle);
        story.job(JobEvent::CaptureEnded(heard(16_000)));
        (story, ticket)
    }
}

fn heard(samples: u64) -> Heard {
    Heard { samples, peak_dbfs: -10.0, problem: None }
}

fn transcript(text: &str) -> Transcript {
    Transcript {
        text: text.into(),
        unrefined: None,
        language: "en".into(),
        samples: 16_000,
        segments: Vec::new(),
        audio_path: None,
        deliveries: Vec::new(),
    }
}

fn delivery(ok: bool) -> Delivery {
    Delivery { by: "clipboard", backend: None, ok, detail: String::new() }
}

fn replies(effects: &[Effect]) -> Vec<(Ticket, Result<Reply, Code>)> {
    let reply = |e: &Effect| match e {
        Effect::Answer(ticket, reply) => {
            Some((*ticket, reply.clone().map_err(|failure| failure.code)))
        }
        _ => None,
    };
    effects.iter().filter_map(reply).collect()
}

fn refused(effects: &[Effect]) -> Option<Code> {
    replies(effects).into_iter().find_map(|(_, reply)| reply.err())
}

#[test]
fn a_dictation_from_press_to_text() {
    let mut story = Story::new();
    let (press, effects) = story.command(Command::Toggle);
    assert_eq!(
        effects,
        [Effect::StartCapture(JobId(1)), Effect::Publish(State::Recording)],
        "capture starts at once, the press waits for the first audio"
    );
    assert_eq!(
        story.job(JobEvent::CaptureStarted),
        [
            Effect::Answer(press, Ok(Reply::State(State::Recording, Some("Speak now.")))),
            Effect::Show(Notice::Recording),
            Effect::Arm(Timer::Longest(JobId(1)), LIMITS.longest),
        ]
    );
    let (stop, effects) = story.command(Command::Toggle);
    assert!(effects.contains(&Effect::StopCapture(JobId(1))));
    assert!(effects.contains(&Effect::Publish(State::Transcribing)));
    assert!(replies(&effects).is_empty(), "the stop is answered with the text");

    let effects = story.job(JobEvent::CaptureEnded(heard(16_000)));
    assert!(effects.contains(&Effect::Transcribe(JobId(1))));
    let effects = story.job(JobEvent::Transcribed(transcript("hello")));
    assert_eq!(effects, [Effect::Deliver(JobId(1), transcript("hello"), None)]);

    let effects = story.job(JobEvent::Delivered(vec![delivery(true)]));
    let done = Transcript { deliveries: vec![delivery(true)], ..transcript("hello") };
    assert_eq!(
        effects,
        [
            Effect::Keep(JobId(1), Outcome::Delivered(done.clone())),
            Effect::Answer(stop, Ok(Reply::Transcript(State::Idle, done))),
            Effect::Publish(State::Idle),
        ]
    );
}

#[test]
fn a_text_that_was_all_taken_back_is_kept_and_not_delivered() {
    let mut story = Story::new();
    story.command(Command::Toggle);
    story.job(JobEvent::CaptureStarted);
    let (stop, _) = story.command(Command::Toggle);
    story.job(JobEvent::CaptureEnded(heard(16_000)));
    let nothing = Transcript { unrefined: Some("No. Scratch that.".into()), ..transcript("") };
    let effects = story.job(JobEvent::Transcribed(nothing.clone()));
    let told = |effect: &Effect| {
        matches!(effect, Effect::Answer(ticket, Err(failure))
            if *ticket == stop && failure.message.contains("taken back"))
    };
    assert!(effects.contains(&Effect::Keep(JobId(1), Outcome::Undelivered(nothing))));
    assert!(effects.iter().any(told), "{effects:?}");
    assert!(effects.contains(&Effect::Publish(State::Idle)));
}

/// A session and a hand on its shortcut; timers run as they are set.
struct Desk {
    session: Session,
    now: Duration,
    hand: Option<Duration>,
    presses: u64,
    effects: Vec<Effect>,
}

impl Desk {
    fn new(trigger: TriggerMode) -> Self {
        let session = Session::new(Limits { trigger, ..LIMITS }, 1);
        let now = Duration::from_secs(100);
        let mut desk = Self { session, now, hand: None, presses: 0, effects: Vec::new() };
        desk.event(Event::Engine(EngineState::Warm, None));
        desk.effects.clear();
        desk
    }

    fn event(&mut self, event: Event) {
        for effect in self.session.handle(event, self.now) {
            match effect {
                Effect::Arm(Timer::Hand, after) => self.hand = Some(self.now + after),
                Effect::Disarm(Timer::Hand) => self.hand = None,
                effect => self.effects.push(effect),
            }
        }
    }

    /// The commands of a press, so many milliseconds after it; then nothing more.
    fn press(&mut self, arrivals: impl IntoIterator<Item = u64>) {
        let down = self.now;
        let commands = arrivals.into_iter().map(|ms| (down + Duration::from_millis(ms), true));
        for (at, command) in commands.chain([(down + Duration::from_secs(8), false)]) {
            while let Some(due) = self.hand.take_if(|due| *due <= at) {
                self.now = due;
                self.event(Event::Elapsed(Timer::Hand));
            }
            self.now = at;
            if command {
                self.presses += 1;
                let ticket = Ticket(self.presses);
                self.event(Event::Command { ticket, command: Command::Toggle });
            }
        }
    }

    fn job(&mut self, event: JobEvent) {
        let job = self.session.job().unwrap_or(JobId(0));
        self.event(Event::Job(job, event));
    }

    /// From stop to idle.
    fn text(&mut self) {
        self.job(JobEvent::CaptureEnded(heard(16_000)));
        self.job(JobEvent::Transcribed(transcript("words")));
        self.job(JobEvent::Delivered(vec![delivery(true)]));
    }

    fn count(&self, wanted: impl Fn(&Effect) -> bool) -> usize {
        self.effects.iter().filter(|effect| wanted(effect)).count()
    }

    fn starts_and_stops(&self) -> (usize, usize) {
        (
            self.count(|e| matches!(e, Effect::StartCapture(_))),
            self.count(|e| matches!(e, Effect::StopCapture(_))),
        )
    }

    fn answered(&self) -> HashSet<Ticket> {
        replies(&self.effects).into_iter().map(|(ticket, _)| ticket).collect()
    }
}

/// As measured on GNOME: at once, after 500 ms, then every 30 ms.
fn held() -> impl Iterator<Item = u64> {
    [7].into_iter().chain((0..50).map(|n| 508 + n * 30))
}

#[test]
fn a_held_key_records_until_it_is_let_go() {
    let mut desk = Desk::new(TriggerMode::Auto);
    desk.press(held());
    assert_eq!(desk.starts_and_stops(), (1, 1));
    let open: Vec<_> =
        (1..=desk.presses).filter(|n| !desk.answered().contains(&Ticket(*n))).collect();
    assert!(
        open.is_empty(),
        "{open:?}: the command of a held key must not pile up: each is answered"
    );
    desk.text();
    assert_eq!(desk.count(|e| matches!(e, Effect::Deliver(..))), 1);
}

#[test]
fn a_held_key_is_one_tap_where_taps_are_wanted() {
    let mut desk = Desk::new(TriggerMode::Toggle);
    desk.press(held());
    assert_eq!(desk.starts_and_stops(), (1, 0));
    desk.job(JobEvent::CaptureStarted);
    desk.press(held());
    assert_eq!(desk.starts_and_stops(), (1, 1));
}

#[test]
fn taps_toggle_and_a_key_held_too_long_for_the_stop_starts_nothing() {
    for trigger in [TriggerMode::Auto, TriggerMode::Toggle] {
        let mut desk = Desk::new(trigger);
        desk.press([7]);
        desk.job(JobEvent::CaptureStarted);
        assert_eq!(desk.starts_and_stops(), (1, 0));
        desk.press(held());
        assert_eq!(desk.starts_and_stops(), (1, 1));
        assert_eq!(desk.session.state(), State::Transcribing);
    }
}

/// The text was there before the first repeat of the press that asked for it.
#[test]
fn repeats_that_find_it_idle_leave_no_recording() {
    let mut desk = Desk::new(TriggerMode::Auto);
    desk.press([7]);
    desk.job(JobEvent::CaptureStarted);
    let stop = Event::Command { ticket: Ticket(900), command: Command::Toggle };
    desk.event(stop);
    desk.text();
    assert_eq!(desk.session.state(), State::Idle);
    desk.press(held().skip(1));
    assert_eq!(desk.session.state(), State::Idle);
    let (starts, stops) = desk.starts_and_stops();
    let dropped = desk.count(|e| matches!(e, Effect::Discard(_)));
    assert_eq!((starts, stops, dropped), (2, 1, 1), "what the first repeat began is dropped");
    assert_eq!(desk.count(|e| matches!(e, Effect::Show(Notice::Nothing))), 0);
}

#[test]
fn a_press_soon_after_the_last_text_records_from_its_first_moment() {
    let mut desk = Desk::new(TriggerMode::Auto);
    desk.press([7]);
    desk.job(JobEvent::CaptureStarted);
    desk.event(Event::Command { ticket: Ticket(900), command: Command::Toggle });
    desk.text();
    desk.now += Duration::from_millis(600);
    desk.event(Event::Command { ticket: Ticket(901), command: Command::Toggle });
    assert_eq!(desk.session.state(), State::Recording);
    desk.press([]);
    assert_eq!(desk.session.state(), State::Recording);
    assert_eq!(desk.count(|e| matches!(e, Effect::Discard(_))), 0);
}

#[test]
fn a_short_dictation_between_two_quick_taps_ends_at_the_second() {
    let mut desk = Desk::new(TriggerMode::Auto);
    desk.press([7, 800]);
    assert_eq!(desk.starts_and_stops(), (1, 1));
    desk.text();
    assert_eq!(desk.answered().len(), 2);
}

#[test]
fn twenty_five_presses_a_second_are_one() {
    let mut desk = Desk::new(TriggerMode::Toggle);
    desk.press((0..50).map(|n| n * 40));
    assert_eq!(desk.starts_and_stops(), (1, 0));
}

#[test]
fn letting_go_ends_only_the_recording_that_the_press_began() {
    let mut desk = Desk::new(TriggerMode::Auto);
    let begin = held().collect::<Vec<_>>();
    // Cancelled and started anew by other means while the key is down.
    for (n, ms) in begin.iter().enumerate() {
        desk.now = Duration::from_secs(100) + Duration::from_millis(*ms);
        if n == 20 {
            desk.event(Event::Command { ticket: Ticket(900), command: Command::Cancel });
            desk.event(Event::Command { ticket: Ticket(901), command: Command::Start });
        }
        desk.event(Event::Command { ticket: Ticket(n as u64), command: Command::Toggle });
    }
    desk.press([]);
    assert_eq!(desk.starts_and_stops(), (2, 0));
}

#[test]
fn in_hold_mode_a_tap_is_a_short_hold() {
    let mut desk = Desk::new(TriggerMode::Hold);
    desk.press([7]);
    assert_eq!(desk.starts_and_stops(), (1, 1));
}

#[test]
fn two_stops_wait_for_one_text() {
    let (mut story, first) = Story::transcribing();
    let (second, effects) = story.command(Command::Stop);
    assert!(replies(&effects).is_empty());
    story.job(JobEvent::Transcribed(transcript("hello")));
    let effects = story.job(JobEvent::Delivered(vec![delivery(true)]));
    let answered: Vec<Ticket> = replies(&effects).into_iter().map(|(t, _)| t).collect();
    assert_eq!(answered, [first, second]);
}

#[test]
fn a_toggle_while_transcribing_changes_nothing() {
    let (mut story, _) = Story::transcribing();
    let (_, effects) = story.command(Command::Toggle);
    assert_eq!(refused(&effects), Some(Code::Busy));
    assert_eq!(effects.len(), 1);
    assert_eq!(story.session.state(), State::Transcribing);
}

#[test]
fn no_model_is_said_at_every_press_and_shown_once_as_news() {
    let mut story = Story::new();
    let missing = Failure::new(Code::ModelMissing, "no model");
    let effects = story.event(Event::Engine(EngineState::Absent, Some(missing.clone())));
    assert_eq!(effects, [Effect::Show(Notice::Problem(missing.clone()))]);
    assert_eq!(story.event(Event::Engine(EngineState::Absent, Some(missing.clone()))), []);
    for _ in 0..3 {
        let (_, effects) = story.command(Command::Toggle);
        assert_eq!(refused(&effects), Some(Code::ModelMissing));
        assert!(!effects.contains(&Effect::StartCapture(JobId(1))));
    }
    story.event(Event::Engine(EngineState::Loading, None));
    let (_, effects) = story.command(Command::Toggle);
    assert!(effects.contains(&Effect::StartCapture(JobId(1))), "it records while the model loads");
}

/// The engine is started again every minute; the user was shown the same problem every minute.
#[test]
fn a_problem_that_comes_back_after_each_loading_is_shown_once() {
    let mut story = Story::new();
    let problem = Failure::new(Code::EngineFailed, "no memory");
    let failed = || Event::Engine(EngineState::Failed, Some(problem.clone()));
    assert_eq!(story.event(failed()), [Effect::Show(Notice::Problem(problem.clone()))]);
    for _ in 0..3 {
        assert_eq!(story.event(Event::Engine(EngineState::Loading, None)), []);
        assert_eq!(story.event(failed()), []);
    }
    story.event(Event::Engine(EngineState::Warm, None));
    assert_eq!(story.event(failed()), [Effect::Show(Notice::Problem(problem.clone()))]);
}

#[test]
fn a_source_that_vanishes_keeps_what_was_heard() {
    let mut story = Story::recording();
    let gone = Failure::new(Code::NoMicrophone, "gone");
    let ended = Heard { problem: Some(gone.clone()), ..heard(8_000) };
    let effects = story.job(JobEvent::CaptureEnded(ended));
    assert!(effects.contains(&Effect::Transcribe(JobId(1))));
    let effects = story.job(JobEvent::Transcribed(transcript("half a sen")));
    assert_eq!(effects, [Effect::Deliver(JobId(1), transcript("half a sen"), Some(gone))]);
}

#[test]
fn a_failed_recognition_keeps_the_audio() {
    let (mut story, stop) = Story::transcribing();
    let failure = Failure::new(Code::EngineFailed, "twice");
    let effects = story.job(JobEvent::RecognitionFailed(failure.clone()));
    assert!(effects.contains(&Effect::Keep(JobId(1), Outcome::Failed(failure.clone()))));
    assert!(effects.contains(&Effect::Show(Notice::Problem(failure))));
    assert!(!effects.contains(&Effect::Discard(JobId(1))));
    assert_eq!(replies(&effects), [(stop, Err(Code::EngineFailed))]);
    assert_eq!(story.session.state(), State::Idle);
}

#[test]
fn silence_is_no_text_and_says_why() {
    let (mut story, _) = Story::transcribing();
    let effects = story.job(JobEvent::Transcribed(transcript("")));
    assert_eq!(refused(&effects), Some(Code::NoSpeech));

    let mut story = Story::recording();
    story.command(Command::Stop);
    let muted = Heard { peak_dbfs: -90.0, ..heard(16_000) };
    story.job(JobEvent::CaptureEnded(muted));
    let effects = story.job(JobEvent::Transcribed(transcript("")));
    let muted = effects.iter().any(
        |e| matches!(e, Effect::Answer(_, Err(f)) if f.code == Code::NoSpeech && f.message.contains("muted")),
    );
    assert!(muted, "{effects:?}");
}

#[test]
fn cancel_drops_audio_and_text_in_every_phase() {
    type Make = fn() -> Story;
    let phases: [Make; 4] = [
        || {
            let mut story = Story::new();
            story.command(Command::Toggle);
            story
        },
        Story::recording,
        || {
            let mut story = Story::recording();
            story.command(Command::Stop);
            story
        },
        || Story::transcribing().0,
    ];
    for make in phases {
        let mut story = make();
        let (ticket, effects) = story.command(Command::Cancel);
        assert!(effects.contains(&Effect::Discard(JobId(1))));
        assert!(effects.contains(&Effect::Abandon(JobId(1))));
        assert!(replies(&effects).contains(&(ticket, Ok(Reply::State(State::Idle, None)))));
        for late in [
            JobEvent::CaptureStarted,
            JobEvent::CaptureEnded(heard(5)),
            JobEvent::Transcribed(transcript("late")),
        ] {
            assert_eq!(story.job(late), [], "an old job's event means nothing");
        }
    }
}

#[test]
fn paused_means_no_new_recording_and_a_running_one_may_stop() {
    let mut story = Story::recording();
    let (_, effects) = story.command(Command::Pause);
    assert_eq!(replies(&effects)[0].1, Ok(Reply::State(State::Paused, None)));
    assert_eq!(story.session.state(), State::Recording);
    let (stop, _) = story.command(Command::Stop);
    story.job(JobEvent::CaptureEnded(heard(16_000)));
    story.job(JobEvent::Transcribed(transcript("hello")));
    let effects = story.job(JobEvent::Delivered(Vec::new()));
    assert!(
        matches!(&replies(&effects)[..], [(t, Ok(Reply::Transcript(State::Paused, _)))] if *t == stop)
    );
    let (_, effects) = story.command(Command::Start);
    assert_eq!(refused(&effects), Some(Code::Paused));
    story.command(Command::Resume);
    let (_, effects) = story.command(Command::Start);
    assert!(effects.contains(&Effect::StartCapture(JobId(2))));
}

#[test]
fn the_longest_recording_is_stopped_and_transcribed() {
    let mut story = Story::recording();
    let effects = story.event(Event::Elapsed(Timer::Longest(JobId(1))));
    assert!(effects.contains(&Effect::StopCapture(JobId(1))));
    let effects = story.job(JobEvent::CaptureEnded(heard(16_000)));
    assert!(effects.contains(&Effect::Transcribe(JobId(1))));
}

#[test]
fn capture_that_never_ends_is_given_up_on() {
    let mut story = Story::recording();
    let (stop, _) = story.command(Command::Stop);
    let effects = story.event(Event::Elapsed(Timer::Drain(JobId(1))));
    assert!(effects.contains(&Effect::Transcribe(JobId(1))), "what was heard is transcribed");
    assert!(replies(&effects).iter().all(|(t, _)| *t != stop));
}

#[test]
fn shutdown_while_recording_saves_the_words() {
    let mut story = Story::recording();
    let (ticket, effects) = story.command(Command::Shutdown);
    assert_eq!(replies(&effects), [(ticket, Ok(Reply::ShuttingDown))]);
    assert!(effects.contains(&Effect::StopCapture(JobId(1))));
    assert!(!effects.contains(&Effect::Exit));
    story.job(JobEvent::CaptureEnded(heard(16_000)));
    story.job(JobEvent::Transcribed(transcript("last words")));
    let effects = story.job(JobEvent::Delivered(vec![delivery(false)]));
    let kept = |e: &Effect| matches!(e, Effect::Keep(_, Outcome::Undelivered(_)));
    assert!(effects.iter().any(kept), "nobody took the text, so it does not count as delivered");
    assert_eq!(effects.last(), Some(&Effect::Exit));
}

#[test]
fn shutdown_does_not_wait_for_ever() {
    let (mut story, stop) = Story::transcribing();
    story.event(Event::Terminate);
    let effects = story.event(Event::Elapsed(Timer::Grace));
    assert_eq!(replies(&effects), [(stop, Err(Code::ShuttingDown))]);
    assert_eq!(effects.last(), Some(&Effect::Exit));
    let discards = effects.iter().any(|e| matches!(e, Effect::Discard(_) | Effect::Keep(..)));
    assert!(!discards, "the unfinished recording stays in the store for the next start");
}

/// One random thing that may happen.
#[derive(Clone, Debug)]
enum Step {
    Command(Command),
    /// To the running job (0), or to one that is over.
    Job(u32, JobEvent),
    Engine(EngineState),
    Longest,
    Drain,
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
        JobEvent::RecognitionFailed(Failure::new(Code::EngineFailed, "x")),
        JobEvent::Delivered(vec![delivery(true)]),
    ]);
    let engine =
        prop::sample::select(vec![EngineState::Loading, EngineState::Warm, EngineState::Absent]);
    prop_oneof![
        4 => command.prop_map(Step::Command),
        6 => (0_u32..2, event).prop_map(|(age, event)| Step::Job(age, event)),
        1 => engine.prop_map(Step::Engine),
        1 => Just(Step::Longest),
        1 => Just(Step::Drain),
        3 => Just(Step::Hand),
    ]
}

proptest! {
    /// Whatever happens: each request is answered exactly once, a job's number is used once, a
    /// recording that was heard is delivered, kept, or dropped by a cancel and never just forgotten.
    #[test]
    fn promises_hold_for_any_sequence(steps in prop::collection::vec((step(), 0_u64..900), 0..60)) {
        let mut session = Session::new(LIMITS, 1);
        let mut now = Duration::from_secs(10);
        let (mut asked, mut answered) = (0_u64, HashSet::new());
        let mut settled: HashSet<JobId> = HashSet::new();
        let mut started: HashSet<JobId> = HashSet::new();
        let mut inputs: Vec<(Event, u64)> = Vec::new();
        session.handle(Event::Engine(EngineState::Warm, None), now);
        for (step, ms) in steps {
            let job = session.job().unwrap_or(JobId(0));
            let event = match step {
                Step::Command(command) => {
                    asked += 1;
                    Event::Command { ticket: Ticket(asked), command }
                }
                Step::Job(age, event) => Event::Job(JobId(job.0.wrapping_sub(age)), event),
                Step::Engine(state) => Event::Engine(state, None),
                Step::Longest => Event::Elapsed(Timer::Longest(job)),
                Step::Drain => Event::Elapsed(Timer::Drain(job)),
                Step::Hand => Event::Elapsed(Timer::Hand),
            };
            inputs.push((event.clone(), ms));
            now += Duration::from_millis(ms);
            check(&mut session, event, now, &mut answered, &mut settled, &mut started)?;
        }
        asked += 1;
        let last = Event::Command { ticket: Ticket(asked), command: Command::Shutdown };
        check(&mut session, last, now, &mut answered, &mut settled, &mut started)?;
        let unsettled_at_end = session.job();
        let grace = Event::Elapsed(Timer::Grace);
        check(&mut session, grace, now, &mut answered, &mut settled, &mut started)?;
        prop_assert_eq!(answered.len() as u64, asked, "every request has its answer: {:?}", inputs);
        for job in started {
            prop_assert!(settled.contains(&job) || unsettled_at_end == Some(job), "{job:?} was forgotten");
        }
    }
}

fn check(
    session: &mut Session,
    event: Event,
    now: Duration,
    answered: &mut HashSet<Ticket>,
    settled: &mut HashSet<JobId>,
    started: &mut HashSet<JobId>,
) -> Result<(), TestCaseError> {
    for effect in session.handle(event, now) {
        match effect {
            Effect::Answer(ticket, _) => prop_assert!(answered.insert(ticket), "answered twice"),
            Effect::StartCapture(job) => {
                prop_assert!(started.insert(job), "a job's number is used once");
            }
            Effect::StopCapture(job) | Effect::CancelCapture(job) => {
                prop_assert!(started.contains(&job));
            }
            Effect::Keep(job, _) | Effect::Discard(job) => {
                prop_assert!(settled.insert(job), "one outcome for one job");
            }
            Effect::Abandon(_)
            | Effect::Transcribe(_)
            | Effect::Deliver(..)
            | Effect::Show(_)
            | Effect::Publish(_)
            | Effect::Arm(..)
            | Effect::Disarm(_)
            | Effect::Exit => {}
        }
    }
    Ok(())
}
