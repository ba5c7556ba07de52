//! Distinguishes a voice from steady noise by the changes of a channel's power. A voice has pauses,
//! in which only the noise of its input is left. The noise of an unused input, a fan or a hum does
//! not change.

/// The length of the blocks that are compared, in seconds. In shorter blocks, the power of
/// low-frequency noise varies by itself.
const BLOCK: f32 = 0.1;
/// The length of a window, in seconds. The floor is the least power of a block in this window and
/// the one before: people pause more often than that, and a noise that begins is soon recognised.
const WINDOW: f32 = 2.0;
/// A channel has speech if it has this many times the power of its floor: 9 dB.
const SPEECH: f32 = 8.0;
/// A channel is steady if it has less than this many times the power of its floor: 6 dB. In a low
/// rumble, the least block has about half of the mean power.
const STEADY: f32 = 4.0;
/// How long a voice counts as present after its last word, in seconds.
const HOLD: f32 = 10.0;

/// The greatest mean power of digital silence: -120 dB, below the noise floor of 16 bits.
pub(super) const SILENCE: f32 = 1e-12;

/// The noise floor of one channel: the least power of a recent block.
#[derive(Clone, Default)]
pub(super) struct Floor {
    /// The summed power of the current block, and its number of frames so far.
    power: f32,
    frames: f32,
    /// Whether part of the current block is digital silence, as from a muted input.
    has_silence: bool,
    /// Seconds until the floor is reliable after digital silence. Sound that begins before that may
    /// be a voice.
    unknown: f32,
    /// The length of the current window so far, in seconds.
    window: f32,
    /// The least mean power of a block in this window, and in the one before. `None`: no block yet.
    least: Option<f32>,
    least_before: Option<f32>,
}

impl Floor {
    /// Adds the summed power of this many frames. `rate` is in frames per second.
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

    /// Whether the floor is reliable again after digital silence.
    pub(super) fn is_known(&self) -> bool {
        self.unknown <= 0.0
    }

    /// Whether this mean power is high enough for a voice.
    pub(super) fn is_speech(&self, power: f32) -> bool {
        self.level().is_some_and(|floor| power > floor * SPEECH)
    }

    /// Whether this mean power is low enough for steady noise.
    pub(super) fn is_steady(&self, power: f32) -> bool {
        self.is_known() && self.level().is_some_and(|floor| power < floor * STEADY)
    }
}

/// Recent speech in a channel.
#[derive(Clone, Copy, Default)]
pub(super) struct Talk {
    /// How long the voice still counts as present, in seconds.
    left: f32,
}

impl Talk {
    /// Notes whether somebody `speaks`, `seconds` after the last call. Returns whether somebody
    /// speaks or has spoken recently.
    pub(super) fn goes_on(&mut self, speaks: bool, seconds: f32) -> bool {
        self.left = if speaks { HOLD } else { (self.left - seconds).max(0.0) };
        self.is_heard()
    }

    /// Whether somebody has spoken recently.
    pub(super) fn is_heard(self) -> bool {
        self.left > 0.0
    }
}
