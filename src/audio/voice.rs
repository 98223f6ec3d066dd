//! A private speaker's voice: a ring of frames that its read hook writes and the write hooks of its audience read.
//!
//! Each frame carries two plan numbers. `captured` is the plan that the read hook had loaded: a listener whose own plan is
//! older must not have it yet, since that plan may not know of a narrower audience. `floor` is the same, or less while an
//! opening guard runs: a listener must have been in the audience since then or before.

use std::mem::MaybeUninit;

use super::{
    format::{Format, MAX_FRAME},
    words::{Lap, PER_WORD, Words},
};
use crate::sync::{AtomicU64, Ordering};

/// Samples in a voice: 48 KiB. 3 s at 8 kHz mono; a quarter of a second of 48 kHz stereo, which is more than a listener is
/// behind before it skips, the oddest frame sizes apart.
const CAPACITY: usize = 24 * 1024;

/// A header before each frame: three words.
const HEADER: u64 = 3 * PER_WORD;

/// Under which plan a frame was captured, and since when its listeners must have been allowed to hear the speaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Number of the plan that the read hook had loaded.
    pub captured: u64,
    /// At most `captured`; less while an opening guard runs.
    pub floor: u64,
}

impl Stamp {
    /// Promise 2: whether a listener may have the frame that was allowed to hear the speaker without a break since plan
    /// `since`, and still is under plan `now`, which it has loaded.
    pub fn may_reach(self, since: u64, now: u64) -> bool {
        since <= self.floor && self.captured <= now
    }
}

/// One frame in the ring.
#[derive(Clone, Copy, Debug)]
pub struct Packet {
    /// Who may have it.
    pub stamp: Stamp,
    /// Rate and channels; `None` marks the end of a stretch of private speech.
    pub format: Option<Format>,
    /// Samples a channel; 0 at an end.
    pub samples: usize,
    /// Position of the first sample.
    pub data: u64,
    /// Position of the next packet.
    pub next: u64,
}

/// The ring. One writer at a time, any number of readers, none of whom waits.
pub struct Voice {
    ring: Words,
    lap: Lap,
    /// Length of all frames so far.
    ticks: AtomicU64,
}

impl Voice {
    /// `None` without memory.
    pub fn new() -> Option<Self> {
        Self::with_capacity(CAPACITY)
    }

    pub(super) fn with_capacity(samples: usize) -> Option<Self> {
        Some(Self { ring: Words::new(samples)?, lap: Lap::new(), ticks: AtomicU64::new(0) })
    }

    /// Read hook: appends a frame. `samples` is interleaved, at most [`MAX_FRAME`].
    pub fn push(&self, stamp: Stamp, format: Format, samples: &[i16]) {
        debug_assert!(samples.len() <= MAX_FRAME);
        let count = format.a_channel(samples.len());
        self.append(stamp, format.code() << 16 | count as u64, samples);
        self.ticks.store(self.ticks() + format.ticks(count), Ordering::Relaxed);
    }

    /// Read hook: the stretch of private speech ends here; a listener that plays on to this point did not run dry.
    pub fn end(&self, stamp: Stamp) {
        self.append(stamp, 0, &[]);
    }

    fn append(&self, stamp: Stamp, shape: u64, samples: &[i16]) {
        let at = self.lap.head();
        let data = at + HEADER;
        let end = data + (samples.len() as u64).next_multiple_of(PER_WORD);
        self.lap.announce(end);
        self.ring.put_words(at, [stamp.captured, stamp.floor, shape]);
        self.ring.put(data, samples);
        self.lap.publish(end);
    }

    /// Length of all frames so far, in ticks.
    pub fn ticks(&self) -> u64 {
        self.ticks.load(Ordering::Relaxed)
    }

    /// Where the next frame will begin.
    pub fn head(&self) -> u64 {
        self.lap.head()
    }

    /// The packet at `at`, which must lie below a head that was read before; `None` if the writer has overtaken it.
    pub fn packet(&self, at: u64) -> Option<Packet> {
        let [captured, floor, shape] = self.ring.words(at);
        if !self.lap.holds(at, self.ring.capacity()) {
            return None;
        }
        let format = Format::from_code(shape >> 16);
        let samples = (shape & 0xffff) as usize;
        let data = at + HEADER;
        let length = samples * format.map_or(0, Format::channels);
        Some(Packet {
            stamp: Stamp { captured, floor },
            format,
            samples,
            data,
            next: data + (length as u64).next_multiple_of(PER_WORD),
        })
    }

    /// Fills `out` with interleaved samples from `at` on. `None` if the writer has overtaken them.
    pub fn copy<'a>(&self, at: u64, out: &'a mut [MaybeUninit<i16>]) -> Option<&'a mut [i16]> {
        let copied = self.ring.get(at, out);
        self.lap.holds(at, self.ring.capacity()).then_some(copied)
    }
}
