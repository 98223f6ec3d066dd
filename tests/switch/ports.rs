//! Ports that no other run of the tests has, even one at the same time.

use std::{
    io,
    net::{TcpListener, UdpSocket},
    ops::RangeInclusive,
};

/// A range of ports for the audio of one switch.
pub struct AudioPorts {
    pub range: RangeInclusive<u16>,
    /// On the range's first port: who has it has the range.
    _claim: UdpSocket,
}

impl AudioPorts {
    const COUNT: u16 = 1000;

    /// A range that nobody has, below the ports that the system gives out.
    pub fn claim() -> io::Result<Self> {
        let mut firsts = (12_000..32_000).step_by(Self::COUNT.into());
        let claim = |first| Some((first, UdpSocket::bind(("127.0.0.1", first)).ok()?));
        let (first, claim) = firsts.find_map(claim).ok_or_else(|| io::Error::other("no range of ports is free"))?;
        Ok(Self { range: first + 2..=first + Self::COUNT - 1, _claim: claim })
    }
}

/// A port that nobody uses now, neither for TCP nor for UDP.
pub fn free() -> io::Result<u16> {
    loop {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        if UdpSocket::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
}
