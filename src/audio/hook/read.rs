//! The read hook: what a member said is left in the frame, put into the room's mix, or taken out for its audience alone.

use std::sync::Arc;

use smallvec::SmallVec;

use crate::audio::{
    format::{Format, Frame, MAX_FRAME, Shape, last, remix},
    hook::{
        hook::{FastPath, Known, Outcome},
        hook_state::{ReadAction, ReadState},
        member::{Member, USED_BY_READ},
        plan::{MemberPlan, Speech},
        slot::MEMBER,
    },
    host_mix::HostMix,
    lockfree::{
        media_time::FrameTime,
        private_stream::{PrivateStream, Stamp},
        published::PlanRef,
    },
    mix::input::Input,
    playout::{
        declick::DeclickRamp,
        resample::{Conversion, Converter},
    },
    sum,
};

impl Member {
    /// What becomes of a frame of this shape, if that is known; one that is left is done with. The usual case, and it cannot panic.
    ///
    /// # Safety
    /// The caller is inside this member's read gate.
    #[inline(always)]
    pub unsafe fn known_read(&self, shape: Shape, data: &[i16]) -> Known {
        // SAFETY: the caller is inside the read gate.
        let (number, side) = unsafe { self.read.enter() };
        if (FastPath { plan: number, shape }) != side.fast_path {
            return Known::Nothing;
        }
        if !matches!(side.action, ReadAction::Left) {
            return Known::Same;
        }
        self.read.counts.frames.add(1);
        side.open = Some(last(data, shape.channels as usize));
        Known::Left
    }

    /// The read hook, for a frame of as many samples as `shape` says, or none if it cannot be one. `known`: by
    /// [`Member::known_read`], in the same call of the hook.
    ///
    /// # Safety
    /// The caller is inside this member's read gate.
    #[inline(always)]
    pub unsafe fn read(&self, shape: Shape, time: FrameTime, known: Known, data: &mut [i16]) -> Outcome {
        // SAFETY: the caller is inside this member's read gate.
        let side = unsafe { self.read.own() };
        crate::faults::meanwhile(true);
        if known == Known::Same {
            match side.action {
                // What is known of a frame's time is for the next opening guard.
                ReadAction::PrivateStream(format, stream) if !matches!(time, FrameTime::Said(_)) => {
                    // SAFETY: it is of the plan by whose number the frame is known, and which was read in this call.
                    let stream = unsafe { stream.get() };
                    self.read.counts.frames.add(1);
                    self.read.counts.private.add(1);
                    let number = side.fast_path.plan;
                    stream.push(Stamp { captured: number, floor: number }, format, data);
                    data.fill(0);
                    return Outcome::Silenced;
                }
                ReadAction::Mix(format, input) => {
                    // In a large room all of it is out of the cache, and so is what the next one needs.
                    side.hint.prefetch();
                    MEMBER.prefetch_next::<{ USED_BY_READ.0 }, { USED_BY_READ.1 }>(self.read.slot());
                    // SAFETY: as above.
                    let input = unsafe { input.get() };
                    self.read.counts.frames.add(1);
                    input.expect(format.units(shape.samples as usize));
                    input.push(data);
                    side.hint = input.next_pushed();
                    data.fill(0);
                    return Outcome::Changed;
                }
                ReadAction::PrivateStream(..) | ReadAction::Left => {}
            }
        }
        // SAFETY: the caller is inside this member's read gate.
        unsafe { self.read_unknown(side, shape, time, data) }
    }

    /// # Safety
    /// As [`Member::read`].
    #[inline(never)]
    unsafe fn read_unknown(&self, side: &mut ReadState, shape: Shape, time: FrameTime, data: &mut [i16]) -> Outcome {
        side.fast_path = FastPath::default();
        // SAFETY: the caller is inside this member's read gate.
        let (number, plan) = unsafe { self.read.plan() };
        // SAFETY: the caller is inside this member's read gate.
        let (outcome, action) = unsafe { self.read_anew(side, (number, plan), shape, time, data) };
        crate::faults::meanwhile(true);
        if let Some(action) = action
            && side.guards.none()
        {
            (side.fast_path, side.action) = (FastPath { plan: number, shape }, action);
        }
        outcome
    }

    /// The read hook where there may be something to do. With what becomes of the next frame of that shape, should nothing change.
    ///
    /// # Safety
    /// As [`Member::read`].
    #[inline(never)]
    unsafe fn read_anew(
        &self,
        side: &mut ReadState,
        (number, plan): (u64, &MemberPlan),
        shape: Shape,
        time: FrameTime,
        data: &mut [i16],
    ) -> (Outcome, Option<ReadAction>) {
        let (floor, moment) = side.guards.begin(plan.opening, plan.private, time, &self.clock, &self.guarded);
        let open = matches!(plan.speech, Speech::Open | Speech::Bypass) && floor.is_none();
        let mixed = plan.input.is_some() && plan.speech != Speech::Bypass;
        let can_be_one = !data.is_empty();
        let Some(mut frame) = Frame::new(shape, data) else {
            self.read.cannot_serve(shape);
            if !side.guards.none() && can_be_one {
                side.guards.end(moment, shape.units(), &self.guarded); // a leg of such a format is to be heard again, too
            }
            return (if open && !mixed { Outcome::UnsupportedUnchanged } else { Outcome::UnsupportedSilenced }, None);
        };
        self.read.counts.frames.add(1);
        let changed = self.read.changes_to(frame.format);
        if changed || frame.channels > 2 {
            side.declick = DeclickRamp::default(); // it is of two channels at most
            side.open = side.open.map(|_| [0, 0]);
        }
        if open {
            if !side.guards.none() {
                side.guards.end(moment, frame.units(), &self.guarded);
            }
            self.end_stretch(side, (number, plan));
            // SAFETY: the caller is inside the read gate.
            return unsafe { self.read_open(side, plan, &mut frame) };
        }
        // SAFETY: the caller is inside this member's read gate.
        unsafe { self.end_mix(side, plan) };
        if let Some(input) = &plan.input {
            input.expect(0);
        }
        let mut action = None;
        let stream = plan.stream.as_ref().filter(|_| plan.speech != Speech::Silent);
        if let Some(stream) = stream {
            let stamp = Stamp { captured: number, floor: floor.unwrap_or(number) };
            let before = std::mem::replace(&mut side.stream, Arc::as_ptr(stream) as usize);
            let anew = changed || before != side.stream;
            crate::faults::meanwhile(true);
            // SAFETY: the caller is inside the read gate.
            let (captured, plain) = unsafe { self.capture(stream, stamp, plan.host_mix, &frame, anew) };
            action = plain
                .filter(|_| floor.is_none() && plan.private)
                .map(|format| ReadAction::PrivateStream(format, PlanRef::new(&**stream)));
            if captured {
                self.read.counts.private.add(1);
            }
        } else {
            self.end_stretch(side, (number, plan));
        }
        if !side.guards.none() {
            side.guards.end(moment, frame.units(), &self.guarded); // once the frame is in the ring: see `Guarded::state`
        }
        if let Some(last) = side.open.take()
            && !mixed
        {
            side.declick.step(last, frame.format);
        }
        frame.data.fill(0);
        if side.declick.active() {
            declick(&mut side.declick, &mut frame);
            action = None;
        }
        if floor.is_none() && !plan.private {
            return (Outcome::Changed, None);
        }
        (Outcome::Silenced, action)
    }

    /// Open speech: left where the host mixes, put into the room where the engine does.
    ///
    /// # Safety
    /// As [`Member::read`].
    #[inline]
    unsafe fn read_open(
        &self,
        side: &mut ReadState,
        plan: &MemberPlan,
        frame: &mut Frame,
    ) -> (Outcome, Option<ReadAction>) {
        if let Some(input) = plan.input.as_ref().filter(|_| plan.speech == Speech::Open) {
            side.open = Some([0, 0]);
            // SAFETY: the caller is inside this member's read gate.
            unsafe { self.enter_mix(side, plan, input, frame) };
            frame.data.fill(0);
            let plain = frame.format == input.format() && frame.channels == frame.format.channels();
            return (Outcome::Changed, plain.then(|| ReadAction::Mix(frame.format, PlanRef::new(&**input))));
        }
        // SAFETY: the caller is inside this member's read gate.
        unsafe { self.end_mix(side, plan) };
        let channels = frame.channels;
        let (first, last) = (last(&frame.data[..channels], channels), last(frame.data, channels));
        // The first frame of all follows nothing.
        let silent_before = side.open.is_none() && self.read.counts.frames.get() > 1;
        side.open = Some(last);
        if silent_before && channels <= 2 {
            side.declick.step([-first[0], -first[1]], frame.format);
        }
        if !side.declick.active() {
            return (Outcome::Unchanged, Some(ReadAction::Left));
        }
        declick(&mut side.declick, frame);
        (Outcome::Changed, None)
    }

    /// Puts private speech into its stream; whether it could be, and its format if that keeps it as it is. `anew`: it does not go on from the
    /// last frame.
    ///
    /// # Safety
    /// The caller is inside this member's read gate.
    #[inline]
    unsafe fn capture(
        &self,
        stream: &PrivateStream,
        stamp: Stamp,
        host_mix: HostMix,
        frame: &Frame,
        anew: bool,
    ) -> (bool, Option<Format>) {
        let format = host_mix.keeps(frame.format);
        if !stream.is_long_enough_for(format.kept()) {
            self.read.handoff.ring();
            if !stream.takes(format.kept(), frame.units()) {
                self.read.counts.waited.add(1);
                return (false, None);
            }
        }
        if frame.channels == format.channels() && format.fits_a_room() {
            stream.push(stamp, format, frame.data);
            return (true, Some(format));
        }
        // SAFETY: the caller is inside the read gate.
        (unsafe { self.capture_reduced(stream, stamp, (host_mix, format), frame, anew) }, None)
    }

    /// The same where its stream does not keep the frame as it is.
    ///
    /// # Safety
    /// The caller is inside this member's read gate.
    #[cold]
    #[inline(never)]
    unsafe fn capture_reduced(
        &self,
        stream: &PrivateStream,
        stamp: Stamp,
        (host_mix, format): (HostMix, Format),
        frame: &Frame,
        anew: bool,
    ) -> bool {
        let Some(conversion) = Conversion::between(format, format.kept()) else {
            let (mut kept, channels) = ([0; MAX_FRAME], format.channels());
            for (group, kept) in frame.data.chunks_exact(frame.channels).zip(kept.chunks_exact_mut(channels)) {
                host_mix.take(group, channels, |c, s| kept[c] = s);
            }
            stream.push(stamp, format, &kept[..frame.samples * channels]);
            return true;
        };
        // SAFETY: the handoff is the read hook's, inside whose gate the caller is.
        let Some(converter) = (unsafe { self.read.handoff.take(conversion.code()) }) else {
            self.read.counts.waited.add(1);
            return false;
        };
        converter.push(stream, stamp, (frame.data, frame.channels), (host_mix, format.kept()), anew);
        true
    }

    /// Puts open speech into the room.
    ///
    /// # Safety
    /// As [`Member::read`].
    unsafe fn enter_mix(&self, side: &mut ReadState, plan: &MemberPlan, input: &Input, frame: &mut Frame) {
        input.expect(frame.units());
        let (from, to) = (frame.format, input.format());
        let conversion = Conversion::between(from, to);
        let mixing = conversion.map(|conversion| (plan.entered, conversion));
        if side.mixing != mixing {
            // SAFETY: the caller is inside this member's read gate.
            unsafe { self.end_mix(side, plan) };
        }
        if from == to && frame.channels == from.channels() {
            return input.push(frame.data);
        }
        let Some(conversion) = conversion else {
            let mut narrow = [0i16; 256];
            for groups in frame.data.chunks(128 * frame.channels) {
                let groups = groups.chunks_exact(frame.channels).map(|group| group.iter().map(|s| i32::from(*s)));
                push_spread(groups, input, &mut narrow);
            }
            return;
        };
        // SAFETY: the handoff is the read hook's, inside whose gate the caller is.
        let Some(converter) = (unsafe { self.read.handoff.take(conversion.code()) }) else {
            self.read.counts.waited.add(1);
            return;
        };
        if side.mixing != mixing {
            converter.restart();
            side.mixing = mixing;
        }
        let channels = conversion.channels();
        let mut wide = [0.0f32; 128];
        for groups in frame.data.chunks(128 / 2 * frame.channels) {
            let count = groups.len() / frame.channels;
            for (group, converted) in groups.chunks_exact(frame.channels).zip(wide.chunks_exact_mut(channels)) {
                remix(group, channels, false, |c, s| converted[c] = s as f32);
            }
            push_converted(converter, &wide[..count * channels], input);
        }
    }

    /// What goes into the mix does not go on: the converter's rest follows it.
    ///
    /// # Safety
    /// As [`Member::read`].
    unsafe fn end_mix(&self, side: &mut ReadState, plan: &MemberPlan) {
        const ZEROS: [f32; 128] = [0.0; 128];
        let Some((entered, conversion)) = side.mixing.take() else { return };
        let Some(input) = plan.input.as_ref().filter(|_| entered == plan.entered) else { return };
        // SAFETY: the handoff is the read hook's, inside whose gate the caller is.
        let Some(converter) = (unsafe { self.read.handoff.take(conversion.code()) }) else { return };
        let mut left = converter.delay() * conversion.channels();
        while left > 0 {
            let now = left.min(ZEROS.len());
            push_converted(converter, &ZEROS[..now], input);
            left -= now;
        }
    }

    /// Tells listeners that the stretch of private speech is over, if one was going on.
    fn end_stretch(&self, side: &mut ReadState, (number, plan): (u64, &MemberPlan)) {
        if side.stream != 0
            && let Some(stream) = &plan.stream
            && Arc::as_ptr(stream) as usize == side.stream
        {
            PrivateStream::end(stream, Stamp { captured: number, floor: number });
        }
        side.stream = 0;
    }
}

/// Adds a fade to 16-bit samples, saturating.
fn declick(declick: &mut DeclickRamp, frame: &mut Frame) {
    let channels = frame.channels;
    for group in frame.data.chunks_exact_mut(channels) {
        if !declick.active() {
            return;
        }
        let mut wide = [0; 2];
        for (wide, sample) in wide.iter_mut().zip(&*group) {
            *wide = i32::from(*sample);
        }
        declick.apply(&mut wide[..channels], channels);
        for (sample, wide) in group.iter_mut().zip(wide) {
            *sample = sum::saturate(wide);
        }
    }
}

/// Converts interleaved samples and puts what comes out into the room.
fn push_converted(converter: &mut Converter, samples: &[f32], input: &Input) {
    let channels = converter.conversion().channels();
    let (mut out, mut narrow) = ([0.0f32; 128], [0i16; 256]);
    let mut left = samples;
    loop {
        let (taken, given) = converter.run(left, &mut out);
        left = &left[taken..];
        let groups = out[..given].chunks_exact(channels).map(|group| group.iter().map(|s| s.round() as i32));
        push_spread(groups, input, &mut narrow);
        if taken == 0 && given == 0 {
            return;
        }
    }
}

/// Puts sample groups into the room, in its channels; `narrow` has space for all of them.
fn push_spread(groups: impl Iterator<Item = impl Iterator<Item = i32>>, input: &Input, narrow: &mut [i16]) {
    let to = input.format().channels();
    let mut length = 0;
    for group in groups {
        let group: SmallVec<[i32; 8]> = group.collect();
        remix(&group, to, false, |c, s| narrow[length + c] = sum::saturate(s));
        length += to;
    }
    input.push(&narrow[..length]);
}
