//! Records what reached the microphone: a second recorder beside v2m, which no fault targets.

use crate::lab::{self, PATIENCE};
use crate::machine;
use rustix::process::Signal;
use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A second recorder of the virtual microphone. It ends when this is dropped.
pub(crate) struct Witness {
    recorder: Child,
    file: Heard,
}

/// The recorder's file, which can be read while it is written.
#[derive(Clone, Debug)]
pub(crate) struct Heard(PathBuf);

impl Witness {
    /// Starts to record. Returns once sound arrives.
    pub(crate) fn start(file: PathBuf) -> Self {
        Self::try_start(file, PATIENCE).expect("the microphone can be recorded")
    }

    /// Like `start`, with a time limit.
    pub(crate) fn try_start(file: PathBuf, limit: Duration) -> Option<Self> {
        let recorder = Command::new("pw-record")
            .args(["--target", "vmic", "--latency", "20ms", "-P", "{ node.name=witness }"])
            .args(["--rate", "16000", "--channels", "1", "--format", "s16"])
            .arg(&file)
            .stderr(Stdio::null())
            .spawn()
            .expect("pw-record is among the packages of the tests");
        let witness = Self { recorder, file: Heard(file) };
        machine::within(limit, || (witness.file.samples() > 0).then_some(()))?;
        Some(witness)
    }

    /// Returns the recorder's file.
    pub(crate) fn file(&self) -> Heard {
        self.file.clone()
    }

    /// Ends the recorder. Returns all sound at 16 kHz.
    pub(crate) fn finish(mut self) -> Vec<i16> {
        // Like Ctrl+C. The recorder may have ended with the sound server.
        machine::signal(self.recorder.id(), Signal::INT);
        lab::ended("the witness", &mut self.recorder);
        self.file.read()
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        let _ = self.recorder.kill();
        let _ = self.recorder.wait();
    }
}

/// The size of the header that pw-record's library writes, in bytes. Its length field is not valid
/// while the file is written.
const HEADER: usize = 44;

impl Heard {
    /// Returns the number of samples so far.
    pub(crate) fn samples(&self) -> usize {
        fs::metadata(&self.0).map_or(0, |it| (it.len() as usize).saturating_sub(HEADER) / 2)
    }

    /// Returns the samples so far.
    pub(crate) fn read(&self) -> Vec<i16> {
        read_samples(&self.0)
    }
}

/// Reads the samples of a recording with a plain header, and ignores the header's length.
pub(crate) fn read_samples(path: &std::path::Path) -> Vec<i16> {
    let bytes = fs::read(path).unwrap_or_default();
    let sound = bytes.get(HEADER..).unwrap_or_default();
    sound.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect()
}
