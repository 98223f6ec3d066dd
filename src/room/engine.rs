//! One engine: its state behind one lock, its events told with no lock held, its end.

use std::{
    ffi::CString,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::Arc,
    thread,
};

use super::{
    control::Control,
    engine_clock::EngineClock,
    error::{Error, Result},
    event::Event,
    registry,
    service::{Clock, Service},
};
use crate::{
    audio::{
        convert::Converter,
        slot::{Kind, unslotted},
    },
    lock::{Condvar, Mutex, MutexGuard, this_thread},
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
pub struct Engine {
    pub handle: u64,
    config: Config,
    /// By which opening guards go.
    pub clock: Arc<EngineClock>,
    control: Mutex<Control>,
    /// Signalled when the event callback has returned, or a clock has stopped.
    changed: Condvar,
    service: Service,
    /// Tells events that wait. Not the service's affair: a slow callback must not stop the clock.
    teller: Service,
    /// One at a time prepares conversions.
    preparing: Mutex<()>,
}

impl Engine {
    /// A new engine, which its handle finds.
    pub fn create(config: Config) -> Arc<Self> {
        let clock = Arc::new(EngineClock::new(config.host_clock));
        let engine = Arc::new(Self {
            handle: unslotted(Kind::Engine),
            control: Mutex::new(Control::new(
                config.guard_ms,
                config.mode_sounds,
                clock.clone(),
                config.on_event.is_some(),
            )),
            config,
            clock,
            changed: Condvar::default(),
            service: Service::default(),
            teller: Service::default(),
            preparing: Mutex::new(()),
        });
        registry::add(engine.handle, engine.clone());
        engine
    }

    /// Whether hooks are timed.
    pub fn times_hooks(&self) -> bool {
        self.config.time_hooks
    }

    /// Does something to the state, frees what it can, and tells what happened, if nothing is left to tell from before. What stops
    /// half-way in a panic is undone before anybody else can act on it.
    pub fn act<R>(self: &Arc<Self>, action: impl FnOnce(&mut Control) -> Result<R>) -> Result<R> {
        let (result, events) = {
            let mut control = self.lock()?;
            let result = catch_unwind(AssertUnwindSafe(|| action(&mut control)));
            if result.is_err() {
                control.mend();
            }
            control.retirement.sweep();
            if control.busy && !self.config.host_service {
                self.service.start("coach-service", self, Self::serve);
            }
            let events = control.events.begin_own();
            self.see_to_waiting(&control);
            (result, events)
        };
        self.tell(events);
        result.unwrap_or_else(|panic| resume_unwind(panic))
    }

    /// Has a thread of Coach's tell what waits, unless that is the host's.
    fn see_to_waiting(self: &Arc<Self>, control: &Control) {
        if control.events.waits() && !self.config.host_service {
            self.teller.start("coach-events", self, Self::tell_waiting);
        }
    }

    fn lock(&self) -> Result<MutexGuard<'_, Control>> {
        let control = self.control.lock();
        if control.over { Err(Error::handle("engine")) } else { Ok(control) }
    }

    /// Writes the clock, prepares what hooks have asked for, and frees what nobody uses any more.
    pub fn serve(self: &Arc<Self>) {
        self.clock.write();
        let _one = self.preparing.lock();
        let mailboxes: Vec<_> = {
            let Ok(mut control) = self.lock() else { return };
            control.retirement.sweep();
            if !control.bell.rang() {
                return;
            }
            control.tell_of_formats();
            control.events.wait_own();
            self.see_to_waiting(&control);
            let links =
                control.members.values().flat_map(|member| member.links.iter().map(|heard| heard.link.mailbox()));
            let hooks = control.members.values().map(|member| member.lease.get());
            let hooks = hooks.flat_map(|audio| [&audio.read.mailbox, &audio.write.mailbox]);
            links.chain(hooks).filter(|mailbox| mailbox.waits()).cloned().collect()
        };
        for mailbox in mailboxes {
            mailbox.prepare(Converter::of); // may compute a filter: without the lock
        }
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
        let Some(on_event) = self.config.on_event.filter(|_| !events.is_empty()) else { return };
        let _told = Told(self);
        for event in &events {
            if self.lock().is_err() {
                return; // it is being destroyed
            }
            hand_over(on_event, self.config.user, event);
        }
    }

    /// Tells the host the events that wait, unless another thread is telling it something.
    fn tell_waiting(self: &Arc<Self>) {
        let Some(on_event) = self.config.on_event else { return };
        let count = self.lock().map_or(0, |mut control| control.events.begin_waiting());
        if count == 0 {
            return;
        }
        let _told = Told(self);
        for _ in 0..count {
            let Some(event) = self.lock().ok().and_then(|mut control| control.events.next()) else { return };
            hand_over(on_event, self.config.user, &event);
        }
    }

    /// Stops the clock of a room that was closed; returns when it has ended.
    pub fn stop(&self, clock: Clock) {
        clock.stop();
        self.control.lock().stopping -= 1;
        self.changed.notify_all();
    }

    /// Ends it. When this returns nothing of it is running.
    pub fn destroy(self: &Arc<Self>) -> Result<()> {
        let mut control = self.lock()?;
        if control.events.telling() == Some(this_thread()) {
            let message = "the engine cannot be destroyed inside its own event callback; do it after that has returned";
            return Err(Error::new(sys::COACH_ERR_BUSY, message));
        }
        control.over = true;
        registry::remove_all(self);
        while control.events.telling().is_some() || control.stopping > 0 {
            self.changed.wait(&mut control);
        }
        let clocks: Vec<_> = control.rooms.values_mut().filter_map(|room| room.clock.take()).collect();
        // Whatever fails, the rest is done.
        let stopped = control.unlocked(|| {
            clocks.iter().for_each(Clock::ask_to_stop);
            let clocks = clocks.into_iter().map(|clock| contained(|| clock.stop()));
            let clocks = clocks.fold(Ok(()), Result::and);
            clocks.and(contained(|| self.service.stop())).and(contained(|| self.teller.stop()))
        });
        let dissolved = contained(|| control.dissolve());
        let mut swept = Ok(());
        loop {
            match contained(|| control.retirement.sweep()) {
                Ok(true) => break,
                Ok(false) => thread::yield_now(), // a hook is inside; it is short
                Err(fault) => swept = Err(fault), // what could not be freed is let go
            }
        }
        stopped.and(dissolved).and(swept)
    }
}

/// Does one part of an end.
fn contained<R>(part: impl FnOnce() -> R) -> Result<R> {
    let fault = "a fault inside Coach was contained while the engine ended: please report it";
    catch_unwind(AssertUnwindSafe(part)).map_err(|_| Error::new(sys::COACH_ERR_PANIC, fault))
}

/// A thread is telling events until this is dropped.
struct Told<'a>(&'a Engine);

impl Drop for Told<'_> {
    fn drop(&mut self) {
        self.0.control.lock().events.told();
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
    };
    // SAFETY: the host's function with the host's pointer, as coach_engine_create documents; all texts outlive the call.
    unsafe { on_event(user as *mut std::ffi::c_void, &raw const out) };
}
