//! Access for the fuzz target `media` to private parts of this module. Compiled for fuzzing only.

use super::mp4::{Movie, Unfollowed};
use super::{header, ogg};
use std::fs::File;
use std::io::{self, Read, Seek};

/// Returns a reader of the file with a corrected header.
///
/// # Errors
/// The file's errors.
pub fn mended(file: &File) -> io::Result<impl Read + Seek> {
    let mend = header::mend(file)?;
    header::Mended::new(file.try_clone()?, &mend)
}

/// Reads an MP4 file's tables for a track. Returns how many spans its edit list shows, or `None` if
/// the list cannot be followed.
pub fn movie(file: &File, track: u32) -> Option<usize> {
    let movie = Movie::of(file);
    let _ = movie.fragments(track);
    match movie.shown(track) {
        Ok(shown) => Some(shown.len()),
        Err(Unfollowed) => None,
    }
}

/// Counts unreadable streams and damaged pages of an Ogg file.
///
/// # Errors
/// The file's errors.
pub fn ogg_damage(file: &File, known: &[u32]) -> io::Result<(usize, usize)> {
    ogg::damage(file, known).map(|damage| (damage.streams, damage.pages))
}
