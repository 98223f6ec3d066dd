//! The functions that need no engine: what a status means, versions, the grammar of the commands.

use std::{
    ffi::{CStr, c_char},
    ptr,
};

use crate::{room::command::COMMANDS, sys};

/// The library's version for C.
const VERSION: &CStr = match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
    Ok(version) => version,
    Err(_) => c"",
};

/// See `coach.h`.
#[unsafe(no_mangle)]
pub extern "C" fn coach_version() -> *const c_char {
    VERSION.as_ptr()
}

/// See `coach.h`.
#[unsafe(no_mangle)]
pub extern "C" fn coach_abi_version() -> u32 {
    sys::COACH_ABI_VERSION
}

/// See `coach.h`.
#[unsafe(no_mangle)]
pub extern "C" fn coach_grammar(index: u32) -> *const sys::coach_grammar_t {
    GRAMMAR.get(index as usize).map_or(ptr::null(), |command| &raw const command.0)
}

/// A command of the grammar for C.
struct Command(sys::coach_grammar_t);

// SAFETY: its texts are static, and nobody writes them.
unsafe impl Sync for Command {}

static GRAMMAR: [Command; COMMANDS.len()] = {
    let mut grammar =
        [const { Command(sys::coach_grammar_t { name: ptr::null(), arguments: ptr::null(), does: ptr::null() }) };
            COMMANDS.len()];
    let mut at = 0;
    while at < COMMANDS.len() {
        let (name, arguments, does) = COMMANDS[at];
        grammar[at] =
            Command(sys::coach_grammar_t { name: name.as_ptr(), arguments: arguments.as_ptr(), does: does.as_ptr() });
        at += 1;
    }
    grammar
};

/// See `coach.h`.
#[unsafe(no_mangle)]
pub extern "C" fn coach_status_str(status: sys::coach_status_t) -> *const c_char {
    words(status).as_ptr()
}

fn words(status: i32) -> &'static CStr {
    match status {
        sys::COACH_OK => c"done",
        sys::COACH_CHANGED => c"done; the frame was changed: pass on what it holds now",
        sys::COACH_SILENCED => c"done; private speech was taken out of the frame",
        sys::COACH_ERR_VERSION => {
            c"the ABI version is not served: build against this library's coach.h, or load a newer library"
        }
        sys::COACH_ERR_SIZE => {
            c"a struct's size field is not its size: set it to sizeof, or begin from the _INIT macro"
        }
        sys::COACH_ERR_NULL => c"a pointer is null that must point somewhere",
        sys::COACH_ERR_HANDLE => {
            c"the handle is stale, forged, null or of another kind: use one that was given out and not given back"
        }
        sys::COACH_ERR_VALUE => c"a number or flag is outside its range: coach.h gives the range",
        sys::COACH_ERR_TEXT => c"a text is not UTF-8",
        sys::COACH_ERR_TAG => {
            c"a tag breaks the rules: 1 to 64 bytes, no comma, white space or control character, not -, and no action such as speakOnlyTo="
        }
        sys::COACH_ERR_TOO_MANY => c"too many: at most 16 tags in a list, 65,536 members and 8,192 rooms in a process",
        sys::COACH_ERR_ROOM_NAME => c"a room name has 1 to 255 bytes, no white space and no control character",
        sys::COACH_ERR_ROOM_EXISTS => c"there is a room of that name: find it, or give another name",
        sys::COACH_ERR_NO_ROOM => c"there is no room of that name: open it first",
        sys::COACH_ERR_CALL_ID => c"a call id has 1 to 255 bytes, no white space and no control character",
        sys::COACH_ERR_CALL_IN_USE => c"a member has that call id: detach it first",
        sys::COACH_ERR_NUMBER_IN_USE => c"a member in the room has that number: give another",
        sys::COACH_ERR_STATE => c"joining takes a member outside rooms, leaving one inside a room",
        sys::COACH_ERR_FORMAT => {
            c"frames are at 8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 88200, 96000 or 192000 Hz, in 1 to 8 channels, up to 60 ms"
        }
        sys::COACH_ERR_OVERLAP => {
            c"the same hook of this member, or tick of this room, is running: call it from one thread at a time"
        }
        sys::COACH_ERR_MIXER => c"only engine-mixed rooms on COACH_CLOCK_HOST are ticked by the host",
        sys::COACH_ERR_MEMORY => c"no memory: free some and try again",
        sys::COACH_ERR_BUSY => {
            c"an engine cannot be destroyed inside its own event callback: do it after that has returned"
        }
        sys::COACH_ERR_CLOCK => {
            c"the engine goes by its own clock: make it with COACH_ENGINE_HOST_CLOCK to give it yours"
        }
        sys::COACH_ERR_FORKED => {
            c"this process was forked from one that had an engine: Coach works there alone; fork first, then make an engine"
        }
        sys::COACH_ERR_PANIC => c"a fault inside Coach was contained: please report it",
        _ => c"no status of Coach's: coach.h lists them",
    }
}
