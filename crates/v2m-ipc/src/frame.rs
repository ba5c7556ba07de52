//! The framing of the clients' socket: bytes in, frames out, and back.
//!
//! A connection uses one of two framings for its whole life. Its first byte shows which one:
//! - [`Framing::Length`]: a 4-byte unsigned big-endian length, then that many bytes. No legal
//!   length reaches 2^24, so the first byte is always 0x00.
//! - [`Framing::Lines`]: anything else; one frame per `\n`, blank lines skipped, for `socat` and
//!   shells.
//!
//! [`crate::message`] defines the content of frames. There is no IO and no clock here: the reader
//! of the socket pushes bytes, and calls [`FrameDecoder::is_midway`] if it has a deadline.

use serde::Serialize;
use std::fmt;
use v2m_messages::tr;

/// The longest request, in bytes without its length or line end.
pub const MAX_REQUEST: usize = 1 << 20;

/// The longest answer that a client accepts. An answer may repeat a request's text several times. A
/// frame's first byte is 0x00 only if its length fits in three bytes.
pub const MAX_ANSWER: usize = (1 << 24) - 1;

/// How frames are separated on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// A 4-byte unsigned big-endian length, then the frame.
    Length,
    /// The frame, then `\n`.
    Lines,
}

impl Framing {
    /// Returns the framing that a connection's first byte announces.
    pub fn of_first_byte(byte: u8) -> Self {
        if byte == 0 { Self::Length } else { Self::Lines }
    }

    /// Encodes one message for a single write: some clients read an answer with one `recv` for the
    /// length and one for the rest.
    pub fn encode<M: Serialize>(self, message: &M) -> Vec<u8> {
        match self {
            Self::Length => {
                let mut frame = json_after(vec![0; 4], message);
                let length = u32::try_from(frame.len() - 4).expect("messages are far below 4 GiB");
                frame[..4].copy_from_slice(&length.to_be_bytes());
                frame
            }
            // serde_json writes no line breaks outside strings, and escapes them inside.
            Self::Lines => {
                let mut frame = json_after(Vec::new(), message);
                frame.push(b'\n');
                frame
            }
        }
    }
}

fn json_after<M: Serialize>(mut frame: Vec<u8>, message: &M) -> Vec<u8> {
    serde_json::to_writer(&mut frame, message)
        .expect("messages have string keys and no failing serialisers");
    frame
}

/// A frame is longer than the limit. The start of the next frame is then unknown, so the connection
/// must end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong {
    /// The limit in bytes.
    pub limit: usize,
}

impl fmt::Display for TooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&tr!("a message may be at most {limit} bytes long", limit = self.limit))
    }
}

impl std::error::Error for TooLong {}

/// Takes frames out of a stream of bytes, however the stream is split.
///
/// It holds only bytes that were pushed and not yet taken; reading a length allocates nothing. If
/// all frames are taken before more bytes are pushed, it never holds more than one frame of the
/// limit and one push.
#[derive(Debug)]
pub struct FrameDecoder {
    framing: Option<Framing>,
    limit: usize,
    bytes: Vec<u8>,
    /// Everything before this index was taken.
    taken: usize,
    /// There is no line end between `taken` and this index. So a long line is searched only once.
    searched: usize,
}

impl FrameDecoder {
    /// Makes a server's decoder: the first byte announces the framing; frames are at most
    /// [`MAX_REQUEST`].
    pub fn for_requests() -> Self {
        Self { framing: None, limit: MAX_REQUEST, bytes: Vec::new(), taken: 0, searched: 0 }
    }

    /// Makes a client's decoder: answers in the given framing, at most [`MAX_ANSWER`].
    pub fn for_answers(framing: Framing) -> Self {
        Self { framing: Some(framing), limit: MAX_ANSWER, ..Self::for_requests() }
    }

    /// The framing, once the first byte is there.
    pub fn framing(&self) -> Option<Framing> {
        self.framing
    }

    /// Adds bytes that were read.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.framing.is_none() {
            self.framing = bytes.first().map(|&first| Framing::of_first_byte(first));
        }
        self.bytes.drain(..self.taken);
        self.searched -= self.taken;
        self.taken = 0;
        self.bytes.extend_from_slice(bytes);
    }

    /// Takes the next whole frame, if there is one.
    ///
    /// # Errors
    /// [`TooLong`] as soon as the frame's length, or its bytes so far, exceed the limit. All later
    /// calls fail too.
    pub fn next_frame(&mut self) -> Result<Option<&[u8]>, TooLong> {
        if self.taken == self.bytes.len() {
            self.release();
        }
        match self.framing {
            None => Ok(None),
            Some(Framing::Length) => self.next_by_length(),
            Some(Framing::Lines) => self.next_line(),
        }
    }

    /// Whether a frame has begun but not ended. Only meaningful after [`Self::next_frame`] returned
    /// `None`.
    pub fn is_midway(&self) -> bool {
        self.taken < self.bytes.len()
    }

    /// Takes the rest when the peer sends no more. A last line may lack its `\n`; a frame with a
    /// length must be complete.
    pub fn last_line(&mut self) -> Option<&[u8]> {
        let line = std::mem::replace(&mut self.taken, self.bytes.len())..self.bytes.len();
        self.searched = self.taken;
        let line = &self.bytes[line];
        (self.framing == Some(Framing::Lines) && !is_blank(line)).then_some(line)
    }

    /// Frees memory between frames, so that an idle connection does not keep the memory of its
    /// longest frame.
    fn release(&mut self) {
        self.bytes.clear();
        self.bytes.shrink_to(4096);
        (self.taken, self.searched) = (0, 0);
    }

    fn next_by_length(&mut self) -> Result<Option<&[u8]>, TooLong> {
        let Some((header, rest)) = self.bytes[self.taken..].split_first_chunk::<4>() else {
            return Ok(None);
        };
        let length = u32::from_be_bytes(*header) as usize;
        if length > self.limit {
            return Err(TooLong { limit: self.limit });
        }
        if rest.len() < length {
            return Ok(None);
        }
        let start = self.taken + 4;
        self.taken = start + length;
        self.searched = self.taken;
        Ok(Some(&self.bytes[start..start + length]))
    }

    fn next_line(&mut self) -> Result<Option<&[u8]>, TooLong> {
        loop {
            let end = self.bytes[self.searched..].iter().position(|&b| b == b'\n');
            let length = end.map_or(self.bytes.len(), |at| self.searched + at) - self.taken;
            if length > self.limit {
                return Err(TooLong { limit: self.limit });
            }
            let start = self.taken;
            self.searched = start + length;
            if end.is_none() {
                return Ok(None);
            }
            self.searched += 1;
            self.taken = self.searched;
            if !is_blank(&self.bytes[start..start + length]) {
                return Ok(Some(&self.bytes[start..start + length]));
            }
        }
    }
}

fn is_blank(line: &[u8]) -> bool {
    line.iter().all(u8::is_ascii_whitespace)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn drain(decoder: &mut FrameDecoder, frames: &mut Vec<Vec<u8>>) -> Result<(), TooLong> {
        while let Some(frame) = decoder.next_frame()? {
            frames.push(frame.to_vec());
        }
        Ok(())
    }

    /// Pushes `bytes` in pieces of the given sizes (repeated), and then the rest.
    fn decode(bytes: &[u8], sizes: &[usize]) -> (Vec<Vec<u8>>, Result<(), TooLong>) {
        let (mut decoder, mut frames, mut rest) = (FrameDecoder::for_requests(), Vec::new(), bytes);
        for size in sizes.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (now, later) = rest.split_at((*size).min(rest.len()));
            decoder.push(now);
            rest = later;
            if let Err(error) = drain(&mut decoder, &mut frames) {
                return (frames, Err(error));
            }
        }
        frames.extend(decoder.last_line().map(<[u8]>::to_vec));
        (frames, Ok(()))
    }

    proptest! {
        #[test]
        fn any_chunking_gives_the_same_frames(
            texts in vec(".{0,40}", 1..8),
            lines: bool,
            sizes in vec(1usize..50, 1..6),
        ) {
            let framing = if lines { Framing::Lines } else { Framing::Length };
            let stream: Vec<u8> = texts.iter().flat_map(|text| framing.encode(text)).collect();
            let (frames, end) = decode(&stream, &sizes);
            let got: Vec<String> = frames.iter().map(|f| serde_json::from_slice(f).unwrap()).collect();
            prop_assert_eq!(got, texts);
            prop_assert_eq!(end, Ok(()));
        }

        #[test]
        fn any_bytes_give_the_same_whole_or_in_pieces(
            bytes in vec(prop_oneof![Just(0u8), Just(b'\n'), any::<u8>()], 0..200),
            sizes in vec(1usize..20, 1..6),
        ) {
            prop_assert_eq!(decode(&bytes, &sizes), decode(&bytes, &[usize::MAX]));
        }
    }

    #[test]
    fn the_protocols_example_is_one_frame() {
        let bytes = b"\x00\x00\x00\x0e{\"cmd\":\"PING\"}";
        assert_eq!(Framing::Length.encode(&json!({"cmd": "PING"})), bytes);
        assert_eq!(decode(bytes, &[1]), (vec![br#"{"cmd":"PING"}"#.to_vec()], Ok(())));
    }

    #[test]
    fn a_length_over_the_limit_is_refused_with_nothing_allocated_for_it() {
        let mut decoder = FrameDecoder::for_requests();
        decoder.push(&[0, 0x10, 0, 1]);
        assert_eq!(decoder.next_frame(), Err(TooLong { limit: MAX_REQUEST }));
        assert!(decoder.bytes.capacity() < 64);
    }

    #[test]
    fn a_frame_of_exactly_the_limit_passes_in_both_framings() {
        let text = "x".repeat(MAX_REQUEST - 2);
        for framing in [Framing::Length, Framing::Lines] {
            let (frames, end) = decode(&framing.encode(&text), &[65_536]);
            assert_eq!((frames.len(), frames[0].len(), end), (1, MAX_REQUEST, Ok(())));
            let (frames, end) = decode(&framing.encode(&format!("{text}x")), &[65_536]);
            assert_eq!((frames.len(), end), (0, Err(TooLong { limit: MAX_REQUEST })));
        }
    }

    #[test]
    fn blank_lines_are_skipped_and_the_last_line_end_may_be_missing() {
        let (frames, end) = decode(b"{}\r\n\n  \n[1]\n{\"a\":2}", &[3]);
        let got: Vec<Value> = frames.iter().map(|f| serde_json::from_slice(f).unwrap()).collect();
        assert_eq!((got, end), (vec![json!({}), json!([1]), json!({"a": 2})], Ok(())));
    }

    #[test]
    fn half_a_frame_is_known_as_such() {
        for framing in [Framing::Length, Framing::Lines] {
            let mut decoder = FrameDecoder::for_requests();
            let bytes = framing.encode(&"hello");
            decoder.push(&bytes[..3]);
            assert_eq!(decoder.next_frame(), Ok(None));
            assert!(decoder.is_midway());
            decoder.push(&bytes[3..]);
            assert!(decoder.next_frame().unwrap().is_some());
            assert_eq!(decoder.next_frame(), Ok(None));
            assert!(!decoder.is_midway());
        }
    }

    #[test]
    fn a_frame_by_length_that_was_cut_off_is_no_frame() {
        assert_eq!(decode(b"\0\0\0\x0e{\"cmd\"", &[4]), (vec![], Ok(())));
    }
}
