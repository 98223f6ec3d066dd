//! When a reader of a queue starts, skips and stops: the one rule for private voices and for the open mix.

use super::format::TICKS_PER_MS;

/// Extra wait before a voice that ran dry starts again.
const CUSHION: u64 = 10 * TICKS_PER_MS;

/// How far beyond what it needs a reader may fall behind before it skips to the newest audio.
const SLACK: u64 = 60 * TICKS_PER_MS;

/// The state of one reader. Durations are in ticks.
#[derive(Default)]
pub struct Pace {
    playing: bool,
    cushion: u64,
}

impl Pace {
    pub fn playing(&self) -> bool {
        self.playing
    }

    /// How much must be queued before a reader that takes `frame` at a time may start on a queue that is filled `packet` at a
    /// time, so that with steady clocks it never runs dry whatever the phase: `frame + packet - gcd`.
    fn need(&self, frame: u64, packet: u64) -> u64 {
        frame + packet - gcd(frame, packet) + self.cushion
    }

    /// With `queued` at hand: how much of it to skip, if the reader fell behind.
    pub fn skip(&self, queued: u64, frame: u64, packet: u64) -> u64 {
        let need = self.need(frame, packet);
        if queued > need + SLACK { queued - need } else { 0 }
    }

    /// Whether to play; starts where enough is queued, or where there is something to which no more will come (`end`).
    pub fn ready(&mut self, queued: u64, frame: u64, packet: u64, end: bool) -> bool {
        self.playing = self.playing || queued >= self.need(frame, packet) || end;
        self.playing
    }

    /// The queue is empty at its end: nothing was late.
    pub fn end(&mut self) {
        *self = Self::default();
    }

    /// The queue ran dry.
    pub fn dry(&mut self) {
        *self = Self { playing: false, cushion: CUSHION };
    }
}

fn gcd(a: u64, b: u64) -> u64 {
    if a == b || b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Plays `packet` against `frame` (ms) at a phase, with steady clocks; how often it ran dry once started.
    fn dry_runs(packet: u64, frame: u64, phase: u64) -> usize {
        let mut pace = Pace::default();
        let (mut queued, mut dry) = (0, 0);
        for ms in 0..2_000_u64 {
            if ms.is_multiple_of(packet) {
                queued += packet;
            }
            if ms >= phase && (ms - phase).is_multiple_of(frame) && pace.ready(queued, frame, packet, false) {
                if queued >= frame { queued -= frame } else { dry += 1 }
            }
        }
        dry
    }

    #[test]
    fn steady_clocks_never_run_dry_whatever_the_frame_sizes_and_phase() {
        for packet in [10, 20, 30, 40, 60] {
            for frame in [10, 20, 30, 40, 60] {
                for phase in 0..60 {
                    assert_eq!(dry_runs(packet, frame, phase), 0, "{packet} ms into {frame} ms at {phase}");
                }
            }
        }
    }

    #[test]
    fn equal_frames_start_at_the_first() {
        assert!(Pace::default().ready(20, 20, 20, false));
        assert!(!Pace::default().ready(19, 20, 20, false));
        assert!(Pace::default().ready(19, 20, 20, true), "all there will be");
    }

    #[test]
    fn a_reader_that_fell_behind_skips_to_what_it_needs() {
        let pace = Pace { playing: true, cushion: 0 };
        assert_eq!(pace.skip(20 + SLACK, 20, 20), 0);
        assert_eq!(pace.skip(21 + SLACK, 20, 20), 1 + SLACK);
    }
}
