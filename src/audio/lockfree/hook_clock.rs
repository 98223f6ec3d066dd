//! The engine's clock as its hooks read it. A hook makes no system call, so it reads a time that the control plane wrote.

use crate::sync::{AtomicU64, Ordering};

/// Nanoseconds since some moment, as they were last written; never later than the time it is.
#[derive(Default)]
pub struct HookClock(AtomicU64);

impl HookClock {
    /// [any] The time as last written; `None` if nobody wrote it yet.
    pub fn read(&self) -> Option<u64> {
        self.0.load(Ordering::Relaxed).checked_sub(1)
    }

    /// [control] Writes the time. It never goes back.
    pub fn write(&self, now: u64) {
        self.0.fetch_max(now.saturating_add(1), Ordering::Relaxed);
    }
}
