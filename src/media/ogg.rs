//! Finds parts of an Ogg file (RFC 3533) that symphonia omits silently: pages with a wrong check
//! sum, and, if several streams were joined to one file, streams with a damaged first page.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

const MARK: &[u8; 4] = b"OggS";
/// The length of a page's head in bytes, up to the number of its segments.
const HEAD: usize = 27;
/// The length of the longest page in bytes.
const LONGEST: usize = HEAD + 255 + 255 * 255;
/// The flag of a stream's first page.
const FIRST: u8 = 2;

/// The parts of a file that cannot be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Damage {
    /// The number of places where streams begin and none of them was read. Streams with adjacent
    /// first pages begin in one place. A stream with a damaged first page also begins in one place.
    pub(super) streams: usize,
    /// The number of damaged pages, of any stream.
    pub(super) pages: usize,
}

/// Inspects all pages. `known` are the numbers of the streams that were read.
pub(super) fn damage(file: &File, known: &[u32]) -> io::Result<Damage> {
    let (mut places, mut pages): (Vec<Vec<u32>>, usize) = (Vec::new(), 0);
    let (mut at, mut was_first, mut buffer) = (0, false, Vec::new());
    while let Some(page) = next_page(file, &mut at, &mut buffer)? {
        let Page::Whole { is_first, serial } = page else {
            pages += 1;
            continue;
        };
        let is_known = places.iter().any(|place| place.contains(&serial));
        match places.last_mut().filter(|_| is_first && was_first) {
            Some(place) => place.push(serial),
            None if is_first || !is_known => places.push(vec![serial]),
            None => {}
        }
        was_first = is_first;
    }
    let is_read = |place: &&Vec<u32>| place.iter().any(|serial| known.contains(serial));
    let streams = places.iter().filter(|place| !is_read(place)).count();
    Ok(Damage { streams, pages })
}

enum Page {
    Whole { is_first: bool, serial: u32 },
    Damaged,
}

/// Returns the next page from `at` on, and moves `at` behind it.
fn next_page(file: &File, at: &mut u64, buffer: &mut Vec<u8>) -> io::Result<Option<Page>> {
    buffer.resize(LONGEST, 0);
    let head = read(file, &mut buffer[..HEAD + 255], *at)?;
    if let Some(length) = length(&buffer[..head])
        && read(file, &mut buffer[..length], *at)? == length
    {
        let page = &mut buffer[..length];
        let number = |at: usize| u32::from_le_bytes(std::array::from_fn(|byte| page[at + byte]));
        let (is_first, serial, sum) = (page[5] & FIRST != 0, number(14), number(22));
        page[22..26].fill(0);
        if check(page) == sum {
            *at += length as u64;
            return Ok(Some(Page::Whole { is_first, serial }));
        }
    }
    // The page is damaged. The next one begins at the next mark.
    let begun = *at;
    loop {
        let count = read(file, buffer, *at)?;
        let from = usize::from(*at == begun);
        let marks = buffer[from.min(count)..count].windows(MARK.len());
        if let Some(mark) = { marks }.position(|bytes| bytes == MARK) {
            *at += (from + mark) as u64;
            return Ok(Some(Page::Damaged));
        }
        if count < buffer.len() {
            // Anything may follow the last page of a file, even a page that was cut off. That is
            // reported elsewhere.
            return Ok(None);
        }
        // A mark may lie across the end of the bytes read.
        *at += (count - MARK.len()) as u64;
    }
}

/// Returns the length in bytes of the page that begins here. `None` if none begins here.
fn length(bytes: &[u8]) -> Option<usize> {
    let segments = usize::from(*bytes.get(HEAD - 1)?);
    let body = bytes.get(HEAD..HEAD + segments)?;
    let body: usize = body.iter().map(|length| usize::from(*length)).sum();
    bytes.starts_with(MARK).then_some(HEAD + segments + body)
}

/// Computes a page's check sum: CRC-32 of 0x04c11db7, most significant bit first, from 0.
fn check(page: &[u8]) -> u32 {
    page.iter().fold(0, |sum, byte| sum << 8 ^ CRC[(sum >> 24) as usize ^ usize::from(*byte)])
}

const CRC: [u32; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let (mut sum, mut bit) = ((byte as u32) << 24, 0);
        while bit < 8 {
            sum = if sum >> 31 == 1 { sum << 1 ^ 0x04c1_1db7 } else { sum << 1 };
            bit += 1;
        }
        table[byte] = sum;
        byte += 1;
    }
    table
};

/// Reads as many bytes as there are.
fn read(file: &File, buffer: &mut [u8], at: u64) -> io::Result<usize> {
    let mut count = 0;
    while count < buffer.len() {
        match file.read_at(&mut buffer[count..], at + count as u64)? {
            0 => break,
            more => count += more,
        }
    }
    Ok(count)
}
