//! One listener's ear for one private stream: made when the listener enters the speaker's audience, dropped when it leaves it,
//! and with it all buffered and converted audio (promise 2).
//!
//! In a large room most of them never hear anything, so what is needed to play is theirs only once there is something to play: the
//! listener's write hook takes it from its spares.

use std::{ptr, sync::Arc};

use crate::{
    audio::{
        counters::Counts,
        format::Format,
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
    sync::{AtomicPtr, AtomicU64, Ordering},
};

/// So many private streams can be heard for the first time by one listener at the same moment. Others are passed over until the service has
/// made more spares.
pub const SPARES: usize = 8;

/// From where a write hook gets what it needs to play a stream that it has not played before.
pub type SparePlayouts = Spares<StreamPlayout, SPARES>;

/// What a member says privately during one stay in a room, as all have it who may hear it.
pub struct Voice {
    /// Handle of the speaker, for the control plane.
    pub speaker: u64,
    pub stream: Arc<PrivateStream>,
    /// Engine-mixed: where the speaker's open speech goes.
    pub open: Option<Arc<Input>>,
}

/// The pair. Shared by the plans that grant it; how it is played belongs to the listener's write hook.
pub struct Subscription {
    voice: triomphe::Arc<Voice>,
    /// Number of the plan since which the listener may hear the speaker without a break.
    since: u64,
    /// Number of the last plan under which it may.
    until: AtomicU64,
    /// A [`StreamPlayout`] that came from a Box, once the write hook has taken one. Until then an address with [`UNPLAYED`]: the rest of
    /// it is the position in the stream up to which the listener has come.
    place: AtomicPtr<StreamPlayout>,
}

/// Positions in a stream are even, and so is every address of a playout.
const UNPLAYED: usize = 1;

const _: () = assert!(size_of::<usize>() == size_of::<u64>() && align_of::<StreamPlayout>() > UNPLAYED);

// SAFETY: the playout is used by the listener's write hook alone (the contracts of the functions below).
unsafe impl Sync for Subscription {}
// SAFETY: what it owns may be sent.
unsafe impl Send for Subscription {}

/// How far a listener has come in a stream.
enum Place<'a> {
    /// It has played nothing of it, and has come to this position.
    Unplayed(u64),
    Playing(&'a StreamPlayout),
}

fn unplayed(position: u64) -> *mut StreamPlayout {
    ptr::without_provenance_mut(position as usize | UNPLAYED)
}

impl Subscription {
    /// From the newest frame on. `since`: the plan that will be the first to grant it.
    pub fn new(voice: triomphe::Arc<Voice>, since: u64) -> Self {
        let place = AtomicPtr::new(unplayed(voice.stream.head()));
        Self { voice, since, until: AtomicU64::new(u64::MAX), place }
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

    #[inline(always)]
    fn place(&self) -> Place<'_> {
        let place = self.place.load(Ordering::Acquire);
        if place.addr() & UNPLAYED != 0 {
            return Place::Unplayed((place.addr() & !UNPLAYED) as u64);
        }
        // SAFETY: every other address came from a Box, and stays until the subscription is dropped.
        Place::Playing(unsafe { &*place })
    }

    /// The playout, if there is one.
    #[inline(always)]
    fn playout(&self) -> Option<&StreamPlayout> {
        match self.place() {
            Place::Playing(playout) => Some(playout),
            Place::Unplayed(_) => None,
        }
    }

    /// Nothing to play.
    #[inline(always)]
    pub fn idle(&self) -> bool {
        match self.place() {
            Place::Unplayed(position) => position == self.voice.stream.head(),
            Place::Playing(playout) => playout.idle(&self.voice.stream),
        }
    }

    #[inline(always)]
    fn access(&self) -> Access<'_> {
        Access { stream: &self.voice.stream, since: self.since, until: &self.until }
    }

    /// What is needed to play the stream; if it is not there yet, what came until now is passed over.
    ///
    /// # Safety
    /// The caller is inside the listener's write gate.
    unsafe fn begin(&self, from: u64, spares: Option<&SparePlayouts>) -> Option<&StreamPlayout> {
        let Some(spare) = spares.and_then(Spares::take) else {
            self.place.store(unplayed(self.voice.stream.head()), Ordering::Release);
            return None;
        };
        // SAFETY: it came from a Box and is the caller's now; nobody else knows it before it is stored here.
        let playout = unsafe { &mut *spare.as_ptr() };
        playout.begin(&self.voice.stream, from);
        self.place.store(spare.as_ptr(), Ordering::Release);
        Some(playout)
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
        let playout = self.playout().filter(|playout| !playout.idle(&self.voice.stream))?;
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
        let playout = match self.place() {
            Place::Playing(playout) => Some(playout),
            Place::Unplayed(position) if position == self.voice.stream.head() => return Played::Nothing,
            // SAFETY: the caller is inside the listener's write gate.
            Place::Unplayed(position) => unsafe { self.begin(position, spares) },
        };
        let Some(playout) = playout else { return Played::Waits };
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
        if let Place::Playing(playout) = self.place() {
            // SAFETY: it came from a Box, and nobody has the subscription any more.
            drop(unsafe { Box::from_raw(ptr::from_ref(playout).cast_mut()) });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::lockfree::{handoff::WorkFlag, private_stream::Stamp};

    const SAMPLES: usize = 160;

    fn subscribed(stream: &Arc<PrivateStream>, since: u64) -> Subscription {
        Subscription::new(triomphe::Arc::new(Voice { speaker: 1, stream: stream.clone(), open: None }), since)
    }

    fn format() -> Format {
        Format::new(8_000, 1).expect("a format")
    }

    /// What is played into a frame, and what the listener hears at its end: past any fade.
    fn plays(subscription: &Subscription, spares: Option<&SparePlayouts>) -> (Played, i32) {
        let (mut sum, handoff) = ([0; SAMPLES], Handoff::new(WorkFlag::default()));
        let whole = (format(), format().ticks(SAMPLES));
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
        let stream = Arc::new(PrivateStream::new().expect("memory"));
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
        let stream = Arc::new(PrivateStream::new().expect("memory"));
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
            let stream = Arc::new(PrivateStream::new().expect("memory"));
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
                unsafe { subscription.play_direct(&mut frame, (format, format.ticks(SAMPLES)), &Counts::default()) };
            assert_eq!((played, frame), (None, [200; SAMPLES]), "{what}: nothing is added");
        }
    }

    /// What comes while there is nothing to play it with is lost, so that what follows is heard at its time.
    #[test]
    fn a_stream_that_has_to_wait_for_a_playout_is_passed_over_until_there_is_one() {
        let stream = Arc::new(PrivateStream::new().expect("memory"));
        let push = |value: i16| stream.push(Stamp { captured: 5, floor: 5 }, format(), &[value; SAMPLES]);
        let (subscription, spares) = (subscribed(&stream, 4), SparePlayouts::new(WorkFlag::default()));
        assert!(plays(&subscription, Some(&spares)) == (Played::Nothing, 0), "nothing was said");
        for value in [100, 200] {
            push(value);
            assert!(!subscription.idle());
            assert!(plays(&subscription, Some(&spares)) == (Played::Waits, 0));
            assert!(subscription.idle(), "it is passed over");
        }
        push(300);
        spares.fill(Box::default);
        assert!(plays(&subscription, Some(&spares)) == (Played::Something, 300));
        push(400);
        assert!(plays(&subscription, None) == (Played::Something, 400), "it has what it needs for good");
    }
}
