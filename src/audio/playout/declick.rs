//! Declick ramps: what keeps a stream that starts, stops or jumps from clicking.
//!
//! A step of the signal is met by an offset that makes it continuous and decays to 0 in a straight line. It is made of values
//! that were delivered already or are being delivered, never of further samples (promise 1).

use crate::audio::format::Format;

/// A decaying offset, up to two channels.
#[derive(Clone, Copy, Default)]
pub struct DeclickRamp {
    from: [i32; 2],
    at: u32,
    length: u32,
}

impl DeclickRamp {
    /// Whether it still adds something.
    pub fn active(&self) -> bool {
        self.at < self.length
    }

    /// The offset now, for channel `c`.
    pub fn value(&self, c: usize) -> i32 {
        if self.active() { ramp(self.from[c], self.at, self.length) } else { 0 }
    }

    /// The signal steps by `-step` here: starts anew from the present offset plus `step`.
    pub fn step(&mut self, step: [i32; 2], format: Format) {
        let from = [self.value(0) + step[0], self.value(1) + step[1]];
        *self = if from == [0, 0] { Self::default() } else { Self { from, at: 0, length: format.declick() } };
    }

    /// Adds it to interleaved samples.
    pub fn apply(&mut self, samples: &mut [i32], channels: usize) {
        for group in samples.chunks_exact_mut(channels) {
            let Some(value) = self.next() else { return };
            group.iter_mut().zip(value).for_each(|(sample, value)| *sample += value);
        }
    }

    /// What it adds to the next sample group; `None` when it is over.
    pub fn next(&mut self) -> Option<[i32; 2]> {
        let value = self.active().then(|| [self.value(0), self.value(1)])?;
        self.at += 1;
        Some(value)
    }
}

/// `from` at 0, 0 at `length`.
pub fn ramp(from: i32, at: u32, length: u32) -> i32 {
    (i64::from(from) * i64::from(length - at) / i64::from(length)) as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_bridged_and_gone_after_its_length() {
        let format = Format::new(8_000, 1).unwrap();
        let mut declick = DeclickRamp::default();
        declick.step([3_200, 0], format);
        let mut samples = [0; 64];
        declick.apply(&mut samples, 1);
        assert_eq!(samples[0], 3_200);
        assert!(samples.windows(2).all(|w| w[0] >= w[1]));
        assert_eq!(samples[32..], [0; 32]);
        assert!(!declick.active());
    }
}
