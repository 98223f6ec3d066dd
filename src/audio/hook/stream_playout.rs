//! How a listener plays one private stream: where it is there, and what it needs to play on.

use std::{cell::UnsafeCell, mem::MaybeUninit, num::NonZeroU64};

use crate::{
    audio::{
        counters::Counts,
        format::{Format, MAX_FRAME_MS, UNITS_PER_MS, last},
        hook::stream_reader::{Access, StreamReader},
        lockfree::private_stream::PrivateStream,
        mix::{
            bus::{Bus, MixPosition},
            input::Input,
        },
        playout::{
            playout::{Handoff, Played, Playout},
            rate_mix::RateMix,
        },
        sum,
    },
    sync::{AtomicU64, Ordering},
};

/// The most interleaved samples of a frame that is taken whole: 20 ms of 48 kHz.
const ONE: usize = 960;

/// Set in a position while something is left to play that has left the stream: in a mix of another rate, or a fade.
const PLAYING: u64 = 1;

/// See above. It belongs to the listener's write hook; the control plane may ask whether it is idle.
#[derive(Default)]
pub struct StreamPlayout {
    /// Position in the stream up to which the listener has come, which is even; with [`PLAYING`].
    position: AtomicU64,
    state: UnsafeCell<State>,
}

#[derive(Default)]
struct State {
    playout: Playout,
    /// Samples a channel of the packet at the position that have been played.
    used: u32,
    /// Position of the packet that was played whole last, if it still goes on from there.
    before: Option<NonZeroU64>,
    /// Units of the stream up to there.
    heard: u64,
    /// For so many units it was held back.
    held_back: u32,
    /// What came last before there was the end of a stretch, or not for this listener: if nothing follows, nothing is late.
    ended: bool,
}

impl StreamPlayout {
    /// The next that is played of `stream` is what came from this position on; before that, at least so many units.
    pub fn begin(&mut self, stream: &PrivateStream, position: u64, before: u64) {
        let (mut at, head, mut ahead) = (position, stream.head(), Some(0));
        while let Some(units) = ahead.filter(|_| at != head) {
            let packet = stream.packet(at);
            ahead = packet.map(|packet| units + packet.format.map_or(0, |format| format.units(packet.samples)));
            at = packet.map_or(at, |packet| packet.next);
        }
        // What was overtaken is counted from where the pair was made.
        let heard = ahead.map_or(before, |ahead| stream.units().saturating_sub(ahead));
        *self = Self { position: AtomicU64::new(position), state: State { heard, ..State::default() }.into() };
    }

    /// Nothing to play.
    #[inline(always)]
    pub fn idle(&self, stream: &PrivateStream) -> bool {
        self.position.load(Ordering::Acquire) == stream.head()
    }

    /// See [`Playout::tail`].
    ///
    /// # Safety
    /// The caller is inside the listener's write gate.
    pub unsafe fn tail(&self) -> [i32; 2] {
        // SAFETY: the state is the listener's, inside whose write gate the caller is.
        unsafe { &*self.state.get() }.playout.tail()
    }

    /// See [`Playout::play_direct`]; what the listener is hearing at its end, if it did.
    ///
    /// # Safety
    /// The caller is inside the listener's write gate.
    #[inline(always)]
    pub unsafe fn play_direct(
        &self,
        access: Access,
        frame: &mut [i16],
        whole: (Format, u64),
        counts: &Counts,
    ) -> Option<[i32; 2]> {
        // SAFETY: the caller is inside the listener's write gate.
        unsafe {
            match self.play_one_direct(access, frame, whole.0) {
                None => self.play_some_direct(access, frame, whole, counts),
                tail => tail,
            }
        }
    }

    /// The same of several packets, or of a part of one.
    ///
    /// # Safety
    /// The caller is inside the listener's write gate.
    #[inline(never)]
    unsafe fn play_some_direct(
        &self,
        access: Access,
        frame: &mut [i16],
        whole: (Format, u64),
        counts: &Counts,
    ) -> Option<[i32; 2]> {
        // SAFETY: the caller is inside the listener's write gate.
        unsafe {
            self.with_reader(access, |playout, reader| {
                playout.play_direct(reader, frame, whole, counts).then(|| playout.tail())
            })
        }
    }

    /// The same where the one packet that is queued is as long as the frame. `None`, and nothing done, if it is not so.
    ///
    /// # Safety
    /// The caller is inside the listener's write gate.
    #[inline(always)]
    pub unsafe fn play_one_direct(&self, access: Access, frame: &mut [i16], to: Format) -> Option<[i32; 2]> {
        // SAFETY: the state is the listener's, inside whose write gate the caller is.
        let state = unsafe { &mut *self.state.get() };
        let (at, stream, count) = (self.at(), access.stream, to.a_channel(frame.len()));
        let head = stream.head();
        if at == head || state.used > 0 || state.ended || frame.len() > ONE {
            return None;
        }
        let (stamp, data) = stream.last_packet(at, head, to, count)?;
        let mut samples = [MaybeUninit::uninit(); ONE];
        crate::faults::meanwhile(true);
        if !access.allows(stamp) || !state.playout.can_play_one_direct(to, count) {
            return None;
        }
        let samples = stream.copy(data, &mut samples[..frame.len()])?;
        sum::add_saturating(samples, frame);
        let last = last(samples, to.channels());
        state.playout.played_one_direct(to, count, last);
        state.before = NonZeroU64::new(at + 1);
        state.heard += to.units(count);
        self.position.store(head | PLAYING, Ordering::Release); // who reads it knows what is left to play: see `idle`
        Some(last)
    }

    /// Adds what is due to the listener, whose `handoff` has the mixes of other rates. `mix`: where an engine-mixed room has what the
    /// speaker says openly, and how far the listener has come in the room's mix.
    ///
    /// # Safety
    /// The caller is inside the listener's write gate.
    pub unsafe fn play(
        &self,
        access: Access,
        sum: &mut [i32],
        (to, whole): (Format, u64),
        counts: &Counts,
        mix: Option<(&Input, (&Bus, MixPosition))>,
        handoff: &Handoff,
    ) -> Played {
        // SAFETY: the state is the listener's, inside whose write gate the caller is.
        let held_back = unsafe { self.holds_back(to.units(to.a_channel(sum.len())), mix) };
        // SAFETY: the state and the handoff are the listener's, inside whose write gate the caller is.
        unsafe {
            self.with_reader(access, |playout, reader| {
                // What came before is heard to its end.
                reader.held_back = held_back;
                playout.play(reader, (handoff, 0), sum, (to, whole), counts)
            })
        }
    }

    /// See [`Playout::replay`].
    ///
    /// # Safety
    /// The caller is inside the listener's write gate.
    pub unsafe fn replay(&self, access: Access, mix: &mut RateMix) {
        // SAFETY: the caller is inside the listener's write gate.
        unsafe { self.with_reader(access, |playout, reader| playout.replay(reader, mix)) }
    }

    /// Whether a stretch of private speech has to wait for one more frame: a listener that has come so far in the room's mix has not
    /// heard there yet what the speaker said openly before it. It waits no longer than that takes.
    ///
    /// # Safety
    /// The caller is inside the listener's write gate.
    unsafe fn holds_back(&self, frame: u64, mix: Option<(&Input, (&Bus, MixPosition))>) -> bool {
        let Some((open, (bus, position))) = mix else { return false };
        // SAFETY: the state is the listener's, inside whose write gate the caller is.
        let state = unsafe { &mut *self.state.get() };
        if state.playout.playing() {
            return false;
        }
        let most = 2 * bus.tick_length() + MAX_FRAME_MS * UNITS_PER_MS;
        if u64::from(state.held_back) < most && !position.has_passed(open, bus) {
            state.held_back += frame as u32;
            return true;
        }
        state.playout.hold_back(std::mem::take(&mut state.held_back).into());
        false
    }

    /// # Safety
    /// The caller is inside the listener's write gate.
    unsafe fn with_reader<R>(&self, access: Access, action: impl FnOnce(&mut Playout, &mut StreamReader) -> R) -> R {
        // SAFETY: the state is the listener's, inside whose write gate the caller is.
        let State { playout, used, before, heard, ended, .. } = unsafe { &mut *self.state.get() };
        let mut reader = StreamReader {
            access,
            at: self.at(),
            used: *used as usize,
            before: *before,
            heard: *heard,
            ended: *ended,
            packet: None,
            held_back: false,
        };
        let result = action(playout, &mut reader);
        let playing = if playout.idle() { 0 } else { PLAYING };
        self.position.store(reader.at | playing, Ordering::Release); // who reads it knows what is left to play: see `idle`
        (*used, *before, *heard, *ended) = (reader.used as u32, reader.before, reader.heard, reader.ended);
        result
    }

    fn at(&self) -> u64 {
        self.position.load(Ordering::Relaxed) & !PLAYING
    }
}
