//! What every call uses while the module is loaded: the engine, its rooms, the lock that keeps the module loaded, what is remembered.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, AtomicPtr, Ordering},
};

use super::{
    coach_events::Events, departed::Departed, fs, opening_guards::OpeningGuards, recovery::Recovery, rooms::Rooms,
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

/// The core's lock on this module: while it is held for reading, `unload` answers "Module in use".
pub struct UnloadLock {
    lock: AtomicPtr<fs::switch_thread_rwlock_t>,
    closed: AtomicBool,
}

impl UnloadLock {
    pub fn new(lock: *mut fs::switch_thread_rwlock_t) -> Self {
        Self { lock: AtomicPtr::new(lock), closed: AtomicBool::new(false) }
    }

    /// Keeps the module loaded. False: an unload is under way.
    pub fn hold(&self) -> bool {
        if self.is_closed() {
            return false;
        }
        // SAFETY: the core's lock, which stays as long as the module is loaded.
        unsafe { fs::switch_thread_rwlock_tryrdlock(self.lock.load(Ordering::Relaxed)) == fs::SWITCH_STATUS_SUCCESS }
    }

    pub fn release(&self) {
        // SAFETY: the core's lock, which stays as long as the module is loaded, and is held.
        unsafe { fs::switch_thread_rwlock_unlock(self.lock.load(Ordering::Relaxed)) };
    }

    /// The module is being unloaded: nobody keeps it any more.
    pub fn close(&self) {
        self.closed.store(true, Ordering::Release);
    }

    /// Whether the module is being unloaded, or has been.
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }
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
