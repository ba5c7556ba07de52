//! Reads container and codec with `symphonia`. Sound that cannot be decoded becomes silence of the
//! same length and is reported.

use super::choice::{self, Choice};
use super::header::{self, Mend, Truncation};
use super::mp4::{Movie, Unfollowed};
use super::output::Output;
use super::resample::Mixer;
use super::source::{self, SoundTrack};
use super::timeline::{self, Timeline};
use super::{MediaError, ogg};
use std::fs::File;
use std::io;
use std::path::Path;
use symphonia::core::errors::Error;
use symphonia::core::formats::{FormatReader, TrackType};
use symphonia::core::packet::Packet;
use v2m_messages::tr;

/// Decoding stops after this many errors of the container in a row.
const MOST_ERRORS: u32 = 64;
/// How many seconds may be missing at a file's end without a note. Lengths are rounded.
const MISSING: f64 = 0.5;
/// Silence is made in parts of this many seconds.
const STRETCH: f64 = 10.0;

/// The result of decoding a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Decoded {
    /// How many samples were written.
    pub(super) samples: u64,
    /// The problems of the file, one sentence each.
    pub(super) notes: Vec<String>,
}

/// Decodes a sound track to at most `max` samples, written as they come, little-endian. The track
/// is the requested one, counted from 1, or the first that is not silent.
pub(super) fn decode(
    path: &Path,
    file: &File,
    track: Option<u32>,
    max: u64,
    output: &mut impl io::Write,
) -> Result<Decoded, MediaError> {
    let open = |source| MediaError::Open { path: path.into(), source };
    let unknown = |e: Error| MediaError::Unknown { path: path.into(), reason: e.to_string() };
    let mend = header::mend(file).map_err(open)?;
    let again = || source::probe(path, file, &mend);
    let format = again()?;
    let tracks = source::sound_tracks(format.as_ref());
    let default = format.default_track(TrackType::Audio).map(|track| track.id);
    let content = |track| Ok(choice::content(again()?, track));
    let Choice { track, note } = choice::choose(path, &tracks, default, track, content)?;
    let mut notes: Vec<_> = note.into_iter().collect();
    let movie = Movie::of(file);
    let shown = track.map_or(Ok(Vec::new()), |track| movie.shown(track));
    let shown = shown.unwrap_or_else(|Unfollowed| {
        let note =
            tr!("its edit list cannot be used: parts that it hides or moves were transcribed where they are in the file");
        notes.push(note.into());
        Vec::new()
    });
    let format = again()?;
    let source = SoundTrack::of(format.as_ref(), track).map_err(unknown)?;
    let fragments = track.map(|track| movie.fragments(track)).unwrap_or_default();
    let form = format.format_info().short_name;
    let timeline = Timeline::of(form, &source.track, shown, fragments);
    let output = Output::new(path, output, max);
    let decoding = Decoding {
        path,
        output,
        mixer: Mixer::default(),
        source,
        timeline,
        serials: Vec::new(),
        lost: 0.0,
        skipped: false,
        unread: 0,
        reason: None,
        notes,
        mend: &mend,
        is_told: false,
    };
    decoding.run(format, file)
}

struct Decoding<'a, W> {
    path: &'a Path,
    output: Output<'a, W>,
    mixer: Mixer,
    source: SoundTrack,
    timeline: Timeline,
    /// The tracks so far. Each stream that was joined to the file has its own.
    serials: Vec<u32>,
    /// Seconds of sound that could not be decoded.
    lost: f64,
    /// Whether the container could not be read somewhere.
    skipped: bool,
    /// How many of the streams that were joined to the file could not be read.
    unread: usize,
    /// The last reason for a failure.
    reason: Option<String>,
    notes: Vec<String>,
    mend: &'a Mend,
    /// Whether a wrong time stamp was reported.
    is_told: bool,
}

impl<W: io::Write> Decoding<'_, W> {
    fn run(
        mut self,
        mut format: Box<dyn FormatReader>,
        file: &File,
    ) -> Result<Decoded, MediaError> {
        let (mut errors, mut broken_off) = (0, false);
        self.serials.extend(format.tracks().iter().map(|track| track.id));
        loop {
            match format.next_packet() {
                Ok(Some(packet)) => {
                    errors = 0;
                    let tracks = format.tracks();
                    let track = tracks.iter().find(|track| track.id == packet.track_id);
                    self.timeline.begun(&packet, track.and_then(|track| track.time_base));
                    if packet.track_id == self.source.track.id {
                        self.packet(&packet)?;
                    }
                }
                Ok(None) => break,
                Err(Error::ResetRequired) => self.next_stream(format.as_ref()),
                Err(Error::IoError(e)) if e.kind() == io::ErrorKind::UnexpectedEof => {
                    broken_off = !self.mend.is_whole;
                    break;
                }
                Err(error) => {
                    self.reason = Some(error.to_string());
                    self.skipped = true;
                    errors += 1;
                    if errors == MOST_ERRORS {
                        broken_off = true;
                        break;
                    }
                }
            }
        }
        if format.format_info().short_name == "ogg" {
            // The file was read even if it cannot be inspected again.
            let damage = ogg::damage(file, &self.serials).unwrap_or_default();
            self.unread += damage.streams;
            self.skipped |= damage.pages > 0;
        }
        self.mixer.finish().map_err(|reason| self.broken(reason))?;
        self.output.take(&mut self.mixer)?;
        let length = whole(format.as_ref());
        self.told(broken_off, length)
    }

    /// Continues with the next stream that was joined to the file. It has its own tracks.
    fn next_stream(&mut self, format: &dyn FormatReader) {
        let heard = self.mixer.seconds();
        // Compare with the declared length of the stream before.
        if let Some(missing) = self.missing(self.timeline.length()) {
            self.lost += missing;
        }
        self.serials.extend(format.tracks().iter().map(|track| track.id));
        match SoundTrack::of(format, None) {
            Ok(source) => {
                let form = format.format_info().short_name;
                let own = Timeline::of(form, &source.track, Vec::new(), Default::default());
                (self.source, self.timeline) = (source, own.after(heard));
            }
            // A later stream may be readable again.
            Err(error) => {
                self.reason = Some(error.to_string());
                self.unread += 1;
            }
        }
    }

    /// Returns how many of `length` seconds are missing, if that is worth a note.
    fn missing(&self, length: Option<f64>) -> Option<f64> {
        length.map(|length| length - self.mixer.seconds()).filter(|missing| *missing > MISSING)
    }

    fn packet(&mut self, packet: &Packet) -> Result<(), MediaError> {
        let at = self.timeline.time(packet);
        // If channels or rate change in the middle of a file, another decoder may be needed. Also,
        // a decoder that has failed may be unusable.
        let decoded = match self.source.decode(packet) {
            Ok(sound) => Ok(sound),
            Err(_) => self.source.renew().and_then(|()| self.source.decode(packet)),
        };
        let (rate, channels) = match decoded {
            Ok(sound) => sound,
            Err(error) => return self.skip(packet, &error),
        };
        if channels == 0 || rate == 0 {
            return Ok(());
        }
        let frames = self.source.samples.len() / channels;
        for place in self.timeline.places(at, frames, rate, self.mixer.seconds()) {
            self.gap(place.gap)?;
            let heard = place.skip * channels..(place.skip + place.take) * channels;
            let pushed = self.mixer.push(&self.source.samples[heard], channels, rate);
            pushed.map_err(|reason| self.broken(reason))?;
        }
        self.output.take(&mut self.mixer)
    }

    /// Writes silence for a gap between time stamps.
    fn gap(&mut self, gap: f64) -> Result<(), MediaError> {
        let heard = self.mixer.seconds();
        if gap > 0.0 && self.timeline.is_wrong(gap, heard) {
            if !std::mem::replace(&mut self.is_told, true) {
                self.notes.push(tr!(
                    "a time stamp after {seconds} s is wrong, and was ignored",
                    seconds = format_args!("{heard:.1}")
                ));
            }
            return Ok(());
        }
        if self.timeline.is_gapless() {
            self.lost += gap;
        }
        self.silence(gap)
    }

    /// Replaces a packet that cannot be decoded with silence of its length.
    fn skip(&mut self, packet: &Packet, error: &Error) -> Result<(), MediaError> {
        self.reason = Some(error.to_string());
        let base = self.source.track.time_base;
        let ticks = i64::try_from(packet.dur.get()).unwrap_or(i64::MAX);
        let length = base.map_or(0.0, |base| timeline::seconds(base, ticks));
        // In gapless formats, the gap that this packet leaves is counted later.
        if !self.timeline.is_gapless() {
            self.lost += length;
        }
        // If there are time stamps, the gap before the next packet becomes silence anyway. Before
        // the first sound, the rate is unknown.
        if self.timeline.is_placed() || self.mixer.seconds() == 0.0 {
            return Ok(());
        }
        self.silence(length)
    }

    fn silence(&mut self, seconds: f64) -> Result<(), MediaError> {
        let mut left = seconds;
        while left > 0.0 {
            let stretch = left.min(STRETCH);
            self.mixer.silence(stretch).map_err(|reason| self.broken(reason))?;
            self.output.take(&mut self.mixer)?;
            left -= stretch;
        }
        Ok(())
    }

    /// Finishes with the notes. `length` is the container's declared length in seconds.
    fn told(mut self, broken_off: bool, length: Option<f64>) -> Result<Decoded, MediaError> {
        let path = self.path;
        if self.output.samples == 0 {
            return Err(match self.reason {
                Some(reason) => MediaError::Broken { path: path.into(), reason },
                None => MediaError::Empty { path: path.into() },
            });
        }
        let heard = self.mixer.seconds();
        let before = self.notes.len();
        let why = self.reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
        if self.lost > 0.0 {
            self.notes.push(tr!(
                "{seconds} s of its sound could not be decoded and are silence here{why}",
                seconds = format_args!("{:.1}", self.lost),
                why
            ));
        }
        if self.unread > 0 {
            self.notes.push(tr!(
                "one of the streams that were joined to it cannot be read{why}"
                    | "{n} of the streams that were joined to it cannot be read{why}" % self.unread,
                why
            ));
        }
        // Use the container's length only if the file seems to be cut off: its picture may be
        // longer than its sound.
        let is_short = self.mend.cut != Truncation::No || broken_off;
        let length = self.timeline.length().or(length.filter(|_| is_short));
        let is_cut = match self.mend.cut {
            Truncation::Yes => true,
            Truncation::Perhaps => length.is_none(),
            Truncation::No => false,
        };
        if let Some(missing) = self.missing(length) {
            let length = heard + missing;
            let (heard, length) = (format_args!("{heard:.1}"), format_args!("{length:.1}"));
            self.notes.push(if broken_off && self.skipped {
                tr!("it breaks off: {heard} s of {length} s are there{why}", heard, length, why)
            } else {
                tr!("it ends early: {heard} s of {length} s are there{why}", heard, length, why)
            });
        } else if is_cut {
            let note = tr!("it ends early: its header promises more sound than there is");
            self.notes.push(note.into());
        } else if broken_off && length.is_none() {
            let heard = format_args!("{heard:.1}");
            self.notes.push(tr!("it breaks off after {heard} s{why}", heard, why));
        } else if self.skipped && self.notes.len() == before {
            self.notes.push(tr!("something in it cannot be read, perhaps sound{why}", why));
        }
        Ok(Decoded { samples: self.output.samples, notes: self.notes })
    }

    fn broken(&self, reason: String) -> MediaError {
        MediaError::Broken { path: self.path.into(), reason }
    }
}

/// Returns the container's declared length in seconds.
fn whole(format: &dyn FormatReader) -> Option<f64> {
    let info = format.media_info();
    let ticks = i64::try_from(info.duration?.get()).ok()?;
    Some(timeline::seconds(info.time_base?, ticks))
}
