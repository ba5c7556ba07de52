//! Tests of the session as a table of stories. Other files test the interpretation of presses, and
//! promises that hold for any sequence.

mod continuous;
mod ending;
mod presses;
mod promises;
mod queue;
mod rewriting;
mod silence;
mod sounds;
mod wishes;

use super::*;
use std::time::Duration;

/// The time limit of a language model.
const WITHIN: Duration = Duration::from_secs(15);

const LIMITS: SessionLimits = SessionLimits {
    longest: Duration::from_secs(600),
    trigger: TriggerMode::Auto,
    rewriting: Rewriting::Wished,
    within: WITHIN,
};

/// A session with a clock. Each step advances the clock far enough for every press to count as one.
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
        self.job_of(1, event)
    }

    fn job_of(&mut self, job: u32, event: JobEvent) -> Vec<Effect> {
        self.event(Event::Job(JobId(job), event))
    }

    fn command(&mut self, command: Command) -> (Ticket, Vec<Effect>) {
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        (ticket, self.event(Event::Command { asker: ticket.into(), command }))
    }

    fn recording() -> Self {
        let mut story = Self::new();
        story.command(Command::Toggle);
        story.job(JobEvent::CaptureStarted);
        story
    }

    /// Makes a story in which a language model is working on the text "draft".
    fn rewriting() -> (Self, Ticket) {
        let (mut story, stop) = Self::transcribing();
        story.drafted(transcript("draft"));
        (story, stop)
    }

    /// Gives the first dictation a text that a language model should rewrite.
    fn drafted(&mut self, draft: Transcript) -> Vec<Effect> {
        self.session.set_limits(SessionLimits { rewriting: all(), ..LIMITS });
        let effects = self.job(JobEvent::Transcribed(draft));
        self.session.set_limits(LIMITS);
        effects
    }

    fn asks(&mut self, command: Command, wishes: Wishes) -> Vec<Effect> {
        self.tickets += 1;
        let asker = Asker { wishes, ..Ticket(self.tickets).into() };
        self.event(Event::Command { asker, command })
    }

    fn transcribing() -> (Self, Ticket) {
        let mut story = Self::recording();
        let (ticket, _) = story.command(Command::Toggle);
        story.job(JobEvent::CaptureEnded(heard(16_000)));
        (story, ticket)
    }
}

fn heard(samples: u64) -> CaptureSummary {
    CaptureSummary { measured: Some(Measured { samples, peak_dbfs: -10.0 }), problems: Vec::new() }
}

fn transcript(text: &str) -> Transcript {
    Transcript {
        text: text.into(),
        unrefined: None,
        language: "en".into(),
        samples: 16_000,
        segments: Vec::new(),
        audio_path: None,
        preset: None,
        deliveries: Vec::new(),
        gaps: Vec::new(),
        problems: Vec::new(),
    }
}

/// The setting to rewrite all texts with one preset.
fn all() -> Rewriting {
    Rewriting::All { preset: "clean-up".into() }
}

/// A text with a chosen preset.
fn drafted(text: &str, name: &str, by: PresetBy) -> Transcript {
    Transcript { preset: Some(ChosenPreset { name: name.into(), by }), ..transcript(text) }
}

/// A text that will be rewritten because the settings apply to all texts.
fn draft(text: &str) -> Transcript {
    drafted(text, "clean-up", PresetBy::Configuration)
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
            Effect::Play(Cue::Start),
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
            Effect::Answer(stop, Ok(Reply::Transcript(State::Idle, Box::new(done)))),
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
            if *ticket == stop && failure.message.contains("you took all of it back"))
    };
    assert!(effects.contains(&Effect::Keep(JobId(1), Outcome::Undelivered(nothing))));
    assert!(effects.iter().any(told), "{effects:?}");
    assert!(effects.contains(&Effect::Publish(State::Idle)));
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
fn no_model_is_said_at_every_press_and_shown_once_as_news() {
    let mut story = Story::new();
    let missing = Failure::new(Code::ModelMissing, "no model");
    let effects = story.event(Event::Engine(EngineState::Absent, Some(missing.clone())));
    assert_eq!(effects, [Effect::Show(Notice::Problem(missing.clone()))]);
    assert_eq!(story.event(Event::Engine(EngineState::Absent, Some(missing.clone()))), []);
    for _ in 0..3 {
        story.now += Duration::from_secs(1);
        let (_, effects) = story.command(Command::Toggle);
        assert_eq!(refused(&effects), Some(Code::ModelMissing));
        assert!(!effects.contains(&Effect::StartCapture(JobId(1))));
    }
    story.event(Event::Engine(EngineState::Loading, None));
    let (_, effects) = story.command(Command::Toggle);
    assert!(effects.contains(&Effect::StartCapture(JobId(1))), "it records while the model loads");
}

/// Regression: the engine is started again every minute, and the user saw the same problem every
/// minute.
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
    let ended = CaptureSummary { problems: vec![gone.clone()], ..heard(8_000) };
    let effects = story.job(JobEvent::CaptureEnded(ended));
    assert!(effects.contains(&Effect::Transcribe(JobId(1))));
    let effects = story.job(JobEvent::Transcribed(transcript("half a sen")));
    let told = Transcript { problems: vec![gone], ..transcript("half a sen") };
    assert_eq!(effects, [Effect::Deliver(JobId(1), told, None), Effect::Play(Cue::Problem)]);
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
    let measured = Some(Measured { samples: 16_000, peak_dbfs: -90.0 });
    let muted = CaptureSummary { measured, problems: Vec::new() };
    story.job(JobEvent::CaptureEnded(muted));
    let effects = story.job(JobEvent::Transcribed(transcript("")));
    let muted = effects.iter().any(
        |e| matches!(e, Effect::Answer(_, Err(f)) if f.code == Code::NoSpeech && f.message.contains("muted")),
    );
    assert!(muted, "{effects:?}");
}

/// Regression: such a recording was transcribed again at the next start.
#[test]
fn silence_from_a_microphone_that_vanished_is_kept_as_silence() {
    let mut story = Story::recording();
    let gone = Failure::new(Code::NoMicrophone, "gone");
    let ended = CaptureSummary { problems: vec![gone], ..heard(8_000) };
    story.job(JobEvent::CaptureEnded(ended));
    let effects = story.job(JobEvent::Transcribed(transcript("")));
    let kept = effects.iter().find_map(|effect| match effect {
        Effect::Keep(_, Outcome::Failed(failure)) => Some(failure.code),
        _ => None,
    });
    assert_eq!(kept, Some(Code::NoSpeech), "{effects:?}");
    let shown = effects.iter().find_map(|effect| match effect {
        Effect::Show(Notice::Problem(failure)) => Some(failure.code),
        _ => None,
    });
    assert_eq!(shown, Some(Code::NoMicrophone), "{effects:?}");
}

#[test]
fn cancel_drops_audio_and_text_in_every_phase() {
    type Make = fn() -> Story;
    let phases: [Make; 5] = [
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
        || Story::rewriting().0,
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
