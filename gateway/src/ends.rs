//! When conferences end because of their `endConferenceDuration`.
//!
//! The moment is kept in the database, so that a gateway which is started anew ends the conference then, or at once, if the moment
//! has passed meanwhile. A moment is that of one conference: another one of its name, begun after it, does not end then.

use crate::{node::Node, store::Store};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// How long until a switch that has not ended a conference is told again.
const AGAIN: Duration = Duration::from_millis(500);
/// The wall clock may be set while somebody waits for a moment: it is looked at this often.
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// When a conference ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct End {
    /// What tells it from another one of its name.
    id: String,
    /// Milliseconds since 1970.
    at: i64,
}

/// A conference: its switch's name, and its own there.
type Conference = (String, String);

/// When each conference ends.
pub struct Ends {
    all: Mutex<HashMap<Conference, End>>,
    store: Arc<Store>,
}

fn now() -> i64 {
    Timestamp::now().as_millisecond()
}

impl Ends {
    /// None yet. The database keeps them for a restart.
    pub fn new(store: Arc<Store>) -> Arc<Self> {
        Arc::new(Self { all: Mutex::default(), store })
    }

    fn all(&self) -> MutexGuard<'_, HashMap<Conference, End>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on, the conference ends after this time, unless it does so before.
    pub async fn after(self: &Arc<Self>, node: &Node, conference: &str, after: Duration) {
        let at = now().saturating_add(after.as_millis().try_into().unwrap_or(i64::MAX));
        let id = loop {
            match node.switch.conference_id(conference).await {
                Ok(Some(id)) => break id,
                // It has ended.
                Ok(None) => return,
                Err(error) => tracing::debug!(conference, "which conference it is is not known yet: {error}"),
            }
            tokio::time::sleep(AGAIN).await;
        };
        let (key, end) = ((node.switch.name().to_owned(), conference.to_owned()), End { id, at });
        {
            let mut all = self.all();
            if all.get(&key).is_some_and(|before| before.id == end.id && before.at <= at) {
                return;
            }
            all.insert(key, end.clone());
        }
        tracing::info!(switch = node.switch.name(), conference, "the conference ends after {} s", after.as_secs_f64());
        let state = serde_json::to_string(&end).unwrap_or_default();
        self.store.save_end(node.switch.name(), conference, Some(state)).await;
        tokio::spawn(self.clone().wait(node.clone(), conference.to_owned(), end));
    }

    /// What a gateway before this one has kept for a switch.
    pub async fn restore(self: Arc<Self>, node: Node) {
        let name = node.switch.name().to_owned();
        let kept = loop {
            let (store, switch) = (self.store.clone(), name.clone());
            match tokio::task::spawn_blocking(move || store.ends(&switch)).await {
                Ok(Ok(kept)) => break kept,
                Ok(Err(error)) => tracing::debug!("when conferences end cannot be read yet: {error}"),
                Err(error) => tracing::error!("{error}"),
            }
            tokio::time::sleep(AGAIN).await;
        };
        for (conference, state) in kept {
            let Ok(end) = serde_json::from_str::<End>(&state) else {
                tracing::error!(conference, "when this conference ends cannot be read");
                continue;
            };
            let key = (name.clone(), conference.clone());
            // A member that has joined meanwhile knows of a later conference, or has kept a moment after this one.
            {
                let mut all = self.all();
                if all.get(&key).is_some_and(|known| known.id != end.id || known.at <= end.at) {
                    continue;
                }
                all.insert(key, end.clone());
            }
            tokio::spawn(self.clone().wait(node.clone(), conference, end));
        }
    }

    /// Until the moment has come; then ends the conference.
    async fn wait(self: Arc<Self>, node: Node, conference: String, end: End) {
        let key = (node.switch.name().to_owned(), conference);
        let conference = &key.1;
        let is_current = || self.all().get(&key) == Some(&end);
        loop {
            let left = Duration::from_millis(end.at.saturating_sub(now()).try_into().unwrap_or(0));
            if left.is_zero() {
                break;
            }
            tokio::time::sleep(left.min(LOOK_EVERY)).await;
        }
        let mut told = false;
        // Another moment has taken the place of this one: somebody else waits for it.
        while is_current() {
            match node.switch.conference_id(conference).await {
                Ok(Some(id)) if id == end.id => {
                    if !std::mem::replace(&mut told, true) {
                        tracing::info!(
                            switch = key.0,
                            conference,
                            "the conference has lasted as long as it may, and ends"
                        );
                    }
                    if let Err(error) = node.switch.end_conference(conference).await {
                        tracing::debug!(conference, "it has not ended yet: {error}");
                    }
                }
                Ok(_) => break,
                Err(error) => tracing::debug!(conference, "whether it has ended is not known yet: {error}"),
            }
            tokio::time::sleep(AGAIN).await;
        }
        if is_current() {
            self.all().remove(&key);
            self.store.save_end(&key.0, conference, None).await;
        }
    }
}
