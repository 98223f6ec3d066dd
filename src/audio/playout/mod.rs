//! From a queue of speech into the frames of one listener.
//!
//! | | |
//! |---|---|
//! | `source` | a queue as one listener reads it |
//! | `playout` | plays one queue: the order of all that follows |
//! | `jitter` | when to start, to skip and to stop |
//! | `target`, `rate_mix` | where that goes: straight into the frame, or into a mix of its rate, which is converted once |
//! | `resample`, `filters` | from one rate to another; the filters of that, which all share |
//! | `downsample` | from over 48 kHz into a private stream |
//! | `filter_audience` | who may hear what a filter still holds |
//! | `declick` | ramps, so that speech that starts, stops or jumps does not click |

pub mod declick;
pub mod downsample;
pub mod filter_audience;
pub mod filters;
pub mod jitter;
#[allow(clippy::module_inception)] // the file is about what the folder is about
pub mod playout;
pub mod rate_mix;
pub mod resample;
pub mod source;
pub mod target;
