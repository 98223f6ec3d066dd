//! Connections to where an application leads: over HTTP, and TCP for websockets.
//!
//! What the settings write themselves is connected to wherever it leads. Of everything else, the address that is connected to is looked
//! at: what a name is resolved to for a connection, or the address itself. Nobody resolves it a second time.

use crate::settings::{
    Settings,
    reach::{NotAllowed, Reach},
};
use ipnet::IpNet;
use reqwest::{
    Client, ClientBuilder,
    dns::{Addrs, Name, Resolve, Resolving},
    redirect,
};
use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::net::{TcpStream, lookup_host};
use url::{Host, Url};

/// How long an answer over HTTP may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// What asks by HTTP, for all applications. Where they may lead differs, and a connection that one may have, another may not: each has
/// its own.
pub struct Clients {
    own: Client,
    by_networks: Mutex<HashMap<Vec<IpNet>, Client>>,
}

/// The connections of one application.
#[derive(Clone)]
pub struct Outbound {
    reach: Arc<Reach>,
    own: Client,
    checked: Client,
}

fn client() -> ClientBuilder {
    // A redirect would lead where the settings do not.
    Client::builder().redirect(redirect::Policy::none()).timeout(PATIENCE).user_agent("jambonz").no_proxy()
}

struct Resolver(Arc<Reach>);

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = self.0.clone();
        Box::pin(async move {
            let found = lookup_host((name.as_str(), 0)).await?;
            Ok(Box::new(reach.admitted(name.as_str(), found)?.into_iter()) as Addrs)
        })
    }
}

impl Clients {
    /// None yet, but what asks where the settings say.
    pub fn new() -> Result<Self, reqwest::Error> {
        Ok(Self { own: client().build()?, by_networks: Mutex::default() })
    }

    /// The connections of an application that may lead there.
    pub fn of(&self, reach: &Arc<Reach>) -> Result<Outbound, reqwest::Error> {
        let mut clients = self.by_networks.lock().unwrap_or_else(PoisonError::into_inner);
        let networks = reach.networks();
        let checked = match clients.get(networks) {
            Some(client) => client.clone(),
            None => {
                let client = client().dns_resolver(Resolver(reach.clone())).build()?;
                clients.insert(networks.to_vec(), client.clone());
                client
            }
        };
        Ok(Outbound { reach: reach.clone(), own: self.own.clone(), checked })
    }
}

impl Outbound {
    /// Whether it may lead there, as far as the address says that itself.
    pub fn check(&self, url: &Url) -> Result<(), NotAllowed> {
        self.reach.check(url)
    }

    /// What asks this address by HTTP.
    pub fn http(&self, url: &Url) -> Result<&Client, NotAllowed> {
        self.reach.check(url)?;
        Ok(if self.reach.is_own(url) { &self.own } else { &self.checked })
    }

    /// A connection to where this address is.
    pub async fn tcp(&self, url: &Url) -> io::Result<TcpStream> {
        self.reach.check(url).map_err(io::Error::other)?;
        let port = url.port_or_known_default().unwrap_or_default();
        let found: Vec<SocketAddr> = match url.host() {
            Some(Host::Domain(name)) => lookup_host((name, port)).await?.collect(),
            Some(Host::Ipv4(address)) => vec![(address, port).into()],
            Some(Host::Ipv6(address)) => vec![(address, port).into()],
            None => Vec::new(),
        };
        let admitted = match self.reach.is_own(url) {
            true => found,
            false => self.reach.admitted(url.host_str().unwrap_or_default(), found).map_err(io::Error::other)?,
        };
        let stream = TcpStream::connect(&admitted[..]).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }
}

/// Of the hosts that applications may name, those that lead inside now, where nobody may go, or nowhere.
pub async fn problems(settings: &Settings) -> Vec<String> {
    let mut problems = Vec::new();
    for application in &settings.applications {
        for name in application.reach.names() {
            let why = match lookup_host((name, 0)).await {
                Ok(found) => application.reach.admitted(name, found).err().map(|error| error.to_string()),
                Err(error) => Some(format!("{name} is not found: {error}")),
            };
            problems.extend(why.map(|why| format!("application {}: allowed_hosts: {why}", application.name)));
        }
    }
    problems
}
