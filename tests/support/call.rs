//! A call of three at 16 kHz: a coach, an agent that hears it, and somebody else; and what is done with each frame of the coach.

use super::{
    COACH_CHANGED, COACH_OK, COACH_SILENCED, Engine, Format, Member, Room,
    scene::{level, turn, value},
};

pub const WIDE: Format = Format::mono(16000);
pub const FRAMES_MS: [u32; 5] = [10, 20, 30, 40, 60];

/// Frames that begin before a guard is over.
pub fn guarded(guard_ms: u32, ms: u32) -> u32 {
    guard_ms.div_ceil(ms)
}

/// A coach, an agent that hears it, and somebody else, in a room of either mixer.
pub struct Call<'e> {
    pub engine: &'e Engine,
    pub room: Room<'e>,
    pub engine_mixed: bool,
    pub ms: u32,
    pub coach: Member<'e>,
    pub agent: Member<'e>,
    pub other: Member<'e>,
    pub said: i16,
}

/// What became of one frame of the coach.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fate {
    pub frame: i16,
    pub took: i32,
    pub left: i16,
    pub agent: i16,
    pub other: i16,
}

impl<'e> Call<'e> {
    pub fn new(engine: &'e Engine, engine_mixed: bool, ms: u32) -> Self {
        let room = if engine_mixed {
            // A tick need not be as long as a frame, but then nothing is delayed.
            engine.engine_room("sales", WIDE, ms)
        } else {
            engine.host_room("sales")
        };
        let coach = engine.attach("coach", "", Some("agent"));
        let agent = engine.attach("agent", "agent", None);
        let other = engine.attach("other", "", None);
        for (number, member) in [&coach, &agent, &other].into_iter().enumerate() {
            member.join(&room, number as u32 + 1).expect("everyone enters");
        }
        Self { engine, room, engine_mixed, ms, coach, agent, other, said: 100 }
    }

    /// The coach says one more frame, everybody else is silent.
    pub fn frame(&mut self) -> Fate {
        self.said += 1;
        let silence = WIDE.silence(self.ms);
        let says =
            [(&self.coach, level(WIDE, self.ms, self.said)), (&self.agent, silence.clone()), (&self.other, silence)];
        let sums: &[&Room] = if self.engine_mixed { &[&self.room] } else { &[] };
        let turns = turn(self.engine, sums, WIDE, &says);
        Fate {
            frame: self.said,
            took: turns[0].took,
            left: value(WIDE, &turns[0].left),
            agent: value(WIDE, &turns[1].heard),
            other: value(WIDE, &turns[2].heard),
        }
    }

    /// The next frames are heard by the agent alone.
    pub fn only_the_agent_hears(&mut self, frames: u32, why: &str) {
        for index in 0..frames {
            let fate = self.frame();
            let right = Fate { took: COACH_SILENCED, left: 0, agent: fate.frame, other: 0, ..fate };
            assert_eq!(fate, right, "{why}: frame {index} of {frames}, {} ms each", self.ms);
        }
    }

    /// The next frames are private, and heard by both.
    pub fn both_hear(&mut self, frames: u32, why: &str) {
        for index in 0..frames {
            let fate = self.frame();
            let right = Fate { took: COACH_SILENCED, left: 0, agent: fate.frame, other: fate.frame, ..fate };
            assert_eq!(fate, right, "{why}: frame {index} of {frames}, {} ms each", self.ms);
        }
    }

    /// The next frames are open: through the host's mixer, or the engine's.
    pub fn everyone_hears(&mut self, frames: u32, why: &str) {
        for index in 0..frames {
            let fate = self.frame();
            if self.engine_mixed {
                let right = Fate { took: COACH_CHANGED, left: 0, agent: fate.frame, other: fate.frame, ..fate };
                assert_eq!(fate, right, "{why}: frame {index} of {frames}, {} ms each", self.ms);
            } else {
                // The first one fades in.
                let took = if index == 0 { COACH_CHANGED } else { COACH_OK };
                let right = Fate { took, left: fate.frame, agent: 0, other: 0, ..fate };
                assert_eq!(fate, right, "{why}: frame {index} of {frames}, {} ms each", self.ms);
            }
        }
    }
}

/// Runs a check for several guards, frame sizes and both mixers.
pub fn everywhere(check: impl Fn(Call, u32)) {
    for guard_ms in [0, 200, 1000] {
        for ms in FRAMES_MS {
            for engine_mixed in [false, true] {
                let engine = Engine::with_guard(guard_ms);
                check(Call::new(&engine, engine_mixed, ms), guarded(guard_ms, ms));
            }
        }
    }
}
