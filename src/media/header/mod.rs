//! Corrects headers that declare less, or more, than the file contains. The file's own length is
//! more reliable.
//!
//! If a recorder is killed, its file keeps the lengths that were written at the start. A file that
//! was cut off declares more than it contains. symphonia then reads nothing, or stops silently. So
//! such a file is read with other bytes in these places.
//!
//! | file | formats |
//! |---|---|
//! | `riff` | WAV, RF64, AIFF |
//! | `caf` | CAF |
//! | `mp4` | MP4, QuickTime |
//! | `matroska` | Matroska, WebM |

mod caf;
mod matroska;
mod mp4;
mod riff;

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use symphonia::core::io::MediaSource;

/// How many chunks and boxes are inspected. Fragmented MP4 files have two of them every second or
/// so; other files have only a few.
const MOST_CHUNKS: usize = 1 << 17;

/// Describes how to read a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Mend {
    /// Positions in bytes, and the bytes that are read there.
    patches: Vec<(u64, Vec<u8>)>,
    /// The position in bytes that counts as the file's end: only the beginning of something that is
    /// not sound follows. `None`: the file's real end.
    end: Option<u64>,
    pub(super) cut: Truncation,
    /// Whether the file's last part is complete, in a format that does not declare its end.
    pub(super) is_whole: bool,
    /// A missing part that is needed to read anything.
    pub(super) lacks: Option<&'static str>,
}

/// Whether a file's header declares more sound than there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Truncation {
    /// It does not declare more.
    #[default]
    No,
    /// It declares more than there is, but the missing part may not be sound.
    Perhaps,
    /// It declares more sound than there is.
    Yes,
}

impl From<bool> for Truncation {
    fn from(is_cut: bool) -> Self {
        if is_cut { Self::Yes } else { Self::No }
    }
}

/// Determines how to read the file so that its header becomes correct.
pub(super) fn mend(file: &File) -> io::Result<Mend> {
    let bytes = Bytes { file, length: file.metadata()?.len() };
    for form in [riff::mend, caf::mend, mp4::mend, matroska::mend] {
        if let Some(mend) = form(&bytes)? {
            return Ok(mend);
        }
    }
    Ok(Mend::default())
}

/// A file for reads at given positions.
struct Bytes<'f> {
    file: &'f File,
    length: u64,
}

impl Bytes<'_> {
    /// Returns the bytes from `at` on. `None` if they are not all in the file.
    fn at<const N: usize>(&self, at: u64) -> io::Result<Option<[u8; N]>> {
        if at.saturating_add(N as u64) > self.length {
            return Ok(None);
        }
        let mut bytes = [0; N];
        self.file.read_exact_at(&mut bytes, at)?;
        Ok(Some(bytes))
    }
}

/// Returns four bytes of a head, from `at` on.
fn quad(head: &[u8], at: usize) -> [u8; 4] {
    std::array::from_fn(|byte| head[at + byte])
}

/// A reader that replaces some of the file's bytes.
pub(super) struct Mended {
    file: File,
    position: u64,
    length: u64,
    patches: Vec<(u64, Vec<u8>)>,
}

impl Mended {
    /// Starts at the file's beginning.
    pub(super) fn new(mut file: File, mend: &Mend) -> io::Result<Self> {
        file.seek(SeekFrom::Start(0))?;
        let length = file.metadata()?.len();
        let length = mend.end.map_or(length, |end| end.min(length));
        Ok(Self { file, position: 0, length, patches: mend.patches.clone() })
    }
}

impl Read for Mended {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.length.saturating_sub(self.position));
        let most = left.unwrap_or(usize::MAX).min(buffer.len());
        let count = self.file.read(&mut buffer[..most])?;
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
        let to = match to {
            SeekFrom::End(back) => {
                let end = self.length.checked_add_signed(back);
                SeekFrom::Start(end.ok_or(io::ErrorKind::InvalidInput)?)
            }
            to => to,
        };
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
