//! Tests the ring between two threads: order, ends, gaps.

use super::*;
use crate::capture::{CaptureError, Missing};
use crate::session::GapCause;
use std::time::Duration;

const A: JobId = JobId(1);
const B: JobId = JobId(2);

fn in_runtime(test: impl AsyncFnOnce(Tap, Control, Reader)) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (tap, control, reader) = ring().unwrap();
        test(tap, control, reader).await;
    });
}

fn pour(tap: &mut Tap, samples: &[f32], until: Option<Nanos>) {
    tap.cycle(|pour| {
        pour.push(samples.iter().copied());
        until
    });
}

/// Runs a cycle with the graph's clock at `ms`.
fn cycle(tap: &mut Tap, ms: u64, samples: &[f32]) {
    tap.cycle(|pour| {
        let now = Nanos::try_from(ms).unwrap() * 1_000_000;
        pour.note(Moment { ticks: 48 * ms, rate: 48_000, now });
        pour.push(samples.iter().copied());
        None
    });
}

fn missing(job: JobId, samples: u64, cause: GapCause) -> CaptureOutput {
    CaptureOutput::Gap { job, missing: Missing { samples, cause } }
}

fn started(job: JobId) -> CaptureEvent {
    CaptureEvent::Started {
        job,
        latency: Duration::ZERO,
        realtime: None,
        microphone: String::new(),
    }
}

fn ended(job: JobId, end: End) -> CaptureEvent {
    CaptureEvent::Ended { job, end, samples: 0, lost: 0 }
}

fn pcm(job: JobId, samples: &[f32]) -> CaptureOutput {
    CaptureOutput::Pcm { job, samples: samples.to_vec() }
}

#[test]
fn samples_come_between_their_jobs_start_and_end() {
    in_runtime(async |mut tap, control, mut reader| {
        for (job, sound) in [(A, 0.25), (B, 0.5)] {
            let begins = control.open();
            pour(&mut tap, &[sound; 3], None);
            control.mark(begins, started(job));
            let at = control.close();
            control.mark(at, ended(job, End::Stopped));
        }
        for (job, sound) in [(A, 0.25), (B, 0.5)] {
            assert_eq!(reader.next().await, CaptureOutput::Event(started(job)));
            assert_eq!(reader.next().await, pcm(job, &[sound; 3]));
            let end = ended(job, End::Stopped);
            assert_eq!(reader.next().await, CaptureOutput::Event(end));
        }
    });
}

#[test]
fn a_failed_or_cancelled_jobs_samples_never_reach_the_next() {
    in_runtime(async |mut tap, control, mut reader| {
        control.open();
        pour(&mut tap, &[0.1; 5], None);
        let failed = CaptureEvent::Failed { job: A, error: CaptureError::NoSource };
        control.mark(control.close(), failed.clone());
        let begins = control.open();
        control.mark(begins, started(B));
        pour(&mut tap, &[0.2; 5], None);
        control.mark(control.close(), ended(B, End::Cancelled));
        control.mark(control.open(), started(A));
        pour(&mut tap, &[0.3; 5], None);

        assert_eq!(reader.next().await, CaptureOutput::Event(failed));
        assert_eq!(reader.next().await, CaptureOutput::Event(started(B)));
        assert_eq!(reader.next().await, CaptureOutput::Event(ended(B, End::Cancelled)));
        assert_eq!(reader.next().await, CaptureOutput::Event(started(A)));
        assert_eq!(reader.next().await, pcm(A, &[0.3; 5]));
    });
}

#[test]
fn gaps_come_where_they_are() {
    in_runtime(async |mut tap, control, mut reader| {
        // Gaps count from the first sample on, even before the job is reported.
        let begins = control.open();
        cycle(&mut tap, 100, &[0.1; 320]);
        cycle(&mut tap, 120, &[0.2; 320]);
        cycle(&mut tap, 640, &[0.3; 320]);
        cycle(&mut tap, 660, &[0.4; 320]);
        control.mark(begins, started(A));
        control.mark(control.close(), ended(A, End::Stopped));
        // The next job's times do not depend on this job's.
        let begins = control.open();
        cycle(&mut tap, 9_000, &[0.5; 320]);
        cycle(&mut tap, 9_020, &[0.6; 320]);
        control.mark(begins, started(B));

        assert_eq!(reader.next().await, CaptureOutput::Event(started(A)));
        let before = [[0.1; 320], [0.2; 320]].concat();
        assert_eq!(reader.next().await, pcm(A, &before));
        assert_eq!(reader.next().await, missing(A, 8_000, GapCause::NotTaken));
        assert_eq!(reader.next().await, pcm(A, &[[0.3; 320], [0.4; 320]].concat()));
        assert_eq!(reader.next().await, CaptureOutput::Event(ended(A, End::Stopped)));
        assert_eq!(reader.next().await, CaptureOutput::Event(started(B)));
        assert_eq!(reader.next().await, pcm(B, &[[0.5; 320], [0.6; 320]].concat()));
    });
}

#[test]
fn what_found_no_room_is_a_gap() {
    in_runtime(async |mut tap, control, mut reader| {
        control.mark(control.open(), started(A));
        assert_eq!(reader.next().await, CaptureOutput::Event(started(A)));
        let ms = u64::try_from(CAPACITY).unwrap() / 16;
        cycle(&mut tap, 0, &vec![0.1; CAPACITY]);
        cycle(&mut tap, ms, &[0.2; 320]);
        cycle(&mut tap, ms + 20, &[0.2; 320]);
        let CaptureOutput::Pcm { samples, .. } = reader.next().await else { panic!("no PCM") };
        assert_eq!(samples.len(), CAPACITY);
        cycle(&mut tap, ms + 40, &[0.3; 320]);
        cycle(&mut tap, ms + 60, &[0.3; 320]);
        control.mark(control.close(), ended(A, End::Stopped));
        let mut told = Vec::new();
        let mut heard = 0;
        loop {
            match reader.next().await {
                CaptureOutput::Gap { missing, .. } => told.push(missing),
                CaptureOutput::Pcm { samples, .. } => heard += samples.len(),
                CaptureOutput::Event(_) => break,
            }
        }
        assert_eq!((heard, control.lost()), (640, 640));
        assert_eq!(told, [Missing { samples: 640, cause: GapCause::NotTaken }]);
    });
}

#[test]
fn what_follows_a_stall_is_held_back_and_lost_to_nobody() {
    in_runtime(async |mut tap, control, mut reader| {
        control.mark(control.open(), started(A));
        cycle(&mut tap, 0, &[0.1; 320]);
        // The driver stood still: its ticks go on, but its time jumps.
        tap.cycle(|pour| {
            pour.note(Moment { ticks: 960, rate: 48_000, now: 520_000_000 });
            pour.push([0.2; 320].into_iter());
            None
        });
        assert_eq!(reader.next().await, CaptureOutput::Event(started(A)));
        assert_eq!(reader.next().await, pcm(A, &[0.1; 320]));
        let patient = tokio::time::timeout(Duration::ZERO, reader.next()).await;
        assert!(patient.is_err(), "{patient:?}");
        control.mark(control.close(), ended(A, End::Stopped));
        assert_eq!(reader.next().await, missing(A, 8_000, GapCause::NotGiven));
        assert_eq!(reader.next().await, pcm(A, &[0.2; 320]));
        assert_eq!(reader.next().await, CaptureOutput::Event(ended(A, End::Stopped)));
    });
}

#[test]
fn a_job_that_is_refused_takes_nothing_from_the_one_under_way() {
    in_runtime(async |mut tap, control, mut reader| {
        control.mark(control.open(), started(A));
        let refused = CaptureEvent::Failed { job: B, error: CaptureError::Busy };
        control.mark(control.written(), refused.clone());
        pour(&mut tap, &[0.1; 5], None);
        assert_eq!(reader.next().await, CaptureOutput::Event(started(A)));
        assert_eq!(reader.next().await, CaptureOutput::Event(refused));
        assert_eq!(reader.next().await, pcm(A, &[0.1; 5]));
    });
}

#[test]
fn nothing_is_taken_while_closed() {
    in_runtime(async |mut tap, control, _reader| {
        pour(&mut tap, &[0.1; 5], None);
        assert_eq!(control.written(), 0);
        control.open();
        control.close();
        pour(&mut tap, &[0.1; 5], None);
        assert_eq!((control.written(), control.first_at()), (0, None));
    });
}

#[test]
fn draining_ends_with_the_cycle_that_reaches_the_stop() {
    in_runtime(async |mut tap, control, _reader| {
        control.open();
        control.drain_until(1_000);
        pour(&mut tap, &[0.1; 5], Some(999));
        assert!(!control.drained());
        pour(&mut tap, &[0.1; 5], None);
        assert!(!control.drained());
        pour(&mut tap, &[0.1; 5], Some(1_000));
        assert!(control.drained());
        pour(&mut tap, &[0.1; 5], Some(2_000));
        assert_eq!(control.close(), 15);
    });
}

#[test]
fn samples_without_room_are_counted() {
    in_runtime(async |mut tap, control, mut reader| {
        let begins = control.open();
        pour(&mut tap, &vec![0.1; CAPACITY - 1], None);
        pour(&mut tap, &[0.2; 4], None);
        assert_eq!((control.written(), control.lost()), (CAPACITY as u64, 3));
        control.mark(begins, started(A));
        assert_eq!(reader.next().await, CaptureOutput::Event(started(A)));
        let CaptureOutput::Pcm { samples, .. } = reader.next().await else { panic!("no PCM") };
        assert_eq!(samples.len(), CAPACITY);
        control.open();
        assert_eq!(control.lost(), 0);
    });
}

#[test]
fn a_waiting_reader_is_woken_from_another_thread() {
    in_runtime(async |mut tap, control, mut reader| {
        let writer = std::thread::spawn(move || {
            let begins = control.open();
            control.mark(begins, started(A));
            for _ in 0..100 {
                pour(&mut tap, &[0.5; 160], None);
                std::thread::yield_now();
            }
            control.mark(control.close(), ended(A, End::Stopped));
        });
        assert_eq!(reader.next().await, CaptureOutput::Event(started(A)));
        let mut heard = 0;
        while let CaptureOutput::Pcm { samples, .. } = reader.next().await {
            heard += samples.len();
        }
        assert_eq!(heard, 16_000);
        writer.join().unwrap();
    });
}
