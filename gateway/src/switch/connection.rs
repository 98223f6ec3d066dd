//! What the connections to both kinds of switch have in common: their limits, whether they are up, and why there is no answer.

use super::SwitchError;
use std::{future::Future, time::Duration};
use tokio::{
    sync::{broadcast, watch},
    time::Instant,
};

/// How long an answer may take, and how long a change until it shows.
pub const PATIENCE: Duration = Duration::from_secs(2);
/// How long a connection may owe an answer before it counts as broken.
pub const GIVE_UP: Duration = Duration::from_secs(10);
/// A connection that has been silent for so long is asked for a sign of life.
pub const PING_EVERY: Duration = Duration::from_secs(5);
/// Commands that may wait for a connection at once.
pub const MOST_WAITING: usize = 256;
/// How often a switch is asked whether a change shows.
const LOOK_EVERY: Duration = Duration::from_millis(15);
/// The first pause before a broken connection is tried again, and the longest.
const PAUSES: [Duration; 2] = [Duration::from_millis(100), Duration::from_secs(1)];

/// Whether there is a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Link {
    /// Connected and let in, to this version.
    Up(String),
    /// Not connected, for this reason.
    Down(String),
}

impl Link {
    /// Before the first try.
    pub fn untried() -> Self {
        Self::Down("it has not been tried yet".into())
    }

    /// The version that it is connected to.
    pub fn version(&self, switch: &str) -> Result<&str, SwitchError> {
        match self {
            Self::Up(version) => Ok(version),
            Self::Down(why) => Err(SwitchError::Unreachable { switch: switch.to_owned(), why: why.clone() }),
        }
    }
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// Not connected, or too much waits already: nothing was sent.
    Down(String),
    /// It was sent, and no answer came.
    NoAnswer,
    /// A value cannot be a part of a command: nothing was sent.
    Value(&'static str),
}

impl Failure {
    /// More commands wait than may.
    pub fn too_many() -> Self {
        Self::Down(format!("{MOST_WAITING} commands wait for it already"))
    }

    /// The same, of this switch.
    pub fn of(self, switch: &str) -> SwitchError {
        let switch = switch.to_owned();
        match self {
            Self::Down(why) => SwitchError::Unreachable { switch, why },
            Self::NoAnswer => SwitchError::NoAnswer { switch },
            Self::Value(why) => SwitchError::Refused(format!("a value cannot be sent to the switch: {why}")),
        }
    }
}

/// The pauses between tries.
pub struct Pauses(Duration);

impl Default for Pauses {
    fn default() -> Self {
        Self(PAUSES[0])
    }
}

impl Pauses {
    /// The connection is down: says so, once for each reason, and waits before the next try.
    pub async fn after(&mut self, why: String, state: &watch::Sender<Link>) {
        if *state.borrow() != Link::Down(why.clone()) {
            tracing::warn!("{why}");
        }
        state.send_replace(Link::Down(why));
        tokio::time::sleep(self.0).await;
        self.0 = (self.0 * 2).min(PAUSES[1]);
    }
}

/// Changes with each event that counts, and when events were missed.
pub fn changes<T: Clone + Send + 'static>(
    mut events: broadcast::Receiver<T>,
    counts: impl Fn(&T) -> bool + Send + 'static,
) -> watch::Receiver<()> {
    let (tell, told) = watch::channel(());
    tokio::spawn(async move {
        loop {
            let event = tokio::select! {
                event = events.recv() => event,
                () = tell.closed() => return,
            };
            match event {
                Ok(event) if !counts(&event) => {}
                Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => {
                    tell.send_replace(());
                }
                Err(broadcast::error::RecvError::Closed) => return,
            }
        }
    });
    told
}

/// An error after a part of a change was sent: without a connection too, nobody knows now what has become of it.
pub fn once_sent(error: SwitchError) -> SwitchError {
    match error {
        SwitchError::Unreachable { switch, .. } => SwitchError::NoAnswer { switch },
        error => error,
    }
}

/// Asks `switch`, which was sent a change, until something is so.
pub async fn wait_until<F, L>(switch: &str, is_so: F) -> Result<(), SwitchError>
where
    F: Fn() -> L,
    L: Future<Output = Result<bool, SwitchError>>,
{
    let end = Instant::now() + PATIENCE;
    while !is_so().await.map_err(once_sent)? {
        if Instant::now() > end {
            return Err(SwitchError::NoAnswer { switch: switch.to_owned() });
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    Ok(())
}
