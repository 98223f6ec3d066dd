//! The C boundary: every `extern "C"` function of `include/coach.h`, and nothing else. Arguments are checked here, panics stop
//! here, errors become statuses here.
//!
//! | | |
//! |---|---|
//! | `boundary`, `checks`, `text` | what every control function goes through; arguments; texts in and out, and the last message |
//! | `fork` | refuses calls in a child of a process that has an engine |
//! | `status` | what needs no engine: statuses, versions, the grammar |
//! | `engine`, `room`, `member` | what is made, changed and ended |
//! | `reading` | how things are: structs, JSON; hands the commands of people over to `room::command` |
//! | `hooks` | the two hooks and the tick |

mod boundary;
mod checks;
mod engine;
mod fork;
mod hooks;
mod member;
mod reading;
mod room;
mod status;
mod text;

/// Refuses to compile where a function here is not the one that `include/coach.h` declares: an array has elements of one type.
macro_rules! as_declared {
    ($($module:ident { $($name:ident),* $(,)? })*) => {
        const _: () = { $($(let _ = [crate::sys::$name, $module::$name];)*)* };
    };
}

as_declared! {
    status { coach_status_str, coach_version, coach_abi_version, coach_grammar }
    text { coach_last_error, coach_string_free }
    hooks { coach_read, coach_read_at, coach_write, coach_room_tick }
    engine { coach_engine_create, coach_engine_destroy, coach_engine_service, coach_engine_clock, coach_engine_stats }
    room { coach_room_open, coach_room_find, coach_room_close }
    member {
        coach_member_attach, coach_member_join, coach_member_leave, coach_member_detach, coach_member_bypass,
        coach_tag, coach_untag, coach_coach, coach_uncoach,
        coach_member_mute, coach_member_deaf, coach_member_hold, coach_member_transferred,
    }
    reading { coach_member_info, coach_members, coach_command, coach_member_command, coach_state_json }
}
