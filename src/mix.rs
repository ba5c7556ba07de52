//! Mixes several channels into one, depending on which ones carry sound.
//!
//! The mean of all channels loses speech in two cases: channels in opposite phase cancel one
//! another, and a voice in one channel of many is attenuated by their number. So channels that
//! carry nothing are left out, and if the others cancel one another, only the loudest is used. A
//! channel with only steady noise is also left out during speech in another one (`speech`), however
//! loud the noise is. Each channel has a gain that changes too slowly to be heard as a click.
//!
//! Sound files and the microphone share this code. [`Mix::push`] neither locks nor allocates:
//! PipeWire's realtime thread calls it.

mod speech;

use speech::{Floor, Talk};

/// Minimum share of the loudest channel's power for a channel to count: -40 dB. Two voices in one
/// recording differ by less; the noise of an unused input is below.
const DEAD: f32 = 1e-4;

/// Channels cancel one another (opposite phases) if their mean has less than this share of the
/// power that uncorrelated channels would give. Otherwise the mean is used.
const SHARE: f32 = 1.0 / 8.0;

/// Seconds in which the memory of the channels' power fades to a third. Powers are compared, so a
/// pause changes nothing.
const MEMORY: f32 = 1.0;
/// Seconds of a second, shorter memory, for channels that begin to cancel one another during
/// speech.
const SHORT_MEMORY: f32 = 0.1;

/// In a pause the short memory has less than this share of the long one's power; during even speech
/// it has a tenth.
const PAUSE: f32 = 0.01;

/// Seconds in which a gain goes from 0 to 1.
const FADE: f32 = 0.01;

/// High-pass frequency in Hz. Lower frequencies (hum, a converter's offset) are kept but do not
/// count as sound. Voices begin at about 80 Hz, but most of their power is higher.
const HIGH_PASS: f32 = 120.0;

/// Maximum amplitude, 48 dB above full scale: no recording is louder, and no sum over it overflows.
const LOUDEST: f32 = 256.0;

/// Recent power, in two memories, as sums of samples, not means: only ratios matter.
#[derive(Clone, Copy, Default)]
struct Power {
    long: f32,
    short: f32,
}

impl Power {
    /// Returns the power of one frame, given the number of frames in each memory.
    fn mean(self, frames: Self) -> Self {
        Self { long: self.long / frames.long, short: self.short / frames.short }
    }

    fn fade(&mut self, kept: Self) {
        self.long *= kept.long;
        self.short *= kept.short;
    }

    fn add(&mut self, power: f32) {
        self.long += power;
        self.short += power;
    }
}

#[derive(Clone, Default)]
struct Channel {
    power: Power,
    /// The power of the current piece, as a sum.
    power_now: f32,
    /// The power without the current piece.
    power_before: Power,
    high: HighPass,
    /// The filter's state before the current piece.
    high_before: HighPass,
    floor: Floor,
    /// Recent speech in this channel.
    talk: Talk,
    /// Whether it has only noise, while another channel has speech.
    is_noise: bool,
    carries: bool,
    gain: f32,
    target: f32,
}

/// A first-order high-pass filter.
#[derive(Clone, Copy, Default)]
struct HighPass {
    /// The low-frequency part, which is subtracted.
    low: f32,
}

impl HighPass {
    fn filter(&mut self, sample: f32, smoothing: f32) -> f32 {
        self.low += (sample - self.low) * smoothing;
        sample - self.low
    }
}

/// Mixes several channels into one.
pub struct Mix {
    channels: Vec<Channel>,
    /// The number of frames in each memory.
    frames: Power,
    /// The power of the mean of the channels that carry sound.
    mean: Power,
    /// The channel used alone, while channels cancel one another. Kept while it is about as loud as
    /// the loudest.
    alone: Option<usize>,
    /// Whether the gains depend on the sound.
    judges: bool,
    /// Whether nothing has been received yet.
    fresh: bool,
    rate: f32,
    /// The maximum change of a gain per frame.
    slew: f32,
    /// Coefficient of the high-pass filter.
    smoothing: f32,
}

impl Mix {
    /// Creates a mixer for frames of `channels` samples (at least 1) at `rate` Hz.
    pub fn new(channels: usize, rate: u32) -> Self {
        let rate = rate as f32;
        Self {
            channels: vec![Channel { gain: 1.0, target: 1.0, ..Channel::default() }; channels],
            frames: Power::default(),
            mean: Power::default(),
            alone: None,
            judges: channels > 1,
            fresh: true,
            rate,
            slew: 1.0 / (rate * FADE),
            smoothing: 1.0 - (-std::f32::consts::TAU * HIGH_PASS / rate).exp(),
        }
    }

    /// Creates a mixer that uses only the channel `channel`, counted from 0.
    pub fn only(channel: usize, channels: usize, rate: u32) -> Self {
        let mut mix = Self::new(channels, rate);
        mix.judges = false;
        for (index, one) in mix.channels.iter_mut().enumerate() {
            one.target = share_of(index == channel);
            one.gain = one.target;
        }
        mix
    }

    /// Returns the number of samples in a frame.
    pub fn channels(&self) -> usize {
        self.channels.len()
    }

    /// Returns one sample for each whole frame in `interleaved`. The gains depend on this piece
    /// itself: the mixer adds no delay.
    pub fn push(&mut self, interleaved: &[f32]) -> impl ExactSizeIterator<Item = f32> {
        let width = self.channels.len().max(1);
        if self.judges && interleaved.len() >= width {
            self.judge(interleaved);
        }
        let (slew, channels) = (self.slew, &mut self.channels);
        interleaved.chunks_exact(width).map(move |frame| {
            let heard = channels.iter_mut().zip(frame).map(|(channel, sample)| {
                channel.gain += (channel.target - channel.gain).clamp(-slew, slew);
                sound(*sample) * channel.gain
            });
            heard.sum()
        })
    }

    /// Sets the target gains of the channels.
    fn judge(&mut self, interleaved: &[f32]) {
        let changed = self.measure(interleaved);
        let carrying = self.channels.iter().filter(|channel| channel.carries).count().max(1) as f32;
        // The power of the mean if the channels are uncorrelated.
        let unrelated = |power: f32| power / (carrying * carrying);
        if changed {
            // The memory of other channels' mean says nothing about these.
            let before = self.carried(|channel| channel.power_before);
            self.mean = Power { long: unrelated(before.long), short: unrelated(before.short) };
        }
        let power = self.power_of_mean(interleaved, carrying);
        self.mean.add(power);
        let each = self.carried(|channel| channel.power);
        let share = if self.alone.is_some() { 2.0 * SHARE } else { SHARE };
        let cancels = self.mean.long < unrelated(each.long) * share
            || self.mean.short < unrelated(each.short) * share;
        self.alone = if cancels { self.loudest() } else { None };
        for (index, channel) in self.channels.iter_mut().enumerate() {
            channel.target = match self.alone {
                Some(alone) => share_of(alone == index),
                None => share_of(channel.carries) / carrying,
            };
            if self.fresh {
                channel.gain = channel.target;
            }
        }
        self.fresh = false;
    }

    /// Updates the power of each channel. Returns whether the set of channels that carry sound
    /// changed.
    fn measure(&mut self, interleaved: &[f32]) -> bool {
        let (width, smoothing) = (self.channels.len(), self.smoothing);
        let frames = (interleaved.len() / width) as f32;
        let kept = |memory: f32| (-frames / (self.rate * memory)).exp();
        let kept = Power { long: kept(MEMORY), short: kept(SHORT_MEMORY) };
        self.mean.fade(kept);
        self.frames.fade(kept);
        self.frames.add(frames);
        let mut loudest_now = 0.0_f32;
        for (index, channel) in self.channels.iter_mut().enumerate() {
            if self.fresh {
                channel.high.low = sound(interleaved[index]);
            }
            channel.power.fade(kept);
            (channel.power_before, channel.high_before) = (channel.power, channel.high);
            let samples = interleaved.chunks_exact(width).map(|frame| sound(frame[index]));
            let filtered = samples.map(|sample| channel.high.filter(sample, smoothing));
            let power = filtered.map(|sample| sample * sample).sum();
            channel.power.add(power);
            loudest_now = loudest_now.max(power);
            channel.power_now = power;
        }
        // If all are silent, the source is not open yet.
        if loudest_now > frames * speech::SILENCE {
            for channel in &mut self.channels {
                channel.floor.take(channel.power_now, frames, self.rate);
            }
        }
        self.find_noise(frames);
        let mut loudest = Power::default();
        for channel in self.channels.iter().filter(|channel| !channel.is_noise) {
            let mean = channel.power.mean(self.frames);
            loudest =
                Power { long: loudest.long.max(mean.long), short: loudest.short.max(mean.short) };
        }
        let mut changed = false;
        for channel in &mut self.channels {
            let share = if channel.carries { DEAD / 2.0 } else { DEAD };
            let mean = channel.power.mean(self.frames);
            // A voice that begins after a louder one has little power in the long memory yet. But
            // the short memories alone are not enough: then the noise of unused inputs would count
            // as sound whenever a voice gets quiet.
            let carries = !channel.is_noise
                && (mean.long >= loudest.long * share
                    || mean.short >= loudest.long.max(loudest.short) * share);
            changed |= carries != channel.carries;
            channel.carries = carries;
        }
        changed
    }

    /// Determines which channels have only noise, if somebody has just spoken in another one.
    fn find_noise(&mut self, frames: f32) {
        let (of, seconds) = (self.frames, frames / self.rate);
        let mut somebody_spoke = false;
        for channel in &mut self.channels {
            let Power { long, short } = channel.power.mean(of);
            let speaks = channel.floor.is_speech(long.max(short));
            somebody_spoke |= channel.talk.goes_on(speaks, seconds);
        }
        for channel in &mut self.channels {
            let Power { long, short } = channel.power.mean(of);
            // Between steady and speech, the decision stays. After a silence, new sound may be a
            // voice.
            let steady = channel.floor.is_steady(long.max(short));
            let is_noise = channel.floor.is_known() && (channel.is_noise || steady);
            channel.is_noise = is_noise && somebody_spoke && !channel.talk.is_heard();
        }
    }

    /// Returns the power of this piece's mean over the channels that carry sound.
    fn power_of_mean(&self, interleaved: &[f32], carrying: f32) -> f32 {
        let mean = |samples: &mut dyn Iterator<Item = f32>| samples.sum::<f32>() / carrying;
        let channels = || self.channels.iter().enumerate().filter(|(_, channel)| channel.carries);
        // The filter is linear: the mean of filtered channels is the filtered mean.
        let mut high = HighPass { low: mean(&mut channels().map(|(_, it)| it.high_before.low)) };
        let frames = interleaved.chunks_exact(self.channels.len());
        let filtered = frames.map(|frame| {
            let mean = mean(&mut channels().map(|(index, _)| sound(frame[index])));
            high.filter(mean, self.smoothing)
        });
        filtered.map(|sample| sample * sample).sum()
    }

    /// Sums over the channels that carry sound.
    fn carried(&self, of: impl Fn(&Channel) -> Power) -> Power {
        let mut sum = Power::default();
        for power in self.channels.iter().filter(|channel| channel.carries).map(of) {
            sum = Power { long: sum.long + power.long, short: sum.short + power.short };
        }
        sum
    }

    /// Returns the channel to use alone: the previous one, as long as it has a good part of the
    /// current sound.
    fn loudest(&self) -> Option<usize> {
        let most = |of: fn(&Power) -> f32| {
            let powers = self.channels.iter().enumerate().filter(|(_, channel)| !channel.is_noise);
            let powers = powers.map(|(index, channel)| (index, of(&channel.power)));
            powers.max_by(|(_, a), (_, b)| a.total_cmp(b))
        };
        let (loudest, now) = most(|power| power.short)?;
        let (_, lately) = most(|power| power.long)?;
        let stays = |channel: &usize| {
            // In a pause, nothing distinguishes the channels.
            now < PAUSE * lately
                || self.channels.get(*channel).is_some_and(|it| it.power.short * 4.0 >= now)
        };
        self.alone.filter(stays).or(Some(loudest))
    }
}

fn share_of(taken: bool) -> f32 {
    if taken { 1.0 } else { 0.0 }
}

/// Returns a valid sample. Float files may contain anything. NaN and infinity become silence;
/// otherwise a resampler would silence everything near them, or panic. Values far beyond full scale
/// are limited, because they could become infinite in a sum.
fn sound(sample: f32) -> f32 {
    if sample.is_finite() { sample.clamp(-LOUDEST, LOUDEST) } else { 0.0 }
}

#[cfg(test)]
mod tests;
