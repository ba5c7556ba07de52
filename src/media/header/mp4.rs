//! Corrects the headers of MP4 and QuickTime files, which consist of boxes. If a file was cut off,
//! its last box is longer than the file.

use super::{Bytes, MOST_CHUNKS, Mend, Truncation, quad};
use std::io;
use v2m_messages::tr;

/// The length of a box's length and name.
const BOX_HEAD: u64 = 8;

/// Returns how to correct the header. `None` for other formats.
pub(super) fn mend(bytes: &Bytes) -> io::Result<Option<Mend>> {
    if bytes.at::<8>(0)?.is_none_or(|head| &head[4..] != b"ftyp") {
        return Ok(None);
    }
    let (mut mend, mut at) = (Mend::default(), 0_u64);
    let (mut has_tables, mut has_fragments) = (false, false);
    for _ in 0..MOST_CHUNKS {
        let left = bytes.length - at;
        let Some(head) = bytes.at::<8>(at)? else {
            // If any bytes are left, the file was cut off in a box's head.
            mend.cut = (has_fragments && left > 0).into();
            break;
        };
        let name = quad(&head, 4);
        let size = match u32::from_be_bytes(quad(&head, 0)) {
            // The box extends to the end of the file.
            0 => left,
            // The length is in a separate field.
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
                    // 0 means: to the end of the file.
                    let size = u32::try_from(left).unwrap_or(0);
                    mend.patches.push((at, size.to_be_bytes().into()));
                    mend.cut = Truncation::Yes;
                }
                // These boxes come before the sound of a fragment. symphonia omits such a box
                // silently.
                b"moof" | b"styp" | b"sidx" | b"emsg" | b"prft" => mend.cut = Truncation::Yes,
                // These hold no sound.
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
        mend.lacks = Some(tr!(
            "its table of contents (moov) is missing: the recorder was stopped before it could \
             write that, or the file was not copied completely"
        ));
    }
    Ok(Some(mend))
}
