//! A lossy way from a SIP phone to Asterisk: the phone calls the relay, which passes the call on, and its audio with it. The
//! audio that Asterisk sends does not pass through the relay and arrives whole.

use crate::loss::Loss;
use std::{
    net::{SocketAddr, UdpSocket},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

/// The way of one call. It ends with this value.
pub struct Relay {
    sip: SocketAddr,
    hung_up: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Relay {
    /// A way to an Asterisk that listens for SIP there, on which one audio packet in so many is lost.
    pub fn to(asterisk: SocketAddr, one_lost_in: u64) -> Self {
        let (audio, control) = audio_ports();
        let sip = bind(0).expect("a port is free");
        let own = address(&sip);
        let hung_up = Arc::new(AtomicBool::new(false));
        let media = Arc::new(Mutex::new(None));
        let threads = vec![
            std::thread::spawn({
                let (hung_up, media, audio) = (hung_up.clone(), media.clone(), address(&audio));
                move || {
                    let mut phone = None;
                    receive(&sip, &hung_up, |packet, from| {
                        if from != asterisk {
                            phone = Some(from);
                            sip.send_to(packet, asterisk).ok();
                        } else if let Some(phone) = phone {
                            let (message, port) = detour(&String::from_utf8_lossy(packet), audio.port(), asterisk, own);
                            let mut media = media.lock().unwrap_or_else(PoisonError::into_inner);
                            *media = port.map(|port| SocketAddr::from(([127, 0, 0, 1], port))).or(*media);
                            sip.send_to(message.as_bytes(), phone).ok();
                        }
                    });
                }
            }),
            std::thread::spawn({
                let hung_up = hung_up.clone();
                move || {
                    // What the phone says of the quality goes to this port, and no farther.
                    let _control = control;
                    let mut loss = Loss::of(one_lost_in);
                    receive(&audio, &hung_up, |packet, _| {
                        let Some(to) = *media.lock().unwrap_or_else(PoisonError::into_inner) else { return };
                        for packet in loss.pass(packet.to_vec()) {
                            audio.send_to(&packet, to).ok();
                        }
                    });
                }
            }),
        ];
        Self { sip: own, hung_up, threads }
    }

    /// The address that the phone dials for an extension.
    pub fn sip_uri(&self, extension: &str) -> String {
        format!("sip:{extension}@{}", self.sip)
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.hung_up.store(true, Ordering::SeqCst);
        for thread in self.threads.drain(..) {
            thread.join().ok();
        }
    }
}

/// What Asterisk says, with the relay in its place: further requests and the audio come here. And where it wants the audio.
/// Ports of audio have five digits, on both sides, so that the description keeps its length.
fn detour(message: &str, audio: u16, asterisk: SocketAddr, own: SocketAddr) -> (String, Option<u16>) {
    let message = message.replace(&asterisk.to_string(), &own.to_string());
    let port: Option<u16> =
        message.split_once("\r\nm=audio ").and_then(|(_, media)| media.split(' ').next()?.parse().ok());
    match port {
        Some(port) => (message.replace(&format!("\r\nm=audio {port} "), &format!("\r\nm=audio {audio} ")), Some(port)),
        None => (message, None),
    }
}

fn receive(socket: &UdpSocket, hung_up: &AtomicBool, mut each: impl FnMut(&[u8], SocketAddr)) {
    let mut packet = [0; 16384];
    while !hung_up.load(Ordering::SeqCst) {
        if let Ok((length, from)) = socket.recv_from(&mut packet) {
            each(&packet[..length], from);
        }
    }
}

fn bind(port: u16) -> std::io::Result<UdpSocket> {
    let socket = UdpSocket::bind(("127.0.0.1", port))?;
    socket.set_read_timeout(Some(Duration::from_millis(100)))?;
    Ok(socket)
}

fn address(socket: &UdpSocket) -> SocketAddr {
    socket.local_addr().expect("a bound socket has an address")
}

/// A phone takes the port after the audio's for its reports.
fn audio_ports() -> (UdpSocket, UdpSocket) {
    let pairs = (0..100).filter_map(|_| {
        let audio = bind(0).ok()?;
        let control = bind(address(&audio).port().checked_add(1)?).ok()?;
        Some((audio, control))
    });
    pairs.into_iter().next().expect("two ports beside each other are free")
}
