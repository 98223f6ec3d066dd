//! Follows FreeSWITCH's events about members, which say who is muted, deaf or on hold. They come late, and on another thread, so privacy
//! does not depend on them.

use std::{
    ffi::CStr,
    panic::{AssertUnwindSafe, catch_unwind},
    ptr,
};

use super::{
    fs,
    membership::Flags,
    module::{Module, current},
    names::uuid_as_text,
    pending_flags::News,
    session::{NAME, log, text},
};
use crate::lock::Mutex;

/// Our bindings, to be given back.
static BINDINGS: Mutex<Vec<Binding>> = Mutex::new(Vec::new());

struct Binding(*mut fs::switch_event_node_t);

// SAFETY: a name for a binding; the core's functions lock what it stands for.
unsafe impl Send for Binding {}

/// From now on events come.
pub fn bind() -> Result<(), String> {
    for (event, subclass, callback) in [
        (fs::SWITCH_EVENT_CUSTOM, c"conference::maintenance".as_ptr(), on_conference as unsafe extern "C" fn(_)),
        (fs::SWITCH_EVENT_API, ptr::null(), on_api),
        (fs::SWITCH_EVENT_CHANNEL_HOLD, ptr::null(), on_hold),
        (fs::SWITCH_EVENT_CHANNEL_UNHOLD, ptr::null(), on_unhold),
    ] {
        let mut node = ptr::null_mut();
        // SAFETY: texts that end in NUL; the function stays until `unbind` has returned.
        let bound = unsafe {
            let (id, none) = (NAME.as_ptr(), ptr::null_mut());
            fs::switch_event_bind_removable(id, event, subclass, Some(callback), none, &raw mut node)
        };
        if bound != fs::SWITCH_STATUS_SUCCESS {
            unbind();
            return Err("an event cannot be bound".into());
        }
        BINDINGS.lock().push(Binding(node));
    }
    Ok(())
}

/// No longer. When this returns, no callback is at work.
pub fn unbind() {
    let bindings = std::mem::take(&mut *BINDINGS.lock());
    for mut binding in bindings {
        // SAFETY: bound above, and given back once.
        unsafe { fs::switch_event_unbind(&raw mut binding.0) };
    }
}

/// The number that an event of this moment has: those of what happened before are lower.
pub fn now() -> u64 {
    let (file, mut event) = (NAME.as_ptr(), ptr::null_mut());
    // SAFETY: texts that end in NUL; the event is ours until it is destroyed. It is never fired.
    unsafe {
        let kind = fs::SWITCH_EVENT_CUSTOM;
        fs::switch_event_create_subclass_detailed(file, file, 0, &raw mut event, kind, ptr::null());
        if event.is_null() {
            return 0;
        }
        let number = sequence(text(fs::switch_event_get_header_idx(event, c"Event-Sequence".as_ptr(), -1)));
        fs::switch_event_destroy(&raw mut event);
        number
    }
}

fn sequence(header: Option<&str>) -> u64 {
    header.and_then(|number| number.parse().ok()).unwrap_or_default()
}

/// `conference::maintenance`.
unsafe extern "C" fn on_conference(event: *mut fs::switch_event_t) {
    // SAFETY: the core's event, which lives during the call.
    let header = |name: &CStr| unsafe { text(fs::switch_event_get_header_idx(event, name.as_ptr(), -1)) };
    let _ = catch_unwind(AssertUnwindSafe(|| current().and_then(|module| note(&module, header))));
}

/// A phone puts its call on hold.
unsafe extern "C" fn on_hold(event: *mut fs::switch_event_t) {
    // SAFETY: the core's event.
    unsafe { holds(event, true) }
}

/// It goes on.
unsafe extern "C" fn on_unhold(event: *mut fs::switch_event_t) {
    // SAFETY: the core's event.
    unsafe { holds(event, false) }
}

/// # Safety
/// The core's event, which lives during the call.
unsafe fn holds(event: *mut fs::switch_event_t, on: bool) {
    // SAFETY: the caller gives the core's event, which lives during the call; a header's value ends in NUL.
    let uuid = unsafe {
        let uuid = fs::switch_event_get_header_idx(event, c"Unique-ID".as_ptr(), -1);
        if uuid.is_null() { return } else { uuid_as_text(CStr::from_ptr(uuid).to_bytes()) }
    };
    let _ = catch_unwind(AssertUnwindSafe(|| current().map(|module| module.pending_flags.leave_hold(uuid, on))));
}

/// Every event about a member says what the member may do.
fn note<'a>(module: &Module, header: impl Fn(&CStr) -> Option<&'a str>) -> Option<()> {
    let uuid = header(c"Unique-ID")?;
    let yes = |name: &CStr| header(name).map(|value| value == "true");
    let flags = Flags { muted: !yes(c"Speak")?, deaf: !yes(c"Hear")?, held: yes(c"Hold").unwrap_or_default() };
    let whose = (uuid.into(), header(c"Conference-Unique-ID")?.into());
    module.pending_flags.leave(whose, News { sequence: sequence(header(c"Event-Sequence")), flags });
    Some(())
}

/// Follows what events have said. What is late does not count: of an earlier stay, or from before this one began; nor does what is said of a
/// conference inside the one that a member sits in.
pub fn follow(module: &Module) {
    let holds = module.pending_flags.take_holds();
    for (uuid, on) in holds {
        if let Some(tracked) = module.tracked.lock().get_mut(&uuid) {
            tracked.on_hold = on;
        }
        if let Some(leg) = module.find(&uuid) {
            leg.hold(&mut leg.lock(), on);
        }
    }
    for (whose, news) in module.pending_flags.take() {
        let Some(leg) = module.find(&whose.0) else { continue };
        let mut state = leg.lock();
        match &state.membership {
            Some(membership) if membership.unique_id == whose.1 && news.sequence >= state.sequence => {
                state.sequence = news.sequence;
                leg.follow(&mut state, news.flags);
            }
            // It is about to be seated, by what was so before this, perhaps.
            None if !state.conferences.is_empty() => module.pending_flags.leave(whose, news),
            _ => {}
        }
    }
}

/// A command was run: if it was an unload of this module, and did not happen, the log says because of whom.
unsafe extern "C" fn on_api(event: *mut fs::switch_event_t) {
    // SAFETY: the core's event, which lives during the call.
    let header = |name: &CStr| unsafe { text(fs::switch_event_get_header_idx(event, name.as_ptr(), -1)) };
    let unloads = matches!(header(c"API-Command"), Some("unload" | "reload"));
    if unloads && header(c"API-Command-Argument").is_some_and(|module| Some(module.trim()) == NAME.to_str().ok()) {
        let private = current().map(|module| module.all()).unwrap_or_default();
        for leg in private.iter().filter(|leg| leg.private()) {
            let line =
                "mod_coach stays loaded while this call speaks privately; `uncoach` it, or hang it up, then unload";
            log(fs::SWITCH_LOG_WARNING, Some(&leg.uuid), line);
        }
    }
}
