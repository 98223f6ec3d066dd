//! Tab completion in `fs_cli` and on the console.

use std::{
    ffi::{CStr, c_char},
    ptr,
};

use super::{
    fs,
    module::{Module, current},
    session::{c, text},
};

const ROOM: &CStr = c"::coach::room";
const MEMBER: &CStr = c"::coach::member";

/// What follows each command; the core knows the words that begin with colons as functions.
const PATTERNS: [&CStr; 17] = [
    c"add coach rooms",
    c"add coach show ::coach::room",
    c"add coach explain ::coach::room ::coach::member",
    c"add coach tag ::coach::room ::coach::member",
    c"add coach untag ::coach::room ::coach::member",
    c"add coach coach ::coach::room ::coach::member",
    c"add coach uncoach ::coach::room ::coach::member",
    c"add coach gettag ::coach::room",
    c"add coach stats ::coach::room",
    c"add coach state",
    c"add coach version",
    c"add coach help",
    c"add uuid_coach ::console::list_uuid tag",
    c"add uuid_coach ::console::list_uuid untag",
    c"add uuid_coach ::console::list_uuid coach",
    c"add uuid_coach ::console::list_uuid uncoach",
    c"add uuid_coach ::console::list_uuid show",
];

pub fn add() {
    // SAFETY: texts that end in NUL; the functions stay until `delete` has returned.
    unsafe {
        fs::switch_console_add_complete_func(ROOM.as_ptr(), Some(rooms));
        fs::switch_console_add_complete_func(MEMBER.as_ptr(), Some(members));
        for pattern in PATTERNS {
            fs::switch_console_set_complete(pattern.as_ptr());
        }
    }
}

pub fn delete() {
    // SAFETY: texts that end in NUL.
    unsafe {
        fs::switch_console_set_complete(c"del coach".as_ptr());
        fs::switch_console_set_complete(c"del uuid_coach".as_ptr());
        fs::switch_console_del_complete_func(MEMBER.as_ptr());
        fs::switch_console_del_complete_func(ROOM.as_ptr());
    }
}

unsafe extern "C" fn rooms(
    _: *const c_char,
    _: *const c_char,
    matches: *mut *mut fs::switch_console_callback_match_t,
) -> fs::switch_status_t {
    let names = current().map(|module| module.services.rooms.names()).unwrap_or_default();
    // SAFETY: the core's list.
    unsafe { push(matches, names) }
}

/// Numbers of who is in the conference that the line names.
unsafe extern "C" fn members(
    line: *const c_char,
    _: *const c_char,
    matches: *mut *mut fs::switch_console_callback_match_t,
) -> fs::switch_status_t {
    // SAFETY: the core's text.
    let room = unsafe { text(line) }.and_then(|line| line.split_whitespace().nth(2)).unwrap_or_default();
    let inside = |module: &Module| -> Vec<String> {
        let legs = module.all();
        let numbers = legs.iter().filter_map(|leg| {
            let state = leg.lock();
            state
                .membership
                .as_ref()
                .filter(|membership| membership.conference == room)
                .map(|membership| membership.number.to_string())
        });
        numbers.collect()
    };
    // SAFETY: the core's list.
    unsafe { push(matches, current().map(|module| inside(&module)).unwrap_or_default()) }
}

/// # Safety
/// `matches` is the core's. What it holds is no list yet: the core leaves that to the callback.
unsafe fn push(matches: *mut *mut fs::switch_console_callback_match_t, values: Vec<String>) -> fs::switch_status_t {
    if values.is_empty() {
        return fs::SWITCH_STATUS_FALSE;
    }
    let mut list = ptr::null_mut();
    for value in values {
        // SAFETY: a list that begins empty; the value is copied.
        unsafe { fs::switch_console_push_match(&raw mut list, c(&value).as_ptr()) };
    }
    // SAFETY: `matches` is the core's, which frees the list.
    unsafe { matches.write(list) };
    fs::SWITCH_STATUS_SUCCESS
}
