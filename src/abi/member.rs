//! Members at the boundary: attached with what the host keeps of them, moved from room to room, changed, detached.

use std::ffi::c_char;

use super::{
    boundary::{config, put, with_engine},
    checks::{flags, switch},
    text::{optional, required},
};
use crate::{
    audio::hook::slot::Kind,
    room::{
        error::Result,
        settings::Toggle,
        state::{NewMember, RoomState},
    },
    sys::{self, coach_engine_t, coach_member_t, coach_room_t, coach_status_t},
};

/// See `coach.h`.
///
/// # Safety
/// Pointers are null or as `coach.h` says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn coach_member_attach(
    engine: coach_engine_t,
    config_in: *const sys::coach_member_config_t,
    member: *mut coach_member_t,
) -> coach_status_t {
    with_engine(engine, Kind::Engine, |engine| {
        // SAFETY: `config` is null or points to a struct of the size that it states, as coach.h asks.
        let config = unsafe { config(config_in, "config", None) }?;
        let known =
            sys::COACH_MEMBER_STARTS | sys::COACH_MEMBER_ENDS | sys::COACH_MEMBER_MUTED | sys::COACH_MEMBER_DEAF;
        flags(config.flags, known, "config.flags")?;
        // SAFETY: the struct's strings are null or stay as they are during the call, as coach.h asks.
        let speak_only_to = unsafe { optional(config.speak_only_to, "config.speak_only_to") };
        let has = |flag| config.flags & flag != 0;
        // SAFETY: the struct's strings are null or stay as they are during the call, as coach.h asks.
        let new = unsafe {
            NewMember {
                call_id: required(config.call_id, "config.call_id")?,
                tags: optional(config.tags, "config.tags")?,
                speak_only_to: speak_only_to.as_ref().copied().unwrap_or_default(),
                malformed: speak_only_to.is_err(),
                starts: has(sys::COACH_MEMBER_STARTS),
                ends: has(sys::COACH_MEMBER_ENDS),
                muted: has(sys::COACH_MEMBER_MUTED),
                deaf: has(sys::COACH_MEMBER_DEAF),
                data: (config.user_data, config.release),
            }
        };
        // SAFETY: `member` is null or points to a handle's place, as coach.h asks.
        unsafe { put(member, "member", || engine.attach(&new)) }
    })
}

/// Does something to a member.
fn with_member(member: coach_member_t, action: impl FnOnce(&mut RoomState) -> Result<()>) -> coach_status_t {
    with_engine(member, Kind::Member, |engine| engine.act_on(member, action))
}

/// See `coach.h`.
#[unsafe(no_mangle)]
pub extern "C" fn coach_member_join(member: coach_member_t, room: coach_room_t, number: u32) -> coach_status_t {
    with_engine(member, Kind::Member, |engine| engine.join(member, room, number))
}

/// See `coach.h`.
#[unsafe(no_mangle)]
pub extern "C" fn coach_member_leave(member: coach_member_t) -> coach_status_t {
    with_member(member, |state| state.leave(member))
}

/// See `coach.h`.
#[unsafe(no_mangle)]
pub extern "C" fn coach_member_detach(member: coach_member_t) -> coach_status_t {
    with_engine(member, Kind::Member, |engine| engine.detach(member))
}

/// See `coach.h`.
#[unsafe(no_mangle)]
pub extern "C" fn coach_member_bypass(member: coach_member_t, on: i32) -> coach_status_t {
    with_member(member, |state| state.bypass(member, switch(on)?))
}

/// See `coach.h`.
///
/// # Safety
/// Pointers are null or as `coach.h` says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn coach_tag(member: coach_member_t, tags: *const c_char) -> coach_status_t {
    // SAFETY: `tags` is null or a string that stays as it is during the call, as coach.h asks.
    with_member(member, |state| state.tag(member, unsafe { required(tags, "tags") }?))
}

/// See `coach.h`.
#[unsafe(no_mangle)]
pub extern "C" fn coach_untag(member: coach_member_t) -> coach_status_t {
    with_member(member, |state| state.untag(member))
}

/// See `coach.h`.
#[unsafe(no_mangle)]
pub extern "C" fn coach_member_transferred(member: coach_member_t) -> coach_status_t {
    with_member(member, |state| state.transferred(member))
}

/// See `coach.h`.
///
/// # Safety
/// Pointers are null or as `coach.h` says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn coach_coach(member: coach_member_t, speak_only_to: *const c_char) -> coach_status_t {
    // SAFETY: `speak_only_to` is null or a string that stays as it is during the call, as coach.h asks.
    with_member(member, |state| state.coach(member, unsafe { required(speak_only_to, "speak_only_to") }?))
}

/// See `coach.h`.
#[unsafe(no_mangle)]
pub extern "C" fn coach_uncoach(member: coach_member_t) -> coach_status_t {
    with_member(member, |state| state.uncoach(member))
}

/// See `coach.h`.
#[unsafe(no_mangle)]
pub extern "C" fn coach_member_mute(member: coach_member_t, on: i32) -> coach_status_t {
    with_member(member, |state| state.set_toggle(member, Toggle::Mute, switch(on)?))
}

/// See `coach.h`.
#[unsafe(no_mangle)]
pub extern "C" fn coach_member_deaf(member: coach_member_t, on: i32) -> coach_status_t {
    with_member(member, |state| state.set_toggle(member, Toggle::Deaf, switch(on)?))
}

/// See `coach.h`.
#[unsafe(no_mangle)]
pub extern "C" fn coach_member_hold(member: coach_member_t, on: i32) -> coach_status_t {
    with_member(member, |state| state.set_toggle(member, Toggle::Hold, switch(on)?))
}
