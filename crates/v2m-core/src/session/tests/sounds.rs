//! Tests of a dictation's sounds.

use super::*;

const JOB: JobId = JobId(1);

fn failure() -> Failure {
    Failure::new(Code::NoMicrophone, "The microphone is gone.")
}

fn command(command: Command) -> Event {
    Event::Command { asker: Ticket(1).into(), command }
}

fn ended(problem: Option<Failure>) -> Event {
    let problems = problem.into_iter().collect();
    Event::Job(JOB, JobEvent::CaptureEnded(CaptureSummary { problems, ..heard(16_000) }))
}

fn text(text: &str) -> Event {
    Event::Job(JOB, JobEvent::Transcribed(transcript(text)))
}

fn started() -> Event {
    Event::Job(JOB, JobEvent::CaptureStarted)
}

/// Returns the sound for each of these events, in a session that has played none before.
fn sounds(events: impl IntoIterator<Item = Event>) -> Vec<Option<Cue>> {
    let mut session = Session::new(SessionLimits { trigger: TriggerMode::Toggle, ..LIMITS }, JOB.0);
    let sound = |event: Event| {
        let effects = session.handle(event, Duration::ZERO);
        let cues = effects.iter().filter_map(|effect| match effect {
            Effect::Play(cue) => Some(*cue),
            _ => None,
        });
        let cues: Vec<_> = cues.collect();
        assert!(cues.len() < 2, "one sound at a time: {cues:?}");
        cues.first().copied()
    };
    events.into_iter().map(sound).collect()
}

#[test]
fn a_dictation_sounds_at_its_first_audio_and_at_its_stop() {
    let delivered = Event::Job(JOB, JobEvent::Delivered(Vec::new()));
    let events =
        [command(Command::Start), started(), command(Command::Stop), ended(None), text("hi")];
    let told = sounds(events.into_iter().chain([delivered]));
    assert_eq!(told, [None, Some(Cue::Start), Some(Cue::Stop), None, None, None]);
}

#[test]
fn the_longest_length_and_the_end_of_the_service_stop_it_too() {
    for last in [Event::Elapsed(Timer::Longest(JOB)), Event::Terminate] {
        let told = sounds([command(Command::Start), started(), last]);
        assert_eq!(told[2], Some(Cue::Stop));
    }
}

#[test]
fn a_cancelled_recording_stops_and_a_cancelled_transcription_is_silent() {
    let told = sounds([command(Command::Start), started(), command(Command::Cancel)]);
    assert_eq!(told[2], Some(Cue::Stop));
    let stop = command(Command::Stop);
    let events = [command(Command::Start), started(), stop, ended(None)];
    let told = sounds(events.into_iter().chain([command(Command::Cancel)]));
    assert_eq!(told[4], None);
}

#[test]
fn each_of_two_dictations_has_its_sounds_and_so_has_a_refusal() {
    let stop = || command(Command::Stop);
    let next = |event| Event::Job(JobId(2), event);
    let told = sounds([
        command(Command::Start),
        started(),
        stop(),
        ended(None),
        command(Command::Start),
        next(JobEvent::CaptureStarted),
        text("the first"),
        command(Command::Cancel),
        Event::Job(JOB, JobEvent::Delivered(Vec::new())),
    ]);
    let (start, stop) = (Some(Cue::Start), Some(Cue::Stop));
    assert_eq!(told, [None, start, stop, None, None, start, None, stop, None]);
    let paused = sounds([command(Command::Pause), command(Command::Start)]);
    assert_eq!(paused, [None, Some(Cue::Problem)]);
}

#[test]
fn a_dictation_that_comes_to_nothing_sounds_so() {
    let failed = Event::Job(JOB, JobEvent::CaptureFailed(failure()));
    assert_eq!(sounds([command(Command::Start), failed]), [None, Some(Cue::Problem)]);
    let broken = Event::Job(JOB, JobEvent::RecognitionFailed(failure()));
    for last in [broken, text("")] {
        let stop = command(Command::Stop);
        let told = sounds([command(Command::Start), started(), stop, ended(None), last]);
        assert_eq!(told[4], Some(Cue::Problem));
    }
}

#[test]
fn a_microphone_that_vanishes_sounds_when_its_text_is_told_about() {
    let gone = ended(Some(failure()));
    let told = sounds([command(Command::Start), started(), gone, text("half a sen")]);
    assert_eq!(told[2..], [None, Some(Cue::Problem)]);
}

#[test]
fn a_stop_that_hangs_sounds_once() {
    let overdue = Event::Elapsed(Timer::Drain(JOB));
    let told = sounds([command(Command::Start), started(), command(Command::Stop), overdue]);
    assert_eq!(told[2..], [Some(Cue::Stop), None]);
}

#[test]
fn a_model_that_fails_is_silent_until_somebody_wants_to_speak() {
    let broken = Event::Engine(EngineState::Failed, Some(failure()));
    assert_eq!(sounds([broken, command(Command::Start)]), [None, Some(Cue::Problem)]);
}

/// A key that is held too long while stopping begins a recording. The recording is dropped.
#[test]
fn a_recording_that_nobody_meant_is_silent() {
    let mut session = Session::new(LIMITS, JOB.0);
    let mut played = |event, ms| {
        let effects = session.handle(event, Duration::from_millis(ms));
        effects.iter().any(|effect| matches!(effect, Effect::Play(_)))
    };
    let press = || command(Command::Toggle);
    assert!(!played(press(), 0));
    assert!(played(started(), 10));
    assert!(played(press(), 5_000), "the stop");
    assert!(!played(press(), 5_500), "it may be a press");
    assert!(!played(press(), 5_530), "it is not");
}
