//! Where in time the sound of a container stands: by its time stamps, and by what an MP4 file's edit list shows and hides.

use std::fs::File;
use std::io::{BufReader, Seek, SeekFrom};
use symphonia::core::formats::Track;
use symphonia::core::packet::Packet;
use symphonia::core::units::TimeBase;

/// Seconds of silence between two packets that are no gap: time stamps are rounded.
const ROUNDING: f64 = 0.1;

/// Tells where each packet stands, in seconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timeline {
    /// `None`: its packets follow one another, whatever their time stamps say.
    stamps: Option<TimeBase>,
    /// Of the container's time: what was heard from there on. `None`: from its first packet on.
    begin: Option<f64>,
    /// Until there.
    end: f64,
    /// Silence before all of it.
    offset: f64,
}

/// Where the frames of a packet belong.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Place {
    /// Frames at its beginning that are hidden.
    pub(super) skip: usize,
    /// How many of the others are heard.
    pub(super) take: usize,
    /// Seconds of silence before them.
    pub(super) gap: f64,
}

impl Timeline {
    /// Of a track in a container of that form (symphonia's short name).
    pub(super) fn of(form: &str, track: &Track, edit: Option<Edit>) -> Self {
        let placed = matches!(form, "matroska" | "mkv" | "isomp4");
        let edit = edit.unwrap_or(Edit { begin: 0.0, end: f64::INFINITY, offset: 0.0 });
        Self {
            stamps: track.time_base.filter(|_| placed),
            // A Matroska file may be a part of a broadcast that began long before.
            begin: (form == "isomp4").then_some(edit.begin),
            end: edit.end,
            offset: edit.offset,
        }
    }

    /// The container has begun, with a packet of any of its tracks.
    pub(super) fn begun(&mut self, packet: &Packet, base: Option<TimeBase>) {
        let first = base.map_or(0.0, |base| seconds(base, packet.pts.get()));
        self.begin.get_or_insert(first);
    }

    /// Where a packet's frames belong, `heard` seconds having been heard before it.
    pub(super) fn place(&self, packet: &Packet, frames: usize, rate: u32, heard: f64) -> Place {
        let Some(base) = self.stamps else { return Place { skip: 0, take: frames, gap: 0.0 } };
        let (begin, rate) = (self.begin.unwrap_or_default(), f64::from(rate));
        let at = seconds(base, packet.pts.get());
        // `as` saturates.
        let until = |time: f64| (((time - at) * rate).round().max(0.0) as usize).min(frames);
        let (skip, end) = (until(begin), until(self.end));
        let take = end.saturating_sub(skip);
        let wanted = self.offset + (at - begin).max(0.0);
        let gap = if take > 0 && wanted - heard > ROUNDING { wanted - heard } else { 0.0 };
        Place { skip, take, gap }
    }

    /// How long the track is said to be, silence before it included.
    pub(super) fn length(&self, track: &Track) -> Option<f64> {
        let base = self.stamps.or(track.time_base)?;
        let whole = seconds(base, i64::try_from(track.duration?.get()).ok()?);
        Some(self.offset + whole.min(self.end) - self.begin.unwrap_or_default())
    }
}

/// So much time of the container's, in seconds.
pub(super) fn seconds(base: TimeBase, ticks: i64) -> f64 {
    ticks as f64 * f64::from(base.numer.get()) / f64::from(base.denom.get())
}

/// What an edit list shows of a track, in seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Edit {
    begin: f64,
    end: f64,
    offset: f64,
}

/// The edit list of an MP4 file's track, by `mp4parse`: an empty stretch at its beginning and the first stretch of sound. `None` where
/// there is none, and for files of another form.
pub(super) fn edit(file: &File, track: u32) -> Option<Edit> {
    let mut file = file;
    file.seek(SeekFrom::Start(0)).ok()?;
    let context = mp4parse::read_mp4(&mut BufReader::new(file)).ok();
    file.seek(SeekFrom::Start(0)).ok()?;
    let context = context?;
    let found = context.tracks.iter().find(|found| found.track_id == Some(track))?;
    let (movie, own) = (context.timescale?.0 as f64, found.timescale?.0 as f64);
    let begin = found.media_time.as_ref()?.0 as f64 / own;
    let shown = found.edited_duration.as_ref().map_or(0, |shown| shown.0) as f64 / movie;
    let offset = found.empty_duration.as_ref().map_or(0, |empty| empty.0) as f64 / movie;
    let is_sane = [begin, shown, offset].iter().all(|time| time.is_finite());
    // A duration of 0 shows all there is (fragmented files).
    let end = if shown > 0.0 { begin + shown } else { f64::INFINITY };
    is_sane.then_some(Edit { begin, end, offset })
}
