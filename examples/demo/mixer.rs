//! The host's own conference mixer: for each party, what everyone else says openly, in the party's rate.

use crate::scenario::TICKS;
use rubato::{
    Async, FixedAsync, Resampler, SincInterpolationParameters, WindowFunction,
    audioadapter_buffers::direct::InterleavedSlice,
};
use std::collections::{BTreeSet, VecDeque};

/// A conference mixer for frames of 20 ms.
pub struct Mixer {
    rates: Vec<u32>,
    /// By speaker: its frame of this tick in every rate that somebody has.
    speech: Vec<Vec<InRate>>,
}

struct InRate {
    rate: u32,
    converter: Option<Converter>,
    frame: Vec<i16>,
}

impl Mixer {
    /// A mixer for parties with these rates.
    pub fn new(rates: &[u32]) -> Self {
        let all: BTreeSet<u32> = rates.iter().copied().collect();
        let in_rates = |own: u32| {
            let in_rate = |&rate: &u32| InRate {
                rate,
                converter: (rate != own).then(|| Converter::new(own, rate)),
                frame: vec![0; rate as usize / TICKS],
            };
            all.iter().map(in_rate).collect()
        };
        Self { rates: rates.to_vec(), speech: rates.iter().map(|&rate| in_rates(rate)).collect() }
    }

    /// Takes what a party says in this tick.
    pub fn take(&mut self, speaker: usize, frame: &[i16]) {
        for target in &mut self.speech[speaker] {
            match &mut target.converter {
                None => target.frame.copy_from_slice(frame),
                Some(converter) => converter.convert(frame, &mut target.frame),
            }
        }
    }

    /// Everyone else's speech for one party: summed wide, limited once.
    pub fn mix(&self, listener: usize, frame: &mut [i16]) {
        let rate = self.rates[listener];
        let others = self.speech.iter().enumerate().filter(|&(speaker, _)| speaker != listener);
        let others: Vec<&InRate> = others.flat_map(|(_, in_rates)| in_rates.iter().find(|r| r.rate == rate)).collect();
        for (n, sample) in frame.iter_mut().enumerate() {
            let sum: i32 = others.iter().map(|other| i32::from(other.frame[n])).sum();
            *sample = sum.clamp(i16::MIN.into(), i16::MAX.into()) as i16;
        }
    }
}

/// One speaker's stream from one rate to another; each has its own state.
struct Converter {
    filter: Async<f32>,
    ready: VecDeque<f32>,
    /// Silent frames in a row.
    silent: usize,
}

impl Converter {
    fn new(from: u32, to: u32) -> Self {
        let taps = 64 * from.div_ceil(to) as usize;
        let parameters = SincInterpolationParameters::new(taps, WindowFunction::BlackmanHarris);
        let (ratio, frame) = (f64::from(to) / f64::from(from), from as usize / TICKS);
        let filter =
            Async::new_sinc(ratio, 1.0, &parameters, frame, 1, FixedAsync::Input).expect("a ratio that rates have");
        let mut converter = Self { filter, ready: VecDeque::new(), silent: 0 };
        // A frame of silence first: from then on each frame in gives a whole frame out.
        converter.push(&vec![0.0; frame]);
        converter
    }

    fn push(&mut self, frame: &[f32]) {
        let frame = InterleavedSlice::new(frame, 1, frame.len()).expect("one channel always fits");
        self.ready
            .extend(self.filter.process(&frame, None).expect("a frame of the length it was made for").take_data());
    }

    fn convert(&mut self, from: &[i16], to: &mut [i16]) {
        // Most of the time most people are silent. What was said before has left the filter after a few frames.
        self.silent = if from.iter().all(|&s| s == 0) { self.silent + 1 } else { 0 };
        if self.silent > 4 {
            return to.fill(0);
        }
        let input: Vec<f32> = from.iter().map(|&s| f32::from(s)).collect();
        self.push(&input);
        for sample in to {
            *sample = self.ready.pop_front().unwrap_or(0.0).round() as i16;
        }
    }
}
