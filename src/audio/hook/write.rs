//! The write hook: what the member may hear is added to the frame, or is all of it.

use std::{mem::MaybeUninit, sync::Arc};

use crate::audio::{
    format::{Format, Frame, MAX_FRAME, Shape},
    hook::{
        hook::{Outcome, Steady},
        hook_state::{Adds, Writing},
        member::Member,
        plan::{Hearing, Seat},
    },
    lockfree::published::Granted,
    mix::{
        bus::{Bus, Mix, Place},
        input::Input,
    },
    playout::{declick::Fade, playout::Player},
    prefetch::{Soon, prefetch},
    sum,
};

impl Member {
    /// Whether the write hook leaves a frame as it left the last one. The usual case, and it cannot panic.
    ///
    /// # Safety
    /// The caller is inside this member's write gate.
    #[inline(always)]
    pub unsafe fn leaves_written(&self, shape: Shape) -> bool {
        // SAFETY: the caller is inside the write gate.
        let (number, side) = unsafe { self.write.enter() };
        let left = (Steady { plan: number, shape }) == side.steady && matches!(side.adds, Adds::Nothing);
        if left {
            self.write.counts.frames.add(1);
        }
        left
    }

    /// The write hook, for a frame of as many samples as `shape` says, or none if it cannot be one.
    ///
    /// # Safety
    /// The caller is inside this member's write gate.
    #[inline(always)]
    pub unsafe fn write(&self, shape: Shape, data: &mut [i16]) -> Outcome {
        // SAFETY: the caller's promise.
        let (number, side) = unsafe { self.write.enter() };
        if (Steady { plan: number, shape }) == side.steady {
            match side.adds {
                Adds::Nothing => {
                    self.write.counts.frames.add(1);
                    return Outcome::Left;
                }
                Adds::Voice(format, link) => {
                    // SAFETY: it is of the plan of this number.
                    let link = unsafe { link.get() };
                    // SAFETY: the link is this listener's, inside whose write gate the caller is.
                    if !link.idle() && unsafe { link.lay(data, format, &self.write.counts) } {
                        self.write.counts.frames.add(1);
                        self.write.counts.private.add(1);
                        // SAFETY: as above.
                        side.tails = unsafe { link.tail() };
                        return Outcome::Changed;
                    }
                }
                Adds::Mix(format, bus, own) => {
                    // SAFETY: they are of the plan of this number.
                    let (bus, own) = unsafe { (bus.get(), own.map(|own| own.get())) };
                    // In a large room all that is its own is out of the cache.
                    prefetch(&raw const side.mix, size_of::<Player>());
                    if let Some(own) = own {
                        own.prefetch_removed(side.at.tick);
                        side.soon.prefetch(2 * data.len());
                    }
                    let mut mix = Mix { bus, own, at: &mut side.at };
                    if side.mix.lay(&mut mix, data, format, &self.write.counts) {
                        self.write.counts.frames.add(1);
                        side.tails = side.mix.tail();
                        side.soon = own.map_or(Soon::default(), Input::next_removed);
                        return Outcome::Changed;
                    }
                }
            }
        }
        side.steady = Steady::default();
        // SAFETY: the caller's promise.
        let seat = unsafe { self.write.plan() };
        // SAFETY: the caller's promise.
        let (outcome, adds) = unsafe { self.write_anew(side, seat, shape, Frame::new(shape, data)) };
        // Last of all: neither fades nor tails know of it.
        if side.sounding.begin(&self.sounds)
            && let Some(frame) = Frame::new(shape, data)
        {
            side.sounding.play(frame.data, frame.format);
            return Outcome::Changed;
        }
        let adds = adds.or((outcome == Outcome::Left && seat.voices.is_empty()).then_some(Adds::Nothing));
        if let Some(adds) = adds {
            (side.steady, side.adds) = (Steady { plan: seat.number, shape }, adds);
        }
        outcome
    }

    /// The write hook where there may be something to do; `frame`: none if it is of unknown format. With what becomes of the next frame of that
    /// shape, should nothing change, if this one was made of one private voice or of the mix alone.
    ///
    /// # Safety
    /// As [`Member::write`].
    #[inline(never)]
    unsafe fn write_anew(
        &self,
        side: &mut Writing,
        seat: &Seat,
        shape: Shape,
        frame: Option<Frame>,
    ) -> (Outcome, Option<Adds>) {
        let Some(frame) = frame else {
            self.write.cannot_serve(shape);
            let left = seat.hearing == Hearing::Host;
            return (if left { Outcome::UnknownLeft } else { Outcome::UnknownSilenced }, None);
        };
        self.write.counts.frames.add(1);
        let same_format = !self.write.changes_to(frame.format);
        if !same_format {
            (side.tails, side.fade) = ([0, 0], Fade::default());
        }
        let listening = seat.bus.as_ref().filter(|_| seat.hearing == Hearing::Bus);
        if side.number != seat.number {
            side.number = seat.number;
            let entered = listening.map_or(0, |_| seat.entered);
            if side.entered != entered {
                (side.entered, side.mix) = (entered, Player::default());
                // From the tick that was just made, so that the first frame is not silent.
                side.at =
                    listening.map_or(Place::default(), |bus| Place { tick: bus.ticks().saturating_sub(1), offset: 0 });
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
            return (Outcome::Left, None);
        }
        // SAFETY: as above.
        if unsafe { self.lay(side, seat, frame.data, frame.format) } {
            let adds = match (seat.hearing, seat.voices.only(), &seat.bus) {
                (Hearing::Host, Some(link), _) => Some(Adds::Voice(frame.format, Granted::new(&**link))),
                (Hearing::Bus, None, Some(bus)) if seat.voices.is_empty() => {
                    Some(Adds::Mix(frame.format, Granted::new(&**bus), seat.input.as_deref().map(Granted::new)))
                }
                _ => None,
            };
            return (Outcome::Changed, adds);
        }
        // SAFETY: as above.
        unsafe { self.sum(side, seat, listening, frame) };
        (Outcome::Changed, None)
    }

    /// Sums all that the member hears into `frame`.
    ///
    /// # Safety
    /// The caller is inside this member's write gate.
    #[inline(never)]
    unsafe fn sum(&self, side: &mut Writing, seat: &Seat, listening: Option<&Arc<Bus>>, frame: Frame) {
        let mut scratch = [const { MaybeUninit::uninit() }; MAX_FRAME];
        let sum = widen(&mut scratch, frame.data, seat.hearing == Hearing::Host);
        // Where the mix of this frame begins.
        let begin = listening.map(|bus| (&**bus, side.at));
        if let Some(bus) = listening {
            let mut mix = Mix { bus, own: seat.input.as_deref(), at: &mut side.at };
            // SAFETY: the mailbox is the write hook's, inside whose gate the caller is.
            unsafe { side.mix.play(&mut mix, &self.write.mailbox, sum, frame.format, &self.write.counts) };
        }
        for link in seat.voices.iter() {
            // SAFETY: as above.
            if unsafe { link.play(sum, frame.format, &self.write.counts, begin) } {
                self.write.counts.private.add(1);
            }
        }
        // SAFETY: as above.
        side.tails = unsafe { tails(seat, &side.mix) };
        side.fade.apply(sum, frame.format.channels());
        sum::limit(sum, frame.data);
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
                if playing.next().is_some() || !unsafe { link.lay(frame, format, &self.write.counts) } {
                    return false;
                }
                self.write.counts.private.add(1);
                // SAFETY: as above.
                side.tails = unsafe { link.tail() };
                true
            }
            (Hearing::Bus, Some(bus), None) => {
                let mut mix = Mix { bus, own: seat.input.as_deref(), at: &mut side.at };
                let laid = side.mix.lay(&mut mix, frame, format, &self.write.counts);
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
    unsafe { scratch.assume_init_mut() }
}
