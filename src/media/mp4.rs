//! Reads parts of an MP4 file (ISO/IEC 14496-12) that symphonia does not handle: edit lists, which
//! it reads but ignores, and the start of each fragment (`tfdt`), which it does not read.

use super::timeline::{Fragment, Fragments, PlayedSpan, ROUNDING};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// How many bytes of a file's tables are read. Hours of sound have some megabytes.
const MOST_TABLES: u64 = 64 << 20;

/// An edit list that cannot be followed. It plays spans out of order, twice or at another speed, or
/// is damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unfollowed;

/// A file's information about its tracks.
#[derive(Debug, Default)]
pub(super) struct Movie {
    /// The body of the box `moov`.
    tables: Vec<u8>,
    /// The runs, in the order of the file.
    runs: Vec<Run>,
}

/// The part of a fragment that belongs to one track.
#[derive(Clone, Copy, Debug)]
struct Run {
    track: u32,
    /// The start in the track's time, in ticks, if it is given.
    time: Option<i64>,
    samples: u64,
}

impl Movie {
    /// Reads the file's information. Empty for files of another format.
    pub(super) fn of(file: &File) -> Self {
        // An error is reported when the sound is read.
        read(file).unwrap_or_default()
    }

    /// Returns the spans that a track's edit list (8.6.6) shows. Empty if there is no list.
    pub(super) fn shown(&self, track: u32) -> Result<Vec<PlayedSpan>, Unfollowed> {
        let Some(trak) = self.trak(track) else { return Ok(Vec::new()) };
        let Some(list) = child(trak, b"edts").and_then(|edts| child(edts, b"elst")) else {
            return Ok(Vec::new());
        };
        let movie_scale = child(&self.tables, b"mvhd").and_then(scale).ok_or(Unfollowed)?;
        let own_scale = ticks(trak).ok_or(Unfollowed)?;
        shown(list, movie_scale, own_scale).ok_or(Unfollowed)
    }

    /// Returns the starts of a track's fragments. Empty for files without fragments.
    pub(super) fn fragments(&self, track: u32) -> Fragments {
        let own = self.runs.iter().filter(|run| run.track == track);
        let mut first = self.trak(track).map_or(0, samples_in_tables);
        let mut list = Vec::new();
        for run in own {
            list.extend(run.time.map(|time| Fragment { first, time }));
            first += run.samples;
        }
        Fragments::new(list, self.begin())
    }

    /// Returns the presentation time of the first fragment, in seconds. A part of a broadcast
    /// begins hours after the broadcast's start. 0 if the file does not consist of fragments alone.
    fn begin(&self) -> f64 {
        let traks = || children(&self.tables).filter(|(name, _)| name == b"trak");
        if traks().any(|(_, trak)| samples_in_tables(trak) > 0) {
            return 0.0;
        }
        let begin = |trak| {
            let track = child(trak, b"tkhd").and_then(track_number)?;
            let time = self.runs.iter().find(|run| run.track == track)?.time?;
            let time = time as f64 / ticks(trak)?;
            let shown = self.shown(track).unwrap_or_default();
            Some(shown.first().map_or(time, |shown| shown.at + (time - shown.begin).max(0.0)))
        };
        traks().filter_map(|(_, trak)| begin(trak)).min_by(f64::total_cmp).unwrap_or_default()
    }

    fn trak(&self, track: u32) -> Option<&[u8]> {
        let traks = children(&self.tables).filter(|(name, _)| name == b"trak");
        let is_it = |trak: &&[u8]| child(trak, b"tkhd").and_then(track_number) == Some(track);
        traks.map(|(_, body)| body).find(is_it)
    }
}

fn read(file: &File) -> io::Result<Movie> {
    let length = file.metadata()?.len();
    let (mut movie, mut at) = (Movie::default(), 0);
    while length.saturating_sub(at) >= 8 {
        let mut head = [0; 16];
        let have = usize::try_from((length - at).min(16)).unwrap_or(16);
        file.read_exact_at(&mut head[..have], at)?;
        let (size, body) = match u32::from_be_bytes(std::array::from_fn(|byte| head[byte])) {
            0 => (length - at, 8),
            1 => (u64::from_be_bytes(std::array::from_fn(|byte| head[8 + byte])), 16),
            size => (size.into(), 8),
        };
        let name = &head[4..8];
        let is_there = (body..=MOST_TABLES.min(length - at)).contains(&size);
        let bytes = || {
            let mut bytes = vec![0; usize::try_from(size - body).map_err(io::Error::other)?];
            file.read_exact_at(&mut bytes, at + body).map(|()| bytes)
        };
        match name {
            b"moov" if is_there => movie.tables = bytes()?,
            b"moof" if is_there => movie.runs.extend(runs(&bytes()?)),
            _ => {}
        }
        if size < body || (at == 0 && name != b"ftyp") {
            break;
        }
        at = at.saturating_add(size);
    }
    Ok(movie)
}

/// Reads a box `moof`. If it has several parts for one track, the last one counts, as in symphonia.
fn runs(moof: &[u8]) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for (_, traf) in children(moof).filter(|(name, _)| name == b"traf") {
        let track = child(traf, b"tfhd").and_then(|tfhd| number(tfhd, 4)).map(u32::from_be_bytes);
        let Some(track) = track else { continue };
        let truns = children(traf).filter(|(name, _)| name == b"trun");
        let samples =
            |(_, trun)| number(trun, 4).map_or(0, |count| u32::from_be_bytes(count).into());
        let run = Run {
            track,
            time: child(traf, b"tfdt").and_then(decode_time),
            samples: truns.map(samples).fold(0, u64::saturating_add),
        };
        runs.retain(|other| other.track != track);
        runs.push(run);
    }
    runs
}

/// Reads the time in `tfdt` (8.8.12).
fn decode_time(tfdt: &[u8]) -> Option<i64> {
    match tfdt.first()? {
        1 => i64::try_from(u64::from_be_bytes(number(tfdt, 4)?)).ok(),
        _ => Some(u32::from_be_bytes(number(tfdt, 4)?).into()),
    }
}

/// Returns the number of samples in a box `trak` itself, outside of fragments.
fn samples_in_tables(trak: &[u8]) -> u64 {
    let path = [b"mdia", b"minf", b"stbl", b"stsz"];
    let stsz = path.iter().try_fold(trak, |body, name| child(body, name));
    stsz.and_then(|stsz| number(stsz, 8)).map_or(0, |count| u32::from_be_bytes(count).into())
}

/// Reads the ticks per second of a box `trak`.
fn ticks(trak: &[u8]) -> Option<f64> {
    child(trak, b"mdia").and_then(|mdia| child(mdia, b"mdhd")).and_then(scale)
}

/// Iterates over the boxes in a box's body: names and bodies.
fn children(mut rest: &[u8]) -> impl Iterator<Item = ([u8; 4], &[u8])> {
    std::iter::from_fn(move || {
        let head = rest.get(..8)?;
        let size = u32::from_be_bytes(std::array::from_fn(|byte| head[byte]));
        let name = std::array::from_fn(|byte| head[4 + byte]);
        let body = rest.get(8..usize::try_from(size).ok()?)?;
        rest = &rest[8 + body.len()..];
        Some((name, body))
    })
}

fn child<'b>(body: &'b [u8], name: &[u8; 4]) -> Option<&'b [u8]> {
    children(body).find(|(other, _)| other == name).map(|(_, body)| body)
}

fn number<const N: usize>(body: &[u8], at: usize) -> Option<[u8; N]> {
    body.get(at..at + N)?.try_into().ok()
}

/// Reads the ticks per second from `mvhd` or `mdhd`.
fn scale(body: &[u8]) -> Option<f64> {
    let at = if body.first()? == &1 { 20 } else { 12 };
    let scale = u32::from_be_bytes(number(body, at)?);
    (scale > 0).then_some(scale.into())
}

/// Reads the track's number from `tkhd`.
fn track_number(body: &[u8]) -> Option<u32> {
    let at = if body.first()? == &1 { 20 } else { 12 };
    Some(u32::from_be_bytes(number(body, at)?))
}

/// Reads the spans in `elst`, if it shows them in order, each once.
fn shown(list: &[u8], movie_scale: f64, own_scale: f64) -> Option<Vec<PlayedSpan>> {
    let is_long = list.first()? == &1;
    let count = u32::from_be_bytes(number(list, 4)?);
    let size = if is_long { 20 } else { 12 };
    let (mut shown, mut at, mut before) = (Vec::new(), 0.0, 0.0);
    for entry in (0..usize::try_from(count).ok()?).map(|entry| 8 + entry * size) {
        let (duration, media) = if is_long {
            let media = i64::from_be_bytes(number(list, entry + 8)?);
            (u64::from_be_bytes(number(list, entry)?) as f64, media)
        } else {
            let media = i32::from_be_bytes(number(list, entry + 4)?);
            (f64::from(u32::from_be_bytes(number(list, entry)?)), media.into())
        };
        let speed = u32::from_be_bytes(number(list, entry + size - 4)?);
        let duration = duration / movie_scale;
        if media >= 0 {
            let begin = media as f64 / own_scale;
            // An entry without a duration shows everything, as in fragmented files.
            let end = if duration > 0.0 { begin + duration } else { f64::INFINITY };
            if speed != 1 << 16 || begin + ROUNDING < before {
                return None;
            }
            shown.push(PlayedSpan { begin, end, at });
            before = end;
        }
        at += duration;
    }
    Some(shown)
}
