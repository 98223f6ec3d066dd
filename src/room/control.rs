//! The rooms and members of an engine. All that is done to them happens under the engine's one lock, and ends in a published plan.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use super::{
    engine_clock::EngineClock,
    error::{Error, Result},
    event_queue::EventQueue,
    index::Index,
    pairs::Pending,
    service::Clock,
};
use crate::{
    audio::{
        self,
        bus::Bus,
        convert::Conversion,
        counters::Sums,
        format::{Format, Shape},
        guard::Opening,
        input::Input,
        link::Link,
        mailbox::Bell,
        mode_sound::Mode,
        plan::{Plan, Seat},
        retire::Retirement,
        slot::Lease,
        voice::Voice,
    },
    route::Facts,
    sys,
};

/// One member.
pub struct Member {
    pub lease: Lease<audio::member::Member>,
    pub call_id: String,
    pub facts: Facts,
    pub starts: bool,
    pub ends: bool,
    pub place: Option<Place>,
    /// Number of the plan with which it entered.
    pub entered: u64,
    /// Its engine-mixed room ended while it was inside: silent until it joins another or is detached.
    pub ended: bool,
    pub voice: Option<Arc<Voice>>,
    pub opening: Opening,
    pub input: Option<Arc<Input>>,
    /// What its hooks act on.
    pub seat: Arc<Seat>,
    /// Who in its room hears its voice, by number.
    pub links: Vec<Heard>,
    /// Who hears it by the last audience event since it turned private.
    pub audience: Option<Vec<u32>>,
    /// The mode whose sound it heard last in this room, or that it entered with unsounded.
    pub sounded: Option<Mode>,
    /// Whether there was something in [`Member::refused`] when the service last looked.
    pub refused_before: [bool; 2],
    /// Its mode was set since, so that it hears the sound again, also if the mode is the same.
    pub sound_due: bool,
}

impl Member {
    /// The frames that it says, and those that it hears, where Coach does not handle their format.
    pub fn refused(&self) -> [Option<Shape>; 2] {
        let audio = self.lease.get();
        [audio.read.refused(), audio.write.refused()]
    }

    /// Has the conversions prepared that it will need in an engine-mixed room, as far as its formats are known.
    pub fn expect_conversions(&self) {
        let Some(input) = &self.input else { return };
        let audio = self.lease.get();
        let mix = input.format();
        if let Some(conversion) = audio.read.format().and_then(|read| Conversion::between(read, mix)) {
            audio.read.mailbox.expect(conversion.code());
        }
        if let Some(conversion) = audio.write.format().and_then(|write| Conversion::between(mix, write)) {
            audio.write.mailbox.expect(conversion.code());
        }
    }
}

/// Somebody who hears a member's private voice.
pub struct Heard {
    pub number: u32,
    pub listener: u64,
    pub link: Arc<Link>,
}

/// Where a member is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub room: u64,
    pub number: u32,
}

/// Open speech of a member that has left an engine-mixed room: it is to fade, not to break off.
pub struct Leaver {
    /// Its handle.
    pub member: u64,
    /// The tick that was next when it left.
    pub next: u64,
    pub input: Arc<Input>,
}

/// One room.
pub struct Room {
    pub lease: Lease<audio::room::Room>,
    pub name: String,
    /// Handles by number.
    pub members: BTreeMap<u32, u64>,
    pub sequence: u64,
    /// A member that starts it has come.
    pub started: bool,
    /// What its ticks sum.
    pub plan: Option<Arc<Plan>>,
    /// Who have left, until a tick has let them fade.
    pub leaving: Vec<Leaver>,
    pub index: Index,
    pub pending: Pending,
    /// Members with seats newer than what was told of their audiences.
    pub renewed: BTreeSet<u64>,
    pub clock: Option<Clock>,
}

impl Room {
    /// The open mix, where the engine mixes.
    pub fn bus(&self) -> Option<&Arc<Bus>> {
        self.lease.get().bus()
    }

    /// A tick is being made now, with a plan that was published before.
    pub fn ticking(&self) -> bool {
        self.lease.slot().read.occupant().is_some()
    }

    /// Members wait in silence for one that starts the room.
    pub fn waiting(&self) -> bool {
        self.bus().is_some() && !self.started
    }
}

/// How a room is mixed.
#[derive(Clone, Copy, Debug)]
pub enum Carrier {
    Host,
    Engine { format: Format, tick_ms: u32, own_clock: bool },
}

/// What a member is attached with.
pub struct NewMember<'a> {
    pub call_id: &'a str,
    pub tags: Option<&'a str>,
    pub speak_only_to: Option<&'a str>,
    /// Its speakOnlyTo is not even text.
    pub malformed: bool,
    pub starts: bool,
    pub ends: bool,
    pub muted: bool,
    pub deaf: bool,
}

/// The state of one engine.
pub struct Control {
    /// Number of the last plan.
    pub number: u64,
    pub rooms: BTreeMap<u64, Room>,
    pub names: HashMap<String, u64>,
    pub members: HashMap<u64, Member>,
    pub calls: HashMap<String, u64>,
    /// Of members that spoke privately when they left their last room: whom they spoke to there. Handles, in order.
    pub spoke_to: HashMap<u64, Box<[u64]>>,
    pub retirement: Retirement,
    pub events: EventQueue,
    /// Counts of members that are gone.
    pub gone: Gone,
    pub guard_ms: u32,
    /// Whether members hear a sound at every change of their mode.
    pub mode_sounds: bool,
    pub clock: Arc<EngineClock>,
    /// Whether anybody listens to events.
    pub tell: bool,
    pub bell: Bell,
    /// What members were before the change that is being made.
    pub undo: Vec<(u64, Facts, Opening)>,
    /// Somebody may need a conversion or the clock: there is somebody who speaks privately, or a room that the engine mixes. The
    /// service has to run.
    pub busy: bool,
    /// Clocks of closed rooms that are being stopped.
    pub stopping: usize,
    /// The engine is being destroyed.
    pub over: bool,
}

/// See [`Control::gone`].
#[derive(Clone, Copy, Default)]
pub struct Gone {
    pub read: Sums,
    pub write: Sums,
    pub input: Sums,
    pub slowest: u64,
}

impl Control {
    pub fn new(guard_ms: u32, mode_sounds: bool, clock: Arc<EngineClock>, tell: bool) -> Self {
        Self {
            number: 0,
            rooms: BTreeMap::new(),
            names: HashMap::new(),
            members: HashMap::new(),
            calls: HashMap::new(),
            spoke_to: HashMap::new(),
            retirement: Retirement::default(),
            events: EventQueue::default(),
            gone: Gone::default(),
            guard_ms,
            mode_sounds,
            clock,
            tell,
            bell: Bell::default(),
            undo: Vec::new(),
            busy: false,
            stopping: 0,
            over: false,
        }
    }

    // ---- looking up

    pub fn member(&self, handle: u64) -> Result<&Member> {
        self.members.get(&handle).ok_or_else(|| Error::handle("member"))
    }

    pub fn member_mut(&mut self, handle: u64) -> Result<&mut Member> {
        self.members.get_mut(&handle).ok_or_else(|| Error::handle("member"))
    }

    pub fn room(&self, handle: u64) -> Result<&Room> {
        self.rooms.get(&handle).ok_or_else(|| Error::handle("room"))
    }

    pub fn room_mut(&mut self, handle: u64) -> Result<&mut Room> {
        self.rooms.get_mut(&handle).ok_or_else(|| Error::handle("room"))
    }

    pub fn find_room(&self, name: &str) -> Result<u64> {
        self.names.get(name).copied().ok_or_else(|| {
            Error::new(sys::COACH_ERR_NO_ROOM, format!("no room called {name}; `rooms` lists those there are"))
        })
    }

    /// Members of a room, by number.
    pub fn inside(&self, room: u64) -> impl Iterator<Item = (u32, u64, &Member)> {
        let numbers = self.rooms.get(&room).into_iter().flat_map(|room| &room.members);
        numbers.filter_map(|(number, handle)| Some((*number, *handle, self.members.get(handle)?)))
    }
}
