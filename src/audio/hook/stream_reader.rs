//! A private stream as one listener may read it: each packet is asked for its stamp, and what is not for this listener is passed over.

use std::{mem::MaybeUninit, num::NonZeroU64};

use crate::{
    audio::{
        format::last,
        lockfree::private_stream::{FrameHeader, PrivateStream, Stamp},
        playout::source::{CHUNK, Due, Source},
        sum,
    },
    sync::{AtomicU32, Ordering},
};

/// A stream, and what of it one listener may have.
#[derive(Clone, Copy)]
pub struct Access<'a> {
    pub stream: &'a PrivateStream,
    /// Number of the plan since which the listener may hear the speaker without a break.
    pub since: u64,
    /// By how much the number of the plan that breaks the pair is higher; `u32::MAX` until there is one.
    pub broken_after: &'a AtomicU32,
}

impl Access<'_> {
    /// Under which plan the listener may have it last. To be asked after a frame's stamp was read: who finds a frame of the plan that breaks
    /// the pair or a later one finds that as well (`Subscription::close`).
    #[inline(always)]
    pub fn until(&self) -> u64 {
        match self.broken_after.load(Ordering::Acquire) {
            u32::MAX => u64::MAX,
            after => self.since.saturating_sub(1) + u64::from(after),
        }
    }

    /// Whether the listener may have a frame with this stamp, which was read from the stream.
    pub fn allows(&self, stamp: Stamp) -> bool {
        stamp.may_reach(self.since, self.until())
    }
}

/// See above.
pub struct StreamReader<'a> {
    pub access: Access<'a>,
    /// Position in the stream of the packet that is read.
    pub at: u64,
    /// Samples a channel of that packet that have been played.
    pub used: usize,
    /// Position, plus 1, of the packet that was played whole last, if speech still goes on from there.
    pub before: Option<NonZeroU64>,
    /// Units of the stream up to there.
    pub heard: u64,
    /// What came last was the end of a stretch, or not for this listener.
    pub ended: bool,
    /// The packet at `at`, if it was read already.
    pub packet: Option<FrameHeader>,
    /// Nothing is due yet, whatever there is.
    pub held_back: bool,
}

impl StreamReader<'_> {
    /// Goes on by `samples` samples a channel of `packet`.
    fn pass(&mut self, packet: &FrameHeader, samples: usize, heard: bool) {
        self.ended = !heard;
        self.used += samples;
        self.heard += packet.format.map_or(0, |format| format.units(samples));
        if self.used == packet.samples {
            self.before = NonZeroU64::new(self.at + 1).filter(|_| heard);
            (self.at, self.used, self.packet) = (packet.next, 0, None);
        }
    }

    /// The packet at `at`; `None` if the writer has overtaken it. What it holds was checked when it was read and stays so.
    fn packet(&mut self) -> Option<FrameHeader> {
        if self.packet.is_none() {
            self.packet = self.access.stream.packet(self.at);
        }
        self.packet
    }
}

impl Source for StreamReader<'_> {
    type Sample = i16;

    fn due(&mut self) -> Due {
        let head = self.access.stream.head();
        let mut due = Due { format: None, samples: 0, beyond: 0, packet: 0, end: false, anew: false, lost: 0 };
        if self.held_back {
            return due;
        }
        let mut at = self.at;
        while at != head {
            let Some(packet) = self.access.stream.packet(at) else {
                // Overtaken: whatever lies between is lost to this listener.
                let units = self.access.stream.units();
                let lost = units.saturating_sub(self.heard);
                (self.at, self.used, self.before, self.heard) = (head, 0, None, units);
                return Due { format: None, samples: 0, beyond: 0, packet: 0, end: false, anew: false, lost };
            };
            crate::faults::meanwhile(true);
            let until = self.access.until();
            let mine = packet.stamp.may_reach(self.access.since, until);
            if !mine && packet.stamp.captured > until {
                break; // the pair is broken, and the hook that is running does not know it yet
            }
            if packet.samples == 0 || !mine {
                // The end of a stretch, or speech that is not for this listener.
                due.end = true;
                if due.samples > 0 {
                    break;
                }
                self.pass(&packet, packet.samples - self.used, false);
            } else if due.format.is_some_and(|format| Some(format) != packet.format) {
                due.end = true;
                break;
            } else {
                if at == self.at {
                    self.packet = Some(packet);
                }
                due.format = packet.format;
                due.packet = packet.samples;
                due.samples += packet.samples - if at == self.at { self.used } else { 0 };
                due.end = false;
            }
            at = packet.next;
        }
        due.end |= due.samples == 0 && self.ended;
        due.anew = self.ended;
        if due.end {
            let due_units = due.format.map_or(0, |format| format.units(due.samples));
            due.beyond = self.access.stream.units().saturating_sub(self.heard + due_units);
        }
        due
    }

    fn skip(&mut self, samples: usize) {
        let mut left = samples;
        while left > 0 {
            let Some(packet) = self.packet() else { return };
            let here = (packet.samples - self.used).min(left);
            self.pass(&packet, here, true);
            left -= here;
        }
    }

    // It was heard before, and so this listener may have it. As with every read of a stream, its stamp is asked all the same.
    fn back(&mut self, samples: usize) -> usize {
        let mut format = self.packet().filter(|_| self.used > 0).and_then(|packet| packet.format);
        let here = self.used.min(samples);
        self.used -= here;
        let mut back = here;
        if back < samples
            && let Some(at) = self.before
            && let Some(packet) = self.access.stream.packet(at.get() - 1)
            && self.access.allows(packet.stamp)
            && (format.is_none() || format == packet.format)
        {
            let there = packet.samples.min(samples - back);
            (self.at, self.used, self.before) = (at.get() - 1, packet.samples - there, None);
            self.packet = Some(packet);
            back += there;
            format = packet.format;
        }
        self.heard -= format.map_or(0, |format| format.units(back));
        back
    }

    fn take<'a>(&mut self, out: &'a mut [MaybeUninit<i16>]) -> Option<&'a mut [i16]> {
        let mut rest = &mut *out;
        while !rest.is_empty() {
            let packet = self.packet()?;
            let format = packet.format?;
            let here = ((packet.samples - self.used) * format.channels()).min(rest.len());
            let (now, later) = rest.split_at_mut(here);
            self.access.stream.copy(packet.data + (self.used * format.channels()) as u64, now)?;
            rest = later;
            self.pass(&packet, format.a_channel(here), true);
        }
        // SAFETY: `copy` filled one part of it after the other.
        Some(unsafe { out.assume_init_mut() })
    }

    fn play_direct(&mut self, frame: &mut [i16]) -> Option<[i32; 2]> {
        let channels = self.packet()?.format?.channels();
        let mut chunk = [MaybeUninit::uninit(); CHUNK];
        let samples = self.take(&mut chunk[..frame.len()])?;
        sum::add_saturating(samples, frame);
        Some(last(samples, channels))
    }
}
