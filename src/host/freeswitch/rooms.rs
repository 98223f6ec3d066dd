//! The engine's rooms: one a conference, open while somebody is in it.

use std::collections::{HashMap, hash_map::Entry};

use super::{
    coach_events::{Conference, Events},
    membership::Membership,
    session::c,
};
use crate::{
    host::client::{Engine, Member, Refused, Room},
    lock::Mutex,
};

/// See the module.
#[derive(Default)]
pub struct Rooms {
    /// Held while members come and go: a room is not closed over somebody who enters.
    open: Mutex<HashMap<String, Open>>,
}

struct Open {
    room: Room,
    unique_id: String,
    members: usize,
}

/// Why a member has not joined.
pub enum JoinError {
    /// Another conference of that name has the room: one of the two is ending.
    Taken,
    /// What the engine says.
    Refused(String),
}

impl Rooms {
    /// Has a member join. `channels`: those of the conference's mix, if this opens its room.
    pub fn join(
        &self,
        engine: &Engine<Events>,
        member: &Member,
        membership: &Membership,
        channels: u32,
    ) -> Result<(), JoinError> {
        let mut open = self.open.lock();
        let here = match open.entry(membership.conference.clone()) {
            Entry::Occupied(here) => here.into_mut(),
            Entry::Vacant(place) => {
                let conference = Conference { name: membership.name.clone(), unique_id: c(&membership.unique_id) };
                let room = engine.open_room(&membership.conference, channels, conference)?;
                place.insert(Open { room, unique_id: membership.unique_id.clone(), members: 0 })
            }
        };
        if here.unique_id != membership.unique_id {
            return Err(JoinError::Taken);
        }
        here.members += 1;
        let joined = member.join(&here.room, membership.number);
        if joined.is_err() {
            fewer(&mut open, &membership.conference);
        }
        Ok(joined?)
    }

    /// Takes a member out.
    pub fn leave(&self, member: &Member, membership: &Membership) {
        let mut open = self.open.lock();
        // It is in none where another thread has detached it.
        let _ = member.leave();
        fewer(&mut open, &membership.conference);
    }

    /// The engine's names of the conferences that somebody is in.
    pub fn names(&self) -> Vec<String> {
        self.open.lock().keys().cloned().collect()
    }
}

/// One member less; with the last, the room is closed.
fn fewer(open: &mut HashMap<String, Open>, name: &str) {
    let Some(here) = open.get_mut(name) else { return };
    here.members -= 1;
    if here.members == 0 {
        open.remove(name);
    }
}

impl From<Refused> for JoinError {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused.message)
    }
}
