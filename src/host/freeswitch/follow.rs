//! Following what calls do. Coming, going and changing conferences is learnt from what the core tells each session as it happens,
//! on the session's own thread.

use std::{
    ffi::CStr,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::atomic::Ordering,
};

use super::{
    answering, assignments, events, fs,
    leg::{Flags, Leg, Seat, State},
    legacy, mix,
    module::{Followed, Module, current, visit},
    names::engine_name,
    nest::Nest,
    recovery, roster,
    settings::{self, Action, Settings},
    switch::{Session, log, text},
};
use crate::lock::MutexGuard;

/// The application whose members Coach serves.
const CONFERENCE: &str = "conference";

/// `mod_conference` sets these on a member's channel before it takes the member in.
const CONFERENCE_NAME: &CStr = c"conference_name";
/// See [`CONFERENCE_NAME`].
const CONFERENCE_ID: &CStr = c"conference_uuid";
/// See [`CONFERENCE_NAME`].
const MEMBER_ID: &CStr = c"conference_member_id";

/// On the outer leg of a loopback: the inner one, which runs what was called.
const INNER_LEG: &CStr = c"other_loopback_leg_uuid";

/// What the core says that a call runs.
const CURRENT_APPLICATION: &CStr = c"current_application";

struct States(fs::switch_state_handler_table_t);

// SAFETY: nobody writes it.
unsafe impl Sync for States {}

static STATES: States = States(fs::switch_state_handler_table_t {
    on_init: Some(on_init),
    on_routing: Some(on_routing),
    on_hangup: Some(on_hangup),
    on_destroy: Some(on_destroy),
    // Else some calls begin unseen: not every endpoint answers that it is done with a state, and only then the others are asked.
    flags: fs::SSH_FLAG_PRE_EXEC as i32,
    // SAFETY: null functions are none, and the rest are numbers and pointers that nobody follows.
    ..unsafe { std::mem::zeroed() }
});

/// From now on sessions are followed that begin.
pub fn bind() -> Result<(), String> {
    // SAFETY: the table and its functions stay until `unbind` has returned.
    match unsafe { fs::switch_core_add_state_handler(&raw const STATES.0) } {
        ..0 => Err("the core has no room for another state handler".into()),
        _ => Ok(()),
    }
}

/// No longer.
pub fn unbind() {
    // SAFETY: as above.
    unsafe { fs::switch_core_remove_state_handler(&raw const STATES.0) };
}

/// Follows a session.
pub fn follow(module: &Module, session: &Session) {
    follow_as(module, session, false);
}

fn follow_as(module: &Module, session: &Session, recovered: bool) {
    let followed =
        Followed { session: session.raw().addr(), has_left: false, recovered, on_hold: false, bridged_with: None };
    module.followed.lock().insert(session.uuid(), followed);
    // SAFETY: the session lives; who is hooked twice is hooked once.
    unsafe { fs::switch_core_event_hook_add_receive_message(session.raw(), Some(on_message)) };
}

/// Follows a session no more.
pub fn unhook(session: &Session) {
    // SAFETY: the session lives.
    unsafe { fs::switch_core_event_hook_remove_receive_message(session.raw(), Some(on_message)) };
}

/// Does something with a session, as the core asked; a fault in it is the call's end, and nobody else's.
unsafe fn with(raw: *mut fs::switch_core_session_t, act: impl FnOnce(&Module, &Session)) -> fs::switch_status_t {
    // SAFETY: the caller was given the session for the time of its call.
    let session = unsafe { Session::given(raw) };
    contained(&session, || visit(|module| act(module, &session)));
    fs::SWITCH_STATUS_SUCCESS
}

fn contained<R>(session: &Session, act: impl FnOnce() -> R) {
    if catch_unwind(AssertUnwindSafe(act)).is_err() {
        refuse(session, "a fault inside Coach was contained: please report it");
    }
}

unsafe extern "C" fn on_init(session: *mut fs::switch_core_session_t) -> fs::switch_status_t {
    // SAFETY: the core's session.
    unsafe { with(session, |module, session| follow_as(module, session, recovery::is_recovered(session))) }
}

/// A call looks for an extension: a new one, or it is transferred. One that is recovered after a crash runs its own again without looking.
unsafe extern "C" fn on_routing(session: *mut fs::switch_core_session_t) -> fs::switch_status_t {
    // SAFETY: the core's session.
    let session = unsafe { Session::given(session) };
    let act = |module: &Module| {
        module.recovery.forget(&session);
        if let Some(followed) = module.followed.lock().get_mut(&session.uuid()) {
            followed.recovered = false;
        }
    };
    contained(&session, || current().map(|module| act(&module)));
    fs::SWITCH_STATUS_SUCCESS
}

unsafe extern "C" fn on_hangup(session: *mut fs::switch_core_session_t) -> fs::switch_status_t {
    let act = |module: &Module, session: &Session| {
        module.legacy.hang_up(session);
        if let Some(leg) = module.find(&session.uuid()) {
            module.legacy.hand_over(&leg, session);
            module.end(&leg);
        }
    };
    // SAFETY: the core's session.
    unsafe { with(session, act) }
}

unsafe extern "C" fn on_destroy(session: *mut fs::switch_core_session_t) -> fs::switch_status_t {
    let act = |module: &Module, session: &Session| {
        // By now there may be another session of that UUID.
        let (uuid, this) = (session.uuid(), session.raw().addr());
        let mut followed = module.followed.lock();
        if followed.get(&uuid).is_some_and(|followed| followed.session == this) {
            followed.remove(&uuid);
        }
        drop(followed);
        // Loading the module may have made it known while it hung up.
        if let Some(leg) = module.find(&uuid).filter(|leg| leg.session == this) {
            module.end(&leg);
        }
    };
    // SAFETY: the core's session.
    unsafe { with(session, act) }
}

/// What the core tells a session, on the session's own thread, while it waits.
unsafe extern "C" fn on_message(
    session: *mut fs::switch_core_session_t,
    message: *mut fs::switch_core_session_message_t,
) -> fs::switch_status_t {
    // SAFETY: the core's message, whose texts end in NUL.
    let (what, application, data, other) = unsafe {
        let message = &*message;
        let [application, data, ..] = message.string_array_arg;
        (message.message_id, text(application), text(data).unwrap_or_default(), text(message.string_arg))
    };
    let message = message.addr();
    // Hooking a session tells it things too, with the leg's lock held: only what matters here goes on.
    let conference = application.is_some_and(|name| name.eq_ignore_ascii_case(CONFERENCE));
    // A bridge of two calls names the other one; a conference has none to name.
    let seats =
        matches!(what, fs::SWITCH_MESSAGE_INDICATE_BRIDGE | fs::SWITCH_MESSAGE_INDICATE_UNBRIDGE) && other.is_none();
    if let Some(application) = application.filter(|name| assignments::assigns(name)) {
        // Every call does so many times: they do not wait for each other, as those do that visit.
        // SAFETY: the core's session.
        let session = unsafe { Session::given(session) };
        contained(&session, || current().map(|module| assigned(&module, &session, what, application, data)));
    }
    if let Some(other) = other.filter(|_| what == fs::SWITCH_MESSAGE_INDICATE_BRIDGE) {
        // SAFETY: the core's session.
        return unsafe { with(session, |module, session| bridged(module, session, other)) };
    }
    if !conference && !seats {
        return fs::SWITCH_STATUS_SUCCESS;
    }
    let act = |module: &Module, session: &Session| match what {
        fs::SWITCH_MESSAGE_INDICATE_BRIDGE => enters(module, session, message),
        fs::SWITCH_MESSAGE_INDICATE_UNBRIDGE => leaves(module, session, message),
        _ => match application_message(module, what) {
            Some(Run::Begins) if runs_conference(session) => begins(module, session, message),
            Some(Run::Ends) => ends(module, session, message),
            _ => {}
        },
    };
    // SAFETY: the core's session.
    unsafe { with(session, act) }
}

/// An application begins or ends.
enum Run {
    Begins,
    Ends,
}

fn application_message(module: &Module, what: fs::switch_core_session_message_types_t) -> Option<Run> {
    match what.wrapping_add(module.message_shift) {
        fs::SWITCH_MESSAGE_INDICATE_APPLICATION_EXEC => Some(Run::Begins),
        fs::SWITCH_MESSAGE_INDICATE_APPLICATION_EXEC_COMPLETE => Some(Run::Ends),
        _ => None,
    }
}

/// Some endpoints pass on to a call what the core tells another one of its applications: it does not run that itself.
fn runs_conference(session: &Session) -> bool {
    session.variable(CURRENT_APPLICATION).is_some_and(|name| name.eq_ignore_ascii_case(CONFERENCE))
}

/// `conference` is about to run: what the variables say holds before it does, or the call ends.
fn begins(module: &Module, session: &Session, message: usize) {
    settings::look_at_names(session);
    // Of a call that was recovered after a crash: its first conference since.
    let recovered = module.followed.lock().get_mut(&session.uuid()).is_some_and(|it| std::mem::take(&mut it.recovered));
    let commanded = recovered.then(|| module.recovery.commanded(session));
    let inherited = legacy::inherited(module, session);
    let wanted = |state: &State| {
        let mut wanted = Settings::of(session);
        commanded.iter().for_each(|commanded| commanded.overrule(&mut wanted));
        if let Some(inherited) = &inherited
            && state.inherited.as_ref() != Some(&inherited.from)
        {
            inherited.apply(module, &mut wanted);
        }
        wanted
    };
    let inside = answering::is_inside(session);
    if inside && wanted(&State::default()) != Settings::default() {
        return refuse(session, answering::INSTEAD);
    }
    if wanted(&State::default()).speak_only_to.is_some() {
        session.make_media();
        if !module.is_current() {
            return refuse(session, "mod_coach is being unloaded"); // it may have taken long
        }
    }
    let enter = module.leg(session).and_then(|leg| {
        leg.unhookable.store(inside, Ordering::Release);
        let (mut state, wanted) = leg.lock_hooked(session, wanted)?;
        let state = &mut *state;
        if let Some(inherited) = &inherited
            && state.inherited.as_ref() != Some(&inherited.from)
        {
            inherited.tell(&leg.uuid, &Settings::of(session), &wanted);
            state.inherited = Some(inherited.from.clone());
        }
        leg.apply(module, session, state, &wanted)?;
        leg.pass(module, state, false)?;
        if state.conferences.is_empty() {
            module.recovery.settle(session, &wanted);
        }
        state.conferences.begins(message);
        state.settings.write(session);
        Ok(())
    });
    if let Err(why) = enter {
        not_followed(module, session, &wanted(&State::default()), why);
    }
}

/// `mod_conference` has taken it in, and has not heard a word of it yet. What it may do is asked for, since an event tells it too late, or
/// never: not of members that join unannounced.
fn enters(module: &Module, session: &Session, message: usize) {
    let Some(seat) = seat(session) else { return };
    let uuid = session.uuid();
    let begun = module.find(&uuid).is_some_and(|leg| !leg.lock().conferences.is_empty());
    // A loopback that runs an application keeps what the core tells it, but for this: with this, that begins then. Or it is no conference
    // that takes it in, but something else that names no other call.
    if !begun && roster::all().iter().any(|member| member.uuid == uuid) {
        begins(module, session, message);
    }
    let Some(leg) = module.find(&uuid) else { return };
    let now = events::now();
    // Without a lock: both ask `mod_conference`, which has its own.
    let listed = roster::flags(&seat, &uuid);
    let channels = mix::channels(session, &seat);
    let mut state = leg.lock();
    if state.conferences.is_empty() || (state.seat.as_ref() == Some(&seat) && state.taken.name_unseen(message)) {
        return;
    }
    state.taken.begins(message);
    if !state.taken.is_in(message) {
        return; // by one inside
    }
    let (flags, now) = listed.map_or((Flags { muted: true, deaf: true, held: false }, 0), |flags| (flags, now));
    let mut unseated = leg.sit(module, &mut state, seat, channels, (flags, now)).err();
    drop(state);
    if listed.is_none() {
        let line = "mod_conference does not list this member: it neither speaks nor hears privately until an event tells of it";
        log(fs::SWITCH_LOG_WARNING, Some(&uuid), line);
    } else if let Some(seat) = unseated.take() {
        // The one that has its room has ended, with members in it: what is listed is the living one's.
        empty(module, &seat);
        let mut state = leg.lock();
        if state.taken.is_in(message) {
            unseated = leg.sit(module, &mut state, seat, channels, (flags, now)).err();
        }
    }
    if let Some(seat) = unseated {
        left_out(&uuid, &seat);
    }
}

/// Of a member that has no seat, since another conference of that name has the room.
pub fn left_out(uuid: &str, seat: &Seat) {
    let name = &seat.conference;
    let line =
        format!("another conference called {name} has not ended: what this member says privately is heard by nobody");
    log(fs::SWITCH_LOG_WARNING, Some(uuid), &line);
}

/// Takes everybody out of another conference of that name.
fn empty(module: &Module, seat: &Seat) {
    for leg in module.all() {
        let mut state = leg.lock();
        if state.seat.as_ref().is_some_and(|old| old.conference == seat.conference && old.unique_id != seat.unique_id) {
            leg.rise(module, &mut state);
        }
    }
}

/// `mod_conference` lets it go.
fn leaves(module: &Module, session: &Session, message: usize) {
    // First: whoever is making a leg for it looks here next.
    if let Some(followed) = module.followed.lock().get_mut(&session.uuid()) {
        followed.has_left = true;
    }
    let Some(leg) = module.find(&session.uuid()) else { return };
    let mut state = leg.lock();
    if !state.taken.ends(message, || true) || !state.taken.is_empty() {
        return;
    }
    leg.rise(module, &mut state);
    // Of who is behind an endpoint that keeps the rest.
    if state.conferences.ends(message, || false) {
        over(module, &leg, state);
    }
}

/// `conference` has ended for this leg.
fn ends(module: &Module, session: &Session, message: usize) {
    let Some(leg) = module.find(&session.uuid()) else { return };
    let mut state = leg.lock();
    // Of one that had begun before the module, no message is known; its own conference has let it go by now. Its name would say less: an
    // endpoint may pass on the end of another call's conference, and a member may have been transferred to one of another name.
    let let_go = state.taken.len() < state.conferences.len();
    if state.conferences.ends(message, || let_go) {
        over(module, &leg, state);
    }
}

/// Out of a conference: what the call says from now on is an ordinary call's, or that of one in the conference around it.
fn over(module: &Module, leg: &Leg, mut state: MutexGuard<State>) {
    if !state.conferences.is_empty() {
        return;
    }
    state.taken = Nest::default();
    leg.rise(module, &mut state);
    if let Err(why) = leg.pass(module, &mut state, true) {
        log(fs::SWITCH_LOG_ERROR, Some(&leg.uuid), &format!("{why}. What the call says stays silence"));
    }
}

/// `set` and the like have run.
fn assigned(
    module: &Module,
    session: &Session,
    what: fs::switch_core_session_message_types_t,
    application: &str,
    data: &str,
) {
    if matches!(application_message(module, what), Some(Run::Ends)) {
        for name in assignments::names(application, data) {
            settings::assigned(session, &name);
        }
    }
}

/// Two calls are connected. Where one of them is the outer leg of a loopback whose inner leg is in a conference, whoever is on the other
/// one has that leg's place; if that is somebody else than before, it does not get the tags.
fn bridged(module: &Module, session: &Session, other: &str) {
    let before = module
        .followed
        .lock()
        .get_mut(&session.uuid())
        .and_then(|followed| followed.bridged_with.replace(other.into()))
        .filter(|before| before != other);
    let inner = before.and(session.variable(INNER_LEG));
    let Some(leg) = inner.and_then(|uuid| module.find(&uuid)).filter(|_| !module.tags_pass) else { return };
    let Some(inner) = Session::locate(&leg.uuid) else { return };
    let mut state = leg.lock();
    if state.settings.tags.is_some() {
        let line = format!(
            "{other} takes this leg's place: its tags do not pass. Who wants them to sets them now, or tags-pass in coach.conf.xml"
        );
        log(fs::SWITCH_LOG_NOTICE, Some(&leg.uuid), &line);
        if let Err(why) = leg.command(module, &inner, &mut state, Action::Untag) {
            refuse(&inner, why);
        }
    }
}

/// Coach cannot have this call as its member. If that one is open and has no tags, it is none of Coach's business, and goes on.
pub fn not_followed(module: &Module, session: &Session, wanted: &Settings, why: impl AsRef<str>) {
    let uuid = session.uuid();
    if *wanted != Settings::default() || module.find(&uuid).is_some() {
        return refuse(session, why);
    }
    let line = format!("{}. The call is open, and goes on without Coach: no command lists it", why.as_ref());
    log(fs::SWITCH_LOG_WARNING, Some(&uuid), &line);
}

/// A call that cannot be protected does not join.
pub fn refuse(session: &Session, why: impl AsRef<str>) {
    let line = format!("{}. The call ends: it would have joined a conference without Coach", why.as_ref());
    log(fs::SWITCH_LOG_ERROR, Some(&session.uuid()), &line);
    session.hang_up();
}

/// The core has taken the hooks off a session, with a lock of its own held: none of ours may be taken that is held during calls into it.
pub fn hook_lost(session: &Session) {
    let Some(leg) = current().and_then(|module| module.find(&session.uuid())) else { return };
    leg.unhooked.store(true, Ordering::Release);
    if leg.private() {
        let line = "something took Coach's hooks off this call while it speaks privately: the call ends";
        log(fs::SWITCH_LOG_ERROR, Some(&session.uuid()), line);
        session.hang_up();
    }
}

/// Where `mod_conference` says that it has put a session.
pub fn seat(session: &Session) -> Option<Seat> {
    let (name, unique_id) = (session.variable_bytes(CONFERENCE_NAME)?, session.variable(CONFERENCE_ID)?);
    let conference = engine_name(name.to_bytes(), &unique_id);
    Some(Seat { conference, name, unique_id, number: session.variable(MEMBER_ID)?.parse().ok()? })
}
