//! One listener's ear for one private stream: made when the listener enters the speaker's audience, dropped when it leaves it,
//! and with it all buffered and converted audio (promise 2).
//!
//! In a large room most of them never hear anything, so what is needed to play is theirs only once there is something to play: the
//! listener's write hook takes it from its spares.

use std::{ptr, sync::Arc};

use crate::{
    audio::{
        counters::Counts,
        format::{Format, UNITS_PER_MS},
        hook::{stream_playout::StreamPlayout, stream_reader::Access},
        lockfree::{private_stream::PrivateStream, spares::Spares},
        mix::{
            bus::{Bus, MixPosition},
            input::Input,
        },
        playout::{
            playout::{Handoff, Played},
            rate_mix::RateMix,
        },
    },
    sync::{AtomicPtr, AtomicU32, Ordering},
};

/// So many private streams can be heard for the first time by one listener at the same moment. Others are passed over until the service has
/// given each of them its own.
pub const SPARES: usize = 8;

/// From where a write hook gets what it needs to play a stream that it has not played before.
pub type SparePlayouts = Spares<StreamPlayout, SPARES>;

/// What a member says privately during one stay in a room, as all have it who may hear it.
pub struct Voice {
    /// Handle of the speaker, for the control plane.
    pub speaker: u64,
    pub stream: Arc<PrivateStream>,
    /// Units of the stream that came before.
    pub born: u64,
    /// Engine-mixed: where the speaker's open speech goes.
    pub open: Option<Arc<Input>>,
}

impl Voice {
    /// What is said from now on.
    pub fn new(speaker: u64, stream: Arc<PrivateStream>, open: Option<Arc<Input>>) -> Self {
        Self { speaker, born: stream.units(), stream, open }
    }
}

/// The pair. Shared by the plans that grant it; how it is played belongs to the listener's write hook.
pub struct Subscription {
    voice: triomphe::Arc<Voice>,
    /// Number of the plan since which the listener may hear the speaker without a break.
    since: u64,
    /// By how much the number of the plan that breaks the pair is higher; [`OPEN`] until there is one.
    broken_after: AtomicU32,
    /// So many ms of the voice came before.
    born: u32,
    /// A [`StreamPlayout`] that came from a Box, once the write hook has taken one. Until then an address with [`UNPLAYED`]: the rest of
    /// it is the position in the stream up to which the listener has come, with [`WAITS`] if it had to pass over what came before.
    progress: AtomicPtr<StreamPlayout>,
}

/// See `Subscription::broken_after`.
const OPEN: u32 = u32::MAX;

/// Positions in a stream are multiples of four, and so is every address of a playout.
const UNPLAYED: usize = 1;
/// See `Subscription::progress`.
const WAITS: usize = 2;

const _: () = assert!(size_of::<usize>() == size_of::<u64>() && align_of::<StreamPlayout>() > UNPLAYED + WAITS);

/// How far a listener has come in a stream.
enum Progress<'a> {
    /// It has played nothing of it, and has come to this position.
    Unplayed(u64),
    /// The same; and the service will give it what it needs to play.
    Waiting(u64),
    Playing(&'a StreamPlayout),
}

fn unplayed(position: u64) -> *mut StreamPlayout {
    ptr::without_provenance_mut(position as usize | UNPLAYED)
}

impl Subscription {
    /// From the newest frame on. `since`: the plan that will be the first to grant it.
    pub fn new(voice: triomphe::Arc<Voice>, since: u64) -> Self {
        let progress = AtomicPtr::new(unplayed(voice.stream.head()));
        let born = u32::try_from(voice.stream.units().saturating_sub(voice.born) / UNITS_PER_MS).unwrap_or(u32::MAX);
        Self { voice, since, broken_after: AtomicU32::new(OPEN), born, progress }
    }

    /// What it is of.
    pub fn voice(&self) -> &triomphe::Arc<Voice> {
        &self.voice
    }

    /// The plan since which the listener may hear the speaker without a break.
    pub fn since(&self) -> u64 {
        self.since
    }

    /// Handle of the speaker.
    pub fn speaker(&self) -> u64 {
        self.voice.speaker
    }

    /// [control] Plan `plan` is the first under which the listener may not hear the speaker. To be called before any hook can load that
    /// plan: then a write hook that found a frame of it finds this too, whatever plan it acts on itself.
    pub fn close(&self, plan: u64) {
        // Should there be more plans between, it ends too early: what is said last is heard less.
        let after = u32::try_from(plan.saturating_sub(self.since)).unwrap_or(OPEN).min(OPEN - 1);
        // Written by the control plane alone, one call at a time. `Release` is enough: who finds a frame of that plan has, by way of the
        // stream, seen all that was written before the plan was published.
        if after < self.broken_after.load(Ordering::Relaxed) {
            self.broken_after.store(after, Ordering::Release);
        }
    }

    /// Number of the last plan under which the listener may hear the speaker.
    #[cfg(test)]
    pub fn until(&self) -> u64 {
        self.access().until()
    }

    /// Whether no plan has broken the pair.
    #[cfg(test)]
    pub fn open(&self) -> bool {
        self.until() == u64::MAX
    }

    #[inline(always)]
    fn progress(&self) -> Progress<'_> {
        self.progress_of(self.progress.load(Ordering::Acquire))
    }

    #[inline(always)]
    fn progress_of(&self, progress: *mut StreamPlayout) -> Progress<'_> {
        let position = (progress.addr() & !(UNPLAYED | WAITS)) as u64;
        match progress.addr() & (UNPLAYED | WAITS) {
            // SAFETY: an address without a mark came from a Box, and stays until the subscription is dropped.
            0 => Progress::Playing(unsafe { &*progress }),
            UNPLAYED => Progress::Unplayed(position),
            _ => Progress::Waiting(position),
        }
    }

    /// The playout, if there is one.
    #[inline(always)]
    fn playout(&self) -> Option<&StreamPlayout> {
        let progress = self.progress.load(Ordering::Acquire);
        // SAFETY: an address without a mark came from a Box, and stays until the subscription is dropped.
        (progress.addr() & (UNPLAYED | WAITS) == 0).then(|| unsafe { &*progress })
    }

    /// Nothing to play.
    #[inline(always)]
    pub fn idle(&self) -> bool {
        match self.progress() {
            Progress::Unplayed(position) | Progress::Waiting(position) => position == self.voice.stream.head(),
            Progress::Playing(playout) => playout.idle(&self.voice.stream),
        }
    }

    #[inline(always)]
    fn access(&self) -> Access<'_> {
        Access { stream: &self.voice.stream, since: self.since, broken_after: &self.broken_after }
    }

    /// What is needed to play the stream, which nobody else looks at yet; if there is none, what came until now is passed over.
    ///
    /// # Safety
    /// The caller is inside the listener's write gate.
    unsafe fn begin(&self, position: u64, spares: Option<&SparePlayouts>) -> Option<&StreamPlayout> {
        let Some(spare) = spares.and_then(Spares::take) else {
            self.progress.store(self.waiting(), Ordering::Release);
            spares.inspect(|spares| spares.wait());
            return None;
        };
        // SAFETY: it came from a Box and is the caller's now; nobody else knows it before it is stored below.
        unsafe { &mut *spare.as_ptr() }.begin(&self.voice.stream, position, self.first());
        self.progress.store(spare.as_ptr(), Ordering::Release);
        self.playout()
    }

    /// What came until now is passed over, unless the service has just given the pair what it needs.
    fn wait_on(&self, spares: Option<&SparePlayouts>) -> Option<&StreamPlayout> {
        let progress = self.progress.load(Ordering::Acquire);
        if progress.addr() & WAITS != 0 {
            let _ = self.progress.compare_exchange(progress, self.waiting(), Ordering::AcqRel, Ordering::Acquire);
            spares.inspect(|spares| spares.wait());
        }
        self.playout()
    }

    fn waiting(&self) -> *mut StreamPlayout {
        unplayed(self.voice.stream.head()).map_addr(|address| address | WAITS)
    }

    /// [control] Gives a pair that waits for it what it needs to play the stream.
    pub fn serve(&self) {
        let mut progress = self.progress.load(Ordering::Acquire);
        if progress.addr() & WAITS == 0 {
            return;
        }
        let mut playout = Box::<StreamPlayout>::default();
        while progress.addr() & WAITS != 0 {
            let Progress::Waiting(position) = self.progress_of(progress) else { return };
            playout.begin(&self.voice.stream, position, self.first());
            let given = Box::into_raw(playout);
            match self.progress.compare_exchange(progress, given, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return,
                // SAFETY: it came from a Box just now, and nobody has it.
                Err(now) => (playout, progress) = (unsafe { Box::from_raw(given) }, now),
            }
        }
    }

    /// Units of the stream that came before the pair was made.
    fn first(&self) -> u64 {
        self.voice.born + u64::from(self.born) * UNITS_PER_MS
    }

    /// See [`StreamPlayout::tail`].
    ///
    /// # Safety
    /// The caller is inside the listener's write gate.
    pub unsafe fn tail(&self) -> [i32; 2] {
        // SAFETY: the playout is the listener's, inside whose write gate the caller is.
        self.playout().map_or([0; 2], |playout| unsafe { playout.tail() })
    }

    /// See [`StreamPlayout::play_direct`].
    ///
    /// # Safety
    /// The caller is inside the listener's write gate.
    #[inline(always)]
    pub unsafe fn play_direct(&self, frame: &mut [i16], whole: (Format, u64), counts: &Counts) -> Option<[i32; 2]> {
        let playout = self.playout()?;
        // SAFETY: the playout is the listener's, inside whose write gate the caller is.
        unsafe { playout.play_direct(self.access(), frame, whole, counts) }
    }

    /// Adds what is due to the listener, whose `handoff` has the mixes of other rates, and which has these `spares`.
    ///
    /// # Safety
    /// The caller is inside the listener's write gate.
    pub unsafe fn play(
        &self,
        sum: &mut [i32],
        whole: (Format, u64),
        counts: &Counts,
        mix: Option<(&Bus, MixPosition)>,
        (handoff, spares): (&Handoff, Option<&SparePlayouts>),
    ) -> Played {
        let playout = match self.progress() {
            Progress::Playing(playout) => Some(playout),
            Progress::Unplayed(position) | Progress::Waiting(position) if position == self.voice.stream.head() => {
                return Played::Nothing;
            }
            // SAFETY: the caller is inside the listener's write gate.
            Progress::Unplayed(position) => unsafe { self.begin(position, spares) },
            Progress::Waiting(_) => self.wait_on(spares),
        };
        let Some(playout) = playout else { return Played::PassedOver };
        let mix = self.voice.open.as_deref().zip(mix);
        // SAFETY: the playout and the handoff are the listener's, inside whose write gate the caller is.
        unsafe { playout.play(self.access(), sum, whole, counts, mix, handoff) }
    }

    /// See [`StreamPlayout::replay`].
    ///
    /// # Safety
    /// The caller is inside the listener's write gate.
    pub unsafe fn replay(&self, mix: &mut RateMix) {
        if let Some(playout) = self.playout() {
            // SAFETY: the playout is the listener's, inside whose write gate the caller is.
            unsafe { playout.replay(self.access(), mix) };
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let progress = self.progress.load(Ordering::Acquire);
        if progress.addr() & (UNPLAYED | WAITS) == 0 {
            // SAFETY: an address without a mark came from a Box, and nobody has the subscription any more.
            drop(unsafe { Box::from_raw(progress) });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::lockfree::{handoff::WorkFlag, private_stream::Stamp};

    const SAMPLES: usize = 160;

    fn subscribed(stream: &Arc<PrivateStream>, since: u64) -> Subscription {
        Subscription::new(triomphe::Arc::new(Voice::new(1, stream.clone(), None)), since)
    }

    fn format() -> Format {
        Format::new(8_000, 1).expect("a format")
    }

    /// What is played into a frame, and what the listener hears at its end: past any fade.
    fn plays(subscription: &Subscription, spares: Option<&SparePlayouts>) -> (Played, i32) {
        let (mut sum, handoff) = ([0; SAMPLES], Handoff::new(WorkFlag::default()));
        let whole = (format(), format().units(SAMPLES));
        // SAFETY: nobody else has this subscription.
        let played = unsafe { subscription.play(&mut sum, whole, &Counts::default(), None, (&handoff, spares)) };
        (played, sum[SAMPLES - 1])
    }

    /// The same with spares.
    fn hears(subscription: &Subscription) -> i32 {
        let spares = SparePlayouts::new(WorkFlag::default());
        spares.fill(Box::default);
        plays(subscription, Some(&spares)).1
    }

    /// A listener may act on a plan that grants a pair when the speaker acts on one already that does not.
    #[test]
    fn a_frame_of_a_plan_that_broke_the_pair_is_not_heard() {
        let stream = Arc::new(PrivateStream::new(None).expect("memory"));
        let push = |captured: u64, value: i16| {
            let stamp = Stamp { captured, floor: captured };
            stream.push(stamp, Format::new(8_000, 1).expect("a format"), &[value; SAMPLES]);
        };
        let subscription = subscribed(&stream, 3);
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
        let stream = Arc::new(PrivateStream::new(None).expect("memory"));
        let push = |floor: u64, value: i16| {
            stream.push(Stamp { captured: 5, floor }, Format::new(8_000, 1).expect("a format"), &[value; SAMPLES]);
        };
        let subscription = subscribed(&stream, 4);
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
            let stream = Arc::new(PrivateStream::new(None).expect("memory"));
            let subscription = subscribed(&stream, 4);
            let push = |stamp, value: i16| stream.push(stamp, format, &[value; SAMPLES]);
            let mine = Stamp { captured: 5, floor: 5 };
            push(mine, 100);
            assert_eq!(hears(&subscription), 100);
            let mut frame = [0; SAMPLES];
            push(mine, 200);
            let playout = subscription.playout().expect("it plays");
            // SAFETY: nobody else has this subscription.
            let played = unsafe { playout.play_one_direct(subscription.access(), &mut frame, format) };
            assert_eq!(played, Some([200; 2]), "one packet, as long as the frame");
            assert_eq!(frame, [200; SAMPLES]);
            if closes {
                subscription.close(8);
            }
            push(stamp, 300);
            // SAFETY: nobody else has this subscription.
            let played =
                unsafe { subscription.play_direct(&mut frame, (format, format.units(SAMPLES)), &Counts::default()) };
            assert_eq!((played, frame), (None, [200; SAMPLES]), "{what}: nothing is added");
        }
    }

    /// What comes while there is nothing to play it with is lost, so that what follows is heard at its time.
    #[test]
    fn a_stream_that_has_to_wait_for_a_playout_is_passed_over_until_there_is_one() {
        let stream = Arc::new(PrivateStream::new(None).expect("memory"));
        let push = |value: i16| stream.push(Stamp { captured: 5, floor: 5 }, format(), &[value; SAMPLES]);
        let (subscription, spares) = (subscribed(&stream, 4), SparePlayouts::new(WorkFlag::default()));
        assert!(plays(&subscription, Some(&spares)) == (Played::Nothing, 0), "nothing was said");
        for value in [100, 200] {
            push(value);
            assert!(!subscription.idle());
            assert!(plays(&subscription, Some(&spares)) == (Played::PassedOver, 0));
            assert!(subscription.idle(), "it is passed over");
        }
        assert!(spares.waited());
        push(250);
        spares.fill(Box::default);
        assert!(plays(&subscription, Some(&spares)) == (Played::PassedOver, 0), "it waits for the service");
        subscription.serve();
        push(300);
        assert!(plays(&subscription, Some(&spares)) == (Played::Something, 300));
        push(400);
        assert!(plays(&subscription, None) == (Played::Something, 400), "it has what it needs for good");
    }

    /// The listener had no part in what was said before the pair was made.
    #[test]
    fn what_is_overtaken_counts_from_when_the_pair_was_made() {
        // Overtaken before anything is played, or after the first packet was.
        for plays_first in [false, true] {
            let stream = Arc::new(PrivateStream::new(None).expect("memory"));
            let push = || stream.push(Stamp { captured: 5, floor: 5 }, format(), &[100; SAMPLES]);
            let voice = triomphe::Arc::new(Voice::new(1, stream.clone(), None));
            (0..50).for_each(|_| push());
            let subscription = Subscription::new(voice, 4);
            push();
            if plays_first {
                hears(&subscription);
            }
            (1..1_000).for_each(|_| push());
            let (mut sum, counts, spares) = ([0; SAMPLES], Counts::default(), SparePlayouts::new(WorkFlag::default()));
            spares.fill(Box::default);
            let (whole, handoff) = ((format(), format().units(SAMPLES)), Handoff::new(WorkFlag::default()));
            // SAFETY: nobody else has this subscription.
            unsafe { subscription.play(&mut sum, whole, &counts, None, (&handoff, Some(&spares))) };
            let due = (1_000 - u64::from(plays_first)) * format().units(SAMPLES);
            assert_eq!(counts.skipped.get(), due, "plays first: {plays_first}");
        }
    }

    /// It keeps a hook's cost low: no 32-bit sum, no fade, no conversion.
    #[test]
    fn a_stream_that_plays_on_evenly_takes_the_short_way_in_packets_of_any_size() {
        for packets in [1, 2, 5] {
            let stream = Arc::new(PrivateStream::new(None).expect("memory"));
            let subscription = subscribed(&stream, 4);
            let push = |samples| stream.push(Stamp { captured: 5, floor: 5 }, format(), &vec![200; samples]);
            push(SAMPLES);
            assert_eq!(hears(&subscription), 200);
            for frame in 0..3 {
                (0..packets).for_each(|_| push(SAMPLES / packets));
                let (mut heard, whole) = ([0; SAMPLES], (format(), format().units(SAMPLES)));
                // SAFETY: nobody else has this subscription.
                let played = unsafe { subscription.play_direct(&mut heard, whole, &Counts::default()) };
                assert_eq!((played, heard), (Some([200; 2]), [200; SAMPLES]), "frame {frame} of {packets} packets");
            }
        }
    }
}
