//! The engine's rooms: one a conference, open while somebody is in it.

use std::collections::HashMap;

use super::{
    leg::Seat,
    module::{Module, said},
    switch::c,
};
use crate::{lock::Mutex, sys};

/// See the module.
#[derive(Default)]
pub struct Rooms {
    /// Held while members come and go: a room is not closed over somebody who enters.
    open: Mutex<HashMap<String, Open>>,
    /// `Conference-Unique-ID` by name; apart, because the engine tells events while members come and go.
    ids: Mutex<HashMap<String, String>>,
}

struct Open {
    room: sys::coach_room_t,
    members: usize,
}

impl Rooms {
    /// Seats a member.
    pub fn join(&self, module: &Module, member: sys::coach_member_t, seat: &Seat) -> Result<(), String> {
        let mut open = self.open.lock();
        if !open.contains_key(&seat.conference) {
            let mut room = 0;
            // SAFETY: a text that outlives the call; null is a host-mixed room.
            let status = unsafe {
                sys::coach_room_open(module.engine, c(&seat.conference).as_ptr(), std::ptr::null(), &raw mut room)
            };
            if status != sys::COACH_OK {
                return Err(said());
            }
            open.insert(seat.conference.clone(), Open { room, members: 0 });
        }
        self.ids.lock().insert(seat.conference.clone(), seat.unique_id.clone());
        let Some(here) = open.get_mut(&seat.conference) else { return Err("the room is gone".into()) };
        here.members += 1;
        // SAFETY: numbers.
        let status = unsafe { sys::coach_member_join(member, here.room, seat.number) };
        let done = if status == sys::COACH_OK { Ok(()) } else { Err(said()) };
        if done.is_err() {
            self.fewer(&mut open, &seat.conference);
        }
        done
    }

    /// Takes a member out.
    pub fn leave(&self, member: sys::coach_member_t, seat: &Seat) {
        let mut open = self.open.lock();
        // SAFETY: a number.
        unsafe { sys::coach_member_leave(member) };
        self.fewer(&mut open, &seat.conference);
    }

    fn fewer(&self, open: &mut HashMap<String, Open>, name: &str) {
        let Some(here) = open.get_mut(name) else { return };
        here.members -= 1;
        if here.members == 0 {
            // SAFETY: a number.
            unsafe { sys::coach_room_close(here.room) };
            open.remove(name);
            self.ids.lock().remove(name);
        }
    }

    /// `Conference-Unique-ID` of a conference.
    pub fn unique_id(&self, name: &str) -> Option<String> {
        self.ids.lock().get(name).cloned()
    }

    /// Names of the conferences that somebody is in.
    pub fn names(&self) -> Vec<String> {
        self.ids.lock().keys().cloned().collect()
    }
}
