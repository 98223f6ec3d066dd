//! Where the gateway lets an application lead it: which hosts its addresses may name, and what these may turn out to be.

use super::internal::{address_within, is_internal};
use ipnet::IpNet;
use std::net::{IpAddr, SocketAddr};
use url::{Host, Url};

/// What the settings say of one application.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reach {
    /// Where its hooks are, by the settings: what they wrote is asked, inside or not.
    own: Vec<(Host<String>, Option<u16>)>,
    /// Hosts, besides those of its hooks, that its addresses may name.
    hosts: Vec<Host<String>>,
    /// What is internal and may be connected to all the same.
    networks: Vec<IpNet>,
}

/// Why an address is not connected to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAllowed {
    /// The settings do not name its host.
    #[error("{0} is not an address that the settings allow this application: name its host in allowed_hosts")]
    Host(String),
    /// Its host is inside.
    #[error(
        "{host} leads to {address}, an internal address, where the settings do not let this application lead: name it, or its network, in \
         internal_networks"
    )]
    Internal {
        /// Its name, or the whole address where that names none.
        host: String,
        /// What it turns out to be.
        address: IpAddr,
    },
}

fn place(url: &Url) -> Option<(Host<String>, Option<u16>)> {
    Some((url.host()?.to_owned(), url.port_or_known_default()))
}

impl Reach {
    /// That of an application with these hooks.
    pub fn new<'u>(hooks: impl IntoIterator<Item = &'u Url>, hosts: Vec<Host<String>>, networks: Vec<IpNet>) -> Self {
        let mut reach = Self { own: hooks.into_iter().filter_map(place).collect(), hosts, networks };
        // Who writes an address itself knows what it is.
        let written = reach.hosts.iter().filter_map(address_of).map(IpNet::from);
        reach.networks.extend(written.collect::<Vec<_>>());
        reach
    }

    /// Whether it is where the settings' own hooks are.
    pub fn is_own(&self, url: &Url) -> bool {
        place(url).is_some_and(|place| self.own.contains(&place))
    }

    /// Whether an address may be asked, as far as it says that itself: a name may still lead inside.
    pub fn check(&self, url: &Url) -> Result<(), NotAllowed> {
        let named = place(url)
            .is_some_and(|(host, _)| self.hosts.contains(&host) || self.own.iter().any(|(own, _)| *own == host));
        if !named || !matches!(url.scheme(), "http" | "https" | "ws" | "wss") {
            return Err(NotAllowed::Host(url.to_string()));
        }
        match url.host().and_then(|host| address_of(&host.to_owned())) {
            Some(address) if !self.is_own(url) => self.admitted(url.as_str(), [(address, 0).into()]).map(drop),
            _ => Ok(()),
        }
    }

    /// Of what a host has turned out to be, what may be connected to.
    pub fn admitted(
        &self,
        host: &str,
        found: impl IntoIterator<Item = SocketAddr>,
    ) -> Result<Vec<SocketAddr>, NotAllowed> {
        let (admitted, refused): (Vec<_>, Vec<_>) = found.into_iter().partition(|found| self.admits(found.ip()));
        match refused.first() {
            Some(refused) if admitted.is_empty() => {
                Err(NotAllowed::Internal { host: host.to_owned(), address: refused.ip() })
            }
            _ => Ok(admitted),
        }
    }

    fn admits(&self, address: IpAddr) -> bool {
        let within = address_within(address);
        !is_internal(address) || self.networks.iter().any(|net| net.contains(&address) || net.contains(&within))
    }

    /// The names that its addresses may have, besides those of its hooks.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.hosts.iter().filter_map(|host| match host {
            Host::Domain(name) => Some(name.as_str()),
            _ => None,
        })
    }

    /// What alone says how names are connected to.
    pub fn networks(&self) -> &[IpNet] {
        &self.networks
    }
}

fn address_of(host: &Host<String>) -> Option<IpAddr> {
    match host {
        Host::Domain(_) => None,
        Host::Ipv4(address) => Some((*address).into()),
        Host::Ipv6(address) => Some((*address).into()),
    }
}
