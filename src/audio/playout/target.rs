//! Where a stretch of one queue goes: straight into the listener's frame, or into a mix of another rate.

use crate::audio::{
    format::{Format, remix},
    playout::{declick::DeclickRamp, rate_mix::RateMix},
    sum::Sample,
};

/// One part of a frame, at the rate of what is played into it. Indices count samples a channel; moments are units from the first sample of the
/// part on, in the listener's time.
pub enum Target<'a> {
    /// The listener's own, interleaved.
    Frame { sum: &'a mut [i32], to: Format },
    /// For those of another rate.
    Mix(&'a mut RateMix),
}

impl Target<'_> {
    /// The first index, and the one behind the last.
    pub fn range(&self) -> (usize, usize) {
        match self {
            Self::Frame { sum, to } => (0, to.a_channel(sum.len())),
            Self::Mix(mix) => mix.range(),
        }
    }

    /// Channels that are played.
    pub fn channels(&self) -> usize {
        match self {
            Self::Frame { to, .. } => to.channels(),
            Self::Mix(mix) => mix.channels(),
        }
    }

    /// When what is at an index is heard.
    pub fn moment(&self, index: usize) -> i64 {
        match self {
            Self::Frame { to, .. } => to.units(index) as i64,
            Self::Mix(mix) => mix.moment(index),
        }
    }

    /// The first index that is not heard before `moment`.
    pub fn index(&self, moment: i64) -> usize {
        match self {
            Self::Frame { to, .. } => (moment.max(0) as u64).div_ceil(to.units(1)) as usize,
            Self::Mix(mix) => mix.index(moment),
        }
    }

    /// The signal of `from` steps by `-step` here.
    pub fn step(&self, declick: &mut DeclickRamp, step: [i32; 2], from: Format) {
        match self {
            Self::Frame { to, .. } => declick.step(step, *to),
            Self::Mix(_) => declick.step(step, from),
        }
    }

    /// Adds a ramp from one index to another.
    pub fn fade(&mut self, declick: &mut DeclickRamp, from: usize, to: usize) {
        if !declick.active() || from >= to {
            return;
        }
        match self {
            Self::Frame { sum, to: format } => {
                let channels = format.channels();
                declick.apply(&mut sum[from * channels..to * channels], channels);
            }
            Self::Mix(mix) => mix.fade(declick, from, to),
        }
    }

    /// Adds interleaved samples of `from` from `index` on.
    pub fn add<T: Sample>(&mut self, index: usize, samples: &[T], from: Format) {
        match self {
            Self::Frame { sum, to } => {
                let (channels, count) = (to.channels(), from.a_channel(samples.len()));
                let sum = &mut sum[index * channels..(index + count) * channels];
                if from.channels() == channels {
                    return T::add(samples, sum);
                }
                for (sum, group) in sum.chunks_exact_mut(channels).zip(samples.chunks_exact(from.channels())) {
                    remix(group, channels, from.added_up(), |c, sample| sum[c] += sample);
                }
            }
            Self::Mix(mix) => mix.add(index, samples, from),
        }
    }
}
