//! Container and codec, by `symphonia`.

use super::MediaError;
use super::resample::Mixer;
use std::fs::File;
use std::io;
use std::path::Path;
use symphonia::core::codecs::audio::{AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatReader, TrackType};
use symphonia::core::io::MediaSourceStream;

/// Decodes the first track of sound to at most `max` samples, written as they come, little-endian.
/// How many they are.
pub(super) fn decode(
    path: &Path,
    file: File,
    max: u64,
    output: &mut impl io::Write,
) -> Result<u64, MediaError> {
    let unknown = |e: Error| MediaError::Unknown { path: path.into(), reason: e.to_string() };
    let broken = |reason: String| MediaError::Broken { path: path.into(), reason };
    let mut format = probe(path, file).map_err(unknown)?;
    let mut track = Track::of(format.as_ref()).map_err(unknown)?;
    let mut output = Output { path, writer: output, bytes: Vec::new(), samples: 0, max };
    let mut mixer = Mixer::default();
    let mut reason = None;
    loop {
        match format.next_packet() {
            Ok(Some(packet)) if packet.track_id == track.id => {
                match track.decoder.decode(&packet) {
                    Ok(sound) => {
                        let (rate, channels) = (sound.spec().rate(), sound.num_planes());
                        sound.copy_to_vec_interleaved(&mut track.samples);
                        mixer.push(&track.samples, channels, rate).map_err(broken)?;
                        output.take(&mut mixer)?;
                    }
                    // A packet that cannot be decoded is skipped, as players do.
                    Err(error) => reason = Some(error.to_string()),
                }
            }
            Ok(Some(_)) => {}
            Ok(None) => break,
            // Streams that were joined to one file: the next has its own tracks.
            Err(Error::ResetRequired) => track = Track::of(format.as_ref()).map_err(unknown)?,
            Err(Error::IoError(e)) if e.kind() == io::ErrorKind::UnexpectedEof => break,
            Err(error) => return Err(broken(error.to_string())),
        }
    }
    mixer.finish().map_err(broken)?;
    output.take(&mut mixer)?;
    match (output.samples, reason) {
        (0, Some(reason)) => Err(broken(reason)),
        (0, None) => Err(MediaError::Empty { path: path.into() }),
        (samples, _) => Ok(samples),
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

fn probe(path: &Path, file: File) -> Result<Box<dyn FormatReader>, Error> {
    let mut hint = Hint::new();
    if let Some(end) = path.extension().and_then(|end| end.to_str()) {
        hint.with_extension(end);
    }
    let stream = MediaSourceStream::new(Box::new(file), Default::default());
    symphonia::default::get_probe().probe(&hint, stream, Default::default(), Default::default())
}

struct Track {
    id: u32,
    decoder: Box<dyn AudioDecoder>,
    /// Of one packet, interleaved.
    samples: Vec<f32>,
}

impl Track {
    fn of(format: &dyn FormatReader) -> Result<Self, Error> {
        let track = format
            .default_track(TrackType::Audio)
            .ok_or(Error::Unsupported("there is no track of sound"))?;
        let parameters = track
            .codec_params
            .as_ref()
            .and_then(|parameters| parameters.audio())
            .ok_or(Error::Unsupported("the track does not say how it is coded"))?;
        let options = AudioDecoderOptions::default();
        let decoder = symphonia::default::get_codecs().make_audio_decoder(parameters, &options)?;
        Ok(Self { id: track.id, decoder, samples: Vec::new() })
    }
}
