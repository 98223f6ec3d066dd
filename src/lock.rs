//! Locks that a panic does not poison, and that leave nothing behind with the threads that have waited for them.
//!
//! They are std's. Those of other libraries keep something of each thread that has waited, and a destructor for it, until the thread ends;
//! so long the system cannot unload this library. A host's threads do not end, and its next load would find the old library there.

use std::{
    ops::{Deref, DerefMut},
    sync::{self, PoisonError},
    time::Duration,
};

/// As std's.
#[derive(Default)]
pub struct Mutex<T>(sync::Mutex<T>);

/// As std's; [`MutexGuard::unlocked`] gives the lock up for a while.
pub struct MutexGuard<'a, T> {
    mutex: &'a Mutex<T>,
    /// `None` while it is given up.
    guard: Option<sync::MutexGuard<'a, T>>,
}

impl<T> Mutex<T> {
    pub const fn new(value: T) -> Self {
        Self(sync::Mutex::new(value))
    }

    pub fn lock(&self) -> MutexGuard<'_, T> {
        MutexGuard { mutex: self, guard: Some(self.0.lock().unwrap_or_else(PoisonError::into_inner)) }
    }
}

impl<'a, T> MutexGuard<'a, T> {
    /// Runs `act` without the lock.
    pub fn unlocked<R>(guard: &mut Self, act: impl FnOnce() -> R) -> R {
        guard.guard = None;
        let result = act();
        *guard = guard.mutex.lock();
        result
    }

    /// Hands the lock itself to `wait`, which gives it back.
    fn wait<R>(&mut self, wait: impl FnOnce(sync::MutexGuard<'a, T>) -> (sync::MutexGuard<'a, T>, R)) -> Option<R> {
        let (guard, result) = wait(self.guard.take()?);
        self.guard = Some(guard);
        Some(result)
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.guard.as_ref().expect("a lock is used while it is given up")
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.guard.as_mut().expect("a lock is used while it is given up")
    }
}

/// As std's.
#[derive(Default)]
pub struct Condvar(sync::Condvar);

impl Condvar {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn notify_all(&self) {
        self.0.notify_all();
    }

    pub fn wait<T>(&self, guard: &mut MutexGuard<'_, T>) {
        guard.wait(|guard| (self.0.wait(guard).unwrap_or_else(PoisonError::into_inner), ()));
    }

    pub fn wait_for<T>(&self, guard: &mut MutexGuard<'_, T>, timeout: Duration) {
        guard.wait(|guard| {
            let (guard, _) = self.0.wait_timeout(guard, timeout).unwrap_or_else(PoisonError::into_inner);
            (guard, ())
        });
    }
}

/// As std's.
#[derive(Default)]
pub struct RwLock<T>(sync::RwLock<T>);

impl<T> RwLock<T> {
    pub fn read(&self) -> sync::RwLockReadGuard<'_, T> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn write(&self) -> sync::RwLockWriteGuard<'_, T> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}
