//! Tests start and stop, and the stream that lingers between recordings.

use crate::bench::{LINGER, ended, event, hear, next, on_event_loop, rest, start, started, stop};
use std::time::{Duration, Instant};
use v2m::capture::{Capture, CaptureCommand, CaptureError, CaptureEvent, CaptureOutput, End};
use v2m::session::JobId;
use v2m_testkit::pipewire::PipeWire;

#[test]
fn what_is_said_until_the_stop_is_in_the_recording() {
    on_event_loop("lingering::what_is_said_until_the_stop_is_in_the_recording", async || {
        let _pipewire = PipeWire::start(&["desk"]);
        let mut capture = Capture::spawn(LINGER).unwrap();
        for job in 0..10 {
            start(&capture, job, None);
            started(&mut capture, job).await;
            hear(&mut capture, job, 400).await;
            // The sound received so far is older than this moment, so from here on at least the
            // elapsed time must arrive.
            let then = Instant::now();
            let mut heard = hear(&mut capture, job, 1).await.len();
            // A quantum is 21 ms, so each job stops at another moment of one.
            tokio::time::sleep(Duration::from_millis(u64::from(job) * 2)).await;
            stop(&capture, job);
            let said = then.elapsed().as_secs_f64() * 16_000.0;
            let (tail, end) = rest(&mut capture, job).await;
            assert!(matches!(end, CaptureEvent::Ended { end: End::Stopped, lost: 0, .. }));
            heard += tail.len();
            // The resampler rounds a quantum up or down to whole samples.
            assert!(heard as f64 + 1.0 >= said, "{heard} samples of {said}");
        }
    });
}

/// PipeWire's library requests real-time priority. Checks that the reported result is true, whether
/// it is granted (as root, with rtkit) or not.
#[test]
fn whether_the_thread_has_real_time_priority_is_told() {
    on_event_loop("lingering::whether_the_thread_has_real_time_priority_is_told", async || {
        let _pipewire = PipeWire::start(&["desk"]);
        let mut capture = Capture::spawn(LINGER).unwrap();
        start(&capture, 1, None);
        let CaptureEvent::Started { realtime, .. } = event(&mut capture).await else {
            panic!("it did not start")
        };
        let policies = std::process::Command::new("ps")
            .args(["-L", "-o", "cls=", "-p", &std::process::id().to_string()])
            .output()
            .unwrap();
        let policies = String::from_utf8(policies.stdout).unwrap();
        let expected = policies.contains("FF") || policies.contains("RR");
        assert_eq!(realtime, Some(expected), "{policies}");
        println!("measured: real-time priority: {expected}");
    });
}

/// The stream of the last recording serves the next one, whether it is linked by one port or by
/// six.
#[test]
fn the_next_recording_starts_from_the_lingering_stream() {
    on_event_loop("lingering::the_next_recording_starts_from_the_lingering_stream", async || {
        for source in ["desk", "interface: AUX0 AUX1 AUX2 AUX3 AUX4 AUX5"] {
            let pipewire = PipeWire::start(&[source]);
            let mut capture = Capture::spawn(LINGER).unwrap();
            let mut node = None;
            for job in 0..10 {
                start(&capture, job, None);
                let latency = started(&mut capture, job).await;
                let kind = if job == 0 { "cold" } else { "warm" };
                println!("measured: press to first sample, {source}, {kind}: {latency:?}");
                hear(&mut capture, job, 1000).await;
                stop(&capture, job);
                rest(&mut capture, job).await;
                let lingering = pipewire.node_id("v2m");
                assert!(lingering.is_some() && (job == 0 || lingering == node), "{source}");
                node = lingering;
            }
            drop(capture);
            pipewire.until("the node to go", |pw| pw.node_id("v2m").is_none());
        }
    });
}

#[test]
fn without_linger_the_stream_goes_with_the_recording() {
    on_event_loop("lingering::without_linger_the_stream_goes_with_the_recording", async || {
        let pipewire = PipeWire::start(&["desk"]);
        let mut capture = Capture::spawn(Duration::ZERO).unwrap();
        for job in 0..3 {
            start(&capture, job, None);
            let latency = started(&mut capture, job).await;
            println!("measured: press to first sample, cold: {latency:?}");
            stop(&capture, job);
            rest(&mut capture, job).await;
            pipewire.until("the node to go", |pw| pw.node_id("v2m").is_none());
        }
    });
}

#[test]
fn after_lingering_the_stream_goes() {
    on_event_loop("lingering::after_lingering_the_stream_goes", async || {
        let pipewire = PipeWire::start(&["desk"]);
        let mut capture = Capture::spawn(Duration::from_millis(200)).unwrap();
        start(&capture, 1, None);
        started(&mut capture, 1).await;
        stop(&capture, 1);
        rest(&mut capture, 1).await;
        pipewire.until("the node to go", |pw| pw.node_id("v2m").is_none());
        start(&capture, 2, None);
        started(&mut capture, 2).await;
    });
}

#[test]
fn cancelled_stopped_and_crossing_commands_find_their_job() {
    on_event_loop(
        "lingering::cancelled_stopped_and_crossing_commands_find_their_job",
        async || {
            let _pipewire = PipeWire::start(&["desk"]);
            let mut capture = Capture::spawn(LINGER).unwrap();
            start(&capture, 1, None);
            started(&mut capture, 1).await;
            stop(&capture, 7);
            start(&capture, 2, None);
            capture.send(CaptureCommand::Cancel { job: JobId(1) });
            let (_, busy) = rest(&mut capture, 1).await;
            let error = CaptureError::Busy;
            assert_eq!(busy, CaptureEvent::Failed { job: JobId(2), error });
            let cancelled = rest(&mut capture, 1).await.1;
            let CaptureEvent::Ended { job: JobId(1), end: End::Cancelled, .. } = cancelled else {
                panic!("{cancelled:?}")
            };

            // A stop directly after the start: the recording ends with the sound so far.
            start(&capture, 3, None);
            stop(&capture, 3);
            let mut heard = 0;
            loop {
                match next(&mut capture).await {
                    CaptureOutput::Pcm { job: JobId(3), samples } => heard += samples.len(),
                    CaptureOutput::Event(CaptureEvent::Started { job: JobId(3), .. }) => {}
                    CaptureOutput::Event(end) => {
                        assert_eq!(end, ended(3, End::Stopped, heard));
                        break;
                    }
                    other => panic!("{other:?}"),
                }
            }

            // Dropping the capture while it records must not block.
            start(&capture, 4, None);
            started(&mut capture, 4).await;
            drop(capture);
        },
    );
}
