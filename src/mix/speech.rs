//! Tells a voice from steady noise by how much the power of a channel changes: a voice has pauses,
//! in which only the noise of its input is left. The noise of an unused input, a fan, or a hum
//! stays what it is.

/// Seconds of the blocks that are compared. In shorter ones, low noise differs by itself.
const BLOCK: f32 = 0.1;
/// Seconds after which the least of the blocks is looked for anew. The floor is the least of the
/// last one or two such times: people pause more often, and a noise that begins is soon known.
const WINDOW: f32 = 2.0;
/// A channel has speech if it has this many times the power of its floor: 9 dB.
const SPEECH: f32 = 8.0;
/// A channel is steady if it has less than this many times the power of its floor: 6 dB. Of the
/// blocks of a low rumble, the least one has about half of their mean.
const STEADY: f32 = 4.0;
/// Seconds that a voice counts as heard after its last word.
const HOLD: f32 = 10.0;

/// Mean power of digital silence: -120 dB, below the floor of 16 bits.
pub(super) const SILENCE: f32 = 1e-12;

/// The noise floor of one channel: the least power of a block lately.
#[derive(Clone, Default)]
pub(super) struct Floor {
    /// Power and frames of the block so far.
    power: f32,
    frames: f32,
    /// Some of the block is digital silence, as of an input that is muted.
    has_silence: bool,
    /// Seconds until enough is known after a silence: what begins then may be a voice.
    unknown: f32,
    /// Seconds of this window so far.
    window: f32,
    /// The least in this window and in the one before. `None`: no block yet.
    least: Option<f32>,
    least_before: Option<f32>,
}

impl Floor {
    /// Takes the power of so many frames, summed up.
    pub(super) fn take(&mut self, power: f32, frames: f32, rate: f32) {
        self.power += power;
        self.frames += frames;
        self.has_silence |= power <= frames * SILENCE;
        if self.frames < rate * BLOCK {
            return;
        }
        let (mean, seconds) = (self.power / self.frames, self.frames / rate);
        let has_silence = self.has_silence;
        (self.power, self.frames, self.has_silence) = (0.0, 0.0, false);
        if has_silence {
            *self = Self { unknown: WINDOW, ..Self::default() };
            return;
        }
        self.unknown = (self.unknown - seconds).max(0.0);
        self.least = Some(self.least.map_or(mean, |least| least.min(mean)));
        self.window += seconds;
        if self.window >= WINDOW {
            self.window = 0.0;
            self.least_before = self.least.take();
        }
    }

    fn level(&self) -> Option<f32> {
        match (self.least, self.least_before) {
            (Some(now), Some(before)) => Some(now.min(before)),
            (now, before) => now.or(before),
        }
    }

    /// Whether enough is known after a silence.
    pub(super) fn is_known(&self) -> bool {
        self.unknown <= 0.0
    }

    /// Whether this mean power is that of a voice.
    pub(super) fn is_speech(&self, power: f32) -> bool {
        self.level().is_some_and(|floor| power > floor * SPEECH)
    }

    /// Whether this mean power is that of steady noise.
    pub(super) fn is_steady(&self, power: f32) -> bool {
        self.is_known() && self.level().is_some_and(|floor| power < floor * STEADY)
    }
}

/// When somebody spoke in a channel.
#[derive(Clone, Copy, Default)]
pub(super) struct Talk {
    /// Seconds for which the voice still counts as heard.
    left: f32,
}

impl Talk {
    /// Whether somebody speaks, or has spoken lately. `seconds` have passed.
    pub(super) fn goes_on(&mut self, speaks: bool, seconds: f32) -> bool {
        self.left = if speaks { HOLD } else { (self.left - seconds).max(0.0) };
        self.is_heard()
    }

    /// Whether somebody has spoken lately.
    pub(super) fn is_heard(self) -> bool {
        self.left > 0.0
    }
}
