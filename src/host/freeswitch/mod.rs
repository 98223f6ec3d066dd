//! `mod_coach`: coach mode in the conferences of a stock FreeSWITCH. `mod_conference` mixes what is said openly; a media bug on each
//! session that has a tag or speaks privately takes private speech out of what is read, and puts it into what is written.
//!
//! It reaches the engine by `host::client` alone. From the ground up; a file uses only files above it in this list:
//!
//! ```text
//! names              the engine's names for conferences and calls
//! session            FreeSWITCH's core functions as safe Rust: sessions, variables, the log
//! config             coach.conf.xml
//! settings           what a call is set to: the channel variables, the actions
//! assignments        which variables the core's applications assign
//! answering          which applications run while a call is answered
//! app_stack          what runs on a call, one inside the other
//! rtp_times          when frames were said
//! media_bug          the media bug: what audio threads run
//! membership         where a call is in a conference, and what it may do there
//! mix                how many channels a conference mixes
//! coach_events       the engine's events, fired as FreeSWITCH's, and what they give back
//! rooms              the engine's rooms, one a conference
//! recovery           what commands have set, kept for the time after a crash of the switch
//! departed           what a call leaves behind for the leg that takes its place
//! unload_lock        what keeps the module loaded while somebody speaks privately
//! opening_guards     who keeps the module loaded while an opening guard runs
//! pending_flags      what events say that members may do, until somebody acts on it
//! services           all of these, as every call uses them
//! leg                one call: its member of the engine, its bugs, its membership
//! module             what there is while the module is loaded: the calls, the tracked sessions
//! transfer           a leg that takes another's place
//! write_bugs         who needs a write bug
//! conference_list    who is in a conference, asked of mod_conference
//! session_hooks      what a call does: conferences that begin and end, hang-up
//! conference_events  what is told late: mute, deaf, hold
//! commands           what people do: the commands and the dialplan application
//! completion         tab completion
//! existing_calls     calls that were there before the module
//! load               loading and unloading
//! ```
//!
//! Three rules keep its threads from waiting for each other. A leg's lock is held while the core is asked for variables or told of events,
//! and never while a media bug is installed, which takes locks of the core's and of endpoints': some come to us with those held. The core's
//! event threads wait for no such lock: whoever fires an event may wait for them. And the end of a media bug, told with the
//! session's bugs locked, takes none at all but those that are held for a moment: every other lock here is.

mod answering;
mod app_stack;
mod assignments;
mod coach_events;
mod commands;
mod completion;
mod conference_events;
mod conference_list;
mod config;
mod departed;
mod existing_calls;
mod leg;
mod load;
mod media_bug;
mod membership;
mod mix;
mod module;
mod names;
mod opening_guards;
mod pending_flags;
mod recovery;
mod rooms;
mod rtp_times;
mod services;
mod session;
mod session_hooks;
mod settings;
mod transfer;
mod unload_lock;
mod write_bugs;

/// What FreeSWITCH declares, from `include/freeswitch_abi.h`.
#[allow(missing_docs, non_camel_case_types, non_snake_case, non_upper_case_globals, dead_code)]
mod fs {
    include!(concat!(env!("OUT_DIR"), "/freeswitch.rs"));
}
