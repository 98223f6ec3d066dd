//! One member, and its hooks.

use std::ptr;

use super::{
    refused::{Refused, answered, c, done},
    room::Room,
};
use crate::sys;

/// An attached member; it is detached when this is dropped, unless it was before.
pub struct Member(pub(super) sys::coach_member_t);

/// A member's hooks: a number, which may outlive the member. Then they make silence of what they are given.
#[derive(Clone, Copy)]
pub struct Hooks(sys::coach_member_t);

impl Member {
    /// For who calls its hooks.
    pub fn hooks(&self) -> Hooks {
        Hooks(self.0)
    }

    /// How it is now.
    pub fn info(&self) -> Result<sys::coach_member_info_t, Refused> {
        let mut info = sys::coach_member_info_t {
            size: size_of::<sys::coach_member_info_t>() as u32,
            flags: 0,
            room: 0,
            number: 0,
            opens_in_ms: 0,
        };
        // SAFETY: a struct that says its size.
        done(unsafe { sys::coach_member_info(self.0, &raw mut info) })?;
        Ok(info)
    }

    pub fn join(&self, room: &Room, number: u32) -> Result<(), Refused> {
        // SAFETY: numbers.
        done(unsafe { sys::coach_member_join(self.0, room.0, number) })
    }

    pub fn leave(&self) -> Result<(), Refused> {
        // SAFETY: a number.
        done(unsafe { sys::coach_member_leave(self.0) })
    }

    /// Ends it now.
    pub fn detach(&self) -> Result<(), Refused> {
        // SAFETY: a number.
        done(unsafe { sys::coach_member_detach(self.0) })
    }

    pub fn bypass(&self, on: bool) -> Result<(), Refused> {
        // SAFETY: numbers.
        done(unsafe { sys::coach_member_bypass(self.0, on.into()) })
    }

    pub fn tag(&self, tags: &str) -> Result<(), Refused> {
        // SAFETY: a text that outlives the call.
        done(unsafe { sys::coach_tag(self.0, c(tags).as_ptr()) })
    }

    pub fn untag(&self) -> Result<(), Refused> {
        // SAFETY: a number.
        done(unsafe { sys::coach_untag(self.0) })
    }

    /// Somebody else is at its far end.
    pub fn transferred(&self) -> Result<(), Refused> {
        // SAFETY: a number.
        done(unsafe { sys::coach_member_transferred(self.0) })
    }

    pub fn coach(&self, speak_only_to: &str) -> Result<(), Refused> {
        // SAFETY: a text that outlives the call.
        done(unsafe { sys::coach_coach(self.0, c(speak_only_to).as_ptr()) })
    }

    pub fn uncoach(&self) -> Result<(), Refused> {
        // SAFETY: a number.
        done(unsafe { sys::coach_uncoach(self.0) })
    }

    pub fn mute(&self, on: bool) -> Result<(), Refused> {
        // SAFETY: numbers.
        done(unsafe { sys::coach_member_mute(self.0, on.into()) })
    }

    pub fn deaf(&self, on: bool) -> Result<(), Refused> {
        // SAFETY: numbers.
        done(unsafe { sys::coach_member_deaf(self.0, on.into()) })
    }

    pub fn hold(&self, on: bool) -> Result<(), Refused> {
        // SAFETY: numbers.
        done(unsafe { sys::coach_member_hold(self.0, on.into()) })
    }

    /// A command about it, as people write them: `tag agent`, `explain as json`.
    pub fn command(&self, command: &str) -> Result<String, Refused> {
        // SAFETY: a text that outlives the call, and a place for the reply.
        answered(|reply| unsafe { sys::coach_member_command(self.0, c(command).as_ptr(), reply) })
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        // SAFETY: a number; one that is stale is refused.
        unsafe { sys::coach_member_detach(self.0) };
    }
}

impl Hooks {
    /// As the number that a switch hands back with each frame.
    pub fn into_raw(self) -> u64 {
        self.0
    }

    /// See [`Self::into_raw`]. Any number will do: one that is no member's makes silence.
    pub fn from_raw(number: u64) -> Self {
        Self(number)
    }

    /// One frame that it said, and what is known of its time: `samples` a channel, in place.
    ///
    /// # Safety
    /// `frame` points to `channels * samples` samples that nobody else touches meanwhile.
    pub unsafe fn read(
        self,
        frame: *mut i16,
        rate: u32,
        channels: u32,
        samples: u32,
        time: Option<&sys::coach_media_time_t>,
    ) {
        let time = time.map_or(ptr::null(), ptr::from_ref);
        // SAFETY: `frame` points to `channels * samples` samples of the caller's, `time` to a whole struct or nowhere. What the status
        // would say is in the frame: silence.
        unsafe { sys::coach_read_at(self.0, frame, rate, channels, samples, time) };
    }

    /// One frame that it is about to hear, in place.
    ///
    /// # Safety
    /// `frame` points to `channels * samples` samples that nobody else touches meanwhile.
    pub unsafe fn write(self, frame: *mut i16, rate: u32, channels: u32, samples: u32) {
        // SAFETY: `frame` points to `channels * samples` samples of the caller's.
        unsafe { sys::coach_write(self.0, frame, rate, channels, samples) };
    }
}
