//! Loads and unloads the module, and runs its periodic work: the functions that the core calls.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use super::{
    coach_events, commands, completion, conference_events, config,
    departed::Departed,
    existing_calls, fs, media_bug,
    module::{Module, current, set_current, take_current},
    opening_guards::OpeningGuards,
    recovery::Recovery,
    rooms::Rooms,
    services::{ChangedRooms, Services},
    session::{NAME, Session, log, text},
    session_hooks,
    unload_lock::UnloadLock,
    write_bugs::with_module,
};
use crate::{
    host::client::{Engine, EngineConfig},
    sys,
};

/// How often the engine prepares rate conversions and frees what is no longer used, and what events say is followed.
const SERVICE: Duration = Duration::from_millis(10);

/// How long an unload waits for a call that it has hung up.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long it waits, twice, for threads that are inside the module: a call may be answered early there, with what its dialplan has set for
/// that moment.
const INSIDE: Duration = Duration::from_secs(3);

/// What the core looks up in `mod_coach.so`.
#[unsafe(no_mangle)]
pub static mod_coach_module_interface: fs::switch_loadable_module_function_table_t =
    fs::switch_loadable_module_function_table_t {
        switch_api_version: fs::SWITCH_API_VERSION as i32,
        load: Some(load),
        shutdown: Some(shutdown),
        runtime: Some(runtime),
        flags: 0,
    };

/// What the core calls first.
pub unsafe extern "C" fn load(
    interface: *mut *mut fs::switch_loadable_module_interface_t,
    pool: *mut fs::switch_memory_pool_t,
) -> fs::switch_status_t {
    // SAFETY: the core gives a pool, and keeps the table that is made here until after `shutdown`.
    let table = unsafe { fs::switch_loadable_module_create_module_interface(pool, NAME.as_ptr()) };
    match start(table) {
        Ok(()) => {
            // SAFETY: the core gives a place for the table.
            unsafe { interface.write(table) };
            fs::SWITCH_STATUS_SUCCESS
        }
        Err(why) => {
            log(fs::SWITCH_LOG_ERROR, None, &format!("mod_coach is not loaded: {why}"));
            fs::SWITCH_STATUS_FALSE
        }
    }
}

/// What a thread of the core's calls over and over while the module is loaded. The engine could have a thread of its own; but one made
/// by Rust leaves a key behind in the process that is never given back, and each load would take another.
pub unsafe extern "C" fn runtime() -> fs::switch_status_t {
    thread::sleep(SERVICE);
    if let Some(module) = current() {
        module.services.engine.service();
        if catch_unwind(AssertUnwindSafe(|| {
            conference_events::follow(&module);
            let services = &module.services;
            services.opening_guards.look(|uuid| opening_guard_runs(&module, uuid), &services.unload_lock);
        }))
        .is_err()
        {
            log(fs::SWITCH_LOG_ERROR, None, "a fault inside Coach was contained: please report it");
        }
    }
    fs::SWITCH_STATUS_SUCCESS
}

/// In a conference the engine says so; elsewhere the unload itself waits for the length of a guard.
fn opening_guard_runs(module: &Module, uuid: &str) -> bool {
    let Some(leg) = module.find(uuid) else { return false };
    leg.is_guarded()
}

fn start(table: *mut fs::switch_loadable_module_interface_t) -> Result<(), String> {
    let configuration = config::read()?;
    let engine = Engine::create(&EngineConfig {
        flags: configuration.flags | sys::COACH_ENGINE_HOST_SERVICE,
        guard_ms: configuration.guard_ms,
    })?;
    // SAFETY: the core's table.
    let lock = unsafe { (*table).rwlock };
    let services = Services {
        engine,
        rooms: Rooms::default(),
        unload_lock: UnloadLock::new(lock),
        departed: Departed::default(),
        opening_guards: OpeningGuards::new(Duration::from_millis(configuration.guard_ms.into())),
        recovery: Recovery::new(),
        changed: ChangedRooms::default(),
        tags_pass: configuration.tags_pass,
    };
    let module = Arc::new(Module::new(services, message_shift()));
    media_bug::when_removed(session_hooks::bugs_removed);
    coach_events::reserve()?;
    set_current(module);
    let bound = session_hooks::bind().and_then(|()| conference_events::bind().inspect_err(|_| session_hooks::unbind()));
    if let Err(why) = bound {
        take_current();
        coach_events::give_back();
        return Err(why);
    }
    commands::register(table);
    completion::add();
    with_module(existing_calls::adopt_all);
    log(fs::SWITCH_LOG_INFO, None, &format!("Coach {}", crate::VERSION));
    Ok(())
}

/// What the core calls last; the commands are gone by then. Also when it shuts down, or is forced (`unload -f`): then there may be
/// calls that speak privately, and they end.
pub unsafe extern "C" fn shutdown() -> fs::switch_status_t {
    let Some(module) = take_current() else { return fs::SWITCH_STATUS_SUCCESS };
    completion::delete();
    session_hooks::unbind();
    conference_events::unbind();
    let stays = !is_empty(&module);
    end_private(&module);
    module.services.opening_guards.wait();
    detach(&module);
    // A thread may have read the address of a callback just before it was removed, and have been preempted: it finds no module, and returns.
    thread::sleep(Duration::from_millis(100));
    if stays {
        // That thread may have installed a bug meanwhile.
        is_empty(&module);
        detach(&module);
        let line = "mod_coach is unloaded while a call is answered inside it: its code stays in memory";
        log(fs::SWITCH_LOG_WARNING, None, line);
    }
    // What waits to be told is told now, or never.
    module.services.engine.service();
    coach_events::give_back();
    if stays { fs::SWITCH_STATUS_NOUNLOAD } else { fs::SWITCH_STATUS_SUCCESS }
}

/// Whether there is nobody inside the module, within some time: a callback may be at work, and be making a call private.
fn is_empty(module: &Arc<Module>) -> bool {
    let started = Instant::now();
    while Arc::strong_count(module) > 1 {
        if started.elapsed() > INSIDE {
            return false;
        }
        thread::sleep(Duration::from_millis(1));
    }
    true
}

/// Takes everything off every session.
fn detach(module: &Module) {
    for session in module.tracked.lock().keys().filter_map(|uuid| Session::locate_to_its_end(uuid)) {
        session_hooks::unhook(&session);
        media_bug::detach(&session);
    }
}

/// Hangs up whoever speaks privately, and waits until they are gone: until then their bugs stay, and make silence.
fn end_private(module: &Module) {
    let private: Vec<_> = module.all().into_iter().filter(|leg| leg.private()).collect();
    for leg in &private {
        if let Some(session) = Session::locate(&leg.uuid) {
            let line = "mod_coach is unloaded while this call speaks privately: the call ends";
            log(fs::SWITCH_LOG_WARNING, Some(&leg.uuid), line);
            session.hang_up();
        }
        module.end(leg);
    }
    let started = Instant::now();
    while started.elapsed() < PATIENCE && private.iter().any(|leg| Session::locate_to_its_end(&leg.uuid).is_some()) {
        thread::sleep(Duration::from_millis(10));
    }
}

/// 1.10.7 put a message in front of those about applications.
fn message_shift() -> u32 {
    // SAFETY: static texts.
    let (minor, micro) = unsafe { (text(fs::switch_version_minor()), text(fs::switch_version_micro())) };
    let number = |text: Option<&str>| {
        let text = text.unwrap_or_default();
        text[..text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len())].parse().unwrap_or(u32::MAX)
    };
    u32::from((number(minor), number(micro)) < (10, 7))
}
