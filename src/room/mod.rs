//! The control plane: rooms, members, what may be done to them, what is told of it. May lock and allocate; every change ends
//! in a new plan for the hooks.
//!
//! | | |
//! |---|---|
//! | `error`, `event`, `host_data` | what a call and an event consist of; the host's `user_data` and its release |
//! | `shared`, `engine_clock`, `event_queue` | what all rooms of an engine share |
//! | `state` | what one lock guards: a room and its members; `impl RoomState` goes on in most files below |
//! | `handles`, `tag_index`, `pending` | sets of handles; who carries which tag; what has changed and is in no plan yet |
//! | `pairs`, `plan_builder` | who hears whose private stream; from that to the plans that the hooks act on |
//! | `streams` | how long a private speaker's stream is |
//! | `settings`, `membership`, `mode_sounds` | tags, modes, mute, deaf, hold; who attaches, joins and leaves; when a mode is heard |
//! | `event_builder`, `info`, `report` | what is told of a change; structs; `show`, `explain`, counters |
//! | `service`, `service_interval`, `ticker` | the engine's threads, and how often the service looks |
//! | `registry`, `directory`, `room_lock`, `engine`, `lifecycle` | from a handle to its engine, from there to its lock; how all of this begins and ends |
//! | `command` | the commands of people: read by the grammar, carried out, answered |
//! | `difference_tests`, `rollback_tests`, `interleaving_tests` | checks of plans after thousands of changes, of changes that stop half-way, and of hooks in between |

pub mod command;
#[cfg(test)]
mod difference_tests;
pub mod directory;
pub mod engine;
pub mod engine_clock;
pub mod error;
pub mod event;
pub mod event_builder;
pub mod event_queue;
pub mod handles;
pub mod host_data;
pub mod info;
#[cfg(test)]
mod interleaving_tests;
pub mod lifecycle;
pub mod membership;
pub mod mode_sounds;
pub mod pairs;
pub mod pending;
pub mod plan_builder;
pub mod registry;
pub mod report;
#[cfg(test)]
mod rollback_tests;
mod room_lock;
pub mod service;
mod service_interval;
pub mod settings;
pub mod shared;
pub mod state;
mod streams;
mod tag_index;
pub mod ticker;
