//! The text that the engine's double returns: a digest of the samples. A test can tell from it
//! whether the double received exactly the samples that it sent, in order.

/// A digest of the samples so far.
#[derive(Clone, Debug)]
pub struct Digest {
    pub samples: u64,
    hash: u64,
    silent: bool,
}

impl Default for Digest {
    fn default() -> Self {
        // FNV-1a, 64 bit, over 16-bit units.
        Self { samples: 0, hash: 0xcbf2_9ce4_8422_2325, silent: true }
    }
}

impl Digest {
    pub fn hear(&mut self, samples: &[i16]) {
        for &sample in samples {
            let unit = u64::from(sample.cast_unsigned());
            self.hash = (self.hash ^ unit).wrapping_mul(0x0100_0000_01b3);
            self.silent &= sample == 0;
        }
        self.samples += samples.len() as u64;
    }

    /// Returns the double's text for these samples.
    pub fn text(&self) -> String {
        match self.silent {
            true => String::new(),
            false => format!("heard {} samples {:016x}", self.samples, self.hash),
        }
    }
}
