//! A queue as one listener reads it: a private stream, or the bus of a room that the engine mixes.

use std::mem::MaybeUninit;

use crate::audio::{counters::Counts, format::Format, sum::Sample};

/// Interleaved samples that are moved at a time.
pub const CHUNK: usize = 160;

/// What a queue has for this listener now.
pub struct Due {
    /// Of what is due next; `None` when nothing is.
    pub format: Option<Format>,
    /// Samples a channel that are due in that format.
    pub samples: usize,
    /// Units that are queued behind these, where they are in other formats.
    pub beyond: u64,
    /// Samples a channel that the queue is filled with at a time.
    pub packet: usize,
    /// Nothing was late if the queue is empty after these.
    pub end: bool,
    /// They do not go on from what was taken last: a stretch ended in between.
    pub anew: bool,
    /// Units that were overtaken since the last time.
    pub lost: u64,
}

impl Due {
    /// Counts what was overtaken.
    pub fn count_lost(&self, counts: &Counts) {
        if self.lost > 0 {
            counts.skips.add(1);
            counts.skipped.add(self.lost);
        }
    }
}

/// A queue, as one listener reads it.
pub trait Source {
    /// 16-bit, or a 32-bit sum.
    type Sample: Sample;

    /// What is there. [`Source::skip`] and [`Source::take`] go no further than this.
    fn due(&mut self) -> Due;
    /// Leaves out `samples` samples a channel.
    fn skip(&mut self, samples: usize);
    /// Goes back by up to so many samples a channel of those that were taken last; by how many.
    fn back(&mut self, samples: usize) -> usize;
    /// Fills `out` with the next interleaved samples. `None` if they were overtaken.
    fn take<'a>(&mut self, out: &'a mut [MaybeUninit<Self::Sample>]) -> Option<&'a mut [Self::Sample]>;
    /// The same for up to [`CHUNK`] samples, straight into a frame of their format: 16-bit ones are added to what it holds, a 32-bit
    /// sum is all of it. What the last sample group of them is; after `None` the frame holds what it held, or anything if that is
    /// not kept.
    fn play_direct(&mut self, frame: &mut [i16]) -> Option<[i32; 2]>;
}
