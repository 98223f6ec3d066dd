//! Loads `libcoach.so` at run time, as a switch does, and makes its C calls safe.

use crate::scenario::{MixedBy, Party};
use std::{
    ffi::{CStr, CString, c_char, c_void},
    path::Path,
    ptr::{null, null_mut},
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// Made from `include/coach.h` by build.rs: `Coach`, with the library's functions.
#[allow(
    clippy::all,
    clippy::undocumented_unsafe_blocks,
    dead_code,
    missing_docs,
    non_camel_case_types,
    non_snake_case,
    non_upper_case_globals,
    unsafe_op_in_unsafe_fn
)]
mod sys {
    include!(concat!(env!("COACH_BINDINGS"), "/host.rs"));
}

/// What an event said.
pub struct Event {
    /// Of the member that it is about; 0 where it is the room's.
    pub number: u32,
    /// That member speaks privately.
    pub private: bool,
    /// The numbers of the members that hear it.
    pub heard_by: Vec<u32>,
    /// Until a wider audience hears it.
    pub opens_in_ms: u32,
    pub text: String,
}

/// The loaded library.
pub struct Library(sys::Coach);

impl Library {
    pub fn load(path: &Path) -> Result<Self, String> {
        // SAFETY: the file is the library that this header belongs to: its initialisers have no preconditions, and the
        // version is negotiated when an engine is made.
        let coach = unsafe { sys::Coach::new(path) };
        coach.map(Self).map_err(|e| format!("{}: {e}; `cargo build` makes libcoach.so", path.display()))
    }

    pub fn version(&self) -> String {
        // SAFETY: the text is static.
        unsafe { text(self.0.coach_version()) }
    }

    /// Turns the status of a [control] call into its message.
    fn control(&self, status: i32) -> Result<(), String> {
        if status >= 0 {
            return Ok(());
        }
        // SAFETY: the message lasts until this thread's next [control] call.
        Err(unsafe { text(self.0.coach_last_error()) })
    }

    /// The same for [audio] calls, which leave no message.
    fn audio(&self, status: i32) -> Result<(), String> {
        if status >= 0 {
            return Ok(());
        }
        // SAFETY: the text is static.
        Err(unsafe { text(self.0.coach_status_str(status)) })
    }
}

/// An engine with one room, destroyed when dropped.
pub struct Engine<'a> {
    library: &'a Library,
    engine: sys::coach_engine_t,
    room: sys::coach_room_t,
    /// Boxed: the engine keeps its address.
    events: Box<Mutex<Vec<Event>>>,
}

/// A member's handle.
#[derive(Clone, Copy)]
pub struct Member(sys::coach_member_t);

impl<'a> Engine<'a> {
    pub fn new(library: &'a Library, room: &str, mixer: MixedBy, mix_rate: u32) -> Result<Self, String> {
        let events = Box::<Mutex<Vec<Event>>>::default();
        let config = sys::coach_engine_config_t {
            size: size_of::<sys::coach_engine_config_t>() as u32,
            // Everything on this thread: a call that is played twice gives the same samples.
            flags: sys::COACH_ENGINE_HOST_SERVICE | sys::COACH_ENGINE_HOST_CLOCK,
            guard_ms: 200,
            reserved: 0,
            on_event: Some(on_event),
            user: (&raw const *events).cast_mut().cast::<c_void>(),
        };
        let mut engine = 0;
        // SAFETY: the pointers are valid during the call; `events` outlives the engine, see `drop`.
        library.control(unsafe { library.0.coach_engine_create(sys::COACH_ABI_VERSION, &config, &mut engine) })?;
        let mut made = Self { library, engine, room: 0, events };
        let by_engine = mixer == MixedBy::Engine;
        let config = sys::coach_room_config_t {
            size: size_of::<sys::coach_room_config_t>() as u32,
            mixer: if by_engine { sys::COACH_MIXER_ENGINE } else { sys::COACH_MIXER_HOST },
            rate: if by_engine { mix_rate } else { 0 },
            channels: by_engine.into(),
            tick_ms: if by_engine { 20 } else { 0 },
            clock: sys::COACH_CLOCK_HOST,
            ..Default::default()
        };
        let name = c_text(room)?;
        // SAFETY: the pointers are valid during the call.
        let status = unsafe { library.0.coach_room_open(engine, name.as_ptr(), &config, &mut made.room) };
        library.control(status)?;
        Ok(made)
    }

    /// Attaches a party's leg and takes it into the room.
    pub fn join(&self, party: &Party) -> Result<Member, String> {
        let (call_id, tags) = (c_text(&party.name)?, c_text(&party.tags)?);
        let speak_only_to = party.speak_only_to.as_deref().map(c_text).transpose()?;
        let flag = |on: bool, flag: u32| if on { flag } else { 0 };
        let config = sys::coach_member_config_t {
            size: size_of::<sys::coach_member_config_t>() as u32,
            flags: flag(party.starts, sys::COACH_MEMBER_STARTS) | flag(party.ends, sys::COACH_MEMBER_ENDS),
            call_id: call_id.as_ptr(),
            tags: tags.as_ptr(),
            speak_only_to: speak_only_to.as_ref().map_or(null(), |tags| tags.as_ptr()),
            ..Default::default()
        };
        let mut member = 0;
        // SAFETY: the pointers are valid during the call.
        self.library.control(unsafe { self.library.0.coach_member_attach(self.engine, &config, &mut member) })?;
        // SAFETY: handles are plain numbers.
        self.library.control(unsafe { self.library.0.coach_member_join(member, self.room, party.number) })?;
        Ok(Member(member))
    }

    /// Ends a member; it leaves the room.
    pub fn leave(&self, member: Member) -> Result<(), String> {
        // SAFETY: handles are plain numbers.
        self.library.control(unsafe { self.library.0.coach_member_detach(member.0) })
    }

    /// Runs a text command; its answer, "+OK ..." or "-ERR ...".
    pub fn command(&self, command: &str) -> Result<String, String> {
        let command = c_text(command)?;
        let mut reply: *mut c_char = null_mut();
        // SAFETY: the pointers are valid during the call; the reply is this caller's until it is given back.
        unsafe {
            self.library.control(self.library.0.coach_command(self.engine, command.as_ptr(), &mut reply))?;
            let answer = text(reply);
            self.library.0.coach_string_free(reply);
            Ok(answer)
        }
    }

    /// What has happened since the last time.
    pub fn take_events(&self) -> Vec<Event> {
        std::mem::take(&mut *self.events.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The housekeeping that a host without Coach's service thread does every 20 ms, and the time of the call by then.
    pub fn service(&self, now: Duration) -> Result<(), String> {
        // SAFETY: handles are plain numbers.
        self.library.control(unsafe { self.library.0.coach_engine_clock(self.engine, now.as_nanos() as u64) })?;
        // SAFETY: handles are plain numbers.
        self.library.control(unsafe { self.library.0.coach_engine_service(self.engine) })
    }

    /// The read hook: what `member` said. Afterwards the frame holds what the host's mixer may have.
    pub fn read(&self, member: Member, frame: &mut [i16], rate: u32) -> Result<(), String> {
        let samples = frame.len() as u32;
        // SAFETY: the frame is mono: `samples` samples, all of them this caller's.
        let status = unsafe { self.library.0.coach_read(member.0, frame.as_mut_ptr(), rate, 1, samples) };
        self.library.audio(status)
    }

    /// The write hook: what `member` is about to hear.
    pub fn write(&self, member: Member, frame: &mut [i16], rate: u32) -> Result<(), String> {
        let samples = frame.len() as u32;
        // SAFETY: the frame is mono: `samples` samples, all of them this caller's.
        let status = unsafe { self.library.0.coach_write(member.0, frame.as_mut_ptr(), rate, 1, samples) };
        self.library.audio(status)
    }

    /// Sums an engine-mixed room.
    pub fn tick(&self) -> Result<(), String> {
        // SAFETY: handles are plain numbers.
        self.library.audio(unsafe { self.library.0.coach_room_tick(self.room) })
    }
}

impl Drop for Engine<'_> {
    fn drop(&mut self) {
        // SAFETY: handles are plain numbers. When this returns no event is on its way, so `events` may go.
        unsafe { self.library.0.coach_engine_destroy(self.engine) };
    }
}

extern "C" fn on_event(user: *mut c_void, event: *const sys::coach_event_t) {
    // SAFETY: `user` is the list that the engine was made with; the event and its texts last until this returns.
    let (events, event) = unsafe {
        let event = &*event;
        let made = Event {
            number: event.number,
            private: !event.speak_only_to.is_null(),
            heard_by: text(event.heard_by).split(',').filter_map(|number| number.parse().ok()).collect(),
            opens_in_ms: event.opens_in_ms,
            text: text(event.text),
        };
        (&*user.cast::<Mutex<Vec<Event>>>(), made)
    };
    events.lock().unwrap_or_else(PoisonError::into_inner).push(event);
}

/// # Safety
/// `at` is null or points to a text that ends in NUL.
unsafe fn text(at: *const c_char) -> String {
    if at.is_null() {
        return String::new();
    }
    // SAFETY: as this function's own.
    unsafe { CStr::from_ptr(at) }.to_string_lossy().into_owned()
}

fn c_text(text: &str) -> Result<CString, String> {
    CString::new(text).map_err(|_| format!("{text:?} holds a NUL character"))
}
