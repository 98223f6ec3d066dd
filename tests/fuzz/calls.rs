//! Any text as a schedule of ABI calls, held against a model of who may hear whom. Open speech is silence here, and private
//! speech is loud: so whatever is not silent where the model hears nothing has leaked.
//!
//! A schedule is letters with digits after them, so that a failing one can be read. `m` is a place for a member (0 to 5),
//! `r` a room (even: host-mixed, odd: engine-mixed), other digits choose from the lists below:
//!
//!   A m kind   attach        J m r      join       L m      leave      D m        detach
//!   T m tags   tag           U m        untag      C m tags coach      O m        uncoach
//!   M m on     mute          F m on     deaf       H m on   hold       P m on     pass through
//!   R m format read hook     W m format write hook K r      tick       S          service
//!   X r        close or open a room     Q          state    N m what   nonsense

use crate::{
    abi::*,
    model::{GUARD_MS, Member, Model, PLACES},
};
use std::{
    collections::HashMap,
    ffi::{CStr, c_void},
    ptr,
};

const TAGS: [&CStr; 10] =
    [c"agent", c"night", c"agent,night", c"boss", c"agent", c"", c"a b", c"agent,,night", c"-", c"\xff"];
const ROOMS: [&CStr; 2] = [c"hall", c"mix"];
const CALL_IDS: [&CStr; PLACES] = [c"call-0", c"call-1", c"call-2", c"call-3", c"call-4", c"call-5"];

/// Flags, tags and speakOnlyTo of the kinds of member that `A` makes.
const KINDS: [(u32, Option<&CStr>, Option<&CStr>); 10] = [
    (COACH_MEMBER_STARTS, None, None),
    (COACH_MEMBER_STARTS, Some(c"agent"), None),
    (COACH_MEMBER_STARTS, None, Some(c"agent")),
    (COACH_MEMBER_STARTS, Some(c"night"), Some(c"agent,night")),
    (COACH_MEMBER_STARTS, None, Some(c"-")),
    (COACH_MEMBER_STARTS, None, Some(c"not a tag")),
    (COACH_MEMBER_STARTS | COACH_MEMBER_MUTED, None, Some(c"agent")),
    (COACH_MEMBER_STARTS | COACH_MEMBER_DEAF, Some(c"agent"), None),
    (COACH_MEMBER_ENDS, Some(c"agent"), None),
    (COACH_MEMBER_STARTS, Some(c"a,,b"), None),
];

/// Rate, channels, samples a channel; the last three are not for Coach.
const FORMATS: [(u32, u32, u32); 10] = [
    (8_000, 1, 160),
    (8_000, 1, 160),
    (16_000, 1, 320),
    (48_000, 1, 480),
    (44_100, 2, 882),
    (12_000, 1, 720),
    (8_000, 1, 37),
    (7_350, 1, 147),
    (44_000, 3, 880),
    (8_000, 1, 481),
];
const GOOD_FORMATS: usize = 7;

struct Player {
    engine: coach_engine_t,
    rooms: [coach_room_t; 2],
    handles: [coach_member_t; PLACES],
    /// A member that is no more.
    stale: coach_member_t,
    now_ns: u64,
    model: Model,
}

pub fn play(data: &[u8]) {
    let mut sequences = Sequences::new();
    let mut player = Player::new(&mut sequences);
    let mut bytes = data.iter().copied().filter(|b| !b.is_ascii_whitespace()).take(1_200);
    while let Some(call) = bytes.next() {
        player.step(call, &mut || usize::from(bytes.next().unwrap_or(b'0') & 15));
    }
    player.end();
}

impl Player {
    fn new(sequences: &mut Sequences) -> Self {
        let config = coach_engine_config_t {
            size: size_of::<coach_engine_config_t>() as u32,
            flags: COACH_ENGINE_HOST_SERVICE | COACH_ENGINE_HOST_CLOCK,
            guard_ms: GUARD_MS,
            reserved: 0,
            on_event: Some(on_event),
            user: ptr::from_mut(sequences).cast(),
        };
        let mut engine = 0;
        // SAFETY: the pointers are to values that outlive the call, `user` to one that outlives the engine.
        done(unsafe { coach_engine_create(COACH_ABI_VERSION, &config, &mut engine) });
        let mut player =
            Self { engine, rooms: [0; 2], handles: [0; PLACES], stale: 0, now_ns: 0, model: Model::default() };
        player.open(0);
        player.open(1);
        player
    }

    fn step(&mut self, call: u8, digit: &mut dyn FnMut() -> usize) {
        match call {
            b'A' => self.attach(digit() % PLACES, digit() % KINDS.len()),
            b'J' => self.join(digit() % PLACES, digit() % 2),
            b'X' => self.close_or_open(digit() % 2),
            b'R' => self.read(digit() % PLACES, digit() % FORMATS.len()),
            b'W' => self.write(digit() % PLACES, digit() % FORMATS.len()),
            b'K' => self.tick(digit() % 2),
            // SAFETY: any number may be passed as a handle.
            b'S' => done(unsafe { coach_engine_service(self.engine) }),
            b'Q' => self.read_state(),
            b'N' => self.nonsense(digit() % PLACES, digit()),
            b'L' | b'D' | b'T' | b'U' | b'E' | b'C' | b'O' | b'M' | b'F' | b'H' | b'P' => {
                let before = self.model.audiences();
                let place = digit() % PLACES;
                self.control(call, place, digit);
                if matches!(call, b'T' | b'C') {
                    self.model.widened(before);
                }
                self.model.changed();
            }
            _ => {}
        }
    }

    fn attach(&mut self, place: usize, kind: usize) {
        let (flags, tags, speak_only_to) = KINDS[kind];
        let config = coach_member_config_t {
            size: size_of::<coach_member_config_t>() as u32,
            flags,
            call_id: CALL_IDS[place].as_ptr(),
            tags: tags.map_or(ptr::null(), CStr::as_ptr),
            speak_only_to: speak_only_to.map_or(ptr::null(), CStr::as_ptr),
            ..Default::default()
        };
        let mut member = 0;
        // SAFETY: the texts end in NUL, the pointers are to values that outlive the call.
        let status = check(unsafe { coach_member_attach(self.engine, &config, &mut member) });
        if self.model.members[place].is_some() {
            assert!(status < 0 && member == 0, "a call id in use should be refused");
        } else if status == COACH_OK {
            self.handles[place] = member;
            self.model.members[place] = Some(Member {
                tags: words(tags.unwrap_or_default()),
                only_to: speak_only_to.map(words),
                muted: flags & COACH_MEMBER_MUTED != 0,
                deaf: flags & COACH_MEMBER_DEAF != 0,
                ends: flags & COACH_MEMBER_ENDS != 0,
                ..Member::default()
            });
        } else {
            assert_eq!(status, COACH_ERR_TAG, "only tags that break the rules should be refused");
        }
    }

    fn join(&mut self, place: usize, room: usize) {
        // SAFETY: any number may be passed as a handle.
        let status = check(unsafe { coach_member_join(self.handles[place], self.rooms[room], place as u32 + 1) });
        if status == COACH_OK {
            self.model.joined(place, room);
            self.model.guard_is_over(place);
            self.model.changed();
        }
    }

    fn control(&mut self, call: u8, place: usize, digit: &mut dyn FnMut() -> usize) {
        let handle = self.handles[place];
        let choice = match call {
            b'T' | b'C' | b'M' | b'F' | b'H' | b'P' => digit(),
            _ => 0,
        };
        let tags = TAGS[choice % TAGS.len()];
        let on = (choice % 2) as i32;
        if call == b'O' {
            self.model.guard_begins(place);
        }
        // SAFETY: the texts end in NUL; any number may be passed as a handle.
        let status = check(unsafe {
            match call {
                b'L' => coach_member_leave(handle),
                b'D' => coach_member_detach(handle),
                b'T' => coach_tag(handle, tags.as_ptr()),
                b'U' => coach_untag(handle),
                b'E' => coach_member_transferred(handle),
                b'C' => coach_coach(handle, tags.as_ptr()),
                b'O' => coach_uncoach(handle),
                b'M' => coach_member_mute(handle, on),
                b'F' => coach_member_deaf(handle, on),
                b'H' => coach_member_hold(handle, on),
                _ => coach_member_bypass(handle, on),
            }
        });
        let Some(member) = &mut self.model.members[place] else {
            assert_eq!(status, COACH_ERR_HANDLE, "a member that is no more should be refused");
            return;
        };
        if status != COACH_OK {
            return;
        }
        match call {
            b'L' | b'D' => {
                let ended = member.room.filter(|room| *room == 1 && member.ends);
                self.model.leave(&[place]);
                if call == b'D' {
                    self.stale = handle;
                    self.model.gone(place);
                }
                if let Some(room) = ended {
                    self.model.end(room);
                }
            }
            b'T' => member.tags = words(tags),
            b'U' | b'E' => member.tags.clear(),
            b'C' => member.only_to = Some(words(tags)),
            b'O' => member.only_to = None,
            b'M' => member.muted = on == 1,
            b'F' => member.deaf = on == 1,
            b'H' => member.held = on == 1,
            _ => member.pass = on == 1,
        }
        if !matches!(call, b'O' | b'T' | b'U' | b'E') {
            self.model.guard_is_over(place);
        }
    }

    fn read(&mut self, place: usize, format: usize) {
        let (rate, channels, samples) = FORMATS[format];
        let us = (u64::from(samples) * 1_000_000 / u64::from(rate)) as u32;
        let private = self.model.speaks_privately(place, us);
        let mut frame = vec![if private { 9_000 } else { 0 }; (samples * channels) as usize];
        // Guards end by the speaker's own audio: a second passes before each frame. Every other one has a stamp.
        self.now_ns += 1_000_000_000;
        let time = coach_media_time_t {
            size: size_of::<coach_media_time_t>() as u32,
            flags: 0,
            stamp: self.now_ns,
            clock_rate: 1_000_000_000,
            reserved: 0,
        };
        let time = if self.now_ns.is_multiple_of(2_000_000_000) { &raw const time } else { ptr::null() };
        let handle = self.handles[place];
        // SAFETY: the frame holds as many samples as the call says, and the time outlives the call.
        let status = check(unsafe {
            done(coach_engine_clock(self.engine, self.now_ns));
            coach_read_at(handle, frame.as_mut_ptr(), rate, channels, samples, time)
        });
        let Some(member) = &self.model.members[place] else {
            assert_eq!(status, COACH_ERR_HANDLE, "a hook of a member that is no more should be refused");
            assert!(is_silence(&frame), "a frame that was refused should be silent");
            return;
        };
        assert!(is_silence(&frame), "what everyone hears should not hold private speech");
        let refused = if format < GOOD_FORMATS { 0 } else { COACH_ERR_FORMAT };
        let passed = member.pass && status == COACH_OK;
        assert!(passed || status.min(0) == refused, "{:?} should get {refused}, not {status}", FORMATS[format]);
        if private && status >= 0 {
            self.model.captured(place, us);
        }
        self.model.time_passed(place, us);
    }

    fn write(&mut self, place: usize, format: usize) {
        let (rate, channels, samples) = FORMATS[format];
        let us = (u64::from(samples) * 1_000_000 / u64::from(rate)) as u32;
        let mixed = self.model.members[place].as_ref().is_some_and(|m| m.room == Some(1) && !m.pass);
        // An engine-mixed frame is replaced: what it held must not come through.
        let mut frame = vec![if mixed { 1_234 } else { 0 }; (samples * channels) as usize];
        // SAFETY: the frame holds as many samples as the call says.
        let status = check(unsafe { coach_write(self.handles[place], frame.as_mut_ptr(), rate, channels, samples) });
        if status < 0 {
            assert!(is_silence(&frame), "a frame that was refused should be silent");
            return;
        }
        let audible_us = self.model.audible_us(place, us);
        let audible = (u64::from(audible_us) * u64::from(rate)).div_ceil(1_000_000) as usize * channels as usize;
        let rest = frame.get(audible..).unwrap_or_default();
        assert!(is_silence(rest), "this member should hear nothing after sample {audible}: {rest:?}");
    }

    fn tick(&mut self, room: usize) {
        // SAFETY: any number may be passed as a handle.
        let status = check(unsafe { coach_room_tick(self.rooms[room]) });
        assert!(room == 1 || status < 0, "a room that the host mixes has no tick");
    }

    fn open(&mut self, room: usize) {
        let size = size_of::<coach_room_config_t>() as u32;
        let (mixer, rate, channels, tick_ms) = [(COACH_MIXER_HOST, 0, 0, 0), (COACH_MIXER_ENGINE, 16_000, 1, 20)][room];
        let config =
            coach_room_config_t { size, mixer, rate, channels, tick_ms, clock: COACH_CLOCK_HOST, ..Default::default() };
        // SAFETY: the text ends in NUL, the pointers are to values that outlive the call.
        done(unsafe { coach_room_open(self.engine, ROOMS[room].as_ptr(), &config, &mut self.rooms[room]) });
    }

    fn close_or_open(&mut self, room: usize) {
        // SAFETY: any number may be passed as a handle.
        if check(unsafe { coach_room_close(self.rooms[room]) }) != COACH_OK {
            self.open(room);
            return;
        }
        self.model.end(room);
        (0..PLACES).for_each(|place| self.model.guard_is_over(place));
        self.model.changed();
    }

    /// The state is JSON at all times, and says of no private speaker that more members hear it than may.
    fn read_state(&self) {
        for room in json(&state(self.engine))["rooms"].as_array().expect("rooms should be listed") {
            for member in room["members"].as_array().expect("members should be listed") {
                let place = |number: &serde_json::Value| number.as_u64().expect("a number") as usize - 1;
                if member["speak_only_to"].is_null() {
                    continue;
                }
                for listener in member["heard_by"].as_array().expect("listeners should be listed") {
                    let (speaker, listener) = (place(&member["number"]), place(listener));
                    assert!(self.model.may_hear(speaker, listener), "{listener} should not hear {speaker}: {member}");
                }
            }
        }
    }

    /// Calls that cannot be right.
    fn nonsense(&mut self, place: usize, what: usize) {
        let handle = self.handles[place];
        let mut frame = [7_i16; 160];
        // SAFETY: a frame that is not null holds as many samples as the call says, or the call says what is not a frame;
        // any number may be passed as a handle.
        let status = check(unsafe {
            match what {
                0 if place == 0 => {
                    let none: coach_media_time_t = std::mem::zeroed();
                    coach_read_at(handle, frame.as_mut_ptr(), 8_000, 1, 160, &none)
                }
                0 => coach_read(self.stale, frame.as_mut_ptr(), 8_000, 1, 160),
                1 => coach_write(self.stale, frame.as_mut_ptr(), 8_000, 1, 160),
                2 => coach_read(handle ^ (1 << place), frame.as_mut_ptr(), 8_000, 1, 160),
                3 => coach_write(self.engine, frame.as_mut_ptr(), 8_000, 1, 160),
                4 => coach_read(self.rooms[0], frame.as_mut_ptr(), 8_000, 1, 160),
                5 => coach_read(handle, ptr::null_mut(), 8_000, 1, 160),
                6 => coach_write(handle, ptr::null_mut(), 8_000, 1, 160),
                7 => coach_room_tick(handle),
                8 => coach_member_join(self.rooms[1], handle, 1),
                9 => coach_tag(handle, ptr::null()),
                10 => coach_coach(handle, ptr::null()),
                11 => coach_member_hold(handle, 2),
                12 => coach_engine_destroy(handle),
                13 => coach_room_close(self.engine),
                14 => coach_command(self.engine, ptr::null(), ptr::null_mut()),
                _ => coach_member_attach(self.engine, ptr::null(), ptr::null_mut()),
            }
        });
        // A leg that passes through, and a null frame in it, is nobody's mistake.
        let passes = self.model.members[place].as_ref().is_some_and(|m| m.pass);
        assert!(
            status < 0 || (passes && matches!(what, 5 | 6)),
            "nonsense {what} should be refused, not return {status}"
        );
        if what <= 4 {
            assert!(is_silence(&frame), "a frame that was refused should be silent");
        }
    }

    fn end(self) {
        let mut frame = [7_i16; 160];
        // SAFETY: any number may be passed as a handle; the frame holds as many samples as the call says.
        unsafe {
            done(coach_engine_destroy(self.engine));
            let status = coach_read(self.handles[0], frame.as_mut_ptr(), 8_000, 1, 160);
            assert_eq!(status, COACH_ERR_HANDLE, "members should end with their engine");
        }
        assert!(is_silence(&frame), "a frame that was refused should be silent");
    }
}

fn words(tags: &CStr) -> Vec<String> {
    let valid = |tag: &&str| !tag.is_empty() && !tag.contains(' ') && *tag != "-";
    tags.to_string_lossy().split(',').filter(valid).map(str::to_owned).collect()
}

fn is_silence(frame: &[i16]) -> bool {
    frame.iter().all(|sample| *sample == 0)
}

/// The last event number of each room.
type Sequences = HashMap<coach_room_t, u64>;

/// Events are numbered without a gap, and their texts are there.
unsafe extern "C" fn on_event(user: *mut c_void, event: *const coach_event_t) {
    // SAFETY: the library hands over the pointer that it was given, and an event that lasts until this returns.
    let (sequences, event) = unsafe { (&mut *user.cast::<Sequences>(), &*event) };
    assert_eq!(event.size as usize, size_of::<coach_event_t>(), "an event should know its size");
    for text in [event.room_name, event.call_id, event.tags, event.heard_by, event.text] {
        assert!(!text.is_null(), "texts of an event should be there");
        // SAFETY: it is a text that lasts until this returns.
        unsafe { CStr::from_ptr(text) }.to_str().expect("texts should be UTF-8");
    }
    if event.room == 0 {
        assert_eq!(event.sequence, 0, "outside rooms, events have no number");
        return;
    }
    let last = sequences.entry(event.room).or_default();
    assert_eq!(event.sequence, *last + 1, "events of a room should be numbered in order");
    *last = event.sequence;
}
