//! Where the rooms and members of one engine are to be found. Its lock is held for a moment, and nothing is called meanwhile.

use std::{collections::HashMap, sync::Arc};

use super::{
    error::{Error, Result},
    handles::HandleMap,
    room_lock::RoomLock,
};
use crate::sys;

/// What one lock guards: a room with its members, or all members outside rooms.
pub type StateLock = Arc<RoomLock>;

/// See above.
#[derive(Default)]
pub struct Directory {
    names: HashMap<String, u64>,
    rooms: HandleMap<StateLock>,
    members: HandleMap<StateLock>,
    /// The engine is being destroyed.
    pub over: bool,
}

impl Directory {
    pub fn running(&self) -> Result<()> {
        if self.over { Err(Error::handle("engine")) } else { Ok(()) }
    }

    pub fn room(&self, handle: u64) -> Result<StateLock> {
        self.running()?;
        self.rooms.get(&handle).cloned().ok_or_else(|| Error::handle("room"))
    }

    pub fn member(&self, handle: u64) -> Result<StateLock> {
        self.running()?;
        self.members.get(&handle).cloned().ok_or_else(|| Error::handle("member"))
    }

    pub fn named(&self, name: &str) -> Result<u64> {
        self.running()?;
        self.names.get(name).copied().ok_or_else(|| no_room(name))
    }

    /// Handles of all rooms with their names, in the order of these.
    pub fn rooms(&self) -> Vec<(String, u64)> {
        let mut rooms: Vec<_> = self.names.iter().map(|(name, room)| (name.clone(), *room)).collect();
        rooms.sort();
        rooms
    }

    /// What all rooms are in.
    pub fn state_locks(&self) -> impl Iterator<Item = &StateLock> {
        self.rooms.values()
    }

    pub fn open(&mut self, name: &str, handle: u64, room: StateLock) {
        self.names.insert(name.into(), handle);
        self.rooms.insert(handle, room);
    }

    pub fn close(&mut self, name: &str, handle: u64) {
        self.names.remove(name);
        self.rooms.remove(&handle);
    }

    pub fn put(&mut self, member: u64, state_lock: &StateLock) {
        self.members.insert(member, state_lock.clone());
    }

    /// Lets go of everything, which holds what this is in.
    pub fn clear(&mut self) {
        (self.names, self.rooms, self.members) = Default::default();
    }

    pub fn remove(&mut self, member: u64) {
        self.members.remove(&member);
    }
}

/// There is no such room.
pub fn no_room(name: &str) -> Error {
    Error::new(sys::COACH_ERR_NO_ROOM, format!("no room called {name}; `rooms` lists those there are"))
}

#[cfg(test)]
mod tests {
    use super::super::{
        engine::{Config, Engine},
        state::{Mixer, NewMember},
    };
    use crate::audio::host_mix::HostMix;

    /// A handle is not used again, so what stayed behind would stay for as long as the engine does.
    #[test]
    fn what_is_gone_leaves_nothing_behind() {
        let engine = Engine::create(Config::for_tests(200));
        let nothing = (std::ptr::null_mut(), None);
        let room = engine.open_room("sales", Mixer::Host(HostMix::Unknown), nothing).expect("is opened");
        let members = ["inside", "outside"]
            .map(|call_id| engine.attach(&NewMember::for_tests(call_id, None, None)).expect("is attached"));
        engine.join(members[0], room, 1).expect("enters");
        let known = || {
            let directory = engine.directory.lock();
            (directory.names.len(), directory.rooms.len(), directory.members.len())
        };
        assert_eq!(known(), (1, 1, 2));
        members.iter().for_each(|member| engine.detach(*member).expect("is detached"));
        engine.close_room(room).expect("is closed");
        assert_eq!(known(), (0, 0, 0));
        engine.destroy().expect("it ends");
    }
}
