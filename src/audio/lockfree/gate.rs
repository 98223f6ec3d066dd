//! The gate of a hook: who is inside, without a lock.
//!
//! A gate counts: even, nobody is inside; odd, one call is. Entering is one compare-and-swap, so that a second call of the
//! same hook is seen, and leaving is one store. The control plane reads gates to know when something that it has taken
//! away can no longer be in use:
//!
//! * a hook enters (sequentially consistent), *then* loads what it will use (sequentially consistent);
//! * the control plane takes something away (sequentially consistent), *then* reads the gate (sequentially consistent).
//!
//! In the one order that all of these have, either the hook's entry comes first, and the control plane reads an odd
//! number and waits until it has changed; or the control plane's change comes first, and the hook does not find what was
//! taken away. No hook ever frees, and none is ever waited for by a hook.

use crate::sync::{AtomicU64, Ordering, in_order};

/// One hook of one member, or the tick of one room.
pub struct Gate(AtomicU64);

impl Gate {
    #[cfg(not(loom))]
    pub const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    #[cfg(loom)]
    pub fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// `None` while another call is inside.
    pub fn enter(&self) -> Option<Inside<'_>> {
        let seen = self.0.load(Ordering::Relaxed);
        if seen % 2 == 1 {
            return None;
        }
        self.0.compare_exchange(seen, seen + 1, Ordering::SeqCst, Ordering::Relaxed).ok()?;
        in_order();
        Some(Inside { gate: self, count: seen + 1 })
    }

    /// The call that is inside now, if one is. Read it after taking away what that call may be using.
    pub fn occupant(&self) -> Option<u64> {
        in_order();
        let seen = self.0.load(Ordering::SeqCst);
        (seen % 2 == 1).then_some(seen)
    }

    /// Whether that call has gone out since.
    pub fn left(&self, occupant: u64) -> bool {
        self.0.load(Ordering::SeqCst) != occupant
    }
}

/// A call that is inside; dropping it, also by unwinding, leaves.
pub struct Inside<'a> {
    gate: &'a Gate,
    count: u64,
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.gate.0.store(self.count + 1, Ordering::Release);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn one_call_at_a_time_is_inside_and_each_has_a_number_of_its_own() {
        let gate = Gate::new();
        assert_eq!(gate.occupant(), None);
        let first = gate.enter().expect("nobody is inside");
        let number = gate.occupant().expect("it is inside");
        assert!(gate.enter().is_none() && !gate.left(number), "it is inside still");
        drop(first);
        assert!(gate.occupant().is_none() && gate.left(number));
        let _second = gate.enter().expect("nobody is inside");
        assert!(gate.occupant().is_some() && gate.left(number), "this is another call");
    }
}
