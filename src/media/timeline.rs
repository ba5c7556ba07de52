//! Where in time the sound of a container stands: by its time stamps, and by what an MP4 file's edit list shows and hides.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use symphonia::core::formats::Track;
use symphonia::core::packet::Packet;
use symphonia::core::units::TimeBase;

/// Seconds of silence between two packets that are no gap: time stamps are rounded.
const ROUNDING: f64 = 0.1;

/// The longest gap, in seconds, in a container that does not say how long it is. A longer one is a wrong time stamp.
const LONGEST_GAP: f64 = 3600.0;

/// Bytes of an MP4 file's tables that are read: hours of sound have some megabytes.
const MOST_TABLES: u64 = 64 << 20;

/// Tells where each packet stands, in seconds.
#[derive(Clone, Debug)]
pub(super) struct Timeline {
    /// `None`: its packets follow one another, whatever their time stamps say.
    stamps: Option<TimeBase>,
    /// Of the container's time: what is heard begins there. `None`: with its first packet.
    begin: Option<f64>,
    /// Whether a gap is sound that is lost, and not silence that was meant.
    is_gapless: bool,
    /// What an edit list shows, in order; empty: everything.
    shown: Vec<Shown>,
    length: Option<f64>,
}

/// A stretch of a track that is heard, in seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Shown {
    /// Of the track's time.
    begin: f64,
    end: f64,
    /// Of the time that is heard.
    at: f64,
}

/// Where frames of a packet belong.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Place {
    /// Frames at its beginning that do not belong there.
    pub(super) skip: usize,
    /// How many of the others do.
    pub(super) take: usize,
    /// Seconds of silence before them.
    pub(super) gap: f64,
}

impl Timeline {
    /// Of a track in a container of that form (symphonia's short name).
    pub(super) fn of(form: &str, track: &Track, shown: Vec<Shown>) -> Self {
        let is_gapless = matches!(form, "flac" | "ogg");
        let placed = is_gapless || matches!(form, "matroska" | "mkv" | "isomp4");
        // An MP3 file's length is a guess where nothing says it.
        let base = track.time_base.filter(|_| form != "mp3");
        let whole = base.zip(track.duration).map(|(base, duration)| {
            seconds(base, i64::try_from(duration.get()).unwrap_or(i64::MAX))
        });
        let length = match shown.last() {
            Some(last) => whole.map(|whole| last.at + whole.min(last.end) - last.begin),
            None => whole,
        };
        Self {
            stamps: track.time_base.filter(|_| placed),
            // A Matroska file may be a part of a broadcast that began long before.
            begin: (form == "isomp4").then_some(0.0),
            is_gapless,
            shown,
            length,
        }
    }

    /// The container has begun, with a packet of any of its tracks.
    pub(super) fn begun(&mut self, packet: &Packet, base: Option<TimeBase>) {
        let first = base.map_or(0.0, |base| seconds(base, packet.pts.get()));
        self.begin.get_or_insert(first);
    }

    /// Where a packet's frames belong, `heard` seconds having been heard before it. A stretch for each that the edit list shows of it.
    pub(super) fn places(
        &self,
        packet: &Packet,
        frames: usize,
        rate: u32,
        mut heard: f64,
    ) -> Vec<Place> {
        let Some(base) = self.stamps else {
            return vec![Place { skip: 0, take: frames, gap: 0.0 }];
        };
        let at = seconds(base, packet.pts.get());
        let rate = f64::from(rate);
        let everything =
            [Shown { begin: self.begin.unwrap_or_default(), end: f64::INFINITY, at: 0.0 }];
        let shown = if self.shown.is_empty() { &everything[..] } else { &self.shown };
        // `as` saturates.
        let until = |time: f64| (((time - at) * rate).round().max(0.0) as usize).min(frames);
        let mut places = Vec::new();
        for stretch in shown {
            let (skip, end) = (until(stretch.begin), until(stretch.end));
            let take = end.saturating_sub(skip);
            if take == 0 {
                continue;
            }
            let wanted = stretch.at + (at - stretch.begin).max(0.0);
            let gap = if wanted - heard > ROUNDING { wanted - heard } else { 0.0 };
            places.push(Place { skip, take, gap });
            heard += gap + take as f64 / rate;
        }
        places
    }

    /// Whether a gap there is longer than the rest of the file.
    pub(super) fn is_wrong(&self, gap: f64, heard: f64) -> bool {
        gap > self.length.map_or(LONGEST_GAP, |length| (length - heard).max(0.0) + 1.0)
    }

    /// Whether packets stand where their time stamps say.
    pub(super) fn is_placed(&self) -> bool {
        self.stamps.is_some()
    }

    /// Whether a gap is sound that is lost.
    pub(super) fn is_gapless(&self) -> bool {
        self.is_gapless
    }

    /// How long what is heard of the track is said to be.
    pub(super) fn length(&self) -> Option<f64> {
        self.length
    }
}

/// So much time of the container's, in seconds.
pub(super) fn seconds(base: TimeBase, ticks: i64) -> f64 {
    ticks as f64 * f64::from(base.numer.get()) / f64::from(base.denom.get())
}

/// An edit list that cannot be followed: it plays stretches out of order, twice or at another speed, or is damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unfollowed;

/// What the edit list of an MP4 file's track shows (ISO/IEC 14496-12, 8.6.6). Nothing where there is none, and for files of another
/// form. symphonia reads edit lists and heeds none.
pub(super) fn edits(file: &File, track: u32) -> Result<Vec<Shown>, Unfollowed> {
    let Ok(Some(tables)) = tables(file) else { return Ok(Vec::new()) };
    let movie_scale = child(&tables, b"mvhd").and_then(scale).ok_or(Unfollowed);
    let of_track = |trak: &&[u8]| child(trak, b"tkhd").and_then(track_number) == Some(track);
    let trak = children(&tables).filter(|(name, _)| name == b"trak").map(|(_, body)| body);
    let Some(trak) = trak.into_iter().find(of_track) else { return Ok(Vec::new()) };
    let Some(list) = child(trak, b"edts").and_then(|edts| child(edts, b"elst")) else {
        return Ok(Vec::new());
    };
    let own_scale = child(trak, b"mdia").and_then(|mdia| child(mdia, b"mdhd")).and_then(scale);
    let own_scale = own_scale.ok_or(Unfollowed)?;
    shown(list, movie_scale?, own_scale).ok_or(Unfollowed)
}

/// The body of the box `moov`.
fn tables(file: &File) -> io::Result<Option<Vec<u8>>> {
    let mut file = file;
    let length = file.metadata()?.len();
    let mut at = 0;
    while at + 8 <= length {
        file.seek(SeekFrom::Start(at))?;
        let mut head = [0; 16];
        let have = usize::try_from((length - at).min(16)).unwrap_or(16);
        file.read_exact(&mut head[..have])?;
        let (size, body) = match u32::from_be_bytes(std::array::from_fn(|byte| head[byte])) {
            0 => (length - at, 8),
            1 => (u64::from_be_bytes(std::array::from_fn(|byte| head[8 + byte])), 16),
            size => (size.into(), 8),
        };
        if &head[4..8] == b"moov" && (body..=MOST_TABLES).contains(&size) {
            let mut tables = Vec::new();
            file.seek(SeekFrom::Start(at + body))?;
            file.take(size - body).read_to_end(&mut tables)?;
            return Ok(Some(tables));
        }
        if size < body || (at == 0 && &head[4..8] != b"ftyp") {
            return Ok(None);
        }
        at = at.saturating_add(size);
    }
    Ok(None)
}

/// The boxes in a box's body: names and bodies.
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

/// Of `mvhd` and `mdhd`: ticks a second.
fn scale(body: &[u8]) -> Option<f64> {
    let at = if body.first()? == &1 { 20 } else { 12 };
    let scale = u32::from_be_bytes(number(body, at)?);
    (scale > 0).then_some(scale.into())
}

/// Of `tkhd`.
fn track_number(body: &[u8]) -> Option<u32> {
    let at = if body.first()? == &1 { 20 } else { 12 };
    Some(u32::from_be_bytes(number(body, at)?))
}

/// Of `elst`, if it shows the track's stretches in their order, each once.
fn shown(list: &[u8], movie_scale: f64, own_scale: f64) -> Option<Vec<Shown>> {
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
            // Without a duration it shows all there is, as in fragmented files.
            let end = if duration > 0.0 { begin + duration } else { f64::INFINITY };
            if speed != 1 << 16 || begin + ROUNDING < before {
                return None;
            }
            shown.push(Shown { begin, end, at });
            before = end;
        }
        at += duration;
    }
    Some(shown)
}
