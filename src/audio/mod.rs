//! The audio plane: what runs inside a hook. Nothing here allocates, locks, logs or calls the system on a hook's path; what the
//! control plane does with these types is marked [control].
#![allow(missing_docs)] // private rooms: names and comments say what is not obvious

pub mod bus;
pub mod convert;
pub mod counters;
pub mod fade;
pub mod format;
pub mod gate;
pub mod input;
pub mod link;
pub mod member;
pub mod pace;
pub mod plan;
pub mod player;
pub mod retire;
pub mod room;
#[cfg(not(loom))]
pub mod slot;
pub mod voice;
pub mod words;
