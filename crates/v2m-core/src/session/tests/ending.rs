//! Presses while the service ends.

use super::*;

/// Whether these effects tell this client to send its request again.
fn sent_away(effects: &[Effect], client: Ticket) -> bool {
    effects.iter().any(|effect| {
        matches!(effect, Effect::Answer(ticket, Err(failure)) if *ticket == client && failure.again)
    })
}

fn shows(effects: &[Effect]) -> bool {
    effects.iter().any(|effect| matches!(effect, Effect::Show(_)))
}

/// Regression: presses were refused until the texts were there, up to 8 s.
#[test]
fn a_press_that_wants_to_record_ends_the_wait_for_texts() {
    for command in [Command::Toggle, Command::Start] {
        let (mut story, stop) = Story::transcribing();
        story.event(Event::Terminate);
        let (press, effects) = story.command(command);
        assert_eq!(refused(&effects), Some(Code::ShuttingDown));
        assert!(replies(&effects).iter().any(|(ticket, _)| *ticket == stop));
        assert!(sent_away(&effects, press) && !sent_away(&effects, stop), "{effects:?}");
        assert!(!shows(&effects), "the next instance shows what it does");
        assert_eq!(effects.last(), Some(&Effect::Exit));
        let lost = effects.iter().any(|e| matches!(e, Effect::Discard(_) | Effect::Keep(..)));
        assert!(!lost, "the unfinished recording stays in the store for the next start");
    }
}

#[test]
fn the_last_sound_is_waited_for() {
    let mut story = Story::recording();
    story.event(Event::Terminate);
    let (press, effects) = story.command(Command::Start);
    assert_eq!(effects, [Effect::Arm(Timer::Grace, Duration::from_millis(300))]);
    let effects = story.job(JobEvent::CaptureEnded(heard(16_000)));
    assert!(sent_away(&effects, press), "{effects:?}");
    assert!(effects.contains(&Effect::Exit));
}

#[test]
fn a_last_sound_that_does_not_come_is_not_waited_for_without_end() {
    let mut story = Story::recording();
    story.event(Event::Terminate);
    let (press, _) = story.command(Command::Start);
    let effects = story.event(Event::Elapsed(Timer::Grace));
    assert!(sent_away(&effects, press), "{effects:?}");
    assert!(effects.contains(&Effect::Exit));
}

/// The user still saw the recording run.
#[test]
fn a_press_after_the_end_has_stopped_the_recording_gets_its_text() {
    for stop in [Command::Toggle, Command::Stop] {
        let mut story = Story::recording();
        story.event(Event::Terminate);
        let (press, effects) = story.command(stop);
        assert_eq!(effects, []);
        story.job(JobEvent::CaptureEnded(heard(16_000)));
        let effects = story.job(JobEvent::Transcribed(transcript("last words")));
        assert!(effects.contains(&Effect::Deliver(JobId(1), transcript("last words"), None)));
        // One press stops it, and the next one records.
        story.now += Duration::from_secs(1);
        let (next, effects) = story.command(Command::Toggle);
        let answer = replies(&effects).into_iter().find(|(ticket, _)| *ticket == press);
        let Some((_, Ok(Reply::Transcript(_, text)))) = answer else { panic!("{effects:?}") };
        assert_eq!(text.text, "last words");
        assert!(sent_away(&effects, next), "{effects:?}");
        assert!(effects.contains(&Effect::Exit));
    }
}

/// Regression: the first repeat of a long press made the next instance record.
#[test]
fn repeats_of_the_press_that_stops_start_nothing() {
    let mut story = Story::recording();
    story.event(Event::Terminate);
    let (press, _) = story.command(Command::Toggle);
    story.now -= Duration::from_millis(500);
    for _ in 0..5 {
        let (repeat, effects) = story.command(Command::Toggle);
        assert!(!sent_away(&effects, repeat) && !sent_away(&effects, press), "{effects:?}");
        assert!(!effects.contains(&Effect::Exit));
        story.now -= Duration::from_millis(970);
    }
}
