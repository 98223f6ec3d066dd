//! Random schedules: who is there, and what happens when. They are values, so that a failing one can be made smaller
//! and printed.

use super::{
    rule::Set,
    signal::{Format, RATES},
};
use proptest::{collection::vec, option, prelude::*, sample::select};

/// The tags that schedules use; a `Set` of tags is a mask over these.
pub const TAGS: [&str; 3] = ["agent", "night-shift", "sales"];

/// The words of a set of tags, as commands and calls take them.
pub fn words(tags: Set) -> String {
    let word = |(index, word): (usize, &&str)| (tags & 1 << index != 0).then(|| word.to_string());
    TAGS.iter().enumerate().filter_map(word).collect::<Vec<_>>().join(",")
}

/// The words of a speakOnlyTo: `-` for nobody.
pub fn audience_words(tags: Set) -> String {
    if tags == 0 { "-".into() } else { words(tags) }
}

/// A room, and who mixes it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum RoomPlan {
    Host,
    Engine { format: Format, tick_ms: u32 },
}

/// A member as it begins.
#[derive(Debug, Clone)]
pub struct Party {
    pub format: Format,
    pub read_ms: u32,
    pub write_ms: u32,
    /// Its frames come this many slots after the others'.
    pub phase: u32,
    /// The host knows when its frames were said.
    pub stamped: bool,
    pub tags: Set,
    pub speak_only_to: Option<Set>,
    pub muted: bool,
    pub deaf: bool,
    pub ends: bool,
    /// The room it enters at the start.
    pub room: Option<usize>,
}

/// One thing that happens. Members and rooms are taken modulo how many there are.
#[derive(Debug, Clone)]
pub enum Step {
    Join {
        member: usize,
        room: usize,
    },
    Leave {
        member: usize,
    },
    Tag {
        member: usize,
        tags: Set,
    },
    Coach {
        member: usize,
        tags: Set,
    },
    Uncoach {
        member: usize,
    },
    Mute {
        member: usize,
        on: bool,
    },
    Deaf {
        member: usize,
        on: bool,
    },
    Hold {
        member: usize,
        on: bool,
    },
    Bypass {
        member: usize,
        on: bool,
    },
    /// Its call ends, and another with the same id and number comes.
    Replace {
        member: usize,
        tags: Set,
        speak_only_to: Option<Set>,
    },
    /// Another call takes its seat: it inherits its `speakOnlyTo`, and none of its tags.
    TakeOver {
        member: usize,
    },
    /// Its call is lost, and comes back as it was.
    Recover {
        member: usize,
    },
    /// The room closes, and one of the same name opens.
    Reopen {
        room: usize,
    },
    /// Rate, channels and frame sizes change in mid-call.
    Format {
        member: usize,
        format: Format,
        read_ms: u32,
        write_ms: u32,
    },
    /// So many frames that it says are lost on the way.
    Lose {
        member: usize,
        frames: u32,
    },
    /// So many frames that it says are held back, and then come so many at a time, the next ones after them: with 1 they stay late.
    Late {
        member: usize,
        frames: u32,
        at_once: u32,
    },
    /// Its next frames have a format that cannot be handled.
    Bad {
        member: usize,
        format: Format,
        ms: u32,
    },
}

/// A step and its time.
#[derive(Debug, Clone)]
pub struct Timed {
    /// Slots of 10 ms since the step before.
    pub after: u32,
    /// Between the read hooks and the write hooks of its slot, not before both.
    pub middle: bool,
    /// As a text command where there is one, not as a C call.
    pub text: bool,
    pub step: Step,
}

/// A whole schedule.
#[derive(Debug, Clone)]
pub struct Schedule {
    pub guard_ms: u32,
    pub rooms: Vec<RoomPlan>,
    pub parties: Vec<Party>,
    pub steps: Vec<Timed>,
}

/// What schedules are drawn from.
#[derive(Debug, Clone)]
pub struct Draw {
    pub formats: Vec<Format>,
    pub frame_ms: Vec<u32>,
    pub rooms: Vec<Vec<RoomPlan>>,
    pub guards: Vec<u32>,
    /// How many slots late a leg's frames may be.
    pub phases: u32,
    /// Steps also come between the read hooks and the write hooks of a slot.
    pub between: bool,
    /// Also what disturbs a voice: lost, late and bad frames, formats that change, pass, closing rooms, new calls.
    pub disturbed: bool,
}

impl Draw {
    /// Everything there is.
    pub fn everything() -> Self {
        let formats = RATES.iter().flat_map(|&rate| [Format::mono(rate), Format::stereo(rate)]).collect();
        let engine = |rate, tick_ms| RoomPlan::Engine { format: Format::mono(rate), tick_ms };
        let stereo = RoomPlan::Engine { format: Format::stereo(48000), tick_ms: 20 };
        Self {
            formats,
            frame_ms: vec![10, 20, 20, 20, 30, 40, 60],
            rooms: vec![
                vec![RoomPlan::Host, RoomPlan::Host],
                vec![RoomPlan::Host, engine(16000, 20)],
                vec![engine(8000, 10), RoomPlan::Host],
                vec![engine(44100, 30), stereo],
            ],
            guards: vec![0, 200, 200, 200, 1000],
            phases: 6,
            between: true,
            disturbed: true,
        }
    }

    /// Also formats that are kept in another one: rates over 48 kHz, and more than two channels.
    pub fn every_format() -> Self {
        let mut draw = Self::everything();
        draw.formats.extend([11025, 22050, 88200, 192_000].map(Format::mono));
        draw.formats.extend([
            Format::stereo(96000),
            Format { rate: 16000, channels: 3 },
            Format { rate: 96000, channels: 6 },
        ]);
        draw
    }

    /// One rate, steady clocks, host-mixed rooms, frames of all sizes.
    pub fn host_mixed(rate: u32) -> Self {
        Self {
            formats: vec![Format::mono(rate), Format::stereo(rate)],
            rooms: vec![vec![RoomPlan::Host, RoomPlan::Host]],
            guards: vec![0, 200, 200],
            disturbed: false,
            ..Self::everything()
        }
    }

    /// One rate, steady clocks, rooms that the engine mixes, everything in frames and ticks of one size.
    pub fn engine_mixed(rate: u32) -> Self {
        let room = |channels| RoomPlan::Engine { format: Format { rate, channels }, tick_ms: 20 };
        Self {
            frame_ms: vec![20],
            rooms: vec![vec![room(1), room(2)], vec![room(2), RoomPlan::Host]],
            phases: 1,
            // What the mix of a tick holds of a member that changes in the middle of it is not said.
            between: false,
            ..Self::host_mixed(rate)
        }
    }

    /// The schedules.
    pub fn schedules(&self) -> impl Strategy<Value = Schedule> + use<> {
        let party = self.party();
        let step = self.step();
        let between = if self.between { 0.5 } else { 0.0 };
        let timed =
            (0..40u32, prop::bool::weighted(between), any::<bool>(), step).prop_map(|(after, middle, text, step)| {
                // Half of the steps come in the middle of things, the other half in one go.
                Timed { after: after.saturating_sub(15), middle, text, step }
            });
        let people = (vec(party, 3..=7), vec(timed, 0..60));
        (select(self.guards.clone()), select(self.rooms.clone()), people).prop_map(
            |(guard_ms, rooms, (mut parties, steps))| {
                // The first is a coach more often than not: schedules where nobody is private show little.
                parties[0].speak_only_to = parties[0].speak_only_to.or(Some(1));
                parties[1].tags |= parties[0].speak_only_to.unwrap_or_default();
                parties[1].room = parties[0].room;
                Schedule { guard_ms, rooms, parties, steps }
            },
        )
    }

    fn party(&self) -> impl Strategy<Value = Party> + Clone + use<> {
        let audio = (select(self.formats.clone()), self.frame(), self.frame(), 0..self.phases, any::<bool>());
        // In an undisturbed schedule nobody ends the conference.
        let flags = (rarely(), rarely(), prop::bool::weighted(if self.disturbed { 0.1 } else { 0.0 }));
        let room = option::weighted(0.9, prop_oneof![3 => Just(0usize), 1 => Just(1)]);
        (audio, 0..8u8, option::weighted(0.4, 0..8u8), flags, room).prop_map(
            |((format, read_ms, write_ms, phase, stamped), tags, speak_only_to, (muted, deaf, ends), room)| Party {
                format,
                read_ms,
                write_ms,
                phase,
                stamped,
                tags,
                speak_only_to,
                muted,
                deaf,
                ends,
                room,
            },
        )
    }

    fn frame(&self) -> impl Strategy<Value = u32> + Clone + use<> {
        select(self.frame_ms.clone())
    }

    fn step(&self) -> BoxedStrategy<Step> {
        let member = || 0..7usize;
        let on = any::<bool>;
        let usual = prop_oneof![
            6 => (member(), 0..8u8).prop_map(|(member, tags)| Step::Tag { member, tags }),
            6 => (member(), 0..8u8).prop_map(|(member, tags)| Step::Coach { member, tags }),
            4 => member().prop_map(|member| Step::Uncoach { member }),
            3 => (member(), 0..2usize).prop_map(|(member, room)| Step::Join { member, room }),
            2 => member().prop_map(|member| Step::Leave { member }),
            2 => (member(), on()).prop_map(|(member, on)| Step::Mute { member, on }),
            2 => (member(), on()).prop_map(|(member, on)| Step::Deaf { member, on }),
            2 => (member(), on()).prop_map(|(member, on)| Step::Hold { member, on }),
        ];
        if !self.disturbed {
            return usual.boxed();
        }
        let format = (select(self.formats.clone()), self.frame(), self.frame());
        let bad = select(vec![
            (Format::mono(7350), 20),
            (Format::mono(44000), 20),
            (Format::mono(8000), 80),
            (Format::mono(0), 0),
        ]);
        let speak_only_to = option::weighted(0.5, 0..8u8);
        prop_oneof![
            27 => usual,
            2 => (member(), on()).prop_map(|(member, on)| Step::Bypass { member, on }),
            2 => (member(), 0..8u8, speak_only_to)
                .prop_map(|(member, tags, speak_only_to)| Step::Replace { member, tags, speak_only_to }),
            1 => (0..2usize).prop_map(|room| Step::Reopen { room }),
            2 => (member(), format).prop_map(|(member, (format, read_ms, write_ms))| {
                Step::Format { member, format, read_ms, write_ms }
            }),
            1 => (member(), 1..20u32).prop_map(|(member, frames)| Step::Lose { member, frames }),
            2 => (member(), prop_oneof![1..10u32, 10..100u32], select(vec![1, 2, 3, 1_000]))
                .prop_map(|(member, frames, at_once)| Step::Late { member, frames, at_once }),
            1 => member().prop_map(|member| Step::TakeOver { member }),
            1 => member().prop_map(|member| Step::Recover { member }),
            1 => (member(), bad).prop_map(|(member, (format, ms))| Step::Bad { member, format, ms }),
        ]
        .boxed()
    }
}

fn rarely() -> impl Strategy<Value = bool> + Clone {
    prop::bool::weighted(0.1)
}
