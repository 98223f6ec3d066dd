//! What changes in conferences: what differs between two looks at them, and those who are told.

use crate::members::Participant;
use serde::Serialize;
use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex},
};
use tokio::sync::{broadcast, watch};
use uuid::Uuid;

/// Events that may wait for one who follows.
const MOST_EVENTS: usize = 1024;

/// Something that has changed.
#[derive(Debug, Clone, Serialize)]
pub struct Event {
    /// Whose conference it is.
    #[serde(skip)]
    pub account: Uuid,
    /// `start` and `end`, of a conference; of a member `join`, `leave`, `tag`, `coach`, `audience`, `mute`, `unmute`, `hold`, `unhold`.
    pub event: &'static str,
    /// When it was seen.
    pub time: String,
    /// The switch, and its own name of the conference.
    pub id: String,
    /// The account's name of it.
    pub name: String,
    /// The member as it is now; of one that has left, as it was.
    #[serde(flatten)]
    pub member: Option<Participant>,
}

/// Those who follow.
pub struct Live {
    /// What they are told.
    pub events: broadcast::Sender<Arc<Event>>,
    /// The switches that are looked at, and whether each has been.
    pub followed: Mutex<HashMap<String, watch::Receiver<bool>>>,
}

impl Default for Live {
    fn default() -> Self {
        Self { events: broadcast::channel(MOST_EVENTS).0, followed: Mutex::default() }
    }
}

/// A conference as one account sees it.
pub struct Seen {
    /// The account's name of it.
    pub name: String,
    /// Its members.
    pub members: BTreeMap<Uuid, Participant>,
}

/// By account, and by the conference's id.
pub type State = BTreeMap<(Uuid, String), Seen>;

/// What has changed between two looks.
pub fn differences(before: &State, now: &State) -> Vec<Event> {
    let time = format!("{:.3}", jiff::Timestamp::now());
    let mut events = Vec::new();
    let none = BTreeMap::new();
    for ((account, id), seen) in now {
        let mut tell = |event, member: Option<&Participant>| {
            let (time, id, name) = (time.clone(), id.clone(), seen.name.clone());
            events.push(Event { account: *account, event, time, id, name, member: member.cloned() });
        };
        let old = before.get(&(*account, id.clone()));
        if old.is_none() {
            tell("start", None);
        }
        let old = old.map_or(&none, |old| &old.members);
        for (sid, member) in &seen.members {
            match old.get(sid) {
                None => tell("join", Some(member)),
                Some(old) => changed(old, member).for_each(|event| tell(event, Some(member))),
            }
        }
        for (_, left) in old.iter().filter(|(sid, _)| !seen.members.contains_key(sid)) {
            tell("leave", Some(left));
        }
    }
    for ((account, id), seen) in before.iter().filter(|(place, _)| !now.contains_key(place)) {
        for member in seen.members.values().map(Some).chain([None]) {
            let event = if member.is_some() { "leave" } else { "end" };
            let (time, id, name) = (time.clone(), id.clone(), seen.name.clone());
            events.push(Event { account: *account, event, time, id, name, member: member.cloned() });
        }
    }
    events
}

/// What of a member has changed.
fn changed(old: &Participant, now: &Participant) -> impl Iterator<Item = &'static str> {
    let muted = if now.muted { "mute" } else { "unmute" };
    let held = if now.held { "hold" } else { "unhold" };
    [
        (old.member_tag != now.member_tag, "tag"),
        (old.speak_only_to != now.speak_only_to, "coach"),
        (old.heard_by != now.heard_by, "audience"),
        (old.muted != now.muted, muted),
        (old.held != now.held, held),
    ]
    .into_iter()
    .filter_map(|(differs, event)| differs.then_some(event))
}
