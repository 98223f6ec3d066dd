//! An allocator that counts what a thread does with it, and that can stop a thread at one of its allocations.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::{Cell, RefCell},
    sync::{Arc, Condvar, Mutex},
};

/// The system's allocator, watched.
pub struct Counting;

thread_local! {
    // Initialized without code and dropped without code: reading them allocates nothing.
    static CALLS: Cell<u64> = const { Cell::new(0) };
    static STOP_IN: Cell<u64> = const { Cell::new(0) };
    static GATE: RefCell<Option<Gate>> = const { RefCell::new(None) };
}

fn seen() {
    CALLS.set(CALLS.get().wrapping_add(1));
    match STOP_IN.get() {
        0 => {}
        1 => {
            STOP_IN.set(0);
            GATE.with_borrow(|gate| gate.as_ref().expect("a gate to stop at").stop());
        }
        n => STOP_IN.set(n - 1),
    }
}

// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        seen();
        // SAFETY: the caller keeps the contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        seen();
        // SAFETY: the caller keeps the contract.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        seen();
        // SAFETY: the caller keeps the contract.
        unsafe { System.realloc(at, layout, size) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        seen();
        // SAFETY: the caller keeps the contract.
        unsafe { System.dealloc(at, layout) }
    }
}

/// How many times `run` used the allocator on this thread.
pub fn count(run: impl FnOnce()) -> u64 {
    let before = CALLS.get();
    run();
    CALLS.get().wrapping_sub(before)
}

/// Runs `call`, stopped before its `nth` use of the allocator until the gate opens.
pub fn stop_at(nth: u64, gate: Gate, call: impl FnOnce()) {
    let _ended = Ended(gate.clone());
    GATE.set(Some(gate));
    STOP_IN.set(nth);
    call();
    STOP_IN.set(0);
}

struct Ended(Gate);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.set(Place::Ended);
    }
}

/// Where a thread waits in the middle of a call.
#[derive(Clone)]
pub struct Gate(Arc<(Mutex<Place>, Condvar)>);

#[derive(Clone, Copy, PartialEq)]
enum Place {
    Running,
    Stopped,
    Open,
    Ended,
}

impl Gate {
    pub fn new() -> Self {
        Self(Arc::new((Mutex::new(Place::Running), Condvar::new())))
    }

    /// Whether the thread was stopped; if not, it has ended.
    pub fn wait_for_stop_or_end(&self) -> bool {
        self.wait_while(|place| place == Place::Running) == Place::Stopped
    }

    pub fn open(&self) {
        self.set(Place::Open);
    }

    fn stop(&self) {
        self.set(Place::Stopped);
        self.wait_while(|place| place == Place::Stopped);
    }

    fn set(&self, place: Place) {
        *self.0.0.lock().expect("no holder of it panics") = place;
        self.0.1.notify_all();
    }

    fn wait_while(&self, holds: impl Fn(Place) -> bool) -> Place {
        let mut place = self.0.0.lock().expect("no holder of it panics");
        while holds(*place) {
            place = self.0.1.wait(place).expect("no holder of it panics");
        }
        *place
    }
}
