//! Things that a hook takes for good when it needs one: the control plane makes them beforehand, and makes more once some were taken.

use std::ptr;

use crate::{
    audio::lockfree::handoff::WorkFlag,
    sync::{AtomicPtr, AtomicU64, Ordering},
};

/// Up to `N` of them, for one hook.
pub struct Spares<T, const N: usize> {
    /// Filled by the control plane where it is null, emptied by the hook where it is not.
    places: [AtomicPtr<T>; N],
    /// 1 while somebody waits who found none.
    waits: AtomicU64,
    work_flag: WorkFlag,
}

impl<T, const N: usize> Spares<T, N> {
    /// None yet.
    pub fn new(work_flag: WorkFlag) -> Self {
        let places = std::array::from_fn(|_| AtomicPtr::new(ptr::null_mut()));
        Self { places, waits: AtomicU64::new(0), work_flag }
    }

    /// [audio] One of them, made by `Box::into_raw`, which is the caller's from now on; or `None` where the service is late, which will
    /// make more in either case.
    pub fn take(&self) -> Option<ptr::NonNull<T>> {
        let filled = self.places.iter().find(|place| !place.load(Ordering::Relaxed).is_null());
        let taken = filled.and_then(|place| ptr::NonNull::new(place.swap(ptr::null_mut(), Ordering::AcqRel)));
        self.work_flag.ring(); // what is missing can be seen now
        taken
    }

    /// [audio] Somebody waits who found none.
    pub fn wait(&self) {
        self.waits.store(1, Ordering::Release);
        self.work_flag.ring();
    }

    /// [control] Whether somebody has waited since this was asked last.
    pub fn waited(&self) -> bool {
        self.waits.swap(0, Ordering::AcqRel) != 0
    }

    /// [control] Makes those that are missing. One thread at a time.
    pub fn fill(&self, mut make: impl FnMut() -> Box<T>) {
        for place in &self.places {
            // Acquire: the hook has read what lay here before.
            if place.load(Ordering::Acquire).is_null() {
                place.store(Box::into_raw(make()), Ordering::Release);
            }
        }
    }
}

impl<T, const N: usize> Drop for Spares<T, N> {
    fn drop(&mut self) {
        for place in &self.places {
            let spare = place.swap(ptr::null_mut(), Ordering::AcqRel);
            if !spare.is_null() {
                // SAFETY: made by Box::into_raw in `fill`, and swapped out once.
                drop(unsafe { Box::from_raw(spare) });
            }
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn as_many_as_were_made_can_be_taken_and_then_more_once_they_are_made() {
        let work_flag = WorkFlag::default();
        let spares = Spares::<u32, 2>::new(work_flag.clone());
        let mut made = 0;
        let mut fill = || {
            spares.fill(|| {
                made += 1;
                Box::new(made)
            });
        };
        // SAFETY: `take` gives what came from a Box, once.
        let take = || spares.take().map(|spare| *unsafe { Box::from_raw(spare.as_ptr()) });
        assert_eq!((take(), work_flag.rang(), spares.waited()), (None, true, false));
        spares.wait();
        assert_eq!((work_flag.rang(), spares.waited(), spares.waited()), (true, true, false));
        fill();
        assert!(!work_flag.rang(), "nothing is missing");
        assert_eq!((take(), work_flag.rang()), (Some(1), true));
        assert_eq!((take(), take()), (Some(2), None));
        fill();
        assert_eq!(take(), Some(3), "and one is left, which goes with them");
    }
}
