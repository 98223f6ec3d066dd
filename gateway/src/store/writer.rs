//! The thread that writes what a restart needs: nobody waits for a database that is locked, full or gone.
//!
//! Of each call and each conference, only the latest that is to be kept of it waits. While the database does not take it, it is tried again and again,
//! and who wants something kept goes on at once.

use rusqlite::{Connection, params};
use std::{
    collections::HashMap,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::JoinHandle,
    time::Duration,
};
use tokio::sync::oneshot;

/// How long one try may take while somebody else has locked the database.
pub const PATIENCE: Duration = Duration::from_millis(50);
/// How long until the next try.
const AGAIN: Duration = Duration::from_millis(250);
/// Calls and conferences of which something may wait to be kept.
const MOST_WAITING: usize = 20_000;

/// Whether somebody else has locked the database: it may be tried again.
pub fn is_locked(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{DatabaseBusy, DatabaseLocked};
    error.sqlite_error_code().is_some_and(|code| matches!(code, DatabaseBusy | DatabaseLocked))
}

/// What is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The session of a call.
    Session,
    /// When a conference ends.
    End,
}

/// What something is kept of: its kind, its switch's name, and its id there.
type Key = (Kind, String, String);

/// What waits to be written.
#[derive(Default)]
struct Waiting {
    /// What is to be kept of each; `None`: nothing.
    changes: HashMap<Key, Option<String>>,
    /// Those who wait until it is written.
    told: Vec<oneshot::Sender<()>>,
    /// Why it cannot be written.
    problem: Option<String>,
    /// Nothing more will come.
    ended: bool,
}

struct Shared {
    waiting: Mutex<Waiting>,
    changed: Condvar,
    database: Mutex<Connection>,
}

/// The thread. It writes what waits before it ends with this value.
pub struct Writer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts it, on a connection of its own.
    pub fn start(database: Connection) -> Self {
        let (waiting, changed) = (Mutex::default(), Condvar::new());
        let shared = Arc::new(Shared { waiting, changed, database: Mutex::new(database) });
        let own = shared.clone();
        Self { shared, thread: Some(std::thread::spawn(move || own.run())) }
    }

    /// Has something kept. Returns when it is, or when the database does not take it now.
    pub async fn write(&self, kind: Kind, switch: String, id: String, state: Option<String>) {
        let written = {
            let mut waiting = self.shared.waiting();
            let key = (kind, switch, id);
            if waiting.changes.len() >= MOST_WAITING && !waiting.changes.contains_key(&key) {
                tracing::error!(id = key.2, ?kind, "it is not kept: {MOST_WAITING} others wait for the database");
                return;
            }
            waiting.changes.insert(key, state);
            if waiting.problem.is_some() {
                return;
            }
            let (tell, written) = oneshot::channel();
            waiting.told.push(tell);
            self.shared.changed.notify_one();
            written
        };
        // An error is told of by the thread.
        written.await.ok();
    }

    /// Why nothing can be written at present.
    pub fn problem(&self) -> Option<String> {
        self.shared.waiting().problem.clone()
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.shared.waiting().ended = true;
        self.shared.changed.notify_one();
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

impl Shared {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self) {
        loop {
            let mut waiting = self.waiting();
            while waiting.changes.is_empty() && !waiting.ended {
                waiting = self.changed.wait(waiting).unwrap_or_else(PoisonError::into_inner);
            }
            let (changes, told) = (std::mem::take(&mut waiting.changes), std::mem::take(&mut waiting.told));
            if changes.is_empty() {
                return;
            }
            drop(waiting);
            let (left, problem) = self.write(changes);
            let mut waiting = self.waiting();
            match (&problem, &waiting.problem) {
                (Some(problem), None) => {
                    tracing::error!("sessions are not kept, and a restart would not find them: {problem}");
                }
                (None, Some(_)) => tracing::info!("sessions are kept again"),
                _ => {}
            }
            waiting.problem = problem;
            for (key, state) in left {
                // What has come meanwhile is newer.
                waiting.changes.entry(key).or_insert(state);
            }
            for tell in told {
                tell.send(()).ok();
            }
            if waiting.problem.is_some() {
                if waiting.ended {
                    return;
                }
                // Those who wait learn that it takes longer.
                waiting.told.clear();
                let ended = self.changed.wait_timeout_while(waiting, AGAIN, |waiting| !waiting.ended);
                drop(ended.unwrap_or_else(PoisonError::into_inner));
            }
        }
    }

    /// Writes all at once, or, where that does not go, what goes. What is left, and why.
    fn write(&self, changes: HashMap<Key, Option<String>>) -> (HashMap<Key, Option<String>>, Option<String>) {
        let mut database = self.database.lock().unwrap_or_else(PoisonError::into_inner);
        let Err(error) = write_all(&mut database, &changes) else { return (HashMap::new(), None) };
        if is_locked(&error) {
            return (changes, Some(error.to_string()));
        }
        // One that is too long for what is free on the disk keeps no other out.
        let mut left = changes;
        left.retain(|key, state| write(&database, key, state.as_deref()).is_err());
        let problem = (!left.is_empty()).then(|| error.to_string());
        (left, problem)
    }
}

fn write_all(database: &mut Connection, changes: &HashMap<Key, Option<String>>) -> rusqlite::Result<()> {
    let transaction = database.transaction()?;
    changes.iter().try_for_each(|(key, state)| write(&transaction, key, state.as_deref()))?;
    transaction.commit()
}

fn write(database: &Connection, (kind, switch, id): &Key, state: Option<&str>) -> rusqlite::Result<()> {
    let (keep, forget) = match kind {
        Kind::Session => (
            "insert into sessions (switch, call, state) values (?1, ?2, ?3)
             on conflict (switch, call) do update set state = excluded.state",
            "delete from sessions where switch = ?1 and call = ?2",
        ),
        Kind::End => (
            "insert into ends (switch, conference, state) values (?1, ?2, ?3)
             on conflict (switch, conference) do update set state = excluded.state",
            "delete from ends where switch = ?1 and conference = ?2",
        ),
    };
    match state {
        Some(state) => database.execute(keep, params![switch, id, state])?,
        None => database.execute(forget, [switch, id])?,
    };
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::store::{SessionRecord, Store};
    use std::time::Duration;

    fn record(call: &str, state: &str) -> SessionRecord {
        SessionRecord { switch: "pbx".into(), call: call.into(), state: state.into() }
    }

    /// What is kept, once it is this many.
    async fn kept(store: &Store, count: usize) -> Vec<(String, String)> {
        loop {
            let sessions = store.sessions("pbx").expect("SQLite answers");
            if sessions.len() == count && store.problem().is_none() {
                let mut kept: Vec<_> = sessions.into_iter().map(|session| (session.call, session.state)).collect();
                kept.sort();
                return kept;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Breaks the database, and mends it: nobody waits meanwhile, and afterwards the latest of each call is kept.
    async fn broken(why: &str, break_it: impl Fn(&rusqlite::Connection), mend_it: impl Fn(&rusqlite::Connection)) {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let path = folder.path().join("gateway.db");
        let store = Store::open(&path).expect("SQLite is there");
        store.save_session(record("kept", "before")).await;
        store.save_session(record("forgotten", "before")).await;
        let (before, after) = (["forgotten", "kept"], ["kept", "new"]);
        assert_eq!(kept(&store, 2).await, before.map(|call| (call.to_owned(), "before".to_owned())));

        break_it(&store.writer.shared.database.lock().expect("nothing has panicked with it"));
        let long = "x".repeat(100_000);
        for (call, state) in [("kept", "between"), ("kept", &long), ("new", &long)] {
            store.save_session(record(call, state)).await;
        }
        store.forget_session("pbx", "forgotten").await;
        let problem = store.problem().unwrap_or_default();
        assert!(problem.contains(why), "{problem:?}");
        assert!(store.sessions("pbx").expect("it can be read").iter().all(|session| session.state != long));

        mend_it(&store.writer.shared.database.lock().expect("nothing has panicked with it"));
        assert_eq!(kept(&store, 2).await, after.map(|call| (call.to_owned(), long.clone())));
        store.save_session(record("new", "last")).await;
        drop(store);
        let again = Store::open(&path).expect("SQLite is there");
        assert_eq!(kept(&again, 2).await[1], ("new".to_owned(), "last".to_owned()));
    }

    #[tokio::test]
    async fn what_a_full_database_does_not_take_is_kept_when_there_is_room() {
        let limit = |pages: i64| {
            move |database: &rusqlite::Connection| {
                let set: i64 = database
                    .query_row(&format!("pragma max_page_count = {pages}"), [], |row| row.get(0))
                    .expect("SQLite answers");
                assert!(set > 0);
            }
        };
        broken("full", limit(1), limit(1_000_000)).await;
    }

    #[tokio::test]
    async fn what_a_read_only_database_does_not_take_is_kept_when_it_is_mended() {
        let only = |on| {
            move |database: &rusqlite::Connection| {
                database.pragma_update(None, "query_only", on).expect("SQLite answers")
            }
        };
        broken("readonly", only(true), only(false)).await;
    }

    #[tokio::test]
    async fn what_a_locked_database_does_not_take_is_kept_when_it_is_free() {
        let other = std::cell::RefCell::new(None);
        let lock = |database: &rusqlite::Connection| {
            let connection = rusqlite::Connection::open(database.path().expect("it is a file")).expect("it is there");
            connection.execute_batch("begin immediate").expect("it can be locked");
            *other.borrow_mut() = Some(connection);
        };
        broken("locked", lock, |_| drop(other.borrow_mut().take())).await;
    }
}
