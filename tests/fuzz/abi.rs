//! The library's own functions, called in this process so that a fuzzer sees which of their branches an input takes.

#![allow(missing_docs, dead_code, non_camel_case_types, clippy::undocumented_unsafe_blocks)]

// The functions declared below are that crate's.
use coach as _;

include!(concat!(env!("COACH_BINDINGS"), "/abi.rs"));

/// Statuses that a call may return, a contained fault not among them.
pub fn check(status: coach_status_t) -> coach_status_t {
    assert!((COACH_ERR_BUSY..=COACH_SILENCED).contains(&status), "{status} should be a status, and no fault");
    status
}

/// The status of a call that has to succeed.
pub fn done(status: coach_status_t) {
    assert_eq!(status, COACH_OK, "the call should succeed");
}

/// A text that the library made, given back.
pub fn taken(text: *mut std::ffi::c_char) -> String {
    // SAFETY: the library made it: it ends in NUL and is given back once.
    unsafe {
        let copy = std::ffi::CStr::from_ptr(text).to_str().expect("texts should be UTF-8").to_owned();
        coach_string_free(text);
        copy
    }
}

/// The state of every room.
pub fn state(engine: coach_engine_t) -> String {
    let mut json = std::ptr::null_mut();
    // SAFETY: the pointer is to a value that outlives the call; a null room means every room.
    done(unsafe { coach_state_json(engine, std::ptr::null(), &mut json) });
    taken(json)
}

/// What is JSON, or should be.
pub fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap_or_else(|e| panic!("{text:?} should be JSON: {e}"))
}
