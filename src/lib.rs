//! Coach: coach mode for the conferences of a SIP switch. A member that carries `speakOnlyTo` is heard only by the members whose
//! `memberTag` has one of its tags.
//!
//! The public face is the C ABI in `include/coach.h`; this crate exports nothing to Rust but those functions' symbols.
//!
//! # The map
//!
//! ```text
//! host    modules for switches: translate, and nothing else    in C for Asterisk; over the boundary, as other hosts, by host::client
//! abi     the C boundary: arguments, panics, statuses          the only other `extern "C"`
//! room    the control plane: rooms, members, commands, events  may lock, may allocate
//! route   the rule: who hears whom                             pure
//! audio   the audio plane: hooks, streams, the mix             never allocates, locks, logs, calls the system
//! ```
//!
//! Dependencies go one way: `host -> abi -> room -> route`, and `abi`, `room -> audio`. `room` turns what `route` says into plans
//! (`audio::hook::plan`), immutable and numbered; the hooks act on the plan that they load, and on nothing else.
//!
//! # The rules of the house
//!
//! * Doubt ends in silence for private speech.
//! * What is taken away from the hooks is freed by the control plane once they have left (`audio::lockfree::gate`, `audio::lockfree::retire`).
//! * Nothing that a host's thread runs leaves thread-local state with a destructor in it (`lock`): the library can be unloaded.
//! * `unsafe` stays in `host`, `abi` and `audio`, two calls of theirs from `room` apart; each block says why it is sound.

// A model check looks at a few files only.
#![cfg_attr(loom, allow(dead_code, unused_imports))]

#[cfg(not(loom))]
mod abi;
mod audio;
mod faults;
#[cfg(all(not(loom), feature = "freeswitch"))]
mod host;
mod lock;
#[cfg(not(loom))]
mod room;
mod route;
mod sync;

/// Types and numbers of `include/coach.h`, and its functions' declared signatures.
#[allow(missing_docs, non_camel_case_types, non_upper_case_globals, dead_code, clippy::undocumented_unsafe_blocks)]
mod sys {
    include!(concat!(env!("OUT_DIR"), "/abi.rs"));
}

/// The library's version.
const VERSION: &str = env!("CARGO_PKG_VERSION");
