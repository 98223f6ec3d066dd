//! How a hook comes by something that has to be built: it says what it wants, goes on without, and finds it a little later.
//! Built by the control plane, used by one hook, freed by the control plane.

use std::{cell::UnsafeCell, ptr, sync::Arc};

use crate::sync::{AtomicPtr, AtomicU64, Ordering};

/// Rings when a hook of the engine wants something.
#[derive(Clone)]
pub struct Bell(Arc<AtomicU64>);

impl Default for Bell {
    fn default() -> Self {
        Self(Arc::new(AtomicU64::new(0)))
    }
}

impl Bell {
    fn ring(&self) {
        self.0.store(1, Ordering::Release);
    }

    /// Whether it rang since it was asked last.
    pub fn rang(&self) -> bool {
        self.0.swap(0, Ordering::Acquire) == 1
    }
}

/// A thing and the code that it was wanted by; and, once it is spent, the one that was spent before it.
struct Built<T> {
    code: u64,
    thing: T,
    before: *mut Built<T>,
}

/// One hook's. Codes say what is wanted; 0 is nothing.
pub struct Mailbox<T> {
    /// Written by the hook, and by the control plane before the hook runs.
    wanted: AtomicU64,
    /// What was built last. Written by the control plane.
    built: AtomicU64,
    /// From the control plane to the hook.
    offer: AtomicPtr<Built<T>>,
    /// From the hook to the control plane: a list, so that the hook never has to free.
    spent: AtomicPtr<Built<T>>,
    /// The hook's own.
    current: UnsafeCell<Option<Box<Built<T>>>>,
    bell: Bell,
}

// SAFETY: `current` is touched by the one hook that owns the mailbox (the contract of `take`), the rest is atomic; what goes
// from thread to thread is Send, and the pointers in it are owned.
unsafe impl<T: Send> Send for Mailbox<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Mailbox<T> {}

impl<T> Mailbox<T> {
    /// The hook: there is something to see for the control plane.
    pub fn ring(&self) {
        self.bell.ring();
    }

    pub fn new(bell: Bell) -> Self {
        Self {
            wanted: AtomicU64::new(0),
            built: AtomicU64::new(0),
            offer: AtomicPtr::new(ptr::null_mut()),
            spent: AtomicPtr::new(ptr::null_mut()),
            current: UnsafeCell::new(None),
            bell,
        }
    }

    /// [audio] What `code` stands for, if it is there; otherwise it will be prepared.
    ///
    /// # Safety
    /// One thread at a time: the caller is inside the gate of the hook that owns this mailbox, and keeps the reference no
    /// longer than that.
    #[allow(clippy::mut_from_ref)]
    pub unsafe fn take(&self, code: u64) -> Option<&mut T> {
        // SAFETY: the caller's promise.
        let current = unsafe { &mut *self.current.get() };
        if current.as_ref().is_none_or(|built| built.code != code) {
            let offer = self.offer.swap(ptr::null_mut(), Ordering::AcqRel);
            if !offer.is_null() {
                // SAFETY: made by Box::into_raw in `prepare`, swapped out once.
                let old = current.replace(unsafe { Box::from_raw(offer) });
                if let Some(mut old) = old {
                    // Only this hook puts anything there; the control plane takes all of it or, just now, nothing.
                    old.before = self.spent.swap(ptr::null_mut(), Ordering::AcqRel);
                    self.spent.store(Box::into_raw(old), Ordering::Release);
                }
            }
        }
        let there = current.as_deref_mut().filter(|built| built.code == code);
        if there.is_none() {
            self.expect(code);
        }
        there.map(|built| &mut built.thing)
    }

    /// Says what the hook will want.
    pub fn expect(&self, code: u64) {
        self.wanted.store(code, Ordering::Release);
        self.bell.ring();
    }

    /// Whether [`Mailbox::prepare`] has something to do.
    pub fn waits(&self) -> bool {
        self.wanted.load(Ordering::Relaxed) != self.built.load(Ordering::Relaxed)
            || !self.spent.load(Ordering::Relaxed).is_null()
    }

    /// [control] Builds what is wanted and offers it, and frees what was spent. One thread at a time.
    pub fn prepare(&self, build: impl FnOnce(u64) -> Option<T>) {
        let wanted = self.wanted.load(Ordering::Acquire);
        if wanted != self.built.load(Ordering::Relaxed)
            && let Some(new) = build(wanted)
        {
            self.built.store(wanted, Ordering::Relaxed);
            let new = Box::new(Built { code: wanted, thing: new, before: ptr::null_mut() });
            free(self.offer.swap(Box::into_raw(new), Ordering::AcqRel));
        }
        free(self.spent.swap(ptr::null_mut(), Ordering::AcqRel));
    }
}

/// Frees a list.
fn free<T>(mut built: *mut Built<T>) {
    while !built.is_null() {
        // SAFETY: made by Box::into_raw in `prepare` or `take`, swapped out of its place once by the caller, with all before it.
        built = unsafe { Box::from_raw(built) }.before;
    }
}

impl<T> Drop for Mailbox<T> {
    fn drop(&mut self) {
        free(self.spent.swap(ptr::null_mut(), Ordering::AcqRel));
        free(self.offer.swap(ptr::null_mut(), Ordering::AcqRel));
    }
}
