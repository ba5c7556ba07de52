//! The frames between the daemon and `v2m-engine`, over a socketpair that is the child's standard
//! input.
//!
//! A frame is a 4-byte unsigned big-endian length, one kind byte, and that many bytes less one of
//! payload. Kind `J` is a JSON message ([`ToEngine`] or [`FromEngine`], by direction). Kind `P`
//! (daemon to engine only) is PCM: a 4-byte big-endian job number, then 16 kHz mono samples as
//! signed 16-bit little-endian, in order and without gaps. The samples are the ones the store's WAV
//! holds, so an engine that is fed again hears exactly the same.
//!
//! Order: the engine speaks first, `Loading` and then `Loaded` or `LoadFailed`. A job is `Begin`,
//! any number of PCM frames, then `Finish` or `Cancel`. One job at a time; a `Begin` ends a job
//! that was never finished, and leaves one that was paused. After `Finish` the engine answers
//! `Final` or `Failed` once, `Segment`s may come any time after `Begin`. Answers to a job that was
//! cancelled may still be under way: the daemon recognises them by their number. When the daemon
//! closes its end, the engine exits.
//!
//! An engine that cannot work on this machine at all (no device, no driver, a processor without
//! what it needs) says why in one line on its standard error and exits with [`EXIT_UNFIT`], if it
//! comes that far.

use serde::{Deserialize, Serialize};
use std::io::{self, Read, Write};

/// Longest frame accepted, in bytes after the length: a minute of PCM with room to spare.
pub const MAX_FRAME: usize = 4 << 20;

/// Exit code of an engine that cannot work on this machine: `EX_UNAVAILABLE` of sysexits.h.
pub const EXIT_UNFIT: u8 = 69;

const KIND_JSON: u8 = b'J';
const KIND_PCM: u8 = b'P';

/// How one recording is to be decoded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DecodeOptions {
    /// ISO 639-1 code, or `None` to detect the language once per recording.
    pub language: Option<String>,
    /// When detecting: only among these codes. Empty: among all that the model knows.
    pub languages: Vec<String>,
    /// Translate to English instead of transcribing.
    pub translate: bool,
    /// Words to expect, most important first; as many as fit go into the decoder's prompt.
    pub vocabulary: Vec<String>,
    /// Beams of the search; 1 is greedy.
    pub beam_size: u8,
    /// Whether nobody waits for the text, as with a file: then all is done that makes it better.
    pub patient: bool,
    /// Once somebody has spoken: after how many samples of silence [`FromEngine::Quiet`] tells so. 0:
    /// never.
    pub quiet_after: u64,
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
        }
    }
}

/// A stretch of recognised speech. Times count samples at [`crate::pcm::SAMPLE_RATE`] from the
/// job's first one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// First sample.
    pub start: u64,
    /// One past the last sample.
    pub end: u64,
    /// Text, trimmed.
    pub text: String,
}

/// What decoding a job took, for the journal and the benches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DecodeStats {
    /// Samples received.
    pub samples: u64,
    /// Samples given to the decoder, repeats included.
    pub decoded_samples: u64,
    /// Pieces decoded again because a guard rejected the first result.
    pub redone: u32,
    /// Pieces that could not be decoded; the text says `[…]` there.
    pub failed: u32,
    /// Time spent decoding, in milliseconds, seams and joins included.
    pub decode_ms: u64,
    /// Seams between pieces that the model was asked about.
    pub seams: u32,
    /// Time spent on that, in milliseconds.
    pub seam_ms: u64,
    /// How many times pieces of one sentence were decoded together once more.
    pub joins: u32,
    /// Of these, how many times the text was better and was taken.
    pub joined: u32,
    /// Time spent on that, in milliseconds, when it was given up included.
    pub join_ms: u64,
    /// From `Finish` to `Final`, in milliseconds.
    pub finish_ms: u64,
}

/// Daemon to engine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ToEngine {
    /// A recording starts; its PCM follows.
    Begin {
        /// Number of the job, unique within the child's life.
        job: u32,
        /// How to decode it.
        options: DecodeOptions,
    },
    /// No more PCM comes for this job: answer [`FromEngine::Final`].
    Finish {
        /// The job.
        job: u32,
    },
    /// Forget this job; nothing need be answered.
    Cancel {
        /// The job.
        job: u32,
    },
    /// Work on this job no further until [`ToEngine::Resume`]: another one begins meanwhile.
    /// Nothing of it is forgotten. Only for an engine that says so when it has loaded
    /// ([`FromEngine::Loaded`]).
    Pause {
        /// The job.
        job: u32,
    },
    /// Go on with this job, which was paused, where it was. No other one is under way.
    Resume {
        /// The job.
        job: u32,
    },
    /// Are you there? Answered by [`FromEngine::Pong`] at once, also while decoding or loading.
    Ping {
        /// Echoed back.
        n: u64,
    },
}

/// Why an engine could not load its model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LoadFailure {
    /// The file is not there or cannot be opened.
    Missing,
    /// The file is there and is no usable model.
    Broken,
    /// The voice activity model's file is not there or is no usable model.
    BrokenVoice,
    /// This machine lacks what this engine needs (CPU features, device, memory).
    Unsupported,
}

/// Engine to daemon.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum FromEngine {
    /// The first message: loading has begun.
    Loading {
        /// Size of the model file in bytes.
        bytes: u64,
    },
    /// The model is loaded and warm.
    Loaded {
        /// What really computes: `cpu`, `cuda` or `vulkan`.
        backend: String,
        /// The device's own name.
        device: String,
        /// Time from start to here, in milliseconds.
        loaded_in_ms: u64,
        /// What of it the first second of audio took: whatever is made at the first use is made by
        /// then.
        #[serde(default)]
        warm_up_ms: u64,
        /// Memory in bytes that all this takes on the device; 0 where that is not known.
        #[serde(default)]
        memory_bytes: u64,
        /// Whether the model knows languages beside English.
        multilingual: bool,
        /// Whether it understands [`ToEngine::Pause`]; one that was built for an earlier version
        /// does not.
        #[serde(default)]
        pauses: bool,
    },
    /// The model cannot be used; the engine exits after this.
    LoadFailed {
        /// What kind of failure.
        failure: LoadFailure,
        /// What was being done and what went wrong, for the user.
        reason: String,
    },
    /// Text of a stretch of speech. A final one with the same start as one before takes its place.
    /// One that is not final is all that follows the final ones, several pieces perhaps, and takes
    /// the place of the one before that was not final either. The words of a `final` one are
    /// there to stay; its last mark and whether its first letter is a capital may be told anew,
    /// once it is known how the speaker goes on. What [`FromEngine::Final`] has is the last word.
    Segment {
        /// The job.
        job: u32,
        /// The text and where it lies.
        segment: Segment,
        /// Whether its words will not change any more.
        #[serde(rename = "final")]
        is_final: bool,
    },
    /// Still at work on this job; sent whenever the decoder gets on, so that silence means it
    /// hangs, and whenever `settled` has grown by some seconds, so that a daemon with hours of
    /// audio can wait with the rest.
    Progress {
        /// The job.
        job: u32,
        /// All samples before this one are done with: the engine does not keep them any more.
        #[serde(default)]
        settled: u64,
    },
    /// Somebody spoke, and then nobody for [`DecodeOptions::quiet_after`] samples. Told once for each
    /// such silence.
    Quiet {
        /// The job.
        job: u32,
        /// The samples heard by then.
        at: u64,
    },
    /// The answer to `Finish`.
    Final {
        /// The job.
        job: u32,
        /// The whole text; empty when nobody spoke.
        text: String,
        /// ISO 639-1 code, detected or as given.
        language: String,
        /// All final segments, in order.
        segments: Vec<Segment>,
        /// What it took.
        stats: DecodeStats,
    },
    /// This job cannot be answered; the engine goes on.
    Failed {
        /// The job.
        job: u32,
        /// What went wrong.
        reason: String,
    },
    /// The device that computes is lost or has failed: this process can do nothing more and exits
    /// after this. The job under way, if there is one, is for another process.
    DeviceFailed {
        /// What went wrong.
        reason: String,
    },
    /// The answer to `Ping`.
    Pong {
        /// As sent.
        n: u64,
    },
}

/// One frame, read: a JSON message of the direction's type, or PCM.
#[derive(Clone, Debug, PartialEq)]
pub enum Frame<M> {
    /// A message.
    Message(M),
    /// Samples of a job.
    Pcm {
        /// The job.
        job: u32,
        /// 16 kHz mono.
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

/// Encodes samples as one frame. At most [`MAX_FRAME`]/2 − 4 of them: callers send fractions of a
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
/// `InvalidData` when it is zero or above [`MAX_FRAME`].
pub fn frame_length(header: [u8; 4]) -> io::Result<usize> {
    match u32::from_be_bytes(header) as usize {
        length @ 1..=MAX_FRAME => Ok(length),
        length => Err(invalid(format!("engine frame of {length} bytes"))),
    }
}

/// Decodes a frame's body (kind byte and payload).
///
/// # Errors
/// `InvalidData` when the kind is unknown, the JSON does not fit, or PCM is cut inside a sample.
pub fn decode<M: for<'de> Deserialize<'de>>(body: &[u8]) -> io::Result<Frame<M>> {
    match body.split_first() {
        Some((&KIND_JSON, json)) => serde_json::from_slice(json)
            .map(Frame::Message)
            .map_err(|e| invalid(format!("engine message: {e}"))),
        Some((&KIND_PCM, rest)) => match rest.split_first_chunk::<4>() {
            Some((job, pcm)) if pcm.len() % 2 == 0 => Ok(Frame::Pcm {
                job: u32::from_be_bytes(*job),
                samples: pcm.chunks_exact(2).map(|b| i16::from_le_bytes([b[0], b[1]])).collect(),
            }),
            _ => Err(invalid(format!("engine PCM frame of {} bytes", body.len()))),
        },
        _ => Err(invalid("engine frame of unknown kind".into())),
    }
}

/// Reads one frame, blocking; `None` at a clean end of the stream.
///
/// # Errors
/// Those of the reader, of [`frame_length`] and of [`decode`].
pub fn read_frame<M: for<'de> Deserialize<'de>>(
    reader: &mut impl Read,
) -> io::Result<Option<Frame<M>>> {
    let mut header = [0; 4];
    match reader.read(&mut header)? {
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
/// Those of the writer.
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
