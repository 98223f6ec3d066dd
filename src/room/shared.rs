//! What the rooms of one engine share. Each part has a lock of its own or needs none, and is held for a moment alone.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use super::{engine_clock::EngineClock, ticker::Ticker};
use crate::{
    audio::{counters::Sums, lockfree::handoff::WorkFlag},
    lock::Mutex,
};

/// See above.
pub struct Shared {
    /// Number of the last plan.
    number: AtomicU64,
    /// Somebody may need a conversion or the clock: there is somebody who speaks privately, or a room that the engine mixes. The
    /// service has to run.
    busy: AtomicBool,
    /// Counts of members that are gone.
    pub departed: Mutex<DepartedCounters>,
    pub guard_ms: u32,
    /// Whether members hear a sound at every change of their mode.
    pub mode_sounds: bool,
    pub clock: Arc<EngineClock>,
    /// Whether anybody listens to events.
    pub events_wanted: bool,
    pub work_flag: WorkFlag,
    /// Ticks the rooms that tick by themselves.
    pub ticker: Ticker,
    /// What takes too long to free under the lock of a room.
    discarded: Mutex<Vec<Box<dyn Send>>>,
}

impl Shared {
    pub fn new(guard_ms: u32, mode_sounds: bool, clock: Arc<EngineClock>, events_wanted: bool) -> Arc<Self> {
        Arc::new(Self {
            number: AtomicU64::new(0),
            busy: AtomicBool::new(false),
            departed: Mutex::default(),
            guard_ms,
            mode_sounds,
            clock,
            events_wanted,
            work_flag: WorkFlag::default(),
            ticker: Ticker::default(),
            discarded: Mutex::default(),
        })
    }

    /// The number of a plan that is to be made: higher than all before it.
    pub fn next_number(&self) -> u64 {
        self.number.fetch_add(1, Ordering::SeqCst) + 1
    }

    /// The number of the last plan.
    pub fn last_number(&self) -> u64 {
        self.number.load(Ordering::SeqCst)
    }

    /// From now on the service has to run.
    pub fn needs_service(&self) {
        self.busy.store(true, Ordering::Relaxed);
    }

    pub fn busy(&self) -> bool {
        self.busy.load(Ordering::Relaxed)
    }

    /// Keeps something of which there is very much until the service frees it. What hooks may still be using the caller keeps elsewhere, too.
    pub fn discard(&self, things: impl Send + 'static) {
        self.discarded.lock().push(Box::new(things));
    }

    /// [service] Frees what was discarded; whether there was something.
    pub fn free_discarded(&self) -> bool {
        let discarded = std::mem::take(&mut *self.discarded.lock());
        !discarded.is_empty()
    }
}

/// Counts of members that are gone.
#[derive(Clone, Copy, Default)]
pub struct DepartedCounters {
    pub read: Sums,
    pub write: Sums,
    pub input: Sums,
    pub slowest: u64,
}
