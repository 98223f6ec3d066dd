//! Who hears somebody privately gets a write hook, and keeps it; so does who speaks privately, for the sounds of its mode. Nobody else has one.

use std::{collections::BTreeMap, ptr};

use serde::Deserialize;

use super::{
    hooks::Put,
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
    number: u32,
    tags: Vec<String>,
    /// Of who speaks openly, none.
    speak_only_to: Option<Vec<String>>,
    opens_in_ms: u32,
}

/// Sees to the conferences that have changed. No lock of ours may be held. Who has made a change finds it here until it has been seen to,
/// by whichever thread.
pub fn hook(module: &Module) {
    let changed = module.changed.0.lock().1.clone();
    if changed.is_empty() {
        return;
    }
    let mut coming = false;
    if module.all().iter().any(|leg| leg.private()) {
        for number in changed.keys().flat_map(|room| listeners(module, room)) {
            let uuid = module.legs.lock().numbers.get(&number).cloned();
            if let Some(leg) = uuid.and_then(|uuid| module.find(&uuid))
                && let Some(session) = Session::locate(&leg.uuid)
            {
                coming |= leg.hook_write(&session) == Put::Coming;
            }
        }
    }
    // What another thread is doing may fail: somebody looks again.
    if !coming {
        module.changed.0.lock().1.retain(|room, change| changed.get(room) != Some(change));
    }
}

/// Numbers of those who hear a sound of their mode, and of those who hear somebody privately, or would, were they not deaf, or the other
/// mute: that ends by an event, and on the thread that follows events nothing may wait for the core.
fn listeners(module: &Module, room: &str) -> Vec<u32> {
    let members = members(module, room);
    let hears = |listener: &Member, speaker: &Member| {
        let to = speaker.speak_only_to.iter().flatten();
        listener.number != speaker.number && to.into_iter().any(|tag| listener.tags.contains(tag))
    };
    let told = |listener: &Member| module.mode_sounds && listener.speak_only_to.is_some();
    let listeners =
        members.iter().filter(|listener| told(listener) || members.iter().any(|speaker| hears(listener, speaker)));
    listeners.map(|listener| listener.number).collect()
}

/// Whether an opening guard of this member runs.
pub fn is_guarded(module: &Module, room: &str, number: u32) -> bool {
    members(module, room).iter().any(|member| member.number == number && member.opens_in_ms > 0)
}

fn members(module: &Module, room: &str) -> Vec<Member> {
    let mut json = ptr::null_mut();
    // SAFETY: texts that end in NUL; the answer is ours until it is given back.
    let state = unsafe {
        if sys::coach_state_json(module.engine, c(room).as_ptr(), &raw mut json) != sys::COACH_OK {
            return Vec::new(); // it has ended
        }
        let state = serde_json::from_str::<Room>(text(json).unwrap_or_default());
        sys::coach_string_free(json);
        state
    };
    state.map_or(Vec::new(), |room| room.members)
}
