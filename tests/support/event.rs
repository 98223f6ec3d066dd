//! Events, copied out of the callback.

use super::abi::{coach_event, coach_event_t};
use std::{
    ffi::{CStr, c_char, c_void},
    sync::Mutex,
};

/// One event, as `coach_event_t` has it.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    pub kind: u32,
    pub sequence: u64,
    pub time_ns: u64,
    pub room: u64,
    pub member: u64,
    pub number: u32,
    pub opens_in_ms: u32,
    pub room_name: String,
    pub call_id: String,
    pub tags: String,
    pub speak_only_to: Option<String>,
    pub heard_by: String,
    pub text: String,
    pub lost: u64,
}

impl Event {
    /// The numbers in `heard_by`.
    pub fn heard_by(&self) -> Vec<u32> {
        let number = |text: &str| text.parse().expect("heard_by should be numbers and commas");
        self.heard_by.split(',').filter(|text| !text.is_empty()).map(number).collect()
    }
}

/// Called with each event after it was noted down.
pub type Then = Box<dyn Fn(&Event) + Send + Sync>;

/// What an engine's callback writes to.
#[derive(Default)]
pub struct Log {
    pub seen: Mutex<Vec<Event>>,
    pub then: Option<Then>,
}

/// The callback itself; `user` is a `Log`.
pub unsafe extern "C" fn on_event(user: *mut c_void, event: *const coach_event_t) {
    // SAFETY: the engine that calls is destroyed before its log is freed, and the event lasts until this returns.
    let (log, event) = unsafe { (&*user.cast::<Log>(), &*event) };
    assert_eq!(event.size as usize, size_of::<coach_event>(), "an event should say its own size");
    let event = Event {
        kind: event.kind,
        sequence: event.sequence,
        time_ns: event.time_ns,
        room: event.room,
        member: event.member,
        number: event.number,
        opens_in_ms: event.opens_in_ms,
        room_name: text(event.room_name).expect("room_name is never null"),
        call_id: text(event.call_id).expect("call_id is never null"),
        tags: text(event.tags).expect("tags is never null"),
        speak_only_to: text(event.speak_only_to),
        heard_by: text(event.heard_by).expect("heard_by is never null"),
        text: text(event.text).expect("text is never null"),
        lost: event.lost,
    };
    log.seen.lock().unwrap().push(event.clone());
    if let Some(then) = &log.then {
        then(&event);
    }
}

/// A C string's text; nothing for null.
pub fn text(pointer: *const c_char) -> Option<String> {
    if pointer.is_null() {
        return None;
    }
    // SAFETY: not null, and the ABI ends every text in NUL.
    let text = unsafe { CStr::from_ptr(pointer) };
    Some(text.to_str().expect("every text is UTF-8").to_owned())
}
