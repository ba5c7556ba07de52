//! Tests jobs that wait for their language, and jobs that request only the language.

use crate::lab::{Lab, sound, text_of};
use v2m::recognise::{Priority, RecogniseEvent, Recogniser};
use v2m::session::{Code, EngineState, Failure, JobId};
use v2m_ipc::engine::DecodeOptions;

fn language_after(language_after: u64) -> DecodeOptions {
    DecodeOptions { language_after, ..DecodeOptions::default() }
}

/// Waits for a job's language.
async fn language(lab: &mut Lab) -> (JobId, Option<String>, u64) {
    lab.until(|event| match event {
        RecogniseEvent::Language { job, language, voice } => Some((job, language, voice)),
        RecogniseEvent::Done { .. } => panic!("nothing is transcribed"),
        _ => None,
    })
    .await
}

#[tokio::test]
async fn the_language_comes_before_the_end_and_the_job_is_over_by_that() {
    let mut lab = Lab::new("begin speaks es");
    let words = sound(31, 40_000);
    lab.recogniser.begin(JobId(1), language_after(32_000), Priority::Live);
    lab.recogniser.feed(JobId(1), &words);
    let (job, code, voice) = language(&mut lab).await;
    assert_eq!((job, code.as_deref()), (JobId(1), Some("es")));
    assert!(voice >= 32_000, "{voice}");
    assert!(!lab.recogniser.has(JobId(1)));
    lab.stays_silent().await;
}

#[tokio::test]
async fn what_is_too_short_is_told_at_its_end_and_of_silence_no_language() {
    let mut lab = Lab::new("begin speaks es");
    lab.recogniser.begin(JobId(1), language_after(32_000), Priority::Live);
    lab.recogniser.feed(JobId(1), &sound(32, 9_000));
    lab.recogniser.finish(JobId(1));
    let (_, code, voice) = language(&mut lab).await;
    assert_eq!((code.as_deref(), voice), (Some("es"), 9_000));
    lab.recogniser.begin(JobId(2), language_after(32_000), Priority::Live);
    lab.recogniser.feed(JobId(2), &[0; 9_000]);
    lab.recogniser.finish(JobId(2));
    assert_eq!(language(&mut lab).await, (JobId(2), None, 0));
}

#[tokio::test]
async fn another_engine_tells_the_language_if_the_first_one_dies_of_it() {
    let mut lab = Lab::new("pcm die\nbegin speaks es");
    lab.recogniser.begin(JobId(1), language_after(32_000), Priority::Live);
    lab.recogniser.feed(JobId(1), &sound(33, 40_000));
    assert_eq!(language(&mut lab).await.1.as_deref(), Some("es"));
    assert_eq!(lab.lives("model"), 2);
}

#[tokio::test]
async fn a_job_of_which_the_language_kills_each_engine_is_hopeless_before_its_end() {
    let mut lab = Lab::new("pcm die");
    lab.recogniser.begin(JobId(1), language_after(32_000), Priority::Live);
    lab.recogniser.feed(JobId(1), &sound(34, 40_000));
    lab.work_until(|lab| lab.recogniser.hopeless(JobId(1)).is_some()).await;
    assert!(lab.recogniser.has(JobId(1)), "another engine may yet appear");
}

#[tokio::test]
async fn a_held_job_begins_when_it_is_released_with_all_that_came_before() {
    let mut lab = Lab::new("");
    lab.state(EngineState::Warm).await;
    let words = sound(35, 50_000);
    lab.recogniser.begin(JobId(1), DecodeOptions::default(), Priority::Live);
    lab.recogniser.hold(JobId(1));
    lab.recogniser.feed(JobId(1), &words[..30_000]);
    // A job that is not held overtakes it.
    let other = sound(36, 20_000);
    lab.job(2, Priority::Live, &other);
    lab.text(2, &other).await;
    assert_eq!(lab.logged("model.log", "begin"), 1);
    lab.recogniser.release(JobId(1), "es");
    lab.recogniser.feed(JobId(1), &words[30_000..]);
    lab.recogniser.finish(JobId(1));
    let (job, result, audio) = lab.ended().await;
    let recognition = result.unwrap();
    assert_eq!((job, recognition.language.as_str()), (1, "es"));
    assert!(recognition.text == text_of(&words) && audio == words);
}

/// Regression: a file continued during the first seconds of a dictation, while its language was
/// being detected.
#[tokio::test]
async fn a_background_job_makes_way_for_one_that_is_held_and_goes_on_where_it_was() {
    let mut lab = Lab::new("finish deaf");
    lab.state(EngineState::Warm).await;
    let (file, words) = (sound(41, 40_000), sound(42, 30_000));
    lab.job(1, Priority::Background, &file);
    lab.engine_did("finish", 1).await;
    lab.recogniser.begin(JobId(2), DecodeOptions::default(), Priority::Live);
    lab.recogniser.hold(JobId(2));
    lab.engine_did("pause", 1).await;
    lab.recogniser.feed(JobId(2), &words);
    lab.recogniser.finish(JobId(2));
    lab.glance().await;
    assert_eq!(lab.logged("model.log", "resume"), 0, "its text is still to come");
    lab.recogniser.release(JobId(2), "es");
    lab.text(2, &words).await;
    assert_eq!(lab.text(1, &file).await, 1);
    assert_eq!((lab.logged("model.log", "begin"), lab.lives("model")), (2, 1));
}

#[tokio::test]
async fn a_background_job_makes_way_for_a_dictation_with_another_recogniser() {
    let mut lab = Lab::new("finish deaf");
    lab.state(EngineState::Warm).await;
    let file = sound(43, 40_000);
    lab.job(1, Priority::Background, &file);
    lab.engine_did("finish", 1).await;
    lab.recogniser.make_way(true);
    lab.engine_did("pause", 1).await;
    assert!(!lab.recogniser.is_dictated_to());
    lab.recogniser.make_way(false);
    assert_eq!(lab.text(1, &file).await, 1);
    assert_eq!(lab.logged("model.log", "begin"), 1);
    // A background job that arrives meanwhile waits; a dictation does not.
    lab.recogniser.make_way(true);
    let (other, words) = (sound(44, 20_000), sound(45, 20_000));
    lab.job(2, Priority::Background, &other);
    lab.job(3, Priority::Live, &words);
    assert!(lab.recogniser.is_dictated_to());
    lab.text(3, &words).await;
    lab.glance().await;
    assert_eq!(lab.logged("model.log", "begin"), 2);
    lab.recogniser.make_way(false);
    lab.text(2, &other).await;
}

#[tokio::test]
async fn a_held_job_can_go_to_another_recogniser_with_all_that_was_heard() {
    let mut lab = Lab::new("");
    let mut other = Recogniser::new(Ok(lab.model("other", "")));
    let words = sound(37, 50_000);
    lab.recogniser.begin(JobId(1), DecodeOptions::default(), Priority::Live);
    assert!(!lab.recogniser.hand_over(JobId(1), &mut other, "pt"), "it is not held");
    lab.recogniser.hold(JobId(1));
    lab.recogniser.feed(JobId(1), &words[..30_000]);
    assert!(lab.recogniser.hand_over(JobId(1), &mut other, "pt"));
    assert!(!lab.recogniser.has(JobId(1)) && other.has(JobId(1)));
    other.feed(JobId(1), &words[30_000..]);
    other.finish(JobId(1));
    lab.recogniser = other;
    let (_, result, audio) = lab.ended().await;
    let recognition = result.unwrap();
    assert_eq!(recognition.language, "pt");
    assert!(recognition.text == text_of(&words) && audio == words);
}

#[tokio::test]
async fn a_held_job_that_is_given_up_fails_at_its_end_and_hands_its_audio_back() {
    let mut lab = Lab::new("");
    let words = sound(38, 20_000);
    lab.recogniser.begin(JobId(1), DecodeOptions::default(), Priority::Live);
    lab.recogniser.hold(JobId(1));
    lab.recogniser.feed(JobId(1), &words[..9_000]);
    lab.recogniser.give_up_held(JobId(1), Failure::new(Code::EngineFailed, "no language"));
    lab.state(EngineState::Warm).await;
    lab.recogniser.feed(JobId(1), &words[9_000..]);
    lab.recogniser.finish(JobId(1));
    assert_eq!(lab.failure(1, &words).await.message, "no language");
    assert_eq!(lab.logged("model.log", "begin"), 0);
}

/// Settings may change while the user speaks in an undetected language.
#[tokio::test]
async fn a_held_job_that_is_given_up_stays_so_with_another_engine() {
    let mut lab = Lab::new("");
    let words = sound(41, 20_000);
    lab.recogniser.begin(JobId(1), DecodeOptions::default(), Priority::Live);
    lab.recogniser.hold(JobId(1));
    assert!(lab.recogniser.is_open(JobId(1)));
    lab.recogniser.feed(JobId(1), &words);
    lab.recogniser.give_up_held(JobId(1), Failure::new(Code::EngineFailed, "no language"));
    assert!(!lab.recogniser.is_open(JobId(1)));
    let other = lab.model("other", "");
    lab.recogniser.set_spec(Ok(other));
    lab.state(EngineState::Warm).await;
    lab.recogniser.finish(JobId(1));
    assert_eq!(lab.failure(1, &words).await.message, "no language");
    // The next job is transcribed.
    let next = sound(42, 20_000);
    lab.job(2, Priority::Live, &next);
    lab.text(2, &next).await;
}

/// A user who stops before the language is known must not wait for an engine that never comes.
#[tokio::test]
async fn a_held_job_fails_at_its_end_if_there_is_no_engine() {
    let mut lab = Lab::new("load missing");
    let words = sound(39, 20_000);
    lab.state(EngineState::Failed).await;
    lab.recogniser.begin(JobId(1), DecodeOptions::default(), Priority::Live);
    lab.recogniser.hold(JobId(1));
    lab.recogniser.feed(JobId(1), &words);
    lab.recogniser.finish(JobId(1));
    lab.failure(1, &words).await;
}

/// From this, the daemon detects an engine that hangs while the user continues to speak.
#[tokio::test]
async fn it_is_known_how_much_an_engine_has_not_heard_yet() {
    let words = sound(40, 90_000);
    for (script, unheard) in [("", 0), ("begin deaf", 90_000)] {
        let mut lab = Lab::new(script);
        lab.recogniser.begin(JobId(1), language_after(16_000 * 60), Priority::Live);
        lab.recogniser.feed(JobId(1), &words);
        lab.engine_did("pcm", 6).await;
        lab.work_until(|lab| lab.recogniser.unsettled(JobId(1)) == unheard).await;
        assert!(lab.recogniser.has(JobId(1)), "it goes on listening");
    }
}
