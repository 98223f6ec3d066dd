//! A leg whose far end is the test itself. It says a tone, which can change from one sample to the next,
//! in the rate and in packets of the length it is told to, and records what it hears.

use crate::{
    judge::Recording,
    loss::Loss,
    sip::{Agent, Media},
};
use std::{
    f64::consts::{PI, TAU},
    net::{SocketAddr, UdpSocket},
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

/// The level at which everybody speaks, in dB of full scale: eight at once still fit.
pub const LEVEL: f64 = -18.06;
const AMPLITUDE: f64 = 4096.0;
/// A voice that Asterisk takes for silence.
pub const FAINT_LEVEL: f64 = LEVEL - 40.0;

/// How a line speaks.
#[derive(Debug, Clone, Copy)]
pub struct Format {
    /// Samples a second, linear 16 bits (Asterisk's slin, slin16, slin48 ...).
    pub rate: u32,
    /// Milliseconds in a packet.
    pub packet_ms: u32,
    /// One packet in so many is lost on the way to Asterisk, another one changes places with the next. 0: none.
    pub one_lost_in: u64,
}

impl Format {
    /// A perfect line with packets of 20 ms.
    pub const fn at(rate: u32) -> Self {
        Self { rate, packet_ms: 20, one_lost_in: 0 }
    }

    /// The codec's name in SIP.
    fn codec(self) -> String {
        format!("L16/{}", self.rate)
    }
}

/// A tone in Hz, and how loud; 0 is silence.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Says {
    tone: f64,
    amplitude: f64,
}

#[derive(Default)]
struct Shared {
    /// What is said. Held while a packet is made and sent.
    says: Mutex<Says>,
    heard: Mutex<Vec<i16>>,
    hung_up: AtomicBool,
    /// One packet is to be sent ahead of its time.
    ahead: AtomicBool,
    /// By what another line can take its place.
    replaces: OnceLock<String>,
}

impl Shared {
    fn heard(&self) -> MutexGuard<'_, Vec<i16>> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn says(&self) -> MutexGuard<'_, Says> {
        self.says.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The far end of a leg.
pub struct Line {
    format: Format,
    uri: String,
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

impl Line {
    /// A line that takes one call, silent.
    pub fn new(format: Format) -> Self {
        Self::start(format, 1, |_| ())
    }

    /// A line that calls Asterisk to take this one's place, as the end of an attended transfer does. It says a tone at once.
    pub fn replace(&self, endpoint: &str, streams: u32, asterisk: SocketAddr, tone: f64) -> Self {
        let replaces = self.shared.replaces.get().expect("Asterisk has called this line").clone();
        let line = Self::start(self.format, streams, |agent| agent.replace(endpoint, asterisk, &replaces));
        line.say(tone);
        line
    }

    fn start(format: Format, streams: u32, begin: impl FnOnce(&Agent<'_>)) -> Self {
        let (sip, audio) = (bind(), bind());
        let uri = format!("sip:line@{}", address(&sip));
        let shared = Arc::new(Shared::default());
        let (answered, call) = mpsc::channel();
        begin(&Agent { sip: share(&sip), audio: address(&audio), codec: &format.codec(), streams });
        let threads = vec![
            std::thread::spawn({
                let (shared, audio) = (shared.clone(), address(&audio));
                move || signal(sip, audio, &shared, format, &answered)
            }),
            std::thread::spawn({
                let (shared, audio) = (shared.clone(), share(&audio));
                move || listen(&audio, &shared)
            }),
            std::thread::spawn({
                let shared = shared.clone();
                // Without a call, the line is hung up.
                move || call.recv().map_or((), |media| speak(&audio, media, &shared, format))
            }),
        ];
        Self { format, uri, shared, threads }
    }

    /// The address to call it at.
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// Says this tone from the next packet on; before it, an earlier one fades.
    pub fn say(&self, tone: f64) {
        *self.shared.says() = Says { tone, amplitude: AMPLITUDE };
    }

    /// The same, hardly audible.
    pub fn say_faintly(&self, tone: f64) {
        *self.shared.says() = Says { tone, amplitude: AMPLITUDE / 100.0 };
    }

    /// Says nothing, in packets of silence.
    pub fn hush(&self) {
        *self.shared.says() = Says::default();
    }

    /// Sends one packet ahead of its time. ConfBridge's mixer has no cushion: a packet that is late by a little leaves a gap in
    /// what everyone hears, and a gap in a tone sounds at every frequency. From now on, there is one packet in reserve.
    pub fn cushion(&self) {
        self.shared.ahead.store(true, Ordering::SeqCst);
    }

    /// How much has been heard by now, in seconds.
    pub fn clock(&self) -> f64 {
        self.shared.heard().len() as f64 / f64::from(self.format.rate)
    }

    /// What has been heard.
    pub fn heard(&self) -> Recording {
        Recording { rate: self.format.rate, samples: self.shared.heard().clone() }
    }

    /// What has been heard since a moment of its clock.
    pub fn heard_since(&self, clock: f64) -> Recording {
        self.heard().between(clock, f64::MAX)
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.shared.hung_up.store(true, Ordering::SeqCst);
        for thread in self.threads.drain(..) {
            thread.join().ok();
        }
    }
}

/// A packet's header is 12 bytes, as long as there are no contributing sources and no extension; Asterisk sends neither.
const HEADER: usize = 12;

fn bind() -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port is free");
    socket.set_read_timeout(Some(Duration::from_millis(100))).expect("a socket takes a timeout");
    socket
}

fn share(socket: &UdpSocket) -> UdpSocket {
    socket.try_clone().expect("a socket can be shared")
}

fn address(socket: &UdpSocket) -> SocketAddr {
    socket.local_addr().expect("a bound socket has an address")
}

fn signal(sip: UdpSocket, audio: SocketAddr, shared: &Shared, format: Format, answered: &mpsc::Sender<Media>) {
    let codec = format.codec();
    let agent = Agent { sip, audio, codec: &codec, streams: 1 };
    let mut packet = [0; 16384];
    while !shared.hung_up.load(Ordering::SeqCst) {
        let Ok((length, from)) = agent.sip.recv_from(&mut packet) else { continue };
        if let Some((media, replaces)) = agent.answer(from, &String::from_utf8_lossy(&packet[..length])) {
            shared.replaces.set(replaces).ok();
            answered.send(media).ok();
        }
    }
}

fn listen(audio: &UdpSocket, shared: &Shared) {
    let mut packet = [0; 16384];
    while !shared.hung_up.load(Ordering::SeqCst) {
        if let Ok(length) = audio.recv(&mut packet)
            && length > HEADER
        {
            let samples = packet[HEADER..length].chunks_exact(2).map(|pair| i16::from_be_bytes([pair[0], pair[1]]));
            shared.heard().extend(samples);
        }
    }
}

/// A tone that swells and fades: a hard edge would be heard at every other frequency.
#[derive(Default)]
struct Voice {
    says: Says,
    turn: f64,
    /// From 0, silent, to 1.
    swell: f64,
}

impl Voice {
    const SWELL_SECONDS: f64 = 0.08;

    fn next(&mut self, wanted: Says, rate: u32) -> i16 {
        let step = 1.0 / (Self::SWELL_SECONDS * f64::from(rate));
        if self.swell == 0.0 {
            self.says = wanted;
        }
        let step = if self.says == wanted { step } else { -step };
        self.swell = if self.says.tone == 0.0 { 0.0 } else { (self.swell + step).clamp(0.0, 1.0) };
        self.turn = (self.turn + self.says.tone / f64::from(rate)).fract();
        let gain = (1.0 - (PI * self.swell).cos()) / 2.0;
        (self.says.amplitude * gain * (TAU * self.turn).sin()).round() as i16
    }
}

fn speak(audio: &UdpSocket, asterisk: Media, shared: &Shared, format: Format) {
    let samples = format.rate * format.packet_ms / 1000;
    let step = Duration::from_millis(format.packet_ms.into());
    let (mut number, mut voice, mut due) = (0_u64, Voice::default(), Instant::now());
    let mut loss = Loss::of(format.one_lost_in);
    while !shared.hung_up.load(Ordering::SeqCst) {
        {
            let wanted = shared.says();
            let mut packet = header(asterisk.payload_type, number, samples);
            packet.extend((0..samples).flat_map(|_| voice.next(*wanted, format.rate).to_be_bytes()));
            for packet in loss.pass(packet) {
                audio.send_to(&packet, asterisk.address).ok();
            }
        }
        number += 1;
        if !shared.ahead.swap(false, Ordering::SeqCst) {
            due += step;
        }
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
    }
}

fn header(payload_type: u8, number: u64, samples: u32) -> Vec<u8> {
    let mut packet = vec![0x80, payload_type];
    packet.extend((number as u16).to_be_bytes());
    packet.extend((number as u32).wrapping_mul(samples).to_be_bytes());
    packet.extend(0x00c0_ac41_u32.to_be_bytes());
    packet
}
