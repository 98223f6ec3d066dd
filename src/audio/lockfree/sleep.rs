//! Whether the clock of a room leaves it out, since nobody is there: the clock decides that, and the control plane ends it when somebody comes.

use crate::sync::{AtomicU64, Ordering, in_order};

/// 1 while the room is left out.
#[derive(Default)]
pub struct Sleep(AtomicU64);

impl Sleep {
    /// Clock: leaves the room out if `nobody` is in it. To be asked after this is told: somebody who comes at the same moment finds the room
    /// asleep, or is found by it. `false`: the clock goes on with it.
    pub fn begins(&self, nobody: impl FnOnce() -> bool) -> bool {
        self.0.swap(1, Ordering::SeqCst); // not a store, of which loom does not know that it follows a swap that did not find it
        in_order();
        // Whoever takes the 1 back has the clock go on: not both.
        nobody() || self.0.swap(0, Ordering::SeqCst) == 0
    }

    /// [control] Somebody has come, and the clock can find that: whether it has to be told to go on.
    pub fn ends(&self) -> bool {
        in_order();
        self.0.swap(0, Ordering::SeqCst) == 1
    }
}
