//! One listener's ear for one private stream: made when the listener enters the speaker's audience, dropped when it leaves it,
//! and with it all buffered and converted audio (promise 2).

use std::{cell::UnsafeCell, mem::MaybeUninit, num::NonZeroU64, sync::Arc};

use crate::{
    audio::{
        counters::Counts,
        format::{Format, MAX_FRAME_MS, TICKS_PER_MS, last},
        hook::stream_reader::StreamReader,
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

/// The pair. Shared by the plans that grant it; its state belongs to the listener's write hook.
pub struct Subscription {
    stream: Arc<PrivateStream>,
    /// Handle of the speaker, for the control plane.
    speaker: u64,
    /// Number of the plan since which the listener may hear the speaker without a break.
    since: u64,
    /// Number of the last plan under which it may.
    until: AtomicU64,
    /// Position in the stream up to which the listener has come.
    cursor: AtomicU64,
    /// 1 while something is left to play that has left the stream: in a mix of another rate, or a fade.
    playing: AtomicU64,
    /// Engine-mixed: where the speaker's open speech goes.
    open: Option<Arc<Input>>,
    state: UnsafeCell<State>,
}

#[derive(Default)]
struct State {
    playout: Playout,
    /// Samples a channel of the packet at `cursor` that have been played.
    used: usize,
    /// Position of the packet that was played whole last, if it still goes on from there.
    before: Option<NonZeroU64>,
    /// Ticks of the stream up to there.
    heard: u64,
    /// For so many ticks it was held back.
    held_back: u64,
    /// What came last before there was the end of a stretch, or not for this listener: if nothing follows, nothing is late.
    ended: bool,
}

// SAFETY: `state` is touched by the listener's write hook alone (the contracts of the functions below).
unsafe impl Sync for Subscription {}

impl Subscription {
    /// From the newest frame on. `since`: the plan that will be the first to grant it. `open`: where an engine-mixed room has what the
    /// speaker says openly.
    pub fn new(speaker: u64, stream: Arc<PrivateStream>, since: u64, open: Option<Arc<Input>>) -> Self {
        Self {
            speaker,
            since,
            until: AtomicU64::new(u64::MAX),
            cursor: AtomicU64::new(stream.head()),
            playing: AtomicU64::new(0),
            state: UnsafeCell::new(State { heard: stream.ticks(), ..State::default() }),
            stream,
            open,
        }
    }

    /// The plan since which the listener may hear the speaker without a break.
    pub fn since(&self) -> u64 {
        self.since
    }

    /// Handle of the speaker.
    pub fn speaker(&self) -> u64 {
        self.speaker
    }

    /// [control] Plan `plan` is the first under which the listener may not hear the speaker. To be called before any hook can load that
    /// plan: then a write hook that found a frame of it finds this too, whatever plan it acts on itself.
    pub fn close(&self, plan: u64) {
        self.until.fetch_min(plan - 1, Ordering::SeqCst);
    }

    /// Number of the last plan under which the listener may hear the speaker.
    #[cfg(test)]
    pub fn until(&self) -> u64 {
        self.until.load(Ordering::SeqCst)
    }

    /// Whether no plan has broken the pair.
    #[cfg(test)]
    pub fn open(&self) -> bool {
        self.until() == u64::MAX
    }

    /// Nothing to play.
    pub fn idle(&self) -> bool {
        self.cursor.load(Ordering::Acquire) == self.stream.head() && self.playing.load(Ordering::Relaxed) == 0
    }

    /// See [`Playout::tail`].
    ///
    /// # Safety
    /// The caller is inside the listener's write gate.
    pub unsafe fn tail(&self) -> [i32; 2] {
        // SAFETY: the state is the listener's, inside whose write gate the caller is.
        unsafe { &*self.state.get() }.playout.tail()
    }

    /// See [`Playout::play_direct`].
    ///
    /// # Safety
    /// The caller is inside the listener's write gate.
    pub unsafe fn play_direct(&self, frame: &mut [i16], (to, whole): (Format, u64), counts: &Counts) -> bool {
        // SAFETY: the caller is inside the listener's write gate.
        unsafe {
            self.play_one_direct(frame, to)
                || self.with_reader(|playout, reader| playout.play_direct(reader, frame, (to, whole), counts))
        }
    }

    /// The same where the one packet that is queued is as long as the frame. `false`, and nothing done, if it is not so.
    ///
    /// # Safety
    /// The caller is inside the listener's write gate.
    unsafe fn play_one_direct(&self, frame: &mut [i16], to: Format) -> bool {
        // SAFETY: the state is the listener's, inside whose write gate the caller is.
        let state = unsafe { &mut *self.state.get() };
        let at = self.cursor.load(Ordering::Relaxed);
        let head = self.stream.head();
        if at == head || state.used > 0 || state.ended || frame.len() > ONE {
            return false;
        }
        let Some(packet) = self.stream.packet(at) else { return false };
        let fits = packet.next == head && packet.format == Some(to) && packet.samples == to.a_channel(frame.len());
        let mut samples = [MaybeUninit::uninit(); ONE];
        if !fits
            || !packet.stamp.may_reach(self.since, self.until.load(Ordering::Acquire))
            || !state.playout.can_play_one_direct(to, packet.samples)
            || self.stream.copy(packet.data, &mut samples[..frame.len()]).is_none()
        {
            return false;
        }
        // SAFETY: `copy` has filled it so far.
        let samples = unsafe { samples[..frame.len()].assume_init_mut() };
        sum::add_saturating(samples, frame);
        state.playout.played_one_direct(to, packet.samples, last(samples, to.channels()));
        state.before = NonZeroU64::new(at + 1);
        state.heard += to.ticks(packet.samples);
        self.playing.store(1, Ordering::Relaxed);
        self.cursor.store(packet.next, Ordering::Release); // who reads it knows what is left to play: see `idle`
        true
    }

    /// Adds what is due to the listener, whose `handoff` has the mixes of other rates.
    ///
    /// # Safety
    /// The caller is inside the listener's write gate.
    pub unsafe fn play(
        &self,
        sum: &mut [i32],
        (to, whole): (Format, u64),
        counts: &Counts,
        mix: Option<(&Bus, MixPosition)>,
        handoff: &Handoff,
    ) -> Played {
        // SAFETY: the state is the listener's, inside whose write gate the caller is.
        let held_back = unsafe { self.holds_back(to.ticks(to.a_channel(sum.len())), mix) };
        // SAFETY: the state and the handoff are the listener's, inside whose write gate the caller is.
        unsafe {
            self.with_reader(|playout, reader| {
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
    pub unsafe fn replay(&self, mix: &mut RateMix) {
        // SAFETY: the caller is inside the listener's write gate.
        unsafe { self.with_reader(|playout, reader| playout.replay(reader, mix)) }
    }

    /// Whether a stretch of private speech has to wait for one more frame: a listener that has come so far in the room's mix has not
    /// heard there yet what the speaker said openly before it. It waits no longer than that takes.
    ///
    /// # Safety
    /// The caller is inside the listener's write gate.
    unsafe fn holds_back(&self, frame: u64, mix: Option<(&Bus, MixPosition)>) -> bool {
        let (Some(open), Some((bus, place))) = (&self.open, mix) else { return false };
        // SAFETY: the state is the listener's, inside whose write gate the caller is.
        let state = unsafe { &mut *self.state.get() };
        if state.playout.playing() {
            return false;
        }
        if state.held_back < 2 * bus.tick_length() + MAX_FRAME_MS * TICKS_PER_MS && !place.has_passed(open, bus) {
            state.held_back += frame;
            return true;
        }
        state.playout.hold_back(std::mem::take(&mut state.held_back));
        false
    }

    /// # Safety
    /// The caller is inside the listener's write gate.
    unsafe fn with_reader<R>(&self, action: impl FnOnce(&mut Playout, &mut StreamReader) -> R) -> R {
        // SAFETY: the state is the listener's, inside whose write gate the caller is.
        let State { playout, used, before, heard, ended, .. } = unsafe { &mut *self.state.get() };
        let at = self.cursor.load(Ordering::Relaxed);
        let mut reader = StreamReader {
            stream: &self.stream,
            since: self.since,
            until: &self.until,
            at,
            used: *used,
            before: *before,
            heard: *heard,
            ended: *ended,
            packet: None,
            held_back: false,
        };
        let result = action(playout, &mut reader);
        self.playing.store(u64::from(!playout.idle()), Ordering::Relaxed);
        self.cursor.store(reader.at, Ordering::Release); // who reads it knows what is left to play: see `idle`
        (*used, *before, *heard, *ended) = (reader.used, reader.before, reader.heard, reader.ended);
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::lockfree::{handoff::WorkFlag, private_stream::Stamp};

    const SAMPLES: usize = 160;

    /// What the listener hears at the end of a frame: past any fade.
    fn hears(subscription: &Subscription) -> i32 {
        let (mut sum, format) = ([0; SAMPLES], Format::new(8_000, 1).expect("a format"));
        let handoff = Handoff::new(WorkFlag::default());
        // SAFETY: nobody else has this subscription.
        unsafe { subscription.play(&mut sum, (format, format.ticks(SAMPLES)), &Counts::default(), None, &handoff) };
        sum[SAMPLES - 1]
    }

    /// A listener may act on a plan that grants a pair when the speaker acts on one already that does not.
    #[test]
    fn a_frame_of_a_plan_that_broke_the_pair_is_not_heard() {
        let stream = Arc::new(PrivateStream::new().expect("memory"));
        let push = |captured: u64, value: i16| {
            let stamp = Stamp { captured, floor: captured };
            stream.push(stamp, Format::new(8_000, 1).expect("a format"), &[value; SAMPLES]);
        };
        let subscription = Subscription::new(1, stream.clone(), 3, None);
        push(3, 100);
        push(7, 200);
        assert_eq!(
            [hears(&subscription), hears(&subscription)],
            [100, 200],
            "plans that leave the pair as it is do not matter"
        );
        push(7, 300);
        subscription.close(8);
        push(8, 400);
        assert_eq!(hears(&subscription), 300, "that was said before");
        assert_eq!([hears(&subscription), hears(&subscription)], [0, 0], "and the next was not");
    }

    #[test]
    fn what_was_said_before_the_listener_was_in_the_audience_is_passed_over() {
        let stream = Arc::new(PrivateStream::new().expect("memory"));
        let push = |floor: u64, value: i16| {
            stream.push(Stamp { captured: 5, floor }, Format::new(8_000, 1).expect("a format"), &[value; SAMPLES]);
        };
        let subscription = Subscription::new(1, stream.clone(), 4, None);
        push(3, 100); // guarded: for who was there since plan 3
        push(4, 200);
        assert_eq!([hears(&subscription), hears(&subscription)], [200, 0]);
    }

    /// A stream that plays on evenly takes a shorter way, packet by packet: each is gated there too.
    #[test]
    fn the_short_way_gives_nothing_that_is_not_for_the_listener() {
        let format = Format::new(8_000, 1).expect("a format");
        let not_for_it: [(&str, Stamp, bool); 2] = [
            ("guarded, for who was there before", Stamp { captured: 5, floor: 3 }, false),
            ("of the plan that broke the pair", Stamp { captured: 8, floor: 8 }, true),
        ];
        for (what, stamp, closes) in not_for_it {
            let stream = Arc::new(PrivateStream::new().expect("memory"));
            let subscription = Subscription::new(1, stream.clone(), 4, None);
            let push = |stamp, value: i16| stream.push(stamp, format, &[value; SAMPLES]);
            let mine = Stamp { captured: 5, floor: 5 };
            push(mine, 100);
            assert_eq!(hears(&subscription), 100);
            let mut frame = [0; SAMPLES];
            push(mine, 200);
            // SAFETY: nobody else has this subscription.
            assert!(unsafe { subscription.play_one_direct(&mut frame, format) }, "one packet, as long as the frame");
            assert_eq!(frame, [200; SAMPLES]);
            if closes {
                subscription.close(8);
            }
            push(stamp, 300);
            // SAFETY: nobody else has this subscription.
            let played =
                unsafe { subscription.play_direct(&mut frame, (format, format.ticks(SAMPLES)), &Counts::default()) };
            assert_eq!((played, frame), (false, [200; SAMPLES]), "{what}: nothing is added");
        }
    }
}
