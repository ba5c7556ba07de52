//! The frames between the daemon and `v2m-engine`. They use a socketpair that is the child's
//! standard input.
//!
//! A frame is a 4-byte unsigned big-endian length, one kind byte, and a payload of that length
//! minus one. Kind `J` is a JSON message ([`ToEngine`] or [`FromEngine`], by direction). Kind `P`
//! (daemon to engine only) is PCM: a 4-byte big-endian job number, then 16 kHz mono samples as
//! signed 16-bit little-endian, in order and without gaps. The samples are those of the store's
//! WAV, so an engine that gets them again gets exactly the same sound.
//!
//! The engine sends the first message: `Loading`, then `Loaded` or `LoadFailed`. A job is `Begin`,
//! any number of PCM frames, then `Finish` or `Cancel`. The engine does one job at a time. A
//! `Begin` ends a job that was never finished, but not one that was paused. After `Finish` the
//! engine answers `Final` or `Failed` once. `Segment`s may come any time after `Begin`. A job that
//! only detects the language ends with `Language` or `Failed`, perhaps before `Finish`. Answers to
//! a cancelled job may still be under way; the daemon recognises them by their number. When the
//! daemon closes its end, the engine exits.
//!
//! An engine that cannot work on this machine at all (no device, no driver, a processor without a
//! needed feature) writes the reason in one line to its standard error and exits with
//! [`EXIT_UNFIT`], if it gets that far.

use crate::reading::read_through_signals;
use serde::{Deserialize, Serialize};
use std::io::{self, Read, Write};
use v2m_messages::tr;

/// The longest accepted frame, in bytes after the length: more than a minute of PCM.
pub const MAX_FRAME: usize = 4 << 20;

/// The exit code of an engine that cannot work on this machine: `EX_UNAVAILABLE` of sysexits.h.
pub const EXIT_UNFIT: u8 = 69;

const KIND_JSON: u8 = b'J';
const KIND_PCM: u8 = b'P';

/// Options for decoding one recording.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DecodeOptions {
    /// The ISO 639-1 code, or `None` to detect the language once per recording.
    pub language: Option<String>,
    /// The codes to choose from when detecting. Empty: all that the model knows.
    pub languages: Vec<String>,
    /// Whether to translate to English instead of transcribing.
    pub translate: bool,
    /// Expected words, most important first. As many as fit go into the decoder's prompt.
    pub vocabulary: Vec<String>,
    /// The number of beams of the search. 1 is greedy.
    pub beam_size: u8,
    /// Whether no client waits for the text, for example with a file. Then the engine takes the
    /// time for all improvements.
    pub patient: bool,
    /// The number of samples of silence after speech before [`FromEngine::Quiet`] is sent. 0:
    /// never.
    pub quiet_after: u64,
    /// Whether [`FromEngine::Sentence`] is sent.
    pub sentences: bool,
    /// If it is not 0, nothing is transcribed: the language is detected among `languages` from this
    /// many samples with voice, or from those received at `Finish`, and [`FromEngine::Language`]
    /// ends the job. With `quiet_after` or `sentences`, a silence after a few words suffices too.
    /// `language` is then the language spoken before: it is the answer unless another is far
    /// likelier.
    pub language_after: u64,
}

impl Default for DecodeOptions {
    fn default() -> Self {
        Self {
            language: None,
            languages: Vec::new(),
            translate: false,
            vocabulary: Vec::new(),
            beam_size: 5,
            patient: false,
            quiet_after: 0,
            sentences: false,
            language_after: 0,
        }
    }
}

/// The text of a piece of speech that could not be transcribed, so that readers see that something
/// is missing.
pub const GAP: &str = "[…]";

/// A segment of recognised speech. Times count samples at [`crate::pcm::SAMPLE_RATE`] from the
/// start of the job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// The first sample.
    pub start: u64,
    /// One past the last sample.
    pub end: u64,
    /// The text, trimmed.
    pub text: String,
}

/// Statistics of decoding a job, for the journal and the benches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DecodeStats {
    /// The number of received samples.
    pub samples: u64,
    /// The number of samples given to the decoder, repeats included.
    pub decoded_samples: u64,
    /// The number of pieces that were decoded again because a guard rejected the first result.
    pub redone: u32,
    /// The number of pieces that could not be decoded. The text has [`GAP`] there.
    pub failed: u32,
    /// The time spent decoding, in milliseconds, including seams and joins.
    pub decode_ms: u64,
    /// The number of seams between pieces that the model was asked about.
    pub seams: u32,
    /// The time spent on seams, in milliseconds.
    pub seam_ms: u64,
    /// The number of times that pieces of one sentence were decoded again together.
    pub joins: u32,
    /// The number of these joins that gave a better text, which was used.
    pub joined: u32,
    /// The time spent on joins, in milliseconds, including abandoned ones.
    pub join_ms: u64,
    /// The time from `Finish` to `Final`, in milliseconds.
    pub finish_ms: u64,
}

/// A message from the daemon to the engine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ToEngine {
    /// A recording starts. Its PCM follows.
    Begin {
        /// The job's number, unique within the child's life.
        job: u32,
        /// The options for decoding it.
        options: DecodeOptions,
    },
    /// The job's PCM is complete. Answered by [`FromEngine::Final`].
    Finish {
        /// The job.
        job: u32,
    },
    /// Drop this job. No answer is needed.
    Cancel {
        /// The job.
        job: u32,
    },
    /// Pause this job until [`ToEngine::Resume`], because another one begins. Nothing of it is
    /// dropped. Only for an engine that announced the ability when it loaded
    /// ([`FromEngine::Loaded`]).
    Pause {
        /// The job.
        job: u32,
    },
    /// Continue this paused job. No other job is under way.
    Resume {
        /// The job.
        job: u32,
    },
    /// Checks that the engine is alive. Answered by [`FromEngine::Pong`] at once, even while
    /// decoding or loading.
    Ping {
        /// A number that the answer repeats.
        n: u64,
    },
}

/// Why an engine could not load its model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LoadFailure {
    /// The file does not exist or cannot be opened.
    Missing,
    /// The file exists but is not a usable model.
    Broken,
    /// The voice activity model's file does not exist or is not a usable model.
    BrokenVoice,
    /// The model does not fit into the memory that is free. It may fit later.
    Memory,
    /// This machine lacks a requirement of this engine (CPU features, device).
    Unsupported,
}

/// A message from the engine to the daemon.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum FromEngine {
    /// The first message: loading has begun.
    Loading {
        /// The size of the model file in bytes.
        bytes: u64,
    },
    /// The model is loaded and warm.
    Loaded {
        /// The backend that really computes: `cpu`, `cuda` or `vulkan`.
        backend: String,
        /// The device's own name.
        device: String,
        /// The time from the start until now, in milliseconds.
        loaded_in_ms: u64,
        /// The part of that time for the first second of audio. It creates everything that is
        /// created at the first use.
        #[serde(default)]
        warm_up_ms: u64,
        /// The total memory used on the device, in bytes. 0 if unknown.
        #[serde(default)]
        memory_bytes: u64,
        /// Whether the model knows languages other than English.
        multilingual: bool,
        /// Whether the engine understands [`ToEngine::Pause`]. An engine of an earlier version does
        /// not.
        #[serde(default)]
        pauses: bool,
    },
    /// The model cannot be used. The engine exits after this.
    LoadFailed {
        /// The kind of failure.
        failure: LoadFailure,
        /// The message for the user: what was being done and what went wrong.
        reason: String,
    },
    /// Text of a segment. A final segment replaces an earlier final one with the same start. A
    /// segment that is not final covers everything after the final ones, perhaps several pieces,
    /// and replaces the previous one that was not final. The words of a `final` segment do not
    /// change. Its last mark and the case of its first letter may be corrected once it is known how
    /// the speaker continues. [`FromEngine::Final`] has the definitive text.
    Segment {
        /// The job.
        job: u32,
        /// The text and its place.
        segment: Segment,
        /// Whether its words are final.
        #[serde(rename = "final")]
        is_final: bool,
    },
    /// The engine is still working on this job. Sent whenever the decoder makes progress, so that
    /// silence means a hang. Also sent whenever `settled` has grown by some seconds, so that a
    /// daemon with hours of audio can hold back the rest.
    Progress {
        /// The job.
        job: u32,
        /// All samples before this one are finished. The engine no longer keeps them.
        #[serde(default)]
        settled: u64,
    },
    /// The user spoke, and then was silent for [`DecodeOptions::quiet_after`] samples. Sent once
    /// for each such silence.
    Quiet {
        /// The job.
        job: u32,
        /// The number of samples received until then.
        at: u64,
    },
    /// The text up to this place is settled: its last sentence has ended, and none of its words,
    /// marks or letters changes any more. Its segments were sent before, as final ones. Only sent
    /// if [`DecodeOptions::sentences`] is set.
    Sentence {
        /// The job.
        job: u32,
        /// A sample in the silence after the sentence, or the sentence's end if there is no
        /// silence.
        until: u64,
        /// The sentence's ISO 639-1 code.
        language: String,
    },
    /// The answer to `Finish`.
    Final {
        /// The job.
        job: u32,
        /// The whole text. Empty if nobody spoke.
        text: String,
        /// The ISO 639-1 code, detected or as given.
        language: String,
        /// All final segments, in order.
        segments: Vec<Segment>,
        /// Statistics of the decoding.
        stats: DecodeStats,
    },
    /// The answer to a job with [`DecodeOptions::language_after`], as soon as it is known.
    Language {
        /// The job.
        job: u32,
        /// The ISO 639-1 code; `None` if nobody spoke.
        language: Option<String>,
        /// The number of samples with voice.
        voice: u64,
    },
    /// This job has no answer. The engine continues.
    Failed {
        /// The job.
        job: u32,
        /// The reason.
        reason: String,
    },
    /// The computing device is lost or has failed. This process can do nothing more and exits after
    /// this. If a job is under way, another process must do it.
    DeviceFailed {
        /// The reason.
        reason: String,
    },
    /// The answer to `Ping`.
    Pong {
        /// The number from `Ping`.
        n: u64,
    },
}

/// A frame that was read: a JSON message of the direction's type, or PCM.
#[derive(Clone, Debug, PartialEq)]
pub enum Frame<M> {
    /// A message.
    Message(M),
    /// Samples of a job.
    Pcm {
        /// The job.
        job: u32,
        /// The samples, 16 kHz mono.
        samples: Vec<i16>,
    },
}

/// Encodes a message as one frame.
pub fn encode_message<M: Serialize>(message: &M) -> Vec<u8> {
    let mut frame = vec![0, 0, 0, 0, KIND_JSON];
    serde_json::to_writer(&mut frame, message)
        .expect("messages have string keys and no failing serialisers");
    seal(frame)
}

/// Encodes samples as one frame. At most [`MAX_FRAME`]/2 − 4 samples; callers send fractions of a
/// second.
pub fn encode_pcm(job: u32, samples: &[i16]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(9 + samples.len() * 2);
    frame.extend_from_slice(&[0, 0, 0, 0, KIND_PCM]);
    frame.extend_from_slice(&job.to_be_bytes());
    frame.extend(samples.iter().flat_map(|s| s.to_le_bytes()));
    seal(frame)
}

fn seal(mut frame: Vec<u8>) -> Vec<u8> {
    let length = u32::try_from(frame.len() - 4).expect("frames are far below 4 GiB");
    frame[..4].copy_from_slice(&length.to_be_bytes());
    frame
}

/// Checks a frame's length before anything is allocated for it.
///
/// # Errors
/// `InvalidData` if it is zero or above [`MAX_FRAME`].
pub fn frame_length(header: [u8; 4]) -> io::Result<usize> {
    match u32::from_be_bytes(header) as usize {
        length @ 1..=MAX_FRAME => Ok(length),
        length => Err(invalid(tr!("engine frame of {length} bytes", length))),
    }
}

/// Decodes a frame's body (kind byte and payload).
///
/// # Errors
/// `InvalidData` if the kind is unknown, the JSON does not fit, or the PCM ends inside a sample.
pub fn decode<M: for<'de> Deserialize<'de>>(body: &[u8]) -> io::Result<Frame<M>> {
    match body.split_first() {
        Some((&KIND_JSON, json)) => serde_json::from_slice(json)
            .map(Frame::Message)
            .map_err(|error| invalid(tr!("engine message: {error}", error))),
        Some((&KIND_PCM, rest)) => match rest.split_first_chunk::<4>() {
            Some((job, pcm)) if pcm.len() % 2 == 0 => Ok(Frame::Pcm {
                job: u32::from_be_bytes(*job),
                samples: pcm.chunks_exact(2).map(|b| i16::from_le_bytes([b[0], b[1]])).collect(),
            }),
            _ => Err(invalid(tr!("engine PCM frame of {length} bytes", length = body.len()))),
        },
        _ => Err(invalid(tr!("engine frame of unknown kind").into())),
    }
}

/// Reads one frame, blocking. Returns `None` at a clean end of the stream.
///
/// # Errors
/// The errors of the reader, of [`frame_length`] and of [`decode`].
pub fn read_frame<M: for<'de> Deserialize<'de>>(
    reader: &mut impl Read,
) -> io::Result<Option<Frame<M>>> {
    let mut header = [0; 4];
    match read_through_signals(reader, &mut header)? {
        0 => return Ok(None),
        got => reader.read_exact(&mut header[got..])?,
    }
    let mut body = vec![0; frame_length(header)?];
    reader.read_exact(&mut body)?;
    decode(&body).map(Some)
}

/// Writes one message, blocking.
///
/// # Errors
/// The writer's errors.
pub fn write_message<M: Serialize>(writer: &mut impl Write, message: &M) -> io::Result<()> {
    writer.write_all(&encode_message(message))
}

fn invalid(text: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn pcm_survives_the_wire(job: u32, samples in proptest::collection::vec(any::<i16>(), 0..2000)) {
            let bytes = encode_pcm(job, &samples);
            let frame: Frame<ToEngine> = read_frame(&mut &bytes[..]).unwrap().unwrap();
            prop_assert_eq!(frame, Frame::Pcm { job, samples });
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _: io::Result<Option<Frame<ToEngine>>> = read_frame(&mut &bytes[..]);
        }
    }

    #[test]
    fn messages_survive_the_wire_in_order() {
        let sent = [
            ToEngine::Begin { job: 7, options: DecodeOptions::default() },
            ToEngine::Pause { job: 7 },
            ToEngine::Resume { job: 7 },
            ToEngine::Finish { job: 7 },
            ToEngine::Ping { n: 3 },
        ];
        let bytes: Vec<u8> = sent.iter().flat_map(encode_message).collect();
        let mut reader = &bytes[..];
        for message in sent {
            let got: Frame<ToEngine> = read_frame(&mut reader).unwrap().unwrap();
            assert_eq!(got, Frame::Message(message));
        }
        assert!(read_frame::<ToEngine>(&mut reader).unwrap().is_none());
    }

    #[test]
    fn an_engine_of_an_earlier_version_does_not_pause() {
        let loaded = r#"J{"type":"loaded","backend":"cuda","device":"x","loaded_in_ms":1,"multilingual":true}"#;
        let Ok(Frame::Message(FromEngine::Loaded { pauses, .. })) = decode(loaded.as_bytes())
        else {
            panic!("it is not understood")
        };
        assert!(!pauses);
    }

    #[test]
    fn a_length_is_refused_before_it_is_trusted() {
        assert!(frame_length([0xff; 4]).is_err());
        assert!(frame_length([0; 4]).is_err());
        assert_eq!(frame_length([0, 0, 0, 5]).unwrap(), 5);
    }
}
