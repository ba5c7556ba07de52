//! Container and codec, by `symphonia`. Whatever of the sound cannot be had is silence of its length, and is told.

use super::resample::Mixer;
use super::timeline::{self, Timeline};
use super::{MediaError, header};
use std::fs::File;
use std::io;
use std::path::Path;
use symphonia::core::codecs::audio::{AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatReader, Track, TrackType};
use symphonia::core::io::MediaSourceStream;
use symphonia::core::packet::Packet;

/// Errors of the container in a row after which it is given up.
const MOST_ERRORS: u32 = 64;
/// Seconds that may be missing at a file's end without a word: lengths are rounded.
const MISSING: f64 = 0.5;
/// A track without a louder sample than this is silent: -60 dB of full scale.
const SILENT: f32 = 0.001;
/// Silence is made in stretches of so many seconds.
const STRETCH: f64 = 10.0;

/// What came of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Decoded {
    /// How many samples were written.
    pub(super) samples: u64,
    /// What is not as it should be, a sentence each.
    pub(super) notes: Vec<String>,
}

/// Decodes a track of sound to at most `max` samples, written as they come, little-endian: the first that is not silent.
pub(super) fn decode(
    path: &Path,
    file: File,
    max: u64,
    output: &mut impl io::Write,
) -> Result<Decoded, MediaError> {
    let open = |source| MediaError::Open { path: path.into(), source };
    let unknown = |e: Error| MediaError::Unknown { path: path.into(), reason: e.to_string() };
    // They share one position, so only one at a time may be read from.
    let again =
        || file.try_clone().map_err(open).and_then(|file| probe(path, file).map_err(unknown));
    let tracks = sound_tracks(again()?.0.as_ref());
    let mut notes = Vec::new();
    let mut chosen = 0;
    if tracks.len() > 1 {
        for (at, track) in tracks.iter().enumerate() {
            if has_sound(again()?.0, *track) {
                chosen = at;
                break;
            }
        }
    }
    if chosen > 0 {
        let (number, count) = (chosen + 1, tracks.len());
        notes.push(format!(
            "track {number} of its {count} sound tracks was taken: those before it are silent or cannot be read"
        ));
    }
    let edits = tracks.get(chosen).map_or(Ok(Vec::new()), |track| timeline::edits(&file, *track));
    let shown = edits.unwrap_or_else(|timeline::Unfollowed| {
        notes.push(
            "its edit list cannot be followed: what it hides or moves was heard as it lies".into(),
        );
        Vec::new()
    });
    let (format, is_cut) = again()?;
    let source = Source::of(format.as_ref(), tracks.get(chosen).copied()).map_err(unknown)?;
    let timeline = Timeline::of(format.format_info().short_name, &source.track, shown);
    let output = Output { path, writer: output, bytes: Vec::new(), samples: 0, max };
    let decoding = Decoding {
        path,
        output,
        mixer: Mixer::default(),
        source,
        timeline,
        lost: 0.0,
        reason: None,
        notes,
        is_cut,
        is_chained: false,
        is_told: false,
    };
    decoding.run(format)
}

struct Decoding<'a, W> {
    path: &'a Path,
    output: Output<'a, W>,
    mixer: Mixer,
    source: Source,
    timeline: Timeline,
    /// Seconds of sound that could not be decoded.
    lost: f64,
    /// Why not, as was said last.
    reason: Option<String>,
    notes: Vec<String>,
    /// Whether the file's header promises more than there is.
    is_cut: bool,
    /// Whether several streams were joined to one file.
    is_chained: bool,
    /// Whether a wrong time stamp was told.
    is_told: bool,
}

impl<W: io::Write> Decoding<'_, W> {
    fn run(mut self, mut format: Box<dyn FormatReader>) -> Result<Decoded, MediaError> {
        let bases: Vec<_> = format.tracks().iter().map(|t| (t.id, t.time_base)).collect();
        let (mut errors, mut broken_off) = (0, false);
        loop {
            match format.next_packet() {
                Ok(Some(packet)) => {
                    errors = 0;
                    let base = bases.iter().find(|(id, _)| *id == packet.track_id);
                    self.timeline.begun(&packet, base.and_then(|(_, base)| *base));
                    if packet.track_id == self.source.track.id {
                        self.packet(&packet)?;
                    }
                }
                Ok(None) => break,
                // Streams that were joined to one file: the next has its own tracks.
                Err(Error::ResetRequired) => match Source::of(format.as_ref(), None) {
                    Ok(source) => (self.source, self.is_chained) = (source, true),
                    Err(error) => {
                        self.reason = Some(error.to_string());
                        broken_off = true;
                        break;
                    }
                },
                Err(Error::IoError(e)) if e.kind() == io::ErrorKind::UnexpectedEof => {
                    broken_off = true;
                    break;
                }
                Err(error) => {
                    self.reason = Some(error.to_string());
                    errors += 1;
                    if errors == MOST_ERRORS {
                        broken_off = true;
                        break;
                    }
                }
            }
        }
        self.mixer.finish().map_err(|reason| self.broken(reason))?;
        self.output.take(&mut self.mixer)?;
        self.told(broken_off)
    }

    fn packet(&mut self, packet: &Packet) -> Result<(), MediaError> {
        // What changes in the middle of a file (channels, rate) may need another decoder; and one that has failed may be of no use.
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
        for place in self.timeline.places(packet, frames, rate, self.mixer.seconds()) {
            self.gap(place.gap)?;
            let heard = place.skip * channels..(place.skip + place.take) * channels;
            let pushed = self.mixer.push(&self.source.samples[heard], channels, rate);
            pushed.map_err(|reason| self.broken(reason))?;
        }
        self.output.take(&mut self.mixer)
    }

    /// Silence where time stamps leave a gap.
    fn gap(&mut self, gap: f64) -> Result<(), MediaError> {
        let heard = self.mixer.seconds();
        if gap > 0.0 && self.timeline.is_wrong(gap, heard) {
            if !std::mem::replace(&mut self.is_told, true) {
                self.notes.push(format!(
                    "a time stamp after {heard:.1} s is wrong, and was not followed"
                ));
            }
            return Ok(());
        }
        if self.timeline.is_gapless() {
            self.lost += gap;
        }
        self.silence(gap)
    }

    /// A packet that cannot be decoded is silence of its length.
    fn skip(&mut self, packet: &Packet, error: &Error) -> Result<(), MediaError> {
        self.reason = Some(error.to_string());
        let base = self.source.track.time_base;
        let ticks = i64::try_from(packet.dur.get()).unwrap_or(i64::MAX);
        let length = base.map_or(0.0, |base| timeline::seconds(base, ticks));
        // In forms without gaps the one that this leaves counts.
        if !self.timeline.is_gapless() {
            self.lost += length;
        }
        // Where there are time stamps the gap before the next packet is made silence. Before the first sound there is no rate yet.
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

    fn told(mut self, broken_off: bool) -> Result<Decoded, MediaError> {
        let path = self.path;
        if self.output.samples == 0 {
            return Err(match self.reason {
                Some(reason) => MediaError::Broken { path: path.into(), reason },
                None => MediaError::Empty { path: path.into() },
            });
        }
        let heard = self.mixer.seconds();
        let why = self.reason.map(|reason| format!(" ({reason})")).unwrap_or_default();
        if self.lost > 0.0 {
            self.notes.push(format!(
                "{:.1} s of its sound could not be decoded and are silence here{why}",
                self.lost
            ));
        }
        let length = self.timeline.length().filter(|_| !self.is_chained);
        let missing = length.map_or(0.0, |length| length - heard);
        if missing > MISSING {
            let length = heard + missing;
            self.notes.push(format!("it ends early: {heard:.1} s of {length:.1} s are there{why}"));
        } else if self.is_cut {
            self.notes.push("it ends early: its header promises more sound than there is".into());
        } else if broken_off && length.is_none() {
            self.notes.push(format!("it breaks off after {heard:.1} s{why}"));
        }
        Ok(Decoded { samples: self.output.samples, notes: self.notes })
    }

    fn broken(&self, reason: String) -> MediaError {
        MediaError::Broken { path: self.path.into(), reason }
    }
}

struct Output<'a, W> {
    path: &'a Path,
    writer: &'a mut W,
    bytes: Vec<u8>,
    samples: u64,
    max: u64,
}

impl<W: io::Write> Output<'_, W> {
    fn take(&mut self, mixer: &mut Mixer) -> Result<(), MediaError> {
        self.bytes.clear();
        self.bytes.extend(mixer.samples.drain(..).flat_map(i16::to_le_bytes));
        self.samples += self.bytes.len() as u64 / 2;
        if self.samples > self.max {
            return Err(MediaError::TooLong { path: self.path.into() });
        }
        let failed = |source| MediaError::Spool { path: self.path.into(), source };
        self.writer.write_all(&self.bytes).map_err(failed)
    }
}

/// The file from its beginning; and whether its header promises more than there is.
fn probe(path: &Path, file: File) -> Result<(Box<dyn FormatReader>, bool), Error> {
    let mut hint = Hint::new();
    if let Some(end) = path.extension().and_then(|end| end.to_str()) {
        hint.with_extension(end);
    }
    let (source, is_cut) = header::mended(file)?;
    let stream = MediaSourceStream::new(Box::new(source), Default::default());
    let probe = symphonia::default::get_probe();
    Ok((probe.probe(&hint, stream, Default::default(), Default::default())?, is_cut))
}

/// The tracks of sound that can be decoded, the default one first.
fn sound_tracks(format: &dyn FormatReader) -> Vec<u32> {
    let default = format.default_track(TrackType::Audio).map(|track| track.id);
    let is_sound =
        |track: &&Track| track.codec_params.as_ref().is_some_and(|codec| codec.audio().is_some());
    let others = format.tracks().iter().filter(is_sound).map(|track| track.id);
    default.into_iter().chain(others.filter(|id| Some(*id) != default)).collect()
}

/// Whether a track has a sample that can be heard.
fn has_sound(mut format: Box<dyn FormatReader>, track: u32) -> bool {
    let Ok(mut source) = Source::of(format.as_ref(), Some(track)) else { return false };
    while let Ok(Some(packet)) = format.next_packet() {
        let is_loud = |samples: &[f32]| samples.iter().any(|sample| sample.abs() > SILENT);
        if packet.track_id == track && source.decode(&packet).is_ok() && is_loud(&source.samples) {
            return true;
        }
    }
    false
}

/// A track and what decodes it.
struct Source {
    track: Track,
    decoder: Box<dyn AudioDecoder>,
    is_mp3: bool,
    /// Of one packet, interleaved.
    samples: Vec<f32>,
}

impl Source {
    /// Of the track of that number; `None`: the default one.
    fn of(format: &dyn FormatReader, id: Option<u32>) -> Result<Self, Error> {
        let track = match id {
            Some(id) => format.tracks().iter().find(|track| track.id == id),
            None => format.default_track(TrackType::Audio),
        };
        let track = track.ok_or(Error::Unsupported("there is no track of sound"))?.clone();
        let is_mp3 = format.format_info().short_name == "mp3";
        let decoder = decoder(&track, is_mp3)?;
        Ok(Self { track, decoder, is_mp3, samples: Vec::new() })
    }

    /// Takes another decoder.
    fn renew(&mut self) -> Result<(), Error> {
        self.decoder = decoder(&self.track, self.is_mp3)?;
        Ok(())
    }

    /// Into `samples`. Their rate and how many channels they have.
    fn decode(&mut self, packet: &Packet) -> Result<(u32, usize), Error> {
        self.samples.clear();
        let sound = self.decoder.decode(packet)?;
        sound.copy_to_vec_interleaved(&mut self.samples);
        Ok((sound.spec().rate(), sound.num_planes()))
    }
}

/// `is_mp3`: what one file says of its length would cut off those that were joined to it. The encoder's delay, 25 ms, stays then.
fn decoder(track: &Track, is_mp3: bool) -> Result<Box<dyn AudioDecoder>, Error> {
    let parameters = track
        .codec_params
        .as_ref()
        .and_then(|parameters| parameters.audio())
        .ok_or(Error::Unsupported("the track does not say how it is coded"))?;
    let options = AudioDecoderOptions::default().gapless(!is_mp3);
    symphonia::default::get_codecs().make_audio_decoder(parameters, &options)
}
