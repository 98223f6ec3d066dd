//! The sessions that there are, from outside.

use super::{handed_over::HandedOver, incoming::Incoming, outbound::Clients};
use crate::{gateway::Gateway, store::SessionRecord};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::mpsc;

/// Commands of an application that may wait.
pub const MOST_COMMANDS: usize = 64;

/// Why no session begins: there are so many already.
#[derive(Debug, Clone, Copy, thiserror::Error, PartialEq, Eq)]
#[error("there are {0} sessions, as many as most_sessions in the settings allows")]
pub struct TooMany(usize);

/// A running session, from outside.
#[derive(Clone)]
pub struct Handle {
    /// Where commands go.
    pub commands: mpsc::Sender<Incoming>,
    /// The call, and the connections for it.
    pub(super) leg: HandedOver,
}

/// Every session, by switch and call.
pub struct Sessions {
    /// The gateway.
    pub(super) gateway: Arc<Gateway>,
    /// What asks applications by HTTP.
    pub(super) clients: Clients,
    running: Mutex<HashMap<(String, String), Handle>>,
    /// What a gateway before this one has left of each switch's calls, until they go on; without an entry: it is not known yet.
    kept: Mutex<HashMap<String, HashMap<String, SessionRecord>>>,
}

impl Sessions {
    /// None yet.
    pub fn new(gateway: Arc<Gateway>) -> Result<Arc<Self>, reqwest::Error> {
        Ok(Arc::new(Self { gateway, clients: Clients::new()?, running: Mutex::default(), kept: Mutex::default() }))
    }

    fn running(&self) -> MutexGuard<'_, HashMap<(String, String), Handle>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn kept(&self) -> MutexGuard<'_, HashMap<String, HashMap<String, SessionRecord>>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the database has of a switch's calls.
    pub(super) fn keep(&self, switch: &str, records: Vec<SessionRecord>) {
        let records = records.into_iter().map(|record| (record.call.clone(), record));
        self.kept().insert(switch.to_owned(), records.collect());
    }

    /// Whether the database has told of a switch's calls.
    pub(super) fn kept_are_known(&self, switch: &str) -> bool {
        self.kept().contains_key(switch)
    }

    /// What is kept of a call, to whoever asks first: its session goes on.
    pub(super) fn take_kept(&self, switch: &str, call: &str) -> Option<SessionRecord> {
        self.kept().get_mut(switch)?.remove(call)
    }

    /// The session of a call.
    pub fn of(&self, switch: &str, call: &str) -> Option<Handle> {
        self.running().get(&(switch.to_owned(), call.to_owned())).cloned()
    }

    /// The session of a new call begins. `Err`: there are as many as the settings allow.
    pub(super) fn add_new(&self, switch: &str, call: &str, handle: Handle) -> Result<(), TooMany> {
        let most = self.gateway.settings().most_sessions;
        let mut running = self.running();
        if running.len() >= most {
            return Err(TooMany(most));
        }
        running.insert((switch.to_owned(), call.to_owned()), handle);
        Ok(())
    }

    /// One from before a restart goes on.
    pub(super) fn add(&self, switch: &str, call: &str, handle: Handle) {
        self.running().insert((switch.to_owned(), call.to_owned()), handle);
    }

    /// It has ended.
    pub(super) fn remove(&self, switch: &str, call: &str) {
        self.running().remove(&(switch.to_owned(), call.to_owned()));
    }
}
