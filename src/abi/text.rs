//! Text across the boundary: C strings in, owned strings out, and the last message of each thread.

use std::{
    cell::UnsafeCell,
    ffi::{CStr, CString, c_char},
};

use crate::{
    room::error::{Error, Result},
    sys,
};

/// Bytes of a message, the final NUL included; longer ones are cut at a character.
const MESSAGE: usize = 512;

thread_local! {
    // A plain array: no destructor that would have to run, and so hold the library, when the thread ends.
    static LAST: UnsafeCell<[u8; MESSAGE]> = const { UnsafeCell::new([0; MESSAGE]) };
}

/// Keeps `message` for `coach_last_error` on this thread.
pub fn remember(message: &str) {
    let cut = message.floor_char_boundary(MESSAGE - 1);
    let bytes = message.as_bytes()[..cut].iter().map(|b| if *b == 0 { b'?' } else { *b });
    LAST.with(|last| {
        // SAFETY: the array is this thread's own, and no reference to it outlives this closure. C may hold a pointer to it, which coach.h
        // forbids it to use after the next control call.
        let last = unsafe { &mut *last.get() };
        last.iter_mut().zip(bytes.chain([0])).for_each(|(to, from)| *to = from);
    });
}

/// See `coach.h`.
#[unsafe(no_mangle)]
pub extern "C" fn coach_last_error() -> *const c_char {
    LAST.with(|last| last.get().cast_const().cast())
}

/// See `coach.h`.
///
/// # Safety
/// `text` is null or was given out by this library and not given back.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn coach_string_free(text: *mut c_char) {
    if !text.is_null() {
        // SAFETY: made by CString::into_raw in `give`, as the caller promises.
        drop(unsafe { CString::from_raw(text) });
    }
}

/// A text that must be there.
///
/// # Safety
/// `text` is null or points to a string that ends in NUL and stays as it is during `'a`.
pub unsafe fn required<'a>(text: *const c_char, name: &str) -> Result<&'a str> {
    // SAFETY: the caller promises that `text` is null or such a string, which is all that `optional` asks for.
    unsafe { optional(text, name) }?.ok_or_else(|| null(name))
}

/// A text that may be null.
///
/// # Safety
/// As [`required`].
pub unsafe fn optional<'a>(text: *const c_char, name: &str) -> Result<Option<&'a str>> {
    if text.is_null() {
        return Ok(None);
    }
    // SAFETY: `text` is not null, so it is a string that ends in NUL and stays as it is during `'a`.
    let bytes = unsafe { CStr::from_ptr(text) };
    bytes.to_str().map(Some).map_err(|_| Error::new(sys::COACH_ERR_TEXT, format!("{name} is not UTF-8")))
}

/// `name` is null and must not be.
pub fn null(name: &str) -> Error {
    Error::new(sys::COACH_ERR_NULL, format!("{name} is null; it must point somewhere"))
}

/// A text that the caller will give back.
pub fn give(text: String) -> Result<*mut c_char> {
    CString::new(text).map(CString::into_raw).map_err(|_| Error::new(sys::COACH_ERR_TEXT, "the answer holds a NUL"))
}
