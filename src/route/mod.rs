//! The rule of who hears whom, and why. It is pure: no I/O, no clock, no lock, no audio. `tags` has what a `memberTag` and a `speakOnlyTo` may
//! hold, `rule` whether one member hears another.

pub mod rule;
pub mod tags;

pub use rule::{Facts, Speaks, Verdict, hears};
pub use tags::{TagError, Tags};
