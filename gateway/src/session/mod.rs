//! Sessions: a call that was handed over, and the application that says what it does.
//!
//! | module | what is in it |
//! |---|---|
//! | `verbs` | what an application may say |
//! | `payload` | what it is told |
//! | `javascript`, `webhook`, `websocket`, `app` | the ways to it |
//! | `speech` | texts as files |
//! | `context` | what everything in a session shares |
//! | `conference`, `perform` | verbs, carried out |
//! | `command` | commands of an application in mid-call |
//! | `saved` | what is kept for a restart |
//! | `run` | a session from its beginning to its end |
//! | `handover` | calls that switches hand over |

pub mod app;
mod command;
mod conference;
mod context;
pub mod handover;
pub mod javascript;
pub mod listeners;
pub mod payload;
mod perform;
mod run;
mod saved;
mod speech;
pub mod verbs;
mod webhook;
mod websocket;

use crate::gateway::Gateway;
pub use command::update;

use app::Incoming;
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
}

impl Sessions {
    /// None yet.
    pub fn new(gateway: Arc<Gateway>) -> Result<Arc<Self>, reqwest::Error> {
        Ok(Arc::new(Self { gateway, client: webhook::client()?, running: Mutex::default() }))
    }

    fn running(&self) -> std::sync::MutexGuard<'_, HashMap<(String, String), Handle>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
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
