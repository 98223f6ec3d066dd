//! What members say in tests, and how what they hear is measured.

use std::f64::consts::TAU;

/// Rate in Hz and channels (interleaved) of a leg.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Format {
    pub rate: u32,
    pub channels: u32,
}

/// Every rate that the hooks take.
pub const RATES: [u32; 7] = [8000, 12000, 16000, 24000, 32000, 44100, 48000];

impl Format {
    pub const fn mono(rate: u32) -> Self {
        Self { rate, channels: 1 }
    }

    pub const fn stereo(rate: u32) -> Self {
        Self { rate, channels: 2 }
    }

    /// Samples a channel in so many milliseconds.
    pub const fn samples(self, ms: u32) -> usize {
        (self.rate as usize * ms as usize) / 1000
    }

    /// A silent frame.
    pub fn silence(self, ms: u32) -> Vec<i16> {
        vec![0; self.samples(ms) * self.channels as usize]
    }

    /// Samples a channel in this frame.
    pub fn samples_in(self, frame: &[i16]) -> u32 {
        (frame.len() / self.channels as usize) as u32
    }

    /// Samples a channel in the longest declared fade, 4 ms.
    pub const fn fade(self) -> usize {
        self.samples(4)
    }
}

/// A well-mixed 64-bit number for a number (the finalizer of SplitMix64).
pub fn mix(mut x: u64) -> u64 {
    x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// Sample `index` of an endless noise: between -`peak` and `peak`, and never the same for two voices over long.
pub fn noise(voice: u64, index: u64, peak: i16) -> i16 {
    let random = mix(mix(voice) ^ index) >> 33;
    let peak = i64::from(peak);
    (random as i64 % (2 * peak + 1) - peak) as i16
}

/// A voice of noise: it remembers how far it has spoken.
#[derive(Debug, Clone)]
pub struct Noise {
    pub voice: u64,
    pub said: u64,
    pub peak: i16,
}

impl Noise {
    pub fn new(voice: u64, peak: i16) -> Self {
        Self { voice, said: 0, peak }
    }

    /// The next frame.
    pub fn frame(&mut self, format: Format, ms: u32) -> Vec<i16> {
        let mut frame = format.silence(ms);
        for sample in &mut frame {
            *sample = noise(self.voice, self.said, self.peak);
            self.said += 1;
        }
        frame
    }
}

/// Tones of one amplitude each at these frequencies, all channels alike, from the `start`-th sample a channel on.
pub fn tones(frequencies: &[f64], amplitude: f64, format: Format, start: u64, samples: usize) -> Vec<i16> {
    let mut frame = Vec::with_capacity(samples * format.channels as usize);
    for index in start..start + samples as u64 {
        let time = index as f64 / f64::from(format.rate);
        let sum: f64 = frequencies.iter().map(|f| (TAU * f * time + f).sin()).sum();
        let sample = (amplitude * sum).round() as i16;
        frame.extend(std::iter::repeat_n(sample, format.channels as usize));
    }
    frame
}

/// One channel of an interleaved signal.
pub fn channel(frame: &[i16], channels: u32, which: usize) -> Vec<i16> {
    frame.iter().skip(which).step_by(channels as usize).copied().collect()
}

/// A tone as found in a signal: its amplitude and its phase at the first sample.
#[derive(Debug, Clone, Copy)]
pub struct Tone {
    pub frequency: f64,
    pub amplitude: f64,
    pub phase: f64,
}

/// The tone of a frequency that makes whole turns in `signal`: two such tones do not disturb each other's measure.
pub fn measure(signal: &[i16], rate: u32, frequency: f64) -> Tone {
    let (mut sine, mut cosine) = (0.0, 0.0);
    for (index, &sample) in signal.iter().enumerate() {
        let turn = TAU * frequency * index as f64 / f64::from(rate);
        sine += f64::from(sample) * turn.sin();
        cosine += f64::from(sample) * turn.cos();
    }
    let scale = 2.0 / signal.len() as f64;
    Tone { frequency, amplitude: scale * sine.hypot(cosine), phase: cosine.atan2(sine) }
}

/// What is left of `signal` without these tones, as its root mean square.
pub fn rest(signal: &[i16], rate: u32, tones: &[Tone]) -> f64 {
    let mut power = 0.0;
    for (index, &sample) in signal.iter().enumerate() {
        let time = index as f64 / f64::from(rate);
        let sum: f64 = tones.iter().map(|t| t.amplitude * (TAU * t.frequency * time + t.phase).sin()).sum();
        power += (f64::from(sample) - sum).powi(2);
    }
    (power / signal.len() as f64).sqrt()
}

/// A ratio of amplitudes in dB.
pub fn db(ratio: f64) -> f64 {
    20.0 * ratio.log10()
}
