//! The open mix of an engine-mixed room: what the ticks summed, for every write hook to read at its own pace.

use std::mem::MaybeUninit;

use crate::{
    audio::{
        format::{Format, MAX_FRAME_MS, UNITS_PER_MS, last},
        lockfree::{atomic_copy, sample_ring::Seqlock},
        mix::{
            input::{Input, KEEP_TICKS},
            less_own::less_own,
        },
        playout::source::{CHUNK, Due, Source},
        sum,
    },
    sync::AtomicU64,
};

/// A ring of the last ticks, 32-bit sums, two a word.
pub struct Bus {
    format: Format,
    /// Interleaved samples in a tick.
    tick: usize,
    /// Ticks, a power of two.
    depth: usize,
    words: Box<[AtomicU64]>,
    /// Positions are ticks.
    seqlock: Seqlock,
}

/// How much of the past a bus and its inputs keep, in ms, [`KEEP_TICKS`] at most: what a listener may be behind before it skips.
const KEEP_MS: u32 = 160;
/// What an input keeps as well, since frames come in bursts from some senders: as much as a private stream.
const BURST_MS: u64 = 500;
/// The first so many members of a room have that. All that is kept passes through the cache again and again, and those of a large room
/// do not fit into it.
const FEW: usize = 32;
/// More than the filter of a conversion holds back.
const FILTER_MS: u32 = 5;

/// How many ticks of `tick_ms` a bus keeps; a power of two.
fn depth(tick_ms: u32) -> usize {
    let frame = MAX_FRAME_MS as u32;
    // A listener whose frame could not be filled yet has less than that and a tick. By its next frame as many come as fall into one, and
    // the tick that is being made takes the place of another.
    let queued = (frame + tick_ms + FILTER_MS) / tick_ms + frame.div_ceil(tick_ms);
    let ticks = (queued + 1).max(KEEP_MS.div_ceil(tick_ms));
    (ticks as usize).next_power_of_two().min(KEEP_TICKS)
}

impl Bus {
    /// For ticks of `tick_ms`; `None` without memory.
    pub fn new(format: Format, tick_ms: u32) -> Option<Self> {
        let tick = (format.rate() * tick_ms / 1_000) as usize * format.channels();
        let depth = depth(tick_ms);
        let count = (tick * depth).div_ceil(2);
        let mut words = Vec::new();
        words.try_reserve_exact(count).ok()?;
        words.extend((0..count).map(|_| AtomicU64::new(0)));
        Some(Self { format, tick, depth, words: words.into_boxed_slice(), seqlock: Seqlock::new() })
    }

    /// Interleaved samples in a tick.
    pub fn tick(&self) -> usize {
        self.tick
    }

    /// How many ticks it keeps.
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// A member's way in, in a room that has so many `members` already. `None` without memory.
    pub fn input(&self, members: usize) -> Option<Input> {
        let longest = self.format.samples(MAX_FRAME_MS * UNITS_PER_MS);
        let tick = self.format.a_channel(self.tick);
        let listened = tick * self.depth + longest;
        let burst = if members < FEW { self.format.samples(BURST_MS * UNITS_PER_MS) } else { 0 };
        // Whole ticks, so that one that the member filled by itself lies in a row.
        Input::new(self.format, listened.max(burst).next_multiple_of(tick))
    }

    /// Ticks so far.
    pub fn ticks(&self) -> u64 {
        self.seqlock.head()
    }

    /// The length of a tick, in ms.
    pub fn tick_ms(&self) -> u32 {
        (self.tick_length() / UNITS_PER_MS) as u32
    }

    /// The length of a tick, in units of the audio clock.
    pub fn tick_length(&self) -> u64 {
        self.format.units(self.format.a_channel(self.tick))
    }

    /// Tick: everything of tick `tick`, the inputs' parts included, may change from now on.
    pub fn announce(&self, tick: u64) {
        self.seqlock.announce(tick + 1);
    }

    /// Tick: stores and publishes the sum of tick `tick`.
    pub fn publish(&self, tick: u64, sum: &[i32]) {
        let at = self.index(tick);
        if self.tick.is_multiple_of(2) {
            let pairs = sum.as_chunks::<2>().0;
            atomic_copy::store(&self.words[at / 2..at / 2 + pairs.len()], pairs);
        } else {
            for (index, sample) in sum.iter().enumerate() {
                let word = &self.words[(at + index) / 2];
                let mut pair: [i32; 2] = atomic_copy::get(word);
                pair[(at + index) % 2] = *sample;
                atomic_copy::put(word, pair);
            }
        }
        self.seqlock.publish(tick + 1);
    }

    /// Tick: publishes what the ring holds at the place of tick `tick` as its sum once more.
    pub fn repeat(&self, tick: u64) {
        self.seqlock.publish(tick + 1);
    }

    /// Where tick `tick` begins in the ring, in interleaved samples.
    fn index(&self, tick: u64) -> usize {
        (tick as usize & (self.depth - 1)) * self.tick
    }

    /// The words of so many interleaved samples of one tick, where they are whole words.
    fn words(&self, tick: u64, offset: usize, samples: usize) -> Option<&[AtomicU64]> {
        let at = self.index(tick) + offset;
        let whole = offset + samples <= self.tick && at.is_multiple_of(2) && samples.is_multiple_of(2);
        if whole { self.words.get(at / 2..(at + samples) / 2) } else { None }
    }

    /// Fills `out` with samples of one tick from interleaved sample `offset` on.
    fn copy<'a>(&self, tick: u64, offset: usize, out: &'a mut [MaybeUninit<i32>]) -> &'a mut [i32] {
        let at = self.index(tick) + offset;
        let load = |index: usize| -> [i32; 2] { atomic_copy::get(&self.words[index]) };
        let lead = (at % 2).min(out.len());
        if lead == 1 {
            out[0].write(load(at / 2)[1]);
        }
        let (pairs, rest) = out[lead..].as_chunks_mut::<2>();
        let first = at.div_ceil(2);
        if let [last] = rest {
            last.write(load(first + pairs.len())[0]);
        }
        atomic_copy::load(&self.words[first..first + pairs.len()], pairs);
        // SAFETY: the sample before the pairs, the pairs and the one behind them were written just now.
        unsafe { out.assume_init_mut() }
    }
}

/// The bus as one listener hears it: less what it says itself.
pub struct Mix<'a> {
    pub bus: &'a Bus,
    pub own: Option<&'a Input>,
    pub at: &'a mut MixPosition,
}

/// How far a listener has come.
#[derive(Clone, Copy, Default)]
pub struct MixPosition {
    pub tick: u64,
    /// Interleaved samples of that tick, less than all.
    pub offset: usize,
}

impl MixPosition {
    /// Whether a listener that has come so far has heard all that a member said openly.
    pub fn has_passed(self, input: &Input, bus: &Bus) -> bool {
        input.is_heard((self.tick, self.offset), bus.ticks())
    }

    /// Goes on by interleaved samples in ticks of `tick`.
    fn pass(&mut self, samples: usize, tick: usize) {
        self.offset += samples;
        while self.offset >= tick {
            *self = Self { tick: self.tick + 1, offset: self.offset - tick };
        }
    }
}

impl Source for Mix<'_> {
    type Sample = i32;

    fn due(&mut self) -> Due {
        let Bus { format, tick, depth, .. } = *self.bus;
        let head = self.bus.ticks();
        let oldest = head.saturating_sub(depth as u64 - 1);
        let mut lost = 0;
        if self.at.tick < oldest {
            lost = (oldest - self.at.tick) as usize * tick - self.at.offset;
            *self.at = MixPosition { tick: oldest, offset: 0 };
        }
        let queued = (head.saturating_sub(self.at.tick) as usize * tick).saturating_sub(self.at.offset);
        Due {
            format: (queued > 0).then_some(format),
            samples: format.a_channel(queued),
            beyond: 0,
            packet: format.a_channel(tick),
            end: false,
            anew: false,
            lost: format.units(format.a_channel(lost)),
        }
    }

    fn skip(&mut self, samples: usize) {
        self.at.pass(samples * self.bus.format.channels(), self.bus.tick);
    }

    fn back(&mut self, samples: usize) -> usize {
        let Bus { format, tick, .. } = *self.bus;
        let at = self.at.tick as usize * tick + self.at.offset;
        let back = (samples * format.channels()).min(at);
        *self.at = MixPosition { tick: ((at - back) / tick) as u64, offset: (at - back) % tick };
        format.a_channel(back)
    }

    fn take<'a>(&mut self, out: &'a mut [MaybeUninit<i32>]) -> Option<&'a mut [i32]> {
        let Bus { tick, depth, .. } = *self.bus;
        let mut rest = &mut *out;
        while !rest.is_empty() {
            let MixPosition { tick: number, offset } = *self.at;
            let (now, later) = rest.split_at_mut(rest.len().min(tick - offset));
            let now = self.bus.copy(number, offset, now);
            let own_gone = self.own.is_none_or(|own| own.remove(number, offset, now));
            // Asked last: it also vouches for the part that `remove` read.
            if !self.bus.seqlock.holds(number, depth as u64) {
                return None;
            }
            if !own_gone {
                now.fill(0); // rather silence than its own echo
            }
            self.at.pass(now.len(), tick);
            rest = later;
        }
        // SAFETY: `copy` filled one part of it after the other.
        Some(unsafe { out.assume_init_mut() })
    }

    fn play_direct(&mut self, frame: &mut [i16]) -> Option<[i32; 2]> {
        let Bus { format, tick, depth, .. } = *self.bus;
        let MixPosition { tick: number, offset } = *self.at;
        if let Some(input) = self.own
            && let Some(mixed) = self.bus.words(number, offset, frame.len())
            && let Some((at, own)) = input.words(number, offset, frame.len())
            && let ([.., last_mixed], [.., last_own]) = (mixed, own)
        {
            // One pass where it takes three otherwise.
            less_own(mixed, own, frame);
            let all = last(&atomic_copy::get::<[i32; 2]>(last_mixed), format.channels());
            let mine = last(&atomic_copy::get::<[i16; 4]>(last_own), format.channels());
            if input.holds(at) {
                self.at.pass(frame.len(), tick);
                return self.bus.seqlock.holds(number, depth as u64).then(|| [all[0] - mine[0], all[1] - mine[1]]);
            }
        }
        let mut mixed = [MaybeUninit::uninit(); CHUNK];
        let mixed = self.take(&mut mixed[..frame.len()])?;
        sum::saturate_all(mixed, frame);
        Some(last(mixed, format.channels()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From the moment on at which a tick begins to write where another stood.
    #[test]
    fn a_tick_whose_place_is_being_written_is_not_taken() {
        let bus = Bus::new(Format::new(8_000, 1).expect("a format"), 20).expect("there is memory");
        let depth = bus.depth() as u64;
        for tick in 0..depth {
            bus.announce(tick);
            bus.publish(tick, &[1 + tick as i32; 160]);
        }
        let take = |tick| {
            let (mut at, mut out) = (MixPosition { tick, offset: 0 }, [MaybeUninit::uninit(); 160]);
            Mix { bus: &bus, own: None, at: &mut at }.take(&mut out).map(|taken| taken[159])
        };
        assert_eq!([take(0), take(1)], [Some(1), Some(2)]);
        bus.announce(depth);
        assert_eq!([take(0), take(1)], [None, Some(2)]);
    }
}
