//! The hooks, as a switch calls them. Every case works on frames that were filled before the clock starts, because a hook
//! uses its frame up: the read hook of a private speaker leaves zeros, a write hook adds to what is there.

use crate::host::{COACH_CHANGED, COACH_OK, COACH_SILENCED, Engine, Frame, Member, Room, SAMPLES};

/// Something whose cost is measured.
pub trait Case {
    /// How many times a run does what the case is named for.
    fn units(&self) -> usize;
    /// Before each run; not measured.
    fn prepare(&mut self) {}
    /// What is measured.
    fn run(&mut self);
    /// After each run; not measured: fails unless the run did what the case is named for.
    fn check(&mut self);
}

/// Frames that the cases of one member work on: few enough to stay in the first cache, as those of the floor do.
pub const FRAMES: usize = 64;

/// A frame of something loud enough to be told from silence, another one for each `seed`.
pub fn speech(seed: usize) -> Frame {
    std::array::from_fn(|i| ((i * 37 + seed * 101) % 801) as i16 - 400)
}

/// Host-mixed, nobody private: the read and the write hook of one member.
pub struct Untouched {
    _engine: Engine,
    member: Member,
    frames: Vec<Frame>,
    statuses: i32,
}

impl Untouched {
    pub fn new() -> Self {
        let engine = Engine::serviced_here();
        let room = engine.host_mixed("hall");
        let member = engine.member(&room, 1, "agent", None);
        engine.member(&room, 2, "", None);
        engine.member(&room, 3, "", None);
        Self { _engine: engine, member, frames: vec![speech(1); FRAMES], statuses: 0 }
    }
}

impl Case for Untouched {
    fn units(&self) -> usize {
        self.frames.len()
    }

    fn run(&mut self) {
        for frame in &mut self.frames {
            self.statuses |= self.member.read(frame) | self.member.write(frame);
        }
    }

    fn check(&mut self) {
        assert_eq!(self.statuses, COACH_OK, "hooks should leave the frames as they are");
        assert!(self.frames.iter().all(|f| *f == speech(1)), "frames should be as they were");
    }
}

/// The read hook of a private speaker.
pub struct Captured {
    _engine: Engine,
    speaker: Member,
    frames: Vec<Frame>,
    taken: usize,
}

impl Captured {
    pub fn new() -> Self {
        let engine = Engine::serviced_here();
        let room = engine.host_mixed("hall");
        let speaker = engine.member(&room, 1, "", Some("agent"));
        engine.member(&room, 2, "agent", None);
        engine.member(&room, 3, "", None);
        Self { _engine: engine, speaker, frames: vec![speech(1); FRAMES], taken: 0 }
    }
}

impl Case for Captured {
    fn units(&self) -> usize {
        self.frames.len()
    }

    fn prepare(&mut self) {
        self.taken = 0;
        self.frames.fill(speech(1));
    }

    fn run(&mut self) {
        for frame in &mut self.frames {
            self.taken += usize::from(self.speaker.read(frame) == COACH_SILENCED);
        }
    }

    fn check(&mut self) {
        assert_eq!(self.taken, self.frames.len(), "every frame should be taken");
        assert!(self.frames.iter().flatten().all(|s| *s == 0), "frames should be silent");
    }
}

/// The write hook of listeners of one private speaker: 20 ms of its speech for each of them at every run, as in a conference.
pub struct Delivered {
    engine: Engine,
    speaker: Member,
    listeners: Vec<Member>,
    frames: Vec<Vec<i16>>,
    changed: usize,
}

impl Delivered {
    /// Listeners whose legs run at `rate`; the speaker's runs at 8 kHz.
    pub fn new(rate: usize) -> Self {
        let engine = Engine::serviced_here();
        let room = engine.host_mixed("hall");
        let speaker = engine.member(&room, 1, "", Some("agent"));
        let listeners: Vec<_> = (2..18).map(|n| engine.member(&room, n, "agent", None)).collect();
        let frames = vec![vec![0; rate / 50]; listeners.len()];
        let mut case = Self { engine, speaker, listeners, frames, changed: 0 };
        // Voices start, and where rates differ their conversions are made.
        for _ in 0..20 {
            case.prepare();
            case.run();
            case.engine.service();
        }
        case
    }
}

impl Case for Delivered {
    fn units(&self) -> usize {
        self.listeners.len()
    }

    fn prepare(&mut self) {
        self.changed = 0;
        self.frames.iter_mut().for_each(|f| f.fill(0));
        self.speaker.read(&mut speech(1));
    }

    fn run(&mut self) {
        for (listener, frame) in self.listeners.iter().zip(&mut self.frames) {
            self.changed += usize::from(listener.write(frame) == COACH_CHANGED);
        }
    }

    fn check(&mut self) {
        assert_eq!(self.changed, self.listeners.len(), "every listener should get the voice");
        let loud = |f: &Vec<i16>| f.iter().filter(|s| **s != 0).count() > f.len() / 2;
        assert!(self.frames.iter().all(loud), "every listener's frame should hold it");
    }
}

/// An engine-mixed room in which everyone talks: all read hooks, the tick, all write hooks, one unit a member.
pub struct Mixed {
    _engine: Engine,
    pub room: Room,
    pub members: Vec<Member>,
    frames: Vec<Frame>,
    said: [Frame; VOICES],
    due: [Frame; VOICES],
    changed: usize,
}

/// Members share so many voices.
const VOICES: usize = 16;

impl Mixed {
    pub fn new(size: usize) -> Self {
        let engine = Engine::serviced_here();
        let room = engine.engine_mixed("hall");
        let members = (1..=size).map(|n| engine.member(&room, n as u32, "", None)).collect();
        let said: [Frame; VOICES] = std::array::from_fn(speech);
        let total: [i32; SAMPLES] =
            std::array::from_fn(|i| (0..size).map(|member| i32::from(said[member % VOICES][i])).sum());
        let due = said.map(|own| less_own(&total, &own));
        let mut case = Self { _engine: engine, room, members, frames: vec![[0; SAMPLES]; size], said, due, changed: 0 };
        // Voices start with a fade: play until they have.
        for _ in 0..10 {
            case.prepare();
            case.run();
        }
        case
    }
}

fn less_own(total: &[i32; SAMPLES], own: &Frame) -> Frame {
    std::array::from_fn(|i| (total[i] - i32::from(own[i])).clamp(-32_768, 32_767) as i16)
}

impl Case for Mixed {
    fn units(&self) -> usize {
        self.members.len()
    }

    fn prepare(&mut self) {
        self.changed = 0;
        for (frame, said) in self.frames.iter_mut().zip(self.said.iter().cycle()) {
            *frame = *said;
        }
    }

    fn run(&mut self) {
        for (member, frame) in self.members.iter().zip(&mut self.frames) {
            member.read(frame);
        }
        self.room.tick();
        for (member, frame) in self.members.iter().zip(&mut self.frames) {
            self.changed += usize::from(member.write(frame) == COACH_CHANGED);
        }
    }

    fn check(&mut self) {
        assert_eq!(self.changed, self.members.len(), "every member should get the mix");
        let mut heard = self.frames.iter().zip(self.due.iter().cycle());
        let wrong = heard.position(|(frame, due)| frame != due).map(|place| place + 1);
        assert_eq!(wrong, None, "this member should hear all the others, to the sample");
    }
}
