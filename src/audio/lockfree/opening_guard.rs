//! Opening guards: when an audience was widened, the speech that follows at once still goes only to those who could hear the
//! speaker before, since what was said before the command can still be on its way (promise 3).
//!
//! A guard has one length, and ends when that has passed by each of these:
//!
//! * in the speaker's own audio, so that the frames that a host hands on all at once after a short stall are guarded;
//! * by the engine's clock, from the command and from the first frame after it, so that a longer burst does not use the guard up;
//! * in media time, where the host knows it: frames that were said before the command, or within the guard after it, are guarded
//!   whenever they come, also when the guard is over by the other two.

use smallvec::SmallVec;

use crate::{
    audio::{
        format::UNITS_PER_MS,
        lockfree::{
            hook_clock::HookClock,
            media_time::{FrameTime, Said, SenderClock},
        },
    },
    sync::{AtomicU64, Ordering},
};

/// The opening guard of a speaker whose audience was widened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Opening {
    /// Number of the plan that widened it last; 0 if none did. The read hook starts a guard when it meets a new one.
    pub plan: u64,
    /// Who may hear the guarded frames: those who could since this plan or before.
    pub floor: u64,
    /// How long, in ms: at most COACH_MAX_GUARD_MS.
    pub ms: u32,
    /// When it was widened, by the engine's clock, in nanoseconds.
    pub at: u64,
}

impl Opening {
    /// A guard of `ms` from plan `plan` on, which is made at `at`.
    pub fn new(plan: u64, floor: u64, ms: u32, at: u64) -> Self {
        Self { plan, floor, ms, at }
    }
}

const NS_PER_MS: u64 = 1_000_000;

/// For so long after its end a guard still catches frames that were said before it, where the host knows media time. As long as a
/// frame can be late before its stamp counts as a jump.
const LATE_NS: u64 = 10_000 * NS_PER_MS;

fn ns(units: u64) -> u64 {
    units * NS_PER_MS / UNITS_PER_MS
}

/// The units in so many nanoseconds, rounded up.
fn units(ns: u64) -> u64 {
    ns.saturating_mul(UNITS_PER_MS).div_ceil(NS_PER_MS)
}

/// Guards that run at once; a further one joins the last (which then opens later, never earlier).
const MOST: usize = 4;

/// As small as can be: every member has room for [`MOST`].
struct Guard {
    floor: u64,
    /// When it ends by the engine's clock; before the first frame was captured: when the command was given.
    until: u64,
    /// When it ends by the sender's clock; the earliest time there is where that is not known.
    said_until: i64,
    /// What is left of it in the speaker's audio, in units.
    left: u32,
    /// Its length, in ms.
    ms: u16,
    /// A frame was captured since the command.
    begun: bool,
}

/// [`Guard::said_until`] where the sender's clock is not known.
const UNKNOWN: i64 = i64::MIN;

/// The moment of one frame.
#[derive(Clone, Copy)]
pub struct Moment {
    /// By the engine's clock.
    now: Option<u64>,
    /// By the sender's.
    said: Said,
    /// The host made the frame: it counts for nothing.
    filler: bool,
}

impl Guard {
    fn units(&self) -> u64 {
        u64::from(self.ms) * UNITS_PER_MS
    }

    /// Units left by what holds for every frame: audio and the engine's clock.
    fn left(&self, now: Option<u64>) -> u64 {
        let by_clock = match now.filter(|_| self.begun) {
            Some(now) => units(self.until.saturating_sub(now)).min(self.units()),
            None => self.units(),
        };
        by_clock.max(self.left.into())
    }

    /// Units left for a frame of this moment.
    fn left_for(&self, frame: Moment) -> u64 {
        let late = match frame.said {
            Said::At(said) if said < self.said_until => units(self.said_until.abs_diff(said)),
            _ => 0,
        };
        self.left(frame.now).max(late)
    }

    /// Whether nothing can come that it has to hold back.
    fn over(&self, frame: Moment) -> bool {
        self.left(frame.now) == 0
            && match frame.said {
                _ if self.said_until == UNKNOWN => true,
                Said::At(said) => said >= self.said_until,
                // No stamp, or none of that clock: it may be one of those that are late.
                _ => frame.now.is_some_and(|now| now >= self.until + LATE_NS),
            }
    }
}

/// Those that run. The read hook's own. What every call needs comes first.
#[derive(Default)]
#[repr(C)]
pub struct Guards {
    seen: u64,
    running: SmallVec<[Guard; MOST]>,
    sender: SenderClock,
}

/// What the read hook tells of its guards.
pub struct Guarded {
    seen: AtomicU64,
    left: AtomicU64,
    floor: AtomicU64,
}

/// [`Guarded`] as it was at one moment.
pub struct GuardState {
    /// The plan of the last opening that the read hook has met.
    pub seen: u64,
    /// Units until the last guard opens.
    pub left: u64,
    /// The lowest floor of those that run; all ones without.
    pub floor: u64,
}

impl Default for Guarded {
    fn default() -> Self {
        Self { seen: AtomicU64::new(0), left: AtomicU64::new(0), floor: AtomicU64::new(u64::MAX) }
    }
}

impl Guarded {
    /// [control] How they stand.
    pub fn state(&self) -> GuardState {
        GuardState {
            seen: self.seen.load(Ordering::Acquire),
            left: self.left.load(Ordering::Acquire),
            floor: self.floor.load(Ordering::Relaxed),
        }
    }
}

impl Guards {
    /// Whether there is nothing to guard, now or in frames that come late.
    pub fn none(&self) -> bool {
        self.running.is_empty()
    }

    /// A frame has come: starts the guard of `opening`, if it was not met before. While any guard holds the frame, listeners must have
    /// been in the audience since the plan that this returns, or before.
    #[inline]
    pub fn begin(
        &mut self,
        opening: Opening,
        private: bool,
        time: FrameTime,
        clock: &HookClock,
        told: &Guarded,
    ) -> (Option<u64>, Moment) {
        if opening.plan == self.seen && self.running.is_empty() {
            if !private {
                self.sender.forget(); // the clock that it is compared with may not be written while nobody speaks privately
            } else if let FrameTime::Said(_) = time {
                self.sender.place(time, clock.read());
            }
            return (None, Moment { now: None, said: Said::Unknown, filler: false });
        }
        self.begin_guarded(opening, time, clock, told)
    }

    #[inline(never)]
    fn begin_guarded(
        &mut self,
        opening: Opening,
        time: FrameTime,
        clock: &HookClock,
        told: &Guarded,
    ) -> (Option<u64>, Moment) {
        let now = clock.read();
        let frame = Moment { now, said: self.sender.place(time, now), filler: time == FrameTime::Filler };
        if frame.said == Said::Jumped {
            self.running.iter_mut().for_each(|guard| guard.said_until = UNKNOWN);
        }
        let new = opening.plan != self.seen;
        if new {
            self.open(opening);
        }
        if !frame.filler {
            for guard in self.running.iter_mut().filter(|guard| !guard.begun) {
                guard.begun = true;
                guard.until = guard.until.max(now.unwrap_or(0)) + ns(guard.units());
            }
        }
        self.tell(frame, told);
        if new {
            told.seen.store(opening.plan, Ordering::Release);
        }
        (self.floor(frame), frame)
    }

    fn open(&mut self, opening: Opening) {
        self.seen = opening.plan;
        let Opening { mut floor, ms, at, .. } = opening;
        if ms == 0 {
            return;
        }
        let guard = u64::from(ms) * NS_PER_MS;
        let said_until = self.sender.at(at).map_or(UNKNOWN, |said| said.saturating_add(guard as i64));
        if self.running.len() == MOST
            && let Some(last) = self.running.pop()
        {
            floor = floor.min(last.floor);
        }
        let left = (u64::from(ms) * UNITS_PER_MS) as u32;
        self.running.push(Guard { floor, until: at, said_until, left, ms: ms as u16, begun: false });
    }

    /// The lowest floor of those that hold this frame.
    fn floor(&self, frame: Moment) -> Option<u64> {
        let holding = self.running.iter().filter(|guard| guard.left_for(frame) > 0);
        holding.map(|guard| guard.floor).min()
    }

    /// The frame, of `units`, is in its ring; one that began inside a guard was guarded whole.
    pub fn end(&mut self, frame: Moment, units: u64, told: &Guarded) {
        if !frame.filler {
            let units = u32::try_from(units).unwrap_or(u32::MAX);
            self.running.iter_mut().for_each(|guard| guard.left = guard.left.saturating_sub(units));
        }
        self.running.retain(|guard| !guard.over(frame));
        self.tell(frame, told);
    }

    fn tell(&self, frame: Moment, told: &Guarded) {
        told.floor.store(self.floor(frame).unwrap_or(u64::MAX), Ordering::Relaxed);
        let left = self.running.iter().map(|guard| guard.left_for(frame)).max();
        // Who reads that nothing is left finds what was said until then in the stream.
        told.left.store(left.unwrap_or(0), Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guard_is_small_and_the_longest_fits() {
        assert_eq!(size_of::<Guard>(), 32);
        let longest = u64::from(crate::sys::COACH_MAX_GUARD_MS);
        assert!(u32::try_from(longest * UNITS_PER_MS).is_ok() && u16::try_from(longest).is_ok());
    }

    #[test]
    fn however_many_guards_there_are_nothing_is_allocated() {
        let (mut guards, clock, told) = (Guards::default(), HookClock::default(), Guarded::default());
        let mut floor = None;
        for plan in 1..=3 * MOST as u64 {
            (floor, _) = guards.begin(Opening::new(plan, plan - 1, 200, 0), true, FrameTime::Unknown, &clock, &told);
            assert!(!guards.running.spilled(), "after {plan} of them");
        }
        assert_eq!(floor, Some(0), "and the lowest floor holds");
    }
}
