//! Tests of the clients' options for a dictation, and of which dictation they apply to.

use super::*;

fn deliver(mode: DeliverMode) -> Wishes {
    Wishes { deliver: Some(mode), preset: None }
}

fn preset(name: &str) -> Wishes {
    Wishes { deliver: None, preset: Some(name.into()) }
}

fn no_preset() -> Failure {
    Failure::new(Code::BadRequest, "there is no such preset")
}

/// Where the first dictation's text goes once it is there.
fn delivered(story: &mut Story) -> Option<DeliverMode> {
    story.job(JobEvent::CaptureEnded(heard(16_000)));
    let effects = story.job(JobEvent::Transcribed(transcript("words")));
    let wished = effects.iter().find_map(|effect| match effect {
        Effect::Deliver(JobId(1), _, wished) => Some(*wished),
        _ => None,
    });
    wished.expect("the text is delivered")
}

#[test]
fn the_last_word_on_a_dictation_counts_and_none_changes_nothing() {
    let mut story = Story::new();
    story.asks(Command::Start, deliver(DeliverMode::Type));
    story.job(JobEvent::CaptureStarted);
    story.command(Command::Stop);
    assert_eq!(delivered(&mut story), Some(DeliverMode::Type));

    let mut story = Story::new();
    story.asks(Command::Start, deliver(DeliverMode::Type));
    story.job(JobEvent::CaptureStarted);
    story.asks(Command::Start, deliver(DeliverMode::Paste));
    story.asks(Command::Toggle, deliver(DeliverMode::None));
    assert_eq!(delivered(&mut story), Some(DeliverMode::None));
}

/// The other shortcut is pressed while the last text is still being made.
#[test]
fn a_start_wishes_for_its_own_dictation_and_a_stop_without_a_recording_for_the_newest() {
    let (mut story, _) = Story::transcribing();
    story.asks(Command::Start, deliver(DeliverMode::Type));
    assert_eq!(story.session.wishes(JobId(1)), Some(&Wishes::default()));
    assert_eq!(story.session.wishes(JobId(2)), Some(&deliver(DeliverMode::Type)));
    story.command(Command::Cancel);
    story.asks(Command::Stop, deliver(DeliverMode::Paste));
    assert_eq!(story.session.wishes(JobId(1)), Some(&deliver(DeliverMode::Paste)));
}

/// Regression: its options were lost, because the command itself had started nothing.
#[test]
fn a_press_in_doubt_keeps_its_wishes_until_it_starts_a_recording() {
    let mut story = Story::new();
    story.command(Command::Pause);
    story.command(Command::Toggle);
    story.asks(Command::Toggle, deliver(DeliverMode::Type));
    story.command(Command::Resume);
    assert_eq!(story.session.recording(), None);
    let effects = story.event(Event::Elapsed(Timer::Hand));
    assert!(effects.contains(&Effect::StartCapture(JobId(1))), "{effects:?}");
    assert_eq!(story.session.wishes(JobId(1)), Some(&deliver(DeliverMode::Type)));
}

#[test]
fn a_preset_that_is_wished_for_sends_the_text_to_the_model() {
    let mut story = Story::new();
    story.asks(Command::Start, preset("email"));
    story.job(JobEvent::CaptureStarted);
    story.command(Command::Stop);
    story.job(JobEvent::CaptureEnded(heard(16_000)));
    let effects = story.job(JobEvent::Transcribed(transcript("draft")));
    let rewrite = Effect::Rewrite(JobId(1), transcript("draft"), Some("email".into()));
    assert!(effects.contains(&rewrite), "{effects:?}");
}

#[test]
fn a_preset_that_cannot_be_used_refuses_a_start_and_never_a_stop() {
    let unfit = |story: &mut Story, command| {
        story.tickets += 1;
        let ticket = Ticket(story.tickets);
        let asker = Asker { ticket, wishes: preset("emial"), unfit: Some(no_preset()) };
        story.event(Event::Command { asker, command })
    };
    let mut story = Story::new();
    let effects = unfit(&mut story, Command::Start);
    assert_eq!(refused(&effects), Some(Code::BadRequest));
    assert!(effects.contains(&Effect::Show(Notice::Problem(no_preset()))));
    assert_eq!(story.session.recording(), None);

    story.asks(Command::Start, preset("email"));
    story.job(JobEvent::CaptureStarted);
    let effects = unfit(&mut story, Command::Stop);
    assert_eq!(refused(&effects), None, "what was said comes first");
    story.job(JobEvent::CaptureEnded(heard(16_000)));
    let effects = story.job(JobEvent::Transcribed(transcript("words")));
    let told = Transcript { problems: vec![no_preset()], ..transcript("words") };
    assert!(effects.contains(&Effect::Deliver(JobId(1), told, None)), "{effects:?}");
}
