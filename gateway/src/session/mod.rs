//! Sessions: a call that was handed over, and the application that says what it does.
//!
//! | module | what is in it |
//! |---|---|
//! | `verbs` | what an application may say |
//! | `payload` | what it is told |
//! | `incoming` | what comes from it |
//! | `retries` | how often an application is tried again |
//! | `outbound` | connections, where the settings let an application lead |
//! | `javascript`, `webhook`, `websocket`, `app` | the ways to it |
//! | `speech`, `sounds` | texts as files, and the files that conferences play |
//! | `handed_over`, `sessions` | a call that is handed over, and the sessions that there are |
//! | `saved` | what is kept for a restart |
//! | `context` | what everything in a session shares |
//! | `audible` | what a call hears by say, play and pause |
//! | `hold` | what a call hears while it is held |
//! | `waiting` | what a call does before it enters a conference |
//! | `conference`, `perform` | verbs, carried out |
//! | `command` | commands of an application in mid-call |
//! | `run` | a session from its beginning to its end |
//! | `handover`, `listeners` | calls that switches hand over, and where |
//! | `order`, `place` | calls that the gateway places |
//!
//! Each uses those above it, and no other.

pub mod app;
mod audible;
mod command;
mod conference;
mod context;
mod handed_over;
mod handover;
mod hold;
pub mod incoming;
pub mod javascript;
pub mod listeners;
pub mod order;
pub mod outbound;
pub mod payload;
mod perform;
pub mod place;
mod retries;
mod run;
mod saved;
mod sessions;
mod sounds;
mod speech;
pub mod verbs;
mod waiting;
mod webhook;
mod websocket;

pub use command::update;
pub use sessions::Sessions;
