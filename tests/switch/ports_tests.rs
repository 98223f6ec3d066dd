//! What a switch is given, no other one has.

use crate::ports::{AudioPorts, free};
use std::net::{TcpListener, UdpSocket};

#[test]
fn two_switches_have_ports_of_their_own() {
    let (one, other) = (AudioPorts::claim().expect("there are some"), AudioPorts::claim().expect("there are more"));
    assert!(one.range.end() < other.range.start() || other.range.end() < one.range.start());
}

#[test]
fn a_free_port_is_free_for_tcp_and_udp() {
    let port = free().expect("there is one");
    let taken = (TcpListener::bind(("127.0.0.1", port)), UdpSocket::bind(("127.0.0.1", port)));
    assert!(taken.0.is_ok() && taken.1.is_ok());
}
