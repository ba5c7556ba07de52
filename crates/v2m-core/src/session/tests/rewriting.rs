//! Tests of a dictation that a language model rewrites.

use super::*;

fn unavailable() -> Failure {
    Failure::new(Code::LlmUnavailable, "nobody there")
}

/// Returns the transcript that is delivered, if there is one.
fn delivered(effects: &[Effect]) -> Option<&Transcript> {
    effects.iter().find_map(|effect| match effect {
        Effect::Deliver(JobId(1), transcript, _) => Some(transcript),
        _ => None,
    })
}

#[test]
fn a_draft_goes_to_the_model_and_its_words_are_delivered() {
    let (mut story, stop) = Story::transcribing();
    let effects = story.drafted(transcript("draft"));
    assert_eq!(
        effects,
        [
            Effect::Show(Notice::Rewriting),
            Effect::Keep(JobId(1), Outcome::Transcribed(draft("draft"))),
            Effect::Arm(Timer::Rewrite(JobId(1)), WITHIN),
            Effect::Rewrite(JobId(1), draft("draft"), None),
            Effect::Publish(State::Processing),
        ]
    );
    let effects = story.job(JobEvent::Rewritten(Ok("better".into())));
    let better = Transcript { unrefined: Some("draft".into()), ..draft("better") };
    assert_eq!(delivered(&effects), Some(&better));
    assert!(effects.contains(&Effect::Disarm(Timer::Rewrite(JobId(1)))));
    let effects = story.job(JobEvent::Delivered(vec![delivery(true)]));
    assert!(matches!(&replies(&effects)[..], [(ticket, Ok(_))] if *ticket == stop));
}

#[test]
fn what_was_heard_stays_what_was_heard() {
    let (mut story, _) = Story::transcribing();
    let ruled = Transcript { unrefined: Some("heard".into()), ..transcript("ruled") };
    story.drafted(ruled);
    let effects = story.job(JobEvent::Rewritten(Ok("better".into())));
    assert_eq!(delivered(&effects).unwrap().unrefined.as_deref(), Some("heard"));
    let (mut story, _) = Story::rewriting();
    let effects = story.job(JobEvent::Rewritten(Ok("draft".into())));
    assert_eq!(delivered(&effects), Some(&draft("draft")), "nothing was changed");
}

#[test]
fn a_model_that_fails_or_is_late_costs_no_words() {
    let (mut story, _) = Story::rewriting();
    let effects = story.job(JobEvent::Rewritten(Err(unavailable())));
    let unchanged = Transcript { problems: vec![unavailable()], ..draft("draft") };
    assert_eq!(delivered(&effects), Some(&unchanged));

    let (mut story, _) = Story::rewriting();
    let effects = story.event(Event::Elapsed(Timer::Rewrite(JobId(1))));
    assert!(effects.contains(&Effect::LeaveRewriting(JobId(1))));
    let late = delivered(&effects).unwrap();
    assert_eq!(late.text, "draft");
    assert!(late.problems[0].message.contains("within 15 s"), "{:?}", late.problems);
    assert_eq!(story.job(JobEvent::Rewritten(Ok("late".into()))), [], "it is being delivered");
}

#[test]
fn a_service_that_ends_delivers_the_draft_at_once() {
    let (mut story, stop) = Story::rewriting();
    let effects = story.event(Event::Terminate);
    assert_eq!(delivered(&effects).unwrap().text, "draft");
    assert!(effects.contains(&Effect::LeaveRewriting(JobId(1))));
    let effects = story.job(JobEvent::Delivered(vec![delivery(true)]));
    assert!(matches!(&replies(&effects)[..], [(ticket, Ok(_))] if *ticket == stop));
    assert_eq!(effects.last(), Some(&Effect::Exit));

    let (mut story, _) = Story::transcribing();
    story.event(Event::Terminate);
    let effects = story.drafted(transcript("draft"));
    assert_eq!(delivered(&effects).unwrap().text, "draft", "no model is asked any more");
}

#[test]
fn stops_get_the_text_that_the_model_has() {
    let (mut story, stop) = Story::rewriting();
    let (second, effects) = story.command(Command::Stop);
    assert!(replies(&effects).is_empty());
    story.job(JobEvent::Rewritten(Ok("better".into())));
    let effects = story.job(JobEvent::Delivered(Vec::new()));
    let answered: Vec<Ticket> = replies(&effects).into_iter().map(|(ticket, _)| ticket).collect();
    assert_eq!(answered, [stop, second]);
}

#[test]
fn a_clients_text_shows_while_nothing_else_goes_on() {
    let mut story = Story::new();
    let effects = story.event(Event::TextWork(true));
    assert_eq!(effects, [Effect::Publish(State::Processing)]);
    let (_, effects) = story.command(Command::Start);
    assert!(effects.contains(&Effect::StartCapture(JobId(1))), "a press never waits for it");
    assert_eq!(story.event(Event::TextWork(false)), []);
    story.command(Command::Cancel);
    story.event(Event::TextWork(true));
    assert_eq!(story.event(Event::TextWork(false)), [Effect::Publish(State::Idle)]);
}

#[test]
fn a_text_that_no_model_can_rewrite_is_delivered_at_once_and_says_why() {
    let (mut story, _) = Story::transcribing();
    let rewriting = Rewriting::Impossible(unavailable());
    story.session.set_limits(SessionLimits { rewriting, ..LIMITS });
    let effects = story.job(JobEvent::Transcribed(transcript("heard")));
    let told = Transcript { problems: vec![unavailable()], ..transcript("heard") };
    assert_eq!(
        effects,
        [Effect::Deliver(JobId(1), told, None), Effect::Play(Cue::Problem)],
        "it does not say for a moment that a model has the text"
    );
}
