//! Panics on purpose, for tests: with the feature `faults`, a test can make the next call of a kind panic. Without it nothing here does
//! anything.

/// Where a panic can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Where {
    Read = 1,
    Write = 2,
    Tick = 3,
    Command = 4,
    /// Between the pairs of a change and the plans that grant them.
    Change = 5,
    Destroy = 6,
    /// After a pair was made or broken, before the next one.
    Pair = 7,
    /// Before the new plan of one of the members that a change affects.
    Plan = 8,
}

#[cfg(all(feature = "faults", not(test)))]
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

#[cfg(any(feature = "faults", test))]
pub use armed::point;
#[cfg(test)]
pub use armed::{arm, armed, disarm, meanwhile, meanwhile_in};

/// Between two steps of a hook (`true`) or of a change (`false`): a test may let others act here.
#[cfg(not(test))]
#[inline(always)]
pub fn meanwhile(_: bool) {}

#[cfg(not(any(feature = "faults", test)))]
#[inline(always)]
pub fn point(_: Where) {}

/// For unit tests, which run side by side: each arms the calls of its own thread.
#[cfg(test)]
mod armed {
    use std::cell::Cell;

    use super::Where;

    thread_local! {
        /// Where, after how many others of that kind, and how often.
        static ARMED: Cell<Option<(Where, usize, usize)>> = const { Cell::new(None) };
    }

    /// What a test lets others do between two steps.
    pub type Meanwhile = std::rc::Rc<dyn Fn(bool)>;

    thread_local! {
        static MEANWHILE: std::cell::RefCell<Option<Meanwhile>> = const { std::cell::RefCell::new(None) };
    }

    /// See `super::meanwhile`.
    pub fn meanwhile(hook: bool) {
        let act = MEANWHILE.with_borrow(Clone::clone);
        if let Some(act) = act {
            act(hook);
        }
    }

    /// Sets what is done there by this thread.
    pub fn meanwhile_in(act: Option<Meanwhile>) {
        MEANWHILE.set(act);
    }

    pub fn point(at: Where) {
        if matches!(at, Where::Change | Where::Pair | Where::Plan) {
            meanwhile(false);
        }
        match ARMED.get() {
            Some((armed, 0, times)) if armed == at => {
                ARMED.set((times > 1).then_some((at, 0, times - 1)));
                panic!("a test has asked for this");
            }
            Some((armed, left, times)) if armed == at => ARMED.set(Some((armed, left - 1, times))),
            _ => {}
        }
    }

    /// This thread panics when it comes to a point of a kind, after so many others of that kind, and at so many from then on.
    pub fn arm(at: Where, after: usize, times: usize) {
        ARMED.set(Some((at, after, times)));
    }

    /// Whether what was armed is still to come.
    pub fn armed() -> bool {
        ARMED.get().is_some()
    }

    pub fn disarm() {
        ARMED.set(None);
    }
}
