//! Tests of the clients' options for a dictation, and of which dictation they apply to.

use super::*;

fn deliver(mode: DeliverMode) -> Wishes {
    Wishes { deliver: Some(mode), ..Wishes::default() }
}

fn preset(name: &str) -> Wishes {
    Wishes { preset: Some(name.into()), ..Wishes::default() }
}

fn no_preset() -> Failure {
    Failure::new(Code::BadRequest, "there is no such preset")
}

/// Returns where the first dictation's text is delivered.
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
    let draft = drafted("draft", "email", PresetBy::Client);
    let rewrite = Effect::Rewrite(JobId(1), draft, Some("email".into()));
    assert!(effects.contains(&rewrite), "{effects:?}");
}

#[test]
fn a_preset_that_cannot_be_used_refuses_a_start_and_never_a_stop() {
    let unfit = |story: &mut Story, command| {
        story.tickets += 1;
        let ticket = Ticket(story.tickets);
        let unfit = Some(no_preset());
        let asker = Asker { wishes: preset("emial"), unfit, ..ticket.into() };
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
    let told =
        Transcript { problems: vec![no_preset()], ..drafted("words", "emial", PresetBy::Client) };
    assert!(effects.contains(&Effect::Deliver(JobId(1), told, None)), "{effects:?}");
}

fn language(code: &str) -> Wishes {
    Wishes { language: Some(code.into()), ..Wishes::default() }
}

#[test]
fn a_language_that_cannot_be_recognised_refuses_a_start_before_anything_is_recorded() {
    let english_only = || Failure::new(Code::ModelMissing, "base.en knows only English");
    let asks = |story: &mut Story, command| {
        story.tickets += 1;
        let unspoken = Some(english_only());
        let asker = Asker { wishes: language("es"), unspoken, ..Ticket(story.tickets).into() };
        story.event(Event::Command { asker, command })
    };
    for command in [Command::Start, Command::Toggle] {
        let mut story = Story::new();
        let effects = asks(&mut story, command);
        assert_eq!(refused(&effects), Some(Code::ModelMissing));
        assert!(effects.contains(&Effect::Show(Notice::Problem(english_only()))), "{effects:?}");
        assert_eq!(story.session.newest(), None);
    }
    // The current recording is stopped all the same.
    let mut story = Story::recording();
    let effects = asks(&mut story, Command::Toggle);
    assert!(effects.contains(&Effect::StopCapture(JobId(1))), "{effects:?}");
}

/// Returns the problems that come with the text of a dictation that these presses start and stop.
fn told(start: Option<&str>, stop: Option<&str>, heard_in: &str) -> Vec<Failure> {
    let wishes = |code: Option<&str>| code.map_or_else(Wishes::default, language);
    let mut story = Story::new();
    story.asks(Command::Toggle, wishes(start));
    story.job(JobEvent::CaptureStarted);
    story.asks(Command::Toggle, wishes(stop));
    let kept = story.session.wishes(JobId(1)).and_then(|wishes| wishes.language.as_deref());
    assert_eq!(kept, start, "the press that starts a dictation sets its language");
    story.job(JobEvent::CaptureEnded(heard(16_000)));
    let text = Transcript { language: heard_in.into(), ..transcript("words") };
    let effects = story.job(JobEvent::Transcribed(text));
    let problems = effects.into_iter().find_map(|effect| match effect {
        Effect::Deliver(_, transcript, _) => Some(transcript.problems),
        _ => None,
    });
    problems.expect("the text is delivered")
}

#[test]
fn a_stop_with_another_language_keeps_the_starts_and_says_so() {
    for (start, stop, heard_in) in [
        (Some("es"), None, "es"),
        (Some("es"), Some("es"), "es"),
        (Some("es"), Some("auto"), "es"),
        // The language was detected, and is the one that the stop names.
        (None, Some("es"), "es"),
        (None, None, "en"),
    ] {
        assert_eq!(told(start, stop, heard_in), [], "{start:?} {stop:?}");
    }
    for (start, heard_in) in [(Some("en"), "en"), (None, "en"), (Some("fr"), "fr")] {
        let problems = told(start, Some("es"), heard_in);
        let [problem] = &problems[..] else { panic!("{problems:?}") };
        assert!(problem.message.contains("v2m-send retry --language es"), "{}", problem.message);
    }
}

/// Returns the effects for a text of a dictation that began in an application with this preset.
fn in_application(
    name: &str,
    unfit: Option<Failure>,
    wishes: Wishes,
    rewriting: Rewriting,
) -> Vec<Effect> {
    let mut story = Story::new();
    story.session.set_limits(SessionLimits { rewriting, ..LIMITS });
    story.asks(Command::Toggle, wishes);
    story.job(JobEvent::CaptureStarted);
    story.session.application_is(JobId(1), &application(name, unfit));
    story.command(Command::Stop);
    story.job(JobEvent::CaptureEnded(heard(16_000)));
    story.job(JobEvent::Transcribed(transcript("words")))
}

fn application(name: &str, unfit: Option<Failure>) -> ApplicationPreset {
    ApplicationPreset { application: "evolution".into(), preset: name.into(), unfit }
}

#[test]
fn an_application_has_its_preset_unless_a_client_names_one() {
    let by_application = || PresetBy::Application("evolution".into());
    for rewriting in [Rewriting::Wished, all(), Rewriting::Impossible(no_preset())] {
        let effects = in_application("email", None, Wishes::default(), rewriting.clone());
        let draft = drafted("words", "email", by_application());
        let rewrite = Effect::Rewrite(JobId(1), draft, Some("email".into()));
        assert!(effects.contains(&rewrite), "{effects:?}");

        let effects = in_application("email", None, preset("notes"), rewriting.clone());
        let draft = drafted("words", "notes", PresetBy::Client);
        let rewrite = Effect::Rewrite(JobId(1), draft, Some("notes".into()));
        assert!(effects.contains(&rewrite), "{effects:?}");

        // No language model gets any of it.
        let effects = in_application(NO_PRESET, None, Wishes::default(), rewriting.clone());
        let unchanged = drafted("words", NO_PRESET, by_application());
        assert_eq!(effects, [Effect::Deliver(JobId(1), unchanged, None)]);

        let effects =
            in_application("emial", Some(no_preset()), Wishes::default(), rewriting.clone());
        let unchanged = drafted("words", "emial", by_application());
        let unchanged = Transcript { problems: vec![no_preset()], ..unchanged };
        assert!(effects.contains(&Effect::Deliver(JobId(1), unchanged, None)), "{effects:?}");
    }
}

#[test]
fn the_application_counts_for_its_own_recording_and_all_sentences_of_it() {
    let mut story = Story::new();
    story.asks(Command::Toggle, Wishes { continuous: true, ..Wishes::default() });
    story.job(JobEvent::CaptureStarted);
    story.job(JobEvent::SentenceOver(16_000, heard(16_000)));
    assert_eq!(story.session.recording(), Some(JobId(2)));
    // The report comes late.
    story.session.application_is(JobId(1), &application("email", None));
    let by = || PresetBy::Application("evolution".into());
    let email = || Some(ChosenPreset { name: "email".into(), by: by() });
    assert_eq!(story.session.preset(JobId(1)), email());
    assert_eq!(story.session.preset(JobId(2)), email());
    story.event(Event::Job(JobId(2), JobEvent::SentenceOver(16_000, heard(16_000))));
    assert_eq!(story.session.preset(JobId(3)), email());

    let (mut story, _) = Story::transcribing();
    story.session.application_is(JobId(1), &application("email", None));
    story.command(Command::Start);
    assert_eq!(story.session.preset(JobId(1)), email());
    assert_eq!(story.session.preset(JobId(2)), None, "another window may have the keyboard");
    story.session.application_is(JobId(7), &application("email", None));
}

/// Regression: if the application was unknown, the text went to the model that the settings keep it
/// from.
#[test]
fn no_model_gets_a_text_of_an_unknown_application_unless_a_client_says_so() {
    let begun = |rewriting, wishes| {
        let mut story = Story::new();
        story.session.set_limits(SessionLimits { rewriting, ..LIMITS });
        story.asks(Command::Toggle, wishes);
        story.job(JobEvent::CaptureStarted);
        story.session.application_is_unknown(JobId(1));
        story
    };
    let text = |mut story: Story, stop: Wishes| {
        story.asks(Command::Stop, stop);
        story.job(JobEvent::CaptureEnded(heard(16_000)));
        story.job(JobEvent::Transcribed(transcript("words")))
    };
    let none = Wishes::default;
    let story = begun(all(), none());
    assert_eq!(story.session.preset(JobId(1)), None);
    let effects = text(story, none());
    let [Effect::Deliver(JobId(1), unchanged, None), Effect::Play(_)] = &effects[..] else {
        panic!("{effects:?}")
    };
    assert_eq!((unchanged.text.as_str(), &unchanged.preset), ("words", &None));
    let [problem] = &unchanged.problems[..] else { panic!("{:?}", unchanged.problems) };
    assert!(problem.message.contains("deliver.focused_program"), "{problem:?}");

    for (start, stop) in [(preset("notes"), none()), (none(), preset("notes"))] {
        let effects = text(begun(all(), start), stop);
        let draft = drafted("words", "notes", PresetBy::Client);
        let rewrite = Effect::Rewrite(JobId(1), draft, Some("notes".into()));
        assert!(effects.contains(&rewrite), "{effects:?}");
    }
    // No model would have got it anyway, so there is no message.
    let effects = text(begun(Rewriting::Wished, none()), none());
    assert_eq!(effects, [Effect::Deliver(JobId(1), transcript("words"), None)]);
}

/// Regression: the later sentences did not get the application's preset.
#[test]
fn the_application_counts_for_later_sentences_although_the_first_one_is_over() {
    let begun = || {
        let mut story = Story::new();
        story.session.set_limits(SessionLimits { rewriting: all(), ..LIMITS });
        story.asks(Command::Toggle, Wishes { continuous: true, ..Wishes::default() });
        story.job(JobEvent::CaptureStarted);
        story.job(JobEvent::SentenceOver(16_000, heard(16_000)));
        story.job(JobEvent::RecognitionFailed(Failure::new(Code::EngineFailed, "it failed")));
        assert!(!story.session.has(JobId(1)) && story.session.has(JobId(2)));
        story
    };
    let mut story = begun();
    story.session.application_is(JobId(1), &application(NO_PRESET, None));
    let none = || {
        let by = PresetBy::Application("evolution".into());
        Some(ChosenPreset { name: NO_PRESET.into(), by })
    };
    assert_eq!(story.session.preset(JobId(2)), none());
    story.job_of(2, JobEvent::SentenceOver(16_000, heard(16_000)));
    assert_eq!(story.session.preset(JobId(3)), none());

    let mut story = begun();
    story.session.application_is_unknown(JobId(1));
    story.job_of(2, JobEvent::SentenceOver(16_000, heard(16_000)));
    let effects = story.job_of(2, JobEvent::Transcribed(transcript("words")));
    assert!(!effects.iter().any(|effect| matches!(effect, Effect::Rewrite(..))), "{effects:?}");
    assert_eq!(story.session.preset(JobId(3)), None);
}
