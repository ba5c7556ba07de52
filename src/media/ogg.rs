//! What symphonia leaves out of an Ogg file without a word (RFC 3533): pages whose check sum is
//! wrong, and of several streams that were joined to one file those whose first page is damaged.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

const MARK: &[u8; 4] = b"OggS";
/// Bytes of a page's head, up to the count of its segments.
const HEAD: usize = 27;
/// Bytes of the longest page.
const LONGEST: usize = HEAD + 255 + 255 * 255;
/// Flag of a page: the first of its stream.
const FIRST: u8 = 2;

/// What cannot be read of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Damage {
    /// In how many places streams begin of which none was read. Streams whose first pages stand
    /// together begin in one place; so does one whose first page is damaged.
    pub(super) streams: usize,
    /// How many pages are damaged, of whichever stream.
    pub(super) pages: usize,
}

/// Looks at all pages. `known` are the numbers of the streams that were read.
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

/// The next page from `at` on, which is then moved behind it.
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
    // Damaged: the next one begins where its mark stands.
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
            // What follows the last page of a file may be anything, a page that was cut off too:
            // that is told otherwise.
            return Ok(None);
        }
        // A mark may stand across the end of what was read.
        *at += (count - MARK.len()) as u64;
    }
}

/// Bytes of the page that begins there; `None`: none does.
fn length(bytes: &[u8]) -> Option<usize> {
    let segments = usize::from(*bytes.get(HEAD - 1)?);
    let body = bytes.get(HEAD..HEAD + segments)?;
    let body: usize = body.iter().map(|length| usize::from(*length)).sum();
    bytes.starts_with(MARK).then_some(HEAD + segments + body)
}

/// A page's check sum: CRC-32 of 0x04c11db7, most significant bit first, from 0.
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

/// As many bytes as there are.
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
