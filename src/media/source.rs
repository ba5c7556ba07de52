//! A file's tracks, and the decoder of one of them, with `symphonia`.

use super::MediaError;
use super::header::{Mend, Mended};
use std::fs::File;
use std::path::Path;
use symphonia::core::codecs::audio::{AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatReader, Track, TrackType};
use symphonia::core::io::MediaSourceStream;
use symphonia::core::packet::Packet;
use v2m_messages::tr;

/// Opens the file at its beginning, with the corrections in `mend`.
pub(super) fn probe(
    path: &Path,
    file: &File,
    mend: &Mend,
) -> Result<Box<dyn FormatReader>, MediaError> {
    let mut hint = Hint::new();
    if let Some(end) = path.extension().and_then(|end| end.to_str()) {
        hint.with_extension(end);
    }
    // All clones share one position, so only one may read at a time.
    let mended = file.try_clone().and_then(|file| Mended::new(file, mend));
    let mended = mended.map_err(|source| MediaError::Open { path: path.into(), source })?;
    let stream = MediaSourceStream::new(Box::new(mended), Default::default());
    let probe = symphonia::default::get_probe();
    probe.probe(&hint, stream, Default::default(), Default::default()).map_err(|error| {
        match mend.lacks {
            Some(lacks) => MediaError::Broken { path: path.into(), reason: lacks.into() },
            None => MediaError::Unknown { path: path.into(), reason: error.to_string() },
        }
    })
}

/// Returns the sound tracks, in the file's order.
pub(super) fn sound_tracks(format: &dyn FormatReader) -> Vec<u32> {
    let is_sound =
        |track: &&Track| track.codec_params.as_ref().is_some_and(|codec| codec.audio().is_some());
    format.tracks().iter().filter(is_sound).map(|track| track.id).collect()
}

/// A track and its decoder.
pub(super) struct SoundTrack {
    pub(super) track: Track,
    decoder: Box<dyn AudioDecoder>,
    is_mp3: bool,
    /// The samples of one packet, interleaved.
    pub(super) samples: Vec<f32>,
}

impl SoundTrack {
    /// Makes the decoder for the track with this number. `None`: the default track.
    pub(super) fn of(format: &dyn FormatReader, id: Option<u32>) -> Result<Self, Error> {
        let track = match id {
            Some(id) => format.tracks().iter().find(|track| track.id == id),
            None => format.default_track(TrackType::Audio),
        };
        let track = track.ok_or(Error::Unsupported(tr!("there is no track of sound")))?.clone();
        let is_mp3 = format.format_info().short_name == "mp3";
        let decoder = decoder(&track, is_mp3)?;
        Ok(Self { track, decoder, is_mp3, samples: Vec::new() })
    }

    /// Replaces the decoder with a new one.
    pub(super) fn renew(&mut self) -> Result<(), Error> {
        self.decoder = decoder(&self.track, self.is_mp3)?;
        Ok(())
    }

    /// Decodes a packet into `samples`. Returns the rate and the number of channels.
    pub(super) fn decode(&mut self, packet: &Packet) -> Result<(u32, usize), Error> {
        self.samples.clear();
        let sound = self.decoder.decode(packet)?;
        sound.copy_to_vec_interleaved(&mut self.samples);
        Ok((sound.spec().rate(), sound.num_planes()))
    }
}

/// Makes a decoder. `is_mp3`: one file's declared length would cut off files that were joined to
/// it, so it is ignored. The encoder's delay, 25 ms, then stays.
fn decoder(track: &Track, is_mp3: bool) -> Result<Box<dyn AudioDecoder>, Error> {
    let parameters = track
        .codec_params
        .as_ref()
        .and_then(|parameters| parameters.audio())
        .ok_or(Error::Unsupported(tr!("the track does not say how it is coded")))?;
    let options = AudioDecoderOptions::default().gapless(!is_mp3);
    symphonia::default::get_codecs().make_audio_decoder(parameters, &options)
}
