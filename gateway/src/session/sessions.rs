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
    table: Mutex<Table>,
}

/// The calls that have a session, or had one before a restart: under one lock, so that a call has one session and no other.
#[derive(Default)]
struct Table {
    running: HashMap<(String, String), Place>,
    /// What a gateway before this one has left of each switch's calls, until they go on; without an entry: it is not known yet.
    kept: HashMap<String, HashMap<String, SessionRecord>>,
}

/// A call's place among the sessions.
enum Place {
    /// Somebody is about to begin its session.
    Reserved,
    /// It has one.
    Running(Handle),
}

/// What is known of a call that has come in.
pub(super) enum Claim {
    /// It has a session.
    Running(Handle),
    /// Its session is about to begin, for another connection.
    Begins,
    /// It had one before a restart, which goes on.
    Kept(Reservation, SessionRecord),
    /// It is new.
    New(Reservation),
    /// It is new, and there is no place for it.
    TooMany(TooMany),
}

/// A place for a session, free again where none begins.
pub(super) struct Reservation {
    sessions: Arc<Sessions>,
    call: (String, String),
}

impl Reservation {
    /// The session begins.
    pub(super) fn begins(self, handle: Handle) {
        self.sessions.table().running.insert(self.call.clone(), Place::Running(handle));
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let mut table = self.sessions.table();
        if matches!(table.running.get(&self.call), Some(Place::Reserved)) {
            table.running.remove(&self.call);
        }
    }
}

impl Sessions {
    /// None yet.
    pub fn new(gateway: Arc<Gateway>) -> Result<Arc<Self>, reqwest::Error> {
        Ok(Arc::new(Self { gateway, clients: Clients::new()?, table: Mutex::default() }))
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the database has of a switch's calls.
    pub(super) fn keep(&self, switch: &str, records: Vec<SessionRecord>) {
        let records = records.into_iter().map(|record| (record.call.clone(), record));
        self.table().kept.insert(switch.to_owned(), records.collect());
    }

    /// Whether the database has told of a switch's calls.
    pub(super) fn kept_are_known(&self, switch: &str) -> bool {
        self.table().kept.contains_key(switch)
    }

    /// What is kept of a call, which stays kept.
    pub(super) fn kept(&self, switch: &str, call: &str) -> Option<SessionRecord> {
        self.table().kept.get(switch)?.get(call).cloned()
    }

    /// What a call that has come in is: whoever asks first begins its session.
    pub(super) fn claim(self: &Arc<Self>, switch: &str, call: &str) -> Claim {
        let mut table = self.table();
        match table.running.get(&(switch.to_owned(), call.to_owned())) {
            Some(Place::Running(handle)) => return Claim::Running(handle.clone()),
            Some(Place::Reserved) => return Claim::Begins,
            None => {}
        }
        if let Some(record) = table.kept.get_mut(switch).and_then(|kept| kept.remove(call)) {
            return Claim::Kept(self.reserve_in(&mut table, switch, call), record);
        }
        match self.room_in(&table) {
            Ok(()) => Claim::New(self.reserve_in(&mut table, switch, call)),
            Err(too_many) => Claim::TooMany(too_many),
        }
    }

    /// What is kept of a call, where nobody else has begun its session.
    pub(super) fn claim_kept(self: &Arc<Self>, switch: &str, call: &str) -> Option<(Reservation, SessionRecord)> {
        let mut table = self.table();
        let record = table.kept.get_mut(switch)?.remove(call)?;
        Some((self.reserve_in(&mut table, switch, call), record))
    }

    /// A place for a call that nobody else knows of. `Err`: there is none.
    pub(super) fn reserve(self: &Arc<Self>, switch: &str, call: &str) -> Result<Reservation, TooMany> {
        let mut table = self.table();
        self.room_in(&table)?;
        Ok(self.reserve_in(&mut table, switch, call))
    }

    fn room_in(&self, table: &Table) -> Result<(), TooMany> {
        let most = self.gateway.settings().most_sessions;
        if table.running.len() < most { Ok(()) } else { Err(TooMany(most)) }
    }

    fn reserve_in(self: &Arc<Self>, table: &mut Table, switch: &str, call: &str) -> Reservation {
        let call = (switch.to_owned(), call.to_owned());
        table.running.insert(call.clone(), Place::Reserved);
        Reservation { sessions: self.clone(), call }
    }

    /// The session of a call.
    pub fn of(&self, switch: &str, call: &str) -> Option<Handle> {
        match self.table().running.get(&(switch.to_owned(), call.to_owned()))? {
            Place::Running(handle) => Some(handle.clone()),
            Place::Reserved => None,
        }
    }

    /// It has ended.
    pub(super) fn remove(&self, switch: &str, call: &str) {
        self.table().running.remove(&(switch.to_owned(), call.to_owned()));
    }
}
