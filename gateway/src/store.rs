//! The database: keys and sessions, in one SQLite file.

use rusqlite::{Connection, OptionalExtension, params};
use std::{path::Path, sync::Mutex, time::Duration};
use uuid::Uuid;

/// The database. Its calls block for as long as a local file takes.
pub struct Store(Mutex<Connection>);

/// What went wrong with the database.
#[derive(Debug, thiserror::Error)]
#[error("the database: {0}")]
pub struct StoreError(#[from] rusqlite::Error);

/// A key as it is kept: never the key itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRecord {
    /// The public part.
    pub id: String,
    /// SHA-256 of the secret part, in hex.
    pub hash: String,
    /// Whose it is.
    pub account: Uuid,
    /// For people.
    pub name: String,
    /// What it may do, as text.
    pub scopes: String,
    /// Seconds since 1970.
    pub created: i64,
    /// No longer valid.
    pub revoked: bool,
}

/// A session as it is kept, for a restart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRecord {
    /// The switch's name.
    pub switch: String,
    /// The call's id on the switch.
    pub call: String,
    /// What the session has to know, in JSON.
    pub state: String,
}

impl Store {
    /// Opens the file, or makes it.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let database = Connection::open(path)?;
        database.busy_timeout(Duration::from_secs(1))?;
        database.pragma_update(None, "journal_mode", "wal")?;
        database.pragma_update(None, "synchronous", "normal")?;
        database.execute_batch(
            "create table if not exists keys (id text primary key, hash text not null, account text not null, name text not null,
                scopes text not null, created integer not null, revoked integer not null default 0);
             create table if not exists sessions (switch text not null, call text not null, state text not null,
                primary key (switch, call));",
        )?;
        Ok(Self(Mutex::new(database)))
    }

    fn database(&self) -> std::sync::MutexGuard<'_, Connection> {
        // A panic elsewhere leaves SQLite's own state whole.
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Keeps a new key.
    pub fn add_key(&self, key: &KeyRecord) -> Result<(), StoreError> {
        self.database().execute(
            "insert into keys (id, hash, account, name, scopes, created) values (?1, ?2, ?3, ?4, ?5, ?6)",
            params![key.id, key.hash, key.account.to_string(), key.name, key.scopes, key.created],
        )?;
        Ok(())
    }

    /// The key with this public part.
    pub fn key(&self, id: &str) -> Result<Option<KeyRecord>, StoreError> {
        let database = self.database();
        let mut query = database
            .prepare_cached("select id, hash, account, name, scopes, created, revoked from keys where id = ?1")?;
        Ok(query.query_row([id], key_of).optional()?)
    }

    /// Every key.
    pub fn keys(&self) -> Result<Vec<KeyRecord>, StoreError> {
        let database = self.database();
        let mut query = database
            .prepare("select id, hash, account, name, scopes, created, revoked from keys order by created, id")?;
        Ok(query.query_map([], key_of)?.collect::<Result<_, _>>()?)
    }

    /// Makes a key invalid; `false`: there is none.
    pub fn revoke_key(&self, id: &str) -> Result<bool, StoreError> {
        Ok(self.database().execute("update keys set revoked = 1 where id = ?1", [id])? > 0)
    }

    /// Keeps a session, in place of what was kept of it.
    pub fn save_session(&self, session: &SessionRecord) -> Result<(), StoreError> {
        self.database().execute(
            "insert into sessions (switch, call, state) values (?1, ?2, ?3)
             on conflict (switch, call) do update set state = excluded.state",
            params![session.switch, session.call, session.state],
        )?;
        Ok(())
    }

    /// What is kept of a call's session.
    pub fn session(&self, switch: &str, call: &str) -> Result<Option<SessionRecord>, StoreError> {
        let database = self.database();
        let mut query = database.prepare_cached("select state from sessions where switch = ?1 and call = ?2")?;
        let state: Option<String> = query.query_row([switch, call], |row| row.get(0)).optional()?;
        Ok(state.map(|state| SessionRecord { switch: switch.to_owned(), call: call.to_owned(), state }))
    }

    /// Every session of a switch.
    pub fn sessions(&self, switch: &str) -> Result<Vec<SessionRecord>, StoreError> {
        let database = self.database();
        let mut query = database.prepare("select call, state from sessions where switch = ?1")?;
        let record = |row: &rusqlite::Row<'_>| {
            Ok(SessionRecord { switch: switch.to_owned(), call: row.get(0)?, state: row.get(1)? })
        };
        Ok(query.query_map([switch], record)?.collect::<Result<_, _>>()?)
    }

    /// Forgets a session.
    pub fn forget_session(&self, switch: &str, call: &str) -> Result<(), StoreError> {
        self.database().execute("delete from sessions where switch = ?1 and call = ?2", [switch, call])?;
        Ok(())
    }
}

fn key_of(row: &rusqlite::Row<'_>) -> rusqlite::Result<KeyRecord> {
    let account: String = row.get(2)?;
    Ok(KeyRecord {
        id: row.get(0)?,
        hash: row.get(1)?,
        account: account.parse().unwrap_or_default(),
        name: row.get(3)?,
        scopes: row.get(4)?,
        created: row.get(5)?,
        revoked: row.get(6)?,
    })
}
