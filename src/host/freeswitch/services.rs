//! What every call uses while the module is loaded: the engine, its rooms, the lock that keeps the module loaded, what calls left behind.

use std::collections::BTreeMap;

use super::{
    coach_events::Events, departed::Departed, opening_guards::OpeningGuards, recovery::Recovery, rooms::Rooms,
    unload_lock::UnloadLock,
};
use crate::{host::client::Engine, lock::Mutex, sys};

/// See the module.
pub struct Services {
    pub engine: Engine<Events>,
    pub rooms: Rooms,
    pub unload_lock: UnloadLock,
    pub departed: Departed,
    pub opening_guards: OpeningGuards,
    pub recovery: Recovery,
    pub changed: ChangedRooms,
    /// A leg that takes another's place in a conference takes over its tags too.
    pub tags_pass: bool,
}

/// Rooms in which somebody may hear somebody privately who did not before: each with the number of its latest change.
#[derive(Default)]
pub struct ChangedRooms(Mutex<(u64, BTreeMap<sys::coach_room_t, u64>)>);

impl ChangedRooms {
    /// Something has changed.
    pub fn note(&self, room: sys::coach_room_t) {
        let (count, rooms) = &mut *self.0.lock();
        *count += 1;
        rooms.insert(room, *count);
    }

    /// Those that nobody has seen to.
    pub fn pending(&self) -> BTreeMap<sys::coach_room_t, u64> {
        self.0.lock().1.clone()
    }

    /// These have been seen to; what has changed since stays.
    pub fn done(&self, seen: &BTreeMap<sys::coach_room_t, u64>) {
        self.0.lock().1.retain(|room, change| seen.get(room) != Some(change));
    }
}
