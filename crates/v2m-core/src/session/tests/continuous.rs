//! Tests of continuous dictations.

use super::*;

fn continuous() -> Wishes {
    Wishes { continuous: true, ..Wishes::default() }
}

/// Starts a continuous dictation and its recording.
fn talking() -> Story {
    let mut story = Story::new();
    story.asks(Command::Toggle, continuous());
    story.job(JobEvent::CaptureStarted);
    story
}

/// Ends a sentence of the dictation `job`. The recording continues as the next one.
fn over(story: &mut Story, job: u32) -> Vec<Effect> {
    story.job_of(job, JobEvent::SentenceOver(16_000, heard(16_000)))
}

fn said(story: &mut Story, job: u32, text: &str) -> Vec<Effect> {
    story.job_of(job, JobEvent::Transcribed(transcript(text)))
}

fn pasted(ok: bool) -> JobEvent {
    let by = if ok { "paste" } else { "clipboard" };
    JobEvent::Delivered(vec![Delivery { by, backend: None, ok: true, detail: String::new() }])
}

/// Recognises and delivers a sentence while the next one is spoken.
fn lands(story: &mut Story, job: u32, text: &str, ok: bool) {
    let effects = over(story, job);
    assert!(effects.contains(&Effect::Split(JobId(job), JobId(job + 1), 16_000)), "{effects:?}");
    let effects = said(story, job, text);
    assert!(effects.contains(&Effect::Deliver(JobId(job), transcript(text), None)), "{effects:?}");
    let effects = story.job_of(job, pasted(ok));
    let kept = effects.iter().any(
        |effect| matches!(effect, Effect::Keep(JobId(it), Outcome::Delivered(_)) if *it == job),
    );
    assert!(kept, "{effects:?}");
    assert_eq!(story.session.state(), State::Recording);
    assert_eq!(story.session.recording(), Some(JobId(job + 1)));
}

/// Stops the recording, which holds nothing more. Returns the effects and the answer.
fn stop_in_silence(story: &mut Story, job: u32) -> (Vec<Effect>, Reply) {
    let (ticket, _) = story.command(Command::Toggle);
    story.job_of(job, JobEvent::CaptureEnded(heard(16_000)));
    let effects = said(story, job, "");
    let answer = effects.iter().find_map(|effect| match effect {
        Effect::Answer(to, Ok(reply)) if *to == ticket => Some(reply.clone()),
        _ => None,
    });
    let answer = answer.unwrap_or_else(|| panic!("{effects:?}"));
    (effects, answer)
}

#[test]
fn each_sentence_is_delivered_while_the_next_one_is_spoken() {
    let mut story = talking();
    lands(&mut story, 1, "A.", true);
    lands(&mut story, 2, "B.", true);
    let (effects, answer) = stop_in_silence(&mut story, 3);
    let Reply::Transcript(State::Idle, whole) = answer else { panic!("{answer:?}") };
    assert_eq!((whole.text.as_str(), whole.samples), ("A. B.", 32_000), "all that was said");
    assert_eq!(whole.deliveries.len(), 2);
    assert!(effects.contains(&Effect::DiscardSilence(JobId(3))), "silence is not kept");
    let problem = |e: &Effect| matches!(e, Effect::Show(Notice::Problem(_)));
    assert!(!effects.iter().any(problem), "a stop after the last sentence is no failure");
    assert_eq!(story.session.state(), State::Idle);
}

/// Regression: the status said that the recording was cancelled and deleted.
#[test]
fn a_stop_in_silence_is_no_cancel() {
    let mut story = talking();
    lands(&mut story, 1, "A.", true);
    let (effects, _) = stop_in_silence(&mut story, 2);
    assert!(!effects.iter().any(|e| matches!(e, Effect::Discard(_))), "{effects:?}");
    assert!(effects.contains(&Effect::DiscardSilence(JobId(2))), "{effects:?}");

    let mut story = talking();
    lands(&mut story, 1, "A.", true);
    let (_, effects) = story.command(Command::Cancel);
    assert!(effects.contains(&Effect::Discard(JobId(2))), "{effects:?}");
}

/// Regression: the user kept speaking to a microphone that was gone, without any message.
#[test]
fn a_talk_whose_microphone_goes_away_in_a_pause_says_so() {
    let mut story = talking();
    lands(&mut story, 1, "A.", true);
    let gone = Failure::new(Code::NoMicrophone, "gone");
    let ended = CaptureSummary { problems: vec![gone.clone()], ..heard(8_000) };
    story.job_of(2, JobEvent::CaptureEnded(ended));
    let effects = said(&mut story, 2, "");
    assert!(effects.contains(&Effect::Show(Notice::Problem(gone))), "{effects:?}");
    let kept = |e: &Effect| matches!(e, Effect::Keep(JobId(2), Outcome::Failed(f)) if f.code == Code::NoSpeech);
    assert!(effects.iter().any(kept), "{effects:?}");
    assert_eq!(story.session.state(), State::Idle);
}

#[test]
fn what_is_said_after_the_last_sentence_is_the_last_text() {
    let mut story = talking();
    lands(&mut story, 1, "A.", true);
    let (ticket, _) = story.command(Command::Stop);
    assert!(over(&mut story, 2).is_empty(), "nothing is split once it stops");
    story.job_of(2, JobEvent::CaptureEnded(heard(16_000)));
    said(&mut story, 2, "B");
    let effects = story.job_of(2, pasted(true));
    let whole = Transcript { text: "A. B".into(), ..transcript("") }.text;
    let answer = effects.iter().find_map(|effect| match effect {
        Effect::Answer(to, Ok(Reply::Transcript(_, t))) if *to == ticket => Some(t.text.clone()),
        _ => None,
    });
    assert_eq!(answer, Some(whole));
}

#[test]
fn the_answer_waits_for_the_sentences_before_it() {
    let mut story = talking();
    over(&mut story, 1);
    said(&mut story, 1, "A.");
    let (ticket, _) = story.command(Command::Toggle);
    story.job_of(2, JobEvent::CaptureEnded(heard(16_000)));
    let effects = said(&mut story, 2, "");
    assert_eq!(replies(&effects), [], "the first sentence is on its way");
    let effects = story.job_of(1, pasted(true));
    let told = |reply: &Reply| matches!(reply, Reply::Transcript(_, t) if t.text == "A.");
    let answered = effects.iter().any(
        |effect| matches!(effect, Effect::Answer(to, Ok(reply)) if *to == ticket && told(reply)),
    );
    assert!(answered, "{effects:?}");
}

#[test]
fn an_ordinary_dictation_is_never_split() {
    let mut story = Story::recording();
    assert!(over(&mut story, 1).is_empty());
    assert_eq!(story.session.recording(), Some(JobId(1)));
    // An option that comes during the recording does not make it continuous.
    story.asks(Command::Start, continuous());
    assert!(over(&mut story, 1).is_empty());
}

#[test]
fn what_did_not_get_to_the_cursor_is_put_before_the_next_sentence() {
    let mut story = talking();
    lands(&mut story, 1, "A.", true);
    assert_eq!(story.session.said_elsewhere(JobId(2)), "");
    lands(&mut story, 2, "B.", false);
    lands(&mut story, 3, "C.", false);
    assert_eq!(story.session.said_elsewhere(JobId(4)), "B. C.");
    assert_eq!(story.session.talk(JobId(4)), Some(JobId(1)));
}

#[test]
fn a_cancel_takes_back_what_is_not_delivered_and_says_what_was() {
    let mut story = talking();
    lands(&mut story, 1, "A.", true);
    lands(&mut story, 2, "B, the last one.", true);
    over(&mut story, 3);
    let (ticket, effects) = story.command(Command::Cancel);
    for job in [3, 4] {
        assert!(effects.contains(&Effect::Discard(JobId(job))), "{job}: {effects:?}");
    }
    assert!(!effects.contains(&Effect::Discard(JobId(2))), "it is delivered");
    let told = effects.iter().find_map(|effect| match effect {
        Effect::Answer(to, Ok(Reply::Told(State::Idle, told))) if *to == ticket => Some(told),
        _ => None,
    });
    let told = told.unwrap_or_else(|| panic!("{effects:?}"));
    assert!(told.contains("2 sentences") && told.contains("B, the last one."), "{told}");
    assert!(said(&mut story, 3, "late").is_empty());

    let mut story = talking();
    let (ticket, effects) = story.command(Command::Cancel);
    assert!(effects.contains(&Effect::CancelCapture(JobId(1))), "{effects:?}");
    assert_eq!(replies(&effects), [(ticket, Ok(Reply::State(State::Idle, None)))]);
}

/// The sentence that is being delivered cannot be taken back; the ones after it can.
#[test]
fn a_cancel_during_a_delivery_keeps_that_sentence() {
    let mut story = talking();
    over(&mut story, 1);
    said(&mut story, 1, "A.");
    let (_, effects) = story.command(Command::Cancel);
    assert!(effects.contains(&Effect::Discard(JobId(2))), "{effects:?}");
    assert!(!effects.contains(&Effect::Discard(JobId(1))), "{effects:?}");
    let effects = story.job_of(1, pasted(true));
    let kept = |e: &Effect| matches!(e, Effect::Keep(JobId(1), Outcome::Delivered(_)));
    assert!(effects.iter().any(kept), "{effects:?}");
    assert_eq!(story.session.state(), State::Idle);
}

#[test]
fn a_scratch_that_of_its_own_comes_too_late_and_ends_nothing() {
    let mut story = talking();
    lands(&mut story, 1, "A.", true);
    over(&mut story, 2);
    let taken = Transcript { unrefined: Some("Scratch that.".into()), ..transcript("") };
    let effects = story.job_of(2, JobEvent::Transcribed(taken));
    let told = effects.iter().any(|effect| {
        matches!(effect, Effect::Show(Notice::Problem(failure)) if failure.message.contains("too late"))
    });
    assert!(told, "{effects:?}");
    assert!(!effects.contains(&Effect::Discard(JobId(2))), "the store keeps it");
    lands(&mut story, 3, "B.", true);
    let (_, answer) = stop_in_silence(&mut story, 4);
    assert!(matches!(answer, Reply::Transcript(_, t) if t.text == "A. B."));
}

fn scratches(story: &mut Story, job: u32) -> String {
    let taken = Transcript { unrefined: Some("Scratch that.".into()), ..transcript("") };
    let effects = story.job_of(job, JobEvent::Transcribed(taken));
    let told = effects.into_iter().find_map(|effect| match effect {
        Effect::Show(Notice::Problem(failure)) => Some(failure.message),
        _ => None,
    });
    told.unwrap()
}

/// Regression: the recording “went on” after its end, and a sentence without a text was “delivered
/// already”.
#[test]
fn a_scratch_that_of_its_own_is_told_what_became_of_the_sentence_before() {
    let goes_on = "You took back the first sentence. The recording goes on.";
    let is_over = "You took back the first sentence. What you said after it stays.";
    for (stops, expected) in [(false, goes_on), (true, is_over)] {
        let mut story = talking();
        over(&mut story, 1);
        if stops {
            story.command(Command::Stop);
        }
        assert_eq!(scratches(&mut story, 1), expected);
    }
    // If another recording is under way, this one does not go on.
    let mut story = talking();
    over(&mut story, 1);
    story.command(Command::Stop);
    story.job_of(2, JobEvent::CaptureEnded(heard(16_000)));
    story.command(Command::Start);
    assert_eq!(scratches(&mut story, 1), is_over);

    let (delivered, pending) = ("Delete it in the field.", "Delete it in the field then.");
    let wordless = "The one before has no text either.";
    type Before = fn(&mut Story);
    let befores: [(Before, &str); 6] = [
        (|story| lands(story, 1, "A.", true), delivered),
        (
            |story| {
                over(story, 1);
                said(story, 1, "A.");
            },
            delivered,
        ),
        (
            |story| {
                over(story, 1);
                story.drafted(transcript("a"));
            },
            pending,
        ),
        (
            |story| {
                over(story, 1);
                fails(story, 1);
            },
            wordless,
        ),
        (
            |story| {
                over(story, 1);
                scratches(story, 1);
            },
            wordless,
        ),
        (
            |story| {
                over(story, 1);
                said(story, 1, "");
            },
            wordless,
        ),
    ];
    for (at, (before, expected)) in befores.into_iter().enumerate() {
        let mut story = talking();
        before(&mut story);
        over(&mut story, 2);
        let told = scratches(&mut story, 2);
        assert!(told.ends_with(expected), "{at}: {told}");
    }
    // The sentence before this one waits for another one.
    let mut story = talking();
    over(&mut story, 1);
    over(&mut story, 2);
    over(&mut story, 3);
    said(&mut story, 2, "B.");
    let told = scratches(&mut story, 3);
    assert!(told.ends_with(pending), "{told}");
}

/// While a key is held, nothing is pasted. That must not depend on the sentence.
#[test]
fn the_key_that_began_a_talk_still_counts_after_a_sentence() {
    let mut story = Story::new();
    story.asks(Command::Toggle, continuous());
    story.job(JobEvent::CaptureStarted);
    // The key repeats.
    for _ in 0..8 {
        story.now += Duration::from_millis(30);
        let (now, asker) = (story.now, Ticket(99).into());
        story.session.handle(Event::Command { asker, command: Command::Toggle }, now);
    }
    let now = story.now;
    let event = Event::Job(JobId(1), JobEvent::SentenceOver(16_000, heard(16_000)));
    let effects = story.session.handle(event, now);
    let split = effects.contains(&Effect::Split(JobId(1), JobId(2), 16_000));
    if split {
        let event = Event::Job(JobId(1), JobEvent::Transcribed(transcript("A.")));
        let effects = story.session.handle(event, now);
        let delivers = effects.iter().any(|e| matches!(e, Effect::Deliver(..)));
        assert_eq!(delivers, !story.session.is_key_down(now), "{effects:?}");
    }
}

#[test]
fn so_many_sentences_may_wait_and_then_they_stay_together() {
    let mut story = talking();
    for job in 1..=7 {
        assert!(!over(&mut story, job).is_empty());
    }
    assert!(over(&mut story, 8).is_empty(), "it stays with the next one");
    assert_eq!(story.session.recording(), Some(JobId(8)));
    said(&mut story, 1, "A.");
    story.job(pasted(true));
    assert!(!over(&mut story, 8).is_empty());
}

/// Reports that the recogniser has no text for a sentence. Its recording is kept.
fn fails(story: &mut Story, job: u32) -> Vec<Effect> {
    let failure = Failure::new(Code::EngineFailed, "Transcribing: it died.");
    let audio_path = Some(format!("/kept/{job}.wav").into());
    story.job_of(job, JobEvent::RecognitionFailed(Failure { audio_path, ..failure }))
}

/// Returns the text that answers this client, and the messages of its problems.
fn whole_for(effects: &[Effect], client: Ticket) -> (String, Vec<String>) {
    let answer = effects.iter().find_map(|effect| match effect {
        Effect::Answer(to, Ok(Reply::Transcript(_, whole))) if *to == client => Some(whole),
        _ => None,
    });
    let whole = answer.unwrap_or_else(|| panic!("{effects:?}"));
    let problems = whole.problems.iter().map(|problem| problem.message.clone());
    (whole.text.clone(), problems.collect())
}

/// Regression: the text of the whole talk was joined for each sentence, although no client waited.
#[test]
fn the_whole_text_of_a_long_talk_is_put_together_once() {
    let before = talk::JOINED.get();
    let mut story = talking();
    for job in 1..100 {
        match job % 3 {
            0 => lands(&mut story, job, "A.", true),
            1 => {
                over(&mut story, job);
                fails(&mut story, job);
            }
            _ => {
                over(&mut story, job);
                said(&mut story, job, "");
            }
        }
    }
    stop_in_silence(&mut story, 100);
    assert!((90..=100).contains(&(talk::JOINED.get() - before)), "{}", talk::JOINED.get() - before);
}

/// Regression: no message said that the text had a hole.
#[test]
fn the_whole_text_says_which_sentence_it_lacks_and_where_that_is_kept() {
    let mut story = talking();
    lands(&mut story, 1, "A.", true);
    over(&mut story, 2);
    let effects = fails(&mut story, 2);
    let kept = |e: &Effect| matches!(e, Effect::Keep(JobId(2), Outcome::Failed(_)));
    assert!(effects.iter().any(kept) && shows_problem(&effects), "{effects:?}");
    lands(&mut story, 3, "C.", true);
    let (_, answer) = stop_in_silence(&mut story, 4);
    let Reply::Transcript(_, whole) = answer else { panic!("{answer:?}") };
    assert_eq!((whole.text.as_str(), whole.samples), ("A. C.", 48_000));
    let problems: Vec<_> = whole.problems.iter().map(|problem| &*problem.message).collect();
    let lacks = "The text lacks what was said from 0:01.0 to 0:02.0. Transcribing: it died. This part is kept: \
                 /kept/2.wav";
    assert_eq!(problems, [lacks]);
}

fn shows_problem(effects: &[Effect]) -> bool {
    effects.iter().any(|effect| matches!(effect, Effect::Show(Notice::Problem(_))))
}

/// Regression: the answer was the failure alone, without the text of the other sentences.
#[test]
fn a_last_sentence_that_fails_takes_no_other_text_away() {
    let mut story = talking();
    lands(&mut story, 1, "A.", true);
    let (stop, _) = story.command(Command::Stop);
    story.job_of(2, JobEvent::CaptureEnded(heard(8_000)));
    let effects = fails(&mut story, 2);
    let (text, problems) = whole_for(&effects, stop);
    assert_eq!(text, "A.");
    assert!(problems[0].contains("from 0:01.0 to 0:01.5"), "{problems:?}");
    assert_eq!(story.session.state(), State::Idle);

    // If there is no other text, the failure is the answer.
    let mut story = talking();
    over(&mut story, 1);
    fails(&mut story, 1);
    let (stop, _) = story.command(Command::Stop);
    story.job_of(2, JobEvent::CaptureEnded(heard(8_000)));
    let effects = fails(&mut story, 2);
    assert_eq!(replies(&effects), [(stop, Err(Code::EngineFailed))]);
    assert_eq!(story.session.state(), State::Idle);
}

/// Regression: earlier sentences were forgotten when a later one failed during a delivery.
#[test]
fn a_sentence_that_fails_waits_for_those_before_it() {
    let mut story = talking();
    lands(&mut story, 1, "A.", true);
    over(&mut story, 2);
    said(&mut story, 2, "B.");
    let (stop, _) = story.command(Command::Stop);
    story.job_of(3, JobEvent::CaptureEnded(heard(16_000)));
    let effects = fails(&mut story, 3);
    assert_eq!(replies(&effects), [], "B is on its way");
    let effects = story.job_of(2, pasted(true));
    let (text, problems) = whole_for(&effects, stop);
    assert_eq!((text.as_str(), problems.len()), ("A. B.", 1));
    assert_eq!(story.session.state(), State::Idle);
}

/// Regression: the answer to a stop right after a sentence was “Nothing was recorded”.
#[test]
fn a_stop_before_any_sound_of_the_next_sentence_is_a_stop_in_silence() {
    let mut story = talking();
    lands(&mut story, 1, "A.", true);
    let (stop, _) = story.command(Command::Stop);
    let effects = story.job_of(2, JobEvent::CaptureEnded(heard(0)));
    assert_eq!(whole_for(&effects, stop), ("A.".to_owned(), Vec::new()));
    assert!(!shows_problem(&effects), "{effects:?}");
    assert!(effects.contains(&Effect::DiscardSilence(JobId(2))));
}

/// Cancelling deletes the dictations under way. A failed one is settled.
#[test]
fn a_cancel_leaves_a_failed_sentence_in_the_store() {
    let mut story = talking();
    over(&mut story, 1);
    said(&mut story, 1, "A.");
    over(&mut story, 2);
    fails(&mut story, 2);
    let (_, effects) = story.command(Command::Cancel);
    let discarded = |job: u32| effects.contains(&Effect::Discard(JobId(job)));
    assert!(discarded(3) && !discarded(2) && !discarded(1), "{effects:?}");
    story.job_of(1, pasted(true));
    assert_eq!(story.session.state(), State::Idle);
}

/// Regression: “was cancelled and deleted”, although a recording was kept.
#[test]
fn a_cancel_says_that_a_sentence_without_a_text_is_kept() {
    let told = |mut story: Story| {
        let (ticket, effects) = story.command(Command::Cancel);
        let told = effects.into_iter().find_map(|effect| match effect {
            Effect::Answer(to, Ok(Reply::Told(_, told))) if to == ticket => Some(told),
            _ => None,
        });
        told.unwrap_or_default()
    };
    let one = "But one sentence without a text is kept: `v2m-send history` lists it.";
    let two = "But 2 sentences without a text are kept: `v2m-send history` lists them.";

    let mut story = talking();
    over(&mut story, 1);
    fails(&mut story, 1);
    assert_eq!(told(story), format!("The recording was cancelled and deleted. {one}"));

    let mut story = talking();
    over(&mut story, 1);
    scratches(&mut story, 1);
    over(&mut story, 2);
    over(&mut story, 3);
    // It waits for the sentence before it.
    fails(&mut story, 3);
    assert_eq!(told(story), format!("The recording was cancelled and deleted. {two}"));

    let mut story = talking();
    lands(&mut story, 1, "A.", true);
    over(&mut story, 2);
    fails(&mut story, 2);
    let with_text = told(story);
    assert!(
        with_text.starts_with("What was not delivered") && with_text.ends_with(one),
        "{with_text}"
    );

    // Waiting texts are deleted, and nothing is kept of silence.
    let mut story = talking();
    over(&mut story, 1);
    said(&mut story, 1, "");
    over(&mut story, 2);
    over(&mut story, 3);
    said(&mut story, 3, "C.");
    assert_eq!(told(story), "");
}

/// Words that were taken back are already in the store when a cancel drops the rest.
#[test]
fn a_cancel_settles_no_sentence_twice() {
    let mut story = talking();
    over(&mut story, 1);
    over(&mut story, 2);
    scratches(&mut story, 2);
    let (_, effects) = story.command(Command::Cancel);
    assert!(effects.contains(&Effect::Discard(JobId(1))), "{effects:?}");
    assert!(!effects.contains(&Effect::Discard(JobId(2))), "{effects:?}");
}

/// Regression: a forced end answered with the last sentence alone.
#[test]
fn a_forced_end_answers_with_all_that_was_said() {
    // A model rewrites the sentence before, so the last one waits for its turn.
    for last in ["B.", ""] {
        let mut story = talking();
        lands(&mut story, 1, "A.", true);
        let (stop, _) = story.command(Command::Stop);
        story.job_of(2, JobEvent::CaptureEnded(heard(16_000)));
        if !last.is_empty() {
            said(&mut story, 2, last);
        }
        story.event(Event::Terminate);
        let effects = story.event(Event::Elapsed(Timer::Grace));
        let (text, problems) = whole_for(&effects, stop);
        if last.is_empty() {
            assert_eq!(text, "A.");
            assert!(problems[0].contains("from 0:01.0 to 0:02.0"), "{problems:?}");
        } else {
            assert_eq!((text.as_str(), problems.len()), ("A. B.", 0));
        }
    }
    // Neither the sentence that is being delivered nor those that wait for it are forgotten.
    let mut story = talking();
    lands(&mut story, 1, "A.", true);
    over(&mut story, 2);
    said(&mut story, 2, "B.");
    over(&mut story, 3);
    said(&mut story, 3, "C.");
    over(&mut story, 4);
    let (stop, _) = story.command(Command::Stop);
    story.job_of(5, JobEvent::CaptureEnded(heard(16_000)));
    said(&mut story, 5, "E.");
    story.event(Event::Terminate);
    let (_, effects) = story.command(Command::Start);
    let (text, problems) = whole_for(&effects, stop);
    assert_eq!(text, "A. B. C. E.");
    assert!(problems.len() == 1 && problems[0].contains("from 0:03.0 to 0:04.0"), "{problems:?}");
    let kept = |e: &Effect| matches!(e, Effect::Keep(JobId(3), Outcome::Transcribed(_)));
    assert!(effects.iter().any(kept), "the next start shows it: {effects:?}");
}

#[test]
fn silence_at_a_forced_end_is_no_text() {
    let mut story = talking();
    over(&mut story, 1);
    said(&mut story, 1, "A.");
    over(&mut story, 2);
    let taken = Transcript { unrefined: Some("Scratch that.".into()), ..transcript("") };
    story.job_of(2, JobEvent::Transcribed(taken));
    let (stop, _) = story.command(Command::Stop);
    story.job_of(3, JobEvent::CaptureEnded(heard(16_000)));
    said(&mut story, 3, "");
    story.event(Event::Terminate);
    let effects = story.event(Event::Elapsed(Timer::Grace));
    assert_eq!(whole_for(&effects, stop), ("A.".to_owned(), Vec::new()));
    assert!(effects.contains(&Effect::DiscardSilence(JobId(3))), "{effects:?}");
    assert!(!effects.iter().any(|e| matches!(e, Effect::Keep(..))), "{effects:?}");
}

/// Regression: the message said that the whole dictation was taken back.
#[test]
fn a_first_sentence_that_is_taken_back_does_not_end_the_talk() {
    let mut story = talking();
    over(&mut story, 1);
    let taken = Transcript { unrefined: Some("Scratch that.".into()), ..transcript("") };
    let effects = story.job(JobEvent::Transcribed(taken));
    let told = effects.iter().find_map(|effect| match effect {
        Effect::Show(Notice::Problem(failure)) => Some(failure.message.as_str()),
        _ => None,
    });
    assert_eq!(told, Some("You took back the first sentence. The recording goes on."));
    let kept = |e: &Effect| matches!(e, Effect::Keep(JobId(1), Outcome::Undelivered(_)));
    assert!(effects.iter().any(kept), "{effects:?}");
    lands(&mut story, 2, "B.", true);
    let (_, answer) = stop_in_silence(&mut story, 3);
    assert!(matches!(answer, Reply::Transcript(_, t) if t.text == "B."));
}

/// Regression: the press counted as one that stops a recording that was over, and the new recording
/// went on.
#[test]
fn a_press_in_doubt_stops_the_recording_also_if_a_sentence_ends_meanwhile() {
    let mut story = Story::new();
    story.asks(Command::Toggle, continuous());
    story.now -= Duration::from_secs(1);
    story.job(JobEvent::CaptureStarted);
    story.now -= Duration::from_millis(300);
    let (stop, effects) = story.command(Command::Toggle);
    assert!(!effects.contains(&Effect::StopCapture(JobId(1))), "it may be a repeat");
    story.now -= Duration::from_secs(1);
    let effects = over(&mut story, 1);
    // In the meantime the clock shows that it was a press.
    let effects = [effects, story.event(Event::Elapsed(Timer::Hand))].concat();
    assert!(effects.contains(&Effect::Split(JobId(1), JobId(2), 16_000)), "{effects:?}");
    assert!(effects.contains(&Effect::StopCapture(JobId(2))), "{effects:?}");
    story.job_of(2, JobEvent::CaptureEnded(heard(16_000)));
    said(&mut story, 1, "A.");
    said(&mut story, 2, "");
    let effects = story.job(pasted(true));
    assert_eq!(whole_for(&effects, stop).0, "A.");
}
