//! The promises, through the C ABI, with a module for each: `cargo test --test promises private` runs one of them. All that can share a
//! process is here, since then the library's users in `tests/support` are compiled and linked once. What measures, forks or harms its whole
//! process has one of its own: `realtime`, `host_survives`.

#[path = "../support/mod.rs"]
mod support;

mod at_once;
mod audience_events;
mod bursts;
mod changing_rates;
mod commands;
mod conference;
mod drift;
mod engine_mixed;
mod events;
mod explain;
mod guard_length;
mod guarded_moves;
mod levels;
mod many_voices;
mod mode_sounds;
mod one_member;
mod opening_guard;
mod outgrown_streams;
mod private;
mod random_tones;
mod rates;
mod refused_formats;
mod returning_voices;
mod shared_conversion;
mod steady_clocks;
mod surface;
mod threads;
mod transferred;
mod transparent;
mod unequal_mix;
mod whole;
