//! Corrects the headers of Matroska and WebM files: elements of EBML (RFC 8794, RFC 9559).
//!
//! If a file is shorter than its segment's declared size, symphonia reads nothing: it looks beyond
//! the end for the elements in the segment's table of contents (SeekHead). So the segment is read
//! as one of unknown size, and the table as a gap (Void).

use super::{Bytes, Mend, Truncation};
use std::io;

const EBML: u32 = 0x1a45_dfa3;
const SEGMENT: u32 = 0x1853_8067;
const SEEK_HEAD: u32 = 0x114d_9b74;
const INFO: u32 = 0x1549_a966;
const TRACKS: u32 = 0x1654_ae6b;
const CLUSTER: u32 = 0x1f43_b675;
/// The elements in a cluster: the time, blocks, groups of blocks, the size of the cluster before,
/// the position.
const IN_CLUSTER: [u32; 5] = [0xe7, 0xa3, 0xa0, 0xab, 0xa7];
const VOID: u8 = 0xec;

/// How many elements are inspected. A live recording may have clusters of unknown size, and their
/// blocks are inspected one by one: four hours of sound and picture have a million.
const MOST_ELEMENTS: usize = 1 << 22;

/// The head of an element.
struct Element {
    id: u32,
    /// The length of its head in bytes.
    head: u64,
    /// How many bytes of the head hold the size.
    size_bytes: u64,
    /// The number of bytes after its head. `None`: unknown.
    size: Option<u64>,
}

/// Returns how to correct the header. `None` for other formats.
pub(super) fn mend(bytes: &Bytes) -> io::Result<Option<Mend>> {
    let Some((ebml, header)) = element(bytes, 0)?.and_then(|ebml| Some((ebml.id, ebml.end(0)?)))
    else {
        return Ok(None);
    };
    if ebml != EBML {
        return Ok(None);
    }
    let Some(segment) = element(bytes, header)?.filter(|segment| segment.id == SEGMENT) else {
        return Ok(Some(Mend::default()));
    };
    let promised = segment.end(header);
    if promised.is_some_and(|end| end <= bytes.length) {
        return Ok(Some(Mend::default()));
    }
    let mut mend = walk(bytes, header + segment.head)?;
    if promised.is_some() {
        // A size with all bits set means an unknown size.
        let mut unknown = vec![0xff; usize::try_from(segment.size_bytes).unwrap_or(8)];
        unknown[0] >>= segment.size_bytes - 1;
        mend.patches.push((header + segment.head - segment.size_bytes, unknown));
    } else {
        // The file was recorded into a pipe, or its recorder was killed. It declares no size.
        mend.cut = Truncation::No;
    }
    Ok(Some(mend))
}

/// Walks through the elements of a segment that extends beyond the file, or to its end.
fn walk(bytes: &Bytes, begin: u64) -> io::Result<Mend> {
    let (mut mend, mut at) = (Mend::default(), begin);
    let (mut tables, mut has_info, mut has_tracks) = (Vec::new(), false, false);
    for _ in 0..MOST_ELEMENTS {
        let Some(element) = element(bytes, at)? else {
            // The file ends between two elements, or in the head of one.
            (mend.cut, mend.end, mend.is_whole) = (Truncation::Perhaps, Some(at), true);
            break;
        };
        has_info |= element.id == INFO;
        has_tracks |= element.id == TRACKS;
        if element.id == SEEK_HEAD {
            tables.push((at, element.end(at)));
        }
        if element.id == CLUSTER && has_info && has_tracks {
            // These tables are not needed to find the elements from here on.
            mend.patches
                .extend(tables.drain(..).filter_map(|(at, end)| Some((at, void(end? - at)))));
        }
        at = match element.end(at) {
            Some(end) if end <= bytes.length => end,
            Some(_) if element.id == CLUSTER || IN_CLUSTER.contains(&element.id) => {
                mend.cut = Truncation::Yes;
                break;
            }
            // The file was cut off in an element that is not sound.
            Some(_) => {
                (mend.cut, mend.end, mend.is_whole) = (Truncation::Perhaps, Some(at), true);
                break;
            }
            // Its contents follow.
            None => at + element.head,
        };
    }
    Ok(mend)
}

/// Makes the head of a gap (Void) of `bytes` bytes in all.
fn void(bytes: u64) -> Vec<u8> {
    match bytes.checked_sub(9) {
        Some(size) => [&[VOID, 0x01], &size.to_be_bytes()[1..]].concat(),
        None => vec![VOID, 0x80 | bytes.saturating_sub(2) as u8],
    }
}

impl Element {
    /// Returns the position after its last byte, if it begins at `at`.
    fn end(&self, at: u64) -> Option<u64> {
        (at + self.head).checked_add(self.size?)
    }
}

/// Reads the element at `at`. `None` if none begins there.
fn element(bytes: &Bytes, at: u64) -> io::Result<Option<Element>> {
    let Some([first]) = bytes.at::<1>(at)? else { return Ok(None) };
    let id_bytes = u64::from(first.leading_zeros()) + 1;
    if id_bytes > 4 {
        return Ok(None);
    }
    let Some([size]) = bytes.at::<1>(at + id_bytes)? else { return Ok(None) };
    let size_bytes = u64::from(size.leading_zeros()) + 1;
    let (head, mut number) = (id_bytes + size_bytes, [0_u8; 12]);
    if size_bytes > 8 || at + head > bytes.length {
        return Ok(None);
    }
    let count = usize::try_from(head).unwrap_or(number.len()).min(number.len());
    std::os::unix::fs::FileExt::read_exact_at(bytes.file, &mut number[..count], at)?;
    let take = |from: u64, count: u64| {
        (from..from + count).fold(0_u64, |all, at| all << 8 | u64::from(number[at as usize]))
    };
    let most = (1 << (7 * size_bytes)) - 1;
    let size = take(id_bytes, size_bytes) & most;
    let id = u32::try_from(take(0, id_bytes)).unwrap_or(0);
    Ok(Some(Element { id, head, size_bytes, size: (size < most).then_some(size) }))
}
