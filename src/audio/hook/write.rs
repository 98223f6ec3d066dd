//! The write hook: what the member may hear is added to the frame, or is all of it.

use std::{mem::MaybeUninit, sync::Arc};

use crate::audio::{
    format::{Format, Frame, MAX_FRAME, Shape, UNITS_PER_MS},
    hook::{
        hook::{FastPath, Known, Outcome},
        hook_state::{WriteAction, WriteState},
        member::{Member, USED_BY_WRITE},
        plan::{Hearing, MemberPlan},
        slot::MEMBER,
    },
    lockfree::published::PlanRef,
    mix::{
        bus::{Bus, Mix, MixPosition},
        input::Input,
    },
    playout::{
        declick::DeclickRamp,
        playout::{Played, Playout},
        rate_mix::{self, RateMix},
        resample::MOST_MS,
    },
    prefetch::{PrefetchHint, prefetch},
    sum,
};

impl Member {
    /// What becomes of a frame of this shape, if that is known; one that is left is done with. The usual case, and it cannot panic.
    ///
    /// # Safety
    /// The caller is inside this member's write gate.
    #[inline(always)]
    pub unsafe fn known_write(&self, shape: Shape) -> Known {
        // SAFETY: the caller is inside the write gate.
        let (number, side) = unsafe { self.write.enter() };
        if (FastPath { plan: number, shape }) != side.fast_path {
            return Known::Nothing;
        }
        if !matches!(side.action, WriteAction::Nothing) {
            return Known::Same;
        }
        self.write.counts.frames.add(1);
        Known::Left
    }

    /// The write hook, for a frame of as many samples as `shape` says, or none if it cannot be one. `known`: by
    /// [`Member::known_write`], in the same call of the hook.
    ///
    /// # Safety
    /// The caller is inside this member's write gate.
    #[inline(always)]
    pub unsafe fn write(&self, shape: Shape, known: Known, data: &mut [i16]) -> Outcome {
        // SAFETY: the caller is inside this member's write gate.
        let side = unsafe { self.write.own() };
        crate::faults::meanwhile(true);
        if known == Known::Same {
            match side.action {
                WriteAction::Nothing => {}
                WriteAction::PrivateStream(format, subscription) => {
                    // SAFETY: it is of the plan of this number.
                    let subscription = unsafe { subscription.get() };
                    // SAFETY: the subscription is this listener's, inside whose write gate the caller is.
                    let played =
                        unsafe { subscription.play_direct(data, side.whole(format, data.len()), &self.write.counts) };
                    if let Some(tail) = played {
                        self.write.counts.frames.add(1);
                        self.write.counts.private.add(1);
                        side.tails = tail;
                        return Outcome::Changed;
                    }
                }
                WriteAction::Mix(format, bus, own) => {
                    // SAFETY: they are of the plan of this number.
                    let (bus, own) = unsafe { (bus.get(), own.map(|own| own.get())) };
                    // In a large room all that is its own is out of the cache, and so is what the next one needs.
                    MEMBER.prefetch_next::<{ USED_BY_WRITE.0 }, { USED_BY_WRITE.1 }>(self.write.slot());
                    prefetch::<{ size_of::<Playout>() }, _>(&raw const side.mix);
                    if let Some(own) = own {
                        own.prefetch_removed(side.at.tick);
                        side.hint.prefetch();
                    }
                    let whole = side.whole(format, data.len());
                    let mut mix = Mix { bus, own, at: &mut side.at };
                    if side.mix.play_direct(&mut mix, data, whole, &self.write.counts) {
                        self.write.counts.frames.add(1);
                        side.tails = side.mix.tail();
                        side.hint = own.map_or(PrefetchHint::default(), Input::next_removed);
                        return Outcome::Changed;
                    }
                }
            }
        }
        // SAFETY: the caller is inside this member's write gate.
        unsafe { self.write_unknown(side, shape, data) }
    }

    /// # Safety
    /// As [`Member::write`].
    #[inline(never)]
    unsafe fn write_unknown(&self, side: &mut WriteState, shape: Shape, data: &mut [i16]) -> Outcome {
        side.fast_path = FastPath::default();
        // SAFETY: the caller is inside this member's write gate.
        let (number, plan) = unsafe { self.write.plan() };
        // SAFETY: the caller is inside this member's write gate.
        let (outcome, action) = unsafe { self.write_anew(side, plan, shape, Frame::new(shape, data)) };
        // Last of all: neither fades nor tails know of it.
        if side.sound.begin(&self.sounds)
            && let Some(frame) = Frame::new(shape, data)
        {
            side.sound.play(frame.data, frame.format);
            return Outcome::Changed;
        }
        let action =
            action.or((outcome == Outcome::Unchanged && plan.subscriptions.is_empty()).then_some(WriteAction::Nothing));
        if let Some(action) = action {
            (side.fast_path, side.action) = (FastPath { plan: number, shape }, action);
        }
        outcome
    }

    /// The write hook where there may be something to do; `frame`: none if it is of unknown format. With what becomes of the next frame of that
    /// shape, should nothing change, if this one was made of one private stream or of the mix alone.
    ///
    /// # Safety
    /// As [`Member::write`].
    #[inline(never)]
    unsafe fn write_anew(
        &self,
        side: &mut WriteState,
        plan: &MemberPlan,
        shape: Shape,
        frame: Option<Frame>,
    ) -> (Outcome, Option<WriteAction>) {
        let Some(frame) = frame else {
            self.write.cannot_serve(shape);
            let left = plan.hearing == Hearing::Host;
            return (if left { Outcome::UnsupportedUnchanged } else { Outcome::UnsupportedSilenced }, None);
        };
        self.write.counts.frames.add(1);
        let same_format = !self.write.changes_to(frame.format);
        if !same_format {
            (side.tails, side.declick, side.converting) = ([0, 0], DeclickRamp::default(), false);
            // SAFETY: the handoff is the write hook's, inside whose gate the caller is.
            unsafe { self.write.handoff.each(RateMix::stop) };
        }
        let listening = plan.bus.as_ref().filter(|_| plan.hearing == Hearing::Bus);
        if side.number != plan.number {
            let before = std::mem::replace(&mut side.number, plan.number);
            let entered = listening.map_or(0, |_| plan.entered);
            if side.entered != entered {
                (side.entered, side.mix) = (entered, Playout::default());
                // SAFETY: the handoff is the write hook's, inside whose gate the caller is.
                unsafe { self.write.handoff.each(RateMix::stop_open) };
                // From the tick that was just made, so that the first frame is not silent.
                side.at = listening.map_or(MixPosition::default(), |bus| MixPosition {
                    tick: bus.ticks().saturating_sub(1),
                    offset: 0,
                });
            }
            if plan.withdrawn() > before {
                // SAFETY: the caller is inside this member's write gate.
                unsafe { self.withdraw(plan) };
            }
            // What is missing from the sum of tails was a stream that this plan does not grant.
            // SAFETY: the subscriptions are this listener's, inside whose write gate the caller is.
            let now = unsafe { self.tails(plan, &side.mix) };
            if plan.transferred() > before {
                (side.tails, side.declick) = (now, DeclickRamp::default());
            } else if same_format {
                side.declick.step([side.tails[0] - now[0], side.tails[1] - now[1]], frame.format);
            }
        }
        let quiet = !side.declick.active()
            && !side.converting
            && plan.subscriptions.iter().all(|subscription| subscription.idle());
        if plan.hearing == Hearing::Host && quiet {
            side.tails = [0, 0];
            return (Outcome::Unchanged, None);
        }
        // SAFETY: the caller is inside this member's write gate.
        if unsafe { self.play_direct(side, plan, frame.data, frame.format) } {
            let action = match (plan.hearing, plan.subscriptions.only(), &plan.bus) {
                (Hearing::Host, Some(subscription), _) => {
                    Some(WriteAction::PrivateStream(frame.format, PlanRef::new(&**subscription)))
                }
                (Hearing::Bus, None, Some(bus)) if plan.subscriptions.is_empty() => {
                    Some(WriteAction::Mix(frame.format, PlanRef::new(&**bus), plan.input.as_deref().map(PlanRef::new)))
                }
                _ => None,
            };
            return (Outcome::Changed, action);
        }
        crate::faults::meanwhile(true);
        // SAFETY: the caller is inside this member's write gate.
        unsafe { self.sum(side, plan, listening, frame) };
        (Outcome::Changed, None)
    }

    /// Sums all that the member hears into `frame`.
    ///
    /// # Safety
    /// The caller is inside this member's write gate.
    #[inline(never)]
    unsafe fn sum(&self, side: &mut WriteState, plan: &MemberPlan, listening: Option<&Arc<Bus>>, frame: Frame) {
        let mut scratch = [const { MaybeUninit::uninit() }; MAX_FRAME];
        let whole = side.whole(frame.format, frame.data.len());
        let sum = widen(&mut scratch, frame.data, plan.hearing == Hearing::Host);
        // As much at a time as goes into a mix of another rate.
        let format = frame.format;
        let part = format.samples(MOST_MS * UNITS_PER_MS) * format.channels();
        let last = sum.len().div_ceil(part) - 1;
        for (number, sum) in sum.chunks_mut(part).enumerate() {
            // SAFETY: the caller is inside this member's write gate.
            unsafe { self.sum_part(side, plan, listening, sum, whole, number == last) };
        }
        // SAFETY: the caller is inside this member's write gate.
        side.tails = unsafe { self.tails(plan, &side.mix) };
        side.declick.apply(sum, format.channels());
        sum::saturate_all(sum, frame.data);
    }

    /// Sums all that the member hears into a part of its frame. `last`: it is the last one.
    ///
    /// # Safety
    /// The caller is inside this member's write gate.
    unsafe fn sum_part(
        &self,
        side: &mut WriteState,
        plan: &MemberPlan,
        listening: Option<&Arc<Bus>>,
        sum: &mut [i32],
        whole: (Format, u64),
        last: bool,
    ) {
        let (format, samples) = (whole.0, whole.0.a_channel(sum.len()));
        let handoff = &*self.write.handoff;
        side.converting = true; // also if a fault ends this
        // SAFETY: the handoff is the write hook's, inside whose gate the caller is.
        unsafe {
            handoff.each(|mix| {
                if mix.running() {
                    mix.begin(samples);
                }
            });
        }
        // Where the mix of this frame begins.
        let begin = listening.map(|bus| (&**bus, side.at));
        if let Some(bus) = listening {
            let mut mix = Mix { bus, own: plan.input.as_deref(), at: &mut side.at };
            // SAFETY: the handoff is the write hook's, inside whose gate the caller is.
            let played = unsafe { side.mix.play(&mut mix, (handoff, rate_mix::OPEN), sum, whole, &self.write.counts) };
            self.write.counts.waited.add(u64::from(last && played == Played::Waits));
        }
        let spares = self.spares.get();
        for subscription in plan.subscriptions.iter() {
            // SAFETY: the caller is inside this member's write gate.
            match unsafe { subscription.play(sum, whole, &self.write.counts, begin, (handoff, spares)) } {
                Played::Something if last => self.write.counts.private.add(1),
                Played::Waits if last => self.write.counts.waited.add(1),
                Played::PassedOver => self.write.counts.waited.add(1),
                _ => {}
            }
        }
        side.converting = false;
        // SAFETY: the handoff is the write hook's, inside whose gate the caller is.
        unsafe {
            handoff.each(|mix| {
                mix.end(sum, format);
                side.converting |= mix.running();
            });
        }
    }

    /// Takes out of the mixes of other rates what is of streams that the plan does not grant: each is made anew of those that the listener may
    /// still hear, each of which is asked again.
    ///
    /// # Safety
    /// The caller is inside this member's write gate.
    unsafe fn withdraw(&self, plan: &MemberPlan) {
        let make_anew = |mix: &mut RateMix| {
            if !mix.running() || mix.is_open() {
                return;
            }
            mix.clear();
            for subscription in plan.subscriptions.iter() {
                // SAFETY: the subscriptions are this listener's, inside whose write gate the caller is.
                unsafe { subscription.replay(mix) };
            }
            mix.rewrite_tail();
        };
        // SAFETY: the handoff is the write hook's, inside whose gate the caller is.
        unsafe { self.write.handoff.each(make_anew) };
    }

    /// The usual case, shorter: one stream, or the mix alone, and nothing that fades. `false` if it is not so.
    ///
    /// # Safety
    /// The caller is inside this member's write gate.
    unsafe fn play_direct(&self, side: &mut WriteState, plan: &MemberPlan, frame: &mut [i16], format: Format) -> bool {
        if side.declick.active() || side.converting {
            return false;
        }
        let whole = side.whole(format, frame.len());
        let mut playing = plan.subscriptions.iter().filter(|subscription| !subscription.idle());
        match (plan.hearing, &plan.bus, playing.next()) {
            (Hearing::Host, _, Some(subscription)) => {
                if playing.next().is_some() {
                    return false;
                }
                // SAFETY: the subscriptions are this listener's, inside whose write gate the caller is.
                let Some(tail) = (unsafe { subscription.play_direct(frame, whole, &self.write.counts) }) else {
                    return false;
                };
                self.write.counts.private.add(1);
                side.tails = tail;
                true
            }
            (Hearing::Bus, Some(bus), None) => {
                let mut mix = Mix { bus, own: plan.input.as_deref(), at: &mut side.at };
                let played = side.mix.play_direct(&mut mix, frame, whole, &self.write.counts);
                if played {
                    side.tails = side.mix.tail();
                }
                played
            }
            _ => false,
        }
    }

    /// What the listener is hearing of Coach at this moment, all streams together.
    ///
    /// # Safety
    /// The caller is inside the listener's write gate.
    unsafe fn tails(&self, plan: &MemberPlan, mix: &Playout) -> [i32; 2] {
        let mut sum = mix.tail();
        let mut add = |tail: [i32; 2]| sum = [sum[0] + tail[0], sum[1] + tail[1]];
        for subscription in plan.subscriptions.iter() {
            // SAFETY: the caller is inside this member's write gate.
            add(unsafe { subscription.tail() });
        }
        // SAFETY: the handoff is the write hook's, inside whose gate the caller is.
        unsafe { self.write.handoff.each(|mix| add(mix.tail())) };
        sum
    }
}

/// The start of `scratch` as 32-bit samples: those of `frame`, or zeros.
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
