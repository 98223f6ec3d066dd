//! The database: keys, sessions and the ends of conferences, in one SQLite file.

mod writer;

use rusqlite::{Connection, OptionalExtension, params};
use std::{
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use uuid::Uuid;
use writer::{Kind, Writer, is_locked};

/// The database. Questions to it block for as long as a local file takes; sessions are written by a thread of their own.
pub struct Store {
    database: Mutex<Connection>,
    writer: Writer,
    /// The file, and which one it was when it was opened.
    path: PathBuf,
    file: Option<(u64, u64)>,
    gone_is_told: AtomicBool,
}

/// What went wrong with the database.
#[derive(Debug, thiserror::Error)]
#[error("the database: {0}")]
pub struct StoreError(#[from] rusqlite::Error);

impl StoreError {
    /// Somebody else has locked it: it may be tried again.
    pub fn is_locked(&self) -> bool {
        is_locked(&self.0)
    }
}

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
        let database = open(path, Duration::from_secs(1))?;
        database.execute_batch(
            "create table if not exists keys (id text primary key, hash text not null, account text not null, name text not null,
                scopes text not null, created integer not null, revoked integer not null default 0);
             create table if not exists sessions (switch text not null, call text not null, state text not null,
                primary key (switch, call));
             create table if not exists ends (switch text not null, conference text not null, state text not null,
                primary key (switch, conference));",
        )?;
        let writer = Writer::start(open(path, writer::PATIENCE)?);
        let (path, file) = (path.to_owned(), identity(path));
        Ok(Self { database: Mutex::new(database), writer, path, file, gone_is_told: AtomicBool::new(false) })
    }

    /// Why a restart would not find what is kept: the file is no longer where it was.
    fn gone(&self) -> Option<String> {
        let is_gone = identity(&self.path) != self.file;
        let why = is_gone
            .then(|| format!("{} is gone, or another file: put back the one that was there", self.path.display()));
        match (&why, self.gone_is_told.swap(is_gone, Ordering::Relaxed)) {
            (Some(why), false) => tracing::error!("a restart would not find the sessions: {why}"),
            (None, true) => tracing::info!("the database is where it was again"),
            _ => {}
        }
        why
    }

    fn database(&self) -> std::sync::MutexGuard<'_, Connection> {
        // A panic elsewhere leaves SQLite's own state whole.
        self.database.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
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

    /// Keeps a session, in place of what was kept of it: when this returns, or, if the database does not let it, as soon as it does.
    pub async fn save_session(&self, session: SessionRecord) {
        self.gone();
        self.writer.write(Kind::Session, session.switch, session.call, Some(session.state)).await;
    }

    /// Forgets a session, likewise.
    pub async fn forget_session(&self, switch: &str, call: &str) {
        self.writer.write(Kind::Session, switch.to_owned(), call.to_owned(), None).await;
    }

    /// Keeps when a conference ends, in JSON, or forgets it; likewise.
    pub async fn save_end(&self, switch: &str, conference: &str, state: Option<String>) {
        self.writer.write(Kind::End, switch.to_owned(), conference.to_owned(), state).await;
    }

    /// When the conferences of a switch end: their names, and what was kept of each.
    pub fn ends(&self, switch: &str) -> Result<Vec<(String, String)>, StoreError> {
        let database = self.database();
        let mut query = database.prepare("select conference, state from ends where switch = ?1")?;
        Ok(query.query_map([switch], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?)
    }

    /// Why sessions are not kept at present.
    pub fn problem(&self) -> Option<String> {
        self.writer.problem().or_else(|| self.gone())
    }

    /// Every session of a switch that can be read.
    pub fn sessions(&self, switch: &str) -> Result<Vec<SessionRecord>, StoreError> {
        let database = self.database();
        let mut query = database.prepare("select call, state from sessions where switch = ?1")?;
        let mut rows = query.query([switch])?;
        let mut sessions = Vec::new();
        while let Some(row) = rows.next()? {
            match (row.get(0), row.get(1)) {
                (Ok(call), Ok(state)) => sessions.push(SessionRecord { switch: switch.to_owned(), call, state }),
                (Err(error), _) | (_, Err(error)) => tracing::error!(switch, "a session cannot be read: {error}"),
            }
        }
        Ok(sessions)
    }
}

/// What tells a file from every other one.
fn identity(path: &Path) -> Option<(u64, u64)> {
    std::fs::metadata(path).ok().map(|file| (file.dev(), file.ino()))
}

fn open(path: &Path, patience: Duration) -> rusqlite::Result<Connection> {
    let database = Connection::open(path)?;
    database.busy_timeout(patience)?;
    database.pragma_update(None, "journal_mode", "wal")?;
    database.pragma_update(None, "synchronous", "normal")?;
    Ok(database)
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
