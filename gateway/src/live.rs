//! What changes in conferences, as it happens, for whoever follows it.
//!
//! Whatever event a switch raises about a conference is a reason to look at all of them: what differs from the last look is told. So
//! nothing is told that is not so, and after missed events everything is right again with the next look. While nobody follows,
//! nobody looks.

use crate::{
    gateway::{Gateway, Node},
    members::{Participant, by_conference, conference},
};
use serde::Serialize;
use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::sync::{broadcast, watch};
use uuid::Uuid;

/// Events that may wait for one who follows.
const MOST_EVENTS: usize = 1024;
/// Events of a switch that come together are looked at together: a look asks for every call.
const TOGETHER: Duration = Duration::from_millis(100);
/// Without an event, too, there is a look now and then: an event can be lost on its way.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long the first look may take.
const PATIENCE: Duration = Duration::from_secs(2);

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
    events: broadcast::Sender<Arc<Event>>,
    /// The switches that are looked at, and whether each has been.
    followed: Mutex<HashMap<String, watch::Receiver<bool>>>,
}

impl Default for Live {
    fn default() -> Self {
        Self { events: broadcast::channel(MOST_EVENTS).0, followed: Mutex::default() }
    }
}

/// Every event from now on.
pub async fn follow(gateway: &Arc<Gateway>) -> broadcast::Receiver<Arc<Event>> {
    let (events, looked) = {
        let mut followed = gateway.live.followed.lock().unwrap_or_else(PoisonError::into_inner);
        // Under the lock, so that no look ends for want of somebody who follows.
        let events = gateway.live.events.subscribe();
        look_at_all(gateway, &mut followed);
        (events, followed.values().cloned().collect::<Vec<_>>())
    };
    for mut looked in looked {
        tokio::time::timeout(PATIENCE, looked.wait_for(|looked| *looked)).await.ok();
    }
    events
}

/// The settings have changed: whoever follows already follows new switches too.
pub fn follow_more(gateway: &Arc<Gateway>) {
    let mut followed = gateway.live.followed.lock().unwrap_or_else(PoisonError::into_inner);
    if gateway.live.events.receiver_count() > 0 {
        look_at_all(gateway, &mut followed);
    }
}

fn look_at_all(gateway: &Arc<Gateway>, followed: &mut HashMap<String, watch::Receiver<bool>>) {
    for node in &*gateway.nodes() {
        followed.entry(node.switch.name().to_owned()).or_insert_with(|| {
            let (has_looked, looked) = watch::channel(false);
            tokio::spawn(look(gateway.clone(), node.clone(), has_looked));
            looked
        });
    }
}

/// A conference as one account sees it.
struct Seen {
    name: String,
    members: BTreeMap<Uuid, Participant>,
}

/// By account, and by the conference's id.
type State = BTreeMap<(Uuid, String), Seen>;

/// Looks at a switch, again and again, until nobody follows or the settings have it no longer.
async fn look(gateway: Arc<Gateway>, mut node: Node, has_looked: watch::Sender<bool>) {
    let mut changes = node.switch.changes();
    let mut before: Option<State> = None;
    loop {
        if let Ok(snapshot) = node.switch.snapshot().await
            && snapshot.has_module
        {
            let now = state(&gateway, &node, snapshot);
            if let Some(before) = &before {
                for event in differences(before, &now) {
                    gateway.live.events.send(Arc::new(event)).ok();
                }
            }
            before = Some(now);
        }
        has_looked.send_replace(true);
        tokio::time::timeout(LOOK_EVERY, changes.changed()).await.ok();
        tokio::time::sleep(TOGETHER).await;
        let mut followed = gateway.live.followed.lock().unwrap_or_else(PoisonError::into_inner);
        let nodes = gateway.nodes();
        let now = nodes.iter().find(|now| now.switch.name() == node.switch.name());
        let Some(now) = now.filter(|_| gateway.live.events.receiver_count() > 0) else {
            followed.remove(node.switch.name());
            return;
        };
        if !Arc::ptr_eq(&now.switch, &node.switch) {
            changes = now.switch.changes();
        }
        node = now.clone();
    }
}

fn state(gateway: &Gateway, node: &Node, snapshot: crate::switch::Snapshot) -> State {
    let mut accounts: BTreeMap<Uuid, Vec<_>> = BTreeMap::new();
    for (account, found) in gateway.found(node, snapshot) {
        accounts.entry(account).or_default().push(found);
    }
    let mut state = State::new();
    for (account, calls) in &accounts {
        for (place, members) in by_conference(calls) {
            let shown = conference(place, &members);
            let members = shown.participants.into_iter().map(|member| (member.call_sid, member)).collect();
            state.insert((*account, shown.id), Seen { name: shown.name, members });
        }
    }
    state
}

fn differences(before: &State, now: &State) -> Vec<Event> {
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
