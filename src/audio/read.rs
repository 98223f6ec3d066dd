//! The read hook: what a member said is left in the frame, put into the room's mix, or taken out for its audience alone.

use std::sync::Arc;

use smallvec::SmallVec;

use super::{
    convert::Conversion,
    fade::Fade,
    format::{Frame, Shape, remix},
    guard::Guards,
    hook::{Outcome, Steady, last},
    input::Input,
    member::Member,
    plan::{Seat, Speech},
    sum,
    voice::{Stamp, Voice},
};

/// The read hook's own. What every call needs comes first.
#[derive(Default)]
#[repr(C)]
pub struct Reading {
    steady: Steady,
    /// The last open sample, if the last frame was open.
    open: Option<[i32; 2]>,
    /// The voice that the last frame went into, by address.
    voice: usize,
    /// [`Seat::entered`] of the last frame that went into a mix.
    entered: u64,
    fade: Fade,
    guards: Guards,
}

impl Member {
    /// The read hook, for a frame of as many samples as `shape` says, or none if it cannot be one.
    ///
    /// # Safety
    /// The caller is inside this member's read gate.
    #[inline]
    pub unsafe fn read(&self, shape: Shape, data: &mut [i16]) -> Outcome {
        // SAFETY: the caller's promise.
        let (seat, side) = unsafe { self.read.enter() };
        if (Steady { plan: seat.number, shape }) == side.steady {
            self.read.counts.frames.add(1);
            side.open = Some(last(data, shape.channels as usize));
            return Outcome::Left;
        }
        side.steady = Steady::default();
        // SAFETY: the caller's promise.
        let outcome = unsafe { self.read_anew(side, seat, Frame::new(shape, data)) };
        if outcome == Outcome::Left {
            side.steady = Steady { plan: seat.number, shape };
        }
        outcome
    }

    /// The read hook where there may be something to do; `None` is a frame of unknown format.
    ///
    /// # Safety
    /// As [`Member::read`].
    #[inline(never)]
    unsafe fn read_anew(&self, side: &mut Reading, seat: &Seat, frame: Option<Frame>) -> Outcome {
        side.guards.meet(seat.opening, &self.guarded);
        let floor = side.guards.floor();
        let open = matches!(seat.speech, Speech::Open | Speech::Pass) && floor.is_none();
        let mixed = seat.input.is_some() && seat.speech != Speech::Pass;
        let Some(mut frame) = frame else {
            return if open && !mixed { Outcome::UnknownLeft } else { Outcome::UnknownSilenced };
        };
        self.read.counts.frames.add(1);
        if self.read.changes_to(frame.format) {
            side.fade = Fade::default();
            side.open = side.open.map(|_| [0, 0]);
            side.entered = 0; // a converter of this format may hold what was said before
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
            self.read.counts.private.add(1);
        } else {
            self.end_voice(side, seat);
        }
        if floor.is_some() {
            side.guards.run(frame.ticks(), &self.guarded); // once the frame is in the ring: see `Guarded::state`
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
        let channels = frame.format.channels();
        let (first, last) = (last(&frame.data[..channels], channels), last(frame.data, channels));
        // The first frame of all follows nothing.
        let silent_before = side.open.is_none() && self.read.counts.frames.get() > 1;
        side.open = Some(last);
        if silent_before {
            side.fade.step([-first[0], -first[1]], frame.format);
        }
        if !side.fade.active() {
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
        if from == to {
            return input.push(frame.data);
        }
        let mut narrow = [0i16; 256];
        let Some(conversion) = Conversion::between(from, to) else {
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
        let Some(converter) = (unsafe { self.read.mailbox.take(conversion.code()) }) else {
            self.read.counts.waited.add(1);
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
