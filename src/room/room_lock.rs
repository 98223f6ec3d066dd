//! The lock of one room, which also says whether the service has to look there: there may be thousands of rooms that nobody is in.

use std::sync::atomic::{AtomicBool, Ordering};

use super::state::RoomState;
use crate::lock::{Mutex, MutexGuard};

/// What it guards, and what the service last found there.
pub struct RoomLock {
    state: Mutex<RoomState>,
    /// Nobody is in the room, and nothing is left of those who were. Written under the lock.
    deserted: AtomicBool,
}

impl RoomLock {
    pub fn new(state: RoomState) -> Self {
        Self { state: Mutex::new(state), deserted: AtomicBool::new(false) }
    }

    /// Whoever has the lock may change the room, so the service looks again.
    pub fn lock(&self) -> MutexGuard<'_, RoomState> {
        let state = self.state.lock();
        // What hooks want of a later plan they ask for once that is published: who has seen them ask sees this, too.
        self.deserted.store(false, Ordering::SeqCst);
        state
    }

    /// Whether there was nothing to serve when the service looked last, and nobody has had the lock since.
    pub fn is_deserted(&self) -> bool {
        self.deserted.load(Ordering::SeqCst)
    }

    /// [service] The lock, which leaves that as it is.
    pub fn lock_to_serve(&self) -> MutexGuard<'_, RoomState> {
        self.state.lock()
    }

    /// [service] It has served the room, whose lock it holds still.
    pub fn served(&self, state: &RoomState) {
        let deserted = state.members.is_empty() && state.retirement.is_empty() && state.events.is_empty();
        self.deserted.store(deserted, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::super::{
        engine::{Config, Engine},
        state::{Mixer, NewMember},
    };
    use crate::audio::host_mix::HostMix;

    #[test]
    fn the_service_passes_a_room_by_only_while_nobody_and_nothing_is_left_in_it() {
        let engine = Engine::create(Config::for_tests(200));
        let room =
            engine.open_room("sales", Mixer::Host(HostMix::Unknown), (std::ptr::null_mut(), None)).expect("is opened");
        let lock = engine.directory.lock().room(room).expect("is there");
        let deserted = || {
            engine.serve();
            lock.is_deserted()
        };
        assert!(!lock.is_deserted(), "it was never looked at");
        assert!(deserted());
        let member = engine.attach(&NewMember::for_tests("agent", Some("agent"), None)).expect("is attached");
        assert!(deserted(), "the member is not in it yet");
        engine.join(member, room, 1).expect("enters");
        assert!(!lock.is_deserted() && !deserted(), "somebody is in it");
        let slot = engine.act_on(member, |state| Ok(state.member(member)?.lease.slot())).expect("is there");
        let inside = slot.write.0.enter().expect("nobody is inside");
        engine.detach(member).expect("is detached");
        assert!(!deserted(), "a hook uses what is to be freed");
        drop(inside);
        assert!(deserted());
        drop(lock.lock());
        assert!(!lock.is_deserted(), "whoever had the lock may have changed something");
        engine.destroy().expect("it ends");
    }
}
