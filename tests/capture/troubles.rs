//! Tests sources, session managers and PipeWire itself when they are missing, hang or disappear.

use crate::bench::{LINGER, ended, event, hear, on_event_loop, rest, start, started, stop};
use v2m::capture::{Capture, CaptureError, CaptureEvent, End};
use v2m::session::JobId;
use v2m_testkit::pipewire::PipeWire;

#[test]
fn the_configured_source_is_recorded_and_a_missing_one_is_an_error() {
    let name = "troubles::the_configured_source_is_recorded_and_a_missing_one_is_an_error";
    on_event_loop(name, async || {
        let pipewire = PipeWire::start(&["desk", "headset"]);
        let mut capture = Capture::spawn(LINGER).unwrap();
        for (job, source) in [(1, Some("headset")), (2, None), (3, Some("headset"))] {
            start(&capture, job, source);
            started(&mut capture, job).await;
            let links = pipewire.run("pw-link", &["-l"]);
            let feeder = source.unwrap_or("desk");
            assert!(links.contains(&format!("{feeder}:capture_MONO\n  |-> v2m:")), "{links}");
            stop(&capture, job);
            rest(&mut capture, job).await;
        }

        start(&capture, 4, Some("studio"));
        let wanted = "studio".into();
        let there = vec!["desk".into(), "headset".into()];
        let error = CaptureError::SourceMissing { wanted, there };
        assert_eq!(event(&mut capture).await, CaptureEvent::Failed { job: JobId(4), error });
        assert_eq!(pipewire.node_id("v2m"), None);

        let sources = v2m::capture::sources().unwrap();
        let told: Vec<_> = sources.iter().map(|s| (s.name.as_str(), s.is_default)).collect();
        assert_eq!(told, [("desk", true), ("headset", false)]);
        assert_eq!(sources[1].description, "Microphone headset");
    });
}

#[test]
fn without_pipewire_or_microphone_the_error_says_so() {
    on_event_loop("troubles::without_pipewire_or_microphone_the_error_says_so", async || {
        let mut pipewire = PipeWire::prepare(&[]);
        let mut capture = Capture::spawn(LINGER).unwrap();
        start(&capture, 1, None);
        let failed = event(&mut capture).await;
        let CaptureEvent::Failed { job: JobId(1), error: CaptureError::NoPipeWire(_) } = failed
        else {
            panic!("{failed:?}")
        };
        assert!(matches!(v2m::capture::sources(), Err(CaptureError::NoPipeWire(_))));

        pipewire.start_servers();
        start(&capture, 2, None);
        let error = CaptureError::NoSource;
        assert_eq!(event(&mut capture).await, CaptureEvent::Failed { job: JobId(2), error });
        assert_eq!(v2m::capture::sources(), Ok(vec![]));
    });
}

#[test]
fn without_a_session_manager_the_error_says_so() {
    on_event_loop("troubles::without_a_session_manager_the_error_says_so", async || {
        let mut pipewire = PipeWire::prepare(&["desk"]);
        pipewire.start_pipewire();
        let mut capture = Capture::spawn(LINGER).unwrap();
        start(&capture, 1, None);
        let error = CaptureError::NoDefault { there: vec!["desk".into()] };
        assert_eq!(event(&mut capture).await, CaptureEvent::Failed { job: JobId(1), error });
    });
}

#[test]
fn pipewire_stopping_while_recording_keeps_what_was_heard() {
    on_event_loop("troubles::pipewire_stopping_while_recording_keeps_what_was_heard", async || {
        let mut pipewire = PipeWire::start(&["desk"]);
        let mut capture = Capture::spawn(LINGER).unwrap();
        start(&capture, 1, None);
        started(&mut capture, 1).await;
        let heard = hear(&mut capture, 1, 8000).await.len();
        pipewire.kill_servers();
        let (tail, end) = rest(&mut capture, 1).await;
        let CaptureEvent::Ended { end: End::Lost(error), samples, lost: 0, .. } = end else {
            panic!("{end:?}")
        };
        assert!(matches!(error, CaptureError::PipeWireStopped(_)), "{error:?}");
        assert_eq!(samples as usize, heard + tail.len());

        pipewire.start_servers();
        start(&capture, 2, None);
        started(&mut capture, 2).await;
        stop(&capture, 2);
        rest(&mut capture, 2).await;

        // Once more, with a lingering stream.
        pipewire.kill_servers();
        pipewire.start_servers();
        start(&capture, 3, None);
        started(&mut capture, 3).await;
    });
}

#[test]
fn a_pipewire_that_hangs_is_not_waited_for_without_end() {
    on_event_loop("troubles::a_pipewire_that_hangs_is_not_waited_for_without_end", async || {
        let pipewire = PipeWire::start(&["desk"]);
        let mut capture = Capture::spawn(LINGER).unwrap();
        start(&capture, 1, None);
        started(&mut capture, 1).await;
        pipewire.freeze();
        let (_, end) = rest(&mut capture, 1).await;
        let CaptureEvent::Ended { end: End::Lost(CaptureError::Silent { wanted, .. }), .. } = end
        else {
            panic!("{end:?}")
        };
        assert_eq!(wanted, "desk");
        start(&capture, 2, None);
        let failed = event(&mut capture).await;
        let CaptureEvent::Failed { job: JobId(2), error: CaptureError::NoAnswer(_) } = failed
        else {
            panic!("{failed:?}")
        };
        assert!(matches!(v2m::capture::sources(), Err(CaptureError::NoAnswer(_))));
    });
}

#[test]
fn a_source_that_vanishes_ends_the_recording_and_no_other_takes_over() {
    let name = "troubles::a_source_that_vanishes_ends_the_recording_and_no_other_takes_over";
    on_event_loop(name, async || {
        let pipewire = PipeWire::start(&["desk", "headset", "laptop"]);
        let mut capture = Capture::spawn(LINGER).unwrap();
        for (job, source, which) in [(1, Some("headset"), "headset"), (2, None, "desk")] {
            start(&capture, job, source);
            started(&mut capture, job).await;
            let heard = hear(&mut capture, job, 4000).await.len();
            pipewire.unplug(which);
            let (tail, end) = rest(&mut capture, job).await;
            let error = CaptureError::SourceGone(which.into());
            assert_eq!(end, ended(job, End::Lost(error), heard + tail.len()));
            pipewire.until("the node to go", |pw| pw.node_id("v2m").is_none());
        }

        // The default source is another one now. It too may disappear while the stream lingers.
        start(&capture, 3, None);
        started(&mut capture, 3).await;
        stop(&capture, 3);
        rest(&mut capture, 3).await;
        pipewire.unplug("laptop");
        start(&capture, 4, Some("laptop"));
        let failed = event(&mut capture).await;
        assert!(matches!(failed, CaptureEvent::Failed { job: JobId(4), .. }), "{failed:?}");
    });
}
