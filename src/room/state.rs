//! The rooms and members of an engine. Each room has a lock of its own; all that is done to it and its members happens under that, and
//! ends in a published plan.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use super::{
    error::{Error, Result},
    event::Event,
    handles::{HandleMap, HandleSet},
    host_data::{HostData, RawHostData},
    pending::{Listener, PendingChanges},
    shared::Shared,
    tag_index::{Indexed, TagIndex},
};
use crate::{
    audio::{
        self,
        format::{Format, Shape},
        hook::{mode_sound::Mode, plan::MemberPlan, slot::Lease},
        host_mix::HostMix,
        lockfree::{opening_guard::Opening, private_stream::PrivateStream, retire::Retirement},
        mix::{bus::Bus, input::Input, tick::MixPlan},
        playout::{rate_mix, resample::Conversion},
    },
    route::Facts,
};

/// One member.
pub struct Member {
    pub lease: Lease<audio::hook::member::Member>,
    /// Shared with [`RoomState::calls`].
    pub call_id: Arc<str>,
    pub facts: Facts,
    pub indexed: Indexed,
    pub starts: bool,
    pub ends: bool,
    pub place: Option<Place>,
    /// Number of the plan with which it entered.
    pub entered: u64,
    /// Number of the plan since which somebody else is at its leg; 0: nobody is.
    pub transferred: u64,
    /// Its engine-mixed room ended while it was inside: silent until it joins another or is detached.
    pub ended: bool,
    pub stream: Option<Arc<PrivateStream>>,
    pub opening: Opening,
    pub input: Option<Arc<Input>>,
    /// What its hooks act on.
    pub plan: Arc<MemberPlan>,
    /// Who in its room hears its stream, by number.
    pub listeners: Vec<Listener>,
    /// Who hears it by the last audience event since it turned private.
    pub audience: Option<Vec<u32>>,
    /// The mode whose sound it heard last in this room, or that it entered with unsounded.
    pub sounded: Option<Mode>,
    /// Whether there was something in [`Member::refused`] when the service last looked.
    pub refused_before: [bool; 2],
    /// If it spoke privately when it left its last room: who was spoken to so there. Handles, in order; it may be one of them itself.
    pub spoke_to: Option<Arc<[u64]>>,
    /// Its mode was set since, so that it hears the sound again, also if the mode is the same.
    pub sound_due: bool,
    /// The host's own about it.
    pub data: Option<Arc<HostData>>,
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
            audio.read.handoff.expect(conversion.code());
        }
        if let Some(conversion) = audio.write.format().and_then(|write| Conversion::between(mix, write)) {
            audio.write.handoff.expect(conversion.code() | rate_mix::OPEN);
        }
    }
}

/// Where a member is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub room: u64,
    pub number: u32,
}

/// Open speech of a member that has left an engine-mixed room: it is to fade, not to break off.
pub struct LeavingMember {
    /// Its handle.
    pub member: u64,
    /// The tick that was next when it left.
    pub next: u64,
    pub input: Arc<Input>,
}

/// One room.
pub struct Room {
    pub lease: Lease<audio::mix::tick::Room>,
    pub name: String,
    /// Handles by number.
    pub members: BTreeMap<u32, u64>,
    pub sequence: u64,
    /// A member that starts it has come.
    pub started: bool,
    /// What its ticks sum.
    pub mix_plan: Option<Arc<MixPlan>>,
    /// Who have left, until a tick has let them fade.
    pub leaving: Vec<LeavingMember>,
    pub index: TagIndex,
    pub pending: PendingChanges,
    /// Members with plans newer than what was told of their audiences.
    pub renewed: HandleSet,
    /// The host's own about it.
    pub data: Option<Arc<HostData>>,
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
pub enum Mixer {
    Host(HostMix),
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
    pub data: RawHostData,
}

#[cfg(test)]
impl<'a> NewMember<'a> {
    /// With tags and a mode, and nothing else.
    pub fn for_tests(call_id: &'a str, tags: Option<&'a str>, speak_only_to: Option<&'a str>) -> Self {
        let data = (std::ptr::null_mut(), None);
        Self {
            call_id,
            tags,
            speak_only_to,
            malformed: false,
            starts: false,
            ends: false,
            muted: false,
            deaf: false,
            data,
        }
    }
}

/// What one lock guards: a room with its members, or all members outside rooms.
pub struct RoomState {
    pub shared: Arc<Shared>,
    /// `None` outside, and once the room is closed.
    pub room: Option<Room>,
    /// Each in a box of its own: a map is up to half empty, and a member has hundreds of bytes.
    pub members: HandleMap<Box<Member>>,
    /// Outside: members by their call ids, those in rooms as well.
    pub calls: HashMap<Arc<str>, u64>,
    pub retirement: Retirement,
    /// What the call that holds the lock has to tell.
    pub events: Vec<Event>,
    /// The number of the plan that is being made, once it has one.
    pub claimed: Option<u64>,
    /// What members were before the change that is being made.
    pub undo: Vec<(u64, Facts, Opening)>,
}

impl RoomState {
    pub fn new(shared: Arc<Shared>, room: Option<Room>) -> Self {
        Self {
            shared,
            room,
            members: HandleMap::default(),
            calls: HashMap::new(),
            retirement: Retirement::default(),
            events: Vec::new(),
            claimed: None,
            undo: Vec::new(),
        }
    }

    // ---- looking up

    pub fn member(&self, handle: u64) -> Result<&Member> {
        self.members.get(&handle).map(|member| &**member).ok_or_else(|| Error::handle("member"))
    }

    pub fn member_mut(&mut self, handle: u64) -> Result<&mut Member> {
        self.members.get_mut(&handle).map(|member| &mut **member).ok_or_else(|| Error::handle("member"))
    }

    pub fn room(&self) -> Result<&Room> {
        self.room.as_ref().ok_or_else(|| Error::handle("room"))
    }

    pub fn room_mut(&mut self) -> Result<&mut Room> {
        self.room.as_mut().ok_or_else(|| Error::handle("room"))
    }

    /// Members of the room, by number.
    pub fn inside(&self) -> impl Iterator<Item = (u32, u64, &Member)> {
        let numbers = self.room.iter().flat_map(|room| &room.members);
        numbers.filter_map(|(number, handle)| Some((*number, *handle, &**self.members.get(handle)?)))
    }
}
