//! Tests recordings that are split while they are made: the sentences of a continuous dictation.

use crate::bench::{Bench, delivered, record};
use v2m::session::{Gap, GapCause, JobId};
use v2m::store::{AskedFor, Retention, StoreEvent, read_pcm};

fn until_recorded(bench: &mut Bench, job: JobId) {
    loop {
        match bench.event() {
            StoreEvent::Recorded { job: it, .. } if it == job => return,
            StoreEvent::Failed { .. } | StoreEvent::AppendFailed { .. } => panic!("it failed"),
            _ => {}
        }
    }
}

/// Regression: from the 65th sentence on, the records did not name their dictation. So each
/// sentence counted as a dictation, and the older ones were deleted.
#[test]
fn all_sentences_of_a_long_talk_have_its_name() {
    let dir = tempfile::tempdir().unwrap();
    let mut bench = Bench::open(dir.path(), Retention::default());
    let first = bench.store.begin(JobId(1)).unwrap();
    let name = first.file_stem().unwrap().to_str().unwrap().to_owned();
    bench.store.append(JobId(1), vec![1; 200].into()).unwrap();
    for job in 1..=80 {
        let (this, next) = (JobId(job), JobId(job + 1));
        let asked = AskedFor { talk: bench.store.name(JobId(1)), ..AskedFor::default() };
        bench.store.split(this, next, 100, vec![1; 100], asked).unwrap();
        bench.store.append(next, vec![1; 100].into()).unwrap();
        until_recorded(&mut bench, this);
        bench.store.finish(this, delivered("said")).unwrap();
        let path = bench.store.path(next).unwrap().to_owned();
        while !matches!(bench.event(), StoreEvent::Finished { .. }) {}
        assert_eq!(record(&path).talk.as_ref(), Some(&name), "{}", job + 1);
    }
    bench.close();
}

#[test]
fn a_gap_across_the_cut_is_in_both_records() {
    let dir = tempfile::tempdir().unwrap();
    let mut bench = Bench::open(dir.path(), Retention::default());
    let [one, two] = [JobId(1), JobId(2)];
    let first = bench.store.begin(one).unwrap();
    bench.store.append(one, vec![1; 16_000].into()).unwrap();
    bench.store.miss(one, Gap { start: 8_000, end: 16_000, cause: GapCause::NotTaken }).unwrap();
    bench.store.split(one, two, 10_000, vec![1; 6_000], AskedFor::default()).unwrap();
    until_recorded(&mut bench, one);
    let gaps: Vec<_> = record(&first).gaps.iter().map(|gap| (gap.start, gap.end)).collect();
    assert_eq!(gaps, [(8_000, 10_000)]);
    assert_eq!(read_pcm(&first).unwrap().len(), 10_000);
    assert_eq!(read_pcm(bench.store.path(two).unwrap()).unwrap().len(), 6_000);
    bench.close();
}
