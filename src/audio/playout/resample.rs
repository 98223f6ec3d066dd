//! Rate conversion.

use std::sync::Arc;

use crate::audio::{
    format::{Format, UNITS_PER_MS},
    playout::{
        filter_audience::FilterAudience,
        filters::{Filter, Filters},
    },
};

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

/// The most that is taken at a time, in ms.
pub const MOST_MS: u64 = 20;

/// A running conversion. Sample `k` that it gives lies exactly at the place `k * down / up` of what goes in.
pub struct Converter {
    conversion: Conversion,
    filter: Arc<Filter>,
    /// What the filter looks at, a part of this for each channel. It begins with the silence before the first sample.
    wave: Box<[f32]>,
    /// The most samples a channel that are taken at a time.
    most: usize,
    /// So many samples at least stay before `at`: those that the sample before the next was made of.
    before: usize,
    /// Samples a channel there.
    filled: usize,
    /// Where what the filter looks at for its next sample begins,
    at: usize,
    /// and how much of `up` behind a sample that lies.
    part: usize,
    /// Of private speech: who may hear what the filter holds.
    pub held: FilterAudience,
}

impl Filters {
    /// [control] For `Handoff::prepare`; `None` without memory. May have to make a filter.
    pub fn converter(&self, code: u64) -> Option<Converter> {
        let conversion = Conversion::from_code(code)?;
        let filter = self.between(conversion.from.rate(), conversion.to.rate())?;
        Converter::new(conversion, filter)
    }
}

impl Converter {
    fn new(conversion: Conversion, filter: Arc<Filter>) -> Option<Self> {
        let before = filter.down().div_ceil(filter.up());
        let most = conversion.from.samples(MOST_MS * UNITS_PER_MS) + 1;
        let length = (before + 2 * filter.half() + most) * conversion.channels();
        let mut wave = Vec::new();
        wave.try_reserve_exact(length).ok()?;
        wave.resize(length, 0.0);
        let wave = wave.into_boxed_slice();
        let (filled, held) = (before + filter.half() - 1, FilterAudience::default());
        Some(Self { conversion, filter, wave, most, before, filled, at: before, part: 0, held })
    }

    /// What it converts.
    pub fn conversion(&self) -> Conversion {
        self.conversion
    }

    /// Input samples a channel that it needs beyond those it has given out.
    pub fn delay(&self) -> usize {
        self.filter.half()
    }

    /// Forgets what it holds.
    pub fn restart(&mut self) {
        self.wave.fill(0.0);
        (self.filled, self.at, self.part) = (self.before + self.delay() - 1, self.before, 0);
    }

    /// Takes interleaved input once all that came of earlier input is given out, [`MOST_MS`] at a time; gives interleaved output as far as there is room: how many were taken and given.
    pub fn run(&mut self, input: &[f32], out: &mut [f32]) -> (usize, usize) {
        let taken = if self.gives() { 0 } else { self.take(input) };
        (taken, self.give(out))
    }

    /// Whether the next sample is known.
    fn gives(&self) -> bool {
        self.at + 2 * self.delay() <= self.filled
    }

    fn take(&mut self, input: &[f32]) -> usize {
        let channels = self.conversion.channels();
        let length = self.wave.len() / channels;
        let count = (input.len() / channels).min(self.most);
        self.make_room(count);
        for (c, wave) in self.wave.chunks_exact_mut(length).enumerate() {
            for (sample, group) in wave[self.filled..self.filled + count].iter_mut().zip(input.chunks_exact(channels)) {
                *sample = group[c];
            }
        }
        self.filled += count;
        count * channels
    }

    /// Moves what is still needed to the front if there is no room for `count` samples a channel more.
    fn make_room(&mut self, count: usize) {
        let length = self.wave.len() / self.conversion.channels();
        if self.filled + count > length {
            let from = self.at - self.before;
            self.wave.chunks_exact_mut(length).for_each(|wave| wave.copy_within(from..self.filled, 0));
            (self.filled, self.at) = (self.filled - from, self.before);
        }
    }

    /// Begins with silence, and with so much of it that of every sample that goes in the first that it gives is known at once.
    pub fn restart_known(&mut self) {
        self.restart();
        self.filled += self.delay();
    }

    /// Makes room for what `samples` samples a channel that it is to give need, silent for now; where that begins.
    pub fn reserve(&mut self, samples: usize) -> usize {
        let (up, down) = (self.filter.up(), self.filter.down());
        let needed = |at: usize, part: usize| at + (part + samples.saturating_sub(1) * down) / up + self.window();
        let count = needed(self.at, self.part).saturating_sub(self.filled).min(self.most);
        self.make_room(count);
        let (begin, length) = (self.filled, self.wave.len() / self.conversion.channels());
        self.wave.chunks_exact_mut(length).for_each(|wave| wave[begin..begin + count].fill(0.0));
        self.filled += count;
        begin
    }

    /// Samples a channel that went in, of those that are still there.
    pub fn filled(&self) -> usize {
        self.filled
    }

    /// Samples a channel that each one that it gives is made of.
    pub fn window(&self) -> usize {
        2 * self.delay()
    }

    /// The sample after which the next that it gives lies, and the units that are between the two.
    pub fn next(&self) -> (usize, u64) {
        let part = self.conversion.from.units(1) / self.filter.up() as u64 * self.part as u64;
        (self.at + self.delay() - 1, part)
    }

    /// What went in of one channel, from a sample on.
    pub fn wave(&mut self, channel: usize, from: usize) -> &mut [f32] {
        let length = self.wave.len() / self.conversion.channels();
        &mut self.wave[channel * length + from..channel * length + self.filled]
    }

    /// Makes all that went in silent.
    pub fn clear(&mut self) {
        self.wave.fill(0.0);
    }

    /// The sample that it gave last, of what is there now.
    pub fn last(&self, group: &mut [f32]) {
        let (up, down) = (self.filter.up(), self.filter.down());
        let back = (down + up - 1 - self.part) / up;
        let (at, part) = (self.at - back, self.part + back * up - down);
        let length = self.wave.len() / self.conversion.channels();
        for (sample, wave) in group.iter_mut().zip(self.wave.chunks_exact(length)) {
            *sample = self.filter.value(&wave[at..at + self.window()], part);
        }
    }

    /// Gives interleaved output as far as it is known and there is room; how much that is.
    pub fn give(&mut self, out: &mut [f32]) -> usize {
        let channels = self.conversion.channels();
        let (up, down, half) = (self.filter.up(), self.filter.down(), self.filter.half());
        let length = self.wave.len() / channels;
        let (step, step_part) = (down / up, down % up);
        let mut given = 0;
        for group in out.chunks_exact_mut(channels) {
            if !self.gives() {
                break;
            }
            for (sample, wave) in group.iter_mut().zip(self.wave.chunks_exact(length)) {
                *sample = self.filter.value(&wave[self.at..self.at + 2 * half], self.part);
            }
            self.at += step;
            self.part += step_part;
            if self.part >= up {
                (self.at, self.part) = (self.at + 1, self.part - up);
            }
            given += channels;
        }
        given
    }
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
        let filters = Filters::default();
        let format = |rate| Format::new(rate, 1).expect("a rate that there is");
        for (from, to) in RATES.into_iter().flat_map(|from| RATES.map(|to| (from, to))) {
            let Some(conversion) = Conversion::between(format(from), format(to)) else { continue };
            let (ratio, what) = (f64::from(to) / f64::from(from), format!("{from} to {to} Hz"));
            // To less than two samples of the lower rate.
            let near = |samples: usize, of: f64| (samples as f64 - of).abs() <= 1.9 * ratio.max(1.0);
            let mut converter = filters.converter(conversion.code()).expect("there is memory");
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

    /// A tone comes out as the same tone at the other rate, sample by sample, as many as belong to what went in, however it is cut.
    #[test]
    fn each_sample_lies_exactly_in_its_place() {
        let filters = Filters::default();
        for (from, to) in RATES.into_iter().flat_map(|from| RATES.map(|to| (from, to))) {
            let format = |rate| Format::new(rate, 2).expect("a rate that there is");
            let Some(conversion) = Conversion::between(format(from), format(to)) else { continue };
            let turns = 0.1 * f64::from(from.min(to));
            let tone = |sample: usize, rate: u32| {
                let angle = std::f64::consts::TAU * turns * sample as f64 / f64::from(rate);
                [angle.sin(), angle.cos()].map(|value| 1_000.0 * value)
            };
            let mut converter = filters.converter(conversion.code()).expect("there is memory");
            let (said, mut heard, mut out) = (3_000, Vec::new(), [0.0; 74]);
            let input: Vec<f32> = (0..said).flat_map(|sample| tone(sample, from)).map(|value| value as f32).collect();
            for piece in input.chunks(2 * 191) {
                let mut left = piece;
                loop {
                    let (taken, given) = converter.run(left, &mut out);
                    left = &left[taken..];
                    heard.extend_from_slice(&out[..given]);
                    if taken == 0 && given == 0 {
                        break;
                    }
                }
            }
            let what = format!("{from} to {to} Hz");
            let (known, ratio) = (said - converter.delay(), (u64::from(to), u64::from(from)));
            assert_eq!(heard.len() as u64 / 2, (known as u64 * ratio.0).div_ceil(ratio.1), "{what}: so many are known");
            // Before the first there was silence.
            let settled = converter.delay() * to as usize / from as usize + 1;
            for (sample, group) in heard.chunks_exact(2).enumerate().skip(settled) {
                let due = tone(sample, to);
                let error = (0..2).map(|c| (f64::from(group[c]) - due[c]).abs()).fold(0.0, f64::max);
                assert!(error < 0.1, "{what}: sample {sample} is {group:?} and not {due:?}");
            }
        }
    }
}
