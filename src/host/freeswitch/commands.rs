//! The commands `coach` and `uuid_coach`, and the dialplan application `coach`.

use std::{
    ffi::{CStr, c_char},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use super::{
    fs,
    leg::{How, Leg, State},
    module::{Module, current},
    session::{Session, c, log, text},
    settings::{Action, names_mode},
    write_bugs::with_module,
};

const COACH_USAGE: &CStr = c"rooms|show|explain|tag|untag|coach|uncoach|gettag|stats|version|help [<room> [<member>] [<tag>[,<tag>...]]] [as json]|state [<variable>[,<variable>...]] as json";
const UUID_USAGE: &CStr = c"<uuid> tag <tag>[,<tag>...]|untag|coach <tag>[,<tag>...]|uncoach|show [as json]";
const APPLICATION_USAGE: &CStr =
    c"[memberTag=<tag>[,<tag>...]] [speakOnlyTo=<tag>[,<tag>...]]|tag <tags>|untag|coach <tags>|uncoach";

/// Puts commands and application into the module's table.
pub fn register(table: *mut fs::switch_loadable_module_interface_t) {
    let api = |name: &CStr, does: &CStr, usage: &CStr, function| {
        // SAFETY: the core's table and entry, which is of this kind; texts that stay as long as the module.
        unsafe {
            let entry = fs::switch_loadable_module_create_interface(table, fs::SWITCH_API_INTERFACE);
            let entry = &mut *entry.cast::<fs::switch_api_interface_t>();
            (entry.interface_name, entry.desc, entry.syntax) = (name.as_ptr(), does.as_ptr(), usage.as_ptr());
            entry.function = Some(function);
        }
    };
    api(c"coach", c"Who is heard by whom in conferences", COACH_USAGE, on_coach);
    api(c"uuid_coach", c"The same for one call", UUID_USAGE, on_uuid_coach);
    // SAFETY: the core's table and entry, which is of this kind; texts that stay as long as the module.
    unsafe {
        let entry = fs::switch_loadable_module_create_interface(table, fs::SWITCH_APPLICATION_INTERFACE);
        let entry = &mut *entry.cast::<fs::switch_application_interface_t>();
        (entry.interface_name, entry.syntax) = (c"coach".as_ptr(), APPLICATION_USAGE.as_ptr());
        entry.short_desc = c"Who this call is heard by in a conference".as_ptr();
        entry.long_desc = c"Sets memberTag and speakOnlyTo of this call, before `conference` or inside it".as_ptr();
        entry.application_function = Some(on_application);
    }
}

unsafe extern "C" fn on_coach(
    command: *const c_char,
    _: *mut fs::switch_core_session_t,
    stream: *mut fs::switch_stream_handle_t,
) -> fs::switch_status_t {
    // SAFETY: the core's texts and stream.
    unsafe { answer(stream, text(command).unwrap_or_default(), coach) }
}

unsafe extern "C" fn on_uuid_coach(
    command: *const c_char,
    _: *mut fs::switch_core_session_t,
    stream: *mut fs::switch_stream_handle_t,
) -> fs::switch_status_t {
    // SAFETY: the core's texts and stream.
    unsafe { answer(stream, text(command).unwrap_or_default(), uuid_coach) }
}

/// Writes what `run` answers.
///
/// # Safety
/// `stream` is one of the core's.
unsafe fn answer(
    stream: *mut fs::switch_stream_handle_t,
    command: &str,
    run: fn(&Module, &[&str]) -> Result<String, String>,
) -> fs::switch_status_t {
    let words: Vec<&str> = command.split_whitespace().collect();
    let answer = c(&contained(|module| run(module, &words)).unwrap_or_else(|why| format!("-ERR {why}")));
    // SAFETY: a format of one string, and one string.
    unsafe {
        if let Some(write) = (*stream).write_function {
            write(stream, c"%s\n".as_ptr(), answer.as_ptr());
        }
    }
    fs::SWITCH_STATUS_SUCCESS
}

/// Does what somebody asked for; a fault in it is an answer too.
fn contained<R>(run: impl FnOnce(&Module) -> Result<R, String>) -> Result<R, String> {
    catch_unwind(AssertUnwindSafe(|| with_module(run)))
        .unwrap_or_else(|_| Some(Err("a fault inside Coach was contained: please report it".into())))
        .unwrap_or_else(|| Err("mod_coach is being unloaded".into()))
}

/// `coach ...`: the engine's grammar.
fn coach(module: &Module, words: &[&str]) -> Result<String, String> {
    if words.is_empty() {
        return Ok(usage("coach", COACH_USAGE));
    }
    if let [_, room, member, ..] = words
        && let Some(action) = Action::parse(&[&words[..1], &words[3..]].concat())
    {
        return change(module, room, member, action);
    }
    match words {
        ["state", "as", "json"] => state(module, &[]),
        ["state", variables, "as", "json"] => state(module, &variables.split(',').collect::<Vec<_>>()),
        ["state", ..] => Err("usage: state [<variable>[,<variable>...]] as json".into()),
        _ => module.services.engine.command(&words.join(" ")),
    }
}

/// What `coach state` tells of every call: who calls whom, and since when. The event socket reads a command byte by byte and yields the
/// processor after each, so what every program needs is not a part of its command.
const CALLER: [&str; 9] = [
    "direction",
    "caller_id_number",
    "caller_id_name",
    "destination_number",
    "created_time",
    "progress_time",
    "progress_media_time",
    "answered_time",
    "sip_call_id",
];

/// Every call, with these of its channel variables, and every room: what a program that steers calls has to know, in one answer. The
/// core's own list of channels is written by another thread, and late.
fn state(module: &Module, variables: &[&str]) -> Result<String, String> {
    let calls: Vec<_> = Session::all()
        .into_iter()
        .filter_map(|uuid| {
            let session = Session::locate(&uuid)?;
            let values = CALLER
                .iter()
                .chain(variables)
                .filter_map(|name| Some(((*name).to_owned(), session.variable(&c(name))?)));
            let values: serde_json::Map<_, _> = values.map(|(name, value)| (name, value.into())).collect();
            Some(serde_json::json!({ "uuid": uuid, "variables": values }))
        })
        .collect();
    // The engine's answer is an object: the calls are one more member of it.
    let mut state = module.services.engine.state_json()?;
    state.truncate(state.trim_end().strip_suffix('}').unwrap_or(&state).len());
    let calls = serde_json::Value::from(calls);
    Ok(format!("{state},\"calls\":{calls}}}"))
}

/// Changes a call through its leg, for its bugs and variables: the engine alone would call a member private that has no bug.
fn change(module: &Module, room: &str, member: &str, action: Action) -> Result<String, String> {
    if let Some(leg) = leg_of(module, member)
        && let Some(session) = Session::locate(&leg.uuid)
    {
        let is_here = |state: &State| state.membership.as_ref().is_some_and(|membership| membership.conference == room);
        if is_here(&leg.lock()) {
            hooked_for(&leg, &session, &[action])?;
            let mut state = leg.lock();
            if is_here(&state) {
                return leg.command(&module.services, &session, &mut state, action);
            }
        }
    }
    // The engine knows what is wrong with the names.
    module.services.engine.command(&["explain", room, member].join(" "))?;
    Err(format!("{member} is just coming to {room} or leaving it; nothing has changed"))
}

/// Installs the read bug before the call is made private.
fn hooked_for(leg: &Leg, session: &Session, actions: &[Action]) -> Result<(), String> {
    let private = actions.iter().any(|action| matches!(action, Action::Coach(_)));
    if private { leg.install_read_bug(session) } else { Ok(()) }
}

/// The leg of a member, given by number or UUID.
fn leg_of(module: &Module, member: &str) -> Option<Arc<Leg>> {
    if member.bytes().all(|b| b.is_ascii_digit()) {
        return module.numbered(member.parse().ok()?);
    }
    module.called(member).or_else(|| module.find(member))
}

/// `uuid_coach <uuid> ...`: the same, for who only knows the call.
fn uuid_coach(module: &Module, words: &[&str]) -> Result<String, String> {
    let [uuid, words @ ..] = words else { return Ok(usage("uuid_coach", UUID_USAGE)) };
    let reads = matches!(words, ["show"] | ["show", "as", "json"]);
    let action = Action::parse(words);
    if !reads && action.is_none() {
        return Err(format!("usage: uuid_coach {}", UUID_USAGE.to_string_lossy()));
    }
    // One that has white space in it can be given only as `show` and events write it.
    let known = module.called(uuid);
    let uuid = known.as_ref().map_or(*uuid, |leg| &leg.uuid);
    let session = Session::locate(uuid).ok_or_else(|| format!("no call {uuid}; `show calls` lists them"))?;
    let leg = module.find(uuid).ok_or_else(|| {
        format!(
            "the call is in no conference; set memberTag or speakOnlyTo on it before it joins: `uuid_setvar {uuid} ...`"
        )
    })?;
    if let Some(action) = action {
        hooked_for(&leg, &session, &[action])?;
    }
    let mut state = leg.lock();
    if let Some(action) = action {
        return leg.command(&module.services, &session, &mut state, action);
    }
    let json = words.ends_with(&["as", "json"]);
    match &state.membership {
        Some(_) => leg.explain(json),
        None if json => Ok(serde_json::json!({
            "room": null,
            "memberTag": state.settings.tags,
            "speakOnlyTo": state.settings.speak_only_to,
        })
        .to_string()),
        None => Ok(format!("{}; in no conference", state.settings)),
    }
}

fn usage(command: &str, usage: &CStr) -> String {
    format!("-USAGE: {command} {}", usage.to_string_lossy())
}

// ---- the dialplan application

unsafe extern "C" fn on_application(session: *mut fs::switch_core_session_t, data: *const c_char) {
    // SAFETY: the core's session and text.
    let (session, data) = unsafe { (Session::given(session), text(data).unwrap_or_default()) };
    let Err(why) = contained(|module| application(module, &session, data)) else { return };
    let inside =
        current().and_then(|module| module.find(&session.uuid())).is_some_and(|leg| !leg.lock().conferences.is_empty());
    if inside {
        return log(fs::SWITCH_LOG_ERROR, Some(&session.uuid()), &format!("coach {data}: {why}. Nothing has changed"));
    }
    let line = format!("coach {data}: {why}. The call ends: it would go on as nobody meant it to");
    log(fs::SWITCH_LOG_ERROR, Some(&session.uuid()), &line);
    session.hang_up();
}

/// Settings as variables are written, or an action in words. From now on what the call says privately is silence for everyone outside its
/// audience.
fn application(module: &Module, session: &Session, data: &str) -> Result<(), String> {
    let words: Vec<&str> = data.split_whitespace().collect();
    let actions = Action::parse(&words).map(|action| vec![action]).or_else(|| Action::assigned(&words));
    let meant = |action: &Action| !matches!(action, Action::Tag(tags) if names_mode(tags));
    let actions = actions.filter(|actions| actions.iter().all(meant));
    let actions = actions.ok_or_else(|| format!("right is {}", APPLICATION_USAGE.to_string_lossy()))?;
    session.make_media();
    if module.services.unload_lock.is_closed() {
        return Err("mod_coach is being unloaded".into()); // it may have taken long
    }
    let leg = module.leg(session)?;
    hooked_for(&leg, session, &actions)?;
    let mut state = leg.lock();
    leg.bypass(&module.services, &mut state, false)?;
    // Inside a conference it is somebody's command, by a key for one; before, what the dialplan does in any case.
    let how: How = if state.conferences.is_empty() { Leg::change } else { Leg::command };
    actions.into_iter().try_for_each(|action| leg.set(&module.services, session, &mut state, action, how))
}
