//! A minimal host: it loads the library as a switch does and keeps the handles that it got.

use std::{
    ffi::{CStr, CString, OsString},
    path::PathBuf,
    ptr,
    sync::OnceLock,
};

#[allow(
    missing_docs,
    dead_code,
    non_camel_case_types,
    clippy::missing_safety_doc,
    clippy::too_many_arguments,
    clippy::undocumented_unsafe_blocks,
    unsafe_op_in_unsafe_fn
)]
mod loader {
    include!(concat!(env!("OUT_DIR"), "/host.rs"));
}
pub use loader::*;

/// Samples of a 20 ms frame at 8 kHz: the frame that every cost is measured on.
pub const SAMPLES: usize = 160;

/// One such frame.
pub type Frame = [i16; SAMPLES];

/// The library, loaded once: the one that `COACH_LIBRARY` names, else the one that cargo built beside this program.
pub fn coach() -> &'static Coach {
    static LIBRARY: OnceLock<Coach> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let path = std::env::var_os("COACH_LIBRARY").unwrap_or_else(beside_this_program);
        // SAFETY: the library's loading runs no code that asks anything of this process.
        unsafe { Coach::new(&path) }.unwrap_or_else(|e| panic!("libcoach.so should load: {e}"))
    })
}

fn beside_this_program() -> OsString {
    let program = std::env::current_exe().expect("a program knows its path");
    let folder = program.ancestors().nth(2).map(PathBuf::from).expect("cargo puts it into target/<profile>/deps");
    folder.join("libcoach.so").into()
}

/// The status of a call that has to succeed.
pub fn done(status: coach_status_t) {
    if status < 0 {
        // SAFETY: both return text that ends in NUL and lasts longer than this function.
        let (what, why) =
            unsafe { (CStr::from_ptr(coach().coach_status_str(status)), CStr::from_ptr(coach().coach_last_error())) };
        panic!("status {status} where success was due: {what:?} {why:?}");
    }
}

/// An engine; it ends with this value.
pub struct Engine(coach_engine_t);

impl Engine {
    /// Without a thread of its own: `service` does that work, at moments that are not measured.
    pub fn serviced_here() -> Self {
        Self::new(COACH_ENGINE_HOST_SERVICE, 200)
    }

    /// One whose host listens to events, as most do.
    pub fn new(flags: u32, guard_ms: u32) -> Self {
        Self::with(flags, guard_ms, Some(ignore))
    }

    /// One whose host listens to no events: with them a change costs what its events say, too.
    pub fn quiet() -> Self {
        Self::with(0, 200, None)
    }

    fn with(flags: u32, guard_ms: u32, on_event: coach_event_fn) -> Self {
        let config = coach_engine_config_t {
            size: size_of::<coach_engine_config_t>() as u32,
            flags,
            guard_ms,
            reserved: 0,
            on_event,
            user: ptr::null_mut(),
        };
        let mut engine = 0;
        // SAFETY: both pointers are to values that outlive the call; the callback uses nothing.
        done(unsafe { coach().coach_engine_create(COACH_ABI_VERSION, &config, &mut engine) });
        Self(engine)
    }

    pub fn service(&self) {
        // SAFETY: any number may be passed as a handle.
        done(unsafe { coach().coach_engine_service(self.0) });
    }

    /// A room whose open speech the host mixes.
    pub fn host_mixed(&self, name: &str) -> Room {
        self.open(name, COACH_MIXER_HOST, 0, 0, 0, COACH_CLOCK_HOST)
    }

    /// A room that the engine mixes, 8 kHz mono, ticked by the host every 20 ms.
    pub fn engine_mixed(&self, name: &str) -> Room {
        self.open(name, COACH_MIXER_ENGINE, 8_000, 1, 20, COACH_CLOCK_HOST)
    }

    /// The same, ticked by the engine.
    pub fn engine_ticked(&self, name: &str) -> Room {
        self.open(name, COACH_MIXER_ENGINE, 8_000, 1, 20, COACH_CLOCK_ENGINE)
    }

    /// Ends a room.
    pub fn close(&self, room: &Room) {
        // SAFETY: any number may be passed as a handle.
        done(unsafe { coach().coach_room_close(room.0) });
    }

    /// Waits until what no hook uses any more is freed.
    pub fn settle(&self) {
        let line = text("version");
        (0..3).for_each(|_| {
            std::thread::sleep(std::time::Duration::from_millis(15));
            self.command(&line);
        });
    }

    /// How many bytes a command's answer has; none if there is no answer.
    pub fn reply(&self, line: &CStr) -> Option<usize> {
        let mut reply = ptr::null_mut();
        // SAFETY: the text ends in NUL; the reply is read and given back once.
        unsafe {
            if coach().coach_command(self.0, line.as_ptr(), &mut reply) != COACH_OK {
                return None;
            }
            let bytes = CStr::from_ptr(reply).count_bytes();
            coach().coach_string_free(reply);
            Some(bytes)
        }
    }

    fn open(&self, name: &str, mixer: u32, rate: u32, channels: u32, tick_ms: u32, clock: u32) -> Room {
        let name = text(name);
        let config = coach_room_config_t {
            size: size_of::<coach_room_config_t>() as u32,
            mixer,
            rate,
            channels,
            tick_ms,
            clock,
            ..Default::default()
        };
        let mut room = 0;
        // SAFETY: the text ends in NUL, the pointers are to values that outlive the call.
        done(unsafe { coach().coach_room_open(self.0, name.as_ptr(), &config, &mut room) });
        Room(room)
    }

    /// A member that has entered `room` as `number`; `speak_only_to` makes it a private speaker.
    pub fn member(&self, room: &Room, number: u32, tags: &str, speak_only_to: Option<&str>) -> Member {
        let call_id = text(&format!("call-{}-{number}", room.0));
        let tags = text(tags);
        let only_to = speak_only_to.map(text);
        let config = coach_member_config_t {
            size: size_of::<coach_member_config_t>() as u32,
            flags: COACH_MEMBER_STARTS,
            call_id: call_id.as_ptr(),
            tags: tags.as_ptr(),
            speak_only_to: only_to.as_ref().map_or(ptr::null(), |t| t.as_ptr()),
            ..Default::default()
        };
        let mut member = 0;
        // SAFETY: the texts end in NUL, the pointers are to values that outlive the calls.
        unsafe {
            done(coach().coach_member_attach(self.0, &config, &mut member));
            done(coach().coach_member_join(member, room.0, number));
        }
        Member(member)
    }

    /// Carries out a text command, as a switch's console or dialplan does.
    pub fn command(&self, line: &CStr) {
        let mut reply = ptr::null_mut();
        // SAFETY: the text ends in NUL; the reply is read and given back once.
        unsafe {
            done(coach().coach_command(self.0, line.as_ptr(), &mut reply));
            assert_eq!(*reply.cast::<u8>(), b'+', "{line:?} should be carried out, but: {:?}", CStr::from_ptr(reply));
            coach().coach_string_free(reply);
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // SAFETY: any number may be passed as a handle.
        done(unsafe { coach().coach_engine_destroy(self.0) });
    }
}

/// A room; it ends with its engine.
pub struct Room(coach_room_t);

impl Room {
    pub fn tick(&self) -> coach_status_t {
        // SAFETY: any number may be passed as a handle.
        unsafe { coach().coach_room_tick(self.0) }
    }
}

/// A member in a room; it ends with its engine.
#[derive(Clone, Copy)]
pub struct Member(coach_member_t);

impl Member {
    /// The read hook, for a mono frame of 20 ms.
    #[inline]
    pub fn read(&self, frame: &mut [i16]) -> coach_status_t {
        // SAFETY: the frame holds as many samples as the call says.
        unsafe { coach().coach_read(self.0, frame.as_mut_ptr(), frame.len() as u32 * 50, 1, frame.len() as u32) }
    }

    /// Sets its tags.
    pub fn tag(&self, tags: &str) {
        let tags = text(tags);
        // SAFETY: the text ends in NUL.
        done(unsafe { coach().coach_tag(self.0, tags.as_ptr()) });
    }

    /// Has it speak privately.
    pub fn coach(&self, speak_only_to: &str) {
        let tags = text(speak_only_to);
        // SAFETY: the text ends in NUL.
        done(unsafe { coach().coach_coach(self.0, tags.as_ptr()) });
    }

    /// Mutes it, or no more.
    pub fn mute(&self, on: bool) {
        // SAFETY: any number may be passed as a handle.
        done(unsafe { coach().coach_member_mute(self.0, on.into()) });
    }

    /// The write hook, for a mono frame of 20 ms.
    #[inline]
    pub fn write(&self, frame: &mut [i16]) -> coach_status_t {
        // SAFETY: the frame holds as many samples as the call says.
        unsafe { coach().coach_write(self.0, frame.as_mut_ptr(), frame.len() as u32 * 50, 1, frame.len() as u32) }
    }
}

/// A host listens to events; that it does is part of what a command costs.
unsafe extern "C" fn ignore(_: *mut std::ffi::c_void, _: *const coach_event_t) {}

fn text(s: &str) -> CString {
    CString::new(s).expect("no NUL in it")
}
