//! Which addresses are inside: those that not everybody reaches at the same place.

use ipnet::{Ipv4Net, Ipv6Net};
use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::LazyLock,
};

/// IPv4, by IANA's registry of special-purpose addresses: what it does not call globally reachable, and besides that what is no single
/// host's (multicast) and where relays of 6to4 were.
static IPV4: LazyLock<Vec<Ipv4Net>> = LazyLock::new(|| {
    parsed(&[
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    ])
});
/// What everybody reaches in IPv6 is in here ...
static GLOBAL: LazyLock<Vec<Ipv6Net>> = LazyLock::new(|| parsed(&["2000::/3"]));
/// ... but for protocols' own addresses (Teredo's too), documentation, and 6to4, which leads to IPv4.
static IPV6: LazyLock<Vec<Ipv6Net>> =
    LazyLock::new(|| parsed(&["2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"]));
/// Networks without IPv4 reach it through these, the address in the last four bytes (RFC 6052).
static NAT64: LazyLock<Vec<Ipv6Net>> = LazyLock::new(|| parsed(&["64:ff9b::/96"]));

fn parsed<T: std::str::FromStr>(networks: &[&str]) -> Vec<T> {
    // A test reads each list, and finds each network in it.
    networks.iter().filter_map(|network| network.parse().ok()).collect()
}

fn within(networks: &[Ipv6Net], address: &Ipv6Addr) -> bool {
    networks.iter().any(|network| network.contains(address))
}

/// The address that is meant, where one is written in another.
pub fn address_within(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) if within(&NAT64, &v6) => {
            let [.., a, b, c, d] = v6.octets();
            Ipv4Addr::new(a, b, c, d).into()
        }
        canonical => canonical,
    }
}

/// Whether an address is inside, however it is written.
pub fn is_internal(address: IpAddr) -> bool {
    match address_within(address) {
        IpAddr::V4(v4) => IPV4.iter().any(|network| network.contains(&v4)),
        IpAddr::V6(v6) => !within(&GLOBAL, &v6) || within(&IPV6, &v6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_inside_is_known_in_each_spelling() {
        assert_eq!((IPV4.len(), GLOBAL.len(), IPV6.len(), NAT64.len()), (15, 1, 4, 1), "each network is read");
        for inside in [
            "0.0.0.0",
            "0.1.2.3",
            "10.255.255.255",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.0.3",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.192",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.0.1",
            "198.19.0.1",
            "198.51.100.7",
            "203.0.113.7",
            "224.0.0.251",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "::ffff:0:127.0.0.1",
            "64:ff9b::127.0.0.1",
            "64:ff9b::a00:1",
            "64:ff9b:1::8.8.8.8",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "3fff::1",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(is_internal(inside.parse().expect("an address")), "{inside}");
        }
        for outside in [
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.1",
            "169.253.0.1",
            "172.15.0.1",
            "172.32.0.1",
            "192.167.0.1",
            "198.17.0.1",
            "198.20.0.1",
            "223.255.255.255",
            "::ffff:8.8.8.8",
            "64:ff9b::8.8.8.8",
            "2001:4860:4860::8888",
            "2606:4700::1111",
            "2a00:1450::1",
            "2620:fe::fe",
        ] {
            assert!(!is_internal(outside.parse().expect("an address")), "{outside}");
        }
    }
}
