//! Corrects the headers of WAV, RF64 and AIFF files, which consist of chunks inside one chunk.
//!
//! If a WAV recorder is killed, its file keeps the lengths that it wrote at the start: 0, or
//! 2³² − 1. RF64 (EBU Tech 3306), for files beyond 4 GiB, is RIFF with its lengths in a separate
//! chunk.

use super::{Bytes, MOST_CHUNKS, Mend, quad};
use std::io;

/// The length of a file's head: "RIFF", a length, "WAVE"; or "FORM", a length, "AIFF".
const HEAD: u64 = 12;
/// The length of a chunk's name and length.
const CHUNK_HEAD: u64 = 8;
/// How many bytes come before the first sample in an AIFF file's sound chunk: an offset and a block
/// size.
const OFFSETS: u64 = 8;

/// The byte order of numbers.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ByteOrder {
    Little,
    Big,
}

impl ByteOrder {
    fn number(self, bytes: [u8; 4]) -> u32 {
        match self {
            Self::Little => u32::from_le_bytes(bytes),
            Self::Big => u32::from_be_bytes(bytes),
        }
    }

    /// Encodes a length as these formats do. A length that does not fit becomes the greatest
    /// number.
    fn length(self, length: u64) -> Vec<u8> {
        let length = u32::try_from(length).unwrap_or(u32::MAX);
        match self {
            Self::Little => length.to_le_bytes().into(),
            Self::Big => length.to_be_bytes().into(),
        }
    }
}

/// Returns how to correct the header. `None` for other formats, and if there is no sound.
pub(super) fn mend(bytes: &Bytes) -> io::Result<Option<Mend>> {
    let Some(head) = bytes.at::<12>(0)? else { return Ok(None) };
    let (order, sound, least) = match (&head[..4], &head[8..]) {
        (b"RIFF" | b"RF64", b"WAVE") => (ByteOrder::Little, *b"data", 0),
        (b"FORM", b"AIFF" | b"AIFC") => (ByteOrder::Big, *b"SSND", OFFSETS),
        _ => return Ok(None),
    };
    let is_long = &head[..4] == b"RF64";
    let mut mend = Mend::default();
    if is_long {
        mend.patches.push((0, b"RIFF".into()));
    }
    let (mut at, mut long_data, mut is_heard, mut end) = (HEAD, None, false, bytes.length);
    for _ in 0..MOST_CHUNKS {
        let Some((name, declared)) = chunk(bytes, at, order)? else { break };
        let begin = at + CHUNK_HEAD;
        let rest = bytes.length - begin;
        at = begin + u64::from(declared).next_multiple_of(2);
        if &name == b"ds64" && is_long {
            // The length of the file, then the length of the sound.
            long_data = bytes
                .at::<16>(begin)?
                .map(|both| u64::from_le_bytes(std::array::from_fn(|byte| both[8 + byte])));
            mend.patches.push((begin - CHUNK_HEAD, b"JUNK".into()));
        } else if name == sound {
            is_heard = true;
            // Recorders that do not know the length yet write a very large number, and not all
            // write the same one.
            let unknown = declared >= 0x7fff_0000 && u64::from(declared) > 2 * rest;
            let declared = long_data.filter(|_| unknown).unwrap_or(declared.into());
            let is_true = (least..=rest).contains(&declared)
                && (declared == rest || is_followed(bytes, begin, declared, order)?);
            let length = if is_true { declared } else { rest };
            mend.patches.push((begin - CHUNK_HEAD + 4, order.length(length)));
            // Lengths that were never filled in do not count as a declaration.
            mend.cut = (declared > rest && !unknown).into();
            // A WAV file's other chunks are not inspected.
            if !is_true || order == ByteOrder::Little {
                break;
            }
        } else if is_heard && u64::from(declared) > rest {
            // The file was cut off in a chunk that is not sound.
            end = begin - CHUNK_HEAD;
            break;
        }
    }
    mend.patches.push((4, order.length(end - CHUNK_HEAD)));
    mend.end = (end < bytes.length).then_some(end);
    Ok(is_heard.then_some(mend))
}

/// Whether a chunk follows sound of this length.
fn is_followed(bytes: &Bytes, begin: u64, length: u64, order: ByteOrder) -> io::Result<bool> {
    // After an odd length, some writers leave out the padding byte.
    let end = begin.saturating_add(length);
    // If the rest is too short for a chunk, it may be the beginning of one.
    let mut is_followed = (end..end.saturating_add(CHUNK_HEAD)).contains(&bytes.length);
    for end in [end, end.saturating_add(length & 1)] {
        is_followed |= is_chunk(bytes, end, order)?;
    }
    Ok(is_followed)
}

fn chunk(bytes: &Bytes, at: u64, order: ByteOrder) -> io::Result<Option<([u8; 4], u32)>> {
    let head = bytes.at::<8>(at)?;
    Ok(head.map(|head| (quad(&head, 0), order.number(quad(&head, 4)))))
}

/// Whether a chunk begins here, judging by its name and its length.
fn is_chunk(bytes: &Bytes, at: u64, order: ByteOrder) -> io::Result<bool> {
    const KNOWN: [&[u8; 4]; 16] = [
        b"LIST", b"id3 ", b"ID3 ", b"bext", b"cue ", b"iXML", b"_PMX", b"COMM", b"MARK", b"NAME",
        b"AUTH", b"ANNO", b"COMT", b"INST", b"APPL", b"(c) ",
    ];
    let Some((name, size)) = chunk(bytes, at, order)? else { return Ok(false) };
    let fits = at + CHUNK_HEAD + u64::from(size) <= bytes.length;
    Ok(KNOWN.contains(&&name) || fits && name.iter().all(|byte| (0x20..0x7f).contains(byte)))
}
