//! The C ABI as safe Rust: each handle is a value that gives the handle back when it is dropped.

use super::{
    abi::*,
    event::{Event, Log, Then, on_event, text},
    signal::Format,
};
use std::{
    ffi::CString,
    marker::PhantomData,
    ptr,
    sync::atomic::{AtomicU64, Ordering::SeqCst},
};

/// A call that failed: its status, and the sentence that goes with it.
#[derive(Debug, Clone, PartialEq)]
pub struct Refused {
    pub status: coach_status_t,
    pub message: String,
}

/// What a control call returns.
pub type Done<T = ()> = Result<T, Refused>;

fn done(status: coach_status_t) -> Done {
    if status == COACH_OK {
        return Ok(());
    }
    // SAFETY: takes nothing; the text lasts until this thread's next control call, and is copied before that.
    let message = text(unsafe { coach().coach_last_error() }).expect("coach_last_error is never null");
    Err(Refused { status, message })
}

fn c(text: &str) -> CString {
    CString::new(text).expect("tests pass text without NUL")
}

/// An engine, and the log of its events.
pub struct Engine {
    pub handle: coach_engine_t,
    /// What time it is, in nanoseconds, where the test is the engine's clock.
    now: Option<AtomicU64>,
    // A box: the engine holds its address.
    log: Box<Log>,
}

impl Engine {
    /// The usual one: a guard of 200 ms, and the test does the service, so that everything is deterministic.
    pub fn new() -> Self {
        Self::with_guard(200)
    }

    /// One with another opening guard.
    pub fn with_guard(guard_ms: u32) -> Self {
        Self::configured(COACH_ENGINE_HOST_SERVICE | COACH_ENGINE_HOST_CLOCK, guard_ms, None)
    }

    /// The usual one, which tells no events: each has a list of who hears its member, which is long in a large room.
    pub fn without_events() -> Self {
        Self::made(COACH_ENGINE_HOST_SERVICE | COACH_ENGINE_HOST_CLOCK, 200, None, None)
    }

    /// One with everything chosen.
    pub fn configured(flags: u32, guard_ms: u32, then: Option<Then>) -> Self {
        Self::made(flags, guard_ms, Some(on_event), then)
    }

    fn made(flags: u32, guard_ms: u32, on_event: coach_event_fn, then: Option<Then>) -> Self {
        let log = Box::new(Log { then, ..Log::default() });
        let config = coach_engine_config {
            size: size_of::<coach_engine_config>() as u32,
            flags,
            guard_ms,
            reserved: 0,
            on_event,
            user: ptr::from_ref(&*log).cast_mut().cast(),
        };
        let mut handle = 0;
        // SAFETY: both pointers are to live values of the right type, and `log` outlives the engine (see Drop).
        done(unsafe { coach().coach_engine_create(COACH_ABI_VERSION, &config, &mut handle) })
            .expect("an engine with a sound configuration is made");
        let now = (flags & COACH_ENGINE_HOST_CLOCK != 0).then(AtomicU64::default);
        let engine = Self { handle, now, log };
        engine.advance(0);
        engine
    }

    /// So much later; nothing where the engine goes by its own clock.
    pub fn advance(&self, ns: u64) {
        if let Some(now) = &self.now {
            self.set_clock(now.fetch_add(ns, SeqCst) + ns).expect("an engine without a clock takes one");
        }
    }

    /// What time it is, in nanoseconds.
    pub fn set_clock(&self, now: u64) -> Done {
        // SAFETY: takes numbers.
        done(unsafe { coach().coach_engine_clock(self.handle, now) })
    }

    /// A host-mixed room.
    pub fn host_room(&self, name: &str) -> Room<'_> {
        self.open_room(name, None).expect("a host-mixed room with a new name opens")
    }

    /// An engine-mixed room that the test ticks.
    pub fn engine_room(&self, name: &str, format: Format, tick_ms: u32) -> Room<'_> {
        let config = coach_room_config {
            size: size_of::<coach_room_config>() as u32,
            mixer: COACH_MIXER_ENGINE,
            rate: format.rate,
            channels: format.channels,
            tick_ms,
            clock: COACH_CLOCK_HOST,
            ..Default::default()
        };
        self.open_room(name, Some(config)).expect("an engine-mixed room with a new name opens")
    }

    /// Any room.
    pub fn open_room(&self, name: &str, config: Option<coach_room_config>) -> Done<Room<'_>> {
        let (name, mut handle) = (c(name), 0);
        let config = config.as_ref().map_or(ptr::null(), ptr::from_ref);
        // SAFETY: every pointer is null where that is allowed, or to a live value of the right type.
        done(unsafe { coach().coach_room_open(self.handle, name.as_ptr(), config, &mut handle) })?;
        Ok(Room { _engine: PhantomData, handle })
    }

    /// A member with this call id, tags and speakOnlyTo, outside any room, starting the conference when it enters.
    pub fn attach(&self, call_id: &str, tags: &str, speak_only_to: Option<&str>) -> Member<'_> {
        let new = NewMember { call_id, tags, speak_only_to, flags: COACH_MEMBER_STARTS };
        self.attach_as(&new).expect("a member with a new call id is attached")
    }

    /// Members 1 and 2 of `room`: a coach, and the agent that alone hears it.
    pub fn coach_and_agent(&self, room: &Room) -> (Member<'_>, Member<'_>) {
        let (coach, agent) = (self.attach("coach", "", Some("agent")), self.attach("agent", "agent", None));
        coach.join(room, 1).expect("enters");
        agent.join(room, 2).expect("enters");
        (coach, agent)
    }

    /// Any member.
    pub fn attach_as(&self, new: &NewMember) -> Done<Member<'_>> {
        let (call_id, tags, speak_only_to) = (c(new.call_id), c(new.tags), new.speak_only_to.map(c));
        let config = coach_member_config {
            size: size_of::<coach_member_config>() as u32,
            flags: new.flags,
            call_id: call_id.as_ptr(),
            tags: tags.as_ptr(),
            speak_only_to: speak_only_to.as_ref().map_or(ptr::null(), |text| text.as_ptr()),
            ..Default::default()
        };
        let mut handle = 0;
        // SAFETY: every pointer is null where that is allowed, or to a live value of the right type.
        done(unsafe { coach().coach_member_attach(self.handle, &config, &mut handle) })?;
        Ok(Member { engine: self, handle })
    }

    /// Runs a command and returns its reply.
    pub fn command(&self, command: &str) -> String {
        let (command, mut reply) = (c(command), ptr::null_mut());
        // SAFETY: the command is a live C string, the reply a live pointer that is written on success.
        let status = unsafe { coach().coach_command(self.handle, command.as_ptr(), &mut reply) };
        done(status).expect("a command is answered, whatever it says");
        take(reply)
    }

    /// The state of one room, or of all.
    pub fn state(&self, room: Option<&str>) -> Done<serde_json::Value> {
        let (room, mut json) = (room.map(c), ptr::null_mut());
        let name = room.as_ref().map_or(ptr::null(), |name| name.as_ptr());
        // SAFETY: the name is null or a live C string, the output a live pointer that is written on success.
        done(unsafe { coach().coach_state_json(self.handle, name, &mut json) })?;
        Ok(serde_json::from_str(&take(json)).expect("the state is JSON"))
    }

    /// The counters.
    pub fn stats(&self) -> coach_stats {
        // SAFETY: a struct of numbers, for which zeros are values.
        let mut stats: coach_stats = unsafe { std::mem::zeroed() };
        stats.size = size_of::<coach_stats>() as u32;
        // SAFETY: `stats` is live and says its own size.
        done(unsafe { coach().coach_engine_stats(self.handle, &mut stats) }).expect("a live engine tells its counters");
        stats
    }

    /// Prepares conversions and frees what is left over, as Coach's own thread would.
    pub fn service(&self) {
        // SAFETY: takes a number.
        done(unsafe { coach().coach_engine_service(self.handle) }).expect("a live engine is served");
    }

    /// How many events there are for the next call of [`Engine::events`].
    pub fn events_so_far(&self) -> usize {
        self.log.seen.lock().unwrap().len()
    }

    /// The events since the last call of this.
    pub fn events(&self) -> Vec<Event> {
        std::mem::take(&mut self.log.seen.lock().unwrap())
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // SAFETY: takes a number. No callback runs once it has returned, so that the log may go.
        let status = unsafe { coach().coach_engine_destroy(self.handle) };
        // A callback that could still come would write to freed memory: better no end of the test than that.
        if status != COACH_OK {
            eprintln!("coach_engine_destroy returned {status}, it should be 0");
            std::process::abort();
        }
    }
}

fn take(text_of_coach: *mut std::ffi::c_char) -> String {
    let copy = text(text_of_coach).expect("a reply is never null");
    // SAFETY: the text came from Coach and is given back once.
    unsafe { coach().coach_string_free(text_of_coach) };
    copy
}

/// What a member begins with.
#[derive(Debug, Clone)]
pub struct NewMember<'t> {
    pub call_id: &'t str,
    pub tags: &'t str,
    pub speak_only_to: Option<&'t str>,
    pub flags: u32,
}

/// An open room; it closes when dropped.
pub struct Room<'e> {
    /// It cannot outlive it.
    _engine: PhantomData<&'e Engine>,
    pub handle: coach_room_t,
}

impl Room<'_> {
    /// Sums an engine-mixed room.
    pub fn tick(&self) {
        // SAFETY: takes a number.
        let status = unsafe { coach().coach_room_tick(self.handle) };
        assert_eq!(status, COACH_OK, "a live engine-mixed room on the host's clock ticks");
    }

    /// Closes it now.
    pub fn shut(&self) {
        // SAFETY: takes a number.
        done(unsafe { coach().coach_room_close(self.handle) }).expect("an open room closes");
    }
}

impl Drop for Room<'_> {
    fn drop(&mut self) {
        // SAFETY: takes a number; an engine that is gone has made it stale, which is refused.
        unsafe { coach().coach_room_close(self.handle) };
    }
}

/// An attached member; it is detached when dropped.
pub struct Member<'e> {
    engine: &'e Engine,
    pub handle: coach_member_t,
}

impl Member<'_> {
    pub fn join(&self, room: &Room, number: u32) -> Done {
        // SAFETY: takes numbers.
        done(unsafe { coach().coach_member_join(self.handle, room.handle, number) })
    }

    pub fn leave(&self) -> Done {
        // SAFETY: takes a number.
        done(unsafe { coach().coach_member_leave(self.handle) })
    }

    pub fn bypass(&self, on: bool) -> Done {
        // SAFETY: takes numbers.
        done(unsafe { coach().coach_member_bypass(self.handle, on.into()) })
    }

    pub fn tag(&self, tags: &str) -> Done {
        let tags = c(tags);
        // SAFETY: a live C string.
        done(unsafe { coach().coach_tag(self.handle, tags.as_ptr()) })
    }

    pub fn untag(&self) -> Done {
        // SAFETY: takes a number.
        done(unsafe { coach().coach_untag(self.handle) })
    }

    pub fn transferred(&self) -> Done {
        // SAFETY: takes a number.
        done(unsafe { coach().coach_member_transferred(self.handle) })
    }

    pub fn coach(&self, speak_only_to: &str) -> Done {
        let tags = c(speak_only_to);
        // SAFETY: a live C string.
        done(unsafe { coach().coach_coach(self.handle, tags.as_ptr()) })
    }

    pub fn uncoach(&self) -> Done {
        // SAFETY: takes a number.
        done(unsafe { coach().coach_uncoach(self.handle) })
    }

    pub fn mute(&self, on: bool) -> Done {
        // SAFETY: takes numbers.
        done(unsafe { coach().coach_member_mute(self.handle, on.into()) })
    }

    pub fn deaf(&self, on: bool) -> Done {
        // SAFETY: takes numbers.
        done(unsafe { coach().coach_member_deaf(self.handle, on.into()) })
    }

    pub fn hold(&self, on: bool) -> Done {
        // SAFETY: takes numbers.
        done(unsafe { coach().coach_member_hold(self.handle, on.into()) })
    }

    /// Runs a command about it and returns its reply.
    pub fn command(&self, command: &str) -> Done<String> {
        let (command, mut reply) = (c(command), ptr::null_mut());
        // SAFETY: the command is a live C string, the reply a live pointer that is written on success.
        done(unsafe { coach().coach_member_command(self.handle, command.as_ptr(), &mut reply) })?;
        Ok(take(reply))
    }

    /// How it is now.
    pub fn info(&self) -> Done<coach_member_info> {
        let mut info = coach_member_info { size: size_of::<coach_member_info>() as u32, ..Default::default() };
        // SAFETY: `info` is live and says its own size.
        done(unsafe { coach().coach_member_info(self.handle, &mut info) })?;
        Ok(info)
    }

    /// Ends it now.
    pub fn detach(&self) {
        // SAFETY: takes a number.
        done(unsafe { coach().coach_member_detach(self.handle) }).expect("an attached member is detached");
    }

    /// One frame that it said; what is left in `frame` is for the host's mixer. The clock goes on by its length: where several members
    /// speak, faster than it should, so that guards end by the speaker's own audio. Tests of the clock itself call [`Member::read_at`].
    pub fn read(&self, format: Format, frame: &mut [i16]) -> coach_status_t {
        let samples = format.samples_in(frame);
        self.engine.advance((u64::from(samples) * 1_000_000_000).checked_div(format.rate.into()).unwrap_or(0));
        // SAFETY: `frame` holds `samples` samples of `channels` channels.
        unsafe { coach().coach_read(self.handle, frame.as_mut_ptr(), format.rate, format.channels, samples) }
    }

    /// One frame that it said, with what is known of its time; the clock stands still.
    pub fn read_at(&self, format: Format, frame: &mut [i16], time: Option<&coach_media_time>) -> coach_status_t {
        let samples = format.samples_in(frame);
        let time = time.map_or(ptr::null(), ptr::from_ref);
        // SAFETY: `frame` holds `samples` samples of `channels` channels; `time` is null or a live struct.
        unsafe { coach().coach_read_at(self.handle, frame.as_mut_ptr(), format.rate, format.channels, samples, time) }
    }

    /// One frame that it is about to hear.
    pub fn write(&self, format: Format, frame: &mut [i16]) -> coach_status_t {
        let samples = format.samples_in(frame);
        // SAFETY: `frame` holds `samples` samples of `channels` channels.
        unsafe { coach().coach_write(self.handle, frame.as_mut_ptr(), format.rate, format.channels, samples) }
    }
}

impl Drop for Member<'_> {
    fn drop(&mut self) {
        // SAFETY: takes a number; one that is stale already is refused.
        unsafe { coach().coach_member_detach(self.handle) };
    }
}
