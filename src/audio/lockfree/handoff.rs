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
    /// [audio] Has the service look what hooks want.
    pub fn ring(&self) {
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

/// How many things a hook keeps: one for each other rate and number of channels, and one more for the open mix of a room.
const KEPT: usize = 20;

/// A thing and the code that it was wanted by, in a list.
struct Built<T> {
    code: u64,
    thing: T,
    next: *mut Built<T>,
}

/// One hook's. Codes say what is wanted, up to `N` things at a time; 0 is nothing.
pub struct Handoff<T, const N: usize> {
    /// Written by the hook, and by the control plane where it knows what the hook will want; taken away by whoever builds it.
    wanted: [AtomicU64; N],
    /// From the control plane to the hook: a list.
    offer: AtomicPtr<Built<T>>,
    /// From the hook to the control plane: a list, so that the hook never has to free.
    spent: AtomicPtr<Built<T>>,
    /// The hook's own: a list of at most [`KEPT`], what was used last first.
    kept: UnsafeCell<*mut Built<T>>,
    work_flag: WorkFlag,
}

// SAFETY: `kept` is touched by the one hook that owns the handoff (the contract of `take`), the rest is atomic; what goes
// from thread to thread is Send, and the pointers in it are owned.
unsafe impl<T: Send, const N: usize> Send for Handoff<T, N> {}
// SAFETY: `kept` is touched by one hook at a time, and the rest is atomic.
unsafe impl<T: Send, const N: usize> Sync for Handoff<T, N> {}

impl<T, const N: usize> Handoff<T, N> {
    pub fn new(work_flag: WorkFlag) -> Self {
        Self {
            wanted: std::array::from_fn(|_| AtomicU64::new(0)),
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
            let mut offer = self.offer.swap(ptr::null_mut(), Ordering::AcqRel);
            while !offer.is_null() {
                // SAFETY: what is offered was made by Box::into_raw in `prepare`, and the whole list was swapped out once.
                let next = unsafe { (*offer).next };
                self.keep(kept, offer);
                offer = next;
            }
            if !to_front(kept, code) {
                self.expect(code);
                return None;
            }
        }
        // SAFETY: things in the list were made by Box::into_raw in `prepare` and are this hook's until it gives them back.
        Some(unsafe { &mut (**kept).thing })
    }

    /// [audio] Does something with each that the hook has.
    ///
    /// # Safety
    /// As [`Handoff::take`].
    pub unsafe fn each(&self, mut action: impl FnMut(&mut T)) {
        // SAFETY: `kept` is the hook's own, inside whose gate the caller is.
        let mut next = unsafe { *self.kept.get() };
        while !next.is_null() {
            // SAFETY: things in the list were made by Box::into_raw in `prepare` and are this hook's until it gives them back.
            let built = unsafe { &mut *next };
            action(&mut built.thing);
            next = built.next;
        }
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

    /// Says what the hook will want. Where more is wanted already than can be said, the hook has to ask again.
    pub fn expect(&self, code: u64) {
        let place = |which: u64| self.wanted.iter().find(|wanted| wanted.load(Ordering::Relaxed) == which);
        let place = place(code).or_else(|| place(0)).unwrap_or(&self.wanted[code as usize % N]);
        place.store(code, Ordering::Release);
        self.work_flag.ring();
    }

    /// Has the service look what the hook needs besides.
    pub fn ring(&self) {
        self.work_flag.ring();
    }

    /// Has the service look at a format that Coach does not handle, or handles again.
    pub fn refuse(&self) {
        self.work_flag.0.fetch_or(RUNG | REFUSED, Ordering::Release);
    }

    /// Whether [`Handoff::prepare`] has something to do.
    pub fn waits(&self) -> bool {
        self.wanted.iter().any(|wanted| wanted.load(Ordering::Relaxed) != 0)
            || !self.spent.load(Ordering::Relaxed).is_null()
    }

    /// [control] Builds what is wanted and offers it, and frees what was spent. One thread at a time. What cannot be built stays wanted.
    pub fn prepare(&self, mut build: impl FnMut(u64) -> Option<T>) {
        for wanted in &self.wanted {
            let code = wanted.load(Ordering::Acquire);
            if code != 0
                && let Some(thing) = build(code)
            {
                let mut offer = self.offer.swap(ptr::null_mut(), Ordering::AcqRel);
                // A hook that has one of that code, or does not run, takes none: what it was offered before will do.
                if !to_front(&mut offer, code) {
                    offer = Box::into_raw(Box::new(Built { code, thing, next: offer }));
                }
                // Nobody else offers. A swap, since the model checker takes a plain store for one that may come before what it follows.
                self.offer.swap(offer, Ordering::AcqRel);
                // Only now: while it is wanted the hook does not ask for it again.
                let _ = wanted.compare_exchange(code, 0, Ordering::AcqRel, Ordering::Relaxed);
            }
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

impl<T, const N: usize> Drop for Handoff<T, N> {
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
    fn waits(handoff: &Handoff<u64, 2>, code: u64) -> u32 {
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

    /// The control plane says what it expects as often as a pair is made, whether the hook has that or not.
    #[test]
    fn what_is_expected_again_and_again_is_there_twice_at_most() {
        let (handoff, thing) = (Handoff::<_, 2>::new(WorkFlag::default()), Arc::new(()));
        for _ in 0..100 {
            handoff.expect(1);
            handoff.prepare(|_| Some(thing.clone()));
            // SAFETY: this is the one thread that takes.
            assert!(unsafe { handoff.take(1) }.is_some());
        }
        assert!(Arc::strong_count(&thing) <= 3, "{} are there", Arc::strong_count(&thing) - 1);
    }

    #[test]
    fn what_is_in_use_stays_the_same_if_it_is_built_again() {
        let (handoff, mut built) = (Handoff::<_, 2>::new(WorkFlag::default()), 0);
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

    #[test]
    fn all_that_was_built_goes_with_it() {
        let (handoff, thing) = (Handoff::<_, 2>::new(WorkFlag::default()), Arc::new(()));
        let prepare = |code| {
            handoff.expect(code);
            handoff.prepare(|_| Some(thing.clone()));
        };
        // As many as are kept, and one that is spent.
        for code in 1..=KEPT as u64 + 1 {
            prepare(code);
            // SAFETY: this is the one thread that takes.
            assert!(unsafe { handoff.take(code) }.is_some());
        }
        (100..103).for_each(prepare); // these are offered
        assert!(Arc::strong_count(&thing) > KEPT + 3, "{} are there", Arc::strong_count(&thing) - 1);
        drop(handoff);
        assert_eq!(Arc::strong_count(&thing), 1);
    }
}
