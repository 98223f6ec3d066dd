//! What a frame looks like: rate, channels, length; and the clock in which lengths at different rates compare exactly.

use std::fmt;

/// Rates that hooks take, in Hz.
pub const RATES: [u32; 12] =
    [8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 88_200, 96_000, 192_000];

/// Those at which a room is mixed and a stream is kept.
pub const ROOM_RATES: [u32; 9] = [8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000];

/// The audio clock counts units, so many a second: the least common multiple of [`RATES`], so that one sample at any of them is a whole
/// number of units and durations never round.
pub const UNITS_PER_SECOND: u64 = 28_224_000;

/// [`UNITS_PER_SECOND`] in a millisecond.
pub const UNITS_PER_MS: u64 = UNITS_PER_SECOND / 1_000;

/// The longest frame, in ms.
pub const MAX_FRAME_MS: u64 = crate::sys::COACH_MAX_FRAME_MS as u64;

/// The longest packet that a codec makes (Opus), in ms.
const LONGEST_MS: u64 = 120;

/// The most interleaved samples that a hook handles at a time: 60 ms of 48 kHz stereo.
pub const MAX_FRAME: usize = 48 * MAX_FRAME_MS as usize * 2;

/// Declick ramps last this long, in ms: where a stream starts, stops or jumps.
const FADE_MS: u32 = 4;

/// Rate and channels of interleaved samples.
#[derive(Clone, Copy, Debug, Eq)]
#[repr(C, align(8))]
pub struct Format {
    rate: u32,
    /// Units in a sample: the hooks multiply rather than divide.
    step: u16,
    channels: u8,
    /// Of two channels, one is made by adding them up, and not by taking their mean.
    added_up: bool,
}

impl PartialEq for Format {
    #[inline(always)]
    fn eq(&self, other: &Self) -> bool {
        self.all() == other.all()
    }
}

impl Format {
    /// All of it as it lies in memory, so that the hooks compare formats at once.
    #[inline(always)]
    fn all(self) -> u64 {
        let Self { rate, step, channels, added_up } = self;
        u64::from(rate) | u64::from(step) << 32 | u64::from(channels) << 48 | u64::from(added_up) << 56
    }
}

impl Format {
    /// `None` where Coach does not handle it.
    pub fn new(rate: u32, channels: u32) -> Option<Self> {
        let step = match rate {
            8_000 => units_in_a_sample(8_000),
            11_025 => units_in_a_sample(11_025),
            12_000 => units_in_a_sample(12_000),
            16_000 => units_in_a_sample(16_000),
            22_050 => units_in_a_sample(22_050),
            24_000 => units_in_a_sample(24_000),
            32_000 => units_in_a_sample(32_000),
            44_100 => units_in_a_sample(44_100),
            48_000 => units_in_a_sample(48_000),
            88_200 => units_in_a_sample(88_200),
            96_000 => units_in_a_sample(96_000),
            192_000 => units_in_a_sample(192_000),
            _ => return None,
        };
        matches!(channels, 1 | 2).then_some(Self { rate, channels: channels as u8, added_up: false, step })
    }

    /// Hz.
    pub fn rate(self) -> u32 {
        self.rate
    }

    /// 1 or 2.
    pub fn channels(self) -> usize {
        self.channels as usize
    }

    /// The format in which a stream keeps it.
    pub fn kept(self) -> Self {
        let rate = match self.rate {
            88_200 => 44_100,
            96_000 | 192_000 => 48_000,
            rate => rate,
        };
        Self { rate, step: units_in_a_sample(rate), ..self }
    }

    /// The same of one channel.
    pub fn mono(self) -> Self {
        Self { channels: 1, added_up: false, ..self }
    }

    /// The same of two channels, which are added up where they are made one.
    pub fn stereo_added_up(self) -> Self {
        Self { channels: 2, added_up: true, ..self }
    }

    /// See [`Format::stereo_added_up`].
    pub fn added_up(self) -> bool {
        self.added_up
    }

    /// Whether a room can be mixed in it.
    pub fn fits_a_room(self) -> bool {
        self.rate <= 48_000
    }

    /// Length of `samples` samples a channel, in units of the audio clock.
    pub fn units(self, samples: usize) -> u64 {
        samples as u64 * u64::from(self.step)
    }

    /// Samples a channel of so many interleaved ones. A shift, since hooks do this often and channels are one or two.
    pub fn a_channel(self, interleaved: usize) -> usize {
        interleaved >> (self.channels - 1)
    }

    /// Whole samples a channel in `units`, rounded down.
    pub fn samples(self, units: u64) -> usize {
        (units / u64::from(self.step)) as usize
    }

    /// Samples a channel of a declick ramp.
    pub fn declick(self) -> u32 {
        self.rate * FADE_MS / 1_000
    }

    /// In one word, never 0.
    pub fn code(self) -> u64 {
        u64::from(self.rate) << 2 | (u64::from(self.channels) + u64::from(self.added_up))
    }

    /// The inverse of [`Format::code`]; `None` for any other word.
    pub fn from_code(code: u64) -> Option<Self> {
        let rate = u32::try_from(code >> 2).ok()?;
        match code & 3 {
            3 => Self::new(rate, 2).map(Self::stereo_added_up),
            channels => Self::new(rate, channels as u32),
        }
    }
}

const fn units_in_a_sample(rate: u32) -> u16 {
    (UNITS_PER_SECOND / rate as u64) as u16
}

/// What a host says of a frame, before anyone has looked at whether Coach handles that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    /// Hz.
    pub rate: u32,
    /// Interleaved.
    pub channels: u32,
    /// A channel.
    pub samples: u32,
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rate, channels, samples } = self;
        write!(f, "{samples} samples at {rate} Hz, {channels} channels")
    }
}

impl Shape {
    /// Whether it is no longer than [`MAX_FRAME_MS`].
    pub fn fits(self) -> bool {
        u64::from(self.samples) * 1_000 <= u64::from(self.rate) * MAX_FRAME_MS
    }

    /// The length of a frame that Coach may not handle: rather too short, since opening guards are counted in it. No codec has
    /// longer packets than [`LONGEST_MS`] or a lower rate than the lowest of [`RATES`]; what says so is mistaken.
    pub fn units(self) -> u64 {
        if self.rate < RATES[0] {
            return 0;
        }
        (u64::from(self.samples) * UNITS_PER_SECOND / u64::from(self.rate)).min(LONGEST_MS * UNITS_PER_MS)
    }
}

/// A frame in a hook: interleaved samples of a format that Coach handles.
pub struct Frame<'a> {
    /// Interleaved; a whole number of samples a channel, at least one, at most [`MAX_FRAME_MS`].
    pub data: &'a mut [i16],
    /// Their rate, and the channels that Coach makes of them: of more than two it takes the mean.
    pub format: Format,
    /// Their channels.
    pub channels: usize,
    /// Samples a channel.
    pub samples: usize,
}

impl<'a> Frame<'a> {
    /// `None` where Coach does not handle it. `data`: as many samples as `shape` says, or none.
    pub fn new(shape: Shape, data: &'a mut [i16]) -> Option<Self> {
        let format = Format::new(shape.rate, if shape.channels > 2 { 1 } else { shape.channels })?;
        let (channels, samples) = (shape.channels as usize, shape.samples as usize);
        (shape.fits() && !data.is_empty()).then_some(Self { data, format, channels, samples })
    }

    /// Its length.
    pub fn units(&self) -> u64 {
        self.format.units(self.samples)
    }
}

/// One source sample group as `to` channels: one goes to all, and of more than `to` the mean does, or of two their sum.
pub fn remix<T: Copy + Into<i32>>(sample: &[T], to: usize, added_up: bool, mut put: impl FnMut(usize, i32)) {
    match (sample, to) {
        ([l, r], 1) if added_up => put(0, (*l).into() + (*r).into()),
        ([l, r], 1) => put(0, ((*l).into() + (*r).into()) / 2),
        ([m], 2) => {
            put(0, (*m).into());
            put(1, (*m).into());
        }
        (many, _) if many.len() > to => {
            let mean = many.iter().map(|s| (*s).into()).sum::<i32>() / many.len() as i32;
            (0..to).for_each(|c| put(c, mean));
        }
        (same, _) => same.iter().enumerate().for_each(|(c, s)| put(c, (*s).into())),
    }
}

/// The last of some interleaved samples, for two channels; of mono twice the same.
pub fn last<T: Copy + Into<i32>>(samples: &[T], channels: usize) -> [i32; 2] {
    match samples {
        [.., left, right] if channels == 2 => [(*left).into(), (*right).into()],
        [.., both] => [(*both).into(); 2],
        [] => [0, 0],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_a_whole_number_of_units_at_every_rate() {
        for rate in RATES {
            assert_eq!(UNITS_PER_SECOND % u64::from(rate), 0, "{rate} Hz");
            let format = Format::new(rate, 2).unwrap();
            assert_eq!(format.samples(format.units(123)), 123);
            for format in [format.mono(), format, format.stereo_added_up()] {
                assert_eq!(Format::from_code(format.code()), Some(format));
            }
            let kept = format.kept();
            assert_eq!((Some(kept), kept.fits_a_room()), (Format::new(kept.rate(), 2), true), "{rate} Hz");
        }
    }

    #[test]
    fn other_formats_are_refused() {
        for (rate, channels) in [(0, 1), (7_999, 1), (11_000, 1), (384_000, 1), (8_000, 0), (8_000, 3)] {
            assert_eq!(Format::new(rate, channels), None);
        }
    }
}
