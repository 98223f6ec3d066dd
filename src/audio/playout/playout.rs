//! Plays one queue into one listener's frames: pace, conversion, channels and declared fades. The same for a private voice
//! and for the open mix of an engine-mixed room.

use std::mem::MaybeUninit;

use crate::audio::{
    counters::Counts,
    format::{Format, remix},
    playout::{
        declick::Fade,
        jitter::Pace,
        resample::{Conversion, Converter, Mailbox},
    },
    sum::Sample,
};

/// Interleaved samples that are moved at a time.
pub const CHUNK: usize = 160;

/// So many stretches at most are played into one frame: each begins with a conversion of its own. That is enough for the shortest usual
/// frames in the longest.
const STRETCHES: usize = 8;

/// What a queue has for this listener now.
pub struct Due {
    /// Of what is due next; `None` when nothing is.
    pub format: Option<Format>,
    /// Samples a channel that are due in that format.
    pub samples: usize,
    /// Ticks that are queued behind these, where they are in other formats.
    pub beyond: u64,
    /// Samples a channel that the queue is filled with at a time.
    pub packet: usize,
    /// Nothing was late if the queue is empty after these.
    pub end: bool,
    /// They do not go on from what was taken last: a stretch ended in between.
    pub anew: bool,
    /// Ticks that were overtaken since the last time.
    pub lost: u64,
}

impl Due {
    fn count_lost(&self, counts: &Counts) {
        if self.lost > 0 {
            counts.skips.add(1);
            counts.skipped.add(self.lost);
        }
    }
}

/// A queue, as one listener reads it.
pub trait Source {
    /// Narrow, or a wide sum.
    type Sample: Sample;

    /// What is there. [`Source::skip`] and [`Source::take`] go no further than this.
    fn due(&mut self) -> Due;
    /// Leaves out `samples` samples a channel.
    fn skip(&mut self, samples: usize);
    /// Goes back by up to so many samples a channel of those that were taken last; by how many.
    fn back(&mut self, samples: usize) -> usize;
    /// Fills `out` with the next interleaved samples. `None` if they were overtaken.
    fn take<'a>(&mut self, out: &'a mut [MaybeUninit<Self::Sample>]) -> Option<&'a mut [Self::Sample]>;
    /// The same for up to [`CHUNK`] samples, straight into a frame of their format: narrow ones are added to what it holds, a wide
    /// sum is all of it. What the last sample group of them is; after `None` the frame holds what it held, or anything if that is
    /// not kept.
    fn lay(&mut self, frame: &mut [i16]) -> Option<[i32; 2]>;
}

/// The state of one queue at one listener.
#[derive(Default)]
pub struct Player {
    pace: Pace,
    fade: Fade,
    /// What was played last; 0 when silent.
    last: [i32; 2],
    /// Of the queue, while playing.
    from: Option<Format>,
    /// Of the listener's frames.
    to: Option<Format>,
    /// Ticks of audio that went into the converter and have not come out.
    held: u64,
    /// Zeros that push out the rest, samples a channel.
    owed: usize,
}

/// The listener's frame while it is being filled.
struct Strip<'a> {
    sum: &'a mut [i32],
    to: Format,
    /// Samples a channel that have been played.
    done: usize,
    /// Samples a channel over which the fade has gone.
    faded: usize,
}

impl Strip<'_> {
    fn samples(&self) -> usize {
        self.to.a_channel(self.sum.len())
    }

    fn left(&self) -> usize {
        self.samples() - self.done
    }

    fn fade_to(&mut self, fade: &mut Fade, end: usize) {
        let channels = self.to.channels();
        fade.apply(&mut self.sum[self.faded * channels..end * channels], channels);
        self.faded = end;
    }

    /// The signal steps by `-step` at the place reached.
    fn step(&mut self, fade: &mut Fade, step: [i32; 2]) {
        self.fade_to(fade, self.done);
        fade.step(step, self.to);
    }
}

impl Player {
    /// Nothing to play on, nothing to fade.
    pub fn idle(&self) -> bool {
        !self.pace.playing() && !self.fade.active() && self.owed == 0
    }

    /// In the middle of a stretch.
    pub fn playing(&self) -> bool {
        self.pace.playing()
    }

    /// See [`Pace::hold_back`].
    pub fn hold_back(&mut self, ticks: u64) {
        self.pace.hold_back(ticks);
    }

    /// What the listener is hearing at this moment, for a fade should this voice be taken away.
    pub fn tail(&self) -> [i32; 2] {
        [self.last[0] + self.fade.value(0), self.last[1] + self.fade.value(1)]
    }

    /// Adds what is due to `sum`, interleaved in format `to`; whether it added any.
    ///
    /// # Safety
    /// The caller is inside the gate of the hook that owns `mailbox`.
    pub unsafe fn play(
        &mut self,
        source: &mut impl Source,
        mailbox: &Mailbox,
        sum: &mut [i32],
        to: Format,
        counts: &Counts,
    ) -> bool {
        if self.to != Some(to) {
            self.change(source, to, counts);
        }
        let mut strip = Strip { sum, to, done: 0, faded: 0 };
        // SAFETY: passed on.
        unsafe {
            self.flush(&mut strip, mailbox);
            let mut stretches = 0;
            while self.owed == 0
                && stretches < STRETCHES
                && self.fill(&mut strip, source, mailbox, counts, stretches == 0)
            {
                stretches += 1;
            }
        }
        let played = strip.done > 0;
        let frame = strip.samples();
        strip.fade_to(&mut self.fade, frame);
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
        let mut pace = std::mem::take(&mut self.pace);
        pace.turn();
        *self = Self { to: Some(to), pace, ..Self::default() };
        self.fade.step(tail, to);
    }

    /// The short way for the one voice that plays on evenly into `frame`, and is all that Coach adds to it: no wide sum, no
    /// fade, no conversion. `false`, and nothing done, where it is not so simple.
    pub fn lay<S: Source>(&mut self, source: &mut S, frame: &mut [i16], to: Format, counts: &Counts) -> bool {
        let even = self.pace.playing() && !self.fade.active() && self.owed == 0;
        if !even || self.to != Some(to) || self.from != Some(to) {
            return false;
        }
        let due = source.due();
        due.count_lost(counts);
        let length = to.a_channel(frame.len());
        let (queued, frame_ticks, packet) = (to.ticks(due.samples), to.ticks(length), to.ticks(due.packet));
        if due.anew
            || due.format != Some(to)
            || due.samples < length
            || self.pace.skip(queued, due.beyond, frame_ticks, packet) > 0
        {
            return false;
        }
        for part in frame.chunks_mut(CHUNK) {
            let laid = if self.pace.playing() { source.lay(part) } else { None };
            if laid.is_none() {
                self.pace.stop(); // overtaken: the rest of the frame goes without
                S::Sample::lay_silence(part);
            }
            self.last = laid.unwrap_or_default();
        }
        self.pace.took(frame_ticks, frame_ticks, packet);
        true
    }

    /// Whether a packet of so many samples a channel, all that is queued, can be added as it is to a frame of its length and format.
    pub fn lays_one(&mut self, to: Format, samples: usize) -> bool {
        let even = self.pace.playing() && !self.fade.active() && self.owed == 0;
        even && self.to == Some(to) && self.from == Some(to) && self.pace.takes_one(to.ticks(samples))
    }

    /// It was, and ends so.
    pub fn laid_one(&mut self, to: Format, samples: usize, last: [i32; 2]) {
        self.last = last;
        self.pace.took_one(to.ticks(samples));
    }

    /// Plays what is due of one stretch; whether the frame has room for the next one. `first`: nothing was played into it before.
    ///
    /// # Safety
    /// As [`Player::play`].
    unsafe fn fill(
        &mut self,
        strip: &mut Strip,
        source: &mut impl Source,
        mailbox: &Mailbox,
        counts: &Counts,
        first: bool,
    ) -> bool {
        let due = source.due();
        due.count_lost(counts);
        // Between stretches it stops; unless a converter still holds the end of the last, which then runs into the next.
        let anew = due.anew && self.held == 0;
        if self.pace.playing() && due.format.is_some() && (due.format != self.from || anew) {
            self.pace.turn();
            // SAFETY: the caller's promise.
            unsafe { self.finish(strip, mailbox) };
            if self.owed > 0 {
                return false;
            }
        }
        let Some(from) = due.format.or(self.from) else { return false };
        let (frame, packet) = (strip.to.ticks(strip.samples()), from.ticks(due.packet));
        let converter = match Conversion::between(from, strip.to) {
            None => None,
            // SAFETY: the caller's promise.
            Some(conversion) => match unsafe { mailbox.take(conversion.code()) } {
                Some(converter) => Some(converter),
                None => {
                    counts.waited.add(1);
                    let skip = from.samples(self.pace.waits(from.ticks(due.samples) + due.beyond, frame, packet));
                    let skip = skip.min(due.samples);
                    if skip > 0 {
                        source.skip(skip);
                        counts.skips.add(1);
                        counts.skipped.add(from.ticks(skip));
                    }
                    return false;
                }
            },
        };
        let delay = converter.as_ref().map_or(0, |c| from.ticks(c.delay()));
        let mut left = due.samples;
        let queued = (from.ticks(left) + self.held).saturating_sub(delay);
        let behind = if first { self.pace.skip(queued, due.beyond, frame, packet) } else { 0 };
        let skip = if behind > 0 { from.samples(behind).min(left) } else { 0 };
        if skip > 0 {
            source.skip(skip);
            self.pace.skipped(from.ticks(skip));
            left -= skip;
            counts.skips.add(1);
            counts.skipped.add(from.ticks(skip));
        }
        let playing = self.pace.playing();
        if !self.pace.ready(queued - from.ticks(skip).min(queued), frame, packet, due.end && due.samples > 0) {
            return false;
        }
        self.from = Some(from);
        let jump = !playing || skip > 0;
        let whole = match converter {
            None => self.copy(strip, source, from, left, jump),
            Some(converter) => {
                if !playing {
                    converter.restart();
                    self.held = 0;
                }
                self.convert(strip, source, converter, from, left, jump)
            }
        };
        if whole {
            self.pace.took(strip.to.ticks(strip.done), frame, packet);
            return false;
        }
        if due.end {
            self.pace.turn();
        } else {
            self.pace.stop();
            counts.underruns.add(1);
        }
        // SAFETY: the caller's promise.
        unsafe { self.finish(strip, mailbox) };
        let goes_on = due.end && due.samples > 0 && strip.left() > 0;
        if due.end && !goes_on {
            self.pace.took(strip.to.ticks(strip.done), frame, packet);
        }
        goes_on
    }

    /// Plays `left` samples at the listener's own rate; whether that filled the frame.
    fn copy<S: Source>(&mut self, strip: &mut Strip, source: &mut S, from: Format, left: usize, jump: bool) -> bool {
        let mut left = left.min(strip.left());
        let mut chunk = [MaybeUninit::uninit(); CHUNK];
        let mut jump = jump;
        while left > 0 {
            let now = left.min(CHUNK / from.channels());
            let Some(chunk) = source.take(&mut chunk[..now * from.channels()]) else { return false };
            self.put(strip, chunk, from.channels(), jump);
            jump = false;
            left -= now;
        }
        strip.left() == 0
    }

    /// Plays up to `left` samples through the converter; whether that filled the frame.
    fn convert<S: Source>(
        &mut self,
        strip: &mut Strip,
        source: &mut S,
        converter: &mut Converter,
        from: Format,
        left: usize,
        jump: bool,
    ) -> bool {
        let mut left = left;
        let mut jump = jump;
        let channels = converter.conversion().channels();
        let mut raw = [MaybeUninit::uninit(); CHUNK / 2];
        let (mut input, mut out) = ([0.0; CHUNK / 2], [0.0; CHUNK]);
        while strip.left() > 0 {
            let room = strip.left().min(CHUNK / channels) * channels;
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
            self.held = self.held.saturating_sub(strip.to.ticks(given / channels));
            self.put_converted(strip, &out[..given], channels, jump);
            jump = jump && given == 0;
        }
        true
    }

    /// Silent from the place reached on, once what the converter holds has been pushed out.
    ///
    /// # Safety
    /// As [`Player::play`].
    unsafe fn finish(&mut self, strip: &mut Strip, mailbox: &Mailbox) {
        let conversion = self.from.filter(|_| self.held > 0).and_then(|from| Conversion::between(from, strip.to));
        // SAFETY: the caller's promise.
        let converter = conversion.and_then(|c| unsafe { mailbox.take(c.code()) });
        self.owed = converter.map_or(0, |converter| converter.delay() + 1);
        if self.owed == 0 {
            return self.stop(strip);
        }
        // SAFETY: as above.
        unsafe { self.flush(strip, mailbox) };
    }

    /// Pushes out what the converter still holds, as far as the frame has room.
    ///
    /// # Safety
    /// As [`Player::play`].
    unsafe fn flush(&mut self, strip: &mut Strip, mailbox: &Mailbox) {
        if self.owed == 0 {
            return;
        }
        let conversion = self.from.and_then(|from| Conversion::between(from, strip.to));
        // SAFETY: the caller's promise.
        let converter = conversion.and_then(|c| unsafe { mailbox.take(c.code()) });
        if let Some(converter) = converter {
            let channels = converter.conversion().channels();
            let mut out = [0.0; CHUNK];
            let sample = strip.to.ticks(1);
            while strip.left() > 0 {
                // As long as what went in, to the sample.
                let rest = strip.to.samples(self.held + sample / 2);
                if rest == 0 {
                    self.owed = 0;
                    break;
                }
                let room = strip.left().min(CHUNK / channels).min(rest) * channels;
                let (_, mut given) = converter.run(&[], &mut out[..room]);
                if given == 0 {
                    if self.owed == 0 {
                        break;
                    }
                    self.owed -= 1;
                    (_, given) = converter.run(&[0.0; 2][..channels], &mut out[..room]);
                }
                self.held = self.held.saturating_sub(strip.to.ticks(given / channels));
                self.put_converted(strip, &out[..given], channels, false);
            }
            if strip.left() == 0 && self.owed > 0 {
                return;
            }
        }
        self.owed = 0;
        self.stop(strip);
    }

    fn put_converted(&mut self, strip: &mut Strip, samples: &[f32], channels: usize, jump: bool) {
        let mut chunk = [0; CHUNK];
        let chunk = &mut chunk[..samples.len()];
        for (wide, sample) in chunk.iter_mut().zip(samples) {
            *wide = sample.round() as i32;
        }
        self.put(strip, chunk, channels, jump);
    }

    /// Adds interleaved samples at the place reached; `jump`: they do not go on from what was played last.
    fn put<T: Sample>(&mut self, strip: &mut Strip, samples: &[T], channels: usize, jump: bool) {
        let (to, added_up) = (strip.to.channels(), self.from.is_some_and(Format::added_up));
        let Some(first) = samples.chunks_exact(channels).next() else { return };
        if jump {
            let mut step = self.last;
            remix(first, to, added_up, |c, s| step[c] -= s);
            strip.step(&mut self.fade, step);
        }
        let count = samples.len() / channels;
        let place = &mut strip.sum[strip.done * to..(strip.done + count) * to];
        if channels == to {
            T::add(samples, place);
        } else {
            for (sum, group) in place.chunks_exact_mut(to).zip(samples.chunks_exact(channels)) {
                remix(group, to, added_up, |c, s| sum[c] += s);
            }
        }
        remix(&samples[samples.len() - channels..], to, added_up, |c, s| self.last[c] = s);
        strip.done += count;
    }

    /// Silent from the place reached on.
    fn stop(&mut self, strip: &mut Strip) {
        strip.step(&mut self.fade, self.last);
        self.last = [0, 0];
        self.held = 0;
        self.from = None;
    }
}
