//! Media time: when a frame was said, by the clock of who sent it. With it an opening guard knows speech that was said before a
//! command and arrives long after it, in a burst after a network stall.

/// What a host knows of when a frame was said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameTime {
    /// Nothing.
    Unknown,
    /// Nanoseconds by the sender's clock, which began at any moment.
    Said(u64),
    /// The host made the frame itself, for one that did not arrive: the member said nothing of it.
    Filler,
}

/// A frame that is later than the sender's quickest one by more than this, or earlier, is of another clock: the stamps jumped.
const JUMP_NS: i64 = 10_000_000_000;

/// The quickest frame is looked for among those of the last one to two times this, since clocks drift and paths change.
const WINDOW_NS: i64 = 5_000_000_000;

/// Where a frame stands in the sender's time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Said {
    /// It is not known.
    #[default]
    Unknown,
    /// At this moment of the sender's clock.
    At(i64),
    /// The stamps jumped: nothing that was known of the sender's clock holds any more.
    Jumped,
}

/// A sender's clock beside the engine's: by how much the quickest frames trail the moment they were said. The read hook's own.
#[derive(Default)]
pub struct SenderClock {
    /// Engine's time less the sender's, at the quickest frame of this window and of the last.
    lags: Option<[i64; 2]>,
    /// The sender's time at which this window began.
    began: i64,
}

impl SenderClock {
    /// Forgets the sender's clock.
    pub fn forget(&mut self) {
        self.lags = None;
    }

    /// A frame arrives at `now` by the engine's clock.
    pub fn place(&mut self, time: FrameTime, now: Option<u64>) -> Said {
        let (FrameTime::Said(said), Some(now)) = (time, now) else { return Said::Unknown };
        let (said, now) = (said as i64, now as i64);
        let lag = now.wrapping_sub(said);
        let Some([current, last]) = &mut self.lags else {
            (self.lags, self.began) = (Some([lag; 2]), said);
            return Said::At(said);
        };
        let quickest = (*current).min(*last);
        if lag.wrapping_sub(quickest).saturating_abs() > JUMP_NS {
            (self.lags, self.began) = (Some([lag; 2]), said);
            return Said::Jumped;
        }
        *current = (*current).min(lag);
        if said.wrapping_sub(self.began) > WINDOW_NS {
            (*last, *current, self.began) = (*current, lag, said);
        }
        Said::At(said)
    }

    /// The sender's time at the moment `at` of the engine's clock, or later by what the quickest frame needed to arrive.
    pub fn at(&self, at: u64) -> Option<i64> {
        let [current, last] = self.lags?;
        Some((at as i64).wrapping_sub(current.min(last)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    fn said(clock: &mut SenderClock, said_ms: u64, now_ms: u64) -> Said {
        clock.place(FrameTime::Said(said_ms * MS), Some(now_ms * MS))
    }

    #[test]
    fn a_late_frame_does_not_move_the_sender_s_clock() {
        let mut clock = SenderClock::default();
        for frame in 0..100 {
            said(&mut clock, 7_000 + 20 * frame, 20 * frame + 3);
        }
        assert_eq!(clock.at(1_983 * MS), Some((8_980 * MS) as i64));
        // 2 s after the next was said.
        assert_eq!(said(&mut clock, 9_000, 4_003), Said::At((9_000 * MS) as i64));
        assert_eq!(clock.at(4_003 * MS), Some((11_000 * MS) as i64), "the sender is at 11 s, whatever arrives");
    }

    #[test]
    fn a_path_that_became_longer_is_believed_in_some_seconds() {
        let mut clock = SenderClock::default();
        for frame in 0..1_000 {
            let delay = if frame < 100 { 0 } else { 500 };
            said(&mut clock, 20 * frame, 20 * frame + delay);
        }
        assert_eq!(clock.at(20_480 * MS), Some((19_980 * MS) as i64));
    }

    #[test]
    fn stamps_that_jump_or_wrap_begin_anew() {
        let mut clock = SenderClock::default();
        assert_eq!(said(&mut clock, 536_870_900, 1_000), Said::At((536_870_900 * MS) as i64));
        assert_eq!(said(&mut clock, 8, 1_020), Said::Jumped, "wrapped");
        assert_eq!(said(&mut clock, 28, 1_040), Said::At((28 * MS) as i64));
        assert_eq!(said(&mut clock, 60_000, 1_060), Said::Jumped, "ahead");
        assert_eq!(clock.at(1_060 * MS), Some((60_000 * MS) as i64));
        assert_eq!(said(&mut clock, 59_000, 1_080), Said::At((59_000 * MS) as i64), "a second late is late");
        assert_eq!(clock.place(FrameTime::Unknown, Some(1)), Said::Unknown);
        assert_eq!(clock.place(FrameTime::Filler, Some(1)), Said::Unknown);
        assert_eq!(clock.place(FrameTime::Said(1), None), Said::Unknown, "nobody writes the engine's clock");
    }

    /// "Off by more than 10 s", says `coach.h`.
    #[test]
    fn a_frame_is_late_for_ten_seconds_and_of_another_clock_after_that() {
        for (late, jumps) in [(JUMP_NS, false), (-JUMP_NS, false), (JUMP_NS + 1, true), (-JUMP_NS - 1, true)] {
            let mut clock = SenderClock::default();
            said(&mut clock, 60_000, 60_000);
            let now = 60_020 * MS;
            let stamp = now as i64 - late;
            let right = if jumps { Said::Jumped } else { Said::At(stamp) };
            assert_eq!(clock.place(FrameTime::Said(stamp as u64), Some(now)), right, "late by {late} ns");
        }
    }
}
