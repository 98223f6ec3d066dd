//! Tab completion in `fs_cli` and on the console.

use std::{
    ffi::{CStr, c_char},
    iter, ptr,
};

use super::{
    fs,
    module::{Module, current},
    session::{c, text},
};
use crate::host::client::grammar;

const ROOM: &CStr = c"::coach::room";
const MEMBER: &CStr = c"::coach::member";

/// The words of `uuid_coach`.
const UUID_ACTIONS: [&str; 5] = ["tag", "untag", "coach", "uncoach", "show"];

/// What follows each command; the core knows the words that begin with colons as functions.
fn patterns() -> impl Iterator<Item = String> {
    let coach = grammar().map(|(name, arguments)| {
        let words = arguments.split(' ').map_while(|argument| match argument.trim_matches(['[', ']']) {
            "<room>" => ROOM.to_str().ok(),
            "<member>" => MEMBER.to_str().ok(),
            _ => None,
        });
        iter::once("add coach").chain([name]).chain(words).collect::<Vec<_>>().join(" ")
    });
    let uuid_coach = UUID_ACTIONS.iter().map(|action| format!("add uuid_coach ::console::list_uuid {action}"));
    coach.chain(iter::once("add coach state".into())).chain(uuid_coach)
}

pub fn add() {
    // SAFETY: texts that end in NUL; the functions stay until `delete` has returned.
    unsafe {
        fs::switch_console_add_complete_func(ROOM.as_ptr(), Some(rooms));
        fs::switch_console_add_complete_func(MEMBER.as_ptr(), Some(members));
        for pattern in patterns() {
            fs::switch_console_set_complete(c(&pattern).as_ptr());
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
