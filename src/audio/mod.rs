//! The audio plane: what runs inside a hook. Nothing here allocates, locks, logs or calls the system on a hook's path; what the
//! control plane does with these types is marked [control].
//!
//! | | what is in it |
//! |---|---|
//! | `format`, `sum`, `host_mix`, `counters`, `prefetch` | samples, and how many there are |
//! | [`lockfree`] | what two threads share without a lock; the model checks explore it |
//! | [`playout`] | one queue into one listener's frames: when to start and to skip, rates, fades |
//! | [`mix`] | open speech of a room that the engine mixes: queues of its members, the bus, the tick |
//! | [`hook`] | the plan of a member, its read hook and its write hook |
//!
//! Each uses what stands above it. The first lines of the folders' `mod.rs` tell what their files are for.
#![allow(missing_docs)] // private rooms: names and comments say what is not obvious

pub mod format;
pub mod lockfree;

// What a model check explores is above; it knows no statics and no floating point.
#[cfg(not(loom))]
pub mod counters;
#[cfg(not(loom))]
pub mod hook;
#[cfg(not(loom))]
pub mod host_mix;
#[cfg(not(loom))]
pub mod mix;
#[cfg(not(loom))]
pub mod playout;
#[cfg(not(loom))]
pub mod prefetch;
#[cfg(not(loom))]
pub mod sum;
