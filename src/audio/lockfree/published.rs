//! The plan that a hook acts on, and its number beside it.
//!
//! A member's plan is a block of memory of its own, which in a large room is out of the cache at every frame. What a hook needs of the plan
//! from frame to frame it therefore keeps itself ([`PlanRef`]), with the plan's number; and while the number that was published is that one
//! it does not look at the plan. A number stands for one plan of a member and is never used again; a plan gets a later number where others
//! may hear the member from now on, or may not any more, and nothing else is new for it.
//!
//! Whoever publishes a plan writes both, and then reads the hook's gate; a hook enters its gate, and then reads. So a hook that begins
//! after a plan was published finds its number, and no longer what it kept of the plan before; and what that plan has is freed only when
//! the calls have left that may have found the old number (see `gate`).

use std::ptr::NonNull;

use crate::{
    faults,
    sync::{AtomicPtr, AtomicU64, Ordering},
};

/// See above.
pub struct Published<T> {
    number: AtomicU64,
    plan: AtomicPtr<T>,
}

impl<T> Published<T> {
    /// With a first plan, which the caller keeps.
    pub fn new(plan: *const T, number: u64) -> Self {
        Self { number: AtomicU64::new(number), plan: AtomicPtr::new(plan.cast_mut()) }
    }

    /// [control] Calls that begin from now on act on `plan`. The caller keeps the old one until those inside have left.
    pub fn publish(&self, plan: &T, number: u64) {
        debug_assert!(
            self.number() < number,
            "a hook that kept something of a plan with that number would go on with it"
        );
        self.plan.store(std::ptr::from_ref(plan).cast_mut(), Ordering::SeqCst);
        faults::meanwhile(false);
        self.number.store(number, Ordering::SeqCst);
        faults::meanwhile(false);
    }

    /// [control] Calls that begin from now on act on the same plan, under a later number.
    pub fn renumber(&self, number: u64) {
        debug_assert!(self.number() < number, "the numbers of a member rise");
        self.number.store(number, Ordering::SeqCst);
        faults::meanwhile(false);
    }

    /// The number that was published last.
    #[inline(always)]
    pub fn number(&self) -> u64 {
        self.number.load(Ordering::SeqCst)
    }

    /// The plan that was published last. It may be a newer one than the one whose number the same call has read before, and says its own
    /// number: the higher of the two is the one to go by.
    #[inline(always)]
    pub fn plan(&self) -> *const T {
        self.plan.load(Ordering::SeqCst)
    }
}

/// What a hook keeps of something that its plan has.
pub struct PlanRef<T>(NonNull<T>);

impl<T> Clone for PlanRef<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for PlanRef<T> {}

// SAFETY: it is used as a shared reference, by one thread after the other.
unsafe impl<T: Sync> Send for PlanRef<T> {}

impl<T> PlanRef<T> {
    pub fn new(thing: &T) -> Self {
        Self(NonNull::from(thing))
    }

    /// # Safety
    /// The caller is inside the gate of the hook that keeps it, and has read there the number of the plan that it is of.
    #[inline(always)]
    pub unsafe fn get<'a>(self) -> &'a T {
        // SAFETY: by the caller's promise the plan has it still, and is kept until the call has left.
        unsafe { self.0.as_ref() }
    }
}
