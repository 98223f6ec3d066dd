//! The locks of the control plane: the standard library's, without poisoning, since `Engine::act` undoes what a panic left half done.
//!
//! The switch's threads outlive the library when it is unloaded: so nothing here, or elsewhere in what they run, keeps thread-local
//! state with a destructor, as most other locks do. Such a thread would hold the library in memory, or jump to where it was.

use std::{
    ops::{Deref, DerefMut},
    sync::{self, PoisonError},
    time::Duration,
};

/// A mutex.
#[derive(Default)]
pub struct Mutex<T>(sync::Mutex<T>);

/// A mutex, held.
pub struct MutexGuard<'a, T> {
    of: &'a Mutex<T>,
    /// `None` while a method here has let go of it.
    held: Option<sync::MutexGuard<'a, T>>,
}

impl<T> Mutex<T> {
    pub const fn new(value: T) -> Self {
        Self(sync::Mutex::new(value))
    }

    pub fn lock(&self) -> MutexGuard<'_, T> {
        MutexGuard { of: self, held: Some(self.0.lock().unwrap_or_else(PoisonError::into_inner)) }
    }
}

impl<T> MutexGuard<'_, T> {
    /// Lets go of it while `action` runs.
    pub fn unlocked<R>(&mut self, action: impl FnOnce() -> R) -> R {
        self.held = None;
        let result = action();
        self.held = self.of.lock().held;
        result
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.held.as_ref().expect("held outside of this file")
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.held.as_mut().expect("held outside of this file")
    }
}

/// A condition variable.
#[derive(Default)]
pub struct Condvar(sync::Condvar);

impl Condvar {
    pub fn notify_all(&self) {
        self.0.notify_all();
    }

    pub fn wait<T>(&self, guard: &mut MutexGuard<'_, T>) {
        let held = guard.held.take().expect("held outside of this file");
        guard.held = Some(self.0.wait(held).unwrap_or_else(PoisonError::into_inner));
    }

    pub fn wait_for<T>(&self, guard: &mut MutexGuard<'_, T>, time: Duration) {
        let held = guard.held.take().expect("held outside of this file");
        guard.held = Some(self.0.wait_timeout(held, time).unwrap_or_else(PoisonError::into_inner).0);
    }
}

/// A reader-writer lock.
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

thread_local! {
    static HERE: u8 = const { 0 };
}

/// A number that no other living thread has. `std::thread::current` would leave a destructor behind.
pub fn this_thread() -> usize {
    HERE.with(|here| std::ptr::from_ref(here).addr())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_have_numbers_of_their_own() {
        let own = this_thread();
        assert_eq!(this_thread(), own);
        let other = std::thread::spawn(this_thread).join().expect("it ends");
        assert_ne!(other, own, "this thread lives, and another has its number");
    }
}
