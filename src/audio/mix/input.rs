//! One member's open speech on its way into an engine-mixed room, at the room's rate: its read hook puts it in, the tick takes
//! a part into the mix, and its write hook takes the same part out again, so that nobody hears itself.

use std::{cell::UnsafeCell, mem::MaybeUninit};

use crate::{
    audio::{
        counters::Counts,
        format::Format,
        lockfree::sample_ring::{PER_WORD, SampleRing, Seqlock},
        playout::{declick::ramp, jitter::JitterPolicy},
        prefetch::{PrefetchHint, prefetch, prefetch_frame},
        sum,
    },
    sync::{AtomicU64, Ordering},
};

/// Interleaved samples that are moved at a time.
const CHUNK: usize = 256;

/// Of so many ticks at most an input knows what they took, and a bus what they summed.
pub const KEEP_TICKS: usize = 16;

/// The queue, and the parts that the last ticks took. What the read hook needs lies on one cache line, what else the tick needs on a second.
#[repr(C, align(64))]
pub struct Input {
    seqlock: Seqlock,
    ring: SampleRing,
    format: Format,
    /// Units of audio that come at a time; 0 while none is to come.
    packet: AtomicU64,
    /// Where the next tick takes from. Only the tick writes it, after what it took is in `parts`.
    at: AtomicU64,
    ticked: UnsafeCell<JitterPolicy>,
    /// The first tick that may have taken something; all ones until that is known.
    born: AtomicU64,
    /// The first tick after it has left. It may hold what its member says after coming back, with another input.
    left: AtomicU64,
    /// By tick, modulo their number: a [`Part`] as one word.
    parts: [AtomicU64; KEEP_TICKS],
    /// What ran dry and was skipped on the way into the mix. The tick counts.
    pub counts: Counts,
}

// SAFETY: `ticked` is touched by the room's tick alone (the contracts below), the rest is atomic.
unsafe impl Sync for Input {}

/// What one tick took: `length` interleaved samples from `at` on, with declick ramps. As the ring never changes below what
/// was announced, the same part is the same samples for the tick and for the write hook.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Part {
    at: u64,
    length: usize,
    /// The speech starts or jumps here.
    start: bool,
    /// It stops after `length`.
    end: bool,
}

impl Part {
    fn word(self) -> u64 {
        self.at << 16 | (self.length as u64) << 2 | u64::from(self.start) << 1 | u64::from(self.end)
    }

    fn from_word(word: u64) -> Self {
        Self { at: word >> 16, length: (word >> 2 & 0x3fff) as usize, start: word & 2 != 0, end: word & 1 != 0 }
    }
}

/// To or from a sum.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sign {
    Plus,
    Minus,
}

impl Input {
    /// For a room of `format`; `None` without memory. `samples`: the capacity a channel, at least.
    pub fn new(format: Format, samples: usize) -> Option<Self> {
        Some(Self {
            format,
            ring: SampleRing::new(samples * format.channels())?,
            seqlock: Seqlock::new(),
            packet: AtomicU64::new(0),
            born: AtomicU64::new(u64::MAX),
            left: AtomicU64::new(u64::MAX),
            parts: [const { AtomicU64::new(0) }; KEEP_TICKS],
            at: AtomicU64::new(0),
            ticked: UnsafeCell::default(),
            counts: Counts::default(),
        })
    }

    /// [control] Its room has a plan with it, and no tick before `tick` acts on that. Those may hold what its member said when it
    /// was in the room before, with another input. Only the first call counts.
    pub fn begin(&self, tick: u64) {
        if self.born.load(Ordering::Relaxed) == u64::MAX {
            self.born.store(tick, Ordering::Relaxed);
        }
    }

    /// [control] Its member is leaving: for a write hook that is at it still, ticks from `tick` on are unknown.
    pub fn leave(&self, tick: u64) {
        self.left.store(tick, Ordering::Relaxed);
    }

    /// Write hook: whether what `tick` took of the member was taken from here.
    fn knows(&self, tick: u64) -> bool {
        (self.born.load(Ordering::Relaxed)..self.left.load(Ordering::Relaxed)).contains(&tick)
    }

    /// [control] Whether a tick before `tick` may have taken something.
    pub fn taken_before(&self, tick: u64) -> bool {
        self.born.load(Ordering::Relaxed) < tick
    }

    /// The room's.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Read hook: frames of so many units come from now on; 0: none.
    pub fn expect(&self, packet: u64) {
        self.packet.store(packet, Ordering::Relaxed);
    }

    /// Read hook: where its next samples will lie.
    pub fn next_pushed(&self) -> PrefetchHint {
        PrefetchHint::at(self.ring.place(self.seqlock.head()))
    }

    /// Write hook: where the samples of the next tick lie, and what tells of them.
    pub fn next_removed(&self) -> PrefetchHint {
        PrefetchHint::at(self.ring.place(self.at.load(Ordering::Relaxed)))
    }

    /// Read hook: appends interleaved samples.
    pub fn push(&self, samples: &[i16]) {
        let at = self.seqlock.head();
        let end = at + samples.len() as u64;
        self.seqlock.announce(end.next_multiple_of(PER_WORD));
        self.ring.put(at, samples);
        self.seqlock.publish(end);
    }

    /// Tick `tick`: adds the next samples to `sum`.
    ///
    /// # Safety
    /// The caller is inside the room's tick gate.
    pub unsafe fn pull(&self, tick: u64, sum: &mut [i32]) {
        // SAFETY: `ticked` is the tick's own, and the caller is inside the room's tick gate.
        let jitter = unsafe { &mut *self.ticked.get() };
        let at = &mut self.at.load(Ordering::Relaxed);
        let channels = self.format.channels();
        let units = |samples: u64| self.format.units(self.format.a_channel(samples as usize));
        let head = self.seqlock.head();
        let was_playing = jitter.playing();
        let frame = units(sum.len() as u64);
        let (packet, more) = match self.packet.load(Ordering::Relaxed) {
            0 => (frame, false),
            packet => (packet, true),
        };
        let behind = jitter.skip(units(head - *at), 0, frame, packet);
        let skip = if behind > 0 { self.format.samples(behind) * channels } else { 0 };
        *at += skip as u64;
        if skip > 0 {
            jitter.skipped(units(skip as u64));
            self.counts.skips.add(1);
            self.counts.skipped.add(units(skip as u64));
        }
        let mut part = Part { at: *at, ..Part::default() };
        if jitter.ready(units(head - *at), frame, packet, !more && head > *at) {
            part.length = sum.len().min((head - *at) as usize);
            part.start = (!was_playing || skip > 0) && part.length > 0;
            part.end = part.length < sum.len();
            let whole = self.render(part, 0, sum, Sign::Plus);
            if whole < part.length {
                // Overtaken by a host that reads far too much between two ticks.
                part = Part { length: whole, end: false, ..part };
                jitter.stop();
                self.counts.skips.add(1);
                self.counts.skipped.add(units(head - *at) - units(whole as u64));
                *at = head;
            } else {
                *at += part.length as u64;
            }
            if part.end {
                jitter.stop();
                self.counts.underruns.add(u64::from(more));
            } else if jitter.playing() {
                jitter.took(frame, frame, frame, packet);
            }
        }
        self.store(tick, part);
        self.at.store(*at, Ordering::Release);
    }

    fn store(&self, tick: u64, part: Part) {
        let word = if part.length > 0 || part.end { part.word() } else { 0 };
        self.part(tick).store(word, Ordering::Relaxed);
    }

    /// Where tick `tick` is told of.
    fn part(&self, tick: u64) -> &AtomicU64 {
        &self.parts[tick as usize % KEEP_TICKS]
    }

    /// Brings in what tells the tick what it will read.
    pub fn prefetch(&self) {
        prefetch::<{ std::mem::offset_of!(Input, parts) }, _>(self);
    }

    /// Brings in what the write hook needs of tick `tick`.
    pub fn prefetch_removed(&self, tick: u64) {
        self.prefetch();
        prefetch::<1, _>(self.part(tick));
    }

    /// Then brings in what tick `tick` will read.
    pub fn prefetch_samples(&self, tick: u64) {
        prefetch_frame(self.ring.place(self.at.load(Ordering::Relaxed)));
        prefetch::<1, _>(self.part(tick));
    }

    /// Tick `tick` of a member that is not to be heard: forgets what is queued, and fades from what was heard last.
    ///
    /// # Safety
    /// The caller is inside the room's tick gate.
    pub unsafe fn forget(&self, tick: u64, sum: &mut [i32]) {
        // SAFETY: `ticked` is the tick's own, and the caller is inside the room's tick gate.
        let jitter = unsafe { &mut *self.ticked.get() };
        let part = Part { at: self.at.load(Ordering::Relaxed), length: 0, start: false, end: jitter.playing() };
        self.render(part, 0, sum, Sign::Plus);
        *jitter = JitterPolicy::default();
        self.store(tick, part);
        self.at.store(self.seqlock.head(), Ordering::Release);
    }

    /// Write hook: takes out of `sum` what tick `tick` added of this member, from interleaved sample `offset` of the tick
    /// on. `false` if that is not known (any more).
    #[must_use]
    pub fn remove(&self, tick: u64, offset: usize, sum: &mut [i32]) -> bool {
        if !self.knows(tick) {
            return false;
        }
        let word = self.part(tick).load(Ordering::Relaxed);
        if word == 0 {
            return true;
        }
        let part = Part::from_word(word);
        let due = part.length.saturating_sub(offset).min(sum.len());
        self.render(part, offset, sum, Sign::Minus) == due
    }

    /// Write hook: the words of what tick `tick` added of this member, so many samples from interleaved sample `offset` on, where that is
    /// nothing but its samples, all of them, in whole words in a row. And where that is, for [`Input::holds`].
    pub fn words(&self, tick: u64, offset: usize, samples: usize) -> Option<(u64, &[AtomicU64])> {
        let part = Part::from_word(self.part(tick).load(Ordering::Relaxed));
        if !self.knows(tick) || part.start || part.end || part.length < offset + samples {
            return None;
        }
        let at = part.at + offset as u64;
        Some((at, self.ring.whole_words(at, samples)?))
    }

    /// Write hook: whether what was read from `at` on is what its member said.
    pub fn holds(&self, at: u64) -> bool {
        self.seqlock.holds(at, self.ring.capacity())
    }

    /// Write hook: whether all that the member said openly so far, and that is to be heard, was heard by a listener that has come to
    /// interleaved sample `offset` of tick `tick`, when `made` ticks were made.
    pub fn is_heard(&self, (tick, offset): (u64, usize), made: u64) -> bool {
        let head = self.seqlock.head();
        // The tick that is being made may be the one that took the last of it.
        let is_ahead = |number: u64| {
            let part = Part::from_word(self.part(number).load(Ordering::Relaxed));
            let heard = if number == tick { offset } else { 0 };
            part.at + part.length as u64 == head && part.length > heard && self.knows(number)
        };
        self.at.load(Ordering::Acquire) == head
            && !(tick.max(made.saturating_sub(KEEP_TICKS as u64 - 1))..=made).any(is_ahead)
    }

    /// Adds a part to `sum`, or takes it away, from its interleaved sample `offset` on; how many samples of it there were.
    fn render(&self, part: Part, offset: usize, sum: &mut [i32], sign: Sign) -> usize {
        let channels = self.format.channels();
        let due = part.length.saturating_sub(offset).min(sum.len());
        let mut done = 0;
        let mut chunk = [MaybeUninit::uninit(); CHUNK];
        while done < due {
            let at = part.at + (offset + done) as u64;
            let chunk = self.ring.get(at, &mut chunk[..CHUNK.min(due - done)]);
            if !self.seqlock.holds(at, self.ring.capacity()) {
                return done;
            }
            match sign {
                Sign::Plus => sum::add(chunk, &mut sum[done..]),
                Sign::Minus => sum::subtract(chunk, &mut sum[done..]),
            }
            done += chunk.len();
        }
        if part.start {
            self.ramp(part.at, 0, offset, sum, if sign == Sign::Plus { -1 } else { 1 });
        }
        if part.end && (part.length > 0 || part.at >= channels as u64) {
            let last = part.at + part.length as u64 - channels as u64;
            self.ramp(last, part.length, offset, sum, if sign == Sign::Plus { 1 } else { -1 });
        }
        done
    }

    /// Adds `sign` times the decaying sample group at `position`, from interleaved sample `begin` of the tick on, to `sum`,
    /// which begins at `offset`.
    fn ramp(&self, position: u64, begin: usize, offset: usize, sum: &mut [i32], sign: i32) {
        let channels = self.format.channels();
        let mut from = [MaybeUninit::uninit(); 2];
        let from = self.ring.get(position, &mut from[..channels]);
        if !self.seqlock.holds(position, self.ring.capacity()) {
            return;
        }
        let length = self.format.declick();
        for (index, sum) in sum.iter_mut().enumerate() {
            let Some(at) = (offset + index).checked_sub(begin) else { continue };
            let group = (at / channels) as u32;
            if group >= length {
                return;
            }
            *sum += sign * ramp(i32::from(from[at % channels]), group, length);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_is_overlaid_in_part_is_overlaid() {
        let input = Input::new(Format::new(8_000, 1).unwrap(), 16).unwrap();
        input.push(&[7; 16]);
        input.push(&[8]);
        let mut out = [MaybeUninit::uninit(); 3];
        let copied = input.ring.get(1, &mut out).to_vec();
        let holds = input.seqlock.holds(1, input.ring.capacity());
        assert!(!holds || copied == [7; 3], "{copied:?} should not be taken for what was said");
    }
}
