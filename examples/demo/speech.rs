//! What a party says: WAV files in, and the track of a whole call made of them.

use crate::scenario::TICKS;
use std::path::Path;

/// A frame whose loudest sample is above this holds speech (-54 dB below full scale).
pub const AUDIBLE: u16 = 64;

/// A WAV file as mono 16-bit samples.
pub struct Wav {
    pub rate: u32,
    pub samples: Vec<i16>,
}

impl Wav {
    /// Reads a WAV file of any sample format, mono or stereo.
    pub fn read(path: &Path) -> Result<Self, String> {
        let wrong = |e: hound::Error| format!("{}: {e}; an existing WAV file is needed", path.display());
        let mut reader = hound::WavReader::open(path).map_err(wrong)?;
        let spec = reader.spec();
        if spec.channels > 2 {
            return Err(format!("{}: {} channels; mono or stereo is needed", path.display(), spec.channels));
        }
        let samples: Vec<i16> = match spec.sample_format {
            hound::SampleFormat::Float => {
                reader.samples::<f32>().map(|s| s.map(|s| (s * 32768.0) as i16)).collect::<Result<_, _>>()
            }
            hound::SampleFormat::Int => {
                let bits = spec.bits_per_sample;
                let shift = |s: i32| if bits < 16 { s << (16 - bits) } else { s >> (bits - 16) };
                reader.samples::<i32>().map(|s| s.map(|s| shift(s) as i16)).collect::<Result<_, _>>()
            }
        }
        .map_err(wrong)?;
        let mono = |frame: &[i16]| (frame.iter().map(|&s| i32::from(s)).sum::<i32>() / frame.len() as i32) as i16;
        Ok(Self { rate: spec.sample_rate, samples: samples.chunks(usize::from(spec.channels)).map(mono).collect() })
    }

    /// Cuts the whole file where the speaker pauses: the tick of each piece in it, and the piece.
    pub fn phrases(&self) -> Vec<(usize, &[i16])> {
        const PAUSE: usize = TICKS / 2;
        let frame = self.rate as usize / TICKS;
        let (mut phrases, mut start, mut quiet) = (Vec::new(), 0, 0);
        for (tick, samples) in self.samples.chunks(frame).enumerate() {
            if peak(samples) <= AUDIBLE {
                quiet += 1;
                continue;
            }
            if quiet >= PAUSE && tick > quiet {
                phrases.push((start, &self.samples[start * frame..tick * frame]));
                start = tick;
            }
            quiet = 0;
        }
        phrases.push((start, &self.samples[start * frame..]));
        phrases
    }
}

/// Something said: from one tick of the call to another.
#[derive(Clone)]
pub struct Line {
    pub from: usize,
    pub to: usize,
    pub words: String,
}

/// All that a party says in a call, frame by frame.
#[derive(Clone)]
pub struct Track {
    pub rate: u32,
    pub lines: Vec<Line>,
    samples: Vec<i16>,
}

impl Track {
    pub fn new(rate: u32) -> Self {
        Self { rate, lines: Vec::new(), samples: Vec::new() }
    }

    /// Samples in 20 ms.
    pub fn frame_size(&self) -> usize {
        self.rate as usize / TICKS
    }

    /// Puts a piece of speech where the call has reached `tick`.
    pub fn lay(&mut self, tick: usize, piece: &[i16], words: &str) {
        let start = tick * self.frame_size();
        let end = (start + piece.len()).next_multiple_of(self.frame_size());
        self.samples.resize(self.samples.len().max(end), 0);
        for (sample, &new) in self.samples[start..].iter_mut().zip(piece) {
            *sample = sample.saturating_add(new);
        }
        self.lines.push(Line { from: tick, to: end / self.frame_size(), words: words.to_owned() });
        self.lines.sort_by_key(|line| line.from);
    }

    /// Ticks until the end of the last word.
    pub fn ticks(&self) -> usize {
        self.samples.len() / self.frame_size()
    }

    /// Makes the track as long as the call.
    pub fn set_length(&mut self, ticks: usize) {
        self.samples.resize(ticks * self.frame_size(), 0);
        self.lines.retain(|line| line.from < ticks);
    }

    pub fn frame(&self, tick: usize) -> &[i16] {
        &self.samples[tick * self.frame_size()..][..self.frame_size()]
    }

    /// Makes the track silent in the ticks for which `silent` says so.
    pub fn silence(&mut self, silent: impl Fn(usize) -> bool) {
        let size = self.frame_size();
        for (tick, frame) in self.samples.chunks_mut(size).enumerate() {
            if silent(tick) {
                frame.fill(0);
            }
        }
    }
}

/// The size of the loudest sample.
pub fn peak(samples: &[i16]) -> u16 {
    samples.iter().map(|s| s.unsigned_abs()).max().unwrap_or(0)
}

/// Writes mono 16-bit samples.
pub fn write_wav(path: &Path, rate: u32, samples: &[i16]) -> Result<(), String> {
    let wrong = |e: hound::Error| format!("{}: {e}", path.display());
    let spec =
        hound::WavSpec { channels: 1, sample_rate: rate, bits_per_sample: 16, sample_format: hound::SampleFormat::Int };
    let mut writer = hound::WavWriter::create(path, spec).map_err(wrong)?;
    for &sample in samples {
        writer.write_sample(sample).map_err(wrong)?;
    }
    writer.finalize().map_err(wrong)
}
