//! The connection that a switch opens for one call. It may break at any time; what the call does goes on, and the dialplan comes back with
//! another connection, for which commands wait.

use super::leg::LegError;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::{Mutex, MutexGuard, Notify},
    time::{sleep, timeout},
};

/// How long a call without a connection may take to come back: the dialplan tries for a minute.
const COMES_BACK: Duration = Duration::from_secs(70);
/// How often the switch is asked meanwhile whether the call is still there.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A call's connection, while there is one.
pub struct Returning<C> {
    connection: Arc<Mutex<Option<C>>>,
    /// Another one has come.
    attached: Notify,
    /// The call is being hung up: no command is carried out any more.
    hanging_up: AtomicBool,
}

impl<C> Default for Returning<C> {
    fn default() -> Self {
        Self { connection: Arc::default(), attached: Notify::new(), hanging_up: AtomicBool::new(false) }
    }
}

impl<C> Returning<C> {
    /// From now on commands go here.
    pub async fn attach(&self, connection: C) {
        *self.connection.lock().await = Some(connection);
        self.attached.notify_one();
    }

    /// Returns when there is one.
    pub async fn arrives(&self) {
        while self.connection.lock().await.is_none() {
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// This connection or the next, to one command at a time; without one, the call has ended.
    pub async fn next<F: Future<Output = bool>>(
        &self,
        is_over: impl Fn() -> F,
    ) -> Result<MutexGuard<'_, Option<C>>, LegError> {
        let waits = async {
            loop {
                let connection = self.connection.lock().await;
                if connection.is_some() || self.is_hanging_up() {
                    return connection;
                }
                drop(connection);
                tokio::select! {
                    () = self.attached.notified() => {}
                    () = sleep(LOOK_EVERY) => {
                        if is_over().await {
                            return self.connection.lock().await;
                        }
                    }
                }
            }
        };
        let mut connection = timeout(COMES_BACK, waits).await.map_err(|_| LegError::Lost)?;
        if self.is_hanging_up() {
            *connection = None;
        }
        Ok(connection)
    }

    /// It has broken.
    pub async fn broke<F: Future<Output = bool>>(
        &self,
        mut connection: MutexGuard<'_, Option<C>>,
        is_over: impl Fn() -> F,
    ) -> LegError {
        *connection = None;
        drop(connection);
        if is_over().await { LegError::Ended } else { LegError::Lost }
    }

    /// Whether the call is being hung up.
    pub fn is_hanging_up(&self) -> bool {
        self.hanging_up.load(Ordering::Acquire)
    }

    /// From now on it is.
    pub fn hangs_up(&self) {
        self.hanging_up.store(true, Ordering::Release);
        // Whoever waits for a connection need not.
        self.attached.notify_one();
    }

    /// The connection as it is now, for what does not wait for another.
    pub fn now(&self) -> &Arc<Mutex<Option<C>>> {
        &self.connection
    }
}
