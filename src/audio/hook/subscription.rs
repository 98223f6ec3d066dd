//! One listener's ear for one private voice: made when the listener enters the speaker's audience, dropped when it leaves it,
//! and with it all buffered and converted audio (promise 2).

use std::{cell::UnsafeCell, mem::MaybeUninit, num::NonZeroU64, sync::Arc};

use crate::{
    audio::{
        counters::Counts,
        format::{Format, MAX_FRAME_MS, TICKS_PER_MS, last},
        lockfree::{
            handoff::Bell,
            private_stream::{Packet, Voice},
        },
        mix::{
            bus::{Bus, Place},
            input::Input,
        },
        playout::{
            playout::{CHUNK, Due, Player, Source},
            resample::{Conversion, Mailbox},
        },
        sum,
    },
    sync::{AtomicU64, Ordering},
};

/// The most interleaved samples of a frame that is taken whole: 20 ms of 48 kHz.
const ONE: usize = 960;

/// The pair. Shared by the plans that grant it; its state belongs to the listener's write hook.
pub struct Link {
    voice: Arc<Voice>,
    /// Handle of the speaker, for the control plane.
    speaker: u64,
    /// Number of the plan since which the listener may hear the speaker without a break.
    since: u64,
    /// Number of the last plan under which it may.
    until: AtomicU64,
    /// Position in the voice up to which the listener has come.
    cursor: AtomicU64,
    /// 1 while something is left to play that has left the voice: in a converter, or a fade.
    playing: AtomicU64,
    /// Engine-mixed: where the speaker's open speech goes.
    open: Option<Arc<Input>>,
    state: UnsafeCell<State>,
    mailbox: Arc<Mailbox>,
}

#[derive(Default)]
struct State {
    player: Player,
    /// Samples a channel of the packet at `cursor` that have been played.
    used: usize,
    /// Position of the packet that was played whole last, if it still goes on from there.
    before: Option<NonZeroU64>,
    /// Ticks of the voice up to there.
    heard: u64,
    /// For so many ticks it was held back.
    held_back: u64,
    /// What came last before there was the end of a stretch, or not for this listener: if nothing follows, nothing is late.
    ended: bool,
}

// SAFETY: `state` is touched by the listener's write hook alone (the contracts of the functions below).
unsafe impl Sync for Link {}

impl Link {
    /// From the newest frame on. `since`: the plan that will be the first to grant it. `open`: where an engine-mixed room has what the
    /// speaker says openly.
    pub fn new(speaker: u64, voice: Arc<Voice>, since: u64, bell: Bell, open: Option<Arc<Input>>) -> Self {
        Self {
            speaker,
            since,
            until: AtomicU64::new(u64::MAX),
            cursor: AtomicU64::new(voice.head()),
            playing: AtomicU64::new(0),
            state: UnsafeCell::new(State { heard: voice.ticks(), ..State::default() }),
            voice,
            open,
            mailbox: Arc::new(Mailbox::new(bell)),
        }
    }

    /// [control] What the two last spoke and heard in, so that the conversion is there when it is needed.
    pub fn expect(&self, speaker: Option<Format>, listener: Option<Format>) {
        if let (Some(from), Some(to)) = (speaker.map(Format::kept), listener)
            && let Some(conversion) = Conversion::between(from, to)
        {
            self.mailbox.expect(conversion.code());
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

    /// Where it gets its converter from.
    pub fn mailbox(&self) -> &Arc<Mailbox> {
        &self.mailbox
    }

    /// Nothing to play.
    pub fn idle(&self) -> bool {
        self.cursor.load(Ordering::Acquire) == self.voice.head() && self.playing.load(Ordering::Relaxed) == 0
    }

    /// See [`Player::tail`].
    ///
    /// # Safety
    /// The caller is inside the listener's write gate.
    pub unsafe fn tail(&self) -> [i32; 2] {
        // SAFETY: the caller's promise.
        unsafe { &*self.state.get() }.player.tail()
    }

    /// See [`Player::lay`].
    ///
    /// # Safety
    /// The caller is inside the listener's write gate.
    pub unsafe fn lay(&self, frame: &mut [i16], to: Format, counts: &Counts) -> bool {
        // SAFETY: the caller is inside the listener's write gate.
        unsafe { self.lay_one(frame, to) || self.with_queue(|player, queue| player.lay(queue, frame, to, counts)) }
    }

    /// The same where the one packet that is queued is as long as the frame. `false`, and nothing done, if it is not so.
    ///
    /// # Safety
    /// The caller is inside the listener's write gate.
    unsafe fn lay_one(&self, frame: &mut [i16], to: Format) -> bool {
        // SAFETY: the caller's promise.
        let state = unsafe { &mut *self.state.get() };
        let at = self.cursor.load(Ordering::Relaxed);
        let head = self.voice.head();
        if at == head || state.used > 0 || state.ended || frame.len() > ONE {
            return false;
        }
        let Some(packet) = self.voice.packet(at) else { return false };
        let fits = packet.next == head && packet.format == Some(to) && packet.samples == to.a_channel(frame.len());
        let mut samples = [MaybeUninit::uninit(); ONE];
        if !fits
            || !packet.stamp.may_reach(self.since, self.until.load(Ordering::Acquire))
            || !state.player.lays_one(to, packet.samples)
            || self.voice.copy(packet.data, &mut samples[..frame.len()]).is_none()
        {
            return false;
        }
        // SAFETY: `copy` has filled it so far.
        let samples = unsafe { samples[..frame.len()].assume_init_mut() };
        sum::add_limited(samples, frame);
        state.player.laid_one(to, packet.samples, last(samples, to.channels()));
        state.before = NonZeroU64::new(at + 1);
        state.heard += to.ticks(packet.samples);
        self.playing.store(1, Ordering::Relaxed);
        self.cursor.store(packet.next, Ordering::Release); // who reads it knows what is left to play: see `idle`
        true
    }

    /// Adds what is due to the listener; whether there was any.
    ///
    /// # Safety
    /// The caller is inside the listener's write gate.
    pub unsafe fn play(&self, sum: &mut [i32], to: Format, counts: &Counts, mix: Option<(&Bus, Place)>) -> bool {
        // SAFETY: the caller's promise.
        if unsafe { self.holds_back(to.ticks(to.a_channel(sum.len())), mix) } {
            return false;
        }
        // SAFETY: passed on; the mailbox is the write hook's.
        unsafe { self.with_queue(|player, queue| player.play(queue, &self.mailbox, sum, to, counts)) }
    }

    /// Whether a stretch of private speech has to wait for one more frame: a listener that has come so far in the room's mix has not
    /// heard there yet what the speaker said openly before it. It waits no longer than that takes.
    ///
    /// # Safety
    /// The caller is inside the listener's write gate.
    unsafe fn holds_back(&self, frame: u64, mix: Option<(&Bus, Place)>) -> bool {
        let (Some(open), Some((bus, place))) = (&self.open, mix) else { return false };
        // SAFETY: the caller's promise.
        let state = unsafe { &mut *self.state.get() };
        if state.player.playing() {
            return false;
        }
        if state.held_back < 2 * bus.tick_length() + MAX_FRAME_MS * TICKS_PER_MS && !place.has_passed(open, bus) {
            state.held_back += frame;
            return true;
        }
        state.player.hold_back(std::mem::take(&mut state.held_back));
        false
    }

    /// # Safety
    /// The caller is inside the listener's write gate.
    unsafe fn with_queue<R>(&self, action: impl FnOnce(&mut Player, &mut Queue) -> R) -> R {
        // SAFETY: the caller's promise.
        let State { player, used, before, heard, ended, .. } = unsafe { &mut *self.state.get() };
        let at = self.cursor.load(Ordering::Relaxed);
        let mut queue = Queue {
            voice: &self.voice,
            since: self.since,
            until: &self.until,
            at,
            used: *used,
            before: *before,
            heard: *heard,
            ended: *ended,
            packet: None,
        };
        let result = action(player, &mut queue);
        self.playing.store(u64::from(!player.idle()), Ordering::Relaxed);
        self.cursor.store(queue.at, Ordering::Release); // who reads it knows what is left to play: see `idle`
        (*used, *before, *heard, *ended) = (queue.used, queue.before, queue.heard, queue.ended);
        result
    }
}

/// The voice as this listener may hear it.
struct Queue<'a> {
    voice: &'a Voice,
    since: u64,
    until: &'a AtomicU64,
    at: u64,
    used: usize,
    before: Option<NonZeroU64>,
    heard: u64,
    ended: bool,
    /// The packet at `at`, if it was read already.
    packet: Option<Packet>,
}

impl Queue<'_> {
    /// Goes on by `samples` samples a channel of `packet`.
    fn pass(&mut self, packet: &Packet, samples: usize, heard: bool) {
        self.ended = !heard;
        self.used += samples;
        self.heard += packet.format.map_or(0, |format| format.ticks(samples));
        if self.used == packet.samples {
            self.before = NonZeroU64::new(self.at + 1).filter(|_| heard);
            (self.at, self.used, self.packet) = (packet.next, 0, None);
        }
    }

    /// Under which plan the pair ends. To be asked after a frame's stamp was read: who finds a frame of that plan or a later one finds
    /// the end as well ([`Link::close`]).
    fn until(&self) -> u64 {
        self.until.load(Ordering::Acquire)
    }

    /// The packet at `at`; `None` if the writer has overtaken it. What it holds was checked when it was read and stays so.
    fn packet(&mut self) -> Option<Packet> {
        if self.packet.is_none() {
            self.packet = self.voice.packet(self.at);
        }
        self.packet
    }
}

impl Source for Queue<'_> {
    type Sample = i16;

    fn due(&mut self) -> Due {
        let head = self.voice.head();
        let mut due = Due { format: None, samples: 0, beyond: 0, packet: 0, end: false, anew: false, lost: 0 };
        let mut at = self.at;
        while at != head {
            let Some(packet) = self.voice.packet(at) else {
                // Overtaken: whatever lies between is lost to this listener.
                let ticks = self.voice.ticks();
                let lost = ticks.saturating_sub(self.heard);
                (self.at, self.used, self.before, self.heard) = (head, 0, None, ticks);
                return Due { format: None, samples: 0, beyond: 0, packet: 0, end: false, anew: false, lost };
            };
            let until = self.until();
            let mine = packet.stamp.may_reach(self.since, until);
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
            let due_ticks = due.format.map_or(0, |format| format.ticks(due.samples));
            due.beyond = self.voice.ticks().saturating_sub(self.heard + due_ticks);
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

    // It was heard before, and so this listener may have it. As with every read of a voice, its stamp is asked all the same.
    fn back(&mut self, samples: usize) -> usize {
        let mut format = self.packet().filter(|_| self.used > 0).and_then(|packet| packet.format);
        let here = self.used.min(samples);
        self.used -= here;
        let mut back = here;
        if back < samples
            && let Some(at) = self.before
            && let Some(packet) = self.voice.packet(at.get() - 1)
            && packet.stamp.may_reach(self.since, self.until())
            && (format.is_none() || format == packet.format)
        {
            let there = packet.samples.min(samples - back);
            (self.at, self.used, self.before) = (at.get() - 1, packet.samples - there, None);
            self.packet = Some(packet);
            back += there;
            format = packet.format;
        }
        self.heard -= format.map_or(0, |format| format.ticks(back));
        back
    }

    fn take<'a>(&mut self, out: &'a mut [MaybeUninit<i16>]) -> Option<&'a mut [i16]> {
        let mut rest = &mut *out;
        while !rest.is_empty() {
            let packet = self.packet()?;
            let format = packet.format?;
            let here = ((packet.samples - self.used) * format.channels()).min(rest.len());
            let (now, later) = rest.split_at_mut(here);
            self.voice.copy(packet.data + (self.used * format.channels()) as u64, now)?;
            rest = later;
            self.pass(&packet, format.a_channel(here), true);
        }
        // SAFETY: `copy` filled one part of it after the other.
        Some(unsafe { out.assume_init_mut() })
    }

    fn lay(&mut self, frame: &mut [i16]) -> Option<[i32; 2]> {
        let channels = self.packet()?.format?.channels();
        let mut chunk = [MaybeUninit::uninit(); CHUNK];
        let samples = self.take(&mut chunk[..frame.len()])?;
        sum::add_limited(samples, frame);
        Some(last(samples, channels))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::lockfree::private_stream::Stamp;

    const SAMPLES: usize = 160;

    /// What the listener hears at the end of a frame: past any fade.
    fn hears(link: &Link) -> i32 {
        let mut sum = [0; SAMPLES];
        // SAFETY: nobody else has this link.
        unsafe { link.play(&mut sum, Format::new(8_000, 1).expect("a format"), &Counts::default(), None) };
        sum[SAMPLES - 1]
    }

    /// A listener may act on a plan that grants a pair when the speaker acts on one already that does not.
    #[test]
    fn a_frame_of_a_plan_that_broke_the_pair_is_not_heard() {
        let voice = Arc::new(Voice::new().expect("memory"));
        let push = |captured: u64, value: i16| {
            let stamp = Stamp { captured, floor: captured };
            voice.push(stamp, Format::new(8_000, 1).expect("a format"), &[value; SAMPLES]);
        };
        let link = Link::new(1, voice.clone(), 3, Bell::default(), None);
        push(3, 100);
        push(7, 200);
        assert_eq!([hears(&link), hears(&link)], [100, 200], "plans that leave the pair as it is do not matter");
        push(7, 300);
        link.close(8);
        push(8, 400);
        assert_eq!(hears(&link), 300, "that was said before");
        assert_eq!([hears(&link), hears(&link)], [0, 0], "and the next was not");
    }

    #[test]
    fn what_was_said_before_the_listener_was_in_the_audience_is_passed_over() {
        let voice = Arc::new(Voice::new().expect("memory"));
        let push = |floor: u64, value: i16| {
            voice.push(Stamp { captured: 5, floor }, Format::new(8_000, 1).expect("a format"), &[value; SAMPLES]);
        };
        let link = Link::new(1, voice.clone(), 4, Bell::default(), None);
        push(3, 100); // guarded: for who was there since plan 3
        push(4, 200);
        assert_eq!([hears(&link), hears(&link)], [200, 0]);
    }

    /// A voice that plays on evenly takes a shorter way, packet by packet: each is gated there too.
    #[test]
    fn the_short_way_gives_nothing_that_is_not_for_the_listener() {
        let format = Format::new(8_000, 1).expect("a format");
        let not_for_it: [(&str, Stamp, bool); 2] = [
            ("guarded, for who was there before", Stamp { captured: 5, floor: 3 }, false),
            ("of the plan that broke the pair", Stamp { captured: 8, floor: 8 }, true),
        ];
        for (what, stamp, closes) in not_for_it {
            let voice = Arc::new(Voice::new().expect("memory"));
            let link = Link::new(1, voice.clone(), 4, Bell::default(), None);
            let push = |stamp, value: i16| voice.push(stamp, format, &[value; SAMPLES]);
            let mine = Stamp { captured: 5, floor: 5 };
            push(mine, 100);
            assert_eq!(hears(&link), 100);
            let mut frame = [0; SAMPLES];
            push(mine, 200);
            // SAFETY: nobody else has this link.
            assert!(unsafe { link.lay_one(&mut frame, format) }, "one packet, as long as the frame");
            assert_eq!(frame, [200; SAMPLES]);
            if closes {
                link.close(8);
            }
            push(stamp, 300);
            // SAFETY: as above.
            let laid = unsafe { link.lay(&mut frame, format, &Counts::default()) };
            assert_eq!((laid, frame), (false, [200; SAMPLES]), "{what}: nothing is added");
        }
    }
}
