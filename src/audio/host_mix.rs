//! How the host's mixer makes the channels of its mix of a member's, and a listener's of those of the mix. Where Coach knows it, private
//! speech takes the same way, so that a listener hears it as loud as open speech.

use crate::audio::{
    format::{Format, remix},
    sum,
};

/// Channels of the host's mix.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HostMix {
    /// Not known: a stream keeps up to two channels, and one is made of them by taking the mean.
    #[default]
    Unknown,
    /// A member's channels are added up into one, which goes to all of a listener's.
    Mono,
    /// One channel goes to both; of more than two, every other one is added up. A listener of one channel hears the sum.
    Stereo,
}

impl HostMix {
    /// What a stream keeps of frames of this format.
    #[inline]
    pub fn keeps(self, format: Format) -> Format {
        match self {
            Self::Unknown => format,
            Self::Mono => format.mono(),
            Self::Stereo => format.stereo_added_up(),
        }
    }

    /// Makes of one sample group of a member's as many channels as the stream keeps, of which there are `kept`.
    pub fn take(self, group: &[i16], kept: usize, mut put: impl FnMut(usize, i16)) {
        let added = |from: usize, step: usize| {
            sum::saturate(group[from..].iter().step_by(step).map(|sample| i32::from(*sample)).sum())
        };
        match self {
            Self::Mono => put(0, added(0, 1)),
            Self::Stereo if group.len() > 2 => {
                // As switch_mux_channels of FreeSWITCH 1.10: the first of the two is made of the channels of odd index.
                put(0, added(1, 2));
                put(1, added(0, 2));
            }
            Self::Unknown | Self::Stereo => remix(group, kept, false, |channel, sample| put(channel, sample as i16)),
        }
    }
}
