//! Tests that sound that could not be recorded is reported.

use crate::bench::{LINGER, alike, find, hear, next, on_event_loop, sample, start, started};
use v2m::capture::{Capture, CaptureOutput, Missing};
use v2m::session::GapCause;
use v2m_testkit::pipewire::PipeWire;

/// The number of samples in a second.
const SECOND: usize = 16_000;
/// The number of samples in a tenth of a second, which is the length of a compared piece.
const PIECE: usize = SECOND / 10;

/// Stops this process, which is the one that records, and continues it after some seconds.
fn freeze_ourselves(seconds: &str) {
    let own = std::process::id();
    let freeze = format!("kill -STOP {own}; sleep {seconds}; kill -CONT {own}");
    let mut freezer = std::process::Command::new("sh").args(["-c", &freeze]).spawn().unwrap();
    assert!(freezer.wait().unwrap().success());
}

/// Records the sample, and calls `disturb` after a second. Then checks that the sound after the
/// disturbance is at the right position, if reported gaps are filled with silence. Returns the
/// reported gaps.
async fn disturbed(disturb: impl FnOnce()) -> Vec<Missing> {
    let pipewire = PipeWire::start(&["desk"]);
    let files = tempfile::tempdir().unwrap();
    let (fed, wav) = sample(files.path());
    let mut capture = Capture::spawn(LINGER).unwrap();
    start(&capture, 1, None);
    started(&mut capture, 1).await;
    let _player = pipewire.play(&wav, "desk");
    let mut heard = Vec::new();
    while sounding(&heard) < SECOND {
        heard.extend(hear(&mut capture, 1, SECOND / 4).await);
    }
    disturb();
    let (mut all, mut since) = (Vec::new(), 0);
    while all.is_empty() || since < SECOND {
        match next(&mut capture).await {
            CaptureOutput::Pcm { samples, .. } => {
                since += samples.len();
                heard.extend(samples);
            }
            CaptureOutput::Gap { missing, .. } => {
                all.push(missing);
                since = 0;
                heard.resize(heard.len() + usize::try_from(missing.samples).unwrap(), 0.0);
            }
            CaptureOutput::Event(event) => panic!("{event:?}"),
        }
    }
    let begin = find(&fed, &heard);
    let is_loud = |piece: &[f32]| piece.iter().any(|sample| sample.abs() > 0.1);
    let pieces = (heard.len() - SECOND..heard.len()).step_by(PIECE);
    let pieces = pieces.filter(|&at| is_loud(&heard[at..at + PIECE]));
    let found = pieces.map(|at| likeness_about(&heard[at..at + PIECE], &fed, at - begin) > 0.94);
    let (found, not): (Vec<_>, Vec<_>) = found.partition(|found| *found);
    // On a busy machine the player itself misses some cycles, and its sound has holes then.
    assert!(found.len() > not.len(), "{} found, {} not, with {all:?}", found.len(), not.len());
    all
}

/// Returns the highest correlation of a piece with the original within a quarter of a second of
/// this position.
fn likeness_about(piece: &[f32], fed: &[f32], there: usize) -> f32 {
    let about = there.saturating_sub(SECOND / 4)..there + SECOND / 4;
    about.map(|there| alike(piece, &fed[there..])).max_by(f32::total_cmp).unwrap()
}

#[test]
fn a_recording_that_was_frozen_tells_what_is_missing() {
    on_event_loop("gaps::a_recording_that_was_frozen_tells_what_is_missing", async || {
        let missing = disturbed(|| freeze_ourselves("1.2")).await;
        assert!(missing.iter().all(|missing| missing.cause == GapCause::NotTaken), "{missing:?}");
        let samples: u64 = missing.iter().map(|missing| missing.samples).sum();
        assert!(samples > SECOND as u64 / 2, "{missing:?}");
    });
}

/// The pause is longer than a source may be silent. The source was not silent, so recording
/// continues.
#[test]
fn a_recording_that_was_frozen_for_long_goes_on() {
    on_event_loop("gaps::a_recording_that_was_frozen_for_long_goes_on", async || {
        let missing = disturbed(|| freeze_ourselves("3.6")).await;
        let samples: u64 = missing.iter().map(|missing| missing.samples).sum();
        assert!(samples > 2 * SECOND as u64, "{missing:?}");
    });
}

/// Returns the number of samples from the first loud one on.
fn sounding(heard: &[f32]) -> usize {
    heard.iter().position(|sample| sample.abs() > 0.1).map_or(0, |first| heard.len() - first)
}
