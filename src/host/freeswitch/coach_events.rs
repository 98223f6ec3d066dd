//! Fires the engine's events as FreeSWITCH's: CUSTOM `coach::maintenance`.

use std::{
    ffi::{CStr, CString},
    ptr,
};

use super::{
    fs,
    session::{NAME, c, log},
};
use crate::{
    host::client::{Event, Host},
    sys,
};

/// What FreeSWITCH calls a conference.
pub struct Conference {
    pub name: CString,
    pub unique_id: CString,
}

/// What the engine's events give back: the conference, and the call's UUID, also of one that has gone by then.
pub enum Events {}

impl Host for Events {
    type Room = Conference;
    type Member = CString;

    fn on_event(event: &Event<Self>) {
        tell(event);
    }
}

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

/// Tells FreeSWITCH of it, with no lock of the engine's held.
fn tell(event: &Event<Events>) {
    // As it is written for people; nothing of Coach's says it in other bytes.
    let text = || event.text.to_str().unwrap_or_default();
    let action = match event.kind {
        sys::COACH_EVENT_JOIN => c"join",
        sys::COACH_EVENT_LEAVE => c"leave",
        sys::COACH_EVENT_TAG => c"tag",
        sys::COACH_EVENT_UNTAG => c"untag",
        sys::COACH_EVENT_COACH => c"coach",
        sys::COACH_EVENT_UNCOACH => c"uncoach",
        sys::COACH_EVENT_AUDIENCE => c"audience",
        sys::COACH_EVENT_WARNING => {
            return log(fs::SWITCH_LOG_WARNING, event.member.and_then(|uuid| uuid.to_str().ok()), text());
        }
        sys::COACH_EVENT_LOST => {
            log(fs::SWITCH_LOG_WARNING, None, text());
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
    let number = |number: u64| c(&number.to_string());
    let (member, sequence, opens) =
        (number(event.number.into()), number(event.sequence), number(event.opens_in_ms.into()));
    let lost = (event.lost > 0).then(|| number(event.lost));
    // That a conference starts is nobody's event.
    let seated = event.room.and(event.member).map(|_| member.as_c_str());
    let headers: [(&CStr, Option<&CStr>); 11] = [
        (c"Action", Some(action)),
        (c"Conference-Name", event.room.map(|conference| conference.name.as_c_str())),
        (c"Conference-Unique-ID", event.room.map(|conference| conference.unique_id.as_c_str())),
        (c"Member-ID", seated),
        (c"Unique-ID", event.member.map(CString::as_c_str)),
        (c"Tag", Some(event.tags)),
        (c"Speak-Only-To", event.speak_only_to),
        (c"Heard-By", Some(event.heard_by)),
        (c"Opens-In-Ms", Some(&opens)),
        // Events may overtake each other on their way to a listener: this is their order in the conference.
        (c"Coach-Sequence", Some(&sequence)),
        (c"Lost", lost.as_deref()),
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
        for (name, value) in headers {
            let Some(value) = value else { continue };
            fs::switch_event_add_header_string(told, fs::SWITCH_STACK_BOTTOM, name.as_ptr(), value.as_ptr());
        }
        fs::switch_event_fire_detailed(file, file, 0, &raw mut told, ptr::null_mut());
    }
}
