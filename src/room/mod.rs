//! The control plane: rooms, members, what may be done to them, what is told of it. May lock and allocate; every change ends
//! in a new plan for the hooks.

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
