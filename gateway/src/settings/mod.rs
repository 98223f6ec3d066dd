//! The settings: one TOML file. All of its mistakes are told at once, each with its line and what would be right.
//!
//! | | |
//! |---|---|
//! | `reader`, `parse` | a table of the file, key by key; what each key means |
//! | `reach`, `internal` | which addresses an application may name; which of them are inside |

mod internal;
mod parse;
pub mod reach;
mod reader;

use reach::Reach;
use std::{collections::BTreeMap, fmt, net::IpAddr, path::PathBuf, sync::Arc};
use url::Url;
use uuid::Uuid;

/// Everything that the settings say.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where the REST server listens.
    pub listen: std::net::SocketAddr,
    /// With which certificate; `None`: without TLS.
    pub tls: Option<Tls>,
    /// The database.
    pub database: PathBuf,
    /// Requests that a key may make in a minute.
    pub requests_per_minute: u32,
    /// Sessions at once: a call beyond them is declined.
    pub most_sessions: usize,
    /// Connections to the REST server at once.
    pub most_connections: usize,
    /// Pages of these origins may call the REST interface from a browser.
    pub cors_origins: Vec<String>,
    /// Speaks texts.
    pub speech: Speech,
    /// Where switches record conferences; `None`: they do not.
    pub recordings: Option<PathBuf>,
    /// Who owns calls, keys and applications.
    pub accounts: Vec<Account>,
    /// The switches.
    pub switches: Vec<SwitchSettings>,
    /// Who says what happens to calls.
    pub applications: Vec<Application>,
}

/// The certificate of the REST server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// A file with it and those above it, as PEM.
    pub certificate: PathBuf,
    /// A file with its key, as PEM.
    pub key: PathBuf,
}

/// A text that logs must not show.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The text itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// The command that speaks a text: it gets the text on its standard input and writes a WAV file.
#[derive(Debug, Clone)]
pub struct Speech {
    /// The program and its arguments; `{file}` is the file to write, `{rate}` and `{language}` are the verb's or the defaults.
    pub command: Vec<String>,
    /// Where spoken texts are kept. The switches read them there.
    pub folder: PathBuf,
}

/// Who owns calls, keys and applications.
#[derive(Debug, Clone)]
pub struct Account {
    /// Its name on the wire.
    pub sid: Uuid,
    /// Its name for people.
    pub name: String,
    /// In front of the names of its conferences on a switch.
    pub room_prefix: String,
    /// Signs its webhooks.
    pub webhook_secret: Option<Secret>,
}

/// A switch.
#[derive(Debug, Clone)]
pub struct SwitchSettings {
    /// Its name: call_sids are made from it, so it stays.
    pub name: String,
    /// Owns the calls that no application has claimed.
    pub account: Uuid,
    /// What it is.
    pub kind: SwitchKind,
    /// How the gateway places calls on it; `None`: it does not.
    pub calls: Option<Calls>,
}

/// How calls are placed on a switch: what it dials, by the kind of their destination. The switch's owner places them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calls {
    /// A number, in place of `{number}`.
    pub phone: Option<String>,
    /// A user, in place of `{name}`.
    pub user: Option<String>,
    /// A SIP address, in place of `{uri}`.
    pub sip: Option<String>,
    /// The context of the dialplan that hands the answered call over.
    pub context: String,
}

/// What a switch is, and how it is reached.
#[derive(Debug, Clone)]
pub enum SwitchKind {
    /// Asterisk with res_coach.
    Asterisk {
        /// Its manager interface: host and port.
        manager: String,
        /// The manager user.
        user: String,
        /// Its password.
        secret: Secret,
        /// Where the gateway takes calls by FastAGI.
        agi_listen: Option<std::net::SocketAddr>,
        /// Who may hand calls over, besides this machine.
        agi_allow: Vec<IpAddr>,
    },
    /// FreeSWITCH with mod_coach.
    FreeSwitch {
        /// Its event socket's host.
        host: String,
        /// Its port.
        port: u16,
        /// Its password.
        password: Secret,
        /// The profile of conferences that sessions begin.
        profile: String,
        /// Where the gateway takes calls from `socket`.
        socket_listen: Option<std::net::SocketAddr>,
        /// Who may hand calls over, besides this machine.
        socket_allow: Vec<IpAddr>,
    },
}

impl SwitchKind {
    /// Where the gateway takes its calls.
    pub fn hand_over(&self) -> Option<std::net::SocketAddr> {
        match self {
            Self::Asterisk { agi_listen, .. } => *agi_listen,
            Self::FreeSwitch { socket_listen, .. } => *socket_listen,
        }
    }
}

/// Who says what happens to a call.
#[derive(Debug, Clone)]
pub struct Application {
    /// Its name on the wire.
    pub sid: Uuid,
    /// Its name in a dialplan.
    pub name: String,
    /// Its owner.
    pub account: Uuid,
    /// Asked for the first verbs: http, https, ws or wss.
    pub call_hook: Url,
    /// Told of each state of a call.
    pub call_status_hook: Option<Url>,
    /// Sent to its hooks by Basic authentication: user and password.
    pub credentials: Option<(String, Secret)>,
    /// Told to the application with each call.
    pub env_vars: BTreeMap<String, String>,
    /// The numbers that it answers.
    pub numbers: Vec<String>,
    /// Where its verbs, and requests for its calls, may lead.
    pub reach: Arc<Reach>,
}

/// What is wrong with the settings, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong, and what would be right.
    pub what: String,
}

/// Every mistake of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistakes(pub Vec<Mistake>);

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> =
            self.0.iter().map(|mistake| format!("line {}: {}", mistake.line, mistake.what)).collect();
        f.write_str(&lines.join("\n"))
    }
}

impl std::error::Error for Mistakes {}

impl Settings {
    /// The account with this sid.
    pub fn account(&self, sid: Uuid) -> Option<&Account> {
        self.accounts.iter().find(|account| account.sid == sid)
    }

    /// The application with this sid.
    pub fn application(&self, sid: Uuid) -> Option<&Application> {
        self.applications.iter().find(|application| application.sid == sid)
    }

    /// The application that answers a call: the one that the dialplan names, or that has the called number.
    pub fn application_for(&self, named: &str, number: &str) -> Option<&Application> {
        self.applications.iter().find(|application| {
            if named.is_empty() {
                application.numbers.iter().any(|own| own == number)
            } else {
                application.name == named
            }
        })
    }
}
