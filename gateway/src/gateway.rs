//! What the gateway is while it runs, and which call is whose.

use crate::{
    ends::Ends,
    entering::Entering,
    keys::{self, Caller},
    live::Live,
    names,
    node::{FindError, Found, Node, connect},
    settings::{Account, Settings, SwitchSettings},
    store::{Store, StoreError},
    switch::{Call, Member, Snapshot, SwitchError},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, RwLock},
};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// The gateway.
pub struct Gateway {
    settings: RwLock<Arc<Settings>>,
    /// The database.
    pub store: Arc<Store>,
    nodes: RwLock<Arc<[Node]>>,
    /// When conferences end.
    pub ends: Arc<Ends>,
    /// Calls that are about to enter one.
    pub entering: Entering,
    /// Those who follow what changes.
    pub live: Live,
    /// The gateway is told to end.
    pub ending: CancellationToken,
}

impl Gateway {
    /// Connects to the switches.
    pub fn start(settings: Settings, store: Arc<Store>) -> Arc<Self> {
        let nodes = RwLock::new(settings.switches.iter().map(connect).collect());
        let (live, ending) = (Live::default(), CancellationToken::new());
        let (settings, ends) = (RwLock::new(Arc::new(settings)), Ends::new(store.clone()));
        Arc::new(Self { settings, store, nodes, ends, entering: Entering::default(), live, ending })
    }

    /// The settings as they are now.
    pub fn settings(&self) -> Arc<Settings> {
        self.settings.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    /// The switches as they are now.
    pub fn nodes(&self) -> Arc<[Node]> {
        self.nodes.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    /// Other settings from now on. A switch that keeps its name stays the same one, with another connection if need be; one that is gone
    /// stays connected for the sessions that it has.
    pub fn reload(&self, settings: Settings) {
        let before = self.nodes();
        let node = |switch: &SwitchSettings| {
            let same = before.iter().find(|node| node.switch.name() == switch.name);
            same.and_then(|node| node.changed(switch)).unwrap_or_else(|| connect(switch))
        };
        let nodes = settings.switches.iter().map(node).collect();
        *self.nodes.write().unwrap_or_else(std::sync::PoisonError::into_inner) = nodes;
        *self.settings.write().unwrap_or_else(std::sync::PoisonError::into_inner) = Arc::new(settings);
    }

    /// Whose key this is.
    pub async fn caller(&self, key: String) -> Result<Option<Caller>, StoreError> {
        let store = self.store.clone();
        let known = tokio::task::spawn_blocking(move || keys::recognize(&store, &key)).await;
        known.unwrap_or(Ok(None))
    }

    /// Whether the key with this public part is known to be good no longer.
    pub async fn is_revoked(&self, id: String) -> bool {
        let store = self.store.clone();
        let known = tokio::task::spawn_blocking(move || store.key(&id)).await;
        // A database that does not answer has not said so.
        matches!(known, Ok(Ok(key)) if key.as_ref().is_none_or(|key| key.revoked))
    }

    /// A switch's calls, and whose each is.
    pub fn found(&self, node: &Node, snapshot: Snapshot) -> Vec<(Uuid, Found)> {
        let settings = self.settings();
        let has_module = snapshot.has_module;
        let found = |call: Call| {
            let account = owner(&settings, node, &call);
            let conference = call.member.as_ref().and_then(|member| conference_name(&settings, account, member));
            (account, Found { conference, call, node: node.clone(), has_module })
        };
        snapshot.calls.into_iter().map(found).collect()
    }

    /// Every call of an account, on every switch that answers; and why others do not.
    pub async fn calls(&self, account: Uuid) -> (Vec<Found>, Vec<SwitchError>) {
        let mut questions = JoinSet::new();
        for node in self.nodes().iter().cloned() {
            questions.spawn(async move {
                let snapshot = node.switch.snapshot().await;
                (node, snapshot)
            });
        }
        let (mut found, mut errors) = (Vec::new(), Vec::new());
        while let Some(answer) = questions.join_next().await {
            let Ok((node, snapshot)) = answer else { continue };
            match snapshot {
                Ok(snapshot) => {
                    if !snapshot.has_module {
                        let (switch, module) = (node.switch.name().to_owned(), node.switch.module());
                        errors.push(SwitchError::NoModule { switch, module });
                    }
                    let own = self.found(&node, snapshot).into_iter().filter(|(owner, _)| *owner == account);
                    found.extend(own.map(|(_, found)| found));
                }
                Err(error) => errors.push(error),
            }
        }
        found.sort_by(|a, b| (b.call.seconds, &a.call.id).cmp(&(a.call.seconds, &b.call.id)));
        (found, errors)
    }

    /// Conferences of one name on several switches: who is in the one hears nobody in the other.
    pub async fn conferences_on_several_switches(&self) -> Vec<String> {
        let mut problems = Vec::new();
        for account in &self.settings().accounts {
            let mut switches: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
            for found in self.calls(account.sid).await.0 {
                let Some(conference) = found.conference else { continue };
                switches.entry(conference).or_default().insert(found.node.switch.name().to_owned());
            }
            for (conference, switches) in switches.into_iter().filter(|(_, switches)| switches.len() > 1) {
                let switches = switches.into_iter().collect::<Vec<_>>().join(" and ");
                problems.push(format!(
                    "the account {} has a conference {conference:?} on {switches} each, and who is in the one hears nobody in the other: \
                     send its calls to one switch",
                    account.name
                ));
            }
        }
        problems
    }

    /// The call of this sid, if it is this account's.
    pub async fn call(&self, account: Uuid, sid: Uuid) -> Result<Found, FindError> {
        let (found, errors) = self.calls(account).await;
        if let Some(call) = found.into_iter().find(|found| found.call.sid == sid) {
            return Ok(call);
        }
        // Without its module, a switch has shown its calls all the same.
        let unanswered = errors.into_iter().find(|error| !matches!(error, SwitchError::NoModule { .. }));
        Err(unanswered.map_or(FindError::None, FindError::Switch))
    }
}

/// Whose call this is: what is written on it says so, then the name of its conference, then the switch.
fn owner(settings: &Settings, node: &Node, call: &Call) -> Uuid {
    let written = call.account.filter(|sid| settings.account(*sid).is_some());
    let by_conference = || {
        let room = &call.member.as_ref()?.conference;
        let prefixed = settings.accounts.iter().filter(|account| !account.room_prefix.is_empty());
        prefixed
            .into_iter()
            .find(|account| names::from_switch(&account.room_prefix, room).is_some())
            .map(|account| account.sid)
    };
    written.or_else(by_conference).unwrap_or(node.account)
}

/// An account's name for a conference; the switch's own where the account did not name it.
fn conference_name(settings: &Settings, account: Uuid, member: &Member) -> Option<String> {
    let prefix = settings.account(account).map(|Account { room_prefix, .. }| room_prefix.as_str()).unwrap_or_default();
    Some(names::from_switch(prefix, &member.conference).unwrap_or_else(|| member.conference.clone()))
}
