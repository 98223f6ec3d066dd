//! What the read hook and the write hook of a member have in common.

use std::{cell::UnsafeCell, sync::Arc};

use crate::{
    audio::{
        counters::Counts,
        format::{Format, Shape},
        hook::plan::MemberPlan,
        lockfree::{
            handoff::{Handoff, WorkFlag},
            published::Published,
        },
    },
    sync::{AtomicU32, AtomicU64, Ordering},
};

/// What a hook did to the frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing.
    Unchanged,
    /// It holds something else now.
    Changed,
    /// Private speech was taken out.
    Silenced,
    /// The format is none that Coach handles, and the frame is nobody's secret.
    UnsupportedUnchanged,
    /// The format is none that Coach handles: make the frame silent.
    UnsupportedSilenced,
}

/// In [`Hook::format`], with what a frame was that Coach does not handle: no format's code has it.
const REFUSED: u64 = 1 << 63;

/// The plan under which the last frame was left as it is and nothing was going on, and the frame's shape: the next one of that
/// shape is left too, and nothing else has to be looked at.
#[derive(Default, PartialEq, Eq)]
pub struct FastPath {
    pub plan: u64,
    pub shape: Shape,
}

/// What a hook knows of a frame by the last one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// It was left as it is, and so is this one: nothing else is to be done.
    Left,
    /// This one becomes the same, under the same plan.
    Same,
    /// Nothing: the plan or the shape is another, or something was going on.
    Nothing,
}

/// One hook of one member, with the state `T` that is its own, and the `B`s that it has built, up to `N` at a time. What every call needs comes first.
#[repr(C)]
pub struct Hook<T, B, const N: usize> {
    /// What it counts.
    pub counts: Counts,
    plan: Published<MemberPlan>,
    /// Whether some of its calls are timed.
    pub timed: bool,
    /// The slot of its member, in a large room that the engine mixes.
    slot: AtomicU32,
    own: UnsafeCell<T>,
    /// Format of the last frame, as a code; or what it was if Coach does not handle that, with [`REFUSED`].
    format: AtomicU64,
    /// Where it gets what it needs for other rates.
    pub handoff: Arc<Handoff<B, N>>,
}

// SAFETY: `own` is touched inside the hook's gate alone (the contract of `enter`).
unsafe impl<T: Send, B: Send, const N: usize> Sync for Hook<T, B, N> {}

impl<T: Default, B, const N: usize> Hook<T, B, N> {
    /// With its member's first plan; the caller keeps the plan that it is of.
    pub fn new(plan: &MemberPlan, work_flag: &WorkFlag, timed: bool) -> Self {
        Self {
            plan: Published::new(plan, plan.number),
            format: AtomicU64::new(0),
            timed,
            slot: AtomicU32::new(u32::MAX),
            own: UnsafeCell::default(),
            counts: Counts::default(),
            handoff: Arc::new(Handoff::new(work_flag.clone())),
        }
    }
}

impl<T, B, const N: usize> Hook<T, B, N> {
    /// [control] Calls that begin from now on act on `plan`. The caller keeps the old plan until those inside have left.
    pub fn publish(&self, plan: &MemberPlan) {
        self.plan.publish(plan, plan.number);
    }

    /// [control] Calls that begin from now on act on the same plan, under a later number.
    pub fn renumber(&self, number: u64) {
        self.plan.renumber(number);
    }

    /// [control] Its member has this slot, in such a room; `u32::MAX` elsewhere.
    pub fn is_in(&self, slot: u32) {
        self.slot.store(slot, Ordering::Relaxed);
    }

    /// The slot of its member, in such a room.
    #[inline(always)]
    pub fn slot(&self) -> u32 {
        self.slot.load(Ordering::Relaxed)
    }

    /// The number by which calls go that begin now.
    #[cfg(test)]
    pub fn published_number(&self) -> u64 {
        self.plan.number()
    }

    /// What calls that begin now act on.
    #[cfg(test)]
    pub fn published_plan(&self) -> *const MemberPlan {
        self.plan.plan()
    }

    /// Format of the last frame.
    pub fn format(&self) -> Option<Format> {
        Format::from_code(self.format.load(Ordering::Relaxed))
    }

    /// The hook: takes down the format of this frame; whether it is another one than before.
    pub fn changes_to(&self, format: Format) -> bool {
        let changed = self.format.load(Ordering::Relaxed) != format.code();
        if changed {
            self.note(format.code());
        }
        changed
    }

    /// The hook: Coach does not handle the format of this frame.
    pub fn cannot_serve(&self, shape: Shape) {
        let (rate, channels) = (shape.rate.min(0xff_ffff), shape.channels.min(0xff));
        let code =
            REFUSED | u64::from(rate) << 32 | u64::from(channels) << 24 | u64::from(shape.samples.min(0xff_ffff));
        if self.format.load(Ordering::Relaxed) != code {
            self.note(code);
        }
    }

    /// Takes a format down. Whether the member can be served is news for the control plane.
    fn note(&self, code: u64) {
        let before = self.format.swap(code, Ordering::Relaxed);
        if (before | code) & REFUSED != 0 {
            self.handoff.refuse();
        }
    }

    /// [control] What the last frame was, if Coach does not handle that.
    pub fn refused(&self) -> Option<Shape> {
        let code = self.format.load(Ordering::Relaxed);
        let part = |from: u32, bits: u32| (code >> from) as u32 & ((1 << bits) - 1);
        (code & REFUSED != 0).then(|| Shape { rate: part(32, 24), channels: part(24, 8), samples: part(0, 24) })
    }

    /// The number of the plan that this call acts on, and the hook's own state.
    ///
    /// # Safety
    /// As [`Hook::own`].
    #[allow(clippy::mut_from_ref)] // the gate lets one call in at a time
    #[inline(always)]
    pub unsafe fn enter(&self) -> (u64, &mut T) {
        // SAFETY: by the caller's promise.
        (self.plan.number(), unsafe { self.own() })
    }

    /// The hook's own state.
    ///
    /// # Safety
    /// The caller is inside this hook's gate, and has what this returns only while it is.
    #[allow(clippy::mut_from_ref)] // the gate lets one call in at a time
    #[inline(always)]
    pub unsafe fn own(&self) -> &mut T {
        // SAFETY: `own` is the call's, by the caller's promise.
        unsafe { &mut *self.own.get() }
    }

    /// The plan that this call acts on, if it is not one that the hook knows already, and the number that it has by now.
    ///
    /// # Safety
    /// As [`Hook::enter`].
    pub unsafe fn plan(&self) -> (u64, &MemberPlan) {
        let number = self.plan.number(); // The number is read before the plan: see `Published::plan`.
        crate::faults::meanwhile(true);
        // SAFETY: a plan that was published is kept until the calls that were inside the gates then have left; this call
        // entered before it loads.
        let plan = unsafe { &*self.plan.plan() };
        crate::faults::meanwhile(true);
        (number.max(plan.number), plan)
    }
}
