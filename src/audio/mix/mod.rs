//! Rooms on the audio plane, and open speech of those that the engine mixes.
//!
//! | | |
//! |---|---|
//! | `input` | what one member says openly, queued for the ticks; and what each tick took of it, so that the member does not hear itself |
//! | `less_own` | the mix less what the listener said itself, in one pass |
//! | `bus` | the sums of the last ticks, from which every listener's frames are made |
//! | `tick` | a room, as its members' hooks and its ticks know it; the plan that the ticks act on (`MixPlan`); the tick, which sums the room once |

pub mod bus;
pub mod input;
pub mod less_own;
pub mod tick;
