//! Coach for a host written in Rust: engine, rooms and members as values that give themselves back, over the C ABI as any other host has
//! it. The raw calls of `include/coach.h` end here.
//!
//! ```text
//! refused   a call that failed: its status, and a sentence
//! event     one event, with what the host keeps of the room and the member
//! member    one member, and its hooks
//! room      one room
//! engine    the engine, which makes the others; the commands of people
//! ```

mod engine;
mod event;
mod member;
mod refused;
mod room;

pub use engine::{Engine, EngineConfig, grammar};
pub use event::{Event, Host};
pub use member::{Hooks, Member};
pub use refused::Refused;
pub use room::Room;
