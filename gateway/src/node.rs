//! A switch as the settings have it, and a call that was found there.

use crate::{
    settings::{SwitchKind, SwitchSettings},
    switch::{
        Call, Member, Snapshot, Switch, SwitchError,
        asterisk::{self, Asterisk},
        freeswitch::{self, FreeSwitch},
    },
};
use std::{sync::Arc, time::Duration};
use tokio::{sync::Mutex, time::Instant};
use uuid::Uuid;

/// A switch, and who owns the calls on it that nobody has claimed.
#[derive(Clone)]
pub struct Node {
    /// The switch.
    pub switch: Arc<dyn Switch>,
    /// The owner.
    pub account: Uuid,
    /// The same, as its kind hands calls over.
    pub kind: Kind,
    /// Its last snapshot that may be a little old, and when it was taken.
    recent: Arc<Mutex<Option<(Instant, Snapshot)>>>,
}

impl Node {
    /// Its calls, as they were at most so long ago: however many ask, the switch is asked once.
    pub async fn recent(&self, age: Duration) -> Result<Snapshot, SwitchError> {
        let mut recent = self.recent.lock().await;
        if let Some((_, snapshot)) = recent.as_ref().filter(|(taken, _)| taken.elapsed() < age) {
            return Ok(snapshot.clone());
        }
        let taken = Instant::now();
        let snapshot = self.switch.snapshot().await?;
        *recent = Some((taken, snapshot.clone()));
        Ok(snapshot)
    }
}

/// A switch of a kind.
#[derive(Clone)]
pub enum Kind {
    /// It hands calls over by FastAGI.
    Asterisk(Arc<Asterisk>),
    /// It hands calls over by `socket`.
    FreeSwitch(Arc<FreeSwitch>),
}

/// A call, and the switch that has it.
#[derive(Clone)]
pub struct Found {
    /// The call.
    pub call: Call,
    /// Its switch.
    pub node: Node,
    /// Its conference, by the account's own name for it.
    pub conference: Option<String>,
    /// Whether the switch's module is loaded: without it no conference is known.
    pub has_module: bool,
}

impl Found {
    /// Its place in a conference, or why there is none.
    pub fn member(&self) -> Result<&Member, SwitchError> {
        let no_module =
            || SwitchError::NoModule { switch: self.node.switch.name().to_owned(), module: self.node.switch.module() };
        let none = || if self.has_module { SwitchError::NotInConference } else { no_module() };
        self.call.member.as_ref().ok_or_else(none)
    }
}

/// Why a call is not found.
#[derive(Debug, Clone, thiserror::Error)]
pub enum FindError {
    /// No switch has it, or it is another account's.
    #[error("there is no such call")]
    None,
    /// A switch that may have it does not answer.
    #[error(transparent)]
    Switch(#[from] SwitchError),
}

/// How a switch is reached.
enum Login {
    Asterisk(asterisk::ami::Login),
    FreeSwitch(freeswitch::esl::Login, String),
}

fn login(kind: &SwitchKind) -> Login {
    match kind {
        SwitchKind::Asterisk { manager, user, secret, .. } => {
            let secret = secret.reveal().to_owned();
            Login::Asterisk(asterisk::ami::Login { address: manager.clone(), user: user.clone(), secret })
        }
        SwitchKind::FreeSwitch { host, port, password, profile, .. } => {
            let password = password.reveal().to_owned();
            Login::FreeSwitch(freeswitch::esl::Login { host: host.clone(), port: *port, password }, profile.clone())
        }
    }
}

/// Connects to a switch.
pub fn connect(switch: &SwitchSettings) -> Node {
    let recent = Arc::default();
    match login(&switch.kind) {
        Login::Asterisk(login) => {
            let asterisk = Arc::new(Asterisk::start(&switch.name, login));
            Node { switch: asterisk.clone(), account: switch.account, kind: Kind::Asterisk(asterisk), recent }
        }
        Login::FreeSwitch(login, profile) => {
            let freeswitch = FreeSwitch::start(&switch.name, &profile, login);
            Node { switch: freeswitch.clone(), account: switch.account, kind: Kind::FreeSwitch(freeswitch), recent }
        }
    }
}

impl Node {
    /// The same switch with other settings: sessions go on with it. `None`: it is of another kind.
    pub fn changed(&self, switch: &SwitchSettings) -> Option<Self> {
        match (&self.kind, login(&switch.kind)) {
            (Kind::Asterisk(asterisk), Login::Asterisk(login)) => asterisk.connect_as(login),
            (Kind::FreeSwitch(freeswitch), Login::FreeSwitch(login, profile)) => freeswitch.connect_as(login, profile),
            _ => return None,
        }
        Some(Self { account: switch.account, ..self.clone() })
    }
}
