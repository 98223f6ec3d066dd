//! How members are, as numbers and texts for a host: nothing that it would have to parse.

use std::sync::Arc;

use super::{
    engine::Engine,
    error::Result,
    event_builder::{numbers, opens_in, speak_only_to},
    host_data::HostData,
    state::{Member, Room, RoomState},
};
use crate::{route::rule, sys};

/// A member in a list.
pub struct Listed {
    pub info: sys::coach_member_info_t,
    pub room_name: String,
    pub call_id: String,
    pub tags: String,
    pub speak_only_to: Option<String>,
    pub heard_by: String,
    pub room_data: Option<Arc<HostData>>,
    pub member_data: Option<Arc<HostData>>,
}

impl RoomState {
    pub fn info(&self, handle: u64) -> Result<sys::coach_member_info_t> {
        let member = self.member(handle)?;
        let private = member.facts.speaks.privately();
        let here = self.room.as_ref().filter(|_| member.place.is_some());
        let addressed = here.is_some_and(|room| self.is_addressed(room, handle, member));
        // A member that Coach's sounds tell of its mode hears them through its write hook.
        let sounds = here.is_some() && private && self.shared.mode_sounds;
        let mixed = here.is_some_and(|room| room.bus().is_some());
        let flags = [
            (private, sys::COACH_INFO_PRIVATE),
            (addressed, sys::COACH_INFO_ADDRESSED),
            (addressed || sounds || mixed, sys::COACH_INFO_NEEDS_WRITE),
            (member.facts.muted, sys::COACH_INFO_MUTED),
            (member.facts.deaf, sys::COACH_INFO_DEAF),
            (member.facts.held, sys::COACH_INFO_HELD),
            (member.facts.passing, sys::COACH_INFO_BYPASSED),
        ];
        Ok(sys::coach_member_info_t {
            size: size_of::<sys::coach_member_info_t>() as u32,
            flags: flags.iter().filter(|(is, _)| *is).map(|(_, flag)| flag).sum(),
            room: member.place.map_or(0, |place| place.room),
            number: member.place.map_or(0, |place| place.number),
            opens_in_ms: opens_in(member).unwrap_or(0),
        })
    }

    /// Whether somebody in the room speaks privately to this member, ignoring mute, deaf and hold.
    fn is_addressed(&self, room: &Room, handle: u64, member: &Member) -> bool {
        room.index.speakers(&member.facts.tags).filter(|speaker| *speaker != handle).any(|speaker| {
            self.members.get(&speaker).is_some_and(|speaker| rule::addressed(&speaker.facts, &member.facts))
        })
    }

    /// Everybody in the room, by number.
    pub fn listed(&self) -> Result<Vec<Listed>> {
        let room = self.room()?;
        let listed = self.inside().map(|(_, handle, member)| {
            Ok(Listed {
                info: self.info(handle)?,
                room_name: room.name.clone(),
                call_id: member.call_id.to_string(),
                tags: member.facts.tags.to_string(),
                speak_only_to: speak_only_to(&member.facts),
                heard_by: numbers(&self.heard_by(handle)),
                room_data: room.data.clone(),
                member_data: member.data.clone(),
            })
        });
        listed.collect()
    }
}

impl Engine {
    /// The members of one room, or of all.
    pub fn listed(self: &Arc<Self>, room: Option<&str>) -> Result<Vec<Listed>> {
        match room {
            Some(room) => self.in_room(room, |state| state.listed()),
            None => Ok(self.every_room(RoomState::listed)?.into_iter().flatten().collect()),
        }
    }
}
