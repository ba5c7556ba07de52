//! Draws the cases from a seed, so that a case can be repeated by its number.

use crate::clips::Clip;
use crate::faults::Kind;
use std::time::Duration;

/// A random number generator with a seed: SplitMix64 (Steele, Lea and Flood, "Fast splittable
/// pseudorandom number generators", 2014).
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    /// Creates a generator. Each pair gives another series.
    pub(crate) fn new(seed: u64, number: u64) -> Self {
        let mut random = Self(seed.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ number);
        random.next();
        random
    }

    /// Returns the next number.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Returns a number from 0 to `count` - 1.
    pub(crate) fn below(&mut self, count: usize) -> usize {
        (self.next() % count.max(1) as u64) as usize
    }

    /// Returns a number between the two.
    pub(crate) fn between(&mut self, least: f64, most: f64) -> f64 {
        least + (most - least) * (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Returns a random item.
    pub(crate) fn one_of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }
}

/// One dictation and its fault.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    /// Its number, counted from 1.
    pub(crate) number: u64,
    /// The fault's kind.
    pub(crate) fault: &'static Kind,
    /// The speech.
    pub(crate) clip: Clip,
    /// The time of the fault, counted from the first sound. It may be after the end of the clip,
    /// while the text is computed.
    pub(crate) after: Duration,
    /// The duration of the fault.
    pub(crate) lasts: Duration,
    /// A generator for the fault's own choices.
    pub(crate) random: Random,
}

/// Returns the case of that number.
pub(crate) fn case(seed: u64, number: u64, faults: &[&'static Kind], clips: &[Clip]) -> Case {
    let mut random = Random::new(seed, number);
    // Every round has every fault once, in a different order.
    let (round, place) = (number / faults.len() as u64, number as usize % faults.len());
    let mut order: Vec<_> = (0..faults.len()).collect();
    let mut shuffle = Random::new(!seed, round);
    for last in (1..order.len()).rev() {
        order.swap(last, shuffle.below(last + 1));
    }
    let fault = faults[order[place]];
    let clip = random.one_of(clips).clone();
    // May be after the end of the clip, while the text is computed.
    let after = Duration::from_secs_f64(random.between(0.05, clip.seconds + 0.5));
    let lasts = Duration::from_secs_f64(random.between(fault.lasts.0, fault.lasts.1));
    Case { number, fault, clip, after, lasts, random }
}
