//! The open mix of an engine-mixed room: what the ticks summed, for every write hook to read at its own pace.

use super::{
    format::Format,
    input::Input,
    player::{Due, Source},
    words::Lap,
};
use crate::sync::{AtomicU64, Ordering};

/// A ring of the last ticks, wide sums, two a word.
pub struct Bus {
    format: Format,
    /// Interleaved samples in a tick.
    tick: usize,
    depth: usize,
    words: Box<[AtomicU64]>,
    /// Positions are interleaved samples.
    lap: Lap,
}

/// How much of the past a bus and its inputs keep, in ms: what a listener may be behind at most before it skips.
const KEEP_MS: u32 = 160;

impl Bus {
    /// For ticks of `tick_ms`; `None` without memory.
    pub fn new(format: Format, tick_ms: u32) -> Option<Self> {
        let tick = (format.rate() * tick_ms / 1_000) as usize * format.channels();
        let depth = KEEP_MS.div_ceil(tick_ms).next_power_of_two() as usize;
        let count = (tick * depth).div_ceil(2);
        let mut words = Vec::new();
        words.try_reserve_exact(count).ok()?;
        words.extend((0..count).map(|_| AtomicU64::new(0)));
        Some(Self { format, tick, depth, words: words.into_boxed_slice(), lap: Lap::new() })
    }

    /// Interleaved samples in a tick.
    pub fn tick(&self) -> usize {
        self.tick
    }

    /// A member's way in. `None` without memory.
    pub fn input(&self) -> Option<Input> {
        let longest = self.format.samples(super::format::MAX_FRAME_MS * super::format::TICKS_PER_MS);
        Input::new(self.format, self.tick / self.format.channels() * self.depth + longest, self.depth, self.ticks())
    }

    /// Ticks so far.
    pub fn ticks(&self) -> u64 {
        self.lap.head() / self.tick as u64
    }

    /// Tick: everything of tick `tick`, the inputs' parts included, may change from now on.
    pub fn announce(&self, tick: u64) {
        self.lap.announce((tick + 1) * self.tick as u64);
    }

    /// Tick: stores and publishes the sum of tick `tick`.
    pub fn publish(&self, tick: u64, sum: &[i32]) {
        let at = tick as usize % self.depth * self.tick;
        if self.tick.is_multiple_of(2) {
            for (word, pair) in self.words[at / 2..].iter().zip(sum.as_chunks::<2>().0) {
                word.store(pack(*pair), Ordering::Relaxed);
            }
        } else {
            for (index, sample) in sum.iter().enumerate() {
                let word = &self.words[(at + index) / 2];
                let mut pair = unpack(word.load(Ordering::Relaxed));
                pair[(at + index) % 2] = *sample;
                word.store(pack(pair), Ordering::Relaxed);
            }
        }
        self.lap.publish((tick + 1) * self.tick as u64);
    }

    /// Copies `out.len()` samples of one tick from interleaved sample `offset` on.
    fn copy(&self, tick: u64, offset: usize, out: &mut [i32]) {
        let at = tick as usize % self.depth * self.tick + offset;
        let load = |index: usize| unpack(self.words[index].load(Ordering::Relaxed));
        let lead = (at % 2).min(out.len());
        if lead == 1 {
            out[0] = load(at / 2)[1];
        }
        let (pairs, rest) = out[lead..].as_chunks_mut::<2>();
        let first = at.div_ceil(2);
        for (pair, word) in pairs.iter_mut().zip(&self.words[first..]) {
            *pair = unpack(word.load(Ordering::Relaxed));
        }
        if let [last] = rest {
            *last = load(first + pairs.len())[0];
        }
    }
}

fn pack(pair: [i32; 2]) -> u64 {
    // SAFETY: both are eight bytes of which every pattern is a value; what one order packs, the same order unpacks.
    unsafe { std::mem::transmute(pair) }
}

fn unpack(word: u64) -> [i32; 2] {
    // SAFETY: as in `pack`.
    unsafe { std::mem::transmute(word) }
}

/// The bus as one listener hears it: less its own voice.
pub struct Mix<'a> {
    pub bus: &'a Bus,
    pub own: Option<&'a Input>,
    /// Interleaved samples of the bus that it has come to.
    pub at: &'a mut u64,
}

impl Source for Mix<'_> {
    type Sample = i32;

    fn due(&mut self) -> Due {
        let (head, channels) = (self.bus.lap.head(), self.bus.format.channels());
        let oldest = head.saturating_sub((self.bus.tick * (self.bus.depth - 1)) as u64);
        let lost = oldest.saturating_sub(*self.at) as usize / channels;
        *self.at = oldest.max(*self.at);
        let samples = head.saturating_sub(*self.at) as usize / channels;
        let format = (samples > 0).then_some(self.bus.format);
        Due {
            format,
            samples,
            packet: self.bus.tick / channels,
            end: false,
            anew: false,
            lost: self.bus.format.ticks(lost),
        }
    }

    fn skip(&mut self, samples: usize) {
        *self.at += (samples * self.bus.format.channels()) as u64;
    }

    fn take(&mut self, out: &mut [i32]) -> bool {
        let tick = self.bus.tick as u64;
        let mut rest = out;
        while !rest.is_empty() {
            let (number, offset) = (*self.at / tick, (*self.at % tick) as usize);
            let (now, later) = rest.split_at_mut(rest.len().min(self.bus.tick - offset));
            self.bus.copy(number, offset, now);
            let own_gone = self.own.is_none_or(|own| own.remove(number, offset, now));
            // Asked last: it also vouches for the part that `remove` read.
            if !self.bus.lap.holds(number * tick, (self.bus.tick * self.bus.depth) as u64) {
                return false;
            }
            if !own_gone {
                now.fill(0); // rather silence than its own echo
            }
            *self.at += now.len() as u64;
            rest = later;
        }
        true
    }
}
