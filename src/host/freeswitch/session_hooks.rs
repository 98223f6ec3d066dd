//! Follows what calls do: they begin, join and leave conferences, are bridged, hang up. The core calls these functions as it happens, on
//! the session's own thread.

use std::{
    ffi::CStr,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::atomic::Ordering,
};

use super::{
    answering,
    app_stack::AppStack,
    assignments, conference_events, conference_list, fs,
    leg::{Leg, State},
    membership::{Flags, Membership},
    mix,
    module::{Module, TrackedSession, current},
    recovery,
    session::{Session, log, text},
    settings::{self, Action, Settings},
    transfer,
    write_bugs::with_module,
};
use crate::lock::MutexGuard;

/// The application whose members Coach serves.
const CONFERENCE: &str = "conference";

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

/// From now on sessions that begin are tracked.
pub fn bind() -> Result<(), String> {
    // SAFETY: the table and its functions stay until `unbind` has returned.
    match unsafe { fs::switch_core_add_state_handler(&raw const STATES.0) } {
        ..0 => Err("the core has no room for another state handler".into()),
        _ => Ok(()),
    }
}

/// No longer.
pub fn unbind() {
    // SAFETY: the table is static.
    unsafe { fs::switch_core_remove_state_handler(&raw const STATES.0) };
}

/// Tracks a session: its messages come here.
pub fn track(module: &Module, session: &Session) {
    track_as(module, session, false);
}

fn track_as(module: &Module, session: &Session, recovered: bool) {
    let tracked = TrackedSession {
        session: session.raw().addr(),
        has_left: false,
        recovered,
        on_hold: false,
        bridged_with: None,
    };
    module.tracked.lock().insert(session.uuid(), tracked);
    // SAFETY: the session lives; who is hooked twice is hooked once.
    unsafe { fs::switch_core_event_hook_add_receive_message(session.raw(), Some(on_message)) };
}

/// Tracks a session no more.
pub fn unhook(session: &Session) {
    // SAFETY: the session lives.
    unsafe { fs::switch_core_event_hook_remove_receive_message(session.raw(), Some(on_message)) };
}

/// Does something with a session, as the core asked; a fault in it is the call's end, and nobody else's.
unsafe fn with(raw: *mut fs::switch_core_session_t, act: impl FnOnce(&Module, &Session)) -> fs::switch_status_t {
    // SAFETY: the caller was given the session for the time of its call.
    let session = unsafe { Session::given(raw) };
    contained(&session, || with_module(|module| act(module, &session)));
    fs::SWITCH_STATUS_SUCCESS
}

fn contained<R>(session: &Session, act: impl FnOnce() -> R) {
    if catch_unwind(AssertUnwindSafe(act)).is_err() {
        refuse(session, "a fault inside Coach was contained: please report it");
    }
}

unsafe extern "C" fn on_init(session: *mut fs::switch_core_session_t) -> fs::switch_status_t {
    // SAFETY: the core's session.
    unsafe { with(session, |module, session| track_as(module, session, recovery::is_recovered(session))) }
}

/// A call looks for an extension: a new one, or it is transferred. One that is recovered after a crash runs its own again without looking.
unsafe extern "C" fn on_routing(session: *mut fs::switch_core_session_t) -> fs::switch_status_t {
    // SAFETY: the core's session.
    let session = unsafe { Session::given(session) };
    let act = |module: &Module| {
        module.services.recovery.forget(&session);
        if let Some(tracked) = module.tracked.lock().get_mut(&session.uuid()) {
            tracked.recovered = false;
        }
    };
    contained(&session, || current().map(|module| act(&module)));
    fs::SWITCH_STATUS_SUCCESS
}

unsafe extern "C" fn on_hangup(session: *mut fs::switch_core_session_t) -> fs::switch_status_t {
    let act = |module: &Module, session: &Session| {
        transfer::hang_up(module, session);
        if let Some(leg) = module.find(&session.uuid()) {
            transfer::hand_over(module, &leg, session);
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
        let mut tracked = module.tracked.lock();
        if tracked.get(&uuid).is_some_and(|tracked| tracked.session == this) {
            tracked.remove(&uuid);
        }
        drop(tracked);
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
    let moves =
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
    if !conference && !moves {
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
    let recovered = module.tracked.lock().get_mut(&session.uuid()).is_some_and(|it| std::mem::take(&mut it.recovered));
    let commanded = recovered.then(|| module.services.recovery.commanded(session));
    let inherited = transfer::inherited(module, session);
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
        if module.services.unload_lock.is_closed() {
            return refuse(session, "mod_coach is being unloaded"); // it may have taken long
        }
    }
    let enter = module.leg(session).and_then(|leg| {
        leg.allows_no_bugs.store(inside, Ordering::Release);
        let (mut state, wanted) = leg.lock_with_read_bug(session, wanted)?;
        let state = &mut *state;
        if let Some(inherited) = &inherited
            && state.inherited.as_ref() != Some(&inherited.from)
        {
            inherited.tell(&leg.uuid, &Settings::of(session), &wanted);
            state.inherited = Some(inherited.from.clone());
        }
        leg.apply(&module.services, session, state, &wanted)?;
        leg.bypass(&module.services, state, false)?;
        if state.conferences.is_empty() {
            module.services.recovery.settle(session, &wanted);
        }
        state.conferences.begins(message);
        state.settings.write(session);
        Ok(())
    });
    if let Err(why) = enter {
        not_tracked(module, session, &wanted(&State::default()), why);
    }
}

/// `mod_conference` has taken it in, and has not heard a word of it yet. What it may do is asked for, since an event tells it too late, or
/// never: not of members that join unannounced.
fn enters(module: &Module, session: &Session, message: usize) {
    let Some(membership) = Membership::of(session) else { return };
    let uuid = session.uuid();
    let begun = module.find(&uuid).is_some_and(|leg| !leg.lock().conferences.is_empty());
    // A loopback swallows every application message but this one, so `conference` begins here. Or something else that names no other
    // call takes it in, and no conference.
    if !begun && conference_list::all().iter().any(|member| member.uuid == uuid) {
        begins(module, session, message);
    }
    let Some(leg) = module.find(&uuid) else { return };
    let now = conference_events::now();
    // Without a lock: both ask `mod_conference`, which has its own.
    let listed = conference_list::flags(&membership, &uuid);
    let channels = mix::channels(session, &membership);
    let mut state = leg.lock();
    if state.conferences.is_empty()
        || (state.membership.as_ref() == Some(&membership) && state.taken.name_unseen(message))
    {
        return;
    }
    state.taken.begins(message);
    if !state.taken.is_in(message) {
        return; // by one inside
    }
    let (flags, now) = listed.map_or((Flags { muted: true, deaf: true, held: false }, 0), |flags| (flags, now));
    let mut refused = module.join(&leg, &mut state, membership, flags, now, channels).err();
    drop(state);
    if listed.is_none() {
        let line = "mod_conference does not list this member: it neither speaks nor hears privately until an event tells of it";
        log(fs::SWITCH_LOG_WARNING, Some(&uuid), line);
    } else if let Some(membership) = refused.take() {
        // The one that has its room has ended, with members in it: what is listed is the living one's.
        empty(module, &membership);
        let mut state = leg.lock();
        if state.taken.is_in(message) {
            refused = module.join(&leg, &mut state, membership, flags, now, channels).err();
        }
    }
    if let Some(membership) = refused {
        left_out(&uuid, &membership);
    }
}

/// Logs that a member has no membership, since another conference of that name has the room.
pub fn left_out(uuid: &str, membership: &Membership) {
    let name = &membership.conference;
    let line =
        format!("another conference called {name} has not ended: what this member says privately is heard by nobody");
    log(fs::SWITCH_LOG_WARNING, Some(uuid), &line);
}

/// Takes everybody out of another conference of that name.
fn empty(module: &Module, membership: &Membership) {
    for leg in module.all() {
        let mut state = leg.lock();
        if state
            .membership
            .as_ref()
            .is_some_and(|old| old.conference == membership.conference && old.unique_id != membership.unique_id)
        {
            leg.leave(&module.services, &mut state);
        }
    }
}

/// `mod_conference` lets it go.
fn leaves(module: &Module, session: &Session, message: usize) {
    // First: whoever is making a leg for it looks here next.
    if let Some(tracked) = module.tracked.lock().get_mut(&session.uuid()) {
        tracked.has_left = true;
    }
    let Some(leg) = module.find(&session.uuid()) else { return };
    let mut state = leg.lock();
    if !state.taken.ends(message, || true) || !state.taken.is_empty() {
        return;
    }
    leg.leave(&module.services, &mut state);
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
    state.taken = AppStack::default();
    leg.leave(&module.services, &mut state);
    if let Err(why) = leg.bypass(&module.services, &mut state, true) {
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
        .tracked
        .lock()
        .get_mut(&session.uuid())
        .and_then(|tracked| tracked.bridged_with.replace(other.into()))
        .filter(|before| before != other);
    let inner = before.and(session.variable(INNER_LEG));
    let Some(leg) = inner.and_then(|uuid| module.find(&uuid)).filter(|_| !module.services.tags_pass) else { return };
    let Some(inner) = Session::locate(&leg.uuid) else { return };
    let mut state = leg.lock();
    if state.settings.tags.is_some() {
        let line = format!(
            "{other} takes this leg's place: its tags do not pass. Who wants them to sets them now, or tags-pass in coach.conf.xml"
        );
        log(fs::SWITCH_LOG_NOTICE, Some(&leg.uuid), &line);
    }
    // Without tags too: they may have been taken off just now, and what they let it hear fades.
    if let Err(why) = leg.command(&module.services, &inner, &mut state, Action::Transferred) {
        refuse(&inner, why);
    }
}

/// Coach cannot have this call as its member. If that one is open and has no tags, it is none of Coach's business, and goes on.
pub fn not_tracked(module: &Module, session: &Session, wanted: &Settings, why: impl AsRef<str>) {
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

/// The core has taken the bugs off a session, and holds a lock of its own: this takes no lock of ours that is held during calls into the
/// core.
pub fn bugs_removed(session: &Session) {
    let Some(leg) = current().and_then(|module| module.find(&session.uuid())) else { return };
    leg.lost_bugs.store(true, Ordering::Release);
    if leg.private() {
        let line = "something took Coach's hooks off this call while it speaks privately: the call ends";
        log(fs::SWITCH_LOG_ERROR, Some(&session.uuid()), line);
        session.hang_up();
    }
}
