//! `coach.conf.xml`.

use std::{
    ffi::{CStr, c_char},
    ptr,
};

use super::{fs, switch::text};
use crate::sys;

/// Guard and engine flags. All of it may be missing.
pub fn read() -> Result<(u32, u32), String> {
    let parameter = |settings, name: &CStr| -> Option<String> {
        // SAFETY: the configuration is open; its texts are copied.
        unsafe {
            let parameter = fs::switch_xml_find_child(settings, c"param".as_ptr(), c"name".as_ptr(), name.as_ptr());
            let value = (!parameter.is_null()).then(|| fs::switch_xml_attr_soft(parameter, c"value".as_ptr()))?;
            text(value.cast::<c_char>()).map(Into::into)
        }
    };
    let mut node = ptr::null_mut();
    // SAFETY: texts that end in NUL; what is opened is given back.
    let (guard, time) = unsafe {
        let xml = fs::switch_xml_open_cfg(c"coach.conf".as_ptr(), &raw mut node, ptr::null_mut());
        if xml.is_null() {
            return Ok((200, 0));
        }
        let settings = fs::switch_xml_child(node, c"settings".as_ptr());
        let found = match settings.is_null() {
            true => (None, None),
            false => (parameter(settings, c"guard-ms"), parameter(settings, c"time-hooks")),
        };
        fs::switch_xml_free(xml);
        found
    };
    let guard_ms = match guard.as_deref().unwrap_or("200").parse() {
        Ok(ms) if ms <= sys::COACH_MAX_GUARD_MS => ms,
        _ => return Err(format!("coach.conf: guard-ms is 0 to {}", sys::COACH_MAX_GUARD_MS)),
    };
    let flags = match time.as_deref() {
        None | Some("false") => 0,
        Some("true") => sys::COACH_ENGINE_TIME_HOOKS,
        Some(_) => return Err("coach.conf: time-hooks is true or false".into()),
    };
    Ok((guard_ms, flags))
}
