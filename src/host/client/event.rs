//! Events, and what a host keeps of the rooms and members that they are about.

use std::{
    ffi::{CStr, c_char, c_void},
    panic::{AssertUnwindSafe, catch_unwind},
};

use crate::sys;

/// A host: what it wants to have at hand in events, and what it does with them.
pub trait Host: 'static {
    /// Of a room. It lives until no event about the room can come any more, which may be after the room was closed.
    type Room: Send + Sync + 'static;
    /// Of a member; the same.
    type Member: Send + Sync + 'static;
    /// Something has happened. Called with no lock of Coach's held, on any thread that makes a call of the engine.
    fn on_event(event: &Event<Self>);
}

/// One change. `kind` is COACH_EVENT_...; the rest is as `coach_event_t` has it.
pub struct Event<'a, H: Host + ?Sized> {
    pub kind: u32,
    pub sequence: u64,
    /// None outside rooms.
    pub room: Option<&'a H::Room>,
    /// None where the event is the room's.
    pub member: Option<&'a H::Member>,
    pub number: u32,
    pub opens_in_ms: u32,
    pub tags: &'a CStr,
    /// None where the member speaks openly.
    pub speak_only_to: Option<&'a CStr>,
    pub heard_by: &'a CStr,
    pub text: &'a CStr,
    pub lost: u64,
}

/// The event callback of an engine of this host's.
pub unsafe extern "C" fn on_event<H: Host>(_: *mut c_void, event: *const sys::coach_event_t) {
    // SAFETY: the engine's event, which lives during the call with all that it points to.
    let event = unsafe { &*event };
    // SAFETY: a text of the event's.
    let text = |text: *const c_char| (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) });
    let event = Event::<H> {
        kind: event.kind,
        sequence: event.sequence,
        // SAFETY: null, or what `give` made of a value of this type, for a room of this host's engine. Nobody changes it, and it is not
        // released before this returns.
        room: unsafe { event.room_user_data.cast::<H::Room>().as_ref() },
        // SAFETY: the same of a member.
        member: unsafe { event.member_user_data.cast::<H::Member>().as_ref() },
        number: event.number,
        opens_in_ms: event.opens_in_ms,
        tags: text(event.tags).unwrap_or_default(),
        speak_only_to: text(event.speak_only_to),
        heard_by: text(event.heard_by).unwrap_or_default(),
        text: text(event.text).unwrap_or_default(),
        lost: event.lost,
    };
    // Nothing but a return may leave the callback.
    let _ = catch_unwind(AssertUnwindSafe(|| H::on_event(&event)));
}

/// A value of the host's as `user_data`; `release::<T>` takes it back.
pub fn give<T>(value: T) -> *mut c_void {
    Box::into_raw(Box::new(value)).cast()
}

/// See [`give`].
pub unsafe extern "C" fn release<T>(user_data: *mut c_void) {
    // SAFETY: `give` made it of a `T`, and Coach releases it once, or `attach` and `open_room` where they failed.
    drop(unsafe { Box::from_raw(user_data.cast::<T>()) });
}
