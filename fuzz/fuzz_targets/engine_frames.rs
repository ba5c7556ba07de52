//! Fuzzes the bytes between the daemon and an engine, in both directions. A frame must be read or
//! refused, must consume no more than its own bytes, and must stay the same when it is sent again.

#![no_main]

use libfuzzer_sys::fuzz_target;
use serde::Serialize;
use serde::de::DeserializeOwned;
use v2m_ipc::engine::{self, Frame, FromEngine, MAX_FRAME, ToEngine};

fuzz_target!(|stream: &[u8]| {
    read_all::<ToEngine>(stream);
    read_all::<FromEngine>(stream);
});

fn read_all<M: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(stream: &[u8]) {
    let mut rest = stream;
    loop {
        let before = rest.len();
        let Ok(Some(frame)) = engine::read_frame::<M>(&mut rest) else { return };
        let taken = before - rest.len();
        assert!((5..=4 + MAX_FRAME).contains(&taken), "{taken} bytes for a frame");
        let again = match &frame {
            Frame::Message(message) => engine::encode_message(message),
            Frame::Pcm { job, samples } => engine::encode_pcm(*job, samples),
        };
        let again = engine::read_frame::<M>(&mut again.as_slice());
        assert_eq!(again.expect("it is a frame"), Some(frame));
    }
}
