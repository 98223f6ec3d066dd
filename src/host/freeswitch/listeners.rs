//! Who hears somebody privately gets a write hook, and keeps it; who never does, none.

use std::{collections::BTreeMap, ptr};

use serde::Deserialize;

use super::{
    module::Module,
    switch::{Session, c, text},
};
use crate::{lock::Mutex, sys};

/// Conferences in which somebody may hear somebody privately who did not before: each with the number of its latest change.
#[derive(Default)]
pub struct Changed(Mutex<(u64, BTreeMap<String, u64>)>);

impl Changed {
    /// Something has changed.
    pub fn note(&self, room: &str) {
        let (count, rooms) = &mut *self.0.lock();
        *count += 1;
        rooms.insert(room.into(), *count);
    }
}

/// What the engine says of a room, as far as it matters here.
#[derive(Deserialize)]
struct Room {
    members: Vec<Member>,
}

/// See [`Room`].
#[derive(Deserialize)]
struct Member {
    /// Of who speaks openly, none.
    speak_only_to: Option<Vec<String>>,
    heard_by: Vec<u32>,
}

/// Sees to the conferences that have changed. No lock of ours may be held. Who has made a change finds it here until it has been seen to,
/// by whichever thread.
pub fn hook(module: &Module) {
    let changed = module.changed.0.lock().1.clone();
    if changed.is_empty() {
        return;
    }
    if module.all().iter().any(|leg| leg.private()) {
        for number in changed.keys().flat_map(|room| listeners(module, room)) {
            let uuid = module.legs.lock().numbers.get(&number).cloned();
            if let Some(leg) = uuid.and_then(|uuid| module.find(&uuid))
                && let Some(session) = Session::locate(&leg.uuid)
            {
                leg.hook_write(&session);
            }
        }
    }
    module.changed.0.lock().1.retain(|room, change| changed.get(room) != Some(change));
}

/// Numbers of those who hear somebody privately.
fn listeners(module: &Module, room: &str) -> Vec<u32> {
    let mut json = ptr::null_mut();
    // SAFETY: texts that end in NUL; the answer is ours until it is given back.
    let state = unsafe {
        if sys::coach_state_json(module.engine, c(room).as_ptr(), &raw mut json) != sys::COACH_OK {
            return Vec::new(); // it has ended
        }
        let state = serde_json::from_str::<Room>(text(json).unwrap_or_default());
        sys::coach_text_free(json);
        state
    };
    let members = state.map_or(Vec::new(), |room| room.members);
    let private = members.into_iter().filter(|member| member.speak_only_to.is_some());
    private.flat_map(|member| member.heard_by).collect()
}
