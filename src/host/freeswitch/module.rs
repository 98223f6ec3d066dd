//! Loading and unloading, and what there is in between.

use std::{
    collections::HashMap,
    ffi::CStr,
    panic::{AssertUnwindSafe, catch_unwind},
    ptr,
    sync::{
        Arc,
        atomic::{AtomicPtr, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use super::{
    adopt, api, complete, configuration,
    events::{self, Told},
    follow, fs,
    guarding::Guarding,
    hooks,
    leg::Leg,
    legacy::Legacy,
    listeners::{self, Changed},
    recovery::Recovery,
    rooms::Rooms,
    rtp_times,
    switch::{Session, c, log, text},
    tell,
};
use crate::{lock::Mutex, sys};

/// FreeSWITCH's name for us.
pub const NAME: &CStr = c"mod_coach";

/// How often the engine prepares rate conversions and frees what is no longer used, and what events say is followed.
const SERVICE: Duration = Duration::from_millis(10);

/// How long an unload waits for a call that it has hung up.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long it waits, twice, for threads that are inside the module: a call may be answered early there, with what its dialplan has set for
/// that moment.
const INSIDE: Duration = Duration::from_secs(3);

/// The module while it is loaded. It may be loaded again into the same memory, so nothing else outlives an unload.
static MODULE: Mutex<Option<Arc<Module>>> = Mutex::new(None);

/// What there is while the module is loaded.
pub struct Module {
    pub engine: sys::coach_engine_t,
    pub legs: Mutex<Legs>,
    /// Held while one is made: two threads may meet a call first, one that loads the module and the call's own.
    making: Mutex<()>,
    /// Sessions that have our message hook, by UUID.
    pub followed: Mutex<HashMap<String, Followed>>,
    pub rooms: Rooms,
    pub lock: Lock,
    pub legacy: Legacy,
    pub guarding: Guarding,
    pub recovery: Recovery,
    /// A leg that takes another's place in a conference takes over its tags too.
    pub tags_pass: bool,
    /// Who speaks privately hears a sound of its mode.
    pub mode_sounds: bool,
    pub changed: Changed,
    pub told: Told,
    /// What this version's numbers for messages about applications are short of those declared.
    pub message_shift: u32,
    bindings: Mutex<events::Bindings>,
}

/// A session that is followed.
pub struct Followed {
    /// Which one of that UUID.
    pub session: usize,
    /// It has left a conference since.
    pub has_left: bool,
    /// It was recovered after a crash, and runs its extension again.
    pub recovered: bool,
    /// Its phone has put it on hold.
    pub on_hold: bool,
    /// The call that it is bridged with, or was last.
    pub bridged_with: Option<String>,
}

/// The calls that Coach knows.
#[derive(Default)]
pub struct Legs {
    pub calls: HashMap<String, Arc<Leg>>,
    /// UUIDs by number in a conference: FreeSWITCH gives each number once.
    pub numbers: HashMap<u32, String>,
}

impl Module {
    /// The call with that UUID.
    pub fn find(&self, uuid: &str) -> Option<Arc<Leg>> {
        self.legs.lock().calls.get(uuid).cloned()
    }

    /// The call that the engine calls so.
    pub fn called(&self, call_id: &str) -> Option<Arc<Leg>> {
        let legs = self.legs.lock();
        let same = |leg: &&Arc<Leg>| leg.call_id == call_id;
        legs.calls.get(call_id).filter(same).or_else(|| legs.calls.values().find(same)).cloned()
    }

    /// The call with that UUID, made if Coach has not known it.
    pub fn leg(&self, session: &Session) -> Result<Arc<Leg>, String> {
        let _one = self.making.lock();
        if let Some(leg) = self.find(&session.uuid()) {
            return Ok(leg);
        }
        let leg = Arc::new(Leg::new(self, session)?);
        self.legs.lock().calls.insert(leg.uuid.clone(), leg.clone());
        Ok(leg)
    }

    /// Whether a session has left a conference since it is followed.
    pub fn has_left(&self, uuid: &str) -> bool {
        self.followed.lock().get(uuid).is_some_and(|followed| followed.has_left)
    }

    /// Whether a call's phone has put it on hold.
    pub fn is_on_hold(&self, uuid: &str) -> bool {
        self.followed.lock().get(uuid).is_some_and(|followed| followed.on_hold)
    }

    /// Not one that is being unloaded, or has been; another may be loaded by now.
    pub fn is_current(&self) -> bool {
        current().is_some_and(|module| ptr::eq(&raw const *module, self))
    }

    /// Forgets a call.
    pub fn end(&self, leg: &Leg) {
        // In this order: whoever replaces it finds it among the calls or among those that have left.
        leg.end(self);
        self.guarding.ends(self, &leg.uuid);
        self.recovery.remove(&leg.uuid);
        rtp_times::forget(leg.session);
        self.legs.lock().calls.remove(&leg.uuid);
    }

    /// One of the engine's commands.
    pub fn command(&self, command: &str) -> Result<String, String> {
        let mut reply = ptr::null_mut();
        // SAFETY: texts that end in NUL; the reply is ours until it is given back.
        let answer = unsafe {
            if sys::coach_command(self.engine, c(command).as_ptr(), &raw mut reply) != sys::COACH_OK {
                return Err(said());
            }
            let answer = text(reply).unwrap_or_default().to_owned();
            sys::coach_string_free(reply);
            answer
        };
        match answer.strip_prefix("-ERR ") {
            Some(why) => Err(why.into()),
            None => Ok(answer),
        }
    }

    /// Every room with its members, as JSON.
    pub fn rooms_json(&self) -> Result<String, String> {
        let mut json = ptr::null_mut();
        // SAFETY: null is every room; the answer is ours until it is given back.
        unsafe {
            if sys::coach_state_json(self.engine, ptr::null(), &raw mut json) != sys::COACH_OK {
                return Err(said());
            }
            let rooms = text(json).unwrap_or_default().to_owned();
            sys::coach_string_free(json);
            Ok(rooms)
        }
    }

    /// Every call.
    pub fn all(&self) -> Vec<Arc<Leg>> {
        self.legs.lock().calls.values().cloned().collect()
    }
}

impl Drop for Module {
    fn drop(&mut self) {
        // SAFETY: a number.
        unsafe { sys::coach_engine_destroy(self.engine) };
    }
}

/// The core's lock on this module: while it is held for reading, `unload` answers "Module in use".
pub struct Lock(AtomicPtr<fs::switch_thread_rwlock_t>);

impl Lock {
    /// False: an unload is under way.
    pub fn hold(&self) -> bool {
        // SAFETY: the core's, as long as the module is loaded.
        unsafe { fs::switch_thread_rwlock_tryrdlock(self.0.load(Ordering::Relaxed)) == fs::SWITCH_STATUS_SUCCESS }
    }

    pub fn release(&self) {
        // SAFETY: as above, and held.
        unsafe { fs::switch_thread_rwlock_unlock(self.0.load(Ordering::Relaxed)) };
    }
}

/// The module, unless it is being unloaded.
pub fn current() -> Option<Arc<Module>> {
    MODULE.lock().clone()
}

/// Does something with the module, unless it is being unloaded; then sees to those who hear somebody privately by now.
pub fn visit<R>(act: impl FnOnce(&Module) -> R) -> Option<R> {
    let module = current()?;
    let done = act(&module);
    listeners::hook(&module);
    Some(done)
}

/// What the engine's last failure on this thread was.
pub fn said() -> String {
    // SAFETY: never null; the engine's until this thread's next call.
    unsafe { text(sys::coach_last_error()) }.unwrap_or("the engine refused").into()
}

/// What the core calls first.
pub unsafe extern "C" fn load(
    interface: *mut *mut fs::switch_loadable_module_interface_t,
    pool: *mut fs::switch_memory_pool_t,
) -> fs::switch_status_t {
    // SAFETY: the core's promise: it takes the table from here, and keeps it until after `shutdown`.
    let table = unsafe { fs::switch_loadable_module_create_module_interface(pool, NAME.as_ptr()) };
    match start(table) {
        Ok(()) => {
            // SAFETY: as above.
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
        // SAFETY: a number.
        unsafe { sys::coach_engine_service(module.engine) };
        if catch_unwind(AssertUnwindSafe(|| {
            events::follow(&module);
            module.guarding.look(&module);
        }))
        .is_err()
        {
            log(fs::SWITCH_LOG_ERROR, None, "a fault inside Coach was contained: please report it");
        }
    }
    fs::SWITCH_STATUS_SUCCESS
}

fn start(table: *mut fs::switch_loadable_module_interface_t) -> Result<(), String> {
    let configuration = configuration::read()?;
    let config = sys::coach_engine_config_t {
        size: size_of::<sys::coach_engine_config_t>() as u32,
        flags: configuration.flags | sys::COACH_ENGINE_HOST_SERVICE,
        guard_ms: configuration.guard_ms,
        reserved: 0,
        on_event: Some(tell::on_event),
        user: ptr::null_mut(),
    };
    let mut engine = 0;
    // SAFETY: the config outlives the call.
    if unsafe { sys::coach_engine_create(sys::COACH_ABI_VERSION, &raw const config, &raw mut engine) } != sys::COACH_OK
    {
        return Err(said());
    }
    // SAFETY: the core's table.
    let lock = unsafe { (*table).rwlock };
    let module = Arc::new(Module {
        engine,
        legs: Mutex::default(),
        making: Mutex::default(),
        followed: Mutex::default(),
        rooms: Rooms::default(),
        lock: Lock(AtomicPtr::new(lock)),
        legacy: Legacy::new(Duration::from_millis(configuration.guard_ms.into())),
        guarding: Guarding::default(),
        recovery: Recovery::new(),
        tags_pass: configuration.tags_pass,
        mode_sounds: configuration.flags & sys::COACH_ENGINE_MODE_SOUNDS != 0,
        changed: Changed::default(),
        told: Told::default(),
        message_shift: message_shift(),
        bindings: Mutex::default(),
    });
    tell::reserve()?;
    *MODULE.lock() = Some(module.clone());
    match follow::bind().and_then(|()| events::bind().inspect_err(|_| follow::unbind())) {
        Ok(bindings) => *module.bindings.lock() = bindings,
        Err(why) => {
            *MODULE.lock() = None;
            tell::give_back();
            return Err(why);
        }
    }
    api::register(table);
    complete::add();
    visit(adopt::adopt_all);
    log(fs::SWITCH_LOG_INFO, None, &format!("Coach {}", crate::VERSION));
    Ok(())
}

/// What the core calls last; the commands are gone by then. Also when it shuts down, or is forced (`unload -f`): then there may be
/// calls that speak privately, and they end.
pub unsafe extern "C" fn shutdown() -> fs::switch_status_t {
    let Some(module) = MODULE.lock().take() else { return fs::SWITCH_STATUS_SUCCESS };
    complete::delete();
    follow::unbind();
    events::unbind(std::mem::take(&mut *module.bindings.lock()));
    let stays = !is_empty(&module);
    end_private(&module);
    module.legacy.wait_for_guards();
    detach(&module);
    // A thread may have read the address of a hook just before it was taken away, and have been preempted: it finds no module, and returns.
    thread::sleep(Duration::from_millis(100));
    if stays {
        // Whoever it was may have put on a hook meanwhile.
        is_empty(&module);
        detach(&module);
        let line = "mod_coach is unloaded while a call is answered inside it: its code stays in memory";
        log(fs::SWITCH_LOG_WARNING, None, line);
    }
    // What waits to be told is told now, or never.
    // SAFETY: a number.
    unsafe { sys::coach_engine_service(module.engine) };
    tell::give_back();
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
    for session in module.followed.lock().keys().filter_map(|uuid| Session::locate_to_its_end(uuid)) {
        follow::unhook(&session);
        hooks::detach(&session);
    }
}

/// Hangs up whoever speaks privately, and waits until they are gone: until then their hooks stay, and make silence.
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
