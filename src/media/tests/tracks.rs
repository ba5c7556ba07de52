//! Files with several tracks of sound.

use super::*;

#[test]
fn a_track_that_is_not_silent_is_taken() {
    let (samples, seconds, notes) = case("first-track-silent.mp4");
    assert!(loudest(&samples, 0.0, seconds) > 3000);
    assert!(notes.contains("track 2 of its 2"), "{notes}");
}
