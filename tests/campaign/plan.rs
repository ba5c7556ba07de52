//! What happens in which case: drawn from a seed, so that a case can be repeated by its number.

use crate::clips::Clip;
use crate::faults::Kind;
use std::time::Duration;

/// Numbers drawn from a seed: SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom
/// number generators", 2014).
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    /// Another series for each pair.
    pub(crate) fn new(seed: u64, number: u64) -> Self {
        let mut random = Self(seed.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ number);
        random.next();
        random
    }

    /// The next one.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From 0 to `count` - 1.
    pub(crate) fn below(&mut self, count: usize) -> usize {
        (self.next() % count.max(1) as u64) as usize
    }

    /// Between the two.
    pub(crate) fn between(&mut self, least: f64, most: f64) -> f64 {
        least + (most - least) * (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// One of them.
    pub(crate) fn one_of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }
}

/// One dictation, and what goes wrong in it.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    /// Counted from 1.
    pub(crate) number: u64,
    /// What goes wrong.
    pub(crate) fault: &'static Kind,
    /// What is said.
    pub(crate) clip: Clip,
    /// How long after the first sound it goes wrong. It may be after the last one: then the text is
    /// on its way.
    pub(crate) after: Duration,
    /// How long it stays wrong.
    pub(crate) lasts: Duration,
    /// For what the fault itself draws.
    pub(crate) random: Random,
}

/// The case of that number.
pub(crate) fn case(seed: u64, number: u64, faults: &[&'static Kind], clips: &[Clip]) -> Case {
    let mut random = Random::new(seed, number);
    // Every round has every fault once, in an order of its own.
    let (round, place) = (number / faults.len() as u64, number as usize % faults.len());
    let mut order: Vec<_> = (0..faults.len()).collect();
    let mut shuffle = Random::new(!seed, round);
    for last in (1..order.len()).rev() {
        order.swap(last, shuffle.below(last + 1));
    }
    let fault = faults[order[place]];
    let clip = random.one_of(clips).clone();
    // Past the end: while the text is on its way.
    let after = Duration::from_secs_f64(random.between(0.05, clip.seconds + 0.5));
    let lasts = Duration::from_secs_f64(random.between(fault.lasts.0, fault.lasts.1));
    Case { number, fault, clip, after, lasts, random }
}
