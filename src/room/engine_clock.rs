//! The engine's clock: written by the service and by every change, read by hooks.

use std::{sync::Arc, time::Instant};

use crate::audio::lockfree::hook_clock::HookClock;

/// The clock by which opening guards go.
pub struct EngineClock {
    /// What the hooks read.
    pub hooks: Arc<HookClock>,
    began: Instant,
    /// The host writes it, and nobody else.
    by_host: bool,
}

impl EngineClock {
    /// One that begins now.
    pub fn new(by_host: bool) -> Self {
        Self { hooks: Arc::default(), began: Instant::now(), by_host }
    }

    /// Writes the time for the hooks, unless the host does.
    pub fn write(&self) {
        if !self.by_host {
            self.hooks.write(self.began.elapsed().as_nanos() as u64);
        }
    }

    /// The host's time, in nanoseconds; `false` if the host is not to write it.
    pub fn set(&self, now: u64) -> bool {
        if self.by_host {
            self.hooks.write(now);
        }
        self.by_host
    }

    /// The time of a change that is made now; the hooks read no earlier one from here on.
    pub fn now(&self) -> u64 {
        self.write();
        self.hooks.read().unwrap_or(0)
    }
}
