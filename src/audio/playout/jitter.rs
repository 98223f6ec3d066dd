//! When a reader of a queue starts, skips and stops: the one rule for private streams and for the open mix.
//!
//! Frames come in bursts from some senders, so that much may be queued at one moment and nothing a little later. A reader therefore
//! never skips on what is queued at the moment, but on what stays queued: the least that was left after a frame in the last second.
//! It leaves that out once more is queued than the largest burst of the last ten seconds explains. A reader that runs dry is silent until
//! its sender goes on, and so by itself keeps as much in hand from then on as the sender was late.

use crate::audio::format::UNITS_PER_MS;

/// What stays queued is measured over so much of the reader's own time.
const WINDOW: u64 = 1_000 * UNITS_PER_MS;

/// The largest burst of so many windows counts.
const WINDOWS: usize = 10;

/// The state of one reader. Durations are in units.
pub struct JitterPolicy {
    playing: bool,
    /// The place in `bursts` of the window that is running.
    window: u8,
    /// The largest burst of each of the last windows, in ms rounded up.
    bursts: [u16; WINDOWS],
    /// How many ms it was held back before it began: so much stays queued beyond what it would need.
    held_back: u16,
    /// How much of the running window has passed.
    passed: u32,
    /// What was queued after the last frame.
    queued: u32,
    /// The most that was queued before a frame in the running window, beyond what the sizes of frames and packets explain.
    most: u32,
    /// The least that was queued after one.
    least: u32,
    /// To be left out with the next frame.
    skip: u32,
}

impl Default for JitterPolicy {
    fn default() -> Self {
        let (bursts, least) = ([0; WINDOWS], u32::MAX);
        Self { playing: false, window: 0, bursts, held_back: 0, passed: 0, queued: 0, most: 0, least, skip: 0 }
    }
}

impl JitterPolicy {
    pub fn playing(&self) -> bool {
        self.playing
    }

    /// How much must be queued before a reader that takes `frame` at a time may start on a queue that is filled `packet` at a
    /// time, so that with steady clocks it never runs dry whatever the phase: `frame + packet - gcd`.
    pub fn need(frame: u64, packet: u64) -> u64 {
        frame + packet - gcd(frame, packet)
    }

    /// It was held back for so long before it began, and more is queued for that until it turns or stops.
    pub fn hold_back(&mut self, units: u64) {
        self.held_back = u16::try_from(units.div_ceil(UNITS_PER_MS)).unwrap_or(u16::MAX);
    }

    /// A frame is due, and so much is at hand: how much of that to skip. `beyond` is what is queued behind it, in other formats.
    pub fn skip(&mut self, queued: u64, beyond: u64, frame: u64, packet: u64) -> u64 {
        let now = u32::try_from(queued + beyond).unwrap_or(u32::MAX);
        let came = u64::from(now.saturating_sub(self.queued));
        // While a frame is played another comes: a burst is what comes beyond that.
        let burst = came.min((came + packet).saturating_sub(frame)).max(packet);
        self.came(burst);
        self.queued = now;
        if self.skip == 0 {
            return 0;
        }
        let need = Self::need(frame, packet).saturating_sub(beyond);
        u64::from(self.skip).min(queued.saturating_sub(need))
    }

    /// As [`skip`](Self::skip) where one packet is queued, as long as the frame: whether nothing is to be skipped.
    pub fn takes_one(&mut self, frame: u64) -> bool {
        self.came(frame);
        self.skip == 0
    }

    /// So much came at once. It is hardly ever the largest burst: a product costs less than a quotient.
    fn came(&mut self, burst: u64) {
        let largest = &mut self.bursts[usize::from(self.window)];
        if burst > u64::from(*largest) * UNITS_PER_MS {
            *largest = u16::try_from(burst.div_ceil(UNITS_PER_MS)).unwrap_or(u16::MAX);
        }
    }

    /// As [`took`](Self::took) after that: nothing stays queued.
    pub fn took_one(&mut self, frame: u64) {
        (self.queued, self.least) = (0, 0);
        self.passed = self.passed.saturating_add(frame as u32);
        if u64::from(self.passed) >= WINDOW {
            self.end_window();
        }
    }

    /// What [`skip`](Self::skip) told of was skipped.
    pub fn skipped(&mut self, units: u64) {
        let units = u32::try_from(units).unwrap_or(u32::MAX);
        self.queued = self.queued.saturating_sub(units);
        self.skip = self.skip.saturating_sub(units);
    }

    fn largest_burst(&self) -> u64 {
        u64::from(self.bursts.iter().max().copied().unwrap_or(0)) * UNITS_PER_MS
    }

    /// Whether to play; starts where enough is queued, or where there is something to which no more will come (`end`).
    pub fn ready(&mut self, queued: u64, frame: u64, packet: u64, end: bool) -> bool {
        self.playing |= queued >= Self::need(frame, packet) || end;
        self.playing
    }

    /// `taken` was played into `passed` of the reader's own time: into a frame, or a part of it; of a queue that is filled `packet` at a time
    /// and has not run dry.
    pub fn took(&mut self, taken: u64, passed: u64, frame: u64, packet: u64) {
        // What stays is the delay: at most the largest burst and a frame. The frame itself is queued besides, and where sizes differ a
        // reader can start on a part of a packet more than it needs.
        let held_back = u64::from(self.held_back) * UNITS_PER_MS;
        let explained = 2 * frame + packet - gcd(frame, packet) + held_back;
        self.most = self.most.max(self.queued.saturating_sub(explained as u32));
        self.queued = self.queued.saturating_sub(taken as u32);
        self.least = self.least.min(self.queued);
        self.passed = self.passed.saturating_add(passed as u32);
        if u64::from(self.passed) >= WINDOW {
            self.end_window();
        }
    }

    fn end_window(&mut self) {
        if u64::from(self.most) > self.largest_burst() {
            self.skip = self.least;
        }
        self.begin_window();
        self.window = (self.window + 1) % WINDOWS as u8;
        self.bursts[usize::from(self.window)] = 0;
    }

    fn begin_window(&mut self) {
        (self.passed, self.most, self.least) = (0, 0, u32::MAX);
    }

    /// What follows is another stretch, or in another format: it starts as if nothing had been played, of what is queued by then.
    pub fn turn(&mut self) {
        if self.playing {
            (self.playing, self.held_back) = (false, 0);
        }
    }

    /// The queue is empty though more should come: it starts again when enough is there.
    pub fn stop(&mut self) {
        (self.playing, self.held_back, self.queued, self.skip) = (false, 0, 0, 0);
        self.begin_window();
    }
}

fn gcd(a: u64, b: u64) -> u64 {
    if a == b || b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = UNITS_PER_MS;

    /// What became of a sender's audio at a reader that takes `frame` every `frame` ms.
    #[derive(Default, Debug)]
    struct Played {
        dry: u64,
        skipped: u64,
        /// The largest delay of the last second, in ms.
        delay: u64,
    }

    /// `comes`: how many ms of audio the network brings in each ms.
    fn play(frame: u64, packet: u64, phase: u64, length: u64, comes: impl Fn(u64) -> u64) -> Played {
        let (mut jitter, mut played, mut queued) = (JitterPolicy::default(), Played::default(), 0);
        for ms in 0..length {
            queued += comes(ms);
            if ms < phase || !(ms - phase).is_multiple_of(frame) {
                continue;
            }
            let skip = jitter.skip(queued * MS, 0, frame * MS, packet * MS);
            if skip > 0 {
                jitter.skipped(skip);
                queued -= skip / MS;
                played.skipped += skip / MS;
            }
            if jitter.ready(queued * MS, frame * MS, packet * MS, false) {
                if queued >= frame {
                    queued -= frame;
                    jitter.took(frame * MS, frame * MS, frame * MS, packet * MS);
                    if ms + 1_000 >= length {
                        played.delay = played.delay.max(queued);
                    }
                } else {
                    played.dry += 1;
                    queued = 0;
                    jitter.stop();
                }
            }
        }
        played
    }

    #[test]
    fn steady_clocks_never_run_dry_and_never_skip_whatever_the_frame_sizes_and_phase() {
        for packet in [10, 20, 30, 40, 60] {
            for frame in [10, 20, 30, 40, 60] {
                for phase in 0..packet {
                    let played = play(frame, packet, phase, 30_000, |ms| if ms % packet == 0 { packet } else { 0 });
                    let what = format!("{packet} ms into {frame} ms at {phase}: {played:?}");
                    assert_eq!((played.dry, played.skipped), (0, 0), "{what}");
                    assert!(played.delay < frame + 2 * packet, "{what}");
                }
            }
        }
    }

    #[test]
    fn bursts_are_played_whole() {
        for burst in [40, 100, 140, 300, 600] {
            for phase in 0..20 {
                let comes = |ms: u64| if ms.is_multiple_of(burst) { burst } else { 0 };
                let played = play(20, 20, phase, 60_000, comes);
                assert_eq!((played.dry, played.skipped), (0, 0), "{burst} ms at {phase}: {played:?}");
                assert!(played.delay <= burst, "{burst} ms at {phase}: {played:?}");
            }
        }
    }

    /// A steady sender that is held up once: the delay is what it was held up for, for ten seconds, and is gone after that.
    #[test]
    fn the_delay_after_a_burst_falls_again() {
        let held_up = |ms: u64| match ms {
            5_000..5_300 => 0,
            5_300 => 320,
            _ if ms.is_multiple_of(20) => 20,
            _ => 0,
        };
        let before = play(20, 20, 3, 14_000, held_up);
        assert_eq!((before.dry, before.skipped, before.delay), (1, 0, 300), "{before:?}");
        let after = play(20, 20, 3, 20_000, held_up);
        assert_eq!((after.dry, after.skipped, after.delay), (1, 300, 0), "{after:?}");
        // Held up again within ten seconds, it has enough in hand.
        let again = |ms: u64| held_up(if ms >= 12_000 { ms - 7_000 } else { ms });
        let twice = play(20, 20, 3, 14_000, again);
        assert_eq!((twice.dry, twice.skipped), (1, 0), "{twice:?}");
    }

    /// As much as comes while a frame is played is no burst; and what was skipped leaves what comes next as it is.
    #[test]
    fn what_came_at_once_is_skipped_once() {
        let more_at_once = |ms: u64| match ms {
            5_000 | 15_500 => 120, // the first is skipped at 15,363
            _ if ms.is_multiple_of(20) => 20,
            _ => 0,
        };
        for (length, skipped, delay) in [(14_000, 0, 120), (17_500, 120, 100), (29_000, 220, 0)] {
            let played = play(60, 20, 3, length, more_at_once);
            assert_eq!((played.dry, played.skipped, played.delay), (0, skipped, delay), "{length} ms: {played:?}");
        }
    }

    /// A packet more than the sizes of frames and packets explain is the least burst that there is.
    #[test]
    fn as_much_as_a_burst_explains_is_kept() {
        let more_at_once = |ms: u64| match ms {
            5_000 => 80,
            _ if ms.is_multiple_of(20) => 20,
            _ => 0,
        };
        let kept = play(60, 20, 3, 29_000, more_at_once);
        assert_eq!((kept.dry, kept.skipped, kept.delay), (0, 0, 80), "{kept:?}");
    }

    #[test]
    fn clocks_that_drift_cost_a_frame_or_two_at_a_time() {
        // A hundred times as fast as clocks are: 1 %.
        let fast = play(20, 20, 0, 100_000, |ms| if ms * 101 / 100 / 20 != (ms + 1) * 101 / 100 / 20 { 20 } else { 0 });
        assert!(fast.dry == 0 && fast.delay <= 60 && (900..=1_000).contains(&fast.skipped), "{fast:?}");
        let slow = play(20, 20, 0, 100_000, |ms| if ms * 99 / 100 / 20 != (ms + 1) * 99 / 100 / 20 { 20 } else { 0 });
        assert!((45..=55).contains(&slow.dry) && slow.skipped == 0 && slow.delay <= 40, "{slow:?}");
    }

    #[test]
    fn equal_frames_start_at_the_first() {
        assert!(JitterPolicy::default().ready(20, 20, 20, false));
        assert!(!JitterPolicy::default().ready(19, 20, 20, false));
        assert!(JitterPolicy::default().ready(19, 20, 20, true), "all there will be");
    }
}
