//! The engine: it makes rooms and members, each with what the host keeps of it, and runs the commands of people.

use std::{
    ffi::{CStr, c_char},
    iter,
    marker::PhantomData,
    ptr,
};

use super::{
    event::{Host, give, on_event, release},
    member::Member,
    refused::{Refused, answered, c, done},
    room::Room,
};
use crate::sys;

/// An engine of this host's; it ends when this is dropped.
pub struct Engine<H: Host> {
    handle: sys::coach_engine_t,
    host: PhantomData<fn(H)>,
}

/// What an engine is made with.
pub struct EngineConfig {
    /// COACH_ENGINE_...
    pub flags: u32,
    pub guard_ms: u32,
}

impl<H: Host> Engine<H> {
    pub fn create(config: &EngineConfig) -> Result<Self, Refused> {
        let config = sys::coach_engine_config_t {
            size: size_of::<sys::coach_engine_config_t>() as u32,
            flags: config.flags,
            guard_ms: config.guard_ms,
            reserved: 0,
            on_event: Some(on_event::<H>),
            user: ptr::null_mut(),
        };
        let mut handle = 0;
        // SAFETY: the configuration and the place for the handle outlive the call.
        done(unsafe { sys::coach_engine_create(sys::COACH_ABI_VERSION, &raw const config, &raw mut handle) })?;
        Ok(Self { handle, host: PhantomData })
    }

    /// Prepares rate conversions, frees what is no longer used, tells the events that wait.
    pub fn service(&self) {
        // SAFETY: a number.
        unsafe { sys::coach_engine_service(self.handle) };
    }

    /// A host-mixed room. `channels`: those of the host's mix where it adds them up, else 0. `data`: what events about it give back.
    pub fn open_room(&self, name: &str, channels: u32, data: H::Room) -> Result<Room, Refused> {
        let config = sys::coach_room_config_t {
            size: size_of::<sys::coach_room_config_t>() as u32,
            mixer: sys::COACH_MIXER_HOST,
            rate: 0,
            channels,
            tick_ms: 0,
            clock: sys::COACH_CLOCK_HOST,
            user_data: give(data),
            release: Some(release::<H::Room>),
        };
        let mut handle = 0;
        // SAFETY: text, configuration and the place for the handle outlive the call.
        let status = unsafe { sys::coach_room_open(self.handle, c(name).as_ptr(), &raw const config, &raw mut handle) };
        // SAFETY: a call that failed has left it ours.
        done(status).inspect_err(|_| unsafe { release::<H::Room>(config.user_data) })?;
        Ok(Room(handle))
    }

    /// A member with no tags that speaks openly, in no room. `data`: what events about it give back.
    pub fn attach(&self, call_id: &str, data: H::Member) -> Result<Member, Refused> {
        let call_id = c(call_id);
        let config = sys::coach_member_config_t {
            size: size_of::<sys::coach_member_config_t>() as u32,
            flags: sys::COACH_MEMBER_STARTS,
            call_id: call_id.as_ptr(),
            tags: ptr::null(),
            speak_only_to: ptr::null(),
            user_data: give(data),
            release: Some(release::<H::Member>),
        };
        let mut handle = 0;
        // SAFETY: the configuration, its text and the place for the handle outlive the call.
        let status = unsafe { sys::coach_member_attach(self.handle, &raw const config, &raw mut handle) };
        // SAFETY: a call that failed has left it ours.
        done(status).inspect_err(|_| unsafe { release::<H::Member>(config.user_data) })?;
        Ok(Member(handle))
    }

    /// A command as people write it; what begins with `-ERR` is an error here.
    pub fn command(&self, command: &str) -> Result<String, String> {
        // SAFETY: a text that outlives the call, and a place for the reply.
        let answer = answered(|reply| unsafe { sys::coach_command(self.handle, c(command).as_ptr(), reply) })?;
        match answer.strip_prefix("-ERR ") {
            Some(why) => Err(why.into()),
            None => Ok(answer),
        }
    }

    /// Every room with its members, as JSON: for programs.
    pub fn state_json(&self) -> Result<String, Refused> {
        // SAFETY: no name, and a place for the answer.
        answered(|json| unsafe { sys::coach_state_json(self.handle, ptr::null(), json) })
    }
}

impl<H: Host> Drop for Engine<H> {
    fn drop(&mut self) {
        // SAFETY: a number.
        unsafe { sys::coach_engine_destroy(self.handle) };
    }
}

/// The commands that people write: name, and arguments such as `<room> <member>`.
pub fn grammar() -> impl Iterator<Item = (&'static str, &'static str)> {
    // SAFETY: a static text that ends in NUL.
    let text = |text: *const c_char| unsafe { CStr::from_ptr::<'static>(text) }.to_str().unwrap_or_default();
    let mut index = 0;
    iter::from_fn(move || {
        // SAFETY: null, or one that is static.
        let command = unsafe { sys::coach_grammar(index).as_ref() }?;
        index += 1;
        Some((text(command.name), text(command.arguments)))
    })
}
