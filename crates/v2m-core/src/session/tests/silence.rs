//! Tests of recordings that stop without a second press.

use super::*;

#[test]
fn silence_stops_a_recording_as_a_press_would() {
    let mut story = Story::recording();
    let effects = story.job(JobEvent::Quiet);
    assert!(effects.contains(&Effect::StopCapture(JobId(1))), "{effects:?}");
    assert!(effects.contains(&Effect::Play(Cue::Stop)));
    assert_eq!(story.session.state(), State::Transcribing);
    story.job(JobEvent::CaptureEnded(heard(16_000)));
    let effects = story.job(JobEvent::Transcribed(transcript("hello")));
    assert_eq!(effects, [Effect::Deliver(JobId(1), transcript("hello"), None)]);
}

#[test]
fn silence_is_of_no_interest_once_the_recording_has_ended() {
    let (mut story, _) = Story::transcribing();
    assert_eq!(story.job(JobEvent::Quiet), []);
}

/// A user who presses to stop sees a recording, and does not know that it has just stopped.
#[test]
fn a_press_just_after_the_silence_gets_the_text_and_starts_nothing() {
    for (after, starts) in [(300, false), (900, true)] {
        let mut story = Story::recording();
        story.job(JobEvent::Quiet);
        let at = story.now + Duration::from_millis(after);
        let press = Event::Command { asker: Ticket(99).into(), command: Command::Toggle };
        let effects = story.session.handle(press, at);
        assert_eq!(effects.contains(&Effect::StartCapture(JobId(2))), starts, "{effects:?}");
        if starts {
            continue;
        }
        story.job(JobEvent::CaptureEnded(heard(16_000)));
        story.job(JobEvent::Transcribed(transcript("hello")));
        let effects = story.job(JobEvent::Delivered(vec![delivery(true)]));
        assert!(
            matches!(&replies(&effects)[..], [(Ticket(99), Ok(Reply::Transcript(State::Idle, _)))]),
            "{effects:?}"
        );
        // The next press counts.
        let (_, effects) = story.command(Command::Toggle);
        assert!(effects.contains(&Effect::StartCapture(JobId(2))), "{effects:?}");
    }
}

#[test]
fn the_longest_recording_that_has_just_stopped_takes_a_press_too() {
    let mut story = Story::recording();
    story.event(Event::Elapsed(Timer::Longest(JobId(1))));
    let at = story.now + Duration::from_millis(300);
    let press = Event::Command { asker: Ticket(99).into(), command: Command::Toggle };
    let effects = story.session.handle(press, at);
    assert!(!effects.contains(&Effect::StartCapture(JobId(2))), "{effects:?}");
}

#[test]
fn who_holds_the_key_decides_by_that() {
    let mut session = Session::new(LIMITS, 1);
    let mut now = Duration::from_secs(100);
    session.handle(Event::Engine(EngineState::Warm, None), now);
    for ticket in 1..40 {
        let press = Event::Command { asker: Ticket(ticket).into(), command: Command::Toggle };
        session.handle(press, now);
        if ticket == 1 {
            session.handle(Event::Job(JobId(1), JobEvent::CaptureStarted), now);
        }
        now += Duration::from_millis(if ticket == 1 { 500 } else { 30 });
    }
    let effects = session.handle(Event::Job(JobId(1), JobEvent::Quiet), now);
    assert!(!effects.contains(&Effect::StopCapture(JobId(1))), "{effects:?}");
    assert_eq!(session.recording(), Some(JobId(1)));
}
