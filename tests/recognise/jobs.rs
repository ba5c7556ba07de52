//! Tests the order of jobs, and which answers count.

use crate::lab::{Lab, short, sound, text_of};
use std::fs::{self, File};
use std::io::Write;
use std::time::Duration;
use v2m::recognise::{Priority, RecogniseEvent, Recorded};
use v2m::session::{Code, EngineState, JobId};
use v2m_ipc::engine::DecodeOptions;

#[tokio::test]
async fn the_text_is_that_of_the_samples_given_and_they_are_given_back() {
    let mut lab = Lab::new("");
    let words = sound(1, 33_333);
    lab.state(EngineState::Warm).await;
    lab.recogniser.begin(JobId(1), DecodeOptions::default(), Priority::Live);
    for piece in words.chunks(320) {
        lab.recogniser.feed(JobId(1), piece);
    }
    lab.recogniser.finish(JobId(1));
    let update = lab
        .until(|event| match event {
            RecogniseEvent::Update { job, text, is_final, .. } => Some((job, text, is_final)),
            _ => None,
        })
        .await;
    assert_eq!(update, (JobId(1), text_of(&words), true));
    assert_eq!(lab.text(1, &words).await, 1);
    lab.stays_silent().await;
}

#[tokio::test]
async fn a_recording_of_nothing_has_an_empty_text() {
    let mut lab = Lab::new("");
    lab.job(1, Priority::Live, &[]);
    lab.text(1, &[]).await;
    lab.job(2, Priority::Live, &[0; 20_000]);
    lab.text(2, &[0; 20_000]).await;
}

#[tokio::test]
async fn ten_minutes_that_waited_for_the_engine_arrive_sample_by_sample() {
    let mut lab = Lab::new("loading wait; pcm wait");
    let words = sound(2, 600 * 16_000);
    lab.job(1, Priority::Live, &words);
    lab.go();
    assert_eq!(lab.text(1, &words).await, 1);
}

/// Creates a recording like a file of the store, with a header before the samples.
fn recorded(lab: &Lab, sound: &[i16]) -> Recorded {
    let path = lab.path().join("recorded");
    let mut file = File::create_new(&path).unwrap();
    let bytes: Vec<u8> = sound.iter().flat_map(|sample| sample.to_le_bytes()).collect();
    file.write_all(&[7; 44]).unwrap();
    file.write_all(&bytes).unwrap();
    let (file, samples) = (File::open(path).unwrap(), sound.len() as u64);
    Recorded { file, offset: 44, samples, is_kept: false }
}

#[tokio::test]
async fn a_recording_on_disk_arrives_sample_by_sample_also_at_the_second_engine() {
    let mut lab = Lab::new("pcm wait; finish die\n\n");
    let words = sound(14, 600 * 16_000 + 5);
    let recorded = recorded(&lab, &words);
    lab.recogniser.transcribe(JobId(1), DecodeOptions::default(), Priority::Background, recorded);
    lab.go();
    let (job, result, audio) = lab.ended().await;
    let recognition = result.unwrap();
    assert_eq!((job, recognition.text, recognition.attempts), (1, text_of(&words), 2));
    assert!(audio.is_empty());
}

/// Steps that take a little longer and improve the text are only for files.
#[tokio::test]
async fn the_engine_knows_whether_somebody_waits_for_the_text() {
    let mut lab = Lab::new("");
    let words = sound(21, 40_000);
    let patient = |lab: &Lab| {
        fs::read_to_string(lab.path().join("model.log")).unwrap().lines().any(|l| l == "patient")
    };
    lab.job(1, Priority::Live, &words);
    lab.text(1, &words).await;
    assert!(!patient(&lab));
    lab.job(2, Priority::Background, &words);
    lab.text(2, &words).await;
    assert!(patient(&lab));
}

#[tokio::test]
async fn an_engine_is_given_two_minutes_ahead_and_replaced_when_it_gets_on_with_none_of_them() {
    let mut lab = Lab::with_hang("begin deaf\n\n", Duration::from_secs(3));
    let words = sound(15, 300 * 16_000);
    let recorded = recorded(&lab, &words);
    lab.recogniser.transcribe(JobId(1), DecodeOptions::default(), Priority::Background, recorded);
    lab.until(|event| matches!(event, RecogniseEvent::Replaced { .. }).then_some(())).await;
    let log = fs::read_to_string(lab.path().join("model.log")).unwrap();
    assert_eq!(log.lines().filter(|line| *line == "pcm").count(), 120);
    assert_eq!(lab.ended().await.1.unwrap().text, text_of(&words));
}

#[tokio::test]
async fn a_recording_that_cannot_be_read_back_fails_and_leaves_the_engine_to_the_next() {
    let mut lab = Lab::new("");
    let words = sound(16, 40_000);
    let mut short = recorded(&lab, &words);
    short.samples += 1;
    lab.recogniser.transcribe(JobId(1), DecodeOptions::default(), Priority::Live, short);
    lab.job(2, Priority::Live, &words);
    let failure = lab.failure(1, &[]).await;
    assert!(failure.code == Code::File && failure.message.contains("disk"), "{failure:?}");
    assert_eq!(lab.text(2, &words).await, 1);
    assert_eq!(lab.lives("model"), 1);
}

/// Regression: the message said that the recording was kept, but v2m keeps nothing of a file.
#[tokio::test]
async fn of_a_file_nothing_is_said_to_be_kept() {
    for script in ["finish die", "finish fail; finish fail"] {
        for is_kept in [false, true] {
            let mut lab = Lab::new(script);
            let recorded = Recorded { is_kept, ..recorded(&lab, &sound(19, 40_000)) };
            let options = DecodeOptions::default();
            lab.recogniser.transcribe(JobId(1), options, Priority::Background, recorded);
            let message = lab.failure(1, &[]).await.message;
            assert_eq!(message.contains("The recording is kept"), is_kept, "{message}");
            assert_eq!(message.contains("transcribe it again"), !is_kept, "{message}");
        }
    }
}

#[tokio::test]
async fn two_jobs_are_heard_one_after_the_other() {
    let mut lab = Lab::new("");
    let (first, second) = (sound(3, 40_000), sound(4, 30_000));
    lab.job(1, Priority::Live, &first);
    lab.job(2, Priority::Live, &second);
    lab.text(1, &first).await;
    lab.text(2, &second).await;
    lab.job(3, Priority::Background, &first);
    lab.job(4, Priority::Background, &second);
    lab.text(3, &first).await;
    lab.text(4, &second).await;
}

#[tokio::test]
async fn a_live_job_is_heard_before_a_background_one_that_came_first() {
    let mut lab = Lab::new("");
    let (file, words) = (sound(5, 40_000), sound(6, 30_000));
    lab.job(1, Priority::Background, &file);
    lab.job(2, Priority::Live, &words);
    lab.text(2, &words).await;
    lab.text(1, &file).await;
}

/// Starts a background job, and a dictation before the engine has sent anything of that job.
async fn interrupted(script: &str) -> (Lab, Vec<i16>, Vec<i16>) {
    let mut lab = Lab::new(script);
    let (file, words) = (sound(7, 40_000), sound(8, 30_000));
    lab.state(EngineState::Warm).await;
    lab.job(1, Priority::Background, &file);
    lab.engine_did("finish", 1).await;
    lab.job(2, Priority::Live, &words);
    (lab, file, words)
}

/// Returns how often the engine was told to begin a job, and how many pieces of sound it got.
fn told(lab: &Lab) -> (usize, usize) {
    (lab.logged("model.log", "begin"), lab.logged("model.log", "pcm"))
}

#[tokio::test]
async fn a_background_job_at_work_steps_back_and_goes_on_where_it_was() {
    let (mut lab, file, words) = interrupted("finish deaf").await;
    lab.text(2, &words).await;
    // An interruption does not count as an attempt.
    assert_eq!(lab.text(1, &file).await, 1);
    assert_eq!((told(&lab), lab.lives("model")), ((2, 3 + 2), 1));
}

/// Regression: a long file started again after each dictation, and never finished.
#[tokio::test]
async fn however_many_dictations_come_between_a_file_is_heard_once() {
    let mut lab = Lab::new("");
    let (file, words) = (sound(17, 80_000), sound(18, 30_000));
    lab.state(EngineState::Warm).await;
    lab.recogniser.begin(JobId(1), DecodeOptions::default(), Priority::Background);
    for round in 1..=5 {
        lab.recogniser.feed(JobId(1), &file[(round - 1) * 16_000..round * 16_000]);
        lab.engine_did("pcm", round + (round - 1) * 2).await;
        lab.job(round as u32 + 1, Priority::Live, &words);
        lab.text(round as u32 + 1, &words).await;
        lab.engine_did("resume", round).await;
    }
    lab.recogniser.finish(JobId(1));
    assert_eq!(lab.text(1, &file).await, 1);
    assert_eq!((told(&lab), lab.logged("model.log", "pause")), ((6, 5 + 5 * 2), 5));
}

/// An engine of an earlier version.
#[tokio::test]
async fn with_an_engine_that_cannot_pause_a_background_job_starts_over() {
    let (mut lab, file, words) = interrupted("load old; finish deaf").await;
    lab.text(2, &words).await;
    assert_eq!(lab.text(1, &file).await, 1);
    assert_eq!((told(&lab), lab.lives("model")), ((3, 3 + 2 + 3), 1));
}

#[tokio::test]
async fn a_paused_job_starts_over_when_the_engine_dies_of_another_one() {
    let (mut lab, file, words) = interrupted("finish deaf; finish die\n\n").await;
    assert_eq!(lab.text(2, &words).await, 2);
    assert_eq!(lab.text(1, &file).await, 1);
    assert_eq!((told(&lab), lab.lives("model")), ((4, 3 + 2 + 2 + 3), 2));
}

#[tokio::test]
async fn a_paused_job_may_be_cancelled() {
    let (mut lab, file, words) = interrupted("finish deaf; finish wait").await;
    lab.engine_did("pause", 1).await;
    lab.recogniser.cancel(JobId(1));
    lab.go();
    lab.text(2, &words).await;
    lab.job(3, Priority::Background, &file);
    assert_eq!(lab.text(3, &file).await, 1);
    assert_eq!(told(&lab), (3, 3 + 2 + 3));
    lab.stays_silent().await;
}

#[tokio::test]
async fn a_cancelled_job_is_never_heard_of_again_though_the_engine_answers_it() {
    let mut lab = Lab::new("finish deaf; cancel late");
    let (dropped, words) = (sound(9, 40_000), sound(10, 30_000));
    lab.state(EngineState::Warm).await;
    lab.job(1, Priority::Live, &dropped);
    lab.engine_did("finish", 1).await;
    lab.recogniser.cancel(JobId(1));
    lab.job(2, Priority::Live, &words);
    loop {
        match lab.event().await {
            RecogniseEvent::Update { job, text, .. } => {
                assert_eq!((job, text), (JobId(2), text_of(&words)));
            }
            RecogniseEvent::Done { job, recognition, .. } => {
                assert_eq!((job, recognition.text), (JobId(2), text_of(&words)));
                break;
            }
            event => panic!("{}", short(&event)),
        }
    }
    lab.stays_silent().await;
}

#[tokio::test]
async fn a_job_cancelled_while_half_of_it_is_sent_leaves_the_next_one_clean() {
    let mut lab = Lab::new("pcm wait");
    lab.state(EngineState::Warm).await;
    // More than the socket accepts while the engine does not read.
    let (dropped, words) = (sound(11, 2_000_000), sound(12, 30_000));
    lab.job(1, Priority::Live, &dropped);
    lab.engine_did("pcm", 1).await;
    lab.recogniser.cancel(JobId(1));
    lab.job(2, Priority::Live, &words);
    lab.go();
    assert_eq!(lab.text(2, &words).await, 1);
    assert_eq!(lab.lives("model"), 1);
}

#[tokio::test]
async fn a_text_that_comes_before_it_is_asked_for_is_not_taken_for_the_whole() {
    let mut lab = Lab::new("pcm early");
    lab.state(EngineState::Warm).await;
    let words = sound(13, 60_000);
    lab.recogniser.begin(JobId(1), DecodeOptions::default(), Priority::Live);
    lab.recogniser.feed(JobId(1), &words[..16_000]);
    lab.until(|event| match event {
        RecogniseEvent::Update { text, .. } => {
            assert_eq!(text, text_of(&words[..16_000]));
            Some(())
        }
        event => panic!("{}", short(&event)),
    })
    .await;
    lab.recogniser.feed(JobId(1), &words[16_000..]);
    lab.recogniser.finish(JobId(1));
    lab.text(1, &words).await;
}

#[tokio::test]
async fn a_job_nobody_began_is_refused_and_feeding_it_does_nothing() {
    let mut lab = Lab::new("");
    lab.recogniser.feed(JobId(5), &[1, 2, 3]);
    lab.recogniser.cancel(JobId(5));
    lab.recogniser.finish(JobId(5));
    let failure = lab.failure(5, &[]).await;
    assert_eq!(failure.code, v2m::session::Code::Internal);
}
