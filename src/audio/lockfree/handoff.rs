//! How a hook comes by something that has to be built: it says what it wants, goes on without, and finds it a little later.
//! Built by the control plane, used by one hook, freed by the control plane. The hook keeps the last few that it used, since formats
//! that were seen once come again.

use std::{cell::UnsafeCell, ptr, sync::Arc};

use crate::sync::{AtomicPtr, AtomicU64, Ordering};

/// Rings when a hook of the engine wants something.
#[derive(Clone)]
pub struct WorkFlag(Arc<AtomicU64>);

const RUNG: u64 = 1;
const REFUSED: u64 = 2;

impl Default for WorkFlag {
    fn default() -> Self {
        Self(Arc::new(AtomicU64::new(0)))
    }
}

impl WorkFlag {
    fn ring(&self) {
        self.0.fetch_or(RUNG, Ordering::Release);
    }

    /// Whether it rang since it was asked last.
    pub fn rang(&self) -> bool {
        self.0.fetch_and(!RUNG, Ordering::AcqRel) & RUNG != 0
    }

    /// Whether a hook was ever given a format that Coach does not handle.
    pub fn refused(&self) -> bool {
        self.0.load(Ordering::Relaxed) & REFUSED != 0
    }
}

/// How many things a hook keeps: one for each other rate, at the channels of one listener.
const KEPT: usize = 8;

/// A thing and the code that it was wanted by, in a list.
struct Built<T> {
    code: u64,
    thing: T,
    next: *mut Built<T>,
}

/// One hook's. Codes say what is wanted; 0 is nothing.
pub struct Handoff<T> {
    /// Written by the hook, and by the control plane before the hook runs.
    wanted: AtomicU64,
    /// What was built last. Written by the control plane.
    built: AtomicU64,
    /// From the control plane to the hook.
    offer: AtomicPtr<Built<T>>,
    /// From the hook to the control plane: a list, so that the hook never has to free.
    spent: AtomicPtr<Built<T>>,
    /// The hook's own: a list of at most [`KEPT`], what was used last first.
    kept: UnsafeCell<*mut Built<T>>,
    work_flag: WorkFlag,
}

// SAFETY: `kept` is touched by the one hook that owns the handoff (the contract of `take`), the rest is atomic; what goes
// from thread to thread is Send, and the pointers in it are owned.
unsafe impl<T: Send> Send for Handoff<T> {}
// SAFETY: `kept` is touched by one hook at a time, and the rest is atomic.
unsafe impl<T: Send> Sync for Handoff<T> {}

impl<T> Handoff<T> {
    pub fn new(work_flag: WorkFlag) -> Self {
        Self {
            wanted: AtomicU64::new(0),
            built: AtomicU64::new(0),
            offer: AtomicPtr::new(ptr::null_mut()),
            spent: AtomicPtr::new(ptr::null_mut()),
            kept: UnsafeCell::new(ptr::null_mut()),
            work_flag,
        }
    }

    /// [audio] What `code` stands for, if it is there; otherwise it will be prepared.
    ///
    /// # Safety
    /// One thread at a time: the caller is inside the gate of the hook that owns this handoff, and keeps the reference no
    /// longer than that.
    #[allow(clippy::mut_from_ref)]
    pub unsafe fn take(&self, code: u64) -> Option<&mut T> {
        // SAFETY: `kept` is the hook's own, inside whose gate the caller is.
        let kept = unsafe { &mut *self.kept.get() };
        if !to_front(kept, code) {
            let offer = self.offer.swap(ptr::null_mut(), Ordering::AcqRel);
            if !offer.is_null() {
                self.keep(kept, offer);
            }
            if !to_front(kept, code) {
                self.expect(code);
                return None;
            }
        }
        // SAFETY: things in the list were made by Box::into_raw in `prepare` and are this hook's until it gives them back.
        Some(unsafe { &mut (**kept).thing })
    }

    /// Puts what was offered into the hook's list, and gives back what is too much there: one of the same code that was built twice,
    /// of which the older may be in use; else the one that was not used for longest.
    fn keep(&self, kept: &mut *mut Built<T>, offer: *mut Built<T>) {
        // SAFETY: `offer` was made by Box::into_raw in `prepare` and swapped out once, those in the list are this hook's.
        unsafe {
            if to_front(kept, (*offer).code) {
                return self.give_back(offer);
            }
            (*offer).next = *kept;
            *kept = offer;
            let mut last = offer;
            for _ in 1..KEPT {
                if (*last).next.is_null() {
                    return;
                }
                last = (*last).next;
            }
            let spent = std::mem::replace(&mut (*last).next, ptr::null_mut());
            if !spent.is_null() {
                self.give_back(spent);
            }
        }
    }

    /// For the control plane to free. `spent` is in no list.
    fn give_back(&self, spent: *mut Built<T>) {
        // Only this hook puts anything there; the control plane takes all of it or, just now, nothing.
        let before = self.spent.swap(ptr::null_mut(), Ordering::AcqRel);
        // SAFETY: `spent` came out of the hook's list or its offer, and is nobody else's.
        unsafe { (*spent).next = before };
        self.spent.store(spent, Ordering::Release);
    }

    /// Says what the hook will want.
    pub fn expect(&self, code: u64) {
        self.wanted.store(code, Ordering::Release);
        self.work_flag.ring();
    }

    /// Has the service look at a format that Coach does not handle, or handles again.
    pub fn refuse(&self) {
        self.work_flag.0.fetch_or(RUNG | REFUSED, Ordering::Release);
    }

    /// Whether [`Handoff::prepare`] has something to do.
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
            let new = Box::new(Built { code: wanted, thing: new, next: ptr::null_mut() });
            free(self.offer.swap(Box::into_raw(new), Ordering::AcqRel));
        }
        free(self.spent.swap(ptr::null_mut(), Ordering::AcqRel));
    }
}

/// Moves what `code` stands for to the front of a list; whether it is there.
fn to_front<T>(list: &mut *mut Built<T>, code: u64) -> bool {
    let mut place: *mut *mut Built<T> = list;
    // SAFETY: the list's pointers are null or were made by Box::into_raw, and whoever has the list has all that is in it.
    unsafe {
        while !(*place).is_null() {
            let built = *place;
            if (*built).code == code {
                if built != *list {
                    *place = (*built).next;
                    (*built).next = *list;
                    *list = built;
                }
                return true;
            }
            place = &raw mut (*built).next;
        }
    }
    false
}

/// Frees a list.
fn free<T>(mut list: *mut Built<T>) {
    while !list.is_null() {
        // SAFETY: made by Box::into_raw in `prepare`, and the caller has taken the list, all of which is its own, out of its place.
        list = unsafe { Box::from_raw(list) }.next;
    }
}

impl<T> Drop for Handoff<T> {
    fn drop(&mut self) {
        free(*self.kept.get_mut());
        free(self.spent.swap(ptr::null_mut(), Ordering::AcqRel));
        free(self.offer.swap(ptr::null_mut(), Ordering::AcqRel));
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    /// Takes until it is there; how often it was not.
    fn waits(handoff: &Handoff<u64>, code: u64) -> u32 {
        for waited in 0..10 {
            // SAFETY: this is the one thread that takes.
            if unsafe { handoff.take(code) }.is_some_and(|thing| *thing == code) {
                return waited;
            }
            handoff.prepare(Some);
        }
        panic!("{code} is never there");
    }

    #[test]
    fn what_was_used_lately_is_there_at_once_and_what_was_not_is_built_again() {
        let handoff = Handoff::new(WorkFlag::default());
        let codes = 1..=KEPT as u64;
        assert!(codes.clone().all(|code| waits(&handoff, code) == 1), "each is built once");
        assert!(codes.clone().chain(codes).all(|code| waits(&handoff, code) == 0), "and kept");
        waits(&handoff, 100);
        assert_eq!(waits(&handoff, 2), 0, "the first was not used for longest");
        assert_eq!(waits(&handoff, 1), 1);
        assert_eq!(waits(&handoff, 100), 0);
    }

    #[test]
    fn what_is_in_use_stays_the_same_if_it_is_built_again() {
        let (handoff, mut built) = (Handoff::new(WorkFlag::default()), 0);
        let mut build = |code| {
            built += 1;
            Some((code, built))
        };
        // SAFETY: this is the one thread that takes.
        let take = |code| unsafe { handoff.take(code) }.copied();
        for code in [1, 2, 1] {
            handoff.expect(code);
            handoff.prepare(&mut build);
            take(code);
        }
        assert_eq!(take(3), None, "the second of the same code has come with this");
        assert_eq!(take(1), Some((1, 1)));
    }
}
