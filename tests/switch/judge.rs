//! Who is heard in a recording: everybody in a test call speaks a tone of its own, and a recording is judged by the level of
//! each tone, in windows of 50 ms.

use std::{f64::consts::TAU, path::Path};

/// A window of what was heard.
const WINDOW_MS: u32 = 50;
/// A new window begins this often: whatever lies at the faint edge of one is in the middle of another.
const STEP_MS: u32 = 10;
/// What a tone has that is not there at all, in dB.
pub const SILENCE: f64 = -150.0;

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
        let length = (self.rate * WINDOW_MS / 1000) as usize;
        let shape: Vec<f64> = (0..length)
            .map(|n| {
                let turn = TAU * (n as f64 + 0.5) / length as f64;
                0.35875 - 0.48829 * turn.cos() + 0.14128 * (2.0 * turn).cos() - 0.01168 * (3.0 * turn).cos()
            })
            .collect();
        let full = 32768.0 * shape.iter().sum::<f64>() / 2.0;
        let wave: Vec<(f64, f64)> = shape
            .iter()
            .enumerate()
            .map(|(n, shape)| {
                let (sine, cosine) = (TAU * tone * n as f64 / f64::from(self.rate)).sin_cos();
                (shape * sine / full, shape * cosine / full)
            })
            .collect();
        let level = |window: &[i16]| {
            let (mut sine, mut cosine) = (0.0, 0.0);
            for (&sample, wave) in window.iter().zip(&wave) {
                sine += f64::from(sample) * wave.0;
                cosine += f64::from(sample) * wave.1;
            }
            (20.0 * f64::hypot(sine, cosine).log10()).max(SILENCE)
        };
        Levels(self.samples.windows(length).step_by((self.rate * STEP_MS / 1000) as usize).map(level).collect())
    }
}

impl Recording {
    /// The levels of a tone in those windows in which no other voice comes, goes or breaks off: a hard edge sounds at every
    /// frequency for as long as a window sees it. A voice that is `dip` dB below the level that it mostly has breaks off; one 15 dB
    /// below `full`, at which all speak, is not there.
    ///
    /// A voice that is heard where it should not be does not hide itself: its own hard edges change another one, 300 Hz away, by
    /// 0.2 dB, and have 30 dB less where there is none.
    pub fn levels_beside(&self, tone: f64, others: &[f64], full: f64, dip: f64) -> Levels {
        let mut levels = self.levels(tone);
        // A gap is found where windows have it in their middle; others see its edges.
        let reach = (WINDOW_MS / STEP_MS) as usize + 3;
        for other in others {
            let other = self.levels(*other);
            let there = Levels(other.0.iter().copied().filter(|&level| level > full - 6.0).collect());
            let top = if there.0.is_empty() { full } else { there.median() };
            for (at, level) in other.0.iter().enumerate() {
                if (full - 15.0..top - dip).contains(level) {
                    let end = (at + reach + 1).min(levels.0.len());
                    levels.0[at.saturating_sub(reach)..end].fill(f64::NAN);
                }
            }
        }
        levels.0.retain(|level| !level.is_nan());
        levels
    }

    /// The level of a tone in those windows in which it is one, silence in the others.
    ///
    /// Somebody else's tone that begins or ends at once has something of every frequency in that moment: as much beside this tone
    /// as there. A tone is louder than what is beside it, from about 10 ms of it on.
    pub fn standing_out(&self, tone: f64) -> Levels {
        let mut levels = self.levels(tone);
        let beside = BESIDE.map(|hertz| self.levels(tone + hertz));
        for (n, level) in levels.0.iter_mut().enumerate() {
            let loudest = beside.iter().map(|levels| levels.0[n]).fold(SILENCE, f64::max);
            if *level < loudest + STANDS_OUT {
                *level = SILENCE;
            }
        }
        levels
    }
}

/// How far beside a tone is looked for what is no tone, in Hz: others are to speak 200 Hz from it, or farther. In several places,
/// since what is no tone may have gaps.
const BESIDE: [f64; 6] = [-115.0, -100.0, -85.0, 85.0, 100.0, 115.0];
/// A tone is so much louder than what is beside it, in dB.
const STANDS_OUT: f64 = 9.0;

/// Levels in dB, one a window.
#[derive(Debug, Clone)]
pub struct Levels(Vec<f64>);

impl Levels {
    /// How many windows there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The loudest window.
    ///
    /// # Panics
    /// Where there is no window: nothing recorded proves nothing.
    pub fn worst(&self) -> f64 {
        self.0.iter().copied().reduce(f64::max).expect("a recording of 50 ms or more")
    }

    /// The level that half of the windows reach.
    ///
    /// # Panics
    /// Where there is no window.
    pub fn median(&self) -> f64 {
        let mut levels = self.0.clone();
        levels.sort_by(f64::total_cmp);
        levels[levels.len() / 2]
    }

    /// The part of the windows that reach a level, from 0 to 1.
    pub fn share_above(&self, level: f64) -> f64 {
        self.0.iter().filter(|&&is| is >= level).count() as f64 / self.0.len().max(1) as f64
    }
}
