//! MP4 and QuickTime: boxes. The last one of a file that was cut off is longer than the file.

use super::{Bytes, MOST_CHUNKS, Mend, Truncation, quad};
use std::io;

/// A box's length and its name.
const BOX_HEAD: u64 = 8;

/// `None` for other forms.
pub(super) fn mend(bytes: &Bytes) -> io::Result<Option<Mend>> {
    if bytes.at::<8>(0)?.is_none_or(|head| &head[4..] != b"ftyp") {
        return Ok(None);
    }
    let (mut mend, mut at) = (Mend::default(), 0_u64);
    let (mut has_tables, mut has_fragments) = (false, false);
    for _ in 0..MOST_CHUNKS {
        let left = bytes.length - at;
        let Some(head) = bytes.at::<8>(at)? else {
            // Cut off in a box's head, if it has any of that.
            mend.cut = (has_fragments && left > 0).into();
            break;
        };
        let name = quad(&head, 4);
        let size = match u32::from_be_bytes(quad(&head, 0)) {
            // To the end of the file.
            0 => left,
            // In a field of its own.
            1 => match bytes.at::<16>(at)? {
                Some(head) => u64::from_be_bytes(std::array::from_fn(|byte| head[8 + byte])),
                None => break,
            },
            size => u64::from(size),
        };
        has_tables |= &name == b"moov" && size <= left;
        has_fragments |= &name == b"moof";
        if size > left {
            match &name {
                b"mdat" => {
                    // 0: to the end of the file.
                    let size = u32::try_from(left).unwrap_or(0);
                    mend.patches.push((at, size.to_be_bytes().into()));
                    mend.cut = Truncation::Yes;
                }
                // What stands before the sound of a fragment. symphonia leaves such a box out
                // without a word.
                b"moof" | b"styp" | b"sidx" | b"emsg" | b"prft" => mend.cut = Truncation::Yes,
                // Nothing of these is sound.
                _ => {}
            }
            break;
        }
        if size < BOX_HEAD {
            break;
        }
        at += size;
    }
    if !has_tables {
        mend.lacks = Some(
            "its table of contents (moov) is missing: the recorder was stopped before it could write that, or the file \
             was not copied completely",
        );
    }
    Ok(Some(mend))
}
