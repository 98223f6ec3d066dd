//! Engines that begin and end, and with them rooms that open and close, members that attach, join and detach: whatever gets a handle is
//! in the registry and the directory from then on, and leaves both here.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread,
};

use super::{
    engine::{Config, Engine},
    error::{Error, Result},
    host_data::{HostData, RawHostData},
    membership::name_rules,
    registry,
    room_lock::RoomLock,
    state::{Mixer, NewMember, RoomState},
};
use crate::{lock::this_thread, sys};

impl Engine {
    /// A new engine, which its handle finds.
    pub fn create(config: Config) -> Arc<Self> {
        let engine = Arc::new(Self::new(config));
        registry::add(engine.handle, engine.clone());
        engine
    }

    // ---- rooms

    pub fn open_room(self: &Arc<Self>, name: &str, mixer: Mixer, data: RawHostData) -> Result<u64> {
        name_rules(name, "a room name", sys::COACH_ERR_ROOM_NAME)?;
        let mut directory = self.directory.lock();
        if directory.named(name).is_ok() {
            let message =
                format!("there is a room called {name}; coach_room_find gives it, another name opens another");
            return Err(Error::new(sys::COACH_ERR_ROOM_EXISTS, message));
        }
        directory.running()?;
        let mut state = RoomState::open_room(&self.shared, name, mixer)?;
        let handle = state.room()?.lease.handle;
        if let Mixer::Engine { tick_ms, own_clock: true, .. } = mixer
            && !self.shared.ticker.add(handle, tick_ms)
        {
            state.dissolve();
            return Err(Error::memory("the room's clock thread"));
        }
        // From here on nothing fails: the host's data are the room's.
        state.room_mut()?.data = Some(HostData::new(data));
        directory.open(name, handle, Arc::new(RoomLock::new(state)));
        registry::add(handle, self.clone());
        Ok(handle)
    }

    pub fn close_room(self: &Arc<Self>, handle: u64) -> Result<()> {
        let room = self.directory.lock().room(handle)?;
        self.act(&room, |state| {
            let name = state.room()?.name.clone();
            state.close_room()?;
            self.directory.lock().close(&name, handle);
            registry::remove(handle);
            Ok(())
        })
    }

    // ---- members

    pub fn attach(self: &Arc<Self>, new: &NewMember) -> Result<u64> {
        self.act(&self.outside, |state| {
            let member = state.attach(new, self.config.time_hooks)?;
            self.directory.lock().put(member, &self.outside);
            registry::add(member, self.clone());
            Ok(member)
        })
    }

    pub fn join(self: &Arc<Self>, member: u64, room: u64, number: u32) -> Result<()> {
        loop {
            // First what is wrong with the member, then what is with the room.
            self.act_on(member, |state| match state.member(member)?.place {
                Some(_) => state.join(member, number),
                None => Ok(()),
            })?;
            let here = self.directory.lock().room(room)?;
            let joined = self.act(&here, |state| {
                state.room()?;
                let mut outside = self.outside.lock();
                let Some(coming) = outside.members.remove(&member) else { return Ok(false) };
                state.members.insert(member, coming);
                self.directory.lock().put(member, &here);
                drop(outside);
                state.join(member, number).map(|()| true)
            })?;
            if joined {
                return Ok(());
            }
        }
    }

    /// Ends a member, which leaves its room first.
    pub fn detach(self: &Arc<Self>, member: u64) -> Result<()> {
        loop {
            self.act_on(member, |state| match state.member(member)?.place {
                Some(_) => state.leave(member),
                None => Ok(()),
            })?;
            let detached = self.act(&self.outside, |state| {
                match state.members.contains_key(&member) {
                    true => {
                        state.detach(member)?;
                        self.directory.lock().remove(member);
                        registry::remove(member);
                        Ok(true)
                    }
                    false => Ok(false), // it has joined a room again, or somebody else detaches it
                }
            })?;
            if detached {
                return Ok(());
            }
        }
    }

    /// Ends it. When this returns nothing of it is running.
    pub fn destroy(self: &Arc<Self>) -> Result<()> {
        let outgoing = self.outgoing.lock();
        if outgoing.delivering() == Some(this_thread()) {
            let message = "the engine cannot be destroyed inside its own event callback; do it after that has returned";
            return Err(Error::new(sys::COACH_ERR_BUSY, message));
        }
        let state_locks = {
            let mut directory = self.directory.lock();
            directory.running()?;
            directory.over = true;
            directory.state_locks().chain([&self.outside]).cloned().collect::<Vec<_>>()
        };
        registry::remove_all(self);
        drop(outgoing);
        for state_lock in &state_locks {
            drop(state_lock.lock()); // whoever acts there still is done now
        }
        let mut outgoing = self.outgoing.lock();
        while outgoing.delivering().is_some() {
            self.changed.wait(&mut outgoing);
        }
        drop(outgoing);
        // Whatever fails, the rest is done.
        let stopped = contained(|| self.shared.ticker.stop());
        let stopped = stopped.and(contained(|| self.service.stop())).and(contained(|| self.event_thread.stop()));
        let (mut dissolved, mut swept) = (Ok(()), Ok(()));
        for state_lock in &state_locks {
            let mut state = state_lock.lock();
            dissolved = dissolved.and(contained(|| state.dissolve()));
            loop {
                match contained(|| state.retirement.sweep()) {
                    Ok(true) => break,
                    Ok(false) => thread::yield_now(), // a hook is inside; it is short
                    Err(fault) => swept = Err(fault), // what could not be freed is let go
                }
            }
        }
        swept = swept.and(contained(|| self.shared.free_discarded()).map(|_| ()));
        self.outgoing.lock().clear();
        self.directory.lock().clear();
        stopped.and(dissolved).and(swept)
    }
}

/// Does one part of an end.
fn contained<R>(break_pairs: impl FnOnce() -> R) -> Result<R> {
    let fault = "a fault inside Coach was contained while the engine ended: please report it";
    catch_unwind(AssertUnwindSafe(break_pairs)).map_err(|_| Error::new(sys::COACH_ERR_PANIC, fault))
}
