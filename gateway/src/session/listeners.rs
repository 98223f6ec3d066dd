//! Where switches hand calls over: a listener for each switch of the settings, which come and go with these.

use super::{
    handover::{restore, take},
    sessions::Sessions,
};
use crate::{node::Node, settings::SwitchKind};
use std::{
    collections::HashMap,
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};
use tokio::{net::TcpListener, sync::Semaphore, task::JoinHandle};

/// Connections at once.
const MOST_CONNECTIONS: usize = 2000;

/// The listeners, by the switch's name.
#[derive(Default)]
pub struct Listeners(HashMap<String, Running>);

/// What is running for a switch.
struct Running {
    node: Node,
    at: Option<SocketAddr>,
    allowed: Vec<IpAddr>,
    task: Option<JoinHandle<()>>,
}

impl Listeners {
    /// Listens as the settings say now. `Err`: where it cannot; the other listeners run.
    pub async fn apply(&mut self, sessions: &Arc<Sessions>) -> Result<(), (SocketAddr, io::Error)> {
        let wanted: Vec<Running> = wanted(sessions);
        let mut before = std::mem::take(&mut self.0);
        let mut fresh = Vec::new();
        for wanted in wanted {
            let name = wanted.node.switch.name().to_owned();
            match before.remove(&name) {
                Some(running) if running.same_as(&wanted) => drop(self.0.insert(name, running)),
                Some(running) => {
                    let known = Arc::ptr_eq(&running.node.switch, &wanted.node.switch);
                    running.stop().await;
                    fresh.push((wanted, known));
                }
                None => fresh.push((wanted, false)),
            }
        }
        for running in before.into_values() {
            running.stop().await;
        }
        let mut result = Ok(());
        for (mut running, known) in fresh {
            if !known {
                tokio::spawn(restore(sessions.clone(), running.node.clone()));
                tokio::spawn(sessions.gateway.ends.clone().restore(running.node.clone()));
            }
            if let Err(error) = running.start(sessions).await {
                result = Err(error);
                // The next settings have another try.
                running.at = None;
            }
            self.0.insert(running.node.switch.name().to_owned(), running);
        }
        result
    }
}

fn wanted(sessions: &Sessions) -> Vec<Running> {
    let settings = sessions.gateway.settings();
    let running = |node: &Node| {
        let switch = settings.switches.iter().find(|switch| switch.name == node.switch.name())?;
        let (at, allowed) = match &switch.kind {
            SwitchKind::Asterisk { agi_listen, agi_allow, .. } => (*agi_listen, agi_allow),
            SwitchKind::FreeSwitch { socket_listen, socket_allow, .. } => (*socket_listen, socket_allow),
        };
        Some(Running { node: node.clone(), at, allowed: allowed.clone(), task: None })
    };
    sessions.gateway.nodes().iter().filter_map(running).collect()
}

impl Running {
    fn same_as(&self, wanted: &Self) -> bool {
        Arc::ptr_eq(&self.node.switch, &wanted.node.switch)
            && self.node.account == wanted.node.account
            && (self.at, &self.allowed) == (wanted.at, &wanted.allowed)
    }

    async fn start(&mut self, sessions: &Arc<Sessions>) -> Result<(), (SocketAddr, io::Error)> {
        let Some(address) = self.at else { return Ok(()) };
        let listener = TcpListener::bind(address).await.map_err(|error| (address, error))?;
        tracing::info!(%address, switch = self.node.switch.name(), "the switch may hand calls over");
        self.task = Some(tokio::spawn(listen(sessions.clone(), self.node.clone(), listener, self.allowed.clone())));
        Ok(())
    }

    /// Takes no more calls; those that were taken go on.
    async fn stop(self) {
        if let Some(task) = self.task {
            task.abort();
            task.await.ok();
        }
    }
}

async fn listen(sessions: Arc<Sessions>, node: Node, listener: TcpListener, allowed: Vec<IpAddr>) {
    let room = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    loop {
        let Ok(place) = room.clone().acquire_owned().await else { return };
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "no connection can be taken");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        if !may_hand_over(peer.ip(), &allowed) {
            tracing::warn!(%peer, "a connection from an address that the settings do not allow to hand calls over");
            continue;
        }
        let (sessions, node) = (sessions.clone(), node.clone());
        tokio::spawn(async move {
            if let Err(why) = take(&sessions, node, stream).await {
                tracing::warn!(%peer, "a call is not taken: {why}");
            }
            drop(place);
        });
    }
}

/// Whether calls are taken from there: from this machine, and from where the settings say. A listener for both families tells addresses
/// of IPv4 in the spelling of IPv6.
fn may_hand_over(peer: IpAddr, allowed: &[IpAddr]) -> bool {
    let peer = peer.to_canonical();
    peer.is_loopback() || allowed.iter().any(|allowed| allowed.to_canonical() == peer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_known_in_each_spelling() {
        let address = |text: &str| text.parse::<IpAddr>().expect("an address");
        let allowed = [address("10.0.0.5"), address("::ffff:10.0.0.6"), address("fd00::5")];
        for known in ["127.0.0.1", "::1", "::ffff:127.0.0.1", "10.0.0.5", "::ffff:10.0.0.5", "10.0.0.6", "fd00::5"] {
            assert!(may_hand_over(address(known), &allowed), "{known}");
        }
        for strange in ["10.0.0.4", "::ffff:10.0.0.4", "fd00::6", "0.0.0.0", "::"] {
            assert!(!may_hand_over(address(strange), &allowed), "{strange}");
        }
    }
}
