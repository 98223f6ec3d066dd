//! Follows what changes in conferences, as it happens.
//!
//! Whatever event a switch raises about a conference is a reason to look at all of them: what differs from the last look is told. So
//! nothing is told that is not so, and after missed events everything is right again with the next look. While nobody follows,
//! nobody looks.

use crate::{
    gateway::Gateway,
    live::{Event, Seen, State, differences},
    members::{by_conference, conference},
    node::Node,
    switch::Snapshot,
};
use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, PoisonError},
    time::Duration,
};
use tokio::sync::{broadcast, watch};
use uuid::Uuid;

/// Events of a switch that come together are looked at together: a look asks for every call.
const TOGETHER: Duration = Duration::from_millis(100);
/// Without an event, too, there is a look now and then: an event can be lost on its way.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long the first look may take.
const PATIENCE: Duration = Duration::from_secs(2);

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

fn state(gateway: &Gateway, node: &Node, snapshot: Snapshot) -> State {
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
