//! The atomics of the audio plane: the real ones, or loom's when its model checker explores every interleaving.

#[cfg(not(loom))]
pub(crate) use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering, fence};

#[cfg(loom)]
pub(crate) use loom::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering, fence};

/// Stands between two sequentially consistent accesses of one thread whose order counts. The accesses are enough; but loom
/// takes them for acquire and release, and knows sequential consistency of fences alone.
#[inline(always)]
pub(crate) fn in_order() {
    #[cfg(loom)]
    fence(Ordering::SeqCst);
}
