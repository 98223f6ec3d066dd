//! Opening guards: when an audience was widened, the speech that follows at once still goes only to those who could hear the
//! speaker before (promise 3). Counted in the speaker's own audio, so that no hook looks at a clock.

use smallvec::SmallVec;

use super::format::TICKS_PER_MS;
use crate::sync::{AtomicU64, Ordering};

/// The opening guard of a speaker whose audience was widened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Opening {
    /// Number of the plan that widened it last; 0 if none did. The read hook starts a guard when it meets a new one.
    pub plan: u64,
    /// Who may hear the guarded frames: those who could since this plan or before.
    pub floor: u64,
    /// How long, in ticks of the speaker's own audio.
    pub ticks: u64,
}

impl Opening {
    /// A guard of `ms` from plan `plan` on.
    pub fn new(plan: u64, floor: u64, ms: u32) -> Self {
        Self { plan, floor, ticks: u64::from(ms) * TICKS_PER_MS }
    }
}

/// Guards that run at once; a further one joins the last (which then opens later, never earlier).
const MOST: usize = 8;

struct Guard {
    floor: u64,
    left: u64,
}

/// Those that run. The read hook's own. What every call needs comes first.
#[derive(Default)]
#[repr(C)]
pub struct Guards {
    seen: u64,
    floor: Option<u64>,
    running: SmallVec<[Guard; MOST]>,
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
    /// While any runs: listeners must have been in the audience since this plan or before.
    pub fn floor(&self) -> Option<u64> {
        self.floor
    }

    /// Starts the guard of `opening`, if it was not met before.
    #[inline]
    pub fn meet(&mut self, opening: Opening, told: &Guarded) {
        if opening.plan != self.seen {
            self.open(opening, told);
        }
    }

    fn open(&mut self, opening: Opening, told: &Guarded) {
        self.seen = opening.plan;
        if opening.ticks > 0 {
            if self.running.len() < MOST {
                self.running.push(Guard { floor: opening.floor, left: opening.ticks });
            } else if let Some(last) = self.running.last_mut() {
                *last = Guard { floor: last.floor.min(opening.floor), left: opening.ticks };
            }
            self.tell(told);
        }
        told.seen.store(opening.plan, Ordering::Release);
    }

    /// A frame of `ticks` is in its ring; one that began inside a guard was guarded whole.
    pub fn run(&mut self, ticks: u64, told: &Guarded) {
        self.running.retain(|guard| {
            guard.left = guard.left.saturating_sub(ticks);
            guard.left > 0
        });
        self.tell(told);
    }

    fn tell(&mut self, told: &Guarded) {
        self.floor = self.running.iter().map(|guard| guard.floor).min();
        told.floor.store(self.floor.unwrap_or(u64::MAX), Ordering::Relaxed);
        // Who reads that nothing is left finds what was said until then in the voice.
        told.left.store(self.running.last().map_or(0, |guard| guard.left), Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn however_many_guards_there_are_nothing_is_allocated() {
        let (mut guards, told) = (Guards::default(), Guarded::default());
        for plan in 1..=3 * MOST as u64 {
            guards.meet(Opening::new(plan, plan - 1, 200), &told);
            assert!(!guards.running.spilled(), "after {plan} of them");
        }
        assert_eq!(guards.floor(), Some(0), "and the lowest floor holds");
    }
}
