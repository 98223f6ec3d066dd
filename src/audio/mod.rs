//! The audio plane: what runs inside a hook. Nothing here allocates, locks, logs or calls the system on a hook's path; what the
//! control plane does with these types is marked [control].
//!
//! ```text
//! samples      format, sum, fade, racy (copies that another thread may overtake), words (a ring), prefetch
//! rates        convert, reduce (from over 48 kHz), held (who may hear what a filter holds), host_mix (channels)
//! hand-off     gate (who is inside a hook), published (which plan a hook acts on), retire (what is freed once hooks have left), mailbox
//!              (what a hook asks for), slot (from a handle to a member or a room), counters
//! when         hook_clock, media_time, guard (opening guards)
//! what flows   voice (private speech), input and bus (open speech that the engine mixes), pace (when a reader skips), player
//! who          plan (what the control plane publishes), link (a listener's ear for one voice), mode_sound
//! hooks        hook and hook_state (what both have), read, write, pieces (frames that are cut up): `impl Member` of member is in these
//! tick         room
//! checks       models
//! ```
#![allow(missing_docs)] // private rooms: names and comments say what is not obvious

pub mod format;
pub mod gate;
pub mod guard;
pub mod hook_clock;
pub mod mailbox;
pub mod media_time;
pub mod published;
pub mod racy;
pub mod retire;
pub mod voice;
pub mod words;

// What a model check explores is above; it knows no statics and no floating point.
#[cfg(not(loom))]
pub mod bus;
#[cfg(not(loom))]
pub mod convert;
#[cfg(not(loom))]
pub mod counters;
#[cfg(not(loom))]
pub mod fade;
#[cfg(not(loom))]
pub mod held;
#[cfg(not(loom))]
pub mod hook;
#[cfg(not(loom))]
pub mod hook_state;
#[cfg(not(loom))]
pub mod host_mix;
#[cfg(not(loom))]
pub mod input;
#[cfg(not(loom))]
pub mod link;
#[cfg(not(loom))]
pub mod member;
#[cfg(not(loom))]
pub mod mode_sound;
#[cfg(all(test, loom))]
mod models;
#[cfg(not(loom))]
pub mod pace;
#[cfg(not(loom))]
pub mod pieces;
#[cfg(not(loom))]
pub mod plan;
#[cfg(not(loom))]
pub mod player;
#[cfg(not(loom))]
pub mod prefetch;
#[cfg(not(loom))]
pub mod read;
#[cfg(not(loom))]
pub mod reduce;
#[cfg(not(loom))]
pub mod room;
#[cfg(not(loom))]
pub mod slot;
#[cfg(not(loom))]
pub mod sum;
#[cfg(not(loom))]
pub mod write;
