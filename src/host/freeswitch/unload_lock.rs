//! What keeps the module loaded while somebody speaks privately.

use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};

use super::fs;

/// The core's lock on this module: while it is held for reading, `unload` answers "Module in use".
pub struct UnloadLock {
    lock: AtomicPtr<fs::switch_thread_rwlock_t>,
    closed: AtomicBool,
}

impl UnloadLock {
    pub fn new(lock: *mut fs::switch_thread_rwlock_t) -> Self {
        Self { lock: AtomicPtr::new(lock), closed: AtomicBool::new(false) }
    }

    /// Keeps the module loaded. False: an unload is under way.
    pub fn hold(&self) -> bool {
        if self.is_closed() {
            return false;
        }
        // SAFETY: the core's lock, which stays as long as the module is loaded.
        unsafe { fs::switch_thread_rwlock_tryrdlock(self.lock.load(Ordering::Relaxed)) == fs::SWITCH_STATUS_SUCCESS }
    }

    pub fn release(&self) {
        // SAFETY: the core's lock, which stays as long as the module is loaded, and is held.
        unsafe { fs::switch_thread_rwlock_unlock(self.lock.load(Ordering::Relaxed)) };
    }

    /// The module is being unloaded: nobody keeps it any more.
    pub fn close(&self) {
        self.closed.store(true, Ordering::Release);
    }

    /// Whether the module is being unloaded, or has been.
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }
}
