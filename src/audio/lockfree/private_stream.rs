//! A private speaker's stream: a ring of frames that its read hook writes and the write hooks of its audience read.
//!
//! Each frame carries two plan numbers. `captured` is the one by which the read hook went: a listener whose pair with the speaker
//! that number, or an earlier one, has broken must not have it, whatever plan the listener acts on itself. `floor` is the same, or less
//! while an opening guard runs: a listener must have been in the audience since then or before.
//!
//! Frames that are shorter than a few milliseconds are gathered: with a header each, those that a listener takes at a time would not fit
//! into the ring. They lie behind its head until they are enough, or until one of another kind comes.

use std::mem::MaybeUninit;

use crate::{
    audio::{
        format::{Format, MAX_FRAME, UNITS_PER_MS},
        lockfree::sample_ring::{PER_WORD, SampleRing, Seqlock},
    },
    sync::{AtomicU64, Ordering},
};

/// A stream that is made for a format holds half a second of it. A longer one takes its place where it holds less than half of that, which
/// is more than a listener is behind before it skips, the oddest frame sizes apart.
const HELD_MS: u64 = 500;

/// Interleaved samples in a stream that is made for a format. An eighth is for headers: those of packets of 20 ms at 8 kHz take less.
fn length_for(format: Format) -> usize {
    let samples = format.samples(HELD_MS * UNITS_PER_MS) * format.channels();
    samples + samples / 8
}

/// Before a member has spoken, for all that is known: half a second of 48 kHz, and as much of it in stereo as is needed.
const UNKNOWN: usize = 24_000 + 24_000 / 8;

/// Frames are gathered until they are as long as this.
const GATHERED: u64 = 2 * UNITS_PER_MS;

/// A header before each frame: three words.
const HEADER: u64 = 3 * PER_WORD;

/// Under which plan a frame was captured, and since when its listeners must have been allowed to hear the speaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// The number by which the read hook went: of the plan that it had loaded, or a later one that it has by now.
    pub captured: u64,
    /// At most `captured`; less while an opening guard runs.
    pub floor: u64,
}

impl Stamp {
    /// Promise 2: whether a listener may have the frame that may hear the speaker without a break from plan `since` to plan `until`.
    pub fn may_reach(self, since: u64, until: u64) -> bool {
        since <= self.floor && self.captured <= until
    }
}

/// One frame in the ring.
#[derive(Clone, Copy, Debug)]
pub struct FrameHeader {
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
pub struct PrivateStream {
    ring: SampleRing,
    seqlock: Seqlock,
    /// Length of all frames so far.
    units: AtomicU64,
    /// Shorter frames are gathered; in units.
    gathered: u64,
    /// Those that are being gathered: samples a channel, with the header that they will have. The read hook's own.
    open: AtomicU64,
    header: [AtomicU64; 3],
}

impl PrivateStream {
    /// For who speaks in this format, if that is known; `None` without memory.
    pub fn new(format: Option<Format>) -> Option<Self> {
        Some(Self { gathered: GATHERED, ..Self::with_capacity(format.map_or(UNKNOWN, length_for))? })
    }

    /// Whether it is as long as one that is made for this format.
    pub fn is_made_for(&self, format: Format) -> bool {
        self.ring.capacity() == (length_for(format) as u64).next_multiple_of(PER_WORD)
    }

    /// Whether it is long enough for speech of this format.
    #[inline]
    pub fn is_long_enough_for(&self, format: Format) -> bool {
        2 * self.ring.capacity() >= length_for(format) as u64
    }

    /// Whether a frame of so many units can be read until the next one has come.
    #[inline]
    pub fn takes(&self, format: Format, units: u64) -> bool {
        let samples = (format.samples(units) * format.channels()) as u64;
        2 * (HEADER + samples) <= self.ring.capacity()
    }

    /// One that gathers nothing.
    pub(super) fn with_capacity(samples: usize) -> Option<Self> {
        let none = || AtomicU64::new(0);
        let (ring, seqlock) = (SampleRing::new(samples)?, Seqlock::new());
        Some(Self { ring, seqlock, units: none(), gathered: 0, open: none(), header: [none(), none(), none()] })
    }

    /// Read hook: appends a frame. `samples` is interleaved, at most [`MAX_FRAME`].
    #[inline(always)]
    pub fn push(&self, stamp: Stamp, format: Format, samples: &[i16]) {
        debug_assert!(samples.len() <= MAX_FRAME);
        let count = format.a_channel(samples.len());
        let units = format.units(count);
        if units < self.gathered {
            self.gather(stamp, format, samples);
        } else {
            self.close();
            self.append(stamp, format.code() << 16 | count as u64, samples);
        }
        self.units.store(self.units() + units, Ordering::Relaxed);
    }

    /// Read hook: the stretch of private speech ends here; a listener that plays on to this point did not run dry.
    pub fn end(&self, stamp: Stamp) {
        self.close();
        self.append(stamp, 0, &[]);
    }

    /// Puts a short frame behind those that are being gathered.
    fn gather(&self, stamp: Stamp, format: Format, samples: &[i16]) {
        let header = [stamp.captured, stamp.floor, format.code()];
        if self.header.each_ref().map(|word| word.load(Ordering::Relaxed)) != header {
            self.close();
            self.header.iter().zip(header).for_each(|(word, now)| word.store(now, Ordering::Relaxed));
        }
        let before = self.open.load(Ordering::Relaxed);
        let count = before + format.a_channel(samples.len()) as u64;
        let data = self.seqlock.head() + HEADER;
        self.seqlock.announce((data + count * format.channels() as u64).next_multiple_of(PER_WORD));
        self.ring.put(data + before * format.channels() as u64, samples);
        self.open.store(count, Ordering::Relaxed);
        if format.units(count as usize) >= self.gathered {
            self.close();
        }
    }

    /// Publishes those that were gathered as one frame, if there are any.
    #[inline(always)]
    fn close(&self) {
        let count = self.open.load(Ordering::Relaxed);
        if count > 0 {
            self.close_gathered(count);
        }
    }

    #[inline(never)]
    fn close_gathered(&self, count: u64) {
        let [captured, floor, code] = self.header.each_ref().map(|word| word.load(Ordering::Relaxed));
        let channels = Format::from_code(code).map_or(0, Format::channels) as u64;
        let at = self.seqlock.head();
        self.ring.put_words(at, [captured, floor, code << 16 | count]);
        self.open.store(0, Ordering::Relaxed);
        self.seqlock.publish((at + HEADER + count * channels).next_multiple_of(PER_WORD));
    }

    #[inline(always)]
    fn append(&self, stamp: Stamp, shape: u64, samples: &[i16]) {
        let at = self.seqlock.head();
        let end = at + HEADER + (samples.len() as u64).next_multiple_of(PER_WORD);
        self.seqlock.announce(end);
        self.ring.put_behind(at, [stamp.captured, stamp.floor, shape], samples);
        self.seqlock.publish(end);
    }

    /// Length of all frames so far, in units.
    pub fn units(&self) -> u64 {
        self.units.load(Ordering::Relaxed)
    }

    /// Where the next frame will begin.
    pub fn head(&self) -> u64 {
        self.seqlock.head()
    }

    /// The packet at `at`, which must lie below a head that was read before; `None` if the writer has overtaken it.
    pub fn packet(&self, at: u64) -> Option<FrameHeader> {
        let [captured, floor, shape] = self.ring.words(at);
        if !self.seqlock.holds(at, self.ring.capacity()) {
            return None;
        }
        let format = Format::from_code(shape >> 16);
        let samples = (shape & 0xffff) as usize;
        let data = at + HEADER;
        let length = samples * format.map_or(0, Format::channels);
        Some(FrameHeader {
            stamp: Stamp { captured, floor },
            format,
            samples,
            data,
            next: data + (length as u64).next_multiple_of(PER_WORD),
        })
    }

    /// The stamp of the packet at `at`, which must lie below a head that was read before, and where its samples are, if it is the last before
    /// `head` and has so many a channel in this format.
    #[inline(always)]
    pub fn last_packet(&self, at: u64, head: u64, format: Format, samples: usize) -> Option<(Stamp, u64)> {
        let [captured, floor, shape] = self.ring.words(at);
        let data = at + HEADER;
        let length = (samples * format.channels()) as u64;
        let fits = shape == format.code() << 16 | samples as u64 && data + length.next_multiple_of(PER_WORD) == head;
        (fits && self.seqlock.holds(at, self.ring.capacity())).then_some((Stamp { captured, floor }, data))
    }

    /// Fills `out` with interleaved samples from `at` on. `None` if the writer has overtaken them.
    #[inline(always)]
    pub fn copy<'a>(&self, at: u64, out: &'a mut [MaybeUninit<i16>]) -> Option<&'a mut [i16]> {
        let copied = self.ring.get(at, out);
        self.seqlock.holds(at, self.ring.capacity()).then_some(copied)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    /// Frames of one sample that are gathered are for whom they were said to: none goes out with those of another audience.
    #[test]
    fn short_frames_of_different_audiences_are_not_gathered_together() {
        let stream = PrivateStream::new(None).expect("memory");
        let format = Format::new(48_000, 1).expect("a format");
        let stamps = [(3, 3), (4, 4), (4, 2), (9, 9)].map(|(captured, floor)| Stamp { captured, floor });
        for (which, stamp) in (0..).zip(stamps) {
            (0..5).for_each(|_| stream.push(stamp, format, &[which]));
        }
        stream.end(stamps[3]);
        let (mut at, mut heard) = (0, Vec::new());
        while at < stream.head() {
            let packet = stream.packet(at).expect("it is there");
            let mut samples = vec![MaybeUninit::uninit(); packet.samples];
            let samples = stream.copy(packet.data, &mut samples).expect("it is there");
            heard.extend(samples.iter().map(|&which| (packet.stamp, which)));
            at = packet.next;
        }
        let said = (0..).zip(stamps).flat_map(|(which, stamp)| [(stamp, which); 5]);
        assert_eq!(heard, said.collect::<Vec<_>>(), "each sample, in order, and to its end");
    }
}
