//! Tests of several dictations under way: the newest is recorded while the older ones wait for
//! their texts.

use super::commands::MOST_PENDING;
use super::*;

impl Story {
    /// Records and stops one more dictation. Returns its number, and the ticket that waits for its
    /// text.
    fn dictate(&mut self) -> (u32, Ticket) {
        let (_, effects) = self.command(Command::Toggle);
        let job = effects.iter().find_map(|effect| match effect {
            Effect::StartCapture(JobId(job)) => Some(*job),
            _ => None,
        });
        let job = job.expect("a press starts a recording");
        self.job_of(job, JobEvent::CaptureStarted);
        let (stop, _) = self.command(Command::Toggle);
        self.job_of(job, JobEvent::CaptureEnded(heard(16_000)));
        (job, stop)
    }

    fn text(&mut self, job: u32, text: &str) -> Vec<Effect> {
        self.job_of(job, JobEvent::Transcribed(transcript(text)))
    }

    fn delivered(&mut self, job: u32) -> Vec<Effect> {
        self.job_of(job, JobEvent::Delivered(vec![delivery(true)]))
    }
}

/// Lists the delivered texts, in order.
fn handed_over(effects: &[Effect]) -> Vec<(u32, &str)> {
    let text = |effect: &'_ Effect| match effect {
        Effect::Deliver(JobId(job), transcript, _) => Some((*job, transcript.text.clone())),
        _ => None,
    };
    let texts: Vec<_> = effects.iter().filter_map(text).collect();
    texts.into_iter().map(|(job, text)| (job, &*text.leak())).collect()
}

/// Lists the texts in the answers to clients.
fn answered(effects: &[Effect]) -> Vec<(Ticket, String, State)> {
    let text = |(ticket, reply)| match reply {
        Ok(Reply::Transcript(state, transcript)) => Some((ticket, transcript.text, state)),
        _ => None,
    };
    replies(effects).into_iter().filter_map(text).collect()
}

#[test]
fn a_press_while_transcribing_records_at_once() {
    let (mut story, first_stop) = Story::transcribing();
    let (press, effects) = story.command(Command::Toggle);
    assert_eq!(effects, [Effect::StartCapture(JobId(2)), Effect::Publish(State::Recording)]);
    let effects = story.job_of(2, JobEvent::CaptureStarted);
    assert!(effects.contains(&Effect::Show(Notice::Recording)));
    assert_eq!(
        replies(&effects),
        [(press, Ok(Reply::State(State::Recording, Some("Speak now."))))]
    );

    let effects = story.text(1, "first");
    assert_eq!(handed_over(&effects), [(1, "first")], "the user goes on speaking meanwhile");
    let effects = story.delivered(1);
    assert_eq!(answered(&effects), [(first_stop, "first".into(), State::Recording)]);
    assert!(!effects.iter().any(|e| matches!(e, Effect::Publish(_))), "it is still recording");

    let (second_stop, _) = story.command(Command::Toggle);
    story.job_of(2, JobEvent::CaptureEnded(heard(16_000)));
    story.text(2, "second");
    let effects = story.delivered(2);
    assert_eq!(answered(&effects), [(second_stop, "second".into(), State::Idle)]);
}

#[test]
fn a_press_records_at_once_in_every_phase_of_the_one_before() {
    type Make = fn() -> Story;
    let phases: [Make; 4] = [
        || {
            let mut story = Story::recording();
            story.command(Command::Toggle);
            story
        },
        || Story::transcribing().0,
        || Story::rewriting().0,
        || {
            let mut story = Story::transcribing().0;
            story.text(1, "words");
            story
        },
    ];
    for make in phases {
        let mut story = make();
        for command in [Command::Toggle, Command::Start] {
            let (_, effects) = story.command(command);
            assert_eq!(refused(&effects), None);
            assert!(effects.iter().any(|e| matches!(e, Effect::StartCapture(_))), "{effects:?}");
            story.command(Command::Cancel);
        }
    }
}

#[test]
fn a_text_that_is_ready_early_waits_for_the_one_before() {
    let (mut story, stop) = Story::rewriting();
    let (job, second_stop) = story.dictate();
    let effects = story.text(job, "second");
    assert_eq!(handed_over(&effects), [], "the first is with the language model");
    let effects = story.job(JobEvent::Rewritten(Ok("first".into())));
    assert_eq!(handed_over(&effects), [(1, "first")]);
    let effects = story.delivered(1);
    assert_eq!(answered(&effects), [(stop, "first".into(), State::Transcribing)]);
    assert_eq!(handed_over(&effects), [(2, "second")], "its turn comes with the first's end");
    let effects = story.delivered(job);
    assert_eq!(answered(&effects), [(second_stop, "second".into(), State::Idle)]);
}

#[test]
fn a_text_is_not_held_up_by_one_that_fails() {
    let (mut story, _) = Story::transcribing();
    let (second, _) = story.dictate();
    let (third, _) = story.dictate();
    story.text(third, "third");
    story.text(second, "");
    let failed = JobEvent::RecognitionFailed(Failure::new(Code::EngineFailed, "twice"));
    let effects = story.job(failed);
    assert_eq!(handed_over(&effects), [(third, "third")]);
}

#[test]
fn eight_dictations_may_wait_and_the_ninth_press_says_so() {
    let mut story = Story::new();
    let jobs: Vec<_> = (0..MOST_PENDING).map(|_| story.dictate().0).collect();
    assert_eq!(story.session.pending(), 8);
    let (_, effects) = story.command(Command::Toggle);
    assert_eq!(refused(&effects), Some(Code::Busy));
    let shown = |e: &Effect| matches!(e, Effect::Show(Notice::Problem(f)) if f.code == Code::Busy);
    assert!(effects.iter().any(shown), "a refusal is seen and heard: {effects:?}");
    story.text(jobs[0], "first");
    story.delivered(jobs[0]);
    story.dictate();
}

#[test]
fn a_cancel_drops_the_newest_and_leaves_the_others() {
    let (mut story, stop) = Story::transcribing();
    story.command(Command::Toggle);
    story.job_of(2, JobEvent::CaptureStarted);
    let (ticket, effects) = story.command(Command::Cancel);
    assert!(effects.contains(&Effect::CancelCapture(JobId(2))));
    assert!(effects.contains(&Effect::Discard(JobId(2))));
    // A sign that knows no cancelled dictations shows what goes on.
    let shown = [Effect::Show(Notice::Cancelled), Effect::Show(Notice::Transcribing)];
    assert!(effects.windows(2).any(|pair| pair == shown), "the first goes on: {effects:?}");
    assert_eq!(replies(&effects), [(ticket, Ok(Reply::State(State::Transcribing, None)))]);
    story.text(1, "first");
    let effects = story.delivered(1);
    assert_eq!(answered(&effects), [(stop, "first".into(), State::Idle)]);

    // Without a recording, each cancel drops the newest dictation that waits.
    let mut story = Story::new();
    let [(_, first), (_, second)] = [story.dictate(), story.dictate()];
    let (_, effects) = story.command(Command::Cancel);
    assert!(replies(&effects).contains(&(second, Err(Code::Cancelled))));
    let (_, effects) = story.command(Command::Cancel);
    assert!(replies(&effects).contains(&(first, Err(Code::Cancelled))));
    assert!(effects.contains(&Effect::Show(Notice::Nothing)));
    let (_, effects) = story.command(Command::Cancel);
    assert!(!effects.contains(&Effect::Show(Notice::Cancelled)), "there was nothing to cancel");
}

#[test]
fn a_text_that_is_being_delivered_cannot_be_cancelled_which_is_said() {
    let (mut story, _) = Story::transcribing();
    story.text(1, "first");
    let (_, effects) = story.command(Command::Cancel);
    assert_eq!(refused(&effects), Some(Code::Busy));
    assert!(effects.iter().any(|e| matches!(e, Effect::Show(Notice::Problem(_)))));
}

#[test]
fn a_stop_without_a_recording_waits_for_the_newest_text() {
    let mut story = Story::new();
    let [(_, first), (_, second)] = [story.dictate(), story.dictate()];
    let (third, effects) = story.command(Command::Stop);
    assert_eq!(replies(&effects), []);
    story.text(1, "first");
    assert_eq!(answered(&story.delivered(1)), [(first, "first".into(), State::Transcribing)]);
    story.text(2, "second");
    let texts = answered(&story.delivered(2));
    let tickets: Vec<_> = texts.iter().map(|(ticket, text, _)| (*ticket, text.as_str())).collect();
    assert_eq!(tickets, [(second, "second"), (third, "second")]);
}

#[test]
fn the_sign_for_a_recording_stays_while_an_older_dictation_gets_on() {
    let (mut story, _) = Story::transcribing();
    story.command(Command::Toggle);
    story.job_of(2, JobEvent::CaptureStarted);
    let effects = story.drafted(transcript("draft"));
    assert!(effects.contains(&Effect::Rewrite(JobId(1), draft("draft"), None)));
    assert!(!effects.iter().any(|e| matches!(e, Effect::Show(_))), "{effects:?}");
    assert_eq!(story.session.state(), State::Recording);
    story.command(Command::Toggle);
    let effects = story.job_of(2, JobEvent::CaptureEnded(heard(16_000)));
    assert!(effects.contains(&Effect::Show(Notice::Transcribing)));
}

#[test]
fn what_goes_wrong_with_an_older_dictation_is_said_while_recording() {
    let (mut story, stop) = Story::transcribing();
    story.command(Command::Toggle);
    let failure = Failure::new(Code::EngineFailed, "twice");
    let effects = story.job(JobEvent::RecognitionFailed(failure.clone()));
    assert!(effects.contains(&Effect::Show(Notice::Problem(failure))));
    assert_eq!(replies(&effects), [(stop, Err(Code::EngineFailed))]);
    assert_eq!(story.session.recording(), Some(JobId(2)));
}

#[test]
fn an_end_saves_the_recording_and_delivers_what_is_on_its_way_in_order() {
    let (mut story, first) = Story::rewriting();
    let (_, second) = story.dictate();
    story.command(Command::Toggle);
    story.job_of(3, JobEvent::CaptureStarted);
    let effects = story.event(Event::Terminate);
    assert!(effects.contains(&Effect::StopCapture(JobId(3))));
    assert_eq!(handed_over(&effects), [(1, "draft")], "no model is waited for");
    story.job_of(3, JobEvent::CaptureEnded(heard(16_000)));
    assert_eq!(answered(&story.delivered(1)), [(first, "draft".into(), State::Transcribing)]);
    story.text(2, "second");
    assert_eq!(answered(&story.delivered(2)), [(second, "second".into(), State::Transcribing)]);
    assert_eq!(handed_over(&story.text(3, "third")), [(3, "third")]);
    assert_eq!(story.delivered(3).last(), Some(&Effect::Exit));
}

#[test]
fn an_end_that_cannot_wait_answers_everybody_and_keeps_what_is_known() {
    let mut story = Story::new();
    let tickets: Vec<_> = (0..3).map(|_| story.dictate().1).collect();
    story.text(2, "second");
    story.event(Event::Terminate);
    let effects = story.event(Event::Elapsed(Timer::Grace));
    let known = Outcome::Delivered(transcript("second"));
    assert!(effects.contains(&Effect::Keep(JobId(2), known)), "its client has it");
    let told: Vec<_> = replies(&effects).into_iter().map(|(ticket, _)| ticket).collect();
    assert_eq!(told, tickets);
    assert_eq!(refused(&effects), Some(Code::ShuttingDown));
    assert_eq!(effects.last(), Some(&Effect::Exit));
    assert!(!effects.iter().any(|e| matches!(e, Effect::Discard(_))));
}

/// Regression: a service that ended while a text was being pasted transcribed it again at the next
/// start.
#[test]
fn a_text_that_arrives_after_the_grace_is_kept() {
    let (mut story, stop) = Story::transcribing();
    story.text(1, "first");
    story.event(Event::Terminate);
    let effects = story.event(Event::Elapsed(Timer::Grace));
    assert_eq!(answered(&effects), [(stop, "first".into(), State::Idle)]);
    assert!(effects.contains(&Effect::Exit));
    let effects = story.delivered(1);
    let kept = |e: &Effect| matches!(e, Effect::Keep(JobId(1), Outcome::Delivered(_)));
    assert!(effects.iter().any(kept), "{effects:?}");
}
