//! The C boundary: every `extern "C"` function of `include/coach.h`, and nothing else. Arguments are checked here, panics stop
//! here, errors become statuses here.

mod boundary;
mod control;
mod fork;
mod hooks;
mod reading;
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
    control {
        coach_engine_create, coach_engine_destroy, coach_engine_service, coach_engine_clock, coach_engine_stats,
        coach_room_open, coach_room_find, coach_room_close,
        coach_member_attach, coach_member_join, coach_member_leave, coach_member_detach, coach_member_bypass,
        coach_tag, coach_untag, coach_coach, coach_uncoach,
        coach_member_mute, coach_member_deaf, coach_member_hold,
    }
    reading { coach_member_info, coach_members, coach_command, coach_member_command, coach_state_json }
}
