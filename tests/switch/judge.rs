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
    /// Reads a WAV file of 16-bit samples, one channel. Its header may be unfinished, as long as the samples are there.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, hound::Error> {
        let mut wav = hound::WavReader::open(path)?;
        let samples = wav.samples().map_while(Result::ok).collect();
        Ok(Self { rate: wav.spec().sample_rate, samples })
    }

    /// The part between two moments, in seconds from the beginning; less, where there is less.
    pub fn between(&self, from: f64, to: f64) -> Self {
        let at = |seconds: f64| ((seconds * f64::from(self.rate)) as usize).min(self.samples.len());
        Self { rate: self.rate, samples: self.samples[at(from)..at(to)].to_vec() }
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

/// How far beside a tone is looked for what is no tone, in Hz: others are to speak 200 Hz from it, or farther. In several places,
/// since what is no tone may have gaps.
const BESIDE: [f64; 6] = [-115.0, -100.0, -85.0, 85.0, 100.0, 115.0];
/// A tone is so much louder than what is beside it, in dB.
const STANDS_OUT: f64 = 9.0;

/// Levels in dB, one a window.
#[derive(Debug, Clone)]
pub struct Levels(Vec<f64>);

impl Levels {
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Tones of full level each, divided by `1 << shift`.
    fn tones(rate: u32, seconds: f64, tones: &[f64], shift: u32) -> Recording {
        let samples = (0..(f64::from(rate) * seconds) as usize)
            .map(|n| {
                let time = n as f64 / f64::from(rate);
                let sum: f64 = tones.iter().map(|tone| (TAU * tone * time).sin()).sum();
                (32767.0 * sum / f64::from(1 << shift)).round() as i16
            })
            .collect();
        Recording { rate, samples }
    }

    #[test]
    fn a_tone_has_its_level() {
        for rate in [8000, 16000, 44100, 48000] {
            let levels = tones(rate, 1.0, &[700.0], 2).levels(700.0);
            assert!((levels.median() + 12.04).abs() < 0.01, "{} dB at {rate} Hz", levels.median());
            assert!((levels.worst() - levels.median()).abs() < 0.01);
            assert_eq!((levels.share_above(-12.1), levels.share_above(-12.0)), (1.0, 0.0));
        }
    }

    #[test]
    fn a_tone_hides_nothing_and_pretends_nothing_beside_it() {
        for beside in [600.0, 780.0, 1000.0, 3300.0] {
            let alone = tones(8000, 1.0, &[beside], 1);
            let worst = alone.levels(700.0).worst();
            assert!(worst < -90.0, "{worst} dB at 700 Hz, with {beside} Hz alone");

            let mut both = alone;
            for (sample, faint) in both.samples.iter_mut().zip(tones(8000, 1.0, &[700.0], 13).samples) {
                *sample += faint;
            }
            let median = both.levels(700.0).median();
            assert!((median + 78.3).abs() < 1.5, "{median} dB at 700 Hz: -78.3 dB beside {beside} Hz");
        }
    }

    #[test]
    fn a_moment_is_seen_wherever_it_is() {
        for at in (1000..2000).step_by(7) {
            let mut heard = tones(8000, 1.0, &[400.0], 2);
            let leak = tones(8000, 1.0, &[1000.0], 2);
            for n in at..at + 8 {
                heard.samples[n] += leak.samples[n];
            }
            let worst = heard.levels(1000.0).worst();
            assert!(worst > -50.0, "{worst} dB, with 1 ms of it at sample {at}");
        }
    }

    #[test]
    fn what_begins_or_ends_beside_a_tone_is_no_tone() {
        for others in [vec![400.0], vec![500.0, 900.0, 2300.0]] {
            for at in (1000..1400).step_by(9) {
                let mut heard = tones(8000, 0.5, &others, 3);
                heard.samples[at..at + 1800].fill(0);
                assert!(heard.levels(700.0).worst() > -70.0, "it has something of every frequency");
                let worst = heard.standing_out(700.0).worst();
                assert!(worst < -90.0, "{worst} dB, where {others:?} end at sample {at}");
            }
        }
    }

    #[test]
    fn ten_milliseconds_of_a_tone_stand_out() {
        for at in (1000..1400).step_by(9) {
            let mut heard = tones(8000, 0.5, &[400.0, 1000.0], 3);
            let leak = tones(8000, 0.5, &[700.0], 3);
            for n in at..at + 80 {
                heard.samples[n] += leak.samples[n];
            }
            let worst = heard.standing_out(700.0).worst();
            assert!(worst > -40.0, "{worst} dB, with 10 ms of it at sample {at}");
        }
    }

    #[test]
    fn nothing_is_silence() {
        let nothing = Recording { rate: 16000, samples: vec![0; 1600] };
        assert_eq!(nothing.levels(700.0).worst(), SILENCE);
        assert_eq!(nothing.between(0.05, 9.0).samples.len(), 800);
    }

    #[test]
    #[should_panic(expected = "50 ms or more")]
    fn no_recording_is_no_silence() {
        Recording { rate: 16000, samples: vec![0; 799] }.levels(700.0).worst();
    }

    #[test]
    fn a_recording_is_read_from_a_file() {
        let path = std::env::temp_dir().join(format!("judge-{}.wav", std::process::id()));
        let spec = hound::WavSpec {
            channels: 1,
            sample_rate: 8000,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let mut wav = hound::WavWriter::create(&path, spec).expect("a file can be written");
        let said = tones(8000, 0.1, &[700.0], 2);
        said.samples.iter().for_each(|&sample| wav.write_sample(sample).expect("a sample can be written"));
        wav.finalize().expect("a file can be finished");
        let read = Recording::read(&path).expect("it can be read");
        std::fs::remove_file(&path).expect("it can be removed");
        assert_eq!((read.rate, read.samples), (said.rate, said.samples));
    }
}
