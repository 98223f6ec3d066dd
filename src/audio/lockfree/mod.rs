//! What two threads share without a lock. `models` has loom's model checker explore how their steps can interleave.
//!
//! | | |
//! |---|---|
//! | `atomic_copy`, `sample_ring` | samples that one thread writes while others copy them |
//! | `private_stream` | what a private speaker says: one ring, written by its read hook, read by the write hooks of its audience |
//! | `gate`, `published`, `retire` | who is inside a hook, which plan it acts on, and what may be freed once it has left |
//! | `handoff`, `spares` | what a hook asks the control plane to build; what that has built beforehand |
//! | `sleep` | whether the clock of an empty room leaves it out |
//! | `opening_guard`, with `media_time` and `hook_clock` | for how long speech goes to the smaller audience after a wider one was set |

pub mod atomic_copy;
pub mod gate;
pub mod handoff;
pub mod hook_clock;
pub mod media_time;
#[cfg(all(test, loom))]
mod models;
pub mod opening_guard;
pub mod private_stream;
pub mod published;
pub mod retire;
pub mod sample_ring;
pub mod sleep;
pub mod spares;
