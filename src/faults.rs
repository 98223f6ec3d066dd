//! Panics on purpose, for tests: with the feature `faults`, a test can make the next call of a kind panic. Without it nothing here does
//! anything.

/// Where a panic can be asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Where {
    Read = 1,
    Write = 2,
    Tick = 3,
    Command = 4,
    Change = 5,
    Destroy = 6,
}

#[cfg(feature = "faults")]
mod armed {
    use std::sync::atomic::{AtomicU32, Ordering};

    static ARMED: AtomicU32 = AtomicU32::new(0);

    pub fn point(at: super::Where) {
        if ARMED.compare_exchange(at as u32, 0, Ordering::SeqCst, Ordering::SeqCst).is_ok() {
            panic!("asked for by coach_fault_arm");
        }
    }

    /// `at` as in [`super::Where`]; 0 disarms. Always 0.
    #[unsafe(no_mangle)]
    pub extern "C" fn coach_fault_arm(at: u32) -> i32 {
        ARMED.store(at, Ordering::SeqCst);
        0
    }
}

#[cfg(feature = "faults")]
pub use armed::point;

#[cfg(not(feature = "faults"))]
#[inline(always)]
pub fn point(_: Where) {}
