//! coach-gateway: a process beside stock switches through which applications written for jambonz drive coach mode.
//!
//! | module | what is in it |
//! |---|---|
//! | [`settings`] | the file of settings |
//! | [`names`] | names of conferences, tags and calls, on the wire and on a switch |
//! | [`store`], [`keys`] | the database; keys of the REST interface |
//! | [`switch`] | what a switch offers, and each kind of switch |
//! | [`gateway`] | which call is whose |
//! | [`ends`] | conferences whose time is over |
//! | [`members`], [`live`] | who is in which conference and who hears whom; what changes there |
//! | [`update`] | changes to calls, as they are asked for |
//! | [`session`] | applications and their calls |
//! | [`api`] | REST |
//! | [`cli`] | the command line |
//!
//! Each uses those above it, and no other.

#![forbid(unsafe_code)]

pub mod api;
pub mod cli;
pub mod ends;
pub mod gateway;
pub mod keys;
pub mod live;
pub mod members;
pub mod names;
pub mod session;
pub mod settings;
pub mod store;
pub mod switch;
pub mod update;
