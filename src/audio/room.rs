//! A room on the audio plane: the tick of one that the engine mixes.

use std::{cell::UnsafeCell, ptr, sync::Arc};

use super::{
    bus::Bus,
    host_mix::HostMix,
    plan::{Mixed, Plan},
};
use crate::sync::{AtomicPtr, Ordering};

/// What the tick works on.
pub struct Room {
    /// `None` where the host mixes.
    bus: Option<Arc<Bus>>,
    /// Whether a thread of Coach's makes the ticks.
    own_clock: bool,
    host_mix: HostMix,
    plan: AtomicPtr<Plan>,
    sum: UnsafeCell<Box<[i32]>>,
}

// SAFETY: `sum` is touched inside the tick gate alone (the contract of `tick`).
unsafe impl Sync for Room {}

impl Room {
    /// With nobody in it.
    pub fn new(bus: Option<Arc<Bus>>, own_clock: bool, host_mix: HostMix) -> Self {
        let sum = vec![0; bus.as_ref().map_or(0, |bus| bus.tick())].into_boxed_slice();
        Self { bus, own_clock, host_mix, plan: AtomicPtr::new(ptr::null_mut()), sum: UnsafeCell::new(sum) }
    }

    /// Its open mix, where the engine mixes.
    pub fn bus(&self) -> Option<&Arc<Bus>> {
        self.bus.as_ref()
    }

    /// The mix of a host.
    pub fn host_mix(&self) -> HostMix {
        self.host_mix
    }

    /// Whether the host is to make the ticks.
    pub fn ticked_by_host(&self) -> bool {
        self.bus.is_some() && !self.own_clock
    }

    /// [control] Ticks that begin from now on act on `plan`. The caller keeps it until those that are inside have left.
    pub fn publish(&self, plan: &Arc<Plan>) {
        self.plan.store(Arc::as_ptr(plan).cast_mut(), Ordering::SeqCst);
    }

    /// Sums the room once. Linear in its members.
    ///
    /// # Safety
    /// The caller is inside the room's tick gate.
    pub unsafe fn tick(&self) {
        let Some(bus) = &self.bus else { return };
        let tick = bus.ticks();
        // SAFETY: the caller's promise.
        let sum = unsafe { &mut *self.sum.get() };
        let plan = self.plan.load(Ordering::SeqCst);
        bus.announce(tick);
        sum.fill(0);
        // SAFETY: a plan that was published is kept until the calls inside the gates that may be using it have left.
        let (mixed, leaving) = unsafe { plan.as_ref() }.map_or((&[][..], &[][..]), |plan| (&plan.mixed, &plan.leaving));
        for input in leaving {
            // SAFETY: the caller's promise.
            unsafe { input.forget(tick, sum) };
        }
        for (index, Mixed { input, heard }) in mixed.iter().enumerate() {
            // In a large room every member is out of the cache: have the next ones brought in while this one is summed.
            if let Some(next) = mixed.get(index + 4) {
                next.input.prefetch();
            }
            if let Some(next) = mixed.get(index + 2) {
                next.input.prefetch_samples(tick);
            }
            // SAFETY: the caller's promise.
            unsafe { if *heard { input.pull(tick, sum) } else { input.forget(tick, sum) } };
        }
        bus.publish(tick, sum);
    }
}
