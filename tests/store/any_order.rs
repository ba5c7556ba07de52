//! Tests any commands in any order.

use crate::bench::{delivered, failed, record, text};
use proptest::prelude::*;
use std::fs;
use tokio::sync::mpsc;
use v2m::session::{Code, JobId};
use v2m::store::{RecordUpdate, Retention, Store, read_pcm};

#[derive(Clone, Debug)]
enum Step {
    Begin(u32),
    Append(u32, u16),
    Rewrite(u32),
    Recorded(u32),
    Finish(u32, u8),
    Discard(u32),
    Delete,
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    let job = 0..3u32;
    prop_oneof![
        3 => job.clone().prop_map(Step::Begin),
        6 => (job.clone(), 0..3000u16).prop_map(|(job, n)| Step::Append(job, n)),
        1 => job.clone().prop_map(Step::Rewrite),
        2 => job.clone().prop_map(Step::Recorded),
        2 => (job.clone(), 0..4u8).prop_map(|(job, kind)| Step::Finish(job, kind)),
        1 => job.prop_map(Step::Discard),
        1 => Just(Step::Delete),
        2 => Just(Step::Restart),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever the commands and their order, the thread survives, and every file can be read.
    #[test]
    fn any_order_of_commands_leaves_a_sound_directory(steps in proptest::collection::vec(step(), 0..40)) {
        let dir = tempfile::tempdir().unwrap();
        let directory = dir.path().join("d");
        let keep = Retention { keep_count: 2, ..Retention::default() };
        let open = || {
            let (sender, mut events) = mpsc::channel(1);
            let store = Store::spawn(directory.clone(), keep, sender).unwrap();
            let reader = std::thread::spawn(move || while events.blocking_recv().is_some() {});
            (store, reader)
        };
        let (mut store, mut reader) = open();
        for step in steps {
            let _ = match step {
                Step::Begin(job) => store.begin(JobId(job)).map(drop),
                Step::Append(job, n) => store.append(JobId(job), vec![1; n.into()].into()),
                Step::Rewrite(job) => store.rewrite(JobId(job), vec![1; 500]),
                Step::Recorded(job) => store.recorded(JobId(job)),
                Step::Finish(job, 0) => store.finish(JobId(job), delivered("x")),
                Step::Finish(job, 1) => store.finish(JobId(job), RecordUpdate::Transcribed(text("x"))),
                Step::Finish(job, 2) => store.finish(JobId(job), failed(Code::EngineFailed)),
                Step::Finish(job, _) => store.finish(JobId(job), failed(Code::NoSpeech)),
                Step::Discard(job) => store.discard(JobId(job)),
                Step::Delete => { let _ = fs::remove_dir_all(&directory); Ok(()) }
                Step::Restart => {
                    drop(store);
                    prop_assert!(reader.join().is_ok());
                    (store, reader) = open();
                    Ok(())
                }
            };
        }
        drop(store);
        prop_assert!(reader.join().is_ok());
        for entry in fs::read_dir(&directory).into_iter().flatten() {
            let path = entry.unwrap().path();
            match path.extension().and_then(|end| end.to_str()) {
                Some("wav") => prop_assert!(read_pcm(&path).unwrap().iter().all(|s| *s == 1)),
                Some("json") => drop(record(&path)),
                _ => prop_assert_eq!(path.file_name().unwrap(), ".lock"),
            }
        }
    }
}
