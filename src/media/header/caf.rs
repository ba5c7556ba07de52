//! Corrects the headers of CAF files: chunks with lengths of eight bytes. The format may leave the
//! last chunk's length open (−1), which symphonia does not support.

use super::{Bytes, MOST_CHUNKS, Mend, quad};
use std::io;

/// The length of a file's head: "caff", version, flags.
const HEAD: u64 = 8;
/// The length of a chunk's name and length.
const CHUNK_HEAD: u64 = 12;
/// How many bytes come before the first sample in the sound chunk: the edit count.
const EDITS: u64 = 4;

/// Returns how to correct the header. `None` for other formats.
pub(super) fn mend(bytes: &Bytes) -> io::Result<Option<Mend>> {
    if bytes.at::<4>(0)? != Some(*b"caff") {
        return Ok(None);
    }
    let (mut mend, mut at, mut is_heard) = (Mend::default(), HEAD, false);
    for _ in 0..MOST_CHUNKS {
        let Some((name, declared)) = chunk(bytes, at)? else {
            mend.end = Some(at).filter(|at| is_heard && *at < bytes.length);
            break;
        };
        let begin = at + CHUNK_HEAD;
        let rest = bytes.length - begin;
        let fitting = u64::try_from(declared).ok().filter(|length| *length <= rest);
        if &name == b"data" {
            is_heard = true;
            let fitting = match fitting.filter(|length| *length >= EDITS) {
                Some(length) if is_followed(bytes, begin + length)? => Some(length),
                _ => None,
            };
            let Some(length) = fitting else {
                mend.patches.push((at + 4, rest.to_be_bytes().into()));
                mend.cut = u64::try_from(declared).is_ok_and(|declared| declared > rest).into();
                break;
            };
            at = begin + length;
            continue;
        }
        let Some(length) = fitting else {
            // The file was cut off in a chunk that is not sound.
            mend.end = Some(at).filter(|_| is_heard);
            break;
        };
        at = begin + length;
    }
    Ok(Some(mend))
}

/// Whether the file ends here, or a chunk begins.
fn is_followed(bytes: &Bytes, at: u64) -> io::Result<bool> {
    // The rest is too short for a chunk, so it is the beginning of one.
    let Some((name, length)) = chunk(bytes, at)? else { return Ok(true) };
    Ok(length >= 0 && name.iter().all(|byte| (0x20..0x7f).contains(byte)))
}

fn chunk(bytes: &Bytes, at: u64) -> io::Result<Option<([u8; 4], i64)>> {
    let head = bytes.at::<12>(at)?;
    let length = |head: &[u8; 12]| i64::from_be_bytes(std::array::from_fn(|byte| head[4 + byte]));
    Ok(head.map(|head| (quad(&head, 0), length(&head))))
}
