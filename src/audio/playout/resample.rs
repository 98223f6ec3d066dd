//! Rate conversion.

use rubato::{
    Async, FixedAsync, Resampler, Resizable, SincInterpolationParameters, SincInterpolationType, WindowFunction,
    audioadapter_buffers::direct::InterleavedSlice, calculate_cutoff,
};

use crate::audio::{format::Format, lockfree::handoff, playout::filter_audience::FilterAudience};

/// From one rate to another, for so many channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conversion {
    pub from: Format,
    pub to: Format,
}

impl Conversion {
    /// `None` where the rates are the same. Converts as few channels as either side has.
    pub fn between(from: Format, to: Format) -> Option<Self> {
        let channels = from.channels().min(to.channels()) as u32;
        let narrow = |f: Format| Format::new(f.rate(), channels).unwrap_or(f);
        (from.rate() != to.rate()).then(|| Self { from: narrow(from), to: narrow(to) })
    }

    /// In one word, never 0.
    pub fn code(self) -> u64 {
        self.from.code() << 32 | self.to.code()
    }

    fn from_code(code: u64) -> Option<Self> {
        Some(Self { from: Format::from_code(code >> 32)?, to: Format::from_code(code & 0xffff_ffff)? })
    }

    /// Channels that it converts.
    pub fn channels(self) -> usize {
        self.from.channels()
    }
}

/// Where a hook gets its converter from.
pub type Handoff = handoff::Handoff<Converter>;

/// Taps of the filter at the lower rate.
const TAPS: usize = 64;
/// Four terms of cosines: the stop band is below -92 dB.
const WINDOW: WindowFunction = WindowFunction::BlackmanHarris;
/// The most samples a channel that are converted at a time.
const MOST: usize = 128;
/// More than making a converter takes.
const MOST_BYTES: usize = 2 << 20;

/// A running conversion.
pub struct Converter {
    conversion: Conversion,
    filter: Async<f32>,
    /// Samples a channel on either side of the one that the filter gives.
    half: usize,
    /// Samples a channel that the filter gives for what was before the first.
    early: usize,
    /// Of those, how many are still to come.
    unwanted: usize,
    /// Converted, interleaved; the part from `begin` to `end` was not given out yet.
    made: Box<[f32]>,
    begin: usize,
    end: usize,
    /// Of private speech: who may hear what the filter holds.
    pub held: FilterAudience,
}

impl Converter {
    /// [control] For [`Handoff::prepare`]; `None` without memory. Computing the filter takes 2 ms or so.
    pub fn of(code: u64) -> Option<Self> {
        Conversion::from_code(code).and_then(Self::new)
    }

    fn new(conversion: Conversion) -> Option<Self> {
        // The filter's own allocations end the process where there is no memory.
        Vec::<u8>::new().try_reserve_exact(MOST_BYTES).ok()?;
        let Conversion { from, to } = conversion;
        let (up, down) = lowest_terms(to.rate(), from.rate());
        let half = (TAPS * down.max(up) / up).next_multiple_of(16) / 2;
        let parameters = SincInterpolationParameters {
            sinc_len: 2 * half,
            f_cutoff: Some(calculate_cutoff(TAPS, WINDOW)),
            // A filter for each place that a sample can have between two others, so that none is interpolated.
            oversampling_factor: up,
            interpolation: SincInterpolationType::Nearest,
            window: WINDOW,
        };
        let ratio = f64::from(to.rate()) / f64::from(from.rate());
        let filter = Async::new_sinc(ratio, 1.0, &parameters, MOST, from.channels(), FixedAsync::Input).ok()?;
        // The n-th sample that it gives, from 0 on, is at the place ((n + 1) * down + 1) / up - half of what goes in. The last one
        // that is not after the first is the first that is wanted.
        let early = (up * half - 1) / down - 1;
        let made = vec![0.0; filter.output_frames_max() * from.channels()].into();
        Some(Self {
            conversion,
            filter,
            half,
            early,
            unwanted: early,
            made,
            begin: 0,
            end: 0,
            held: FilterAudience::default(),
        })
    }

    /// What it converts.
    pub fn conversion(&self) -> Conversion {
        self.conversion
    }

    /// Input samples a channel that it needs beyond those it has given out.
    pub fn delay(&self) -> usize {
        self.half + 1
    }

    /// Forgets what it holds.
    pub fn restart(&mut self) {
        self.filter.reset();
        (self.unwanted, self.begin, self.end) = (self.early, 0, 0);
    }

    /// Takes interleaved input once all that came of earlier input is given out, [`MOST`] samples a channel at a time; gives
    /// interleaved output as far as there is room: how many were taken and given.
    pub fn run(&mut self, input: &[f32], out: &mut [f32]) -> (usize, usize) {
        let channels = self.conversion.channels();
        let taken = if self.begin == self.end { input.len().min(MOST * channels) / channels * channels } else { 0 };
        if taken > 0 {
            let made = self.convert(&input[..taken]).unwrap_or(0); // without a result it is silent
            let unwanted = self.unwanted.min(made);
            self.unwanted -= unwanted;
            (self.begin, self.end) = (unwanted * channels, made * channels);
        }
        let given = (self.end - self.begin).min(out.len() / channels * channels);
        out[..given].copy_from_slice(&self.made[self.begin..self.begin + given]);
        self.begin += given;
        (taken, given)
    }

    /// Samples a channel that came of this input.
    fn convert(&mut self, input: &[f32]) -> Option<usize> {
        let channels = self.conversion.channels();
        let (length, room) = (input.len() / channels, self.made.len() / channels);
        self.filter.set_chunk_size(length).ok()?;
        let input = InterleavedSlice::new(input, channels, length).ok()?;
        let mut made = InterleavedSlice::new_mut(&mut self.made, channels, room).ok()?;
        self.filter.process_into_buffer(&input, &mut made, None).ok().map(|(_, made)| made)
    }
}

/// A fraction in its lowest terms.
fn lowest_terms(above: u32, below: u32) -> (usize, usize) {
    let (mut divisor, mut rest) = (above, below);
    while rest != 0 {
        (divisor, rest) = (rest, divisor % rest);
    }
    ((above / divisor) as usize, (below / divisor) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::format::RATES;

    /// All that comes out for this and the zeros that push it out.
    fn converted(converter: &mut Converter, mut input: Vec<f32>) -> Vec<f32> {
        input.resize(input.len() + converter.delay(), 0.0);
        let (mut left, mut all, mut out) = (&input[..], Vec::new(), [0.0; 50]);
        loop {
            let (taken, given) = converter.run(left, &mut out);
            left = &left[taken..];
            all.extend(&out[..given]);
            if taken == 0 && given == 0 {
                return all;
            }
        }
    }

    /// What goes in comes out from its first sample to its last, at its time, and nothing of what was before.
    #[test]
    fn a_stretch_is_whole_and_begins_anew() {
        let format = |rate| Format::new(rate, 1).expect("a rate that there is");
        for (from, to) in RATES.into_iter().flat_map(|from| RATES.map(|to| (from, to))) {
            let Some(conversion) = Conversion::between(format(from), format(to)) else { continue };
            let (ratio, what) = (f64::from(to) / f64::from(from), format!("{from} to {to} Hz"));
            // To less than two samples of the lower rate.
            let near = |samples: usize, of: f64| (samples as f64 - of).abs() <= 1.9 * ratio.max(1.0);
            let mut converter = Converter::new(conversion).expect("there is memory");
            for at in [0, 700, 999] {
                converter.run(&[1.0; 100], &mut [0.0; 30]); // something is left
                converter.restart();
                let mut pulse = vec![0.0; 1_000];
                pulse[at] = 1.0;
                let out = converted(&mut converter, pulse);
                assert!(near(out.len(), 1_000.0 * ratio), "{what}: {} samples of 1,000", out.len());
                let peak = (0..out.len()).max_by(|a, b| out[*a].total_cmp(&out[*b])).expect("some");
                assert!(near(peak, at as f64 * ratio), "{what}: sample {at} comes out as {peak}");
                let far = out.iter().enumerate().filter(|(n, _)| n.abs_diff(peak) > (70.0 * ratio.max(1.0)) as usize);
                assert!(far.clone().all(|(_, sample)| *sample == 0.0), "{what}: nothing but sample {at} is there");
            }
        }
    }
}
