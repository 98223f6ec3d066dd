//! Sessions: a call that was handed over, and the application that says what it does.
//!
//! | module | what is in it |
//! |---|---|
//! | `verbs` | what an application may say |
//! | `payload` | what it is told |
//! | `incoming` | what comes from it |
//! | `javascript`, `webhook`, `websocket`, `app` | the ways to it |
//! | `speech`, `sounds` | texts as files, and the files that conferences play |
//! | `context` | what everything in a session shares |
//! | `audible`, `conference`, `perform` | verbs, carried out |
//! | `hold` | what a call hears while it is held |
//! | `command` | commands of an application in mid-call |
//! | `saved` | what is kept for a restart |
//! | `run` | a session from its beginning to its end |
//! | `handover` | calls that switches hand over |
//! | `order`, `place` | calls that the gateway places |

pub mod app;
mod audible;
mod command;
mod conference;
mod context;
pub mod handover;
mod hold;
pub mod incoming;
pub mod javascript;
pub mod listeners;
pub mod order;
pub mod payload;
mod perform;
pub mod place;
mod run;
mod saved;
mod sounds;
mod speech;
pub mod verbs;
mod webhook;
mod websocket;

use crate::{gateway::Gateway, store::SessionRecord};
pub use command::update;

use incoming::Incoming;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::mpsc;

/// Commands of an application that may wait.
const MOST_COMMANDS: usize = 64;

/// A running session, from outside.
#[derive(Clone)]
pub struct Handle {
    /// Where commands go.
    pub commands: mpsc::Sender<Incoming>,
    leg: handover::HandedOver,
}

/// Every session, by switch and call.
pub struct Sessions {
    gateway: Arc<Gateway>,
    client: reqwest::Client,
    running: Mutex<HashMap<(String, String), Handle>>,
    /// What a gateway before this one has left of each switch's calls, until they go on; without an entry: it is not known yet.
    kept: Mutex<HashMap<String, HashMap<String, SessionRecord>>>,
}

impl Sessions {
    /// None yet.
    pub fn new(gateway: Arc<Gateway>) -> Result<Arc<Self>, reqwest::Error> {
        Ok(Arc::new(Self { gateway, client: webhook::client()?, running: Mutex::default(), kept: Mutex::default() }))
    }

    fn running(&self) -> std::sync::MutexGuard<'_, HashMap<(String, String), Handle>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, HashMap<String, HashMap<String, SessionRecord>>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the database has of a switch's calls.
    fn keep(&self, switch: &str, records: Vec<SessionRecord>) {
        let records = records.into_iter().map(|record| (record.call.clone(), record));
        self.kept().insert(switch.to_owned(), records.collect());
    }

    /// Whether the database has told of a switch's calls.
    fn kept_are_known(&self, switch: &str) -> bool {
        self.kept().contains_key(switch)
    }

    /// What is kept of a call, to whoever asks first: its session goes on.
    fn take_kept(&self, switch: &str, call: &str) -> Option<SessionRecord> {
        self.kept().get_mut(switch)?.remove(call)
    }

    /// The session of a call.
    pub fn of(&self, switch: &str, call: &str) -> Option<Handle> {
        self.running().get(&(switch.to_owned(), call.to_owned())).cloned()
    }

    fn add(&self, switch: &str, call: &str, handle: Handle) {
        self.running().insert((switch.to_owned(), call.to_owned()), handle);
    }

    fn remove(&self, switch: &str, call: &str) {
        self.running().remove(&(switch.to_owned(), call.to_owned()));
    }
}
