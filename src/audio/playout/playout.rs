//! Plays one queue into one listener's frames: when to start and to skip, where in the frame, channels and declick ramps. The same for a
//! private stream and for the open mix of an engine-mixed room.

use std::mem::MaybeUninit;

use crate::audio::{
    counters::Counts,
    format::{Format, remix},
    lockfree::handoff,
    playout::{
        declick::DeclickRamp,
        jitter::JitterPolicy,
        rate_mix::RateMix,
        resample::Conversion,
        source::{CHUNK, Due, Source},
        target::Target,
    },
    sum::Sample,
};

/// So many stretches at most are played into one frame: each begins with a ramp of its own. That is enough for the shortest usual
/// frames in the longest.
const STRETCHES: usize = 8;

/// Where a write hook gets its mixes of other rates from.
pub type Handoff = handoff::Handoff<RateMix, WANTED_MIXES>;

/// So many of them can be wanted at a time.
pub const WANTED_MIXES: usize = 5;

/// The state of one queue at one listener.
#[derive(Default)]
pub struct Playout {
    jitter: JitterPolicy,
    declick: DeclickRamp,
    /// What was played last; 0 when silent.
    last: [i32; 2],
    /// Of the queue, while something of it is played, fades, or is in a mix of another rate.
    from: Option<Format>,
    /// Of the listener's frames.
    to: Option<Format>,
    /// When the last that was played will have been heard, in units from the next frame on: a mix of another rate gives out what goes in
    /// somewhat later.
    at: i32,
    /// Samples a channel that were played without a jump.
    run: u32,
    /// What is played is left out, for want of its conversion.
    waiting: bool,
    /// The stretch before this ran dry: where packets come in bursts, all that is queued is needed until the next one.
    ran_dry: bool,
}

/// What was played into a part of a frame.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Played {
    Nothing,
    /// Nothing, for want of a conversion.
    Waits,
    /// Nothing, and what there was is lost: there is nothing yet to play it with.
    PassedOver,
    Something,
}

/// The listener's frame, or a part of it, while it is being filled.
struct Part<'a> {
    sum: &'a mut [i32],
    to: Format,
    /// Units of the whole frame, and of this part.
    whole: u64,
    length: u64,
    /// Units of the part that were filled.
    filled: i64,
    /// Units of the queue that were played into it.
    taken: u64,
    handoff: &'a Handoff,
    /// What the codes of its mixes have besides: see `rate_mix`.
    mark: u64,
    waits: bool,
}

impl Part<'_> {
    fn frame(&mut self) -> Target<'_> {
        Target::Frame { sum: self.sum, to: self.to }
    }

    /// Where audio of this format goes; `None` if its conversion is not there yet.
    ///
    /// # Safety
    /// The caller is inside the gate of the hook that owns the handoff.
    unsafe fn target(&mut self, from: Format) -> Option<Target<'_>> {
        let Some(conversion) = Conversion::between(from, self.to) else { return Some(self.frame()) };
        // SAFETY: the caller is inside the gate of the hook that owns the handoff.
        let mix = unsafe { self.handoff.take(conversion.code() | self.mark) }?;
        mix.begin(self.to.a_channel(self.sum.len()));
        Some(Target::Mix(mix))
    }
}

impl Playout {
    /// Nothing to play on, nothing to fade, and nothing that is still to be heard.
    pub fn idle(&self) -> bool {
        !self.jitter.playing() && !self.declick.active() && self.at == 0
    }

    /// In the middle of a stretch.
    pub fn playing(&self) -> bool {
        self.jitter.playing()
    }

    /// See [`JitterPolicy::hold_back`].
    pub fn hold_back(&mut self, units: u64) {
        self.jitter.hold_back(units);
    }

    /// What the listener is hearing at this moment, for a fade should this stream be taken away. What is in a mix of another rate is
    /// heard from there.
    pub fn tail(&self) -> [i32; 2] {
        if self.from != self.to && self.mix_code().is_some() { [0, 0] } else { self.level() }
    }

    fn level(&self) -> [i32; 2] {
        [self.last[0] + self.declick.value(0), self.last[1] + self.declick.value(1)]
    }

    fn mix_code(&self) -> Option<u64> {
        Some(Conversion::between(self.from?, self.to?)?.code())
    }

    /// Adds what is due to `sum`, interleaved in format `to`. `whole`: units of the frame that it is, or is a part of.
    /// What is of another rate goes into one of the handoff's mixes, whose codes have `mark`.
    ///
    /// # Safety
    /// The caller is inside the gate of the hook that owns `handoff`.
    pub unsafe fn play(
        &mut self,
        source: &mut impl Source,
        (handoff, mark): (&Handoff, u64),
        sum: &mut [i32],
        (to, whole): (Format, u64),
        counts: &Counts,
    ) -> Played {
        if self.to != Some(to) {
            self.change(source, to, counts);
        }
        let length = to.units(to.a_channel(sum.len()));
        let mut part = Part { sum, to, whole, length, filled: 0, taken: 0, handoff, mark, waits: false };
        let mut stretches = 0;
        // SAFETY: the caller is inside the gate of the hook that owns the handoff.
        while stretches < STRETCHES && unsafe { self.fill(&mut part, source, counts, stretches == 0) } {
            stretches += 1;
        }
        self.at = (self.at - length as i32).max(0);
        if self.idle() {
            (self.from, self.run) = (None, 0);
        }
        match part {
            Part { taken: 1.., .. } => Played::Something,
            Part { waits: true, .. } => Played::Waits,
            _ => Played::Nothing,
        }
    }

    /// The listener's frames have another format: nothing that is in a mix goes on in it.
    fn change(&mut self, source: &mut impl Source, to: Format, counts: &Counts) {
        // What went into a mix and was not heard goes into the next.
        if let Some(from) = self.from {
            let held = from.samples(self.at as u64).min(self.run as usize);
            let lost = held - source.back(held);
            if lost > 0 {
                counts.skips.add(1);
                counts.skipped.add(from.units(lost));
            }
        }
        let level = self.level();
        let mut jitter = std::mem::take(&mut self.jitter);
        jitter.turn();
        *self = Self { to: Some(to), jitter, ..Self::default() };
        self.declick.step(level, to);
    }

    /// Puts into a mix that was cleared what it had put into it before of the stretch that it is playing, as far as that can still be read.
    pub fn replay(&mut self, source: &mut impl Source, mix: &mut RateMix) {
        let Some(from) = self.from.filter(|_| self.mix_code() == Some(mix.code())) else { return };
        let end = mix.index(i64::from(self.at)).min(mix.range().1);
        let mut left = source.back((self.run as usize).min(end));
        let mut chunk = [MaybeUninit::uninit(); CHUNK];
        while left > 0 {
            let now = left.min(CHUNK / from.channels());
            let Some(samples) = source.take(&mut chunk[..now * from.channels()]) else { break };
            mix.add(end - left, samples, from);
            left -= now;
        }
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
        if !self.plays_evenly(to) {
            return false;
        }
        let due = source.due();
        due.count_lost(counts);
        let length = to.a_channel(frame.len());
        let (queued, passed, packet) = (to.units(due.samples), to.units(length), to.units(due.packet));
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

    /// In the middle of a stretch of the listener's own format, with no ramp.
    fn plays_evenly(&self, to: Format) -> bool {
        self.jitter.playing() && !self.declick.active() && self.to == Some(to) && self.from == Some(to)
    }

    /// Whether a packet of so many samples a channel, all that is queued, can be added as it is to a frame of its length and format.
    #[inline(always)]
    pub fn can_play_one_direct(&mut self, to: Format, samples: usize) -> bool {
        self.plays_evenly(to) && self.jitter.takes_one(to.units(samples))
    }

    /// It was, and ends so.
    #[inline(always)]
    pub fn played_one_direct(&mut self, to: Format, samples: usize, last: [i32; 2]) {
        self.last = last;
        self.jitter.took_one(to.units(samples));
    }

    /// Plays what is due of one stretch; whether the part has room for the next one. `first`: nothing was played into it before.
    ///
    /// # Safety
    /// As [`Playout::play`].
    unsafe fn fill(&mut self, part: &mut Part, source: &mut impl Source, counts: &Counts, first: bool) -> bool {
        let due = source.due();
        due.count_lost(counts);
        let turns = self.jitter.playing() && due.format.is_some() && (due.format != self.from || due.anew);
        if turns {
            self.jitter.turn();
        }
        let Some(from) = due.format.or(self.from) else {
            let mut frame = part.frame();
            let end = frame.range().1;
            frame.fade(&mut self.declick, 0, end);
            return false;
        };
        let Part { whole, length, filled, taken, .. } = *part;
        let packet = from.units(due.packet);
        // SAFETY: the caller is inside the gate of the hook that owns the handoff.
        let Some(mut target) = (unsafe { part.target(from) }) else {
            self.leave_out(source, from, &due, (length, whole));
            part.waits = true;
            return false;
        };
        self.from = Some(from);
        let (begin, end) = target.range();
        let index = target.index(i64::from(self.at));
        let faded = if first { begin } else { index.min(end) };
        if turns {
            self.end(&target, from);
        }
        if self.waiting && due.samples == 0 {
            // The conversion has come, and nothing to convert: what is silent already does not run dry.
            self.jitter.stop();
            self.waiting = false;
        }
        if !self.jitter.playing() && due.samples == 0 {
            target.fade(&mut self.declick, faded, end);
            return false;
        }
        let mut left = due.samples;
        let playing = self.jitter.playing() && !self.waiting;
        let behind = if first { self.jitter.skip(from.units(left), due.beyond, whole, packet) } else { 0 };
        let skip = if behind > 0 { from.samples(behind).min(left) } else { 0 };
        if skip > 0 {
            source.skip(skip);
            self.jitter.skipped(from.units(skip));
            (left, self.run) = (left - skip, 0);
            counts.skips.add(1);
            counts.skipped.add(from.units(skip));
        }
        let queued = from.units(left);
        if !self.jitter.ready(queued, whole, packet, due.end && due.samples > 0) {
            target.fade(&mut self.declick, faded, end);
            return false;
        }
        let index = if playing { index } else { self.start(&target, from, &due, (queued, whole, filled)) }.min(end);
        self.waiting = false;
        target.fade(&mut self.declick, faded, index);
        let reached = self.put(&mut target, source, from, (index, end), left);
        self.at = target.moment(reached) as i32;
        let (filled, taken) = (target.moment(reached) - target.moment(begin), taken + from.units(reached - index));
        let full = reached == end;
        let goes_on = !full && due.end && due.samples > 0;
        if full || due.end {
            self.jitter.took(taken, length, whole, packet);
        }
        if !full {
            self.end(&target, from);
            self.ran_dry = !due.end;
            if due.end {
                self.jitter.turn();
            } else {
                self.jitter.stop();
                counts.underruns.add(1);
            }
            if !goes_on {
                target.fade(&mut self.declick, reached, end);
            }
        }
        (part.filled, part.taken) = (filled, taken);
        goes_on
    }

    /// Where a stretch begins of which so much is queued.
    fn start(&mut self, target: &Target, from: Format, due: &Due, (queued, whole, filled): (u64, u64, i64)) -> usize {
        self.run = 0;
        let begin = target.range().0;
        let Target::Mix(_) = target else { return target.index(i64::from(self.at).max(filled)) };
        // A mix of another rate gives out what goes in somewhat later. What is queued beyond what is needed can go in as much earlier, so
        // that it is heard at its time; where nothing is, all that follows is later by what the mix needs.
        let sample = from.units(1);
        let rounding = if whole.is_multiple_of(sample) { 0 } else { sample };
        let need = JitterPolicy::need(whole, from.units(due.packet)) + rounding;
        let spare = match queued as i64 - need as i64 {
            _ if due.end => i64::from(i32::MAX),
            spare if self.ran_dry => spare.min(0),
            spare => spare,
        };
        target.index((filled + target.moment(begin) - spare).max(i64::from(self.at)))
    }

    /// Adds up to `left` samples from one index to another; how far they reach.
    fn put<S: Source>(
        &mut self,
        target: &mut Target,
        source: &mut S,
        from: Format,
        (index, end): (usize, usize),
        left: usize,
    ) -> usize {
        let mut chunk = [MaybeUninit::uninit(); CHUNK];
        let channels = target.channels();
        let level = |group: &[S::Sample]| {
            let mut level = [0; 2];
            remix(group, channels, from.added_up(), |c, sample| level[c] = sample);
            if channels == 1 { [level[0]; 2] } else { level }
        };
        let (mut at, stop) = (index, index + left.min(end - index));
        while at < stop {
            let now = (stop - at).min(CHUNK / from.channels());
            let Some(samples) = source.take(&mut chunk[..now * from.channels()]) else { break };
            if self.run == 0 {
                let first = level(&samples[..from.channels()]);
                let step = [self.last[0] - first[0], self.last[1] - first[1]];
                target.step(&mut self.declick, step, from);
            }
            target.add(at, samples, from);
            self.last = level(&samples[samples.len() - from.channels()..]);
            self.run = self.run.saturating_add(now as u32);
            at += now;
        }
        target.fade(&mut self.declick, index, at);
        at
    }

    /// The stretch ends here.
    fn end(&mut self, target: &Target, from: Format) {
        target.step(&mut self.declick, self.last, from);
        (self.last, self.run) = ([0, 0], 0);
    }

    /// What is due waits for its conversion: what would be played into this frame is left out, so that what follows is no later than if the
    /// conversion had been there from the beginning.
    fn leave_out(&mut self, source: &mut impl Source, from: Format, due: &Due, (passed, whole): (u64, u64)) {
        let (queued, packet) = (from.units(due.samples), from.units(due.packet));
        self.jitter.skip(queued, due.beyond, whole, packet);
        let left_out = from.samples(passed).min(due.samples);
        if left_out > 0 && self.jitter.ready(queued, whole, packet, due.end) {
            source.skip(left_out);
            self.jitter.took(from.units(left_out), passed, whole, packet);
            (self.from, self.waiting) = (Some(from), true);
        } else if self.waiting {
            self.jitter.stop();
            self.waiting = false;
        }
    }
}
