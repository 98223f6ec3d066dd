//! A member's hooks, and what they act on.
//!
//! | | |
//! |---|---|
//! | `plan` | what the control plane publishes: what the hooks of one member do |
//! | `subscription`, `stream_playout`, `stream_reader` | a voice, and one listener's ear for it: a private stream, and in an engine-mixed room the part of the mix that follows it; how it plays that, and reads it |
//! | `member`, `slot` | a member, and from its handle to it |
//! | `hook`, `hook_state` | what both hooks have in common; what each keeps from frame to frame |
//! | `read`, `write`, `pieces` | the read hook; the write hook; frames that the write hook has to cut up |
//! | `mode_sound` | the sound that a member hears when its mode changes |

#[allow(clippy::module_inception)] // the file is about what the folder is about
pub mod hook;
pub mod hook_state;
pub mod member;
pub mod mode_sound;
pub mod pieces;
pub mod plan;
pub mod read;
pub mod slot;
pub mod stream_playout;
pub mod stream_reader;
pub mod subscription;
pub mod write;
