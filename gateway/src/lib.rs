//! coach-gateway: a process beside stock switches through which applications written for jambonz drive coach mode.
//!
//! | module | what is in it |
//! |---|---|
//! | [`names`] | names of conferences, tags and calls, on the wire and on a switch |
//! | [`settings`] | the file of settings |
//! | [`store`], [`keys`] | the database; keys of the REST interface |
//! | [`switch`] | what a switch offers, and each kind of switch |
//! | [`node`] | a switch as the settings have it, and a call that was found there |
//! | [`ends`], [`entering`] | conferences whose time is over; calls that are about to enter one |
//! | [`members`], [`live`] | who is in which conference and who hears whom; what changes there |
//! | [`gateway`], [`follow`] | which call is whose; follows what changes |
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
pub mod entering;
pub mod follow;
pub mod gateway;
pub mod keys;
pub mod live;
pub mod members;
pub mod names;
pub mod node;
pub mod session;
pub mod settings;
pub mod store;
pub mod switch;
pub mod update;
