//! One member on the audio plane: its read hook and its write hook.

use std::{cell::UnsafeCell, mem::MaybeUninit, sync::Arc};

use smallvec::SmallVec;

use super::{
    bus::Mix,
    convert::{Conversion, Mailbox},
    counters::Counts,
    fade::Fade,
    format::{Format, Frame, MAX_FRAME, remix},
    input::Input,
    mailbox::Bell,
    plan::{Hearing, Seat, Speech},
    player::Player,
    sum,
    voice::{Stamp, Voice},
};
use crate::sync::{AtomicPtr, AtomicU64, Ordering};

/// What a hook did to the frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing.
    Left,
    /// It holds something else now.
    Changed,
    /// Private speech was taken out.
    Taken,
    /// The format is none that Coach handles, and the frame is nobody's secret.
    UnknownLeft,
    /// The format is none that Coach handles: make the frame silent.
    UnknownSilenced,
}

/// Opening guards that run at once; a further one joins the last (which then opens later, never earlier).
const GUARDS: usize = 8;

/// A member. Made by the control plane, found by its hooks through its slot.
pub struct Member {
    seat: AtomicPtr<Seat>,
    read: UnsafeCell<Reading>,
    write: UnsafeCell<Writing>,
    read_box: Arc<Mailbox>,
    write_box: Arc<Mailbox>,
    /// Whether some of its hook calls are timed.
    pub timed: bool,
    /// What the read hook counts.
    pub read_counts: Counts,
    /// What the write hook counts.
    pub write_counts: Counts,
    /// Format of the last frame of each hook, as a code.
    read_format: AtomicU64,
    write_format: AtomicU64,
    /// The last opening that the read hook has met.
    guard_seen: AtomicU64,
    /// Ticks until the last guard opens, and the lowest floor of those that run.
    guard_left: AtomicU64,
    guard_floor: AtomicU64,
}

/// The read hook's own.
#[derive(Default)]
struct Reading {
    /// The plan under which the last frame was left as it is and nothing was going on: so is the next one of that format.
    steady: u64,
    guards: SmallVec<[Guard; GUARDS]>,
    guard_seen: u64,
    fade: Fade,
    format: Option<Format>,
    /// The last open sample, if the last frame was open.
    open: Option<[i32; 2]>,
    /// The voice that the last frame went into, by address.
    voice: usize,
    /// [`Seat::entered`] of the last frame that went into a mix.
    entered: u64,
}

/// An opening guard that is running.
struct Guard {
    floor: u64,
    left: u64,
}

/// What is told of a read hook's guards.
pub struct GuardState {
    /// The plan of the last opening that it has met.
    pub seen: u64,
    /// Ticks until the last guard opens.
    pub left: u64,
    /// The lowest floor of those that run; all ones without.
    pub floor: u64,
}

/// The write hook's own.
#[derive(Default)]
struct Writing {
    /// As in [`Reading`].
    steady: u64,
    number: u64,
    format: Option<Format>,
    /// What all private voices together amounted to at the end of the last frame.
    tails: [i32; 2],
    /// Fades out voices that were taken away.
    fade: Fade,
    mix: Player,
    /// [`Seat::entered`] of the room whose mix it listens to, 0 for none; and how far it has come.
    entered: u64,
    at: u64,
}

// SAFETY: `read` and `write` are touched inside the gate of their hook alone (the contracts of `read` and `write`).
unsafe impl Sync for Member {}

impl Member {
    /// With its first seat; the caller keeps the plan that it is of.
    pub fn new(seat: *const Seat, bell: &Bell, timed: bool) -> Self {
        Self {
            seat: AtomicPtr::new(seat.cast_mut()),
            read: UnsafeCell::default(),
            write: UnsafeCell::default(),
            read_box: Arc::new(Mailbox::new(bell.clone())),
            write_box: Arc::new(Mailbox::new(bell.clone())),
            timed,
            read_counts: Counts::default(),
            write_counts: Counts::default(),
            read_format: AtomicU64::new(0),
            write_format: AtomicU64::new(0),
            guard_seen: AtomicU64::new(0),
            guard_left: AtomicU64::new(0),
            guard_floor: AtomicU64::new(u64::MAX),
        }
    }

    /// [control] Hooks that begin from now on act on `seat`. The caller keeps the old plan until those inside have left.
    pub fn publish(&self, seat: &Seat) {
        self.seat.store(std::ptr::from_ref(seat).cast_mut(), Ordering::SeqCst);
    }

    /// How the read hook's guards stand.
    pub fn guard(&self) -> GuardState {
        GuardState {
            seen: self.guard_seen.load(Ordering::Acquire),
            left: self.guard_left.load(Ordering::Relaxed),
            floor: self.guard_floor.load(Ordering::Relaxed),
        }
    }

    /// Formats of the last frame read and written.
    pub fn formats(&self) -> (Option<Format>, Option<Format>) {
        let read = Format::from_code(self.read_format.load(Ordering::Relaxed));
        (read, Format::from_code(self.write_format.load(Ordering::Relaxed)))
    }

    /// Where its hooks get their converters from.
    pub fn mailboxes(&self) -> [&Arc<Mailbox>; 2] {
        [&self.read_box, &self.write_box]
    }

    fn seat(&self) -> &Seat {
        // SAFETY: a seat that was published is kept until the calls that were inside the gates then have left; this call
        // entered before it loads.
        unsafe { &*self.seat.load(Ordering::SeqCst) }
    }

    /// The read hook; `Err` is a frame of unknown format.
    ///
    /// # Safety
    /// The caller is inside this member's read gate.
    pub unsafe fn read(&self, frame: Result<Frame, ()>) -> Outcome {
        let seat = self.seat();
        // SAFETY: the caller's promise.
        let side = unsafe { &mut *self.read.get() };
        if let Ok(frame) = &frame
            && side.steady == seat.number
            && side.format == Some(frame.format)
        {
            self.read_counts.frames.add(1);
            side.open = Some(ends(frame).1);
            return Outcome::Left;
        }
        side.steady = 0;
        if seat.opening.plan != side.guard_seen {
            self.open_guard(side, seat);
        }
        let floor = side.guards.iter().map(|guard| guard.floor).min();
        let open = matches!(seat.speech, Speech::Open | Speech::Pass) && floor.is_none();
        let mixed = seat.input.is_some() && seat.speech != Speech::Pass;
        let Ok(mut frame) = frame else {
            return if open && !mixed { Outcome::UnknownLeft } else { Outcome::UnknownSilenced };
        };
        self.read_counts.frames.add(1);
        if side.format != Some(frame.format) {
            side.format = Some(frame.format);
            side.fade = Fade::default();
            side.open = side.open.map(|_| [0, 0]);
            self.read_format.store(frame.format.code(), Ordering::Relaxed);
        }
        if open {
            self.end_voice(side, seat);
            // SAFETY: the caller's promise.
            return unsafe { self.read_open(side, seat, &mut frame) };
        }
        if let Some(input) = &seat.input {
            input.expect(0);
        }
        let voice = seat.voice.as_ref().filter(|_| seat.speech != Speech::Silent);
        if let Some(voice) = voice {
            let stamp = Stamp { captured: seat.number, floor: floor.unwrap_or(seat.number) };
            side.voice = Arc::as_ptr(voice) as usize;
            voice.push(stamp, frame.format, frame.data);
            self.read_counts.private.add(1);
        } else {
            self.end_voice(side, seat);
        }
        if floor.is_some() {
            self.run_guards(side, frame.ticks()); // once the frame is in the ring: see `guard`
        }
        if let Some(last) = side.open.take()
            && !mixed
        {
            side.fade.step(last, frame.format);
        }
        frame.data.fill(0);
        if side.fade.active() {
            fade(&mut side.fade, &mut frame);
        }
        if floor.is_none() && !seat.private {
            return Outcome::Changed;
        }
        Outcome::Taken
    }

    /// Open speech: left where the host mixes, put into the room where the engine does.
    ///
    /// # Safety
    /// As [`Member::read`].
    #[inline]
    unsafe fn read_open(&self, side: &mut Reading, seat: &Seat, frame: &mut Frame) -> Outcome {
        if let Some(input) = seat.input.as_ref().filter(|_| seat.speech == Speech::Open) {
            let anew = side.open.replace([0, 0]).is_none() || side.entered != seat.entered;
            side.entered = seat.entered;
            // SAFETY: the caller's promise.
            unsafe { self.enter_mix(input, frame, anew) };
            frame.data.fill(0);
            return Outcome::Changed;
        }
        let (first, last) = ends(frame);
        // The first frame of all follows nothing.
        let silent_before = side.open.is_none() && self.read_counts.frames.get() > 1;
        side.open = Some(last);
        if silent_before {
            side.fade.step([-first[0], -first[1]], frame.format);
        }
        if !side.fade.active() {
            side.steady = seat.number;
            return Outcome::Left;
        }
        fade(&mut side.fade, frame);
        Outcome::Changed
    }

    /// Puts open speech into the room; `anew`: the member was not open before.
    ///
    /// # Safety
    /// As [`Member::read`].
    unsafe fn enter_mix(&self, input: &Input, frame: &mut Frame, anew: bool) {
        input.expect(frame.ticks());
        let (from, to) = (frame.format, input.format());
        let mut narrow = [0i16; 256];
        let Some(conversion) = Conversion::between(from, to) else {
            if from == to {
                return input.push(frame.data);
            }
            for groups in frame.data.chunks(128 * from.channels()) {
                let mut length = 0;
                for group in groups.chunks_exact(from.channels()) {
                    spread(group.iter().map(|s| i32::from(*s)), to.channels(), &mut narrow[length..]);
                    length += to.channels();
                }
                input.push(&narrow[..length]);
            }
            return;
        };
        // SAFETY: the mailbox is the read hook's, inside whose gate the caller is.
        let Some(converter) = (unsafe { self.read_box.take(conversion.code()) }) else {
            self.read_counts.waited.add(1);
            return;
        };
        if anew {
            converter.restart();
        }
        let channels = conversion.channels();
        let (mut wide, mut out) = ([0.0f32; 128], [0.0f32; 128]);
        for groups in frame.data.chunks(128 / 2 * from.channels()) {
            let count = groups.len() / from.channels();
            for (group, converted) in groups.chunks_exact(from.channels()).zip(wide.chunks_exact_mut(channels)) {
                remix(group, channels, |c, s| converted[c] = s as f32);
            }
            let mut input_left = &wide[..count * channels];
            loop {
                let (taken, given) = converter.run(input_left, &mut out);
                input_left = &input_left[taken..];
                let mut length = 0;
                for group in out[..given].chunks_exact(channels) {
                    spread(group.iter().map(|s| s.round() as i32), to.channels(), &mut narrow[length..]);
                    length += to.channels();
                }
                input.push(&narrow[..length]);
                if taken == 0 && given == 0 {
                    break;
                }
            }
        }
    }

    fn open_guard(&self, side: &mut Reading, seat: &Seat) {
        let opening = seat.opening;
        side.guard_seen = opening.plan;
        if opening.ticks > 0 && opening.plan > 0 {
            if side.guards.len() < GUARDS {
                side.guards.push(Guard { floor: opening.floor, left: opening.ticks });
            } else if let Some(last) = side.guards.last_mut() {
                *last = Guard { floor: last.floor.min(opening.floor), left: opening.ticks };
            }
            self.tell_guards(side);
        }
        self.guard_seen.store(opening.plan, Ordering::Release);
    }

    /// A frame that began inside a guard was guarded whole.
    fn run_guards(&self, side: &mut Reading, ticks: u64) {
        side.guards.retain(|guard| {
            guard.left = guard.left.saturating_sub(ticks);
            guard.left > 0
        });
        self.tell_guards(side);
    }

    fn tell_guards(&self, side: &Reading) {
        let floor = side.guards.iter().map(|guard| guard.floor).min().unwrap_or(u64::MAX);
        self.guard_floor.store(floor, Ordering::Relaxed);
        self.guard_left.store(side.guards.last().map_or(0, |guard| guard.left), Ordering::Relaxed);
    }

    /// Tells listeners that the stretch of private speech is over, if one was going on.
    fn end_voice(&self, side: &mut Reading, seat: &Seat) {
        if side.voice != 0
            && let Some(voice) = &seat.voice
            && Arc::as_ptr(voice) as usize == side.voice
        {
            Voice::end(voice, Stamp { captured: seat.number, floor: seat.number });
        }
        side.voice = 0;
    }

    /// The write hook; `Err` is a frame of unknown format.
    ///
    /// # Safety
    /// The caller is inside this member's write gate.
    pub unsafe fn write(&self, frame: Result<Frame, ()>) -> Outcome {
        let seat = self.seat();
        // SAFETY: the caller's promise.
        let side = unsafe { &mut *self.write.get() };
        if let Ok(frame) = &frame
            && side.steady == seat.number
            && side.format == Some(frame.format)
        {
            self.write_counts.frames.add(1);
            return Outcome::Left;
        }
        side.steady = 0;
        let Ok(frame) = frame else {
            return if seat.hearing == Hearing::Host { Outcome::UnknownLeft } else { Outcome::UnknownSilenced };
        };
        self.write_counts.frames.add(1);
        let same_format = side.format == Some(frame.format);
        if !same_format {
            (side.format, side.tails, side.fade) = (Some(frame.format), [0, 0], Fade::default());
            self.write_format.store(frame.format.code(), Ordering::Relaxed);
        }
        let listening = seat.bus.as_ref().filter(|_| seat.hearing == Hearing::Bus);
        if side.number != seat.number {
            side.number = seat.number;
            let entered = listening.map_or(0, |_| seat.entered);
            if side.entered != entered {
                (side.entered, side.mix) = (entered, Player::default());
                // From the tick that was just made, so that the first frame is not silent.
                side.at = listening.map_or(0, |bus| bus.ticks().saturating_sub(1) * bus.tick() as u64);
            }
            // What is missing from the sum of tails was a voice that this plan does not grant.
            // SAFETY: the links are this listener's, inside whose write gate the caller is.
            let now = unsafe { tails(seat, &side.mix) };
            if same_format {
                side.fade.step([side.tails[0] - now[0], side.tails[1] - now[1]], frame.format);
            }
        }
        let quiet = !side.fade.active() && seat.voices.iter().all(|link| link.idle());
        if seat.hearing == Hearing::Host && quiet {
            side.tails = [0, 0];
            side.steady = if seat.voices.is_empty() { seat.number } else { 0 };
            return Outcome::Left;
        }
        // SAFETY: as above.
        if unsafe { self.lay(side, seat, frame.data, frame.format) } {
            return Outcome::Changed;
        }
        let mut scratch = [const { MaybeUninit::uninit() }; MAX_FRAME];
        let sum = widen(&mut scratch, frame.data, seat.hearing == Hearing::Host);
        if let Some(bus) = listening {
            let mut mix = Mix { bus, own: seat.input.as_deref(), at: &mut side.at };
            // SAFETY: the mailbox is the write hook's, inside whose gate the caller is.
            unsafe { side.mix.play(&mut mix, &self.write_box, sum, frame.format, &self.write_counts) };
        }
        for link in &seat.voices {
            // SAFETY: as above.
            if unsafe { link.play(seat.number, sum, frame.format, &self.write_counts) } {
                self.write_counts.private.add(1);
            }
        }
        // SAFETY: as above.
        side.tails = unsafe { tails(seat, &side.mix) };
        side.fade.apply(sum, frame.format.channels());
        sum::limit(sum, frame.data);
        Outcome::Changed
    }

    /// The usual case, shorter: one voice, or the mix alone, and nothing that fades. `false` if it is not so.
    ///
    /// # Safety
    /// The caller is inside this member's write gate.
    unsafe fn lay(&self, side: &mut Writing, seat: &Seat, frame: &mut [i16], format: Format) -> bool {
        if side.fade.active() {
            return false;
        }
        let mut playing = seat.voices.iter().filter(|link| !link.idle());
        match (seat.hearing, &seat.bus, playing.next()) {
            (Hearing::Host, _, Some(link)) => {
                // SAFETY: the links are this listener's, inside whose write gate the caller is.
                if playing.next().is_some() || !unsafe { link.lay(seat.number, frame, format, &self.write_counts) } {
                    return false;
                }
                self.write_counts.private.add(1);
                // SAFETY: as above.
                side.tails = unsafe { link.tail() };
                true
            }
            (Hearing::Bus, Some(bus), None) => {
                let mut mix = Mix { bus, own: seat.input.as_deref(), at: &mut side.at };
                let laid = side.mix.lay(&mut mix, frame, format, &self.write_counts);
                if laid {
                    side.tails = side.mix.tail();
                }
                laid
            }
            _ => false,
        }
    }
}

/// What the listener is hearing of Coach at this moment, all voices together.
///
/// # Safety
/// The caller is inside the listener's write gate.
unsafe fn tails(seat: &Seat, mix: &Player) -> [i32; 2] {
    seat.voices.iter().fold(mix.tail(), |sum, link| {
        // SAFETY: the caller's promise.
        let tail = unsafe { link.tail() };
        [sum[0] + tail[0], sum[1] + tail[1]]
    })
}

/// The start of `scratch` as wide samples: those of `frame`, or zeros.
fn widen<'a>(scratch: &'a mut [MaybeUninit<i32>; MAX_FRAME], frame: &[i16], keep: bool) -> &'a mut [i32] {
    let scratch = &mut scratch[..frame.len()];
    if keep {
        sum::widen(frame, scratch);
    } else {
        scratch.fill(MaybeUninit::new(0));
    }
    // SAFETY: every element of the slice was written just now.
    unsafe { &mut *(std::ptr::from_mut(scratch) as *mut [i32]) }
}

/// The first and the last sample of a frame, for two channels; of mono twice the same.
fn ends(frame: &Frame) -> ([i32; 2], [i32; 2]) {
    let (data, channels) = (&*frame.data, frame.format.channels());
    let group = |at: usize| [i32::from(data[at]), i32::from(data[at + channels - 1])];
    (group(0), group(data.len() - channels))
}

/// Adds a fade to narrow samples, saturating.
fn fade(fade: &mut Fade, frame: &mut Frame) {
    let channels = frame.format.channels();
    for group in frame.data.chunks_exact_mut(channels) {
        if !fade.active() {
            return;
        }
        let mut wide = [0; 2];
        for (wide, sample) in wide.iter_mut().zip(&*group) {
            *wide = i32::from(*sample);
        }
        fade.apply(&mut wide[..channels], channels);
        for (sample, wide) in group.iter_mut().zip(wide) {
            *sample = sum::limited(wide);
        }
    }
}

/// One sample group into `out`, as `to` channels.
fn spread(group: impl Iterator<Item = i32>, to: usize, out: &mut [i16]) {
    let group: SmallVec<[i32; 2]> = group.collect();
    remix(&group, to, |c, s| out[c] = sum::limited(s));
}
