//! The control plane: rooms, members, what may be done to them, what is told of it. May lock and allocate; every change ends
//! in a new plan for the hooks.
//!
//! ```text
//! words        error, event, host_data (`user_data` and `release`)
//! shared       shared (what all rooms share, with the number of the last plan), engine_clock, event_queue
//! books        control (a room and its members; `impl Control` goes on in most files below), index (who has which tag), pending (what is in
//!              no plan yet)
//! plans        pairs (who hears whose private voice), publish (from pairs to what the hooks act on)
//! changes      change (tags, modes, mute, deaf, hold), coming (who attaches, joins, leaves), mode_sounds (when a mode is heard)
//! what is said tell (events), info (structs), report (`show`, `explain`, counters), command (the grammar)
//! threads      service, watch (how often it looks), ticker (rooms that tick by themselves)
//! the top      registry, directory (where rooms and members are), engine, lifecycle (how all of this begins and ends)
//! checks       difference_tests, mend_tests
//! ```

pub mod change;
pub mod coming;
pub mod command;
pub mod control;
#[cfg(test)]
mod difference_tests;
pub mod directory;
pub mod engine;
pub mod engine_clock;
pub mod error;
pub mod event;
pub mod event_queue;
pub mod host_data;
mod index;
pub mod info;
pub mod lifecycle;
#[cfg(test)]
mod mend_tests;
pub mod mode_sounds;
pub mod pairs;
pub mod pending;
pub mod publish;
pub mod registry;
pub mod report;
pub mod service;
pub mod shared;
pub mod tell;
pub mod ticker;
mod watch;
