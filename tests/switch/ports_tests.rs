//! Tests that no two switches get the same port.

use crate::ports::{SwitchPorts, free};
use std::net::{TcpListener, UdpSocket};

#[test]
fn two_switches_have_ports_of_their_own() {
    let claim = || SwitchPorts::claim().expect("there are some");
    let (one, other) = (claim(), claim());
    let all = |ports: &SwitchPorts| ports.audio.clone().chain(ports.others).collect::<Vec<u16>>();
    assert!(all(&one).iter().all(|port| !all(&other).contains(port)));
    // From here on, Linux gives them to whoever asks for any.
    assert!(all(&one).iter().chain(&all(&other)).all(|&port| port < 32_768));
}

#[test]
fn a_free_port_is_free_for_tcp_and_udp() {
    let port = free().expect("there is one");
    let taken = (TcpListener::bind(("127.0.0.1", port)), UdpSocket::bind(("127.0.0.1", port)));
    assert!(taken.0.is_ok() && taken.1.is_ok());
    // Linux gives those below to whoever asks for any, so also to a connection of somebody else's.
    assert!(port > 60_999);
}

#[test]
fn a_free_port_is_given_to_nobody_else_for_a_while_even_unused() {
    let mut ports: Vec<_> = (0..150).map(|_| free().expect("there is one")).collect();
    ports.sort_unstable();
    ports.dedup();
    assert_eq!(ports.len(), 150);
}
