//! Headers that say less, or more, than there is. The file's own length outranks them.
//!
//! A WAV recorder that is killed leaves the lengths that it wrote at its start: 0, or 2³² − 1. RF64 (EBU Tech 3306), for files
//! beyond 4 GiB, is RIFF with its lengths in a chunk of their own. The last box of an MP4 file that was cut off is longer than the
//! file, and symphonia reads nothing of it then.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use symphonia::core::io::MediaSource;

/// "RIFF", a length, "WAVE".
const HEAD: u64 = 12;
/// A chunk's name and its length.
const CHUNK_HEAD: u64 = 8;
/// Chunks before the sound; files have five or so.
const MOST_CHUNKS: usize = 1000;

/// A file of which some bytes are read as others.
pub(super) struct Mended {
    file: File,
    position: u64,
    length: u64,
    /// Where, and what is read there.
    patches: Vec<(u64, [u8; 4])>,
}

/// The file from its beginning, with a header that is true; any other form as it is. Whether its header promised more than
/// there is comes with it.
pub(super) fn mended(mut file: File) -> io::Result<(Mended, bool)> {
    let length = file.metadata()?.len();
    let found = match wav(&mut file, length)? {
        Some(found) => found,
        None => mp4(&mut file, length)?,
    };
    let (patches, is_cut) = found;
    file.seek(SeekFrom::Start(0))?;
    Ok((Mended { file, position: 0, length, patches }, is_cut))
}

type Patches = Vec<(u64, [u8; 4])>;

/// What is to be read in the place of a wrong header; `None` for other forms, and where there is no sound.
fn wav(file: &mut File, length: u64) -> io::Result<Option<(Patches, bool)>> {
    let Some(head) = bytes::<12>(file, 0, length)? else { return Ok(None) };
    let is_long = &head[..4] == b"RF64";
    if !(is_long || &head[..4] == b"RIFF") || &head[8..] != b"WAVE" {
        return Ok(None);
    }
    let mut patches = vec![(4, short(length - 8))];
    if is_long {
        patches.push((0, *b"RIFF"));
    }
    let (mut at, mut long_data) = (HEAD, None);
    for _ in 0..MOST_CHUNKS {
        let Some((name, declared)) = chunk(file, at, length)? else { break };
        let begin = at + CHUNK_HEAD;
        match &name {
            b"ds64" if is_long => {
                // The length of the file, then that of the sound.
                long_data = bytes::<16>(file, begin, length)?
                    .map(|both| u64::from_le_bytes(std::array::from_fn(|byte| both[8 + byte])));
                patches.push((at, *b"JUNK"));
            }
            b"data" => {
                // Recorders that do not know yet write some great number, not all the same one.
                let unknown = declared >= 0x7fff_0000 && u64::from(declared) > 2 * (length - begin);
                let declared = long_data.filter(|_| unknown).unwrap_or(declared.into());
                let rest = length - begin;
                // After an odd length some writers leave out the byte that fills it up.
                let end = begin.saturating_add(declared);
                let mut is_followed = end == length;
                for end in [end, end.saturating_add(declared & 1)] {
                    is_followed |= chunk_name(file, end, length)?;
                }
                let is_true = declared <= rest && (declared == rest || is_followed);
                let sound = if is_true { declared } else { rest };
                patches.push((at + 4, short(sound)));
                // Lengths that were never filled in promise nothing.
                let is_cut = declared > rest && !unknown;
                return Ok(Some((patches, is_cut)));
            }
            _ => {}
        }
        at = begin + u64::from(declared).next_multiple_of(2);
    }
    Ok(None)
}

/// The same for an MP4 file whose last box goes on beyond its end.
fn mp4(file: &mut File, length: u64) -> io::Result<(Patches, bool)> {
    let nothing = Ok((Vec::new(), false));
    let (mut at, mut is_one) = (0_u64, false);
    for _ in 0..MOST_CHUNKS {
        let Some(head) = bytes::<8>(file, at, length)? else { return nothing };
        let name: [u8; 4] = std::array::from_fn(|byte| head[4 + byte]);
        is_one |= &name == b"ftyp" && at == 0;
        let size = u32::from_be_bytes(std::array::from_fn(|byte| head[byte]));
        let left = length - at;
        let size = match size {
            // To the end of the file.
            0 => return nothing,
            // In a field of its own.
            1 => match bytes::<16>(file, at, length)? {
                Some(head) => u64::from_be_bytes(std::array::from_fn(|byte| head[8 + byte])),
                None => return nothing,
            },
            size => u64::from(size),
        };
        if is_one && size > left && &name == b"mdat" {
            // 0: to the end of the file.
            return Ok((vec![(at, u32::try_from(left).unwrap_or(0).to_be_bytes())], true));
        }
        if !is_one || size > left || size < CHUNK_HEAD {
            return nothing;
        }
        at = at.saturating_add(size);
    }
    nothing
}

fn chunk(file: &mut File, at: u64, length: u64) -> io::Result<Option<([u8; 4], u32)>> {
    let head = bytes::<8>(file, at, length)?;
    Ok(head.map(|head| {
        let [name, size] =
            [0, 4].map(|from| std::array::from_fn::<u8, 4, _>(|byte| head[from + byte]));
        (name, u32::from_le_bytes(size))
    }))
}

/// Whether a chunk begins there, by its name and by its length.
fn chunk_name(file: &mut File, at: u64, length: u64) -> io::Result<bool> {
    let Some((name, size)) = chunk(file, at, length)? else { return Ok(false) };
    let fits = at + CHUNK_HEAD + u64::from(size) <= length;
    let is_known = [b"LIST", b"id3 ", b"ID3 ", b"bext", b"cue ", b"iXML", b"_PMX"].contains(&&name);
    Ok(is_known || fits && name.iter().all(|byte| (0x20..0x7f).contains(byte)))
}

fn bytes<const N: usize>(file: &mut File, at: u64, length: u64) -> io::Result<Option<[u8; N]>> {
    if at.saturating_add(N as u64) > length {
        return Ok(None);
    }
    let mut bytes = [0; N];
    file.seek(SeekFrom::Start(at))?;
    file.read_exact(&mut bytes)?;
    Ok(Some(bytes))
}

/// A length as RIFF can say it; the greatest stands for one that it cannot say.
fn short(length: u64) -> [u8; 4] {
    u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes()
}

impl Read for Mended {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer)?;
        for (at, patch) in &self.patches {
            for (place, byte) in (*at..).zip(patch) {
                let offset = place.checked_sub(self.position).map(usize::try_from);
                if let Some(Ok(offset)) = offset
                    && offset < count
                {
                    buffer[offset] = *byte;
                }
            }
        }
        self.position += count as u64;
        Ok(count)
    }
}

impl Seek for Mended {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.position = self.file.seek(to)?;
        Ok(self.position)
    }
}

impl MediaSource for Mended {
    fn is_seekable(&self) -> bool {
        true
    }

    fn byte_len(&self) -> Option<u64> {
        Some(self.length)
    }
}
