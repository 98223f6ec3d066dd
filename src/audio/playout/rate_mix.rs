//! What streams of one rate amount to at a listener of another: they are summed first, and converted once, however many they are.
//!
//! A part of the listener's frame is filled at a time. Moments are in the listener's time: units from the first sample of that part on.

use crate::audio::{
    format::{Format, remix},
    playout::{
        declick::DeclickRamp,
        filters::Filters,
        resample::{Conversion, Converter},
    },
    sum::Sample,
};

/// In the code of a mix: what it converts is the open mix of a room, not private streams.
pub const OPEN: u64 = 1 << 63;

/// One sum and its converter. It belongs to the listener's write hook.
pub struct RateMix {
    /// What it was asked for by.
    code: u64,
    converter: Converter,
    /// Something of what went in is still to come out. All else here holds only while it does.
    running: bool,
    /// Where the samples of the part that is being filled begin in the converter; `None` between two parts.
    begin: Option<usize>,
    /// Something was put into this part.
    fed: bool,
    /// Samples a channel since something was put in.
    silent: usize,
    /// What came out last.
    last: [i32; 2],
}

impl Filters {
    /// [control] For `Handoff::prepare`; `None` without memory. May have to make a filter.
    pub fn rate_mix(&self, code: u64) -> Option<RateMix> {
        let converter = self.converter(code & !OPEN)?;
        let (running, begin, last) = (false, None, [0, 0]);
        Some(RateMix { code, converter, running, begin, fed: false, silent: 0, last })
    }
}

impl RateMix {
    /// What it was asked for by: [`Conversion::code`], with [`OPEN`] where that is so.
    pub fn code(&self) -> u64 {
        self.code
    }

    /// Whether something is still to come out of it.
    pub fn running(&self) -> bool {
        self.running
    }

    /// What came out of it last, while it runs.
    pub fn tail(&self) -> [i32; 2] {
        if self.running { self.last } else { [0, 0] }
    }

    /// Forgets all that is in it.
    pub fn stop(&mut self) {
        (self.running, self.begin) = (false, None);
    }

    /// Whether it is of the open mix of a room.
    pub fn is_open(&self) -> bool {
        self.code & OPEN != 0
    }

    /// Forgets all that is in it if it is of the open mix of a room.
    pub fn stop_open(&mut self) {
        if self.is_open() {
            self.stop();
        }
    }

    fn conversion(&self) -> Conversion {
        self.converter.conversion()
    }

    /// Channels that it has.
    pub fn channels(&self) -> usize {
        self.conversion().channels()
    }

    /// The part of `samples` samples a channel of the listener's begins, unless that was said already.
    pub fn begin(&mut self, samples: usize) {
        if self.begin.is_some() {
            return;
        }
        if !self.running {
            self.converter.restart_known();
            (self.running, self.silent, self.last) = (true, 0, [0, 0]);
        }
        self.begin = Some(self.converter.reserve(samples));
        self.fed = false;
    }

    /// The part that has begun is full: adds what comes out to the listener's `sum`.
    pub fn end(&mut self, sum: &mut [i32], to: Format) {
        let Some(begin) = self.begin.take() else { return };
        let channels = self.channels();
        let mut group = [0.0; 2];
        for heard in sum.chunks_exact_mut(to.channels()) {
            if self.converter.give(&mut group[..channels]) < channels {
                break; // never: `begin` has made room for as many as are needed
            }
            let rounded = group.map(|sample| sample.round() as i32);
            remix(&rounded[..channels], heard.len(), false, |c, sample| {
                heard[c] += sample;
                self.last[c] = sample;
            });
        }
        let length = self.converter.filled() - begin;
        self.silent = if self.fed { 0 } else { self.silent + length };
        self.running = self.silent < self.converter.window();
    }

    /// Takes all out of it that went in; those that are left put theirs in again.
    pub fn clear(&mut self) {
        self.converter.clear();
        self.begin = None; // a fault may have left it
    }

    /// What came out last is what would have come, had only that gone in which is there now.
    pub fn rewrite_tail(&mut self) {
        let channels = self.channels();
        let mut group = [0.0; 2];
        self.converter.last(&mut group[..channels]);
        remix(&group.map(|sample| sample.round() as i32)[..channels], 2, false, |c, sample| self.last[c] = sample);
    }

    /// The first index of the part, and the one behind its last.
    pub fn range(&self) -> (usize, usize) {
        let end = self.converter.filled();
        (self.begin.unwrap_or(end), end)
    }

    /// The moment at which the sample at `index` is heard.
    pub fn moment(&self, index: usize) -> i64 {
        let (step, (at, part)) = (self.conversion().from.units(1) as i64, self.converter.next());
        (index as i64 - at as i64) * step - part as i64
    }

    /// The first index that is not heard before `moment`, and that is still to be heard.
    pub fn index(&self, moment: i64) -> usize {
        let (step, (at, part)) = (self.conversion().from.units(1) as i64, self.converter.next());
        let after = (moment.max(0) + part as i64 + step - 1) / step;
        at + after as usize
    }

    /// Adds interleaved samples of `from` from `index` on.
    pub fn add<T: Sample>(&mut self, index: usize, samples: &[T], from: Format) {
        let channels = self.channels();
        self.fed = true;
        match (from.channels(), channels) {
            (1, _) => {
                let wave = self.converter.wave(0, index);
                wave.iter_mut().zip(samples).for_each(|(sum, sample)| *sum += (*sample).into() as f32);
            }
            (said, _) => {
                for (at, group) in samples.chunks_exact(said).enumerate() {
                    remix(group, channels, from.added_up(), |c, sample| {
                        self.converter.wave(c, index + at)[0] += sample as f32;
                    });
                }
            }
        }
    }

    /// Adds a ramp from one index to another.
    pub fn fade(&mut self, declick: &mut DeclickRamp, from: usize, to: usize) {
        let channels = self.channels();
        for index in from..to {
            let Some(value) = declick.next() else { return };
            self.fed = true;
            (0..channels).for_each(|c| self.converter.wave(c, index)[0] += value[c] as f32);
        }
    }
}
