//! What the fuzz target `media` needs of this room's private parts. Compiled for fuzzing only.

use super::mp4::{Movie, Unfollowed};
use super::{header, ogg};
use std::fs::File;
use std::io::{self, Read, Seek};

/// The file as it is read once its header is mended.
///
/// # Errors
/// The file's.
pub fn mended(file: &File) -> io::Result<impl Read + Seek> {
    let mend = header::mend(file)?;
    header::Mended::new(file.try_clone()?, &mend)
}

/// What an MP4 file's tables tell of a track: how many stretches its edit list shows, or `None` if
/// that cannot be followed.
pub fn movie(file: &File, track: u32) -> Option<usize> {
    let movie = Movie::of(file);
    let _ = movie.fragments(track);
    match movie.shown(track) {
        Ok(shown) => Some(shown.len()),
        Err(Unfollowed) => None,
    }
}

/// Streams that cannot be read and damaged pages of an Ogg file.
///
/// # Errors
/// The file's.
pub fn ogg_damage(file: &File, known: &[u32]) -> io::Result<(usize, usize)> {
    ogg::damage(file, known).map(|damage| (damage.streams, damage.pages))
}
