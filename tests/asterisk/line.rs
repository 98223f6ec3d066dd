//! A leg whose far end is the test itself. It says a tone, which can change from one sample to the next, at the rate and in packets of
//! the length that the test chooses, and records what it hears.

use crate::{
    judge::Recording,
    loss::Loss,
    sip::{Agent, Dialog, Media},
};
use std::{
    f64::consts::{PI, TAU},
    net::{SocketAddr, UdpSocket},
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
        mpsc,
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

/// How loud private speech is, in dB of full scale: eight at once still fit.
pub const LOUD: f64 = -18.06;
const AMPLITUDE: f64 = 4096.0;
/// How loud others speak: where such a voice begins, ends or has a gap, what a window has of that at every frequency is not above the
/// level below which somebody is unheard. The nearest tone has 29 dB less of one such edge. Asterisk takes it for silence.
pub const SOFT: f64 = LOUD - 40.0;

/// How a line speaks.
#[derive(Debug, Clone, Copy, Default)]
pub struct Format {
    /// Samples a second, linear 16 bits (Asterisk's slin, slin16, slin48 ...).
    pub rate: u32,
    /// The rate at which it speaks, if it hears at another one.
    pub speaks_at: Option<u32>,
    /// Milliseconds in a packet.
    pub packet_ms: u32,
    /// One packet in so many is lost on the way to Asterisk, another one changes places with the next. 0: none.
    pub one_lost_in: u64,
}

impl Format {
    /// A perfect line with packets of 20 ms.
    pub const fn at(rate: u32) -> Self {
        Self { rate, speaks_at: None, packet_ms: 20, one_lost_in: 0 }
    }

    /// The codec's name in SIP; if it speaks in another one, that one second.
    fn codecs(self) -> Vec<String> {
        [self.rate].into_iter().chain(self.speaks_at).map(|rate| format!("L16/{rate}")).collect()
    }
}

/// A tone in Hz, and how loud; 0 is silence.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Says {
    tone: f64,
    amplitude: f64,
}

impl Says {
    /// A tone at the level [`LOUD`].
    pub fn loud(tone: f64) -> Self {
        Self { tone, amplitude: AMPLITUDE }
    }
}

#[derive(Default)]
struct Heard {
    samples: Vec<i16>,
    /// When each packet came, and what there was before it.
    packets: Vec<(Instant, usize)>,
}

#[derive(Default)]
struct Shared {
    /// What is said. Held while a packet is made and sent.
    says: Mutex<Says>,
    heard: Mutex<Heard>,
    hung_up: AtomicBool,
    /// Asterisk has ended its call.
    over: AtomicBool,
    /// How many ms of speech and silence it has sent.
    sent_ms: AtomicU64,
    /// One packet is to be sent ahead of its time.
    ahead: AtomicBool,
    /// Its packets are on their way, and none arrives.
    stalled: AtomicBool,
    /// So many packets arrive at a time; 0: each at its own.
    at_once: AtomicU64,
    /// The call, if Asterisk made it.
    dialog: OnceLock<Dialog>,
    /// How it speaks and hears.
    format: Mutex<Format>,
}

impl Shared {
    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn format(&self) -> Format {
        *self.format.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn says(&self) -> MutexGuard<'_, Says> {
        self.says.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends no packet from now on.
    fn end(&self) {
        let _sent = self.says();
        self.over.store(true, Ordering::SeqCst);
    }
}

/// The far end of a leg.
pub struct Line {
    sip: UdpSocket,
    audio: SocketAddr,
    requests: AtomicU32,
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

impl Line {
    /// A line that takes one call, silent.
    pub fn new(format: Format) -> Self {
        Self::start(format, 1, |_| ())
    }

    /// A line that calls Asterisk to take this one's place, as the end of an attended transfer does.
    pub fn replace(&self, endpoint: &str, streams: u32, asterisk: SocketAddr) -> Self {
        let replaced = self.shared.dialog.get().expect("Asterisk has called this line");
        Self::start(self.shared.format(), streams, |agent| {
            agent.replace(endpoint, replaced, asterisk, self.audio.port());
        })
    }

    fn start(format: Format, streams: u32, begin: impl FnOnce(&Agent<'_>)) -> Self {
        let (sip, audio) = (bind(), bind());
        let own = address(&audio);
        let shared = Arc::new(Shared { format: Mutex::new(format), ..Shared::default() });
        let (answered, call) = mpsc::channel();
        begin(&Agent { sip: &sip, audio: own, codecs: &format.codecs(), streams });
        let threads = vec![
            std::thread::spawn({
                let (shared, sip) = (shared.clone(), share(&sip));
                move || signal(&sip, own, &shared, &answered)
            }),
            std::thread::spawn({
                let (shared, audio) = (shared.clone(), share(&audio));
                move || listen(&audio, &shared)
            }),
            std::thread::spawn({
                let shared = shared.clone();
                // Without a call, the line is hung up.
                move || call.recv().map_or((), |media| speak(&audio, media, &call, &shared))
            }),
        ];
        Self { sip, audio: own, requests: AtomicU32::new(1), shared, threads }
    }

    /// The address to call it at.
    pub fn uri(&self) -> String {
        format!("sip:line@{}", address(&self.sip))
    }

    /// Puts the other side on hold, or takes it back; it goes on speaking.
    pub fn hold(&self, on: bool) {
        self.invite_again(if on { "sendonly" } else { "sendrecv" });
    }

    /// Goes over to another rate. What it has heard so far is forgotten.
    pub fn change_rate(&self, rate: u32) {
        let format = Format { rate, ..self.shared.format() };
        *self.shared.format.lock().unwrap_or_else(PoisonError::into_inner) = format;
        self.invite_again("sendrecv");
        std::thread::sleep(Duration::from_millis(200));
        *self.shared.heard() = Heard::default();
    }

    /// Connects whom it speaks with and whom another line of the same phone does, and is out of both calls.
    pub fn transfer(&self, other: &Self) {
        let dialog = |line: &Self| line.shared.dialog.get().expect("Asterisk has called this line").clone();
        let agent = Agent { sip: &self.sip, audio: self.audio, codecs: &[], streams: 1 };
        let count = self.requests.fetch_add(1, Ordering::SeqCst);
        agent.refer(&dialog(self), count, &dialog(other), other.audio.port());
    }

    fn invite_again(&self, direction: &str) {
        let dialog = self.shared.dialog.get().expect("Asterisk has called this line");
        let codecs = self.shared.format().codecs();
        let agent = Agent { sip: &self.sip, audio: self.audio, codecs: &codecs, streams: 1 };
        agent.invite_again(dialog, self.requests.fetch_add(1, Ordering::SeqCst), direction);
    }

    /// Says this tone from the next packet on; before it, an earlier one fades.
    pub fn say(&self, tone: f64) {
        *self.shared.says() = Says::loud(tone);
    }

    /// The same, softly.
    pub fn say_softly(&self, tone: f64) {
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

    /// Has the network hold back what it says, or deliver all of that in one burst, and what comes next as usual.
    pub fn stall(&self, on: bool) {
        self.shared.stalled.store(on, Ordering::SeqCst);
    }

    /// Has its packets arrive so many at once from now on, all the time.
    pub fn arrives_at_once(&self, packets: u64) {
        self.shared.at_once.store(packets, Ordering::SeqCst);
    }

    /// How much has been heard by now, in seconds.
    pub fn clock(&self) -> f64 {
        self.shared.heard().samples.len() as f64 / f64::from(self.shared.format().rate)
    }

    /// What has been heard.
    pub fn heard(&self) -> Recording {
        Recording { rate: self.shared.format().rate, samples: self.shared.heard().samples.clone() }
    }

    /// How much it has said by now, silence too, in seconds.
    pub fn said(&self) -> f64 {
        self.shared.sent_ms.load(Ordering::SeqCst) as f64 / 1000.0
    }

    /// What its clock showed at a moment: nothing said later is in what was heard before.
    pub fn clock_at(&self, moment: Instant) -> f64 {
        let heard = self.shared.heard();
        let next = heard.packets.partition_point(|(came, _)| *came < moment);
        let before = heard.packets.get(next).map_or(heard.samples.len(), |(_, before)| *before);
        before as f64 / f64::from(self.shared.format().rate)
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
/// What such a header begins with. A port may have been somebody else's, to whom there is something in SIP.
const VERSION: u8 = 0x80;

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

fn signal(sip: &UdpSocket, audio: SocketAddr, shared: &Shared, answered: &mpsc::Sender<Media>) {
    let mut packet = [0; 16384];
    while !shared.hung_up.load(Ordering::SeqCst) {
        let Ok((length, from)) = sip.recv_from(&mut packet) else { continue };
        let codecs = shared.format().codecs();
        let agent = Agent { sip, audio, codecs: &codecs, streams: 1 };
        let message = String::from_utf8_lossy(&packet[..length]);
        if message.starts_with("BYE ") && agent.is_of_its_call(&message, shared.dialog.get()) {
            // Before the answer: after that, Asterisk may give the port to another call, and with strict RTP off that would hear this line.
            shared.end();
        }
        if let Some(call) = agent.answer(from, &message) {
            if let Some(dialog) = call.dialog {
                shared.dialog.set(dialog).ok();
            }
            answered.send(call.media).ok();
        }
    }
}

fn listen(audio: &UdpSocket, shared: &Shared) {
    let mut packet = [0; 16384];
    while !shared.hung_up.load(Ordering::SeqCst) {
        if let Ok(length) = audio.recv(&mut packet)
            && length > HEADER
            && packet[0] == VERSION
        {
            let samples = packet[HEADER..length].chunks_exact(2).map(|pair| i16::from_be_bytes([pair[0], pair[1]]));
            let mut heard = shared.heard();
            let before = heard.samples.len();
            heard.packets.push((Instant::now(), before));
            heard.samples.extend(samples);
        }
    }
}

/// A tone that swells and fades: a hard edge would be heard at every other frequency.
#[derive(Default)]
pub struct Voice {
    says: Says,
    turn: f64,
    /// From 0, silent, to 1.
    swell: f64,
}

impl Voice {
    const SWELL_SECONDS: f64 = 0.08;

    /// The next sample.
    pub fn next(&mut self, wanted: Says, rate: u32) -> i16 {
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

fn speak(audio: &UdpSocket, mut asterisk: Media, changes: &mpsc::Receiver<Media>, shared: &Shared) {
    let mut format = shared.format();
    let (mut number, mut voice, mut due, mut time) = (0_u64, Voice::default(), Instant::now(), 0_u32);
    let mut loss = Loss::of(format.one_lost_in);
    let mut on_their_way = Vec::new();
    while !shared.hung_up.load(Ordering::SeqCst) {
        if let Ok(media) = changes.try_recv() {
            (asterisk, format) = (media, shared.format());
        }
        let rate = format.speaks_at.unwrap_or(format.rate);
        let samples = rate * format.packet_ms / 1000;
        {
            let wanted = shared.says();
            if shared.over.load(Ordering::SeqCst) {
                return;
            }
            let mut packet = header(asterisk.payload_type, number, time);
            packet.extend((0..samples).flat_map(|_| voice.next(*wanted, rate).to_be_bytes()));
            on_their_way.extend(loss.pass(packet));
            let together = shared.at_once.load(Ordering::SeqCst).max(1);
            if !shared.stalled.load(Ordering::SeqCst) && (number + 1).is_multiple_of(together) {
                for packet in on_their_way.drain(..) {
                    audio.send_to(&packet, asterisk.address).ok();
                }
            }
        }
        shared.sent_ms.fetch_add(format.packet_ms.into(), Ordering::SeqCst);
        number += 1;
        time = time.wrapping_add(samples);
        if !shared.ahead.swap(false, Ordering::SeqCst) {
            due += Duration::from_millis(format.packet_ms.into());
        }
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
    }
}

fn header(payload_type: u8, number: u64, time: u32) -> Vec<u8> {
    let mut packet = vec![VERSION, payload_type];
    packet.extend((number as u16).to_be_bytes());
    packet.extend(time.to_be_bytes());
    packet.extend(0x00c0_ac41_u32.to_be_bytes());
    packet
}
