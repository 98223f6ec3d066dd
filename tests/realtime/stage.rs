//! Two rooms, one of each mixer, whose members' hooks are played in one thread while control calls change all there is to
//! change: tags, privacy, mute, deaf, hold, members that come and go, rates and frame sizes.

use std::{
    ffi::{CStr, CString},
    ptr,
    sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
    thread,
    time::Duration,
};

#[allow(missing_docs, dead_code, non_camel_case_types, clippy::undocumented_unsafe_blocks)]
pub mod abi {
    include!(concat!(env!("OUT_DIR"), "/abi.rs"));
}
use abi::*;
// The functions declared above are this crate's.
use coach as _;

const SEATS: usize = 8;
/// Of the engine-mixed room.
const MIX_RATE: u32 = 16_000;

/// Rate, channels, ms.
const FORMATS: [(u32, u32, u32); 8] = [
    (8_000, 1, 20),
    (8_000, 1, 10),
    (16_000, 1, 20),
    (48_000, 1, 20),
    (44_100, 2, 20),
    (24_000, 1, 30),
    (32_000, 2, 60),
    (12_000, 1, 40),
];
const LARGEST: usize = 48 * 60 * 2;

pub struct Stage {
    engine: coach_engine_t,
    rooms: [coach_room_t; 2],
    /// Who sits there now. Seats of the host-mixed room first.
    seats: [AtomicU64; 2 * SEATS],
    members_made: AtomicU64,
    closed: AtomicBool,
}

struct Close<'a>(&'a AtomicBool);

impl Drop for Close<'_> {
    fn drop(&mut self) {
        self.0.store(true, SeqCst);
    }
}

/// What hooks returned.
#[derive(Debug, Default)]
pub struct Seen {
    pub left: u64,
    pub changed: u64,
    pub taken: u64,
    pub gone: u64,
}

impl Stage {
    pub fn open() -> Self {
        let config = coach_engine_config_t {
            size: size_of::<coach_engine_config_t>() as u32,
            flags: COACH_ENGINE_HOST_SERVICE | COACH_ENGINE_MODE_SOUNDS,
            guard_ms: 20,
            reserved: 0,
            on_event: None,
            user: ptr::null_mut(),
        };
        let mut engine = 0;
        // SAFETY: both pointers are to values that outlive the call.
        done(unsafe { coach_engine_create(COACH_ABI_VERSION, &config, &mut engine) });
        let rooms = [(c"hall", COACH_MIXER_HOST, 0, 0, 0), (c"mix", COACH_MIXER_ENGINE, MIX_RATE, 1, 20)].map(
            |(name, mixer, rate, channels, tick_ms)| {
                let size = size_of::<coach_room_config_t>() as u32;
                let config = coach_room_config_t {
                    size,
                    mixer,
                    rate,
                    channels,
                    tick_ms,
                    clock: COACH_CLOCK_HOST,
                    ..Default::default()
                };
                let mut room = 0;
                // SAFETY: the text ends in NUL, the pointers are to values that outlive the call.
                done(unsafe { coach_room_open(engine, name.as_ptr(), &config, &mut room) });
                room
            },
        );
        let stage = Self {
            engine,
            rooms,
            seats: Default::default(),
            members_made: AtomicU64::new(0),
            closed: AtomicBool::new(false),
        };
        for seat in 0..stage.seats.len() {
            // Two agents, two private speakers and four open ones in each room.
            stage.come(seat, (seat % 4 == 1).then_some(c"agent"));
            if seat % 4 == 2 {
                stage.tag(seat, c"agent");
            }
        }
        stage
    }

    /// Plays `calls` hooks and ticks, each run by `watch`, with formats that change now and then. When they end, however they
    /// end, control calls do too.
    pub fn play(
        &self,
        calls: usize,
        mut watch: impl FnMut(&mut dyn FnMut() -> coach_status_t) -> coach_status_t,
    ) -> Seen {
        let _close = Close(&self.closed);
        let mut chance = Chance(0x5eed);
        let mut seen = Seen::default();
        let mut formats = [FORMATS[0]; 2 * SEATS];
        let mut frame = [0_i16; LARGEST];
        let (mut made, mut said) = (0, 0);
        let mut call = |hook: &mut dyn FnMut() -> coach_status_t| {
            made += 1;
            let status = watch(hook);
            match status {
                COACH_OK => seen.left += 1,
                COACH_CHANGED => seen.changed += 1,
                COACH_SILENCED => seen.taken += 1,
                COACH_ERR_HANDLE => seen.gone += 1,
                other => panic!("a hook should succeed or meet a stale handle, not return {other}"),
            }
            made
        };
        loop {
            if chance.one_in(100) {
                formats[chance.below(2 * SEATS)] = FORMATS[chance.below(FORMATS.len())];
            }
            for (member, &(rate, channels, ms)) in self.seats.iter().zip(&formats) {
                let member = member.load(SeqCst);
                frame.iter_mut().enumerate().for_each(|(i, s)| *s = (i % 200) as i16 * 40 - 4_000);
                said += 1;
                let time = coach_media_time_t {
                    size: size_of::<coach_media_time_t>() as u32,
                    flags: if said % 7 == 0 { COACH_MEDIA_FILLER } else { 0 },
                    stamp: if said % 5 == 0 { 0 } else { said },
                    clock_rate: 1_000,
                    reserved: 0,
                };
                // SAFETY: the frame holds the largest that a format can ask for; the time outlives the call.
                call(&mut || unsafe {
                    coach_read_at(member, frame.as_mut_ptr(), rate, channels, rate * ms / 1_000, &time)
                });
            }
            // SAFETY: any number may be passed as a handle.
            call(&mut || unsafe { coach_room_tick(self.rooms[1]) });
            let mut made = 0;
            for (member, &(rate, channels, ms)) in self.seats.iter().zip(&formats) {
                let member = member.load(SeqCst);
                // SAFETY: as above.
                made =
                    call(&mut || unsafe { coach_write(member, frame.as_mut_ptr(), rate, channels, rate * ms / 1_000) });
            }
            if made >= calls {
                return seen;
            }
        }
    }

    /// Makes control calls until the hooks have played.
    pub fn control_while_playing(&self) {
        let mut chance = Chance(0xc0ac);
        while !self.closed.load(SeqCst) {
            let seat = chance.below(self.seats.len());
            let member = self.member(seat);
            let kind = chance.below(10);
            let on = i32::from(chance.one_in(4));
            // SAFETY: any number may be passed as a handle.
            unsafe {
                match kind {
                    0 => self.tag(seat, c"agent,night"),
                    1 => done(coach_untag(member)),
                    2 => self.coach(seat, c"agent"),
                    3 => self.uncoach(seat),
                    4 => done(coach_member_mute(member, on)),
                    5 => done(coach_member_deaf(member, on)),
                    6 => done(coach_member_hold(member, on)),
                    7 => done(coach_member_transferred(member)),
                    8 => {
                        done(coach_member_leave(member));
                        done(coach_member_join(member, self.rooms[seat / SEATS], seat as u32));
                    }
                    _ => self.come_again(seat, (on == 1).then_some(c"agent")),
                }
                done(coach_engine_service(self.engine));
            }
            thread::sleep(Duration::from_micros(50));
        }
    }

    pub fn command(&self, line: &CStr) {
        let mut reply = ptr::null_mut();
        // SAFETY: the text ends in NUL; the reply is read and given back once.
        unsafe {
            done(coach_command(self.engine, line.as_ptr(), &mut reply));
            assert_eq!(*reply.cast::<u8>(), b'+', "{line:?} should be carried out, but: {:?}", CStr::from_ptr(reply));
            coach_string_free(reply);
        }
    }

    pub fn stats(&self) -> coach_stats_t {
        // SAFETY: zero is a value of every field.
        let mut stats: coach_stats_t = unsafe { std::mem::zeroed() };
        stats.size = size_of::<coach_stats_t>() as u32;
        // SAFETY: the struct outlives the call.
        done(unsafe { coach_engine_stats(self.engine, &mut stats) });
        stats
    }

    fn come(&self, seat: usize, speak_only_to: Option<&CStr>) {
        let call_id = CString::new(format!("call-{}", self.members_made.fetch_add(1, SeqCst))).expect("no NUL in it");
        let config = coach_member_config_t {
            size: size_of::<coach_member_config_t>() as u32,
            flags: COACH_MEMBER_STARTS,
            call_id: call_id.as_ptr(),
            tags: ptr::null(),
            speak_only_to: speak_only_to.map_or(ptr::null(), CStr::as_ptr),
            ..Default::default()
        };
        let mut member = 0;
        // SAFETY: the texts end in NUL, the pointers are to values that outlive the calls.
        unsafe {
            done(coach_member_attach(self.engine, &config, &mut member));
            done(coach_member_join(member, self.rooms[seat / SEATS], seat as u32));
        }
        self.seats[seat].store(member, SeqCst);
    }

    fn come_again(&self, seat: usize, speak_only_to: Option<&CStr>) {
        // SAFETY: any number may be passed as a handle.
        done(unsafe { coach_member_detach(self.member(seat)) });
        self.come(seat, speak_only_to);
    }

    fn member(&self, seat: usize) -> coach_member_t {
        self.seats[seat].load(SeqCst)
    }

    fn tag(&self, seat: usize, tags: &CStr) {
        // SAFETY: the text ends in NUL; any number may be passed as a handle.
        done(unsafe { coach_tag(self.member(seat), tags.as_ptr()) });
    }

    fn coach(&self, seat: usize, speak_only_to: &CStr) {
        // SAFETY: the text ends in NUL; any number may be passed as a handle.
        done(unsafe { coach_coach(self.member(seat), speak_only_to.as_ptr()) });
    }

    fn uncoach(&self, seat: usize) {
        // SAFETY: any number may be passed as a handle.
        done(unsafe { coach_uncoach(self.member(seat)) });
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // SAFETY: any number may be passed as a handle.
        done(unsafe { coach_engine_destroy(self.engine) });
    }
}

/// A control call and its name.
pub type ControlCall = (&'static str, fn(&Stage));

/// One of each kind of control call that changes a room or walks over it.
pub const CONTROL_CALLS: [ControlCall; 6] = [
    ("coach_member_detach, _attach or _join", |stage| stage.come_again(0, Some(c"agent"))),
    ("coach_tag", |stage| stage.tag(3, c"agent,night")),
    ("coach_coach", |stage| stage.coach(4, c"agent")),
    ("coach_uncoach", |stage| stage.uncoach(4)),
    ("the command tag", |stage| stage.command(c"tag mix 11 agent")),
    ("the command show", |stage| stage.command(c"show mix")),
];

impl Seen {
    /// Fails unless the hooks met all that they were to be watched through.
    pub fn check_everything_happened(&self, stage: &Stage) {
        let stats = stage.stats();
        let met = [
            ("frames left as they were", self.left),
            ("frames changed", self.changed),
            ("frames taken", self.taken),
            ("members that had gone", self.gone),
            ("private voices delivered", stats.private_delivered),
            ("conversions waited for", stats.conversions_waited),
        ];
        for (what, times) in met {
            assert!(times > 0, "hooks should have met {what}: {self:?} {stats:?}");
        }
    }
}

/// The status of a call that has to succeed.
fn done(status: coach_status_t) {
    // SAFETY: the text ends in NUL and lasts until this thread's next control call.
    let why = || unsafe { CStr::from_ptr(coach_last_error()) };
    assert!(status >= 0, "status {status} where success was due: {:?}", why());
}

/// Numbers without a pattern, the same at every run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % limit
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }
}
