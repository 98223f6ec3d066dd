//! The engine's rooms: one a conference, open while somebody is in it.

use std::{
    collections::{HashMap, VecDeque},
    ffi::CString,
};

use super::{
    engine::{Engine, last_error},
    membership::Membership,
    session::c,
};
use crate::{lock::Mutex, sys};

/// So many rooms are remembered that are closed: the engine's last events of one may be told, by another thread, when it is.
const CLOSED: usize = 64;

/// See the module.
#[derive(Default)]
pub struct Rooms {
    /// Held while members come and go: a room is not closed over somebody who enters.
    open: Mutex<HashMap<String, Open>>,
    /// Apart, because the engine tells events while members come and go.
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    conferences: HashMap<sys::coach_room_t, Conference>,
    closed: VecDeque<sys::coach_room_t>,
}

/// What FreeSWITCH calls a room's conference.
#[derive(Clone)]
pub struct Conference {
    /// The engine's name for it.
    room: String,
    pub name: CString,
    pub unique_id: String,
}

struct Open {
    room: sys::coach_room_t,
    unique_id: String,
    members: usize,
}

/// Why a member is not seated.
pub enum JoinError {
    /// Another conference of that name has the room: one of the two is ending.
    Taken,
    /// What the engine says.
    Refused(String),
}

impl Rooms {
    /// Seats a member. `channels`: those of the conference's mix, if this opens its room.
    pub fn join(
        &self,
        engine: &Engine,
        member: sys::coach_member_t,
        membership: &Membership,
        channels: u32,
    ) -> Result<(), JoinError> {
        let mut open = self.open.lock();
        if !open.contains_key(&membership.conference) {
            let mut room = 0;
            let config = sys::coach_room_config_t {
                size: size_of::<sys::coach_room_config_t>() as u32,
                mixer: sys::COACH_MIXER_HOST,
                rate: 0,
                channels,
                tick_ms: 0,
                clock: sys::COACH_CLOCK_HOST,
                user_data: std::ptr::null_mut(),
                release: None,
            };
            // SAFETY: a text and a configuration that outlive the call.
            let status = unsafe {
                sys::coach_room_open(
                    engine.handle(),
                    c(&membership.conference).as_ptr(),
                    &raw const config,
                    &raw mut room,
                )
            };
            if status != sys::COACH_OK {
                return Err(JoinError::Refused(last_error()));
            }
            open.insert(
                membership.conference.clone(),
                Open { room, unique_id: membership.unique_id.clone(), members: 0 },
            );
            self.known.lock().conferences.insert(
                room,
                Conference {
                    room: membership.conference.clone(),
                    name: membership.name.clone(),
                    unique_id: membership.unique_id.clone(),
                },
            );
        }
        let here = open.get_mut(&membership.conference).filter(|here| here.unique_id == membership.unique_id);
        let Some(here) = here else { return Err(JoinError::Taken) };
        here.members += 1;
        // SAFETY: numbers.
        let status = unsafe { sys::coach_member_join(member, here.room, membership.number) };
        let done = if status == sys::COACH_OK { Ok(()) } else { Err(JoinError::Refused(last_error())) };
        if done.is_err() {
            self.fewer(&mut open, &membership.conference);
        }
        done
    }

    /// Takes a member out.
    pub fn leave(&self, member: sys::coach_member_t, membership: &Membership) {
        let mut open = self.open.lock();
        // SAFETY: a number.
        unsafe { sys::coach_member_leave(member) };
        self.fewer(&mut open, &membership.conference);
    }

    fn fewer(&self, open: &mut HashMap<String, Open>, name: &str) {
        let Some(here) = open.get_mut(name) else { return };
        here.members -= 1;
        if here.members == 0 {
            // SAFETY: a number.
            unsafe { sys::coach_room_close(here.room) };
            let mut known = self.known.lock();
            known.closed.push_back(here.room);
            if known.closed.len() > CLOSED
                && let Some(oldest) = known.closed.pop_front()
            {
                known.conferences.remove(&oldest);
            }
            drop(known);
            open.remove(name);
        }
    }

    /// A room's conference.
    pub fn conference(&self, room: sys::coach_room_t) -> Option<Conference> {
        self.known.lock().conferences.get(&room).cloned()
    }

    /// The engine's names of the conferences that somebody is in.
    pub fn names(&self) -> Vec<String> {
        let known = self.known.lock();
        let open = known.conferences.iter().filter(|(room, _)| !known.closed.contains(room));
        open.map(|(_, conference)| conference.room.clone()).collect()
    }
}
