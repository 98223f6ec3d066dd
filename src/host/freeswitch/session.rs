//! FreeSWITCH's core functions as safe Rust: sessions, channel variables, commands of other modules, the log.

use std::{
    ffi::{CStr, CString, c_char},
    ptr,
};

use super::{
    fs,
    names::{uuid_as_text, uuid_for_core},
};

/// FreeSWITCH's name for us.
pub const NAME: &CStr = c"mod_coach";

/// Where our lines of its log come from.
const FILE: &CStr = NAME;

/// Text for C; a NUL in it ends it.
pub fn c(text: &str) -> CString {
    let end = text.find('\0').unwrap_or(text.len());
    CString::new(&text[..end]).unwrap_or_default()
}

/// Text from C, as far as it is UTF-8; none where there is none.
///
/// # Safety
/// `text` is null or a string that stays as it is during `'a`.
pub unsafe fn text<'a>(text: *const c_char) -> Option<&'a str> {
    // SAFETY: `text` is null or a string that stays as it is during `'a`, as the caller has it.
    (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) }).and_then(|text| text.to_str().ok())
}

/// A global variable.
pub fn global(name: &CStr) -> Option<String> {
    // SAFETY: a text that ends in NUL; the duplicate is ours until it is freed.
    unsafe {
        let value = fs::switch_core_get_variable_dup(name.as_ptr());
        let copy = text(value).map(Into::into);
        libc::free(value.cast());
        copy
    }
}

/// A line of the log, about the call `uuid` where there is one.
pub fn log(level: fs::switch_log_level_t, uuid: Option<&str>, line: &str) {
    let (uuid, line) = (uuid.map(c), c(line));
    // SAFETY: a format of one string, and one string; `FILE` ends in NUL.
    unsafe {
        fs::switch_log_printf(
            fs::SWITCH_CHANNEL_ID_LOG,
            FILE.as_ptr(),
            c"coach".as_ptr(),
            0,
            uuid.as_ref().map_or(ptr::null(), |uuid| uuid.as_ptr()),
            level,
            c"%s\n".as_ptr(),
            line.as_ptr(),
        );
    }
}

/// The answer of another module's command.
pub fn execute(command: &CStr, arguments: &CStr) -> Vec<u8> {
    const CHUNK: usize = 1024;
    // SAFETY: a stream as the core makes its own: the core's function grows `data` with realloc, and it ends in NUL.
    unsafe {
        let data = libc::calloc(CHUNK, 1);
        let mut stream = fs::switch_stream_handle_t {
            write_function: Some(fs::switch_console_stream_write),
            data,
            end: data,
            data_size: CHUNK,
            alloc_len: CHUNK,
            alloc_chunk: CHUNK,
            ..std::mem::zeroed()
        };
        fs::switch_api_execute(command.as_ptr(), arguments.as_ptr(), ptr::null_mut(), &raw mut stream);
        let answer = stream.data.cast::<c_char>().as_ref().map(|answer| CStr::from_ptr(answer).to_bytes().to_owned());
        let answer = answer.unwrap_or_default();
        libc::free(stream.data);
        answer
    }
}

/// A session that stays as long as this lives: it is the caller's own, or held for reading.
pub struct Session {
    raw: *mut fs::switch_core_session_t,
    held: bool,
}

impl Session {
    /// The session that a callback was given.
    ///
    /// # Safety
    /// `raw` is a session that outlives this.
    pub unsafe fn given(raw: *mut fs::switch_core_session_t) -> Self {
        Self { raw, held: false }
    }

    /// The session with that UUID, if the call is up.
    pub fn locate(uuid: &str) -> Option<Self> {
        let line = line!() as i32;
        // SAFETY: texts that end in NUL.
        Self::held(unsafe {
            fs::switch_core_session_perform_locate(uuid_for_core(uuid).as_ptr(), FILE.as_ptr(), c"coach".as_ptr(), line)
        })
    }

    /// The same, also if it has been hung up, and is not gone yet.
    pub fn locate_to_its_end(uuid: &str) -> Option<Self> {
        let line = line!() as i32;
        // SAFETY: texts that end in NUL.
        Self::held(unsafe {
            fs::switch_core_session_perform_force_locate(
                uuid_for_core(uuid).as_ptr(),
                FILE.as_ptr(),
                c"coach".as_ptr(),
                line,
            )
        })
    }

    fn held(raw: *mut fs::switch_core_session_t) -> Option<Self> {
        // Lazily: what is no session must not be dropped as one.
        (!raw.is_null()).then(|| Self { raw, held: true })
    }

    /// UUIDs of all calls that are up.
    pub fn all() -> Vec<String> {
        // SAFETY: the list is ours until it is freed; its values end in NUL.
        unsafe {
            let mut list = fs::switch_core_session_findall();
            let mut uuids = Vec::new();
            let mut node = list.as_ref().map_or(ptr::null_mut(), |list| list.head);
            while let Some(this) = node.as_ref() {
                if !this.val.is_null() {
                    uuids.push(uuid_as_text(CStr::from_ptr(this.val).to_bytes()));
                }
                node = this.next;
            }
            if !list.is_null() {
                fs::switch_console_free_matches(&raw mut list);
            }
            uuids
        }
    }

    /// For FreeSWITCH's functions.
    pub fn raw(&self) -> *mut fs::switch_core_session_t {
        self.raw
    }

    pub fn uuid(&self) -> String {
        // SAFETY: the session lives; its UUID lives as long.
        unsafe {
            let uuid = fs::switch_core_session_get_uuid(self.raw);
            if uuid.is_null() { String::new() } else { uuid_as_text(CStr::from_ptr(uuid).to_bytes()) }
        }
    }

    fn channel(&self) -> *mut fs::switch_channel_t {
        // SAFETY: the session lives.
        unsafe { fs::switch_core_session_get_channel(self.raw) }
    }

    /// Where the call is on its way.
    pub fn state(&self) -> fs::switch_channel_state_t {
        // SAFETY: the session lives.
        unsafe { fs::switch_channel_get_state(self.channel()) }
    }

    /// Channels of what it says.
    pub fn channels(&self) -> u32 {
        let mut codec = std::mem::MaybeUninit::zeroed();
        // SAFETY: the session lives; all zeros are a codec, of no channels.
        let codec = unsafe {
            fs::switch_core_session_get_real_read_impl(self.raw, codec.as_mut_ptr());
            codec.assume_init()
        };
        codec.number_of_channels.into()
    }

    /// A channel variable; of one that is not UTF-8 only that it is there: "" is no tag.
    pub fn variable(&self, name: &CStr) -> Option<String> {
        // SAFETY: the session lives, and with it the duplicate.
        let value = unsafe {
            fs::switch_channel_get_variable_dup(self.channel(), name.as_ptr(), fs::SWITCH_TRUE, -1).as_ref()
        }?;
        // SAFETY: the duplicate ends in NUL, and lives as long as the session.
        Some(unsafe { text(value) }.unwrap_or_default().into())
    }

    /// The same, whatever bytes it holds.
    pub fn variable_bytes(&self, name: &CStr) -> Option<CString> {
        // SAFETY: the session lives, and with it the duplicate, which ends in NUL.
        unsafe {
            let value = fs::switch_channel_get_variable_dup(self.channel(), name.as_ptr(), fs::SWITCH_TRUE, -1);
            (!value.is_null()).then(|| CStr::from_ptr(value).to_owned())
        }
    }

    /// Names of all its channel variables, as far as they are text.
    pub fn variable_names(&self) -> Vec<String> {
        let mut names = Vec::new();
        // SAFETY: the session lives; its variables are locked between the two calls, where there are any.
        unsafe {
            let first = fs::switch_channel_variable_first(self.channel());
            let mut next = first.as_ref();
            while let Some(variable) = next {
                names.extend(text(variable.name).map(Into::into));
                next = variable.next.as_ref();
            }
            if !first.is_null() {
                fs::switch_channel_variable_last(self.channel());
            }
        }
        names
    }

    /// Asks the core to store the call as it is now, for its recovery after a crash.
    pub fn store(&self) {
        // SAFETY: the session lives.
        unsafe { fs::switch_core_recovery_track(self.raw) };
    }

    /// Sets a channel variable, or removes it.
    pub fn set_variable(&self, name: &CStr, value: Option<&str>) {
        let value = value.map(c);
        // SAFETY: the session lives; the value is copied. Unchecked: a tag may hold `${`.
        unsafe {
            fs::switch_channel_set_variable_var_check(
                self.channel(),
                name.as_ptr(),
                value.as_ref().map_or(ptr::null(), |value| value.as_ptr()),
                fs::SWITCH_FALSE,
            );
        }
    }

    /// Answers early where the call has no media yet: hooks need it. This may run applications that the dialplan has set for that
    /// moment, so no lock of ours may be held.
    pub fn make_media(&self) {
        // SAFETY: the session lives.
        unsafe {
            if fs::switch_channel_test_ready(self.channel(), fs::SWITCH_FALSE, fs::SWITCH_TRUE) == 0 {
                fs::switch_channel_perform_pre_answer(self.channel(), FILE.as_ptr(), c"coach".as_ptr(), line!() as i32);
            }
        }
    }

    /// Ends the call.
    pub fn hang_up(&self) {
        let cause = fs::SWITCH_CAUSE_DESTINATION_OUT_OF_ORDER;
        // SAFETY: the session lives.
        unsafe {
            fs::switch_channel_perform_hangup(self.channel(), FILE.as_ptr(), c"coach".as_ptr(), line!() as i32, cause);
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if self.held {
            // SAFETY: `locate` held it.
            unsafe { fs::switch_core_session_rwunlock(self.raw) };
        }
    }
}
