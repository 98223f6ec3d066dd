//! A call that failed.

use std::{
    ffi::{CStr, CString, c_char},
    ptr,
};

use crate::sys;

/// Its status, and a sentence that says what would be right.
#[derive(Debug)]
pub struct Refused {
    pub status: sys::coach_status_t,
    pub message: String,
}

impl From<Refused> for String {
    fn from(refused: Refused) -> Self {
        refused.message
    }
}

/// What a control call that has just returned `status` on this thread has come to.
pub fn done(status: sys::coach_status_t) -> Result<(), Refused> {
    if status == sys::COACH_OK {
        return Ok(());
    }
    // SAFETY: takes nothing; the text is never null, and the engine's until this thread's next call.
    let message = unsafe { CStr::from_ptr(sys::coach_last_error()) }.to_string_lossy().into_owned();
    Err(Refused { status, message })
}

/// A text that a call writes, copied and given back.
pub fn answered(call: impl FnOnce(*mut *mut c_char) -> sys::coach_status_t) -> Result<String, Refused> {
    let mut text = ptr::null_mut();
    done(call(&raw mut text))?;
    // SAFETY: the call has succeeded, so this is a text of Coach's, ours until it is given back, once.
    unsafe {
        let copy = CStr::from_ptr(text).to_string_lossy().into_owned();
        sys::coach_string_free(text);
        Ok(copy)
    }
}

/// Text for C; a NUL in it ends it.
pub fn c(text: &str) -> CString {
    let end = text.find('\0').unwrap_or(text.len());
    CString::new(&text[..end]).unwrap_or_default()
}
