//! What the hooks of one member count. One writer a counter at a time (the hook's gate), any reader.

use crate::sync::{AtomicU64, Ordering};

/// A count that one thread at a time adds to: a load and a store, no locked instruction.
#[derive(Default)]
pub struct Count(AtomicU64);

impl Count {
    pub fn add(&self, more: u64) {
        self.0.store(self.get().wrapping_add(more), Ordering::Relaxed);
    }

    pub fn raise(&self, to: u64) {
        self.0.store(self.get().max(to), Ordering::Relaxed);
    }

    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

macro_rules! counts {
    ($(#[$doc:meta])* $name:ident, $sums:ident { $($(#[$field_doc:meta])* $field:ident),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Default)]
        #[repr(C)]
        pub struct $name { $($(#[$field_doc])* pub $field: Count),* }

        /// The same, summed over members.
        #[derive(Clone, Copy, Debug, Default)]
        #[allow(missing_docs)]
        pub struct $sums { $(pub $field: u64),* }

        impl $sums {
            /// Adds one hook's counts.
            pub fn add(&mut self, counts: &$name) {
                $(self.$field += counts.$field.get();)*
            }

            /// Adds other sums.
            pub fn join(&mut self, other: &Self) {
                $(self.$field += other.$field;)*
            }
        }
    };
}

counts! {
    /// Counts of one hook. What every call adds to comes last, so that it lies beside what follows.
    Counts, Sums {
        /// The longest timed call, ns. No sum: the reports take the maximum over members.
        slowest,
        /// Time of all timed calls, ns.
        nanoseconds,
        /// Calls that were timed.
        timed,
        /// Frames in which a stream was silent for want of a conversion.
        waited,
        /// Audio lost by jumps, in units.
        skipped,
        /// Jumps to the newest audio.
        skips,
        /// A stream that was playing ran dry.
        underruns,
        /// Calls whose format was refused.
        refused,
        /// Read: private frames captured. Write: frames into which a private stream was put.
        private,
        /// Calls carried out.
        frames,
    }
}

impl Counts {
    /// Counts a timed call.
    pub fn time(&self, took: std::time::Duration) {
        let ns = took.as_nanos() as u64;
        self.timed.add(1);
        self.nanoseconds.add(ns);
        self.slowest.raise(ns);
    }
}
