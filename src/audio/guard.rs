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

use super::{
    format::TICKS_PER_MS,
    hook_clock::HookClock,
    media_time::{FrameTime, Said, SenderClock},
};
use crate::sync::{AtomicU64, Ordering};

/// The opening guard of a speaker whose audience was widened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Opening {
    /// Number of the plan that widened it last; 0 if none did. The read hook starts a guard when it meets a new one.
    pub plan: u64,
    /// Who may hear the guarded frames: those who could since this plan or before.
    pub floor: u64,
    /// How long, in ticks.
    pub ticks: u64,
    /// When it was widened, by the engine's clock, in nanoseconds.
    pub at: u64,
}

impl Opening {
    /// A guard of `ms` from plan `plan` on, which is made at `at`.
    pub fn new(plan: u64, floor: u64, ms: u32, at: u64) -> Self {
        Self { plan, floor, ticks: u64::from(ms) * TICKS_PER_MS, at }
    }
}

const NS_PER_MS: u64 = 1_000_000;

/// For so long after its end a guard still catches frames that were said before it, where the host knows media time. As long as a
/// frame can be late before its stamp counts as a jump.
const LATE_NS: u64 = 10_000 * NS_PER_MS;

fn ns(ticks: u64) -> u64 {
    ticks * NS_PER_MS / TICKS_PER_MS
}

/// The ticks in so many nanoseconds, rounded up.
fn ticks(ns: u64) -> u64 {
    ns.saturating_mul(TICKS_PER_MS).div_ceil(NS_PER_MS)
}

/// Guards that run at once; a further one joins the last (which then opens later, never earlier).
const MOST: usize = 8;

struct Guard {
    floor: u64,
    ticks: u64,
    /// What is left of it in the speaker's audio, in ticks.
    left: u64,
    /// The command, by the engine's clock.
    at: u64,
    /// When it ends by the engine's clock; unknown until the first frame was captured.
    until: Option<u64>,
    /// When it ends by the sender's clock, if that is known.
    said_until: Option<i64>,
}

impl Guard {
    /// Ticks left by what holds for every frame: audio and the engine's clock.
    fn left(&self, now: Option<u64>) -> u64 {
        let by_clock = match (self.until, now) {
            (Some(until), Some(now)) if until <= now => 0,
            (Some(until), Some(now)) => ticks(until - now).min(self.ticks),
            _ => self.ticks,
        };
        self.left.max(by_clock)
    }

    /// Ticks left for a frame that was said then.
    fn left_for(&self, now: Option<u64>, said: Said) -> u64 {
        let late = match (self.said_until, said) {
            (Some(until), Said::At(said)) if said < until => ticks(until.abs_diff(said)),
            _ => 0,
        };
        self.left(now).max(late)
    }

    /// Whether nothing can come that it has to hold back.
    fn over(&self, now: Option<u64>, said: Said) -> bool {
        self.left(now) == 0
            && match (self.said_until, said) {
                (None, _) => true,
                (Some(until), Said::At(said)) => said >= until,
                // No stamp, or none of that clock: it may be one of those that are late.
                (Some(_), _) => self.until.zip(now).is_some_and(|(until, now)| now >= until + LATE_NS),
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
    now: Option<u64>,
    said: Said,
    filler: bool,
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
    /// Ticks until the last guard opens.
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
    ) -> Option<u64> {
        if opening.plan == self.seen && !private && self.running.is_empty() {
            self.sender.forget(); // the clock that it is compared with may not be written while nobody speaks privately
            return None;
        }
        self.begin_guarded(opening, time, clock, told)
    }

    fn begin_guarded(&mut self, opening: Opening, time: FrameTime, clock: &HookClock, told: &Guarded) -> Option<u64> {
        self.now = clock.read();
        self.said = self.sender.place(time, self.now);
        self.filler = time == FrameTime::Filler;
        if self.said == Said::Jumped {
            self.running.iter_mut().for_each(|guard| guard.said_until = None);
        }
        let new = opening.plan != self.seen;
        if new {
            self.open(opening);
        }
        if !self.filler {
            for guard in &mut self.running {
                guard.until.get_or_insert(guard.at.max(self.now.unwrap_or(0)) + ns(guard.ticks));
            }
        }
        self.tell(told);
        if new {
            told.seen.store(opening.plan, Ordering::Release);
        }
        self.floor()
    }

    fn open(&mut self, opening: Opening) {
        self.seen = opening.plan;
        if opening.ticks == 0 {
            return;
        }
        let Opening { mut floor, ticks, at, .. } = opening;
        let said_until = self.sender.at(at).map(|said| said.saturating_add(ns(ticks) as i64));
        if self.running.len() == MOST
            && let Some(last) = self.running.pop()
        {
            floor = floor.min(last.floor);
        }
        self.running.push(Guard { floor, ticks, left: ticks, at, until: None, said_until });
    }

    /// The lowest floor of those that hold this frame.
    fn floor(&self) -> Option<u64> {
        let holding = self.running.iter().filter(|guard| guard.left_for(self.now, self.said) > 0);
        holding.map(|guard| guard.floor).min()
    }

    /// The frame, of `ticks`, is in its ring; one that began inside a guard was guarded whole.
    pub fn end(&mut self, ticks: u64, told: &Guarded) {
        let (now, said) = (self.now, self.said);
        if !self.filler {
            self.running.iter_mut().for_each(|guard| guard.left = guard.left.saturating_sub(ticks));
        }
        self.running.retain(|guard| !guard.over(now, said));
        self.tell(told);
    }

    fn tell(&self, told: &Guarded) {
        told.floor.store(self.floor().unwrap_or(u64::MAX), Ordering::Relaxed);
        let left = self.running.iter().map(|guard| guard.left_for(self.now, self.said)).max();
        // Who reads that nothing is left finds what was said until then in the voice.
        told.left.store(left.unwrap_or(0), Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn however_many_guards_there_are_nothing_is_allocated() {
        let (mut guards, clock, told) = (Guards::default(), HookClock::default(), Guarded::default());
        let mut floor = None;
        for plan in 1..=3 * MOST as u64 {
            floor = guards.begin(Opening::new(plan, plan - 1, 200, 0), true, FrameTime::Unknown, &clock, &told);
            assert!(!guards.running.spilled(), "after {plan} of them");
        }
        assert_eq!(floor, Some(0), "and the lowest floor holds");
    }
}
