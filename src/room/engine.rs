//! One engine: its rooms, each with a lock of its own, and its events told with no lock held. How it begins and ends: `lifecycle`.

use std::{
    ffi::CString,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::Arc,
    time::Duration,
};

use super::{
    directory::{Directory, StateLock, no_room},
    engine_clock::EngineClock,
    error::Result,
    event::Event,
    event_queue::EventQueue,
    host_data::HostData,
    report::{CounterSums, Stats},
    room_lock::RoomLock,
    service::{PERIOD, Service},
    service_interval::ServiceInterval,
    shared::Shared,
    state::RoomState,
};
use crate::{
    audio::{
        hook::slot::{Kind, unslotted},
        playout::filters::SharedFilters,
    },
    lock::{Condvar, Mutex, MutexGuard},
    sys,
};

/// What an engine is made with.
pub struct Config {
    pub guard_ms: u32,
    pub host_service: bool,
    pub host_clock: bool,
    pub mode_sounds: bool,
    pub time_hooks: bool,
    pub on_event: sys::coach_event_fn,
    /// The host's, handed back to it.
    pub user: usize,
}

#[cfg(test)]
impl Config {
    /// Without threads, events and sounds.
    pub fn for_tests(guard_ms: u32) -> Self {
        Self {
            guard_ms,
            host_service: true,
            host_clock: true,
            mode_sounds: false,
            time_hooks: false,
            on_event: None,
            user: 0,
        }
    }
}

/// The engine.
///
/// A room's lock comes before that of the members outside, and both before those of the directory, of what is in [`Shared`], and of
/// `outgoing`. Nobody holds the locks of two rooms.
pub struct Engine {
    pub handle: u64,
    pub(super) config: Config,
    pub shared: Arc<Shared>,
    pub directory: Mutex<Directory>,
    /// The members outside rooms.
    pub(super) outside: StateLock,
    /// Events on their way to the host.
    pub(super) outgoing: Mutex<EventQueue>,
    /// Signalled when the event callback has returned.
    pub(super) changed: Condvar,
    pub(super) service: Service,
    /// Tells events that wait. Not the service's affair: a slow callback must not stop the clock.
    pub(super) event_thread: Service,
    /// One at a time prepares conversions; what it knows of how much is going on.
    preparing: Mutex<ServiceInterval>,
    filters: SharedFilters,
}

impl Engine {
    /// Nobody finds it yet.
    pub fn new(config: Config) -> Self {
        let clock = Arc::new(EngineClock::new(config.host_clock));
        let shared = Shared::new(config.guard_ms, config.mode_sounds, clock, config.on_event.is_some());
        Self {
            handle: unslotted(Kind::Engine),
            outside: Arc::new(RoomLock::new(RoomState::new(shared.clone(), None))),
            config,
            shared,
            directory: Mutex::default(),
            outgoing: Mutex::default(),
            changed: Condvar::default(),
            service: Service::default(),
            event_thread: Service::default(),
            preparing: Mutex::default(),
            filters: SharedFilters::default(),
        }
    }

    // ---- finding

    pub fn find_room(&self, name: &str) -> Result<u64> {
        self.directory.lock().named(name)
    }

    /// Does something in the room of that name.
    pub fn in_room<R>(self: &Arc<Self>, name: &str, action: impl FnOnce(&mut RoomState) -> Result<R>) -> Result<R> {
        let room = {
            let directory = self.directory.lock();
            directory.named(name).and_then(|room| directory.room(room))?
        };
        self.act(&room, |state| match state.room {
            Some(_) => action(state),
            None => Err(no_room(name)), // it was closed just now
        })
    }

    /// What `report` says of every room, by name; rooms that are closed meanwhile are left out.
    pub fn every_room<R>(self: &Arc<Self>, report: impl Fn(&RoomState) -> Result<R>) -> Result<Vec<R>> {
        let rooms = self.directory.lock().rooms();
        self.directory.lock().running()?;
        Ok(rooms.iter().filter_map(|(name, _)| self.in_room(name, |state| report(state)).ok()).collect())
    }

    /// Does something where a member is.
    pub fn act_on<R>(self: &Arc<Self>, member: u64, action: impl FnOnce(&mut RoomState) -> Result<R>) -> Result<R> {
        loop {
            let state_lock = self.directory.lock().member(member)?;
            let state = state_lock.lock();
            if state.members.contains_key(&member) {
                return self.act_locked(&state_lock, state, action);
            }
            // It is on its way between the two: whoever moves it says where to before this lock is free again.
        }
    }

    pub fn stats(self: &Arc<Self>) -> Result<Stats> {
        let state_locks = self.state_locks()?;
        let mut counted = CounterSums { members: 0, sums: *self.shared.departed.lock() };
        for state_lock in state_locks {
            state_lock.lock().count(&mut counted);
        }
        Ok(counted.stats())
    }

    pub fn state_locks(&self) -> Result<Vec<StateLock>> {
        self.locks_where(|_| true)
    }

    fn locks_to_serve(&self) -> Result<Vec<StateLock>> {
        self.locks_where(|room| !room.is_deserted())
    }

    /// Of such rooms, and of those outside.
    fn locks_where(&self, wanted: impl Fn(&RoomLock) -> bool) -> Result<Vec<StateLock>> {
        let directory = self.directory.lock();
        directory.running()?;
        Ok(directory.state_locks().filter(|room| wanted(room)).chain([&self.outside]).cloned().collect())
    }

    // ---- acting

    /// Does something to a room or to the members outside, frees what it can, and tells what happened, if nothing is left to tell from
    /// before. What stops half-way in a panic is undone before anybody else can act on it.
    pub fn act<R>(
        self: &Arc<Self>,
        state_lock: &StateLock,
        action: impl FnOnce(&mut RoomState) -> Result<R>,
    ) -> Result<R> {
        self.act_locked(state_lock, state_lock.lock(), action)
    }

    fn act_locked<R>(
        self: &Arc<Self>,
        state_lock: &StateLock,
        mut state: MutexGuard<'_, RoomState>,
        action: impl FnOnce(&mut RoomState) -> Result<R>,
    ) -> Result<R> {
        self.directory.lock().running()?;
        let before = self.shared.last_number();
        state.claimed = None; // one from before is lower by now than those of other rooms
        let result = catch_unwind(AssertUnwindSafe(|| action(&mut state)));
        if result.is_err() {
            state.rollback();
        }
        if !Arc::ptr_eq(state_lock, &self.outside) {
            self.move_leavers_outside(&mut state);
        }
        state.retirement.sweep();
        if self.shared.busy() && !self.config.host_service {
            self.service.start("coach-service", self, Some(PERIOD), |engine| Some(engine.serve()));
            if self.shared.last_number() != before {
                self.service.wake(); // hooks may want something of the new plan
            }
        }
        let events = {
            let mut outgoing = self.outgoing.lock();
            let own = outgoing.begin_own(std::mem::take(&mut state.events));
            self.wake_event_thread(&outgoing);
            own
        };
        drop(state);
        self.deliver(events);
        result.unwrap_or_else(|panic| resume_unwind(panic))
    }

    /// Who is in the room no more is outside, and with the room everything that it leaves behind.
    fn move_leavers_outside(&self, state: &mut RoomState) {
        let closed = state.room.is_none() && !state.retirement.is_empty();
        if state.members.len() == state.room.as_ref().map_or(0, |room| room.members.len()) && !closed {
            return; // nobody has left
        }
        let mut outside = self.outside.lock();
        let mut directory = self.directory.lock();
        for (handle, member) in state.members.extract_if(|_, member| member.place.is_none()) {
            outside.members.insert(handle, member);
            directory.put(handle, &self.outside);
        }
        drop(directory);
        if closed {
            outside.retirement.take_over(&mut state.retirement);
        }
    }

    /// Has a thread of Coach's tell what waits, unless that is the host's.
    fn wake_event_thread(self: &Arc<Self>, events: &EventQueue) {
        if events.waits() && !self.config.host_service {
            self.event_thread.start("coach-events", self, None, |engine| {
                engine.deliver_waiting();
                None
            });
            self.event_thread.wake();
        }
    }

    /// Writes the clock, prepares what hooks have asked for, and frees what nobody uses any more; when to look again.
    pub fn serve(self: &Arc<Self>) -> Duration {
        self.shared.clock.write();
        let mut watch = self.preparing.lock();
        let (rang, number) = (self.shared.work_flag.rang(), self.shared.last_number());
        let Ok(state_locks) = self.locks_to_serve() else { return PERIOD };
        let (mut reads, mut writes) = (Vec::new(), Vec::new());
        let (mut retired, mut short) = (false, Vec::new());
        for state_lock in &state_locks {
            let mut state = state_lock.lock_to_serve();
            retired |= !state.retirement.sweep();
            if !rang {
                state_lock.served(&state);
                continue;
            }
            short.extend(state.has_short_streams().then_some(state_lock));
            state.record_format_changes();
            let events = std::mem::take(&mut state.events);
            if !events.is_empty() {
                let mut outgoing = self.outgoing.lock();
                outgoing.wait_own(events);
                self.wake_event_thread(&outgoing);
            }
            for member in state.members.values() {
                let audio = member.lease.get();
                reads.extend(Some(&audio.read.handoff).filter(|handoff| handoff.waits()).cloned());
                writes.extend(Some(&audio.write.handoff).filter(|handoff| handoff.waits()).cloned());
                if let Some(spares) = audio.spares.get() {
                    spares.fill(Box::default);
                    if spares.waited() {
                        member.plan.subscriptions.iter().for_each(|subscription| subscription.serve());
                    }
                }
            }
            state_lock.served(&state);
        }
        for state_lock in short {
            let lengthened = self.act(state_lock, |state| {
                state.lengthen_streams();
                Ok(())
            });
            debug_assert!(lengthened.is_ok() || self.directory.lock().over);
        }
        // May have to make filters: without a room's lock. An end does not wait for those that nobody needs any more.
        let over = || self.directory.lock().over;
        for handoff in reads.iter().take_while(|_| !over()) {
            handoff.prepare(|code| self.filters.converter(code));
        }
        for handoff in writes.iter().take_while(|_| !over()) {
            handoff.prepare(|code| self.filters.rate_mix(code));
        }
        if over() {
            return PERIOD;
        }
        if self.shared.busy() {
            self.filters.make_usual(|| self.directory.lock().over);
        }
        // Last: there may be so much that something else would have to wait for it.
        retired |= self.shared.free_discarded();
        watch.next(rang || retired, number, &state_locks)
    }

    /// For the host's own service: what Coach's threads do otherwise.
    pub fn serve_and_deliver(self: &Arc<Self>) {
        self.serve();
        if self.config.host_service {
            self.deliver_waiting();
        }
    }

    /// Tells the host the events of the call that was just made.
    fn deliver(&self, events: Vec<Event>) {
        let Some(on_event) = self.config.on_event.filter(|_| !events.is_empty()) else {
            return;
        };
        // Events go before whoever destroys the engine stops waiting for this thread: with them their host's data may be released.
        let _delivering = Delivering(self);
        for event in events {
            if self.directory.lock().over {
                return; // it is being destroyed
            }
            call_host(on_event, self.config.user, &event);
        }
    }

    /// Tells the host the events that wait, unless another thread is telling it something.
    fn deliver_waiting(self: &Arc<Self>) {
        let Some(on_event) = self.config.on_event else {
            return;
        };
        let count = self.outgoing.lock().begin_waiting();
        if count == 0 {
            return;
        }
        let _delivering = Delivering(self);
        for _ in 0..count {
            if self.directory.lock().over {
                return;
            }
            let Some(event) = self.outgoing.lock().next() else {
                return;
            };
            call_host(on_event, self.config.user, &event);
        }
    }
}

/// A thread is telling events until this is dropped.
struct Delivering<'a>(&'a Engine);

impl Drop for Delivering<'_> {
    fn drop(&mut self) {
        let mut outgoing = self.0.outgoing.lock();
        outgoing.delivered();
        if outgoing.waits() {
            self.0.event_thread.wake(); // where the host serves, it has no thread, and the next turn is the host's
        }
        drop(outgoing);
        self.0.changed.notify_all();
    }
}

fn call_host(
    on_event: unsafe extern "C" fn(*mut std::ffi::c_void, *const sys::coach_event),
    user: usize,
    event: &Event,
) {
    // None of these can hold a NUL: names, ids and tags have no control characters.
    let text = |s: &str| CString::new(s).unwrap_or_default();
    let (room_name, call_id, tags) = (text(&event.room_name), text(&event.call_id), text(&event.tags));
    let (heard_by, line) = (text(&event.heard_by), text(&event.text));
    let speak_only_to = event.speak_only_to.as_deref().map(text);
    let out = sys::coach_event {
        size: size_of::<sys::coach_event>() as u32,
        kind: event.kind as u32,
        sequence: event.sequence,
        time_ns: event.time_ns,
        room: event.room,
        member: event.member,
        number: event.number,
        opens_in_ms: event.opens_in_ms,
        room_name: room_name.as_ptr(),
        call_id: call_id.as_ptr(),
        tags: tags.as_ptr(),
        speak_only_to: speak_only_to.as_ref().map_or(std::ptr::null(), |s| s.as_ptr()),
        heard_by: heard_by.as_ptr(),
        text: line.as_ptr(),
        lost: event.lost,
        room_user_data: HostData::pointer(event.room_data.as_ref()),
        member_user_data: HostData::pointer(event.member_data.as_ref()),
    };
    // SAFETY: the host's function with the host's pointer, as coach_engine_create documents; all texts outlive the call.
    unsafe { on_event(user as *mut std::ffi::c_void, &raw const out) };
}
