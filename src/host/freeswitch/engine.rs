//! The engine, over the C ABI: an engine of our own, commands and state as text.

use std::ptr;

use serde::Deserialize;

use super::session::{c, text};
use crate::sys;

/// An engine; it ends when this is dropped.
pub struct Engine(sys::coach_engine_t);

/// What the engine says of a room, as far as it matters here.
#[derive(Deserialize)]
struct Room {
    members: Vec<Member>,
}

/// What the engine says of a member, as far as it matters here.
#[derive(Deserialize)]
pub struct Member {
    pub number: u32,
    pub tags: Vec<String>,
    /// None: it speaks openly.
    pub speak_only_to: Option<Vec<String>>,
    pub opens_in_ms: u32,
}

impl Engine {
    pub fn create(config: &sys::coach_engine_config_t) -> Result<Self, String> {
        let mut engine = 0;
        // SAFETY: the config outlives the call.
        match unsafe { sys::coach_engine_create(sys::COACH_ABI_VERSION, config, &raw mut engine) } {
            sys::COACH_OK => Ok(Self(engine)),
            _ => Err(last_error()),
        }
    }

    /// For the functions of `coach.h`.
    pub fn handle(&self) -> sys::coach_engine_t {
        self.0
    }

    /// Prepares rate conversions, frees what is no longer used, tells the events that wait.
    pub fn service(&self) {
        // SAFETY: a number.
        unsafe { sys::coach_engine_service(self.0) };
    }

    /// One of the engine's commands.
    pub fn command(&self, command: &str) -> Result<String, String> {
        let mut reply = ptr::null_mut();
        // SAFETY: texts that end in NUL; the reply is ours until it is given back.
        let answer = unsafe {
            if sys::coach_command(self.0, c(command).as_ptr(), &raw mut reply) != sys::COACH_OK {
                return Err(last_error());
            }
            let answer = text(reply).unwrap_or_default().to_owned();
            sys::coach_string_free(reply);
            answer
        };
        match answer.strip_prefix("-ERR ") {
            Some(why) => Err(why.into()),
            None => Ok(answer),
        }
    }

    /// Every room with its members, as JSON.
    pub fn rooms_json(&self) -> Result<String, String> {
        self.state_json(None)
    }

    /// The members of a room; none where it has ended.
    pub fn members(&self, room: &str) -> Vec<Member> {
        let json = self.state_json(Some(room)).unwrap_or_default();
        serde_json::from_str::<Room>(&json).map_or(Vec::new(), |room| room.members)
    }

    /// Of one room, or of all.
    fn state_json(&self, room: Option<&str>) -> Result<String, String> {
        let (room, mut json) = (room.map(c), ptr::null_mut());
        let name = room.as_ref().map_or(ptr::null(), |room| room.as_ptr());
        // SAFETY: a text that outlives the call, or null; the answer is ours until it is given back.
        unsafe {
            if sys::coach_state_json(self.0, name, &raw mut json) != sys::COACH_OK {
                return Err(last_error());
            }
            let rooms = text(json).unwrap_or_default().to_owned();
            sys::coach_string_free(json);
            Ok(rooms)
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // SAFETY: a number.
        unsafe { sys::coach_engine_destroy(self.0) };
    }
}

/// What the engine's last failure on this thread was.
pub fn last_error() -> String {
    // SAFETY: never null; the engine's until this thread's next call.
    unsafe { text(sys::coach_last_error()) }.unwrap_or("the engine refused").into()
}
