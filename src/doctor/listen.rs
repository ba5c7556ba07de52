//! `v2m doctor --listen`: records two seconds from the microphone, and shows what v2m understands.
//!
//! The sound is recorded like a dictation, but by this program, so no dictation is kept. The
//! service transcribes it from a file that only the user can read, and that is deleted at once.

use super::Finding::{self, Bad, Good, Poor};
use super::service::{Heard, ServiceCheck};
use crate::capture::{Capture, CaptureCommand, CaptureEvent, CaptureOutput, End, to_pcm16};
use crate::config;
use crate::loudness::{Loudness, Sound};
use crate::session::JobId;
use etcetera::{BaseStrategy, base_strategy::Xdg};
use std::io::Write;
use std::time::Duration;
use tempfile::NamedTempFile;
use v2m_ipc::pcm::{self, SAMPLE_RATE};
use v2m_messages::tr;

/// Length of the recording, in samples.
const LENGTH: usize = pcm::seconds(2) as usize;

/// A recording and its microphone.
struct Recording {
    microphone: String,
    /// 16 kHz, full scale ±1.0.
    samples: Vec<f32>,
}

/// Records, and reports what was understood.
pub(super) fn listen(service: &mut ServiceCheck) -> Finding {
    let recording = match record() {
        Ok(recording) => recording,
        Err(problem) => return Bad(problem),
    };
    let mut loudness = Loudness::default();
    loudness.hear(&recording.samples);
    let Some(sound) = loudness.measured() else {
        return Bad(tr!(
            "{microphone}: the recording ended too soon",
            microphone = recording.microphone
        ));
    };
    match kept(&recording.samples) {
        Ok(file) => judged(&recording.microphone, &sound, &service.hears(file.path())),
        Err(error) => Poor(tr!("writing the recording for the service: {error}", error)),
    }
}

/// Records from the configured source. Bounded: a few seconds more than the recording.
fn record() -> Result<Recording, String> {
    // The first check reports errors in the settings.
    let settings = config::default_path()
        .and_then(|path| config::load(&path, std::env::vars_os()))
        .unwrap_or_default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| tr!("starting a runtime: {error}", error))?;
    runtime.block_on(async {
        let mut capture = Capture::spawn(Duration::ZERO).map_err(|error| error.to_string())?;
        let job = JobId(1);
        capture.send(CaptureCommand::Start { job, source: settings.capture.source });
        let mut recording = Recording { microphone: String::new(), samples: Vec::new() };
        loop {
            match capture.next().await {
                CaptureOutput::Pcm { samples, .. } => {
                    recording.samples.extend(samples);
                    if recording.samples.len() >= LENGTH {
                        capture.send(CaptureCommand::Stop { job });
                    }
                }
                CaptureOutput::Gap { .. } => {}
                CaptureOutput::Event(CaptureEvent::Started { microphone, .. }) => {
                    recording.microphone = microphone;
                }
                CaptureOutput::Event(CaptureEvent::Failed { error, .. }) => {
                    return Err(error.to_string());
                }
                CaptureOutput::Event(CaptureEvent::Ended { end: End::Lost(error), .. }) => {
                    return Err(error.to_string());
                }
                CaptureOutput::Event(CaptureEvent::Ended { .. }) => return Ok(recording),
            }
        }
    })
}

/// Writes the samples to a temporary file of the user, in the state folder, because the service may
/// see no other (the drop-in `no-home`).
fn kept(samples: &[f32]) -> std::io::Result<NamedTempFile> {
    let state = Xdg::new().ok().and_then(|dirs| dirs.state_dir()).map(|state| state.join("v2m"));
    let folder = state.unwrap_or_else(std::env::temp_dir);
    std::fs::create_dir_all(&folder)?;
    let mut file = tempfile::Builder::new().prefix("doctor-").suffix(".wav").tempfile_in(folder)?;
    file.write_all(&wav(&to_pcm16(samples)))?;
    Ok(file)
}

/// Returns a WAV file of 16 bit, one channel ("Multimedia Programming Interface and Data
/// Specifications 1.0", IBM and Microsoft, 1991).
fn wav(samples: &[i16]) -> Vec<u8> {
    let bytes = u32::try_from(samples.len() * 2).unwrap_or(u32::MAX);
    let mut file = Vec::with_capacity(44 + samples.len() * 2);
    file.extend(b"RIFF");
    file.extend(bytes.saturating_add(36).to_le_bytes());
    file.extend(b"WAVEfmt ");
    file.extend(16_u32.to_le_bytes());
    for number in [1_u16, 1] {
        file.extend(number.to_le_bytes());
    }
    for number in [SAMPLE_RATE, SAMPLE_RATE * 2] {
        file.extend(number.to_le_bytes());
    }
    for number in [2_u16, 16] {
        file.extend(number.to_le_bytes());
    }
    file.extend(b"data");
    file.extend(bytes.to_le_bytes());
    samples.iter().for_each(|sample| file.extend(sample.to_le_bytes()));
    file
}

/// Returns the finding about a recording.
fn judged(microphone: &str, sound: &Sound, heard: &Heard) -> Finding {
    let Sound { voice_dbfs, floor_dbfs, clipped } = sound;
    let percent = clipped * 100.0;
    let voice = format_args!("{voice_dbfs:.0}");
    let noise = format_args!("{floor_dbfs:.0}");
    let level = tr!(
        "voice {voice} dBFS, noise {noise} dBFS, {percent} % clipped",
        voice,
        noise,
        percent = format_args!("{percent:.1}")
    );
    match heard {
        Heard::Words { language, text } => match sound.fault() {
            None => Good(tr!(
                "{microphone}: {level}; language {language}: “{text}”",
                microphone,
                level,
                language,
                text
            )),
            Some(fault) => Poor(tr!(
                "{level}; language {language}: “{text}”. {fault}",
                level,
                language,
                text,
                fault = sound.told(fault, microphone)
            )),
        },
        Heard::Nothing => Poor(tr!(
            "{microphone}: no speech; the loudest sound was {voice} dBFS, noise {noise} dBFS. Speak while it \
             records. If you did, another microphone may be selected: wpctl status, and capture.source",
            microphone,
            voice,
            noise
        )),
        Heard::Problem(problem) => Poor(tr!(
            "{microphone}: {level}; not transcribed: {problem}",
            microphone,
            level,
            problem
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOUND: Sound = Sound { voice_dbfs: -23.0, floor_dbfs: -61.0, clipped: 0.0 };

    #[test]
    fn the_file_is_what_a_reader_of_wav_expects() {
        let file = wav(&[1, -2, 3]);
        let mut reader = hound::WavReader::new(std::io::Cursor::new(file)).unwrap();
        let spec = reader.spec();
        assert_eq!((spec.channels, spec.sample_rate, spec.bits_per_sample), (1, SAMPLE_RATE, 16));
        assert_eq!(reader.samples::<i16>().map(Result::unwrap).collect::<Vec<_>>(), [1, -2, 3]);
    }

    #[test]
    fn what_was_heard_is_told_with_its_level_its_language_and_its_text() {
        let heard = Heard::Words { language: "en".into(), text: "Hello.".into() };
        let good = "USB: voice -23 dBFS, noise -61 dBFS, 0.0 % clipped; language en: “Hello.”";
        assert_eq!(judged("USB", &SOUND, &heard), Good(good.into()));
        let noisy = Sound { floor_dbfs: -29.0, ..SOUND };
        let Poor(told) = judged("USB", &noisy, &heard) else { panic!("noise is not good") };
        assert!(told.contains("“Hello.”. The microphone is noisy (USB)"), "{told}");
        let Poor(told) = judged("USB", &SOUND, &Heard::Nothing) else { panic!("nothing heard") };
        assert!(told.starts_with("USB: no speech; the loudest sound was -23 dBFS"), "{told}");
    }
}
