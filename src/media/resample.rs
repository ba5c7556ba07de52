//! Converts any rate and any number of channels to 16 kHz mono, with `rubato`.

use super::RATE;
use crate::mix::Mix;
use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Fft, FixedSync, Indexing, Resampler};
use std::ops::RangeInclusive;
use v2m_ipc::pcm::from_float;
use v2m_messages::tr;

/// How many frames are resampled at a time: a compromise between speed and memory.
const CHUNK: usize = 4096;
/// How many frames are mixed at a time. Packets may be far longer, and the channels that carry
/// sound may change within a packet.
const PIECE: usize = 1024;
/// The possible rates of sound. Any other rate means a broken header, and would ask for unlimited
/// memory.
const RATES: RangeInclusive<u32> = 1_000..=768_000;

/// Mixes and resamples interleaved pieces as they are decoded.
#[derive(Default)]
pub(super) struct Mixer {
    /// The output, for the caller to take.
    pub(super) samples: Vec<i16>,
    rate: Option<u32>,
    stream: Option<Stream>,
    mono: Vec<f32>,
    mix: Option<Mix>,
    seconds: f64,
}

impl Mixer {
    /// Adds frames of `channels` samples each. The rate may change between calls.
    pub(super) fn push(
        &mut self,
        interleaved: &[f32],
        channels: usize,
        rate: u32,
    ) -> Result<(), String> {
        if !RATES.contains(&rate) || channels == 0 {
            return Err(tr!("{channels} channels at {rate} samples a second", channels, rate));
        }
        if self.rate != Some(rate) {
            self.finish()?;
            self.rate = Some(rate);
            self.mix = None;
            self.stream = (rate != RATE).then(|| Stream::new(rate)).transpose()?;
        }
        self.mono.clear();
        if self.mix.as_ref().is_none_or(|mix| mix.channels() != channels) {
            self.mix = Some(Mix::new(channels, rate));
        }
        if let Some(mix) = &mut self.mix {
            for piece in interleaved.chunks(channels * PIECE) {
                self.mono.extend(mix.push(piece));
            }
        }
        self.heard()
    }

    /// Adds silence, at the rate of the sound before it.
    pub(super) fn silence(&mut self, seconds: f64) -> Result<(), String> {
        let rate = *self.rate.get_or_insert(RATE);
        self.mono.clear();
        self.mono.resize((seconds * f64::from(rate)).round() as usize, 0.0);
        self.heard()
    }

    /// Returns how many seconds were added.
    pub(super) fn seconds(&self) -> f64 {
        self.seconds
    }

    /// Processes the samples in `mono`.
    fn heard(&mut self) -> Result<(), String> {
        self.seconds += self.mono.len() as f64 / f64::from(self.rate.unwrap_or(RATE));
        match &mut self.stream {
            Some(stream) => stream.push(&self.mono, &mut self.samples),
            None => {
                self.samples.extend(self.mono.iter().map(|sample| from_float(*sample)));
                Ok(())
            }
        }
    }

    /// Outputs the samples that are still inside.
    pub(super) fn finish(&mut self) -> Result<(), String> {
        match self.stream.take() {
            Some(stream) => stream.finish(&mut self.samples),
            None => Ok(()),
        }
    }
}

/// A part of the sound with one rate.
struct Stream {
    resampler: Fft<f32>,
    waiting: Vec<f32>,
    output: Vec<f32>,
    rate: u32,
    taken: u64,
    given: u64,
    /// How many samples of the filter's delay must still be dropped.
    delay: usize,
}

impl Stream {
    fn new(rate: u32) -> Result<Self, String> {
        let resampler = Fft::<f32>::new(rate as usize, RATE as usize, CHUNK, 1, FixedSync::Input)
            .map_err(|e| e.to_string())?;
        let (delay, output) = (resampler.output_delay(), vec![0.0; resampler.output_frames_max()]);
        Ok(Self { resampler, waiting: Vec::new(), output, rate, taken: 0, given: 0, delay })
    }

    fn push(&mut self, mono: &[f32], samples: &mut Vec<i16>) -> Result<(), String> {
        self.taken += mono.len() as u64;
        self.waiting.extend_from_slice(mono);
        let mut from = 0;
        while self.waiting.len() - from >= self.resampler.input_frames_next() {
            from += self.process(from, None, samples)?;
        }
        self.waiting.drain(..from);
        Ok(())
    }

    /// Processes the remaining samples, and then silence until all input has come out.
    fn finish(mut self, samples: &mut Vec<i16>) -> Result<(), String> {
        let due = (self.taken * u64::from(RATE)).div_ceil(u64::from(self.rate));
        let mut left = self.waiting.len();
        while self.given < due {
            self.process(0, Some(left), samples)?;
            left = 0;
        }
        let surplus = usize::try_from(self.given - due).unwrap_or(usize::MAX);
        samples.truncate(samples.len().saturating_sub(surplus));
        Ok(())
    }

    /// Processes one chunk that starts in `waiting` at `from`. With `partial`, only that many
    /// frames and then silence.
    fn process(
        &mut self,
        from: usize,
        partial: Option<usize>,
        samples: &mut Vec<i16>,
    ) -> Result<usize, String> {
        let mut indexing = Indexing::new().input_offset(from);
        indexing.partial_len = partial;
        let length = self.output.len();
        let input = InterleavedSlice::new(&self.waiting, 1, self.waiting.len());
        let input = input.map_err(|e| e.to_string())?;
        let output = InterleavedSlice::new_mut(&mut self.output, 1, length);
        let mut output = output.map_err(|e| e.to_string())?;
        let (taken, given) = self
            .resampler
            .process_into_buffer(&input, &mut output, Some(&indexing))
            .map_err(|e| e.to_string())?;
        let dropped = self.delay.min(given);
        self.delay -= dropped;
        self.given += (given - dropped) as u64;
        samples.extend(self.output[dropped..given].iter().map(|sample| from_float(*sample)));
        Ok(taken)
    }
}
