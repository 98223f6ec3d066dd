//! `mod_coach`: coach mode in the conferences of a stock FreeSWITCH. `mod_conference` mixes what is said openly; a media bug on each
//! session that has a tag or speaks privately takes private speech out of what is read, and puts it into what is written.
//!
//! ```text
//! module    load, unload, what there is while it is loaded
//! follow    what a call does: conferences that begin and end, hang-up
//! events    what is told late: mute, deaf, hold
//! adopt     calls that were there before the module
//! answering  what runs while a call is answered
//! api       what people do: the commands and the dialplan application
//! leg       one call: its member of the engine, its hooks, its seat
//! names     the engine's names for conferences and calls
//! nest      what runs on a call, one inside the other
//! settings  what a call is set to: the channel variables, the actions
//! assignments  which variables the core's applications assign
//! recovery  what commands have set, kept for the time after a crash of the switch
//! legacy    what a call leaves behind for the leg that takes its place
//! listeners who needs a write hook
//! roster    who is in a conference, asked of mod_conference
//! rooms     the engine's rooms, one a conference
//! guarding  who keeps the module loaded while an opening guard runs
//! hooks     the media bug: what audio threads run
//! rtp_times when frames were said
//! tell      the engine's events, told as FreeSWITCH's
//! complete  tab completion
//! switch    FreeSWITCH's calls in the words of Rust
//! ```
//!
//! Three rules keep its threads from waiting for each other. A leg's lock is held while the core is asked for variables or told of events,
//! and never while a hook is put on, which takes locks of the core's and of endpoints': some come to us with those held. Threads that
//! the core tells of events on wait for no such lock: who tells of one may wait for them. And the end of a media bug, told with the
//! session's bugs locked, takes none at all but those that are held for a moment: every other lock here is.

mod adopt;
mod answering;
mod api;
mod assignments;
mod complete;
mod configuration;
mod events;
mod follow;
mod guarding;
mod hooks;
mod leg;
mod legacy;
mod listeners;
mod mix;
mod module;
mod names;
mod nest;
mod recovery;
mod rooms;
mod roster;
mod rtp_times;
mod settings;
mod switch;
mod tell;

/// What FreeSWITCH declares, from `include/freeswitch_abi.h`.
#[allow(missing_docs, non_camel_case_types, non_snake_case, non_upper_case_globals, dead_code)]
mod fs {
    include!(concat!(env!("OUT_DIR"), "/freeswitch.rs"));
}

/// What the core looks up in `mod_coach.so`.
#[unsafe(no_mangle)]
pub static mod_coach_module_interface: fs::switch_loadable_module_function_table_t =
    fs::switch_loadable_module_function_table_t {
        switch_api_version: fs::SWITCH_API_VERSION as i32,
        load: Some(module::load),
        shutdown: Some(module::shutdown),
        runtime: Some(module::runtime),
        flags: 0,
    };
