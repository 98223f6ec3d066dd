//! Who is heard in a recording: everybody in a test call speaks a tone of its own, and a recording is judged by the level of
//! each tone, in windows of 50 ms.

use std::{f64::consts::TAU, ops::Range, path::Path};

/// A window of what was heard.
pub const WINDOW_MS: u32 = 50;
/// A new window begins this often: whatever lies at the faint edge of one is in the middle of another.
pub const STEP_MS: u32 = 10;
/// What a tone has that is not there at all, in dB.
pub const SILENCE: f64 = -150.0;
/// Outside its audience a voice stays below this, in dB, on linear legs ...
pub const UNHEARD: f64 = -80.0;
/// ... and on coded ones it is at most so much louder, in dB, than where it says nothing.
const ABOVE_CONTROL: f64 = 3.0;
/// In its audience it is at its full level, give or take so much, in dB.
const FULL_WITHIN: f64 = 1.0;

/// What somebody heard, one channel.
#[derive(Debug, Clone)]
pub struct Recording {
    pub rate: u32,
    pub samples: Vec<i16>,
}

impl Recording {
    /// Reads a WAV file of 16-bit samples, of several channels the first.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, hound::Error> {
        let mut wav = hound::WavReader::open(path)?;
        let channels = wav.spec().channels.into();
        let samples = wav.samples().step_by(channels).collect::<Result<_, _>>()?;
        Ok(Self { rate: wav.spec().sample_rate, samples })
    }

    /// Writes it to a WAV file.
    pub fn write(&self, path: impl AsRef<Path>) -> Result<(), hound::Error> {
        let sample_format = hound::SampleFormat::Int;
        let spec = hound::WavSpec { channels: 1, sample_rate: self.rate, bits_per_sample: 16, sample_format };
        let mut wav = hound::WavWriter::create(path, spec)?;
        for &sample in &self.samples {
            wav.write_sample(sample)?;
        }
        wav.finalize()
    }

    /// The part between two moments, in seconds from the beginning; less, where there is less.
    pub fn between(&self, from: f64, to: f64) -> Self {
        let at = |seconds: f64| ((seconds * f64::from(self.rate)) as usize).min(self.samples.len());
        Self { rate: self.rate, samples: self.samples[at(from)..at(to)].to_vec() }
    }

    /// The level of a tone in every window, in dB: 0 dB is a sine that just fits into 16 bits.
    ///
    /// The window is Blackman and Harris' of four terms: another tone that is at least 80 Hz away counts 92 dB less. One with
    /// a simpler shape would hear each tone in all the others.
    pub fn levels(&self, tone: f64) -> Levels {
        let probe = Probe::new(self.rate, tone);
        let level = |window: &[i16]| probe.level(window.iter().map(|&sample| sample.into()));
        Levels(self.samples.windows(probe.0.len()).step_by((self.rate * STEP_MS / 1000) as usize).map(level).collect())
    }
}

/// What a window is compared with: a tone, in the window's shape.
pub struct Probe(Vec<(f64, f64)>);

impl Probe {
    pub fn new(rate: u32, tone: f64) -> Self {
        let length = (rate * WINDOW_MS / 1000) as usize;
        let shape: Vec<f64> = (0..length)
            .map(|n| {
                let turn = TAU * (n as f64 + 0.5) / length as f64;
                0.35875 - 0.48829 * turn.cos() + 0.14128 * (2.0 * turn).cos() - 0.01168 * (3.0 * turn).cos()
            })
            .collect();
        let full = 32768.0 * shape.iter().sum::<f64>() / 2.0;
        let wave = shape.iter().enumerate().map(|(n, shape)| {
            let (sine, cosine) = (TAU * tone * n as f64 / f64::from(rate)).sin_cos();
            (shape * sine / full, shape * cosine / full)
        });
        Self(wave.collect())
    }

    /// The level of the tone in a window.
    pub fn level(&self, window: impl Iterator<Item = f64>) -> f64 {
        let (mut sine, mut cosine) = (0.0, 0.0);
        for (sample, wave) in window.zip(&self.0) {
            sine += sample * wave.0;
            cosine += sample * wave.1;
        }
        (20.0 * f64::hypot(sine, cosine).log10()).max(SILENCE)
    }
}

/// When a window begins, in seconds.
fn begin(window: usize) -> f64 {
    window as f64 * f64::from(STEP_MS) / 1000.0
}

/// Levels in dB, one a window.
#[derive(Debug, Clone)]
pub struct Levels(pub Vec<f64>);

impl Levels {
    /// The loudest window.
    ///
    /// # Panics
    /// Where there is no window: nothing recorded proves nothing.
    pub fn worst(&self) -> f64 {
        self.0.iter().copied().reduce(f64::max).expect("a recording of 50 ms or more")
    }

    /// Whether nothing is heard, or, on coded legs, no more than in runs in which nothing was said; what else is heard, in words.
    ///
    /// # Panics
    /// Where there is no window.
    pub fn unheard(&self, controls: &[Self]) -> Result<(), String> {
        let allowed = controls.iter().map(|control| control.worst() + ABOVE_CONTROL).fold(UNHEARD, f64::max);
        let worst = self.worst();
        if worst <= allowed {
            return Ok(());
        }
        let at = self.0.iter().position(|&level| level == worst).map_or(0.0, begin);
        Err(format!("{worst:.1} dB in the worst window, which begins at {at:.2} s, with {allowed:.1} allowed"))
    }

    /// Twice as many: silence but for the windows of which a part is heard between these moments, in seconds from the beginning, and
    /// silence but for the rest.
    pub fn split(&self, spans: &[Range<f64>]) -> [Self; 2] {
        let within = |n: usize| {
            spans.iter().any(|span| span.start < begin(n) + f64::from(WINDOW_MS) / 1000.0 && begin(n) < span.end)
        };
        let only = |wanted: bool| {
            let levels = self.0.iter().enumerate();
            Self(levels.map(|(n, &level)| if within(n) == wanted { level } else { SILENCE }).collect())
        };
        [only(true), only(false)]
    }

    /// Whether a voice is heard at its full level; what else is heard, in words.
    ///
    /// # Panics
    /// Where there is no window.
    pub fn heard_at(&self, level: f64) -> Result<(), String> {
        let median = self.median();
        let right = (median - level).abs() <= FULL_WITHIN;
        if right { Ok(()) } else { Err(format!("{median:.1} dB in the median, not {level:.1}")) }
    }

    /// The level that half of the windows reach.
    ///
    /// # Panics
    /// Where there is no window.
    pub fn median(&self) -> f64 {
        let mut levels = self.0.clone();
        levels.sort_by(f64::total_cmp);
        *levels.get(levels.len() / 2).expect("a recording of 50 ms or more")
    }

    /// The part of the windows at a level, of 4 s from half a second after it is reached, from 0 to 1.
    pub fn share_at(&self, level: f64) -> f64 {
        let begin = self.0.iter().position(|&is| is > level - FULL_WITHIN).unwrap_or_default() + 50;
        let at_level = self.0.iter().skip(begin).take(400).filter(|&&is| (is - level).abs() < FULL_WITHIN);
        at_level.count() as f64 / 400.0
    }

    /// The part of the windows that reach a level, from 0 to 1.
    pub fn share_above(&self, level: f64) -> f64 {
        self.0.iter().filter(|&&is| is >= level).count() as f64 / self.0.len().max(1) as f64
    }
}
