//! Ring storage for samples that one thread writes while others read: four samples an atomic word.
//!
//! A plain slice would make a reader that was overtaken by the writer a data race. Relaxed atomic words make it a torn
//! copy, which the caller's position check throws away (see [`Seqlock`]).

use std::mem::MaybeUninit;

use crate::{
    audio::lockfree::atomic_copy,
    sync::{AtomicU64, Ordering, fence},
};

/// Samples in a word.
pub const PER_WORD: u64 = 4;

/// Words that lie on one cache line, so that a frame lies on no more of them than it has to.
#[repr(C, align(64))]
struct CacheLine([AtomicU64; 8]);

/// A ring of samples, by position: a count of samples since the beginning that never wraps.
pub struct SampleRing {
    lines: Box<[CacheLine]>,
    /// Words that are used of them.
    count: u32,
    /// Where their number is a power of two: that less one, for a division is dear. Else 0.
    mask: u32,
    /// Where it is none: 2^64 divided by their number, rounded up, for the quotient of a position's word. Else 0.
    reciprocal: u64,
}

impl SampleRing {
    /// Room for at least `samples`; `None` without memory.
    pub fn new(samples: usize) -> Option<Self> {
        let count = samples.div_ceil(PER_WORD as usize).max(2);
        let (length, used) = (count.div_ceil(8), u32::try_from(count).ok()?);
        let mut lines = Vec::new();
        lines.try_reserve_exact(length).ok()?;
        lines.extend((0..length).map(|_| CacheLine(std::array::from_fn(|_| AtomicU64::new(0)))));
        let mask = if used.is_power_of_two() { used - 1 } else { 0 };
        let reciprocal = if used.is_power_of_two() { 0 } else { (1_u128 << 64).div_ceil(u128::from(used)) as u64 };
        Some(Self { lines: lines.into_boxed_slice(), count: used, mask, reciprocal })
    }

    /// Samples it holds.
    pub fn capacity(&self) -> u64 {
        u64::from(self.count) * PER_WORD
    }

    #[inline(always)]
    fn all(&self) -> &[AtomicU64] {
        // SAFETY: a line is eight words and nothing else, and `count` is at most eight times the number of lines.
        unsafe { std::slice::from_raw_parts(self.lines.as_ptr().cast(), self.count as usize) }
    }

    fn index(&self, position: u64) -> usize {
        let word = position / PER_WORD;
        if self.mask != 0 {
            return (word & u64::from(self.mask)) as usize;
        }
        // Right as long as the word's number times that of words is less than 2^64 (Granlund and Montgomery, "Division by invariant integers using
        // multiplication", 1994): a ring of a second lasts for millions of years.
        let quotient = ((u128::from(word) * u128::from(self.reciprocal)) >> 64) as u64;
        (word - quotient * u64::from(self.count)) as usize
    }

    /// Where a position lies, for a hint to the processor.
    #[cfg(not(loom))]
    pub fn place(&self, position: u64) -> *const u8 {
        std::ptr::from_ref(&self.all()[self.index(position)]).cast()
    }

    /// Stores words from `position` on, a multiple of [`PER_WORD`].
    #[inline(always)]
    pub fn put_words<const N: usize>(&self, position: u64, values: [u64; N]) {
        let (words, at) = (self.all(), self.index(position));
        let in_a_row = words.get(at..at + N);
        for (which, value) in values.into_iter().enumerate() {
            let word = match in_a_row {
                Some(words) => &words[which],
                None => &words[self.after(at, which)],
            };
            word.store(value, Ordering::Relaxed);
        }
    }

    /// The words from `position` on, a multiple of [`PER_WORD`].
    #[inline(always)]
    pub fn words<const N: usize>(&self, position: u64) -> [u64; N] {
        let (words, at) = (self.all(), self.index(position));
        let in_a_row = words.get(at..at + N);
        std::array::from_fn(|which| match in_a_row {
            Some(words) => words[which].load(Ordering::Relaxed),
            None => words[self.after(at, which)].load(Ordering::Relaxed),
        })
    }

    /// Stores `samples` from `position` on. One thread at a time; at most the capacity.
    #[inline]
    pub fn put(&self, position: u64, samples: &[i16]) {
        match (samples.as_chunks::<4>(), self.whole_words(position, samples.len())) {
            ((whole, []), Some(words)) => atomic_copy::store(words, whole),
            _ => self.put_parts(position, samples),
        }
    }

    /// Stores `words` from `position` on, a multiple of [`PER_WORD`], and `samples` behind them.
    #[inline(always)]
    pub fn put_behind<const N: usize>(&self, position: u64, words: [u64; N], samples: &[i16]) {
        let header = N * PER_WORD as usize;
        match (samples.as_chunks::<4>(), self.whole_words(position, header + samples.len())) {
            ((whole, []), Some(places)) => {
                let (places, behind) = places.split_at(N);
                places.iter().zip(words).for_each(|(place, word)| place.store(word, Ordering::Relaxed));
                atomic_copy::store(behind, whole);
            }
            _ => {
                self.put_words(position, words);
                self.put_parts(position + header as u64, samples);
            }
        }
    }

    /// Fills `samples` from `position` on. What it copied counts only if [`Seqlock::holds`] afterwards.
    #[inline]
    pub fn get<'a>(&self, position: u64, samples: &'a mut [MaybeUninit<i16>]) -> &'a mut [i16] {
        let words = self.whole_words(position, samples.len());
        match (samples.as_chunks_mut::<4>(), words) {
            ((whole, []), Some(words)) => atomic_copy::load(words, whole),
            _ => self.get_parts(position, samples),
        }
        // SAFETY: each of them was written just now.
        unsafe { samples.assume_init_mut() }
    }

    /// The words of so many samples, if those are all of them, and do not go on at the ring's beginning: the usual case.
    #[inline(always)]
    pub fn whole_words(&self, position: u64, samples: usize) -> Option<&[AtomicU64]> {
        let per_word = PER_WORD as usize;
        let at = self.index(position);
        if !position.is_multiple_of(PER_WORD) || !samples.is_multiple_of(per_word) {
            return None;
        }
        self.all().get(at..at + samples / per_word)
    }

    #[inline(never)]
    fn put_parts(&self, position: u64, samples: &[i16]) {
        let (words, mut at) = (self.all(), self.index(position));
        let mut rest = samples;
        let into = (position % PER_WORD) as usize;
        if into != 0 {
            let (now, later) = rest.split_at(rest.len().min(PER_WORD as usize - into));
            let mut word: [i16; 4] = atomic_copy::get(&words[at]);
            word[into..into + now.len()].copy_from_slice(now);
            atomic_copy::put(&words[at], word);
            at = self.after(at, 1);
            rest = later;
        }
        let (whole, last) = rest.as_chunks::<4>();
        let (one, two) = whole.split_at(whole.len().min(words.len() - at));
        atomic_copy::store(&words[at..at + one.len()], one);
        atomic_copy::store(&words[..two.len()], two);
        if !last.is_empty() {
            let mut word = [0; 4];
            word[..last.len()].copy_from_slice(last);
            atomic_copy::put(&words[self.after(at, whole.len())], word);
        }
    }

    #[inline(never)]
    fn get_parts(&self, position: u64, samples: &mut [MaybeUninit<i16>]) {
        let (words, mut at) = (self.all(), self.index(position));
        let mut rest = samples;
        let into = (position % PER_WORD) as usize;
        if into != 0 {
            let (now, later) = rest.split_at_mut(rest.len().min(PER_WORD as usize - into));
            let word: [i16; 4] = atomic_copy::get(&words[at]);
            now.write_copy_of_slice(&word[into..into + now.len()]);
            at = self.after(at, 1);
            rest = later;
        }
        let (whole, last) = rest.as_chunks_mut::<4>();
        if !last.is_empty() {
            let word: [i16; 4] = atomic_copy::get(&words[self.after(at, whole.len())]);
            last.write_copy_of_slice(&word[..last.len()]);
        }
        let (one, two) = whole.split_at_mut(whole.len().min(words.len() - at));
        atomic_copy::load(&words[at..at + one.len()], one);
        atomic_copy::load(&words[..two.len()], two);
    }

    /// The word `count` words after `at`.
    fn after(&self, at: usize, count: usize) -> usize {
        let next = at + count;
        let length = self.count as usize;
        if next >= length { next - length } else { next }
    }
}

/// How far a ring's one writer has come, for readers that it may overtake: a sequence lock over positions.
///
/// The writer announces how far it will write (`reserve`), writes, then publishes (`head`). A reader copies what lies
/// below `head` and then asks whether the copy [`holds`](Seqlock::holds): whether the writer had announced nothing yet that
/// overlays it. The release fence after the announcement and the acquire fence before the question pair up through any word
/// of the copy that was overlaid: a reader that saw a newer word also sees the announcement made before it.
pub struct Seqlock {
    head: AtomicU64,
    reserve: AtomicU64,
}

impl Seqlock {
    pub fn new() -> Self {
        Self { head: AtomicU64::new(0), reserve: AtomicU64::new(0) }
    }

    /// Writer: everything below `end` may be overlaid from now on, capacity permitting. Words are written whole.
    pub fn announce(&self, end: u64) {
        self.reserve.store(end, Ordering::Relaxed);
        fence(Ordering::Release);
    }

    /// Writer: everything below `end` is there.
    pub fn publish(&self, end: u64) {
        self.head.store(end, Ordering::Release);
    }

    /// Everything below this may be read.
    pub fn head(&self) -> u64 {
        self.head.load(Ordering::Acquire)
    }

    /// Whether what was copied from `position` on, before this call, is what was written there.
    pub fn holds(&self, position: u64, capacity: u64) -> bool {
        fence(Ordering::Acquire);
        self.reserve.load(Ordering::Relaxed) <= position + capacity
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn what_goes_in_comes_out_at_every_offset_and_across_the_wrap() {
        let ring = SampleRing::new(40).unwrap();
        let mut next = 0i16;
        let mut position = 0;
        for length in (1..=23).cycle().take(500) {
            let samples: Vec<i16> = (0..length)
                .map(|_| {
                    next = next.wrapping_add(1);
                    next
                })
                .collect();
            ring.put(position, &samples);
            let mut out = vec![MaybeUninit::uninit(); samples.len()];
            assert_eq!(ring.get(position, &mut out), samples, "{length} samples at {position}");
            position += samples.len() as u64;
        }
    }

    #[test]
    fn every_position_has_its_word_whatever_their_number() {
        for words in (2..200).chain([880, 1_000, 1_024, 2_000, 6_001]) {
            let ring = SampleRing::new(words * PER_WORD as usize).unwrap();
            for from in [0, 1 << 20, (1 << 45) - 3, 1 << 48] {
                for word in from..from + 3 * words as u64 {
                    assert_eq!(
                        ring.index(word * PER_WORD + 3),
                        (word % words as u64) as usize,
                        "word {word} of {words}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_partly_filled_word_keeps_what_it_held() {
        let ring = SampleRing::new(8).unwrap();
        ring.put(0, &[1, 2, 3]);
        ring.put(3, &[4, 5]);
        let mut out = [MaybeUninit::uninit(); 5];
        assert_eq!(ring.get(0, &mut out), [1, 2, 3, 4, 5]);
    }
}
