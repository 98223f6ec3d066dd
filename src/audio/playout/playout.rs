//! Plays one queue into one listener's frames: when to start and to skip, conversion, channels and declick ramps. The same for a private
//! stream and for the open mix of an engine-mixed room.

use std::mem::MaybeUninit;

use crate::audio::{
    counters::Counts,
    format::{Format, remix},
    playout::{
        declick::DeclickRamp,
        jitter::JitterPolicy,
        resample::{Conversion, Converter, Handoff},
        source::{CHUNK, Due, Source},
    },
    sum::Sample,
};

/// So many stretches at most are played into one frame: each begins with a conversion of its own. That is enough for the shortest usual
/// frames in the longest.
const STRETCHES: usize = 8;

/// The state of one queue at one listener.
#[derive(Default)]
pub struct Playout {
    jitter: JitterPolicy,
    declick: DeclickRamp,
    /// What was played last; 0 when silent.
    last: [i32; 2],
    /// Of the queue, while playing.
    from: Option<Format>,
    /// Of the listener's frames.
    to: Option<Format>,
    /// Ticks of audio that went into the converter and have not come out.
    held: u64,
    /// Samples a channel of silence that are still to come before what the converter gives out first; `None` once it has given out any.
    lead: Option<u32>,
    /// Zeros that push out the rest, samples a channel.
    owed: u32,
    /// What is played is left out, for want of its conversion.
    waiting: bool,
}

/// The listener's frame, or a part of it, while it is being filled.
struct OutputFrame<'a> {
    sum: &'a mut [i32],
    to: Format,
    /// Ticks of the whole frame.
    whole: u64,
    /// Samples a channel that have been played.
    done: usize,
    /// Samples a channel over which the fade has gone.
    declicked: usize,
}

impl OutputFrame<'_> {
    fn samples(&self) -> usize {
        self.to.a_channel(self.sum.len())
    }

    fn left(&self) -> usize {
        self.samples() - self.done
    }

    fn declick_to(&mut self, declick: &mut DeclickRamp, end: usize) {
        let channels = self.to.channels();
        declick.apply(&mut self.sum[self.declicked * channels..end * channels], channels);
        self.declicked = end;
    }

    /// The signal steps by `-step` at the place reached.
    fn step(&mut self, declick: &mut DeclickRamp, step: [i32; 2]) {
        self.declick_to(declick, self.done);
        declick.step(step, self.to);
    }
}

impl Playout {
    /// Nothing to play on, nothing to fade.
    pub fn idle(&self) -> bool {
        !self.jitter.playing() && !self.declick.active() && self.owed == 0
    }

    /// In the middle of a stretch.
    pub fn playing(&self) -> bool {
        self.jitter.playing()
    }

    /// See [`JitterPolicy::hold_back`].
    pub fn hold_back(&mut self, ticks: u64) {
        self.jitter.hold_back(ticks);
    }

    /// What the listener is hearing at this moment, for a fade should this stream be taken away.
    pub fn tail(&self) -> [i32; 2] {
        [self.last[0] + self.declick.value(0), self.last[1] + self.declick.value(1)]
    }

    /// Adds what is due to `sum`, interleaved in format `to`; whether it added any. `whole`: ticks of the frame that it is, or is a part of.
    ///
    /// # Safety
    /// The caller is inside the gate of the hook that owns `handoff`.
    pub unsafe fn play(
        &mut self,
        source: &mut impl Source,
        handoff: &Handoff,
        sum: &mut [i32],
        (to, whole): (Format, u64),
        counts: &Counts,
    ) -> bool {
        if self.to != Some(to) {
            self.change(source, to, counts);
        }
        let mut output = OutputFrame { sum, to, whole, done: 0, declicked: 0 };
        // SAFETY: the caller is inside the gate of the hook that owns the handoff.
        unsafe {
            self.flush(&mut output, handoff);
            let mut stretches = 0;
            while self.owed == 0
                && stretches < STRETCHES
                && self.fill(&mut output, source, handoff, counts, stretches == 0)
            {
                stretches += 1;
            }
        }
        let played = output.done > 0;
        let frame = output.samples();
        output.declick_to(&mut self.declick, frame);
        played
    }

    /// The listener's frames have another format: nothing that is held goes on in it.
    fn change(&mut self, source: &mut impl Source, to: Format, counts: &Counts) {
        // What went into the converter and did not come out goes into the next.
        if let Some(from) = self.from {
            let held = from.samples(self.held);
            let lost = held - source.back(held);
            if lost > 0 {
                counts.skips.add(1);
                counts.skipped.add(from.ticks(lost));
            }
        }
        let tail = self.tail();
        let mut jitter = std::mem::take(&mut self.jitter);
        jitter.turn();
        *self = Self { to: Some(to), jitter, ..Self::default() };
        self.declick.step(tail, to);
    }

    /// The short way for the one stream that plays on evenly into `frame`, and is all that Coach adds to it: no 32-bit sum, no
    /// fade, no conversion. `false`, and nothing done, where it is not so simple.
    pub fn play_direct<S: Source>(
        &mut self,
        source: &mut S,
        frame: &mut [i16],
        (to, whole): (Format, u64),
        counts: &Counts,
    ) -> bool {
        let even = self.jitter.playing() && !self.declick.active() && self.owed == 0;
        if !even || self.to != Some(to) || self.from != Some(to) {
            return false;
        }
        let due = source.due();
        due.count_lost(counts);
        let length = to.a_channel(frame.len());
        let (queued, passed, packet) = (to.ticks(due.samples), to.ticks(length), to.ticks(due.packet));
        if due.anew
            || due.format != Some(to)
            || due.samples < length
            || self.jitter.skip(queued, due.beyond, whole, packet) > 0
        {
            return false;
        }
        for part in frame.chunks_mut(CHUNK) {
            let played = if self.jitter.playing() { source.play_direct(part) } else { None };
            if played.is_none() {
                self.jitter.stop(); // overtaken: the rest of the frame goes without
                S::Sample::play_silence_direct(part);
            }
            self.last = played.unwrap_or_default();
        }
        self.jitter.took(passed, passed, whole, packet);
        true
    }

    /// Whether a packet of so many samples a channel, all that is queued, can be added as it is to a frame of its length and format.
    pub fn can_play_one_direct(&mut self, to: Format, samples: usize) -> bool {
        let even = self.jitter.playing() && !self.declick.active() && self.owed == 0;
        even && self.to == Some(to) && self.from == Some(to) && self.jitter.takes_one(to.ticks(samples))
    }

    /// It was, and ends so.
    pub fn played_one_direct(&mut self, to: Format, samples: usize, last: [i32; 2]) {
        self.last = last;
        self.jitter.took_one(to.ticks(samples));
    }

    /// Plays what is due of one stretch; whether the frame has room for the next one. `first`: nothing was played into it before.
    ///
    /// # Safety
    /// As [`Playout::play`].
    unsafe fn fill(
        &mut self,
        output: &mut OutputFrame,
        source: &mut impl Source,
        handoff: &Handoff,
        counts: &Counts,
        first: bool,
    ) -> bool {
        let due = source.due();
        due.count_lost(counts);
        // Between stretches it stops; unless a converter still holds the end of the last, which then runs into the next. One that has
        // begun with silence and taken nothing yet has not come to its end.
        let anew = due.anew && self.held == 0 && self.lead.is_none();
        if self.jitter.playing() && due.format.is_some() && (due.format != self.from || anew) {
            self.jitter.turn();
            // SAFETY: the caller is inside the gate of the hook that owns the handoff.
            unsafe { self.finish(output, handoff) };
            if self.owed > 0 {
                return false;
            }
        }
        let Some(from) = due.format.or(self.from) else { return false };
        let (passed, frame, packet) = (output.to.ticks(output.samples()), output.whole, from.ticks(due.packet));
        let converter = match Conversion::between(from, output.to) {
            None => None,
            // SAFETY: the caller is inside the gate of the hook that owns the handoff.
            Some(conversion) => match unsafe { handoff.take(conversion.code()) } {
                Some(converter) => Some(converter),
                None => {
                    counts.waited.add(1);
                    self.leave_out(source, from, &due, (passed, frame));
                    return false;
                }
            },
        };
        if self.waiting && due.samples == 0 {
            // The conversion has come, and nothing to convert: what is silent already does not run dry.
            self.jitter.stop();
            self.waiting = false;
            return false;
        }
        // A sample more: where the rate rises, the last that come out lie between two that went in.
        let delay = converter.as_ref().map_or(0, |c| from.ticks(c.delay() + 1));
        let mut left = due.samples;
        let sample = output.to.ticks(1);
        let playing = self.jitter.playing() && !self.waiting;
        let mut lead = self.lead;
        let mut queued = from.ticks(left) + self.held + sample * u64::from(lead.unwrap_or(0));
        if !playing {
            // The first frame begins with silence for as long as the converter holds speech back. Else a whole frame more had to be
            // queued before the first could be filled, and all that follows would be later by that.
            let short = if due.end { 0 } else { (JitterPolicy::need(frame, packet) + delay).saturating_sub(queued) };
            lead = (delay > 0).then_some(short.min(delay).div_ceil(sample) as u32);
            queued += short.min(delay);
        }
        queued = queued.saturating_sub(delay);
        let behind = if first { self.jitter.skip(queued, due.beyond, frame, packet) } else { 0 };
        let skip = if behind > 0 { from.samples(behind).min(left) } else { 0 };
        if skip > 0 {
            source.skip(skip);
            self.jitter.skipped(from.ticks(skip));
            left -= skip;
            counts.skips.add(1);
            counts.skipped.add(from.ticks(skip));
        }
        if !self.jitter.ready(queued - from.ticks(skip).min(queued), frame, packet, due.end && due.samples > 0) {
            return false;
        }
        (self.from, self.lead, self.waiting) = (Some(from), lead, false);
        let jump = !playing || skip > 0 || lead.is_some();
        let whole = match converter {
            None => self.copy(output, source, from, left, jump),
            Some(converter) => {
                if !playing {
                    converter.restart();
                    self.held = 0;
                }
                self.convert(output, source, converter, from, left, jump)
            }
        };
        if whole {
            self.jitter.took(output.to.ticks(output.done), passed, frame, packet);
            return false;
        }
        if due.end {
            self.jitter.turn();
        } else {
            self.jitter.stop();
            counts.underruns.add(1);
        }
        // SAFETY: the caller is inside the gate of the hook that owns the handoff.
        unsafe { self.finish(output, handoff) };
        let goes_on = due.end && due.samples > 0 && output.left() > 0;
        if due.end && !goes_on {
            self.jitter.took(output.to.ticks(output.done), passed, frame, packet);
        }
        goes_on
    }

    /// What is due waits for its conversion: what would be played into this frame is left out, so that what follows is no later than if the
    /// conversion had been there from the beginning.
    fn leave_out(&mut self, source: &mut impl Source, from: Format, due: &Due, (passed, whole): (u64, u64)) {
        let (queued, packet) = (from.ticks(due.samples), from.ticks(due.packet));
        self.jitter.skip(queued, due.beyond, whole, packet);
        let left_out = from.samples(passed).min(due.samples);
        if left_out > 0 && self.jitter.ready(queued, whole, packet, due.end) {
            source.skip(left_out);
            self.jitter.took(from.ticks(left_out), passed, whole, packet);
            (self.from, self.waiting) = (Some(from), true);
        } else if self.waiting {
            self.jitter.stop();
            self.waiting = false;
        }
    }

    /// Plays `left` samples at the listener's own rate; whether that filled the frame.
    fn copy<S: Source>(
        &mut self,
        output: &mut OutputFrame,
        source: &mut S,
        from: Format,
        left: usize,
        jump: bool,
    ) -> bool {
        let mut left = left.min(output.left());
        let mut chunk = [MaybeUninit::uninit(); CHUNK];
        let mut jump = jump;
        while left > 0 {
            let now = left.min(CHUNK / from.channels());
            let Some(chunk) = source.take(&mut chunk[..now * from.channels()]) else { return false };
            self.put(output, chunk, from.channels(), jump);
            jump = false;
            left -= now;
        }
        output.left() == 0
    }

    /// Plays up to `left` samples through the converter; whether that filled the frame.
    fn convert<S: Source>(
        &mut self,
        output: &mut OutputFrame,
        source: &mut S,
        converter: &mut Converter,
        from: Format,
        left: usize,
        jump: bool,
    ) -> bool {
        let mut left = left;
        let mut jump = jump;
        let channels = converter.conversion().channels();
        if let Some(lead) = &mut self.lead {
            let silent = (*lead as usize).min(output.left());
            output.done += silent;
            *lead -= silent as u32;
        }
        let mut raw = [MaybeUninit::uninit(); CHUNK / 2];
        let (mut input, mut out) = ([0.0; CHUNK / 2], [0.0; CHUNK]);
        while output.left() > 0 {
            let room = output.left().min(CHUNK / channels) * channels;
            let (_, mut given) = converter.run(&[], &mut out[..room]);
            if given == 0 {
                let now = left.min(raw.len() / from.channels());
                let raw = if now > 0 { source.take(&mut raw[..now * from.channels()]) } else { None };
                let Some(raw) = raw else { return false };
                left -= now;
                for (group, converted) in raw.chunks_exact(from.channels()).zip(input.chunks_exact_mut(channels)) {
                    remix(group, channels, from.added_up(), |c, s| converted[c] = s as f32);
                }
                self.held += from.ticks(now);
                (_, given) = converter.run(&input[..now * channels], &mut out[..room]);
            }
            self.held = self.held.saturating_sub(output.to.ticks(given / channels));
            self.put_converted(output, &out[..given], channels, jump);
            if given > 0 {
                (jump, self.lead) = (false, None);
            }
        }
        true
    }

    /// Silent from the place reached on, once what the converter holds has been pushed out.
    ///
    /// # Safety
    /// As [`Playout::play`].
    unsafe fn finish(&mut self, output: &mut OutputFrame, handoff: &Handoff) {
        let conversion = self.from.filter(|_| self.held > 0).and_then(|from| Conversion::between(from, output.to));
        // SAFETY: the caller is inside the gate of the hook that owns the handoff.
        let converter = conversion.and_then(|c| unsafe { handoff.take(c.code()) });
        self.owed = converter.map_or(0, |converter| converter.delay() as u32 + 1);
        if self.owed == 0 {
            return self.stop(output);
        }
        // SAFETY: the caller is inside the gate of the hook that owns the handoff.
        unsafe { self.flush(output, handoff) };
    }

    /// Pushes out what the converter still holds, as far as the frame has room.
    ///
    /// # Safety
    /// As [`Playout::play`].
    unsafe fn flush(&mut self, output: &mut OutputFrame, handoff: &Handoff) {
        if self.owed == 0 {
            return;
        }
        let conversion = self.from.and_then(|from| Conversion::between(from, output.to));
        // SAFETY: the caller is inside the gate of the hook that owns the handoff.
        let converter = conversion.and_then(|c| unsafe { handoff.take(c.code()) });
        if let Some(converter) = converter {
            let channels = converter.conversion().channels();
            let mut out = [0.0; CHUNK];
            let sample = output.to.ticks(1);
            while output.left() > 0 {
                // As long as what went in, to the sample.
                let rest = output.to.samples(self.held + sample / 2);
                if rest == 0 {
                    self.owed = 0;
                    break;
                }
                let room = output.left().min(CHUNK / channels).min(rest) * channels;
                let (_, mut given) = converter.run(&[], &mut out[..room]);
                if given == 0 {
                    if self.owed == 0 {
                        break;
                    }
                    self.owed -= 1;
                    (_, given) = converter.run(&[0.0; 2][..channels], &mut out[..room]);
                }
                self.held = self.held.saturating_sub(output.to.ticks(given / channels));
                self.put_converted(output, &out[..given], channels, false);
            }
            if output.left() == 0 && self.owed > 0 {
                return;
            }
        }
        self.owed = 0;
        self.stop(output);
    }

    fn put_converted(&mut self, output: &mut OutputFrame, samples: &[f32], channels: usize, jump: bool) {
        let mut chunk = [0; CHUNK];
        let chunk = &mut chunk[..samples.len()];
        for (wide, sample) in chunk.iter_mut().zip(samples) {
            *wide = sample.round() as i32;
        }
        self.put(output, chunk, channels, jump);
    }

    /// Adds interleaved samples at the place reached; `jump`: they do not go on from what was played last.
    fn put<T: Sample>(&mut self, output: &mut OutputFrame, samples: &[T], channels: usize, jump: bool) {
        let (to, added_up) = (output.to.channels(), self.from.is_some_and(Format::added_up));
        let Some(first) = samples.chunks_exact(channels).next() else { return };
        if jump {
            let mut step = self.last;
            remix(first, to, added_up, |c, s| step[c] -= s);
            output.step(&mut self.declick, step);
        }
        let count = samples.len() / channels;
        let place = &mut output.sum[output.done * to..(output.done + count) * to];
        if channels == to {
            T::add(samples, place);
        } else {
            for (sum, group) in place.chunks_exact_mut(to).zip(samples.chunks_exact(channels)) {
                remix(group, to, added_up, |c, s| sum[c] += s);
            }
        }
        remix(&samples[samples.len() - channels..], to, added_up, |c, s| self.last[c] = s);
        output.done += count;
    }

    /// Silent from the place reached on.
    fn stop(&mut self, output: &mut OutputFrame) {
        output.step(&mut self.declick, self.last);
        self.last = [0, 0];
        (self.held, self.lead, self.waiting) = (0, None, false);
        self.from = None;
    }
}
