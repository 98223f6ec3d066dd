//! Ports that no other run of the tests has, even one at the same time.

use std::{
    io,
    net::{TcpListener, UdpSocket},
    ops::RangeInclusive,
};

/// The ports of one switch, below those that the system gives out: between a look at a free port and its use, anybody's socket
/// could be given it.
pub struct SwitchPorts {
    /// For audio.
    pub audio: RangeInclusive<u16>,
    /// For whatever else it listens on, by TCP or UDP.
    pub others: [u16; 3],
    /// On the first port of the range: who has it has the range.
    _claim: UdpSocket,
}

impl SwitchPorts {
    const COUNT: u16 = 1000;

    /// A range that nobody has.
    pub fn claim() -> io::Result<Self> {
        let mut firsts = (12_000..32_000).step_by(Self::COUNT.into());
        let claim = |first| {
            let (claim, others) = (UdpSocket::bind(("127.0.0.1", first)).ok()?, [first + 1, first + 2, first + 3]);
            let audio = first + 4..=first + Self::COUNT - 1;
            others.into_iter().all(is_free).then_some(Self { audio, others, _claim: claim })
        };
        firsts.find_map(claim).ok_or_else(|| io::Error::other("no range of ports is free"))
    }
}

/// Neither for TCP nor for UDP anybody uses it.
fn is_free(port: u16) -> bool {
    TcpListener::bind(("127.0.0.1", port)).is_ok() && UdpSocket::bind(("127.0.0.1", port)).is_ok()
}

/// A port that nobody uses now.
pub fn free() -> io::Result<u16> {
    loop {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        if is_free(port) {
            return Ok(port);
        }
    }
}
