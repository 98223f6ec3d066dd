//! How things are, and the commands of people, at the boundary: structs, texts, JSON.

use std::ffi::{CString, c_char, c_void};

use super::{
    boundary::{fill, put, with_engine},
    text::{give, null, optional, required},
};
use crate::{
    audio::hook::slot::Kind,
    faults::{self, Where},
    room::{command, host_data::HostData},
    sys::{self, coach_engine_t, coach_member_t, coach_status_t},
};

/// See `coach.h`.
///
/// # Safety
/// Pointers are null or as `coach.h` says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn coach_member_info(
    member: coach_member_t,
    info: *mut sys::coach_member_info_t,
) -> coach_status_t {
    with_engine(member, Kind::Member, |engine| {
        // SAFETY: `info` is null or points to a size at least.
        unsafe { fill(info, "info", || engine.act_on(member, |state| state.info(member))) }
    })
}

/// See `coach.h`.
///
/// # Safety
/// Pointers are null or as `coach.h` says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn coach_members(
    engine: coach_engine_t,
    room: *const c_char,
    each: sys::coach_member_fn,
    user: *mut c_void,
) -> coach_status_t {
    with_engine(engine, Kind::Engine, |engine| {
        let each = each.ok_or_else(|| null("each"))?;
        // SAFETY: `room` is null or a string that stays as it is during the call.
        let room = unsafe { optional(room, "room") }?;
        for member in engine.listed(room)? {
            // None of these can hold a NUL: names, ids and tags have no control characters.
            let text = |s: &str| CString::new(s).unwrap_or_default();
            let (room_name, call_id) = (text(&member.room_name), text(&member.call_id));
            let (tags, heard_by) = (text(&member.tags), text(&member.heard_by));
            let speak_only_to = member.speak_only_to.as_deref().map(text);
            let texts = sys::coach_member_texts_t {
                size: size_of::<sys::coach_member_texts_t>() as u32,
                reserved: 0,
                room_user_data: HostData::pointer(member.room_data.as_ref()),
                member_user_data: HostData::pointer(member.member_data.as_ref()),
                room_name: room_name.as_ptr(),
                call_id: call_id.as_ptr(),
                tags: tags.as_ptr(),
                speak_only_to: speak_only_to.as_ref().map_or(std::ptr::null(), |s| s.as_ptr()),
                heard_by: heard_by.as_ptr(),
            };
            // SAFETY: the host's function with the host's pointer, as coach.h says of coach_member_fn; all texts outlive the call.
            unsafe { each(user, &raw const member.info, &raw const texts) };
        }
        Ok(())
    })
}

/// See `coach.h`.
///
/// # Safety
/// Pointers are null or as `coach.h` says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn coach_member_command(
    member: coach_member_t,
    text: *const c_char,
    reply: *mut *mut c_char,
) -> coach_status_t {
    with_engine(member, Kind::Member, |engine| {
        // SAFETY: `text` is null or a string that stays as it is during the call.
        let text = unsafe { required(text, "command") }?;
        let answer = || {
            faults::point(Where::Command);
            give(command::about(engine, member, text)?)
        };
        // SAFETY: `reply` is null or may be written.
        unsafe { put(reply, "reply", answer) }
    })
}

/// See `coach.h`.
///
/// # Safety
/// Pointers are null or as `coach.h` says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn coach_command(
    engine: coach_engine_t,
    text: *const c_char,
    reply: *mut *mut c_char,
) -> coach_status_t {
    with_engine(engine, Kind::Engine, |engine| {
        // SAFETY: `text` is null or a string that stays as it is during the call.
        let text = unsafe { required(text, "command") }?;
        let answer = || {
            faults::point(Where::Command);
            give(command::answer(engine, text))
        };
        // SAFETY: `reply` is null or may be written.
        unsafe { put(reply, "reply", answer) }
    })
}

/// See `coach.h`.
///
/// # Safety
/// Pointers are null or as `coach.h` says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn coach_state_json(
    engine: coach_engine_t,
    room: *const c_char,
    json: *mut *mut c_char,
) -> coach_status_t {
    with_engine(engine, Kind::Engine, |engine| {
        // SAFETY: `room` is null or a string that stays as it is during the call.
        let room = unsafe { optional(room, "room") }?;
        let state = || {
            give(match room {
                Some(room) => command::to_json(&engine.in_room(room, |state| state.room_report())?),
                None => {
                    let rooms = engine.every_room(|state| state.room_report())?;
                    command::to_json(&serde_json::json!({ "rooms": rooms }))
                }
            }?)
        };
        // SAFETY: `json` is null or may be written.
        unsafe { put(json, "json", state) }
    })
}
