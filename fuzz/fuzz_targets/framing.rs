//! Fuzzes the decoder of frames with a stream split in any way. It must never panic, and must
//! return the same frames as for the undivided stream.
//!
//! The input's first byte selects how the stream is split; the rest is the stream.

#![no_main]

use libfuzzer_sys::fuzz_target;
use v2m_ipc::frame::{FrameDecoder, TooLong};

fuzz_target!(|input: &[u8]| {
    let Some((&size, stream)) = input.split_first() else { return };
    let whole = decode(stream, stream.len().max(1));
    assert_eq!(whole, decode(stream, usize::from(size).max(1)));
});

fn decode(stream: &[u8], size: usize) -> (Vec<Vec<u8>>, Result<(), TooLong>) {
    let (mut decoder, mut frames) = (FrameDecoder::for_requests(), Vec::new());
    for chunk in stream.chunks(size) {
        decoder.push(chunk);
        loop {
            match decoder.next_frame() {
                Ok(Some(frame)) => frames.push(frame.to_vec()),
                Ok(None) => break,
                Err(too_long) => return (frames, Err(too_long)),
            }
        }
    }
    frames.extend(decoder.last_line().map(<[u8]>::to_vec));
    (frames, Ok(()))
}
