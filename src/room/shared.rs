//! What the rooms of one engine share. Each part has a lock of its own or needs none, and is held for a moment alone.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use super::{
    control::{Control, Gone},
    engine_clock::EngineClock,
    error::{Error, Result},
};
use crate::{audio::mailbox::Bell, lock::Mutex, sys};

/// What one lock guards: a room with its members, or all members outside rooms.
pub type Space = Arc<Mutex<Control>>;

/// See above.
pub struct Shared {
    /// Number of the last plan.
    number: AtomicU64,
    /// Somebody may need a conversion or the clock: there is somebody who speaks privately, or a room that the engine mixes. The
    /// service has to run.
    busy: AtomicBool,
    pub directory: Mutex<Directory>,
    /// Counts of members that are gone.
    pub gone: Mutex<Gone>,
    pub guard_ms: u32,
    /// Whether members hear a sound at every change of their mode.
    pub mode_sounds: bool,
    pub clock: Arc<EngineClock>,
    /// Whether anybody listens to events.
    pub tell: bool,
    pub bell: Bell,
}

impl Shared {
    pub fn new(guard_ms: u32, mode_sounds: bool, clock: Arc<EngineClock>, tell: bool) -> Arc<Self> {
        Arc::new(Self {
            number: AtomicU64::new(0),
            busy: AtomicBool::new(false),
            directory: Mutex::default(),
            gone: Mutex::default(),
            guard_ms,
            mode_sounds,
            clock,
            tell,
            bell: Bell::default(),
        })
    }

    /// The number of a plan that is to be made: higher than all before it.
    pub fn next_number(&self) -> u64 {
        self.number.fetch_add(1, Ordering::SeqCst) + 1
    }

    /// From now on the service has to run.
    pub fn needs_service(&self) {
        self.busy.store(true, Ordering::Relaxed);
    }

    pub fn busy(&self) -> bool {
        self.busy.load(Ordering::Relaxed)
    }
}

/// Where rooms and members are to be found.
#[derive(Default)]
pub struct Directory {
    names: HashMap<String, u64>,
    rooms: HashMap<u64, Space>,
    members: HashMap<u64, Space>,
    /// The engine is being destroyed.
    pub over: bool,
}

impl Directory {
    pub fn running(&self) -> Result<()> {
        if self.over { Err(Error::handle("engine")) } else { Ok(()) }
    }

    pub fn room(&self, handle: u64) -> Result<Space> {
        self.running()?;
        self.rooms.get(&handle).cloned().ok_or_else(|| Error::handle("room"))
    }

    pub fn member(&self, handle: u64) -> Result<Space> {
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
    pub fn spaces(&self) -> Vec<Space> {
        self.rooms.values().cloned().collect()
    }

    pub fn open(&mut self, name: &str, handle: u64, room: Space) {
        self.names.insert(name.into(), handle);
        self.rooms.insert(handle, room);
    }

    pub fn close(&mut self, name: &str, handle: u64) {
        self.names.remove(name);
        self.rooms.remove(&handle);
    }

    pub fn put(&mut self, member: u64, space: &Space) {
        self.members.insert(member, space.clone());
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
