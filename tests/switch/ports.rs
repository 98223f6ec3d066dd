//! Ports that no other run of the tests has, even one at the same time.

use std::{
    io,
    net::{TcpListener, UdpSocket},
    ops::RangeInclusive,
    sync::{Mutex, PoisonError},
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

/// Ports of this process alone, above those that the system gives out.
struct OwnPorts {
    first: u16,
    next: u16,
    /// On the first: who has it has all.
    _claim: UdpSocket,
}

impl OwnPorts {
    const COUNT: u16 = 200;

    fn claim() -> io::Result<Self> {
        let claim = |first| UdpSocket::bind(("127.0.0.1", first)).ok().map(|claim| (first, claim));
        let claimed = (61_000..65_000).step_by(Self::COUNT.into()).find_map(claim);
        let (first, _claim) = claimed.ok_or_else(|| io::Error::other("no range of ports is free"))?;
        Ok(Self { first, next: 0, _claim })
    }
}

/// A port that nobody uses now, and that nobody else is given until some two hundred others were.
pub fn free() -> io::Result<u16> {
    static OWN: Mutex<Option<OwnPorts>> = Mutex::new(None);
    let mut own = OWN.lock().unwrap_or_else(PoisonError::into_inner);
    let own = match &mut *own {
        Some(own) => own,
        none => none.insert(OwnPorts::claim()?),
    };
    let port = || {
        own.next = own.next % (OwnPorts::COUNT - 1) + 1;
        own.first + own.next
    };
    let mut ports = std::iter::repeat_with(port).take(OwnPorts::COUNT.into());
    ports.find(|port| is_free(*port)).ok_or_else(|| io::Error::other("no port is free"))
}
