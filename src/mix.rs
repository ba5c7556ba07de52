//! Several channels into one: by what carries sound, not by their mean.
//!
//! The mean of all channels loses speech in two cases: channels in opposite phase cancel one
//! another, and a voice in one channel of many is turned down by their number. So channels that
//! carry nothing are left out, and where the rest cancel one another, the loudest is taken alone.
//! A channel with nothing but steady noise is left out too while somebody speaks in another one
//! (`speech`), however loud the noise is.
//! Each channel has a gain that moves slowly enough for no change to be heard as a click.
//!
//! Sound files and the microphone share this. [`Mix::push`] neither locks nor allocates: PipeWire's
//! realtime thread calls it.

mod speech;

use speech::{Floor, Talk};

/// A channel carries something if it has this share of the power of the loudest one: -40 dB. Two
/// voices in one recording differ by less, the noise of an unused input is below.
const DEAD: f32 = 1e-4;

/// The mean of the channels is taken, unless it has less than this share of the power that it would
/// have if they had nothing to do with one another: then they cancel one another (opposite phases).
const SHARE: f32 = 1.0 / 8.0;

/// Seconds in which the memory of how loud the channels were fades to a third. Powers are compared,
/// so a pause changes nothing.
const MEMORY: f32 = 1.0;
/// The same of a second memory, for channels that begin to cancel one another in the middle of
/// speech.
const SHORT_MEMORY: f32 = 0.1;

/// In a pause the short memory has less than this share of the power in the long one; where
/// somebody speaks evenly it has a tenth.
const PAUSE: f32 = 0.01;

/// Seconds that a gain takes from nothing to all.
const FADE: f32 = 0.01;

/// Hz; what is below (hum, a converter's offset) is heard but does not count as sound. Voices begin
/// at about 80 Hz, but most of their power is higher.
const HIGH_PASS: f32 = 120.0;

/// 48 dB above full scale: no recording is louder, and no sum over it overflows.
const LOUDEST: f32 = 256.0;

/// Power lately, by two memories. Of samples summed up, not their mean: only ratios count.
#[derive(Clone, Copy, Default)]
struct Power {
    long: f32,
    short: f32,
}

impl Power {
    /// The power of one frame, if there were so many frames in either memory.
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
    /// The power of the present piece, summed up.
    power_now: f32,
    /// Its power without the present piece.
    power_before: Power,
    high: HighPass,
    /// The filter before the present piece.
    high_before: HighPass,
    floor: Floor,
    /// When somebody spoke in it.
    talk: Talk,
    /// It has only noise, while another channel has speech.
    is_noise: bool,
    carries: bool,
    gain: f32,
    target: f32,
}

/// A first-order high-pass filter.
#[derive(Clone, Copy, Default)]
struct HighPass {
    /// The slow part, which is taken away.
    low: f32,
}

impl HighPass {
    fn filter(&mut self, sample: f32, smoothing: f32) -> f32 {
        self.low += (sample - self.low) * smoothing;
        sample - self.low
    }
}

/// Makes one channel of several.
pub struct Mix {
    channels: Vec<Channel>,
    /// How many frames each memory has.
    frames: Power,
    /// Of the mean of those channels that carry something.
    mean: Power,
    /// The channel that is taken alone, while channels cancel one another. Kept while it is about
    /// as loud as the loudest.
    alone: Option<usize>,
    /// Whether the gains depend on the sound.
    judges: bool,
    /// Nothing was heard yet.
    fresh: bool,
    rate: f32,
    /// The most that a gain changes from one frame to the next.
    slew: f32,
    /// The high-pass filter's.
    smoothing: f32,
}

impl Mix {
    /// For frames of `channels` samples (at least 1) at `rate` Hz.
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

    /// The same, but one channel is taken, counted from 0, and no other.
    pub fn only(channel: usize, channels: usize, rate: u32) -> Self {
        let mut mix = Self::new(channels, rate);
        mix.judges = false;
        for (index, one) in mix.channels.iter_mut().enumerate() {
            one.target = share_of(index == channel);
            one.gain = one.target;
        }
        mix
    }

    /// How many samples a frame has.
    pub fn channels(&self) -> usize {
        self.channels.len()
    }

    /// One sample for each whole frame in `interleaved`. This piece itself decides the gains with
    /// which it is mixed: the mixer adds no delay.
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

    /// Sets the gains that the channels move towards.
    fn judge(&mut self, interleaved: &[f32]) {
        let changed = self.measure(interleaved);
        let carrying = self.channels.iter().filter(|channel| channel.carries).count().max(1) as f32;
        // The power that the mean has where the channels have nothing to do with one another.
        let unrelated = |power: f32| power / (carrying * carrying);
        if changed {
            // What is known of the mean of other channels says nothing about these.
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

    /// Takes in how loud each channel is. Whether other channels carry something than before.
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
        // Where all are silent, the source is not open yet.
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
            // A voice that begins after a louder one has little in the long memory yet. But it has
            // to compare with that: by the short memories alone the noise of unused inputs would
            // carry something whenever a voice gets low.
            let carries = !channel.is_noise
                && (mean.long >= loudest.long * share
                    || mean.short >= loudest.long.max(loudest.short) * share);
            changed |= carries != channel.carries;
            channel.carries = carries;
        }
        changed
    }

    /// Finds out which channels have nothing but noise, as long as somebody has just spoken in
    /// another one.
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
            // Between steady and speech it stays what it was.
            // After a silence, what begins may be a voice.
            let steady = channel.floor.is_steady(long.max(short));
            let is_noise = channel.floor.is_known() && (channel.is_noise || steady);
            channel.is_noise = is_noise && somebody_spoke && !channel.talk.is_heard();
        }
    }

    /// The power in this piece of the mean of those channels that carry something.
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

    /// Sums up over the channels that carry something.
    fn carried(&self, of: impl Fn(&Channel) -> Power) -> Power {
        let mut sum = Power::default();
        for power in self.channels.iter().filter(|channel| channel.carries).map(of) {
            sum = Power { long: sum.long + power.long, short: sum.short + power.short };
        }
        sum
    }

    /// The channel to take alone: the one that was, as long as it has a good part of what is heard
    /// now.
    fn loudest(&self) -> Option<usize> {
        let most = |of: fn(&Power) -> f32| {
            let powers = self.channels.iter().enumerate().filter(|(_, channel)| !channel.is_noise);
            let powers = powers.map(|(index, channel)| (index, of(&channel.power)));
            powers.max_by(|(_, a), (_, b)| a.total_cmp(b))
        };
        let (loudest, now) = most(|power| power.short)?;
        let (_, lately) = most(|power| power.long)?;
        let stays = |channel: &usize| {
            // In a pause nothing tells the channels apart.
            now < PAUSE * lately
                || self.channels.get(*channel).is_some_and(|it| it.power.short * 4.0 >= now)
        };
        self.alone.filter(stays).or(Some(loudest))
    }
}

fn share_of(taken: bool) -> f32 {
    if taken { 1.0 } else { 0.0 }
}

/// A sample as sound can have it. Float files may hold anything: what is no number, and what is
/// infinite, is silence, or a resampler would make silence of all that is near it, or panic. What
/// is far beyond full scale would be infinite in a sum.
fn sound(sample: f32) -> f32 {
    if sample.is_finite() { sample.clamp(-LOUDEST, LOUDEST) } else { 0.0 }
}

#[cfg(test)]
mod tests;
