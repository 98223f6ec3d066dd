//! Ring storage for samples that one thread writes while others read: four samples an atomic word.
//!
//! A plain slice would make a reader that was overtaken by the writer a data race. Relaxed atomic words make it a torn
//! copy, which the caller's position check throws away (see [`Lap`]).

use crate::sync::{AtomicU64, Ordering, fence};

/// Samples in a word.
pub const PER_WORD: u64 = 4;

/// A ring of samples, by position: a count of samples since the beginning that never wraps.
pub struct Words {
    words: Box<[AtomicU64]>,
}

impl Words {
    /// Room for at least `samples`; `None` without memory.
    pub fn new(samples: usize) -> Option<Self> {
        let count = samples.div_ceil(PER_WORD as usize);
        let mut words = Vec::new();
        words.try_reserve_exact(count).ok()?;
        words.extend((0..count).map(|_| AtomicU64::new(0)));
        Some(Self { words: words.into_boxed_slice() })
    }

    /// Samples it holds.
    pub fn capacity(&self) -> u64 {
        self.words.len() as u64 * PER_WORD
    }

    fn index(&self, position: u64) -> usize {
        ((position / PER_WORD) % self.words.len() as u64) as usize
    }

    /// Brings the next tick or so from `position` on into the cache.
    #[cfg(not(loom))]
    pub fn prefetch(&self, position: u64) {
        let at = self.index(position);
        super::input::prefetch(&self.words[at..self.words.len().min(at + 48)]);
    }

    /// Stores words from `position` on, a multiple of [`PER_WORD`].
    pub fn put_words<const N: usize>(&self, position: u64, words: [u64; N]) {
        let mut at = self.index(position);
        for word in words {
            self.words[at].store(word, Ordering::Relaxed);
            at = if at + 1 == self.words.len() { 0 } else { at + 1 };
        }
    }

    /// The words from `position` on, a multiple of [`PER_WORD`].
    pub fn words<const N: usize>(&self, position: u64) -> [u64; N] {
        let mut at = self.index(position);
        [(); N].map(|()| {
            let word = self.words[at].load(Ordering::Relaxed);
            at = if at + 1 == self.words.len() { 0 } else { at + 1 };
            word
        })
    }

    /// Stores `samples` from `position` on. One thread at a time; at most the capacity.
    pub fn put(&self, position: u64, samples: &[i16]) {
        let mut at = self.index(position);
        let mut rest = samples;
        let into = (position % PER_WORD) as usize;
        if into != 0 {
            let (now, later) = rest.split_at(rest.len().min(PER_WORD as usize - into));
            let mut word = unpack(self.words[at].load(Ordering::Relaxed));
            word[into..into + now.len()].copy_from_slice(now);
            self.words[at].store(pack(word), Ordering::Relaxed);
            at += 1;
            rest = later;
        }
        // In two stretches, so that the loops carry no wrap-around.
        let (whole, last) = rest.as_chunks::<4>();
        let (one, two) = whole.split_at(whole.len().min(self.words.len().saturating_sub(at)));
        store(&self.words[at.min(self.words.len())..], one);
        store(&self.words, two);
        if !last.is_empty() {
            let mut word = [0; 4];
            word[..last.len()].copy_from_slice(last);
            self.words[(at + whole.len()) % self.words.len()].store(pack(word), Ordering::Relaxed);
        }
    }

    /// Copies samples from `position` on. What it copied counts only if [`Lap::holds`] afterwards.
    pub fn get(&self, position: u64, samples: &mut [i16]) {
        let mut at = self.index(position);
        let mut rest = samples;
        let into = (position % PER_WORD) as usize;
        if into != 0 {
            let (now, later) = rest.split_at_mut(rest.len().min(PER_WORD as usize - into));
            let word = unpack(self.words[at].load(Ordering::Relaxed));
            now.copy_from_slice(&word[into..into + now.len()]);
            at += 1;
            rest = later;
        }
        let (whole, last) = rest.as_chunks_mut::<4>();
        let count = whole.len();
        let (one, two) = whole.split_at_mut(count.min(self.words.len().saturating_sub(at)));
        load(&self.words[at.min(self.words.len())..], one);
        load(&self.words, two);
        if !last.is_empty() {
            let word = unpack(self.words[(at + count) % self.words.len()].load(Ordering::Relaxed));
            last.copy_from_slice(&word[..last.len()]);
        }
    }
}

/// Words that a loop moves at a time: what it costs beside them is not worth a mention then.
const BLOCK: usize = 8;

fn store(words: &[AtomicU64], samples: &[[i16; 4]]) {
    let length = samples.len().min(words.len());
    let (blocks, rest) = samples[..length].as_chunks::<BLOCK>();
    let (word_blocks, word_rest) = words[..length].as_chunks::<BLOCK>();
    for (words, samples) in word_blocks.iter().zip(blocks) {
        for index in 0..BLOCK {
            words[index].store(pack(samples[index]), Ordering::Relaxed);
        }
    }
    for (word, samples) in word_rest.iter().zip(rest) {
        word.store(pack(*samples), Ordering::Relaxed);
    }
}

fn load(words: &[AtomicU64], samples: &mut [[i16; 4]]) {
    let length = samples.len().min(words.len());
    let (blocks, rest) = samples[..length].as_chunks_mut::<BLOCK>();
    let (word_blocks, word_rest) = words[..length].as_chunks::<BLOCK>();
    for (words, samples) in word_blocks.iter().zip(blocks) {
        for index in 0..BLOCK {
            samples[index] = unpack(words[index].load(Ordering::Relaxed));
        }
    }
    for (word, samples) in word_rest.iter().zip(rest) {
        *samples = unpack(word.load(Ordering::Relaxed));
    }
}

fn pack(samples: [i16; 4]) -> u64 {
    // SAFETY: both are eight bytes of which every pattern is a value; what one order packs, the same order unpacks.
    unsafe { std::mem::transmute(samples) }
}

fn unpack(word: u64) -> [i16; 4] {
    // SAFETY: as in `pack`.
    unsafe { std::mem::transmute(word) }
}

/// How far a ring's one writer has come, for readers that it may overtake: a sequence lock over positions.
///
/// The writer announces how far it will write (`reserve`), writes, then publishes (`head`). A reader copies what lies
/// below `head` and then asks whether the copy [`holds`](Lap::holds): whether the writer had announced nothing yet that
/// overlays it. The release fence after the announcement and the acquire fence before the question pair up through any word
/// of the copy that was overlaid: a reader that saw a newer word also sees the announcement made before it.
pub struct Lap {
    head: AtomicU64,
    reserve: AtomicU64,
}

impl Lap {
    pub fn new() -> Self {
        Self { head: AtomicU64::new(0), reserve: AtomicU64::new(0) }
    }

    /// Writer: everything below `end` may be overlaid from now on, capacity permitting.
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
        let ring = Words::new(40).unwrap();
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
            let mut out = vec![0; samples.len()];
            ring.get(position, &mut out);
            assert_eq!(out, samples, "{length} samples at {position}");
            position += samples.len() as u64;
        }
    }

    #[test]
    fn a_partly_filled_word_keeps_what_it_held() {
        let ring = Words::new(8).unwrap();
        ring.put(0, &[1, 2, 3]);
        ring.put(3, &[4, 5]);
        let mut out = [0; 5];
        ring.get(0, &mut out);
        assert_eq!(out, [1, 2, 3, 4, 5]);
    }
}
