//! Plays a recording into the virtual microphone, whatever happens to the sound server meanwhile.

use crate::lab::{try_run, wait_for};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// The playing process. It ends when this is dropped.
pub(crate) struct Speaker(Child);

impl Speaker {
    /// Starts to play. Returns once the sound reaches the microphone.
    pub(crate) fn start(wav: &Path) -> Self {
        let child = Command::new("pw-cat")
            .args(["--playback", "--target", "0", "-P", "{ node.name=feeder }"])
            .args(["--channel-map", "MONO"])
            .arg(wav)
            .stderr(Stdio::null())
            .spawn()
            .expect("pw-cat is among the packages of the tests");
        let speaker = Self(child);
        // Playback starts once its port is linked.
        wait_for("the speaker's port", || speak_into("MONO").then_some(()));
        speaker
    }

    /// Waits for the end of the clip, or for `limit`: without a microphone, playback stands still.
    pub(crate) fn finish(mut self, limit: Duration) {
        let deadline = Instant::now() + limit;
        while Instant::now() < deadline && matches!(self.0.try_wait(), Ok(None)) {
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Speaker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Links the player to this port of the microphone. Returns false if one of the two does not exist.
pub(crate) fn speak_into(channel: &str) -> bool {
    try_run("pw-link", &["feeder:output_MONO", &format!("vmic:input_{channel}")]).status.success()
}
