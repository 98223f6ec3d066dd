//! Reads the settings in `coach.conf.xml`.

use std::{ffi::CStr, ptr};

use super::{
    fs,
    session::{c, text},
};
use crate::sys;

/// What it says. All of it may be missing.
pub struct Configuration {
    pub guard_ms: u32,
    /// The engine's.
    pub flags: u32,
    pub tags_pass: bool,
}

/// Reads it.
pub fn read() -> Result<Configuration, String> {
    let file = File::open();
    let guard_ms = match file.parameter("guard-ms").as_deref().unwrap_or("200").parse() {
        Ok(ms) if ms <= sys::COACH_MAX_GUARD_MS => ms,
        _ => return Err(format!("coach.conf: guard-ms is 0 to {}", sys::COACH_MAX_GUARD_MS)),
    };
    let mut flags = 0;
    for (name, default, flag) in
        [("time-hooks", false, sys::COACH_ENGINE_TIME_HOOKS), ("mode-sounds", true, sys::COACH_ENGINE_MODE_SOUNDS)]
    {
        flags |= if file.switched(name, default)? { flag } else { 0 };
    }
    Ok(Configuration { guard_ms, flags, tags_pass: file.switched("tags-pass", false)? })
}

/// The file, open; null where there is none.
struct File {
    xml: fs::switch_xml_t,
    settings: fs::switch_xml_t,
}

impl File {
    fn open() -> Self {
        let mut node = ptr::null_mut();
        // SAFETY: texts that end in NUL; what is opened is given back when this is dropped.
        unsafe {
            let xml = fs::switch_xml_open_cfg(c"coach.conf".as_ptr(), &raw mut node, ptr::null_mut());
            let settings =
                if xml.is_null() { ptr::null_mut() } else { fs::switch_xml_child(node, c"settings".as_ptr()) };
            Self { xml, settings }
        }
    }

    fn parameter(&self, name: &str) -> Option<String> {
        if self.settings.is_null() {
            return None;
        }
        let (child, attribute, name): (&CStr, &CStr, _) = (c"param", c"name", c(name));
        // SAFETY: the file is open; its texts are copied.
        unsafe {
            let parameter = fs::switch_xml_find_child(self.settings, child.as_ptr(), attribute.as_ptr(), name.as_ptr());
            let value = (!parameter.is_null()).then(|| fs::switch_xml_attr_soft(parameter, c"value".as_ptr()))?;
            text(value).map(Into::into)
        }
    }

    fn switched(&self, name: &str, default: bool) -> Result<bool, String> {
        match self.parameter(name).as_deref() {
            None => Ok(default),
            Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(format!("coach.conf: {name} is true or false")),
        }
    }
}

impl Drop for File {
    fn drop(&mut self) {
        if !self.xml.is_null() {
            // SAFETY: opened above, and given back once.
            unsafe { fs::switch_xml_free(self.xml) };
        }
    }
}
