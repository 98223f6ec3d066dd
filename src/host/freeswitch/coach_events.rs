//! Fires the engine's events as FreeSWITCH's: CUSTOM `coach::maintenance`.

use std::{
    ffi::{CStr, c_char, c_void},
    ptr,
};

use super::{
    fs,
    module::current,
    names::{original, uuid_for_core},
    session::{NAME, c, log, text},
};
use crate::sys;

const SUBCLASS: &CStr = c"coach::maintenance";

/// The name of our events is ours.
pub fn reserve() -> Result<(), String> {
    // SAFETY: texts that end in NUL.
    match unsafe { fs::switch_event_reserve_subclass_detailed(NAME.as_ptr(), SUBCLASS.as_ptr()) } {
        fs::SWITCH_STATUS_SUCCESS => Ok(()),
        _ => Err("another module has events called coach::maintenance".into()),
    }
}

/// The name is anybody's again.
pub fn give_back() {
    // SAFETY: texts that end in NUL.
    unsafe { fs::switch_event_free_subclass_detailed(NAME.as_ptr(), SUBCLASS.as_ptr()) };
}

/// What the engine calls, with no lock of its held.
pub unsafe extern "C" fn on_event(_: *mut c_void, event: *const sys::coach_event_t) {
    // SAFETY: the engine's event, which lives during the call.
    let event = unsafe { &*event };
    let action = match event.kind {
        sys::COACH_EVENT_JOIN => c"join",
        sys::COACH_EVENT_LEAVE => c"leave",
        sys::COACH_EVENT_TAG => c"tag",
        sys::COACH_EVENT_UNTAG => c"untag",
        sys::COACH_EVENT_COACH => c"coach",
        sys::COACH_EVENT_UNCOACH => c"uncoach",
        sys::COACH_EVENT_AUDIENCE => c"audience",
        sys::COACH_EVENT_WARNING => {
            // SAFETY: the event's texts.
            let (uuid, line) = unsafe { (text(event.call_id), text(event.text)) };
            return log(fs::SWITCH_LOG_WARNING, uuid.filter(|uuid| !uuid.is_empty()), line.unwrap_or_default());
        }
        sys::COACH_EVENT_LOST => {
            // SAFETY: the event's text.
            log(fs::SWITCH_LOG_WARNING, None, unsafe { text(event.text) }.unwrap_or_default());
            c"lost"
        }
        sys::COACH_EVENT_MUTE => c"mute",
        sys::COACH_EVENT_UNMUTE => c"unmute",
        sys::COACH_EVENT_DEAF => c"deaf",
        sys::COACH_EVENT_UNDEAF => c"undeaf",
        sys::COACH_EVENT_HOLD => c"hold",
        sys::COACH_EVENT_UNHOLD => c"unhold",
        sys::COACH_EVENT_BYPASS => c"bypass",
        sys::COACH_EVENT_UNBYPASS => c"unbypass",
        sys::COACH_EVENT_START => c"start",
        sys::COACH_EVENT_END => c"end",
        _ => return,
    };
    // SAFETY: the event's text.
    let room = unsafe { text(event.room_name) }.unwrap_or_default();
    let module = current();
    let conference = module.as_ref().and_then(|module| module.services.rooms.conference(event.room));
    let unique_id = conference.as_ref().map(|conference| c(&conference.unique_id));
    let name = conference.as_ref().map_or(event.room_name, |conference| conference.name.as_ptr());
    // SAFETY: the event's text.
    let call_id = unsafe { text(event.call_id) }.unwrap_or_default();
    let uuid = module.and_then(|module| module.called(call_id)).map(|leg| uuid_for_core(&leg.uuid));
    let uuid = uuid.unwrap_or_else(|| original(call_id));
    let number = |number: u64| c(&number.to_string());
    let (member, sequence, opens) =
        (number(event.number.into()), number(event.sequence), number(event.opens_in_ms.into()));
    let lost = (event.lost > 0).then(|| number(event.lost));
    let inside = |value: *const c_char| if room.is_empty() { ptr::null() } else { value };
    // That a conference starts is nobody's event.
    let of_member = |value: *const c_char| if event.member == 0 { ptr::null() } else { value };
    let headers: [(&CStr, *const c_char); 11] = [
        (c"Action", action.as_ptr()),
        (c"Conference-Name", inside(name)),
        (c"Conference-Unique-ID", unique_id.as_ref().map_or(ptr::null(), |id| id.as_ptr())),
        (c"Member-ID", of_member(inside(member.as_ptr()))),
        (c"Unique-ID", of_member(uuid.as_ptr())),
        (c"Tag", event.tags),
        (c"Speak-Only-To", event.speak_only_to),
        (c"Heard-By", event.heard_by),
        (c"Opens-In-Ms", opens.as_ptr()),
        // Events may overtake each other on their way to a listener: this is their order in the conference.
        (c"Coach-Sequence", sequence.as_ptr()),
        (c"Lost", lost.as_ref().map_or(ptr::null(), |lost| lost.as_ptr())),
    ];
    let (file, mut told) = (NAME.as_ptr(), ptr::null_mut());
    // SAFETY: texts that end in NUL, copied; the event is the core's once it is fired.
    unsafe {
        let made = fs::switch_event_create_subclass_detailed(
            file,
            file,
            0,
            &raw mut told,
            fs::SWITCH_EVENT_CUSTOM,
            SUBCLASS.as_ptr(),
        );
        if made != fs::SWITCH_STATUS_SUCCESS {
            return;
        }
        for (name, value) in headers.into_iter().filter(|(_, value)| !value.is_null()) {
            fs::switch_event_add_header_string(told, fs::SWITCH_STACK_BOTTOM, name.as_ptr(), value);
        }
        fs::switch_event_fire_detailed(file, file, 0, &raw mut told, ptr::null_mut());
    }
}
