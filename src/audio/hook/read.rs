//! The read hook: what a member said is left in the frame, put into the room's mix, or taken out for its audience alone.

use std::sync::Arc;

use smallvec::SmallVec;

use crate::audio::{
    format::{Format, Frame, MAX_FRAME, Shape, last, remix},
    hook::{
        hook::{Outcome, Steady},
        hook_state::{Reading, Way},
        member::Member,
        plan::{Seat, Speech},
    },
    host_mix::HostMix,
    lockfree::{
        media_time::FrameTime,
        private_stream::{Stamp, Voice},
        published::Granted,
    },
    mix::input::Input,
    playout::{
        declick::Fade,
        resample::{Conversion, Converter},
    },
    sum,
};

impl Member {
    /// Whether the read hook leaves a frame as it left the last one. The usual case, and it cannot panic.
    ///
    /// # Safety
    /// The caller is inside this member's read gate.
    #[inline(always)]
    pub unsafe fn leaves_read(&self, shape: Shape, data: &[i16]) -> bool {
        // SAFETY: the caller is inside the read gate.
        let (number, side) = unsafe { self.read.enter() };
        let left = (Steady { plan: number, shape }) == side.steady && matches!(side.way, Way::Left);
        if left {
            self.read.counts.frames.add(1);
            side.open = Some(last(data, shape.channels as usize));
        }
        left
    }

    /// The read hook, for a frame of as many samples as `shape` says, or none if it cannot be one.
    ///
    /// # Safety
    /// The caller is inside this member's read gate.
    #[inline(always)]
    pub unsafe fn read(&self, shape: Shape, time: FrameTime, data: &mut [i16]) -> Outcome {
        // SAFETY: the caller's promise.
        let (number, side) = unsafe { self.read.enter() };
        if (Steady { plan: number, shape }) == side.steady {
            match side.way {
                Way::Left => {
                    self.read.counts.frames.add(1);
                    side.open = Some(last(data, shape.channels as usize));
                    return Outcome::Left;
                }
                // What is known of a frame's time is for the next opening guard.
                Way::Voice(format, voice) if !matches!(time, FrameTime::Said(_)) => {
                    // SAFETY: it is of the plan of this number.
                    let voice = unsafe { voice.get() };
                    self.read.counts.frames.add(1);
                    self.read.counts.private.add(1);
                    voice.push(Stamp { captured: number, floor: number }, format, data);
                    data.fill(0);
                    return Outcome::Taken;
                }
                Way::Mix(format, input) => {
                    // In a large room all of it is out of the cache.
                    side.soon.prefetch(2 * data.len());
                    // SAFETY: as above.
                    let input = unsafe { input.get() };
                    self.read.counts.frames.add(1);
                    input.expect(format.ticks(shape.samples as usize));
                    input.push(data);
                    side.soon = input.next_pushed();
                    data.fill(0);
                    return Outcome::Changed;
                }
                Way::Voice(..) => {}
            }
        }
        side.steady = Steady::default();
        // SAFETY: the caller's promise.
        let seat = unsafe { self.read.plan() };
        // SAFETY: the caller's promise.
        let (outcome, way) = unsafe { self.read_anew(side, seat, shape, time, data) };
        if let Some(way) = way
            && side.guards.none()
        {
            (side.steady, side.way) = (Steady { plan: seat.number, shape }, way);
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
        side: &mut Reading,
        seat: &Seat,
        shape: Shape,
        time: FrameTime,
        data: &mut [i16],
    ) -> (Outcome, Option<Way>) {
        let (floor, moment) = side.guards.begin(seat.opening, seat.private, time, &self.clock, &self.guarded);
        let open = matches!(seat.speech, Speech::Open | Speech::Bypass) && floor.is_none();
        let mixed = seat.input.is_some() && seat.speech != Speech::Bypass;
        let can_be_one = !data.is_empty();
        let Some(mut frame) = Frame::new(shape, data) else {
            self.read.cannot_serve(shape);
            if !side.guards.none() && can_be_one {
                side.guards.end(moment, shape.ticks(), &self.guarded); // a leg of such a format is to be heard again, too
            }
            return (if open && !mixed { Outcome::UnknownLeft } else { Outcome::UnknownSilenced }, None);
        };
        self.read.counts.frames.add(1);
        let changed = self.read.changes_to(frame.format);
        if changed || frame.channels > 2 {
            side.fade = Fade::default(); // it is of two channels at most
            side.open = side.open.map(|_| [0, 0]);
        }
        if open {
            if !side.guards.none() {
                side.guards.end(moment, frame.ticks(), &self.guarded);
            }
            self.end_voice(side, seat);
            // SAFETY: the caller is inside the read gate.
            return unsafe { self.read_open(side, seat, &mut frame) };
        }
        // SAFETY: the caller's promise.
        unsafe { self.end_mix(side, seat) };
        if let Some(input) = &seat.input {
            input.expect(0);
        }
        let mut way = None;
        let voice = seat.voice.as_ref().filter(|_| seat.speech != Speech::Silent);
        if let Some(voice) = voice {
            let stamp = Stamp { captured: seat.number, floor: floor.unwrap_or(seat.number) };
            let before = std::mem::replace(&mut side.voice, Arc::as_ptr(voice) as usize);
            let anew = changed || before != side.voice;
            // SAFETY: the caller is inside the read gate.
            let (captured, plain) = unsafe { self.capture(voice, stamp, seat.host_mix, &frame, anew) };
            way = plain
                .filter(|_| floor.is_none() && seat.private)
                .map(|format| Way::Voice(format, Granted::new(&**voice)));
            if captured {
                self.read.counts.private.add(1);
            }
        } else {
            self.end_voice(side, seat);
        }
        if !side.guards.none() {
            side.guards.end(moment, frame.ticks(), &self.guarded); // once the frame is in the ring: see `Guarded::state`
        }
        if let Some(last) = side.open.take()
            && !mixed
        {
            side.fade.step(last, frame.format);
        }
        frame.data.fill(0);
        if side.fade.active() {
            fade(&mut side.fade, &mut frame);
            way = None;
        }
        if floor.is_none() && !seat.private {
            return (Outcome::Changed, None);
        }
        (Outcome::Taken, way)
    }

    /// Open speech: left where the host mixes, put into the room where the engine does.
    ///
    /// # Safety
    /// As [`Member::read`].
    #[inline]
    unsafe fn read_open(&self, side: &mut Reading, seat: &Seat, frame: &mut Frame) -> (Outcome, Option<Way>) {
        if let Some(input) = seat.input.as_ref().filter(|_| seat.speech == Speech::Open) {
            side.open = Some([0, 0]);
            // SAFETY: the caller's promise.
            unsafe { self.enter_mix(side, seat, input, frame) };
            frame.data.fill(0);
            let plain = frame.format == input.format() && frame.channels == frame.format.channels();
            return (Outcome::Changed, plain.then(|| Way::Mix(frame.format, Granted::new(&**input))));
        }
        // SAFETY: the caller's promise.
        unsafe { self.end_mix(side, seat) };
        let channels = frame.channels;
        let (first, last) = (last(&frame.data[..channels], channels), last(frame.data, channels));
        // The first frame of all follows nothing.
        let silent_before = side.open.is_none() && self.read.counts.frames.get() > 1;
        side.open = Some(last);
        if silent_before && channels <= 2 {
            side.fade.step([-first[0], -first[1]], frame.format);
        }
        if !side.fade.active() {
            return (Outcome::Left, Some(Way::Left));
        }
        fade(&mut side.fade, frame);
        (Outcome::Changed, None)
    }

    /// Puts private speech into its voice; whether it could be, and its format if that keeps it as it is. `anew`: it does not go on from the
    /// last frame.
    ///
    /// # Safety
    /// The caller is inside this member's read gate.
    #[inline]
    unsafe fn capture(
        &self,
        voice: &Voice,
        stamp: Stamp,
        host_mix: HostMix,
        frame: &Frame,
        anew: bool,
    ) -> (bool, Option<Format>) {
        let format = host_mix.keeps(frame.format);
        if frame.channels == format.channels() && format.fits_a_room() {
            voice.push(stamp, format, frame.data);
            return (true, Some(format));
        }
        // SAFETY: the caller is inside the read gate.
        (unsafe { self.capture_reduced(voice, stamp, (host_mix, format), frame, anew) }, None)
    }

    /// The same where its voice does not keep the frame as it is.
    ///
    /// # Safety
    /// The caller is inside this member's read gate.
    #[cold]
    #[inline(never)]
    unsafe fn capture_reduced(
        &self,
        voice: &Voice,
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
            voice.push(stamp, format, &kept[..frame.samples * channels]);
            return true;
        };
        // SAFETY: the mailbox is the read hook's, inside whose gate the caller is.
        let Some(converter) = (unsafe { self.read.mailbox.take(conversion.code()) }) else {
            self.read.counts.waited.add(1);
            return false;
        };
        converter.push(voice, stamp, (frame.data, frame.channels), (host_mix, format.kept()), anew);
        true
    }

    /// Puts open speech into the room.
    ///
    /// # Safety
    /// As [`Member::read`].
    unsafe fn enter_mix(&self, side: &mut Reading, seat: &Seat, input: &Input, frame: &mut Frame) {
        input.expect(frame.ticks());
        let (from, to) = (frame.format, input.format());
        let conversion = Conversion::between(from, to);
        let mixing = conversion.map(|conversion| (seat.entered, conversion));
        if side.mixing != mixing {
            // SAFETY: the caller's promise.
            unsafe { self.end_mix(side, seat) };
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
        // SAFETY: the mailbox is the read hook's, inside whose gate the caller is.
        let Some(converter) = (unsafe { self.read.mailbox.take(conversion.code()) }) else {
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
    unsafe fn end_mix(&self, side: &mut Reading, seat: &Seat) {
        const ZEROS: [f32; 128] = [0.0; 128];
        let Some((entered, conversion)) = side.mixing.take() else { return };
        let Some(input) = seat.input.as_ref().filter(|_| entered == seat.entered) else { return };
        // SAFETY: the mailbox is the read hook's, inside whose gate the caller is.
        let Some(converter) = (unsafe { self.read.mailbox.take(conversion.code()) }) else { return };
        let mut left = converter.delay() * conversion.channels();
        while left > 0 {
            let now = left.min(ZEROS.len());
            push_converted(converter, &ZEROS[..now], input);
            left -= now;
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
    let channels = frame.channels;
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
        remix(&group, to, false, |c, s| narrow[length + c] = sum::limited(s));
        length += to;
    }
    input.push(&narrow[..length]);
}
