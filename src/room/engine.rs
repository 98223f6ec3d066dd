//! One engine: its rooms, each with a lock of its own, and its events told with no lock held. How it begins and ends: `lifecycle`.

use std::{
    ffi::CString,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::Arc,
    time::Duration,
};

use super::{
    directory::{Directory, Space, no_room},
    engine_clock::EngineClock,
    error::Result,
    event::Event,
    event_queue::EventQueue,
    host_data::HostData,
    report::{Counted, Stats},
    service::{PERIOD, Service},
    service_interval::Watch,
    shared::Shared,
    state::Control,
    ticker::Ticker,
};
use crate::{
    audio::{
        hook::slot::{Kind, unslotted},
        playout::resample::Converter,
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
    pub(super) outside: Space,
    /// Events on their way to the host.
    pub(super) outgoing: Mutex<EventQueue>,
    /// Signalled when the event callback has returned.
    pub(super) changed: Condvar,
    pub(super) service: Service,
    /// Tells events that wait. Not the service's affair: a slow callback must not stop the clock.
    pub(super) teller: Service,
    /// Ticks the rooms that tick by themselves.
    pub ticker: Ticker,
    /// One at a time prepares conversions; what it knows of how much is going on.
    preparing: Mutex<Watch>,
}

impl Engine {
    /// Nobody finds it yet.
    pub fn new(config: Config) -> Self {
        let clock = Arc::new(EngineClock::new(config.host_clock));
        let shared = Shared::new(config.guard_ms, config.mode_sounds, clock, config.on_event.is_some());
        Self {
            handle: unslotted(Kind::Engine),
            outside: Arc::new(Mutex::new(Control::new(shared.clone(), None))),
            config,
            shared,
            directory: Mutex::default(),
            outgoing: Mutex::default(),
            changed: Condvar::default(),
            service: Service::default(),
            teller: Service::default(),
            ticker: Ticker::default(),
            preparing: Mutex::default(),
        }
    }

    // ---- finding

    pub fn find_room(&self, name: &str) -> Result<u64> {
        self.directory.lock().named(name)
    }

    /// Does something in the room of that name.
    pub fn in_room<R>(self: &Arc<Self>, name: &str, action: impl FnOnce(&mut Control) -> Result<R>) -> Result<R> {
        let room = {
            let directory = self.directory.lock();
            directory.named(name).and_then(|room| directory.room(room))?
        };
        self.act(&room, |control| match control.room {
            Some(_) => action(control),
            None => Err(no_room(name)), // it was closed just now
        })
    }

    /// What `report` says of every room, by name; rooms that are closed meanwhile are left out.
    pub fn every_room<R>(self: &Arc<Self>, report: impl Fn(&Control) -> Result<R>) -> Result<Vec<R>> {
        let rooms = self.directory.lock().rooms();
        self.directory.lock().running()?;
        Ok(rooms.iter().filter_map(|(name, _)| self.in_room(name, |control| report(control)).ok()).collect())
    }

    /// Does something where a member is.
    pub fn act_on<R>(self: &Arc<Self>, member: u64, action: impl FnOnce(&mut Control) -> Result<R>) -> Result<R> {
        loop {
            let space = self.directory.lock().member(member)?;
            let control = space.lock();
            if control.members.contains_key(&member) {
                return self.act_locked(&space, control, action);
            }
            // It is on its way between the two: whoever moves it says where to before this lock is free again.
        }
    }

    pub fn stats(self: &Arc<Self>) -> Result<Stats> {
        let spaces = self.spaces()?;
        let mut counted = Counted { members: 0, sums: *self.shared.gone.lock() };
        for space in spaces {
            space.lock().count(&mut counted);
        }
        Ok(counted.stats())
    }

    pub fn spaces(&self) -> Result<Vec<Space>> {
        let directory = self.directory.lock();
        directory.running()?;
        Ok(directory.spaces().into_iter().chain([self.outside.clone()]).collect())
    }

    // ---- acting

    /// Does something to a room or to the members outside, frees what it can, and tells what happened, if nothing is left to tell from
    /// before. What stops half-way in a panic is undone before anybody else can act on it.
    pub fn act<R>(self: &Arc<Self>, space: &Space, action: impl FnOnce(&mut Control) -> Result<R>) -> Result<R> {
        self.act_locked(space, space.lock(), action)
    }

    fn act_locked<R>(
        self: &Arc<Self>,
        space: &Space,
        mut control: MutexGuard<'_, Control>,
        action: impl FnOnce(&mut Control) -> Result<R>,
    ) -> Result<R> {
        self.directory.lock().running()?;
        let before = self.shared.last_number();
        control.claimed = None; // one from before is lower by now than those of other rooms
        let result = catch_unwind(AssertUnwindSafe(|| action(&mut control)));
        if result.is_err() {
            control.mend();
        }
        if !Arc::ptr_eq(space, &self.outside) {
            self.let_out(&mut control);
        }
        control.retirement.sweep();
        if self.shared.busy() && !self.config.host_service {
            self.service.start("coach-service", self, Some(PERIOD), |engine| Some(engine.serve()));
            if self.shared.last_number() != before {
                self.service.wake(); // hooks may want something of the new plan
            }
        }
        let events = {
            let mut outgoing = self.outgoing.lock();
            let own = outgoing.begin_own(std::mem::take(&mut control.events));
            self.see_to_waiting(&outgoing);
            own
        };
        drop(control);
        self.tell(events);
        result.unwrap_or_else(|panic| resume_unwind(panic))
    }

    /// Who is in the room no more is outside, and with the room everything that it leaves behind.
    fn let_out(&self, control: &mut Control) {
        let closed = control.room.is_none() && !control.retirement.is_empty();
        let mut out = control.members.extract_if(|_, member| member.place.is_none()).peekable();
        if out.peek().is_none() && !closed {
            return;
        }
        let mut outside = self.outside.lock();
        let mut directory = self.directory.lock();
        for (handle, member) in out {
            outside.members.insert(handle, member);
            directory.put(handle, &self.outside);
        }
        drop(directory);
        if closed {
            outside.retirement.take_over(&mut control.retirement);
        }
    }

    /// Has a thread of Coach's tell what waits, unless that is the host's.
    fn see_to_waiting(self: &Arc<Self>, events: &EventQueue) {
        if events.waits() && !self.config.host_service {
            self.teller.start("coach-events", self, None, |engine| {
                engine.tell_waiting();
                None
            });
            self.teller.wake();
        }
    }

    /// Writes the clock, prepares what hooks have asked for, and frees what nobody uses any more; when to look again.
    pub fn serve(self: &Arc<Self>) -> Duration {
        self.shared.clock.write();
        let mut watch = self.preparing.lock();
        let (rang, number) = (self.shared.bell.rang(), self.shared.last_number());
        let Ok(spaces) = self.spaces() else { return PERIOD };
        let mut mailboxes = Vec::new();
        let mut retired = false;
        for space in &spaces {
            let mut control = space.lock();
            retired |= !control.retirement.sweep();
            if !rang {
                continue;
            }
            control.tell_of_formats();
            let events = std::mem::take(&mut control.events);
            if !events.is_empty() {
                let mut outgoing = self.outgoing.lock();
                outgoing.wait_own(events);
                self.see_to_waiting(&outgoing);
            }
            let links = control.members.values().flat_map(|member| &member.links).map(|heard| heard.link.mailbox());
            let hooks = control.members.values().map(|member| member.lease.get());
            let hooks = hooks.flat_map(|audio| [&audio.read.mailbox, &audio.write.mailbox]);
            mailboxes.extend(links.chain(hooks).filter(|mailbox| mailbox.waits()).cloned());
        }
        for mailbox in mailboxes {
            if self.directory.lock().over {
                return PERIOD; // an end does not wait for filters that nobody needs any more
            }
            mailbox.prepare(Converter::of); // may compute a filter: without a room's lock
        }
        watch.next(rang || retired, number, &spaces)
    }

    /// For the host's own service: what Coach's threads do otherwise.
    pub fn serve_and_tell(self: &Arc<Self>) {
        self.serve();
        if self.config.host_service {
            self.tell_waiting();
        }
    }

    /// Tells the host the events of the call that was just made.
    fn tell(&self, events: Vec<Event>) {
        let Some(on_event) = self.config.on_event.filter(|_| !events.is_empty()) else {
            return;
        };
        // Events go before whoever destroys the engine stops waiting for this thread: with them their host's data may be released.
        let _told = Told(self);
        for event in events {
            if self.directory.lock().over {
                return; // it is being destroyed
            }
            hand_over(on_event, self.config.user, &event);
        }
    }

    /// Tells the host the events that wait, unless another thread is telling it something.
    fn tell_waiting(self: &Arc<Self>) {
        let Some(on_event) = self.config.on_event else {
            return;
        };
        let count = self.outgoing.lock().begin_waiting();
        if count == 0 {
            return;
        }
        let _told = Told(self);
        for _ in 0..count {
            if self.directory.lock().over {
                return;
            }
            let Some(event) = self.outgoing.lock().next() else {
                return;
            };
            hand_over(on_event, self.config.user, &event);
        }
    }
}

/// A thread is telling events until this is dropped.
struct Told<'a>(&'a Engine);

impl Drop for Told<'_> {
    fn drop(&mut self) {
        let mut outgoing = self.0.outgoing.lock();
        outgoing.told();
        if outgoing.waits() {
            self.0.teller.wake(); // where the host serves, it has no thread, and the next turn is the host's
        }
        drop(outgoing);
        self.0.changed.notify_all();
    }
}

fn hand_over(
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
        kind: event.what as u32,
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
